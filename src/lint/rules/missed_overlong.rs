//! `"\xc0\xae"` without `"\xe0\x80\xae"`.

use crate::eval;
use crate::lint::subject::Subject;
use crate::lint::{Category, Check, Findings, Level, Lint};

pub const LINT: Lint = Lint {
    id: "missed-overlong",
    category: Category::Text,
    level: Level::Warn,
    what: "Looks for signatures that find the two-byte overlong form of a dot or a slash in the URL, and not the \
          three-byte form.",
    why: "A decoder that takes `%c0%ae` for a dot takes `%e0%80%ae` for one as well: whoever knows the one knows \
          the other. The evaluator has run the request of a test with the other form.",
    example: r#"
when: req.url contains ["../", "\xc0\xae\xc0\xae/"]
tests:
  - {name: dots, request: "GET /?file=%2e%2e/", expect: match}
  - {name: overlong, request: "GET /?file=%c0%ae%c0%ae/", expect: match}
  - {name: no way up, request: "GET /?file=..a/", expect: no_match}
"#,
    instead: r#"
when: req.url contains ["../", "\xc0\xae\xc0\xae/", "\xe0\x80\xae\xe0\x80\xae/"]
tests:
  - {name: dots, request: "GET /?file=%2e%2e/", expect: match}
  - {name: overlong, request: "GET /?file=%c0%ae%c0%ae/", expect: match}
  - {name: three bytes, request: "GET /?file=%e0%80%ae%e0%80%ae/", expect: match}
  - {name: no way up, request: "GET /?file=..a/", expect: no_match}
"#,
    check: Check::Signature(check),
};

/// Two bytes and three for `.` and `/`.
const FORMS: [(&[u8; 6], &[u8; 9]); 2] = [(b"%c0%ae", b"%e0%80%ae"), (b"%c0%af", b"%e0%80%af")];

fn check(subject: &Subject<'_>, findings: &mut Findings) {
    let rule = subject.rule;
    if rule.is_allow() || rule.rate.is_some() {
        return;
    }
    for test in &rule.tests {
        let [step] = test.steps.as_slice() else { continue };
        let Some(target) = lengthened(&step.request.target).filter(|_| step.expect_match) else { continue };
        // A raw message has its target in another place as well.
        let request = crate::request::Request { target, raw: None, ..step.request.clone() };
        let finds = |request| eval::matches(subject.ruleset, subject.index, request);
        if finds(&step.request) && !finds(&request) {
            let url = String::from_utf8_lossy(&request.target).into_owned();
            findings.push(
                findings
                    .at(
                        subject.signature.when.span,
                        "the three-byte form of an overlong character passes",
                        "does not hold",
                    )
                    .secondary(test.span, "the two-byte form is found")
                    .note(format!("no match: `{url}`"))
                    .help("add the text with `\\xe0\\x80\\xae` for a dot, `\\xe0\\x80\\xaf` for a slash, and a test"),
            );
            return;
        }
    }
}

/// The target with every two-byte form in three bytes; nothing where there is none.
fn lengthened(target: &[u8]) -> Option<Vec<u8>> {
    let mut text = Vec::with_capacity(target.len());
    let mut found = false;
    let mut rest = target;
    while let Some((&byte, tail)) = rest.split_first() {
        let form = FORMS.iter().find(|(short, _)| rest.len() >= 6 && rest[..6].eq_ignore_ascii_case(*short));
        if let Some((_, long)) = form {
            found = true;
            text.extend_from_slice(*long);
            rest = &rest[6..];
        } else {
            text.push(byte);
            rest = tail;
        }
    }
    found.then_some(text)
}
