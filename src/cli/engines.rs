//! What `test` and `verify` have in common: the output that an engine runs, its faults, progress.

use super::console::Console;
use super::render::{self, counted};
use crate::codegen::{Options, Target};
use crate::diagnostic::Diagnostics;
use crate::engine::Counters;
use crate::ir::{self, Mode, Ruleset, Selection};
use crate::source::SourceMap;
use indicatif::{ProgressBar, ProgressStyle};
use std::sync::Arc;

/// The VCL of a set; the error is what is wrong with it, rendered.
pub fn vcl(ruleset: &Ruleset, target: &Target, sources: &SourceMap) -> Result<String, String> {
    let mut found = Diagnostics::default();
    let artifacts = crate::emit(ruleset, target, &Options::default(), &mut found);
    if found.has_errors() {
        found.sort();
        return Err(render::plain(sources, &found));
    }
    let vcl = artifacts.into_iter().find(|artifact| artifact.path.ends_with(".vcl"));
    vcl.map(|artifact| artifact.content).ok_or_else(|| format!("{} has no VCL", target.name))
}

/// Every file of a set; the error is what is wrong with it, rendered.
pub fn files(ruleset: &Ruleset, target: &Target, sources: &SourceMap) -> Result<Vec<(String, String)>, String> {
    let mut found = Diagnostics::default();
    let artifacts = crate::emit(ruleset, target, &Options::default(), &mut found);
    if found.has_errors() {
        found.sort();
        return Err(render::plain(sources, &found));
    }
    Ok(artifacts.into_iter().map(|artifact| (artifact.path, artifact.content)).collect())
}

/// The rules that a target can express, one by one, and how many it cannot.
pub fn expressible(ruleset: &Ruleset, target: &Target) -> (Ruleset, usize) {
    let fits = |rule: &&Arc<ir::Rule>| {
        let mut found = Diagnostics::default();
        let alone = ruleset.with_rules(vec![Arc::clone(rule)]);
        crate::emit(&alone, target, &Options { only_refusals: true, ..Options::default() }, &mut found);
        !found.has_errors()
    };
    let rules: Vec<_> = ruleset.rules.iter().filter(fits).cloned().collect();
    let left_out = ruleset.rules.len() - rules.len();
    (ruleset.with_rules(rules), left_out)
}

/// The set that tests run in: what the target can be given, drafts included, every match recorded and no action taken.
pub fn for_tests(ruleset: &Ruleset, target: &Target) -> Ruleset {
    let selection = Selection { target: Some(target.name.to_owned()), ..Selection::default() };
    ir::select(&with_drafts(ruleset, |_| Mode::Monitor), &selection)
}

/// The set with another mode for each rule that is not retired.
pub fn with_drafts(ruleset: &Ruleset, mode: impl Fn(Mode) -> Mode) -> Ruleset {
    let mut copy = ruleset.clone();
    for rule in copy.rules.iter_mut().filter(|rule| rule.mode != Mode::Retired) {
        let mode = mode(rule.mode);
        if mode != rule.mode {
            Arc::make_mut(rule).mode = mode;
        }
    }
    copy
}

/// What went wrong inside an engine, one sentence each.
pub fn faults(counters: &Counters) -> Vec<String> {
    [
        (counters.vcl_fail, "VCL failed at run time", "time"),
        (counters.child_panic, "a varnishd worker crashed", "time"),
        (counters.child_died, "a varnishd worker ended", "time"),
    ]
    .into_iter()
    .filter(|(count, _, _)| *count > 0)
    .map(|(count, what, noun)| format!("{what}: {}", counted(count as usize, noun)))
    .collect()
}

/// A line that moves, where a person looks; nothing elsewhere.
pub struct Progress(ProgressBar);

impl Progress {
    pub fn new(console: &Console, what: &'static str, total: Option<u64>) -> Progress {
        if !console.interactive {
            return Progress(ProgressBar::hidden());
        }
        let (bar, template) = match total {
            Some(total) => (ProgressBar::new(total), "{msg} {bar:30} {pos}/{len} {elapsed}"),
            None => (ProgressBar::new_spinner(), "{spinner} {msg}: {pos} {elapsed}"),
        };
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = bar.with_style(style).with_message(what);
        bar.enable_steady_tick(std::time::Duration::from_millis(200));
        Progress(bar)
    }

    pub fn advance(&self, count: u64) {
        self.0.inc(count);
    }

    pub fn set(&self, position: u64) {
        self.0.set_position(position);
    }

    pub fn finish(&self) {
        self.0.finish_and_clear();
    }
}
