//! `contains "etc/.*passwd"`: a regular expression in a string.

use crate::lint::subject::Subject;
use crate::lint::{Category, Check, Findings, Level, Lint};

pub const LINT: Lint = Lint {
    id: "regex-in-string",
    category: Category::Text,
    level: Level::Warn,
    what: "Looks for strings that are written like regular expressions: `.*`, `[a-z]`, `(?:`, `{1,`.",
    why: "Only `matches` reads regular expressions. For every other operator `.*` is a dot and an asterisk, which hardly \
          any request has.",
    example: r#"
when: req.query contains "union.*select"
tests:
  - {name: the text itself, request: GET /?q=uni%6fn.*select, expect: match}
  - {name: what was meant, request: GET /?q=union+all+select, expect: no_match}
"#,
    instead: r#"
when: req.query matches r"union.{1,40}select"
tests:
  - {name: a union, request: GET /?q=uni%6fn+all+select, expect: match}
  - {name: an election, request: GET /?q=union+election, expect: no_match}
"#,
    check: Check::Signature(check),
};

/// What hardly stands in a text that means itself. A backslash is none of them: in a string it is written twice, and who
/// does that wants a backslash.
const MARKS: [&str; 9] = [".*", ".+", "[a-z", "[0-9", "[A-Z", "[^", "(?:", "(?i", "{1,"];

fn check(subject: &Subject<'_>, findings: &mut Findings) {
    for leaf in &subject.leaves {
        for (expression, value, _) in leaf.texts() {
            // One of these is in every mark.
            if !value.iter().any(|byte| matches!(byte, b'*' | b'+' | b'[' | b'(' | b'{')) {
                continue;
            }
            let text = String::from_utf8_lossy(value);
            let Some(mark) = MARKS.iter().find(|mark| text.contains(**mark)) else { continue };
            findings.push(
                findings
                    .at(
                        expression.span,
                        "this string looks like a regular expression",
                        format!("`{mark}` means itself"),
                    )
                    .help("for a pattern write `matches r\"…\"`"),
            );
        }
    }
}
