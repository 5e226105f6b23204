//! `allow(id: "x")` for a draft.

use crate::ir::{Action, AllowScope, Mode};
use crate::lint::{Category, Check, Findings, Level, Lint, Set};
use std::collections::HashMap;

pub const LINT: Lint = Lint {
    id: "idle-allow",
    category: Category::Set,
    level: Level::Warn,
    what: "Looks for a scoped `allow` whose signatures are all drafts or retired.",
    why: "It skips nothing, and nobody looks at it when one of them is taken into use again.",
    example: r#"
id: lets-the-office
then: 'allow(id: "old-lookup")'
when: client.ip in @office
tests:
  - {name: the office, request: {url: /, client_ip: 203.0.113.1}, expect: match}
  - {name: elsewhere, request: GET /, expect: no_match}
---
id: old-lookup
mode: draft
when: req.url contains i"${jndi:"
tests:
  - {name: a lookup, request: "GET /?q=%24{jndi:ldap}", expect: match}
  - {name: a word, request: "GET /?q=jndi", expect: no_match}
"#,
    instead: r#"
id: lets-the-office
then: 'allow(id: "old-lookup")'
when: client.ip in @office
tests:
  - {name: the office, request: {url: /, client_ip: 203.0.113.1}, expect: match}
  - {name: elsewhere, request: GET /, expect: no_match}
---
id: old-lookup
when: req.url contains i"${jndi:"
tests:
  - {name: a lookup, request: "GET /?q=%24{jndi:ldap}", expect: match}
  - {name: a word, request: "GET /?q=jndi", expect: no_match}
"#,
    check: Check::Set(check),
};

fn check(set: &Set<'_>, findings: &mut Findings) {
    let modes: HashMap<&str, Mode> = set.ruleset.rules.iter().map(|rule| (rule.id.as_str(), rule.mode)).collect();
    for subject in set.subjects {
        for action in &subject.rule.actions {
            let Action::Allow(AllowScope::Rules(ids)) = action else { continue };
            let known: Vec<Mode> = ids.iter().filter_map(|id| modes.get(id.as_str()).copied()).collect();
            // In a part of the set, rules can be missing.
            if !known.is_empty() && known.len() == ids.len() && !known.iter().any(|mode| mode.is_emitted()) {
                findings.push(
                    findings
                        .at(
                            subject.rule.span,
                            format!("`{}` skips only drafts and retired signatures", subject.rule.id),
                            "skips nothing",
                        )
                        .help("remove it, or name the signatures that are in use"),
                );
            }
        }
    }
}
