//! A tree to candidate inputs: what leads to a repetition, what it can eat in several ways, many times, and an end that makes
//! the rest fail. Each holds the pattern's last literal: PCRE2 looks for that first, and does not even begin to match a subject
//! without it. Called by `attack`.

use super::super::bytes::{ByteSet, readable};
use super::super::tree::{Node, Repeat};
use super::sampler::{Sampler, Taste, sets};
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

    /// The same with `last` where it is in need of it: before what is repeated, and behind all.
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
        vec![before, behind]
    }

    /// At most `length` bytes.
    pub fn parts(&self, length: usize) -> Vec<Part> {
        let room = length.saturating_sub(self.fixed());
        let shares: usize = self.waves.iter().map(|(_, share)| share).sum();
        let waves = self.waves.iter().map(|(bytes, share)| {
            let times = room * share / shares.max(1) / bytes.len().max(1);
            Part { bytes: bytes.clone(), times }
        });
        let once = |bytes: &Vec<u8>| Part { bytes: bytes.clone(), times: 1 };
        let mut parts: Vec<Part> = core::iter::once(once(&self.before)).chain(waves).chain([once(&self.end)]).collect();
        if room == 0 {
            // What leads there is longer than the subject may be.
            parts.iter_mut().for_each(|part| part.times = 0);
        }
        parts
    }

    pub fn input(&self, length: usize) -> Vec<u8> {
        join(&self.parts(length))
    }
}

/// How many shapes are tried for one pattern.
const MOST_SHAPES: usize = 800;
/// How many more of the shapes that seldom find anything.
const MOST_UNUSUAL: usize = 400;
const MOST_SITES: usize = 12;
/// For how many bytes the way to each repetition is made of that byte where it can be.
const MOST_FAVOURITES: usize = 3;
const MOST_PAIRS: usize = 12;
const MOST_PUMPS: usize = 16;
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

/// Shapes for subjects of up to `limit` bytes, the likely ones first. `last` is the literal without which PCRE2 does not begin.
pub(super) fn shapes(tree: &Node, last: Option<u8>, limit: usize) -> Vec<Shape> {
    let sampler = Sampler::new(tree, LONGEST.min(limit / 2));
    let mut sites = sites(tree, &sampler);
    if sites.is_empty() {
        sites.push(Site::unknown(sampler.sample(tree, Taste::of(0))));
    }
    let mut usual: Vec<Vec<Shape>> = sites.iter().map(|site| pumped(site, &pumps(site, &sampler), &sampler)).collect();
    usual.extend(pairs(&sites).map(|(first, second)| pumped_pair(first, second, &sampler)));
    let mut unusual: Vec<Vec<Shape>> =
        sites.iter().map(|site| pumped(site, &odd_pumps(site, &sites), &sampler)).collect();
    for &byte in sampler.hot.iter().take(MOST_FAVOURITES) {
        let sampler = sampler.fond_of(byte);
        let others = self::sites(tree, &sampler);
        // Where the way to a repetition is the same, the usual shapes have it.
        let led_otherwise = others.iter().zip(&sites).filter(|(other, site)| other.before != site.before);
        unusual.extend(led_otherwise.map(|(other, _)| pumped(other, &pumps_of_one(other, byte), &sampler)));
    }
    let mut known = BTreeSet::new();
    in_rounds(&usual)
        .flat_map(|shape| shape.with_last_literal(last))
        .take(MOST_SHAPES)
        .chain(in_rounds(&unusual).flat_map(|shape| shape.with_last_literal(last)).take(MOST_UNUSUAL))
        .filter(|shape| known.insert((shape.before.clone(), shape.waves.clone(), shape.end.clone(), shape.stacks)))
        .collect()
}

/// The first of each list, then the second of each.
fn in_rounds(lists: &[Vec<Shape>]) -> impl Iterator<Item = Shape> {
    let longest = lists.iter().map(Vec::len).max().unwrap_or(0);
    (0..longest).flat_map(|round| lists.iter().filter_map(move |list| list.get(round))).cloned()
}

/// Texts that `tree` is meant to match, each another way.
pub(super) fn samples(tree: &Node, count: usize) -> Vec<Vec<u8>> {
    let sampler = Sampler::new(tree, LONGEST / 16);
    let mut texts: Vec<Vec<u8>> = (0..count).map(|variant| sampler.sample(tree, Taste::of(variant))).collect();
    for site in sites(tree, &sampler) {
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

/// A repetition and its surroundings.
struct Site {
    before: Vec<u8>,
    after: Vec<u8>,
    /// Every byte that the body can eat.
    alphabet: ByteSet,
    bodies: Vec<Vec<u8>>,
    /// Bodies that take some of what is optional and leave the rest.
    mixed: Vec<Vec<u8>>,
    range: Option<(usize, usize)>,
    stacks: bool,
}

impl Site {
    /// For a pattern without a tree or without repetitions.
    fn unknown(sample: Vec<u8>) -> Site {
        let mut bodies = [&b"a"[..], b"0", b" ", b"/", b"<", b"a ", b"\x01"].map(<[u8]>::to_vec).to_vec();
        bodies.insert(0, sample);
        Site {
            before: Vec::new(),
            after: Vec::new(),
            alphabet: ByteSet::EMPTY,
            bodies,
            mixed: Vec::new(),
            range: None,
            stacks: true,
        }
    }
}

fn sites(tree: &Node, sampler: &Sampler) -> Vec<Site> {
    let mut found = Vec::new();
    collect(tree, &[], &[], sampler, &mut found);
    found
}

fn collect(node: &Node, before: &[u8], after: &[u8], sampler: &Sampler, found: &mut Vec<Site>) {
    if found.len() >= MOST_SITES {
        return;
    }
    match node {
        Node::Empty | Node::Bytes(_) | Node::Anchor | Node::Reference(_) => {}
        Node::Concat(items) => {
            let texts = sampler.sample_each(items, Taste::of(0));
            for (index, item) in items.iter().enumerate().filter(|(_, item)| !matches!(item, Node::Bytes(_))) {
                let before = [before, &texts[..index].concat()].concat();
                let after = [&texts[index + 1..].concat(), after].concat();
                collect(item, &before, &after, sampler, found);
            }
        }
        Node::Alternate(branches) | Node::Conditional(branches) => {
            branches.iter().for_each(|branch| collect(branch, before, after, sampler, found));
        }
        Node::Group(_, body) | Node::Atomic(body) | Node::Look(_, _, body) => {
            collect(body, before, after, sampler, found);
        }
        Node::Repeat(repeat) => {
            found.push(site(repeat, before, after, sampler));
            collect(&repeat.body, before, after, sampler, found);
        }
    }
}

fn site(repeat: &Repeat, before: &[u8], after: &[u8], sampler: &Sampler) -> Site {
    let mut alphabet = ByteSet::EMPTY;
    sets(&repeat.body, &mut |set| alphabet = alphabet.union(*set));
    let mut bodies: Vec<Vec<u8>> = Vec::new();
    for variant in 0..8 {
        let body = sampler.sample(&repeat.body, Taste::of(variant));
        if !body.is_empty() && !bodies.contains(&body) {
            bodies.push(body);
        }
    }
    let mut mixed: Vec<Vec<u8>> = Vec::new();
    for taste in Taste::mixed(&repeat.body) {
        let body = sampler.sample(&repeat.body, taste);
        if !body.is_empty() && !bodies.contains(&body) && !mixed.contains(&body) {
            mixed.push(body);
        }
    }
    let range = Some((repeat.start, repeat.end));
    // A repetition of one byte leaves nothing, however long; any other may.
    let stacks = !matches!(repeat.body, Node::Bytes(_)) && repeat.max.is_none_or(|max| max > 100);
    Site { before: before.to_vec(), after: after.to_vec(), alphabet, bodies, mixed, range, stacks }
}

/// Texts that the repetition can eat, the most ambiguous first.
fn pumps(site: &Site, sampler: &Sampler) -> Vec<Vec<u8>> {
    let eats = |bytes: &[u8]| bytes.iter().all(|&byte| site.alphabet.contains(byte));
    let mut pumps: Vec<Vec<u8>> = Vec::new();
    pumps.extend(sampler.hot.iter().filter(|&&byte| eats(&[byte])).take(3).map(|&byte| vec![byte]));
    if sampler.has_boundary {
        // Nowhere in a run of either is a word boundary.
        pumps.extend([b" ", b"a"].iter().filter(|pump| eats(&pump[..])).map(|pump| pump.to_vec()));
    }
    pumps.extend(site.after.first().map(|&byte| vec![byte]).filter(|pump| eats(pump)));
    let near_miss = site.after.split_last().map_or(&[][..], |(_, start)| start);
    pumps.extend(Some(near_miss.to_vec()).filter(|pump| pump.len() < 48 && eats(pump)));
    pumps.extend(site.bodies.iter().cloned());
    pumps.push(site.bodies.iter().take(3).flatten().copied().collect());
    pumps.extend(sampler.words.iter().filter(|word| eats(word)).cloned());
    let mut kept: Vec<Vec<u8>> = Vec::new();
    for pump in pumps {
        if !pump.is_empty() && !kept.contains(&pump) {
            kept.push(pump);
        }
    }
    kept.truncate(MOST_PUMPS);
    kept
}

/// Texts that leave some of what is optional out, and what other repetitions eat: where the one before has eaten all, this one
/// may eat it again.
fn odd_pumps(site: &Site, sites: &[Site]) -> Vec<Vec<u8>> {
    let eats = |bytes: &[u8]| bytes.iter().all(|&byte| site.alphabet.contains(byte));
    let mut pumps = site.mixed.clone();
    for other in sites.iter().filter(|other| other.range != site.range) {
        let shared = other.bodies.iter().filter(|body| (2..48).contains(&body.len()) && eats(body)).take(2);
        for body in shared {
            if !pumps.contains(body) {
                pumps.push(body.clone());
            }
        }
    }
    pumps.truncate(MOST_PUMPS);
    pumps
}

/// Texts of `byte`, with as little else as can be.
fn pumps_of_one(site: &Site, byte: u8) -> Vec<Vec<u8>> {
    let alone = Some(vec![byte]).filter(|_| site.alphabet.contains(byte));
    alone.into_iter().chain(site.bodies.iter().filter(|body| body[..] != [byte]).take(2).cloned()).collect()
}

/// Ends that make what follows the repetition fail.
fn ends(site: &Site, sampler: &Sampler) -> Vec<Vec<u8>> {
    let after = &site.after;
    let cold = || sampler.hot.iter().rev().copied();
    let wrong = cold()
        .find(|&byte| !site.alphabet.contains(byte) && after.first() != Some(&byte))
        .or_else(|| readable().find(|byte| !after.contains(byte)))
        .unwrap_or(b'\n');
    let last = after.last().copied();
    // No boundary is before it, and no look-ahead that forbids more of the same holds there.
    let more_of_the_same = cold().find(|byte| site.alphabet.contains(*byte) && !after.contains(byte));
    let ends = [
        vec![wrong],
        [&[wrong], &after[..]].concat(),
        Vec::new(),
        last.into_iter().collect(),
        [wrong].into_iter().chain(last).collect(),
        after.split_last().map_or_else(Vec::new, |(_, start)| start.to_vec()),
        after.split_first().map_or_else(Vec::new, |(_, end)| end.to_vec()),
        more_of_the_same.into_iter().collect(),
    ];
    let mut kept: Vec<Vec<u8>> = Vec::new();
    for end in ends {
        if !kept.contains(&end) {
            kept.push(end);
        }
    }
    kept
}

fn pumped(site: &Site, pumps: &[Vec<u8>], sampler: &Sampler) -> Vec<Shape> {
    let mut list = Vec::new();
    for (index, end) in ends(site, sampler).into_iter().enumerate() {
        list.extend(pumps.iter().map(|pump| Shape {
            before: site.before.clone(),
            waves: vec![(pump.clone(), 1)],
            end: end.clone(),
            culprit: site.range,
            // The end makes little difference to the stack.
            stacks: site.stacks && index < 2,
        }));
    }
    list
}

/// Two repetitions, neither in the other, with text between them that leads from one to the other.
fn pairs(sites: &[Site]) -> impl Iterator<Item = (&Site, &Site)> {
    let follows = |first: &Site, second: &Site| {
        let apart = first.range.zip(second.range).is_some_and(|(first, second)| first.1 <= second.0);
        apart && second.before.len() > first.before.len() && second.before.starts_with(&first.before)
    };
    sites
        .iter()
        .enumerate()
        .flat_map(|(index, first)| sites[index + 1..].iter().map(move |second| (first, second)))
        .filter(move |(first, second)| follows(first, second))
        .take(MOST_PAIRS)
}

/// The text between two repetitions many times, so that the second starts anew after each, then what the second eats.
fn pumped_pair(first: &Site, second: &Site, sampler: &Sampler) -> Vec<Shape> {
    let between = &second.before[first.before.len()..];
    let pumps = pumps(second, sampler);
    let mut list = Vec::new();
    for end in ends(second, sampler) {
        for pump in &pumps {
            let waves = [
                vec![(between.to_vec(), 1), (pump.clone(), 1)],
                vec![(between.to_vec(), 1), (pump.clone(), 3)],
                vec![([between, pump].concat(), 1)],
            ];
            list.extend(waves.map(|waves| Shape {
                before: first.before.clone(),
                waves,
                end: end.clone(),
                culprit: second.range,
                stacks: false,
            }));
        }
    }
    list
}
