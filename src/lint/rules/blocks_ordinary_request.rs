//! A block that hits the start page in a browser.

use crate::catalog::Field;
use crate::ir::Action;
use crate::lint::subject::Subject;
use crate::lint::{Category, Check, Findings, Level, Lint};

pub const LINT: Lint = Lint {
    id: "blocks-ordinary-request",
    category: Category::Logic,
    level: Level::Warn,
    what: "Looks for signatures that refuse requests which every site gets: the start page and robots.txt in a \
          browser, the check of a certificate authority under /.well-known/acme-challenge/.",
    why: "The evaluator says that it matches, so it would. A forgotten part of the condition, or a `not` too \
          many, takes the site down as soon as it is enforced.",
    example: r#"
when: req.method != "POST" and not req.path starts_with "/api/"
tests:
  - {name: anything, request: GET /%61, expect: match}
  - {name: the interface, request: GET /api/x, expect: no_match}
  - {name: a form, request: POST /form, expect: no_match}
"#,
    instead: r#"
when: req.method == "DELETE" and not req.path starts_with "/api/"
tests:
  - {name: a page is deleted, request: DELETE /%61, expect: match}
  - {name: the interface, request: DELETE /api/x, expect: no_match}
  - {name: a form, request: POST /form, expect: no_match}
"#,
    check: Check::Signature(check),
};

fn check(subject: &Subject<'_>, findings: &mut Findings) {
    let refuses = subject.rule.actions.iter().any(|action| matches!(action, Action::Block(_)));
    // Who may come at all, and which hosts there are, is for the site to say.
    let of_request = |field: Field| field.reads_url() || matches!(field, Field::Method | Field::Proto | Field::Body);
    if !refuses || subject.rule.rate.is_some() || !subject.leaves.iter().all(|leaf| of_request(leaf.field())) {
        return;
    }
    for path in PATHS {
        if subject.matches_get(path, &HEADERS) {
            findings.push(
                findings
                    .at(subject.signature.when.span, "an ordinary request is refused", "holds for it")
                    .note(format!("`GET {path}` in a browser matches"))
                    .help("add what tells an attack from a visit; `allow` and `except` come after that"),
            );
            return;
        }
    }
}

const PATHS: [&str; 3] = ["/", "/robots.txt", "/.well-known/acme-challenge/3xK9dQ0vBf5aYhW1"];
const HEADERS: [(&str, &str); 5] = [
    ("Host", "www.example.com"),
    ("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:131.0) Gecko/20100101 Firefox/131.0"),
    ("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
    ("Accept-Language", "en-GB,en;q=0.5"),
    ("Accept-Encoding", "gzip, deflate, br"),
];
