//! A redirect to where the request came from, or to what is redirected again.

use crate::catalog::Field;
use crate::eval;
use crate::ir::{Action, TemplatePart, Test};
use crate::lint::subject::Subject;
use crate::lint::{Category, Check, Findings, Level, Lint};
use crate::request::Request;

pub const LINT: Lint = Lint {
    id: "redirect-loop",
    category: Category::Action,
    level: Level::Deny,
    what: "Looks for redirects to the same URL whose condition holds there too, and follows those of the tests: a URL \
          that comes again is a loop.",
    why: "`https://{req.host}{req.url.raw}` is the URL that was asked for. Unless the condition reads the \
          scheme (or something else that changes on the way), the client is sent round until it gives up. So it is \
          with a fixed target that the condition holds for.",
    example: r#"
id: shop
when: req.path starts_with "/shop/"
then: redirect(301, "https://{req.host}{req.url.raw}")
tests:
  - {name: the shop, request: GET /sh%6fp/, expect: match}
  - {name: a page, request: GET /shops/, expect: no_match}
---
id: bare-name
when: req.host == "example.com"
then: redirect(301, "https://example.com/")
tests:
  - {name: the bare name, request: {url: "/%61", headers: {host: example.com}}, expect: match}
  - {name: the whole one, request: {url: /a, headers: {host: www.example.com}}, expect: no_match}
"#,
    instead: r#"
id: shop
when: req.scheme == "http" and req.path starts_with "/shop/"
then: redirect(301, "https://{req.host}{req.url.raw}")
tests:
  - {name: the shop, request: {url: /sh%6fp/, scheme: http}, expect: match}
  - {name: over TLS, request: {url: /shop/, scheme: https}, expect: no_match}
  - {name: a page, request: {url: /shops/, scheme: http}, expect: no_match}
---
id: bare-name
when: req.host == "example.com"
then: redirect(301, "https://www.example.com/")
tests:
  - {name: the bare name, request: {url: "/%61", headers: {host: example.com}}, expect: match}
  - {name: the whole one, request: {url: /a, headers: {host: www.example.com}}, expect: no_match}
"#,
    check: Check::Signature(check),
};

/// Redirects that are followed: browsers give up after 20.
const MAX_HOPS: usize = 4;

/// A URL that the client of a test comes to twice.
fn loops(subject: &Subject<'_>, template: &[TemplatePart], status: u16, test: &Test) -> Option<String> {
    let [step] = test.steps.as_slice() else { return None };
    if !step.expect_match || step.request.raw.is_some() {
        return None;
    }
    let mut request = step.request.clone();
    let mut seen: Vec<String> = Vec::new();
    while seen.len() <= MAX_HOPS && eval::matches(subject.ruleset, subject.index, &request) {
        let url = location(template, &request)?;
        if seen.contains(&url) {
            return Some(url);
        }
        request = follow(&request, &url, status)?;
        seen.push(url);
    }
    None
}

/// The target of the redirect of a request.
fn location(template: &[TemplatePart], request: &Request) -> Option<String> {
    let mut url = String::new();
    for part in template {
        url.push_str(match part {
            TemplatePart::Text(text) => text,
            TemplatePart::Host => std::str::from_utf8(request.header_values("host").next()?).ok()?,
            TemplatePart::UrlRaw => std::str::from_utf8(&request.target).ok()?,
        });
    }
    Some(url)
}

/// What a client asks next.
fn follow(request: &Request, url: &str, status: u16) -> Option<Request> {
    let mut next = request.clone();
    let target = match url.split_once("://") {
        Some((scheme, rest)) => {
            let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            next.facts.scheme = Some(scheme.to_owned());
            next.headers.retain(|(name, _)| !name.eq_ignore_ascii_case(b"host"));
            next.headers.insert(0, (b"Host".to_vec(), host.as_bytes().to_vec()));
            path
        }
        None => url,
    };
    next.target = if target.is_empty() { b"/".to_vec() } else { target.as_bytes().to_vec() };
    if !matches!(status, 307 | 308) && next.method != b"HEAD" {
        next.method = b"GET".to_vec();
        next.body.clear();
        next.headers.retain(|(name, _)| !name.to_ascii_lowercase().starts_with(b"content-"));
    }
    Some(next)
}

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
        return;
    }
    if subject.rule.rate.is_some() {
        return;
    }
    for action in &subject.rule.actions {
        let Action::Redirect { template, status } = action else { continue };
        let mut followed = subject.rule.tests.iter();
        let found = followed.find_map(|test| Some((test, loops(subject, template, *status, test)?)));
        if let Some((test, url)) = found {
            let span = subject.signature.then.first().map_or(subject.rule.span, |action| action.span);
            findings.push(
                findings
                    .at(span, "this redirect leads to what it redirects again", "the client comes back")
                    .secondary(test.span, "followed from here")
                    .note(format!("a match again, and again the same redirect: `{url}`"))
                    .help("let the condition hold for what is to be redirected only, not for the target"),
            );
        }
    }
}
