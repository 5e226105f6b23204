//! A check's result → one JSON document, `check --format json`. docs/ci.md documents its keys; a key never changes its
//! meaning within a `version`, new ones may come.

use super::report::{Range, Report};
use crate::cli::docs;
use crate::diagnostic::{Diagnostic, Fix, Kind, Label, Severity};
use crate::source::Span;
use serde::Serialize;

/// Raised when a key goes or means something else.
const VERSION: u32 = 1;

#[derive(Serialize)]
struct Document<'r> {
    format: &'static str,
    version: u32,
    edgesig: &'static str,
    summary: Summary,
    diagnostics: Vec<Entry<'r>>,
}

#[derive(Serialize)]
struct Summary {
    signatures: usize,
    tests: usize,
    errors: usize,
    warnings: usize,
    notes: usize,
    /// The exit code is not 0.
    failed: bool,
}

#[derive(Serialize)]
struct Entry<'r> {
    path: &'r str,
    code: &'static str,
    /// `compiler` or `lint`.
    kind: &'static str,
    level: &'static str,
    message: &'r str,
    span: Range,
    label: &'r str,
    labels: Vec<Marked<'r>>,
    help: &'r [String],
    notes: &'r [String],
    fixes: Vec<Repair<'r>>,
}

#[derive(Serialize)]
struct Marked<'r> {
    path: &'r str,
    span: Range,
    text: &'r str,
}

#[derive(Serialize)]
struct Repair<'r> {
    title: &'r str,
    safe: bool,
    edits: Vec<Edit<'r>>,
}

#[derive(Serialize)]
struct Edit<'r> {
    path: &'r str,
    span: Range,
    replacement: &'r str,
}

/// The document, with a line feed at its end.
pub fn render(report: &Report<'_>) -> String {
    let document = Document {
        format: "edgesig-check",
        version: VERSION,
        edgesig: env!("CARGO_PKG_VERSION"),
        summary: Summary {
            signatures: report.signatures.len(),
            tests: if report.tested { report.rules.iter().map(|rule| rule.tests.len()).sum() } else { 0 },
            errors: report.count(Severity::Error),
            warnings: report.count(Severity::Warning),
            notes: report.count(Severity::Note),
            failed: report.diagnostics.list.iter().any(|diagnostic| report.fails(diagnostic)),
        },
        diagnostics: report.diagnostics.list.iter().map(|diagnostic| entry(report, diagnostic)).collect(),
    };
    // Plain data with text as keys can always be written.
    let mut text = serde_json::to_string_pretty(&document).unwrap_or_default();
    text.push('\n');
    text
}

fn entry<'r>(report: &Report<'r>, diagnostic: &'r Diagnostic) -> Entry<'r> {
    let Diagnostic { code, severity, message, primary, secondary, help, notes, fixes, of_set: _ } = diagnostic;
    Entry {
        path: path(report, primary.span),
        code: code.id(),
        kind: match code {
            Kind::Code(_) => "compiler",
            Kind::Lint(_) => "lint",
        },
        level: docs::severity(*severity),
        message,
        span: report.range(primary.span),
        label: &primary.text,
        labels: secondary
            .iter()
            .map(|Label { span, text }| Marked { path: path(report, *span), span: report.range(*span), text })
            .collect(),
        help,
        notes,
        fixes: fixes.iter().map(|fix| repair(report, fix)).collect(),
    }
}

fn repair<'r>(report: &Report<'r>, fix: &'r Fix) -> Repair<'r> {
    let Fix { title, edits, safe } = fix;
    let edit = |(span, replacement): &'r (Span, String)| Edit {
        path: path(report, *span),
        span: report.range(*span),
        replacement,
    };
    Repair { title, safe: *safe, edits: edits.iter().map(edit).collect() }
}

fn path<'r>(report: &Report<'r>, span: Span) -> &'r str {
    report.sources.name(span.source)
}
