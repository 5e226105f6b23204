//! One linear walk over a condition before pest sees it: length, nesting, brackets and quotes. It makes the limits
//! deterministic and has the better message for a bracket without partner. Called by `condition::parse`.

use std::ops::Range;

use super::{MAX_DEPTH, MAX_LENGTH, Place, problem};
use crate::diagnostic::{Code, Diagnostic, Fix};

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
        if !matches!(self.text.get(self.at), Some(b'"' | b'#')) {
            return Token::Word;
        }
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
                Some(b'"') if self.text[self.at..].starts_with(close) => {
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
            Token::Close(bracket) => {
                close(open.pop(), bracket, range.clone(), place)
                    .map_err(|diagnostic| or_cut(diagnostic, text, &range, place))?;
            }
            Token::Unterminated => {
                let diagnostic = Box::new(unterminated(text, range.clone(), place));
                return Err(or_cut(diagnostic, text, &range, place));
            }
            Token::Other if text.as_bytes()[range.start] == b'/' && is_comment(text, range.start) => {
                return Err(Box::new(comment(text, range.start, place)));
            }
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
        let diagnostic = Box::new(problem(
            Code::UnbalancedBracket,
            place,
            at..at + 1,
            format!("unclosed `{bracket}`"),
            "this bracket is never closed",
        ));
        return Err(or_cut(diagnostic, text, &(at..at + 1), place));
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

/// `//` and `/*`, as VCL and C have comments; at the start of a line, or after a blank and before one.
fn is_comment(text: &str, at: usize) -> bool {
    let (before, rest) = text.split_at(at);
    let line = before.rsplit('\n').next().unwrap_or(before);
    let starts_line = line.trim().is_empty();
    let apart = line.ends_with([' ', '\t']);
    (rest.starts_with("//") && (starts_line || (apart && rest[2..].starts_with(' '))))
        || (rest.starts_with("/*") && (starts_line || apart) && rest.contains("*/"))
}

fn comment(text: &str, at: usize, place: &Place) -> Diagnostic {
    let message = "a comment starts with `#` and ends with its line".to_owned();
    let diagnostic = problem(Code::InvalidCondition, place, at..at + 2, message, "the comment of another language");
    if text[at..].starts_with("//") {
        return diagnostic.fix("write `#`", place.span(at..at + 2), "#");
    }
    diagnostic
}

/// What is reported where a quote in a regular expression ended it: that, in place of what came of it.
fn or_cut(diagnostic: Box<Diagnostic>, text: &str, range: &Range<usize>, place: &Place) -> Box<Diagnostic> {
    cut_regex(text, range.start, place).map_or(diagnostic, Box::new)
}

/// `r"["'] or"`: a pattern with a quote in it that ended it, on the line of the error at `at`.
pub(super) fn cut_regex(text: &str, at: usize, place: &Place) -> Option<Diagnostic> {
    let line_start = text[..at].rfind('\n').map_or(0, |index| index + 1);
    let line_end = text[at..].find('\n').map_or(text.len(), |length| at + length);
    let line = &text[line_start..line_end];
    let (_, cut) = tokens(line).find(|(token, range)| {
        let literal = &line.as_bytes()[range.clone()];
        let is_regex = literal.starts_with(b"r\"") || literal.starts_with(b"ri\"");
        // What follows a literal is a blank, the end of what it stands in, or the bracket that is in excess here.
        let tight = is_regex
            && line[range.end..].starts_with(|c: char| !matches!(c, ' ' | '\t' | '\r' | ')' | ']' | ',' | '}'));
        *token == Token::Other && is_regex && (tight || line_start + range.end == at)
    })?;
    // It is meant to end before the next comparison.
    let rest = &line[cut.end..];
    let next = [" and ", " or "].iter().filter_map(|word| rest.find(word)).min().unwrap_or(rest.len());
    let end = cut.end + rest[..next].rfind('"').or_else(|| rest.rfind('"'))?;
    let quote = line_start + cut.end - 1;
    let hashes = if line[cut.start..end].contains("\"#") { "##" } else { "#" };
    let open = line_start + cut.start + line[cut.start..].find('"')?;
    let end = line_start + end;
    let message = "the regular expression ends at this quote, and goes on behind it".to_owned();
    let mut diagnostic =
        problem(Code::UnterminatedString, place, quote..quote + 1, message, "ends the regular expression");
    diagnostic.fixes.push(Fix {
        title: format!("a pattern with a quote in it is written `r{hashes}\"…\"{hashes}`"),
        edits: vec![(place.span(open..open), hashes.to_owned()), (place.span(end + 1..end + 1), hashes.to_owned())],
        // Where it should end is a guess.
        safe: false,
    });
    Some(diagnostic)
}

/// The place of the last token of a condition, of whole characters.
pub(super) fn last(text: &str) -> Option<Range<usize>> {
    let (_, range) = tokens(text).last()?;
    let start = (0..=range.start).rev().find(|at| text.is_char_boundary(*at))?;
    let end = (range.end..=text.len()).find(|at| text.is_char_boundary(*at))?;
    Some(start..end)
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
