//! A command line → its words, as a POSIX shell splits it; with the `$'…'` that browsers copy. Nothing is expanded:
//! a variable or a command is an error. Called by `curl`.

use std::ops::Range;

use super::Bytes;
use super::curl::CurlError;

/// A word of a command line: its value, and the bytes that it was written as.
pub(super) struct Word {
    pub(super) value: Bytes,
    pub(super) range: Range<usize>,
}

/// Splits a command line.
pub(super) fn split(text: &str) -> Result<Vec<Word>, CurlError> {
    let mut words: Vec<Word> = Vec::new();
    let mut word: Option<Word> = None;
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let at = text.len() - rest.len();
        if matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
            words.extend(word.take());
            rest = after;
        } else if byte == b'#' && word.is_none() {
            rest = after_line(after);
        } else if let [b'\\', b'\n', after @ ..] | [b'\\', b'\r', b'\n', after @ ..] = rest {
            rest = after;
        } else {
            let word = word.get_or_insert_with(|| Word { value: Bytes::new(), range: at..at });
            rest = part(byte, after, &mut word.value).map_err(|message| CurlError {
                message,
                // A quote that is not closed is marked to the end of its line, a character by itself.
                range: at..at + if matches!(byte, b'\'' | b'"') { line_length(&text[at..]) } else { 1 },
            })?;
            word.range.end = text.len() - rest.len();
        }
    }
    words.extend(word);
    Ok(words)
}

fn line_length(text: &str) -> usize {
    text.find(['\n', '\r']).unwrap_or(text.len())
}

/// One part of a word, which began with `byte`: a quoted text, an escape or a character. Gives what follows it.
fn part<'t>(byte: u8, rest: &'t [u8], word: &mut Bytes) -> Result<&'t [u8], String> {
    match byte {
        b'\'' => {
            let end = memchr::memchr(b'\'', rest).ok_or("a single quote is not closed")?;
            word.extend_from_slice(&rest[..end]);
            Ok(&rest[end + 1..])
        }
        b'"' => double_quoted(rest, word),
        b'$' if rest.first() == Some(&b'\'') => ansi_quoted(&rest[1..], word),
        b'\\' => match rest.split_first() {
            Some((escaped, after)) => {
                word.push(*escaped);
                Ok(after)
            }
            None => Err("the command ends in a backslash".to_owned()),
        },
        b'$' | b'`' => Err(expansion(byte)),
        b'|' | b'<' | b'>' | b';' | b'&' => {
            let way_out = if byte == b'&' { ": put the URL in quotes" } else { "" };
            Err(format!("`{}` outside quotes is not part of a curl command{way_out}", char::from(byte)))
        }
        b'^' if matches!(rest.first(), Some(b'"' | b'\r' | b'\n')) => {
            Err("this is quoted for cmd.exe; copy it as cURL (bash)".to_owned())
        }
        other => {
            word.push(other);
            Ok(rest)
        }
    }
}

fn after_line(rest: &[u8]) -> &[u8] {
    memchr::memchr(b'\n', rest).map_or(&[], |end| &rest[end..])
}

fn expansion(byte: u8) -> String {
    format!("`{}` would be expanded by a shell, write the value itself", char::from(byte))
}

/// After `"`; gives what follows the closing quote.
fn double_quoted<'t>(mut rest: &'t [u8], word: &mut Bytes) -> Result<&'t [u8], String> {
    loop {
        match rest {
            [] => return Err("a double quote is not closed".to_owned()),
            [b'"', after @ ..] => return Ok(after),
            [b'\\', b'\n', after @ ..] | [b'\\', b'\r', b'\n', after @ ..] => rest = after,
            [b'\\', escaped @ (b'"' | b'\\' | b'$' | b'`'), after @ ..] => {
                word.push(*escaped);
                rest = after;
            }
            [byte @ b'`', ..] => return Err(expansion(*byte)),
            [b'$', next, ..] if next.is_ascii_alphabetic() || matches!(next, b'{' | b'(' | b'_') => {
                return Err(expansion(b'$'));
            }
            [byte, after @ ..] => {
                word.push(*byte);
                rest = after;
            }
        }
    }
}

/// After `$'`; gives what follows the closing quote.
fn ansi_quoted<'t>(mut rest: &'t [u8], word: &mut Bytes) -> Result<&'t [u8], String> {
    loop {
        match rest {
            [] => return Err("a `$'` quote is not closed".to_owned()),
            [b'\'', after @ ..] => return Ok(after),
            [b'\\', kind, after @ ..] => rest = ansi_escape(*kind, after, word)?,
            [byte, after @ ..] => {
                word.push(*byte);
                rest = after;
            }
        }
    }
}

/// One escape of `$'…'` (bash manual, ANSI-C quoting).
fn ansi_escape<'t>(kind: u8, rest: &'t [u8], word: &mut Bytes) -> Result<&'t [u8], String> {
    let simple = match kind {
        b'n' => Some(b'\n'),
        b'r' => Some(b'\r'),
        b't' => Some(b'\t'),
        b'a' => Some(7),
        b'b' => Some(8),
        b'e' | b'E' => Some(0x1b),
        b'f' => Some(0x0c),
        b'v' => Some(0x0b),
        b'\\' | b'\'' | b'"' | b'?' => Some(kind),
        _ => None,
    };
    if let Some(byte) = simple {
        word.push(byte);
        return Ok(rest);
    }
    let most = match kind {
        b'x' => 2,
        b'u' => 4,
        b'U' => 8,
        _ => {
            word.extend_from_slice(&[b'\\', kind]);
            return Ok(rest);
        }
    };
    let length = rest.iter().take(most).take_while(|byte| byte.is_ascii_hexdigit()).count();
    let digits = std::str::from_utf8(&rest[..length]).unwrap_or_default();
    let code = u32::from_str_radix(digits, 16).map_err(|_| format!("`\\{}` without its digits", char::from(kind)))?;
    match (kind, u8::try_from(code), char::from_u32(code)) {
        (b'x', Ok(byte), _) => word.push(byte),
        (_, _, Some(character)) => word.extend_from_slice(character.to_string().as_bytes()),
        (_, _, None) => return Err(format!("`\\{}{digits}` is no character", char::from(kind))),
    }
    Ok(&rest[length..])
}
