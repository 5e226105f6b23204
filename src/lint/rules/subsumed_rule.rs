//! A signature inside of another one.

use crate::ir::{Action, Mode, Rule};
use crate::lint::cover::{self, Cover};
use crate::lint::logic;
use crate::lint::{Category, Check, Findings, Level, Lint, Set};
use std::collections::HashMap;

pub const LINT: Lint = Lint {
    id: "subsumed-rule",
    category: Category::Set,
    level: Level::Warn,
    what: "Looks for signatures that do nothing which another one does not do for the same requests and more.",
    why: "The narrow signature only costs time. Often it is what is left of a first version, or the wide one \
          is wider than its author knows.",
    example: r#"
id: narrow
severity: critical
when: req.path starts_with "/internal/metrics"
tests:
  - {name: the numbers, request: GET /intern%61l/metrics, expect: match}
  - {name: elsewhere, request: GET /internal/status, expect: no_match}
---
id: wide
mode: enforce
when: req.path starts_with "/internal/"
tests:
  - {name: a page, request: GET /intern%61l/x, expect: match}
  - {name: another page, request: GET /internals, expect: no_match}
"#,
    instead: r#"
id: narrow
severity: critical
then: tag("metrics")
when: req.path starts_with "/internal/metrics"
tests:
  - {name: the numbers, request: GET /intern%61l/metrics, expect: match}
  - {name: elsewhere, request: GET /internal/status, expect: no_match}
---
id: wide
then: [log, score(5)]
when: req.path starts_with "/internal/"
tests:
  - {name: a page, request: GET /intern%61l/x, expect: match}
  - {name: another page, request: GET /internals, expect: no_match}
"#,
    check: Check::Set(check),
};

fn check(set: &Set<'_>, findings: &mut Findings) {
    let index: HashMap<&str, usize> =
        set.subjects.iter().map(|subject| (subject.rule.id.as_str(), subject.index)).collect();
    let refuses = |rule: &Rule| rule.actions.iter().all(|action| matches!(action, Action::Block(_) | Action::Log));
    let strength = |rule: &Rule| match rule.mode {
        Mode::Draft | Mode::Retired => 0,
        Mode::Monitor => 1,
        Mode::Canary(_) => 2,
        Mode::Enforce => 3,
    };
    let covers = |rule: &Rule, by: &Rule| {
        let weaker = refuses(rule) && refuses(by) && (by.terminal().is_some() || rule.terminal().is_none());
        // What comes later and is never reached is another lint's.
        let reached = by.mode != Mode::Enforce || index.get(rule.id.as_str()) < index.get(by.id.as_str());
        weaker
            && reached
            && strength(rule) > 0
            && strength(rule) <= strength(by)
            && (by.targets.is_none() || by.targets == rule.targets)
    };
    for Cover { covered, by, witness } in cover::covers(set, &covers) {
        let (one, other) = (set.subjects[covered].rule, set.subjects[by].rule);
        // Two that mean the same are a duplicate.
        if logic::implies(set.ruleset, &other.when, &one.when) {
            continue;
        }
        findings.push(
            findings
                .at(one.span, format!("`{}` does nothing that `{}` does not do", one.id, other.id), "the narrow one")
                .secondary(other.span, "matches all of it and more")
                .note(format!("the request of the test `{witness}` matches both"))
                .help("remove it, or make the other one narrower"),
        );
    }
}
