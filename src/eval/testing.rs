//! The tests of signatures, run in the evaluator, and the bare question whether a condition holds. `cli` (test) and
//! the lints ask.

use super::plan::{Node, Planner, Sight};
use super::{Evaluator, LimitKind, wire};
use crate::ir::{Predicate, Rule, Ruleset, Test};
use crate::request::Request;

/// What came of one step of a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StepOutcome {
    /// The signature matched; with a rate: the rate was over.
    pub matched: bool,
    /// The request is over a limit of the project, so that the signature never saw it.
    pub limit: Option<LimitKind>,
}

/// Runs a test: its signature alone, whatever its mode, with empty rates. One outcome per step.
pub fn run_test(ruleset: &Ruleset, rule: usize, test: &Test) -> Vec<StepOutcome> {
    run_steps(&mut Evaluator::alone(ruleset, rule), rule, test)
}

/// [`run_test`] for every test of a rule.
pub fn run_tests(ruleset: &Ruleset, rule: usize) -> Vec<Vec<StepOutcome>> {
    let Rule { rate, tests, .. } = ruleset.rules[rule].as_ref();
    let mut evaluator = Evaluator::alone(ruleset, rule);
    let mut outcomes = Vec::with_capacity(tests.len());
    for (index, test) in tests.iter().enumerate() {
        if index > 0 && rate.is_some() {
            // Nothing else is kept from one request to the next.
            evaluator = Evaluator::alone(ruleset, rule);
        }
        outcomes.push(run_steps(&mut evaluator, rule, test));
    }
    outcomes
}

fn run_steps(evaluator: &mut Evaluator<'_>, rule: usize, test: &Test) -> Vec<StepOutcome> {
    test.steps
        .iter()
        .map(|step| {
            let verdict = evaluator.verdict(&step.request);
            StepOutcome { matched: verdict.matched.contains(&rule), limit: verdict.limit }
        })
        .collect()
}

/// Whether a rule's `when` holds and its `except` does not, limits and rates left aside.
pub fn matches(ruleset: &Ruleset, rule: usize, request: &Request) -> bool {
    let Some(rule) = ruleset.rules.get(rule) else { return false };
    predicate_holds(ruleset, &rule.when, request)
        && !rule.except.as_ref().is_some_and(|except| predicate_holds(ruleset, except, request))
}

/// Whether a condition holds for a request.
pub fn predicate_holds(ruleset: &Ruleset, predicate: &Predicate, request: &Request) -> bool {
    let mut planner = Planner::new(ruleset, false);
    let node = planner.node(predicate);
    let slots = planner.finish();
    let request = wire::received(request);
    let sight = Sight::new(&slots, &request);
    node.holds(&sight)
}

/// Which comparisons of a condition hold for each request: one truth per comparison, left to right.
pub fn comparison_truths(ruleset: &Ruleset, predicate: &Predicate, requests: &[&Request]) -> Vec<Vec<bool>> {
    let mut planner = Planner::new(ruleset, false);
    let node = planner.node(predicate);
    let slots = planner.finish();
    let truths = |request: &&Request| {
        let request = wire::received(request);
        let sight = Sight::new(&slots, &request);
        let mut truths = Vec::new();
        collect(&node, &sight, &mut truths);
        truths
    };
    requests.iter().map(truths).collect()
}

fn collect<'v>(node: &Node<'_>, sight: &'v Sight<'v>, truths: &mut Vec<bool>) {
    match node {
        Node::All(parts) | Node::Any(parts) => parts.iter().for_each(|part| collect(part, sight, truths)),
        Node::Not(inner) => collect(inner, sight, truths),
        Node::Compare(test) => truths.push(test.holds(sight)),
    }
}
