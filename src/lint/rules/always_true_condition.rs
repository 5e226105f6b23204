//! `a == 1 or not a == 1`.

use crate::eval;
use crate::ir::Predicate;
use crate::lint::logic;
use crate::lint::subject::Subject;
use crate::lint::{Category, Check, Findings, Level, Lint};

pub const LINT: Lint = Lint {
    id: "always-true-condition",
    category: Category::Logic,
    level: Level::Deny,
    what: "Looks for conditions that hold for every request whatever is in it.",
    why: "It says nothing, and its action is taken for everybody. `when: true` says so openly, where it is \
          meant: with a rate, `strip` or `tag`.",
    example: r#"
when: length(req.path) >= 0 or req.path contains "/../"
then: log
tests:
  - {name: everything, request: GET /%61, expect: match}
"#,
    instead: r#"
when: length(req.path) >= 1000 or req.path contains "/../"
then: log
tests:
  - {name: goes up, request: GET /a/%2e%2e/, expect: match}
  - {name: a page, request: GET /a, expect: no_match}
"#,
    check: Check::Signature(check),
};

fn check(subject: &Subject<'_>, findings: &mut Findings) {
    let conditions = std::iter::once((&subject.rule.when, subject.signature.when.span, "`when`"))
        .chain(subject.rule.except.iter().zip(&subject.signature.except).map(|(rule, at)| (rule, at.span, "`except`")));
    let mut requests = subject.rule.tests.iter().flat_map(|test| &test.steps).map(|step| &step.request);
    for (predicate, span, name) in conditions {
        if *predicate != Predicate::TRUE
            && logic::always(subject.ruleset, predicate)
            && requests.all(|request| eval::predicate_holds(subject.ruleset, predicate, request))
        {
            findings.push(findings.at(span, format!("this {name} holds for every request"), "says nothing"));
        }
    }
}
