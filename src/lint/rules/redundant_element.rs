//! `contains ["ab", "abc"]`.

use crate::ir::{self, Text};
use crate::lint::subject::{Leaf, Subject, without};
use crate::lint::texts;
use crate::lint::{Category, Check, Findings, Level, Lint};
use crate::source::Span;
use crate::syntax::ast::ExpressionKind;

pub const LINT: Lint = Lint {
    id: "redundant-element",
    category: Category::Logic,
    level: Level::Warn,
    what: "Looks for an element of a list in a condition that another one already finds.",
    why: "Where `jndi:` is found, `${jndi:` need not be looked for. The longer text may also be what was \
          meant, and the shorter one the mistake.",
    example: r#"
when: req.query contains ["${jndi:", "jndi:"]
tests:
  - {name: a lookup, request: "GET /?q=%24%7Bjndi:ldap", expect: match}
  - {name: a word, request: "GET /?q=jndi", expect: no_match}
"#,
    instead: r#"
when: req.query contains "jndi:"
tests:
  - {name: a lookup, request: "GET /?q=%24%7Bjndi:ldap", expect: match}
  - {name: a word, request: "GET /?q=jndi", expect: no_match}
"#,
    check: Check::Signature(check),
};

fn check(subject: &Subject<'_>, findings: &mut Findings) {
    for leaf in &subject.leaves {
        let ir::Check::Text { operator, .. } = leaf.comparison.check else { continue };
        let literals: Vec<_> = leaf.texts().collect();
        if literals.len() > 200 {
            continue;
        }
        let text = |value: &[u8], ignore_case| Text { bytes: value.to_vec(), ignore_case };
        let all: Vec<_> = literals.iter().map(|(at, value, ignore)| (at.span, text(value, *ignore))).collect();
        for (span, one) in &all {
            let other = all.iter().find(|(other, wider)| {
                other != span
                    && wider != one
                    && texts::implies((operator, one), (operator, wider))
                    && !texts::implies((operator, wider), (operator, one))
            });
            if let Some((other, _)) = other {
                let diagnostic = findings
                    .at(*span, "another element of this list finds this too", "not needed")
                    .secondary(*other, "finds all of it")
                    .help("leave one of the two out");
                findings.push(match element(leaf, *span) {
                    Some(cut) => diagnostic.fix("leave it out", cut, ""),
                    None => diagnostic,
                });
            }
        }
    }
}

/// What to cut so that an element goes. A list with a name may be compared in other ways elsewhere.
fn element(leaf: &Leaf<'_>, span: Span) -> Option<Span> {
    let ExpressionKind::List(elements) = &leaf.written?.right.kind else { return None };
    without(elements, elements.iter().position(|element| element.span == span)?)
}
