//! IR → artifacts of a target. One file per target and a row in [`TARGETS`].

mod addresses;
mod fastly;
mod manifest;
mod names;
mod needles;
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
    /// How the output is cut; Fastly only.
    pub layout: Layout,
    /// What carries the output; Fastly only.
    pub format: Format,
    /// No files are wanted, only what is refused: a target may stop as soon as it knows that.
    pub only_refusals: bool,
}

/// What carries the output to Fastly.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// Files to paste or include.
    #[default]
    Vcl,
    /// A `.tf.json` of resources.
    Terraform,
    /// The JSON of Fastly's API.
    Api,
    /// The files and a script for Fastly's command line.
    Cli,
    /// Planned resources, which falco reads.
    Plan,
}

/// How the output for Fastly is cut.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Layout {
    /// One snippet with declarations and subs, and one of a line for each place.
    #[default]
    Snippets,
    /// One file for custom VCL to include.
    Include,
}

/// Every target.
pub static TARGETS: &[Target] = &[
    Target { name: varnish::NAME, deviations: varnish::DEVIATIONS, emit: varnish::emit },
    Target { name: fastly::NAME, deviations: fastly::DEVIATIONS, emit: fastly::emit },
];
