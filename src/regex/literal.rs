//! Byte strings to pattern text that matches exactly them. Called by the code generators and the evaluator, which put
//! literals into patterns, and by the rewriter for quoted text.

use core::fmt::Write as _;

/// Pattern text that matches exactly `bytes`, in engine text as well as in a pattern as written, outside a class. It fits a
/// VCL `"…"`: printable ASCII without a double quote. One quantifier after it takes the last byte alone.
pub fn escape(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() + 8);
    for &byte in bytes {
        push_literal(&mut text, byte);
    }
    text
}

/// One byte as a literal outside a class.
pub(super) fn push_literal(text: &mut String, byte: u8) {
    if is_meta(byte) {
        text.push('\\');
        text.push(char::from(byte));
    } else if is_plain(byte) {
        text.push(char::from(byte));
    } else {
        push_hex(text, byte);
    }
}

pub(super) fn push_hex(text: &mut String, byte: u8) {
    // Writing to a `String` cannot fail.
    let _ = write!(text, "\\x{byte:02x}");
}

/// Can stand in a VCL `"…"` as it is.
pub(super) const fn is_plain(byte: u8) -> bool {
    matches!(byte, 0x20..=0x7e) && byte != b'"'
}

/// Has a meaning of its own outside a class.
const fn is_meta(byte: u8) -> bool {
    matches!(byte, b'\\' | b'^' | b'$' | b'.' | b'[' | b']' | b'|' | b'(' | b')' | b'?' | b'*' | b'+' | b'{' | b'}')
}

#[cfg(test)]
mod tests {
    use super::escape;
    use crate::regex::ffi::Compiled;

    #[test]
    fn every_byte_matches_itself_and_nothing_else() {
        for byte in 0..=255_u8 {
            let text = escape(&[byte]);
            assert!(text.bytes().all(|byte| matches!(byte, 0x20..=0x7e) && byte != b'"'), "{text}");
            let compiled = Compiled::new(format!(r"^{text}\z").as_bytes()).unwrap();
            for other in 0..=255_u8 {
                assert_eq!(compiled.is_match(&[other]), Ok(byte == other), "{text} on {other:#x}");
            }
        }
        assert_eq!(escape(b"a.b\"\n\xc3\xa9"), r"a\.b\x22\x0a\xc3\xa9");
    }

    #[test]
    fn whole_strings_match_themselves() {
        let all: Vec<u8> = (0..=255).collect();
        let compiled = Compiled::new(format!(r"^{}\z", escape(&all)).as_bytes()).unwrap();
        assert_eq!(compiled.is_match(&all), Ok(true));
    }
}
