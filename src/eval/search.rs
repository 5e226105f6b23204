//! Literals made ready: one matcher per comparison that answers for all its needles, exact and case-insensitive.

use crate::ir::{Text, TextOperator};
use crate::regex::Needs;
use memchr::memmem;
use std::collections::{HashMap, HashSet};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// From this many needles on, a hash table answers instead of one search per needle.
const MANY: usize = 8;

/// Texts that are searched as they are before it pays to know what they must hold: the tests of a signature are fewer.
const FEW_TEXTS: u32 = 16;

/// Any of the needles, under one operator.
#[derive(Debug)]
pub struct TextMatcher<'r> {
    glance: Glance,
    exact: Matcher,
    ignore_case: Matcher,
    needles: &'r [Text],
    /// Made when they are worth it.
    needs: OnceLock<Needs>,
    /// How many texts were asked about, up to [`FEW_TEXTS`].
    asked: AtomicU32,
    /// The needles stand anywhere in a text.
    anywhere: bool,
}

impl<'r> TextMatcher<'r> {
    pub fn new(operator: TextOperator, needles: &'r [Text]) -> TextMatcher<'r> {
        let of_case = |ignore_case: bool| {
            let needles = needles.iter().filter(|text| text.ignore_case == ignore_case);
            let mut bytes: Vec<Vec<u8>> = if ignore_case {
                needles.map(|text| text.bytes.to_ascii_lowercase()).collect()
            } else {
                needles.map(|text| text.bytes.clone()).collect()
            };
            bytes.sort();
            bytes.dedup();
            Matcher::new(operator, bytes, ignore_case)
        };
        TextMatcher {
            glance: Glance::new(operator, needles),
            exact: of_case(false),
            ignore_case: of_case(true),
            needles,
            needs: OnceLock::new(),
            asked: AtomicU32::new(0),
            anywhere: operator == TextOperator::Contains,
        }
    }

    /// Whether a search has to look at all of a text.
    pub fn searches(&self) -> bool {
        self.anywhere
    }

    /// What a text must hold, where a search would have to look at all of it and many texts come.
    pub fn needs(&self) -> Option<&Needs> {
        if !self.anywhere {
            return None;
        }
        if self.asked.load(Ordering::Relaxed) < FEW_TEXTS {
            self.asked.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        Some(self.made_needs())
    }

    /// See [`Needs::keys`].
    pub fn keys(&self) -> Option<&[u16]> {
        self.made_needs().keys()
    }

    fn made_needs(&self) -> &Needs {
        self.needs.get_or_init(|| Needs::of_literals(self.needles.iter().map(|text| text.bytes.as_slice())))
    }

    pub fn is_match(&self, text: &[u8]) -> bool {
        self.glance.may_match(text) && (self.exact.is_match(text) || self.ignore_case.is_match(text))
    }

    /// How many needles there are: a measure of the cost.
    pub fn len(&self) -> usize {
        self.exact.len() + self.ignore_case.len()
    }
}

/// The byte at one place of a text that every needle at a fixed place has something to say about: it clears most texts.
#[derive(Debug)]
enum Glance {
    /// Needles anywhere.
    Blind,
    /// This many bytes after the start.
    Start(usize, ByteSet),
    /// This many bytes before the last one.
    End(usize, ByteSet),
}

/// One bit for each byte.
type ByteSet = [u64; 4];

impl Glance {
    fn new(operator: TextOperator, needles: &[Text]) -> Glance {
        let shortest = needles.iter().map(|needle| needle.bytes.len()).min().unwrap_or(0);
        let mut set = ByteSet::default();
        let mut add = |byte: u8| set[usize::from(byte >> 6)] |= 1 << (byte & 63);
        // The byte as far inside as every needle reaches: the outermost ones are often a slash or a dot.
        let Some(inside) = shortest.checked_sub(1) else { return Glance::Blind };
        let ends = operator == TextOperator::EndsWith;
        for needle in needles {
            let place = if ends { needle.bytes.len() - 1 - inside } else { inside };
            let byte = needle.bytes[place];
            add(byte);
            if needle.ignore_case {
                add(byte.to_ascii_lowercase());
                add(byte.to_ascii_uppercase());
            }
        }
        match operator {
            TextOperator::Contains => Glance::Blind,
            TextOperator::Equals | TextOperator::StartsWith => Glance::Start(inside, set),
            TextOperator::EndsWith => Glance::End(inside, set),
        }
    }

    fn may_match(&self, text: &[u8]) -> bool {
        let (place, set) = match self {
            Glance::Blind => return true,
            Glance::Start(inside, set) => (Some(*inside), set),
            Glance::End(inside, set) => (text.len().checked_sub(inside + 1), set),
        };
        place.and_then(|place| text.get(place)).is_some_and(|byte| set[usize::from(byte >> 6)] >> (byte & 63) & 1 == 1)
    }
}

/// Needles of one case rule (`fold`: in lower case).
#[derive(Debug)]
enum Matcher {
    None,
    /// Few needles at a fixed place.
    Few {
        operator: TextOperator,
        needles: Vec<Vec<u8>>,
        fold: bool,
    },
    /// Many needles at a fixed place, by length.
    Many {
        operator: TextOperator,
        by_length: Vec<(usize, HashSet<Vec<u8>>)>,
        fold: bool,
    },
    /// Few needles anywhere.
    Find(Vec<memmem::Finder<'static>>),
    FindFolded(Vec<FoldedFinder>),
    /// Many needles anywhere.
    Scan(Scanner),
}

impl Matcher {
    fn new(operator: TextOperator, needles: Vec<Vec<u8>>, fold: bool) -> Matcher {
        if needles.is_empty() {
            return Matcher::None;
        }
        match operator {
            TextOperator::Contains if needles.len() >= MANY => Matcher::Scan(Scanner::new(needles, fold)),
            TextOperator::Contains if fold => Matcher::FindFolded(needles.into_iter().map(FoldedFinder::new).collect()),
            TextOperator::Contains => {
                Matcher::Find(needles.iter().map(|needle| memmem::Finder::new(needle).into_owned()).collect())
            }
            TextOperator::Equals | TextOperator::StartsWith | TextOperator::EndsWith if needles.len() >= MANY => {
                let mut by_length: Vec<(usize, HashSet<Vec<u8>>)> = Vec::new();
                for needle in needles {
                    match by_length.iter_mut().find(|(length, _)| *length == needle.len()) {
                        Some((_, set)) => {
                            set.insert(needle);
                        }
                        None => by_length.push((needle.len(), HashSet::from([needle]))),
                    }
                }
                Matcher::Many { operator, by_length, fold }
            }
            TextOperator::Equals | TextOperator::StartsWith | TextOperator::EndsWith => {
                Matcher::Few { operator, needles, fold }
            }
        }
    }

    fn len(&self) -> usize {
        match self {
            Matcher::None => 0,
            Matcher::Few { needles, .. } => needles.len(),
            Matcher::Many { by_length, .. } => by_length.len(),
            Matcher::Find(finders) => finders.len(),
            Matcher::FindFolded(finders) => finders.len(),
            Matcher::Scan(_) => MANY,
        }
    }

    fn is_match(&self, text: &[u8]) -> bool {
        match self {
            Matcher::None => false,
            Matcher::Few { operator, needles, fold } => needles.iter().any(|needle| {
                part(*operator, text, needle.len())
                    .is_some_and(|part| if *fold { part.eq_ignore_ascii_case(needle) } else { part == needle })
            }),
            Matcher::Many { operator, by_length, fold } => by_length.iter().any(|(length, set)| {
                part(*operator, text, *length).is_some_and(|part| {
                    if *fold { set.contains(&part.to_ascii_lowercase()) } else { set.contains(part) }
                })
            }),
            Matcher::Find(finders) => finders.iter().any(|finder| finder.find(text).is_some()),
            Matcher::FindFolded(finders) => finders.iter().any(|finder| finder.is_match(text)),
            Matcher::Scan(scanner) => scanner.is_match(text),
        }
    }
}

/// The part of `text` that a needle of `length` bytes is compared with; `None` when it cannot fit.
fn part(operator: TextOperator, text: &[u8], length: usize) -> Option<&[u8]> {
    match operator {
        TextOperator::Equals => (text.len() == length).then_some(text),
        TextOperator::StartsWith => text.get(..length),
        TextOperator::EndsWith => text.len().checked_sub(length).map(|start| &text[start..]),
        // INVARIANT: `Matcher::new` gives this operator another matcher.
        TextOperator::Contains => None,
    }
}

/// Finds one needle, letters in either case, without copying the text: looks for its rarest byte first.
#[derive(Debug)]
struct FoldedFinder {
    /// In lower case.
    needle: Vec<u8>,
    /// Of the rarest byte.
    offset: usize,
}

impl FoldedFinder {
    fn new(needle: Vec<u8>) -> FoldedFinder {
        // INVARIANT: a needle is not empty.
        let offset = (0..needle.len()).min_by_key(|index| commonness(needle[*index])).unwrap_or(0);
        FoldedFinder { needle, offset }
    }

    fn is_match(&self, text: &[u8]) -> bool {
        let Some(last) = text.len().checked_sub(self.needle.len()) else {
            return false;
        };
        let Some(rare) = self.needle.get(self.offset) else {
            return true;
        };
        let candidates = &text[self.offset..=(last + self.offset).min(text.len() - 1)];
        memchr::memchr2_iter(*rare, rare.to_ascii_uppercase(), candidates)
            .any(|start| text[start..start + self.needle.len()].eq_ignore_ascii_case(&self.needle))
    }
}

/// How often a byte is met in URLs and headers, roughly.
fn commonness(byte: u8) -> u8 {
    match byte {
        b'e' | b'a' | b't' | b'i' | b'o' | b'n' | b's' | b'r' | b' ' | b'/' | b'.' => 4,
        b'l' | b'c' | b'd' | b'p' | b'm' | b'h' | b'u' | b'=' | b'-' | b';' | b',' => 3,
        b'0'..=b'9' | b'g' | b'b' | b'w' | b'f' | b'y' | b'k' | b'v' | b'x' => 2,
        b'a'..=b'z' | b'&' | b'%' | b'(' | b')' | b':' | b'_' => 1,
        _ => 0,
    }
}

/// Finds any of many needles in one pass: a bitmap over the first bytes at each place, then a table of candidates.
#[derive(Debug)]
struct Scanner {
    needles: Vec<Vec<u8>>,
    /// Bytes that are hashed: at most 3, at most the shortest needle.
    width: usize,
    bitmap: Vec<u64>,
    /// First bytes → indices of needles.
    table: HashMap<u32, Vec<usize>>,
    fold: bool,
}

const BITMAP_BITS: u32 = 1 << 14;

impl Scanner {
    fn new(needles: Vec<Vec<u8>>, fold: bool) -> Scanner {
        let width = needles.iter().map(Vec::len).min().unwrap_or(0).min(3);
        let mut bitmap = vec![0_u64; BITMAP_BITS as usize / 64];
        let mut table: HashMap<u32, Vec<usize>> = HashMap::new();
        for (index, needle) in needles.iter().enumerate() {
            let start = first_bytes(&needle[..width], fold);
            let bit = hash(start);
            bitmap[bit / 64] |= 1 << (bit % 64);
            table.entry(start).or_default().push(index);
        }
        Scanner { needles, width, bitmap, table, fold }
    }

    fn is_match(&self, text: &[u8]) -> bool {
        if self.width == 0 {
            return !self.needles.is_empty();
        }
        text.windows(self.width).enumerate().any(|(place, window)| {
            let start = first_bytes(window, self.fold);
            let bit = hash(start);
            self.bitmap[bit / 64] >> (bit % 64) & 1 == 1 && self.is_match_at(&text[place..], start)
        })
    }

    fn is_match_at(&self, text: &[u8], start: u32) -> bool {
        self.table.get(&start).is_some_and(|candidates| {
            candidates.iter().any(|index| {
                let needle = &self.needles[*index];
                text.get(..needle.len())
                    .is_some_and(|part| if self.fold { part.eq_ignore_ascii_case(needle) } else { part == needle })
            })
        })
    }
}

/// Up to three bytes as one number.
fn first_bytes(bytes: &[u8], fold: bool) -> u32 {
    bytes.iter().fold(0, |number, byte| number << 8 | u32::from(if fold { byte.to_ascii_lowercase() } else { *byte }))
}

fn hash(start: u32) -> usize {
    // Fibonacci hashing: the upper bits of the product are well mixed.
    (start.wrapping_mul(0x9e37_79b1) >> (32 - BITMAP_BITS.trailing_zeros())) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn naive(operator: TextOperator, needles: &[Text], text: &[u8]) -> bool {
        needles.iter().any(|needle| {
            let (needle, text) = if needle.ignore_case {
                (needle.bytes.to_ascii_lowercase(), text.to_ascii_lowercase())
            } else {
                (needle.bytes.clone(), text.to_vec())
            };
            match operator {
                TextOperator::Equals => text == needle,
                TextOperator::StartsWith => text.starts_with(&needle),
                TextOperator::EndsWith => text.ends_with(&needle),
                TextOperator::Contains => text.windows(needle.len()).any(|window| window == needle),
            }
        })
    }

    proptest! {
        #[test]
        fn a_matcher_is_the_naive_search(
            needles in proptest::collection::vec(("[abAB/.%]{1,4}", any::<bool>()), 1..14),
            text in "[abAB/.%]{0,12}",
        ) {
            let needles: Vec<Text> = needles
                .into_iter()
                .map(|(needle, ignore_case)| Text { bytes: needle.into_bytes(), ignore_case })
                .collect();
            for operator in
                [TextOperator::Equals, TextOperator::Contains, TextOperator::StartsWith, TextOperator::EndsWith]
            {
                let matcher = TextMatcher::new(operator, &needles);
                let presence = crate::regex::Presence::of(text.as_bytes());
                let may_match = Some(matcher.made_needs()).filter(|_| matcher.searches()).is_none_or(|needs| needs.are_met(&presence));
                let has_key = matcher.keys().is_none_or(|keys| keys.iter().any(|key| presence.has(*key)));
                prop_assert!(has_key || !naive(operator, &needles, text.as_bytes()), "{:?} {:?}", needles, text);
                prop_assert!(may_match || !naive(operator, &needles, text.as_bytes()), "{:?} {:?}", needles, text);
                prop_assert_eq!(
                    matcher.is_match(text.as_bytes()),
                    naive(operator, &needles, text.as_bytes()),
                    "{:?} {:?} {:?}", operator, &needles, &text
                );
            }
        }
    }
}
