//! What starts with an opening parenthesis: kept, refused, or emptied (comments). Called by the rewriter.

use super::{PatternError, Writer};

/// Of the name of a group.
const LONGEST_NAME: usize = 32;

impl Writer<'_> {
    /// An opening parenthesis and what belongs to it; the group's content is the caller's.
    pub(super) fn group(&mut self) -> Result<(), PatternError> {
        match (self.peek(1), self.peek(2)) {
            (Some(b'*'), Some(byte)) if byte == b':' || byte.is_ascii_alphabetic() => Err(self.verb()),
            (Some(b'?'), Some(kind)) => self.special_group(kind),
            _ => {
                self.copy(1);
                Ok(())
            }
        }
    }

    fn special_group(&mut self, kind: u8) -> Result<(), PatternError> {
        let after = self.peek(3);
        match (kind, after) {
            (b'#', _) => {
                // Emptied, not dropped: what stands on both sides of a comment does not join in PCRE2 either.
                let closed = self.rest().iter().position(|&byte| byte == b')');
                self.replace(
                    closed.map_or(self.rest().len(), |close| close + 1),
                    if closed.is_some() { "(?#)" } else { "(?#" },
                );
                Ok(())
            }
            (b'C', _) => Err(self.unsupported(self.up_to_close(), "callouts are not supported", "leave it out")),
            (b'R' | b'&' | b'0'..=b'9', _) | (b'P', Some(b'>')) | (b'+' | b'-', Some(b'0'..=b'9')) => {
                Err(self.recursion(self.up_to_close()))
            }
            (b'*', _) | (b'<', Some(b'*')) => {
                let written = if kind == b'*' { "(?=…)" } else { "(?<=…)" };
                Err(self.unsupported(3, "non-atomic look-around is not supported", format!("write `{written}`")))
            }
            (b'(', _) => self.conditional(),
            (b'<', Some(b'=' | b'!')) => {
                self.copy(4);
                Ok(())
            }
            (b'<' | b'\'', _) | (b'P', Some(b'<')) => {
                let start = if kind == b'P' { 4 } else { 3 };
                let name =
                    self.rest()[start..].iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_');
                let length = name.count();
                if length > LONGEST_NAME {
                    return Err(self.invalid(
                        start + length,
                        format!(
                            "this group's name is {length} bytes long; PCRE2 10.42 refuses more than {LONGEST_NAME}"
                        ),
                        "shorten it, or leave it out: `(…)`",
                    ));
                }
                self.copy(3);
                Ok(())
            }
            (b':' | b'|' | b'>' | b'=' | b'!' | b'P', _) => {
                self.copy(3);
                Ok(())
            }
            _ => self.options(),
        }
    }

    /// `(?i)`, `(?-i:…)`, `(?^i)`.
    fn options(&mut self) -> Result<(), PatternError> {
        let length = self.rest()[2..]
            .iter()
            .take_while(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'^' | b'-'))
            .count();
        if !matches!(self.peek(2 + length), Some(b')' | b':')) {
            // PCRE2 says what is wrong.
            self.copy(2);
            return Ok(());
        }
        let letters = &self.source[self.at + 2..self.at + 2 + length];
        let newer = match letters.find(['a', 'r']).map(|at| &letters[at..=at]) {
            Some("a") => Some(("a", r"leave it out: `\d`, `\s`, `\w` and the classes are ASCII as it is")),
            Some(letter) => Some((letter, "leave it out: patterns work on bytes, and case is ASCII as it is")),
            None => None,
        };
        if let Some((letter, help)) = newer {
            let message = format!("the option `{letter}` is new in PCRE2 10.43; older ones refuse it");
            return Err(self.invalid(3 + length, message, help));
        }
        let mut set = true;
        for letter in letters.chars() {
            let refused = match letter {
                '-' => {
                    set = false;
                    None
                }
                's' if !set => Some(("`.` always matches any byte", r"write `[^\n]` for any byte but a line feed")),
                'm' if set => Some((
                    "`^` and `$` are always the two ends of the text",
                    r"write `(?:^|\n)` for a line's start and `(?=\n|\z)` for its end",
                )),
                'x' if set => {
                    Some(("blanks in a pattern always count", "write the pattern without layout; `(?#…)` is a comment"))
                }
                'U' if set => {
                    Some(("quantifiers are always greedy unless a `?` follows", "write `*?`, `+?` for the lazy ones"))
                }
                _ => None,
            };
            if let Some((reason, help)) = refused {
                let sign = if set { "" } else { "-" };
                return Err(self.unsupported(
                    3 + length,
                    format!("the option `{sign}{letter}` is not supported: {reason}"),
                    help,
                ));
            }
        }
        let kept = format!("(?{}", letters.replace('^', "^s"));
        self.replace(2 + length, &kept);
        self.copy(1);
        Ok(())
    }

    /// `(?(1)…|…)`, `(?(<name>)…)`, `(?(?=…)…)`.
    fn conditional(&mut self) -> Result<(), PatternError> {
        let test = &self.rest()[3..];
        let name = test.iter().take_while(|byte| byte.is_ascii_alphanumeric() || b"_<>'+-=.&".contains(byte)).count();
        let inside = &self.source[self.at + 3..self.at + 3 + name];
        if self.peek(3 + name) != Some(b')') {
            // A look-around, which the caller reads as a group of its own; or PCRE2 says what is wrong.
            self.copy(2);
            return Ok(());
        }
        let recursive = inside
            .strip_prefix('R')
            .is_some_and(|rest| rest.starts_with('&') || rest.bytes().all(|byte| byte.is_ascii_digit()));
        if recursive || inside == "DEFINE" {
            return Err(self.recursion(4 + name));
        }
        if inside.starts_with("VERSION") {
            return Err(self.unsupported(
                4 + name,
                "a pattern must not depend on the version of PCRE2",
                "leave the condition out",
            ));
        }
        self.copy(4 + name);
        Ok(())
    }

    pub(super) fn recursion(&self, length: usize) -> PatternError {
        self.unsupported(
            length,
            "recursion and subroutine calls are not supported",
            "write the repeated part out; `let` names can hold alternatives",
        )
    }

    fn verb(&self) -> PatternError {
        let length = self.up_to_close();
        let name = &self.source[self.at + 2..(self.at + length).min(self.source.len())];
        let help = match name.split([':', ')']).next().unwrap_or_default() {
            "pla" | "positive_lookahead" | "napla" => "write `(?=…)`",
            "nla" | "negative_lookahead" => "write `(?!…)`",
            "plb" | "positive_lookbehind" | "naplb" => "write `(?<=…)`",
            "nlb" | "negative_lookbehind" => "write `(?<!…)`",
            "atomic" => "write `(?>…)`",
            "UTF" | "UTF8" | "UCP" => "patterns work on bytes; write the bytes of a character, or the character itself",
            _ => "leave it out",
        };
        self.unsupported(length, "verbs are not supported: `(*…)`", help)
    }

    fn up_to_close(&self) -> usize {
        self.rest().iter().position(|&byte| byte == b')').map_or(3, |close| close + 1)
    }
}
