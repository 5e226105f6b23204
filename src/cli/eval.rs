//! `edgesig eval`: JSON lines of requests → one verdict per line, in order. The reference semantics as a filter.

use super::console::Console;
use super::failure::{Exit, Failure};
use super::lines::{Batches, unreadable};
use super::load::{Loaded, Paths, SelectionArguments};
use super::render::counted;
use crate::eval::{Evaluator, Outcome, Verdict};
use crate::ir::{self, Ruleset};
use crate::request::parse_json_line;
use rayon::prelude::*;
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

const AFTER_HELP: &str = r#"Input, one JSON object a line:
  {"id": 1, "method": "GET", "uri": "/?q=1", "headers": [["User-Agent", "x"]]}
Keys:
  id                                given back as it came; anything
  method, uri (or url), version     the request line [default: GET and HTTP/1.1]
  headers                           [["Name", "value"], ...] or {"Name": "value"}
  body, body_b64                    text, or base64 with "body_b64": true
  raw_b64                           the whole message in base64, instead of the above
  client_ip, country, asn, as_name, proxy_type, scheme
  tls                               {"ja3": "x", "ja4": "x", "version": "x", "sni": "x"}
  time                              seconds on the clock of the rates
  response                          {"status": 200, "headers": [...]}, for rates
`uri` or `raw_b64` must be there. Other keys are ignored, unless they look like one of
these (`methd`) or are meant for the request: request, curl, raw, ip, path, host, status.

Output, one a line and in the same order:
  {"id":1,"matched":["a-b"],"action":"block","by":"a-b","status":403}
`action` is none, block, throttle, redirect, tarpit or allow; `by` is who did it.
A line that cannot be read gives {"id":…,"line":…,"error":…}, and exit code 2 at the end.

Examples:
  edgesig eval < requests.jsonl
  edgesig eval --mode enforce --requests requests.jsonl signatures/cve
  edgesig eval < requests.jsonl | jq 'select(.action == "block")'"#;

#[derive(clap::Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub struct Arguments {
    #[command(flatten)]
    paths: Paths,
    /// Read requests from a file instead of standard input
    #[arg(long, value_name = "FILE")]
    requests: Option<PathBuf>,
    #[command(flatten)]
    selection: SelectionArguments,
}

/// Requests are judged in runs of this many per task.
const RUN: usize = 32;
/// Unreadable lines that standard error names too.
const SHOWN: usize = 10;

pub fn run(arguments: &Arguments, console: &mut Console) -> Result<Exit, Failure> {
    let loaded = Loaded::load(&arguments.paths.paths)?.without_trees();
    if let Some(exit) = loaded.show(console)? {
        return Ok(exit);
    }
    let selection = loaded.selection(&arguments.selection, None)?;
    let selected = ir::select(&loaded.ruleset, &selection);
    let mut evaluator = Evaluator::new(&selected);
    let mut now = Duration::ZERO;
    let (mut bad, mut late) = (0, 0);
    let mut text = Vec::new();
    for batch in Batches::open(arguments.requests.as_deref())? {
        let batch = batch?;
        let lines: Vec<(usize, &[u8])> = batch.lines().collect();
        // A request is judged where it was read: it is still near then.
        let read = |line: &[u8]| parse_json_line(line).map(|line| (evaluator.judge(&line.request), line.id));
        let judged: Vec<_> = lines.par_iter().with_min_len(RUN).map(|(_, line)| read(line)).collect();
        for (line, (number, _)) in judged.into_iter().zip(&lines) {
            match line {
                Ok((mut judged, id)) => {
                    // The rates' clock does not go back.
                    late += usize::from(judged.time < now);
                    now = now.max(judged.time);
                    judged.time = now;
                    write_verdict(&mut text, &selected, &id, &evaluator.settle(judged));
                }
                Err((id, message)) => {
                    bad += 1;
                    if bad <= SHOWN {
                        console.message("error", &unreadable(*number, &id, &message))?;
                    }
                    let message = serde_json::Value::from(message);
                    writeln!(text, "{{\"id\":{id},\"line\":{number},\"error\":{message}}}")?;
                }
            }
        }
        console.out.write_all(&text)?;
        console.out.flush()?;
        text.clear();
    }
    if late > 0 && selected.rules.iter().any(|rule| rule.rate.is_some()) {
        let count = counted(late, "request");
        console
            .message("warning", &format!("{count} with an earlier `time` than one before: counted as at that time"))?;
    }
    if bad > 0 {
        console.message("error", &format!("{} could not be read", counted(bad, "line")))?;
        return Ok(Exit::Invalid);
    }
    Ok(Exit::Clean)
}

/// `{"id":…,"matched":[…],"action":…,"by":…,"status":…}`; `"limit":…` only when the request is over one.
fn write_verdict(out: &mut Vec<u8>, ruleset: &Ruleset, id: &serde_json::Value, verdict: &Verdict) {
    // Ids of signatures are kebab-case: they need no escaping.
    let mut push = |part: &str| out.extend_from_slice(part.as_bytes());
    let rule = |index: usize| ruleset.rules.get(index).map_or("", |rule| rule.id.as_str());
    push("{\"id\":");
    push(&id.to_string());
    push(",\"matched\":[");
    for (place, index) in verdict.matched.iter().enumerate() {
        push(if place == 0 { "\"" } else { ",\"" });
        push(rule(*index));
        push("\"");
    }
    push("],\"action\":\"");
    push(verdict.outcome.name());
    match by(ruleset, verdict) {
        Some(by) => ["\",\"by\":\"", by, "\",\"status\":"].into_iter().for_each(&mut push),
        None => push("\",\"by\":null,\"status\":"),
    }
    push(&verdict.status.to_string());
    if let Some(limit) = verdict.limit {
        [",\"limit\":\"", limit.name(), "\""].into_iter().for_each(&mut push);
    }
    push("}\n");
}

/// Who acted: a rule, or the limit that the request is over.
fn by<'v>(ruleset: &'v Ruleset, verdict: &Verdict) -> Option<&'v str> {
    match (verdict.by, verdict.outcome) {
        (Some(index), _) => ruleset.rules.get(index).map(|rule| rule.id.as_str()),
        (None, Outcome::Block) => verdict.limit.map(|limit| limit.name()),
        (None, Outcome::None | Outcome::Throttle | Outcome::Redirect | Outcome::Tarpit | Outcome::Allow) => None,
    }
}
