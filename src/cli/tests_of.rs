//! The tests of one signature, run in the evaluator. `check` and `test` use it.

use crate::eval::{self, LimitKind};
use crate::ir::Ruleset;

/// A step whose verdict is not the expected one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Miss {
    /// Indices into `Rule::tests` and `Test::steps`.
    pub test: usize,
    pub step: usize,
    pub matched: bool,
    /// The request is over this limit, so that the signature never saw it.
    pub limit: Option<LimitKind>,
}

/// Runs every test of rule number `rule`; gives the first step of each that went wrong.
pub fn run(ruleset: &Ruleset, rule: usize) -> Vec<Miss> {
    let mut misses = Vec::new();
    let tests = ruleset.rules[rule].tests.iter().zip(eval::run_tests(ruleset, rule));
    for (test, (body, outcomes)) in tests.enumerate() {
        let wrong = outcomes.iter().zip(&body.steps).position(|(outcome, step)| outcome.matched != step.expect_match);
        if let Some(step) = wrong {
            misses.push(Miss { test, step, matched: outcomes[step].matched, limit: outcomes[step].limit });
        }
    }
    misses
}
