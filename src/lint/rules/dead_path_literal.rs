//! `path_normalize(req.path) contains "/../"`.

use crate::ir::{Call, Value};
use crate::lint::subject::Subject;
use crate::lint::texts;
use crate::lint::{Category, Check, Findings, Level, Lint};

pub const LINT: Lint = Lint {
    id: "dead-path-literal",
    category: Category::Text,
    level: Level::Deny,
    what: "Looks for `//`, `/./` and `/../` in text that is compared with a normalised path.",
    why: "`path_normalize` takes exactly these away, so the comparison never holds. To find a traversal look \
          at the path before it is normalised.",
    example: r#"
when: path_normalize(req.path) contains "/../"
tests:
  - {name: no test can match, request: GET /a/%2e%2e/b, expect: no_match}
"#,
    instead: r#"
when: req.path contains "/../"
tests:
  - {name: goes up, request: GET /a/%2e%2e/b, expect: match}
  - {name: dots, request: GET /a/..b/c, expect: no_match}
"#,
    check: Check::Signature(check),
};

fn check(subject: &Subject<'_>, findings: &mut Findings) {
    for leaf in &subject.leaves {
        if !matches!(leaf.comparison.value, Value::Call(Call::PathNormalize, _)) {
            continue;
        }
        for (expression, text, _) in leaf.texts() {
            let gone = ["//", "/./", "/../"].into_iter().find(|part| texts::contains(text, part.as_bytes()));
            if let Some(gone) = gone {
                findings.push(
                    findings
                        .at(expression.span, format!("no normalised path has `{gone}`"), "never found")
                        .help("leave `path_normalize` out to find it, or the part out of the text"),
                );
            }
        }
    }
}
