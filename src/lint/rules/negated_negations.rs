//! `not (a != b and not c)`.

use crate::catalog::Operator;
use crate::lint::subject::{Subject, ungrouped};
use crate::lint::{Category, Check, Findings, Level, Lint};
use crate::syntax::ast::{Expression, ExpressionKind};

pub const LINT: Lint = Lint {
    id: "negated-negations",
    category: Category::Logic,
    level: Level::Warn,
    what: "Looks for a `not` before parentheses in which every part is negated.",
    why: "`not (not a and not b)` is `a or b` (De Morgan): who reviews it has to turn every word around. Written \
          without the negations it says the same, absent values included.",
    example: r#"
when: |
  not (req.method != "TRACE" and not req.path starts_with "/trace/")
tests:
  - {name: a trace, request: TRACE /, expect: match}
  - {name: encoded, request: GET /%74race/, expect: match}
  - {name: a page, request: GET /TRACE, expect: no_match}
"#,
    instead: r#"
when: |
  req.method == "TRACE" or req.path starts_with "/trace/"
tests:
  - {name: a trace, request: TRACE /, expect: match}
  - {name: encoded, request: GET /%74race/, expect: match}
  - {name: a page, request: GET /TRACE, expect: no_match}
"#,
    check: Check::Signature(check),
};

fn check(subject: &Subject<'_>, findings: &mut Findings) {
    subject.each_expression(&mut |expression| {
        let ExpressionKind::Not(inner) = &expression.kind else { return };
        let inner = ungrouped(inner);
        let (parts, operator) = if let ExpressionKind::And(parts) = &inner.kind {
            (parts, " or ")
        } else if let ExpressionKind::Or(parts) = &inner.kind {
            (parts, " and ")
        } else {
            return;
        };
        let Some(mended) = parts.iter().map(|part| contrary(subject, part)).collect::<Option<Vec<_>>>() else { return };
        findings.push(
            findings
                .at(expression.span, "this `not` takes back the negation of every part", "not, and not again")
                .secondary(inner.span, "all of it is negated")
                .fix("leave the negations out", expression.span, format!("({})", mended.join(operator))),
        );
    });
}

/// What a negated part says without its negation.
fn contrary(subject: &Subject<'_>, part: &Expression) -> Option<String> {
    let part = ungrouped(part);
    if let ExpressionKind::Not(inner) = &part.kind {
        return Some(subject.slice(inner.span).to_owned());
    }
    let ExpressionKind::Compare { operator, left, right } = &part.kind else { return None };
    let is_plain = operator.value == Operator::NotEqual && !subject.is_quantified(left);
    is_plain.then(|| format!("{} == {}", subject.slice(left.span), subject.slice(right.span)))
}
