//! `allow` for whoever sends the right header.

use crate::catalog::Field;
use crate::ir::{Action, AllowScope};
use crate::lint::subject::{Place, Subject};
use crate::lint::{Category, Check, Findings, Level, Lint};

pub const LINT: Lint = Lint {
    id: "unscoped-allow",
    category: Category::Action,
    level: Level::Warn,
    what: "Looks for a plain `allow` whose condition reads only what the client chooses.",
    why: "A plain `allow` switches every other signature and every rate off. When its condition is a path, a header or a \
          User-Agent, an attacker satisfies it too. Add the client's address, or skip single signatures with \
          `allow(id: …)` or `allow(tag: …)`.",
    example: r#"
when: req.headers["user-agent"] starts_with i"UptimeProbe/"
then: allow
tests:
  - {name: the probe, request: {headers: {user-agent: UptimeProbe/2.1}}, expect: match}
  - {name: another probe, request: {headers: {user-agent: Probe/5.0}}, expect: no_match}
"#,
    instead: r#"
when: req.headers["user-agent"] starts_with i"UptimeProbe/" and client.ip in @office
then: allow
tests:
  - {name: the probe, request: {headers: {user-agent: UptimeProbe/2.1}, client_ip: 203.0.113.5}, expect: match}
  - {name: from elsewhere, request: {headers: {user-agent: UptimeProbe/2.1}}, expect: no_match}
  - {name: a browser, request: {headers: {user-agent: Mozilla/5.0}, client_ip: 203.0.113.5}, expect: no_match}
"#,
    check: Check::Signature(check),
};

fn check(subject: &Subject<'_>, findings: &mut Findings) {
    let plain = |action: &Action| matches!(action, Action::Allow(AllowScope::Everything));
    if !subject.rule.actions.iter().any(plain) {
        return;
    }
    let trusted = |field: Field| !field.row().spoofable;
    if !subject.leaves.iter().any(|leaf| leaf.place == Place::When && trusted(leaf.field())) {
        let span = subject.signature.then.first().map_or(subject.rule.span, |action| action.span);
        findings.push(
            findings
                .at(span, "everybody who knows this condition skips every signature", "skips everything")
                .secondary(subject.signature.when.span, "the client chooses all of this")
                .help("ask for `client.ip` too, or allow less: `allow(id: \"…\")`, `allow(tag: \"…\")`"),
        );
    }
}
