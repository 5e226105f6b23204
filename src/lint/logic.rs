//! Proofs about conditions: what can never hold, what always does, what follows from what. Everything here is sound
//! and incomplete: `true` means proven, `false` means nothing. Absent values make a comparison false, so each proof
//! speaks about present ones.

use super::texts;
use crate::ir::{
    Check, Comparison, IntegerOperator, Integers, ListValues, Needles, Networks, Patterns, Predicate, Quantifier,
    Ruleset, Text, TextOperator,
};
use crate::regex::Regex;
use std::sync::Arc;

/// Steps of one proof; past that nothing is proven.
const BUDGET: u32 = 4_000;
/// Pairs of needles, patterns or networks that are compared for two comparisons.
const MAX_PAIRS: usize = 4_096;

/// A comparison or its contrary.
#[derive(Clone, Copy)]
struct Fact<'p> {
    comparison: &'p Comparison,
    holds: bool,
}

/// Proves that a condition holds for no request.
pub fn never(ruleset: &Ruleset, predicate: &Predicate) -> bool {
    refute(ruleset, &[(predicate, true)])
}

/// Proves that a condition holds for every request.
pub fn always(ruleset: &Ruleset, predicate: &Predicate) -> bool {
    refute(ruleset, &[(predicate, false)])
}

/// Proves that `second` holds wherever `first` does.
pub fn implies(ruleset: &Ruleset, first: &Predicate, second: &Predicate) -> bool {
    refute(ruleset, &[(first, true), (second, false)])
}

/// Proves that the conditions, each wanted true or false, are never so together.
pub fn refute(ruleset: &Ruleset, wanted: &[(&Predicate, bool)]) -> bool {
    let mut prover = Prover { ruleset, budget: BUDGET };
    prover.refute(&mut Vec::new(), wanted.to_vec())
}

struct Prover<'r> {
    ruleset: &'r Ruleset,
    budget: u32,
}

impl Prover<'_> {
    /// Every way to make all of `wanted` so contradicts `facts`, which come back as they were.
    fn refute<'p>(&mut self, facts: &mut Vec<Fact<'p>>, mut wanted: Vec<(&'p Predicate, bool)>) -> bool {
        let known = facts.len();
        let mut choices: Vec<(&'p Predicate, bool)> = Vec::new();
        let mut refuted = false;
        while let Some((predicate, holds)) = wanted.pop() {
            if self.budget == 0 {
                break;
            }
            self.budget -= 1;
            match (predicate, holds) {
                (Predicate::Not(inner), _) => wanted.push((inner, !holds)),
                (Predicate::All(parts), true) | (Predicate::Any(parts), false) => {
                    wanted.extend(parts.iter().map(|part| (part, holds)));
                }
                (Predicate::Any(_), true) | (Predicate::All(_), false) => choices.push((predicate, holds)),
                (Predicate::Compare(comparison), _) => {
                    let fact = Fact { comparison, holds };
                    if self.contradicts(fact, facts) {
                        refuted = true;
                        break;
                    }
                    facts.push(fact);
                }
            }
        }
        // The budget ends a proof as unproven: it is only ever taken from.
        refuted = refuted || (self.budget > 0 && self.refute_choices(facts, &choices));
        facts.truncate(known);
        refuted
    }

    /// Some choice has no way out, whatever is taken of the others.
    fn refute_choices<'p>(&mut self, facts: &mut Vec<Fact<'p>>, choices: &[(&'p Predicate, bool)]) -> bool {
        let Some(((first, holds), rest)) = choices.split_first() else { return false };
        let parts = |predicate: &'p Predicate| match predicate {
            Predicate::All(parts) | Predicate::Any(parts) => parts.as_slice(),
            Predicate::Not(_) | Predicate::Compare(_) => std::slice::from_ref(predicate),
        };
        let alone = choices
            .iter()
            .any(|(choice, holds)| parts(choice).iter().all(|part| self.refute(facts, vec![(part, *holds)])));
        alone
            || (!rest.is_empty()
                && parts(first).iter().all(|part| {
                    let mut next = rest.to_vec();
                    next.push((part, *holds));
                    self.refute(facts, next)
                }))
    }

    fn contradicts(&self, fact: Fact<'_>, facts: &[Fact<'_>]) -> bool {
        if !fact.holds && comparison_always(self.ruleset, fact.comparison) {
            return true;
        }
        facts.iter().any(|other| match (fact.holds, other.holds) {
            (true, true) => comparisons_conflict(self.ruleset, fact.comparison, other.comparison),
            (true, false) => comparison_implies(self.ruleset, fact.comparison, other.comparison),
            (false, true) => comparison_implies(self.ruleset, other.comparison, fact.comparison),
            (false, false) => false,
        })
    }
}

/// Equal but for the place.
pub fn same(a: &Comparison, b: &Comparison) -> bool {
    (a.quantifier, a.negated) == (b.quantifier, b.negated) && a.value == b.value && a.check == b.check
}

/// `b` holds wherever `a` does.
pub fn comparison_implies(ruleset: &Ruleset, a: &Comparison, b: &Comparison) -> bool {
    if a.value != b.value {
        return false;
    }
    if same(a, b) {
        return true;
    }
    let plain =
        |comparison: &Comparison| !comparison.negated && matches!(comparison.quantifier, None | Some(Quantifier::Any));
    if !plain(a) || !plain(b) {
        return false;
    }
    b.check == Check::Exists || check_implies(ruleset, &a.check, &b.check)
}

/// The two never hold together.
fn comparisons_conflict(ruleset: &Ruleset, a: &Comparison, b: &Comparison) -> bool {
    // Of a list, different elements can make both true.
    a.quantifier.is_none()
        && b.quantifier.is_none()
        && !a.value.value_type().is_list()
        && a.value == b.value
        && checks_conflict(ruleset, &a.check, &b.check)
}

/// Holds for every request.
fn comparison_always(_ruleset: &Ruleset, comparison: &Comparison) -> bool {
    let field = comparison.value.field().field.row();
    let total = comparison.quantifier.is_none() && !field.absentable && !field.value_type.is_list();
    let length = matches!(comparison.value, crate::ir::Value::Call(crate::ir::Call::Length, _));
    total
        && length
        && matches!(
            comparison.check,
            Check::Integer { operator: IntegerOperator::GreaterOrEqual, value: ..=0 }
                | Check::Integer { operator: IntegerOperator::Greater, value: ..=-1 }
        )
}

fn check_implies(ruleset: &Ruleset, a: &Check, b: &Check) -> bool {
    if a == b {
        return true;
    }
    if let (Some(a), Some(b)) = (integers(ruleset, a), integers(ruleset, b)) {
        return a.iter().all(|(low, high)| b.iter().any(|(from, to)| from <= low && high <= to));
    }
    match (a, b) {
        (Check::Text { operator: first, needles: a }, Check::Text { operator: second, needles: b }) => {
            let (Some(a), Some(b)) = (texts_of(ruleset, a), texts_of(ruleset, b)) else { return false };
            a.len() * b.len() <= MAX_PAIRS
                && a.iter().all(|a| b.iter().any(|b| texts::implies((*first, a), (*second, b))))
        }
        (Check::Text { operator: TextOperator::Equals, needles }, Check::Matches(patterns)) => {
            let (Some(needles), Some(patterns)) = (texts_of(ruleset, needles), patterns_of(ruleset, patterns)) else {
                return false;
            };
            needles.len() * patterns.len() <= MAX_PAIRS
                && needles.iter().all(|needle| {
                    !needle.ignore_case && patterns.iter().any(|pattern| pattern.is_match(&needle.bytes) == Ok(true))
                })
        }
        (Check::Matches(a), Check::Matches(b)) => match (patterns_of(ruleset, a), patterns_of(ruleset, b)) {
            (Some(a), Some(b)) => a.len() * b.len() <= MAX_PAIRS && a.iter().all(|a| b.contains(a)),
            _ => false,
        },
        (Check::Network(a), Check::Network(b)) => match (networks_of(ruleset, a), networks_of(ruleset, b)) {
            (Some(a), Some(b)) => a.len() * b.len() <= MAX_PAIRS && a.iter().all(|a| b.iter().any(|b| b.contains(a))),
            _ => false,
        },
        (
            Check::Exists
            | Check::IsTrue
            | Check::Text { .. }
            | Check::Matches(_)
            | Check::Integer { .. }
            | Check::IntegerIn(_)
            | Check::Network(_)
            | Check::SameAs(_),
            _,
        ) => false,
    }
}

fn checks_conflict(ruleset: &Ruleset, a: &Check, b: &Check) -> bool {
    if let (Some(a), Some(b)) = (integers(ruleset, a), integers(ruleset, b)) {
        return a.iter().all(|(low, high)| b.iter().all(|(from, to)| high < from || to < low));
    }
    match (a, b) {
        (Check::Text { operator: first, needles: a }, Check::Text { operator: second, needles: b }) => {
            let (Some(a), Some(b)) = (texts_of(ruleset, a), texts_of(ruleset, b)) else { return false };
            a.len() * b.len() <= MAX_PAIRS
                && a.iter().all(|a| b.iter().all(|b| texts::conflict((*first, a), (*second, b))))
        }
        (Check::Text { operator: TextOperator::Equals, needles }, Check::Matches(patterns))
        | (Check::Matches(patterns), Check::Text { operator: TextOperator::Equals, needles }) => {
            let (Some(needles), Some(patterns)) = (texts_of(ruleset, needles), patterns_of(ruleset, patterns)) else {
                return false;
            };
            needles.len() * patterns.len() <= MAX_PAIRS
                && needles.iter().all(|needle| {
                    !needle.ignore_case && patterns.iter().all(|pattern| pattern.is_match(&needle.bytes) == Ok(false))
                })
        }
        (Check::Network(a), Check::Network(b)) => match (networks_of(ruleset, a), networks_of(ruleset, b)) {
            (Some(a), Some(b)) => {
                let apart = |a: &ipnet::IpNet, b: &ipnet::IpNet| !a.contains(b) && !b.contains(a);
                a.len() * b.len() <= MAX_PAIRS && a.iter().all(|a| b.iter().all(|b| apart(a, b)))
            }
            _ => false,
        },
        (
            Check::Exists
            | Check::IsTrue
            | Check::Text { .. }
            | Check::Matches(_)
            | Check::Integer { .. }
            | Check::IntegerIn(_)
            | Check::Network(_)
            | Check::SameAs(_),
            _,
        ) => false,
    }
}

/// The integers that a check lets through, as closed ranges.
fn integers(ruleset: &Ruleset, check: &Check) -> Option<Vec<(i64, i64)>> {
    match check {
        Check::Integer { operator, value } => Some(vec![match operator {
            IntegerOperator::Equal => (*value, *value),
            IntegerOperator::Less => (i64::MIN, value.checked_sub(1)?),
            IntegerOperator::LessOrEqual => (i64::MIN, *value),
            IntegerOperator::Greater => (value.checked_add(1)?, i64::MAX),
            IntegerOperator::GreaterOrEqual => (*value, i64::MAX),
        }]),
        Check::IntegerIn(Integers::Literals(values)) => Some(values.iter().map(|value| (*value, *value)).collect()),
        Check::IntegerIn(Integers::List(index)) => {
            let list = ruleset.lists.get(index.0).filter(|list| list.edge.is_none())?;
            match &list.values {
                ListValues::Int(values) if values.len() <= 64 => Some(values.iter().map(|v| (*v, *v)).collect()),
                ListValues::Int(_) | ListValues::Ip(_) | ListValues::Strings(_) | ListValues::Regex(_) => None,
            }
        }
        Check::Exists
        | Check::IsTrue
        | Check::Text { .. }
        | Check::Matches(_)
        | Check::Network(_)
        | Check::SameAs(_) => None,
    }
}

/// The needles; `None` where they are not known here: at the edge, or too many to look at. An empty list proves
/// nothing either: it may fill.
pub fn texts_of<'r>(ruleset: &'r Ruleset, needles: &'r Needles) -> Option<&'r [Text]> {
    match needles {
        Needles::Literals(texts) => Some(texts.as_slice()),
        Needles::List(index) => {
            let list = ruleset.lists.get(index.0).filter(|list| list.edge.is_none())?;
            match &list.values {
                ListValues::Strings(texts) => Some(texts.as_slice()),
                ListValues::Int(_) | ListValues::Ip(_) | ListValues::Regex(_) => None,
            }
        }
    }
    .filter(|texts| !texts.is_empty())
}

pub fn patterns_of<'r>(ruleset: &'r Ruleset, patterns: &'r Patterns) -> Option<&'r [Arc<Regex>]> {
    match patterns {
        Patterns::Literals(patterns) => Some(patterns.as_slice()),
        Patterns::List(index) => match &ruleset.lists.get(index.0)?.values {
            ListValues::Regex(patterns) => Some(patterns.as_slice()),
            ListValues::Strings(_) | ListValues::Int(_) | ListValues::Ip(_) => None,
        },
    }
    .filter(|patterns| !patterns.is_empty())
}

pub fn networks_of<'r>(ruleset: &'r Ruleset, networks: &'r Networks) -> Option<&'r [ipnet::IpNet]> {
    match networks {
        Networks::Literals(networks) => Some(networks.as_slice()),
        Networks::List(index) => {
            let list = ruleset.lists.get(index.0).filter(|list| list.edge.is_none())?;
            match &list.values {
                ListValues::Ip(networks) => Some(networks.as_slice()),
                ListValues::Strings(_) | ListValues::Int(_) | ListValues::Regex(_) => None,
            }
        }
    }
    .filter(|networks| !networks.is_empty())
}
