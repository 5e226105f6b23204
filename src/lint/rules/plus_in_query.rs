//! `req.query contains "a+b"`.

use crate::catalog::Field;
use crate::lint::subject::Subject;
use crate::lint::{Category, Check, Findings, Level, Lint};

pub const LINT: Lint = Lint {
    id: "plus-in-query",
    category: Category::Text,
    level: Level::Warn,
    what: "Looks for `+` in text that is compared with the decoded query or a parameter.",
    why: "In the query a `+` is a blank, and the bare field has the blank. Text with `+` finds only what was \
          sent as `%2B`.",
    example: r#"
when: req.query contains "union+select"
tests:
  - {name: the usual form gets away, request: GET /?q=union+select, expect: no_match}
  - {name: sent as an escape, request: GET /?q=union%2Bselect, expect: match}
"#,
    instead: r#"
when: req.query contains "union select"
tests:
  - {name: the usual form, request: GET /?q=uni%6fn+select, expect: match}
  - {name: other words, request: GET /?q=union+selects, expect: match}
  - {name: an election, request: GET /?q=union+election, expect: no_match}
"#,
    check: Check::Signature(check),
};

fn check(subject: &Subject<'_>, findings: &mut Findings) {
    for leaf in &subject.leaves {
        if !matches!(leaf.field(), Field::Query | Field::Args | Field::ArgNames) || !leaf.is_bare() {
            continue;
        }
        for (expression, text, _) in leaf.texts() {
            // Between letters it stands for a blank; elsewhere it may mean itself, as in `c++`.
            let blank = text
                .windows(3)
                .any(|part| part[1] == b'+' && part[0].is_ascii_alphanumeric() && part[2].is_ascii_alphanumeric());
            let written = subject.slice(expression.span);
            if blank {
                findings.push(
                    findings.at(expression.span, "a `+` in the query is a blank here", "has a `+`").proposal(
                        "write a blank",
                        expression.span,
                        written.replace('+', " "),
                    ),
                );
            }
        }
    }
}
