//! An `except` that no test reaches.

use crate::eval;
use crate::lint::logic;
use crate::lint::subject::Subject;
use crate::lint::{Category, Check, Findings, Level, Lint};

pub const LINT: Lint = Lint {
    id: "untested-exception",
    category: Category::Tests,
    level: Level::Warn,
    what: "Looks for exceptions that hold for no test of the signature.",
    why: "An exception is there because somebody was blocked once. Without a test the next change blocks them \
          again, or lets everybody through.",
    example: r#"
when: req.path == "/admin"
except: client.ip in @office
tests:
  - {name: the page, request: GET /adm%69n, expect: match}
  - {name: another one, request: GET /admins, expect: no_match}
"#,
    instead: r#"
when: req.path == "/admin"
except: client.ip in @office
tests:
  - {name: the page, request: GET /adm%69n, expect: match}
  - {name: another one, request: GET /admins, expect: no_match}
  - {name: from the office, request: {url: /admin, client_ip: 203.0.113.1}, expect: no_match}
"#,
    check: Check::Signature(check),
};

fn check(subject: &Subject<'_>, findings: &mut Findings) {
    let (Some(except), Some(written)) = (&subject.rule.except, &subject.signature.except) else { return };
    let mut steps = subject.rule.tests.iter().flat_map(|test| &test.steps);
    let reached = |request| eval::predicate_holds(subject.ruleset, except, request);
    if !subject.rule.tests.is_empty()
        && !steps.any(|step| reached(&step.request))
        // An exception that no request can reach is another lint's.
        && !logic::refute(subject.ruleset, &[(&subject.rule.when, true), (except, true)])
    {
        findings.push(
            findings
                .at(written.span, "no test reaches this exception", "holds for none of them")
                .help("add a request that it is there for, with `expect: no_match`"),
        );
    }
}
