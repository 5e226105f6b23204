//! `lower(x) == "A"`: a text in the wrong case.

use crate::catalog::Field;
use crate::ir::{Call, Value};
use crate::lint::subject::Subject;
use crate::lint::{Category, Check, Findings, Level, Lint};

pub const LINT: Lint = Lint {
    id: "case-never-matches",
    category: Category::Text,
    level: Level::Deny,
    what: "Looks for text with capital letters compared with a value that has none, and the other way round.",
    why: "`lower(…)`, `req.host`, `req.path.ext` and hashes hold no capital letter, `upper(…)` no small one. The \
          comparison can never hold, and the signature is blind without anybody noticing.",
    example: r#"
when: lower(req.path) starts_with "/WEB-INF/"
tests:
  - {name: no test can match, request: GET /%57EB-INF/web.xml, expect: no_match}
"#,
    instead: r#"
when: lower(req.path) starts_with "/web-inf/"
tests:
  - {name: the descriptor, request: GET /%57EB-INF/web.xml, expect: match}
  - {name: another folder, request: GET /web-info/, expect: no_match}
"#,
    check: Check::Signature(check),
};

#[derive(Clone, Copy, PartialEq)]
enum Case {
    Lower,
    Upper,
}

fn check(subject: &Subject<'_>, findings: &mut Findings) {
    for leaf in &subject.leaves {
        let Some(case) = case_of(&leaf.comparison.value) else { continue };
        for (expression, value, ignore_case) in leaf.texts() {
            let wrong = match case {
                Case::Lower => value.iter().any(u8::is_ascii_uppercase),
                Case::Upper => value.iter().any(u8::is_ascii_lowercase),
            };
            if ignore_case || !wrong {
                continue;
            }
            let (has, no) = if case == Case::Lower { ("lower", "capital") } else { ("upper", "small") };
            let written = subject.slice(expression.span);
            let mended = if case == Case::Lower { written.to_ascii_lowercase() } else { written.to_ascii_uppercase() };
            let diagnostic = findings.at(
                expression.span,
                format!("this text can't be found in a value without {no} letters"),
                format!("has {no} letters"),
            );
            let diagnostic = match leaf.written {
                Some(written) => diagnostic.secondary(written.left.span, format!("is in {has} case")),
                None => diagnostic,
            };
            // An escape has a case of its own.
            findings.push(match written.contains('\\') {
                true => diagnostic.help("write the text in the other case"),
                false => diagnostic.proposal("write it in the value's case", expression.span, mended),
            });
        }
    }
}

/// The only case that the value's letters have.
fn case_of(value: &Value) -> Option<Case> {
    match value {
        Value::Field(reference) => matches!(reference.field, Field::Host | Field::PathExt).then_some(Case::Lower),
        Value::Call(call, inner) => match call {
            Call::Lower | Call::Sha256 | Call::Md5 => Some(Case::Lower),
            Call::Upper => Some(Case::Upper),
            Call::Trim | Call::Squeeze | Call::RemoveWhitespace | Call::PathNormalize => case_of(inner),
            Call::Length
            | Call::UrlDecode
            | Call::HtmlDecode
            | Call::Base64Decode
            | Call::Int
            | Call::Prefix(..)
            | Call::AnyForm => None,
        },
    }
}
