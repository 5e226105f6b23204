//! The same request twice.

use crate::ir::Test;
use crate::lint::subject::Subject;
use crate::lint::{Category, Check, Findings, Level, Lint};
use crate::source::Span;
use crate::syntax::ast;

pub const LINT: Lint = Lint {
    id: "duplicate-test",
    category: Category::Tests,
    level: Level::Warn,
    what: "Looks for two tests of a signature with the same request.",
    why: "With the same expectation the second one tests nothing; it was copied and should have been changed.",
    example: r#"
when: req.method == "TRACE"
tests:
  - {name: a trace, request: TRACE /, expect: match}
  - {name: a page, request: GET /TRACE, expect: no_match}
  - {name: another page, request: GET /TRACE, expect: no_match}
"#,
    instead: r#"
when: req.method == "TRACE"
tests:
  - {name: a trace, request: TRACE /, expect: match}
  - {name: a page, request: GET /TRACE, expect: no_match}
  - {name: another page, request: GET /?TRACE, expect: no_match}
"#,
    check: Check::Signature(check),
};

fn check(subject: &Subject<'_>, findings: &mut Findings) {
    // As written and as read: two spellings of one request may be what the tests are about.
    let written = |test: &ast::Test| match &test.body {
        ast::TestBody::Single(step) => Some(subject.slice(step.request.span()).trim()),
        ast::TestBody::Sequence(_) => None,
    };
    let single = |test: &'_ Test| matches!(test.steps.as_slice(), [_]);
    let both = subject.rule.tests.iter().zip(&subject.signature.tests);
    let tests: Vec<(&Test, &str)> = both
        .filter(|(test, _)| single(test))
        .filter_map(|(test, tree)| Some((test, written(tree)?)))
        .take(MAX_TESTS)
        .collect();
    for (index, (test, text)) in tests.iter().enumerate() {
        let same =
            |(earlier, before): &&(&Test, &str)| before == text && earlier.steps[0].request == test.steps[0].request;
        if let Some((earlier, _)) = tests[..index].iter().find(same) {
            let place = |span: Span| Span { end: span.start, ..span };
            findings.push(
                findings
                    .at(
                        place(test.span),
                        format!("`{}` has the same request as `{}`", test.name, earlier.name),
                        "again",
                    )
                    .secondary(place(earlier.span), "the first one"),
            );
        }
    }
}

/// Tests of a signature that are compared.
const MAX_TESTS: usize = 100;
