//! `edgesig explain --signature ID --request R`: the truth tree of one signature on one request, with what each
//! comparison saw.

use crate::cli::console::Console;
use crate::cli::explain::{request, sequence};
use crate::cli::failure::{Exit, Failure};
use crate::cli::load::{Loaded, Paths};
use crate::cli::render::safe;
use crate::diagnostic::Severity;
use crate::eval::{
    StepOutcome, Trace, TraceComparison, TraceKind, TraceNode, TraceRate, is_in_canary, run_test, trace, wire,
};
use crate::ir::{Mode, Rule};
use crate::request::Request;
use crate::source::SourceMap;
use std::fmt::Write;
use std::path::Path;

/// Characters of one comparison, and of the request, that are shown.
const SHOWN: usize = 160;

pub fn run(paths: &Paths, signature: &str, named: &str, console: &mut Console) -> Result<Exit, Failure> {
    let loaded = Loaded::load(&paths.paths)?;
    // Other signatures' errors are in nobody's way here; this one's are, since it is then missing.
    let found = loaded.known_signature(signature);
    if found.is_err() && loaded.diagnostics.has_errors() {
        loaded.show(console)?;
        if has_errors(&loaded, signature) {
            return Ok(Exit::Invalid);
        }
    }
    let index = found?;
    let rule = &loaded.ruleset.rules[index];
    let sequence = rule.tests.iter().find(|test| test.name == named && test.steps.len() > 1);
    let outcomes = sequence.map(|test| run_test(&loaded.ruleset, index, test)).unwrap_or_default();
    let chosen = sequence.map(|test| sequence::deciding(test, &outcomes));
    let request = match (sequence, chosen) {
        (Some(test), Some(chosen)) => test.steps[chosen].request.clone(),
        (_, _) => request::read(rule, named)?,
    };
    let Some(trace) = trace(&loaded.ruleset, index, &request) else {
        return Err(Failure::usage(format!("there is no signature `{signature}`")));
    };
    let outcome = chosen.and_then(|chosen| outcomes.get(chosen));
    let mut text = show(&loaded.workspace.sources, rule, &request, &trace, outcome);
    if let (Some(test), Some(chosen)) = (sequence, chosen) {
        text.push_str(&sequence::show(&loaded.ruleset, index, test, &outcomes, chosen));
    }
    console.line(text.trim_end())?;
    Ok(Exit::Clean)
}

/// Whether the signature is there, with errors that keep it out of the set. Where even its id could not be read, its
/// file's name tells.
fn has_errors(loaded: &Loaded, id: &str) -> bool {
    let sources = &loaded.workspace.sources;
    let named = loaded.signatures.iter().any(|signature| signature.id.value == id);
    let file = |name: &str| Path::new(name).file_stem().is_some_and(|stem| stem == id);
    let mut errors = loaded.diagnostics.list.iter().filter(|found| found.severity == Severity::Error);
    named || errors.any(|found| file(sources.name(found.primary.span.source)))
}

/// The whole explanation; with the outcome where the requests before it are known.
fn show(sources: &SourceMap, rule: &Rule, request: &Request, trace: &Trace, outcome: Option<&StepOutcome>) -> String {
    let mut text = String::new();
    let verdict = match (trace.matched, trace.limit, &trace.rate) {
        (true, None, Some(_)) if outcome.is_some_and(|outcome| outcome.matched) => "match, the rate is over".to_owned(),
        (true, None, Some(_)) if outcome.is_some() => "no match, the rate is not over".to_owned(),
        (_, Some(limit), _) => format!("not inspected: the request is over {}", limit.name()),
        (true, None, None) => "match".to_owned(),
        (true, None, Some(_)) => "subject to the rate".to_owned(),
        (false, None, _) => "no match".to_owned(),
    };
    let _ = writeln!(text, "{}: {verdict}", rule.id);
    let line = [&request.method[..], b" ", &request.target, b" ", &request.version].concat();
    let _ = writeln!(text, "  signature {} (mode {}: {})", rule.origin, rule.mode, effect(rule, trace));
    let _ = writeln!(text, "  request   {} from {}", safe::bytes(&line, SHOWN), request.client_ip);
    if let Some(reason) = wire::refused(request) {
        let _ = writeln!(text, "  note      varnishd refuses this request by itself: {reason}");
    }
    let _ = writeln!(text, "\nwhen: {}", word(trace.when.held));
    node(sources, &trace.when, 1, &mut text);
    if let Some(except) = &trace.except {
        let _ = writeln!(text, "except: {}", if except.held { "yes, so it is no match" } else { "no" });
        node(sources, except, 1, &mut text);
    }
    if let Some(rate) = &trace.rate {
        show_rate(sources, rate, &mut text);
    }
    text
}

fn effect(rule: &Rule, trace: &Trace) -> &'static str {
    match rule.mode {
        Mode::Draft => "tested, never built",
        Mode::Monitor => "a match is recorded only",
        Mode::Canary(share) if is_in_canary(&rule.id, trace.client, share) => {
            "this client is in the share for which its action is taken"
        }
        Mode::Canary(_) => "this client is not in the share for which its action is taken",
        Mode::Enforce => "its action is taken",
        Mode::Retired => "never built",
    }
}

fn word(held: bool) -> &'static str {
    if held { "yes" } else { "no" }
}

fn node(sources: &SourceMap, tree: &TraceNode, depth: usize, text: &mut String) {
    let indent = "  ".repeat(depth.min(40));
    let mark = if tree.held { "yes" } else { "no " };
    let children: &[TraceNode] = match &tree.kind {
        TraceKind::All(parts) => {
            let _ = writeln!(text, "{indent}{mark} all of");
            parts
        }
        TraceKind::Any(parts) => {
            let _ = writeln!(text, "{indent}{mark} any of");
            parts
        }
        TraceKind::Not(inner) => {
            let _ = writeln!(text, "{indent}{mark} not");
            std::slice::from_ref(inner)
        }
        TraceKind::Compare(comparison) => {
            compare(sources, comparison, &format!("{indent}{mark} "), text);
            &[]
        }
    };
    children.iter().for_each(|child| node(sources, child, depth + 1, text));
}

fn compare(sources: &SourceMap, comparison: &TraceComparison, start: &str, text: &mut String) {
    let written: Vec<&str> = sources.slice(comparison.span).split_whitespace().collect();
    let _ = writeln!(text, "{start}{}", safe::line(&written.join(" "), SHOWN));
    let blank = " ".repeat(start.chars().count());
    let _ = writeln!(text, "{blank}saw {}", safe::line(&comparison.seen.to_string(), usize::MAX));
    if let Some(other) = &comparison.other {
        let _ = writeln!(text, "{blank}and {other} on the right side");
    }
    if comparison.runaway {
        let _ = writeln!(text, "{blank}the pattern exceeded the engine's limits on it, which is no match");
    }
}

fn show_rate(sources: &SourceMap, rate: &TraceRate, text: &mut String) {
    let windows: Vec<String> =
        rate.windows.iter().map(|window| format!("{}/{}s", window.limit, window.seconds)).collect();
    let key: Vec<String> = rate.key.iter().map(|part| part.to_string()).collect();
    let when = if rate.on_response { ", when its response is known" } else { "" };
    let key = if key.is_empty() { "one for all".to_owned() } else { key.join(", ") };
    let _ = writeln!(text, "rate: {}; key {key}; the request weighs {}{when}", windows.join(" and "), rate.weight);
    if let Some(count) = &rate.count {
        let _ = writeln!(text, "  count: {}", word(count.held));
        node(sources, count, 2, text);
    }
}
