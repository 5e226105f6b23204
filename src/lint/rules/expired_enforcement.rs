//! `mode: enforce` past `expires`.

use crate::lint::subject::Subject;
use crate::lint::{Category, Check, Findings, Level, Lint};

pub const LINT: Lint = Lint {
    id: "expired-enforcement",
    category: Category::Metadata,
    level: Level::Deny,
    what: "Looks for signatures that still act although their `expires` date is over.",
    why: "Nobody has decided that it may go on: it blocks customers on somebody's old word. An expired `allow` \
          is not built any more; everything else is.",
    example: r#"
mode: enforce
expires: 2026-11-15
when: req.method == "TRACE"
tests:
  - {name: a trace, request: TRACE /, expect: match}
  - {name: a page, request: GET /TRACE, expect: no_match}
"#,
    instead: r#"
mode: enforce
expires: 2027-05-01
when: req.method == "TRACE"
tests:
  - {name: a trace, request: TRACE /, expect: match}
  - {name: a page, request: GET /TRACE, expect: no_match}
"#,
    check: Check::Signature(check),
};

fn check(subject: &Subject<'_>, findings: &mut Findings) {
    if let Some(expires) = &subject.signature.expires
        && expires.value < subject.today
        && subject.rule.mode.can_act()
        && !subject.rule.is_allow()
    {
        findings.push(
            findings
                .at(
                    expires.span,
                    format!("`{}` expired on {} and still acts", subject.rule.id, expires.value),
                    "is over",
                )
                .secondary(subject.signature.mode.span, "acts")
                .help("renew `expires` with a reason, or retire the signature with `mode: retired`"),
        );
    }
}
