//! A check's result → SARIF 2.1.0, `check --format sarif`: what GitHub code scanning and editors read.
//!
//! Columns count Unicode code points (`columnKind` says so) and end behind the last character. Paths are relative to the
//! top of the repository, `%SRCROOT%`. Nothing in it depends on the machine or the time. A finding keeps its fingerprint
//! when it moves to another line: it is made of the rule, the marked lines without their indentation, and a number where
//! the same stands several times in a file.

mod log;

use super::report::{Range, Report, prose};
use crate::cli::docs;
use crate::diagnostic::{Code, Diagnostic, Fix, Kind, Label, Severity};
use crate::lint::{self, Level, Lint};
use crate::source::{SourceId, Span};
use log::{
    ArtifactChange, ArtifactLocation, Configuration, Driver, Invocation, Location, Log, Message, MultiText,
    PhysicalLocation, Properties, Region, Replacement, Resolution, Rule, Run, SarifResult, Tool,
};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};

/// Stands for the top of the repository; who reads the log knows where that is.
const BASE: &str = "%SRCROOT%";

/// The log, with a line feed at its end.
pub fn render(report: &Report<'_>) -> String {
    let ids: BTreeSet<&'static str> = report.diagnostics.list.iter().map(|diagnostic| diagnostic.code.id()).collect();
    let kinds: BTreeMap<&'static str, Kind> =
        report.diagnostics.list.iter().map(|diagnostic| (diagnostic.code.id(), diagnostic.code)).collect();
    let mut prints = Fingerprints::default();
    let results = report
        .diagnostics
        .list
        .iter()
        .map(|diagnostic| {
            let index = ids.iter().position(|id| *id == diagnostic.code.id()).unwrap_or_default();
            result(report, diagnostic, index, prints.of(report, diagnostic))
        })
        .collect();
    let failed = report.diagnostics.list.iter().any(|diagnostic| report.fails(diagnostic));
    let log = Log {
        schema: "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        version: "2.1.0",
        runs: [Run {
            tool: Tool {
                driver: Driver {
                    name: "edgesig",
                    full_name: "edgesig, a compiler for edge-security signatures",
                    semantic_version: env!("CARGO_PKG_VERSION"),
                    information_uri: env!("CARGO_PKG_REPOSITORY"),
                    rules: kinds.into_values().map(rule).collect(),
                },
            },
            invocations: [Invocation { execution_successful: true }],
            original_uri_base_ids: BTreeMap::from([(
                BASE,
                ArtifactLocation {
                    description: Some(Message { text: "The top of the repository.".to_owned() }),
                    uri: None,
                    uri_base_id: None,
                },
            )]),
            column_kind: "unicodeCodePoints",
            automation_details: log::Automation { id: "edgesig/" },
            properties: log::RunProperties { failed },
            results,
        }],
    };
    // Plain data with text as keys can always be written.
    let mut text = serde_json::to_string_pretty(&log).unwrap_or_default();
    text.push('\n');
    text
}

fn rule(kind: Kind) -> Rule {
    match kind {
        Kind::Code(code) => rule_of_code(code),
        Kind::Lint(id) => lint::find(id).map_or_else(|| unreachable_rule(id), rule_of_lint),
    }
}

fn rule_of_code(code: Code) -> Rule {
    let help = format!("{}.\n\n{}\n", docs::capitalised(code.summary()), code.explanation());
    Rule {
        id: code.id(),
        name: pascal(code.id()),
        short_description: Message { text: format!("{}.", docs::capitalised(code.summary())) },
        full_description: Message { text: code.explanation().to_owned() },
        help: MultiText { text: help.clone(), markdown: help },
        default_configuration: Configuration { enabled: true, level: level(code.severity()) },
        properties: Properties { tags: vec!["compiler"], precision: "very-high" },
    }
}

fn rule_of_lint(lint: &Lint) -> Rule {
    let help = docs::lint_text(lint);
    let severity = match lint.level {
        Level::Allow => None,
        Level::Warn => Some(Severity::Warning),
        Level::Deny => Some(Severity::Error),
    };
    Rule {
        id: lint.id,
        name: pascal(lint.id),
        short_description: Message { text: lint.what.to_owned() },
        full_description: Message { text: format!("{} {}", lint.what, lint.why) },
        help: MultiText { text: help.clone(), markdown: help },
        default_configuration: Configuration {
            enabled: severity.is_some(),
            level: level(severity.unwrap_or(Severity::Warning)),
        },
        properties: Properties { tags: vec!["lint", lint.category.name()], precision: "high" },
    }
}

/// Every finding of a lint carries the id of a row; without the row there is still the id.
fn unreachable_rule(id: &'static str) -> Rule {
    Rule {
        id,
        name: pascal(id),
        short_description: Message { text: format!("{id}.") },
        full_description: Message { text: format!("{id}.") },
        help: MultiText { text: format!("{id}."), markdown: format!("{id}.") },
        default_configuration: Configuration { enabled: true, level: "warning" },
        properties: Properties { tags: vec!["lint"], precision: "high" },
    }
}

/// `unescaped-dot` → `UnescapedDot`. A name that is the id but for its case would say nothing.
fn pascal(id: &str) -> Option<String> {
    id.contains('-').then(|| id.split('-').map(docs::capitalised).collect())
}

fn level(severity: Severity) -> &'static str {
    docs::severity(severity)
}

fn result(report: &Report<'_>, diagnostic: &Diagnostic, rule_index: usize, fingerprint: String) -> SarifResult {
    let related = diagnostic.secondary.iter().map(|Label { span, text }| Location {
        message: Some(Message { text: if text.is_empty() { "see here".to_owned() } else { text.clone() } }),
        physical_location: place(report, *span),
    });
    SarifResult {
        rule_id: diagnostic.code.id(),
        rule_index,
        level: level(diagnostic.severity),
        // `[text](target)` would be a link, and a regular expression can look like one.
        message: Message { text: prose(diagnostic).join("\n").replace("](", "\\](") },
        locations: [Location { message: None, physical_location: place(report, diagnostic.primary.span) }],
        related_locations: related.collect(),
        fixes: diagnostic.fixes.iter().map(|fix| resolution(report, fix)).collect(),
        partial_fingerprints: BTreeMap::from([("primaryLocationLineHash", fingerprint)]),
    }
}

fn place(report: &Report<'_>, span: Span) -> PhysicalLocation {
    PhysicalLocation { artifact_location: artifact(report, span), region: region(report, span) }
}

fn artifact(report: &Report<'_>, span: Span) -> ArtifactLocation {
    let uri = uri(&report.repository_path(span.source));
    ArtifactLocation { description: None, uri: Some(uri), uri_base_id: Some(BASE) }
}

fn region(report: &Report<'_>, span: Span) -> Region {
    let Range { start, end } = report.range(span);
    // A byte-order mark is no character of the file's text.
    let has_mark = report.sources.text(span.source).starts_with('\u{feff}');
    let column = |line: usize, column: usize| if has_mark && line == 1 { (column - 1).max(1) } else { column };
    Region {
        start_line: start.line,
        start_column: column(start.line, start.column),
        end_line: end.line,
        end_column: column(end.line, end.column),
    }
}

fn resolution(report: &Report<'_>, fix: &Fix) -> Resolution {
    let mut changes: Vec<ArtifactChange> = Vec::new();
    for (span, text) in &fix.edits {
        let artifact = artifact(report, *span);
        let replacement = Replacement {
            deleted_region: region(report, *span),
            inserted_content: Some(Message { text: text.clone() }).filter(|content| !content.text.is_empty()),
        };
        match changes.iter_mut().find(|change| change.artifact_location.uri == artifact.uri) {
            Some(change) => change.replacements.push(replacement),
            None => changes.push(ArtifactChange { artifact_location: artifact, replacements: vec![replacement] }),
        }
    }
    let caution = if fix.safe { "" } else { " (changes the meaning: look at it)" };
    Resolution { description: Message { text: format!("{}{caution}", fix.title) }, artifact_changes: changes }
}

/// A path as a relative URI reference.
fn uri(path: &str) -> String {
    let mut uri = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/!$&'()*+,;=@".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            // A colon too: in the first segment it would end a scheme.
            uri.push_str(&format!("%{byte:02X}"));
        }
    }
    uri
}

/// Marked lines with more bytes than this are told apart by what stands around the mark: hashing a line of megabytes once
/// for each of its thousand findings takes too long.
const HASHED_LIMIT: usize = 2048;
/// Bytes before a mark there.
const HASHED_BEFORE: usize = 256;

/// Counts what looks alike in one file.
#[derive(Default)]
struct Fingerprints {
    seen: BTreeMap<(u32, String), usize>,
}

impl Fingerprints {
    /// `HASH:NUMBER`, the form in which code scanning keeps them.
    fn of(&mut self, report: &Report<'_>, diagnostic: &Diagnostic) -> String {
        let span = diagnostic.primary.span;
        let range = report.range(span);
        let mut hash = Sha256::new();
        hash.update(diagnostic.code.id());
        for line in marked(report, span.source, range) {
            hash.update(b"\n");
            hash.update(line.trim_ascii());
        }
        let hash: String = hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        let count = self.seen.entry((span.source.0, hash.clone())).or_default();
        *count += 1;
        format!("{hash}:{count}")
    }
}

/// The marked lines, or where they are long a part of them.
fn marked<'r>(report: &'r Report<'_>, source: SourceId, range: Range) -> impl Iterator<Item = &'r [u8]> {
    let text = report.sources.text(source);
    let lines = report.sources.lines(source);
    let first = lines[range.start.line - 1] as usize;
    let last = lines.get(range.end.line).map_or(text.len(), |next| *next as usize);
    let (first, last) = if last - first <= HASHED_LIMIT {
        (first, last)
    } else {
        let first = range.start.byte.saturating_sub(HASHED_BEFORE).max(first);
        (first, last.min(first + HASHED_LIMIT))
    };
    let part = &text.as_bytes()[first..last];
    part.strip_suffix(b"\n").unwrap_or(part).split(|byte| *byte == b'\n')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uris_are_relative_and_ascii() {
        assert_eq!(uri("signatures/a b/é:1%.yaml"), "signatures/a%20b/%C3%A9%3A1%25.yaml");
        assert_eq!(uri("C:/x#y?z\\q"), "C%3A/x%23y%3Fz%5Cq");
    }

    #[test]
    fn names_are_identifiers() {
        assert_eq!(pascal("unescaped-dot").as_deref(), Some("UnescapedDot"));
        assert_eq!(pascal("expired"), None);
    }
}
