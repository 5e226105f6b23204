//! `GET /page #top`: the end of a request that YAML takes for a comment.

use crate::lint::subject::Subject;
use crate::lint::{Category, Check, Findings, Level, Lint};
use crate::source::Span;
use crate::syntax::ast::{RequestForm, Step, TestBody};

pub const LINT: Lint = Lint {
    id: "commented-request",
    category: Category::Tests,
    level: Level::Warn,
    what: "Looks for requests of tests, written without quotes, behind which a comment begins with `#` and no blank.",
    why: "To YAML a `#` behind a blank begins a comment. The test does not send what stands there, and does not show what it \
          says.",
    example: r#"
when: req.method == "TRACE"
tests:
  - name: a trace
    request: TRACE /a #top
    expect: match
  - {name: a page, request: GET /TRACE, expect: no_match}
"#,
    instead: r#"
when: req.method == "TRACE"
tests:
  - name: a trace
    request: "TRACE /a#top"
    expect: match
  - {name: a page, request: GET /TRACE, expect: no_match}
"#,
    check: Check::Signature(check),
};

fn check(subject: &Subject<'_>, findings: &mut Findings) {
    // Most signatures have no comment.
    if subject.signature.comments.is_empty() {
        return;
    }
    let steps = subject.signature.tests.iter().flat_map(|test| match &test.body {
        TestBody::Single(step) => std::slice::from_ref(step),
        TestBody::Sequence(steps) => steps.as_slice(),
    });
    for cut in steps.filter_map(|step| cut_off(subject, step)) {
        findings.push(
            findings
                .at(cut, "the end of this request is a comment to YAML", "is not sent")
                .help("put the whole request in quotes, or a blank behind the `#` of a comment"),
        );
    }
}

/// What was meant to belong to the request, perhaps.
fn cut_off(subject: &Subject<'_>, step: &Step) -> Option<Span> {
    let written = match &step.request {
        RequestForm::Text(text) | RequestForm::Curl { command: text, .. } => text.span,
        RequestForm::Map(map) => map.url.as_ref()?.span,
        RequestForm::File(_) => return None,
    };
    if subject.slice(written).starts_with(['"', '\'', '|', '>']) {
        return None;
    }
    let comments = &subject.signature.comments;
    let comment = *comments.get(comments.partition_point(|comment| comment.start < written.end))?;
    let between = subject.slice(Span { start: written.end, end: comment.start, ..written });
    let is_behind = !between.is_empty() && between.chars().all(|letter| letter == ' ' || letter == '\t');
    let text = subject.slice(comment).strip_prefix('#')?;
    (is_behind && text.starts_with(|letter: char| !letter.is_whitespace() && letter != '#')).then_some(comment)
}
