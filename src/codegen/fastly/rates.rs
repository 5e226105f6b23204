//! Rates: a ratecounter per signature, read before it is raised so that what is refused weighs nothing, and a penalty
//! box. How each window is counted is chosen in `rate_forms`; where, here:
//!
//! - **at the edge** in `vcl_recv`, after everything else;
//! - **at the origin** in `vcl_miss` and `vcl_pass` (`origin`): the key and what `count` asks of the request come from
//!   `vcl_recv` in headers, because there the request is as it arrived;
//! - **by responses**: raised in `vcl_deliver`, judged at one of the two.

use super::fields::name;
use super::rate_forms::{Form, Forms};
use super::recv::guarded;
use super::{Generator, set};
use crate::catalog::Phase;
use crate::codegen::vcl::{Comparator, Expression, Statement, when, when_else};
use crate::ir::{Check, Predicate, Rate, RatePoint, Rule};

/// The names of a rate's objects.
pub(super) struct Stores {
    counter: String,
    penalty: Option<String>,
}

impl<'r> Generator<'r> {
    /// A rule with a rate: what `vcl_recv` does of it.
    pub(super) fn rate_rule(&mut self, index: usize, rule: &'r Rule) -> Option<Vec<Statement>> {
        let rate = rule.rate.as_ref()?;
        let forms = self.forms(rate);
        let penalty_fits = self.penalty(rate);
        let actions_fit = self.fits_origin(rule, rate);
        let subject = self.subject(index, rule);
        let header = self.header_name(&format!("rate-{index}"));
        let on_response = rate.count.is_some() && rate.count_phase == Phase::Response;
        // What `count` asks of the request is asked here; what it asks of the response waits.
        let mut flags = Vec::new();
        let count = match &rate.count {
            Some(count) if on_response => self.response_count(count, &header, &mut flags),
            Some(count) => self.predicate(count),
            None => Some(Expression::Boolean(true)),
        };
        let key = self.key(rate);
        let (forms, subject, count, mut body) = (forms?, subject?, count?, key?);
        penalty_fits?;
        actions_fit?;
        self.note_error(rule, rate, &forms);
        let stores = self.stores_of(rule, rate);
        let kept = set(&Expression::Header("req", header.clone()), self.local("key", "STRING"));
        if on_response || rate.at == RatePoint::Origin {
            self.extra_headers.push(header.clone());
        }
        match rate.at {
            RatePoint::Origin => {
                body.push(kept);
                body.extend(flags);
                if !on_response && count != Expression::Boolean(true) {
                    let counts = self.flag(&header, "counts");
                    body.push(when(count.clone(), vec![set(&counts, Expression::text("1"))]));
                }
                if let Some(statements) = self.origin_share(rule, &header)? {
                    body.extend(statements);
                }
                self.origin_rule(
                    rule,
                    rate,
                    &forms,
                    &stores,
                    &header,
                    !on_response && count != Expression::Boolean(true),
                );
            }
            RatePoint::Edge => {
                body.extend(self.judged(
                    rate,
                    &forms,
                    &stores,
                    on_response,
                    if on_response { Expression::Boolean(true) } else { count.clone() },
                ));
                let over = self.local("over", "BOOL");
                let matched = self.matched(rule)?;
                if on_response {
                    body.push(when_else(over, matched, std::iter::once(kept).chain(flags).collect()));
                } else {
                    body.push(when(over, matched));
                }
            }
        }
        if on_response {
            self.weigh_response(rule, rate, &forms, &stores, &header, count);
        }
        let mut statements = vec![Statement::Comment(format!("{}: {}", rule.id, rule.title))];
        statements.extend(guarded(subject, body));
        Some(vec![Statement::Signature(rule.id.clone(), statements)])
    }

    fn stores_of(&mut self, rule: &Rule, rate: &Rate) -> Stores {
        let counter = self.names.unique(&format!("{}_count", rule.id));
        self.stores.push(("ratecounter", counter.clone()));
        let penalty = rate.penalty.map(|_| {
            let name = self.names.unique(&format!("{}_penalty", rule.id));
            self.stores.push(("penaltybox", name.clone()));
            name
        });
        Stores { counter, penalty }
    }

    /// A header that says yes to something about a rate.
    pub(super) fn flag(&mut self, header: &str, what: &str) -> Expression {
        let name = format!("{header}-{what}");
        if !self.extra_headers.contains(&name) {
            self.extra_headers.push(name.clone());
        }
        Expression::Header("req", name)
    }

    /// Sets `var.over` for the key in `var.key`, and weighs what is admitted and `counts`.
    pub(super) fn judged(
        &mut self,
        rate: &Rate,
        forms: &Forms,
        stores: &Stores,
        on_response: bool,
        counts: Expression,
    ) -> Vec<Statement> {
        let (key, over) = (self.local("key", "STRING"), self.local("over", "BOOL"));
        let judge = guarded(counts, self.judge(rate, forms, stores, on_response));
        let mut statements = vec![set(&over, Expression::Boolean(false))];
        match &stores.penalty {
            Some(boxed) => statements.push(when_else(
                Expression::call("ratelimit.penaltybox_has", [name(boxed), key]),
                vec![set(&over, Expression::Boolean(true))],
                judge,
            )),
            None => statements.extend(judge),
        }
        statements
    }

    fn judge(&mut self, rate: &Rate, forms: &Forms, stores: &Stores, on_response: bool) -> Vec<Statement> {
        let (key, over, weight) = (self.local("key", "STRING"), self.local("over", "BOOL"), name("var.weight"));
        let penalty = Expression::Duration(u64::from(rate.penalty.unwrap_or_default()) * 1000);
        if let (Some(Form::CheckRate { delta, limit }), Some(boxed)) = (forms.windows.first(), &stores.penalty) {
            let arguments = [
                key,
                name(&stores.counter),
                Expression::Integer(i64::from(*delta)),
                Expression::Integer(1),
                Expression::Integer(i64::from(*limit)),
                name(boxed),
                penalty,
            ];
            let check = Expression::call("ratelimit.check_rate", arguments);
            return vec![when(check, vec![set(&over, Expression::Boolean(true))])];
        }
        let mut statements = self.slot_keys(forms, &key);
        statements.extend(self.raises(forms, stores, &key, 0));
        let tests =
            forms.windows.iter().filter_map(|form| test(*form, forms.scale, rate, stores, &weight, on_response));
        let refuses = Expression::any(tests.collect::<Vec<_>>());
        let mut refused = vec![set(&over, Expression::Boolean(true))];
        if let Some(boxed) = &stores.penalty {
            refused
                .push(Statement::Do(Expression::call("ratelimit.penaltybox_add", [name(boxed), key.clone(), penalty])));
        }
        let admitted = if on_response { Vec::new() } else { self.raises(forms, stores, &key, rate.cost) };
        statements.push(when_else(refuses, refused, admitted));
        statements
    }

    /// Sets the keys of the windows that are counted in slots of the clock.
    fn slot_keys(&mut self, forms: &Forms, key: &Expression) -> Vec<Statement> {
        let mut statements = Vec::new();
        for seconds in forms.slots() {
            let (slot, slot_key) = (self.local("slot", "INTEGER"), self.local(&format!("key_{seconds}s"), "STRING"));
            let number = Expression::call("std.itoa", [slot.clone()]);
            statements.push(set(&slot, Expression::call("std.atoi", [name("now.sec")])));
            statements.push(Statement::Divide(slot, Expression::Integer(seconds.into())));
            statements.push(set(&slot_key, Expression::Sum(vec![key.clone(), Expression::text("@"), number])));
        }
        statements
    }

    /// Raises every entry of a rate by a weight; 0 reads them. [`Generator::slot_keys`] must stand before. The entry of the
    /// key itself comes last: buckets and rates are those of the entry that was touched last.
    fn raises(&mut self, forms: &Forms, stores: &Stores, key: &Expression, by: u32) -> Vec<Statement> {
        let mut statements = Vec::new();
        for seconds in forms.slots() {
            let slot_key = self.local(&format!("key_{seconds}s"), "STRING");
            let weight = self.local(&format!("weight_{seconds}s"), "INTEGER");
            statements.push(set(&weight, raised(&stores.counter, slot_key, by)));
        }
        if forms.windows.iter().any(|form| !matches!(form, Form::Slot { .. })) {
            let weight = self.local("weight", "INTEGER");
            statements.push(set(&weight, raised(&stores.counter, key.clone(), by * forms.scale)));
        }
        statements
    }

    /// In `vcl_deliver`: the response of a request that a rate selected.
    fn weigh_response(
        &mut self,
        rule: &'r Rule,
        rate: &'r Rate,
        forms: &Forms,
        stores: &Stores,
        header: &str,
        counts: Expression,
    ) {
        let key = Expression::Header("req", header.to_owned());
        let mut body = self.in_deliver(|generator| {
            let mut statements = generator.slot_keys(forms, &key);
            statements.extend(generator.raises(forms, stores, &key, rate.cost));
            statements
        });
        // Our own refusals never weigh; what the cache answers does not where the origin is meant.
        let own = self.header("status").not();
        let from_origin = match rate.at {
            RatePoint::Edge => Expression::Boolean(true),
            RatePoint::Origin => name("fastly_info.state").matches("^(?:MISS|PASS)"),
        };
        let weighs = Expression::all([key.clone(), own, from_origin, counts]);
        // Once, however often the request is delivered.
        body.push(Statement::Unset(key));
        self.deliver.push(Statement::Signature(rule.id.clone(), vec![when(weighs, body)]));
    }

    /// `count` when the response is known. Comparisons with the request leave a flag in `flags`.
    fn response_count(
        &mut self,
        predicate: &'r Predicate,
        header: &str,
        flags: &mut Vec<Statement>,
    ) -> Option<Expression> {
        Some(match predicate {
            Predicate::All(parts) => {
                let parts: Vec<_> = parts.iter().map(|part| self.response_count(part, header, flags)).collect();
                Expression::all(parts.into_iter().collect::<Option<Vec<_>>>()?)
            }
            Predicate::Any(parts) => {
                let parts: Vec<_> = parts.iter().map(|part| self.response_count(part, header, flags)).collect();
                Expression::any(parts.into_iter().collect::<Option<Vec<_>>>()?)
            }
            Predicate::Not(inner) => self.response_count(inner, header, flags)?.not(),
            Predicate::Compare(comparison) => {
                let other = match &comparison.check {
                    Check::SameAs(other) => Some(other.phase()),
                    Check::Exists
                    | Check::IsTrue
                    | Check::Text { .. }
                    | Check::Matches(_)
                    | Check::Integer { .. }
                    | Check::IntegerIn(_)
                    | Check::Network(_) => None,
                };
                match (comparison.value.phase(), other) {
                    (Phase::Request, None | Some(Phase::Request)) => {
                        let holds = self.predicate(predicate)?;
                        let flag = self.flag(header, &format!("is-{}", flags.len() + 1));
                        flags.push(when(holds, vec![set(&flag, Expression::text("1"))]));
                        flag
                    }
                    (Phase::Response, None | Some(Phase::Response)) => {
                        self.in_deliver(|generator| generator.predicate(predicate))?
                    }
                    (Phase::Request, Some(Phase::Response)) | (Phase::Response, Some(Phase::Request)) => {
                        self.unsupported(
                            comparison.span,
                            format!("`{}`: on Fastly a response cannot be compared with its request", self.rule),
                            "one side is known before the other",
                            "compare each with a literal",
                        );
                        return None;
                    }
                }
            }
        })
    }
}

/// `ratelimit.ratecounter_increment(COUNTER, KEY, BY)`: the weight of the last minute.
fn raised(counter: &str, key: Expression, by: u32) -> Expression {
    Expression::call("ratelimit.ratecounter_increment", [name(counter), key, Expression::Integer(i64::from(by))])
}

/// What holds when a window has no room.
fn test(
    form: Form,
    scale: u32,
    rate: &Rate,
    stores: &Stores,
    weight: &Expression,
    on_response: bool,
) -> Option<Expression> {
    let counter = &stores.counter;
    let (seen, limit) = match form {
        Form::Count { bucket: 60, limit } => (weight.clone(), limit),
        Form::Count { bucket, limit } => (name(&format!("ratecounter.{counter}.bucket.{bucket}s")), limit),
        Form::Second { limit } => (name(&format!("ratecounter.{counter}.rate.1s")), limit),
        Form::Slot { seconds, limit } => (name(&format!("var.weight_{seconds}s")), limit),
        // INVARIANT: such a rate has one window, and its own statement.
        Form::CheckRate { .. } => return None,
    };
    let (comparator, bound) = if on_response {
        (Comparator::GreaterOrEqual, limit)
    } else {
        (Comparator::Greater, limit.saturating_sub(rate.cost))
    };
    // Slots have entries of their own, where nothing is scaled.
    let scale = if matches!(form, Form::Slot { .. }) { 1 } else { scale };
    let bound = i64::from(bound) * i64::from(scale);
    Some(match form {
        // A rate is a FLOAT.
        Form::Second { .. } => seen.compare(comparator, name(&format!("{bound}.0"))),
        Form::Count { .. } | Form::Slot { .. } | Form::CheckRate { .. } => {
            seen.compare(comparator, Expression::Integer(bound))
        }
    })
}
