//! The same request, or the same name, twice.

use crate::ir::Test;
use crate::lint::subject::Subject;
use crate::lint::{Category, Check, Findings, Level, Lint};
use crate::source::Span;
use crate::syntax::ast;
use std::collections::HashMap;

pub const LINT: Lint = Lint {
    id: "duplicate-test",
    category: Category::Tests,
    level: Level::Warn,
    what: "Looks for two tests of a signature with the same request, or with the same name.",
    why: "With the same request and expectation the second one tests nothing; it was copied and should have been changed. \
          Reports and `explain --request NAME` know a test by its name.",
    example: r#"
when: req.method == "TRACE"
tests:
  - {name: a trace, request: TRACE /, expect: match}
  - {name: a page, request: GET /TRACE, expect: no_match}
  - {name: another page, request: GET /TRACE, expect: no_match}
  - {name: a trace, request: TRACE /a, expect: match}
"#,
    instead: r#"
when: req.method == "TRACE"
tests:
  - {name: a trace, request: TRACE /, expect: match}
  - {name: a page, request: GET /TRACE, expect: no_match}
  - {name: another page, request: GET /?TRACE, expect: no_match}
  - {name: a trace of a page, request: TRACE /a, expect: match}
"#,
    check: Check::Signature(check),
};

fn place(span: Span) -> Span {
    Span { end: span.start, ..span }
}

fn check(subject: &Subject<'_>, findings: &mut Findings) {
    let mut names: HashMap<&str, Span> = HashMap::new();
    for test in subject.signature.tests.iter().take(MAX_NAMES) {
        let name = &test.name;
        if let Some(first) = names.get(name.value.as_str()) {
            findings.push(
                findings
                    .at(name.span, format!("a second test of the name `{}`", name.value), "again")
                    .secondary(*first, "the first one")
                    .help("say in the name what this request shows"),
            );
        } else {
            names.insert(&name.value, name.span);
        }
    }
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

/// Tests of a signature whose names are compared.
const MAX_NAMES: usize = 1_000;
/// Those whose requests are.
const MAX_TESTS: usize = 100;
