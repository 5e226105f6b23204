//! A tree to texts that it matches, look-arounds aside: with and without what is optional, each branch, bytes of several kinds.
//! Called by `inputs`, which makes candidate inputs of them.

use super::super::bytes::{ByteSet, readable};
use super::super::tree::{Look, Mode, Node, Repeat};

const MOST_WORDS: usize = 8;
/// How many optional pieces are taken alone, and how many branches are gone through with each.
const MOST_OPTIONAL: usize = 4;
const MOST_BRANCHES: usize = 4;

/// What a text takes of a piece of the pattern where it can choose.
#[derive(Clone, Copy)]
pub(super) struct Taste {
    /// Which branches, and which byte of a set.
    variant: usize,
    optional: Optional,
}

#[derive(Clone, Copy)]
enum Optional {
    Left,
    Taken,
    /// Taken where the quantifier is greedy: what PCRE2 tries first.
    AsWritten,
    /// Only what starts at this place of the engine text, and what is around it.
    Only(usize),
}

impl Taste {
    /// Of a series in which each is another.
    pub fn of(variant: usize) -> Taste {
        Taste { variant, optional: if variant % 2 == 1 { Optional::Taken } else { Optional::Left } }
    }

    /// Those that take some of what is optional in `node` and leave the rest, for its first branches: a pass that takes the
    /// shortest of a repetition in the pattern costs the most for each byte.
    pub fn mixed(node: &Node) -> Vec<Taste> {
        let mut optional = Vec::new();
        let mut branches = 1;
        choices(node, &mut optional, &mut branches);
        optional.truncate(MOST_OPTIONAL);
        let mixes: Vec<Optional> =
            optional.into_iter().map(Optional::Only).chain([Optional::AsWritten, Optional::Taken]).collect();
        let variants = 0..branches.min(MOST_BRANCHES);
        variants.flat_map(|variant| mixes.iter().map(move |&optional| Taste { variant, optional })).collect()
    }

    fn takes(self, repeat: &Repeat) -> bool {
        match self.optional {
            Optional::Left => false,
            Optional::Taken => true,
            Optional::AsWritten => repeat.mode != Mode::Lazy,
            Optional::Only(start) => (repeat.start..repeat.end).contains(&start),
        }
    }
}

/// Where what can be left out starts, and the most branches of an alternation.
fn choices(node: &Node, optional: &mut Vec<usize>, most_branches: &mut usize) {
    match node {
        Node::Empty | Node::Anchor | Node::Bytes(_) | Node::Reference(_) => {}
        Node::Concat(items) => items.iter().for_each(|item| choices(item, optional, most_branches)),
        Node::Alternate(items) | Node::Conditional(items) => {
            *most_branches = items.len().max(*most_branches);
            items.iter().for_each(|item| choices(item, optional, most_branches));
        }
        Node::Look(Look::Ahead | Look::NotAhead | Look::NotBehind, ..) => {}
        Node::Group(_, body) | Node::Atomic(body) | Node::Look(Look::Behind, _, body) => {
            choices(body, optional, most_branches);
        }
        Node::Repeat(repeat) => {
            if repeat.min == 0 {
                optional.push(repeat.start);
            }
            choices(&repeat.body, optional, most_branches);
        }
    }
}

/// Makes texts that a tree matches, look-arounds aside.
#[derive(Clone)]
pub(super) struct Sampler {
    /// One byte of each kind that the pattern tells apart, those in most sets first, one that is in none last.
    pub hot: Vec<u8>,
    /// Texts that stand in the pattern, each branch's too: what starts a repetition anew, the shortest as the most often.
    pub words: Vec<Vec<u8>>,
    /// Something in the pattern may ask for what is around it, as `\b` does.
    pub has_boundary: bool,
    /// Something in the pattern ends where it first matches: a look-around, an atomic group, a possessive repetition of one.
    pub has_closed: bool,
    longest: usize,
    /// Taken from every set that has it.
    favourite: Option<u8>,
}

impl Sampler {
    pub fn new(tree: &Node, longest: usize) -> Sampler {
        let mut distinct: Vec<ByteSet> = Vec::new();
        sets(tree, &mut |set| {
            if distinct.len() < 64 && !distinct.contains(set) {
                distinct.push(*set);
            }
        });
        let mut kinds: Vec<(u64, u8)> = Vec::new();
        for byte in readable() {
            let kind = distinct
                .iter()
                .enumerate()
                .fold(0_u64, |kind, (index, set)| kind | (u64::from(set.contains(byte)) << index));
            if !kinds.iter().any(|(known, _)| *known == kind) {
                kinds.push((kind, byte));
            }
        }
        // Stable: among equals the most readable stays first.
        kinds.sort_by_key(|(kind, _)| core::cmp::Reverse(kind.count_ones()));
        let mut found = words(core::slice::from_ref(tree));
        found.retain(|word| (2..64).contains(&word.len()));
        found.sort_by_key(Vec::len);
        found.dedup();
        found.truncate(MOST_WORDS);
        let hot = kinds.into_iter().map(|(_, byte)| byte).collect();
        Sampler {
            hot,
            words: found,
            has_boundary: has_anchor(tree),
            has_closed: has_closed(tree),
            longest,
            favourite: None,
        }
    }

    /// The same, but `byte` is taken wherever it can be.
    pub fn fond_of(&self, byte: u8) -> Sampler {
        Sampler { favourite: Some(byte), ..self.clone() }
    }

    pub fn sample(&self, node: &Node, taste: Taste) -> Vec<u8> {
        self.sample_each(core::slice::from_ref(node), taste).concat()
    }

    /// A text for each of the items of a row; references reach back.
    pub fn sample_each(&self, items: &[Node], taste: Taste) -> Vec<Vec<u8>> {
        let mut groups = Vec::new();
        let mut sample = |item| {
            let mut text = Vec::new();
            self.append(item, taste, &mut text, &mut groups);
            text.truncate(self.longest);
            text
        };
        items.iter().map(&mut sample).collect()
    }

    fn append(&self, node: &Node, taste: Taste, text: &mut Vec<u8>, groups: &mut Vec<(u32, Vec<u8>)>) {
        if text.len() > self.longest {
            return;
        }
        match node {
            Node::Empty | Node::Anchor | Node::Look(Look::Ahead | Look::NotAhead | Look::NotBehind, ..) => {}
            Node::Bytes(set) => text.extend(self.choose(set, taste)),
            Node::Concat(items) => items.iter().for_each(|item| self.append(item, taste, text, groups)),
            Node::Alternate(branches) | Node::Conditional(branches) => {
                if let Some(branch) = branches.get(taste.variant % branches.len().max(1)) {
                    self.append(branch, taste, text, groups);
                }
            }
            Node::Group(number, body) => {
                let start = text.len();
                self.append(body, taste, text, groups);
                if let Some(number) = number {
                    groups.retain(|(known, _)| known != number);
                    groups.push((*number, text[start..].to_vec()));
                }
            }
            Node::Atomic(body) => self.append(body, taste, text, groups),
            Node::Look(Look::Behind, _, body) => {
                if text.is_empty() {
                    self.append(body, taste, text, groups);
                }
            }
            Node::Repeat(repeat) => {
                let times = repeat.min.max(u32::from(taste.takes(repeat))).min(repeat.max.unwrap_or(u32::MAX));
                for _ in 0..times {
                    let before = text.len();
                    self.append(&repeat.body, taste, text, groups);
                    if text.len() == before || text.len() > self.longest {
                        break;
                    }
                }
            }
            Node::Reference(number) => {
                if let Some((_, captured)) = groups.iter().find(|(known, _)| Some(*known) == *number) {
                    text.extend_from_slice(captured);
                }
            }
        }
    }

    fn choose(&self, set: &ByteSet, taste: Taste) -> Option<u8> {
        let favourite = self.favourite.filter(|&byte| set.contains(byte));
        if favourite.is_some() {
            return favourite;
        }
        let mut hot = self.hot.iter().copied().filter(|&byte| set.contains(byte));
        match taste.variant % 4 {
            2 => hot.next(),
            3 => hot.next_back(),
            _ => set.example(),
        }
        .or_else(|| set.example())
    }
}

/// Every set of a tree, in order.
pub(super) fn sets(node: &Node, visit: &mut impl FnMut(&ByteSet)) {
    match node {
        Node::Empty | Node::Anchor | Node::Reference(_) => {}
        Node::Bytes(set) => visit(set),
        Node::Concat(items) | Node::Alternate(items) | Node::Conditional(items) => {
            for item in items {
                sets(item, visit);
            }
        }
        Node::Group(_, body) | Node::Atomic(body) | Node::Look(_, _, body) => sets(body, visit),
        Node::Repeat(repeat) => sets(&repeat.body, visit),
    }
}

fn has_anchor(node: &Node) -> bool {
    match node {
        Node::Empty | Node::Bytes(_) | Node::Reference(_) => false,
        Node::Anchor => true,
        Node::Concat(items) | Node::Alternate(items) | Node::Conditional(items) => items.iter().any(has_anchor),
        Node::Group(_, body) | Node::Atomic(body) | Node::Look(_, _, body) => has_anchor(body),
        Node::Repeat(repeat) => has_anchor(&repeat.body),
    }
}

fn has_closed(node: &Node) -> bool {
    match node {
        Node::Empty | Node::Bytes(_) | Node::Anchor | Node::Reference(_) => false,
        Node::Concat(items) | Node::Alternate(items) => items.iter().any(has_closed),
        Node::Group(_, body) => has_closed(body),
        Node::Atomic(_) | Node::Look(..) | Node::Conditional(_) => true,
        Node::Repeat(repeat) => {
            let of_bytes = matches!(repeat.body, Node::Bytes(_));
            !of_bytes && (repeat.mode == Mode::Possessive || has_closed(&repeat.body))
        }
    }
}

/// The runs of bytes in a row of trees, in order.
pub(super) fn words(items: &[Node]) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    words_of_row(items, &mut found);
    found
}

fn words_of_row(items: &[Node], found: &mut Vec<Vec<u8>>) {
    for run in items.chunk_by(|left, right| matches!((left, right), (Node::Bytes(_), Node::Bytes(_)))) {
        if let [Node::Bytes(_), ..] = run {
            let word = run.iter().filter_map(|item| if let Node::Bytes(set) = item { set.example() } else { None });
            found.push(word.collect());
        } else {
            run.iter().for_each(|item| add_words(item, found));
        }
    }
}

fn add_words(node: &Node, found: &mut Vec<Vec<u8>>) {
    match node {
        Node::Empty | Node::Anchor | Node::Reference(_) => {}
        Node::Bytes(set) => found.push(set.example().into_iter().collect()),
        Node::Concat(items) => words_of_row(items, found),
        Node::Alternate(branches) | Node::Conditional(branches) => {
            branches.iter().for_each(|branch| add_words(branch, found));
        }
        Node::Group(_, body) | Node::Atomic(body) | Node::Look(_, _, body) => add_words(body, found),
        Node::Repeat(repeat) => add_words(&repeat.body, found),
    }
}
