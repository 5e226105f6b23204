//! A block for a User-Agent alone.

use crate::catalog::Field;
use crate::ir;
use crate::lint::subject::Leaf;
use crate::lint::subject::Subject;
use crate::lint::{Category, Check, Findings, Level, Lint};

pub const LINT: Lint = Lint {
    id: "spoofable-only-block",
    category: Category::Logic,
    level: Level::Warn,
    what: "Looks for signatures that block for nothing but a User-Agent or a Referer.",
    why: "Both are text that the client chooses: an attacker changes it at once, and what is left are \
          customers behind odd software. Use `tag`, `score` or `log`, or ask for what the attack does.",
    example: r#"
when: req.headers["user-agent"] contains i"evilscanner"
tests:
  - {name: the scanner, request: {headers: {user-agent: evilscanner/1}}, expect: match}
  - {name: a browser, request: {headers: {user-agent: Mozilla/5.0 scanner}}, expect: no_match}
"#,
    instead: r#"
when: req.headers["user-agent"] contains i"evilscanner"
then: score(5)
tests:
  - {name: the scanner, request: {headers: {user-agent: evilscanner/1}}, expect: match}
  - {name: a browser, request: {headers: {user-agent: Mozilla/5.0 scanner}}, expect: no_match}
"#,
    check: Check::Signature(check),
};

fn check(subject: &Subject<'_>, findings: &mut Findings) {
    let is_weak = |leaf: &Leaf<'_>| {
        let keys = &leaf.comparison.value.field().keys;
        leaf.field() == Field::Headers && keys.iter().all(|key| matches!(key.as_slice(), b"user-agent" | b"referer"))
            // The payload of an attack in a header is a proof; a name is none.
            && matches!(leaf.comparison.check, ir::Check::Text { .. } | ir::Check::Exists)
    };
    if subject.blocks() && subject.when().next().is_some() && subject.when().all(is_weak) {
        findings.push(
            findings
                .at(subject.signature.when.span, "blocks for what the client calls itself", "the client chooses this")
                .help("`tag`, `score` or `log` it, or ask for what the attack does"),
        );
    }
}
