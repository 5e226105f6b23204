//! Arguments and cookies: their elements taken out one after another, and every check of the set made on each.

use super::fields::name;
use super::functions::{query_decoded, replace};
use super::place::{Operand, Place};
use super::{Generator, deviations, set};
use crate::catalog::Field;
use crate::codegen::vcl::{Comparator, Expression, Statement, when, when_else};
use crate::ir::{Check, FieldReference, Value};
use crate::regex::escape;
use crate::source::Span;
use std::fmt::Write as _;

/// What the elements are taken from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Source {
    Argument(Vec<u8>),
    Cookie(Vec<u8>),
    ArgumentNames,
}

/// One list and everything that is asked of its elements.
pub(super) struct Visit {
    pub source: Source,
    count: Expression,
    pub over: Expression,
    place: Place,
    /// Check, contrary wanted, and the local that is set when an element has it.
    asked: Vec<(Value, Check, bool, Expression, Expression)>,
}

pub(super) fn source(reference: &FieldReference) -> Option<Source> {
    let key = reference.keys.first().cloned().unwrap_or_default();
    match reference.field {
        Field::Args | Field::ArgsRaw => Some(Source::Argument(key)),
        Field::Cookies => Some(Source::Cookie(key)),
        Field::ArgNames => Some(Source::ArgumentNames),
        Field::Method
        | Field::Scheme
        | Field::Host
        | Field::Url
        | Field::UrlRaw
        | Field::Path
        | Field::PathRaw
        | Field::PathExt
        | Field::Query
        | Field::QueryRaw
        | Field::Headers
        | Field::Body
        | Field::BodyTruncated
        | Field::Proto
        | Field::ClientIp
        | Field::ClientAsn
        | Field::ClientAsName
        | Field::ClientCountry
        | Field::ClientProxyType
        | Field::TlsJa3
        | Field::TlsJa4
        | Field::TlsVersion
        | Field::TlsSni
        | Field::RespStatus
        | Field::RespHeaders => None,
    }
}

impl Generator<'_> {
    /// The number of a list's visit.
    fn visit(&mut self, source: &Source, span: Span) -> usize {
        if let Some(index) = self.visits.iter().position(|visit| visit.source == *source) {
            return index;
        }
        if matches!(source, Source::Cookie(_)) {
            self.headers.insert("cookie".to_owned());
            self.touch(deviations::COOKIES, span);
        } else {
            let mut prelude = std::mem::take(&mut self.prelude);
            self.split(&mut prelude.statements);
            self.prelude = prelude;
        }
        let reference = |field, key: &[u8]| {
            let keys = if field == Field::ArgNames { Vec::new() } else { vec![key.to_vec()] };
            Value::Field(FieldReference { field, keys })
        };
        let known =
            |field: Field, key: &[u8], text: Expression| (reference(field, key), Operand::Text { text, present: None });
        let (raw, element) = (self.local("element_raw", "STRING"), self.local("element", "STRING"));
        let known = match source {
            Source::Argument(key) => vec![known(Field::ArgsRaw, key, raw), known(Field::Args, key, element)],
            Source::Cookie(key) => vec![known(Field::Cookies, key, element)],
            Source::ArgumentNames => vec![known(Field::ArgNames, &[], element)],
        };
        let (count, over) = (self.fresh("count", "INTEGER"), self.fresh("over", "BOOL"));
        self.visits.push(Visit { source: source.clone(), count, over, place: Place::with(known), asked: Vec::new() });
        self.visits.len() - 1
    }

    /// A list is not empty.
    pub(super) fn any_element(&mut self, source: &Source, span: Span) -> Expression {
        let index = self.visit(source, span);
        self.visits[index].count.clone().compare(Comparator::Greater, Expression::Integer(0))
    }

    /// Some element has `check`, or with `contrary` has it not.
    pub(super) fn some_element(
        &mut self,
        source: &Source,
        value: &Value,
        check: &Check,
        contrary: bool,
        span: Span,
    ) -> Option<Expression> {
        let index = self.visit(source, span);
        let known = self.visits[index]
            .asked
            .iter()
            .find(|(other, asked, other_contrary, ..)| other == value && asked == check && *other_contrary == contrary);
        if let Some((.., hit)) = known {
            return Some(hit.clone());
        }
        let mut place = std::mem::take(&mut self.visits[index].place);
        let operand = self.operand(&mut place, value, span);
        self.visits[index].place = place;
        let condition = self.check(operand?, check, span)?;
        let condition = if contrary { condition.not() } else { condition };
        let hit = self.fresh("hit", "BOOL");
        self.visits[index].asked.push((value.clone(), check.clone(), contrary, condition, hit.clone()));
        Some(hit)
    }

    /// The statements of every list, to stand after the prelude.
    pub(super) fn all_visits(&mut self) -> Vec<Statement> {
        let mut statements = Vec::new();
        for visit in std::mem::take(&mut self.visits) {
            self.one_visit(&visit, &mut statements);
            self.visits.push(visit);
        }
        statements
    }

    fn one_visit(&mut self, visit: &Visit, statements: &mut Vec<Statement>) {
        let rest = self.local("rest", "STRING");
        let (raw, element) = (self.local("element_raw", "STRING"), self.local("element", "STRING"));
        let query = self.local("query_raw", "STRING");
        let mut body = Vec::new();
        let (pattern, limit) = match &visit.source {
            Source::Argument(key) => {
                statements.push(Statement::Comment(format!("Argument {}", shown(key))));
                statements.push(set(&rest, Expression::Sum(vec![Expression::text("&"), query])));
                body.extend([set(&raw, name("re.group.1")), set(&rest, name("re.group.2"))]);
                body.push(set(&element, query_decoded(raw)));
                (argument_pattern(key), self.settings.limits.values)
            }
            Source::Cookie(key) => {
                statements.push(Statement::Comment(format!("Cookie {}", shown(key))));
                let header = Expression::Header("req", "cookie".to_owned());
                statements.push(when_else(
                    header.clone(),
                    vec![set(&rest, Expression::Sum(vec![Expression::text(";"), header]))],
                    vec![set(&rest, Expression::text(""))],
                ));
                body.extend([set(&element, name("re.group.1")), set(&rest, name("re.group.2"))]);
                body.push(set(&element, replace(element.clone(), r"(?s)^(.*[^ \t]|)[ \t]*+\z", r"\1")));
                (format!(r"(?s);[ \t]*+{}=([^;]*+)(.*)\z", escape(key)), self.settings.limits.values)
            }
            Source::ArgumentNames => {
                statements.push(Statement::Comment("Names of the arguments".to_owned()));
                statements.push(set(&rest, query));
                body.extend([set(&element, name("re.group.1")), set(&rest, name("re.group.2"))]);
                body.push(set(&element, query_decoded(element.clone())));
                (r"(?s)^&*+(?=[^&])([^=&]*+)[^&]*+(.*)\z".to_owned(), self.settings.limits.names)
            }
        };
        body.push(Statement::Increase(visit.count.clone(), Expression::Integer(1)));
        body.extend(visit.place.statements.iter().cloned());
        for (_, _, _, condition, hit) in &visit.asked {
            body.push(when(condition.clone(), vec![set(hit, Expression::Boolean(true))]));
        }
        let found = rest.clone().matches(pattern);
        let stop = vec![set(&rest, Expression::text(""))];
        for _ in 0..limit {
            statements.push(when_else(found.clone(), body.clone(), stop.clone()));
        }
        statements.push(when(found, vec![set(&visit.over, Expression::Boolean(true))]));
    }
}

/// A key for a comment.
fn shown(key: &[u8]) -> String {
    String::from_utf8_lossy(key).into_owned()
}

/// The next argument of this name: its value and what follows. The name is matched in every way to encode it, so that it
/// need not be decoded first.
fn argument_pattern(key: &[u8]) -> String {
    let mut pattern = String::from("(?s)&");
    for &byte in key {
        let _ = write!(pattern, "(?:");
        match byte {
            // These split arguments; as bytes of a name they are always encoded.
            b'&' | b'=' | b'+' => {}
            b' ' => pattern.push_str(r" |\+|"),
            // Stays as it is where it starts no escape.
            b'%' => pattern.push_str("%(?:(?=00)|(?![0-9A-Fa-f]{2}))|"),
            _ => {
                pattern.push_str(&escape(&[byte]));
                pattern.push('|');
            }
        }
        pattern.push('%');
        for digit in format!("{byte:02X}").chars() {
            if digit.is_ascii_digit() {
                pattern.push(digit);
            } else {
                let _ = write!(pattern, "[{digit}{}]", digit.to_ascii_lowercase());
            }
        }
        pattern.push(')');
    }
    // The empty name needs its `=`: an empty piece is no argument.
    pattern.push_str(if key.is_empty() { "=" } else { r"(?=[=&]|\z)=?+" });
    pattern.push_str(r"([^&]*+)(.*)\z");
    pattern
}

#[cfg(test)]
mod tests {
    use super::argument_pattern;
    use crate::regex::Compiled;

    #[test]
    fn names_are_found_however_they_are_encoded() {
        for (key, query, found) in [
            ("id", "&id=1", true),
            ("id", "&id", true),
            ("id", "&id&x", true),
            ("id", "&%69%64=1", true),
            ("id", "&i%44=1", false),
            ("id", "&idx=1", false),
            ("id", "&x=id", false),
            ("a b", "&a+b=1", true),
            ("a b", "&a%20b", true),
            ("a+b", "&a+b=1", false),
            ("a+b", "&a%2bb=1", true),
            ("a&b", "&a%26b=1", true),
            ("50%", "&50%=1", true),
            ("50%", "&50%25=1", true),
            ("%00", "&%00=1", true),
            ("%00", "&%2500=1", true),
            ("%41", "&%41=1", false),
            ("", "&=1", true),
            ("", "&&a=1", false),
        ] {
            let compiled = Compiled::new(argument_pattern(key.as_bytes()).as_bytes()).unwrap();
            assert_eq!(compiled.is_match(query.as_bytes()), Ok(found), "{key} in {query}");
        }
    }
}
