//! Literals and lists of them → patterns: alternations that share their beginnings, split where PCRE2 would refuse them.

use crate::ir::{Text, TextOperator};
use crate::regex::escape;

/// Bytes of a pattern; PCRE2 refuses alternations of about three times that.
const LONGEST_PATTERN: usize = 16 * 1024;
/// Lists from this size on get a trie of their beginnings.
const TRIE_FROM: usize = 12;
/// PCRE2 nests groups 250 deep; more levels than these gain nothing.
const TRIE_DEPTH: usize = 6;

/// Patterns one of which matches exactly when `operator` holds for one of `needles`. `fold` ignores case throughout.
pub fn patterns(operator: TextOperator, needles: &[Text], fold: bool) -> Vec<String> {
    let mut patterns = Vec::new();
    for ignore_case in [false, true] {
        let mut texts: Vec<Vec<u8>> = needles
            .iter()
            .filter(|needle| (fold || needle.ignore_case) == ignore_case)
            .map(|needle| if ignore_case { needle.bytes.to_ascii_lowercase() } else { needle.bytes.clone() })
            .collect();
        texts.sort_unstable();
        texts.dedup();
        for chunk in chunks(&texts) {
            let inner = alternation(chunk);
            let flags = if ignore_case { "(?i)" } else { "" };
            let (start, end) = match operator {
                TextOperator::Equals => ("^", r"\z"),
                TextOperator::Contains => ("", ""),
                TextOperator::StartsWith => ("^", ""),
                TextOperator::EndsWith => ("", r"\z"),
            };
            patterns.push(format!("{flags}{start}{inner}{end}"));
        }
    }
    patterns
}

/// Runs of needles whose alternation stays short enough.
fn chunks(texts: &[Vec<u8>]) -> Vec<&[Vec<u8>]> {
    // Escaped, a byte is at most four. Most sets of needles are far from the bound.
    if !texts.is_empty() && texts.iter().map(|text| 4 * text.len() + 4).sum::<usize>() <= LONGEST_PATTERN {
        return vec![texts];
    }
    let mut chunks = Vec::new();
    let (mut start, mut size) = (0, 0);
    for (index, text) in texts.iter().enumerate() {
        let length = escape(text).len() + 4;
        if size + length > LONGEST_PATTERN && index > start {
            chunks.push(&texts[start..index]);
            (start, size) = (index, 0);
        }
        size += length;
    }
    if start < texts.len() {
        chunks.push(&texts[start..]);
    }
    chunks
}

/// One needle as it is, more as a group.
fn alternation(texts: &[Vec<u8>]) -> String {
    match texts {
        [text] => escape(text),
        _ if texts.len() < TRIE_FROM => {
            format!("(?:{})", texts.iter().map(|text| escape(text)).collect::<Vec<_>>().join("|"))
        }
        _ => {
            let slices: Vec<&[u8]> = texts.iter().map(Vec::as_slice).collect();
            group(&slices, TRIE_DEPTH)
        }
    }
}

/// A group of sorted, different texts; beginnings that several share stand once.
fn group(texts: &[&[u8]], depth: usize) -> String {
    let mut alternatives = Vec::new();
    let mut rest = texts;
    while let Some(first) = rest.first() {
        let Some(byte) = first.first() else {
            // The empty text comes first in order but must be tried last: the longer ones may have to go on.
            rest = &rest[1..];
            alternatives.push(String::new());
            continue;
        };
        let count = rest.iter().take_while(|text| text.first() == Some(byte)).count();
        let (same, others) = rest.split_at(count);
        rest = others;
        if count == 1 || depth == 0 {
            alternatives.extend(same.iter().map(|text| escape(text)));
            continue;
        }
        let shared = common_length(same);
        let tails: Vec<&[u8]> = same.iter().map(|text| &text[shared..]).collect();
        alternatives.push(escape(&first[..shared]) + &group(&tails, depth - 1));
    }
    if alternatives.first().is_some_and(String::is_empty) {
        alternatives.rotate_left(1);
    }
    format!("(?:{})", alternatives.join("|"))
}

fn common_length(texts: &[&[u8]]) -> usize {
    let Some((first, others)) = texts.split_first() else { return 0 };
    others.iter().fold(first.len(), |length, text| {
        first[..length].iter().zip(*text).take_while(|(left, right)| left == right).count()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::regex::Compiled;
    use proptest::prelude::*;

    fn holds(operator: TextOperator, needles: &[Text], subject: &[u8]) -> bool {
        needles.iter().any(|needle| {
            let fold = |bytes: &[u8]| if needle.ignore_case { bytes.to_ascii_lowercase() } else { bytes.to_vec() };
            let (needle, subject) = (fold(&needle.bytes), fold(subject));
            match operator {
                TextOperator::Equals => subject == needle,
                TextOperator::Contains => subject.windows(needle.len()).any(|window| window == needle),
                TextOperator::StartsWith => subject.starts_with(&needle),
                TextOperator::EndsWith => subject.ends_with(&needle),
            }
        })
    }

    proptest! {
        #[test]
        fn patterns_mean_their_needles(
            needles in proptest::collection::vec(("[abA.\"%]{1,4}", any::<bool>()), 1..40),
            subject in "[abA.\"%]{0,6}",
        ) {
            let needles: Vec<Text> = needles
                .into_iter()
                .map(|(text, ignore_case)| Text { bytes: text.into_bytes(), ignore_case })
                .collect();
            for operator in
                [TextOperator::Equals, TextOperator::Contains, TextOperator::StartsWith, TextOperator::EndsWith]
            {
                let found = patterns(operator, &needles, false).iter().any(|pattern| {
                    Compiled::new(pattern.as_bytes()).unwrap().is_match(subject.as_bytes()).unwrap()
                });
                prop_assert_eq!(found, holds(operator, &needles, subject.as_bytes()));
            }
        }
    }

    #[test]
    fn long_lists_are_split_and_compile() {
        let needles: Vec<Text> = (0..10_000)
            .map(|n| Text { bytes: format!("scanner-{n}.example").into_bytes(), ignore_case: n % 2 == 0 })
            .collect();
        let patterns = patterns(TextOperator::Contains, &needles, false);
        assert!(patterns.len() > 4);
        for pattern in &patterns {
            assert!(pattern.len() <= LONGEST_PATTERN + 64);
            let compiled = Compiled::new(pattern.as_bytes()).unwrap();
            assert_eq!(compiled.is_match(&b"scanner-".repeat(1000)), Ok(false));
        }
    }
}
