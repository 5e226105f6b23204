//! A tree to candidate inputs: what leads to a repetition, what it can eat in several ways, many times, and an end that makes
//! the rest fail. Each holds the pattern's last literal: PCRE2 looks for that first, and does not even begin to match a subject
//! without it. Called by `attack`.

use super::super::bytes::readable;
use super::super::tree::Node;
use super::sampler::{Sampler, Taste};
use super::sites::{Site, sites, sites_again};
use std::collections::BTreeSet;

/// A piece of an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub bytes: Vec<u8>,
    pub times: usize,
}

/// An input of any length: what leads to a repetition, what it eats, an end.
#[derive(Clone, Debug)]
pub(super) struct Shape {
    before: Vec<u8>,
    /// In order, each with its share of the room.
    waves: Vec<(Vec<u8>, usize)>,
    end: Vec<u8>,
    /// Of the repetition that is pumped, in the engine text.
    pub culprit: Option<(usize, usize)>,
    /// Whether each pass may leave something on the JIT's stack.
    pub stacks: bool,
}

impl Shape {
    /// How many bytes are not repeated.
    pub fn fixed(&self) -> usize {
        self.before.len() + self.end.len()
    }

    /// How many bytes are repeated together.
    pub fn unit(&self) -> usize {
        self.waves.iter().map(|(bytes, _)| bytes.len()).sum()
    }

    /// The same with `last` where it is in need of it: behind all, and before what is repeated.
    fn with_last_literal(self, last: Option<u8>) -> Vec<Shape> {
        let Some(last) = last else { return vec![self] };
        // PCRE2 looks for it behind the first byte of a match.
        let has = self.before.iter().skip(1).chain(&self.end).any(|&byte| byte == last)
            || self.waves.iter().any(|(bytes, _)| bytes.contains(&last));
        if has {
            return vec![self];
        }
        let before = Shape { before: [&self.before[..], &[last]].concat(), ..self.clone() };
        let behind = Shape { end: [&self.end[..], &[last]].concat(), ..self };
        vec![behind, before]
    }

    /// How often each wave is repeated in at most `length` bytes.
    fn times(&self, length: usize) -> impl Iterator<Item = (&[u8], usize)> {
        let room = length.saturating_sub(self.fixed());
        let shares: usize = self.waves.iter().map(|(_, share)| share).sum();
        self.waves.iter().map(move |(bytes, share)| (&bytes[..], room * share / shares.max(1) / bytes.len().max(1)))
    }

    /// At most `length` bytes; nothing when what leads there is longer than the subject may be.
    pub fn parts(&self, length: usize) -> Vec<Part> {
        let fixed = usize::from(length > self.fixed());
        let once = |bytes: &[u8]| Part { bytes: bytes.to_vec(), times: fixed };
        let waves = self.times(length).map(|(bytes, times)| Part { bytes: bytes.to_vec(), times });
        // Byte by byte, so that what is not needed of it can be left out.
        let end = self.end.chunks(1 + self.end.len() / LONGEST_SPLIT).map(once);
        core::iter::once(once(&self.before)).chain(waves).chain(end).collect()
    }

    pub fn input(&self, length: usize) -> Vec<u8> {
        let mut text = Vec::with_capacity(length);
        if length > self.fixed() {
            text.extend_from_slice(&self.before);
            for (bytes, times) in self.times(length) {
                let (start, size) = (text.len(), bytes.len() * times);
                text.extend_from_slice(&bytes[..bytes.len().min(size)]);
                while text.len() - start < size {
                    let more = (text.len() - start).min(size + start - text.len());
                    text.extend_from_within(start..start + more);
                }
            }
            text.extend_from_slice(&self.end);
        }
        text
    }
}

/// Up to which length the end of an input is taken apart.
const LONGEST_SPLIT: usize = 32;
/// How many pumps are tried for one pattern, each with each of its tails.
const MOST_PUMPED: usize = 400;
/// How many more of those that seldom find anything.
const MOST_UNUSUAL: usize = 300;
/// How many texts that may follow what is pumped are tried.
const MOST_TAILS: usize = 4;
const MOST_ENDS: usize = 24;
/// For how many bytes the way to each repetition is made of that byte where it can be.
const MOST_FAVOURITES: usize = 3;
const MOST_PAIRS: usize = 12;
const MOST_PUMPS: usize = 20;
/// The longest sample of a piece of the pattern.
const LONGEST: usize = 4096;

pub(super) fn join(parts: &[Part]) -> Vec<u8> {
    let parts: Vec<Vec<u8>> = parts.iter().map(|part| part.bytes.repeat(part.times)).collect();
    parts.concat()
}

/// `"a" × 5000 + "b"`.
pub(super) fn show(parts: &[Part]) -> String {
    let mut pieces: Vec<String> = Vec::new();
    let mut once: Vec<u8> = Vec::new();
    for part in parts.iter().filter(|part| part.times > 0 && !part.bytes.is_empty()) {
        if part.times == 1 {
            once.extend_from_slice(&part.bytes);
            continue;
        }
        if !once.is_empty() {
            pieces.push(quote(&core::mem::take(&mut once)));
        }
        pieces.push(format!("{} × {}", quote(&part.bytes), part.times));
    }
    if !once.is_empty() || pieces.is_empty() {
        pieces.push(quote(&once));
    }
    pieces.join(" + ")
}

fn quote(bytes: &[u8]) -> String {
    let mut text = String::from("\"");
    for &byte in bytes {
        match byte {
            b'"' | b'\\' => text.extend(['\\', char::from(byte)]),
            b'\n' => text.push_str("\\n"),
            b'\r' => text.push_str("\\r"),
            b'\t' => text.push_str("\\t"),
            b' '..=b'~' => text.push(char::from(byte)),
            _ => text.push_str(&format!("\\x{byte:02x}")),
        }
    }
    text.push('"');
    text
}

/// The candidates for a pattern.
pub(super) struct Plan {
    /// The likely ones first.
    pub pumped: Vec<Pumped>,
    /// By site: what may follow what is pumped so that it can go on as long as can be.
    tails: Vec<Vec<Vec<u8>>>,
    /// By site: ends that make what follows fail.
    ends: Vec<Vec<Vec<u8>>>,
}

/// What leads to a repetition, and what it eats in several ways; whatever may follow.
#[derive(Clone, Debug)]
pub(super) struct Pumped {
    before: Vec<u8>,
    waves: Vec<(Vec<u8>, usize)>,
    /// Of the repetition.
    site: usize,
    culprit: Option<(usize, usize)>,
    stacks: bool,
}

impl Plan {
    /// For subjects of up to `limit` bytes that begin with `prefix`.
    pub fn new(tree: &Node, prefix: &[u8], limit: usize) -> Plan {
        let sampler = Sampler::new(tree, LONGEST.min(limit / 2));
        let mut list = sites(tree, &sampler, Taste::of(0), prefix);
        if list.is_empty() {
            list.push(Site::unknown(sampler.sample(tree, Taste::of(0))));
        }
        let first = list.len();
        add_new(&mut list, sites_again(tree, &sampler, prefix));
        let again = list.len();
        add_new(&mut list, sites(tree, &sampler, Taste::of(1), prefix));
        let mut usual: Vec<Vec<Pumped>> = Vec::new();
        let mut unusual: Vec<Vec<Pumped>> = Vec::new();
        for (index, site) in list.iter().enumerate() {
            let pumps = pumps(site, &sampler);
            if index < again { &mut usual } else { &mut unusual }.push(pumped(index, site, &pumps));
        }
        usual.extend(pairs(&list[..first]).map(|pair| pumped_pair(&list, pair, &sampler)));
        unusual.extend((0..first).map(|index| pumped(index, &list[index], &odd_pumps(&list[index], &list[..first]))));
        for &byte in sampler.hot.iter().take(MOST_FAVOURITES) {
            let others = sites(tree, &sampler.fond_of(byte), Taste::of(0), prefix);
            for other in others {
                // Where the way to a repetition is the same, the usual ones have it.
                if !list.iter().any(|site| site.range == other.range && site.before == other.before) {
                    unusual.push(pumped(list.len(), &other, &pumps_of_one(&other, byte)));
                    list.push(other);
                }
            }
        }
        let mut known = BTreeSet::new();
        let pumped = in_rounds(&usual)
            .take(MOST_PUMPED)
            .chain(in_rounds(&unusual).take(MOST_UNUSUAL))
            .filter(|pumped| {
                let after = list[pumped.site].after.clone();
                known.insert((pumped.before.clone(), pumped.waves.clone(), after, pumped.stacks))
            })
            .collect();
        let tails: Vec<Vec<Vec<u8>>> =
            list.iter().map(|site| tails(site, &list[..first], sampler.has_closed)).collect();
        let ends = list.iter().zip(&tails).map(|(site, tails)| ends(site, tails, &sampler)).collect();
        Plan { pumped, tails, ends }
    }

    /// Shapes on which a probe that never matches shows what a pump can cost.
    pub fn tailed<'a>(&'a self, pumped: &'a Pumped) -> impl Iterator<Item = Shape> + 'a {
        self.tails[pumped.site].iter().map(|tail| pumped.ending_in(tail, false))
    }

    /// The shape that shows how much each pass may leave on the stack: with as little behind them as makes the matching go on.
    pub fn stacked(&self, pumped: &Pumped) -> Shape {
        let after = self.tails[pumped.site].first().and_then(|tail| tail.get(..1));
        pumped.ending_in(after.unwrap_or_default(), true)
    }

    /// Shapes on which the pattern may cost as much. `last` is the literal without which PCRE2 does not begin.
    pub fn ended<'a>(&'a self, pumped: &'a Pumped, last: Option<u8>) -> impl Iterator<Item = Shape> + 'a {
        // The end makes little difference to the stack.
        let shapes = self.ends[pumped.site].iter().enumerate().map(|(index, end)| pumped.ending_in(end, index < 3));
        shapes.flat_map(move |shape| shape.with_last_literal(last))
    }
}

impl Pumped {
    fn ending_in(&self, end: &[u8], stacks: bool) -> Shape {
        Shape {
            before: self.before.clone(),
            waves: self.waves.clone(),
            end: end.to_vec(),
            culprit: self.culprit,
            stacks: self.stacks && stacks,
        }
    }
}

/// Those that are led to in another way.
fn add_new(list: &mut Vec<Site>, others: Vec<Site>) {
    for other in others {
        if !list.iter().any(|site| site.range == other.range && site.before == other.before) {
            list.push(other);
        }
    }
}

/// The first of each list, then the second of each.
fn in_rounds(lists: &[Vec<Pumped>]) -> impl Iterator<Item = Pumped> {
    let longest = lists.iter().map(Vec::len).max().unwrap_or(0);
    (0..longest).flat_map(|round| lists.iter().filter_map(move |list| list.get(round))).cloned()
}

/// A text that `tree` is meant to match.
pub(super) fn sample(tree: &Node) -> Vec<u8> {
    Sampler::new(tree, LONGEST / 16).sample(tree, Taste::of(0))
}

/// Texts that `tree` is meant to match, each another way.
pub(super) fn samples(tree: &Node, count: usize) -> Vec<Vec<u8>> {
    let sampler = Sampler::new(tree, LONGEST / 16);
    let mut texts: Vec<Vec<u8>> = (0..count).map(|variant| sampler.sample(tree, Taste::of(variant))).collect();
    for site in sites(tree, &sampler, Taste::of(0), &[]) {
        for pump in pumps(&site, &sampler) {
            for times in 0..3 {
                texts.push([&site.before[..], &pump.repeat(times), &site.after].concat());
            }
        }
    }
    texts.sort();
    texts.dedup();
    texts
}

/// What is repeated in each of the texts, once, without the empty one.
fn distinct(texts: impl IntoIterator<Item = Vec<u8>>, most: usize) -> Vec<Vec<u8>> {
    let mut kept: Vec<Vec<u8>> = Vec::new();
    for text in texts {
        let root = root(&text);
        if !root.is_empty() && !kept.iter().any(|known| known == root) {
            kept.push(root.to_vec());
        }
    }
    kept.truncate(most);
    kept
}

/// What repeated gives the text: `ab` of `ababab`.
fn root(text: &[u8]) -> &[u8] {
    let is_root = |&length: &usize| text.len().is_multiple_of(length) && text[length..] == text[..text.len() - length];
    (1..text.len()).find(is_root).map_or(text, |length| &text[..length])
}

/// Texts that the repetition can eat, the most ambiguous first.
fn pumps(site: &Site, sampler: &Sampler) -> Vec<Vec<u8>> {
    let mut pumps: Vec<Vec<u8>> = Vec::new();
    pumps.extend(sampler.hot.iter().map(|&byte| vec![byte]).filter(|pump| site.eats(pump)).take(3));
    // What may follow: it is tried at each place, and what comes behind it from there on.
    pumps.extend(site.next.iter().filter(|word| site.eats(word)).take(4).cloned());
    if sampler.has_boundary {
        // Nowhere in a run of either is a word boundary.
        pumps.extend([b" ", b"a"].iter().filter(|pump| site.eats(&pump[..])).map(|pump| pump.to_vec()));
    }
    pumps.extend(site.after.first().map(|&byte| vec![byte]).filter(|pump| site.eats(pump)));
    let near_miss = site.after.split_last().map_or(&[][..], |(_, start)| start);
    pumps.extend(Some(near_miss.to_vec()).filter(|pump| pump.len() < 48 && site.eats(pump)));
    pumps.extend(site.bodies.iter().cloned());
    pumps.push(site.bodies.iter().take(3).flatten().copied().collect());
    pumps.extend(site.next.iter().skip(4).chain(&sampler.words).filter(|word| site.eats(word)).cloned());
    distinct(pumps, MOST_PUMPS)
}

/// Texts that leave some of what is optional out, and what other repetitions eat: where the one before has eaten all, this one
/// may eat it again.
fn odd_pumps(site: &Site, sites: &[Site]) -> Vec<Vec<u8>> {
    let others = sites.iter().filter(|other| other.range != site.range);
    let eaten = others
        .flat_map(|other| other.bodies.iter().filter(|body| (2..48).contains(&body.len()) && site.eats(body)).take(2));
    distinct(site.mixed.iter().chain(eaten).cloned(), MOST_PUMPS)
}

/// Texts of `byte`, with as little else as can be.
fn pumps_of_one(site: &Site, byte: u8) -> Vec<Vec<u8>> {
    let alone = Some(vec![byte]).filter(|pump| site.eats(pump));
    distinct(alone.into_iter().chain(site.bodies.iter().take(3).cloned()), 3)
}

/// What follows the repetition, and what follows those behind it: on those the matching goes the furthest.
fn tails(site: &Site, sites: &[Site], has_closed: bool) -> Vec<Vec<u8>> {
    let start = |site: &Site| site.range.map_or(0, |(start, _)| start);
    let later = sites.iter().filter(|other| start(other) > start(site)).map(|other| &other.after);
    // A look-around or an atomic group goes through all its ways only where it fails.
    let nothing = Vec::new();
    let failing = has_closed.then_some(&nothing);
    let mut tails = Vec::new();
    for tail in core::iter::once(&site.after).chain(failing).chain(later) {
        if !tails.contains(tail) {
            tails.push(tail.clone());
        }
    }
    tails.truncate(MOST_TAILS);
    tails
}

/// Ends that make what follows the repetition fail.
fn ends(site: &Site, tails: &[Vec<u8>], sampler: &Sampler) -> Vec<Vec<u8>> {
    let after = &site.after;
    let cold = || sampler.hot.iter().rev().copied();
    let wrong = cold()
        .find(|&byte| !site.alphabet.contains(byte) && after.first() != Some(&byte))
        .or_else(|| readable().find(|byte| !after.contains(byte)))
        .unwrap_or(b'\n');
    // No boundary is before it, and no look-ahead that forbids more of the same holds there.
    let more_of_the_same = cold().find(|byte| site.alphabet.contains(*byte) && !after.contains(byte));
    let mut ends = vec![vec![wrong], [&[wrong], &after[..]].concat(), Vec::new()];
    for tail in core::iter::once(after).chain(tails) {
        let last = tail.last().copied();
        ends.extend([
            last.into_iter().collect(),
            [wrong].into_iter().chain(last).collect(),
            tail.split_last().map_or_else(Vec::new, |(_, start)| start.to_vec()),
            tail.split_first().map_or_else(Vec::new, |(_, end)| end.to_vec()),
            tail.iter().take(1).copied().collect(),
        ]);
        if tail == after {
            ends.push(more_of_the_same.into_iter().collect());
        }
    }
    let mut kept: Vec<Vec<u8>> = Vec::new();
    for end in ends {
        if !kept.contains(&end) {
            kept.push(end);
        }
    }
    kept.truncate(MOST_ENDS);
    kept
}

fn pumped(index: usize, site: &Site, pumps: &[Vec<u8>]) -> Vec<Pumped> {
    let list = pumps.iter().map(|pump| Pumped {
        before: site.before.clone(),
        waves: vec![(pump.clone(), 1)],
        site: index,
        culprit: site.range,
        stacks: site.stacks,
    });
    list.collect()
}

/// Two repetitions, neither in the other, with text between them that leads from one to the other.
fn pairs(sites: &[Site]) -> impl Iterator<Item = (usize, usize)> {
    let follows = |first: &Site, second: &Site| {
        let apart = first.range.zip(second.range).is_some_and(|(first, second)| first.1 <= second.0);
        apart && second.before.len() > first.before.len() && second.before.starts_with(&first.before)
    };
    (0..sites.len())
        .flat_map(|first| (first + 1..sites.len()).map(move |second| (first, second)))
        .filter(move |&(first, second)| follows(&sites[first], &sites[second]))
        .take(MOST_PAIRS)
}

/// The text between two repetitions many times, so that the second starts anew after each, then what the second eats.
fn pumped_pair(sites: &[Site], (first, index): (usize, usize), sampler: &Sampler) -> Vec<Pumped> {
    let (first, second) = (&sites[first], &sites[index]);
    let between = &second.before[first.before.len()..];
    let mut list = Vec::new();
    for pump in &pumps(second, sampler) {
        let waves = [
            vec![(between.to_vec(), 1), (pump.clone(), 1)],
            vec![(between.to_vec(), 1), (pump.clone(), 3)],
            vec![(root(&[between, pump].concat()).to_vec(), 1)],
        ];
        list.extend(waves.map(|waves| Pumped {
            before: first.before.clone(),
            waves,
            site: index,
            culprit: second.range,
            stacks: false,
        }));
    }
    list
}

/// Every shape.
#[cfg(test)]
pub(super) fn shapes(tree: &Node, last: Option<u8>, limit: usize) -> Vec<Shape> {
    let plan = Plan::new(tree, &[], limit);
    plan.pumped.iter().flat_map(|pumped| plan.tailed(pumped).chain(plan.ended(pumped, last))).collect()
}
