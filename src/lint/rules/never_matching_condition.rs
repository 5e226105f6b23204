//! A `when` that contradicts itself.

use crate::eval;
use crate::lint::logic;
use crate::lint::subject::Subject;
use crate::lint::{Category, Check, Findings, Level, Lint};

pub const LINT: Lint = Lint {
    id: "never-matching-condition",
    category: Category::Logic,
    level: Level::Deny,
    what: "Looks for conditions that no request can satisfy: two different methods at once, a number in two ranges that \
           do not meet, an address in two networks apart.",
    why: "A signature that can't match protects nothing, and looks in every report as if it did. Usually an `and` should \
          be an `or`, or one part was copied and not changed.",
    example: r#"
when: req.method == "POST" and req.path == "/upload" and req.method == "PUT"
tests:
  - {name: no test can match, request: PUT /uplo%61d, expect: no_match}
"#,
    instead: r#"
when: req.method in ["POST", "PUT"] and req.path == "/upload"
tests:
  - {name: an upload, request: PUT /uplo%61d, expect: match}
  - {name: another one, request: POST /upload, expect: match}
  - {name: the form, request: GET /upload, expect: no_match}
  - {name: another path, request: PUT /uploads, expect: no_match}
"#,
    check: Check::Signature(check),
};

fn check(subject: &Subject<'_>, findings: &mut Findings) {
    let requests = subject.rule.tests.iter().flat_map(|test| &test.steps).map(|step| &step.request);
    let whens = std::iter::once((&subject.rule.when, subject.signature.when.span, "`when`"));
    let excepts = subject.rule.except.iter().zip(&subject.signature.except);
    for (predicate, span, name) in
        whens.chain(excepts.map(|(predicate, written)| (predicate, written.span, "`except`")))
    {
        if logic::never(subject.ruleset, predicate)
            // What a test shows is stronger than any proof.
            && !requests.clone().any(|request| eval::predicate_holds(subject.ruleset, predicate, request))
        {
            let message = format!("no request can satisfy this {name}");
            findings.push(
                findings
                    .at(span, message, "contradicts itself")
                    .help("look for an `and` that should be an `or`, and for a part that was copied"),
            );
        }
    }
}
