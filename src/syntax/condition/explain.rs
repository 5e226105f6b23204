//! pest's furthest failure → a sentence that a person can act on. pest gives the rules that were tried at that place;
//! what counts is only whether a value or an operator was due. Called by `condition::parse` and `terms`.

use pest::error::{Error, ErrorVariant, InputLocation};

use super::{Place, Rule, problem};
use crate::diagnostic::{Code, Diagnostic};

/// Explains an error of a parse that began at `base` of `text`.
pub(super) fn explain(text: &str, base: usize, error: &Error<Rule>, place: &Place) -> Diagnostic {
    let at = base + position(error);
    let at = at + blank_length(&text[at..]);
    let (found, length) = found(&text[at..]);
    let tried: &[Rule] = match &error.variant {
        ErrorVariant::ParsingError { positives, .. } => positives,
        ErrorVariant::CustomError { .. } => &[],
    };
    let any = |rules: &[Rule]| tried.iter().any(|rule| rules.contains(rule));
    let wanted = if any(&[Rule::bad_key]) {
        "a key in double quotes, such as `[\"user-agent\"]`"
    } else if any(&[Rule::logic, Rule::comparison]) {
        "`and`, `or` or an operator such as `==`, `in`, `contains`, `matches`"
    } else if any(&[Rule::reference, Rule::number, Rule::list, Rule::expression]) {
        "a value (a field, a literal, a list or a function call)"
    } else {
        "a value"
    };
    if blank_length(text) == text.len() {
        // Points at the comment where there is one.
        let written = 0..text.trim_end().len();
        return problem(
            Code::InvalidCondition,
            place,
            written,
            "the condition is empty".to_owned(),
            "nothing is asked",
        );
    }
    if let Some(diagnostic) = super::scan::cut_regex(text, at, place) {
        return diagnostic;
    }
    let message = format!("expected {wanted}, found {found}");
    if length == 0
        && let Some(last) = super::scan::last(text)
    {
        let word = &text[last.clone()];
        let diagnostic = problem(Code::InvalidCondition, place, last.clone(), message, "the condition ends after this");
        return match word {
            "and" | "or" => diagnostic.help(format!("write what `{word}` joins, or remove it")),
            _ => diagnostic,
        };
    }
    if let Some(number) = with_separators(text, at) {
        let plain = text[number.clone()].replace(',', "");
        let message = "a number is written without separators".to_owned();
        let diagnostic = problem(Code::InvalidCondition, place, number.clone(), message, "has a comma in it");
        return diagnostic.fix(format!("write `{plain}`"), place.span(number), plain);
    }
    let label = if length == 0 { "the condition ends here" } else { "unexpected" };
    let diagnostic = problem(Code::InvalidCondition, place, at..at + length, message, label);
    if length > 0 && text[at..].starts_with(char::is_whitespace) {
        return diagnostic.fix("write an ordinary space", place.span(at..at + length), " ");
    }
    match hint(text, at, &text[at..]) {
        Some(help) => diagnostic.help(help),
        None => diagnostic,
    }
}

/// A rule of ModSecurity where a condition is due.
pub(super) fn directive(directive: &str, text: &str, place: &Place) -> Diagnostic {
    let start = text.len() - text.trim_start().len();
    let message = format!("`{directive}` is a rule of ModSecurity, a condition is due here");
    problem(Code::InvalidCondition, place, start..start + directive.len(), message, "not a condition")
        .help(
            "write its variable, operator and text: `SecRule REQUEST_URI \"@contains ../\"` is \
             `req.url contains \"../\"`, `@rx` is `matches r\"…\"`, `@ipMatch` is `client.ip in 192.0.2.0/24`",
        )
        .help("what it does stands under `then:` (`deny` is `block`), its number and text are `id:` and `title:`")
}

/// `2,000` around the comma at `at`.
fn with_separators(text: &str, at: usize) -> Option<std::ops::Range<usize>> {
    let is_digit = |c: char| c.is_ascii_digit();
    let start = text[..at].trim_end_matches(is_digit).len();
    let after = &text[at..];
    let rest = after.trim_start_matches(|c: char| is_digit(c) || c == ',');
    let groups: Vec<&str> = after[..after.len() - rest.len()].split(',').skip(1).collect();
    let is_number = after.starts_with(',') && (1..=3).contains(&(at - start)) && groups.iter().all(|g| g.len() == 3);
    (is_number && groups.len() <= 4).then(|| start..text.len() - rest.len())
}

/// Where pest got to, as an offset.
pub(super) fn position(error: &Error<Rule>) -> usize {
    match error.location {
        InputLocation::Pos(at) | InputLocation::Span((at, _)) => at,
    }
}

/// Length of the blanks and comments that a text starts with.
fn blank_length(text: &str) -> usize {
    // What the grammar takes for blanks: a no-break space is none.
    let blank = |c: char| matches!(c, ' ' | '\t'..='\r');
    let mut rest = text.trim_start_matches(blank);
    while rest.starts_with('#') {
        rest = rest.find('\n').map_or("", |end| &rest[end..]).trim_start_matches(blank);
    }
    text.len() - rest.len()
}

/// The token at the start of a text in words, and its length.
pub(super) fn found(rest: &str) -> (String, usize) {
    let word: usize = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').map(char::len_utf8).sum();
    match rest.chars().next() {
        None => ("the end".to_owned(), 0),
        // Nobody could tell it from a blank.
        Some(first) if first.is_whitespace() => {
            (format!("the character U+{:04X}, a blank that is no ordinary space", u32::from(first)), first.len_utf8())
        }
        Some(first) => {
            let length = if word == 0 { first.len_utf8() } else { word };
            (format!("`{}`", &rest[..length]), length)
        }
    }
}

/// Whether a text is due behind this.
fn takes_text(before: &str) -> bool {
    let operators = ["==", "!=", "[", ",", " in", " contains", " starts_with", " ends_with"];
    operators.iter().any(|operator| before.ends_with(operator))
}

fn hint(text: &str, at: usize, rest: &str) -> Option<&'static str> {
    let before = text[..at].trim_end();
    let after_word = before.ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
    let hint = match rest.chars().next()? {
        '\'' => "strings are written with double quotes: `\"…\"`",
        '“' | '”' | '„' | '‘' | '’' => "these are typographic quotes; strings are written with `\"`",
        '/' if takes_text(before) => "text is written in double quotes, a path too: `\"/admin\"`",
        '/' => "regular expressions are written as `r\"…\"`",
        '{' if before.ends_with(')') => "no block follows a condition: what is done stands under `then:`",
        '{' => "lists and sets are written in `[…]`",
        '@' if after_word => "operators are written without `@`: `req.url contains \"x\"`",
        _ if before.rsplit(|c: char| c.is_whitespace()).next().is_some_and(|word| word.starts_with("t:")) => {
            "a transformation of ModSecurity is a function around the field: `t:lowercase` is `lower(req.path)`"
        }
        _ if before.trim_end_matches(|c: char| c.is_ascii_alphanumeric() || c == '_').ends_with('|') => {
            "an operator stands between blanks: `req.path contains \"x\"`"
        }
        '%' => "a mode with a share (`canary 10%`) belongs to `mode:`",
        '$' => "names of `let:` are written without `$`",
        ';' => "a condition is one expression, no statement ends it",
        ',' => {
            "several values stand in brackets: `req.path in [\"/a\", \"/b\"]`; comparisons are joined with `and` or `or`"
        }
        '.' if before.ends_with(')') => {
            "there are no methods: a function stands around what it works on, `lower(req.path)`"
        }
        '+' | '*' => "there is no arithmetic in conditions",
        '?' | ':' => "there is no conditional expression; use `and`, `or` and `not`",
        'n' if rest.starts_with("not") && before.ends_with(['=', '<', '>']) => {
            "`not` goes before the whole comparison: `not a == b`"
        }
        _ if after_word || before.ends_with(['"', ')', ']']) => {
            "comparisons are joined with `and` or `or`, also from line to line"
        }
        _ => return None,
    };
    Some(hint)
}
