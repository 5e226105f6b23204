//! `url_decode(lower(x))`.

use crate::lint::subject::Subject;
use crate::lint::{Category, Check, Findings, Level, Lint};
use crate::syntax::ast::ExpressionKind;

pub const LINT: Lint = Lint {
    id: "lower-before-decode",
    category: Category::Text,
    level: Level::Warn,
    what: "Looks for `lower` or `upper` inside a decoding function.",
    why: "Decoding comes after the letters were made small, so what was encoded keeps its case: \
          `url_decode(lower(\"%41dmin\"))` is `Admin`. Base64 text in another case is another text altogether.",
    example: r#"
when: url_decode(lower(req.path)) contains "/admin"
tests:
  - {name: the page, request: GET /%2561dmin, expect: match}
  - {name: another page, request: GET /adm%69, expect: no_match}
"#,
    instead: r#"
when: lower(url_decode(req.path)) contains "/admin"
tests:
  - {name: the page, request: GET /%2561dmin, expect: match}
  - {name: another page, request: GET /adm%69, expect: no_match}
"#,
    check: Check::Signature(check),
};

fn check(subject: &Subject<'_>, findings: &mut Findings) {
    subject.each_expression(&mut |expression| {
        let ExpressionKind::Call { name, arguments } = &expression.kind else { return };
        let [argument] = arguments.as_slice() else { return };
        if !matches!(name.value.as_str(), "url_decode" | "html_decode" | "base64_decode") {
            return;
        }
        let ExpressionKind::Call { name: inner, arguments: innermost } = &argument.kind else { return };
        let [value] = innermost.as_slice() else { return };
        if matches!(inner.value.as_str(), "lower" | "upper") {
            let swapped = format!("{}({}({}))", inner.value, name.value, subject.slice(value.span));
            findings.push(
                findings
                    .at(
                        expression.span,
                        format!("`{}` brings letters back that `{}` never saw", name.value, inner.value),
                        "decoded after the case was changed",
                    )
                    .proposal("decode first", expression.span, swapped),
            );
        }
    });
}
