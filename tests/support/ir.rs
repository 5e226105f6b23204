//! Small rules as IR, for scenarios.

use super::rng::Rng;
use super::signatures::{NOWHERE, lists, settings};
use edgesig::catalog::{Field, Phase};
use edgesig::ir::{
    Action, Call, Check, Comparison, FieldReference, Limits, Mode, Needles, Predicate, Quantifier, Rate, RatePoint,
    Risk, Rule, Ruleset, Text, TextOperator, Value, Window,
};
use edgesig::request::Request;
use std::sync::Arc;

/// A set with the default limits, without a score.
pub fn ruleset(rules: Vec<Rule>) -> Ruleset {
    let mut settings = settings(&mut Rng::new(1));
    settings.limits = Limits { url: 4096, values: 8, names: 32, body: 65_536, over: Some(414) };
    settings.score_threshold = None;
    Ruleset { settings, lists: lists(), rules: rules.into_iter().map(Arc::new).collect() }
}

pub fn rule(id: &str, when: Predicate, actions: Vec<Action>) -> Rule {
    Rule {
        id: id.to_owned(),
        version: 1,
        title: "A rule".to_owned(),
        risk: Risk::High,
        mode: Mode::Enforce,
        tags: Vec::new(),
        targets: None,
        expires: None,
        span: NOWHERE,
        places: edgesig::ir::Places::default(),
        origin: format!("{id}.yaml:1"),
        hash: String::new(),
        when,
        except: None,
        rate: None,
        actions,
        tests: Vec::new(),
    }
}

/// A rule that blocks.
pub fn block(id: &str, when: Predicate) -> Rule {
    rule(id, when, vec![Action::Block(None)])
}

pub fn field(field: Field, key: Option<&str>) -> Value {
    Value::Field(FieldReference { field, keys: key.iter().map(|key| key.as_bytes().to_vec()).collect() })
}

/// `client.ip` as it stands in a key.
pub fn client() -> Value {
    Value::Call(Call::Prefix(32, 64), Box::new(field(Field::ClientIp, None)))
}

pub fn compare(value: Value, check: Check) -> Predicate {
    let quantifier = (value.value_type().is_list() && check != Check::Exists).then_some(Quantifier::Any);
    Predicate::Compare(Comparison { value, quantifier, negated: false, check, span: NOWHERE })
}

pub fn text(value: Value, operator: TextOperator, needle: &str) -> Predicate {
    let needles = Needles::Literals(vec![Text { bytes: needle.as_bytes().to_vec(), ignore_case: false }]);
    compare(value, Check::Text { operator, needles })
}

pub fn contains(value: Value, needle: &str) -> Predicate {
    text(value, TextOperator::Contains, needle)
}

/// `limits` are (limit, seconds).
pub fn rate(key: Vec<Value>, limits: &[(u32, u32)]) -> Rate {
    Rate {
        span: NOWHERE,
        key,
        windows: limits.iter().map(|(limit, seconds)| Window { limit: *limit, seconds: *seconds }).collect(),
        window_spans: Vec::new(),
        cost: 1,
        at: RatePoint::Edge,
        count: None,
        count_phase: Phase::Request,
        penalty: None,
        penalty_span: None,
    }
}

/// `GET TARGET` with headers, and a Host.
pub fn get(target: &str, headers: &[(&str, &str)]) -> Request {
    let mut request = Request { target: target.as_bytes().to_vec(), ..Request::default() };
    request.headers.extend(headers.iter().map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec())));
    request.complete();
    request
}

pub fn any_form(value: Value) -> Value {
    Value::Call(Call::AnyForm, Box::new(value))
}
