//! A command line → its words, as a POSIX shell splits it; with the `$'…'` that browsers copy. Nothing is expanded:
//! a variable or a command is an error. Called by `curl`.

use super::Bytes;

/// Splits a command line. The error is a sentence without full stop.
pub(super) fn split(text: &str) -> Result<Vec<Bytes>, String> {
    let mut words = Vec::new();
    let mut word: Option<Bytes> = None;
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b' ' | b'\t' | b'\n' | b'\r' => words.extend(word.take()),
            b'#' if word.is_none() => rest = after_line(rest),
            b'\'' => {
                let end = memchr::memchr(b'\'', rest).ok_or("a single quote is not closed")?;
                word.get_or_insert_default().extend_from_slice(&rest[..end]);
                rest = &rest[end + 1..];
            }
            b'"' => rest = double_quoted(rest, word.get_or_insert_default())?,
            b'$' if rest.first() == Some(&b'\'') => rest = ansi_quoted(&rest[1..], word.get_or_insert_default())?,
            b'\\' => match rest.split_first() {
                Some((b'\n', after)) => rest = after,
                Some((b'\r', after)) if after.first() == Some(&b'\n') => rest = &after[1..],
                Some((escaped, after)) => {
                    word.get_or_insert_default().push(*escaped);
                    rest = after;
                }
                None => return Err("the command ends in a backslash".to_owned()),
            },
            b'$' | b'`' => return Err(expansion(byte)),
            b'|' | b'<' | b'>' | b';' | b'&' => {
                return Err(format!("`{}` outside quotes is not part of a curl command", char::from(byte)));
            }
            b'^' if matches!(rest.first(), Some(b'"' | b'\r' | b'\n')) => {
                return Err("this is quoted for cmd.exe; copy it as cURL (bash)".to_owned());
            }
            other => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    Ok(words)
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
