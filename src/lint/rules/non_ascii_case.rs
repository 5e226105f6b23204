//! `contains i"É"`.

use crate::lint::subject::Subject;
use crate::lint::{Category, Check, Findings, Level, Lint};

pub const LINT: Lint = Lint {
    id: "non-ascii-case",
    category: Category::Text,
    level: Level::Warn,
    what: "Looks for capital letters outside ASCII in text that ignores the case.",
    why: "`i\"…\"` ignores the case of ASCII letters only: `É` and `é` stay two different texts. Write the \
          case out with two texts.",
    example: r#"
when: req.query contains i"ÉVIL"
tests:
  - {name: this form, request: "GET /?q=%C3%89vil", expect: match}
  - {name: the small letter gets away, request: "GET /?q=%C3%A9vil", expect: no_match}
"#,
    instead: r#"
when: req.query contains ["ÉVIL", "évil"]
tests:
  - {name: this form, request: "GET /?q=%C3%89VIL", expect: match}
  - {name: the other form, request: "GET /?q=%C3%A9vil", expect: match}
  - {name: without accent, request: "GET /?q=evil", expect: no_match}
"#,
    check: Check::Signature(check),
};

fn check(subject: &Subject<'_>, findings: &mut Findings) {
    for leaf in &subject.leaves {
        for (expression, text, ignore_case) in leaf.texts() {
            let cased = |c: char| !c.is_ascii() && (c.is_uppercase() || c.is_lowercase());
            if ignore_case && String::from_utf8_lossy(text).chars().any(|c| c != '\u{fffd}' && cased(c)) {
                findings.push(
                    findings
                        .at(expression.span, "only the case of ASCII letters is ignored", "has other letters")
                        .help("write the other form of the letter beside it, in a list"),
                );
            }
        }
    }
}
