//! `req.method == "post"`.

use crate::catalog::Field;
use crate::lint::subject::Subject;
use crate::lint::{Category, Check, Findings, Level, Lint};

pub const LINT: Lint = Lint {
    id: "lowercase-method",
    category: Category::Text,
    level: Level::Warn,
    what: "Looks for well-known methods in small letters compared with `req.method`.",
    why: "Methods are case-sensitive, and `POST` is sent in capitals. `post` is another method that origins \
          refuse, so the comparison finds only clients that misbehave.",
    example: r#"
when: req.method == "trace"
tests:
  - {name: a trace gets away, request: TRACE /, expect: no_match}
  - {name: only this one, request: trace /, expect: match}
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
    for leaf in subject.leaves.iter().filter(|leaf| leaf.field() == Field::Method && leaf.is_bare()) {
        for (expression, text, ignore_case) in leaf.texts() {
            let upper = String::from_utf8_lossy(text).to_ascii_uppercase();
            if !ignore_case && METHODS.contains(&upper.as_str()) && text.iter().any(u8::is_ascii_lowercase) {
                let diagnostic = findings.at(expression.span, "methods are case-sensitive", "not what clients send");
                let diagnostic = diagnostic.help("where both are meant, compare `upper(req.method)`");
                findings.push(diagnostic.proposal("write capitals", expression.span, format!("\"{upper}\"")));
            }
        }
    }
}

const METHODS: [&str; 10] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PURGE"];
