//! Text of strangers → text that a terminal can show: control characters would move the cursor, invisible and
//! direction-changing ones would show another text than the one that is there.

use std::borrow::Cow;

/// Whether the `#` at `at` stands in `##[` or `##word[`: services of continuous integration take that for a command of
/// theirs, wherever in a line of a log it is (`##[add-mask]…` on GitHub, `##vso[…]` on Azure, `##teamcity[…]`).
fn begins_command(text: &[u8], at: usize) -> bool {
    text[at] == b'#'
        && at > 0
        && text[at - 1] == b'#'
        && text[at + 1..].iter().find(|byte| !byte.is_ascii_alphabetic()) == Some(&b'[')
}

/// Does something to a terminal or to the order of the text beside it, or cannot be seen. Line feeds count.
pub fn is_hazardous(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// A line that nothing but blanks stands before: a service of continuous integration takes `::…` there for a command.
pub fn no_command(line: &str) -> Cow<'_, str> {
    let rest = line.trim_start();
    match rest.strip_prefix("::") {
        Some(after) => Cow::Owned(format!("{}\\u{{3a}}:{after}", &line[..line.len() - rest.len()])),
        None => Cow::Borrowed(line),
    }
}

/// Source text for the renderer: the same number of bytes, so that every span still fits, and nothing hazardous but
/// line ends and tabs.
pub fn source(text: &str) -> Cow<'_, str> {
    let replaced =
        |at: usize, c: char| is_hazardous(c) && !matches!(c, '\n' | '\r' | '\t') || begins_command(text.as_bytes(), at);
    // Most sources are clean ASCII; anything hazardous is either an ASCII control or not ASCII, or a command.
    let is_plain = text.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\n' | b'\r' | b'\t')) && !text.contains("##");
    if is_plain || !text.char_indices().any(|(at, c)| replaced(at, c)) {
        return Cow::Borrowed(text);
    }
    let mut clean = String::with_capacity(text.len());
    for (at, c) in text.char_indices() {
        match (replaced(at, c), c.len_utf8()) {
            (false, _) => clean.push(c),
            (true, 3) => clean.push('\u{fffd}'),
            (true, width) => (0..width).for_each(|_| clean.push('?')),
        }
    }
    Cow::Owned(clean)
}

/// A text of ours with strangers' words in it: hazardous characters are written as `\u{…}`; cut after `limit`
/// characters. Line feeds stay.
pub fn text(text: &str, limit: usize) -> String {
    let mut clean = String::with_capacity(text.len().min(limit) + 8);
    for (count, (at, c)) in text.char_indices().enumerate() {
        if count == limit {
            clean.push('…');
            break;
        }
        if is_hazardous(c) && c != '\n' || begins_command(text.as_bytes(), at) {
            clean.extend(c.escape_unicode());
        } else {
            clean.push(c);
        }
    }
    clean
}

/// The same on one line.
pub fn line(text: &str, limit: usize) -> String {
    self::text(text, limit).replace('\n', " ")
}

/// The same on one line, and every line feed shown as `\n`: for names of files, and messages with such names in them.
/// A service of continuous integration may take a line of a log for a command.
pub fn name(text: &str, limit: usize) -> String {
    self::text(text, limit).replace('\n', "\\n")
}

/// Bytes of a request for people: UTF-8 as it is, the rest as `\xHH`.
pub fn bytes(bytes: &[u8], limit: usize) -> String {
    let mut clean = String::new();
    for chunk in bytes.utf8_chunks() {
        let valid = chunk.valid();
        for (at, c) in valid.char_indices() {
            match c {
                '\n' => clean.push_str("\\n"),
                '\r' => clean.push_str("\\r"),
                '\t' => clean.push_str("\\t"),
                c if is_hazardous(c) || begins_command(valid.as_bytes(), at) => clean.extend(c.escape_unicode()),
                c => clean.push(c),
            }
        }
        chunk.invalid().iter().for_each(|byte| clean.push_str(&format!("\\x{byte:02x}")));
        if clean.len() > limit {
            break;
        }
    }
    if let Some((end, _)) = clean.char_indices().nth(limit) {
        clean.truncate(end);
        clean.push('…');
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_keep_their_length() {
        for text in ["##[é ##", "a \u{1b}[31mred\u{7}", "x\u{202e}y\u{9b}z\u{ad}\u{e0041}", "plain é\r\n\tx", "\0"] {
            let clean = source(text);
            assert_eq!(clean.len(), text.len(), "{text:?}");
            assert!(!clean.chars().any(|c| is_hazardous(c) && !"\n\r\t".contains(c)), "{text:?}");
        }
    }

    #[test]
    fn texts_are_escaped_and_cut() {
        assert_eq!(text("a\u{1b}b\nc", 100), "a\\u{1b}b\nc");
        assert_eq!(line("a\nb", 100), "a b");
        assert_eq!(name("a\r\nb", 100), "a\\u{d}\\nb");
        assert_eq!(text("#[a] ##[b] ###x[c] ##d] # #[", 100), "#[a] #\\u{23}[b] ##\\u{23}x[c] ##d] # #[");
        assert_eq!(bytes(b"##[b]\xff##", 100), "#\\u{23}[b]\\xff##");
        assert_eq!(source("é##vso[x]\n##[y] ## ["), "é#?vso[x]\n#?[y] ## [");
        assert_eq!(no_command(" \t::error::x"), " \t\\u{3a}:error::x");
        assert_eq!(no_command("x ::error::x"), "x ::error::x");
        assert_eq!(text("abcdef", 3), "abc…");
        assert_eq!(bytes(b"a\xff\n\x1b\xc3\xa9", 100), "a\\xff\\n\\u{1b}é");
        assert_eq!(bytes("é".repeat(50).as_bytes(), 3), "ééé…");
    }
}
