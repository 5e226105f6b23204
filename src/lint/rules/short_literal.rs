//! `req.body contains "id"`.

use crate::catalog::Field;
use crate::ir::{self, TextOperator};
use crate::lint::subject::Subject;
use crate::lint::{Category, Check, Findings, Level, Lint};

pub const LINT: Lint = Lint {
    id: "short-literal",
    category: Category::Text,
    level: Level::Warn,
    what: "Looks for one to three letters or digits searched for in a body, a query or a URL by a signature \
          that blocks.",
    why: "Three letters are in every longer text. Such a signature blocks customers as soon as it is enforced; \
          a longer text, or a character that gives the attack away, makes the difference.",
    example: r#"
when: req.body contains "cmd"
tests:
  - {name: a command, request: {method: POST, url: /, body: cmd=ls}, expect: match}
  - {name: a comment, request: {method: POST, url: /cmd, body: comment=ls}, expect: no_match}
"#,
    instead: r#"
when: req.body matches r"(?:^|&)cmd="
tests:
  - {name: a command, request: {method: POST, url: /, body: cmd=ls}, expect: match}
  - {name: a comment, request: {method: POST, url: /cmd, body: comment=ls}, expect: no_match}
"#,
    check: Check::Signature(check),
};

fn check(subject: &Subject<'_>, findings: &mut Findings) {
    for leaf in subject.when().filter(|leaf| leaf.positive) {
        let ir::Check::Text { operator: TextOperator::Contains, .. } = leaf.comparison.check else { continue };
        let wide = match leaf.field() {
            Field::Body | Field::Query | Field::QueryRaw | Field::Url | Field::UrlRaw => true,
            Field::Method
            | Field::Scheme
            | Field::Host
            | Field::Path
            | Field::PathRaw
            | Field::PathExt
            | Field::Args
            | Field::ArgsRaw
            | Field::ArgNames
            | Field::Headers
            | Field::Cookies
            | Field::BodyTruncated
            | Field::Proto
            | Field::ClientIp
            | Field::ClientAsn
            | Field::ClientAsName
            | Field::ClientCountry
            | Field::ClientProxyType
            | Field::TlsJa3
            | Field::TlsJa4
            | Field::TlsVersion
            | Field::TlsSni
            | Field::RespStatus
            | Field::RespHeaders => false,
        };
        if !wide || !subject.blocks() {
            continue;
        }
        for (expression, text, _) in leaf.texts() {
            if text.len() <= 3 && text.iter().all(u8::is_ascii_alphanumeric) {
                findings.push(
                    findings
                        .at(expression.span, "so few letters are in many harmless texts", "easily found by chance")
                        .help("ask for more of the attack, or for the character before and after it"),
                );
            }
        }
    }
}
