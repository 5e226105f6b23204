//! `req.proto == "HTTP/2.0"`.

use crate::catalog::Field;
use crate::ir::{self, TextOperator};
use crate::lint::subject::Subject;
use crate::lint::{Category, Check, Findings, Level, Lint};

pub const LINT: Lint = Lint {
    id: "unknown-protocol",
    category: Category::Text,
    level: Level::Deny,
    what: "Looks for text compared with `req.proto` that no request has there.",
    why: "`req.proto` is `HTTP/1.0`, `HTTP/1.1`, `HTTP/2` or `HTTP/3`. Engines spell it differently; edgesig \
          spells it one way.",
    example: r#"
when: req.proto == "HTTP/1" and req.method == "CONNECT"
tests:
  - {name: no test can match, request: GET /, expect: no_match}
"#,
    instead: r#"
when: req.proto == "HTTP/1.0" and req.method == "CONNECT"
tests:
  - {name: an old client, request: {method: CONNECT, url: /, version: HTTP/1.0}, expect: match}
  - {name: a new one, request: {method: CONNECT, url: /}, expect: no_match}
  - {name: a page, request: {url: /, version: HTTP/1.0}, expect: no_match}
"#,
    check: Check::Signature(check),
};

fn check(subject: &Subject<'_>, findings: &mut Findings) {
    for leaf in subject.leaves.iter().filter(|leaf| leaf.field() == Field::Proto && leaf.is_bare()) {
        let equals = matches!(leaf.comparison.check, ir::Check::Text { operator: TextOperator::Equals, .. });
        for (expression, text, ignore_case) in leaf.texts().filter(|_| equals) {
            let known = PROTOCOLS
                .iter()
                .any(|known| known.as_bytes() == text || (ignore_case && known.as_bytes().eq_ignore_ascii_case(text)));
            if !known {
                findings.push(
                    findings
                        .at(expression.span, "no request has this protocol", "never found")
                        .help("known: `HTTP/1.0`, `HTTP/1.1`, `HTTP/2`, `HTTP/3`"),
                );
            }
        }
    }
}

const PROTOCOLS: [&str; 4] = ["HTTP/1.0", "HTTP/1.1", "HTTP/2", "HTTP/3"];
