//! An `allow` that lets a critical attack through.

use crate::eval::Evaluator;
use crate::ir::{Mode, Risk, Rule};
use crate::lint::{Category, Check, Findings, Level, Lint, Set};
use rayon::prelude::*;
use std::collections::HashSet;
use std::sync::Arc;

pub const LINT: Lint = Lint {
    id: "allow-disables-rule",
    category: Category::Set,
    level: Level::Deny,
    what: "Looks for an enforced plain `allow` that matches a request which an enforced critical signature is \
          tested to refuse.",
    why: "The `allow` comes first and skips everything: the attack of the test passes. The evaluator has run \
          it.",
    example: r#"
id: health
mode: enforce
then: allow
when: req.path starts_with "/health" and client.ip != 198.51.100.1
tests:
  - {name: a probe, request: GET /he%61lth, expect: match}
  - {name: from there, request: {url: /health, client_ip: 198.51.100.1}, expect: no_match}
  - {name: another page, request: GET /heal, expect: no_match}
---
id: lookup
severity: critical
mode: enforce
when: req.url contains i"${jndi:"
tests:
  - {name: a lookup, request: "GET /health?q=%24{jndi:ldap}", expect: match}
  - {name: a word, request: "GET /health?q=jndi", expect: no_match}
"#,
    instead: r#"
id: health
mode: enforce
then: allow
when: req.path == "/health" and client.ip in @office
tests:
  - {name: a probe, request: {url: /he%61lth, client_ip: 203.0.113.1}, expect: match}
  - {name: from elsewhere, request: GET /health, expect: no_match}
  - {name: another page, request: {url: /heal, client_ip: 203.0.113.1}, expect: no_match}
---
id: lookup
severity: critical
mode: enforce
when: req.url contains i"${jndi:"
tests:
  - {name: a lookup, request: "GET /health?q=%24{jndi:ldap}", expect: match}
  - {name: a word, request: "GET /health?q=jndi", expect: no_match}
"#,
    check: Check::Set(check),
};

fn check(set: &Set<'_>, findings: &mut Findings) {
    let in_force = |rule: &Rule| rule.expires.is_none_or(|expires| expires >= set.today);
    let is_open = |rule: &&Arc<Rule>| rule.is_plain_allow() && rule.mode == Mode::Enforce && in_force(rule);
    let allows: Vec<_> = set.ruleset.rules.iter().filter(is_open).take(MAX_ALLOWS).cloned().collect();
    if allows.is_empty() {
        return;
    }
    let gate = set.ruleset.with_rules(allows);
    let critical: Vec<&Rule> = set
        .subjects
        .iter()
        .map(|subject| subject.rule)
        .filter(|rule| {
            rule.risk == Risk::Critical && rule.mode == Mode::Enforce && !rule.is_allow() && rule.rate.is_none()
        })
        .collect();
    let open: Vec<(usize, &Rule, &str)> = critical
        .par_chunks(64)
        .flat_map_iter(|rules| {
            let mut evaluator = Evaluator::new(&gate);
            let mut open = Vec::new();
            for rule in rules {
                for test in &rule.tests {
                    for step in test.steps.iter().filter(|step| step.expect_match) {
                        if let Some(by) = evaluator.verdict(&step.request).by {
                            open.push((by, *rule, test.name.as_str()));
                        }
                    }
                }
            }
            open
        })
        .collect();
    let mut said = HashSet::new();
    for (by, rule, test) in open {
        let allow = &gate.rules[by];
        if said.insert((by, &rule.id)) {
            findings.push(
                findings
                    .at(
                        allow.span,
                        format!("`{}` lets through what `{}` is there to refuse", allow.id, rule.id),
                        "skips it",
                    )
                    .secondary(rule.span, "critical and enforced")
                    .note(format!("the request of its test `{test}` matches this `allow`"))
                    .help("make the `allow` narrower, or skip single signatures with `allow(id: …)`"),
            );
        }
    }
}

/// Plain allows of a set that are looked at.
const MAX_ALLOWS: usize = 64;
