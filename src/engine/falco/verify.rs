//! Requests through falco's tester and through eval, each verdict compared; the tests of signatures.

use super::{CRASHED, Falco, Step, service};
use crate::engine::compare::{Comparison, Seen};
use crate::engine::verify::{Class, Difference, Report};
use crate::engine::{EngineError, Options, TestOutcome, TestResult};
use crate::eval::address::canonical_text;
use crate::eval::{Evaluator, decode, wire};
use crate::ir::{Call, Check, ListValues, Patterns, Ruleset, Test, Value};
use crate::regex::Regex;
use crate::request::Request;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// Where falco is not Fastly; requests that touch one are counted apart. Each with its source in falco 1.21.1.
pub const FALCO_DEVIATIONS: &[&str] = &[
    // interpreter/function/shared/url_codec.go: decodeMultiBytes
    "falco's urldecode stops at escapes that are not UTF-8",
    // interpreter/variable/header.go: getRequestHeaderValue
    "falco takes an empty header for one that is not there",
    // interpreter/function/builtin/std_tolower.go: strings.ToLower
    "falco changes the case of letters beyond ASCII",
    // Fastly's own: a row of the target's table.
    "a body with a NUL",
    // net.IP.String: ::c000:207 where inet_ntop has ::192.0.2.7, which the share of a canary hashes
    "falco writes IPv4-compatible addresses in another way",
    // go.elara.ws/pcre: Regexp.match returns before it asks PCRE2
    "falco's patterns never match an empty text",
];

/// Bytes of a body that Fastly shows.
const BODY_LIMIT: u32 = 8192;
/// How many requests share an interpreter.
const GROUP: usize = 50;
/// Sequences that take longer need a clock that can be moved, which falco has not.
const BURST: Duration = Duration::from_secs(1);

/// The set as Fastly means it: its body limit, its own facts.
pub fn as_on_fastly(ruleset: &Ruleset) -> Ruleset {
    let mut ruleset = ruleset.clone();
    let settings = &mut ruleset.settings;
    settings.limits.body = settings.limits.body.min(BODY_LIMIT);
    settings.facts.clear();
    ruleset
}

/// The request as VCL is shown it.
fn shown(request: &Request) -> Request {
    let mut shown = wire::received(request).into_owned();
    // Fastly always knows it.
    shown.facts.scheme.get_or_insert_with(|| "https".to_owned());
    shown
}

/// Compares requests, one by one from a fresh state. `files` is what the set was built to; rates are left out of it.
pub fn verify(
    falco: &Falco,
    ruleset: &Ruleset,
    files: &service::Files,
    requests: impl Iterator<Item = Request>,
    options: &Options,
    progress: &mut dyn FnMut(&Report),
) -> Result<Report, EngineError> {
    let ruleset = as_on_fastly(ruleset);
    let vcl = service::service(files, &ruleset.settings.prefix, &ruleset.lists);
    let comparison = Comparison::new(&ruleset);
    let mut report = Report::default();
    let mut requests = requests.peekable();
    while requests.peek().is_some() {
        let batch: Vec<Request> = requests.by_ref().take(40 * GROUP).collect();
        let sent: Vec<Request> = batch.iter().filter(|request| wire::refused(request).is_none()).map(shown).collect();
        let groups: Vec<Vec<Request>> = sent.chunks(GROUP).map(<[Request]>::to_vec).collect();
        let steps = judge_apart(falco, &vcl, &ruleset.settings.prefix, &groups)?;
        let mut results = groups.iter().flatten().zip(steps.into_iter().flatten());
        for request in &batch {
            if let Some(reason) = wire::refused(request) {
                report.count(Class::Refused(reason), options.keep);
                continue;
            }
            let Some((request, step)) = results.next() else { break };
            let mut evaluator = Evaluator::new(&ruleset);
            let verdict = evaluator.verdict(request);
            report.matched += u64::from(!verdict.matched.is_empty());
            let wanted = comparison.expected(request, &verdict);
            let class = classify(&ruleset, &vcl, report.requests, request, &wanted, &step);
            report.count(class, options.keep);
        }
        progress(&report);
    }
    Ok(report)
}

/// Groups of requests that do not depend on each other: where falco crashes on a group, each is run alone.
fn judge_apart(falco: &Falco, vcl: &str, prefix: &str, groups: &[Vec<Request>]) -> Result<Vec<Vec<Step>>, EngineError> {
    let mut steps = falco.judge(vcl, prefix, groups)?;
    for (group, judged) in groups.iter().zip(&mut steps) {
        let crashed = judged.iter().all(|step| matches!(step, Step::Error(message) if message.starts_with(CRASHED)));
        if crashed && group.len() > 1 {
            let alone: Vec<Vec<Request>> = group.iter().map(|request| vec![request.clone()]).collect();
            *judged = falco.judge(vcl, prefix, &alone)?.into_iter().flatten().collect();
        }
    }
    Ok(steps)
}

fn classify(ruleset: &Ruleset, vcl: &str, index: u64, request: &Request, wanted: &Seen, step: &Step) -> Class {
    let seen = match step {
        Step::Seen(seen) if seen == wanted => return Class::Agreed,
        Step::Seen(seen) => seen.describe(),
        Step::Error(message) => message.clone(),
    };
    if let Some(reason) = deviation(vcl, request, step) {
        return Class::Skipped(reason);
    }
    if let Step::Seen(seen) = step {
        let of =
            |a: &Seen, b: &Seen| a.matched.iter().filter(|id| !b.matched.contains(id)).cloned().collect::<Vec<_>>();
        let differing: Vec<String> = of(seen, wanted).into_iter().chain(of(wanted, seen)).collect();
        let misread = |id: &String| matches_nothing(ruleset, id);
        // One that acts takes others with it.
        let acts = |id: &&String| ruleset.rules.iter().any(|rule| rule.id == **id && rule.mode.can_act());
        let explained = differing.iter().all(misread) || differing.iter().filter(acts).any(misread);
        if !differing.is_empty() && explained {
            return Class::Skipped(FALCO_DEVIATIONS[5]);
        }
    }
    Class::Different(Box::new(Difference { index, request: request.clone(), expected: wanted.describe(), seen }))
}

/// A rule has a pattern that matches the empty text, or asks whether a text is base64, as the empty one is.
fn matches_nothing(ruleset: &Ruleset, id: &str) -> bool {
    let is_empty_match = |regex: &Arc<Regex>| regex.accepts_empty();
    let mut found = false;
    for rule in ruleset.rules.iter().filter(|rule| rule.id == id) {
        for predicate in rule.predicates() {
            predicate.each_comparison(&mut |comparison| {
                found |= decodes_base64(&comparison.value);
                found |= match &comparison.check {
                    Check::Matches(Patterns::Literals(regexes)) => regexes.iter().any(is_empty_match),
                    Check::Matches(Patterns::List(index)) => {
                        match ruleset.lists.get(index.0).map(|list| &list.values) {
                            Some(ListValues::Regex(regexes)) => regexes.iter().any(is_empty_match),
                            Some(ListValues::Ip(_) | ListValues::Strings(_) | ListValues::Int(_)) | None => false,
                        }
                    }
                    Check::SameAs(other) => decodes_base64(other),
                    Check::Exists
                    | Check::IsTrue
                    | Check::Text { .. }
                    | Check::Integer { .. }
                    | Check::IntegerIn(_)
                    | Check::Network(_) => false,
                };
            });
        }
    }
    found
}

fn decodes_base64(value: &Value) -> bool {
    match value {
        Value::Field(_) => false,
        Value::Call(call, inner) => *call == Call::Base64Decode || decodes_base64(inner),
    }
}

/// The row of [`FALCO_DEVIATIONS`] that a request touches.
fn deviation(vcl: &str, request: &Request, step: &Step) -> Option<&'static str> {
    let is_ascii = request.headers.iter().map(|(_, value)| value).chain([&request.target, &request.body]).all(|text| {
        decode::url_decode(&decode::query_decode(text)).is_ascii() && decode::query_decode(text).is_ascii()
    });
    if matches!(step, Step::Error(message) if message.contains("[urldecode]")) {
        return (!is_ascii).then_some(FALCO_DEVIATIONS[0]);
    }
    let empty = |name: &[u8]| {
        let value = crate::eval::parts::joined_header(&request.headers, name);
        let name = String::from_utf8_lossy(name).to_ascii_lowercase();
        value.is_some_and(|value| value.is_empty()) && vcl.to_ascii_lowercase().contains(&name)
    };
    if request.headers.iter().any(|(name, _)| empty(name)) {
        return Some(FALCO_DEVIATIONS[1]);
    }
    let changes_case = vcl.contains("std.tolower(") || vcl.contains("std.toupper(");
    if changes_case && !is_ascii {
        return Some(FALCO_DEVIATIONS[2]);
    }
    if request.body.contains(&0) {
        return Some(FALCO_DEVIATIONS[3]);
    }
    addresses(request).any(|ip| canonical_text(ip) != ip.to_canonical().to_string()).then_some(FALCO_DEVIATIONS[4])
}

/// The addresses that can turn out to be the client's.
fn addresses(request: &Request) -> impl Iterator<Item = IpAddr> {
    let forwarded = request.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case(b"x-forwarded-for"));
    let listed = forwarded.flat_map(|(_, value)| value.split(|byte| *byte == b','));
    let read = listed.filter_map(|text| std::str::from_utf8(text).ok()?.trim().parse().ok());
    std::iter::once(request.client_ip).chain(read)
}

/// Runs the tests of every rule, each in a fresh state, judged by the recorded matches of its own signature. `ruleset`
/// is in monitor mode; `build` gives the files of such a set.
pub fn run_tests(
    falco: &Falco,
    ruleset: &Ruleset,
    build: service::Build<'_>,
    progress: &mut dyn FnMut(&TestResult),
) -> Result<Vec<TestResult>, EngineError> {
    let ruleset = as_on_fastly(ruleset);
    let prefix = &ruleset.settings.prefix;
    let mut results = Vec::new();
    // Rates remember: each of their rules runs alone. The others share a service.
    let mut plain = Vec::new();
    for (index, rule) in ruleset.rules.iter().enumerate() {
        if rule.rate.is_none() {
            plain.extend((0..rule.tests.len()).map(|test| (index, test)));
            continue;
        }
        let alone = ruleset.with_rules(vec![rule.clone()]);
        let cases: Vec<(usize, usize)> = (0..rule.tests.len()).map(|test| (index, test)).collect();
        run_cases(falco, &ruleset, &alone, prefix, &cases, build, &mut results)?;
    }
    let others: Vec<_> = ruleset.rules.iter().filter(|rule| rule.rate.is_none()).cloned().collect();
    if !others.is_empty() {
        let shared = ruleset.with_rules(others);
        run_cases(falco, &ruleset, &shared, prefix, &plain, build, &mut results)?;
    }
    results.sort_by_key(|result: &TestResult| (result.rule, result.test));
    results.iter().for_each(progress);
    Ok(results)
}

fn run_cases(
    falco: &Falco,
    ruleset: &Ruleset,
    emitted: &Ruleset,
    prefix: &str,
    cases: &[(usize, usize)],
    build: service::Build<'_>,
    results: &mut Vec<TestResult>,
) -> Result<(), EngineError> {
    let files = build(emitted).map_err(EngineError::Build)?;
    let vcl = service::service(&files, prefix, &ruleset.lists);
    let mut groups = Vec::new();
    let mut run = Vec::new();
    for &(rule, test) in cases {
        let steps = &ruleset.rules[rule].tests[test].steps;
        if let Some(reason) = unsendable(&ruleset.rules[rule].tests[test]) {
            results.push(TestResult { rule, test, outcome: TestOutcome::Skipped(reason) });
            continue;
        }
        groups.push(steps.iter().map(|step| shown(&step.request)).collect::<Vec<_>>());
        run.push((rule, test));
    }
    let judged = falco.judge(&vcl, prefix, &groups)?;
    for ((rule, test), (group, steps)) in run.into_iter().zip(groups.iter().zip(judged)) {
        let outcome = outcome(ruleset, rule, &vcl, &ruleset.rules[rule].tests[test], group, &steps);
        results.push(TestResult { rule, test, outcome });
    }
    Ok(())
}

fn unsendable(test: &Test) -> Option<&'static str> {
    if test.steps.iter().any(|step| wire::refused(&step.request).is_some()) {
        return Some("the engine refuses the request by itself");
    }
    let length = test.steps.last().map_or(Duration::ZERO, |step| step.request.time);
    (length > BURST).then_some("falco has no clock that can be moved")
}

fn outcome(
    ruleset: &Ruleset,
    rule: usize,
    vcl: &str,
    test: &Test,
    requests: &[Request],
    steps: &[Step],
) -> TestOutcome {
    let id = &ruleset.rules[rule].id;
    let mut follower = Evaluator::alone(ruleset, rule);
    let mut otherwise = false;
    for (number, ((wanted, request), step)) in test.steps.iter().zip(requests).zip(steps).enumerate() {
        let matched = match step {
            Step::Seen(seen) => seen.matched.contains(id),
            Step::Error(message) => {
                return match deviation(vcl, request, step) {
                    Some(reason) => TestOutcome::Skipped(reason),
                    None => TestOutcome::Failed { step: number, seen: message.clone() },
                };
            }
        };
        let judged = follower.judge(request);
        let (_, within) = follower.settle_as(judged, &|_| matched);
        if matched == wanted.expect_match {
            continue;
        }
        otherwise = true;
        if ruleset.rules[rule].rate.is_none() || within.is_err() {
            if let Some(reason) = deviation(vcl, request, step) {
                return TestOutcome::Skipped(reason);
            }
            let seen = match step {
                Step::Seen(seen) => seen.describe(),
                Step::Error(message) => message.clone(),
            };
            return TestOutcome::Failed { step: number, seen };
        }
    }
    if otherwise { TestOutcome::WithinTolerance } else { TestOutcome::Passed }
}
