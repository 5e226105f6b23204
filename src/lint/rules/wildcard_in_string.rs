//! `req.path == "/admin/*"`.

use crate::catalog::Field;
use crate::lint::subject::Subject;
use crate::lint::{Category, Check, Findings, Level, Lint};

pub const LINT: Lint = Lint {
    id: "wildcard-in-string",
    category: Category::Text,
    level: Level::Warn,
    what: "Looks for strings with `*` as in a wildcard, under URL, host, User-Agent, Referer and Origin.",
    why: "No operator knows wildcards: the asterisk means itself. `starts_with` and `ends_with` say what was \
          meant.",
    example: r#"
when: req.path == "/admin/*"
tests:
  - {name: what was meant, request: GET /admin/%75sers, expect: no_match}
  - {name: what it says, request: GET /adm%69n/*, expect: match}
"#,
    instead: r#"
when: req.path starts_with "/admin/"
tests:
  - {name: a page, request: GET /admin/%75sers, expect: match}
  - {name: another one, request: GET /administration, expect: no_match}
"#,
    check: Check::Signature(check),
};

fn check(subject: &Subject<'_>, findings: &mut Findings) {
    for leaf in &subject.leaves {
        let keys = &leaf.comparison.value.field().keys;
        let of_url = matches!(leaf.field(), Field::Host | Field::Path | Field::Url | Field::PathRaw | Field::UrlRaw);
        let of_header = leaf.field() == Field::Headers && keys.iter().all(|key| HEADERS.contains(&&key[..]));
        if !of_url && !of_header {
            continue;
        }
        for (expression, text, _) in leaf.texts() {
            if text.len() > 2 && (text.starts_with(b"*") || text.ends_with(b"*")) {
                findings.push(
                    findings
                        .at(expression.span, "`*` is no wildcard here", "an asterisk that means itself")
                        .help("use `contains`, `starts_with` or `ends_with`, or a regular expression with `matches`"),
                );
            }
        }
    }
}

/// Headers in which an asterisk at an end means nothing; that of Accept does.
const HEADERS: [&[u8]; 4] = [b"host", b"origin", b"referer", b"user-agent"];
