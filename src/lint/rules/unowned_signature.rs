//! No `owner`.

use crate::lint::subject::Subject;
use crate::lint::{Category, Check, Findings, Level, Lint};

pub const LINT: Lint = Lint {
    id: "unowned-signature",
    category: Category::Metadata,
    level: Level::Warn,
    what: "Looks for signatures without `owner`.",
    why: "When a signature blocks a customer at night, somebody has to know whom to ask. A team's name lasts longer than \
          a person's.",
    example: r#"
without: owner
when: req.method == "TRACE"
tests:
  - {name: a trace, request: TRACE /, expect: match}
  - {name: a page, request: GET /TRACE, expect: no_match}
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
    if subject.signature.owner.is_none() {
        findings.push(
            findings
                .at(subject.rule.span, format!("`{}` has no owner", subject.rule.id), "nobody answers for it")
                .help("add `owner:` with the team that decides about it"),
        );
    }
}
