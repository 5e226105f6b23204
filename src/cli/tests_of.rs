//! The tests of one signature, run in the evaluator. `check`, `test` and `explain` use it.

use crate::eval::Evaluator;
use crate::ir::{Check, Integers, Needles, Networks, Patterns};
use crate::ir::{List, ListIndex, ListValues, Mode, Predicate, Rule, Ruleset, Value};
use std::collections::BTreeSet;

/// A step whose verdict is not the expected one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Miss {
    /// Indices into `Rule::tests` and `Test::steps`.
    pub test: usize,
    pub step: usize,
    pub matched: bool,
}

/// Runs every test of a rule; gives the first step of each that went wrong.
pub fn run(ruleset: &Ruleset, rule: &Rule) -> Vec<Miss> {
    let alone = alone(ruleset, rule);
    let mut misses = Vec::new();
    for (test, steps) in rule.tests.iter().map(|test| &test.steps).enumerate() {
        // A sequence starts with empty state.
        let mut evaluator = Evaluator::new(&alone);
        for (step, wanted) in steps.iter().enumerate() {
            let matched = !evaluator.verdict(&wanted.request).matched.is_empty();
            if matched != wanted.expect_match {
                misses.push(Miss { test, step, matched });
                break;
            }
        }
    }
    misses
}

/// A set with this rule alone, monitored: a test judges its signature, whatever its mode and whatever else there is.
pub fn alone(ruleset: &Ruleset, rule: &Rule) -> Ruleset {
    let mut rule = rule.clone();
    rule.mode = Mode::Monitor;
    rule.tests = Vec::new();
    let mut used: BTreeSet<ListIndex> = ruleset.settings.trusted_proxies.into_iter().collect();
    rule.predicates().for_each(|predicate| lists(predicate, &mut used));
    // Indices stay; lists that the rule does not read are left empty, since they can be long.
    let lists = ruleset
        .lists
        .iter()
        .enumerate()
        .map(|(index, list)| if used.contains(&ListIndex(index)) { list.clone() } else { without_values(list) })
        .collect();
    Ruleset { settings: ruleset.settings.clone(), lists, rules: vec![rule] }
}

fn without_values(list: &List) -> List {
    let values = match list.values {
        ListValues::Ip(_) => ListValues::Ip(Vec::new()),
        ListValues::Strings(_) => ListValues::Strings(Vec::new()),
        ListValues::Int(_) => ListValues::Int(Vec::new()),
        ListValues::Regex(_) => ListValues::Regex(Vec::new()),
    };
    List { name: list.name.clone(), span: list.span, values, edge: list.edge.clone() }
}

fn lists(predicate: &Predicate, used: &mut BTreeSet<ListIndex>) {
    predicate.each_comparison(&mut |comparison| match &comparison.check {
        Check::Text { needles: Needles::List(list), .. }
        | Check::Matches(Patterns::List(list))
        | Check::IntegerIn(Integers::List(list))
        | Check::Network(Networks::List(list)) => {
            used.insert(*list);
        }
        Check::Text { needles: Needles::Literals(_), .. }
        | Check::Matches(Patterns::Literals(_))
        | Check::IntegerIn(Integers::Literals(_))
        | Check::Network(Networks::Literals(_))
        | Check::Exists
        | Check::IsTrue
        | Check::Integer { .. }
        | Check::SameAs(Value::Field(_) | Value::Call(..)) => {}
    });
}
