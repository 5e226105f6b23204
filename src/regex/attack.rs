//! A pattern to an input that makes it exceed Varnish's limits, if the search finds one: in Varnish such an input is a VCL
//! failure. Called by `semantic`, with the longest subject that the field can be.
//!
//! Most patterns are cleared by a bound on what they can cost; for the others candidate inputs are made from the pattern and
//! run. Only an input that really fails is reported, so there are no false alarms; that nothing was found is no proof.

mod cost;
mod cure;
mod inputs;
mod sampler;
mod sites;

#[cfg(test)]
mod misses;
#[cfg(test)]
mod tests;

use super::ffi::{Compiled, MATCH_LIMIT, MatchError};
use super::tree::{self, Look, Node};
use super::{Regex, rewrite};
use inputs::{Part, Plan, Pumped, Shape};

/// How much of what is repeated the shortest input has on which a shape's cost is measured.
const SHORT: usize = 128;
/// The length of an engine text from which the bound on its cost is not believed.
const HUGE: usize = 8192;
/// The cost that a shape must promise at full length to be run there: a part of the match limit.
const ENOUGH: f64 = 0.7 * MATCH_LIMIT as f64;
/// The cost where nothing matches from which the ends are tried.
const NEARLY: u32 = MATCH_LIMIT / 10 * 9;
/// Up to which length a failure where nothing matches is looked into at once.
const STEEP: usize = 20 * SHORT;
/// How much is repeated in inputs that are run where the cost grows steeply: a longer one may match at once what is bounded.
const TIGHT: [usize; 9] = [16, 24, 32, 48, 64, 96, 192, 256, 384];
/// How many ends these are run with.
const TIGHT_ENDS: usize = 4;
/// How many inputs with an end are run.
const MOST_RUNS: usize = 4096;
/// After how many passes the JIT's stack, of 4096 words, is full if each leaves something there.
const STACKED: usize = 8192;
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
    let anchored = !asks_what_is_before(tree);
    // What costs little where nothing matches costs little whatever its end: only what may cost more is run with the many ends.
    let tireless = Compiled::tireless(text, anchored).ok()?;
    let prefix = if anchored { &[][..] } else { needed_before(regex, tree) };
    let plan = Plan::new(tree, prefix, subject_limit);
    let mut search = Search { regex, plan: &plan, probe: None, anchored, subject_limit, unconfirmed: 0, runs: 0 };
    let mut later = Vec::new();
    for pumped in &plan.pumped {
        let overflows = || overflowing_length(&tireless, &plan.stacked(pumped), subject_limit).map(|_| SHORT);
        let shapes = plan.tailed(pumped);
        let failing = shapes.filter_map(|shape| failing_length(&tireless, &shape, subject_limit, NEARLY)).min();
        match failing.or_else(overflows) {
            Some(length) if length <= STEEP => {
                if let Some(found) = search.try_ends(pumped, true) {
                    return Some(found);
                }
            }
            Some(length) => later.push((length, pumped)),
            None => {}
        }
    }
    // A cost that grows with the length alone may be nearly enough on many: those that grow faster come first. Stable.
    later.sort_by_key(|(length, _)| *length);
    later.into_iter().find_map(|(_, pumped)| search.try_ends(pumped, false))
}

/// What has to stand before a match, for `\b` and its like.
fn needed_before(regex: &Regex, tree: &Node) -> &'static [u8] {
    let sample = inputs::sample(tree);
    // At the start of a subject a boundary is before a word.
    if sample.first().is_none_or(u8::is_ascii_alphanumeric) {
        return &[];
    }
    let prefixes = [&b""[..], b"a", b" ", b"\n"].into_iter();
    let mut enough = prefixes.filter(|prefix| regex.is_match(&[prefix, &sample[..]].concat()) == Ok(true));
    enough.next().unwrap_or_default()
}

/// The part of the search that runs the pattern itself.
struct Search<'a> {
    regex: &'a Regex,
    plan: &'a Plan,
    /// The pattern, compiled when it is first needed.
    probe: Option<Compiled>,
    anchored: bool,
    subject_limit: usize,
    /// Failures of the probe alone.
    unconfirmed: usize,
    /// Inputs with an end.
    runs: usize,
}

impl Search<'_> {
    fn try_ends(&mut self, pumped: &Pumped, is_steep: bool) -> Option<Found> {
        let text = self.regex.engine_text.as_bytes();
        if self.probe.is_none() {
            self.probe = Some(if self.anchored { Compiled::anchored(text) } else { Compiled::new(text) }.ok()?);
        }
        let probe = self.probe.as_ref()?;
        for (number, shape) in self.plan.ended(pumped, probe.last_literal()).enumerate() {
            self.runs += 1;
            if self.runs > MOST_RUNS || self.unconfirmed >= MOST_UNCONFIRMED {
                return None;
            }
            let overflows = || overflowing_length(probe, &shape, self.subject_limit);
            let tight =
                || (is_steep && number < TIGHT_ENDS).then(|| tight_length(probe, &shape, self.subject_limit)).flatten();
            let failing =
                failing_length(probe, &shape, self.subject_limit, MATCH_LIMIT).or_else(overflows).or_else(tight);
            let Some(length) = failing else { continue };
            if let Some(found) = confirm(self.regex, probe, &shape, [length, self.subject_limit]) {
                return Some(found);
            }
            self.unconfirmed += 1;
        }
        None
    }
}

/// A length of a shape at which the probe fails, or at the longest costs more than `most`. Long inputs can take long to pass, so
/// they are run only where shorter ones show a cost that grows towards the limit.
fn failing_length(probe: &Compiled, shape: &Shape, limit: usize, most: u32) -> Option<usize> {
    let length_of = |repeated: usize| limit.min(shape.fixed() + repeated);
    let costs_more = |length: usize, cost: u32| probe.is_match_within(&shape.input(length), cost).is_err();
    let room = limit.saturating_sub(shape.fixed()).max(1);
    let doublings = (room as f64 / (2 * SHORT) as f64).log2().max(0.0);
    // Most shapes cost next to nothing. What they would grow to if a shorter input cost 1 is too little then.
    let negligible = (1..8).take_while(|cost| f64::from(*cost).powf(1.0 + doublings) < ENOUGH).last();
    if negligible.is_some_and(|cost| !costs_more(length_of(2 * SHORT), cost)) {
        return None;
    }
    let Some(rough) = rough_cost(probe, &shape.input(length_of(SHORT))) else { return Some(length_of(SHORT)) };
    let lengths = core::iter::successors(Some(4 * SHORT), |repeated| Some(4 * repeated));
    for repeated in lengths.take_while(|&repeated| 2 * repeated <= room) {
        // Where repetitions are bounded, the cost stops growing, and may even be less than at half of the length.
        if !costs_more(length_of(repeated), least_cost(rough, repeated, room)) {
            return [repeated / 2].map(length_of).into_iter().find(|&length| costs_more(length, MATCH_LIMIT));
        }
        if costs_more(length_of(repeated), MATCH_LIMIT) {
            return Some(length_of(repeated));
        }
    }
    costs_more(limit, most).then_some(limit)
}

/// A short length at which the probe fails.
fn tight_length(probe: &Compiled, shape: &Shape, limit: usize) -> Option<usize> {
    let mut lengths = TIGHT.into_iter().map(|repeated| limit.min(shape.fixed() + repeated));
    lengths.find(|&length| probe.is_match(&shape.input(length)).is_err())
}

/// A length at which the stack runs out, where each pass may leave something there.
fn overflowing_length(probe: &Compiled, shape: &Shape, limit: usize) -> Option<usize> {
    let length = limit.min(shape.fixed() + STACKED * shape.unit());
    (shape.stacks && probe.is_match(&shape.input(length)).is_err()).then_some(length)
}

/// What it must cost at a length if it is to come to enough at the full one, for what it costs at the shortest: on a line through
/// both, on logarithmic scales.
fn least_cost(at_short: f64, length: usize, full: usize) -> u32 {
    let ahead = (full as f64 / length as f64).ln() / (length as f64 / SHORT as f64).ln();
    let least = (ENOUGH.ln() + ahead * at_short.ln()) / (1.0 + ahead);
    (least.exp() as u32).clamp(1, MATCH_LIMIT)
}

/// What the probe costs at least, to within a half; `None` when it fails under Varnish's limit.
fn rough_cost(probe: &Compiled, input: &[u8]) -> Option<f64> {
    let limits = core::iter::successors(Some(2), |limit| Some(2 * limit)).take_while(|&limit| limit < 2 * MATCH_LIMIT);
    let passes = limits.map(|limit| limit.min(MATCH_LIMIT)).find(|&limit| probe.is_match_within(input, limit).is_ok());
    Some((f64::from(passes?) * 0.6).max(1.0))
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
