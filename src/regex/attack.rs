//! A pattern to an input that makes it exceed Varnish's limits, if the search finds one: in Varnish such an input is a VCL
//! failure. Called by `semantic`, with the longest subject that the field can be.
//!
//! Most patterns are cleared by a bound on what they can cost; for the others candidate inputs are made from the pattern and
//! run. Only an input that really fails is reported, so there are no false alarms; that nothing was found is no proof.

mod cost;
mod cure;
mod inputs;

#[cfg(test)]
mod tests;

use super::ffi::{Compiled, MATCH_LIMIT, MatchError};
use super::tree::{self, Look, Node};
use super::{Regex, rewrite};
use inputs::{Part, Shape};

/// The shorter of the two lengths at which a shape's cost is measured.
const SHORT: usize = 128;
/// The length of an engine text from which the bound on its cost is not believed.
const HUGE: usize = 8192;
/// The part of the match limit that a shape must promise to reach at full length to be run there.
const PROMISING: f64 = 0.7;
/// How many shapes may promise and then pass, before those left are no longer run at full length.
const MOST_DISAPPOINTMENTS: usize = 4;

/// An input that makes a pattern exceed a limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Runaway {
    /// The whole input.
    pub input: Vec<u8>,
    /// A readable form: `"a" × 5000 + "b"`.
    pub shown: String,
    pub error: MatchError,
    /// Byte range of the repetition at fault in the pattern as written, where it is known.
    pub culprit: Option<(usize, usize)>,
    /// The pattern with a possessive form that cures it, where one was found and confirmed.
    pub suggestion: Option<String>,
}

/// Looks for an input of at most `subject_limit` bytes that makes `regex` exceed Varnish's limits. Static analysis clears most
/// patterns first. Deterministic.
pub fn find_runaway(regex: &Regex, subject_limit: usize) -> Option<Runaway> {
    // Without a repetition there is nothing to run away with.
    let repeats = regex.engine_text.bytes().any(|byte| matches!(byte, b'*' | b'+' | b'{'));
    // The JIT refuses some huge patterns; Varnish then interprets them, under a depth limit that almost anything exceeds.
    let huge = regex.engine_text.len() > HUGE;
    if !repeats && !huge {
        return None;
    }
    let tree = tree::parse(&regex.engine_text);
    if !huge && tree.as_ref().is_some_and(|tree| cost::is_harmless(tree, subject_limit)) {
        return None;
    }
    let tree = tree.unwrap_or(Node::Empty);
    let found = attack(regex, &tree, subject_limit)?;
    let culprit = found.culprit.and_then(|range| source_range(regex, range));
    let suggestion = cure::cure(regex, &tree, &found, subject_limit);
    Some(Runaway {
        input: inputs::join(&found.parts),
        shown: inputs::show(&found.parts),
        error: found.error,
        culprit,
        suggestion,
    })
}

/// Whether the same search finds nothing.
fn is_clean(regex: &Regex, subject_limit: usize) -> bool {
    match tree::parse(&regex.engine_text) {
        Some(tree) => {
            let harmless = regex.engine_text.len() <= HUGE && cost::is_harmless(&tree, subject_limit);
            harmless || attack(regex, &tree, subject_limit).is_none()
        }
        None => attack(regex, &Node::Empty, subject_limit).is_none(),
    }
}

struct Found {
    parts: Vec<Part>,
    error: MatchError,
    /// In the engine text.
    culprit: Option<(usize, usize)>,
}

fn attack(regex: &Regex, tree: &Node, subject_limit: usize) -> Option<Found> {
    let text = regex.engine_text.as_bytes();
    // The limit holds anew for each start of a match, so one start tells as much as all of them, and sooner.
    let probe = if looks_behind_first(tree) { Compiled::new(text) } else { Compiled::anchored(text) }.ok()?;
    let mut disappointments = 0;
    inputs::shapes(tree).into_iter().find_map(|shape| {
        let length = failing_length(&probe, &shape, subject_limit, &mut disappointments)?;
        confirm(regex, shape.culprit, shorten(&probe, shape.parts(length)), shape.parts(length))
    })
}

/// A length of the shape that fails. Long inputs can take long to pass, so they are run only where two short ones show a cost
/// that grows towards the limit, or where the stack may run out.
fn failing_length(probe: &Compiled, shape: &Shape, limit: usize, disappointments: &mut usize) -> Option<usize> {
    let (short, long) = (limit.min(SHORT), limit.min(2 * SHORT));
    let Some(short_cost) = cost_of(probe, &shape.input(short)) else { return Some(short) };
    let Some(long_cost) = cost_of(probe, &shape.input(long)) else { return Some(long) };
    let ratio = |more: u32, less: u32| f64::from(more.max(1)) / f64::from(less.max(1));
    let doublings = (limit as f64 / long as f64).log2();
    let expected = f64::from(long_cost) * ratio(long_cost, short_cost).powf(doublings);
    let fails = |length: &usize| probe.is_match(&shape.input(*length)).is_err();
    if expected >= PROMISING * f64::from(MATCH_LIMIT) && *disappointments < MOST_DISAPPOINTMENTS {
        let mut lengths = core::iter::successors(Some(2 * long), |length| Some(2 * length));
        let found = lengths.by_ref().take_while(|&length| length < limit).find(fails).or(Some(limit).filter(fails));
        *disappointments += usize::from(found.is_none());
        return found;
    }
    (shape.stacks && fails(&limit)).then_some(limit)
}

/// The lowest match limit under which the probe passes, to within 1/32; `None` when it fails under Varnish's.
fn cost_of(probe: &Compiled, input: &[u8]) -> Option<u32> {
    probe.is_match(input).ok()?;
    let (mut passes, mut fails) = (MATCH_LIMIT, 0);
    while passes - fails > 1 + passes / 32 {
        // Costs are small more often than large.
        let middle = if fails == 0 { (passes / 8).max(1) } else { u32::midpoint(fails, passes) };
        if probe.is_match_within(input, middle).is_ok() {
            passes = middle;
        } else {
            fails = middle;
        }
    }
    Some(passes)
}

/// The first of the inputs that the pattern itself fails on.
fn confirm(regex: &Regex, culprit: Option<(usize, usize)>, shortest: Vec<Part>, whole: Vec<Part>) -> Option<Found> {
    [shortest, whole].into_iter().find_map(|parts| {
        let error = regex.is_match(&inputs::join(&parts)).err()?;
        Some(Found { parts, error, culprit })
    })
}

/// Each part repeated about as seldom as still fails; left out where it is not needed.
fn shorten(probe: &Compiled, mut parts: Vec<Part>) -> Vec<Part> {
    for index in 0..parts.len() {
        let (mut fails, mut passes) = (parts[index].times, 0);
        parts[index].times = 0;
        if probe.is_match(&inputs::join(&parts)).is_err() {
            continue;
        }
        while fails - passes > 1 + fails / 64 {
            let middle = usize::midpoint(fails, passes);
            parts[index].times = middle;
            if probe.is_match(&inputs::join(&parts)).is_err() {
                fails = middle;
            } else {
                passes = middle;
            }
        }
        parts[index].times = fails;
    }
    parts
}

fn looks_behind_first(tree: &Node) -> bool {
    match tree {
        Node::Look(look, _) => *look == Look::Behind,
        Node::Concat(items) => items.iter().take_while(|item| !matches!(item, Node::Bytes(_))).any(looks_behind_first),
        Node::Alternate(branches) => branches.iter().any(looks_behind_first),
        Node::Group(_, body) | Node::Atomic(body) => looks_behind_first(body),
        Node::Repeat(repeat) => looks_behind_first(&repeat.body),
        Node::Empty | Node::Bytes(_) | Node::Anchor | Node::Reference(_) | Node::Conditional(_) => false,
    }
}

/// A range of the engine text in the pattern as written.
fn source_range(regex: &Regex, (start, end): (usize, usize)) -> Option<(usize, usize)> {
    let translation = rewrite::translate(&regex.pattern, regex.ignore_case).ok()?;
    let (start, end) = (translation.source_offset(start), translation.source_offset(end));
    (start < end && regex.pattern.get(start..end).is_some()).then_some((start, end))
}
