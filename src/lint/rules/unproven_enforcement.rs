//! A mode that acts without an encoded test.

use super::missing_encoded_test::unencoded;
use crate::lint::subject::Subject;
use crate::lint::{Category, Check, Findings, Level, Lint};

pub const LINT: Lint = Lint {
    id: "unproven-enforcement",
    category: Category::Tests,
    level: Level::Deny,
    what: "Looks for signatures on decoded values that act (`mode: enforce` or `canary`, also by a service) without a \
           matching test that has a percent-escape in its URL.",
    why: "Whoever relies on a signature relies on the encoded attack, too: it is the first thing that an attacker \
          tries. Positive and negative tests are demanded of every signature; before one acts, a test with `%2e` or \
          the like in it must match as well.",
    example: r#"
mode: enforce
when: req.path contains "/.git/"
tests:
  - {name: a repository, request: GET /.git/config, expect: match}
  - {name: a page, request: GET /git/config, expect: no_match}
"#,
    instead: r#"
mode: enforce
when: req.path contains "/.git/"
tests:
  - {name: a repository, request: GET /%2egit/config, expect: match}
  - {name: a page, request: GET /git/config, expect: no_match}
"#,
    check: Check::Signature(check),
};

/// It acts, by its own mode or by that of a service.
pub fn acts(subject: &Subject<'_>) -> bool {
    subject.rule.mode.is_emitted() && (subject.rule.mode.can_act() || subject.acts_in_service.is_some())
}

fn check(subject: &Subject<'_>, findings: &mut Findings) {
    if !acts(subject) {
        return;
    }
    if let Some(leaf) = unencoded(subject) {
        let message = format!("`{}` acts, and no test of it shows an encoded attack", subject.rule.id);
        let mut finding =
            findings.at(subject.rule.span, message, "").secondary(leaf.comparison.span, "compares a decoded value");
        if subject.rule.mode.can_act() {
            finding = finding.secondary(subject.signature.mode.span, "acts");
        } else if let Some(mode) = subject.acts_in_service {
            finding = finding.note(format!("a service gives it `mode: {mode}`"));
        }
        findings.push(finding.help("add a matching test with a letter of the URL written as `%HH`"));
    }
}
