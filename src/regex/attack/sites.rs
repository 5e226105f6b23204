//! A tree to its repetitions, each with texts for what it eats, what leads to it and what follows. Called by `inputs`, which
//! makes candidate inputs of them.

use super::super::bytes::ByteSet;
use super::super::tree::{Node, Repeat};
use super::sampler::{Sampler, Taste, sets, words};

const MOST_SITES: usize = 12;
/// How many words that follow a repetition are kept.
const MOST_NEXT: usize = 8;

/// A repetition and its surroundings.
pub(super) struct Site {
    pub before: Vec<u8>,
    pub after: Vec<u8>,
    /// The words that follow it, the nearest first.
    pub next: Vec<Vec<u8>>,
    /// Every byte that the body can eat.
    pub alphabet: ByteSet,
    pub bodies: Vec<Vec<u8>>,
    /// Bodies that take some of what is optional and leave the rest.
    pub mixed: Vec<Vec<u8>>,
    pub range: Option<(usize, usize)>,
    pub stacks: bool,
}

impl Site {
    /// For a pattern without a tree or without repetitions.
    pub fn unknown(sample: Vec<u8>) -> Site {
        let mut bodies = [&b"a"[..], b"0", b" ", b"/", b"<", b"a ", b"\x01"].map(<[u8]>::to_vec).to_vec();
        bodies.insert(0, sample);
        Site {
            before: Vec::new(),
            after: Vec::new(),
            next: Vec::new(),
            alphabet: ByteSet::EMPTY,
            bodies,
            mixed: Vec::new(),
            range: None,
            stacks: true,
        }
    }

    pub fn eats(&self, bytes: &[u8]) -> bool {
        bytes.iter().all(|&byte| self.alphabet.contains(byte))
    }
}

/// Every repetition, each with the way to it that `taste` takes, behind `prefix`.
pub(super) fn sites(tree: &Node, sampler: &Sampler, taste: Taste, prefix: &[u8]) -> Vec<Site> {
    let mut collector = Collector { sampler, taste, again: false, found: Vec::new() };
    collector.collect(tree, prefix, &[], &[]);
    collector.found
}

/// Those inside repeated groups, each behind a whole pass: what was eaten there is tried anew on what follows.
pub(super) fn sites_again(tree: &Node, sampler: &Sampler, prefix: &[u8]) -> Vec<Site> {
    let mut collector = Collector { sampler, taste: Taste::of(0), again: true, found: Vec::new() };
    collector.collect(tree, prefix, &[], &[]);
    collector.found
}

struct Collector<'a> {
    sampler: &'a Sampler,
    taste: Taste,
    again: bool,
    found: Vec<Site>,
}

impl Collector<'_> {
    fn collect(&mut self, node: &Node, before: &[u8], after: &[u8], next: &[Vec<u8>]) {
        if self.found.len() >= MOST_SITES {
            return;
        }
        match node {
            Node::Empty | Node::Bytes(_) | Node::Anchor | Node::Reference(_) => {}
            Node::Concat(items) => {
                let texts = self.sampler.sample_each(items, self.taste);
                for (index, item) in items.iter().enumerate().filter(|(_, item)| !matches!(item, Node::Bytes(_))) {
                    let before = [before, &texts[..index].concat()].concat();
                    let after = [&texts[index + 1..].concat(), after].concat();
                    let next = words_of(&items[index + 1..], next);
                    self.collect(item, &before, &after, &next);
                }
            }
            Node::Alternate(branches) | Node::Conditional(branches) => {
                branches.iter().for_each(|branch| self.collect(branch, before, after, next));
            }
            Node::Group(_, body) | Node::Atomic(body) | Node::Look(_, _, body) => {
                self.collect(body, before, after, next);
            }
            Node::Repeat(repeat) => {
                self.found.push(site(repeat, before, after, next, self.sampler));
                if matches!(repeat.body, Node::Bytes(_)) {
                    return;
                }
                let pass = if self.again && repeat.max != Some(1) {
                    self.sampler.sample(&repeat.body, self.taste)
                } else {
                    Vec::new()
                };
                let next = words_of(core::slice::from_ref(&repeat.body), next);
                self.collect(&repeat.body, &[before, &pass].concat(), after, &next);
            }
        }
    }
}

fn words_of(items: &[Node], next: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut found = words(items);
    found.retain(|word| word.len() < 64);
    found.extend(next.iter().cloned());
    found.truncate(MOST_NEXT);
    found
}

fn site(repeat: &Repeat, before: &[u8], after: &[u8], next: &[Vec<u8>], sampler: &Sampler) -> Site {
    let mut alphabet = ByteSet::EMPTY;
    sets(&repeat.body, &mut |set| alphabet = alphabet.union(*set));
    let mut bodies: Vec<Vec<u8>> = Vec::new();
    let of_bytes = matches!(repeat.body, Node::Bytes(_));
    for variant in 0..if of_bytes { 4 } else { 8 } {
        let body = sampler.sample(&repeat.body, Taste::of(variant));
        if !body.is_empty() && !bodies.contains(&body) {
            bodies.push(body);
        }
    }
    let mut mixed: Vec<Vec<u8>> = Vec::new();
    let tastes = if of_bytes { Vec::new() } else { Taste::mixed(&repeat.body) };
    for taste in tastes {
        let body = sampler.sample(&repeat.body, taste);
        if !body.is_empty() && !bodies.contains(&body) && !mixed.contains(&body) {
            mixed.push(body);
        }
    }
    let range = Some((repeat.start, repeat.end));
    // A repetition of one byte leaves nothing, however long; any other may.
    let stacks = !of_bytes && repeat.max.is_none_or(|max| max > 100);
    Site { before: before.to_vec(), after: after.to_vec(), next: next.to_vec(), alphabet, bodies, mixed, range, stacks }
}
