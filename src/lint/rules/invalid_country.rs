//! `client.country == "Germany"`.

use crate::catalog::Field;
use crate::ir::{self, TextOperator};
use crate::lint::subject::Subject;
use crate::lint::{Category, Check, Findings, Level, Lint};

pub const LINT: Lint = Lint {
    id: "invalid-country",
    category: Category::Text,
    level: Level::Deny,
    what: "Looks for text compared with `client.country` that is no code of two capital letters.",
    why: "Countries come as ISO 3166-1 codes: `DE`, `GB`. Names, small letters, `UK` and `EU` never match.",
    example: r#"
when: client.country in ["uk", "Germany"] and req.path == "/login"
tests:
  - {name: no test can match, request: {url: /log%69n, country: GB}, expect: no_match}
"#,
    instead: r#"
when: client.country in ["GB", "DE"] and req.path == "/login"
tests:
  - {name: from there, request: {url: /log%69n, country: GB}, expect: match}
  - {name: from there too, request: {url: /login, country: DE}, expect: match}
  - {name: from elsewhere, request: {url: /login, country: FR}, expect: no_match}
  - {name: another page, request: {url: /logins, country: DE}, expect: no_match}
"#,
    check: Check::Signature(check),
};

fn check(subject: &Subject<'_>, findings: &mut Findings) {
    for leaf in subject.leaves.iter().filter(|leaf| leaf.field() == Field::ClientCountry && leaf.is_bare()) {
        let equals = matches!(leaf.comparison.check, ir::Check::Text { operator: TextOperator::Equals, .. });
        for (expression, text, ignore_case) in leaf.texts().filter(|_| equals) {
            let code = text.len() == 2
                && text.iter().all(|byte| byte.is_ascii_uppercase() || (ignore_case && byte.is_ascii_alphabetic()));
            if !code || matches!(text, b"UK" | b"EU") {
                let finding = findings
                    .at(expression.span, "no country has this code", "not of ISO 3166-1")
                    .help("codes have two capital letters; the United Kingdom is `GB`");
                findings.push(match std::str::from_utf8(text).map(str::to_ascii_uppercase) {
                    Ok(upper) if text.len() == 2 && text.iter().all(u8::is_ascii_alphabetic) => {
                        let upper = if upper == "UK" { "GB".to_owned() } else { upper };
                        match upper == "EU" {
                            true => finding,
                            false => finding.proposal(
                                format!("write `\"{upper}\"`"),
                                expression.span,
                                format!("\"{upper}\""),
                            ),
                        }
                    }
                    _ => finding,
                });
            }
        }
    }
}
