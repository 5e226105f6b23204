//! A signature that comes after one which takes all of its requests.

use crate::ir::{Mode, Rule};
use crate::lint::cover::{self, Cover};
use crate::lint::{Category, Check, Findings, Level, Lint, Set};
use std::collections::HashMap;

pub const LINT: Lint = Lint {
    id: "shadowed-rule",
    category: Category::Set,
    level: Level::Warn,
    what: "Looks for signatures that are never reached: an earlier one that acts on every request matches \
          whatever they match.",
    why: "The evaluation ends with the first block, redirect or plain `allow`. What comes after it and matches \
          only the same requests is never recorded and never acts. The earlier one may be too wide.",
    example: r#"
id: wide
severity: critical
mode: enforce
when: req.path starts_with "/internal/"
tests:
  - {name: a page, request: GET /intern%61l/x, expect: match}
  - {name: another page, request: GET /internals, expect: no_match}
---
id: narrow
then: [tag("metrics"), block]
when: req.path starts_with "/internal/metrics"
tests:
  - {name: the numbers, request: GET /intern%61l/metrics, expect: match}
  - {name: elsewhere, request: GET /internal/status, expect: no_match}
"#,
    instead: r#"
id: wide
severity: critical
mode: enforce
when: req.path starts_with "/internal/"
except: req.path starts_with "/internal/metrics"
tests:
  - {name: a page, request: GET /intern%61l/x, expect: match}
  - {name: another page, request: GET /internals, expect: no_match}
  - {name: the numbers, request: GET /internal/metrics, expect: no_match}
---
id: narrow
then: [tag("metrics"), block]
when: req.path starts_with "/internal/metrics"
tests:
  - {name: the numbers, request: GET /intern%61l/metrics, expect: match}
  - {name: elsewhere, request: GET /internal/status, expect: no_match}
"#,
    check: Check::Set(check),
};

fn check(set: &Set<'_>, findings: &mut Findings) {
    let index: HashMap<&str, usize> =
        set.subjects.iter().map(|subject| (subject.rule.id.as_str(), subject.index)).collect();
    let skipped = cover::skipped(set);
    let comes_first = |rule: &Rule, by: &Rule| index.get(by.id.as_str()) < index.get(rule.id.as_str());
    let takes = |rule: &Rule, by: &Rule| {
        rule.mode.is_emitted()
            && by.mode == Mode::Enforce
            && by.terminal().is_some()
            && !(by.is_allow() && by.expires.is_some_and(|expires| expires < set.today))
            && by.targets.is_none()
            && !skipped.contains(by.id.as_str())
            && comes_first(rule, by)
    };
    for Cover { covered, by, witness } in cover::covers(set, &takes) {
        let (rule, by) = (set.subjects[covered].rule, set.subjects[by].rule);
        findings.push(
            findings
                .at(rule.span, format!("`{}` is never reached: `{}` takes all of its requests", rule.id, by.id), "")
                .secondary(by.span, "comes first and ends the evaluation")
                .note(format!("the request of the test `{witness}` matches both"))
                .help("remove it, or give the other one an `except`"),
        );
    }
}
