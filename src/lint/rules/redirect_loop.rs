//! A redirect to where the request came from.

use crate::catalog::Field;
use crate::ir::{Action, TemplatePart};
use crate::lint::subject::Subject;
use crate::lint::{Category, Check, Findings, Level, Lint};

pub const LINT: Lint = Lint {
    id: "redirect-loop",
    category: Category::Action,
    level: Level::Deny,
    what: "Looks for redirects to the same URL whose condition holds there too.",
    why: "`https://{req.host}{req.url.raw}` is the URL that was asked for. Unless the condition reads the \
          scheme (or something else that changes on the way), the client is sent round until it gives up.",
    example: r#"
when: req.path starts_with "/shop/"
then: redirect(301, "https://{req.host}{req.url.raw}")
tests:
  - {name: the shop, request: GET /sh%6fp/, expect: match}
  - {name: a page, request: GET /shops/, expect: no_match}
"#,
    instead: r#"
when: req.scheme == "http" and req.path starts_with "/shop/"
then: redirect(301, "https://{req.host}{req.url.raw}")
tests:
  - {name: the shop, request: {url: /sh%6fp/, scheme: http}, expect: match}
  - {name: over TLS, request: {url: /shop/, scheme: https}, expect: no_match}
  - {name: a page, request: {url: /shops/, scheme: http}, expect: no_match}
"#,
    check: Check::Signature(check),
};

fn check(subject: &Subject<'_>, findings: &mut Findings) {
    let same = |parts: &[TemplatePart]| match parts {
        [TemplatePart::Text(scheme), TemplatePart::Host, TemplatePart::UrlRaw] => scheme == "https://",
        _ => false,
    };
    let returns = subject
        .rule
        .actions
        .iter()
        .any(|action| if let Action::Redirect { template, .. } = action { same(template) } else { false });
    // The client repeats the rest of the request; what it is known by can be another one over TLS.
    let stays = |field: Field| {
        field.reads_url()
            || matches!(field, Field::Host | Field::Method | Field::Headers | Field::Cookies | Field::ClientIp)
    };
    if returns && subject.leaves.iter().all(|leaf| stays(leaf.field())) {
        let span = subject.signature.then.first().map_or(subject.rule.span, |action| action.span);
        findings.push(
            findings
                .at(span, "this redirect leads to itself", "the same URL again")
                .secondary(subject.signature.when.span, "holds there too")
                .help("add `req.scheme == \"http\"`"),
        );
    }
}
