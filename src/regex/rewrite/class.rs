//! Character classes: each byte of them, with PCRE2's own rules for where they end. Called by the rewriter.

use super::super::literal::{is_plain, push_hex};
use super::{PatternError, Writer};

impl Writer<'_> {
    /// A class, from its `[`. What is not closed is left for PCRE2 to refuse.
    pub(super) fn class(&mut self) -> Result<(), PatternError> {
        if let Some(length) = self.posix_length() {
            let help = format!("write `[{}]`", self.source.get(self.at..self.at + length).unwrap_or("[:alpha:]"));
            return Err(self.invalid(length, "a POSIX class name stands outside a class", help));
        }
        self.copy(1);
        self.skip_empty_quotes();
        if self.peek(0) == Some(b'^') {
            self.mark();
            self.copy(1);
            self.skip_empty_quotes();
        }
        if let Some(byte @ (b']' | b':' | b'.' | b'=')) = self.peek(0) {
            self.mark();
            self.out.push('\\');
            self.out.push(char::from(byte));
            self.at += 1;
        }
        // After quoted text a letter or digit must not join an escape before it.
        let mut apart = false;
        while let Some(byte) = self.peek(0) {
            self.mark();
            match byte {
                0 => return Err(self.nul()),
                b']' => {
                    self.copy(1);
                    return Ok(());
                }
                b'[' => self.bracket()?,
                b'\\' => apart = self.escape_inside()?,
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' if apart => {
                    push_hex(&mut self.out, byte);
                    self.at += 1;
                }
                0x80.. => return Err(self.wide_in_class(0)),
                _ if is_plain(byte) => self.copy(1),
                _ => {
                    push_hex(&mut self.out, byte);
                    self.at += 1;
                }
            }
            if byte != b'\\' {
                apart = false;
            }
        }
        Ok(())
    }

    /// `\E` and `\Q\E`, which PCRE2 skips before and after the `^` of a class.
    fn skip_empty_quotes(&mut self) {
        loop {
            if self.rest().starts_with(br"\E") {
                self.at += 2;
            } else if self.rest().starts_with(br"\Q\E") {
                self.at += 4;
            } else {
                return;
            }
        }
    }

    /// A backslash in a class; whether the next character must be kept apart.
    fn escape_inside(&mut self) -> Result<bool, PatternError> {
        match self.peek(1) {
            Some(b'Q') => {
                self.at += 2;
                self.quoted(|writer, character, first| match u8::try_from(character) {
                    Ok(byte @ (b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9')) if !first => {
                        writer.out.push(char::from(byte));
                        Ok(())
                    }
                    Ok(byte) if byte.is_ascii_alphanumeric() || (byte.is_ascii() && !is_plain(byte)) => {
                        push_hex(&mut writer.out, byte);
                        Ok(())
                    }
                    Ok(byte) if byte.is_ascii() => {
                        writer.out.push('\\');
                        writer.out.push(char::from(byte));
                        Ok(())
                    }
                    Ok(_) | Err(_) => Err(writer.wide_in_class(0)),
                })?;
                Ok(true)
            }
            Some(0x80..) => Err(self.wide_in_class(1)),
            Some(next) => self.escape_anywhere(next).map(|()| false),
            None => {
                self.copy(1);
                Ok(false)
            }
        }
    }

    /// `[` in a class: a POSIX name as it is, any other is the character.
    fn bracket(&mut self) -> Result<(), PatternError> {
        let Some(length) = self.posix_length() else {
            self.replace(1, r"\[");
            return Ok(());
        };
        if !self.rest()[..length].iter().copied().all(is_plain) {
            return Err(self.invalid(length, "unknown POSIX class name", "write a name like `[:alpha:]`"));
        }
        self.copy(length);
        Ok(())
    }

    /// The length of `[:name:]` at this place, by the rule of PCRE2's `check_posix_syntax`.
    fn posix_length(&self) -> Option<usize> {
        let rest = self.rest();
        let mark = *rest.get(1).filter(|byte| matches!(byte, b':' | b'.' | b'='))?;
        let mut at = 2;
        while let (Some(&byte), Some(&next)) = (rest.get(at), rest.get(at + 1)) {
            match (byte, next) {
                (b'\\', b']' | b'\\') => at += 1,
                (b']', _) => return None,
                (b'[', _) if next == mark => return None,
                (_, b']') if byte == mark => return Some(at + 2),
                _ => {}
            }
            at += 1;
        }
        None
    }

    fn wide_in_class(&self, ahead: usize) -> PatternError {
        let character = self.source[self.at + ahead..].chars().next().unwrap_or(char::REPLACEMENT_CHARACTER);
        self.unsupported(
            ahead + character.len_utf8(),
            format!("`{character}` has several bytes, a class matches one"),
            format!("write it beside the class: `(?:{character}|[…])`; or its bytes as `\\xHH`"),
        )
    }
}
