//! A pattern to what every text that it matches must hold: bytes and pairs of neighbours, letters in either case. A
//! text is looked at once for all patterns ([`Presence`]); most patterns of attacks are then cleared without being run,
//! or even compiled. Called by `Regex::may_match`.
//!
//! A pattern also has keys, where its tree gives any: a few of those marks, of which each text that it matches has at
//! least one. With them many patterns are cleared in one go.
//!
//! A need is a necessary condition and never more: what the tree does not say, or what is a look at something absent, a
//! reference or optional, asks for nothing.

use super::bytes::ByteSet;
use super::tree::{self, Look, Node};

/// Sets of more bytes than this are met in nearly every text.
const SMALL_SET: u32 = 24;
/// Marks for pairs.
const PAIRS: usize = 2048;
const PAIR_WORDS: usize = PAIRS / 64;

/// Which bytes and pairs of neighbouring bytes a text holds, as marks: first those of pairs, then those of bytes. Upper
/// case counts as lower.
#[derive(Clone, Debug)]
pub struct Presence([u64; PAIR_WORDS + 2]);

/// Bytes in lower case, one bit for each of the lower half; those of the upper half share them.
type Folded = u128;

const fn bit(byte: u8) -> Folded {
    1 << (LOWER[byte as usize] & 0x7f)
}

/// A table is quicker than a comparison.
const LOWER: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = (byte as u8).to_ascii_lowercase();
        byte += 1;
    }
    table
};

/// [`bit`] of each byte, in halves.
static BITS: [[u64; 2]; 256] = {
    let mut table = [[0; 2]; 256];
    let mut byte = 0;
    while byte < 256 {
        let bit = bit(byte as u8);
        table[byte] = [bit as u64, (bit >> 64) as u64];
        byte += 1;
    }
    table
};

/// The bit of two neighbours in lower case.
fn pair(first: u8, second: u8) -> u16 {
    (u16::from(first).wrapping_mul(33) ^ u16::from(second)) & (PAIRS as u16 - 1)
}

impl Presence {
    pub fn of(text: &[u8]) -> Presence {
        let mut marks = [0_u64; PAIR_WORDS + 2];
        let (mut low, mut high) = (0_u64, 0_u64);
        // The first byte makes a pair with nothing, which may stand for one that is not there: that costs a run.
        let mut previous = 0;
        for byte in text {
            // Without branches: the same speed for every text.
            let bits = &BITS[usize::from(*byte)];
            low |= bits[0];
            high |= bits[1];
            let byte = LOWER[usize::from(*byte)];
            let index = pair(previous, byte);
            marks[usize::from(index >> 6)] |= 1 << (index & 63);
            previous = byte;
        }
        (marks[PAIR_WORDS], marks[PAIR_WORDS + 1]) = (low, high);
        Presence(marks)
    }

    /// Whether it has a mark.
    pub fn has(&self, mark: u16) -> bool {
        self.0[usize::from(mark >> 6)] >> (mark & 63) & 1 == 1
    }

    fn bytes(&self) -> Folded {
        Folded::from(self.0[PAIR_WORDS + 1]) << 64 | Folded::from(self.0[PAIR_WORDS])
    }

    /// Adds a mark: one of [`Needs::keys`].
    pub fn insert(&mut self, mark: u16) {
        self.0[usize::from(mark >> 6)] |= 1 << (mark & 63);
    }

    /// The marks that both have, ascending.
    pub fn each_shared(&self, other: &Presence, mut shared: impl FnMut(u16)) {
        // Usually there are none or few, which a pass of wide steps finds out.
        let mut both = self.0;
        both.iter_mut().zip(&other.0).for_each(|(one, other)| *one &= other);
        for (word, mut left) in (0..).zip(both) {
            while left != 0 {
                shared(word * 64 + left.trailing_zeros() as u16);
                left &= left - 1;
            }
        }
    }
}

impl Default for Presence {
    /// Of no text.
    fn default() -> Presence {
        Presence([0; PAIR_WORDS + 2])
    }
}

/// What a text must hold, made ready: questions of yes or no, each with the next one for both answers.
#[derive(Debug)]
pub struct Needs {
    questions: Vec<Question>,
    /// Sets of bytes that questions ask for.
    sets: Vec<Folded>,
    first: u16,
    keys: Option<Box<[u16]>>,
}

#[derive(Debug)]
struct Question {
    /// A pair, or from [`PAIRS`] on a set.
    about: u16,
    yes: u16,
    no: u16,
}

/// Answers, in the place of a next question.
const MET: u16 = u16::MAX;
const NOT_MET: u16 = u16::MAX - 1;
/// Questions of one pattern.
const MOST: usize = 16 * 1024;

impl Needs {
    /// What an engine text needs.
    pub(super) fn of(engine_text: &str) -> Needs {
        Needs::ready(&Need::of(engine_text))
    }

    fn ready(need: &Need) -> Needs {
        let keys = need.keys().map(|keys| keys.marks.into());
        let mut needs = Needs { questions: Vec::new(), sets: Vec::new(), first: MET, keys };
        if need.questions() <= MOST {
            needs.first = needs.ask(need, MET, NOT_MET);
        }
        needs
    }

    /// What a text needs that holds one of these literals, letters in either case.
    pub fn of_literals<'l>(literals: impl IntoIterator<Item = &'l [u8]>) -> Needs {
        let mut bytes: Folded = 0;
        let mut parts = Vec::new();
        let mut empty = false;
        for literal in literals {
            match literal {
                [] => empty = true,
                [byte] => bytes |= bit(*byte),
                [..] => {
                    // One bit clears most texts, and all the literals at once.
                    let rarest = literal.iter().min_by_key(|byte| commonness(LOWER[usize::from(**byte)]));
                    let lower = |byte: u8| LOWER[usize::from(byte)];
                    let pairs = literal.windows(2).map(|two| Pair::of(lower(two[0]), lower(two[1]))).collect();
                    let rarest = rarest.map(|byte| Need::Byte(bit(*byte)));
                    parts.push(Need::All(rarest.into_iter().chain([Need::Pairs(pairs)]).collect()));
                }
            }
        }
        if bytes != 0 {
            parts.insert(0, Need::Byte(bytes));
        }
        Needs::ready(&if empty { Need::Nothing } else { Need::Any(parts) })
    }

    /// Marks of which every text that is looked for has at least one; nothing where none are known.
    pub fn keys(&self) -> Option<&[u16]> {
        self.keys.as_deref()
    }

    /// Whether a text may be one of those that are looked for.
    pub fn are_met(&self, presence: &Presence) -> bool {
        let mut at = self.first;
        while let Some(question) = self.questions.get(usize::from(at)) {
            let yes = match question.about.checked_sub(PAIRS as u16) {
                None => presence.has(question.about),
                Some(set) => self.sets[usize::from(set)] & presence.bytes() != 0,
            };
            at = if yes { question.yes } else { question.no };
        }
        at == MET
    }

    /// The first question about `need`, when what comes after a yes and a no is known.
    fn ask(&mut self, need: &Need, yes: u16, no: u16) -> u16 {
        match need {
            Need::Nothing => yes,
            Need::Byte(set) => {
                self.sets.push(*set);
                self.push(PAIRS + self.sets.len() - 1, yes, no)
            }
            Need::Pairs(pairs) => pairs.iter().rev().fold(yes, |yes, pair| self.push(pair.mark.into(), yes, no)),
            Need::All(parts) => parts.iter().rev().fold(yes, |yes, part| self.ask(part, yes, no)),
            Need::Any(parts) => parts.iter().rev().fold(no, |no, part| self.ask(part, yes, no)),
        }
    }

    fn push(&mut self, about: usize, yes: u16, no: u16) -> u16 {
        // INVARIANT: `of` has counted the questions; all three fit.
        self.questions.push(Question { about: about as u16, yes, no });
        (self.questions.len() - 1) as u16
    }
}

/// What a text must hold.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Need {
    /// Nothing is known.
    Nothing,
    /// One of these bytes.
    Byte(Folded),
    /// Each of these pairs.
    Pairs(Vec<Pair>),
    All(Vec<Need>),
    Any(Vec<Need>),
}

/// Two neighbours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Pair {
    mark: u16,
    /// How many of a hundred ordinary texts have it, roughly.
    chance: u32,
}

impl Pair {
    /// Of bytes in lower case.
    fn of(first: u8, second: u8) -> Pair {
        let chance = match (commonness(first), commonness(second)) {
            (60, 60) if COMMON_PAIRS.contains(&[first, second]) => 20,
            (60, 60) => 6,
            (one, other) => (one.min(other) / 4).max(1),
        };
        Pair { mark: pair(first, second), chance }
    }
}

/// Neighbours that are often met in words and URLs.
const COMMON_PAIRS: [[u8; 2]; 88] = [
    *b"th", *b"he", *b"in", *b"er", *b"an", *b"re", *b"on", *b"at", *b"en", *b"nd", *b"ti", *b"es", *b"or", *b"te",
    *b"of", *b"ed", *b"is", *b"it", *b"al", *b"ar", *b"st", *b"to", *b"nt", *b"ng", *b"se", *b"ha", *b"as", *b"ou",
    *b"io", *b"le", *b"ve", *b"co", *b"me", *b"de", *b"hi", *b"ri", *b"ro", *b"ic", *b"ne", *b"ea", *b"ra", *b"ce",
    *b"li", *b"ch", *b"ll", *b"be", *b"ma", *b"si", *b"om", *b"ur", *b"et", *b"el", *b"ta", *b"la", *b"ns", *b"di",
    *b"us", *b"ge", *b"ca", *b"ec", *b"il", *b"lo", *b"ss", *b"ac", *b"no", *b"em", *b"ct", *b"mo", *b"pe", *b"ad",
    *b"ol", *b"so", *b"ie", *b"ee", *b"tr", *b"os", *b"ot", *b"pr", *b"id", *b"ut", *b"ht", *b"tt", *b"tp", *b"ww",
    *b"/s", *b"/a", *b".c", *b"00",
];

/// Marks of which a text has at least one.
struct Keys {
    marks: Vec<u16>,
    /// How many of a hundred ordinary texts have one, roughly.
    chance: u32,
}

impl Need {
    /// The rarest keys; nothing where a text without any mark may do.
    fn keys(&self) -> Option<Keys> {
        match self {
            Need::Nothing => None,
            Need::Byte(set) => Some(Keys {
                marks: members(*set).map(|byte| PAIRS as u16 + u16::from(byte)).collect(),
                chance: members(*set).map(commonness).sum(),
            }),
            Need::Pairs(pairs) => {
                let rarest = pairs.iter().min_by_key(|pair| pair.chance)?;
                Some(Keys { marks: vec![rarest.mark], chance: rarest.chance })
            }
            Need::All(parts) => parts.iter().filter_map(Need::keys).min_by_key(|keys| keys.chance),
            Need::Any(parts) => {
                let mut all = Keys { marks: Vec::new(), chance: 0 };
                for part in parts {
                    let keys = part.keys()?;
                    all.marks.extend(keys.marks);
                    all.chance += keys.chance;
                }
                Some(all)
            }
        }
    }

    fn of(engine_text: &str) -> Need {
        tree::parse(engine_text).map_or(Need::Nothing, |tree| of_node(&tree))
    }

    /// How many it takes.
    fn questions(&self) -> usize {
        match self {
            Need::Nothing => 0,
            Need::Byte(_) => 1,
            Need::Pairs(pairs) => pairs.len(),
            Need::All(parts) | Need::Any(parts) => parts.iter().map(Need::questions).sum(),
        }
    }

    /// How many of a hundred ordinary texts have it, roughly: what is rare is asked for first.
    fn chance(&self) -> u32 {
        match self {
            Need::Nothing => 100,
            Need::Byte(set) => members(*set).map(commonness).sum::<u32>().min(100),
            Need::Pairs(pairs) => 20 / pairs.len().max(1) as u32,
            Need::All(parts) => parts.iter().map(Need::chance).min().unwrap_or(100),
            Need::Any(parts) => parts.iter().map(Need::chance).sum::<u32>().min(100),
        }
    }
}

fn members(mut set: Folded) -> impl Iterator<Item = u8> {
    std::iter::from_fn(move || {
        let byte = set.trailing_zeros();
        set &= set.wrapping_sub(1);
        (byte < Folded::BITS).then_some(byte as u8)
    })
}

/// How many of a hundred URLs and headers hold a byte, roughly.
fn commonness(byte: u8) -> u32 {
    match byte {
        b'a'..=b'z' | b'0'..=b'9' | b'/' | b'.' => 60,
        b'A'..=b'Z' => 0,
        b'-' | b'=' | b' ' | b':' | b'_' | b'%' | b'&' | b'?' => 30,
        b',' | b';' | b'+' | b'(' | b')' => 15,
        _ => 2,
    }
}

fn of_node(node: &Node) -> Need {
    let mut parts = Parts::default();
    parts.add(node);
    parts.end_run();
    match parts.needs.len() {
        0 => Need::Nothing,
        1 => parts.needs.remove(0),
        _ => {
            parts.needs.sort_by_cached_key(Need::chance);
            Need::All(parts.needs)
        }
    }
}

fn any(branches: &[Node]) -> Need {
    let mut bytes: Folded = 0;
    let mut needs = Vec::new();
    for branch in branches {
        match of_node(branch) {
            Need::Nothing => return Need::Nothing,
            Need::Byte(more) => bytes |= more,
            need @ (Need::Pairs(_) | Need::All(_) | Need::Any(_)) => needs.push(need),
        }
    }
    if bytes != 0 {
        needs.insert(0, Need::Byte(bytes));
    }
    if needs.len() == 1 { needs.remove(0) } else { Need::Any(needs) }
}

/// What the items of a sequence need, collected from left to right.
#[derive(Default)]
struct Parts {
    needs: Vec<Need>,
    /// Bytes that stand next to each other in every match, in lower case.
    run: Vec<u8>,
}

impl Parts {
    fn add(&mut self, node: &Node) {
        match node {
            Node::Bytes(set) => self.byte(set),
            // No text, so that what stands around them is still next to each other.
            Node::Empty | Node::Anchor => {}
            Node::Look(look, _, body) => match look {
                Look::Ahead | Look::Behind => self.needs.extend(known(of_node(body))),
                Look::NotAhead | Look::NotBehind => {}
            },
            Node::Concat(items) => items.iter().for_each(|item| self.add(item)),
            Node::Group(_, body) | Node::Atomic(body) => self.add(body),
            Node::Alternate(branches) => {
                self.end_run();
                self.needs.extend(known(any(branches)));
            }
            Node::Repeat(repeat) => match (&repeat.body, repeat.min) {
                (_, 0) => self.end_run(),
                // The first stands after what is before it, the last before what comes.
                (Node::Bytes(set), _) => self.byte(set),
                (body, _) => {
                    self.end_run();
                    self.needs.extend(known(of_node(body)));
                }
            },
            Node::Reference(_) | Node::Conditional(_) => self.end_run(),
        }
    }

    fn byte(&mut self, set: &ByteSet) {
        let (ascii, others) = set.lower();
        if ascii.count_ones() + others.count_ones() == 1 {
            // The one bit that there is.
            let byte = if ascii != 0 { ascii.trailing_zeros() } else { 128 + others.trailing_zeros() };
            self.run.push(byte as u8);
            return;
        }
        self.end_run();
        let folded = ascii | others;
        if folded.count_ones() <= SMALL_SET {
            self.needs.push(Need::Byte(folded));
        }
    }

    fn end_run(&mut self) {
        if let [byte] = self.run[..] {
            self.needs.push(Need::Byte(bit(byte)));
        } else if !self.run.is_empty() {
            let mut pairs: Vec<Pair> = self.run.windows(2).map(|two| Pair::of(two[0], two[1])).collect();
            pairs.sort_by_key(|pair| pair.chance);
            self.needs.push(Need::Pairs(pairs));
        }
        self.run.clear();
    }
}

fn known(need: Need) -> Option<Need> {
    (need != Need::Nothing).then_some(need)
}

#[cfg(test)]
mod tests {
    use super::super::{Compiled, Regex};
    use super::{Need, Presence};
    use proptest::prelude::*;

    #[track_caller]
    fn clears(pattern: &str, texts: &[&str]) {
        let regex = Regex::new(pattern, true).unwrap();
        for text in texts {
            assert!(!regex.may_match(&Presence::of(text.as_bytes())), "{pattern} on {text}");
        }
    }

    #[test]
    fn ordinary_texts_are_cleared() {
        let ordinary = ["", "/shop/item?color=red&size=7", "Mozilla/5.0 (X11; Linux) Gecko/20100101"];
        clears(r"\bunion\s++select\b", &ordinary);
        clears(r"<script|\$\{[^}]{0,32}(?:jndi|env:)|\.\./|[;`]", &ordinary[..2]);
        clears(r"(?:[;|`\n]|&&|\$\()\s*+(?:cat|wget)", &ordinary[..2]);
        clears(r"/etc/{1,8}(?:passwd|shadow)", &["/etc/hosts", "/e/t/c/passwd"]);
        clears("(?=.*union)x+", &["xxx"]);
        clears("é", &ordinary);
    }

    #[test]
    fn what_is_optional_or_unknown_needs_nothing() {
        for pattern in ["", "a?", "(?:a|)", "[^a]", r"(a)?\1", "(?!a)", "(?(?=a)b|c)", r"\w+", "^$"] {
            assert_eq!(Need::of(&Regex::new(pattern, false).unwrap().engine_text), Need::Nothing, "{pattern}");
        }
    }

    /// Patterns of the whole syntax over few letters, so that texts match often.
    fn pattern() -> impl Strategy<Value = String> {
        let atom = prop_oneof![
            "[abAB0é.]",
            Just(r"\.".to_owned()),
            Just(r"\w".to_owned()),
            Just(r"[ab]".to_owned()),
            Just(r"[^a]".to_owned()),
            Just(r"[[:upper:]]".to_owned()),
            Just(r"\b".to_owned()),
            Just("^".to_owned()),
            Just("$".to_owned()),
            Just(r"\Qa.\E".to_owned()),
            Just(r"\x41".to_owned()),
        ];
        atom.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 1..5).prop_map(|parts| parts.concat()),
                proptest::collection::vec(inner.clone(), 1..4).prop_map(|parts| format!("(?:{})", parts.join("|"))),
                (inner.clone(), "[*+?]|\\{2\\}|\\{1,3\\}|\\{0,2\\}", "[+?]?")
                    .prop_map(|(body, count, mode)| format!("(?:{body}){count}{mode}")),
                (inner.clone(), "=|!|>|i:|-i:|\\||:").prop_map(|(body, kind)| format!("(?{kind}{body})")),
                inner.clone().prop_map(|body| format!("(a)({body})(?i)a")),
                inner.prop_map(|body| format!(r"({body})\1")),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn a_text_that_matches_is_never_cleared(
            pattern in pattern(),
            ignore_case in any::<bool>(),
            texts in proptest::collection::vec("[abAB0é.]{0,10}", 8),
        ) {
            let Ok(regex) = Regex::new(&pattern, ignore_case) else { return Ok(()) };
            let with_jit = Compiled::new(regex.engine_text.as_bytes()).unwrap();
            for text in &texts {
                // The first texts of a pattern are read without the JIT.
                prop_assert_eq!(regex.is_match(text.as_bytes()), with_jit.is_match(text.as_bytes()), "{} on {}", pattern, text);
                if regex.is_match(text.as_bytes()) == Ok(true) {
                    let presence = Presence::of(text.as_bytes());
                    prop_assert!(regex.may_match(&presence), "{} on {}", pattern, text);
                    let has_key = regex.keys().is_none_or(|keys| keys.iter().any(|key| presence.has(*key)));
                    prop_assert!(has_key, "{} on {}", pattern, text);
                }
            }
        }
    }
}
