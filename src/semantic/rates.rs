//! `rate:` → the IR's rate: whole numbers in range, scalar key parts, the shortest window first.

use super::scope::Checker;
use super::term::Term;
use crate::catalog::{Field, Phase, Type};
use crate::diagnostic::{Code, Diagnostic};
use crate::ir::{Call, FieldReference, Predicate, Rate, RatePoint, Value, Window};
use crate::source::{Span, Spanned};
use crate::syntax::ast;

const MAX_COST: u64 = 100;

impl<'a> Checker<'a> {
    /// The rate of a signature. `None`: it has errors.
    pub fn rate(&mut self, rate: &'a ast::Rate) -> Option<Rate> {
        // Every part is checked before the first error ends it.
        let key: Vec<Option<Value>> = rate.key.iter().map(|part| self.key_part(part)).collect();
        let windows = self.windows(&rate.limits);
        let (windows, window_spans): (Option<Vec<Window>>, Vec<Span>) = match windows {
            Some(windows) => {
                let (windows, spans) = windows.into_iter().unzip();
                (Some(windows), spans)
            }
            None => (None, Vec::new()),
        };
        let cost = self.cost(rate.cost.as_ref(), windows.as_deref());
        let penalty = match &rate.penalty {
            None => Some(None),
            Some(penalty) => self.whole_seconds(penalty, "a penalty").map(Some),
        };
        let count = match &rate.count {
            None => Some(None),
            Some(count) => self.count(count).map(Some),
        };
        let (count, count_phase) = count?.unzip();
        Some(Rate {
            span: rate.span,
            key: key.into_iter().collect::<Option<_>>()?,
            windows: windows?,
            window_spans,
            cost: cost?,
            at: match rate.at.as_ref().map(|at| at.value) {
                None | Some(ast::RatePoint::Edge) => RatePoint::Edge,
                Some(ast::RatePoint::Origin) => RatePoint::Origin,
            },
            count,
            count_phase: count_phase.unwrap_or(Phase::Request),
            penalty: penalty?,
            penalty_span: rate.penalty.as_ref().map(|penalty| penalty.span),
        })
    }

    fn invalid_rate(&mut self, span: Span, message: impl Into<String>, help: impl Into<String>) {
        self.report(Diagnostic::new(Code::InvalidRate, span, message, "cannot be counted").help(help));
    }

    fn count(&mut self, count: &'a ast::Expression) -> Option<(Predicate, Phase)> {
        let (predicate, phase) = self.whole_condition(count)?;
        if predicate == Predicate::TRUE || predicate == Predicate::FALSE {
            self.report(
                Diagnostic::new(
                    Code::ConstantCondition,
                    count.span,
                    "this `count` is always the same",
                    "decides nothing",
                )
                .help("without `count`, every request that `when` selects weighs"),
            );
            return None;
        }
        Some((predicate, phase))
    }

    fn key_part(&mut self, part: &'a ast::Expression) -> Option<Value> {
        self.response_reads.clear();
        let term = self.expression(part);
        if !self.refuse_response_reads("the key of a rate") {
            return None;
        }
        let found = term.type_name(self.context.lists);
        let value = match term {
            Term::Value(value) => value,
            Term::Error => return None,
            Term::Predicate(_) | Term::Quantified(..) | Term::Constant(_) | Term::Reference(_) => {
                self.invalid_rate(
                    part.span,
                    format!("a part of a key is a field, found {found}"),
                    "name fields: `key: [client.ip, 'req.headers[\"authorization\"]']`; `[]` counts everyone together",
                );
                return None;
            }
        };
        match value.value_type() {
            Type::String | Type::Int | Type::Ip => Some(bare_address(value)),
            Type::Strings | Type::Ints | Type::Bool | Type::Regex | Type::Cidr | Type::Duration => {
                let message = format!("a part of a key is one string, int or ip, found {found}");
                let several = matches!(value.value_type(), Type::Strings | Type::Ints);
                let help = if several {
                    "a request can have several of these: count per `client.ip`, or take a header"
                } else {
                    "take a field with one value"
                };
                self.invalid_rate(part.span, message, help);
                None
            }
        }
    }

    fn windows(&mut self, limits: &[Spanned<ast::Limit>]) -> Option<Vec<(Window, Span)>> {
        let mut windows: Vec<(Window, Span)> = Vec::with_capacity(limits.len());
        let mut valid = true;
        for limit in limits {
            let seconds = self.whole_seconds(&Spanned::new(limit.value.window, limit.span), "the window of a rate");
            let count = match u32::try_from(limit.value.count) {
                Ok(count) if count >= 1 => Some(count),
                Ok(_) | Err(_) => {
                    let message = format!("a limit of {}", limit.value.count);
                    let help = format!("the limit is an integer from 1 to {}, as in `10/60s`", u32::MAX);
                    self.invalid_rate(limit.span, message, help);
                    None
                }
            };
            match (count, seconds) {
                (Some(limit_value), Some(seconds)) => {
                    if let Some((_, first)) = windows.iter().find(|(window, _)| window.seconds == seconds) {
                        let first = *first;
                        self.report(
                            Diagnostic::new(Code::InvalidRate, limit.span, "two limits for the same window", "again")
                                .secondary(first, "the first one")
                                .help("keep the smaller one"),
                        );
                        valid = false;
                    } else {
                        windows.push((Window { limit: limit_value, seconds }, limit.span));
                    }
                }
                (None, _) | (_, None) => valid = false,
            }
        }
        windows.sort_by_key(|(window, _)| window.seconds);
        (valid && !windows.is_empty()).then_some(windows)
    }

    fn cost(&mut self, cost: Option<&Spanned<u64>>, windows: Option<&[Window]>) -> Option<u32> {
        let Some(cost) = cost else { return Some(1) };
        let value = u32::try_from(cost.value).ok().filter(|value| (1..=MAX_COST as u32).contains(value));
        let Some(value) = value else {
            let message = format!("a cost of {}", cost.value);
            self.invalid_rate(cost.span, message, format!("one request weighs 1 to {MAX_COST}"));
            return None;
        };
        let smallest = windows.and_then(|windows| windows.iter().map(|window| window.limit).min());
        if let Some(limit) = smallest
            && value > limit
        {
            let message = format!("one request weighs {value}, more than the limit of {limit}");
            self.invalid_rate(cost.span, message, "every request would be over: raise the limit or lower the cost");
            return None;
        }
        Some(value)
    }

    fn whole_seconds(&mut self, duration: &Spanned<ast::Duration>, what: &str) -> Option<u32> {
        let milliseconds = duration.value.0;
        let seconds = u32::try_from(milliseconds / 1000).ok().filter(|seconds| *seconds >= 1);
        if seconds.is_none() || !milliseconds.is_multiple_of(1000) {
            self.invalid_rate(
                duration.span,
                format!("{what} of {milliseconds} ms"),
                format!("{what} is whole seconds, from 1s to {}s", u32::MAX),
            );
            return None;
        }
        seconds
    }
}

/// A bare `client.ip` counts an IPv6 client by its /64, which one client has whole.
fn bare_address(value: Value) -> Value {
    match value {
        Value::Field(FieldReference { field: Field::ClientIp, .. }) => {
            Value::Call(Call::Prefix(32, 64), Box::new(value))
        }
        Value::Field(_) | Value::Call(..) => value,
    }
}
