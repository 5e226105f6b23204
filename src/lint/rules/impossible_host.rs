//! `req.host == "example.com:8443"`.

use crate::catalog::Field;
use crate::ir::{self, TextOperator};
use crate::lint::subject::Subject;
use crate::lint::texts;
use crate::lint::{Category, Check, Findings, Level, Lint};

pub const LINT: Lint = Lint {
    id: "impossible-host",
    category: Category::Text,
    level: Level::Deny,
    what: "Looks for text that no normalised host can have: a port, a scheme, a slash, a trailing dot.",
    why: "`req.host` has neither port nor trailing dot, and a host holds no path. The comparison never holds.",
    example: r#"
when: req.host == "admin.example.com:8443"
tests:
  - {name: no test can match, request: {url: /%61, headers: {host: "admin.example.com:8443"}}, expect: no_match}
"#,
    instead: r#"
when: req.host == "admin.example.com"
tests:
  - {name: that host, request: {url: /, headers: {host: "admin.example.com:8443"}}, expect: match}
  - {name: another host, request: {url: /, headers: {host: admin.example.net}}, expect: no_match}
"#,
    check: Check::Signature(check),
};

fn check(subject: &Subject<'_>, findings: &mut Findings) {
    for leaf in subject.leaves.iter().filter(|leaf| leaf.field() == Field::Host && leaf.is_bare()) {
        let ir::Check::Text { operator, .. } = leaf.comparison.check else { continue };
        let at_end = matches!(operator, TextOperator::Equals | TextOperator::EndsWith);
        for (expression, text, _) in leaf.texts() {
            let bracketed = text.contains(&b'[') || text.contains(&b']');
            let port = text.iter().rposition(|byte| *byte == b':').is_some_and(|colon| {
                text[colon + 1..].iter().all(u8::is_ascii_digit) && !bracketed && colon + 1 < text.len()
            });
            let wrong = if port && at_end {
                "port"
            } else if texts::contains(text, b"://") {
                "scheme"
            } else if at_end && text.len() > 1 && text.ends_with(b".") {
                "trailing dot"
            } else {
                continue;
            };
            findings.push(
                findings
                    .at(expression.span, format!("`req.host` has no {wrong}"), "never found")
                    .help("write the bare name, or compare with `req.headers[\"host\"]`"),
            );
        }
    }
}
