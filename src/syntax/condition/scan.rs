//! One linear walk over a condition before pest sees it: length, nesting, brackets and quotes. It makes the limits
//! deterministic and has the better message for a bracket without partner. Called by `condition::parse`.

use std::ops::Range;

use super::{MAX_DEPTH, MAX_LENGTH, Place, problem};
use crate::diagnostic::{Code, Diagnostic};

/// What the walk stops at; everything else is skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token {
    Open(u8),
    Close(u8),
    /// A string without its closing quote on the same line.
    Unterminated,
    /// A word, digits included.
    Word,
    Bang,
    /// `#` and the rest of its line.
    Comment,
    Other,
}

struct Tokens<'t> {
    text: &'t [u8],
    at: usize,
}

impl Iterator for Tokens<'_> {
    type Item = (Token, Range<usize>);

    fn next(&mut self) -> Option<Self::Item> {
        while let Some(byte) = self.text.get(self.at) {
            let start = self.at;
            self.at += 1;
            let token = match *byte {
                b' ' | b'\t'..=b'\r' => continue,
                b'#' => {
                    self.skip_until(b"\n");
                    Token::Comment
                }
                byte @ (b'(' | b'[' | b'{') => Token::Open(byte),
                byte @ (b')' | b']' | b'}') => Token::Close(byte),
                b'"' => self.string(b"\"", true),
                b'\'' => self.single_quoted(),
                b'!' => Token::Bang,
                byte if is_word(byte) => {
                    while self.text.get(self.at).copied().is_some_and(is_word) {
                        self.at += 1;
                    }
                    self.after_word(start)
                }
                _ => Token::Other,
            };
            return Some((token, start..self.at));
        }
        None
    }
}

impl Tokens<'_> {
    /// A word, or the string that it is the prefix of.
    fn after_word(&mut self, start: usize) -> Token {
        let raw = matches!(&self.text[start..self.at], b"r" | b"ri");
        let hashes = self.text[self.at..].iter().take(2).take_while(|byte| **byte == b'#').count();
        let quoted = self.text.get(self.at + hashes) == Some(&b'"');
        if quoted && (raw || hashes == 0) {
            self.at += hashes + 1;
            let close: &[u8] = [&b"\""[..], b"\"#", b"\"##"][hashes];
            return self.string(close, !raw);
        }
        Token::Word
    }

    /// Skips to after `close`, which must come before the end of the line.
    fn string(&mut self, close: &[u8], escapes: bool) -> Token {
        loop {
            match self.text.get(self.at) {
                None | Some(b'\n' | b'\r') => return Token::Unterminated,
                Some(b'\\') if escapes => self.at += 1 + usize::from(!self.at_line_end(self.at + 1)),
                Some(_) if self.text[self.at..].starts_with(close) => {
                    self.at += close.len();
                    return Token::Other;
                }
                Some(_) => self.at += 1,
            }
        }
    }

    /// `'x'` is no string here, but brackets in it are not meant as brackets.
    fn single_quoted(&mut self) -> Token {
        let rest = &self.text[self.at..];
        if let Some(length) = rest.iter().position(|byte| matches!(byte, b'\'' | b'\n' | b'\r'))
            && rest[length] == b'\''
        {
            self.at += length + 1;
        }
        Token::Other
    }

    fn skip_until(&mut self, needle: &[u8]) {
        self.at =
            memchr::memmem::find(&self.text[self.at..], needle).map_or(self.text.len(), |length| self.at + length);
    }

    fn at_line_end(&self, at: usize) -> bool {
        matches!(self.text.get(at), None | Some(b'\n' | b'\r'))
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Tokens without comments.
fn tokens(text: &str) -> impl Iterator<Item = (Token, Range<usize>)> {
    Tokens { text: text.as_bytes(), at: 0 }.filter(|(token, _)| *token != Token::Comment)
}

/// The comments of a condition, in order.
pub(in crate::syntax) fn comments(text: &str) -> Vec<Range<usize>> {
    let tokens = Tokens { text: text.as_bytes(), at: 0 };
    tokens.filter(|(token, _)| *token == Token::Comment).map(|(_, range)| range).collect()
}

/// Neither tokens nor anything that pest would have to look at.
pub(super) fn is_blank(text: &str) -> bool {
    tokens(text).next().is_none()
}

/// Checks the bounds, brackets and quotes.
pub(super) fn check(text: &str, place: &Place) -> Result<(), Box<Diagnostic>> {
    if text.len() > MAX_LENGTH {
        return Err(Box::new(
            problem(
                Code::LimitExceeded,
                place,
                0..1,
                format!("the condition is {} bytes long, more than {MAX_LENGTH}", text.len()),
                "this condition",
            )
            .help("move long value lists to a list file, split the rest with `let:`"),
        ));
    }
    let mut open: Vec<(u8, usize)> = Vec::new();
    let mut negations = 0;
    for (token, range) in tokens(text) {
        let negates = match token {
            Token::Bang => true,
            Token::Word => text[range.clone()].eq_ignore_ascii_case("not"),
            Token::Open(_) | Token::Close(_) | Token::Unterminated | Token::Comment | Token::Other => false,
        };
        negations = if negates { negations + 1 } else { 0 };
        match token {
            Token::Open(bracket) => open.push((bracket, range.start)),
            Token::Close(bracket) => close(open.pop(), bracket, range.clone(), place)?,
            Token::Unterminated => return Err(Box::new(unterminated(text, range, place))),
            Token::Word | Token::Bang | Token::Comment | Token::Other => {}
        }
        if open.len() > MAX_DEPTH || negations > MAX_DEPTH {
            return Err(Box::new(
                problem(
                    Code::LimitExceeded,
                    place,
                    range,
                    format!("the condition is nested more than {MAX_DEPTH} levels deep"),
                    "this level is too deep",
                )
                .help("name a part of the condition under `let:` and use the name"),
            ));
        }
    }
    if let Some((bracket, at)) = open.pop() {
        let bracket = char::from(bracket);
        return Err(Box::new(problem(
            Code::UnbalancedBracket,
            place,
            at..at + 1,
            format!("unclosed `{bracket}`"),
            "this bracket is never closed",
        )));
    }
    Ok(())
}

fn close(open: Option<(u8, usize)>, bracket: u8, range: Range<usize>, place: &Place) -> Result<(), Box<Diagnostic>> {
    let bracket = char::from(bracket);
    match open {
        Some((b'(', _)) if bracket == ')' => Ok(()),
        Some((b'[', _)) if bracket == ']' => Ok(()),
        Some((b'{', _)) if bracket == '}' => Ok(()),
        Some((opened, at)) => {
            let partner = match opened {
                b'(' => ')',
                b'{' => '}',
                _ => ']',
            };
            Err(Box::new(
                problem(
                    Code::UnbalancedBracket,
                    place,
                    range,
                    format!("mismatched closing `{bracket}`, expected `{partner}`"),
                    "does not close the open bracket",
                )
                .secondary(place.span(at..at + 1), "this is the open bracket"),
            ))
        }
        None => Err(Box::new(problem(
            Code::UnbalancedBracket,
            place,
            range,
            format!("unexpected closing `{bracket}`"),
            "no bracket is open here",
        ))),
    }
}

fn unterminated(text: &str, range: Range<usize>, place: &Place) -> Diagnostic {
    let token = &text[range.clone()];
    let diagnostic = problem(
        Code::UnterminatedString,
        place,
        range.start..range.start + token.trim_end().len(),
        "unterminated string".to_owned(),
        "this string has no closing quote on its line",
    );
    if token.starts_with('r') {
        diagnostic
            .help("a regular expression ends with the quote and the `#`s that it starts with: `r\"…\"`, `r#\"…\"#`")
    } else {
        diagnostic.help("a string ends on the line it starts on; a quote in it is written as `\\\"`")
    }
}

/// The ranges between `and` and `or` outside all brackets; for a text that passed [`check`].
pub(super) fn top_level_parts(text: &str) -> Vec<Range<usize>> {
    let mut parts = Vec::new();
    let mut start = 0;
    let mut depth = 0usize;
    for (token, range) in tokens(text) {
        match token {
            Token::Open(_) => depth += 1,
            Token::Close(_) => depth = depth.saturating_sub(1),
            Token::Word if depth == 0 && matches!(&text[range.clone()], "and" | "or") => {
                parts.push(start..range.start);
                start = range.end;
            }
            Token::Word | Token::Bang | Token::Unterminated | Token::Comment | Token::Other => {}
        }
    }
    parts.push(start..text.len());
    parts
}
