//! `edgesig targets`: what each target has of the language; and for `check --target all`, where each signature can run.

use super::console::Console;
use super::engines;
use super::failure::{Exit, Failure};
use crate::catalog::{ACTIONS, Availability, FIELDS, FUNCTIONS, RATES, SupportRow};
use crate::codegen::{Options, TARGETS, Target};
use crate::diagnostic::{Diagnostics, Severity};
use crate::ir::{self, Mode, Rule, Ruleset, Selection};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

const AFTER_HELP: &str = "\
native: the engine has it; emulated: edgesig's code computes it; profile: the project says
where it comes from; no: a signature that uses it is refused there.

`--format json` adds what the engine calls it or what the code is made of.
`edgesig check --target all` says of each of your signatures where it can run; with
`--format json` for scripts, too.";

#[derive(clap::Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub struct Arguments {
    /// A table to read, or JSON
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Human,
    Json,
}

pub fn run(arguments: &Arguments, console: &mut Console) -> Result<Exit, Failure> {
    let text = match arguments.format {
        Format::Human => table(),
        Format::Json => format!("{:#}", json()),
    };
    for line in text.lines() {
        console.line(line)?;
    }
    Ok(Exit::Clean)
}

/// What the table is made of: a heading, and per row a name and what each target has.
fn parts() -> [(&'static str, Vec<SupportRow>); 4] {
    let fields = FIELDS.iter().map(|row| SupportRow { name: row.name, varnish: row.varnish, fastly: row.fastly });
    let functions = FUNCTIONS.iter().map(|row| SupportRow { name: row.name, varnish: row.varnish, fastly: row.fastly });
    [
        ("fields", fields.collect()),
        ("functions", functions.collect()),
        ("actions", ACTIONS.to_vec()),
        ("rates", RATES.to_vec()),
    ]
}

/// The word of the legend, and what the target has of it.
fn words(availability: Availability) -> (&'static str, &'static str) {
    match availability {
        Availability::Native(detail) => ("native", detail),
        Availability::Emulated(detail) => ("emulated", detail),
        Availability::Profile(detail) => ("profile", detail),
        Availability::No(detail) => ("no", detail),
    }
}

fn table() -> String {
    let mut text = format!("  {:<20} {:<34} fastly\n", "", "varnish");
    for (heading, rows) in parts() {
        let _ = writeln!(text, "\n{heading}");
        // Rates differ in what, not in whether.
        let cell = |availability| match words(availability) {
            (word, detail) if heading == "rates" => format!("{word}: {detail}"),
            (word, _) => word.to_owned(),
        };
        for row in rows {
            let _ = writeln!(text, "  {:<20} {:<34} {}", row.name, cell(row.varnish), cell(row.fastly));
        }
    }
    text
}

fn json() -> serde_json::Value {
    let cell = |availability| {
        let (word, detail) = words(availability);
        serde_json::json!({"has": word, "as": detail})
    };
    let row = |row: &SupportRow| serde_json::json!({"name": row.name, "varnish": cell(row.varnish), "fastly": cell(row.fastly)});
    let parts = parts();
    let parts = parts
        .iter()
        .map(|(heading, rows)| ((*heading).to_owned(), serde_json::Value::Array(rows.iter().map(row).collect())));
    serde_json::Value::Object(parts.collect())
}

/// Where a signature can run.
#[derive(Serialize)]
struct Placement<'r> {
    id: &'r str,
    path: &'r str,
    line: u32,
    targets: BTreeMap<&'static str, Support>,
}

/// Whether a target can run a signature.
#[derive(Serialize)]
struct Support {
    runs: bool,
    /// Why not.
    reasons: Vec<Reason>,
}

#[derive(Serialize)]
struct Reason {
    /// The kind of finding; `targets` where the signature leaves the target out.
    code: &'static str,
    message: String,
    help: Vec<String>,
}

#[derive(Serialize)]
struct Document<'r> {
    format: &'static str,
    version: u32,
    edgesig: &'static str,
    signatures: Vec<Placement<'r>>,
}

/// Raised when a key goes or changes its meaning.
const VERSION: u32 = 1;

/// Where each signature can run, and why not elsewhere: lines to read, or one JSON document.
pub fn portability(ruleset: &Ruleset, as_json: bool, console: &mut Console) -> Result<(), Failure> {
    let all = engines::with_drafts(ruleset, |mode| if mode == Mode::Draft { Mode::Monitor } else { mode });
    let placements = all.rules.iter().filter(|rule| rule.mode != Mode::Retired).map(|rule| placement(&all, rule));
    if as_json {
        let document = Document {
            format: "edgesig-portability",
            version: VERSION,
            edgesig: env!("CARGO_PKG_VERSION"),
            signatures: placements.collect(),
        };
        // Plain data with text as keys can always be written.
        return console.line(&serde_json::to_string_pretty(&document).unwrap_or_default());
    }
    for Placement { id, targets, .. } in placements {
        // In the order of the table.
        let ordered: Vec<(&str, &Support)> =
            TARGETS.iter().filter_map(|target| Some((target.name, targets.get(target.name)?))).collect();
        let runs: Vec<&str> = ordered.iter().filter(|(_, support)| support.runs).map(|(name, _)| *name).collect();
        let runs = if runs.is_empty() { "nowhere".to_owned() } else { runs.join(", ") };
        console.line(&format!("{id}: {runs}"))?;
        for (name, support) in ordered {
            for Reason { message, help, .. } in &support.reasons {
                let help = help.first().map_or(String::new(), |help| format!("; {help}"));
                console.line(&super::render::safe::line(&format!("  not {name}: {message}{help}"), 1000))?;
            }
        }
    }
    Ok(())
}

fn placement<'r>(all: &Ruleset, rule: &'r Arc<Rule>) -> Placement<'r> {
    let alone = all.with_rules(vec![Arc::clone(rule)]);
    let targets = TARGETS.iter().map(|target| {
        let is_meant = rule.targets.as_ref().is_none_or(|names| names.iter().any(|name| name == target.name));
        let reasons = if is_meant {
            refusals(&alone, target)
        } else {
            vec![Reason { code: "targets", message: "its `targets` leave it out".to_owned(), help: Vec::new() }]
        };
        (target.name, Support { runs: reasons.is_empty(), reasons })
    });
    let (path, line) = rule.origin.rsplit_once(':').unwrap_or((&rule.origin, ""));
    Placement { id: &rule.id, path, line: line.parse().unwrap_or(1), targets: targets.collect() }
}

/// What a target refuses of a set.
fn refusals(set: &Ruleset, target: &Target) -> Vec<Reason> {
    let selection = Selection { target: Some(target.name.to_owned()), ..Selection::default() };
    // A scoped allow alone has nothing to skip and is dropped.
    let selected = ir::select(set, &selection);
    let mut found = Diagnostics::default();
    crate::emit(&selected, target, &Options { only_refusals: true, ..Options::default() }, &mut found);
    let errors = found.list.into_iter().filter(|diagnostic| diagnostic.severity == Severity::Error);
    errors
        .map(|diagnostic| {
            // The way out can be an edit.
            let edits = diagnostic.fixes.into_iter().map(|fix| fix.title);
            let help = diagnostic.help.into_iter().chain(edits).collect();
            Reason { code: diagnostic.code.id(), message: diagnostic.message, help }
        })
        .collect()
}
