//! What starts with a backslash. Called by the rewriter outside a class and inside one.

use super::super::literal::{is_plain, push_hex};
use super::{PatternError, Writer, quantifier_length};

impl Writer<'_> {
    /// A backslash and what belongs to it, outside a class.
    pub(super) fn escape_outside(&mut self) -> Result<(), PatternError> {
        let Some(next) = self.peek(1) else {
            self.copy(1);
            return Ok(());
        };
        match next {
            b'Q' => {
                self.at += 2;
                self.quoted_outside()?;
            }
            // Kept as an empty comment, so that what stood on both sides does not join.
            b'E' => self.replace(2, "(?#)"),
            b'K' => {
                return Err(self.unsupported(
                    2,
                    r"`\K` is not supported",
                    "a condition only asks whether the pattern matches; leave it out",
                ));
            }
            b'G' => return Err(self.unsupported(2, r"`\G` is not supported", r"write `\A` for the start of the text")),
            b'X' => {
                return Err(self.unsupported(
                    2,
                    r"`\X` is not supported: patterns work on bytes",
                    "write `.` for one byte, or the bytes that are meant",
                ));
            }
            b'R' => {
                return Err(self.unsupported(
                    2,
                    r"`\R` is not supported: what it matches depends on how PCRE2 was built",
                    r"write `(?:\r\n|[\n\r])`",
                ));
            }
            b'N' => self.not_newline()?,
            b'g' if matches!(self.peek(2), Some(b'<' | b'\'')) => {
                let end =
                    self.rest()[3..].iter().position(|byte| matches!(byte, b'>' | b'\'')).map_or(2, |close| close + 4);
                return Err(self.recursion(end));
            }
            b'g' | b'k' => self.reference(),
            0x80.. => {
                self.at += 1;
                self.literal_outside()?;
            }
            _ => self.escape_anywhere(next)?,
        }
        Ok(())
    }

    /// An escape that means the same outside a class and inside one, or is PCRE2's to refuse.
    pub(super) fn escape_anywhere(&mut self, next: u8) -> Result<(), PatternError> {
        match next {
            0 => {
                self.at += 1;
                return Err(self.nul());
            }
            b'C' => return Err(self.unsupported(2, r"`\C` is not supported", "write `.`: patterns work on bytes")),
            b'p' | b'P' => {
                let length = match self.peek(2) {
                    Some(b'{') => self.rest().iter().position(|&byte| byte == b'}').map_or(3, |close| close + 1),
                    Some(_) => 3,
                    None => 2,
                };
                return Err(self.unsupported(
                    length,
                    format!(
                        r"`\{}` is not supported: patterns work on bytes, which have no Unicode properties",
                        char::from(next)
                    ),
                    r"write a class of bytes: `[A-Za-z]`, `[\x80-\xff]` for any byte of a character beyond ASCII",
                ));
            }
            b'u' | b'U' | b'l' | b'L' => return Err(self.foreign_escape(next)),
            b'x' => self.hex()?,
            b'o' => self.octal()?,
            b'c' => self.control()?,
            b'0'..=b'9' => {
                let digits = self.rest()[1..].iter().take_while(|byte| byte.is_ascii_digit()).count();
                self.copy(1 + digits);
            }
            _ if is_plain(next) => self.copy(2),
            // A quote or control character: the backslash says nothing.
            _ => {
                push_hex(&mut self.out, next);
                self.at += 2;
            }
        }
        Ok(())
    }

    /// `\N`: PCRE2's newline depends on how it was built, ours is the line feed.
    fn not_newline(&mut self) -> Result<(), PatternError> {
        if self.peek(2) == Some(b'{') && quantifier_length(&self.rest()[2..]).is_none() {
            let length = self.rest().iter().position(|&byte| byte == b'}').map_or(3, |close| close + 1);
            let number = self.source[self.at..self.at + length].trim_start_matches(r"\N{U+").trim_end_matches('}');
            let help = as_bytes(number, 16).unwrap_or_else(|| "write the character itself".to_owned());
            return Err(self.unsupported(length, r"`\N{…}` is not supported: patterns work on bytes", help));
        }
        self.replace(2, r"[^\n]");
        Ok(())
    }

    /// `\k<name>`, `\g{-1}` and their like.
    fn reference(&mut self) {
        let close = match self.peek(2) {
            Some(b'{') => b'}',
            Some(b'<') => b'>',
            Some(b'\'') => b'\'',
            _ => return self.copy(2),
        };
        let name = self.rest()[3..]
            .iter()
            .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'+'))
            .count();
        self.copy(if self.peek(3 + name) == Some(close) { 4 + name } else { 2 });
    }

    /// `\xHH` and `\x{HH}`, written with two digits so that nothing after it joins.
    fn hex(&mut self) -> Result<(), PatternError> {
        if self.peek(2) == Some(b'{') {
            return self.braced_number(16);
        }
        let digits = self.rest()[2..].iter().take(2).take_while(|byte| byte.is_ascii_hexdigit()).count();
        let value = u8::from_str_radix(&self.source[self.at + 2..self.at + 2 + digits], 16).unwrap_or(0);
        push_hex(&mut self.out, value);
        self.at += 2 + digits;
        Ok(())
    }

    fn octal(&mut self) -> Result<(), PatternError> {
        if self.peek(2) == Some(b'{') {
            return self.braced_number(8);
        }
        self.copy(2);
        Ok(())
    }

    fn braced_number(&mut self, radix: u32) -> Result<(), PatternError> {
        let digits = self.rest()[3..].iter().take_while(|&&byte| char::from(byte).is_digit(radix)).count();
        let text = &self.source[self.at + 3..self.at + 3 + digits];
        if digits == 0 || self.peek(3 + digits) != Some(b'}') {
            let length = 3 + digits;
            let (example, of) = if radix == 16 { (r"\x{7f}", "hexadecimal") } else { (r"\o{177}", "octal") };
            return Err(self.invalid(
                length,
                format!("no {of} number up to the `}}`"),
                format!("write it like `{example}`"),
            ));
        }
        match u32::from_str_radix(text, radix).ok().and_then(|value| u8::try_from(value).ok()) {
            Some(value) => push_hex(&mut self.out, value),
            None => {
                let help = as_bytes(text, radix).unwrap_or_else(|| r"the largest byte is `\xff`".to_owned());
                return Err(self.unsupported(4 + digits, "no byte is that large: patterns work on bytes", help));
            }
        }
        self.at += 4 + digits;
        Ok(())
    }

    /// `\cX`, written as the byte it is: X may be a quote.
    fn control(&mut self) -> Result<(), PatternError> {
        match self.peek(2) {
            Some(byte @ b' '..=b'~') => {
                push_hex(&mut self.out, byte.to_ascii_uppercase() ^ 0x40);
                self.at += 3;
                Ok(())
            }
            Some(_) => Err(self.invalid(
                3,
                r"`\c` must be followed by a printable ASCII character",
                r"write the byte as `\xHH`",
            )),
            None => {
                self.copy(2);
                Ok(())
            }
        }
    }

    /// `\u0041` and the case changers of other languages, which PCRE2 refuses.
    fn foreign_escape(&self, next: u8) -> PatternError {
        let rest = &self.source[self.at + 2..];
        let braced =
            rest.strip_prefix('{').and_then(|rest| rest.split_once('}')).map(|(number, _)| (number, number.len() + 2));
        let (number, length) = match (next, braced) {
            (b'u', Some((number, length))) => (number, length),
            (b'u', None) => rest.get(..4).map_or(("", 0), |number| (number, 4)),
            (b'U', _) => rest.get(..8).map_or(("", 0), |number| (number, 8)),
            _ => ("", 0),
        };
        let letter = char::from(next);
        match as_bytes(number, 16) {
            Some(help) => {
                self.unsupported(2 + length, format!(r"`\{letter}` is not supported: patterns work on bytes"), help)
            }
            None => self.unsupported(
                2,
                format!(r"`\{letter}` is not supported"),
                r"write bytes as `\xHH`, and `(?i)` for either case",
            ),
        }
    }
}

/// A way to write a character that was given by number.
fn as_bytes(number: &str, radix: u32) -> Option<String> {
    if number.is_empty() || !number.chars().all(|digit| digit.is_digit(radix)) {
        return None;
    }
    let character = u32::from_str_radix(number, radix).ok().and_then(char::from_u32)?;
    let mut text = String::new();
    character.encode_utf8(&mut [0; 4]).bytes().for_each(|byte| push_hex(&mut text, byte));
    let text = if character.is_ascii() { text } else { format!("(?:{text})") };
    Some(format!("write `{text}`, its bytes in UTF-8"))
}
