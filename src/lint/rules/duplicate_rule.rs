//! Two signatures with one condition.

use crate::ir::{self, Predicate, Rule};
use crate::lint::subject::Subject;
use crate::lint::{Category, Check, Findings, Level, Lint, Set};
use rayon::prelude::*;
use std::collections::HashMap;

pub const LINT: Lint = Lint {
    id: "duplicate-rule",
    category: Category::Set,
    level: Level::Warn,
    what: "Looks for signatures whose conditions mean the same.",
    why: "They are changed apart, and one day only one of them is. The second one matches nothing that the \
          first does not, and doubles the cost.",
    example: r#"
id: first
when: req.path starts_with "/wp-admin/" and req.method == "PUT"
tests:
  - {name: a put, request: PUT /wp-adm%69n/x, expect: match}
  - {name: a page, request: GET /wp-admin/x, expect: no_match}
  - {name: elsewhere, request: PUT /wp-admins/x, expect: no_match}
---
id: second
then: log
when: req.path starts_with "/wp-admin/" and req.method == "PUT"
tests:
  - {name: a put, request: PUT /wp-adm%69n/x, expect: match}
  - {name: a page, request: GET /wp-admin/x, expect: no_match}
  - {name: elsewhere, request: PUT /wp-admins/x, expect: no_match}
"#,
    instead: r#"
id: first
then: [log, block]
when: req.path starts_with "/wp-admin/" and req.method == "PUT"
tests:
  - {name: a put, request: PUT /wp-adm%69n/x, expect: match}
  - {name: a page, request: GET /wp-admin/x, expect: no_match}
  - {name: elsewhere, request: PUT /wp-admins/x, expect: no_match}
"#,
    check: Check::Set(check),
};

fn check(set: &Set<'_>, findings: &mut Findings) {
    let meanings: Vec<(&Subject<'_>, String)> = set
        .subjects
        .par_iter()
        .filter(|subject| subject.rule.rate.is_none() && subject.rule.when != Predicate::TRUE)
        .map(|subject| (subject, meaning(set, subject.rule)))
        .collect();
    let mut seen: HashMap<String, &Subject<'_>> = HashMap::new();
    for (subject, meaning) in meanings {
        let rule = subject.rule;
        if let Some(first) = seen.get(&meaning) {
            findings.push(
                findings
                    .at(
                        rule.span,
                        format!("`{}` matches the same as `{}`", rule.id, first.rule.id),
                        "the same condition",
                    )
                    .secondary(first.rule.span, "the other one")
                    .help("make it one signature with a list of actions"),
            );
        } else {
            seen.insert(meaning, subject);
        }
    }
}

/// Equal for rules that match the same and are for the same.
fn meaning(set: &Set<'_>, rule: &Rule) -> String {
    let mut meaning = ir::display_predicate(&rule.when, &set.ruleset.lists);
    if let Some(except) = &rule.except {
        meaning.push_str("\nexcept ");
        meaning.push_str(&ir::display_predicate(except, &set.ruleset.lists));
    }
    // An `allow` and a block of the same requests are another matter.
    meaning.push(if rule.is_allow() { 'a' } else { 'b' });
    if let Some(targets) = &rule.targets {
        meaning.push_str(&targets.join(","));
    }
    meaning
}
