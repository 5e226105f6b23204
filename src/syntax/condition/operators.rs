//! The word or sign between two operands → an operator. Knows the operators of other rule languages and says how
//! they are written here. Called by `lower`.

use crate::catalog::{OPERATORS, Operator};
use crate::diagnostic::nearest;

/// What a token in an operator's place means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// One of ours, as it is written here.
    Own(Operator),
    /// Another language's way to write ours; negated for `!~` and `not in`, ignoring case for `icontains`.
    Foreign { operator: Operator, negated: bool, ignore_case: bool },
    /// One that nothing here can take the place of: how it is said instead.
    Explained(&'static str),
    /// What joins conditions elsewhere: how it is said instead.
    ExplainedLogic(&'static str),
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
    ("rlike", Operator::Matches),
    ("strmatch", Operator::Contains),
    ("ipmatch", Operator::In),
    ("is in", Operator::In),
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
    ("starts with", Operator::StartsWith),
    ("begins with", Operator::StartsWith),
    ("endswith", Operator::EndsWith),
    ("ends", Operator::EndsWith),
    ("ends with", Operator::EndsWith),
    ("equal to", Operator::Equal),
    ("greater than", Operator::Greater),
    ("less than", Operator::Less),
];

/// Those that ignore case, which is here a property of the text: `i"…"`, `ri"…"`.
const IGNORING_CASE: &[(&str, Operator)] = &[
    ("~*", Operator::Matches),
    ("imatches", Operator::Matches),
    ("iregex", Operator::Matches),
    ("iregexp", Operator::Matches),
    ("icontains", Operator::Contains),
    ("icontain", Operator::Contains),
    ("pm", Operator::Contains),
    ("istartswith", Operator::StartsWith),
    ("istarts_with", Operator::StartsWith),
    ("ibeginswith", Operator::StartsWith),
    ("iendswith", Operator::EndsWith),
    ("iends_with", Operator::EndsWith),
    ("ieq", Operator::Equal),
    ("iequals", Operator::Equal),
    ("equalsignorecase", Operator::Equal),
];

/// Operators whose right side would have to be written in another way too.
const EXPLAINED: &[(&str, &str)] = &[
    ("like", LIKE),
    ("ilike", LIKE),
    ("wildcard", WILDCARD),
    ("glob", WILDCARD),
    ("cidr", "whether an address is in a network is asked with `in`: `client.ip in 192.0.2.0/24`"),
    ("pmfromfile", FROM_FILE),
    ("pmf", FROM_FILE),
    ("ipmatchfromfile", ADDRESSES_FROM_FILE),
    ("ipmatchf", ADDRESSES_FROM_FILE),
    ("within", "whether a text is one of several is asked with `in`: `req.method in [\"GET\", \"POST\"]`"),
    ("containsword", "a word by itself is `matches r\"\\bword\\b\"`"),
    ("detectsqli", LIBINJECTION),
    ("detectxss", LIBINJECTION),
];
const FROM_FILE: &str = "a file of texts is a list of the project, `lists: {attacks: {type: i-string, file: \
                         lists/attacks.txt}}` in edgesig.yaml: `req.url contains @attacks`";
const ADDRESSES_FROM_FILE: &str = "a file of networks is a list of the project, `lists: {office: {type: ip, file: \
                                   lists/office.txt}}` in edgesig.yaml: `client.ip in @office`";
const LIBINJECTION: &str =
    "edgesig has no libinjection: name what gives the attack away, such as `req.query matches ri\"union\\s+select\"`";

/// What joins conditions elsewhere.
const EXPLAINED_LOGIC: &[(&str, &str)] = &[
    ("xor", "there is no `xor`: write `(a and not b) or (not a and b)`"),
    ("nor", "there is no `nor`: write `not (a or b)`"),
    ("nand", "there is no `nand`: write `not (a and b)`"),
    ("unless", "what is exempt is `and not …`, or a condition of its own under `except:`"),
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
    let (word, negated) = positive(&lower);
    // ModSecurity's `@contains`.
    let word = word.strip_prefix('@').unwrap_or(word);
    let find = |table: &[(&str, Operator)]| table.iter().find(|(name, _)| *name == word).map(|(_, operator)| *operator);
    if let Some(operator) = find(IGNORING_CASE) {
        return Meaning::Foreign { operator, negated, ignore_case: true };
    }
    let own = OPERATORS.iter().find(|row| row.name == word).map(|row| row.operator);
    if let Some(operator) = own.or_else(|| find(FOREIGN)) {
        return Meaning::Foreign { operator, negated, ignore_case: false };
    }
    let explained =
        |table: &[(&str, &'static str)]| table.iter().find(|(name, _)| *name == word).map(|(_, text)| *text);
    if let Some(text) = explained(EXPLAINED) {
        return Meaning::Explained(text);
    }
    if let Some(text) = explained(EXPLAINED_LOGIC) {
        return Meaning::ExplainedLogic(text);
    }
    let words = OPERATORS.iter().map(|row| row.name).filter(|name| name.starts_with(char::is_alphabetic));
    match nearest(word, words.chain(["and", "or"])) {
        Some("and") => Meaning::MisspelledLogic("and"),
        Some("or") => Meaning::MisspelledLogic("or"),
        near => Meaning::Unknown(OPERATORS.iter().find(|row| Some(row.name) == near).map(|row| row.operator)),
    }
}

/// `not contain`, `does not contain`, `!contains`, `is not in`, `!~` → the operator that is negated, and that it is.
fn positive(lower: &str) -> (&str, bool) {
    let negated = lower
        .strip_prefix("not ")
        .or_else(|| lower.strip_prefix("does not "))
        .or_else(|| lower.strip_prefix("is not ").filter(|rest| *rest == "in"));
    if let Some(rest) = negated {
        return (rest, true);
    }
    match lower.strip_prefix('!').map(str::trim_start) {
        Some(rest) if rest.starts_with(['~', '@']) || rest.ends_with(|c: char| c.is_ascii_alphabetic()) => (rest, true),
        Some(_) | None => (lower, false),
    }
}
