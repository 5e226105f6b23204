//! Literals of conditions → their canonical spelling. Called by `condition`.

/// A string as written, quotes and prefix included. Characters that an escape stands for are written as they are where
/// that is ASCII that can be seen; what was escaped because it looks like something else stays escaped.
pub(super) fn string(written: &str) -> String {
    let start = written.find('"').map_or(0, |quote| quote + 1);
    let mut text = written[..start].to_owned();
    let inner = &written[start..written.len().saturating_sub(1).max(start)];
    let mut characters = inner.char_indices();
    while let Some((at, character)) = characters.next() {
        if character != '\\' {
            push(&mut text, character);
            continue;
        }
        match characters.next().map(|(_, kind)| kind) {
            Some('x') => {
                let digits = inner.get(at + 2..at + 4).unwrap_or_default();
                match u8::from_str_radix(digits, 16) {
                    Ok(byte) if byte.is_ascii() => push(&mut text, char::from(byte)),
                    Ok(byte) => text.push_str(&format!("\\x{byte:02x}")),
                    Err(_) => text.push_str(&inner[at..at + 2 + digits.len()]),
                }
                characters.nth(digits.len().saturating_sub(1));
            }
            Some('u') => {
                let end = inner[at..].find('}').map_or(inner.len(), |length| at + length + 1);
                let digits = inner[at..end].trim_start_matches("\\u{").trim_end_matches('}');
                match u32::from_str_radix(digits, 16).ok().and_then(char::from_u32) {
                    Some(character) if character.is_ascii() => push(&mut text, character),
                    Some(character) => text.push_str(&format!("\\u{{{:x}}}", character as u32)),
                    None => text.push_str(&inner[at..end]),
                }
                while characters.as_str().len() > inner.len() - end {
                    characters.next();
                }
            }
            Some(kind) => text.extend(['\\', kind]),
            None => text.push('\\'),
        }
    }
    text.push('"');
    text
}

/// One character of a string's value.
fn push(text: &mut String, character: char) {
    match character {
        '"' | '\\' => text.extend(['\\', character]),
        '\n' => text.push_str("\\n"),
        '\r' => text.push_str("\\r"),
        '\t' => text.push_str("\\t"),
        character if character.is_ascii_control() => text.push_str(&format!("\\x{:02x}", character as u32)),
        character => text.push(character),
    }
}

/// A pattern with as few `#` as it needs.
pub(super) fn regex(pattern: &str, ignore_case: bool) -> String {
    let hashes = if !pattern.contains('"') {
        ""
    } else if !pattern.contains("\"#") {
        "#"
    } else {
        "##"
    };
    format!("r{}{hashes}\"{pattern}\"{hashes}", if ignore_case { "i" } else { "" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_have_one_spelling() {
        for (written, canonical) in [
            (r#""a""#, r#""a""#),
            (r#"i"\x41\u{000042}C""#, r#"i"ABC""#),
            (r#""\x22\x5c\u{22}""#, r#""\"\\\"""#),
            (r#""\x0A\x0d\x09\u{9}\x01\x7F""#, r#""\n\r\t\t\x01\x7f""#),
            (r#""\xE9\u{00E9}é\u{430}""#, r#""\xe9\u{e9}é\u{430}""#),
            ("\"a\tb\"", r#""a\tb""#),
            (r#""\"\\\n""#, r#""\"\\\n""#),
            (r#""""#, r#""""#),
        ] {
            assert_eq!(string(written), canonical);
            assert_eq!(string(canonical), canonical);
        }
    }

    #[test]
    fn patterns_have_the_fewest_hashes() {
        assert_eq!(regex("a", false), r#"r"a""#);
        assert_eq!(regex("a\"b", true), "ri#\"a\"b\"#");
        assert_eq!(regex("a\"#b", false), "r##\"a\"#b\"##");
    }
}
