//! `http://` in `refs.urls`.

use crate::lint::subject::Subject;
use crate::lint::{Category, Check, Findings, Level, Lint};

pub const LINT: Lint = Lint {
    id: "insecure-reference",
    category: Category::Metadata,
    level: Level::Warn,
    what: "Looks for references that are no `https` URL.",
    why: "An analyst follows the link in the middle of an incident. Over plain HTTP anybody on the way can \
          change what it says.",
    example: r#"
refs: {urls: ["http://example.com/advisory"]}
when: req.method == "TRACE"
tests:
  - {name: a trace, request: TRACE /, expect: match}
  - {name: a page, request: GET /TRACE, expect: no_match}
"#,
    instead: r#"
refs: {urls: ["https://example.com/advisory"]}
when: req.method == "TRACE"
tests:
  - {name: a trace, request: TRACE /, expect: match}
  - {name: a page, request: GET /TRACE, expect: no_match}
"#,
    check: Check::Signature(check),
};

fn check(subject: &Subject<'_>, findings: &mut Findings) {
    for url in &subject.signature.refs.urls {
        if !url.value.starts_with("https://") {
            let diagnostic = findings.at(url.span, "this reference is no https URL", "not https");
            let written = subject.slice(url.span);
            findings.push(match written.contains("http://") {
                true => diagnostic.proposal("use https", url.span, written.replacen("http://", "https://", 1)),
                false => diagnostic.help("write the whole URL, with `https://`"),
            });
        }
    }
}
