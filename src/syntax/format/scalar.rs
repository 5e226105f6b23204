//! The value of a YAML scalar → its canonical spelling on one line or as a block. Called by `print`.
//!
//! Plain where every YAML tool reads the same text; else in double quotes, or in single quotes where the text holds
//! double quotes or backslashes. What was quoted because it looks like a number, a date or a boolean stays quoted.

use granit_parser::ScalarStyle;

/// Columns of prose.
const WIDTH: usize = 118;

/// A text on one line.
pub(super) fn inline(value: &str, style: ScalarStyle, in_flow: bool) -> String {
    let was_plain = style == ScalarStyle::Plain;
    // A plain number is a number: quotes would change it.
    if (was_plain && is_special(value)) || (!is_special(value) && is_plain(value, in_flow)) {
        return value.to_owned();
    }
    quoted(value)
}

fn quoted(value: &str) -> String {
    let needs_escapes = value.chars().any(|c| c.is_control() || is_break(c));
    if needs_escapes || !value.contains(['"', '\\']) {
        return double_quoted(value);
    }
    format!("'{}'", value.replace('\'', "''"))
}

fn double_quoted(value: &str) -> String {
    let mut text = String::from("\"");
    for character in value.chars() {
        match character {
            '"' | '\\' => text.extend(['\\', character]),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            character if character.is_control() && (character as u32) < 0x100 => {
                text.push_str(&format!("\\x{:02x}", character as u32));
            }
            character if is_break(character) => text.push_str(&format!("\\u{:04x}", character as u32)),
            character => text.push(character),
        }
    }
    text.push('"');
    text
}

fn is_break(character: char) -> bool {
    matches!(character, '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{feff}')
}

/// Whether YAML reads the text as it stands, old versions of it too.
pub(super) fn is_plain(value: &str, in_flow: bool) -> bool {
    let Some(first) = value.chars().next() else { return false };
    let starts = !first.is_whitespace() && !"-?:,[]{}#&*!|>'\"%@`=<~".contains(first);
    // YAML 1.1, which PyYAML and others read, takes `:` and `?` in brackets for something else.
    let flow = !in_flow || !value.contains(['[', ']', '{', '}', ',', ':', '?']);
    let ends = !value.ends_with([' ', ':']);
    starts
        && flow
        && ends
        && !value.contains(": ")
        && !value.contains(" #")
        && !value.chars().any(|c| c.is_control() || is_break(c))
}

/// Whether some YAML tool takes the text, unquoted, for something else than text.
pub(super) fn is_special(value: &str) -> bool {
    let lower = value.to_ascii_lowercase();
    let words = ["", "~", "null", "true", "false", "yes", "no", "on", "off", "y", "n", "=", "<<", ".nan"];
    if words.contains(&lower.as_str()) {
        return true;
    }
    let unsigned = lower.trim_start_matches(['+', '-']);
    if unsigned == ".inf" {
        return true;
    }
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_');
    let starts = unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    let number = unsigned.bytes().all(|byte| byte.is_ascii_digit() || b"._e+-".contains(&byte))
        && unsigned.bytes().any(|byte| byte.is_ascii_digit())
        && unsigned.matches('.').count() < 2;
    let radix = ["0x", "0o", "0b"].iter().any(|prefix| {
        unsigned.strip_prefix(prefix).is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_hexdigit() || b == b'_'))
    });
    let sexagesimal = unsigned.contains(':') && unsigned.split([':', '.']).all(digits);
    // A date, perhaps with a time behind it.
    let date = value.len() >= 8
        && value.bytes().take(4).all(|byte| byte.is_ascii_digit())
        && value.as_bytes()[4] == b'-'
        && value.bytes().skip(5).all(|byte| byte.is_ascii_digit() || b"-:.tTzZ +".contains(&byte));
    starts && (number || radix || sexagesimal || date)
}

/// The lines of a text as a literal block, header first. `None` where a block cannot hold it.
pub(super) fn literal(value: &str) -> Option<Vec<String>> {
    let body = value.trim_end_matches('\n');
    let breaks = value.len() - body.len();
    let odd = |c: char| (c.is_control() && c != '\n' && c != '\t') || is_break(c);
    if body.is_empty() || value.chars().any(odd) || body.starts_with([' ', '\t', '\n']) {
        return None;
    }
    let chomping = match breaks {
        0 => "-",
        1 => "",
        _ => "+",
    };
    let mut lines = vec![format!("|{chomping}")];
    lines.extend(body.split('\n').map(str::to_owned));
    lines.extend(std::iter::repeat_n(String::new(), breaks.saturating_sub(1)));
    Some(lines)
}

/// The lines of a text as a folded block, header first. `None` where its lines cannot be joined without loss.
pub(super) fn folded(value: &str, indent: usize) -> Option<Vec<String>> {
    literal(value)?;
    let body = value.trim_end_matches('\n');
    let breaks = value.len() - body.len();
    if breaks > 1 || body.contains("\n\n") || body.lines().any(|line| line.starts_with([' ', '\t']) || line.is_empty())
    {
        return None;
    }
    let mut lines = vec![if breaks == 0 { ">-" } else { ">" }.to_owned()];
    for (index, paragraph) in body.split('\n').enumerate() {
        if index > 0 {
            lines.push(String::new());
        }
        wrap(paragraph, WIDTH.saturating_sub(indent).max(40), &mut lines);
    }
    Some(lines)
}

/// Divides a paragraph at single blanks: a break in a folded block is one blank.
fn wrap(paragraph: &str, width: usize, lines: &mut Vec<String>) {
    let mut line = String::new();
    let mut length = 0;
    let words: Vec<&str> = paragraph.split(' ').collect();
    for (index, word) in words.iter().enumerate() {
        let long = word.chars().count();
        // Next to another blank no break is possible: it would be a blank more or less.
        let divisible = index > 0 && !word.is_empty() && !words[index - 1].is_empty();
        if divisible && length + 1 + long > width {
            lines.push(std::mem::take(&mut line));
            length = 0;
        } else if index > 0 {
            line.push(' ');
            length += 1;
        }
        line.push_str(word);
        length += long;
    }
    lines.push(line);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_only_where_they_are_needed() {
        for (value, in_flow, written) in [
            ("plain words", false, "plain words"),
            ("A03:2021", false, "A03:2021"),
            ("A03:2021", true, "\"A03:2021\""),
            ("a: b", false, "\"a: b\""),
            ("a #b", false, "\"a #b\""),
            ("a, b", false, "a, b"),
            ("a, b", true, "\"a, b\""),
            ("/?q=1", false, "/?q=1"),
            ("/?q=1", true, "\"/?q=1\""),
            ("say \"x\"", false, "say \"x\""),
            ("\"x\"", false, "'\"x\"'"),
            ("it's: \"x\"", false, "'it''s: \"x\"'"),
            ("- a", false, "\"- a\""),
            ("7.1", false, "\"7.1\""),
            ("0x1f", false, "\"0x1f\""),
            ("yes", false, "\"yes\""),
            ("1:20", false, "\"1:20\""),
            ("2026-11-22", false, "\"2026-11-22\""),
            ("192.0.2.1", false, "192.0.2.1"),
            ("10/60s", false, "10/60s"),
            ("a\tb", false, "\"a\\tb\""),
            ("", false, "\"\""),
        ] {
            assert_eq!(inline(value, ScalarStyle::DoubleQuoted, in_flow), written);
        }
        assert_eq!(inline("2026-11-22", ScalarStyle::Plain, false), "2026-11-22");
        assert_eq!(inline("7", ScalarStyle::Plain, true), "7");
    }

    #[test]
    fn blocks_say_what_follows_them() {
        assert_eq!(literal("a\n b\n").unwrap(), ["|", "a", " b"]);
        assert_eq!(literal("a\n\nb").unwrap(), ["|-", "a", "", "b"]);
        assert_eq!(literal("a\n\n\n").unwrap(), ["|+", "a", "", ""]);
        assert_eq!(literal(" a"), None);
        assert_eq!(folded("a b\nc\n", 2).unwrap(), [">", "a b", "", "c"]);
        assert_eq!(folded("a\n\nb\n", 2), None);
    }
}
