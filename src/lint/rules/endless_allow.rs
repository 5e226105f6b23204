//! A plain `allow` without `expires`.

use crate::lint::subject::Subject;
use crate::lint::{Category, Check, Findings, Level, Lint};

pub const LINT: Lint = Lint {
    id: "endless-allow",
    category: Category::Action,
    level: Level::Warn,
    what: "Looks for a plain `allow` that has no end.",
    why: "Exceptions outlive their reason. An `allow` with a date is looked at again; past the date it is no \
          longer built.",
    example: r#"
without: expires
when: req.path == "/healthz" and client.ip in @office
then: allow
tests:
  - {name: a probe, request: {url: /he%61lthz, client_ip: 203.0.113.5}, expect: match}
  - {name: another page, request: {url: /health, client_ip: 203.0.113.5}, expect: no_match}
  - {name: from elsewhere, request: GET /healthz, expect: no_match}
"#,
    instead: r#"
when: req.path == "/healthz" and client.ip in @office
then: allow
tests:
  - {name: a probe, request: {url: /he%61lthz, client_ip: 203.0.113.5}, expect: match}
  - {name: another page, request: {url: /health, client_ip: 203.0.113.5}, expect: no_match}
  - {name: from elsewhere, request: GET /healthz, expect: no_match}
"#,
    check: Check::Signature(check),
};

fn check(subject: &Subject<'_>, findings: &mut Findings) {
    if subject.rule.is_plain_allow() && subject.rule.expires.is_none() {
        findings.push(
            findings
                .at(subject.rule.span, format!("`{}` allows for ever", subject.rule.id), "no `expires`")
                .help("add `expires:` with a day on which somebody looks at it again"),
        );
    }
}
