//! `in ["a", "a"]`.

use crate::lint::subject::Subject;
use crate::lint::{Category, Check, Findings, Level, Lint};
use crate::source::Span;
use crate::syntax::ast::ExpressionKind;
use std::collections::HashMap;

pub const LINT: Lint = Lint {
    id: "duplicate-element",
    category: Category::Logic,
    level: Level::Warn,
    what: "Looks for an element that a list in a condition has twice.",
    why: "The second one does nothing. Often it was copied and should have been changed.",
    example: r#"
when: req.method in ["TRACE", "TRACK", "TRACE"]
tests:
  - {name: a trace, request: TRACE /, expect: match}
  - {name: a page, request: GET /TRACE, expect: no_match}
"#,
    instead: r#"
when: req.method in ["TRACE", "TRACK"]
tests:
  - {name: a trace, request: TRACE /, expect: match}
  - {name: a page, request: GET /TRACE, expect: no_match}
"#,
    check: Check::Signature(check),
};

fn check(subject: &Subject<'_>, findings: &mut Findings) {
    subject.each_expression(&mut |expression| {
        let ExpressionKind::List(elements) = &expression.kind else { return };
        let mut seen: HashMap<&str, Span> = HashMap::new();
        for (index, element) in elements.iter().enumerate() {
            let text = subject.slice(element.span);
            if let Some(first) = seen.get(text) {
                // With the comma before it: it is not the first.
                let span = Span { start: elements[index - 1].span.end, ..element.span };
                findings.push(
                    findings
                        .at(element.span, format!("`{text}` is in this list twice"), "again")
                        .secondary(*first, "here first")
                        .fix("leave it out", span, ""),
                );
            } else {
                seen.insert(text, element.span);
            }
        }
    });
}
