//! `req.headers["user-agent"] contains "sqlmap"`.

use crate::catalog::Field;
use crate::lint::subject::Subject;
use crate::lint::{Category, Check, Findings, Level, Lint};

pub const LINT: Lint = Lint {
    id: "case-sensitive-header",
    category: Category::Text,
    level: Level::Warn,
    what: "Looks for text compared exactly with a header whose values software writes in any case: User-Agent, \
          Content-Type, Connection and the like.",
    why: "`Sqlmap/1.7` and `APPLICATION/JSON` are the same to those who send and read them. The exact \
          comparison misses what a tool changes with one key stroke.",
    example: r#"
when: req.headers["user-agent"] contains "evilscanner"
tests:
  - {name: the scanner, request: {headers: {user-agent: evilscanner/1}}, expect: match}
  - {name: a browser, request: {headers: {user-agent: Mozilla/5.0 scanner}}, expect: no_match}
then: log
"#,
    instead: r#"
when: req.headers["user-agent"] contains i"evilscanner"
tests:
  - {name: the scanner, request: {headers: {user-agent: evilscanner/1}}, expect: match}
  - {name: a browser, request: {headers: {user-agent: Mozilla/5.0 scanner}}, expect: no_match}
then: log
"#,
    check: Check::Signature(check),
};

fn check(subject: &Subject<'_>, findings: &mut Findings) {
    for leaf in subject.leaves.iter().filter(|leaf| leaf.is_bare() && leaf.field() == Field::Headers) {
        let keys = &leaf.comparison.value.field().keys;
        if !keys.iter().any(|key| HEADERS.contains(&String::from_utf8_lossy(key).as_ref())) {
            continue;
        }
        for (expression, value, ignore_case) in leaf.texts() {
            let written = subject.slice(expression.span);
            if !ignore_case && value.iter().any(u8::is_ascii_alphabetic) && written.starts_with('"') {
                findings.push(
                    findings.at(expression.span, "this header comes in any case", "compared exactly").proposal(
                        "ignore the case",
                        expression.span,
                        format!("i{written}"),
                    ),
                );
            }
        }
    }
}

/// Values that are names: whoever reads them ignores the case.
const HEADERS: [&str; 9] = [
    "user-agent",
    "content-type",
    "connection",
    "transfer-encoding",
    "content-encoding",
    "accept-encoding",
    "upgrade",
    "x-requested-with",
    "expect",
];
