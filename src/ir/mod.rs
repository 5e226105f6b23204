//! The typed program between front end and back ends: what `eval` runs, what every target prints. `semantic` makes
//! it; it has no names left to resolve and no ill-typed comparison. It knows no target.
//!
//! INVARIANT: a [`Ruleset`] that `semantic` returned without errors is well typed: each [`Check`] fits its [`Value`]'s
//! type, list indices are in range, `Rule::rate` is there when an action needs it.

mod display;
mod select;
mod simplify;

pub use crate::syntax::values::{Date, Mode, Risk};
pub use display::{action as display_action, display, display_predicate, meaning, value as display_value};
pub use select::{Selection, select};
pub use simplify::simplify;

use crate::catalog::{Field, Function, Phase, Type};
use crate::regex::Regex;
use crate::request::Request;
use crate::source::Span;
use std::sync::Arc;

/// Everything that is compiled together.
#[derive(Clone, Debug)]
pub struct Ruleset {
    pub settings: Settings,
    /// Every list of the project, sorted by name.
    pub lists: Vec<List>,
    /// In order of evaluation: plain `allow` rules, scoped ones, the others, rates at the origin; in each by risk (critical
    /// first), then id.
    /// [`select`] keeps the order and drops what is not emitted.
    /// A selection shares those that it does not change.
    pub rules: Vec<Arc<Rule>>,
}

impl Ruleset {
    /// These rules under the same settings and with the same lists.
    pub fn with_rules(&self, rules: Vec<Arc<Rule>>) -> Ruleset {
        Ruleset { settings: self.settings.clone(), lists: self.lists.clone(), rules }
    }
}

/// The project file with every default filled in.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Of every generated identifier and header; `[a-z][a-z0-9_]{0,15}`.
    pub prefix: String,
    pub limits: Limits,
    pub block: Block,
    /// Blocks when the enforced scores reach it.
    pub score_threshold: Option<u32>,
    /// List of proxies whose X-Forwarded-For and fact headers are believed.
    pub trusted_proxies: Option<ListIndex>,
    /// Field → lower-case name of the header in which a trusted terminator sends it; sorted by field.
    pub facts: Vec<(Field, String)>,
    /// Targets of the project, in the order varnish, fastly.
    pub targets: Vec<String>,
    pub varnish: VarnishSettings,
    pub fastly: FastlySettings,
    pub services: Vec<Service>,
}

#[derive(Clone, Debug)]
pub struct VarnishSettings {
    /// `7.1`
    pub version: String,
    /// Where the project says it.
    pub version_span: Option<Span>,
    /// Vmods that the servers have.
    pub vmods: Vec<String>,
}

#[derive(Clone, Debug)]
pub struct FastlySettings {
    pub log_endpoint: String,
}

/// `services.NAME`
#[derive(Clone, Debug)]
pub struct Service {
    pub name: String,
    /// Rules with one of these tags or ids; both `None` = all.
    pub select_tags: Option<Vec<String>>,
    pub select_ids: Option<Vec<String>>,
    /// Sorted by id.
    pub modes: Vec<(String, Mode)>,
    /// A further exception of a rule; sorted by id.
    pub except: Vec<(String, Predicate)>,
}

/// Limits that are part of the meaning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the URL in origin form.
    pub url: u32,
    /// Occurrences of one argument or cookie name that a rule reads.
    pub values: u32,
    /// Argument names, where `req.arg_names` is read.
    pub names: u32,
    /// Bytes of the body.
    pub body: u32,
    /// What a request over a limit gets when a rule can act: `Some(status)` blocks, `None` records (`over: log`).
    pub over: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    pub status: u16,
    pub body: BlockBody,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BlockBody {
    Json,
    Html,
    Text,
    /// Content of a file and its content type; `{id}` in it is the request id.
    File {
        content: String,
        content_type: String,
    },
}

/// Index into [`Ruleset::lists`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ListIndex(pub usize);

#[derive(Clone, Debug)]
pub struct List {
    pub name: String,
    /// Where it is declared.
    pub span: Span,
    pub values: ListValues,
    /// Name of the Fastly ACL or dictionary that holds the values; `values` is then the sample.
    pub edge: Option<String>,
}

/// Sorted, without duplicates.
#[derive(Clone, Debug)]
pub enum ListValues {
    Ip(Vec<ipnet::IpNet>),
    Strings(Vec<Text>),
    Int(Vec<i64>),
    Regex(Vec<Arc<Regex>>),
}

/// A string literal. Non-empty, free of NUL.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Text {
    pub bytes: Vec<u8>,
    /// Compares ASCII case-insensitively.
    pub ignore_case: bool,
}

/// One signature.
#[derive(Clone, Debug)]
pub struct Rule {
    pub id: String,
    pub version: u32,
    /// One line.
    pub title: String,
    pub risk: Risk,
    pub mode: Mode,
    pub tags: Vec<String>,
    /// `None`: every target of the project.
    pub targets: Option<Vec<String>>,
    pub expires: Option<Date>,
    /// Of the id.
    pub span: Span,
    pub places: Places,
    /// File and line of the id, for comments and the manifest.
    pub origin: String,
    /// SHA-256 of what the rule means (its IR text), hexadecimal.
    pub hash: String,
    pub when: Predicate,
    /// No match, and no weight, where this holds.
    pub except: Option<Predicate>,
    pub rate: Option<Rate>,
    /// At least one; at most one terminal one, which is last.
    pub actions: Vec<Action>,
    pub tests: Vec<Test>,
}

/// Where parts of a rule are written, for diagnostics.
#[derive(Clone, Copy, Debug, Default)]
pub struct Places {
    pub expires: Option<Span>,
    /// The action that ends the evaluation.
    pub terminal: Option<Span>,
}

impl Rule {
    /// `allow` without scope: the rules that come before the limits.
    pub fn is_plain_allow(&self) -> bool {
        self.actions.iter().any(|action| matches!(action, Action::Allow(AllowScope::Everything)))
    }

    pub fn is_allow(&self) -> bool {
        self.actions.iter().any(|action| matches!(action, Action::Allow(_)))
    }

    /// The action that ends the evaluation when it is taken.
    pub fn terminal(&self) -> Option<&Action> {
        self.actions.iter().find(|action| action.is_terminal())
    }

    /// Every predicate of the rule: `when`, `except`, `rate.count`.
    pub fn predicates(&self) -> impl Iterator<Item = &Predicate> {
        [Some(&self.when), self.except.as_ref(), self.rate.as_ref().and_then(|rate| rate.count.as_ref())]
            .into_iter()
            .flatten()
    }

    /// Every field that the rule reads: predicates, rate keys, redirect templates.
    pub fn fields(&self) -> Vec<&FieldReference> {
        let mut fields = Vec::new();
        for predicate in self.predicates() {
            predicate.each_comparison(&mut |comparison| {
                fields.push(comparison.value.field());
                if let Check::SameAs(other) = &comparison.check {
                    fields.push(other.field());
                }
            });
        }
        for part in self.rate.iter().flat_map(|rate| &rate.key) {
            fields.push(part.field());
        }
        for action in &self.actions {
            if let Action::Redirect { template, .. } = action {
                for part in template {
                    fields.extend(part.field());
                }
            }
        }
        fields
    }
}

/// A condition. `All` of nothing is true, `Any` of nothing is false; [`simplify`] leaves neither inside another.
#[derive(Clone, Debug, PartialEq)]
pub enum Predicate {
    All(Vec<Predicate>),
    Any(Vec<Predicate>),
    Not(Box<Predicate>),
    Compare(Comparison),
}

impl Predicate {
    pub const TRUE: Predicate = Predicate::All(Vec::new());
    pub const FALSE: Predicate = Predicate::Any(Vec::new());

    /// Calls `visit` with every comparison, left to right.
    pub fn each_comparison<'p>(&'p self, visit: &mut dyn FnMut(&'p Comparison)) {
        match self {
            Predicate::All(parts) | Predicate::Any(parts) => parts.iter().for_each(|part| part.each_comparison(visit)),
            Predicate::Not(inner) => inner.each_comparison(visit),
            Predicate::Compare(comparison) => visit(comparison),
        }
    }
}

/// One comparison. For a scalar value: `check` holds; false when the value is absent. For a list value: `quantifier`
/// says of how many elements `check` (or, with `negated`, its contrary) must hold. Negation of a scalar comparison is
/// [`Predicate::Not`] around it.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    pub value: Value,
    /// `Some` exactly when `value` is a list and `check` is not [`Check::Exists`].
    pub quantifier: Option<Quantifier>,
    /// Only with a quantifier: an element counts when `check` does *not* hold of it (an absent element, as `int("x")`
    /// gives, then counts).
    pub negated: bool,
    pub check: Check,
    /// The comparison as written, whole.
    pub span: Span,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Quantifier {
    Any,
    All,
}

/// What is asked of a value (or of each element of a list).
#[derive(Clone, Debug, PartialEq)]
pub enum Check {
    /// Present; of a list: not empty.
    Exists,
    /// Of a bool value.
    IsTrue,
    /// Of a string: any of the needles. Not empty.
    Text { operator: TextOperator, needles: Needles },
    /// Of a string: any of the patterns matches somewhere. Not empty.
    Matches(Patterns),
    /// Of an integer.
    Integer { operator: IntegerOperator, value: i64 },
    /// Of an integer: equal to any.
    IntegerIn(Integers),
    /// Of an address: in any of the networks.
    Network(Networks),
    /// The same value as another expression of the same scalar type; false when either is absent.
    SameAs(Value),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TextOperator {
    Equals,
    Contains,
    StartsWith,
    EndsWith,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IntegerOperator {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Needles {
    Literals(Vec<Text>),
    List(ListIndex),
}

#[derive(Clone, Debug, PartialEq)]
pub enum Patterns {
    Literals(Vec<Arc<Regex>>),
    List(ListIndex),
}

#[derive(Clone, Debug, PartialEq)]
pub enum Integers {
    Literals(Vec<i64>),
    List(ListIndex),
}

#[derive(Clone, Debug, PartialEq)]
pub enum Networks {
    Literals(Vec<ipnet::IpNet>),
    List(ListIndex),
}

/// Something with a value at run time.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Value {
    Field(FieldReference),
    /// A function of one value; over a list value it works on each element.
    Call(Call, Box<Value>),
}

/// A function with its constant parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Call {
    Lower,
    Upper,
    Length,
    Trim,
    Squeeze,
    RemoveWhitespace,
    UrlDecode,
    HtmlDecode,
    Base64Decode,
    PathNormalize,
    Sha256,
    Md5,
    Int,
    /// Bits of an IPv4 and of an IPv6 address.
    Prefix(u8, u8),
    /// Of a field with a raw twin (the field itself is the argument).
    AnyForm,
}

impl Call {
    pub fn function(self) -> Function {
        match self {
            Call::Lower => Function::Lower,
            Call::Upper => Function::Upper,
            Call::Length => Function::Length,
            Call::Trim => Function::Trim,
            Call::Squeeze => Function::Squeeze,
            Call::RemoveWhitespace => Function::RemoveWhitespace,
            Call::UrlDecode => Function::UrlDecode,
            Call::HtmlDecode => Function::HtmlDecode,
            Call::Base64Decode => Function::Base64Decode,
            Call::PathNormalize => Function::PathNormalize,
            Call::Sha256 => Function::Sha256,
            Call::Md5 => Function::Md5,
            Call::Int => Function::Int,
            Call::Prefix(..) => Function::Prefix,
            Call::AnyForm => Function::AnyForm,
        }
    }
}

/// A field with its keys.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FieldReference {
    pub field: Field,
    /// Header names in lower case; argument and cookie names as they are. More than one only for `Field::Headers`.
    pub keys: Vec<Vec<u8>>,
}

impl Value {
    /// The field at the bottom.
    pub fn field(&self) -> &FieldReference {
        match self {
            Value::Field(reference) => reference,
            Value::Call(_, argument) => argument.field(),
        }
    }

    pub fn value_type(&self) -> Type {
        match self {
            Value::Field(reference) if reference.keys.len() > 1 => Type::Strings,
            Value::Field(reference) => reference.field.row().value_type,
            Value::Call(Call::AnyForm, _) => Type::Strings,
            Value::Call(call, argument) => {
                let result = call.function().row().result;
                match (argument.value_type().is_list(), result) {
                    (true, Type::Int) => Type::Ints,
                    (true, Type::String) => Type::Strings,
                    _ => result,
                }
            }
        }
    }

    pub fn phase(&self) -> Phase {
        self.field().field.row().phase
    }
}

/// `rate:`
#[derive(Clone, Debug, PartialEq)]
pub struct Rate {
    pub span: Span,
    /// Scalar values; empty = one key for all. A bare `client.ip` is `prefix(client.ip, 32, 64)` already.
    pub key: Vec<Value>,
    /// One or more, shortest window first.
    pub windows: Vec<Window>,
    /// Where each window is written; empty where nobody wrote it.
    pub window_spans: Vec<Span>,
    /// 1 to 100, at most the smallest limit.
    pub cost: u32,
    pub at: RatePoint,
    /// Which requests weigh; `None`: all that `when` selects.
    pub count: Option<Predicate>,
    /// Response: a request weighs when its response is known.
    pub count_phase: Phase,
    /// Seconds.
    pub penalty: Option<u32>,
    pub penalty_span: Option<Span>,
}

/// At most `limit` (weight) in `seconds`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    pub limit: u32,
    pub seconds: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RatePoint {
    Edge,
    Origin,
}

/// What happens when a rule matches (with a rate: when the rate is over).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Status, or the project's.
    Block(Option<u16>),
    Log,
    Tag(String),
    Score(u32),
    Allow(AllowScope),
    Redirect {
        status: u16,
        template: Vec<TemplatePart>,
    },
    /// Lower-case header names, sorted.
    Strip(Vec<String>),
    Throttle,
    /// Seconds.
    Tarpit(u32),
}

impl Action {
    /// Ends the evaluation when taken.
    pub fn is_terminal(&self) -> bool {
        match self {
            Action::Block(_) | Action::Redirect { .. } | Action::Throttle | Action::Tarpit(_) => true,
            Action::Allow(scope) => *scope == AllowScope::Everything,
            Action::Log | Action::Tag(_) | Action::Score(_) | Action::Strip(_) => false,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AllowScope {
    Everything,
    /// Only these rules are skipped: sorted ids (a `tag:` is resolved to them).
    Rules(Vec<String>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TemplatePart {
    /// Printable ASCII.
    Text(String),
    Host,
    UrlRaw,
}

impl TemplatePart {
    /// The field that stands there.
    pub fn field(&self) -> Option<&'static FieldReference> {
        static HOST: FieldReference = FieldReference { field: Field::Host, keys: Vec::new() };
        static URL_RAW: FieldReference = FieldReference { field: Field::UrlRaw, keys: Vec::new() };
        match self {
            TemplatePart::Text(_) => None,
            TemplatePart::Host => Some(&HOST),
            TemplatePart::UrlRaw => Some(&URL_RAW),
        }
    }
}

/// One test, its requests read.
#[derive(Clone, Debug)]
pub struct Test {
    pub name: String,
    pub span: Span,
    /// One step for a single request.
    pub steps: Vec<TestStep>,
}

#[derive(Clone, Debug)]
pub struct TestStep {
    /// `time` is set: seconds since the start of the sequence. Repetitions are written out.
    pub request: Request,
    pub expect_match: bool,
    /// Of `expect`.
    pub span: Span,
    /// The path that is written had `.` or `..` in it, which curl does not send.
    pub dots_removed: bool,
}
