//! An `except` that holds wherever `when` does.

use crate::eval;
use crate::ir::Predicate;
use crate::lint::logic;
use crate::lint::subject::Subject;
use crate::lint::{Category, Check, Findings, Level, Lint};

pub const LINT: Lint = Lint {
    id: "self-cancelling-exception",
    category: Category::Logic,
    level: Level::Deny,
    what: "Looks for exceptions that cover everything the signature matches.",
    why: "Such a signature never matches. Usually the exception was copied from another signature, or repeats \
          a part of `when`.",
    example: r#"
when: req.path == "/xmlrpc.php" and req.method == "POST"
except: req.path ends_with ".php"
tests:
  - {name: no test can match, request: POST /xmlrp%63.php, expect: no_match}
"#,
    instead: r#"
when: req.path == "/xmlrpc.php" and req.method == "POST"
except: client.ip in @office
tests:
  - {name: a call, request: POST /xmlrp%63.php, expect: match}
  - {name: the page, request: GET /xmlrpc.php, expect: no_match}
  - {name: another page, request: POST /rpc.php, expect: no_match}
  - {name: from the office, request: {method: POST, url: /xmlrpc.php, client_ip: 203.0.113.1}, expect: no_match}
"#,
    check: Check::Signature(check),
};

fn check(subject: &Subject<'_>, findings: &mut Findings) {
    let (Some(except), Some(written)) = (&subject.rule.except, &subject.signature.except) else { return };
    let mut requests = subject.rule.tests.iter().flat_map(|test| &test.steps).map(|step| &step.request);
    if subject.rule.when != Predicate::TRUE
        && !logic::never(subject.ruleset, &subject.rule.when)
        && logic::implies(subject.ruleset, &subject.rule.when, except)
        && !requests.any(|request| eval::matches(subject.ruleset, subject.index, request))
    {
        findings.push(
            findings
                .at(written.span, "this exception covers the whole signature", "holds wherever `when` does")
                .secondary(subject.signature.when.span, "never holds without it")
                .help("make the exception narrower"),
        );
    }
}
