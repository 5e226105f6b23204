//! The text of a condition → [`Expression`] with places in the file. `nodes` calls it for `when`, `except`, `let`
//! values and everything else that is an expression.
//!
//! A linear scan bounds length and nesting before pest runs, pest reads the grammar in `grammar/condition.pest`,
//! `lower` builds the tree (`foreign` what only other languages have), `explain` turns pest's errors into sentences.

mod explain;
mod foreign;
mod literals;
mod lower;
mod modsecurity;
mod operators;
mod scan;

use pest::Parser;

use super::ast::{Expression, ExpressionKind};
use super::report::Report;
use super::scalar_map::Place;
use crate::diagnostic::{Code, Diagnostic};

/// The generated parser of `grammar/condition.pest`.
#[derive(pest_derive::Parser)]
#[grammar = "../grammar/condition.pest"]
pub(super) struct Grammar;

/// Bytes of one condition.
pub(super) const MAX_LENGTH: usize = 64 * 1024;
/// Open brackets at one place, and negations in a row.
pub(super) const MAX_DEPTH: usize = 64;

pub(super) use literals::duration;
pub use literals::networks;
pub(super) use lower::string_token;
pub(super) use scan::comments;

/// Reads a condition. What is wrong goes to `report`; the expression is [`ExpressionKind::Error`] where nothing
/// could be made of the text.
pub(super) fn parse(text: &str, place: &Place, report: &mut Report<'_>) -> Expression {
    let span = place.span(0..text.trim_end().len());
    let failed = Expression { kind: ExpressionKind::Error, span };
    if let Some(directive) = modsecurity::directive(text) {
        report.push(explain::directive(directive, text, place));
        return failed;
    }
    if let Err(diagnostic) = scan::check(text, place) {
        report.push(*diagnostic);
        return failed;
    }
    match Grammar::parse(Rule::condition, text) {
        Ok(mut pairs) => match pairs.next().and_then(|condition| condition.into_inner().next()) {
            Some(expression) => lower::expression(expression, place, report),
            None => failed,
        },
        Err(error) => {
            explain_parts(text, &error, place, report);
            failed
        }
    }
}

/// Reports a failed condition: each part between top-level `and` and `or` that fails, so that one run shows all.
fn explain_parts(text: &str, error: &pest::error::Error<Rule>, place: &Place, report: &mut Report<'_>) {
    let before = report.count();
    let parts = scan::top_level_parts(text);
    let complete = parts.iter().all(|part| !scan::is_blank(&text[part.clone()]));
    if parts.len() > 1 && complete {
        for part in parts {
            if report.is_full() {
                return;
            }
            match Grammar::parse(Rule::condition, &text[part.clone()]) {
                // Only for what lowering finds in it.
                Ok(_) => {}
                Err(error) => report.push(explain::explain(text, part.start, &error, place)),
            }
        }
    }
    if report.count() == before {
        report.push(explain::explain(text, 0, error, place));
    }
}

/// An error in a condition.
fn problem(code: Code, place: &Place, range: std::ops::Range<usize>, message: String, label: &str) -> Diagnostic {
    Diagnostic::new(code, place.span(range), message, label)
}
