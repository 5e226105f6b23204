//! A part of `when` that could say the contrary.

use crate::eval;
use crate::ir::{Comparison, Predicate};
use crate::lint::subject::Subject;
use crate::lint::{Category, Check, Findings, Level, Lint};
use crate::request::Request;

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
    // Repetitions of a sequence say nothing new.
    let mut requests: Vec<&Request> = Vec::new();
    for step in steps() {
        let is_known = |known: &&Request| known.target == step.request.target && alike(known, &step.request);
        if requests.len() < MAX_REQUESTS && !requests.iter().rev().take(4).any(is_known) {
            requests.push(&step.request);
        }
    }
    let truths = eval::comparison_truths(subject.ruleset, when, &requests);
    let changes = |index: usize, constant: bool| {
        truths.iter().any(|truths| {
            let mut mutant = truths.clone();
            mutant[index] = constant;
            holds(when, &mut truths.iter()) != holds(when, &mut mutant.iter())
        })
    };
    let decided = |index| (changes(index, true), changes(index, false));
    comparisons.into_iter().enumerate().map(|(index, comparison)| (comparison, decided(index))).collect()
}

const MAX_COMPARISONS: usize = 64;
const MAX_REQUESTS: usize = 200;

fn alike(a: &Request, b: &Request) -> bool {
    (&a.method, &a.headers, &a.body, &a.client_ip, &a.facts, &a.raw)
        == (&b.method, &b.headers, &b.body, &b.client_ip, &b.facts, &b.raw)
}

/// The truth of a condition from the truths of its comparisons, left to right. Every part takes its own.
fn holds(predicate: &Predicate, truths: &mut std::slice::Iter<'_, bool>) -> bool {
    match predicate {
        Predicate::All(parts) => parts.iter().filter(|part| !holds(part, truths)).count() == 0,
        Predicate::Any(parts) => parts.iter().filter(|part| holds(part, truths)).count() > 0,
        Predicate::Not(inner) => !holds(inner, truths),
        Predicate::Compare(_) => truths.next().copied().unwrap_or_default(),
    }
}
