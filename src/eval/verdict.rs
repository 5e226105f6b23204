//! The order of evaluation: plain allows, limits, the other rules, the score, the rates. One request → one
//! [`Verdict`]; `cli` (eval, test, verify) asks.

use super::address::canonical_text;
use super::limiter::{Decision, Limiter};
use super::limits::Reads;
use super::plan::{Planner, Sight, Slot, Slots};
use super::program::{Answers, Assembler, Goal, Program};
use super::view::Seen;
use super::{Outcome, Verdict, wire};
use crate::catalog::Phase;
use crate::ir::{Action, AllowScope, Mode, Rule, Ruleset};
use crate::request::Request;
use sha2::Digest as _;
use std::net::IpAddr;
use std::time::Duration;

/// A ruleset made ready to judge requests, with the state of its rates.
pub struct Evaluator<'r> {
    plan: Plan<'r>,
    limiter: Limiter,
}

/// What is known of a request before the rates are asked. Its parts do not depend on other requests, so that
/// [`Evaluator::judge`] can run on several threads.
#[derive(Clone, Debug)]
pub struct Judged {
    verdict: Verdict,
    /// Of the request, until the caller knows better.
    pub time: Duration,
    /// Rates that the request is subject to, in order.
    subjects: Vec<Subject>,
}

#[derive(Clone, Debug)]
struct Subject {
    /// Index into `Plan::rates`, which is the limiter's number of the rate.
    rate: usize,
    key: Vec<u8>,
    /// With the request.
    weighs: bool,
    /// With the response, if it is not ours.
    response_weighs: bool,
    enforced: bool,
}

#[derive(Debug)]
struct Plan<'r> {
    ruleset: &'r Ruleset,
    slots: Slots<'r>,
    program: Program<'r>,
    /// Each with what it reads itself: it is skipped when that is over a limit.
    plain_allows: Vec<(PlannedRule<'r>, Reads<'r>)>,
    reads: Reads<'r>,
    rules: Vec<PlannedRule<'r>>,
    rates: Vec<(PlannedRule<'r>, PlannedRate)>,
    can_act: bool,
}

#[derive(Debug)]
struct PlannedRule<'r> {
    /// Into `Ruleset::rules`.
    index: usize,
    rule: &'r Rule,
    mode: Mode,
    /// `when` holds and `except` does not.
    condition: Goal,
    /// Rules that its scoped allows skip.
    skips: Vec<usize>,
}

#[derive(Debug)]
struct PlannedRate {
    key: Vec<Slot>,
    count: Option<Goal>,
    on_response: bool,
}

impl<'r> Plan<'r> {
    /// `chosen` are the rules with the mode that each runs in.
    fn new(ruleset: &'r Ruleset, chosen: &[(usize, Mode)]) -> Plan<'r> {
        let mut planner = Planner::new(ruleset, true);
        let mut conditions = Assembler::default();
        let rule_at = |(index, _): &(usize, Mode)| ruleset.rules[*index].as_ref();
        let reads = Reads::of(chosen.iter().map(rule_at), &mut planner);
        let (mut plain_allows, mut rules, mut rates) = (Vec::new(), Vec::new(), Vec::new());
        for (index, mode) in chosen {
            let rule = &ruleset.rules[*index];
            let planned = PlannedRule {
                index: *index,
                rule,
                mode: *mode,
                condition: conditions
                    .add_rule(planner.node(&rule.when), rule.except.as_ref().map(|except| planner.node(except))),
                skips: skipped_by(ruleset, rule),
            };
            if let Some(rate) = &rule.rate {
                let rate = PlannedRate {
                    key: rate.key.iter().map(|part| planner.slot(part)).collect(),
                    count: rate.count.as_ref().map(|count| conditions.add(planner.node(count))),
                    on_response: rate.count.is_some() && rate.count_phase == Phase::Response,
                };
                rates.push((planned, rate));
            } else if rule.is_plain_allow() {
                plain_allows.push((planned, Reads::of(std::iter::once(rule.as_ref()), &mut planner)));
            } else {
                rules.push(planned);
            }
        }
        let can_act = chosen.iter().any(|(_, mode)| mode.can_act());
        let (slots, program) = (planner.finish(), conditions.finish());
        Plan { ruleset, slots, program, plain_allows, reads, rules, rates, can_act }
    }

    fn judge<'v>(&'v self, sight: &'v Sight<'v>) -> Judged {
        let time = sight.view.request().time;
        let mut verdict = Verdict::default();
        let mut skipped = Vec::new();
        let answers = self.program.answers();
        let done = self.decide(sight, &answers, &mut verdict, &mut skipped);
        let subjects = if done { Vec::new() } else { self.subjects(sight, &answers, &skipped) };
        Judged { verdict, time, subjects }
    }

    /// Everything before the rates. True when the evaluation ended.
    fn decide<'v>(
        &'v self,
        sight: &'v Sight<'v>,
        answers: &Answers,
        verdict: &mut Verdict,
        skipped: &mut Vec<usize>,
    ) -> bool {
        let settings = &self.ruleset.settings;
        let limit = self.reads.over(&settings.limits, sight);
        for (allow, reads) in &self.plain_allows {
            let readable = limit.is_none() || reads.over(&settings.limits, sight).is_none();
            if readable && self.matches(allow, sight, answers) && self.take_match(allow, sight, verdict, skipped) {
                return true;
            }
        }
        if limit.is_some() {
            verdict.limit = limit;
            if let Some(status) = settings.limits.over.filter(|_| self.can_act) {
                (verdict.outcome, verdict.status) = (Outcome::Block, status);
            }
            return true;
        }
        let mut crossed = None;
        for rule in &self.rules {
            if skipped.contains(&rule.index) || !self.matches(rule, sight, answers) {
                continue;
            }
            if self.take_match(rule, sight, verdict, skipped) {
                return true;
            }
            if crossed.is_none() && settings.score_threshold.is_some_and(|threshold| verdict.score >= threshold) {
                crossed = Some(rule.index);
            }
        }
        if let Some(by) = crossed {
            (verdict.outcome, verdict.by, verdict.status) = (Outcome::Block, Some(by), settings.block.status);
            return true;
        }
        false
    }

    /// Records a rule that matched and takes its actions if it is enforced. True when one of them was terminal.
    fn take_match<'v>(
        &self,
        planned: &PlannedRule<'_>,
        sight: &'v Sight<'v>,
        verdict: &mut Verdict,
        skipped: &mut Vec<usize>,
    ) -> bool {
        verdict.matched.push(planned.index);
        planned.is_enforced(sight) && self.act(planned, verdict, skipped)
    }

    /// Takes a rule's actions. True when one of them was terminal.
    fn act(&self, planned: &PlannedRule<'_>, verdict: &mut Verdict, skipped: &mut Vec<usize>) -> bool {
        let mut terminal = None;
        for action in &planned.rule.actions {
            match action {
                Action::Block(status) => {
                    terminal = Some((Outcome::Block, status.unwrap_or(self.ruleset.settings.block.status)));
                }
                Action::Redirect { status, .. } => terminal = Some((Outcome::Redirect, *status)),
                Action::Throttle => terminal = Some((Outcome::Throttle, 429)),
                // A slow answer, but the origin's.
                Action::Tarpit(_) => terminal = Some((Outcome::Tarpit, 200)),
                Action::Allow(AllowScope::Everything) => terminal = Some((Outcome::Allow, 200)),
                Action::Allow(AllowScope::Rules(_)) => skipped.extend_from_slice(&planned.skips),
                Action::Log => {}
                Action::Tag(tag) => insert_sorted(&mut verdict.tags, tag),
                Action::Score(score) => verdict.score = verdict.score.saturating_add(*score),
                Action::Strip(names) => names.iter().for_each(|name| insert_sorted(&mut verdict.strip, name)),
            }
        }
        if let Some((outcome, status)) = terminal {
            (verdict.outcome, verdict.by, verdict.status) = (outcome, Some(planned.index), status);
        }
        terminal.is_some()
    }

    fn matches<'v>(&self, rule: &PlannedRule<'_>, sight: &'v Sight<'v>, answers: &Answers) -> bool {
        self.program.holds(rule.condition, sight, answers)
    }

    fn subjects<'v>(&'v self, sight: &'v Sight<'v>, answers: &Answers, skipped: &[usize]) -> Vec<Subject> {
        let mut subjects = Vec::new();
        for (number, (rule, rate)) in self.rates.iter().enumerate() {
            if skipped.contains(&rule.index) || !self.matches(rule, sight, answers) {
                continue;
            }
            let counts = rate.count.is_none_or(|count| self.program.holds(count, sight, answers));
            subjects.push(Subject {
                rate: number,
                key: rate_key(&rate.key, sight),
                weighs: counts && !rate.on_response,
                response_weighs: counts && rate.on_response,
                enforced: rule.is_enforced(sight),
            });
        }
        subjects
    }
}

impl PlannedRule<'_> {
    fn is_enforced<'v>(&self, sight: &'v Sight<'v>) -> bool {
        match self.mode {
            Mode::Enforce => true,
            Mode::Canary(share) => is_in_canary(&self.rule.id, sight.view.client(), share),
            Mode::Draft | Mode::Monitor | Mode::Retired => false,
        }
    }
}

/// Whether a client address is in the share (in percent) of a rule for which `canary` enforces. Every target must
/// choose the same clients.
pub fn is_in_canary(id: &str, client: IpAddr, share: u8) -> bool {
    let digest = sha2::Sha256::digest(format!("{id}:{}", canonical_text(client)));
    let last = [digest[28], digest[29], digest[30], digest[31]];
    u64::from(u32::from_le_bytes(last)) < (u64::from(share) << 32) / 100
}

/// Indices of the rules that a rule's scoped allows name.
fn skipped_by(ruleset: &Ruleset, rule: &Rule) -> Vec<usize> {
    let mut skipped = Vec::new();
    for action in &rule.actions {
        if let Action::Allow(AllowScope::Rules(ids)) = action {
            skipped.extend(
                ruleset.rules.iter().enumerate().filter(|(_, rule)| ids.contains(&rule.id)).map(|(index, _)| index),
            );
        }
    }
    skipped
}

fn insert_sorted(list: &mut Vec<String>, item: &str) {
    if let Err(place) = list.binary_search_by(|other| other.as_str().cmp(item)) {
        list.insert(place, item.to_owned());
    }
}

/// Longer keys are hashed: what the limiter keeps per key is bounded.
const LONGEST_KEY: usize = 64;

/// The parts of a rate's key as bytes that differ whenever a part differs. Absent is a part of its own.
fn rate_key<'v>(parts: &[Slot], sight: &'v Sight<'v>) -> Vec<u8> {
    let mut key = Vec::new();
    for slot in parts {
        match sight.seen(*slot) {
            Seen::Text(text) => push_text(&mut key, text.as_deref()),
            Seen::Texts(texts) => {
                push_part(&mut key, b'[', &texts.len().to_be_bytes());
                texts.iter().for_each(|text| push_text(&mut key, text.as_deref()));
            }
            Seen::Integer(value) => push_integer(&mut key, *value),
            Seen::Integers(values) => {
                push_part(&mut key, b'[', &values.len().to_be_bytes());
                values.iter().for_each(|value| push_integer(&mut key, *value));
            }
            Seen::Address(IpAddr::V4(address)) => push_part(&mut key, b'4', &address.octets()),
            Seen::Address(IpAddr::V6(address)) => push_part(&mut key, b'6', &address.octets()),
            Seen::Truth(truth) => push_part(&mut key, b'?', &[u8::from(*truth)]),
        }
    }
    if key.len() > LONGEST_KEY { sha2::Sha256::digest(&key).to_vec() } else { key }
}

fn push_text(key: &mut Vec<u8>, text: Option<&[u8]>) {
    match text {
        Some(text) => {
            push_part(key, b'"', &text.len().to_be_bytes());
            key.extend_from_slice(text);
        }
        None => key.push(b'-'),
    }
}

fn push_integer(key: &mut Vec<u8>, value: Option<i64>) {
    match value {
        Some(value) => push_part(key, b'#', &value.to_be_bytes()),
        None => key.push(b'-'),
    }
}

fn push_part(key: &mut Vec<u8>, kind: u8, bytes: &[u8]) {
    key.push(kind);
    key.extend_from_slice(bytes);
}

impl<'r> Evaluator<'r> {
    /// `ruleset` is what `ir::select` gave; rules that are not emitted do not count.
    pub fn new(ruleset: &'r Ruleset) -> Evaluator<'r> {
        let emitted = ruleset.rules.iter().enumerate().filter(|(_, rule)| rule.mode.is_emitted());
        Evaluator::of(ruleset, &emitted.map(|(index, rule)| (index, rule.mode)).collect::<Vec<_>>())
    }

    /// One rule alone, whatever its mode: it is judged as in monitor mode.
    pub fn alone(ruleset: &'r Ruleset, rule: usize) -> Evaluator<'r> {
        Evaluator::of(ruleset, &[(rule, Mode::Monitor)])
    }

    fn of(ruleset: &'r Ruleset, chosen: &[(usize, Mode)]) -> Evaluator<'r> {
        let plan = Plan::new(ruleset, chosen);
        let limiter = Limiter::new(plan.rates.iter().filter_map(|(planned, _)| planned.rule.rate.as_ref()));
        Evaluator { plan, limiter }
    }

    /// Judges one request at its `time`; rates remember it. Times must not go back.
    pub fn verdict(&mut self, request: &Request) -> Verdict {
        let judged = self.judge(request);
        self.settle(judged)
    }

    /// The part of [`Evaluator::verdict`] that no other request has a say in.
    pub fn judge(&self, request: &Request) -> Judged {
        let request = wire::received(request);
        let sight = Sight::new(&self.plan.slots, &request);
        self.plan.judge(&sight)
    }

    /// The rest of [`Evaluator::verdict`]: asks the rates. Requests must be settled in the order of their times.
    pub fn settle(&mut self, judged: Judged) -> Verdict {
        self.settle_with(judged, &mut |limiter, _, subject, time| {
            limiter.ask(subject.rate, &subject.key, time, subject.weighs)
        })
    }

    /// What the verdict is when the rates have been decided as an engine did: `over` says of a rule (index into
    /// `Ruleset::rules`) whether its rate was over there. The error names a decision outside the tolerance.
    pub fn settle_as(&mut self, judged: Judged, over: &dyn Fn(usize) -> bool) -> (Verdict, Result<(), String>) {
        let mut outside = Ok(());
        let verdict = self.settle_with(judged, &mut |limiter, rule, subject, time| {
            let over = over(rule);
            if let Err(error) = limiter.follow(subject.rate, &subject.key, time, subject.weighs, over)
                && outside.is_ok()
            {
                outside = Err(error);
            }
            if over { Decision::Over { penalty_until: None } } else { Decision::Admitted }
        });
        (verdict, outside)
    }

    fn settle_with(
        &mut self,
        judged: Judged,
        decide: &mut dyn FnMut(&mut Limiter, usize, &Subject, Duration) -> Decision,
    ) -> Verdict {
        let Judged { mut verdict, time, subjects } = judged;
        let mut skipped = Vec::new();
        let mut awaited = Vec::new();
        for subject in &subjects {
            let (planned, _) = &self.plan.rates[subject.rate];
            if skipped.contains(&planned.index) {
                continue;
            }
            match decide(&mut self.limiter, planned.index, subject, time) {
                Decision::Admitted if subject.response_weighs => awaited.push(subject),
                Decision::Admitted => {}
                Decision::Over { .. } => {
                    verdict.matched.push(planned.index);
                    if subject.enforced && self.plan.act(planned, &mut verdict, &mut skipped) {
                        break;
                    }
                }
            }
        }
        if !verdict.outcome.is_refusal() {
            for subject in awaited {
                self.limiter.weigh(subject.rate, &subject.key, time);
            }
        }
        verdict
    }
}

#[cfg(test)]
#[path = "verdict_tests.rs"]
mod tests;
