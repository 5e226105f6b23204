//! `cve: [CVE-21-44228]`.

use crate::lint::subject::Subject;
use crate::lint::{Category, Check, Findings, Level, Lint};
use crate::source::Spanned;

pub const LINT: Lint = Lint {
    id: "malformed-reference",
    category: Category::Metadata,
    level: Level::Warn,
    what: "Looks for CVE, CWE, ATT&CK and OWASP ids that are not written as such.",
    why: "Reports and dashboards join on these ids. One that is misspelled is not found when it matters.",
    example: r#"
refs: {cve: [CVE-21-44228], cwe: [CWE-Injection], attack: [T119]}
when: req.method == "TRACE"
tests:
  - {name: a trace, request: TRACE /, expect: match}
  - {name: a page, request: GET /TRACE, expect: no_match}
"#,
    instead: r#"
refs: {cve: [CVE-2021-44228], cwe: [CWE-917], attack: [T1190]}
when: req.method == "TRACE"
tests:
  - {name: a trace, request: TRACE /, expect: match}
  - {name: a page, request: GET /TRACE, expect: no_match}
"#,
    check: Check::Signature(check),
};

/// Ids as written, what they have to be, and how to say it.
type Kind<'k> = (&'k [Spanned<String>], fn(&str) -> bool, &'k str);

fn check(subject: &Subject<'_>, findings: &mut Findings) {
    let refs = &subject.signature.refs;
    let kinds: [Kind<'_>; 4] = [
        (&refs.cve, is_cve, "a CVE id is written `CVE-2021-44228`"),
        (&refs.cwe, is_cwe, "a CWE id is written `CWE-79`"),
        (&refs.attack, is_attack, "an ATT&CK technique is written `T1190` or `T1110.001`"),
        (&refs.owasp, is_owasp, "an OWASP category is written `A03:2021` or `API1:2023`"),
    ];
    for (ids, is_right, help) in kinds {
        for id in ids.iter().filter(|id| !is_right(&id.value)) {
            findings.push(findings.at(id.span, format!("`{}` is no such id", id.value), "misspelled").help(help));
        }
    }
}

fn digits(text: &str, counts: std::ops::RangeInclusive<usize>) -> bool {
    counts.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_cve(id: &str) -> bool {
    id.strip_prefix("CVE-")
        .and_then(|rest| rest.split_once('-'))
        .is_some_and(|(year, number)| digits(year, 4..=4) && digits(number, 4..=7))
}

fn is_cwe(id: &str) -> bool {
    id.strip_prefix("CWE-").is_some_and(|number| digits(number, 1..=5))
}

fn is_attack(id: &str) -> bool {
    let Some(rest) = id.strip_prefix('T') else { return false };
    match rest.split_once('.') {
        Some((technique, part)) => digits(technique, 4..=4) && digits(part, 3..=3),
        None => digits(rest, 4..=4),
    }
}

fn is_owasp(id: &str) -> bool {
    let number = id.strip_prefix("API").or_else(|| id.strip_prefix(['A', 'M'])).or_else(|| id.strip_prefix("LLM"));
    number
        .and_then(|rest| rest.split_once(':'))
        .is_some_and(|(number, year)| digits(number, 1..=2) && digits(year, 4..=4))
}
