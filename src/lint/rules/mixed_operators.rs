//! `a or b and c` without parentheses.

use crate::lint::subject::Subject;
use crate::lint::{Category, Check, Findings, Level, Lint};
use crate::syntax::ast::ExpressionKind;

pub const LINT: Lint = Lint {
    id: "mixed-operators",
    category: Category::Logic,
    level: Level::Warn,
    what: "Looks for `and` and `or` side by side without parentheses.",
    why: "`and` binds stronger than `or`: `a or b and c` is `a or (b and c)`. Readers who come from a language where it \
          is not so, or who read too fast, see another signature than the compiler does.",
    example: r#"
when: |
  req.path.ext == "php" or req.path.ext == "phtml" and req.method == "PUT"
tests:
  - {name: a script, request: GET /a.%70hp, expect: match}
  - {name: a script is put, request: PUT /a.phtml, expect: match}
  - {name: a script is asked for, request: GET /a.phtml, expect: no_match}
"#,
    instead: r#"
when: |
  (req.path.ext == "php" or req.path.ext == "phtml") and req.method == "PUT"
tests:
  - {name: a script is put, request: PUT /a.%70hp, expect: match}
  - {name: another one, request: PUT /a.phtml, expect: match}
  - {name: a script is asked for, request: GET /a.phtml, expect: no_match}
"#,
    check: Check::Signature(check),
};

fn check(subject: &Subject<'_>, findings: &mut Findings) {
    subject.each_expression(&mut |expression| {
        let ExpressionKind::Or(parts) = &expression.kind else { return };
        for part in parts {
            if let ExpressionKind::And(_) = part.kind {
                let written = subject.slice(part.span);
                let diagnostic = findings.at(
                    part.span,
                    "`and` beside `or` without parentheses",
                    "`and` binds stronger: this belongs together",
                );
                findings.push(diagnostic.fix("write the parentheses", part.span, format!("({written})")));
            }
        }
    });
}
