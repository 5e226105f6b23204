//! Regular expressions as trees, for the lints that look into them. A pattern that this reader does not know (look-around
//! and the like) is left alone.

use crate::regex::Regex;
use crate::syntax::ast::RegexLiteral;
use regex_syntax::ast::{self, Ast};
use std::sync::Arc;

/// The tree of a pattern.
pub fn parse(literal: &RegexLiteral) -> Option<Ast> {
    ast::parse::ParserBuilder::new().nest_limit(64).build().parse(&literal.pattern).ok()
}

/// It matches in every text, whatever is in it: it can match nothing, anywhere.
pub fn matches_everything(literal: &RegexLiteral) -> bool {
    let Some(tree) = parse(literal) else { return false };
    let translated = regex_syntax::hir::translate::TranslatorBuilder::new()
        .utf8(false)
        .unicode(false)
        .build()
        .translate(&literal.pattern, &tree);
    let Ok(tree) = translated else { return false };
    let properties = tree.properties();
    properties.minimum_len() == Some(0)
        && properties.look_set().is_empty()
        && compiled(literal).is_some_and(|regex| regex.accepts_empty())
}

/// The pattern, ready to run.
pub fn compiled(literal: &RegexLiteral) -> Option<Arc<Regex>> {
    Regex::new(&literal.pattern, literal.ignore_case).ok()
}

/// A pattern that is nothing but a text, perhaps held at an end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plain {
    pub text: String,
    pub at_start: bool,
    pub at_end: bool,
}

/// The text that a pattern is, if it is nothing else.
pub fn plain(literal: &RegexLiteral) -> Option<Plain> {
    let tree = parse(literal)?;
    let parts = if let Ast::Concat(concat) = &tree { concat.asts.as_slice() } else { std::slice::from_ref(&tree) };
    let mut found = Plain { text: String::new(), at_start: false, at_end: false };
    for (index, part) in parts.iter().enumerate() {
        if let Ast::Literal(literal) = part
            && literal.c.is_ascii_graphic()
            && !found.at_end
        {
            found.text.push(literal.c);
            continue;
        }
        let Ast::Assertion(assertion) = part else { return None };
        if is_start(assertion) && index == 0 {
            found.at_start = true;
        } else if is_end(assertion) && index + 1 == parts.len() {
            found.at_end = true;
        } else {
            return None;
        }
    }
    (!found.text.is_empty()).then_some(found)
}

pub fn is_start(assertion: &ast::Assertion) -> bool {
    matches!(assertion.kind, ast::AssertionKind::StartLine | ast::AssertionKind::StartText)
}

pub fn is_end(assertion: &ast::Assertion) -> bool {
    matches!(assertion.kind, ast::AssertionKind::EndLine | ast::AssertionKind::EndText)
}

/// Whether every way to match starts (or ends) at an end of the text.
pub fn is_anchored(tree: &Ast, end: bool) -> bool {
    match tree {
        Ast::Assertion(assertion) => {
            if end {
                is_end(assertion)
            } else {
                is_start(assertion)
            }
        }
        Ast::Concat(concat) => {
            let edge = if end { concat.asts.last() } else { concat.asts.first() };
            edge.is_some_and(|part| is_anchored(part, end))
        }
        Ast::Alternation(alternation) => alternation.asts.iter().all(|part| is_anchored(part, end)),
        Ast::Group(group) => is_anchored(&group.ast, end),
        Ast::Empty(_)
        | Ast::Flags(_)
        | Ast::Literal(_)
        | Ast::Dot(_)
        | Ast::ClassUnicode(_)
        | Ast::ClassPerl(_)
        | Ast::ClassBracketed(_)
        | Ast::Repetition(_) => false,
    }
}

/// Calls `visit` with every part of a tree.
pub fn each<'t>(tree: &'t Ast, visit: &mut dyn FnMut(&'t Ast)) {
    visit(tree);
    match tree {
        Ast::Concat(concat) => concat.asts.iter().for_each(|part| each(part, visit)),
        Ast::Alternation(alternation) => alternation.asts.iter().for_each(|part| each(part, visit)),
        Ast::Group(group) => each(&group.ast, visit),
        Ast::Repetition(repetition) => each(&repetition.ast, visit),
        Ast::Empty(_)
        | Ast::Flags(_)
        | Ast::Literal(_)
        | Ast::Dot(_)
        | Ast::Assertion(_)
        | Ast::ClassUnicode(_)
        | Ast::ClassPerl(_)
        | Ast::ClassBracketed(_) => {}
    }
}
