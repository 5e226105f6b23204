//! String functions → the code of a view. Each result is exact: the tests of the whole set against the evaluator run
//! these expressions in varnishd.

use super::super::vcl::{Expression, Statement, when, when_else};
use super::Generator;
use super::views::{Cost, ESCAPE, Operand, regsub, regsuball, url_decoded};
use crate::catalog::{Field, HTML_NAMES, MAX_PARENT_SEGMENTS};
use crate::ir::{Call, Value};
use crate::source::Span;

/// How a function's value is computed.
pub struct Made {
    /// Sets the variable; does not when the value is absent.
    pub code: Vec<Statement>,
    pub cost: Cost,
    /// Absent although the argument is there.
    pub absentable: bool,
}

/// What may be a character reference.
pub const REFERENCE: &str = "&(?:#[0-9xX]|[A-Za-z]{2,7};)";
/// A path with more `..` segments than are resolved.
fn climbing() -> String {
    format!(r"(?:(?:(?!(?<=/)\.\.(?:/|\z)).)*+\.\.){{{}}}", MAX_PARENT_SEGMENTS + 1)
}

/// A path in which something is to be resolved. Of one that climbs too high nothing is: it is over the limit, and needs no
/// room for copies that nobody reads.
pub fn dots() -> String {
    format!(r"(?s)^(?=/)(?!/{}).*(?://|/\.)", climbing())
}

impl<'r> Generator<'r> {
    /// The code that sets the variable `name` to `call` of `inner`.
    pub(super) fn function(
        &mut self,
        call: Call,
        argument: &Value,
        inner: &Operand,
        name: &str,
        span: Span,
    ) -> Option<Made> {
        let text = inner.text.clone();
        let simple = |code, times| Some(Made { code, cost: Cost::flat(times), absentable: false });
        // What a pattern does not find is not copied: each finds nothing where nothing is to be changed.
        let spaces = |code, cost| Some(Made { code: vec![code], cost, absentable: false });
        let blanks = Cost { blanks: 1, ..Cost::flat(1) };
        let set = |generator: &Generator<'_>, value| generator.set(name, value);
        match call {
            Call::Lower => simple(vec![set(self, Expression::call("std.tolower", [text]))], 2),
            Call::Upper => simple(vec![set(self, Expression::call("std.toupper", [text]))], 2),
            Call::Trim => spaces(set(self, regsuball(text, r"^\s++|(?<!\s)\s++\z", "")), blanks),
            Call::Squeeze => spaces(set(self, regsuball(text, r"\s{2,}+|[^\S ]", " ")), blanks),
            Call::RemoveWhitespace => {
                spaces(set(self, regsuball(text, r"\s++", "")), Cost { spaces: 1, ..Cost::flat(1) })
            }
            Call::UrlDecode => {
                self.need("blob", span, "`url_decode`");
                let decoded = set(self, url_decoded(text.clone()));
                let code = vec![when_else(text.clone().matches(ESCAPE), vec![decoded], vec![set(self, text)])];
                let cost = Cost { escapes: 1, guards: 1, ..Cost::flat(1) };
                Some(Made { code, cost, absentable: false })
            }
            Call::HtmlDecode => {
                self.need("blob", span, "`html_decode`");
                let code = vec![when_else(
                    text.clone().matches(REFERENCE),
                    vec![set(self, html_decoded(text.clone()))],
                    vec![set(self, text)],
                )];
                // With references: what was a `%`, the table, the escapes, the decoded text, without the table, the copy.
                let cost = Cost { references: 6, ..Cost::flat(1) };
                Some(Made { code, cost, absentable: false })
            }
            Call::Base64Decode => {
                self.need("blob", span, "`base64_decode`");
                let decoded = Expression::Call(
                    "blob.transcode".into(),
                    vec![(Some("decoding"), Expression::name("BASE64")), (Some("encoded"), text.clone())],
                );
                let valid = text.matches(r"^(?:[A-Za-z0-9+/]{4})*+(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?\z");
                Some(Made { code: vec![when(valid, vec![set(self, decoded)])], cost: Cost::flat(2), absentable: true })
            }
            Call::PathNormalize => {
                if !matches!(argument.field().field, Field::Path | Field::PathRaw) {
                    self.unsupported(
                        span,
                        format!("`path_normalize` of `{}` cannot be computed on varnish", Self::value_name(argument)),
                        "only of `req.path` and `req.path.raw`",
                        "normalise `req.path`, or restrict the signature with `targets: [fastly]`",
                    );
                    return None;
                }
                self.normalizes.push(text.clone());
                let code = vec![when_else(
                    text.clone().matches(dots()),
                    vec![set(self, path_normalized(text.clone()))],
                    vec![set(self, text)],
                )];
                let cost = Cost { dots: 5, ..Cost::flat(1) };
                Some(Made { code, cost, absentable: false })
            }
            Call::Sha256 | Call::Md5 => {
                self.need("digest", span, &format!("`{}`", call.function().row().name));
                let function = if call == Call::Sha256 { "digest.hash_sha256" } else { "digest.hash_md5" };
                simple(vec![set(self, Expression::call(function, [text]))], 1)
            }
            Call::Length | Call::Int | Call::Prefix(..) | Call::AnyForm => {
                self.unsupported(
                    span,
                    format!("`{}` cannot be the argument of a text function here", call.function().row().name),
                    "no text",
                    "compare it by itself",
                );
                None
            }
        }
    }

    /// More `..` segments than `path_normalize` resolves, in one of the paths that rules normalise.
    pub(super) fn climbs(&self) -> Expression {
        Expression::any(self.normalizes.iter().map(|path| path.clone().matches(format!("(?s)^/{}", climbing()))))
    }
}

/// References become `%HH` (what was a `%` is escaped before), then everything is decoded once. The digits come from a
/// table that is put behind the text (and a blank, where a number ends) and cut off at the end: a replacement can only
/// repeat what it matched.
fn html_decoded(text: Expression) -> Expression {
    let with_table = Expression::Sum(vec![regsuball(text, "%", "%25"), Expression::text(format!(" {HEX}"))]);
    let escaped = regsuball(with_table, &html_pattern(), r"%\1\2");
    let decoded = Expression::Call(
        "blob.transcode".into(),
        vec![(Some("decoding"), Expression::name("URL")), (Some("encoded"), escaped)],
    );
    regsub(decoded, r"(?s).{17}\z", "")
}

const HEX: &str = "0123456789ABCDEF";

/// Looks ahead to a digit of the table at the end, and captures it.
fn captured_digit(value: u8) -> String {
    let digit = usize::from(value & 15);
    format!("(?=.*({}){}\\z)", &HEX[digit..=digit], &HEX[digit + 1..])
}

fn html_pattern() -> String {
    // A number is told by its two hexadecimal digits, each with the list of the numbers that have it.
    let decimals = |keep: &dyn Fn(u8) -> bool| -> String {
        (1..=127_u8).filter(|value| keep(*value)).map(|value| value.to_string()).collect::<Vec<_>>().join("|")
    };
    let high: Vec<String> = (0..8_u8)
        .map(|digit| format!("(?=(?:{})(?![0-9])){}", decimals(&|value| value >> 4 == digit), captured_digit(digit)))
        .collect();
    let low: Vec<String> = (0..16_u8)
        .map(|digit| format!("(?=(?:{})(?![0-9])){}", decimals(&|value| value & 15 == digit), captured_digit(digit)))
        .collect();
    let decimal = format!("#0*+(?|{})(?|{})[0-9]++;?", high.join("|"), low.join("|"));
    let hexadecimal = "#[xX]0*+(?![0-9A-Fa-f]{3})(?:(?=[0-9A-Fa-f]{2})(?![89A-Fa-f])([0-7])([0-9A-Fa-f])|(?![0-9A-Fa-f]{2})(?=[1-9A-Fa-f])(?=.*(0)123456789ABCDEF\\z)([0-9A-Fa-f]));?";
    let names: Vec<String> = HTML_NAMES
        .iter()
        .map(|(name, byte)| format!("{name}{}{}", captured_digit(byte >> 4), captured_digit(byte & 15)))
        .collect();
    let hexadecimal = hexadecimal.replace("(?:(?=[0-9", "(?|(?=[0-9");
    format!("(?s)&(?|{decimal}|{hexadecimal}|{})", names.join("|"))
}

/// Slashes collapse, `/.` goes, `/segment/..` goes from the inside out in one pass, what then stands above the root goes.
fn path_normalized(path: Expression) -> Expression {
    let closed = regsub(regsuball(path, "/{2,}+", "/"), r"(/\.\.?)\z", r"\1/");
    let plain = regsuball(closed, r"(?:/\.(?=/))++", "");
    let resolved = regsuball(plain, &parent_pattern(MAX_PARENT_SEGMENTS), "");
    regsub(resolved, r"^(?:/\.\.(?=/))++", "")
}

/// `/segment/..` with up to `depth` levels of the same inside.
fn parent_pattern(depth: usize) -> String {
    let inner = if depth > 1 { format!("(?:{})*+", parent_pattern(depth - 1)) } else { String::new() };
    format!(r"/(?!\.\.(?:/|\z))[^/]++{inner}/\.\.(?=/)")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::regex::Compiled;

    #[test]
    fn own_patterns_compile_and_stay_within_the_limits() {
        let patterns = [html_pattern(), parent_pattern(MAX_PARENT_SEGMENTS), dots()];
        for pattern in patterns {
            let compiled = Compiled::new(pattern.as_bytes()).unwrap();
            for unit in ["/a", "/..", "/a/..", "/a/a/..", "&#", "&#0", "&#x0", "&#65", "%", "&lt;", "/."] {
                let subject = unit.repeat(8192 / unit.len()) + HEX;
                compiled.is_match(subject.as_bytes()).unwrap_or_else(|error| panic!("{pattern} on {unit}: {error}"));
            }
        }
    }
}
