//! `req.path starts_with "/a?b="`.

use crate::catalog::Field;
use crate::lint::subject::Subject;
use crate::lint::{Category, Check, Findings, Level, Lint};

pub const LINT: Lint = Lint {
    id: "query-in-path",
    category: Category::Text,
    level: Level::Warn,
    what: "Looks for `?` in text that is compared with the path.",
    why: "The path ends before the first `?`, so only an encoded one (`%3F`) can be in it. What was meant is \
          `req.url`, or `req.path` and `req.args` in two comparisons.",
    example: r#"
when: req.path starts_with "/index.php?cmd="
tests:
  - {name: what was meant, request: "GET /index.php?cmd=l%73", expect: no_match}
  - {name: what it says, request: "GET /index.php%3Fcmd=", expect: match}
"#,
    instead: r#"
when: req.path == "/index.php" and exists req.args["cmd"]
tests:
  - {name: a command, request: "GET /inde%78.php?cmd=ls", expect: match}
  - {name: another page, request: "GET /inde.php?cmd=ls", expect: no_match}
  - {name: another parameter, request: "GET /index.php?cmds=ls", expect: no_match}
"#,
    check: Check::Signature(check),
};

fn check(subject: &Subject<'_>, findings: &mut Findings) {
    for leaf in subject.leaves.iter().filter(|leaf| matches!(leaf.field(), Field::Path | Field::PathRaw)) {
        for (expression, text, _) in leaf.texts() {
            if text.contains(&b'?') && text.len() > 1 {
                findings.push(
                    findings
                        .at(expression.span, "the path ends before the `?`", "has a `?`")
                        .help("compare with `req.url`, or ask for the path and `req.args[\"…\"]` apart"),
                );
            }
        }
    }
}
