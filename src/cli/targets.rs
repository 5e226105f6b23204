//! `edgesig targets`: what each target has of the language; and for `check --target all`, where each signature can run.

use super::console::Console;
use super::engines;
use super::failure::{Exit, Failure};
use crate::catalog::{Availability, FIELDS, FUNCTIONS};
use crate::codegen::{Options, TARGETS};
use crate::diagnostic::{Diagnostics, Severity};
use crate::ir::{self, Mode, Ruleset, Selection};
use std::fmt::Write as _;

const AFTER_HELP: &str = "\
native: the engine has it; emulated: edgesig's code computes it; profile: the project says
where it comes from; no: a signature that uses it is refused there.

`edgesig check --target all` says of each of your signatures where it can run.";

#[derive(clap::Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub struct Arguments {}

pub fn run(_arguments: &Arguments, console: &mut Console) -> Result<Exit, Failure> {
    for line in table().lines() {
        console.line(line)?;
    }
    Ok(Exit::Clean)
}

/// Actions and how each target takes them; the order is the language's.
const ACTIONS: &[(&str, Availability, Availability)] = &[
    ("block", Availability::Native("synth"), Availability::Native("error")),
    ("log", Availability::Native("std.log"), Availability::Native("log")),
    ("tag", Availability::Native("req.http"), Availability::Native("req.http")),
    ("score", Availability::Emulated("var"), Availability::Emulated("a local")),
    ("allow", Availability::Emulated("var"), Availability::Emulated("a local")),
    ("redirect", Availability::Native("synth"), Availability::Native("error")),
    ("strip", Availability::Native("unset"), Availability::Native("unset")),
    ("throttle", Availability::Native("vsthrottle"), Availability::Native("ratecounter")),
    ("tarpit", Availability::No("block or throttle"), Availability::Native("resp.tarpit")),
];

fn word(availability: Availability) -> &'static str {
    match availability {
        Availability::Native(_) => "native",
        Availability::Emulated(_) => "emulated",
        Availability::Profile(_) => "profile",
        Availability::No(_) => "no",
    }
}

/// Fields, functions and actions × targets.
fn table() -> String {
    let mut text = format!("{:<22} {:<10} {}\n", "", "varnish", "fastly");
    let mut part = |heading: &str, rows: Vec<(&str, Availability, Availability)>| {
        let _ = writeln!(text, "\n{heading}");
        for (name, varnish, fastly) in rows {
            let _ = writeln!(text, "  {name:<20} {:<10} {}", word(varnish), word(fastly));
        }
    };
    part("fields", FIELDS.iter().map(|row| (row.name, row.varnish, row.fastly)).collect());
    part("functions", FUNCTIONS.iter().map(|row| (row.name, row.varnish, row.fastly)).collect());
    part("actions", ACTIONS.to_vec());
    text
}

/// Where each signature can run, and why not elsewhere.
pub fn portability(ruleset: &Ruleset, console: &mut Console) -> Result<(), Failure> {
    let all = engines::with_drafts(ruleset, |mode| if mode == Mode::Draft { Mode::Monitor } else { mode });
    for rule in all.rules.iter().filter(|rule| rule.mode != Mode::Retired) {
        let alone = all.with_rules(vec![rule.clone()]);
        let mut runs = Vec::new();
        let mut not = Vec::new();
        for target in TARGETS {
            let selection = Selection { target: Some(target.name.to_owned()), ..Selection::default() };
            let selected = ir::select(&alone, &selection);
            // A scoped allow alone has nothing to skip and is dropped.
            let is_meant = rule.targets.as_ref().is_none_or(|names| names.iter().any(|name| name == target.name));
            if !is_meant {
                not.push(format!("  not {}: its `targets` leave it out", target.name));
                continue;
            }
            let mut found = Diagnostics::default();
            crate::emit(&selected, target, &Options { only_refusals: true, ..Options::default() }, &mut found);
            let errors = found.list.iter().filter(|diagnostic| diagnostic.severity == Severity::Error);
            let reasons: Vec<String> = errors
                .map(|diagnostic| {
                    let help = diagnostic.help.first().map_or(String::new(), |help| format!("; {help}"));
                    format!("  not {}: {}{help}", target.name, diagnostic.message)
                })
                .collect();
            if reasons.is_empty() { runs.push(target.name) } else { not.extend(reasons) }
        }
        let runs = if runs.is_empty() { "nowhere".to_owned() } else { runs.join(", ") };
        console.line(&format!("{}: {runs}", rule.id))?;
        for reason in not {
            console.line(&super::render::safe::line(&reason, 1000))?;
        }
    }
    Ok(())
}
