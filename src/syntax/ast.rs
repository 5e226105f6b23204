//! The syntax tree of a signature file and of a project file, as written: names are unresolved, nothing is checked
//! but form. Every node knows its place in the YAML file, whatever the scalar's style. `syntax` makes it, `semantic`
//! reads it.

use crate::source::{SourceId, Span, Spanned};

/// One signature file.
#[derive(Clone, Debug)]
pub struct Signature {
    pub source: SourceId,
    /// The whole mapping.
    pub span: Span,
    pub id: Spanned<String>,
    pub version: Spanned<u32>,
    pub title: Spanned<String>,
    pub description: Option<Spanned<String>>,
    pub severity: Spanned<Risk>,
    pub mode: Spanned<Mode>,
    pub owner: Option<Spanned<String>>,
    pub created: Option<Spanned<Date>>,
    pub expires: Option<Spanned<Date>>,
    pub refs: References,
    pub tags: Vec<Spanned<String>>,
    /// `None`: every target of the project.
    pub targets: Option<Vec<Spanned<String>>>,
    pub lets: Vec<Let>,
    pub when: Expression,
    pub except: Option<Expression>,
    pub rate: Option<Rate>,
    /// Empty when `then` is left out.
    pub then: Vec<Spanned<Action>>,
    pub tests: Vec<Test>,
    /// `notes`, in written order.
    pub notes: Vec<(Spanned<String>, Spanned<String>)>,
    /// Comments of the file, for suppressions and the formatter.
    pub comments: Vec<Span>,
}

pub use crate::syntax::values::{Date, Mode, Risk};

#[derive(Clone, Debug, Default)]
pub struct References {
    pub cve: Vec<Spanned<String>>,
    pub cwe: Vec<Spanned<String>>,
    pub attack: Vec<Spanned<String>>,
    pub owasp: Vec<Spanned<String>>,
    pub urls: Vec<Spanned<String>>,
}

#[derive(Clone, Debug)]
pub struct Let {
    pub name: Spanned<String>,
    pub value: Expression,
}

/// An expression. Spans are places in the YAML file.
#[derive(Clone, Debug)]
pub struct Expression {
    pub kind: ExpressionKind,
    pub span: Span,
}

#[derive(Clone, Debug)]
pub enum ExpressionKind {
    /// `a or b or c`: two or more.
    Or(Vec<Expression>),
    /// `a and b and c`: two or more.
    And(Vec<Expression>),
    Not(Box<Expression>),
    /// `( … )`: kept for lints and the formatter.
    Group(Box<Expression>),
    Compare {
        operator: Spanned<crate::catalog::Operator>,
        left: Box<Expression>,
        right: Box<Expression>,
    },
    /// `exists x`
    Exists(Box<Expression>),
    /// `any(…)` and `all(…)`
    Quantified {
        quantifier: Spanned<Quantifier>,
        body: Box<Expression>,
    },
    Call {
        name: Spanned<String>,
        arguments: Vec<Expression>,
    },
    /// A field, or a `let` name: `req.headers["a", "b"].raw` has the name `req.headers.raw` and two keys.
    Path {
        name: Spanned<String>,
        keys: Option<Vec<Spanned<Vec<u8>>>>,
    },
    /// `"…"` and `i"…"`
    String {
        value: Vec<u8>,
        ignore_case: bool,
    },
    Regex(RegexLiteral),
    Integer(i64),
    Boolean(bool),
    Ip(std::net::IpAddr),
    Cidr(ipnet::IpNet),
    Duration(Duration),
    List(Vec<Expression>),
    /// `@name`
    ListReference(String),
    /// Stands where an error was already reported; whoever meets it says nothing more.
    Error,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Quantifier {
    Any,
    All,
}

/// `r"…"` and `ri"…"`
#[derive(Clone, Debug)]
pub struct RegexLiteral {
    pub pattern: String,
    pub ignore_case: bool,
    pub positions: Positions,
}

/// Where each byte of a text decoded from YAML stands in the file.
#[derive(Clone, Debug)]
pub enum Positions {
    /// The text is verbatim in the file, from this byte.
    Linear { source: SourceId, base: u32, length: u32 },
    /// Start and end of the place of each byte; one more entry for the end of the text.
    Table { source: SourceId, places: Box<[(u32, u32)]> },
}

impl Positions {
    /// The place of the byte at `offset`; `offset` may be the text's length (the end, a point) and more (the end too).
    pub fn place(&self, offset: usize) -> Span {
        match self {
            Positions::Linear { source, base, length } => {
                let start = *base + (offset as u32).min(*length);
                Span { source: *source, start, end: start + u32::from((offset as u32) < *length) }
            }
            Positions::Table { source, places } => {
                let (start, end) = places[offset.min(places.len() - 1)];
                Span { source: *source, start, end }
            }
        }
    }

    /// The place of the bytes `start..end`.
    pub fn span(&self, start: usize, end: usize) -> Span {
        let first = self.place(start);
        if end <= start { Span { end: first.start, ..first } } else { first.to(self.place(end - 1)) }
    }
}

/// Milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Duration(pub u64);

impl Duration {
    pub const DAY: Duration = Duration(24 * 60 * 60 * 1000);

    pub fn seconds(self) -> f64 {
        self.0 as f64 / 1000.0
    }
}

/// `rate:`
#[derive(Clone, Debug)]
pub struct Rate {
    pub span: Span,
    pub key: Vec<Expression>,
    /// One or more.
    pub limits: Vec<Spanned<Limit>>,
    pub cost: Option<Spanned<u64>>,
    pub at: Option<Spanned<RatePoint>>,
    pub count: Option<Expression>,
    pub penalty: Option<Spanned<Duration>>,
}

/// `10/60s`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    pub count: u64,
    pub window: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RatePoint {
    Edge,
    Origin,
}

/// One action as written.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// `block`, `block(403)`
    Block(Option<Spanned<u64>>),
    Log,
    Tag(Spanned<Vec<u8>>),
    Score(Spanned<u64>),
    Allow(Option<AllowScope>),
    Redirect {
        status: Spanned<u64>,
        template: Spanned<Vec<u8>>,
    },
    Strip(Vec<Spanned<Vec<u8>>>),
    Throttle,
    Tarpit(Spanned<Duration>),
}

impl Action {
    /// What a scoped `allow` skips.
    pub fn scope(&self) -> Option<&AllowScope> {
        match self {
            Action::Allow(scope) => scope.as_ref(),
            Action::Block(_)
            | Action::Log
            | Action::Tag(_)
            | Action::Score(_)
            | Action::Redirect { .. }
            | Action::Strip(_)
            | Action::Throttle
            | Action::Tarpit(_) => None,
        }
    }
}

/// `allow(id: "x")`, `allow(tag: "x")`
#[derive(Clone, Debug, PartialEq)]
pub enum AllowScope {
    Id(Spanned<Vec<u8>>),
    Tag(Spanned<Vec<u8>>),
}

/// One entry of `tests`.
#[derive(Clone, Debug)]
pub struct Test {
    pub name: Spanned<String>,
    pub span: Span,
    pub body: TestBody,
}

#[derive(Clone, Debug)]
pub enum TestBody {
    Single(Step),
    Sequence(Vec<Step>),
}

/// One request and what is expected of it; in a sequence possibly several times.
#[derive(Clone, Debug)]
pub struct Step {
    pub request: RequestForm,
    /// `response: 401` or `response: {status: 401, headers: {…}}`: what the origin answers; default 200.
    pub response: Option<ResponseForm>,
    pub expect: Spanned<Expectation>,
    /// How often; default 1.
    pub repeat: u32,
    /// Time between repetitions; default 0.
    pub every: Duration,
    /// Time since the request before; default 0.
    pub after: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Expectation {
    Match,
    NoMatch,
}

#[derive(Clone, Debug)]
pub struct ResponseForm {
    pub status: Spanned<u64>,
    pub headers: Vec<(Spanned<String>, Spanned<String>)>,
}

/// A request as written.
#[derive(Clone, Debug)]
pub enum RequestForm {
    /// `POST /login` or a whole raw message (a text with more than one line).
    Text(Spanned<String>),
    /// `{file: burp.http}`, relative to the signature's file.
    File(Spanned<String>),
    /// `{curl: "…"}`
    Curl {
        command: Spanned<String>,
        positions: Positions,
    },
    Map(Box<RequestMap>),
}

impl RequestForm {
    pub fn span(&self) -> Span {
        match self {
            RequestForm::Text(text) | RequestForm::File(text) | RequestForm::Curl { command: text, .. } => text.span,
            RequestForm::Map(map) => map.span,
        }
    }
}

#[derive(Clone, Debug)]
pub struct RequestMap {
    pub span: Span,
    pub method: Option<Spanned<String>>,
    pub url: Option<Spanned<String>>,
    pub version: Option<Spanned<String>>,
    /// In written order. A list as value gives one header line each; a header set to null is not sent (`host: ~`).
    pub headers: Vec<(Spanned<String>, Vec<Spanned<String>>)>,
    pub body: Option<Spanned<String>>,
    pub client_ip: Option<Spanned<String>>,
    pub country: Option<Spanned<String>>,
    pub asn: Option<Spanned<u64>>,
    pub as_name: Option<Spanned<String>>,
    pub proxy_type: Option<Spanned<String>>,
    pub scheme: Option<Spanned<String>>,
    /// `tls: {ja3, ja4, version, sni}`, by key.
    pub tls: Vec<(Spanned<String>, Spanned<String>)>,
}

/// The project file. What is left out is `None` or empty; `semantic` knows the defaults.
#[derive(Clone, Debug)]
pub struct Project {
    pub source: SourceId,
    /// In order.
    pub comments: Vec<Span>,
    pub signatures: Vec<Spanned<String>>,
    pub targets: ProjectTargets,
    pub trusted_proxies: Option<Spanned<String>>,
    /// Field name → header name.
    pub facts: Vec<(Spanned<String>, Spanned<String>)>,
    pub lists: Vec<ListDeclaration>,
    pub limits: ProjectLimits,
    pub block: ProjectBlock,
    pub score_threshold: Option<Spanned<u64>>,
    pub prefix: Option<Spanned<String>>,
    pub services: Vec<Service>,
    /// `lints`: lint id (or `warnings`) → level, as written; the lint layer knows the words.
    pub lints: Vec<(Spanned<String>, Spanned<String>)>,
    pub policy: Option<Policy>,
}

/// `policy`: what `check` demands of every signature.
#[derive(Clone, Debug)]
pub struct Policy {
    pub require: Vec<Spanned<PolicyKey>>,
    /// A signature has at least one of them; empty: no matter.
    pub tags: Vec<Spanned<String>>,
    pub lifetime: Lifetime,
    /// From today to the end of a suppression.
    pub longest_suppression: Option<Spanned<Duration>>,
    /// The actions (first words) that a mode may have; a mode that is left out may have all.
    pub actions: Vec<(PolicyMode, Spanned<Vec<&'static str>>)>,
}

/// From `created` to `expires` at most.
#[derive(Clone, Debug, Default)]
pub struct Lifetime {
    /// Of signatures with a CVE.
    pub patch: Option<Spanned<Duration>>,
    pub any: Option<Spanned<Duration>>,
}

/// A key that a policy can demand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PolicyKey {
    Description,
    Owner,
    Created,
    Expires,
    References,
    Tags,
    Notes,
}

/// A mode in which something happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PolicyMode {
    Monitor,
    Canary,
    Enforce,
}

impl PolicyMode {
    pub const ALL: [PolicyMode; 3] = [PolicyMode::Monitor, PolicyMode::Canary, PolicyMode::Enforce];

    pub fn name(self) -> &'static str {
        match self {
            PolicyMode::Monitor => "monitor",
            PolicyMode::Canary => "canary",
            PolicyMode::Enforce => "enforce",
        }
    }
}

#[derive(Clone, Debug, Default)]
pub struct ProjectTargets {
    pub varnish: Option<VarnishTarget>,
    pub fastly: Option<FastlyTarget>,
}

#[derive(Clone, Debug, Default)]
pub struct VarnishTarget {
    pub version: Option<Spanned<String>>,
    pub vmods: Option<Vec<Spanned<String>>>,
}

#[derive(Clone, Debug, Default)]
pub struct FastlyTarget {
    pub log_endpoint: Option<Spanned<String>>,
}

/// One entry of `lists`.
#[derive(Clone, Debug)]
pub struct ListDeclaration {
    pub name: Spanned<String>,
    pub list_type: Spanned<ListType>,
    /// `values`: each as its YAML text.
    pub values: Option<Vec<Spanned<String>>>,
    pub file: Option<Spanned<String>>,
    pub edge: Option<Spanned<String>>,
    pub sample: Option<Vec<Spanned<String>>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ListType {
    Ip,
    String,
    IgnoreCaseString,
    Int,
    Regex,
}

#[derive(Clone, Debug, Default)]
pub struct ProjectLimits {
    pub url: Option<Spanned<u64>>,
    pub values: Option<Spanned<u64>>,
    pub names: Option<Spanned<u64>>,
    pub body: Option<Spanned<u64>>,
    pub over: Option<Spanned<Action>>,
}

#[derive(Clone, Debug, Default)]
pub struct ProjectBlock {
    pub status: Option<Spanned<u64>>,
    pub body: Option<Spanned<String>>,
}

/// One entry of `services`.
#[derive(Clone, Debug)]
pub struct Service {
    pub name: Spanned<String>,
    pub select_tags: Option<Vec<Spanned<String>>>,
    pub select_ids: Option<Vec<Spanned<String>>>,
    pub modes: Vec<(Spanned<String>, Spanned<Mode>)>,
    pub except: Vec<(Spanned<String>, Expression)>,
}
