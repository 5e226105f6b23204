//! IR → artifacts of a target. One file per target and a row in [`TARGETS`].

mod manifest;
mod names;
mod varnish;
mod vcl;

use crate::diagnostic::Diagnostics;
use crate::ir::Ruleset;

/// A file to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artifact {
    /// Relative to the output folder, `/` as separator.
    pub path: String,
    pub content: String,
}

/// A target.
pub struct Target {
    pub name: &'static str,
    /// `(number, what differs)`: the only places where its verdict may differ from the evaluator's.
    pub deviations: &'static [&'static str],
    pub emit: fn(&Ruleset, &Options, &mut Diagnostics) -> Vec<Artifact>,
}

/// Of one build.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// For the header comment: the service, when one was selected.
    pub service: Option<String>,
}

/// Every target.
pub static TARGETS: &[Target] = &[Target { name: varnish::NAME, deviations: varnish::DEVIATIONS, emit: varnish::emit }];
