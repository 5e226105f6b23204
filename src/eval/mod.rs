//! The reference semantics: what a ruleset means for a request. Every target must agree with it.

pub mod wire;

use crate::ir::Ruleset;
use crate::request::Request;

/// A ruleset made ready to judge requests, with the state of its rates.
pub struct Evaluator<'r> {
    ruleset: &'r Ruleset,
}

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

impl<'r> Evaluator<'r> {
    /// `ruleset` is what `ir::select` gave.
    pub fn new(ruleset: &'r Ruleset) -> Evaluator<'r> {
        Evaluator { ruleset }
    }

    /// Judges one request at its `time`; rates remember it. Times must not go back.
    pub fn verdict(&mut self, request: &Request) -> Verdict {
        let _ = (&self.ruleset, request);
        unimplemented!()
    }
}
