//! Bytes → bytes: the decodings and string functions of the language, exactly. Pure; used by [`super::view`] and
//! [`super::functions`], and by the tests that compare a target's output with them.
//!
//! Each function borrows its argument when it changes nothing, which is the usual case.

use alloc::borrow::Cow;
use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use sha2::Digest as _;
use std::fmt::Write as _;

/// White space of `trim`, `squeeze` and `remove_whitespace`.
pub fn is_white(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | 0x0b | 0x0c)
}

/// Decodes `%HH` once. A `%` that starts no escape stays, and so does `%00`. `+` is an ordinary byte.
pub fn url_decode(text: &[u8]) -> Cow<'_, [u8]> {
    decode_escapes(text, false)
}

/// [`url_decode`] after every `+` became a blank: the decoding of the query, its names and its values.
pub fn query_decode(text: &[u8]) -> Cow<'_, [u8]> {
    decode_escapes(text, true)
}

fn decode_escapes(text: &[u8], plus_is_blank: bool) -> Cow<'_, [u8]> {
    let first = if plus_is_blank { memchr::memchr2(b'%', b'+', text) } else { memchr::memchr(b'%', text) };
    let Some(first) = first else {
        return Cow::Borrowed(text);
    };
    let mut decoded = Vec::with_capacity(text.len());
    decoded.extend_from_slice(&text[..first]);
    let mut rest = &text[first..];
    while let Some((&byte, tail)) = rest.split_first() {
        match escape(rest) {
            Some(value) => {
                decoded.push(value);
                rest = &rest[3..];
            }
            None => {
                decoded.push(if plus_is_blank && byte == b'+' { b' ' } else { byte });
                rest = tail;
            }
        }
    }
    Cow::Owned(decoded)
}

/// The byte of the escape at the start, unless it is `%00`: a NUL would cut strings short in the engines.
fn escape(text: &[u8]) -> Option<u8> {
    let [b'%', high, low, ..] = text else { return None };
    let value = hex_digit(*high)? << 4 | hex_digit(*low)?;
    (value != 0).then_some(value)
}

fn hex_digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

/// Decodes HTML character references in a single pass, so `&amp;lt;` gives `&lt;`. Numeric ones stand for 1 to 127;
/// their run of digits is taken whole (`&#600` is no `<` and a `0`), the semicolon is optional. Named ones are those
/// of [`crate::catalog::HTML_NAMES`]. What is none of these stays.
pub fn html_decode(text: &[u8]) -> Cow<'_, [u8]> {
    let Some(first) = memchr::memchr(b'&', text) else {
        return Cow::Borrowed(text);
    };
    let mut decoded = Vec::with_capacity(text.len());
    decoded.extend_from_slice(&text[..first]);
    let mut rest = &text[first..];
    while let Some((&byte, tail)) = rest.split_first() {
        match if byte == b'&' { reference(tail) } else { None } {
            Some((value, length)) => {
                decoded.push(value);
                rest = &tail[length..];
            }
            None => {
                decoded.push(byte);
                rest = tail;
            }
        }
    }
    Cow::Owned(decoded)
}

/// The reference after an `&`: its byte, and how many bytes it takes.
fn reference(text: &[u8]) -> Option<(u8, usize)> {
    let Some(number) = text.strip_prefix(b"#") else {
        return crate::catalog::HTML_NAMES
            .iter()
            .find(|(name, _)| text.starts_with(name.as_bytes()))
            .map(|(name, value)| (*value, name.len()));
    };
    let (digits_start, radix) = match number.first() {
        Some(b'x' | b'X') => (1, 16),
        _ => (0, 10),
    };
    let digits = &number[digits_start..];
    let length = digits.iter().take_while(|byte| char::from(**byte).is_digit(radix)).count();
    if length == 0 {
        return None;
    }
    let mut value: u32 = 0;
    for digit in &digits[..length] {
        value = value * radix + char::from(*digit).to_digit(radix)?;
        if value > 127 {
            return None;
        }
    }
    let semicolon = usize::from(digits.get(length) == Some(&b';'));
    let value = u8::try_from(value).ok().filter(|value| *value != 0)?;
    Some((value, 1 + digits_start + length + semicolon))
}

/// Trailing bits that encode nothing are ignored, as the engines do.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::RequireCanonical)
        .with_decode_allow_trailing_bits(true),
);

/// Standard base64 with its padding, up to the first NUL of the result; `None` when the text is no base64. The empty
/// text is base64.
pub fn base64_decode(text: &[u8]) -> Option<Vec<u8>> {
    let mut decoded = BASE64.decode(text).ok()?;
    if let Some(end) = memchr::memchr(0, &decoded) {
        decoded.truncate(end);
    }
    Some(decoded)
}

/// `//` and `/./` become `/`, `/x/..` is removed, never above the root. A last segment `.` or `..` leaves a slash:
/// `/a/b/..` is `/a/`. A text that does not start with a slash is no path and stays.
pub fn path_normalize(path: &[u8]) -> Cow<'_, [u8]> {
    if !path.starts_with(b"/") || !needs_normalizing(path) {
        return Cow::Borrowed(path);
    }
    let mut kept: Vec<&[u8]> = Vec::new();
    let mut directory = false;
    for segment in path[1..].split(|byte| *byte == b'/') {
        directory = matches!(segment, b"" | b"." | b"..");
        match segment {
            b"" | b"." => {}
            b".." => {
                kept.pop();
            }
            _ => kept.push(segment),
        }
    }
    let mut normal = Vec::with_capacity(path.len());
    for segment in &kept {
        normal.push(b'/');
        normal.extend_from_slice(segment);
    }
    if directory || kept.is_empty() {
        normal.push(b'/');
    }
    Cow::Owned(normal)
}

fn needs_normalizing(path: &[u8]) -> bool {
    memchr::memmem::find(path, b"//").is_some() || memchr::memmem::find(path, b"/.").is_some()
}

/// How many segments of a path are `..`: [`path_normalize`] has a limit on them.
pub fn parent_segments(path: &[u8]) -> usize {
    if !path.starts_with(b"/") || memchr::memmem::find(path, b"/..").is_none() {
        return 0;
    }
    path[1..].split(|byte| *byte == b'/').filter(|segment| *segment == b"..").count()
}

/// Whether any byte is of a kind; looks at all of them, which is quicker than stopping.
fn holds(text: &[u8], kind: impl Fn(&u8) -> bool) -> bool {
    text.iter().fold(false, |found, byte| found | kind(byte))
}

/// ASCII letters in lower case.
pub fn lower(text: &[u8]) -> Cow<'_, [u8]> {
    if holds(text, u8::is_ascii_uppercase) { Cow::Owned(text.to_ascii_lowercase()) } else { Cow::Borrowed(text) }
}

/// ASCII letters in upper case.
pub fn upper(text: &[u8]) -> Cow<'_, [u8]> {
    if holds(text, u8::is_ascii_lowercase) { Cow::Owned(text.to_ascii_uppercase()) } else { Cow::Borrowed(text) }
}

/// Without white space at both ends.
pub fn trim(text: &[u8]) -> &[u8] {
    trim_by(text, is_white)
}

/// Without blanks and tabs at both ends: what HTTP allows around a header's value.
pub fn trim_blanks(text: &[u8]) -> &[u8] {
    trim_by(text, |byte| matches!(byte, b' ' | b'\t'))
}

fn trim_by(text: &[u8], outer: impl Fn(u8) -> bool) -> &[u8] {
    let Some(start) = text.iter().position(|byte| !outer(*byte)) else {
        return &[];
    };
    let end = text.iter().rposition(|byte| !outer(*byte)).map_or(start, |last| last + 1);
    &text[start..end]
}

/// Each run of white space becomes one blank.
pub fn squeeze(text: &[u8]) -> Cow<'_, [u8]> {
    let odd = text.iter().any(|byte| is_white(*byte) && *byte != b' ');
    if !odd && memchr::memmem::find(text, b"  ").is_none() {
        return Cow::Borrowed(text);
    }
    let mut squeezed = Vec::with_capacity(text.len());
    let mut in_run = false;
    for byte in text {
        if !is_white(*byte) {
            squeezed.push(*byte);
        } else if !in_run {
            squeezed.push(b' ');
        }
        in_run = is_white(*byte);
    }
    Cow::Owned(squeezed)
}

/// Without any white space.
pub fn remove_whitespace(text: &[u8]) -> Cow<'_, [u8]> {
    if !text.iter().any(|byte| is_white(*byte)) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.iter().copied().filter(|byte| !is_white(*byte)).collect())
}

/// SHA-256 as 64 lower-case hexadecimal digits.
pub fn sha256_hex(text: &[u8]) -> String {
    hex(&sha2::Sha256::digest(text))
}

/// MD5 as 32 lower-case hexadecimal digits.
pub fn md5_hex(text: &[u8]) -> String {
    hex(&md5::Md5::digest(text))
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// 1 to 15 decimal digits as an integer.
pub fn integer(text: &[u8]) -> Option<i64> {
    if text.is_empty() || text.len() > 15 {
        return None;
    }
    decimal(text)
}

/// Decimal digits alone; `None` for anything else and above 18 digits.
pub(super) fn decimal(text: &[u8]) -> Option<i64> {
    if text.is_empty() || text.len() > 18 {
        return None;
    }
    text.iter().try_fold(0_i64, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + i64::from(byte - b'0')))
}

#[cfg(test)]
#[path = "decode_tests.rs"]
mod tests;
