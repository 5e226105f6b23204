//! A negative test that has nothing to do with the signature.

use crate::eval;
use crate::lint::subject::LiteralKind;
use crate::lint::subject::Subject;
use crate::lint::texts;
use crate::lint::{Category, Check, Findings, Level, Lint};
use crate::request::Request;

pub const LINT: Lint = Lint {
    id: "distant-negative-test",
    category: Category::Tests,
    level: Level::Warn,
    what: "Looks for signatures whose tests without match are all far from matching: no part of the condition \
          holds for them, and no three letters of it are in them.",
    why: "`GET /` passes every signature and proves nothing. A near miss, a request that a customer could send \
          and that looks like the attack, is what keeps false alarms out.",
    example: r#"
when: req.path contains "/phpmyadmin/setup"
tests:
  - {name: the setup, request: GET /phpmyadm%69n/setup, expect: match}
  - {name: a page, request: GET /, expect: no_match}
"#,
    instead: r#"
when: req.path contains "/phpmyadmin/setup"
tests:
  - {name: the setup, request: GET /phpmyadm%69n/setup, expect: match}
  - {name: a page about it, request: GET /docs/phpmyadmin-setup, expect: no_match}
"#,
    check: Check::Signature(check),
};

fn check(subject: &Subject<'_>, findings: &mut Findings) {
    if subject.rule.rate.is_some() {
        return;
    }
    let steps = subject.rule.tests.iter().flat_map(|test| &test.steps).filter(|step| !step.expect_match);
    let requests: Vec<&Request> = steps.map(|step| &step.request).collect();
    if requests.is_empty() {
        return;
    }
    let mut distant = subject.truths().iter().filter(|truths| !truths.step.expect_match);
    if distant.any(|truths| truths.comparisons.contains(&true)) {
        return;
    }
    let words = words(subject);
    // A condition without words (addresses, numbers) has no near miss that could be told from others.
    if words.is_empty() {
        return;
    }
    let excepted = |request: &&Request| {
        subject.rule.except.as_ref().is_some_and(|except| eval::predicate_holds(subject.ruleset, except, request))
    };
    let has_word = |request: &&Request| {
        let text = request.to_wire().to_ascii_lowercase();
        words.iter().any(|word| texts::contains(&text, word))
    };
    if !requests.iter().any(|request| excepted(request) || has_word(request)) {
        findings.push(
            findings.at(subject.rule.span, "no test without match is a near miss", "only far ones").help(
                "add a request that a customer could send and that looks like the attack, with `expect: no_match`",
            ),
        );
    }
}

/// Three letters in a row of the condition's texts and patterns, in lower case.
fn words(subject: &Subject<'_>) -> Vec<Vec<u8>> {
    let mut words: Vec<Vec<u8>> = Vec::new();
    for leaf in subject.when() {
        for literal in &leaf.literals {
            let text = match literal.kind {
                LiteralKind::Text { value, .. } => value,
                LiteralKind::Regex(regex) => regex.pattern.as_bytes(),
                LiteralKind::Other => continue,
            };
            let parts = text.split(|byte| !byte.is_ascii_alphabetic());
            words.extend(parts.flat_map(|part| part.windows(3)).map(<[u8]>::to_ascii_lowercase));
        }
    }
    words
}
