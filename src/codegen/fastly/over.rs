//! What a set of rules cannot look at: the limits of the language, a Cookie header that Fastly removed, a pattern that it
//! gave up on. Such a request is refused when some rule can act, and else recorded.

use super::fields::name;
use super::predicate::forms;
use super::recv::{BLOCK, empty};
use super::{Generator, lists, set};
use crate::catalog::Field;
use crate::codegen::vcl::{Comparator, Expression, Statement, when};
use crate::ir::{Call, Check, Rule, Value};
use std::sync::Arc;

/// Where Fastly says that a pattern took too much; the match then failed.
pub(super) const ERROR: &str = "fastly.error";

impl Generator<'_> {
    /// What a request gets whose limit is in `var.limit`.
    fn over(&mut self) -> Vec<Statement> {
        let limit = self.local("limit", "STRING");
        let mut taken = vec![set(&self.local("open", "BOOL"), Expression::Boolean(false))];
        if let Some(status) = self.settings.limits.over.filter(|_| self.can_act()) {
            let (action, by, local_status) =
                (self.local("action", "STRING"), self.local("by", "STRING"), self.local("status", "STRING"));
            taken.extend([
                set(&action, Expression::text(BLOCK)),
                set(&by, limit),
                set(&local_status, Expression::text(status.to_string())),
            ]);
        }
        taken
    }

    /// After the last pattern: one that Fastly gave up on did not match, whatever it should have. Patterns are cleared of
    /// that before they get here; this is the net below.
    pub(super) fn given_up(&mut self) -> Vec<Statement> {
        let (open, limit) = (self.local("open", "BOOL"), self.local("limit", "STRING"));
        let gave_up = name(ERROR).equals(Expression::text("EREGRECUR"));
        let mut taken = vec![set(&limit, Expression::text("limit-patterns"))];
        taken.extend(self.over());
        vec![when(Expression::all([open, gave_up]), taken)]
    }

    /// The limits that a set of rules is under: what finds the first, and what a request over it gets.
    pub(super) fn limits(&mut self) -> (Vec<Statement>, Vec<Statement>) {
        let limit = self.local("limit", "STRING");
        let all: Vec<&Rule> = self.ruleset.rules.iter().map(Arc::as_ref).collect();
        let [url, values, names, cookies] = self.over_limits(&all);
        let branches: Vec<(Expression, Vec<Statement>)> =
            [("limit-url", url), ("limit-values", values), ("limit-names", names), ("limit-cookies", cookies)]
                .into_iter()
                .filter(|(_, over)| *over != Expression::Boolean(false))
                .map(|(kind, over)| (over, vec![set(&limit, Expression::text(kind))]))
                .collect();
        if branches.is_empty() {
            return (Vec::new(), Vec::new());
        }
        let open = self.local("open", "BOOL");
        let taken = self.over();
        let find = vec![Statement::If { branches, otherwise: Vec::new() }];
        let over = limit.compare(Comparator::NotEqual, empty());
        // A plain allow that held before leaves the limit unjudged, and unrecorded.
        let closed = when(open.clone().not(), vec![set(&self.local("limit", "STRING"), empty())]);
        (find, vec![closed, when(Expression::all([open, over]), taken)])
    }

    /// What holds when a plain allow reads nothing that is over a limit.
    pub(super) fn own_limits(&mut self, rule: &Rule) -> Vec<Expression> {
        self.over_limits(&[rule])
            .into_iter()
            .filter(|over| *over != Expression::Boolean(false))
            .map(Expression::not)
            .collect()
    }

    /// What some rules read is over the URL's limit, over `values`, over `names`.
    fn over_limits(&mut self, rules: &[&Rule]) -> [Expression; 4] {
        let (mut url, mut values, mut names) = (Vec::new(), Vec::new(), Vec::new());
        let reads_url = rules.iter().flat_map(|rule| rule.fields()).any(|reference| reference.field.reads_url());
        if reads_url {
            let mut prelude = std::mem::take(&mut self.prelude);
            let text = self.url(&mut prelude.statements);
            self.prelude = prelude;
            let length = Expression::call("std.strlen", [text]);
            let limit = i64::from(self.settings.limits.url);
            url.push(length.compare(Comparator::Greater, Expression::Integer(limit)));
        }
        for rule in rules {
            for argument in normalized_arguments(rule) {
                url.extend(self.climbs.iter().filter(|(value, _)| *value == argument).map(|(_, over)| over.clone()));
            }
            for reference in rule.fields() {
                let Some(source) = lists::source(reference) else { continue };
                let over = self.visits.iter().filter(|visit| visit.source == source).map(|visit| visit.over.clone());
                match source {
                    lists::Source::Argument(_) | lists::Source::Cookie(_) => values.extend(over),
                    lists::Source::ArgumentNames => names.extend(over),
                }
            }
        }
        let reads_cookies = rules.iter().flat_map(|rule| rule.fields()).any(|reference| {
            reference.field == Field::Cookies
                || (reference.field == Field::Headers && reference.keys.iter().any(|key| key == b"cookie"))
        });
        // Fastly has removed what it found too long, and says so.
        let removed = Expression::Header("req", "fastly-cookie-overflow".to_owned());
        let cookies = if reads_cookies { vec![removed] } else { Vec::new() };
        [url, values, names, cookies].map(|parts| {
            let mut unique: Vec<Expression> = Vec::new();
            for part in parts {
                if !unique.contains(&part) {
                    unique.push(part);
                }
            }
            Expression::any(unique)
        })
    }
}

/// Arguments of `path_normalize` in a rule.
fn normalized_arguments(rule: &Rule) -> Vec<Value> {
    fn add(value: &Value, found: &mut Vec<Value>) {
        if let Value::Call(call, inner) = value {
            if *call == Call::PathNormalize {
                found.extend(forms(inner));
            }
            add(inner, found);
        }
    }
    let mut found = Vec::new();
    for predicate in rule.predicates() {
        predicate.each_comparison(&mut |comparison| {
            add(&comparison.value, &mut found);
            if let Check::SameAs(other) = &comparison.check {
                add(other, &mut found);
            }
        });
    }
    rule.rate.iter().flat_map(|rate| &rate.key).for_each(|value| add(value, &mut found));
    found
}
