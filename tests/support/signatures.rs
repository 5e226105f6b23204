//! Random signatures as IR: every field, operator and function, with literals that [`super::requests`] hits.

use super::requests::{HEADERS, NAMES, WORDS};
use super::rng::Rng;
use edgesig::catalog::{Field, KeyKind, Phase, Type};
use edgesig::ir::{
    Action, AllowScope, Block, BlockBody, Call, Check, Comparison, FastlySettings, FieldReference, IntegerOperator,
    Integers, Limits, List, ListIndex, ListValues, Mode, Needles, Networks, Patterns, Predicate, Quantifier, Risk,
    Rule, Ruleset, Settings, TemplatePart, Text, TextOperator, Value, VarnishSettings,
};
use edgesig::regex::Regex;
use edgesig::source::{SourceId, Span};
use std::cmp::Reverse;
use std::sync::Arc;

pub const NOWHERE: Span = Span { source: SourceId(0), start: 0, end: 0 };

/// Names of the lists of [`ruleset`], in order.
pub const TRUSTED: ListIndex = ListIndex(4);

const PATTERNS: &[(&str, bool)] = &[
    ("select", true),
    ("^/", false),
    (r"\.\.", false),
    (r"\d+$", false),
    ("^$", false),
    (r"[^a-z]", false),
    ("%", false),
    (r"(?:adm|log)in", true),
    (r"<script[^>]*>", true),
    (r"\$\{|jndi", true),
    ("^.{0,4}$", false),
    (r"\s", false),
    (r"[\x80-\xff]", false),
    ("\"", false),
    (r"\\", false),
    (r"%[0-9a-f]{2}", true),
    (r"\n", false),
    ("a b|a\\+b", false),
    ("(?i)ADMIN(?-i)", false),
    ("=[^&]*&", false),
];

/// What conditions are made of.
#[derive(Clone, Copy)]
pub struct Vocabulary {
    fields: &'static [Field],
    calls: &'static [Call],
    /// Two values are compared, and conditions may be `true`.
    values: bool,
}

/// What every target has.
pub const COMMON: Vocabulary = Vocabulary { fields: FIELDS, calls: CALLS, values: false };

/// And what Fastly has natively.
pub const FASTLY: Vocabulary = Vocabulary { fields: FASTLY_FIELDS, calls: FASTLY_CALLS, values: false };

/// And all that Varnish has.
pub const VARNISH: Vocabulary = Vocabulary { fields: FASTLY_FIELDS, calls: CALLS, values: true };

/// A set of `count` rules. With `acting`, some of them are enforced.
pub fn ruleset(rng: &mut Rng, count: usize, acting: bool) -> Ruleset {
    ruleset_of(rng, COMMON, count, acting)
}

/// [`ruleset`] of some words.
pub fn ruleset_of(rng: &mut Rng, words: Vocabulary, count: usize, acting: bool) -> Ruleset {
    let mut rules: Vec<Rule> = (0..count).map(|number| rule(rng, words, number, acting)).collect();
    rules.sort_by_key(|rule| (!rule.is_plain_allow(), !rule.is_allow(), Reverse(rule.risk), rule.id.clone()));
    Ruleset { settings: settings(rng), lists: lists(), rules: rules.into_iter().map(Arc::new).collect() }
}

pub fn settings(rng: &mut Rng) -> Settings {
    Settings {
        prefix: "edgesig".to_owned(),
        limits: Limits {
            url: rng.pick(&[4096, 4096, 200]),
            // Lists of more than one sub, and of a part of one.
            values: rng.pick(&[8, 8, 12, 20]),
            names: rng.pick(&[32, 32, 12, 50]),
            body: 65_536,
            over: rng.pick(&[Some(414), Some(414), None]),
        },
        block: Block { status: 403, body: BlockBody::Json },
        score_threshold: rng.pick(&[None, Some(10)]),
        trusted_proxies: Some(TRUSTED),
        facts: vec![
            (Field::ClientAsn, "x-asn".to_owned()),
            (Field::ClientCountry, "x-country".to_owned()),
            (Field::TlsJa3, "x-ja3".to_owned()),
        ],
        targets: vec!["varnish".to_owned()],
        varnish: VarnishSettings {
            version_span: None,
            version: "7.1".to_owned(),
            vmods: ["std", "blob", "var", "header", "vsthrottle", "bodyaccess", "directors"]
                .map(str::to_owned)
                .to_vec(),
        },
        fastly: FastlySettings { log_endpoint: "edgesig".to_owned() },
        services: Vec::new(),
    }
}

pub fn lists() -> Vec<List> {
    let list = |name: &str, values: ListValues| List { name: name.to_owned(), span: NOWHERE, values, edge: None };
    let networks = |texts: &[&str]| texts.iter().map(|text| text.parse().expect("a network")).collect();
    let text = |text: &str, ignore_case| Text { bytes: text.as_bytes().to_vec(), ignore_case };
    vec![
        list("clients", ListValues::Ip(networks(&["192.0.2.0/28", "198.51.100.9/32", "2001:db8::/48"]))),
        list("codes", ListValues::Int(vec![-5, 1, 7, 42])),
        list("words", ListValues::Strings(vec![text("admin", false), text("union", true), text("x", false)])),
        list(
            "patterns",
            ListValues::Regex(vec![
                Regex::new("scr[i1]pt", true).expect("a pattern"),
                Regex::new(r"\bid\b", false).expect("a pattern"),
            ]),
        ),
        list("trusted", ListValues::Ip(networks(&["10.0.0.0/8", "fe80::/10"]))),
    ]
}

fn rule(rng: &mut Rng, words: Vocabulary, number: usize, acting: bool) -> Rule {
    let mut actions = actions(rng, acting);
    let always = words.values && acting && rng.once_in(10);
    if always {
        let strip = Action::Strip(vec!["x-test".to_owned()]);
        actions = vec![if rng.once_in(2) { strip } else { Action::Tag("one".to_owned()) }];
    }
    let when = if always { Predicate::TRUE } else { predicate(rng, words, 2) };
    let mode =
        if acting { rng.pick(&[Mode::Monitor, Mode::Enforce, Mode::Enforce, Mode::Canary(50)]) } else { Mode::Monitor };
    Rule {
        id: format!("rule-{number}"),
        version: 1,
        title: "A random rule".to_owned(),
        risk: rng.pick(&Risk::ALL),
        mode,
        tags: Vec::new(),
        targets: None,
        expires: None,
        span: NOWHERE,
        places: edgesig::ir::Places::default(),
        origin: format!("rule-{number}.yaml:1"),
        hash: String::new(),
        when,
        except: rng.once_in(6).then(|| predicate(rng, words, 1)),
        rate: None,
        actions,
        tests: Vec::new(),
    }
}

fn actions(rng: &mut Rng, acting: bool) -> Vec<Action> {
    if !acting {
        return vec![Action::Block(None)];
    }
    let mut actions = Vec::new();
    if rng.once_in(4) {
        actions.push(Action::Tag(rng.pick(&["one", "two", "three"]).to_owned()));
    }
    if rng.once_in(8) {
        actions.push(Action::Strip(vec!["x-test".to_owned()]));
    }
    match rng.below(12) {
        0..3 => actions.push(Action::Block(rng.pick(&[None, Some(406), Some(451)]))),
        3..8 => actions.push(Action::Score(rng.pick(&[2, 5, 11]))),
        8 => actions.push(Action::Allow(AllowScope::Everything)),
        9 => actions.push(Action::Allow(AllowScope::Rules(vec!["rule-1".to_owned(), "rule-3".to_owned()]))),
        10 => actions.push(Action::Redirect {
            status: 302,
            template: vec![TemplatePart::Text("https://".to_owned()), TemplatePart::Host, TemplatePart::UrlRaw],
        }),
        _ => actions.push(Action::Log),
    }
    actions
}

fn predicate(rng: &mut Rng, words: Vocabulary, depth: usize) -> Predicate {
    if depth == 0 {
        return comparison(rng, words);
    }
    let parts = |rng: &mut Rng| (0..2 + rng.below(2)).map(|_| predicate(rng, words, depth - 1)).collect();
    match rng.below(8) {
        0 | 1 => Predicate::All(parts(rng)),
        2 => Predicate::Any(parts(rng)),
        3 => Predicate::Not(Box::new(predicate(rng, words, depth - 1))),
        _ => comparison(rng, words),
    }
}

fn comparison(rng: &mut Rng, words: Vocabulary) -> Predicate {
    let value = value(rng, words);
    let value_type = value.value_type();
    let is_list = value_type.is_list();
    let check = match same_as(rng, words, &value) {
        Some(check) => check,
        None => check(rng, &value),
    };
    let quantified = is_list && check != Check::Exists;
    let quantifier = quantified.then(|| rng.pick(&[Quantifier::Any, Quantifier::Any, Quantifier::All]));
    let negated = quantified && rng.once_in(3);
    let comparison = Predicate::Compare(Comparison { value, quantifier, negated, check, span: NOWHERE });
    if !is_list && rng.once_in(4) { Predicate::Not(Box::new(comparison)) } else { comparison }
}

/// Compared with another value of its type.
fn same_as(rng: &mut Rng, words: Vocabulary, left: &Value) -> Option<Check> {
    let scalar = matches!(left.value_type(), Type::String | Type::Int | Type::Ip);
    let times = if left.value_type() == Type::Ip { 3 } else { 10 };
    if !words.values || !scalar || left.field().field == Field::Body || !rng.once_in(times) {
        return None;
    }
    for _ in 0..20 {
        let right = value(rng, words);
        if right.value_type() == left.value_type() && right.field().field != Field::Body {
            return Some(Check::SameAs(right));
        }
    }
    None
}

/// A field, perhaps under functions.
fn value(rng: &mut Rng, words: Vocabulary) -> Value {
    let field = rng.pick(words.fields);
    let row = field.row();
    let keys = match row.key {
        KeyKind::None => Vec::new(),
        KeyKind::One => {
            vec![rng.pick(if field == Field::Cookies { &["id", "sid", "ID", "a"] } else { NAMES }).as_bytes().to_vec()]
        }
        KeyKind::HeaderName => vec![rng.pick(HEADERS).as_bytes().to_vec()],
        KeyKind::HeaderNames => {
            let mut keys = vec![rng.pick(HEADERS).as_bytes().to_vec()];
            while rng.once_in(3) && keys.len() < 4 {
                let next = rng.pick(&["referer", "x-test", "cookie", "expect", "host", "connection", "x-asn"]);
                if !keys.contains(&next.as_bytes().to_vec()) {
                    keys.push(next.as_bytes().to_vec());
                }
            }
            keys
        }
    };
    let mut value = Value::Field(FieldReference { field, keys });
    if row.raw_twin.is_some() && rng.once_in(5) {
        value = Value::Call(Call::AnyForm, Box::new(value));
    }
    if matches!(field, Field::Path | Field::PathRaw) && rng.once_in(4) {
        return Value::Call(Call::PathNormalize, Box::new(value));
    }
    if field == Field::Body && words.calls.len() == CALLS.len() {
        return value;
    }
    let mut left = 2;
    while left > 0 && rng.once_in(3) && matches!(value.value_type(), Type::String | Type::Strings) {
        let call = rng.pick(words.calls);
        value = Value::Call(call, Box::new(value));
        left -= 1;
    }
    if value.value_type() == Type::Ip && rng.once_in(4) {
        let (ipv4, ipv6) = rng.pick(&[(24, 56), (8, 32), (16, 64), (32, 128)]);
        value = Value::Call(Call::Prefix(ipv4, ipv6), Box::new(value));
    }
    value
}

const FIELDS: &[Field] = &[
    Field::Method,
    Field::Host,
    Field::Url,
    Field::UrlRaw,
    Field::Path,
    Field::Path,
    Field::PathRaw,
    Field::PathExt,
    Field::Query,
    Field::QueryRaw,
    Field::Args,
    Field::Args,
    Field::ArgsRaw,
    Field::ArgNames,
    Field::Headers,
    Field::Headers,
    Field::Cookies,
    Field::Body,
    Field::BodyTruncated,
    Field::Proto,
    Field::ClientIp,
    Field::ClientAsn,
    Field::ClientCountry,
    Field::TlsJa3,
];

const CALLS: &[Call] = &[
    Call::Lower,
    Call::Upper,
    Call::Length,
    Call::Trim,
    Call::Squeeze,
    Call::RemoveWhitespace,
    Call::UrlDecode,
    Call::HtmlDecode,
    Call::Base64Decode,
    Call::Int,
];

const FASTLY_CALLS: &[Call] = &[
    Call::Lower,
    Call::Upper,
    Call::Length,
    Call::Trim,
    Call::Squeeze,
    Call::RemoveWhitespace,
    Call::UrlDecode,
    Call::HtmlDecode,
    Call::Base64Decode,
    Call::Int,
    Call::Sha256,
    Call::Md5,
];

const FASTLY_FIELDS: &[Field] = &[
    Field::Method,
    Field::Scheme,
    Field::Host,
    Field::Url,
    Field::UrlRaw,
    Field::Path,
    Field::PathRaw,
    Field::PathExt,
    Field::Query,
    Field::QueryRaw,
    Field::Args,
    Field::ArgsRaw,
    Field::ArgNames,
    Field::Headers,
    Field::Headers,
    Field::Cookies,
    Field::Body,
    Field::Body,
    Field::BodyTruncated,
    Field::Proto,
    Field::ClientIp,
    Field::ClientAsn,
    Field::ClientAsName,
    Field::ClientCountry,
    Field::ClientProxyType,
    Field::TlsJa3,
    Field::TlsJa4,
    Field::TlsVersion,
    Field::TlsSni,
];

fn check(rng: &mut Rng, value: &Value) -> Check {
    let exists = value.field().field.row().absentable || value.value_type().is_list();
    if exists && rng.once_in(8) {
        return Check::Exists;
    }
    match value.value_type() {
        Type::Bool => Check::IsTrue,
        Type::Int | Type::Ints => match rng.below(4) {
            0 => Check::IntegerIn(if rng.once_in(2) {
                Integers::List(ListIndex(1))
            } else {
                Integers::Literals(vec![1, 7, 42, 64_500])
            }),
            _ => Check::Integer {
                operator: rng.pick(&[
                    IntegerOperator::Equal,
                    IntegerOperator::Less,
                    IntegerOperator::LessOrEqual,
                    IntegerOperator::Greater,
                    IntegerOperator::GreaterOrEqual,
                ]),
                value: rng.pick(&[0, 1, 5, 7, 12, 42, 64_500, 123_456_789_012_345]),
            },
        },
        Type::Ip => Check::Network(if rng.once_in(2) {
            Networks::List(ListIndex(0))
        } else {
            let network = rng.pick(&[
                "192.0.2.0/24",
                "198.51.100.9/32",
                "2001:db8::/32",
                "10.0.0.0/8",
                "0.0.0.0/0",
                "::/0",
                "192.0.2.7/32",
            ]);
            Networks::Literals(vec![network.parse().expect("a network")])
        }),
        Type::String | Type::Regex | Type::Cidr | Type::Duration | Type::Strings => text_check(rng),
    }
}

fn text_check(rng: &mut Rng) -> Check {
    match rng.below(7) {
        0 | 1 => Check::Matches(if rng.once_in(4) {
            Patterns::List(ListIndex(3))
        } else {
            let pattern = |rng: &mut Rng| -> Arc<Regex> {
                let (pattern, ignore_case) = rng.pick(PATTERNS);
                Regex::new(pattern, ignore_case).expect("a pattern")
            };
            Patterns::Literals((0..1 + rng.below(2)).map(|_| pattern(rng)).collect())
        }),
        _ => Check::Text {
            operator: rng.pick(&[
                TextOperator::Equals,
                TextOperator::Contains,
                TextOperator::Contains,
                TextOperator::StartsWith,
                TextOperator::EndsWith,
            ]),
            needles: if rng.once_in(5) {
                Needles::List(ListIndex(2))
            } else {
                Needles::Literals((0..1 + rng.below(2)).map(|_| literal(rng)).collect())
            },
        },
    }
}

fn literal(rng: &mut Rng) -> Text {
    let mut bytes = rng.pick(WORDS).as_bytes().to_vec();
    if rng.once_in(6) {
        bytes.extend_from_slice(rng.pick(&["\n", "\u{e9}", "x", "\"}", "\\1", "\r\n", "\u{7f}", "\t"]).as_bytes());
    }
    if bytes.is_empty() {
        bytes = rng
            .pick(&[
                "GET",
                "POST",
                "HTTP/1.0",
                "www.example.com",
                "192.0.2.1",
                "other.example",
                "DE",
                "/",
                "https",
                "vpn",
            ])
            .as_bytes()
            .to_vec();
    }
    Text { bytes, ignore_case: rng.once_in(3) }
}

/// Which phase a predicate needs; for assertions.
pub fn phases(predicate: &Predicate) -> Vec<Phase> {
    let mut phases = Vec::new();
    predicate.each_comparison(&mut |comparison| phases.push(comparison.value.phase()));
    phases
}
