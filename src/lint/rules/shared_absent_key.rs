//! A rate per TLS fingerprint, for clients that have none.

use crate::lint::subject::Subject;
use crate::lint::{Category, Check, Findings, Level, Lint};

pub const LINT: Lint = Lint {
    id: "shared-absent-key",
    category: Category::Rate,
    level: Level::Warn,
    what: "Looks for rates whose key is made only of values that can be absent.",
    why: "All clients for which nothing is known share one counter, and refuse each other.",
    example: r#"
when: req.method == "POST" and req.path == "/login"
rate:
  key: [tls.ja3]
  limit: 3/10s
then: throttle
tests:
  - name: the fourth
    sequence:
      - {repeat: 3, request: POST /log%69n, expect: no_match}
      - {request: POST /login, expect: match}
  - name: a page
    sequence:
      - {repeat: 9, request: GET /login, expect: no_match}
  - name: another form
    sequence:
      - {repeat: 9, request: POST /logins, expect: no_match}
"#,
    instead: r#"
when: req.method == "POST" and req.path == "/login"
rate:
  key: [client.ip, tls.ja3]
  limit: 3/10s
then: throttle
tests:
  - name: the fourth
    sequence:
      - {repeat: 3, request: POST /log%69n, expect: no_match}
      - {request: POST /login, expect: match}
  - name: a page
    sequence:
      - {repeat: 9, request: GET /login, expect: no_match}
  - name: another form
    sequence:
      - {repeat: 9, request: POST /logins, expect: no_match}
"#,
    check: Check::Signature(check),
};

fn check(subject: &Subject<'_>, findings: &mut Findings) {
    let Some(rate) = &subject.rule.rate else { return };
    let unsure = |part: &crate::ir::Value| {
        let row = part.field().field.row();
        row.absentable && !row.spoofable
    };
    if !rate.key.is_empty() && rate.key.iter().all(unsure) {
        findings.push(
            findings
                .at(rate.span, "clients without this value share one counter", "can be absent")
                .help("add `client.ip` to the key, or `exists …` to `when`"),
        );
    }
}
