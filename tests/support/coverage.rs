//! What generated signatures are made of, counted, and what the catalogue has of a target that must be among it.

use edgesig::catalog::{ACTIONS, Availability, FIELDS, FUNCTIONS, Field, OPERATORS, Operator, Phase};
use edgesig::ir::{
    Action, AllowScope, BlockBody, Check, Comparison, IntegerOperator, Integers, Mode, Needles, Networks, Patterns,
    Predicate, Quantifier, Rule, Ruleset, TextOperator, Value,
};
use std::collections::BTreeMap;

/// How often each part of the language stands in the rules of a run.
#[derive(Default)]
pub struct Coverage(BTreeMap<String, usize>);

/// Of `Availability::Profile`: functions for which the machine that tests has no vmod.
const WITHOUT_VMOD: &[&str] = &["sha256", "md5"];
/// Needs a rate: the generated rates have it.
const OF_RATES: &[&str] = &["throttle"];

impl Coverage {
    pub fn count(&mut self, ruleset: &Ruleset) {
        ruleset.rules.iter().for_each(|rule| self.rule(rule));
        let body = match &ruleset.settings.block.body {
            BlockBody::Json => "json",
            BlockBody::Html => "html",
            BlockBody::Text => "text",
            BlockBody::File { .. } => "file",
        };
        self.add(format!("body {body}"));
    }

    fn add(&mut self, name: impl Into<String>) {
        *self.0.entry(name.into()).or_default() += 1;
    }

    fn rule(&mut self, rule: &Rule) {
        self.add(match rule.mode {
            Mode::Monitor => "mode monitor",
            Mode::Enforce => "mode enforce",
            Mode::Canary(_) => "mode canary",
            Mode::Draft | Mode::Retired => "mode that is not emitted",
        });
        rule.predicates().for_each(|predicate| self.predicate(predicate, false));
        if rule.when == Predicate::TRUE {
            self.add("when: true");
        }
        if rule.except.is_some() {
            self.add("except");
        }
        for action in &rule.actions {
            self.add(format!("action {}", action_name(action)));
            match action {
                Action::Allow(AllowScope::Rules(_)) => self.add("allow of some rules"),
                Action::Allow(AllowScope::Everything) => self.add("allow of everything"),
                Action::Block(Some(_)) => self.add("block with a status"),
                Action::Block(None)
                | Action::Log
                | Action::Tag(_)
                | Action::Score(_)
                | Action::Redirect { .. }
                | Action::Strip(_)
                | Action::Throttle
                | Action::Tarpit(_) => {}
            }
        }
    }

    fn predicate(&mut self, predicate: &Predicate, negated: bool) {
        match predicate {
            Predicate::All(parts) => {
                self.add("and");
                parts.iter().for_each(|part| self.predicate(part, false));
            }
            Predicate::Any(parts) => {
                self.add("or");
                parts.iter().for_each(|part| self.predicate(part, false));
            }
            Predicate::Not(inner) => {
                self.add("not");
                self.predicate(inner, true);
            }
            Predicate::Compare(comparison) => self.comparison(comparison, negated),
        }
    }

    fn comparison(&mut self, comparison: &Comparison, negated: bool) {
        self.value(&comparison.value);
        match comparison.quantifier {
            Some(Quantifier::Any) => self.add("any"),
            Some(Quantifier::All) => self.add("all"),
            None => {}
        }
        let (operator, right) = match &comparison.check {
            Check::Exists => (None, "exists"),
            Check::IsTrue => (None, "a bool alone"),
            Check::Text { operator, needles } => {
                let right = match needles {
                    Needles::List(_) => "@list of texts",
                    Needles::Literals(texts) if texts.len() > 1 => "list of texts",
                    Needles::Literals(texts) if texts.iter().any(|text| text.ignore_case) => "text without case",
                    Needles::Literals(_) => "text",
                };
                let operator = match operator {
                    TextOperator::Equals => Operator::Equal,
                    TextOperator::Contains => Operator::Contains,
                    TextOperator::StartsWith => Operator::StartsWith,
                    TextOperator::EndsWith => Operator::EndsWith,
                };
                (Some(operator), right)
            }
            Check::Matches(patterns) => {
                let right = match patterns {
                    Patterns::List(_) => "@list of patterns",
                    Patterns::Literals(patterns) if patterns.len() > 1 => "list of patterns",
                    Patterns::Literals(_) => "pattern",
                };
                (Some(Operator::Matches), right)
            }
            Check::Integer { operator, .. } => {
                let operator = match operator {
                    IntegerOperator::Equal => Operator::Equal,
                    IntegerOperator::Less => Operator::Less,
                    IntegerOperator::LessOrEqual => Operator::LessOrEqual,
                    IntegerOperator::Greater => Operator::Greater,
                    IntegerOperator::GreaterOrEqual => Operator::GreaterOrEqual,
                };
                (Some(operator), "number")
            }
            Check::IntegerIn(Integers::List(_)) => (Some(Operator::In), "@list of numbers"),
            Check::IntegerIn(Integers::Literals(_)) => (Some(Operator::In), "list of numbers"),
            Check::Network(Networks::List(_)) => (Some(Operator::In), "@list of networks"),
            Check::Network(Networks::Literals(_)) => (Some(Operator::In), "networks"),
            Check::SameAs(other) => {
                self.value(other);
                (Some(Operator::Equal), "another value")
            }
        };
        self.add(right);
        if let Some(operator) = operator {
            let negated = negated || comparison.negated;
            let operator = if negated && operator == Operator::Equal { Operator::NotEqual } else { operator };
            self.add(format!("operator {}", operator.name()));
            self.add(format!("operator {} of {}", operator.name(), comparison.value.value_type().name()));
        }
    }

    fn value(&mut self, value: &Value) {
        match value {
            Value::Field(reference) => {
                self.add(format!("field {}", reference.field.row().name));
                if reference.keys.len() > 1 {
                    self.add("several headers");
                }
            }
            Value::Call(call, argument) => {
                self.add(format!("function {}", call.function().row().name));
                self.value(argument);
            }
        }
    }

    /// What of the language as Varnish has it stands in no rule.
    pub fn missing_on_varnish(&self) -> Vec<String> {
        let has = |availability: Availability| match availability {
            Availability::Native(_) | Availability::Emulated(_) | Availability::Profile(_) => true,
            Availability::No(_) => false,
        };
        let fields = FIELDS.iter().filter(|row| has(row.varnish) && row.phase == Phase::Request);
        let fields = fields.map(|row| format!("field {}", row.name));
        let functions = FUNCTIONS.iter().filter(|row| has(row.varnish) && !WITHOUT_VMOD.contains(&row.name));
        let functions = functions.map(|row| format!("function {}", row.name));
        let operators = OPERATORS.iter().map(|row| format!("operator {}", row.name));
        let actions = ACTIONS.iter().filter(|row| has(row.varnish) && !OF_RATES.contains(&row.name));
        let actions = actions.map(|row| format!("action {}", row.name));
        let others = [
            "mode monitor",
            "mode enforce",
            "mode canary",
            "when: true",
            "except",
            "allow of some rules",
            "allow of everything",
            "block with a status",
            "and",
            "or",
            "not",
            "any",
            "all",
            "exists",
            "a bool alone",
            "@list of texts",
            "list of texts",
            "text without case",
            "text",
            "@list of patterns",
            "list of patterns",
            "pattern",
            "number",
            "@list of numbers",
            "list of numbers",
            "@list of networks",
            "networks",
            "another value",
            "several headers",
            "body json",
            "body html",
            "body text",
            "body file",
            "operator == of int",
            "operator != of int",
            "operator == of string",
            "operator != of string",
            "operator == of ip",
            "operator in of ip",
            "operator in of int",
            "operator matches of list<string>",
        ];
        let all = fields.chain(functions).chain(operators).chain(actions).chain(others.map(str::to_owned));
        all.filter(|name| !self.0.contains_key(name)).collect()
    }
}

/// As it is written.
fn action_name(action: &Action) -> &'static str {
    match action {
        Action::Block(_) => "block",
        Action::Log => "log",
        Action::Tag(_) => "tag",
        Action::Score(_) => "score",
        Action::Allow(_) => "allow",
        Action::Redirect { .. } => "redirect",
        Action::Strip(_) => "strip",
        Action::Throttle => "throttle",
        Action::Tarpit(_) => "tarpit",
    }
}

/// The facts of Varnish, each with its header.
pub fn facts() -> Vec<(Field, String)> {
    let mut facts = vec![
        (Field::Scheme, "x-forwarded-proto".to_owned()),
        (Field::ClientAsn, "x-asn".to_owned()),
        (Field::ClientAsName, "x-as-name".to_owned()),
        (Field::ClientCountry, "x-country".to_owned()),
        (Field::ClientProxyType, "x-proxy-type".to_owned()),
        (Field::TlsJa3, "x-ja3".to_owned()),
        (Field::TlsJa4, "x-ja4".to_owned()),
        (Field::TlsVersion, "x-tls-version".to_owned()),
        (Field::TlsSni, "x-sni".to_owned()),
    ];
    facts.sort();
    facts
}
