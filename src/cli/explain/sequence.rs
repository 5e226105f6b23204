//! A test of several requests → what became of each, for `explain`. The request that decides is the one whose tree is
//! shown; the others are one line for each run of neighbours with the same outcome.

use std::fmt::Write;

use crate::cli::render::safe;
use crate::eval::{StepOutcome, Trace, TraceRate, trace};
use crate::ir::{Ruleset, Test, TestStep};

/// Characters of a request line that are shown.
const SHOWN: usize = 80;

/// The request that the test turns on: the first with another outcome than expected, else the first that matches, else the
/// last one.
pub(super) fn deciding(test: &Test, outcomes: &[StepOutcome]) -> usize {
    let steps = || test.steps.iter().zip(outcomes);
    let surprising = steps().position(|(step, outcome)| step.expect_match != outcome.matched);
    let matching = || outcomes.iter().position(|outcome| outcome.matched);
    surprising.or_else(matching).unwrap_or(test.steps.len().saturating_sub(1))
}

/// What is compared to find neighbours that are alike.
#[derive(PartialEq)]
struct Line {
    request: String,
    detail: String,
    expected: bool,
    matched: bool,
}

/// Every request of the sequence.
pub(super) fn show(ruleset: &Ruleset, index: usize, test: &Test, outcomes: &[StepOutcome], chosen: usize) -> String {
    let mut text = String::from("\nthe sequence:\n");
    let lines: Vec<Line> =
        test.steps.iter().zip(outcomes).map(|(step, outcome)| line(ruleset, index, step, outcome)).collect();
    let mut first = 0;
    for group in lines.chunk_by(PartialEq::eq) {
        let last = first + group.len() - 1;
        let seconds = |step: usize| test.steps[step].request.time.as_secs_f64();
        let numbers = match group.len() {
            1 => format!("request {} at {}s", first + 1, seconds(first)),
            _ if seconds(first) == seconds(last) => {
                format!("requests {} to {} at {}s", first + 1, last + 1, seconds(first))
            }
            _ => format!("requests {} to {} at {}s to {}s", first + 1, last + 1, seconds(first), seconds(last)),
        };
        let line = &group[0];
        let judgement = if line.expected == line.matched {
            "as expected".to_owned()
        } else {
            format!("expected {}", word(line.expected))
        };
        let shown = match (group.len(), (first..=last).contains(&chosen)) {
            (_, false) => String::new(),
            (1, true) => "; shown above".to_owned(),
            (_, true) => format!("; request {} is shown above", chosen + 1),
        };
        let _ = writeln!(text, "  {numbers}: {}, {judgement}{shown}", word(line.matched));
        let _ = writeln!(text, "    {}: {}", line.request, line.detail);
        first = last + 1;
    }
    text
}

fn line(ruleset: &Ruleset, index: usize, step: &TestStep, outcome: &StepOutcome) -> Line {
    let request = &step.request;
    let target = [&request.method[..], b" ", &request.target].concat();
    let answered = match request.response.status {
        200 => String::new(),
        status => format!(", answered {status}"),
    };
    let detail = match (outcome.limit, trace(ruleset, index, request)) {
        (Some(limit), _) => format!("over {}", limit.name()),
        (None, Some(Trace { matched: false, .. })) => "`when` does not select it".to_owned(),
        (None, Some(Trace { rate: Some(rate), .. })) => weighs(&rate, outcome.matched),
        (None, Some(Trace { rate: None, .. }) | None) => "`when` selects it".to_owned(),
    };
    Line {
        request: format!("{}{answered}", safe::bytes(&target, SHOWN)),
        detail,
        expected: step.expect_match,
        matched: outcome.matched,
    }
}

fn weighs(rate: &TraceRate, over: bool) -> String {
    let key: Vec<String> = rate.key.iter().map(|part| part.to_string()).collect();
    let key = if key.is_empty() { "one for all".to_owned() } else { key.join(", ") };
    match (over, rate.weight) {
        (true, _) => format!("the rate is over, key {key}"),
        (false, 0) => format!("does not count, key {key}"),
        (false, weight) => format!("weighs {weight}, key {key}"),
    }
}

fn word(matched: bool) -> &'static str {
    if matched { "match" } else { "no_match" }
}
