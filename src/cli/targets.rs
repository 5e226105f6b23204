//! `edgesig targets`: what each target has of the language; and for `check --target all`, where each signature can run.

use super::console::Console;
use super::engines;
use super::failure::{Exit, Failure};
use crate::catalog::{ACTIONS, Availability, FIELDS, FUNCTIONS, RATES, SupportRow};
use crate::codegen::{Options, TARGETS};
use crate::diagnostic::{Diagnostics, Severity};
use crate::ir::{self, Mode, Ruleset, Selection};
use std::fmt::Write as _;

const AFTER_HELP: &str = "\
native: the engine has it; emulated: edgesig's code computes it; profile: the project says
where it comes from; no: a signature that uses it is refused there.

`--format json` adds what the engine calls it or what the code is made of.
`edgesig check --target all` says of each of your signatures where it can run.";

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
