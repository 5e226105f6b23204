//! Scores that never come to the threshold, however many of them match.

use crate::ir::{Action, Rule};
use crate::lint::{Category, Check, Findings, Level, Lint, Set};

pub const LINT: Lint = Lint {
    id: "unreachable-threshold",
    category: Category::Set,
    level: Level::Deny,
    what: "Looks for a `score.threshold` above the sum of every score of the set.",
    why: "A request that matches every signature with a `score` is still below the threshold: nothing is ever blocked \
          for its score.",
    example: r#"
# edgesig.yaml
edgesig: 1
score: {threshold: 8}
---
id: trace
when: req.method == "TRACE"
then: score(3)
tests:
  - {name: a trace, request: TRACE /, expect: match}
  - {name: a page, request: GET /TRACE, expect: no_match}
---
id: no-agent
when: not exists req.headers["user-agent"]
then: score(3)
tests:
  - {name: nobody, request: GET /, expect: match}
  - {name: somebody, request: {url: /, headers: {User-Agent: a}}, expect: no_match}
"#,
    instead: r#"
# edgesig.yaml
edgesig: 1
score: {threshold: 6}
---
id: trace
when: req.method == "TRACE"
then: score(3)
tests:
  - {name: a trace, request: TRACE /, expect: match}
  - {name: a page, request: GET /TRACE, expect: no_match}
---
id: no-agent
when: not exists req.headers["user-agent"]
then: score(3)
tests:
  - {name: nobody, request: GET /, expect: match}
  - {name: somebody, request: {url: /, headers: {User-Agent: a}}, expect: no_match}
"#,
    check: Check::Set(check),
};

fn check(set: &Set<'_>, findings: &mut Findings) {
    let Some(threshold) = set.ruleset.settings.score_threshold.filter(|_| set.whole) else { return };
    let score = |rule: &Rule| -> u64 {
        let points = |action: &Action| if let Action::Score(points) = action { u64::from(*points) } else { 0 };
        rule.actions.iter().map(points).sum()
    };
    // Drafts too: one that is written may be what is still to come.
    let sum: u64 = set.subjects.iter().map(|subject| score(subject.rule)).sum();
    let Some(first) = set.subjects.iter().find(|subject| score(subject.rule) > 0) else { return };
    if sum >= u64::from(threshold) {
        return;
    }
    let action =
        first.signature.then.iter().find(|action| matches!(action.value, crate::syntax::ast::Action::Score(_)));
    let span = action.map_or(first.rule.span, |action| action.span);
    findings.push(
        findings
            .at(span, format!("no request comes to the threshold of {threshold}"), "one of the scores")
            .note(format!("all scores of the set together are {sum}"))
            .help(format!("lower `score: {{threshold: {threshold}}}` in edgesig.yaml, or raise the scores")),
    );
}
