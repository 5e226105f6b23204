//! A rate whose limit no test reaches.

use crate::ir::Test;
use crate::lint::subject::Subject;
use crate::lint::{Category, Check, Findings, Level, Lint};

pub const LINT: Lint = Lint {
    id: "missing-limit-test",
    category: Category::Tests,
    level: Level::Warn,
    what: "Looks for rates without a test that stays at the limit and then passes it.",
    why: "A sequence with `no_match` up to the limit and `match` after it is the only thing that tells 10 from \
          100 requests, and a key that tells clients apart from one that does not.",
    example: r#"
when: req.method == "POST" and req.path == "/login"
rate: {key: [client.ip], limit: 3/10s}
tests:
  - name: a page
    sequence:
      - {repeat: 9, request: GET /login, expect: no_match}
  - name: another form
    sequence:
      - {repeat: 9, request: POST /logins, expect: no_match}
"#,
    instead: r#"
when: req.method == "POST" and req.path == "/login"
rate: {key: [client.ip], limit: 3/10s}
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
    let passes = |test: &Test| {
        let under = test.steps.iter().position(|step| !step.expect_match);
        under.is_some_and(|under| test.steps[under..].iter().any(|step| step.expect_match))
    };
    let one_is_over = rate.windows.iter().any(|window| window.limit <= rate.cost);
    if !subject.rule.tests.is_empty() && !one_is_over && !subject.rule.tests.iter().any(passes) {
        findings.push(
            findings
                .at(rate.span, "no test stays at this limit and then passes it", "not tested")
                .help("add a `sequence`: `repeat` up to the limit with `no_match`, then one more with `match`"),
        );
    }
}
