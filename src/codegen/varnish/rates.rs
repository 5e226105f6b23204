//! Rates → buckets of vsthrottle. A bucket of `limit/cost` tokens starts full and is refilled evenly, so it admits at most twice
//! the limit in a window and refuses nobody below half of it. A penalty is a bucket of its own with one token (the jail):
//! 0.20 forgets a block of a bucket whose window is shorter. `remaining()` mints tokens and is never used.

use super::super::vcl::{Comparator, Expression, Statement, when};
use super::Generator;
use super::views::{Cost, Presence, Source, regsub, regsuball};
use crate::catalog::{Field, Phase, Type};
use crate::diagnostic::{Code, Diagnostic};
use crate::ir::{Call, Check, Predicate, Rate, RatePoint, Rule, Value, Window};

/// Buckets without a request for a window, or a penalty, are thrown away; ones that live longer fill the memory.
const LONGEST_WINDOW: u32 = 86_400;

/// The code of all rates, by where it stands.
#[derive(Debug, Default)]
pub struct RateCode {
    /// In `vcl_recv`, after the score.
    pub recv: Vec<Statement>,
    /// In `vcl_miss` and `vcl_pass`.
    pub origin: Vec<Statement>,
    /// When the response is known.
    pub response: Vec<Statement>,
    /// Response headers whose text `count` compares.
    pub response_headers: Vec<String>,
}

impl<'r> Generator<'r> {
    /// Adds a rule's code.
    pub(super) fn rate_block(&mut self, rule: &'r Rule, code: &mut RateCode) {
        let Some(rate) = &rule.rate else { return };
        self.rule = &rule.id;
        self.need("vsthrottle", rate.span, "`rate`");
        self.note_error(rate);
        let id = &rule.id;
        let on_response = rate.count.is_some() && rate.count_phase == Phase::Response;
        let condition = self.rule_condition(rule);
        let mut subject = self.key_code(rule, rate);
        // What `count` asks of the request is asked while the request is as it arrived.
        let count = match &rate.count {
            Some(count) if on_response => {
                let mut flags = Vec::new();
                let count = self.response_count(count, id, &mut flags, code);
                subject.extend(flags);
                count
            }
            Some(count) => self.condition(count),
            None => Expression::Boolean(true),
        };
        let judged = if on_response { self.judge_response(rule, rate) } else { self.judge(rule, rate, count.clone()) };
        let waits = self.get_int(&format!("subject {id}"));
        let is_subject = |state: i64| waits.clone().equals(Expression::Integer(state));
        let subject_to = |generator: &Generator<'_>, state: i64| {
            generator.set_int(&format!("subject {id}"), Expression::Integer(state))
        };
        let comment = self.rule_comment(rule);
        match rate.at {
            RatePoint::Edge => {
                if on_response {
                    subject.push(subject_to(self, 2));
                }
                subject.extend(judged);
                let mut body = comment;
                body.push(when(condition, subject));
                code.recv.push(Statement::Signature(id.clone(), body));
            }
            RatePoint::Origin => {
                subject.push(subject_to(self, 1));
                let mut body = comment.clone();
                body.push(when(condition, subject));
                code.recv.push(Statement::Signature(id.clone(), body));
                let mut inner = vec![subject_to(self, 2)];
                inner.extend(judged);
                let mut body = comment;
                body.push(when(is_subject(1), inner));
                code.origin.push(Statement::Signature(id.clone(), body));
            }
        }
        if on_response {
            let mut body = self.rule_comment(rule);
            let mut inner = vec![subject_to(self, 3)];
            inner.push(when(count, self.take(rule, rate)));
            body.push(when(is_subject(2), inner));
            code.response.push(Statement::Signature(id.clone(), body));
        }
    }

    /// `key ID`: the id and each part behind `|;`. A bar inside of a part is `|.`: what follows a bar says which it is, so
    /// no client can move a part's end and count under the key of another.
    fn key_code(&mut self, rule: &'r Rule, rate: &'r Rate) -> Vec<Statement> {
        let id = &rule.id;
        let mut code = Vec::new();
        let mut parts = vec![Expression::text(id.clone())];
        for (number, part) in rate.key.iter().enumerate() {
            parts.push(Expression::text("|;"));
            if part.value_type() == Type::Ip {
                let Some(name) = self.address_variable(part, rate.span) else { continue };
                parts.push(self.get(&name));
                continue;
            }
            let digits = match part {
                Value::Call(Call::Int, argument) => Some((&**argument, 15)),
                Value::Field(reference) if reference.field == Field::ClientAsn => Some((part, 10)),
                Value::Call(Call::Length, _) => {
                    self.unsupported(
                        rate.span,
                        "`length` cannot be part of a rate's key on varnish".to_owned(),
                        "a length in the key",
                        "key on the value itself, or `targets: [fastly]`",
                    );
                    continue;
                }
                Value::Field(_) | Value::Call(..) => None,
            };
            let Some(operand) = self.operand(digits.map_or(part, |(argument, _)| argument), rate.span) else {
                continue;
            };
            let is_sure = operand.presence == Presence::Always;
            self.measures_method |= operand.source == Source::Method;
            self.keyed.push((operand.source.clone(), key_cost(part, is_sure)));
            let mut present = match &operand.presence {
                Presence::Always => Expression::Boolean(true),
                Presence::IfSet(present) | Presence::Guarded(present) => present.clone(),
            };
            let text = match digits {
                Some((_, digits)) => {
                    let is_number = operand.text.clone().matches(format!(r"^[0-9]{{1,{digits}}}\z"));
                    present = Expression::all([present, is_number]);
                    regsub(operand.text, "^0+(?=[0-9])", "")
                }
                None => regsuball(operand.text, r"\|", "|."),
            };
            if present == Expression::Boolean(true) {
                parts.push(text);
                continue;
            }
            let name = format!("part {} of {id}", number + 1);
            let there = Expression::Sum(vec![Expression::text("+"), text]);
            code.push(super::super::vcl::when_else(
                present,
                vec![self.set(&name, there)],
                vec![self.set(&name, Expression::text("-"))],
            ));
            parts.push(self.get(&name));
        }
        let key = if parts.len() > 1 { Expression::Sum(parts) } else { Expression::text(id.clone()) };
        code.push(self.set(&format!("key {id}"), key));
        code
    }

    fn bucket(&self, function: &str, id: &str, window: Bucket) -> Expression {
        let mut arguments = vec![
            self.get(&format!("key {id}")),
            Expression::Integer(window.tokens),
            Expression::Duration(window.milliseconds),
        ];
        if window.blocks {
            arguments.push(Expression::Duration(window.milliseconds));
        }
        Expression::call(format!("vsthrottle.{function}"), arguments)
    }

    fn is_blocked(&self, id: &str, jail: Bucket) -> Expression {
        self.bucket("blocked", id, jail).compare(Comparator::Greater, Expression::Duration(0))
    }

    /// Locks a jail: the first call takes its token, the second one finds none.
    fn lock(&self, id: &str, jail: Bucket) -> Vec<Statement> {
        let call = || when(self.bucket("is_denied", id, jail), Vec::new());
        vec![call(), call()]
    }

    /// Sets `refused` and takes tokens; then what is done.
    fn judge(&mut self, rule: &'r Rule, rate: &'r Rate, count: Expression) -> Vec<Statement> {
        let id = &rule.id;
        let refuse = || self.set_int("refused", Expression::Integer(1));
        let mut branches = Vec::new();
        for (index, window) in rate.windows.iter().enumerate() {
            let mut body: Vec<Statement> = rate.windows[..index]
                .iter()
                // What the shorter windows gave goes back: a refused request weighs in none.
                .map(|earlier| Statement::Do(self.bucket("return_token", id, Bucket::of(*earlier, rate.cost))))
                .collect();
            body.push(refuse());
            branches.push((self.bucket("is_denied", id, Bucket::of(*window, rate.cost)), body));
        }
        let mut counted = vec![Statement::If { branches, otherwise: Vec::new() }];
        let mut code = vec![self.set_int("refused", Expression::Integer(0))];
        if let Some(seconds) = rate.penalty {
            let jail = Bucket::jail(u64::from(seconds) * 1000);
            counted.push(when(self.get_int("refused").equals(Expression::Integer(1)), self.lock(id, jail)));
            code.push(Statement::If {
                branches: vec![(self.is_blocked(id, jail), vec![refuse()]), (count, counted)],
                otherwise: Vec::new(),
            });
        } else if count == Expression::Boolean(true) {
            code.extend(counted);
        } else {
            code.push(when(count, counted));
        }
        let consequence = self.consequence(rule);
        code.push(when(self.get_int("refused").equals(Expression::Integer(1)), consequence));
        code
    }

    /// With a response in `count`: refused while a bucket is empty, or in its penalty.
    fn judge_response(&mut self, rule: &'r Rule, rate: &'r Rate) -> Vec<Statement> {
        let id = &rule.id;
        let empty: Vec<Expression> =
            rate.windows.iter().map(|window| self.is_blocked(id, self.empty_jail(rate, *window))).collect();
        let refuse = vec![self.set_int("refused", Expression::Integer(1))];
        let mut code = vec![self.set_int("refused", Expression::Integer(0))];
        match rate.penalty {
            Some(seconds) => {
                let jail = Bucket::jail(u64::from(seconds) * 1000);
                let mut lock = refuse.clone();
                lock.extend(self.lock(id, jail));
                code.push(Statement::If {
                    branches: vec![(self.is_blocked(id, jail), refuse), (Expression::any(empty), lock)],
                    otherwise: Vec::new(),
                });
            }
            None => code.push(when(Expression::any(empty), refuse)),
        }
        let mut body = vec![self.set_int(&format!("subject {id}"), Expression::Integer(3))];
        body.extend(self.consequence(rule));
        code.push(when(self.get_int("refused").equals(Expression::Integer(1)), body));
        code
    }

    /// Says for how long a window's bucket stays empty; differs from the penalty's jail.
    fn empty_jail(&self, rate: &Rate, window: Window) -> Bucket {
        let bucket = Bucket::of(window, rate.cost);
        let tokens = u64::try_from(bucket.tokens).unwrap_or(1).max(1);
        let milliseconds = bucket.milliseconds.div_ceil(tokens);
        let penalty = rate.penalty.map(|seconds| u64::from(seconds) * 1000);
        Bucket::jail(if penalty == Some(milliseconds) { milliseconds + 1 } else { milliseconds })
    }

    /// A response that counts takes a token of each window. An empty bucket is noted until its next token.
    fn take(&self, rule: &Rule, rate: &Rate) -> Vec<Statement> {
        let id = &rule.id;
        let mut code = Vec::new();
        for window in &rate.windows {
            let bucket = Bucket::of(*window, rate.cost);
            let denied = || self.bucket("is_denied", id, bucket);
            let give_back = Statement::Do(self.bucket("return_token", id, bucket));
            code.push(super::super::vcl::when_else(
                // The second call only looks whether there is another token.
                Expression::any([denied(), denied()]),
                self.lock(id, self.empty_jail(rate, *window)),
                vec![give_back],
            ));
        }
        code
    }

    /// `count` when the response is known: comparisons with the request were made before, and left flags.
    fn response_count(
        &mut self,
        predicate: &'r Predicate,
        id: &str,
        flags: &mut Vec<Statement>,
        code: &mut RateCode,
    ) -> Expression {
        match predicate {
            Predicate::All(parts) => {
                let parts: Vec<Expression> =
                    parts.iter().map(|part| self.response_count(part, id, flags, code)).collect();
                Expression::all(parts)
            }
            Predicate::Any(parts) => {
                let parts: Vec<Expression> =
                    parts.iter().map(|part| self.response_count(part, id, flags, code)).collect();
                Expression::any(parts)
            }
            Predicate::Not(inner) => self.response_count(inner, id, flags, code).not(),
            Predicate::Compare(comparison) => {
                super::answers::note_headers(comparison, &mut code.response_headers);
                let reads_response = comparison.value.phase() == Phase::Response
                    || matches!(&comparison.check, Check::SameAs(other) if other.phase() == Phase::Response);
                if reads_response {
                    return self.condition(predicate);
                }
                let name = format!("count {id} #{}", flags.len() + 1);
                let holds = self.condition(predicate);
                flags.push(when(holds, vec![self.set_int(&name, Expression::Integer(1))]));
                self.get_int(&name).equals(Expression::Integer(1))
            }
        }
    }

    /// `Retry-After` of what this rule refuses.
    pub(super) fn retry_after(&self, rule: &Rule, rate: &Rate) -> Expression {
        let seconds = rate
            .windows
            .iter()
            .map(|window| {
                let bucket = Bucket::of(*window, rate.cost);
                bucket.milliseconds.div_ceil(1000 * u64::try_from(bucket.tokens).unwrap_or(1).max(1))
            })
            .max()
            .unwrap_or(1)
            .max(1);
        match rate.penalty {
            Some(penalty) => {
                let left = self.bucket("blocked", &rule.id, Bucket::jail(u64::from(penalty) * 1000));
                Expression::Call(
                    "std.integer".into(),
                    vec![
                        (Some("duration"), Expression::Sum(vec![left, Expression::Duration(1000)])),
                        (Some("fallback"), Expression::Integer(i64::from(penalty))),
                    ],
                )
            }
            None => Expression::text(seconds.to_string()),
        }
    }

    fn note_error(&mut self, rate: &Rate) {
        if let (Some(penalty), Some(span)) = (rate.penalty, rate.penalty_span)
            && penalty > LONGEST_WINDOW
        {
            // Asking whether a key is in the jail makes the jail's bucket, for every client.
            self.unsupported(
                span,
                format!("a penalty of {penalty} s keeps its buckets too long in varnishd's memory"),
                "longer than a day",
                format!("use at most `penalty: {}d`", LONGEST_WINDOW / 86_400),
            );
        }
        let mut windows = Vec::new();
        for window in &rate.windows {
            let bucket = Bucket::of(*window, rate.cost);
            if window.seconds > LONGEST_WINDOW {
                self.unsupported(
                    rate.span,
                    format!("a window of {} s keeps its buckets too long in varnishd's memory", window.seconds),
                    "longer than a day",
                    format!("use at most {LONGEST_WINDOW}s; the nearest rate is {}/{LONGEST_WINDOW}s", scaled(*window)),
                );
            }
            let rounded = if u64::from(rate.cost) * u64::try_from(bucket.tokens).unwrap_or(0) == u64::from(window.limit)
            {
                String::new()
            } else {
                format!(", rounded down to {} requests", bucket.tokens)
            };
            windows.push(format!("{}/{}s{rounded}", window.limit, window.seconds));
        }
        let several = if rate.windows.len() > 1 { "; each window has its own bucket" } else { "" };
        self.diagnostics.push(
            Diagnostic::new(
                Code::RateError,
                rate.span,
                format!(
                    "varnish counts {} with a token bucket: up to twice the limit in a window, refills evenly",
                    windows.join(" and ")
                ),
                "approximate",
            )
            .note(format!("each varnishd counts for itself and forgets at its restart{several}")),
        );
    }
}

/// A bucket of vsthrottle. All its calls must repeat the same numbers.
#[derive(Clone, Copy)]
struct Bucket {
    tokens: i64,
    milliseconds: u64,
    blocks: bool,
}

impl Bucket {
    fn of(window: Window, cost: u32) -> Bucket {
        Bucket {
            tokens: i64::from((window.limit / cost.max(1)).max(1)),
            milliseconds: u64::from(window.seconds) * 1000,
            blocks: false,
        }
    }

    fn jail(milliseconds: u64) -> Bucket {
        Bucket { tokens: 1, milliseconds: milliseconds.max(1), blocks: true }
    }
}

/// What a part of a key takes: put together and kept, and before that, where it can be absent, with a mark by itself.
fn key_cost(part: &Value, is_sure: bool) -> Cost {
    let copies = if is_sure { 2 } else { 4 };
    // With many bars that is twice as much, and the doubling itself is a copy of that length.
    let cost = Cost { bars: copies + 2, ..Cost::flat(copies) };
    // Other decodings take three bytes for a bar.
    if decodes_base64(part) { Cost::flat(cost.worst()) } else { cost }
}

fn decodes_base64(value: &Value) -> bool {
    match value {
        Value::Field(_) => false,
        Value::Call(call, argument) => *call == Call::Base64Decode || decodes_base64(argument),
    }
}

/// The limit for the longest window at the same speed.
fn scaled(window: Window) -> u64 {
    (u64::from(window.limit) * u64::from(LONGEST_WINDOW) / u64::from(window.seconds.max(1))).max(1)
}
