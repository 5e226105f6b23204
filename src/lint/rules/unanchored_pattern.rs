//! `req.host matches r"example\.com"` as a reason to let somebody through.

use crate::catalog::Field;
use crate::lint::pattern;
use crate::lint::subject::Subject;
use crate::lint::subject::{Leaf, Place};
use crate::lint::{Category, Check, Findings, Level, Lint};

pub const LINT: Lint = Lint {
    id: "unanchored-pattern",
    category: Category::Text,
    level: Level::Warn,
    what: "Looks for regular expressions without anchors where they decide who is let through: in an `allow`, \
          in `except`, or under a `not`, on a host, a path, a Referer or an Origin.",
    why: "Without `^` and `$` the pattern is found anywhere: `example\\.com` lets `example.com.evil.net` and \
          `/?example.com` through.",
    example: r#"
when: req.method == "DELETE"
except: req.host matches r"(?:api|app)\.example\.com"
tests:
  - {name: elsewhere, request: DELETE /, expect: match}
  - {name: the API, request: {method: DELETE, url: /, headers: {host: api.example.com}}, expect: no_match}
  - {name: a page, request: GET /, expect: no_match}
"#,
    instead: r#"
when: req.method == "DELETE"
except: req.host matches r"^(?:api|app)\.example\.com$"
tests:
  - {name: elsewhere, request: DELETE /, expect: match}
  - {name: the API, request: {method: DELETE, url: /, headers: {host: api.example.com}}, expect: no_match}
  - {name: a page, request: GET /, expect: no_match}
"#,
    check: Check::Signature(check),
};

fn check(subject: &Subject<'_>, findings: &mut Findings) {
    for (leaf, expression, regex) in subject.patterns() {
        let lets_through = match leaf.place {
            Place::When => subject.rule.is_allow() == leaf.positive,
            Place::Except => leaf.positive,
            Place::Count => false,
        };
        let Some((start, end)) = needed(leaf).filter(|_| lets_through) else { continue };
        let Some(tree) = pattern::parse(regex) else { continue };
        let missing = match (start && !pattern::is_anchored(&tree, false), end && !pattern::is_anchored(&tree, true)) {
            (true, true) => "`^` and `$`",
            (true, false) => "`^`",
            (false, true) => "`$`",
            (false, false) => continue,
        };
        findings.push(
            findings
                .at(
                    expression.span,
                    format!("this pattern lets requests through and is found anywhere: {missing} missing"),
                    "not anchored",
                )
                .help("anchor it, or compare with `==` or `in`"),
        );
    }
}

/// The anchors that a pattern on this value needs to say what it seems to.
fn needed(leaf: &Leaf<'_>) -> Option<(bool, bool)> {
    match leaf.field() {
        Field::Host | Field::TlsSni => Some((true, true)),
        Field::Path | Field::PathRaw | Field::Url | Field::UrlRaw => Some((true, false)),
        Field::Headers => {
            let keys = &leaf.comparison.value.field().keys;
            let is_origin = |key: &Vec<u8>| matches!(key.as_slice(), b"referer" | b"origin" | b"host");
            keys.iter().all(is_origin).then_some((true, false))
        }
        Field::Method
        | Field::Scheme
        | Field::PathExt
        | Field::Query
        | Field::QueryRaw
        | Field::Args
        | Field::ArgsRaw
        | Field::ArgNames
        | Field::Cookies
        | Field::Body
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
        | Field::RespStatus
        | Field::RespHeaders => None,
    }
}
