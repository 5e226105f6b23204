//! `req.path.ext == ".php"`.

use crate::catalog::Field;
use crate::lint::subject::Subject;
use crate::lint::{Category, Check, Findings, Level, Lint};

pub const LINT: Lint = Lint {
    id: "dotted-extension",
    category: Category::Text,
    level: Level::Deny,
    what: "Looks for a dot in text that is compared with `req.path.ext`.",
    why: "The extension is what follows the last dot: `php`. With a dot the comparison never holds.",
    example: r#"
when: req.path.ext in [".bak", ".old"]
tests:
  - {name: no test can match, request: GET /index.b%61k, expect: no_match}
  - {name: a page about it, request: GET /bak.html, expect: no_match}
"#,
    instead: r#"
when: req.path.ext in ["bak", "old"]
tests:
  - {name: a backup, request: GET /index.b%61k, expect: match}
  - {name: an older one, request: GET /index.old, expect: match}
  - {name: a page, request: GET /bak.html, expect: no_match}
"#,
    check: Check::Signature(check),
};

fn check(subject: &Subject<'_>, findings: &mut Findings) {
    for leaf in subject.leaves.iter().filter(|leaf| leaf.field() == Field::PathExt) {
        for (expression, text, _) in leaf.texts() {
            if text.contains(&b'.') {
                let diagnostic = findings.at(expression.span, "an extension has no dot", "has one");
                let written = subject.slice(expression.span);
                let bare = written.replacen('.', "", 1);
                findings.push(diagnostic.proposal("leave it out", expression.span, bare));
            }
        }
    }
}
