//! Two text comparisons of the same value: whether one follows from the other, whether both can hold. `logic` asks.

use crate::ir::{Text, TextOperator};
use std::borrow::Cow;

/// A text that satisfies `a` satisfies `b`.
pub fn implies((first, a): (TextOperator, &Text), (second, b): (TextOperator, &Text)) -> bool {
    // What may come in any case says nothing about a text in one case, unless there is no letter in it.
    if a.ignore_case && !b.ignore_case && b.bytes.iter().any(u8::is_ascii_alphabetic) {
        return false;
    }
    let (a, b) = (folded(a, b.ignore_case), folded(b, b.ignore_case));
    match (first, second) {
        (TextOperator::Equals, TextOperator::Equals) => a == b,
        (TextOperator::Equals | TextOperator::StartsWith, TextOperator::StartsWith) => a.starts_with(&b),
        (TextOperator::Equals | TextOperator::EndsWith, TextOperator::EndsWith) => a.ends_with(&b),
        (_, TextOperator::Contains) => contains(&a, &b),
        (
            TextOperator::Contains | TextOperator::StartsWith | TextOperator::EndsWith,
            TextOperator::Equals | TextOperator::StartsWith | TextOperator::EndsWith,
        ) => false,
    }
}

/// No text satisfies both.
pub fn conflict((first, a): (TextOperator, &Text), (second, b): (TextOperator, &Text)) -> bool {
    let fold = a.ignore_case || b.ignore_case;
    let (a, b) = (folded(a, fold), folded(b, fold));
    use TextOperator::{Contains, EndsWith, Equals, StartsWith};
    match (first, second) {
        (Equals, Equals) => a != b,
        (Equals, Contains) => !contains(&a, &b),
        (Contains, Equals) => !contains(&b, &a),
        (Equals, StartsWith) => !a.starts_with(&b),
        (StartsWith, Equals) => !b.starts_with(&a),
        (Equals, EndsWith) => !a.ends_with(&b),
        (EndsWith, Equals) => !b.ends_with(&a),
        (StartsWith, StartsWith) => !a.starts_with(&b) && !b.starts_with(&a),
        (EndsWith, EndsWith) => !a.ends_with(&b) && !b.ends_with(&a),
        (Contains, Contains | StartsWith | EndsWith) | (StartsWith | EndsWith, Contains) => false,
        (StartsWith, EndsWith) | (EndsWith, StartsWith) => false,
    }
}

fn folded(text: &Text, fold: bool) -> Cow<'_, [u8]> {
    if fold { Cow::Owned(text.bytes.to_ascii_lowercase()) } else { Cow::Borrowed(&text.bytes) }
}

pub fn contains(text: &[u8], needle: &[u8]) -> bool {
    memchr::memmem::find(text, needle).is_some()
}
