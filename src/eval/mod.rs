//! The reference semantics: what a ruleset means for a request. Every target must agree with it.
//!
//! `parts` and `decode` cut and decode bytes, `view` gives each field's value, `functions` the functions' values,
//! `plan`, `search`, `presences`, `screen` and `program` make conditions ready, `limits` guards, `limiter` keeps the rates, `verdict` puts them in order.
//! `trace` explains one signature on one request, `testing` runs the tests of signatures.

pub mod address;
pub mod decode;
mod functions;
mod limiter;
mod limits;
pub mod parts;
mod plan;
mod presences;
mod program;
#[cfg(test)]
mod samples;
mod screen;
mod search;
mod testing;
mod trace;
#[cfg(test)]
mod truth_table;
mod verdict;
mod view;
pub mod wire;

pub use functions::to_text;
pub use limiter::{Decision, Limiter};
pub use testing::{StepOutcome, comparison_truths, matches, predicate_holds, run_test, run_tests};
pub use trace::{SeenValue, Trace, TraceComparison, TraceKind, TraceNode, TraceRate, trace, trace_predicate};
pub use verdict::{Evaluator, Judged, is_in_canary};
pub use view::{Context, Seen, Text, View};

/// What happens to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    None,
    Block,
    Throttle,
    Redirect,
    Tarpit,
    Allow,
}

impl Outcome {
    pub fn name(self) -> &'static str {
        match self {
            Outcome::None => "none",
            Outcome::Block => "block",
            Outcome::Throttle => "throttle",
            Outcome::Redirect => "redirect",
            Outcome::Tarpit => "tarpit",
            Outcome::Allow => "allow",
        }
    }

    /// The request did not reach the origin as it was, because of us.
    pub fn is_refusal(self) -> bool {
        match self {
            Outcome::None | Outcome::Allow => false,
            Outcome::Block | Outcome::Throttle | Outcome::Redirect | Outcome::Tarpit => true,
        }
    }
}

/// A limit that a request is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitKind {
    Url,
    Values,
    Names,
}

impl LimitKind {
    /// As in `by` and in logs.
    pub fn name(self) -> &'static str {
        match self {
            LimitKind::Url => "limit-url",
            LimitKind::Values => "limit-values",
            LimitKind::Names => "limit-names",
        }
    }
}

/// The verdict on one request. Rules are indices into `Ruleset::rules`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// In order of evaluation; a rate only when it is over.
    pub matched: Vec<usize>,
    pub outcome: Outcome,
    /// The rule that acted; for a score the one that crossed the threshold.
    pub by: Option<usize>,
    /// The limit that the request is over, acted on or not.
    pub limit: Option<LimitKind>,
    /// 200 when nothing acted.
    pub status: u16,
    /// Sum of the enforced scores.
    pub score: u32,
    /// Enforced tags, sorted.
    pub tags: Vec<String>,
    /// Enforced strips: lower-case header names, sorted.
    pub strip: Vec<String>,
}

impl Default for Verdict {
    /// Nothing matched.
    fn default() -> Verdict {
        Verdict {
            matched: Vec::new(),
            outcome: Outcome::None,
            by: None,
            limit: None,
            status: 200,
            score: 0,
            tags: Vec::new(),
            strip: Vec::new(),
        }
    }
}
