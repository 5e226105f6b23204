//! A pattern to what every text that it matches must hold: bytes and pairs of neighbours, letters in either case. A
//! text is looked at once for all patterns ([`Presence`]); most patterns of attacks are then cleared without being run,
//! or even compiled. Called by `Regex::may_match`.
//!
//! A need is a necessary condition and never more: what the tree does not say, or what is a look at something absent, a
//! reference or optional, asks for nothing.

use super::bytes::ByteSet;
use super::tree::{self, Look, Node};

/// Sets of more bytes than this are met in nearly every text.
const SMALL_SET: u32 = 24;
/// Bits for pairs.
const PAIRS: usize = 2048;

/// Which bytes and pairs of neighbouring bytes a text holds. Upper case counts as lower.
#[derive(Clone, Debug)]
pub struct Presence {
    bytes: Folded,
    pairs: [u64; PAIRS / 64],
}

/// Bytes in lower case, one bit for each of the lower half; those of the upper half share them.
type Folded = u128;

fn bit(byte: u8) -> Folded {
    1 << (LOWER[usize::from(byte)] & 0x7f)
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

/// The bit of two neighbours in lower case.
fn pair(first: u8, second: u8) -> u16 {
    (u16::from(first).wrapping_mul(33) ^ u16::from(second)) & (PAIRS as u16 - 1)
}

impl Presence {
    pub fn of(text: &[u8]) -> Presence {
        let mut pairs = [0_u64; PAIRS / 64];
        let (mut low, mut high) = (0_u64, 0_u64);
        // The first byte makes a pair with nothing, which may stand for one that is not there: that costs a run.
        let mut previous = 0;
        for byte in text {
            let byte = LOWER[usize::from(*byte)];
            let bit = 1_u64 << (byte & 63);
            // Without branches: in registers, and the same speed for every text.
            let is_high = 0_u64.wrapping_sub(u64::from(byte >> 6 & 1));
            low |= bit & !is_high;
            high |= bit & is_high;
            let index = pair(previous, byte);
            pairs[usize::from(index >> 6)] |= 1 << (index & 63);
            previous = byte;
        }
        Presence { bytes: Folded::from(high) << 64 | Folded::from(low), pairs }
    }

    fn has_pair(&self, index: u16) -> bool {
        self.pairs[usize::from(index >> 6)] >> (index & 63) & 1 == 1
    }
}

/// What a text must hold, made ready: questions of yes or no, each with the next one for both answers.
#[derive(Debug)]
pub struct Needs {
    questions: Vec<Question>,
    /// Sets of bytes that questions ask for.
    sets: Vec<Folded>,
    first: u16,
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
        let mut needs = Needs { questions: Vec::new(), sets: Vec::new(), first: MET };
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
                    let pairs = literal.windows(2).map(|two| pair(lower(two[0]), lower(two[1]))).collect();
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

    /// Whether a text may be one of those that are looked for.
    pub fn are_met(&self, presence: &Presence) -> bool {
        let mut at = self.first;
        while let Some(question) = self.questions.get(usize::from(at)) {
            let yes = match question.about.checked_sub(PAIRS as u16) {
                None => presence.has_pair(question.about),
                Some(set) => self.sets[usize::from(set)] & presence.bytes != 0,
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
            Need::Pairs(pairs) => pairs.iter().rev().fold(yes, |yes, index| self.push((*index).into(), yes, no)),
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
    Pairs(Vec<u16>),
    All(Vec<Need>),
    Any(Vec<Need>),
}

impl Need {
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
            Node::Look(look, body) => match look {
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
            let mut pairs: Vec<[u8; 2]> = self.run.windows(2).map(|two| [two[0], two[1]]).collect();
            pairs.sort_by_key(|two| commonness(two[0]) + commonness(two[1]));
            self.needs.push(Need::Pairs(pairs.into_iter().map(|two| pair(two[0], two[1])).collect()));
        }
        self.run.clear();
    }
}

fn known(need: Need) -> Option<Need> {
    (need != Need::Nothing).then_some(need)
}

#[cfg(test)]
mod tests {
    use super::super::Regex;
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
            for text in &texts {
                if regex.is_match(text.as_bytes()) == Ok(true) {
                    prop_assert!(regex.may_match(&Presence::of(text.as_bytes())), "{} on {}", pattern, text);
                }
            }
        }
    }
}
