//! Which rules are covered by which: pairs in which every request of one matches the other too. Proven by `logic`,
//! shown by a request of the rule's own tests that `eval` confirms. An index over the texts of comparisons finds the
//! candidates, so that the time grows with the set and not with its square.

use super::{Set, logic};
use crate::eval;
use crate::ir::{Action, AllowScope, Check, Comparison, Predicate, Rule, Text, TextOperator, Value};
use crate::request::Request;
use rayon::prelude::*;
use std::collections::{HashMap, HashSet};

/// Needles of a comparison that are indexed.
const MAX_NEEDLES: usize = 32;
/// Rules under one text that are looked at.
const MAX_BUCKET: usize = 16;
/// Rules that are tried for one.
const MAX_CANDIDATES: usize = 24;
/// Bytes of a text whose parts are looked up.
const MAX_TEXT: usize = 128;

/// A rule that another covers.
pub struct Cover<'s> {
    /// Indices into `Set::subjects`.
    pub covered: usize,
    pub by: usize,
    /// A test of the covered rule that matches both.
    pub witness: &'s str,
}

type Key<'s> = (&'s Value, TextOperator, Vec<u8>);

/// Every pair that `wanted` (of the covered and the covering rule) lets through; for each covered rule the first one.
pub fn covers<'s>(set: &Set<'s>, wanted: &(dyn Fn(&Rule, &Rule) -> bool + Sync)) -> Vec<Cover<'s>> {
    let mut index: HashMap<Key<'s>, Vec<usize>> = HashMap::new();
    // Lengths that are there, so that only parts of these lengths are looked up.
    let mut lengths: HashMap<(&Value, TextOperator), HashSet<usize>> = HashMap::new();
    for (number, subject) in set.subjects.iter().enumerate() {
        if subject.rule.except.is_some() || subject.rule.rate.is_some() {
            continue;
        }
        for branch in branches(&subject.rule.when) {
            let Some((value, operator, needles)) = sharpest(branch) else { continue };
            for needle in needles {
                lengths.entry((value, operator)).or_default().insert(needle.bytes.len());
                let bucket = index.entry((value, operator, needle.bytes.to_ascii_lowercase())).or_default();
                if bucket.len() < MAX_BUCKET && bucket.last() != Some(&number) {
                    bucket.push(number);
                }
            }
        }
    }
    let found: Vec<Option<Cover<'s>>> = (0..set.subjects.len())
        .into_par_iter()
        .map(|covered| {
            let rule = set.subjects[covered].rule;
            if rule.rate.is_some() {
                return None;
            }
            candidates(rule, &index, &lengths).into_iter().filter(|by| *by != covered).find_map(|by| {
                let other = set.subjects[by].rule;
                let proven = wanted(rule, other) && logic::implies(set.ruleset, &rule.when, &other.when);
                let witness = proven.then(|| witness(set, covered, by)).flatten()?;
                Some(Cover { covered, by, witness })
            })
        })
        .collect();
    found.into_iter().flatten().collect()
}

/// The test of one rule whose request matches both.
fn witness<'s>(set: &Set<'s>, covered: usize, by: usize) -> Option<&'s str> {
    let (one, other) = (set.subjects[covered].index, set.subjects[by].index);
    let matching =
        |request: &Request| eval::matches(set.ruleset, one, request) && eval::matches(set.ruleset, other, request);
    let tests = &set.subjects[covered].rule.tests;
    let test = tests
        .iter()
        .find(|test| matches!(test.steps.as_slice(), [step] if step.expect_match && matching(&step.request)))?;
    Some(&test.name)
}

/// The parts of which one has to hold.
fn branches(predicate: &Predicate) -> &[Predicate] {
    match predicate {
        Predicate::Any(parts) => parts,
        Predicate::All(_) | Predicate::Not(_) | Predicate::Compare(_) => std::slice::from_ref(predicate),
    }
}

/// The comparisons of which all have to hold.
fn comparisons(branch: &Predicate) -> impl Iterator<Item = &Comparison> {
    let parts = match branch {
        Predicate::All(parts) => parts.as_slice(),
        Predicate::Any(_) | Predicate::Not(_) | Predicate::Compare(_) => std::slice::from_ref(branch),
    };
    parts.iter().filter_map(|part| if let Predicate::Compare(comparison) = part { Some(comparison) } else { None })
}

fn texts(comparison: &Comparison) -> Option<(&Value, TextOperator, &[Text])> {
    let Check::Text { operator, needles: crate::ir::Needles::Literals(needles) } = &comparison.check else {
        return None;
    };
    (!comparison.negated && needles.len() <= MAX_NEEDLES).then_some((&comparison.value, *operator, needles))
}

/// The comparison that fewest rules are likely to share: the one with the longest text.
fn sharpest(branch: &Predicate) -> Option<(&Value, TextOperator, &[Text])> {
    let shortest = |needles: &[Text]| needles.iter().map(|needle| needle.bytes.len()).min().unwrap_or_default();
    comparisons(branch).filter_map(texts).max_by_key(|(_, _, needles)| shortest(needles))
}

/// Rules with a text that follows from a text of this rule, in order.
fn candidates<'s>(
    rule: &'s Rule,
    index: &HashMap<Key<'s>, Vec<usize>>,
    lengths: &HashMap<(&Value, TextOperator), HashSet<usize>>,
) -> Vec<usize> {
    let mut found: Vec<usize> = Vec::new();
    let Some(branch) = branches(&rule.when).first() else { return found };
    for (value, operator, needles) in comparisons(branch).filter_map(texts) {
        let Some(needle) = needles.first().map(|needle| needle.bytes.to_ascii_lowercase()) else { continue };
        if needle.len() > MAX_TEXT {
            continue;
        }
        let mut look = |operator: TextOperator, part: &[u8]| {
            if let Some(bucket) = index.get(&(value, operator, part.to_vec())) {
                found.extend(bucket);
            }
        };
        let of = |operator| lengths.get(&(value, operator)).into_iter().flatten().copied();
        let fitting = |operator| of(operator).filter(|length| *length <= needle.len());
        if operator == TextOperator::Equals {
            look(TextOperator::Equals, &needle);
        }
        if matches!(operator, TextOperator::Equals | TextOperator::StartsWith) {
            fitting(TextOperator::StartsWith).for_each(|length| look(TextOperator::StartsWith, &needle[..length]));
        }
        if matches!(operator, TextOperator::Equals | TextOperator::EndsWith) {
            let start = |length| needle.len() - length;
            fitting(TextOperator::EndsWith).for_each(|length| look(TextOperator::EndsWith, &needle[start(length)..]));
        }
        for length in fitting(TextOperator::Contains).filter(|length| *length > 0) {
            needle.windows(length).for_each(|part| look(TextOperator::Contains, part));
        }
    }
    found.sort_unstable();
    found.dedup();
    found.truncate(MAX_CANDIDATES);
    found
}

/// Rules that a scoped `allow` can skip: they do not take every request that they match.
pub fn skipped<'s>(set: &Set<'s>) -> HashSet<&'s str> {
    let mut ids = HashSet::new();
    for action in set.ruleset.rules.iter().flat_map(|rule| &rule.actions) {
        if let Action::Allow(AllowScope::Rules(rules)) = action {
            ids.extend(rules.iter().map(String::as_str));
        }
    }
    ids
}
