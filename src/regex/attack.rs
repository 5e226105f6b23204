//! A pattern to an input that makes it exceed Varnish's limits, if the search finds one: in Varnish such an input is a VCL
//! failure. Called by `semantic`, with the longest subject that the field can be.
//!
//! Most patterns are cleared by a bound on what they can cost; for the others candidate inputs are made from the pattern and
//! run. Only an input that really fails is reported, so there are no false alarms; that nothing was found is no proof.

mod cost;
mod cure;
mod inputs;
mod sampler;

#[cfg(test)]
mod tests;

use super::ffi::{Compiled, MATCH_LIMIT, MatchError};
use super::tree::{self, Look, Node};
use super::{Regex, rewrite};
use inputs::{Part, Shape};

/// How much of what is repeated the shorter of the two inputs has on which a shape's cost is measured.
const SHORT: usize = 128;
/// The length of an engine text from which the bound on its cost is not believed.
const HUGE: usize = 8192;
/// The cost that a shape must promise at full length to be run there: a part of the match limit.
const ENOUGH: f64 = 0.7 * MATCH_LIMIT as f64;
/// How many of the shapes that promise are run at full length. A promise from two short inputs is rough, one run is cheap.
const MOST_FULL_RUNS: usize = 256;
/// How many of those that pass there are run at the lengths below.
const MOST_SERIES: usize = 16;
/// How many failures of the probe alone are looked into.
const MOST_UNCONFIRMED: usize = 32;

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
    let probe = if asks_what_is_before(tree) { Compiled::new(text) } else { Compiled::anchored(text) }.ok()?;
    let mut unconfirmed = 0;
    let mut promising = Vec::new();
    for shape in inputs::shapes(tree, probe.last_literal(), subject_limit) {
        match outlook(&probe, &shape, subject_limit) {
            Outlook::Fails(length) if unconfirmed < MOST_UNCONFIRMED => {
                if let Some(found) = confirm(regex, &probe, &shape, [length, subject_limit]) {
                    return Some(found);
                }
                unconfirmed += 1;
            }
            Outlook::Fails(_) => {}
            Outlook::Promises(expected) => promising.push((expected, shape)),
            Outlook::Passes => {}
        }
    }
    // A cost that grows with the length alone may promise and pass on many shapes: those that grow faster come first. Stable.
    promising.sort_by(|(left, _), (right, _)| right.total_cmp(left));
    let fails = |shape: &Shape, length: usize| probe.is_match(&shape.input(length)).is_err();
    let mut passed = Vec::new();
    for (_, shape) in promising.iter().take(MOST_FULL_RUNS) {
        if fails(shape, subject_limit) {
            if let Some(found) =
                confirm(regex, &probe, shape, [shortest_failing(shape, subject_limit, &fails), subject_limit])
            {
                return Some(found);
            }
            unconfirmed += 1;
            if unconfirmed >= MOST_UNCONFIRMED {
                return None;
            }
        } else {
            passed.push(shape);
        }
    }
    // Not always the longest does: where repetitions are bounded, it may lead too far.
    passed.into_iter().take(MOST_SERIES).find_map(|shape| {
        let length = shortest_failing(shape, subject_limit, &fails);
        if length == subject_limit { None } else { confirm(regex, &probe, shape, [length, subject_limit]) }
    })
}

/// The first of doubled lengths that fails, or the longest.
fn shortest_failing(shape: &Shape, limit: usize, fails: &dyn Fn(&Shape, usize) -> bool) -> usize {
    core::iter::successors(Some(2 * (shape.fixed() + 2 * SHORT)), |length| Some(2 * length))
        .take_while(|&length| length < limit)
        .find(|&length| fails(shape, length))
        .unwrap_or(limit)
}

/// What short inputs of a shape say of long ones.
enum Outlook {
    /// At this length.
    Fails(usize),
    /// The cost to expect at full length.
    Promises(f64),
    Passes,
}

/// Long inputs can take long to pass, so they are run only where two short ones show a cost that grows towards the limit, or
/// where the stack may run out.
fn outlook(probe: &Compiled, shape: &Shape, limit: usize) -> Outlook {
    let (short, long) = (limit.min(shape.fixed() + SHORT), limit.min(shape.fixed() + 2 * SHORT));
    let (short_input, long_input) = (shape.input(short), shape.input(long));
    let doublings = (limit.saturating_sub(shape.fixed()).max(1) as f64 / (2 * SHORT) as f64).log2().max(0.0);
    // Most shapes cost next to nothing. What they would grow to if the shorter input cost 1 is too little then.
    let negligible = (1..8).take_while(|cost| f64::from(*cost).powf(1.0 + doublings) < ENOUGH).last();
    let is_cheap = negligible.is_some_and(|cost| probe.is_match_within(&long_input, cost).is_ok())
        && probe.is_match(&short_input).is_ok();
    let costs = if is_cheap {
        (1, 1)
    } else {
        let Some(short_cost) = cost_of(probe, &short_input) else { return Outlook::Fails(short) };
        let Some(long_cost) = cost_of(probe, &long_input) else { return Outlook::Fails(long) };
        (short_cost, long_cost)
    };
    if shape.stacks && probe.is_match(&shape.input(limit)).is_err() {
        return Outlook::Fails(limit);
    }
    let (short_cost, long_cost) = costs;
    let ratio = |more: u32, less: u32| f64::from(more.max(1)) / f64::from(less.max(1));
    let expected = f64::from(long_cost) * ratio(long_cost, short_cost).powf(doublings);
    if expected >= ENOUGH { Outlook::Promises(expected) } else { Outlook::Passes }
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

/// The pattern itself is spared some of what the probe does (PCRE2 remembers where a repetition failed for an earlier start), so
/// that it may fail on longer inputs only.
fn confirm(regex: &Regex, probe: &Compiled, shape: &Shape, lengths: [usize; 2]) -> Option<Found> {
    lengths.into_iter().find_map(|length| {
        let fails = |parts: &[Part]| regex.is_match(&inputs::join(parts)).err();
        let parts = shorten(&|parts| probe.is_match(&inputs::join(parts)).is_err(), shape.parts(length));
        if let Some(error) = fails(&parts) {
            return Some(Found { parts, error, culprit: shape.culprit });
        }
        fails(&shape.parts(length))?;
        let parts = shorten(&|parts| fails(parts).is_some(), shape.parts(length));
        let error = fails(&parts)?;
        Some(Found { parts, error, culprit: shape.culprit })
    })
}

/// Each part repeated about as seldom as still fails; left out where it is not needed.
fn shorten(is_failing: &dyn Fn(&[Part]) -> bool, mut parts: Vec<Part>) -> Vec<Part> {
    for index in 0..parts.len() {
        let (mut fails, mut passes) = (parts[index].times, 0);
        parts[index].times = 0;
        if is_failing(&parts) {
            continue;
        }
        while fails - passes > 1 + fails / 64 {
            let middle = usize::midpoint(fails, passes);
            parts[index].times = middle;
            if is_failing(&parts) {
                fails = middle;
            } else {
                passes = middle;
            }
        }
        parts[index].times = fails;
    }
    parts
}

fn asks_what_is_before(tree: &Node) -> bool {
    match tree {
        Node::Look(look, ..) => *look == Look::Behind,
        Node::Concat(items) => items.iter().take_while(|item| !matches!(item, Node::Bytes(_))).any(asks_what_is_before),
        Node::Alternate(branches) => branches.iter().any(asks_what_is_before),
        Node::Group(_, body) | Node::Atomic(body) => asks_what_is_before(body),
        Node::Repeat(repeat) => asks_what_is_before(&repeat.body),
        // `\b` can hold everywhere but at the start; with `^` PCRE2 tries one start only.
        Node::Anchor => true,
        Node::Empty | Node::Bytes(_) | Node::Reference(_) | Node::Conditional(_) => false,
    }
}

/// A range of the engine text in the pattern as written.
fn source_range(regex: &Regex, (start, end): (usize, usize)) -> Option<(usize, usize)> {
    let translation = rewrite::translate(&regex.pattern, regex.ignore_case).ok()?;
    let (start, end) = (translation.source_offset(start), translation.source_offset(end));
    (start < end && regex.pattern.get(start..end).is_some()).then_some((start, end))
}
