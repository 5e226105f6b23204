//! Response headers in `count` → operands. They are read where they lie: a copy needs free header lines and room, which
//! varnishd does not promise for an answer, and where it has none the client gets an error of the server.

use super::super::vcl::{Comparator, Expression, Statement};
use super::Generator;
use super::fields::header_key;
use super::prepare::is_long;
use super::views::{Operand, Presence, Source};
use crate::catalog::Field;
use crate::codegen::needles;
use crate::ir::{Call, Check, Comparison, TextOperator, Value};
use crate::source::Span;

/// The one header whose lines cannot be joined without changing what they say.
const COOKIES: &str = "set-cookie";

/// Headers that varnishd writes itself or keeps for itself: it shows no others of these names.
const OWN: &[&str] =
    &["age", "connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "via", "x-varnish"];

/// Joins the lines of headers.
pub fn joined(headers: &[String]) -> Vec<Statement> {
    let join = |name: &String| Expression::call("std.collect", [Expression::Header("resp", name.clone())]);
    headers.iter().map(|name| Statement::Do(join(name))).collect()
}

/// Whether it is the response's cookies.
pub fn reads_cookies(value: &Value) -> bool {
    value.field().field == Field::RespHeaders && header_key(value.field()) == COOKIES
}

/// Adds the headers whose text a comparison reads: those are joined.
pub fn note_headers(comparison: &Comparison, headers: &mut Vec<String>) {
    let mut note = |value: &Value| {
        if value.field().field == Field::RespHeaders && !reads_cookies(value) {
            let name = header_key(value.field());
            if !headers.contains(&name) {
                headers.push(name);
            }
        }
    };
    if comparison.check != Check::Exists {
        note(&comparison.value);
    }
    if let Check::SameAs(other) = &comparison.check {
        note(other);
    }
}

impl<'r> Generator<'r> {
    /// A response header, absent when its joined lines are longer than patterns are searched for runaway input.
    pub(super) fn answer_operand(&mut self, name: &str, span: Span) -> Option<Operand> {
        if OWN.contains(&name) {
            self.unsupported(
                span,
                format!("`resp.headers[\"{name}\"]` on varnish is not what the origin sent: varnishd has its own"),
                "written by varnishd",
                "let the origin say it in another header, count by `resp.status`, or `targets: [fastly]`",
            );
            return None;
        }
        if name == COOKIES {
            self.refuse_cookies(span);
            return None;
        }
        let text = Expression::Header("resp", name.to_owned());
        let present = Expression::all([text.clone(), is_long(text.clone()).not()]);
        Some(Operand { presence: Presence::Guarded(present), text, source: Source::Small })
    }

    /// Cookies that a response sets are looked at line by line: joined they would reach the client as one.
    pub(super) fn set_cookie_check(&mut self, value: &Value, check: &Check, span: Span) -> Option<Expression> {
        let header = Expression::Header("resp", COOKIES.to_owned());
        match (value, check) {
            (_, Check::Exists) => return Some(header),
            (Value::Field(_), Check::Text { operator: TextOperator::Contains, needles }) => {
                let needles = self.needles(needles);
                // A text without a part of `, ` is in the joined lines exactly if it is in one of them.
                if needles.iter().all(|needle| !needle.bytes.contains(&b',') && !needle.bytes.starts_with(b" ")) {
                    self.need("header", span, "`resp.headers[\"set-cookie\"]`");
                    let line = |pattern: String| {
                        let found = Expression::call("header.get", [header.clone(), Expression::pattern(pattern)]);
                        // Never equal to what is not there.
                        found.compare(Comparator::Match, Expression::pattern("(?s)."))
                    };
                    let patterns = needles::patterns(TextOperator::Contains, &needles, false);
                    return Some(Expression::any(patterns.into_iter().map(line)));
                }
            }
            (
                Value::Field(_) | Value::Call(..),
                Check::IsTrue
                | Check::Text { .. }
                | Check::Matches(_)
                | Check::Integer { .. }
                | Check::IntegerIn(_)
                | Check::Network(_)
                | Check::SameAs(_),
            ) => {}
        }
        self.refuse_cookies(span);
        None
    }

    fn refuse_cookies(&mut self, span: Span) {
        self.unsupported(
            span,
            "the text of `resp.headers[\"set-cookie\"]` cannot be compared so on varnish: joined lines would reach the \
             client as one cookie"
                .to_owned(),
            "more than whether it is there or contains a text",
            "ask `exists resp.headers[\"set-cookie\"]`, or whether it `contains` texts without a comma that do not begin \
             with a blank; or `targets: [fastly]`",
        );
    }

    /// What functions make would be copies in a workspace of which the answer may have left nothing.
    pub(super) fn refuse_function_of_answer(&mut self, call: Call, span: Span) {
        self.unsupported(
            span,
            format!("`{}` of a response header cannot be computed on varnish", call.function().row().name),
            "only `length`, `int`, and `lower` and `upper` beside texts",
            "ignore case by `i\"…\"` and `ri\"…\"`, write encodings into the pattern, or `targets: [fastly]`",
        );
    }
}
