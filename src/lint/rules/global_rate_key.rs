//! `key: []`.

use crate::lint::subject::Subject;
use crate::lint::{Category, Check, Findings, Level, Lint};

pub const LINT: Lint = Lint {
    id: "global-rate-key",
    category: Category::Rate,
    level: Level::Warn,
    what: "Looks for rates with one counter for all clients.",
    why: "One attacker uses the limit up for everybody: the rate becomes the denial of service that it should \
          prevent.",
    example: r#"
when: req.method == "POST" and req.path == "/login"
rate:
  key: []
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
  key: [client.ip]
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
    if rate.key.is_empty() {
        findings.push(
            findings
                .at(rate.span, "one counter for all clients", "one of them can use it up")
                .help("count per `client.ip`; where the origin as a whole is to be protected, that is its own limit"),
        );
    }
}
