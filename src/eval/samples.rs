//! Rulesets and requests by hand, for the tests of the evaluator: they need no front end.

use crate::catalog::{Field, Phase};
use crate::ir::{
    Action, Block, BlockBody, Check, Comparison, FastlySettings, FieldReference, IntegerOperator, Limits, List,
    ListIndex, ListValues, Mode, Needles, Patterns, Predicate, Quantifier, Rate, RatePoint, Risk, Rule, Ruleset,
    Settings, Text, TextOperator, Value, VarnishSettings, Window,
};
use crate::regex::Regex;
use crate::request::Request;
use crate::source::{SourceId, Span};
use std::sync::Arc;

pub fn span() -> Span {
    Span::new(SourceId(0), 0, 0)
}

pub fn ruleset(rules: Vec<Rule>) -> Ruleset {
    let settings = Settings {
        prefix: "edgesig".to_owned(),
        limits: Limits { url: 4096, values: 8, names: 32, body: 65536, over: Some(414) },
        block: Block { status: 403, body: BlockBody::Json },
        score_threshold: None,
        trusted_proxies: None,
        facts: Vec::new(),
        targets: Vec::new(),
        varnish: VarnishSettings { version: "7.1".to_owned(), version_span: None, vmods: Vec::new() },
        fastly: FastlySettings { log_endpoint: "edgesig".to_owned() },
        services: Vec::new(),
    };
    Ruleset { settings, lists: Vec::new(), rules: rules.into_iter().map(Arc::new).collect() }
}

pub fn ip_list(networks: &[&str]) -> List {
    let values = networks.iter().map(|network| network.parse().unwrap()).collect();
    List { name: "list".to_owned(), span: span(), values: ListValues::Ip(values), edge: None }
}

pub const FIRST_LIST: ListIndex = ListIndex(0);

pub fn rule(id: &str, mode: Mode, when: Predicate, actions: Vec<Action>) -> Rule {
    Rule {
        id: id.to_owned(),
        version: 1,
        title: String::new(),
        risk: Risk::High,
        mode,
        tags: Vec::new(),
        targets: None,
        expires: None,
        span: span(),
        places: crate::ir::Places::default(),
        origin: String::new(),
        hash: String::new(),
        when,
        except: None,
        rate: None,
        actions,
        tests: Vec::new(),
    }
}

pub fn rate(key: Vec<Value>, windows: &[(u32, u32)]) -> Rate {
    Rate {
        span: span(),
        key,
        windows: windows.iter().map(|(limit, seconds)| Window { limit: *limit, seconds: *seconds }).collect(),
        window_spans: Vec::new(),
        cost: 1,
        at: RatePoint::Edge,
        count: None,
        count_phase: Phase::Request,
        penalty: None,
        penalty_span: None,
    }
}

pub fn field(field: Field) -> Value {
    Value::Field(FieldReference { field, keys: Vec::new() })
}

pub fn keyed(field: Field, keys: &[&str]) -> Value {
    Value::Field(FieldReference { field, keys: keys.iter().map(|key| key.as_bytes().to_vec()).collect() })
}

pub fn compare(value: Value, check: Check) -> Predicate {
    Predicate::Compare(Comparison { value, quantifier: None, negated: false, check, span: span() })
}

pub fn quantified(quantifier: Quantifier, negated: bool, value: Value, check: Check) -> Predicate {
    Predicate::Compare(Comparison { value, quantifier: Some(quantifier), negated, check, span: span() })
}

pub fn text(operator: TextOperator, needle: &str) -> Check {
    let needle = Text { bytes: needle.into(), ignore_case: false };
    Check::Text { operator, needles: Needles::Literals(vec![needle]) }
}

pub fn equals(needle: &str) -> Check {
    text(TextOperator::Equals, needle)
}

pub fn pattern(pattern: &str) -> Check {
    Check::Matches(Patterns::Literals(vec![Regex::new(pattern, false).unwrap()]))
}

pub fn integer(operator: IntegerOperator, value: i64) -> Check {
    Check::Integer { operator, value }
}

pub fn not(predicate: Predicate) -> Predicate {
    Predicate::Not(Box::new(predicate))
}

/// `req.path.raw == PATH`
pub fn path_is(path: &str) -> Predicate {
    compare(field(Field::PathRaw), equals(path))
}

/// `req.headers[NAME] == "1"`
pub fn header_is_one(name: &str) -> Predicate {
    compare(keyed(Field::Headers, &[name]), equals("1"))
}

/// `GET TARGET` with headers, complete.
pub fn get(target: &str, headers: &[(&str, &str)]) -> Request {
    let headers = headers.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    let mut request = Request { target: target.into(), headers, ..Request::default() };
    request.complete();
    request
}

pub fn get_at(target: &str, seconds: u64) -> Request {
    Request { time: std::time::Duration::from_secs(seconds), ..get(target, &[]) }
}
