//! `created` tomorrow.

use crate::lint::subject::Subject;
use crate::lint::{Category, Check, Findings, Level, Lint};

pub const LINT: Lint = Lint {
    id: "future-date",
    category: Category::Metadata,
    level: Level::Warn,
    what: "Looks for a `created` date more than a day ahead.",
    why: "It was copied or mistyped; whoever sorts by age is misled.",
    example: r#"
created: 2027-02-01
when: req.method == "TRACE"
tests:
  - {name: a trace, request: TRACE /, expect: match}
  - {name: a page, request: GET /TRACE, expect: no_match}
"#,
    instead: r#"
created: 2026-11-23
when: req.method == "TRACE"
tests:
  - {name: a trace, request: TRACE /, expect: match}
  - {name: a page, request: GET /TRACE, expect: no_match}
"#,
    check: Check::Signature(check),
};

fn check(subject: &Subject<'_>, findings: &mut Findings) {
    if let Some(created) = &subject.signature.created
        && subject.today.tomorrow().is_ok_and(|tomorrow| created.value > tomorrow)
    {
        findings.push(findings.at(created.span, "created in the future", format!("today is {}", subject.today)));
    }
}
