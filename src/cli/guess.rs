//! Arguments that fit nothing → what was probably meant: commands and options of other tools, an id in a path's place.
//! Called where arguments are read and paths are opened; what it says is help, nothing is done on a guess.

use super::workspace::{DEFAULT_SIGNATURES, named_files};
use crate::codegen::TARGETS;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use std::path::Path;

/// Commands of other tools, with the one that does it here and what it is.
const COMMANDS: &[(&[&str], &str)] = &[
    (&["lint", "validate", "verify-rules", "audit"], "`edgesig check` runs the lints and the tests"),
    (&["compile", "generate", "emit", "render"], "`edgesig build` writes the VCL"),
    (&["format", "pretty"], "`edgesig fmt` writes the canonical form"),
    (&["new", "create", "add"], "`edgesig init` starts a repository or a signature"),
    (&["run", "match", "scan", "judge"], "`edgesig eval` judges requests"),
    (&["show", "describe", "man"], "`edgesig explain` says what a word means, or why a signature matches"),
];

/// Options of other tools, with what does it here.
const OPTIONS: &[(&[&str], &str)] = &[
    (
        &["--signature", "--signatures", "--id", "--rule"],
        "a signature is named by its file, as an argument: `signatures/ID.yaml`",
    ),
    (
        &["--strict", "--werror", "-Werror", "--fail-on-warnings"],
        "`edgesig check --deny warnings` fails on warnings too",
    ),
];

/// An error of the arguments without tips that lead astray, with what was meant.
pub fn improved(mut error: clap::Error) -> clap::Error {
    if error.kind() == ErrorKind::MissingRequiredArgument
        && let Some(ContextValue::Strings(missing)) = error.get(ContextKind::InvalidArg)
        && missing.iter().any(|argument| argument.starts_with("--signature"))
    {
        let tip = "`edgesig eval` asks all signatures: `echo '{\"url\": \"/?q=1\"}' | edgesig eval`";
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.to_owned().into()]));
        return error;
    }
    let (table, kind, suggested) = if error.kind() == ErrorKind::InvalidSubcommand {
        (COMMANDS, ContextKind::InvalidSubcommand, ContextKind::SuggestedSubcommand)
    } else if error.kind() == ErrorKind::UnknownArgument {
        // `use '-- --strict'`: no file is named so.
        error.remove(ContextKind::Suggested);
        (OPTIONS, ContextKind::InvalidArg, ContextKind::SuggestedArg)
    } else {
        return error;
    };
    let word = if let Some(ContextValue::String(word)) = error.get(kind) { word.clone() } else { String::new() };
    let word = word.split('=').next().unwrap_or_default();
    if let Some((_, tip)) = table.iter().find(|(words, _)| words.contains(&word)) {
        error.remove(suggested);
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![(*tip).to_owned().into()]));
    }
    error
}

/// The help for a path that is not there.
pub fn path(path: &Path) -> Option<String> {
    let text = path.to_str()?;
    if TARGETS.iter().any(|target| target.name == text) {
        return Some(format!("a target is named with `--target {text}`"));
    }
    if holds_requests(path) {
        return Some(requests_help(path));
    }
    if text.starts_with("curl ") || text.contains(" /") || text.starts_with('{') {
        return Some(
            "requests are JSON lines on standard input: `echo '{\"url\": \"/?q=1\"}' | edgesig eval`; \
             `edgesig explain --signature ID --request R` takes other forms too"
                .to_owned(),
        );
    }
    let stem = path.file_name()?.to_str()?;
    signature(stem).map(|file| format!("did you mean `{file}`?"))
}

/// The file of the signature with this id, as it is named from here; in the project, or without one in its folder.
pub fn signature(id: &str) -> Option<String> {
    let stem = id.strip_suffix(".yaml").or(id.strip_suffix(".yml")).unwrap_or(id);
    let files = named_files(Path::new(DEFAULT_SIGNATURES));
    files.into_iter().find(|file| Path::new(file).file_stem().is_some_and(|other| other == stem))
}

/// Whether a file is named as one of requests, not of signatures.
pub fn holds_requests(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "jsonl" || extension == "ndjson")
}

/// How requests are given.
pub fn requests_help(path: &Path) -> String {
    let current = std::env::current_dir().and_then(std::fs::canonicalize).unwrap_or_default();
    let shown = path.strip_prefix(&current).unwrap_or(path).display();
    format!("requests are given with `edgesig eval --requests {shown}`, or on standard input")
}
