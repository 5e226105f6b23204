//! The functions of the language over operands. Each result is kept in a local of its own.

use super::place::{Operand, Place};
use super::{Generator, set};
use crate::catalog::{HTML_NAMES, MAX_PARENT_SEGMENTS};
use crate::codegen::vcl::{Expression, Statement, when, when_else};
use crate::ir::{Call, Value};
use crate::source::Span;

/// White space of `trim` and its like, inside a class.
const WHITE: &str = r" \t\r\n\x0b\x0c";
/// Padded base64 and nothing else.
const BASE64: &str = r"^(?:[A-Za-z0-9+/]{4})*+(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?+\z";

/// `regsuball(text, pattern, replacement)`
pub(super) fn replace_all(text: Expression, pattern: &str, replacement: &str) -> Expression {
    Expression::call("regsuball", [text, Expression::pattern(pattern), Expression::text(replacement)])
}

/// `regsub(text, pattern, replacement)`
pub(super) fn replace(text: Expression, pattern: &str, replacement: &str) -> Expression {
    Expression::call("regsub", [text, Expression::pattern(pattern), Expression::text(replacement)])
}

/// `text` decoded once, `+` kept. What `urldecode` reads differently from place to place never reaches it: `%00`, a `%`
/// that starts no escape, `+`.
pub(super) fn url_decoded(text: Expression) -> Expression {
    let guarded = replace_all(text, r"%(?:(?=00)|(?![0-9A-Fa-f]{2}))", "%25");
    Expression::call("urldecode", [replace_all(guarded, r"\+", "%2B")])
}

/// [`url_decoded`] where `+` is a blank.
pub(super) fn query_decoded(text: Expression) -> Expression {
    url_decoded(replace_all(text, r"\+", " "))
}

impl Generator<'_> {
    /// `call` of an operand.
    pub(super) fn function(
        &mut self,
        place: &mut Place,
        call: Call,
        argument: &Value,
        operand: Operand,
        span: Span,
    ) -> Option<Operand> {
        let (text, present) = match operand {
            Operand::Text { text, present } => (text, present),
            Operand::Address { bits: None } => {
                if let Call::Prefix(ipv4, ipv6) = call {
                    return Some(Operand::Address { bits: Some((ipv4, ipv6)) });
                }
                return None;
            }
            // INVARIANT: no function takes these; the type checker says so.
            Operand::Address { bits: Some(_) } | Operand::Integer { .. } | Operand::Truth(_) => return None,
        };
        let computed = match call {
            Call::Length => {
                let value = Expression::call("std.strlen", [text]);
                return Some(Operand::Integer { value, present });
            }
            Call::Int => {
                let (number, is_number) = (self.fresh("number", "INTEGER"), self.fresh("is", "BOOL"));
                let digits = text.clone().matches(r"^[0-9]{1,15}\z");
                // `std.atoi` sees nothing but digits.
                place.statements.push(when_else(
                    Expression::all(present.into_iter().chain([digits])),
                    vec![
                        set(&is_number, Expression::Boolean(true)),
                        set(&number, Expression::call("std.atoi", [text])),
                    ],
                    vec![set(&is_number, Expression::Boolean(false)), set(&number, Expression::Integer(0))],
                ));
                return Some(Operand::Integer { value: number, present: Some(is_number) });
            }
            Call::Base64Decode => return Some(self.base64(place, text, present)),
            Call::HtmlDecode => return Some(self.html(place, text, present)),
            Call::PathNormalize => return self.normalized(place, argument, text, present, span),
            Call::Lower => Expression::call("std.tolower", [text]),
            Call::Upper => Expression::call("std.toupper", [text]),
            Call::Trim => replace(text, &format!(r"(?s)^[{WHITE}]*+(.*[^{WHITE}]|)[{WHITE}]*+\z"), r"\1"),
            Call::Squeeze => replace_all(text, &format!("[{WHITE}]++"), " "),
            Call::RemoveWhitespace => replace_all(text, &format!("[{WHITE}]++"), ""),
            Call::UrlDecode => url_decoded(text),
            Call::Sha256 => Expression::call("digest.hash_sha256", [text]),
            Call::Md5 => Expression::call("digest.hash_md5", [text]),
            // INVARIANT: `prefix` takes an address; `any_form` is taken apart before.
            Call::Prefix(..) | Call::AnyForm => return None,
        };
        let result = self.fresh("text", "STRING");
        place.statements.push(set(&result, computed));
        Some(Operand::Text { text: result, present })
    }

    fn base64(&mut self, place: &mut Place, text: Expression, present: Option<Expression>) -> Operand {
        let (result, is_base64) = (self.fresh("text", "STRING"), self.fresh("is", "BOOL"));
        let valid = Expression::all(present.into_iter().chain([text.clone().matches(BASE64)]));
        place.statements.push(when_else(
            valid,
            vec![
                set(&is_base64, Expression::Boolean(true)),
                set(&result, Expression::call("digest.base64_decode", [text])),
            ],
            vec![set(&is_base64, Expression::Boolean(false)), set(&result, Expression::text(""))],
        ));
        Operand::Text { text: result, present: Some(is_base64) }
    }

    /// Every reference becomes `%HH` and all are decoded at once, so that what a reference gives is not read again.
    fn html(&mut self, place: &mut Place, text: Expression, present: Option<Expression>) -> Operand {
        let result = self.fresh("text", "STRING");
        let mut body = vec![set(&result, replace_all(replace_all(result.clone(), "%", "%25"), r"\+", "%2B"))];
        let step = |body: &mut Vec<Statement>, pattern: &str, replacement: &str| {
            body.push(set(&result, replace_all(result.clone(), pattern, replacement)));
        };
        let mut numeric = Vec::new();
        step(&mut numeric, r"&#[xX]0*+([1-7][0-9A-Fa-f])(?![0-9A-Fa-f]);?+", r"%\1");
        step(&mut numeric, r"&#[xX]0*+([1-9A-Fa-f])(?![0-9A-Fa-f]);?+", r"%0\1");
        for value in 1..=127 {
            step(&mut numeric, &format!(r"&#0*+{value}(?![0-9]);?+"), &format!("%{value:02X}"));
        }
        body.push(when(result.clone().matches("&#"), numeric));
        let mut named = Vec::new();
        for (name, value) in HTML_NAMES {
            step(&mut named, &format!("&{name}"), &format!("%{value:02X}"));
        }
        body.push(when(result.clone().matches("&[A-Za-z]"), named));
        body.push(set(&result, Expression::call("urldecode", [result.clone()])));
        place.statements.push(set(&result, text));
        place.statements.push(when(result.clone().matches("&"), body));
        Operand::Text { text: result, present }
    }

    fn normalized(
        &mut self,
        place: &mut Place,
        argument: &Value,
        text: Expression,
        present: Option<Expression>,
        span: Span,
    ) -> Option<Operand> {
        if argument.value_type().is_list() {
            self.unsupported(
                span,
                format!("`{}`: on Fastly `path_normalize` takes one value, not a list of them", self.rule),
                "takes a list here",
                "use `path_normalize(req.path)`, or leave fastly out of `targets`",
            );
            return None;
        }
        let (result, climbs) = (self.fresh("text", "STRING"), self.fresh("climbs", "BOOL"));
        let parents = r"(?s)^(?:(?:/(?!\.\.(?:/|\z))[^/]*+)*+/\.\.(?=/|\z)){";
        let over = text.clone().matches(format!("{parents}{}}}", MAX_PARENT_SEGMENTS + 1));
        place.statements.push(when(over, vec![set(&climbs, Expression::Boolean(true))]));
        self.climbs.push((argument.clone(), climbs));
        place.statements.push(set(&result, text));
        let mut body = vec![
            set(&result, replace(result.clone(), r"/\.\.\z", "/../")),
            set(&result, replace(result.clone(), r"/\.\z", "/")),
            set(&result, replace_all(result.clone(), r"(?:/\.?+)+(?=/)", "")),
        ];
        let parent = replace(result.clone(), r"^(?:/\.\.)++/|/(?!\.\./)[^/]++/\.\./", "/");
        let mut resolve = vec![set(&result, parent); MAX_PARENT_SEGMENTS];
        body.push(when(result.clone().matches(r"/\.\./"), std::mem::take(&mut resolve)));
        let needed = Expression::all([result.clone().matches("^/"), result.clone().matches(r"//|/\.")]);
        place.statements.push(when(needed, body));
        Some(Operand::Text { text: result, present })
    }
}
