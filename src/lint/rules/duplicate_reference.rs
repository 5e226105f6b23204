//! The same CVE twice.

use crate::lint::subject::Subject;
use crate::lint::{Category, Check, Findings, Level, Lint};
use std::collections::HashMap;

pub const LINT: Lint = Lint {
    id: "duplicate-reference",
    category: Category::Metadata,
    level: Level::Warn,
    what: "Looks for a reference or a tag that is listed twice.",
    why: "The second one was usually copied and should have been changed.",
    example: r#"
refs: {cve: [CVE-2021-44228, CVE-2021-44228]}
when: req.method == "TRACE"
tests:
  - {name: a trace, request: TRACE /, expect: match}
  - {name: a page, request: GET /TRACE, expect: no_match}
"#,
    instead: r#"
refs: {cve: [CVE-2021-44228, CVE-2021-45046]}
when: req.method == "TRACE"
tests:
  - {name: a trace, request: TRACE /, expect: match}
  - {name: a page, request: GET /TRACE, expect: no_match}
"#,
    check: Check::Signature(check),
};

fn check(subject: &Subject<'_>, findings: &mut Findings) {
    let refs = &subject.signature.refs;
    for list in [&refs.cve, &refs.cwe, &refs.attack, &refs.owasp, &refs.urls, &subject.signature.tags] {
        let mut seen = HashMap::new();
        for id in list {
            if let Some(first) = seen.insert(id.value.as_str(), id.span) {
                findings.push(
                    findings
                        .at(id.span, format!("`{}` is listed twice", id.value), "again")
                        .secondary(first, "here first"),
                );
            }
        }
    }
}
