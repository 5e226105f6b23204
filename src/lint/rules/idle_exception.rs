//! An `except` that never meets `when`.

use crate::eval;
use crate::lint::logic;
use crate::lint::subject::Subject;
use crate::lint::{Category, Check, Findings, Level, Lint};

pub const LINT: Lint = Lint {
    id: "idle-exception",
    category: Category::Logic,
    level: Level::Warn,
    what: "Looks for exceptions that can't hold where `when` does.",
    why: "Such an exception excepts nothing: whoever wrote it believes that those requests pass, and they \
          don't.",
    example: r#"
when: req.method == "TRACE"
except: req.method == "OPTIONS" and client.ip in @office
tests:
  - {name: a trace, request: TRACE /, expect: match}
  - {name: from the office too, request: {method: TRACE, url: /, client_ip: 203.0.113.1}, expect: match}
  - {name: a page, request: GET /TRACE, expect: no_match}
"#,
    instead: r#"
when: req.method == "TRACE"
except: client.ip in @office
tests:
  - {name: a trace, request: TRACE /, expect: match}
  - {name: from the office, request: {method: TRACE, url: /, client_ip: 203.0.113.1}, expect: no_match}
  - {name: a page, request: GET /TRACE, expect: no_match}
"#,
    check: Check::Signature(check),
};

fn check(subject: &Subject<'_>, findings: &mut Findings) {
    let (Some(except), Some(written)) = (&subject.rule.except, &subject.signature.except) else { return };
    let when = &subject.rule.when;
    let mut requests = subject.rule.tests.iter().flat_map(|test| &test.steps).map(|step| &step.request);
    let both = |request| {
        eval::predicate_holds(subject.ruleset, when, request) && eval::predicate_holds(subject.ruleset, except, request)
    };
    if !logic::never(subject.ruleset, when)
        && !logic::never(subject.ruleset, except)
        && logic::refute(subject.ruleset, &[(when, true), (except, true)])
        && !requests.any(both)
    {
        findings.push(
            findings
                .at(written.span, "this exception excepts nothing", "never holds where `when` does")
                .secondary(subject.signature.when.span, "holds only elsewhere"),
        );
    }
}
