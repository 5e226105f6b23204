//! Requests through the engine and through eval, each verdict compared. `cli verify` and the tests call it.

use super::compare::{Comparison, Seen, as_seen_by_varnish, is_own_refusal};
use super::session::{Observed, Session, Setup};
use super::{Counters, EngineError, Reply};
use crate::eval::{Evaluator, Verdict, wire};
use crate::ir::Ruleset;
use crate::request::Request;
use std::collections::BTreeMap;
use std::time::Duration;

/// How many requests go through the engine before their results are compared.
const BATCH: usize = 1000;

/// Varnish's own limit: the evaluator has no workspace.
const WORKSPACE_LIMIT: &str = "limit-workspace";
/// The request fills every header slot, so that a tag cannot be added: it is refused.
const TAG_WITHOUT_SLOT: &str = "tag without a header slot";

/// Beside the set-up of the engine.
#[derive(Clone, Debug)]
pub struct Options {
    pub setup: Setup,
    /// Differences that are kept whole; the others are only counted.
    pub keep: usize,
}

impl Default for Options {
    fn default() -> Options {
        Options { setup: Setup::default(), keep: 100 }
    }
}

/// What the comparison of one request found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Class {
    Agreed,
    /// A rate decided otherwise than in eval, within the tolerance.
    WithinTolerance,
    /// By the engine itself, as the wire check says; the reason.
    Refused(&'static str),
    /// A documented deviation of the target; its name.
    Deviation(&'static str),
    /// Not sent: why.
    Skipped(&'static str),
    Different(Box<Difference>),
}

/// A request on which the sides do not agree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Position in the input.
    pub index: u64,
    /// As it was sent.
    pub request: Request,
    /// What eval says.
    pub expected: String,
    /// What the engine did.
    pub seen: String,
}

/// Sums of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    pub requests: u64,
    pub agreed: u64,
    pub within_tolerance: u64,
    /// By reason.
    pub refused: BTreeMap<&'static str, u64>,
    pub skipped: BTreeMap<&'static str, u64>,
    /// Documented deviations, by name.
    pub deviations: BTreeMap<&'static str, u64>,
    pub different: u64,
    /// The first of them.
    pub differences: Vec<Difference>,
    /// Requests on which something matched.
    pub matched: u64,
    /// Responses of 500 and above that neither eval nor the origin gave.
    pub server_errors: u64,
    /// Requests sent once more, as varnishd had not got the origin's answer; by its reason.
    pub sent_again: BTreeMap<String, u64>,
    pub counters: Counters,
}

impl Report {
    /// Nothing to complain of.
    pub fn is_clean(&self) -> bool {
        let Counters { vcl_fail, child_panic, child_died, losthdr: _ } = self.counters;
        self.different == 0 && self.server_errors == 0 && vcl_fail == 0 && child_panic == 0 && child_died == 0
    }

    pub(super) fn count(&mut self, class: Class, keep: usize) {
        self.requests += 1;
        match class {
            Class::Agreed => self.agreed += 1,
            Class::WithinTolerance => self.within_tolerance += 1,
            Class::Refused(reason) => *self.refused.entry(reason).or_default() += 1,
            Class::Skipped(reason) => *self.skipped.entry(reason).or_default() += 1,
            Class::Deviation(name) => *self.deviations.entry(name).or_default() += 1,
            Class::Different(difference) => {
                self.different += 1;
                if self.differences.len() < keep {
                    self.differences.push(*difference);
                }
            }
        }
    }
}

/// Starts an engine with `built`, the VCL of `ruleset`, and compares every request. `progress` hears of each batch.
pub fn verify(
    ruleset: &Ruleset,
    built: &str,
    requests: impl Iterator<Item = Request>,
    options: &Options,
    progress: &mut dyn FnMut(&Report),
) -> Result<Report, EngineError> {
    let mut setup = options.setup.clone();
    setup.prefix.clone_from(&ruleset.settings.prefix);
    setup.clock |= has_rates(ruleset);
    let mut session = Session::start(built, setup)?;
    verify_in(&mut session, ruleset, requests, options.keep, progress)
}

/// The same in a session that has the VCL loaded. The session's counters count.
pub fn verify_in(
    session: &mut Session,
    ruleset: &Ruleset,
    requests: impl Iterator<Item = Request>,
    keep: usize,
    progress: &mut dyn FnMut(&Report),
) -> Result<Report, EngineError> {
    let mut judge = Judge {
        comparison: Comparison::new(ruleset),
        evaluator: Evaluator::new(ruleset),
        follower: Evaluator::new(ruleset),
        ruleset,
        can_act: ruleset.rules.iter().any(|rule| rule.mode.can_act()),
        report: Report::default(),
        keep,
    };
    // The order of requests only matters for rates, and the origin's response only there.
    let one_by_one = has_rates(ruleset);
    let before = session.counters()?;
    let mut requests = requests.map(|request| as_seen_by_varnish(&request, ruleset).into_owned());
    loop {
        let batch: Vec<Request> = requests.by_ref().take(BATCH).collect();
        if batch.is_empty() {
            break;
        }
        judge.compare(session, batch, one_by_one)?;
        progress(&judge.report);
    }
    let after = session.counters()?;
    let without_slot = judge.report.refused.get(wire::NO_SLOT).copied().unwrap_or(0);
    judge.report.counters = Counters {
        // Those are no failures of the VCL: varnishd had lost the request before.
        vcl_fail: (after.vcl_fail - before.vcl_fail).saturating_sub(without_slot),
        child_panic: after.child_panic - before.child_panic,
        child_died: after.child_died - before.child_died,
        losthdr: after.losthdr - before.losthdr,
    };
    Ok(judge.report)
}

fn has_rates(ruleset: &Ruleset) -> bool {
    ruleset.rules.iter().any(|rule| rule.rate.is_some())
}

/// Why a request cannot be sent at all.
fn unsendable(request: &Request, refusal: Option<&'static str>) -> Option<Class> {
    if wire::is_later_version(request) {
        return Some(Class::Skipped("HTTP/2"));
    }
    // An engine waits for the rest, or gives up in its own way.
    refusal.filter(|reason| wire::is_incomplete(reason)).map(Class::Refused)
}

struct Judge<'r> {
    comparison: Comparison<'r>,
    /// Decides rates by itself.
    evaluator: Evaluator<'r>,
    /// Takes the engine's decisions on rates, and checks them.
    follower: Evaluator<'r>,
    ruleset: &'r Ruleset,
    can_act: bool,
    report: Report,
    keep: usize,
}

impl Judge<'_> {
    fn compare(&mut self, session: &mut Session, mut batch: Vec<Request>, one_by_one: bool) -> Result<(), EngineError> {
        let refusals: Vec<Option<&'static str>> = batch.iter().map(wire::refused).collect();
        let unsent: Vec<Option<Class>> =
            batch.iter().zip(&refusals).map(|(request, refusal)| unsendable(request, *refusal)).collect();
        if !one_by_one {
            // In parallel the origin gives one response for all.
            batch.iter_mut().for_each(|request| request.response = crate::request::Response::default());
        }
        let sent: Vec<&Request> =
            batch.iter().zip(&unsent).filter(|(_, class)| class.is_none()).map(|(request, _)| request).collect();
        let observed: Vec<(Observed, Duration)> = if one_by_one {
            session.exchange_in_order(&sent)?
        } else {
            session.exchange_all(&sent)?.into_iter().map(|observed| (observed, Duration::ZERO)).collect()
        };
        let mut observed = observed.into_iter();
        for ((mut request, refusal), class) in batch.into_iter().zip(refusals).zip(unsent) {
            let class = match class {
                Some(class) => class,
                None => match observed.next() {
                    Some((observed, time)) => {
                        // Rates are judged at the time at which they were asked.
                        request.time = request.time.max(time);
                        self.class(request, refusal, &observed)
                    }
                    None => Class::Skipped("lost"),
                },
            };
            self.report.count(class, self.keep);
        }
        Ok(())
    }

    fn class(&mut self, request: Request, refusal: Option<&'static str>, observed: &Observed) -> Class {
        if let Some(reason) = &observed.sent_again {
            *self.report.sent_again.entry(reason.clone()).or_default() += 1;
        }
        let index = self.report.requests;
        let differ =
            |request, expected, seen| Class::Different(Box::new(Difference { index, request, expected, seen }));
        if let Some(reason) = refusal {
            let fails_in_vcl = reason == wire::NO_SLOT
                && match &observed.reply {
                    // Where nothing can act, a failure is restarted without the rules.
                    Reply::Answer(answer) => answer.status >= 400 || !self.can_act,
                    Reply::Closed | Reply::TimedOut => false,
                };
            return if is_own_refusal(&observed.reply) || fails_in_vcl {
                Class::Refused(reason)
            } else {
                differ(request, format!("refused by the engine: {reason}"), describe(&observed.reply))
            };
        }
        let Reply::Answer(answer) = &observed.reply else {
            return differ(request, "an answer".to_owned(), describe(&observed.reply));
        };
        let seen = Seen::from_engine(answer, observed.record.as_ref());
        let (verdict, exact, rate_error) = self.verdicts(&request, &seen);
        let expected = self.comparison.expected(&request, &verdict);
        let is_full = (seen.action.as_str(), seen.by.as_deref(), seen.status) == ("block", Some(WORKSPACE_LIMIT), 431);
        if is_full && !verdict.tags.is_empty() && wire::fills_every_slot(&request) {
            return Class::Deviation(TAG_WITHOUT_SLOT);
        }
        if let Some(failure) = &observed.failure {
            // Never a documented deviation, whatever the record calls it.
            return differ(request, expected.describe(), format!("{}; the VCL failed: {failure}", seen.describe()));
        }
        if answer.status >= 500 && expected.status < 500 {
            self.report.server_errors += 1;
        }
        self.report.matched += u64::from(!seen.matched.is_empty());
        if is_own_refusal(&observed.reply) {
            return differ(request, expected.describe(), describe(&observed.reply));
        }
        if expected != seen {
            if self.is_workspace_limit(&request, &seen) {
                return Class::Deviation(WORKSPACE_LIMIT);
            }
            let why = observed
                .fetch_error
                .as_ref()
                .map_or(String::new(), |error| format!("; varnishd did not get the origin's answer: {error}"));
            return differ(request, expected.describe(), seen.describe() + &why);
        }
        if let Err(error) = rate_error {
            return differ(request, format!("a decision within the tolerance of the rate: {error}"), seen.describe());
        }
        if exact { Class::Agreed } else { Class::WithinTolerance }
    }

    /// The engine had no room for the copies of this request, and did with it what the project says of limits.
    fn is_workspace_limit(&self, request: &Request, seen: &Seen) -> bool {
        let acts = self.can_act && self.ruleset.settings.limits.over.is_some();
        let outcome = (seen.action.as_str(), seen.by.as_deref(), seen.status);
        let expected =
            if acts { ("block", Some(WORKSPACE_LIMIT), 431) } else { ("none", None, request.response.status) };
        // An `allow` that needs no room may still have been asked; those that do were passed over.
        let allowed = seen.action == "allow" && seen.status == request.response.status;
        seen.limit.as_deref() == Some(WORKSPACE_LIMIT) && (allowed || outcome == expected)
    }

    /// Eval's verdict with the engine's decisions on rates, whether it is also eval's own, and whether they are
    /// within the tolerance.
    fn verdicts(&mut self, request: &Request, seen: &Seen) -> (Verdict, bool, Result<(), String>) {
        if !has_rates(self.ruleset) {
            return (self.evaluator.verdict(request), true, Ok(()));
        }
        let own = self.evaluator.verdict(request);
        let judged = self.follower.judge(request);
        let over = |index: usize| self.ruleset.rules.get(index).is_some_and(|rule| seen.matched.contains(&rule.id));
        let (verdict, tolerance) = self.follower.settle_as(judged, &over);
        let exact = verdict == own;
        (verdict, exact, tolerance)
    }
}

fn describe(reply: &Reply) -> String {
    match reply {
        Reply::Answer(answer) if answer.xid().is_none() => format!("refused by the engine with {}", answer.status),
        Reply::Answer(answer) => format!("answered with {}", answer.status),
        Reply::Closed => "closed without an answer".to_owned(),
        Reply::TimedOut => "no answer".to_owned(),
    }
}
