//! `block(500)`.

use crate::lint::subject::Subject;
use crate::lint::{Category, Check, Findings, Level, Lint};
use crate::syntax::ast::Action;

pub const LINT: Lint = Lint {
    id: "server-error-block",
    category: Category::Action,
    level: Level::Warn,
    what: "Looks for refusals with a status of 500 and more.",
    why: "A 5xx says that the site is broken: monitoring wakes somebody, clients and caches try again, and \
          balancers take the server out. A refusal is a 4xx.",
    example: r#"
when: req.method == "TRACE"
then: block(503)
tests:
  - {name: a trace, request: TRACE /, expect: match}
  - {name: a page, request: GET /TRACE, expect: no_match}
"#,
    instead: r#"
when: req.method == "TRACE"
then: block(405)
tests:
  - {name: a trace, request: TRACE /, expect: match}
  - {name: a page, request: GET /TRACE, expect: no_match}
"#,
    check: Check::Signature(check),
};

fn check(subject: &Subject<'_>, findings: &mut Findings) {
    for action in &subject.signature.then {
        if let Action::Block(Some(status)) = &action.value
            && status.value >= 500
        {
            findings.push(
                findings
                    .at(status.span, format!("{} says that the site is broken", status.value), "a refusal is a 4xx")
                    .help("use 403, 404, 405, 410 or 429"),
            );
        }
    }
}
