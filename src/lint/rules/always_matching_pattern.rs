//! `matches r"a*"`: a pattern that finds nothing everywhere.

use crate::lint::subject::Subject;
use crate::lint::{Category, Check, Findings, Level, Lint, pattern};

pub const LINT: Lint = Lint {
    id: "always-matching-pattern",
    category: Category::Text,
    level: Level::Deny,
    what: "Looks for regular expressions that match every text, because everything in them may be left out.",
    why: "`matches` finds a pattern anywhere, and a pattern that can be nothing is found in every text, so the \
          comparison says only that there is a value. Usually a `*` should be a `+`, or an anchor is missing.",
    example: r#"
when: req.path matches r"(?:\.\./)*"
then: log
tests:
  - {name: goes up, request: GET /a/%2e%2e/b, expect: match}
"#,
    instead: r#"
when: req.path matches r"(?:\.\./)+"
then: log
tests:
  - {name: goes up, request: GET /a/%2e%2e/b, expect: match}
  - {name: dots in a name, request: GET /a/v1..2, expect: no_match}
"#,
    check: Check::Signature(check),
};

fn check(subject: &Subject<'_>, findings: &mut Findings) {
    for (_, expression, regex) in subject.patterns() {
        if pattern::matches_everything(regex) {
            let message = "this regular expression matches every text";
            findings.push(
                findings
                    .at(expression.span, message, "can match nothing at all")
                    .help("make a part required: `+` in place of `*`, or anchor it with `^` and `$`"),
            );
        }
    }
}
