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

/// Bytes in lower case: 0 to 63, 64 to 127, and those above, which share bits.
type Folded = [u64; 3];

fn insert(set: &mut Folded, byte: u8) {
    set[usize::from((byte >> 6).min(2))] |= 1 << (byte & 63);
}

fn intersect(left: &Folded, right: &Folded) -> bool {
    left.iter().zip(right).any(|(left, right)| left & right != 0)
}

/// The bit of two neighbours in lower case.
fn pair(first: u8, second: u8) -> u16 {
    (u16::from(first).wrapping_mul(33) ^ u16::from(second)) & (PAIRS as u16 - 1)
}

impl Presence {
    pub fn of(text: &[u8]) -> Presence {
        let (mut low, mut middle, mut high) = (0_u64, 0_u64, 0_u64);
        let mut pairs = [0_u64; PAIRS / 64];
        // The first byte makes a pair with nothing, which may stand for one that is not there: that costs a run.
        let mut previous = 0;
        for byte in text {
            let byte = byte.to_ascii_lowercase();
            let bit = 1 << (byte & 63);
            // Without branches: in registers, and the same speed for every text.
            low |= if byte < 64 { bit } else { 0 };
            middle |= if byte & 0xc0 == 0x40 { bit } else { 0 };
            high |= if byte >= 128 { bit } else { 0 };
            let index = pair(previous, byte);
            pairs[usize::from(index >> 6)] |= 1 << (index & 63);
            previous = byte;
        }
        Presence { bytes: [low, middle, high], pairs }
    }

    fn has_pair(&self, index: u16) -> bool {
        self.pairs[usize::from(index >> 6)] >> (index & 63) & 1 == 1
    }
}

/// What a text must hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Need {
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
    /// What an engine text needs.
    pub fn of(engine_text: &str) -> Need {
        tree::parse(engine_text).map_or(Need::Nothing, |tree| of_node(&tree))
    }

    pub fn is_met(&self, presence: &Presence) -> bool {
        match self {
            Need::Nothing => true,
            Need::Byte(bytes) => intersect(bytes, &presence.bytes),
            Need::Pairs(pairs) => pairs.iter().all(|index| presence.has_pair(*index)),
            Need::All(parts) => parts.iter().all(|part| part.is_met(presence)),
            Need::Any(parts) => parts.iter().any(|part| part.is_met(presence)),
        }
    }

    /// The quickest answers first.
    fn rank(&self) -> u8 {
        match self {
            Need::Nothing | Need::Byte(_) => 0,
            Need::Pairs(_) => 1,
            Need::All(_) => 2,
            Need::Any(_) => 3,
        }
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
            parts.needs.sort_by_key(Need::rank);
            Need::All(parts.needs)
        }
    }
}

fn any(branches: &[Node]) -> Need {
    let mut bytes: Folded = [0; 3];
    let mut needs = Vec::new();
    for branch in branches {
        match of_node(branch) {
            Need::Nothing => return Need::Nothing,
            Need::Byte(more) => bytes = std::array::from_fn(|index| bytes[index] | more[index]),
            need @ (Need::Pairs(_) | Need::All(_) | Need::Any(_)) => needs.push(need),
        }
    }
    if bytes != [0; 3] {
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
        let mut folded: Folded = [0; 3];
        let mut last = 0;
        for byte in (0..=255_u8).filter(|byte| set.contains(*byte)) {
            last = byte.to_ascii_lowercase();
            insert(&mut folded, last);
        }
        let count: u32 = folded.iter().map(|word| word.count_ones()).sum();
        // Bytes above 127 share bits: one bit there is not one byte.
        if count == 1 && last < 128 {
            self.run.push(last);
            return;
        }
        self.end_run();
        if count <= SMALL_SET {
            self.needs.push(Need::Byte(folded));
        }
    }

    fn end_run(&mut self) {
        if let [byte] = self.run[..] {
            let mut bytes: Folded = [0; 3];
            insert(&mut bytes, byte);
            self.needs.push(Need::Byte(bytes));
        } else if !self.run.is_empty() {
            self.needs.push(Need::Pairs(self.run.windows(2).map(|two| pair(two[0], two[1])).collect()));
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
