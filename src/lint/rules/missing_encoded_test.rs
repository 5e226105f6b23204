//! No test that is percent-encoded.

use super::unproven_enforcement;
use crate::catalog::Field;
use crate::eval;
use crate::ir::{self, TestStep};
use crate::lint::subject::{Leaf, Subject};
use crate::lint::{Category, Check, Findings, Level, Lint};

pub const LINT: Lint = Lint {
    id: "missing-encoded-test",
    category: Category::Tests,
    level: Level::Warn,
    what: "Looks for signatures on decoded values without a matching test that has a percent-escape in its URL.",
    why: "An attacker encodes a letter, and every signature that compares the wrong form is blind. One test \
          with `%2e` in it keeps that from happening with the next change.",
    example: r#"
when: req.path contains "/.git/"
tests:
  - {name: a repository, request: GET /.git/config, expect: match}
  - {name: a page, request: GET /git/config, expect: no_match}
"#,
    instead: r#"
when: req.path contains "/.git/"
tests:
  - {name: a repository, request: GET /%2egit/config, expect: match}
  - {name: a page, request: GET /git/config, expect: no_match}
"#,
    check: Check::Signature(check),
};

/// The first comparison that asks for an encoded test, where there is none. A signature without any matching test is
/// another matter.
pub fn unencoded<'s>(subject: &'s Subject<'_>) -> Option<&'s Leaf<'s>> {
    let decoded = |field: Field| field.row().raw_twin.is_some() || matches!(field, Field::PathExt | Field::ArgNames);
    let compares = |check: &ir::Check| matches!(check, ir::Check::Text { .. } | ir::Check::Matches(_));
    let leaf =
        subject.when().find(|leaf| leaf.positive && decoded(leaf.field()) && compares(&leaf.comparison.check))?;
    let escaped = |target: &[u8]| {
        target.windows(3).any(|part| part[0] == b'%' && part[1].is_ascii_hexdigit() && part[2].is_ascii_hexdigit())
    };
    let has_tests = subject.rule.tests.iter().flat_map(|test| &test.steps).any(|step| step.expect_match);
    let is_encoded =
        |step: &TestStep| escaped(&step.request.target) || step.request.raw.as_deref().is_some_and(escaped);
    // In a sequence up to a limit the requests that count say `no_match`.
    let counts = |step: &TestStep| {
        step.expect_match
            || (subject.rule.rate.is_some() && eval::matches(subject.ruleset, subject.index, &step.request))
    };
    let mut encoded = subject.rule.tests.iter().flat_map(|test| &test.steps).filter(|step| is_encoded(step));
    (has_tests && !encoded.any(counts)).then_some(leaf)
}

fn check(subject: &Subject<'_>, findings: &mut Findings) {
    // Of one that acts `unproven-enforcement` demands it.
    if unproven_enforcement::acts(subject) {
        return;
    }
    if let Some(leaf) = unencoded(subject) {
        findings.push(
            findings
                .at(subject.rule.span, format!("no matching test of `{}` is percent-encoded", subject.rule.id), "")
                .secondary(leaf.comparison.span, "compares a decoded value")
                .help("add a matching test with a letter of the URL written as `%HH`"),
        );
    }
}
