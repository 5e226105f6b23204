//! `not (a != b)`.

use crate::catalog::Operator;
use crate::lint::subject::{Subject, ungrouped};
use crate::lint::{Category, Check, Findings, Level, Lint};
use crate::syntax::ast::ExpressionKind;

pub const LINT: Lint = Lint {
    id: "double-negation",
    category: Category::Logic,
    level: Level::Warn,
    what: "Looks for a `not` that takes back another one: `not not x`, `not (a != b)`.",
    why: "Two negations cancel out, and a reviewer has to notice it. `not (a != b)` is exactly `a == b`, absent values \
          included.",
    example: r#"
when: not (req.method != "TRACE")
tests:
  - {name: a trace, request: TRACE /, expect: match}
  - {name: a page, request: GET /TRACE, expect: no_match}
"#,
    instead: r#"
when: req.method == "TRACE"
tests:
  - {name: a trace, request: TRACE /, expect: match}
  - {name: a page, request: GET /TRACE, expect: no_match}
"#,
    check: Check::Signature(check),
};

fn check(subject: &Subject<'_>, findings: &mut Findings) {
    subject.each_expression(&mut |expression| {
        let ExpressionKind::Not(inner) = &expression.kind else { return };
        let inner = ungrouped(inner);
        let mended = if let ExpressionKind::Not(innermost) = &inner.kind {
            subject.slice(innermost.span).to_owned()
        } else if let ExpressionKind::Compare { operator, left, right } = &inner.kind
            && operator.value == Operator::NotEqual
            && !subject.is_quantified(left)
        {
            format!("{} == {}", subject.slice(left.span), subject.slice(right.span))
        } else {
            return;
        };
        findings.push(
            findings
                .at(expression.span, "this `not` takes back another one", "twice not")
                .secondary(inner.span, "negated already")
                .fix("leave both out", expression.span, mended),
        );
    });
}
