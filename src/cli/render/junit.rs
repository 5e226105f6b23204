//! A check's result → JUnit XML as test reports of GitLab, Jenkins and others read it, `check --format junit`.
//!
//! A suite is a file. Each test of its signature is a case, and so is each kind of finding in it: a case fails when the
//! finding fails the run, otherwise the finding is its output. A clean file has one case that passes, so that it shows.

use super::report::{Report, prose};
use super::window::Pieces;
use super::{plain_of, safe};
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::ir::{Mode, Rule};
use crate::source::SourceId;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// One `<testsuite>`.
#[derive(Default)]
struct Suite {
    properties: Vec<(&'static str, String)>,
    cases: Vec<Case>,
}

/// One `<testcase>`.
struct Case {
    name: String,
    line: usize,
    outcome: Outcome,
    /// Findings that do not fail the run.
    output: String,
}

enum Outcome {
    Passed,
    Skipped(&'static str),
    Failed { kind: &'static str, message: String, text: String },
}

/// The document.
pub fn render(report: &Report<'_>) -> String {
    let mut suites: BTreeMap<SourceId, Suite> =
        report.signatures.iter().map(|source| (*source, Suite::default())).collect();
    // Findings by file; those of tests that failed stand in the test's case.
    let mut found: BTreeMap<SourceId, Vec<&Diagnostic>> = BTreeMap::new();
    for diagnostic in &report.diagnostics.list {
        found.entry(diagnostic.primary.span.source).or_default().push(diagnostic);
        suites.entry(diagnostic.primary.span.source).or_default();
    }
    let mut pieces = Pieces::new(report.sources);
    for rule in &report.rules {
        let Some(suite) = suites.get_mut(&rule.span.source) else { continue };
        suite.properties = properties(rule);
        let of_file = found.entry(rule.span.source).or_default();
        suite.cases.extend(test_cases(report, &mut pieces, rule, of_file));
    }
    for (source, suite) in &mut suites {
        let of_file = found.remove(source).unwrap_or_default();
        let mut by_code: BTreeMap<&'static str, Vec<&Diagnostic>> = BTreeMap::new();
        for diagnostic in of_file {
            by_code.entry(diagnostic.code.id()).or_default().push(diagnostic);
        }
        let cases = by_code.into_iter().map(|(code, list)| case_of_findings(report, &mut pieces, code, &list));
        suite.cases.extend(cases);
        if suite.cases.is_empty() {
            suite.cases.push(Case {
                name: "check".to_owned(),
                line: 1,
                outcome: Outcome::Passed,
                output: String::new(),
            });
        }
    }
    document(report, &suites)
}

fn properties(rule: &Rule) -> Vec<(&'static str, String)> {
    vec![
        ("id", rule.id.clone()),
        ("version", rule.version.to_string()),
        ("severity", rule.risk.name().to_owned()),
        ("mode", rule.mode.to_string()),
    ]
}

/// One case per test; takes what was found about them out of `found`.
fn test_cases<'d>(
    report: &Report<'_>,
    pieces: &mut Pieces<'_>,
    rule: &Rule,
    found: &mut Vec<&'d Diagnostic>,
) -> Vec<Case> {
    // By place: what a test is about stands in it.
    let mut failing: BTreeMap<(u32, usize), &'d Diagnostic> = BTreeMap::new();
    let mut others = Vec::new();
    for (index, diagnostic) in std::mem::take(found).into_iter().enumerate() {
        if diagnostic.code == Code::FailingTest {
            failing.insert((diagnostic.primary.span.start, index), diagnostic);
        } else {
            others.push(diagnostic);
        }
    }
    let mut cases = Vec::with_capacity(rule.tests.len());
    for test in &rule.tests {
        let first = failing.range((test.span.start, 0)..=(test.span.end, usize::MAX)).next();
        let first = first.filter(|(_, diagnostic)| diagnostic.primary.span.end <= test.span.end).map(|(key, _)| *key);
        let failed = first.and_then(|key| failing.remove(&key));
        let outcome = match failed {
            Some(diagnostic) => failure(pieces, Code::FailingTest.id(), &[diagnostic]),
            None if !report.tested => Outcome::Skipped("the project file has errors"),
            None if rule.mode == Mode::Retired => Outcome::Skipped("the signature is retired"),
            None => Outcome::Passed,
        };
        let line = report.range(test.span).start.line;
        cases.push(Case { name: format!("test: {}", test.name), line, outcome, output: String::new() });
    }
    found.extend(failing.into_values().chain(others));
    cases
}

/// One case for the findings of one kind in one file.
fn case_of_findings(report: &Report<'_>, pieces: &mut Pieces<'_>, code: &'static str, list: &[&Diagnostic]) -> Case {
    let line = list.first().map_or(1, |diagnostic| report.range(diagnostic.primary.span).start.line);
    let (failing, others): (Vec<&Diagnostic>, Vec<&Diagnostic>) =
        list.iter().partition(|diagnostic| report.fails(diagnostic));
    let outcome = if failing.is_empty() { Outcome::Passed } else { failure(pieces, code, &failing) };
    let output = if others.is_empty() { String::new() } else { rendered(pieces, &others) };
    Case { name: code.to_owned(), line, outcome, output }
}

fn failure(pieces: &mut Pieces<'_>, kind: &'static str, list: &[&Diagnostic]) -> Outcome {
    let message = list.first().map_or(String::new(), |diagnostic| {
        let more = if list.len() > 1 { format!(" (and {} more)", list.len() - 1) } else { String::new() };
        prose(diagnostic).first().cloned().unwrap_or_default() + &more
    });
    Outcome::Failed { kind, message, text: rendered(pieces, list) }
}

/// As people read it.
fn rendered(pieces: &mut Pieces<'_>, list: &[&Diagnostic]) -> String {
    plain_of(pieces, &Diagnostics { list: list.iter().map(|diagnostic| (*diagnostic).clone()).collect() })
}

fn document(report: &Report<'_>, suites: &BTreeMap<SourceId, Suite>) -> String {
    let count = |suite: &Suite, wanted: fn(&Outcome) -> bool| -> usize {
        suite.cases.iter().filter(|case| wanted(&case.outcome)).count()
    };
    let is_failed = |outcome: &Outcome| matches!(outcome, Outcome::Failed { .. });
    let is_skipped = |outcome: &Outcome| matches!(outcome, Outcome::Skipped(_));
    let total = |wanted| suites.values().map(|suite| count(suite, wanted)).sum::<usize>();
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ = writeln!(
        text,
        "<testsuites name=\"edgesig check\" tests=\"{}\" failures=\"{}\" errors=\"0\" time=\"0\">",
        total(|_| true),
        total(is_failed)
    );
    let mut by_path: Vec<(&str, &Suite)> = suites.iter().map(|(source, suite)| (report.path(*source), suite)).collect();
    by_path.sort_by_key(|(path, _)| *path);
    for (path, suite) in by_path {
        let path = attribute(path);
        let _ = writeln!(
            text,
            "  <testsuite name=\"{path}\" tests=\"{}\" failures=\"{}\" errors=\"0\" skipped=\"{}\" time=\"0\">",
            suite.cases.len(),
            count(suite, is_failed),
            count(suite, is_skipped)
        );
        if !suite.properties.is_empty() {
            text.push_str("    <properties>\n");
            for (name, value) in &suite.properties {
                let _ = writeln!(text, "      <property name=\"{name}\" value=\"{}\"/>", attribute(value));
            }
            text.push_str("    </properties>\n");
        }
        suite.cases.iter().for_each(|case| write_case(&mut text, &path, case));
        text.push_str("  </testsuite>\n");
    }
    text.push_str("</testsuites>\n");
    text
}

fn write_case(text: &mut String, path: &str, case: &Case) {
    let name = attribute(&case.name);
    let _ = write!(
        text,
        "    <testcase name=\"{name}\" classname=\"{path}\" file=\"{path}\" line=\"{}\" time=\"0\"",
        case.line
    );
    if matches!(case.outcome, Outcome::Passed) && case.output.is_empty() {
        text.push_str("/>\n");
        return;
    }
    text.push_str(">\n");
    match &case.outcome {
        Outcome::Passed => {}
        Outcome::Skipped(why) => {
            let _ = writeln!(text, "      <skipped message=\"{}\"/>", attribute(why));
        }
        Outcome::Failed { kind, message, text: body } => {
            let _ = writeln!(
                text,
                "      <failure type=\"{}\" message=\"{}\">{}</failure>",
                attribute(kind),
                attribute(message),
                content(body)
            );
        }
    }
    if !case.output.is_empty() {
        let _ = writeln!(text, "      <system-out>{}</system-out>", content(&case.output));
    }
    text.push_str("    </testcase>\n");
}

/// The value of an attribute: a line feed in it would be read as a blank.
fn attribute(text: &str) -> String {
    content(text).replace('"', "&quot;").replace('\n', "&#10;").replace('\t', "&#9;")
}

/// Text between tags. XML 1.0 has no way to write most control characters nor U+FFFE and U+FFFF, so they are shown as
/// `\u{…}`.
fn content(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => clean.push_str("&amp;"),
            '<' => clean.push_str("&lt;"),
            // `]]>` must not stand in text.
            '>' => clean.push_str("&gt;"),
            '\n' | '\t' => clean.push(c),
            '\u{fffe}' | '\u{ffff}' => clean.extend(c.escape_unicode()),
            c if safe::is_hazardous(c) => clean.extend(c.escape_unicode()),
            c => clean.push(c),
        }
    }
    clean
}
