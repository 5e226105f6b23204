//! `expires` before `created`.

use crate::lint::subject::Subject;
use crate::lint::{Category, Check, Findings, Level, Lint};

pub const LINT: Lint = Lint {
    id: "expires-before-created",
    category: Category::Metadata,
    level: Level::Deny,
    what: "Looks for an `expires` date that is not after `created`.",
    why: "One of the two is wrong, most often the year.",
    example: r#"
created: 2026-11-20
expires: 2026-11-20
mode: draft
when: req.method == "TRACE"
tests:
  - {name: a trace, request: TRACE /, expect: match}
  - {name: a page, request: GET /TRACE, expect: no_match}
"#,
    instead: r#"
created: 2026-11-20
expires: 2027-11-20
mode: draft
when: req.method == "TRACE"
tests:
  - {name: a trace, request: TRACE /, expect: match}
  - {name: a page, request: GET /TRACE, expect: no_match}
"#,
    check: Check::Signature(check),
};

fn check(subject: &Subject<'_>, findings: &mut Findings) {
    if let (Some(created), Some(expires)) = (&subject.signature.created, &subject.signature.expires)
        && expires.value <= created.value
    {
        findings.push(
            findings
                .at(expires.span, "expires before it was created", "not later")
                .secondary(created.span, "created on this day"),
        );
    }
}
