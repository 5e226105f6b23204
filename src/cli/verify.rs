//! `edgesig verify`: requests through the evaluator and through a real engine that runs the built output; every
//! difference is shown with what each side saw.

use super::console::Console;
use super::engines;
use super::failure::{Exit, Failure};
use super::lines::{Batches, unreadable};
use super::load::{self, Loaded, Paths, SelectionArguments};
use super::render::{counted, safe};
use crate::engine::{self, Report};
use crate::ir::{self, Ruleset};
use crate::request::{Request, parse_json_line};
use std::path::PathBuf;

const AFTER_HELP: &str = "\
The requests are JSON lines; `edgesig eval --help` lists their keys. Requests that
varnishd refuses by itself (two Host headers, a control character …) are counted apart.
So are, with `--engine falco`, those in which falco is known to differ from Fastly.

Examples:
  edgesig verify --requests requests.jsonl
  edgesig verify --mode enforce --requests requests.jsonl signatures/cve
  edgesig verify --engine falco --requests requests.jsonl";

#[derive(clap::Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub struct Arguments {
    #[command(flatten)]
    paths: Paths,
    /// The engine to compare with
    #[arg(long, value_name = "ENGINE", default_value = "varnish")]
    engine: Engine,
    /// JSON lines of requests; `-` is standard input
    #[arg(long, value_name = "FILE")]
    requests: PathBuf,
    #[command(flatten)]
    selection: SelectionArguments,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Engine {
    /// A real varnishd
    Varnish,
    /// falco, the model of Fastly; rates are left out
    Falco,
}

/// Requests as they are read, and what is known of them besides.
struct Input {
    batches: Batches,
    batch: std::vec::IntoIter<Result<(serde_json::Value, Request), String>>,
    /// As text, in order of the requests: differences name them.
    ids: Vec<String>,
    bad: Vec<String>,
    failure: Option<Failure>,
}

impl Iterator for &mut Input {
    type Item = Request;

    fn next(&mut self) -> Option<Request> {
        loop {
            match self.batch.next() {
                Some(Ok((id, request))) => {
                    self.ids.push(id.to_string());
                    return Some(request);
                }
                Some(Err(message)) => self.bad.push(message),
                None => match self.batches.next()? {
                    Ok(batch) => {
                        let read = |(number, line)| match parse_json_line(line) {
                            Ok(line) => Ok((line.id, line.request)),
                            Err((id, message)) => Err(unreadable(number, &id, &message)),
                        };
                        self.batch = batch.lines().map(read).collect::<Vec<_>>().into_iter();
                    }
                    Err(failure) => {
                        self.failure = Some(failure);
                        return None;
                    }
                },
            }
        }
    }
}

pub fn run(arguments: &Arguments, console: &mut Console) -> Result<Exit, Failure> {
    let loaded = Loaded::load(&arguments.paths.paths)?;
    if let Some(exit) = loaded.show(console)? {
        return Ok(exit);
    }
    let target = match arguments.engine {
        Engine::Varnish => load::target("varnish")?,
        Engine::Falco => load::target("fastly")?,
    };
    let selection = loaded.selection(&arguments.selection, Some(target.name))?;
    let selected = ir::select(&loaded.ruleset, &selection);
    let sources = &loaded.workspace.sources;
    let built = match arguments.engine {
        Engine::Varnish => {
            engines::vcl(&selected, target, sources).map(|vcl| (selected, vec![("edgesig.vcl".to_owned(), vcl)]))
        }
        Engine::Falco => {
            let without_rates = selected.rules.iter().filter(|rule| rule.rate.is_none()).cloned().collect();
            let set = engine::falco::as_on_fastly(&Ruleset { rules: without_rates, ..selected.clone() });
            let (set, _) = engines::expressible(&set, target);
            let left_out = selected.rules.len() - set.rules.len();
            if left_out > 0 {
                let what = counted(left_out, "signature");
                console.message("note", &format!("{what} left out: rates, and what Fastly cannot express"))?;
            }
            engines::files(&set, target, sources).map(|files| (set, files))
        }
    };
    let (selected, files) = match built {
        Ok(built) => built,
        Err(findings) => {
            console.text(&findings)?;
            return Ok(Exit::Invalid);
        }
    };
    let mut input = Input {
        batches: Batches::open(Some(&arguments.requests))?,
        batch: Vec::new().into_iter(),
        ids: Vec::new(),
        bad: Vec::new(),
        failure: None,
    };
    let options = engine::Options::default();
    let (report, name) = match arguments.engine {
        Engine::Varnish => {
            let progress = engines::Progress::new(console, "requests through varnishd", None);
            let vcl = files.first().map_or("", |(_, vcl)| vcl.as_str());
            let mut show = |report: &Report| progress.set(report.requests);
            let report = engine::verify(&selected, vcl, &mut input, &options, &mut show)?;
            progress.finish();
            (report, "varnish")
        }
        Engine::Falco => {
            let falco = engine::falco::Falco::find()?;
            let progress = engines::Progress::new(console, "requests through falco", None);
            let mut show = |report: &Report| progress.set(report.requests);
            let report = engine::falco::verify(&falco, &selected, &files, &mut input, &options, &mut show)?;
            progress.finish();
            (report, "falco")
        }
    };
    if let Some(failure) = input.failure {
        return Err(failure);
    }
    show(&report, &input.ids, name, console)?;
    if report.requests == 0 && input.bad.is_empty() {
        let message = format!("no request in `{}`: this proves nothing", arguments.requests.display());
        console.message("warning", &message)?;
    }
    for message in &input.bad {
        console.message("error", message)?;
    }
    Ok(match (input.bad.is_empty(), report.is_clean()) {
        (false, _) => Exit::Invalid,
        (true, false) => Exit::Findings,
        (true, true) => Exit::Clean,
    })
}

fn show(report: &Report, ids: &[String], engine: &str, console: &mut Console) -> Result<(), Failure> {
    for difference in &report.differences {
        let request = &difference.request;
        let line = [&request.method[..], b" ", &request.target, b" ", &request.version].concat();
        let id = ids.get(difference.index as usize).map_or("?", String::as_str);
        console.line(&format!("different: request {}, {}", safe::line(id, 80), safe::bytes(&line, 300)))?;
        console.line(&format!("  eval:    {}", safe::line(&difference.expected, 2000)))?;
        console.line(&format!("  {:<8} {}\n", format!("{engine}:"), safe::line(&difference.seen, 2000)))?;
    }
    let hidden = report.different - report.differences.len() as u64;
    if hidden > 0 {
        console.line(&format!("and {hidden} more differences\n"))?;
    }
    let sum = |counts: &std::collections::BTreeMap<&str, u64>| counts.values().sum::<u64>();
    let mut parts = vec![format!("{} agreed", report.agreed)];
    let mut part = |count: u64, text: &str| {
        if count > 0 {
            parts.push(format!("{count} {text}"));
        }
    };
    part(report.within_tolerance, "within the tolerance of a rate");
    let before = if engine == "varnish" { "refused by varnishd itself" } else { "refused before VCL" };
    part(sum(&report.refused), before);
    part(sum(&report.skipped), "not sent");
    part(sum(&report.deviations), "different in a documented way");
    part(report.server_errors, "answered with an error of the server");
    parts.push(format!("{} different", report.different));
    console.line(&format!(
        "{}, {} with a match: {}",
        counted(report.requests as usize, "request"),
        report.matched,
        parts.join(", ")
    ))?;
    for (heading, counts) in
        [("refused", &report.refused), ("not sent", &report.skipped), ("documented deviation", &report.deviations)]
    {
        for (reason, count) in counts {
            console.line(&format!("  {heading}: {count} × {reason}"))?;
        }
    }
    for (reason, count) in &report.sent_again {
        let reason = safe::line(reason, 200);
        console.line(&format!("  sent again: {count} × varnishd did not get the origin's answer: {reason}"))?;
    }
    for fault in engines::faults(&report.counters) {
        console.line(&format!("  {fault}"))?;
    }
    Ok(())
}
