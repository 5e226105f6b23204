//! A virtual patch for ever.

use crate::lint::subject::Subject;
use crate::lint::{Category, Check, Findings, Level, Lint};

pub const LINT: Lint = Lint {
    id: "long-lived-patch",
    category: Category::Metadata,
    level: Level::Warn,
    what: "Looks for signatures of a CVE that have no `expires`, or one more than 400 days ahead.",
    why: "A virtual patch bridges the time until the software is mended. Without an end it costs time on every \
          request for years, and hides that the software never was.",
    example: r#"
expires: 2036-01-01
refs: {cve: [CVE-2021-44228]}
when: req.method == "TRACE"
tests:
  - {name: a trace, request: TRACE /, expect: match}
  - {name: a page, request: GET /TRACE, expect: no_match}
"#,
    instead: r#"
expires: 2027-11-01
refs: {cve: [CVE-2021-44228]}
when: req.method == "TRACE"
tests:
  - {name: a trace, request: TRACE /, expect: match}
  - {name: a page, request: GET /TRACE, expect: no_match}
"#,
    check: Check::Signature(check),
};

fn check(subject: &Subject<'_>, findings: &mut Findings) {
    let signature = subject.signature;
    if signature.refs.cve.is_empty() || !subject.rule.mode.is_emitted() {
        return;
    }
    let help = "set `expires` to a day on which somebody asks whether the software is mended";
    match &signature.expires {
        None => {
            let message = format!("`{}` is a virtual patch without an end", subject.rule.id);
            findings.push(findings.at(subject.rule.span, message, "no `expires`").help(help));
        }
        Some(expires) => {
            let days = subject.today.until(expires.value).map(|span| span.get_days()).unwrap_or_default();
            if days > 400 {
                let message = format!("this virtual patch lives {days} more days");
                findings.push(findings.at(expires.span, message, "more than 400 days ahead").help(help));
            }
        }
    }
}
