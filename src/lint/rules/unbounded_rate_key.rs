//! A rate per URL.

use crate::catalog::Field;
use crate::ir::display_value;
use crate::lint::subject::Subject;
use crate::lint::{Category, Check, Findings, Level, Lint};

pub const LINT: Lint = Lint {
    id: "unbounded-rate-key",
    category: Category::Rate,
    level: Level::Warn,
    what: "Looks for rates whose key has the URL, the path or the query.",
    why: "There are as many counters as there are URLs: a client that adds a random parameter is never over \
          the limit, and fills the memory of the limiter on the way.",
    example: r#"
when: req.method == "POST" and req.path == "/login"
rate:
  key: [client.ip, req.url]
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
    for part in rate.key.iter().filter(|part| part.field().field.reads_url()) {
        if matches!(part.field().field, Field::Args | Field::ArgsRaw | Field::ArgNames) {
            continue;
        }
        let name = display_value(part);
        findings.push(
            findings
                .at(
                    rate.span,
                    format!("`{name}` in a key makes a counter for each value"),
                    "as many as the client likes",
                )
                .help("say in `when` which paths count, and leave the URL out of the key"),
        );
    }
}
