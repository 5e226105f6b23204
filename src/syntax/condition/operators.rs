//! The word or sign between two operands → an operator. Knows the operators of other rule languages and says how
//! they are written here. Called by `lower`.

use crate::catalog::{OPERATORS, Operator};
use crate::diagnostic::nearest;

/// What a token in an operator's place means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// One of ours, as it is written here.
    Own(Operator),
    /// Another language's way to write ours; negated for `!~` and `not in`.
    Foreign { operator: Operator, negated: bool },
    /// One that nothing here can take the place of: how it is said instead.
    Explained(&'static str),
    /// `a == "x" adn b`
    MisspelledLogic(&'static str),
    /// Nothing that could be guessed, with the nearest of ours.
    Unknown(Option<Operator>),
}

/// How other languages write our operators, in lower case: VCL, SQL, Cloudflare, Sigma, jq, ModSecurity …
const FOREIGN: &[(&str, Operator)] = &[
    ("=", Operator::Equal),
    ("===", Operator::Equal),
    ("is", Operator::Equal),
    ("eq", Operator::Equal),
    ("equals", Operator::Equal),
    ("<>", Operator::NotEqual),
    ("!==", Operator::NotEqual),
    ("≠", Operator::NotEqual),
    ("ne", Operator::NotEqual),
    ("neq", Operator::NotEqual),
    ("≤", Operator::LessOrEqual),
    ("=<", Operator::LessOrEqual),
    ("le", Operator::LessOrEqual),
    ("lte", Operator::LessOrEqual),
    ("lt", Operator::Less),
    ("≥", Operator::GreaterOrEqual),
    ("=>", Operator::GreaterOrEqual),
    ("ge", Operator::GreaterOrEqual),
    ("gte", Operator::GreaterOrEqual),
    ("gt", Operator::Greater),
    ("~", Operator::Matches),
    ("~=", Operator::Matches),
    ("=~", Operator::Matches),
    ("~~", Operator::Matches),
    ("~*", Operator::Matches),
    ("rlike", Operator::Matches),
    ("pm", Operator::Contains),
    ("beginswith", Operator::StartsWith),
    ("streq", Operator::Equal),
    ("is not", Operator::NotEqual),
    ("regex", Operator::Matches),
    ("regexp", Operator::Matches),
    ("re", Operator::Matches),
    ("rx", Operator::Matches),
    ("match", Operator::Matches),
    ("has", Operator::Contains),
    ("contain", Operator::Contains),
    ("include", Operator::Contains),
    ("includes", Operator::Contains),
    ("contains any", Operator::Contains),
    ("contains_any", Operator::Contains),
    ("in any", Operator::In),
    ("matches any", Operator::Matches),
    ("starts_with any", Operator::StartsWith),
    ("ends_with any", Operator::EndsWith),
    ("containsany", Operator::Contains),
    ("startswith", Operator::StartsWith),
    ("beginswith", Operator::StartsWith),
    ("begins_with", Operator::StartsWith),
    ("starts", Operator::StartsWith),
    ("endswith", Operator::EndsWith),
    ("ends", Operator::EndsWith),
];

/// Operators whose right side would have to be written in another way too.
const EXPLAINED: &[(&str, &str)] = &[
    ("like", LIKE),
    ("ilike", LIKE),
    ("wildcard", WILDCARD),
    ("glob", WILDCARD),
    ("cidr", "whether an address is in a network is asked with `in`: `client.ip in 192.0.2.0/24`"),
];
const LIKE: &str = "there are no `%` patterns: use `contains`, `starts_with`, `ends_with`, or `matches` with `r\"…\"`";
const WILDCARD: &str =
    "there are no `*` patterns: use `contains`, `starts_with`, `ends_with`, or `matches` with `r\"…\"`";

/// Says what `token` means.
pub(super) fn meaning(token: &str) -> Meaning {
    if let Some(row) = OPERATORS.iter().find(|row| row.name == token) {
        return Meaning::Own(row.operator);
    }
    let lower = token.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    let (word, negated) = match lower.strip_prefix("not").filter(|rest| rest.starts_with(char::is_whitespace)) {
        Some(rest) => (rest.trim_start(), true),
        None if lower == "!~" => ("~", true),
        None if lower == "!~*" => ("~*", true),
        // `!contains`
        None if lower.starts_with('!') && lower.ends_with(|c: char| c.is_ascii_alphabetic()) => {
            (lower.trim_start_matches('!').trim_start(), true)
        }
        None => (lower.as_str(), false),
    };
    let own = OPERATORS.iter().find(|row| row.name == word).map(|row| row.operator);
    let foreign = || FOREIGN.iter().find(|(name, _)| *name == word).map(|(_, operator)| *operator);
    if let Some(operator) = own.or_else(foreign) {
        return Meaning::Foreign { operator, negated };
    }
    if let Some((_, text)) = EXPLAINED.iter().find(|(name, _)| *name == word) {
        return Meaning::Explained(text);
    }
    let words = OPERATORS.iter().map(|row| row.name).filter(|name| name.starts_with(char::is_alphabetic));
    match nearest(word, words.chain(["and", "or"])) {
        Some("and") => Meaning::MisspelledLogic("and"),
        Some("or") => Meaning::MisspelledLogic("or"),
        near => Meaning::Unknown(OPERATORS.iter().find(|row| Some(row.name) == near).map(|row| row.operator)),
    }
}
