//! A pattern as written to engine text: the one text that the evaluator and every target run with options 0. Called by
//! `Regex::new`.
//!
//! Two readings are fixed: `.` matches any byte (`(?s)` in front), `$` outside a class is the very end (`\z`). The text fits a
//! VCL `"…"`: printable ASCII without a double quote. What would make engines or versions of PCRE2 differ, or undo the
//! two readings, is refused. Nothing else changes what a pattern means.

mod class;
mod escape;
mod group;

use super::ffi::CompileError;
use super::literal::{is_plain, push_hex, push_literal};
use super::tree::Look;
use super::{PatternError, PatternErrorKind};

/// Engine text, and where each piece of it comes from.
#[derive(Debug)]
pub(super) struct Translation {
    pub text: String,
    /// Ascending in both; a piece ends where the next one starts.
    pieces: Vec<Piece>,
    source_length: usize,
}

#[derive(Clone, Copy, Debug)]
struct Piece {
    engine: usize,
    source: usize,
}

impl Translation {
    /// The byte of the pattern as written that a byte of the engine text comes from.
    pub fn source_offset(&self, engine_offset: usize) -> usize {
        let next = self.pieces.partition_point(|piece| piece.engine <= engine_offset);
        let limit = self.pieces.get(next).map_or(self.source_length, |piece| piece.source);
        match next.checked_sub(1).and_then(|last| self.pieces.get(last)) {
            Some(piece) => (piece.source + (engine_offset - piece.engine)).min(limit),
            None => 0,
        }
    }
}

/// The engine text of a pattern.
pub fn rewrite(pattern: &str, ignore_case: bool) -> Result<String, PatternError> {
    translate(pattern, ignore_case).map(|translation| translation.text)
}

/// The engine text of a pattern with its map.
pub(super) fn translate(pattern: &str, ignore_case: bool) -> Result<Translation, PatternError> {
    let mut writer = Writer {
        source: pattern,
        bytes: pattern.as_bytes(),
        at: 0,
        out: String::with_capacity(pattern.len() + 8),
        pieces: Vec::with_capacity(pattern.len() + 1),
    };
    writer.out.push_str(if ignore_case { "(?si)" } else { "(?s)" });
    while let Some(byte) = writer.peek(0) {
        writer.mark();
        match byte {
            b'\\' => writer.escape_outside()?,
            b'[' => writer.class()?,
            b'(' => writer.group()?,
            b'{' => writer.brace()?,
            b'$' => writer.replace(1, r"\z"),
            _ => writer.literal_outside()?,
        }
    }
    Ok(Translation { text: writer.out, pieces: writer.pieces, source_length: pattern.len() })
}

/// What PCRE2 says of the engine text, told of the pattern as written.
pub fn map_error(pattern: &str, ignore_case: bool, error: CompileError) -> PatternError {
    let mut at = translate(pattern, ignore_case)
        .map_or(pattern.len(), |translation| translation.source_offset(error.offset))
        .min(pattern.len());
    while !pattern.is_char_boundary(at) {
        at += 1;
    }
    let help = way_out(&error.message).map(str::to_owned);
    PatternError { start: at, end: at, message: error.message, kind: PatternErrorKind::Invalid, help }
}

/// A look-behind that PCRE2 before 10.43 refuses, at a place of the engine text.
pub fn unfixed_look_behind(pattern: &str, ignore_case: bool, (start, end): (usize, usize), look: Look) -> PatternError {
    let (start, end) = translate(pattern, ignore_case)
        .map_or((0, pattern.len()), |translation| (translation.source_offset(start), translation.source_offset(end)));
    let help = if look == Look::NotBehind {
        "put alternatives at its top, `(?<!a|bc)`, or write one look-behind for each length: `(?<!a)(?<!aa)`"
    } else {
        "put alternatives at its top, `(?<=a|bc)`, or write one look-behind for each length: `(?:(?<=a)|(?<=aa))`"
    };
    PatternError {
        start,
        end,
        message: "this look-behind has no fixed length; PCRE2 before 10.43 refuses it".to_owned(),
        kind: PatternErrorKind::Invalid,
        help: Some(help.to_owned()),
    }
}

fn way_out(message: &str) -> Option<&'static str> {
    let table = [
        (
            "quantifier does not follow",
            r"for the character itself, put a backslash before it: `\*`, `\+`, `\?`; any text is `.*`",
        ),
        ("lookbehind", "each alternative of a look-behind must have one fixed length, of at most 65535 bytes"),
        ("missing closing parenthesis", r"close the group, or write `\(` for the character"),
        ("unmatched closing parenthesis", r"open the group, or write `\)` for the character"),
        ("missing terminating ]", r"close the class, or write `\[` for the character"),
        ("numbers out of order", "write the smaller number first: `{2,5}`"),
        ("range out of order", r"swap the ends, or put the `-` last in the class"),
        (
            "unrecognized character follows",
            "a backslash before a letter or digit always means something; drop it for the letter itself",
        ),
        ("too large", "split it into several patterns: `x matches [r\"…\", r\"…\"]`"),
    ];
    table.iter().find(|(part, _)| message.contains(part)).map(|(_, help)| *help)
}

/// The length of the `{n}`, `{n,}` or `{n,m}` that `text` starts with.
pub(super) fn quantifier_length(text: &[u8]) -> Option<usize> {
    let digits = |from: usize| text[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let least = text.strip_prefix(b"{").map(|_| digits(1)).filter(|&count| count > 0)?;
    let mut end = 1 + least;
    if text.get(end) == Some(&b',') {
        end += 1 + digits(end + 1);
    }
    (text.get(end) == Some(&b'}')).then_some(end + 1)
}

/// Reads the pattern from `at` on and writes the engine text.
struct Writer<'a> {
    source: &'a str,
    bytes: &'a [u8],
    at: usize,
    out: String,
    pieces: Vec<Piece>,
}

impl Writer<'_> {
    fn peek(&self, ahead: usize) -> Option<u8> {
        self.bytes.get(self.at + ahead).copied()
    }

    fn rest(&self) -> &[u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    /// What is written next comes from here.
    fn mark(&mut self) {
        self.pieces.push(Piece { engine: self.out.len(), source: self.at });
    }

    /// Reads `length` bytes and writes `text` for them.
    fn replace(&mut self, length: usize, text: &str) {
        self.out.push_str(text);
        self.at += length;
    }

    /// Reads `length` bytes and writes them as they are.
    // INVARIANT: callers have looked at them, they are printable ASCII without `"`.
    fn copy(&mut self, length: usize) {
        let end = (self.at + length).min(self.bytes.len());
        self.out.extend(self.bytes[self.at..end].iter().map(|&byte| char::from(byte)));
        self.at = end;
    }

    /// One character that stands for itself or is a quantifier, anchor, dot or bar, outside a class.
    fn literal_outside(&mut self) -> Result<(), PatternError> {
        let Some(character) = self.source[self.at..].chars().next() else { return Ok(()) };
        match u8::try_from(character) {
            Ok(0) => return Err(self.nul()),
            Ok(byte) if is_plain(byte) => self.out.push(character),
            Ok(byte) if byte.is_ascii() => push_hex(&mut self.out, byte),
            Ok(_) | Err(_) => self.wide_character(character),
        }
        self.at += character.len_utf8();
        Ok(())
    }

    /// A character of several bytes: a quantifier after it must take all of them.
    fn wide_character(&mut self, character: char) {
        let after = self.peek(character.len_utf8());
        let grouped = after.is_some_and(|byte| matches!(byte, b'*' | b'+' | b'?' | b'{' | b'(' | b'\\'));
        let mut buffer = [0_u8; 4];
        let bytes = character.encode_utf8(&mut buffer).as_bytes();
        self.out.push_str(if grouped { "(?:" } else { "" });
        bytes.iter().for_each(|&byte| push_hex(&mut self.out, byte));
        self.out.push_str(if grouped { ")" } else { "" });
    }

    /// A `{`: a quantifier as it is, any other is the character and is written so that no version of PCRE2 takes it for one.
    fn brace(&mut self) -> Result<(), PatternError> {
        if let Some(length) = quantifier_length(self.rest()) {
            self.copy(length);
            return Ok(());
        }
        let inside = match self.rest().iter().position(|&byte| byte == b'}') {
            Some(close) => &self.rest()[1..close],
            None => {
                self.replace(1, r"\{");
                return Ok(());
            }
        };
        let length = inside.len() + 2;
        let digits = inside.iter().filter(|byte| byte.is_ascii_digit()).count();
        let commas = inside.iter().filter(|&&byte| byte == b',').count();
        let blanks = inside.iter().filter(|&&byte| matches!(byte, b' ' | b'\t')).count();
        if digits == 0 || commas > 1 || digits + commas + blanks != inside.len() {
            self.replace(1, r"\{");
            return Ok(());
        }
        let mut meant: String = inside.iter().map(|&byte| char::from(byte)).filter(|c| !c.is_whitespace()).collect();
        if meant.starts_with(',') {
            meant.insert(0, '0');
        }
        let text = &self.source[self.at..self.at + length];
        Err(self.unsupported(
            length,
            format!("`{text}` is a quantifier in some versions of PCRE2 and plain text in others"),
            format!(r"write `{{{meant}}}` for the quantifier or `\{text}` for the text"),
        ))
    }

    /// `\Q…\E` from after the `\Q`; `push` writes one character.
    fn quoted(&mut self, push: impl Fn(&mut Self, char, bool) -> Result<(), PatternError>) -> Result<(), PatternError> {
        let mut first = true;
        while let Some(character) = self.source[self.at..].chars().next() {
            self.mark();
            if self.rest().starts_with(br"\E") {
                self.at += 2;
                return Ok(());
            }
            if character == '\0' {
                return Err(self.nul());
            }
            push(self, character, first)?;
            self.at += character.len_utf8();
            first = false;
        }
        Ok(())
    }

    fn quoted_outside(&mut self) -> Result<(), PatternError> {
        // Whatever stood before must not join with what comes now.
        self.out.push_str("(?#)");
        self.quoted(|writer, character, _| {
            match u8::try_from(character) {
                Ok(byte) if byte.is_ascii() => push_literal(&mut writer.out, byte),
                Ok(_) | Err(_) => writer.wide_character(character),
            }
            Ok(())
        })?;
        self.mark();
        self.out.push_str("(?#)");
        Ok(())
    }

    fn nul(&self) -> PatternError {
        self.invalid(1, "a NUL byte in a pattern", r"no field holds one; write `\x00` if it must be there")
    }

    /// An error about the next `length` bytes.
    fn unsupported(&self, length: usize, message: impl Into<String>, help: impl Into<String>) -> PatternError {
        self.error(length, PatternErrorKind::Unsupported, message.into(), help.into())
    }

    fn invalid(&self, length: usize, message: impl Into<String>, help: impl Into<String>) -> PatternError {
        self.error(length, PatternErrorKind::Invalid, message.into(), help.into())
    }

    fn error(&self, length: usize, kind: PatternErrorKind, message: String, help: String) -> PatternError {
        let mut end = (self.at + length).min(self.bytes.len());
        while !self.source.is_char_boundary(end) {
            end += 1;
        }
        PatternError { start: self.at, end, message, kind, help: Some(help) }
    }
}

#[cfg(test)]
mod tests;
