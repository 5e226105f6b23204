//! `req.path starts_with "admin"`.

use crate::catalog::Field;
use crate::ir::{self, TextOperator};
use crate::lint::subject::Subject;
use crate::lint::{Category, Check, Findings, Level, Lint};

pub const LINT: Lint = Lint {
    id: "relative-path",
    category: Category::Text,
    level: Level::Warn,
    what: "Looks for paths and URLs without `/` at their start under `==` and `starts_with`, those with scheme and host too.",
    why: "A path starts with `/`, whatever form the request has; only `*` does not. The comparison never holds \
          for a request that reaches a page.",
    example: r#"
when: req.path starts_with "admin/"
tests:
  - {name: what was meant, request: GET /adm%69n/, expect: no_match}
"#,
    instead: r#"
when: req.path starts_with "/admin/"
tests:
  - {name: a page, request: GET /adm%69n/, expect: match}
  - {name: another page, request: GET /administrator/, expect: no_match}
"#,
    check: Check::Signature(check),
};

fn check(subject: &Subject<'_>, findings: &mut Findings) {
    for leaf in subject
        .leaves
        .iter()
        .filter(|leaf| matches!(leaf.field(), Field::Path | Field::PathRaw | Field::Url | Field::UrlRaw))
    {
        let ir::Check::Text { operator: TextOperator::Equals | TextOperator::StartsWith, .. } = leaf.comparison.check
        else {
            continue;
        };
        for (expression, text, _) in leaf.texts() {
            let written = subject.slice(expression.span);
            if is_absolute(text) {
                let message = "scheme and host are not part of it";
                findings.push(
                    findings
                        .at(expression.span, message, "never found")
                        .help("write what comes behind the host, and the host as `req.host == \"www.example.com\"`"),
                );
            } else if text.first().is_some_and(|first| first.is_ascii_alphanumeric()) {
                let diagnostic = findings.at(expression.span, "a path starts with `/`", "does not");
                let mended = written.replacen('"', "\"/", 1);
                findings.push(diagnostic.proposal("put it before", expression.span, mended));
            }
        }
    }
}

/// `https://www.example.com/a`
fn is_absolute(text: &[u8]) -> bool {
    let letters = text.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
    letters > 0 && text[letters..].starts_with(b"://")
}
