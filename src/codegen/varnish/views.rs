//! Values that Varnish does not have as such: each is computed once per request into a variable that bears its name, and
//! only if a rule reads it. `predicate`, `visit` and `rates` ask for operands, `driver` prints the views.

use super::super::vcl::{Expression, Statement, when};
use super::Generator;
use crate::catalog::Field;
use crate::ir::{Call, Value};
use crate::source::Span;
use std::collections::BTreeSet;

/// A string that VCL can compare.
#[derive(Clone, Debug, PartialEq)]
pub struct Operand {
    pub text: Expression,
    pub presence: Presence,
    pub source: Source,
}

/// When the value is there.
#[derive(Clone, Debug, PartialEq)]
pub enum Presence {
    Always,
    /// NULL when absent: only a check that accepts the empty string needs the guard.
    IfSet(Expression),
    /// The text can be there although the value is absent: always guarded.
    Guarded(Expression),
}

/// What bounds the length of a value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// At most some dozens of bytes.
    Small,
    /// As long as a request's head may be.
    Method,
    /// Of a decoded field also its form decoded twice.
    Url(Field),
    /// One argument or cookie, or a form of it.
    Element,
    Header(String),
}

/// The part of the URL that bounds a value's length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum UrlPart {
    Whole,
    Path,
    Query,
}

impl UrlPart {
    /// The part that a field of the URL is.
    pub fn of(field: Field) -> UrlPart {
        if matches!(field, Field::Path | Field::PathRaw | Field::PathExt) {
            UrlPart::Path
        } else if matches!(field, Field::Query | Field::QueryRaw) {
            UrlPart::Query
        } else {
            UrlPart::Whole
        }
    }
}

/// How many times its text's length what is made of a text takes of the workspace. What the text holds decides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Always.
    pub plain: u32,
    /// More, when it holds an escape that is decoded.
    pub escapes: u32,
    /// More, when it holds a plus that becomes a blank.
    pub pluses: u32,
    /// Of `escapes`, copies in which a `%` that starts no escape is escaped: one each, and three where there are many.
    pub guards: u32,
    /// More, when it holds white space other than single blanks inside.
    pub blanks: u32,
    /// More, when it holds any white space.
    pub spaces: u32,
    /// More, when something is to be resolved in a path.
    pub dots: u32,
    /// More, when there is a character reference; twice that where there is many a `%`.
    pub references: u32,
    /// More, when there are many bars, which are doubled in the keys of rates.
    pub bars: u32,
}

impl Cost {
    pub fn flat(times: u32) -> Cost {
        Cost { plain: times, ..Cost::default() }
    }

    /// All of it.
    pub fn worst(self) -> u32 {
        self.plain
            + self.escapes
            + self.pluses
            + 3 * self.guards
            + self.blanks
            + self.spaces
            + self.dots
            + 2 * self.references
            + self.bars
    }

    pub fn add(&mut self, other: Cost) {
        self.plain += other.plain;
        self.escapes += other.escapes;
        self.pluses += other.pluses;
        self.guards += other.guards;
        self.blanks += other.blanks;
        self.spaces += other.spaces;
        self.dots += other.dots;
        self.references += other.references;
        self.bars += other.bars;
    }

    /// The larger of both, each way.
    pub fn max(self, other: Cost) -> Cost {
        Cost {
            plain: self.plain.max(other.plain),
            escapes: self.escapes.max(other.escapes),
            pluses: self.pluses.max(other.pluses),
            guards: self.guards.max(other.guards),
            blanks: self.blanks.max(other.blanks),
            spaces: self.spaces.max(other.spaces),
            dots: self.dots.max(other.dots),
            references: self.references.max(other.references),
            bars: self.bars.max(other.bars),
        }
    }
}

/// A computed value.
#[derive(Clone, Debug)]
pub struct View {
    pub value: Value,
    pub operand: Operand,
    pub code: Vec<Statement>,
    /// What it is computed from; `cost` is in its lengths.
    pub argument: Operand,
    pub cost: Cost,
    /// 1 for a function of a field, one more for each function in it.
    pub depth: usize,
    /// True when the workspace was too full to keep the value, which Varnish does not say.
    pub lost: Expression,
}

/// Any of the views' values was lost.
pub fn lost(views: &[View]) -> Option<Expression> {
    let parts: Vec<Expression> =
        views.iter().map(|view| view.lost.clone()).filter(|lost| *lost != Expression::Boolean(false)).collect();
    (!parts.is_empty()).then(|| Expression::any(parts))
}

/// The views of a set.
#[derive(Clone, Debug, Default)]
pub struct Views {
    /// Fields that are computed from the URL.
    pub url_fields: BTreeSet<Field>,
    /// Fields of which `any_form` wants the form decoded twice.
    pub twice: BTreeSet<Field>,
    pub host: bool,
    pub proto: bool,
    pub forwarded: bool,
    /// Functions, in the order in which they are computed.
    pub functions: Vec<View>,
    /// Functions of the elements of the list that is being translated.
    pub element_functions: Vec<View>,
    /// Prefixes of `client.ip`.
    pub prefixes: BTreeSet<(u8, u8)>,
}

/// What the guard of a decoding replaces: a `%` that starts no escape, and that of `%00`, which would cut the text.
pub const BROKEN_ESCAPE: &str = "%(?:(?=00)|(?![0-9A-Fa-f]{2}))";

/// An escape that is decoded. Where there is none, decoding changes nothing.
pub const ESCAPE: &str = "%(?!00)[0-9A-Fa-f]{2}";

/// More than a few broken ones.
pub fn many_broken_escapes() -> String {
    format!("^(?:[^%]*+(?:{ESCAPE}[^%]*+)*+{BROKEN_ESCAPE}){{32}}")
}

/// Decodes `%HH` once; never fails.
pub fn url_decoded(text: Expression) -> Expression {
    let guarded = Expression::call("regsuball", [text, Expression::pattern(BROKEN_ESCAPE), Expression::text("%25")]);
    Expression::Call(
        "blob.transcode".into(),
        vec![(Some("decoding"), Expression::name("URL")), (Some("encoded"), guarded)],
    )
}

pub fn regsub(text: Expression, pattern: &str, replacement: &str) -> Expression {
    Expression::call("regsub", [text, Expression::pattern(pattern), Expression::text(replacement)])
}

pub fn regsuball(text: Expression, pattern: &str, replacement: &str) -> Expression {
    Expression::call("regsuball", [text, Expression::pattern(pattern), Expression::text(replacement)])
}

impl<'r> Generator<'r> {
    /// Name of a value's variable: as it is written in a signature, without quotes.
    pub(super) fn value_name(value: &Value) -> String {
        match value {
            Value::Field(reference) => {
                let mut name = reference.field.row().name.to_owned();
                if !reference.keys.is_empty() {
                    let keys: Vec<String> = reference.keys.iter().map(|key| readable(key)).collect();
                    name = format!("{name}[{}]", keys.join(", "));
                }
                name
            }
            Value::Call(Call::AnyForm, argument) => format!("{} twice", Self::value_name(argument)),
            Value::Call(Call::Prefix(ipv4, ipv6), argument) => {
                format!("prefix({}, {ipv4}, {ipv6})", Self::value_name(argument))
            }
            Value::Call(call, argument) => format!("{}({})", call.function().row().name, Self::value_name(argument)),
        }
    }

    /// The operand of a scalar string value, or of an element of the list that is being translated. `None` when it was
    /// reported that there is none.
    pub(super) fn operand(&mut self, value: &Value, span: Span) -> Option<Operand> {
        match value {
            Value::Field(reference) => self.field_operand(reference, span),
            // In a list that is visited each form is an element; elsewhere it stands for the form decoded twice.
            Value::Call(Call::AnyForm, argument) => match argument.value_type().is_list() {
                true => self.operand(argument, span),
                false => Some(self.twice_operand(argument.field().field)),
            },
            Value::Call(call, argument) => {
                let of_element = is_visited(value.field().field);
                let views = if of_element { &self.views.element_functions } else { &self.views.functions };
                if let Some(view) = views.iter().find(|view| view.value == *value) {
                    return Some(view.operand.clone());
                }
                if value.field().field == Field::RespHeaders {
                    self.refuse_function_of_answer(*call, span);
                    return None;
                }
                self.measures_method |= value.field().field == Field::Method;
                let inner = self.operand(argument, span)?;
                let source = inner.source.clone();
                let name = if of_element { element_name(value) } else { Self::value_name(value) };
                let made = self.function(*call, argument, &inner, &name, span)?;
                let text = self.get(&name);
                let presence = match (&inner.presence, made.absentable) {
                    (Presence::Always, false) => Presence::Always,
                    (Presence::Always | Presence::IfSet(_) | Presence::Guarded(_), _) => Presence::IfSet(text.clone()),
                };
                let mut code = match &inner.presence {
                    Presence::Always => made.code,
                    Presence::IfSet(present) | Presence::Guarded(present) => vec![when(present.clone(), made.code)],
                };
                // Elements are many: what an element before left there must go.
                if of_element && presence != Presence::Always {
                    code.insert(0, self.set(&name, Expression::text("")));
                    code.insert(0, self.set_int(&format!("{name} there"), Expression::Integer(0)));
                }
                let presence = if of_element && presence != Presence::Always {
                    let there = self.get_int(&format!("{name} there")).equals(Expression::Integer(1));
                    mark_present(&mut code, &self.set_int(&format!("{name} there"), Expression::Integer(1)));
                    Presence::Guarded(there)
                } else {
                    presence
                };
                let operand = Operand { text, presence, source };
                let lost = match (call, made.absentable) {
                    // std.tolower and std.toupper give nothing then, and `var.set` keeps that as the empty text.
                    (Call::Lower | Call::Upper, _) => Expression::all([
                        operand.text.clone().equals(Expression::text("")),
                        inner.text.clone().matches("(?s)."),
                    ]),
                    (_, true) => Expression::Boolean(false),
                    (_, false) => match &inner.presence {
                        Presence::Always => operand.text.clone().not(),
                        Presence::IfSet(present) | Presence::Guarded(present) => {
                            Expression::all([present.clone(), operand.text.clone().not()])
                        }
                    },
                };
                let view = View {
                    value: value.clone(),
                    operand: operand.clone(),
                    code,
                    argument: inner,
                    cost: made.cost,
                    depth: 1 + functions_of(argument),
                    lost,
                };
                let views = if of_element { &mut self.views.element_functions } else { &mut self.views.functions };
                views.push(view);
                Some(operand)
            }
        }
    }
}

/// How many functions a value applies to its field.
fn functions_of(value: &Value) -> usize {
    match value {
        Value::Field(_) | Value::Call(Call::AnyForm, _) => 0,
        Value::Call(_, argument) => 1 + functions_of(argument),
    }
}

/// Fields whose elements are taken out one by one.
pub fn is_visited(field: Field) -> bool {
    matches!(field, Field::Args | Field::ArgsRaw | Field::ArgNames | Field::Cookies)
}

/// Like [`Generator::value_name`], of any list's element.
fn element_name(value: &Value) -> String {
    match value {
        Value::Field(_) | Value::Call(Call::AnyForm, _) => "value".to_owned(),
        Value::Call(call, argument) => format!("{}({})", call.function().row().name, element_name(argument)),
    }
}

/// Puts `mark` behind every `var.set` in the branches of `code`.
fn mark_present(code: &mut [Statement], mark: &Statement) {
    for statement in code {
        if let Statement::If { branches, otherwise } = statement {
            for body in branches.iter_mut().map(|(_, body)| body).chain(std::iter::once(otherwise)) {
                if body.iter().any(|inner| matches!(inner, Statement::Do(_))) {
                    body.push(mark.clone());
                } else {
                    mark_present(body, mark);
                }
            }
        }
    }
}

/// A key inside a variable's name: printable, without quotes.
pub fn readable(key: &[u8]) -> String {
    let mut text = String::new();
    for byte in key {
        if byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\') {
            text.push(char::from(*byte));
        } else {
            text.push_str(&format!("\\{byte:02x}"));
        }
    }
    text
}
