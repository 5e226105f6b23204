//! Rates: a ratecounter per signature, read before it is raised so that what is refused weighs nothing, and a penalty
//! box. Three forms, chosen by what keeps the tolerance:
//!
//! - **count** for windows from 10 seconds: the largest bucket of 10, 20 … 60 seconds that is no longer than the window.
//!   A bucket shows the last `B − 1` to `B` seconds, so a window touches `k = ⌈W / (B − 1)⌉` of them. Admitting `L'` in
//!   each admits at most `k · L'` in the window, which must not pass twice the limit `L`; and a bucket that is over `L'`
//!   must mean a window over half of `L`. `L' = min(L, ⌊2L / k⌋)` keeps both while `L' ≥ ⌊L / 2⌋`, up to about four
//!   minutes.
//! - **check_rate** for one second with a penalty: its limit is per second and at least 10, so smaller ones are scaled
//!   with the weight. It weighs what it refuses too, which the penalty then hides.
//! - **count of responses**: raised in `vcl_deliver`, read in `vcl_recv`.

use super::fields::name;
use super::place::{Operand, Place};
use super::recv::guarded;
use super::{Generator, set};
use crate::catalog::Phase;
use crate::codegen::vcl::{Comparator, Expression, Statement, when, when_else};
use crate::diagnostic::{Code, Diagnostic};
use crate::ir::{Rate, RatePoint, Rule, Value, Window};
use crate::source::Span;

/// Seconds of the buckets that a ratecounter shows.
const BUCKETS: [u32; 6] = [10, 20, 30, 40, 50, 60];
/// Minutes that a penalty box keeps an entry; whole ones.
const PENALTY_MINUTES: std::ops::RangeInclusive<u32> = 2..=60;
/// Below this many a second `check_rate` is not reliable.
const LEAST_PER_SECOND: u32 = 10;

/// How a window is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Seconds of the bucket, and the weight that is admitted in it.
    Count { bucket: u32, limit: u32 },
    /// Weight of one request and weight per second.
    CheckRate { delta: u32, limit: u32 },
}

/// The form of a window, if there is one. `responses`: judged by what was weighed before, not with its own weight.
pub(super) fn form(window: Window, cost: u32, penalty: bool, responses: bool, alone: bool) -> Option<Form> {
    if window.seconds == 1 && penalty && alone && !responses {
        let scale = LEAST_PER_SECOND.div_ceil(window.limit.max(1)).max(1);
        return Some(Form::CheckRate { delta: cost * scale, limit: window.limit.saturating_mul(scale) });
    }
    let bucket = BUCKETS.into_iter().rev().find(|bucket| *bucket <= window.seconds)?;
    let touched = window.seconds.div_ceil(bucket - 1);
    let twice = u64::from(window.limit) * 2;
    let limit = u32::try_from((twice / u64::from(touched)).min(window.limit.into())).unwrap_or(u32::MAX);
    let least = window.limit / 2 + u32::from(responses);
    (limit >= least.max(cost)).then_some(Form::Count { bucket, limit })
}

impl<'r> Generator<'r> {
    /// A rule with a rate.
    pub(super) fn rate_rule(&mut self, index: usize, rule: &'r Rule) -> Option<Vec<Statement>> {
        let rate = rule.rate.as_ref()?;
        let forms = self.forms(rate);
        let penalty_fits = self.penalty(rate);
        let subject = self.subject(index, rule);
        let on_response = rate.count.is_some() && rate.count_phase == Phase::Response;
        let count = match &rate.count {
            Some(count) if !on_response => self.predicate(count),
            Some(_) | None => Some(Expression::Boolean(true)),
        };
        let key = self.key(rate);
        let (forms, subject, count, key) = (forms?, subject?, count?, key?);
        penalty_fits?;
        self.note_error(rule, rate, &forms);
        let counter = self.names.unique(&format!("{}_count", rule.id));
        self.stores.push(("ratecounter", counter.clone()));
        let boxed = rate.penalty.map(|_| {
            let name = self.names.unique(&format!("{}_penalty", rule.id));
            self.stores.push(("penaltybox", name.clone()));
            name
        });
        let mut body = key;
        let over = self.local("over", "BOOL");
        body.push(set(&over, Expression::Boolean(false)));
        let judge = self.judge(rate, &forms, &counter, boxed.as_deref(), on_response);
        let judge = guarded(count, judge);
        let local_key = self.local("key", "STRING");
        match &boxed {
            Some(boxed) => body.push(when_else(
                Expression::call("ratelimit.penaltybox_has", [name(boxed), local_key.clone()]),
                vec![set(&over, Expression::Boolean(true))],
                judge,
            )),
            None => body.extend(judge),
        }
        let matched = self.matched(rule)?;
        if on_response {
            let header = self.header_name(&format!("rate-{index}"));
            self.extra_headers.push(header.clone());
            self.weigh_response(rule, rate, &counter, &header)?;
            let kept = set(&Expression::Header("req", header), local_key);
            body.push(when_else(over, matched, vec![kept]));
        } else {
            body.push(when(over, matched));
        }
        let mut statements = vec![Statement::Comment(format!("{}: {}", rule.id, rule.title))];
        statements.extend(guarded(subject, body));
        Some(vec![Statement::Signature(rule.id.clone(), statements)])
    }

    /// Sets `var.over`, and weighs what is admitted.
    fn judge(
        &mut self,
        rate: &Rate,
        forms: &[Form],
        counter: &str,
        boxed: Option<&str>,
        on_response: bool,
    ) -> Vec<Statement> {
        let (key, over, weight) =
            (self.local("key", "STRING"), self.local("over", "BOOL"), self.local("weight", "INTEGER"));
        if let (Some(Form::CheckRate { delta, limit }), Some(boxed)) = (forms.first(), boxed) {
            let arguments = [
                key,
                name(counter),
                Expression::Integer(i64::from(*delta)),
                Expression::Integer(1),
                Expression::Integer(i64::from(*limit)),
                name(boxed),
                Expression::Duration(u64::from(rate.penalty.unwrap_or(120)) * 1000),
            ];
            let check = Expression::call("ratelimit.check_rate", arguments);
            return vec![when(check, vec![set(&over, Expression::Boolean(true))])];
        }
        let raise = |by: u32| {
            let arguments = [name(counter), key.clone(), Expression::Integer(i64::from(by))];
            set(&weight, Expression::call("ratelimit.ratecounter_increment", arguments))
        };
        let tests = forms.iter().map(|form| match form {
            Form::Count { bucket, limit } => {
                let seen = if *bucket == 60 {
                    weight.clone()
                } else {
                    name(&format!("ratecounter.{counter}.bucket.{bucket}s"))
                };
                if on_response {
                    seen.compare(Comparator::GreaterOrEqual, Expression::Integer(i64::from(*limit)))
                } else {
                    let room = i64::from(*limit) - i64::from(rate.cost);
                    seen.compare(Comparator::Greater, Expression::Integer(room))
                }
            }
            // INVARIANT: such a rate has one window.
            Form::CheckRate { .. } => Expression::Boolean(false),
        });
        let refuses = Expression::any(tests.collect::<Vec<_>>());
        let mut refused = vec![set(&over, Expression::Boolean(true))];
        if let (Some(boxed), Some(seconds)) = (boxed, rate.penalty) {
            let arguments = [name(boxed), key.clone(), Expression::Duration(u64::from(seconds) * 1000)];
            refused.push(Statement::Do(Expression::call("ratelimit.penaltybox_add", arguments)));
        }
        let admitted = if on_response { Vec::new() } else { vec![raise(rate.cost)] };
        vec![raise(0), when_else(refuses, refused, admitted)]
    }

    /// In `vcl_deliver`: the response of a request that a rate selected.
    fn weigh_response(&mut self, rule: &'r Rule, rate: &'r Rate, counter: &str, header: &str) -> Option<()> {
        let count = rate.count.as_ref()?;
        let mut reads_request = false;
        count.each_comparison(&mut |comparison| reads_request |= comparison.value.phase() == Phase::Request);
        if reads_request {
            self.unsupported(
                rate.span,
                format!("`{}`: on Fastly a count of responses sees the response alone", rule.id),
                "reads the request too",
                "move what is asked of the request to `when`",
            );
            return None;
        }
        // What the predicate computes belongs to that sub.
        let prelude = std::mem::take(&mut self.prelude);
        let condition = self.predicate(count);
        let computed = std::mem::replace(&mut self.prelude, prelude);
        if !computed.statements.is_empty() {
            self.unsupported(
                rate.span,
                format!("`{}`: on Fastly a count of responses compares status and headers as they are", rule.id),
                "uses a function",
                "compare without functions: a regular expression can ignore case",
            );
            return None;
        }
        let key = Expression::Header("req", header.to_owned());
        let arguments = [name(counter), key.clone(), Expression::Integer(i64::from(rate.cost))];
        let raise = set(&name("var.weight"), Expression::call("ratelimit.ratecounter_increment", arguments));
        let own = self.header("status").not();
        self.deliver.push(Statement::Signature(
            rule.id.clone(),
            vec![when(Expression::all([key, own, condition?]), vec![raise])],
        ));
        Some(())
    }

    /// Every window's form; an error that names the nearest rate where one has none.
    fn forms(&mut self, rate: &Rate) -> Option<Vec<Form>> {
        if rate.at == RatePoint::Origin {
            self.unsupported(
                rate.span,
                format!("`{}`: on Fastly a rate counts at the edge, not what goes to the origin", self.rule),
                "`at: origin`",
                "write `at: edge`, and select with `when` what is not cached",
            );
            return None;
        }
        let responses = rate.count.is_some() && rate.count_phase == Phase::Response;
        let alone = rate.windows.len() == 1;
        let mut forms = Some(Vec::new());
        for window in &rate.windows {
            match form(*window, rate.cost, rate.penalty.is_some(), responses, alone) {
                Some(form) => {
                    if let Some(forms) = &mut forms {
                        forms.push(form);
                    }
                }
                None => {
                    let message = format!(
                        "`{}`: Fastly cannot keep {} in {} s within the tolerance",
                        self.rule, window.limit, window.seconds
                    );
                    let nearest = nearest(*window, rate.cost, responses);
                    let help = format!("the nearest that can be expressed is `{}/{}s`", nearest.limit, nearest.seconds);
                    self.unsupported(rate.span, message, "counted over at most a minute at a time", help);
                    forms = None;
                }
            }
        }
        forms
    }

    fn penalty(&mut self, rate: &Rate) -> Option<()> {
        let Some(seconds) = rate.penalty else { return Some(()) };
        if seconds % 60 == 0 && PENALTY_MINUTES.contains(&(seconds / 60)) {
            return Some(());
        }
        let nearest = ((seconds + 30) / 60).clamp(*PENALTY_MINUTES.start(), *PENALTY_MINUTES.end());
        self.unsupported(
            rate.span,
            format!("`{}`: a penalty on Fastly is of whole minutes, from 2 to 60, and this is {seconds} s", self.rule),
            "no such penalty",
            format!("the nearest that can be expressed is `penalty: {nearest}m`"),
        );
        None
    }

    fn note_error(&mut self, rule: &Rule, rate: &Rate, forms: &[Form]) {
        let windows: Vec<String> = rate
            .windows
            .iter()
            .zip(forms)
            .map(|(window, form)| match form {
                Form::Count { bucket, limit } => format!(
                    "{} in {} s is kept as {limit} in the last {} to {bucket} s",
                    window.limit,
                    window.seconds,
                    bucket - 1
                ),
                Form::CheckRate { delta, limit } => {
                    format!("{} in 1 s is kept by check_rate as weight {delta} of {limit} a second", window.limit)
                }
            })
            .collect();
        let message = format!(
            "the rate of `{}`: {}; counted in each POP apart, up to 10 % too few while its nodes exchange their counts",
            rule.id,
            windows.join(", ")
        );
        self.diagnostics.push(Diagnostic::new(Code::RateError, rate.span, message, ""));
    }

    /// Sets `var.key`: the parts with their lengths, hashed where their length is the client's choice. An entry may have
    /// 256 bytes; a longer one would never be counted.
    fn key(&mut self, rate: &Rate) -> Option<Vec<Statement>> {
        let key = self.local("key", "STRING");
        let mut statements = vec![set(&key, Expression::text(""))];
        let append =
            |part: Vec<Expression>| set(&key, Expression::Sum(std::iter::once(key.clone()).chain(part).collect()));
        let mut long = false;
        for value in &rate.key {
            if value.value_type().is_list() {
                self.unsupported(
                    rate.span,
                    format!("`{}`: on Fastly the key of a rate has no lists", self.rule),
                    "a part of the key is a list",
                    "use `req.query` or a header in the key",
                );
                return None;
            }
            let absent = append(vec![Expression::text("-/")]);
            let (present, part) = match self.key_operand(value, rate.span)? {
                Operand::Text { text, present } => {
                    long = true;
                    let length = Expression::call("std.itoa", [Expression::call("std.strlen", [text.clone()])]);
                    (present, append(vec![length, Expression::text(":"), text, Expression::text("/")]))
                }
                Operand::Integer { value, present } => {
                    (present, append(vec![Expression::call("std.itoa", [value]), Expression::text("/")]))
                }
                Operand::Truth(truth) => (Some(truth), append(vec![Expression::text("yes/")])),
                Operand::Address { bits } => {
                    let (ipv4, ipv6) = bits.unwrap_or((32, 128));
                    let client = self.client_address();
                    let of = |start: &str, total: u32, bits: u8| {
                        let mut parts = vec![Expression::text(start)];
                        parts.extend(network_parts(&client, total, bits.into()));
                        append(parts)
                    };
                    statements.push(when_else(
                        Expression::call("addr.is_ipv6", [client.clone()]),
                        vec![of("6", 128, ipv6)],
                        vec![of("4", 32, ipv4)],
                    ));
                    continue;
                }
            };
            statements.extend(match present {
                Some(present) => vec![when_else(present, vec![part], vec![absent])],
                None => vec![part],
            });
        }
        if long {
            statements.push(set(&key, Expression::call("digest.hash_sha256", [key.clone()])));
        } else if rate.key.is_empty() {
            statements.push(set(&key, Expression::text("all")));
        }
        Some(statements)
    }

    fn key_operand(&mut self, value: &Value, span: Span) -> Option<Operand> {
        let mut prelude: Place = std::mem::take(&mut self.prelude);
        let operand = self.operand(&mut prelude, value, span);
        self.prelude = prelude;
        operand
    }
}

/// The first bits of an address as numbers of at most 32 bits each.
fn network_parts(client: &Expression, total: u32, bits: u32) -> Vec<Expression> {
    let mut parts = Vec::new();
    let mut done = 0;
    while done < bits {
        let width = (bits - done).min(32);
        let start = total - done - width;
        let number = Expression::call(
            "addr.extract_bits",
            [client.clone(), Expression::Integer(start.into()), Expression::Integer(width.into())],
        );
        parts.extend([Expression::text("."), Expression::call("std.itoa", [number])]);
        done += width;
    }
    parts.push(Expression::text("/"));
    parts
}

/// A rate of the same pace that has a form.
fn nearest(window: Window, cost: u32, responses: bool) -> Window {
    let scaled = |seconds: u32| {
        let limit = (u64::from(window.limit) * u64::from(seconds)).div_ceil(u64::from(window.seconds.max(1)));
        Window { limit: u32::try_from(limit).unwrap_or(u32::MAX).max(cost).max(1), seconds }
    };
    let first = if window.seconds < BUCKETS[0] { BUCKETS[0] } else { 60 };
    [first, 60, 10]
        .into_iter()
        .map(scaled)
        .find(|window| form(*window, cost, false, responses, true).is_some())
        .unwrap_or(scaled(60))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(limit: u32, seconds: u32) -> Option<Form> {
        form(Window { limit, seconds }, 1, false, false, true)
    }

    #[test]
    fn windows_have_the_form_that_keeps_the_tolerance() {
        for (limit, seconds, expected) in [
            (100, 10, Some((10, 100))),
            (10, 60, Some((60, 10))),
            (1, 60, Some((60, 1))),
            (30, 30, Some((30, 30))),
            (9, 45, Some((40, 9))),
            (30, 177, Some((60, 20))),
            (30, 236, Some((60, 15))),
            (30, 237, None),
            (3, 1, None),
            (9, 9, None),
            (20, 600, None),
        ] {
            let expected = expected.map(|(bucket, limit)| Form::Count { bucket, limit });
            assert_eq!(of(limit, seconds), expected, "{limit}/{seconds}s");
        }
    }

    #[test]
    fn no_count_form_leaves_the_tolerance() {
        for limit in 1..200 {
            for seconds in 1..400 {
                for cost in [1, 3] {
                    for responses in [false, true] {
                        let Some(Form::Count { bucket, limit: admitted }) =
                            form(Window { limit, seconds }, cost, false, responses, true)
                        else {
                            continue;
                        };
                        assert!(bucket <= seconds && admitted >= cost);
                        assert!(u64::from(seconds.div_ceil(bucket - 1)) * u64::from(admitted) <= 2 * u64::from(limit));
                        // The least weight at which it refuses, own weight included.
                        let refused = if responses { admitted } else { admitted + 1 };
                        assert!(2 * refused > limit, "{limit}/{seconds}s");
                    }
                }
            }
        }
    }

    #[test]
    fn a_second_is_scaled_to_what_check_rate_takes() {
        let of = |limit| form(Window { limit, seconds: 1 }, 1, true, false, true);
        assert_eq!(of(3), Some(Form::CheckRate { delta: 4, limit: 12 }));
        assert_eq!(of(10), Some(Form::CheckRate { delta: 1, limit: 10 }));
        assert_eq!(of(500), Some(Form::CheckRate { delta: 1, limit: 500 }));
        assert_eq!(form(Window { limit: 3, seconds: 1 }, 1, false, false, true), None);
    }
}
