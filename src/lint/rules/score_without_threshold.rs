//! `score(5)` in a project that never adds up.

use crate::lint::subject::Subject;
use crate::lint::{Category, Check, Findings, Level, Lint};
use crate::syntax::ast::Action;

pub const LINT: Lint = Lint {
    id: "score-without-threshold",
    category: Category::Action,
    level: Level::Warn,
    what: "Looks for `score` in a project without `score.threshold`.",
    why: "Scores are then only recorded: nothing is ever blocked for them. Either the threshold was forgotten, \
          or `log` says what is meant.",
    example: r#"
# edgesig.yaml
edgesig: 1
---
when: req.method == "TRACE"
then: score(5)
tests:
  - {name: a trace, request: TRACE /, expect: match}
  - {name: a page, request: GET /TRACE, expect: no_match}
"#,
    instead: r#"
# edgesig.yaml
edgesig: 1
score: {threshold: 5}
---
when: req.method == "TRACE"
then: score(5)
tests:
  - {name: a trace, request: TRACE /, expect: match}
  - {name: a page, request: GET /TRACE, expect: no_match}
"#,
    check: Check::Signature(check),
};

fn check(subject: &Subject<'_>, findings: &mut Findings) {
    if subject.ruleset.settings.score_threshold.is_some() {
        return;
    }
    for action in subject.signature.then.iter().filter(|action| matches!(action.value, Action::Score(_))) {
        findings.push(
            findings
                .at(action.span, "this score never blocks: the project has no threshold", "only recorded")
                .help("add `score: {threshold: 10}` to edgesig.yaml, or use `log`"),
        );
    }
}
