//! The request that `edgesig explain --request R` means: the name of a test, each form that a test's `request` has, or
//! a JSON line. Called by `why`.

use crate::cli::failure::Failure;
use crate::cli::workspace::{Content, read_limited};
use crate::diagnostic::{Diagnostics, Severity};
use crate::ir::Rule;
use crate::request::{Request, parse_curl, parse_json_line, parse_message, parse_request_line};
use crate::semantic::Files;
use crate::source::{SourceId, SourceMap};
use std::path::Path;

/// Largest file that is read.
const FILE_LIMIT: u64 = 16 << 20;

/// The request that the argument means.
pub fn read(rule: &Rule, text: &str) -> Result<Request, Failure> {
    if let Some(test) = rule.tests.iter().find(|test| test.name == text) {
        return test.steps.last().map(|step| step.request.clone()).ok_or_else(|| Failure::usage("the test is empty"));
    }
    let content;
    let bytes = match text.strip_prefix('@') {
        Some(path) => {
            content = match read_limited(Path::new(path), FILE_LIMIT)? {
                Content::Whole(bytes) => bytes,
                Content::TooLarge => {
                    return Err(Failure::usage(format!("`{path}` is larger than {} MiB", FILE_LIMIT >> 20)));
                }
            };
            content.as_slice()
        }
        None => text.as_bytes(),
    };
    let unreadable = |reason: String| Failure::usage(format!("cannot read the request: {reason}"));
    let start = bytes.trim_ascii_start();
    if start.starts_with(b"{") {
        let line: Vec<u8> = start.iter().map(|byte| if *byte == b'\n' { b' ' } else { *byte }).collect();
        return match parse_json_line(&line) {
            Ok(line) => Ok(line.request),
            // Between brackets a test's mapping looks alike; who wrote JSON wants to know what is wrong with it.
            Err((_, reason)) => mapping(start).map_err(|of_mapping| {
                let is_json = serde_json::from_slice::<serde_json::Value>(&line).is_ok();
                unreadable(if is_json { reason } else { of_mapping })
            }),
        };
    }
    if is_block_mapping(start) {
        return mapping(start).map_err(unreadable);
    }
    let words = start.utf8_chunks().next().map(|chunk| chunk.valid()).unwrap_or_default();
    if words.starts_with("curl ") || words.starts_with("curl.exe ") {
        let text = std::str::from_utf8(start).map_err(|_| unreadable("the curl command is not UTF-8".to_owned()))?;
        let curl = parse_curl(text.trim_end()).map_err(|error| unreadable(error.message))?;
        return Ok(curl.request);
    }
    if bytes.trim_ascii_end().contains(&b'\n') {
        return parse_message(bytes).map_err(unreadable);
    }
    let line = String::from_utf8_lossy(bytes.trim_ascii_end());
    parse_request_line(&line).map_err(|reason| {
        let near = crate::diagnostic::nearest(&line, rule.tests.iter().map(|test| test.name.as_str()));
        let message = format!("cannot read the request: {reason}");
        match near {
            Some(name) => Failure::with_help(message, format!("is the test `{name}` meant?")),
            // No blank and no path: the name of a test.
            None if !line.contains([' ', '/']) && !rule.tests.is_empty() => {
                let tests: Vec<String> = rule.tests.iter().take(12).map(|test| format!("`{}`", test.name)).collect();
                let more = if rule.tests.len() > 12 { " …" } else { "" };
                Failure::with_help(
                    message,
                    format!(
                        "the tests of `{}` are {}{more}; a request line is `GET /?q=1`",
                        rule.id,
                        tests.join(", ")
                    ),
                )
            }
            None => Failure::with_help(
                message,
                "a request is a request line (`GET /?q=1`), a raw message, a curl command, a mapping (`{url: /?q=1}`), a JSON \
                 object, @FILE, or a test's name",
            ),
        }
    })
}

/// `method: GET`, on lines below each other as in a test. A request line has a blank first, a header comes after one.
fn is_block_mapping(bytes: &[u8]) -> bool {
    let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let word = line.iter().take_while(|byte| byte.is_ascii_lowercase() || **byte == b'_').count();
    word > 0 && line[word..].starts_with(b":") && matches!(line.get(word + 1), None | Some(b' ' | b'\r'))
}

/// The mapping that a test has as its `request`, read as there: as the only test of a signature.
fn mapping(bytes: &[u8]) -> Result<Request, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())?;
    let mut file = String::from(
        "edgesig: 1\nid: request\ntitle: request\nseverity: low\nwhen: exists req.host\n\
         tests:\n  - name: request\n    expect: match\n    request:\n",
    );
    for line in text.lines() {
        file.push_str("      ");
        file.push_str(line);
        file.push('\n');
    }
    let mut sources = SourceMap::default();
    let source = sources.add("request.yaml", file);
    let mut found = Diagnostics::default();
    let signatures = crate::parse_signatures(&sources, &[source], &mut found);
    let ruleset = crate::analyze(&sources, None, &signatures, &HereFiles, &mut found);
    found.sort();
    if let Some(error) = found.list.iter().find(|found| found.severity == Severity::Error) {
        // Paths are seen from here, not from a signature's file.
        let mut helps = error.help.iter().chain(error.fixes.iter().map(|fix| &fix.title));
        let help = helps.find(|help| !help.contains("relative to the signature"));
        return Err(match help {
            Some(help) => format!("{}; {help}", error.message),
            None => error.message.clone(),
        });
    }
    let request = ruleset.rules.first().and_then(|rule| rule.tests.first()).and_then(|test| test.steps.first());
    request.map(|step| step.request.clone()).ok_or_else(|| "it is no request".to_owned())
}

/// `{file: capture.http}`, as seen from the working directory.
struct HereFiles;

impl Files for HereFiles {
    fn read(&self, _: SourceId, path: &str) -> Result<Vec<u8>, String> {
        match read_limited(Path::new(path), FILE_LIMIT) {
            Ok(Content::Whole(bytes)) => Ok(bytes),
            Ok(Content::TooLarge) => Err(format!("it is larger than {} MiB", FILE_LIMIT >> 20)),
            Err(Failure::File { reason, .. }) => Err(reason),
            Err(failure @ (Failure::Usage { .. } | Failure::Engine(_) | Failure::Output(_))) => {
                Err(failure.to_string())
            }
        }
    }
}
