//! Texts → what VCL's grammar takes for them: string literals, patterns, names of headers, comments.

use std::borrow::Cow;
use std::fmt::Write as _;

pub(super) fn write_string_literal(text: &str, out: &mut String) {
    if text.contains(['"', '\n', '\r', '\0']) {
        return out.push_str(&string_literal(text));
    }
    out.push('"');
    out.push_str(text);
    out.push('"');
}

/// VCL strings have no escapes. Short ones hold neither `"` nor line ends; long ones anything but `"}`, so a text is
/// split between a `"` and a `}`. Its pieces are joined with `+`.
pub(super) fn string_literal(text: &str) -> String {
    let text = text.replace('\0', "");
    if !text.contains(['"', '\n', '\r']) {
        return format!("\"{text}\"");
    }
    let mut pieces = Vec::new();
    let mut rest = text.as_str();
    while let Some(at) = rest.find("\"}") {
        let (piece, tail) = rest.split_at(at + 1);
        pieces.push(piece);
        rest = tail;
    }
    pieces.push(rest);
    pieces
        .iter()
        .map(
            |piece| if piece.contains(['"', '\n', '\r']) { format!("{{\"{piece}\"}}") } else { format!("\"{piece}\"") },
        )
        .collect::<Vec<_>>()
        .join(" + ")
}

/// A short string of Fastly's VCL: `%` begins its only escapes, a backslash is none. A backslash before the closing quote is
/// written as one because a linter misreads it, and so is U+FFFD by its number, whose bytes falco takes for broken ones.
pub(super) fn fastly_literal(text: &str) -> String {
    let mut literal = String::with_capacity(text.len() + 2);
    literal.push('"');
    for (index, character) in text.char_indices() {
        let last = index + 1 == text.len();
        match character {
            // A NUL would end the string there.
            '\0' => {}
            '\u{FFFD}' => literal.push_str("%uFFFD"),
            '\\' if last => literal.push_str("%5C"),
            ' '..='~' if !matches!(character, '"' | '%') => literal.push(character),
            _ => {
                for byte in character.encode_utf8(&mut [0; 4]).bytes() {
                    let _ = write!(literal, "%{byte:02X}");
                }
            }
        }
    }
    literal.push('"');
    literal
}

pub(super) fn safe_pattern(pattern: &str) -> Cow<'_, str> {
    let fits = |byte: u8| byte != b'"' && (b' '..=b'~').contains(&byte);
    if pattern.bytes().all(fits) {
        return Cow::Borrowed(pattern);
    }
    let mut safe = String::with_capacity(pattern.len());
    for byte in pattern.bytes() {
        if fits(byte) {
            safe.push(char::from(byte));
        } else {
            let _ = write!(safe, "\\x{byte:02x}");
        }
    }
    Cow::Owned(safe)
}

/// `User-Agent` for `user-agent`; in quotes where VCL's grammar wants them.
pub(super) fn header_name(name: &str) -> String {
    let mut upper = true;
    let title: String = name
        .chars()
        .map(|character| {
            let shown = if upper { character.to_ascii_uppercase() } else { character };
            upper = character == '-';
            shown
        })
        .collect();
    let plain = title.starts_with(|first: char| first.is_ascii_alphabetic())
        && title.chars().all(|character| character.is_ascii_alphanumeric() || matches!(character, '-' | '_'));
    if plain { title } else { format!("\"{title}\"") }
}

/// Text that stays on its line: a comment ends at a line feed only, but people read other controls as line ends too.
pub fn one_line(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { ' ' } else { character }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Reads a printed string back as VCL's lexer does.
    fn read_back(mut literal: &str) -> Option<String> {
        let mut text = String::new();
        loop {
            if let Some(long) = literal.strip_prefix("{\"") {
                let end = long.find("\"}")?;
                text.push_str(&long[..end]);
                literal = &long[end + 2..];
            } else {
                // `""` followed by `"` would open a third form.
                if literal.starts_with("\"\"\"") {
                    return None;
                }
                let short = literal.strip_prefix('"')?;
                let end = short.find(['"', '\n', '\r'])?;
                if !short[end..].starts_with('"') {
                    return None;
                }
                text.push_str(&short[..end]);
                literal = &short[end + 1..];
            }
            if literal.is_empty() {
                return Some(text);
            }
            literal = literal.strip_prefix(" + ")?;
        }
    }

    proptest! {
        #[test]
        fn printed_strings_read_back(text in "[\"{}a\\\\\n%+ é]{0,24}") {
            prop_assert_eq!(read_back(&string_literal(&text)), Some(text));
        }

        #[test]
        fn any_printed_string_reads_back(text in "[^\u{0}]{0,40}") {
            prop_assert_eq!(read_back(&string_literal(&text)), Some(text));
        }

        #[test]
        fn any_printed_fastly_string_reads_back(text in "[^\u{0}]{0,40}|[%a\u{fffd}\"]{0,8}") {
            let literal = fastly_literal(&text);
            let inner = literal.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or_default();
            prop_assert!(inner.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b'"'));
            prop_assert!(!inner.ends_with('\\'));
            let mut bytes = Vec::new();
            let mut rest = inner.as_bytes();
            while let Some((&byte, tail)) = rest.split_first() {
                if let Some(after) = rest.strip_prefix(b"%uFFFD") {
                    bytes.extend("\u{FFFD}".as_bytes());
                    rest = after;
                } else if byte == b'%' {
                    let digits = std::str::from_utf8(&tail[..2]).unwrap();
                    bytes.push(u8::from_str_radix(digits, 16).unwrap());
                    rest = &tail[2..];
                } else {
                    bytes.push(byte);
                    rest = tail;
                }
            }
            prop_assert_eq!(bytes, text.into_bytes());
        }

        #[test]
        fn comments_stay_on_their_line(text in ".{0,40}") {
            prop_assert!(!one_line(&text).contains(['\n', '\r']));
        }
    }

    #[test]
    fn literals_that_break_naive_printers() {
        for (text, expected) in [
            ("", "\"\""),
            ("plain", "\"plain\""),
            ("say \"x\"", "{\"say \"x\"\"}"),
            ("{\"id\":\"}", "{\"{\"id\":\"\"} + \"}\""),
            ("\"}", "{\"\"\"} + \"}\""),
        ] {
            assert_eq!(string_literal(text), expected, "{text}");
        }
    }

    #[test]
    fn headers_are_spelled_for_the_grammar() {
        for (name, expected) in
            [("user-agent", "User-Agent"), ("x_y", "X_y"), ("x.y", "\"X.y\""), ("1a", "\"1a\""), ("a+b", "\"A+b\"")]
        {
            assert_eq!(header_name(name), expected);
        }
    }
}
