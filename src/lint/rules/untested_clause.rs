//! A part of `when` that could say the contrary.

use crate::ir::{Comparison, Predicate};
use crate::lint::subject::Subject;
use crate::lint::{Category, Check, Findings, Level, Lint};

pub const LINT: Lint = Lint {
    id: "untested-clause",
    category: Category::Tests,
    level: Level::Warn,
    what: "Looks for a comparison of `when` that decides no test: turned into its contrary, every test still \
          gives the same verdict.",
    why: "Whatever is wrong with that part, no test would notice. Add a request for which everything else \
          holds and this does not.",
    example: r#"
when: req.path == "/upload.php" or (req.path == "/import.php" and req.method == "POST")
tests:
  - {name: an upload, request: POST /uplo%61d.php, expect: match}
  - {name: a page, request: POST /uploads, expect: no_match}
"#,
    instead: r#"
when: req.path == "/upload.php" or (req.path == "/import.php" and req.method == "POST")
tests:
  - {name: an upload, request: POST /uplo%61d.php, expect: match}
  - {name: an import, request: POST /import.php, expect: match}
  - {name: another page, request: POST /uploads, expect: no_match}
"#,
    check: Check::Signature(check),
};

fn check(subject: &Subject<'_>, findings: &mut Findings) {
    for (comparison, (if_true, if_false)) in decisions(subject) {
        if !if_true && !if_false {
            findings.push(
                findings
                    .at(comparison.span, "no test depends on this part of the condition", "could say the contrary")
                    .help("add a test in which everything else is as it should be and only this decides"),
            );
        }
    }
}

/// Of each comparison of `when`: whether some test's verdict changes when it is always true, and always false.
pub fn decisions<'s>(subject: &Subject<'s>) -> Vec<(&'s Comparison, (bool, bool))> {
    let when = &subject.rule.when;
    let steps = || subject.rule.tests.iter().flat_map(|test| &test.steps);
    let mut comparisons = Vec::new();
    when.each_comparison(&mut |comparison| comparisons.push(comparison));
    let both = steps().any(|step| step.expect_match) && steps().any(|step| !step.expect_match);
    if !both || comparisons.len() > MAX_COMPARISONS || comparisons.len() < 2 {
        return Vec::new();
    }
    let mut truths: Vec<Vec<bool>> =
        subject.truths().iter().take(MAX_REQUESTS).map(|truths| truths.comparisons.clone()).collect();
    let verdicts: Vec<bool> = truths.iter().map(|truths| holds(when, &mut truths.iter())).collect();
    let mut changes = |index: usize, constant: bool| {
        truths.iter_mut().zip(&verdicts).any(|(truths, verdict)| {
            let truth = std::mem::replace(&mut truths[index], constant);
            let mutant = truth != constant && holds(when, &mut truths.iter()) != *verdict;
            truths[index] = truth;
            mutant
        })
    };
    let mut decided = |index| (changes(index, true), changes(index, false));
    comparisons.into_iter().enumerate().map(|(index, comparison)| (comparison, decided(index))).collect()
}

const MAX_COMPARISONS: usize = 64;
const MAX_REQUESTS: usize = 200;

/// The truth of a condition from the truths of its comparisons, left to right. Every part takes its own.
fn holds(predicate: &Predicate, truths: &mut std::slice::Iter<'_, bool>) -> bool {
    match predicate {
        Predicate::All(parts) => parts.iter().filter(|part| !holds(part, truths)).count() == 0,
        Predicate::Any(parts) => parts.iter().filter(|part| holds(part, truths)).count() > 0,
        Predicate::Not(inner) => !holds(inner, truths),
        Predicate::Compare(_) => truths.next().copied().unwrap_or_default(),
    }
}
