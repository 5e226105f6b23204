//! `req.path.raw contains "/phpinfo.php"`.

use crate::catalog::Field;
use crate::lint::subject::Place;
use crate::lint::subject::Subject;
use crate::lint::{Category, Check, Findings, Level, Lint};

pub const LINT: Lint = Lint {
    id: "undecoded-match",
    category: Category::Text,
    level: Level::Warn,
    what: "Looks for readable text in the raw form of a URL, where it may be percent-encoded.",
    why: "The application decodes `/phpinfo%2Ephp` before it looks for the file; a signature on the `.raw` \
          twin does not see it. Use the bare field, or `any_form(…)` for what may be encoded twice.",
    example: r#"
when: req.path.raw contains "/phpinfo.php"
tests:
  - {name: the page, request: GET /phpinfo.php, expect: match}
  - {name: it gets away, request: GET /phpinfo%2Ephp, expect: no_match}
"#,
    instead: r#"
when: req.path contains "/phpinfo.php"
tests:
  - {name: the page, request: GET /phpinfo%2Ephp, expect: match}
  - {name: another one, request: GET /phpinfo.html, expect: no_match}
"#,
    check: Check::Signature(check),
};

fn check(subject: &Subject<'_>, findings: &mut Findings) {
    for leaf in subject.leaves.iter().filter(|leaf| leaf.is_bare() && leaf.positive) {
        let normal = match leaf.field() {
            Field::UrlRaw => Field::Url,
            Field::PathRaw => Field::Path,
            Field::QueryRaw => Field::Query,
            Field::ArgsRaw => Field::Args,
            Field::Method
            | Field::Scheme
            | Field::Host
            | Field::Url
            | Field::Path
            | Field::PathExt
            | Field::Query
            | Field::Args
            | Field::ArgNames
            | Field::Headers
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
            | Field::TlsSni
            | Field::RespStatus
            | Field::RespHeaders => continue,
        };
        if subject.rule.is_allow() || leaf.place != Place::When {
            continue;
        }
        for (expression, value, _) in leaf.texts() {
            let letters = value.iter().filter(|byte| byte.is_ascii_alphabetic()).count();
            if letters >= 3 && !value.contains(&b'%') {
                let name = normal.row().name;
                findings.push(
                    findings
                        .at(expression.span, "this text can be percent-encoded in a raw URL", "compared undecoded")
                        .help(format!("`{name}` is decoded; `any_form({name})` also finds what is encoded twice")),
                );
            }
        }
    }
}
