//! `limit: [10/10s, 20/10s]`.

use crate::lint::subject::Subject;
use crate::lint::{Category, Check, Findings, Level, Lint};

pub const LINT: Lint = Lint {
    id: "redundant-window",
    category: Category::Rate,
    level: Level::Warn,
    what: "Looks for windows of a rate that another window of it makes superfluous.",
    why: "Who may send 5 requests in a minute can't send 10 in ten seconds: the second window is never the one \
          that refuses. Usually one of the numbers is wrong.",
    example: r#"
when: req.method == "POST" and req.path == "/login"
rate:
  key: [client.ip]
  limit: [5/10s, 3/1m]
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
  limit: [3/10s, 10/1m]
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
    for (index, window) in rate.windows.iter().enumerate() {
        let stricter = rate.windows.iter().enumerate().find(|(other, by)| {
            *other != index
                && by.limit <= window.limit
                && by.seconds >= window.seconds
                && (*other < index || (by.limit, by.seconds) != (window.limit, window.seconds))
        });
        if let Some((_, by)) = stricter {
            let message = format!(
                "{}/{}s can never be over before {}/{}s is",
                window.limit, window.seconds, by.limit, by.seconds
            );
            findings
                .push(findings.at(rate.span, message, "one window too many").help("leave it out, or mend its numbers"));
        }
    }
}
