//! A title with a full stop, or a whole paragraph.

use crate::lint::subject::Subject;
use crate::lint::{Category, Check, Findings, Level, Lint};

pub const LINT: Lint = Lint {
    id: "untidy-title",
    category: Category::Metadata,
    level: Level::Warn,
    what: "Looks for titles that end with a full stop or have more than 80 characters.",
    why: "The title stands in lists, logs and tickets, where a line is all there is. What needs more room goes \
          into `description`.",
    example: r#"
title: Blocks requests with the method TRACE because they can show cookies and other headers to scripts.
when: req.method == "TRACE"
tests:
  - {name: a trace, request: TRACE /, expect: match}
  - {name: a page, request: GET /TRACE, expect: no_match}
"#,
    instead: r#"
title: Method TRACE
when: req.method == "TRACE"
tests:
  - {name: a trace, request: TRACE /, expect: match}
  - {name: a page, request: GET /TRACE, expect: no_match}
"#,
    check: Check::Signature(check),
};

fn check(subject: &Subject<'_>, findings: &mut Findings) {
    let title = &subject.signature.title;
    let text = title.value.trim();
    let count = text.chars().count();
    if count > 80 {
        let message = format!("this title has {count} characters");
        findings.push(findings.at(title.span, message, "more than 80").help("the rest goes into `description`"));
    } else if text.ends_with('.') && !text.ends_with("..") {
        findings.push(findings.at(title.span, "a title has no full stop", "ends with one"));
    }
}
