//! `not req.args["x"] == "1"`: no element, or not every element?

use crate::lint::subject::Subject;
use crate::lint::{Category, Check, Findings, Level, Lint};
use crate::syntax::ast::ExpressionKind;

pub const LINT: Lint = Lint {
    id: "bare-list-negation",
    category: Category::Logic,
    level: Level::Warn,
    what: "Looks for `not` before a comparison of a list that says neither `any` nor `all`.",
    why: "A parameter, a cookie or several headers can have many values. `not req.args[\"x\"] == \"1\"` reads like \
          \"x is another value\", and means that no value is 1. Written out with `any` nobody has to know.",
    example: r#"
when: req.path == "/export" and not req.args["format"] == "csv"
tests:
  - {name: as XML, request: GET /exp%6frt?format=xml, expect: match}
  - {name: as CSV, request: GET /export?format=csv, expect: no_match}
"#,
    instead: r#"
when: req.path == "/export" and not any(req.args["format"] == "csv")
tests:
  - {name: as XML, request: GET /exp%6frt?format=xml, expect: match}
  - {name: as CSV, request: GET /export?format=csv, expect: no_match}
"#,
    check: Check::Signature(check),
};

fn check(subject: &Subject<'_>, findings: &mut Findings) {
    subject.each_expression(&mut |expression| {
        let ExpressionKind::Not(inner) = &expression.kind else { return };
        let inner = if let ExpressionKind::Group(grouped) = &inner.kind { grouped } else { inner };
        let ExpressionKind::Compare { left, .. } = &inner.kind else { return };
        if subject.is_quantified(left) {
            return;
        }
        let leaf = subject.leaves.iter().find(|leaf| leaf.comparison.span == inner.span);
        if leaf.is_some_and(|leaf| leaf.comparison.quantifier.is_some() && !leaf.comparison.negated) {
            let written = subject.slice(inner.span);
            findings.push(
                findings
                    .at(expression.span, "`not` before a list means that no element is so", "a list of values")
                    .secondary(left.span, "can have several values")
                    .fix("say `any`", inner.span, format!("any({written})")),
            );
        }
    });
}
