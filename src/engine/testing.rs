//! The tests of signatures in the real engine: everything emitted in monitor mode, each test judged by the recorded
//! matches of its own signature. `cli test` and the tests call it.

use super::compare::{Seen, as_seen_by_varnish};
use super::session::{Observed, Session, Setup};
use super::{Counters, EngineError, Reply};
use crate::eval::{Evaluator, wire};
use crate::ir::{Rule, Ruleset, Test};
use crate::request::Request;
use std::time::Duration;

/// Sequences up to this length run in real time where the clock cannot be moved.
const REAL_TIME: Duration = Duration::from_secs(30);

/// How a test ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TestOutcome {
    Passed,
    /// A rate decided otherwise than the test says, within its tolerance.
    WithinTolerance,
    /// Step (from 0) and what was seen.
    Failed {
        step: usize,
        seen: String,
    },
    /// Why it could not run.
    Skipped(&'static str),
}

/// Of one test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestResult {
    /// Index into `Ruleset::rules`.
    pub rule: usize,
    /// Index into the rule's tests.
    pub test: usize,
    pub outcome: TestOutcome,
}

/// Runs the tests of every rule of `ruleset`, which is what will be emitted, every rule in monitor mode. `build`
/// gives the VCL of such a set.
pub fn run_tests(
    ruleset: &Ruleset,
    build: &dyn Fn(&Ruleset) -> Result<String, String>,
    progress: &mut dyn FnMut(&TestResult),
) -> Result<(Vec<TestResult>, Counters), EngineError> {
    let setup = Setup {
        prefix: ruleset.settings.prefix.clone(),
        clock: ruleset.rules.iter().any(|rule| rule.rate.is_some()),
        ..Setup::default()
    };
    let mut session = Session::start(&build(ruleset).map_err(EngineError::Build)?, setup)?;
    let mut results = Vec::new();
    let mut again = Vec::new();
    let single = singles(ruleset);
    let passed: Vec<Request> =
        single.iter().map(|case| as_seen_by_varnish(case.request(), ruleset).into_owned()).collect();
    let sendable: Vec<bool> = passed.iter().map(|request| unsendable(request).is_none()).collect();
    let sent: Vec<&Request> =
        passed.iter().zip(&sendable).filter(|(_, sendable)| **sendable).map(|(request, _)| request).collect();
    let mut observed = session.exchange_all(&sent)?.into_iter();
    for (case, request) in single.iter().zip(&passed) {
        let outcome = match unsendable(request) {
            Some(reason) => TestOutcome::Skipped(reason),
            None => match observed.next() {
                Some(observed) => judge_single(case, &observed),
                None => TestOutcome::Skipped("lost"),
            },
        };
        let result = TestResult { rule: case.index, test: case.test_index, outcome };
        match result.outcome {
            // Another signature may have brought a limit with it.
            TestOutcome::Failed { .. } => again.push(result),
            TestOutcome::Passed | TestOutcome::WithinTolerance | TestOutcome::Skipped(_) => results.push(result),
        }
    }
    for (rule, test) in sequences(ruleset) {
        let outcome = run_sequence(&mut session, ruleset, rule, &ruleset.rules[rule].tests[test])?;
        results.push(TestResult { rule, test, outcome });
    }
    for result in again {
        results.push(run_alone(&mut session, ruleset, build, &result)?);
    }
    results.sort_by_key(|result| (result.rule, result.test));
    results.iter().for_each(progress);
    let counters = session.counters()?;
    Ok((results, counters))
}

/// A test of one request, without a rate.
struct Case<'r> {
    index: usize,
    rule: &'r Rule,
    test_index: usize,
    test: &'r Test,
}

impl Case<'_> {
    fn request(&self) -> &Request {
        // INVARIANT: `singles` takes tests with exactly one step.
        &self.test.steps[0].request
    }
}

fn singles(ruleset: &Ruleset) -> Vec<Case<'_>> {
    let mut cases = Vec::new();
    for (index, rule) in ruleset.rules.iter().enumerate().filter(|(_, rule)| rule.rate.is_none()) {
        for (test_index, test) in rule.tests.iter().enumerate().filter(|(_, test)| test.steps.len() == 1) {
            cases.push(Case { index, rule, test_index, test });
        }
    }
    cases
}

/// Tests that need a fresh engine.
fn sequences(ruleset: &Ruleset) -> Vec<(usize, usize)> {
    let mut sequences = Vec::new();
    for (index, rule) in ruleset.rules.iter().enumerate() {
        for (test_index, test) in rule.tests.iter().enumerate() {
            if rule.rate.is_some() || test.steps.len() != 1 {
                sequences.push((index, test_index));
            }
        }
    }
    sequences
}

fn unsendable(request: &Request) -> Option<&'static str> {
    if wire::is_later_version(request) {
        return Some("HTTP/2");
    }
    wire::refused(request).map(|_| "refused by the engine itself")
}

fn matched(rule: &Rule, observed: &Observed) -> Result<bool, String> {
    if let Some(failure) = &observed.failure {
        return Err(format!("a failure of the VCL ({failure})"));
    }
    match &observed.reply {
        Reply::Answer(answer) if answer.xid().is_some() => {
            Ok(Seen::from_engine(answer, observed.record.as_ref()).matched.contains(&rule.id))
        }
        Reply::Answer(answer) => Err(format!("the engine refused the request with {}", answer.status)),
        Reply::Closed => Err("the engine closed the connection".to_owned()),
        Reply::TimedOut => Err("no answer".to_owned()),
    }
}

fn judge_single(case: &Case<'_>, observed: &Observed) -> TestOutcome {
    match matched(case.rule, observed) {
        Ok(matched) if matched == case.test.steps[0].expect_match => TestOutcome::Passed,
        Ok(matched) => TestOutcome::Failed { step: 0, seen: seen_text(matched, observed) },
        Err(seen) => TestOutcome::Failed { step: 0, seen },
    }
}

fn seen_text(matched: bool, observed: &Observed) -> String {
    let word = if matched { "a match" } else { "no match" };
    let limit = observed.record.iter().flat_map(|record| &record.ids).find(|id| id.starts_with("limit-"));
    limit.map_or_else(|| word.to_owned(), |limit| format!("{word} ({limit})"))
}

/// A signature's test with no other signature in the set.
fn run_alone(
    session: &mut Session,
    ruleset: &Ruleset,
    build: &dyn Fn(&Ruleset) -> Result<String, String>,
    result: &TestResult,
) -> Result<TestResult, EngineError> {
    let alone = ruleset.with_rules(vec![ruleset.rules[result.rule].clone()]);
    session.load(&build(&alone).map_err(EngineError::Build)?)?;
    let case = Case {
        index: result.rule,
        rule: &alone.rules[0],
        test_index: result.test,
        test: &alone.rules[0].tests[result.test],
    };
    let request = as_seen_by_varnish(case.request(), ruleset).into_owned();
    let observed = session.exchange_all(&[&request])?;
    let outcome = observed.first().map_or(TestOutcome::Skipped("lost"), |observed| judge_single(&case, observed));
    Ok(TestResult { rule: case.index, test: case.test_index, outcome })
}

fn run_sequence(
    session: &mut Session,
    ruleset: &Ruleset,
    index: usize,
    test: &Test,
) -> Result<TestOutcome, EngineError> {
    let length = test.steps.last().map_or(Duration::ZERO, |step| step.request.time);
    if length > REAL_TIME && !session.has_clock() {
        return Ok(TestOutcome::Skipped("needs a C compiler for the clock"));
    }
    session.restart()?;
    let rule = &ruleset.rules[index];
    let mut follower = Evaluator::alone(ruleset, index);
    let mut outcome = TestOutcome::Passed;
    for (step, expected) in test.steps.iter().enumerate() {
        let mut request = as_seen_by_varnish(&expected.request, ruleset).into_owned();
        if let Some(reason) = unsendable(&request) {
            return Ok(TestOutcome::Skipped(reason));
        }
        let observed = session.exchange(&request)?;
        request.time = request.time.max(session.now());
        let matched = match matched(rule, &observed) {
            Ok(matched) => matched,
            Err(seen) => return Ok(TestOutcome::Failed { step, seen }),
        };
        let judged = follower.judge(&request);
        let (verdict, tolerance) = follower.settle_as(judged, &|_| matched);
        if verdict.matched.contains(&index) != matched {
            return Ok(TestOutcome::Failed { step, seen: seen_text(matched, &observed) });
        }
        if let Err(error) = tolerance {
            return Ok(TestOutcome::Failed { step, seen: format!("outside the tolerance of the rate: {error}") });
        }
        if matched != expected.expect_match {
            if rule.rate.is_none() {
                return Ok(TestOutcome::Failed { step, seen: seen_text(matched, &observed) });
            }
            outcome = TestOutcome::WithinTolerance;
        }
    }
    Ok(outcome)
}
