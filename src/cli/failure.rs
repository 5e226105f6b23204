//! How a command ends: [`Exit`], or a [`Failure`] of the tool itself (usage, configuration, IO). What is wrong in a
//! signature is a diagnostic, not a failure.

use std::io;
use std::path::Path;
use std::process::ExitCode;

/// The exit codes, final.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    Clean,
    /// Findings, failed tests, differences.
    Findings,
    /// Input that cannot be read or compiled.
    Invalid,
    /// Usage, configuration, IO.
    Failed,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(match exit {
            Exit::Clean => 0,
            Exit::Findings => 1,
            Exit::Invalid => 2,
            Exit::Failed => 3,
        })
    }
}

/// Why a command could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The arguments or the project do not fit together.
    #[error("{message}")]
    Usage { message: String, help: Option<String> },
    #[error("cannot {action} `{path}`: {reason}")]
    File { action: &'static str, path: String, reason: String },
    /// An engine could not be used.
    #[error(transparent)]
    Engine(#[from] crate::engine::EngineError),
    /// Standard output or standard error went away; `BrokenPipe` is success.
    #[error("cannot write the output: {0}")]
    Output(#[from] io::Error),
}

impl Failure {
    pub fn usage(message: impl Into<String>) -> Failure {
        Failure::Usage { message: message.into(), help: None }
    }

    /// With the way out.
    pub fn with_help(message: impl Into<String>, help: impl Into<String>) -> Failure {
        Failure::Usage { message: message.into(), help: Some(help.into()) }
    }

    /// Something named `word` is not among `known`: says so, with the nearest one or with all of them.
    pub fn unknown<'k>(kind: &str, word: &str, known: impl IntoIterator<Item = &'k str>) -> Failure {
        let known: Vec<&str> = known.into_iter().collect();
        let message = format!("there is no {kind} `{word}`");
        match crate::diagnostic::nearest(word, known.iter().copied()) {
            Some(near) => Failure::with_help(message, format!("did you mean `{near}`?")),
            None if known.is_empty() => Failure::with_help(message, format!("there is no {kind} at all")),
            None if known.len() <= 12 => {
                let names: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
                Failure::with_help(message, format!("known: {}", names.join(", ")))
            }
            None => Failure::usage(message),
        }
    }

    /// An operation on a file failed; says what the system said without its error number.
    pub fn file(action: &'static str, path: &Path, error: &io::Error) -> Failure {
        Failure::File { action, path: path.display().to_string(), reason: reason(error) }
    }

    pub fn help(&self) -> Option<&str> {
        match self {
            Failure::Usage { help, .. } => help.as_deref(),
            Failure::File { .. } | Failure::Engine(_) | Failure::Output(_) => None,
        }
    }

    /// An engine said it, possibly in several lines.
    pub fn is_of_engine(&self) -> bool {
        match self {
            Failure::Engine(_) => true,
            Failure::Usage { .. } | Failure::File { .. } | Failure::Output(_) => false,
        }
    }

    /// The reader of our output has seen enough.
    pub fn is_broken_pipe(&self) -> bool {
        match self {
            Failure::Output(error) => error.kind() == io::ErrorKind::BrokenPipe,
            Failure::Usage { .. } | Failure::File { .. } | Failure::Engine(_) => false,
        }
    }
}

/// `No such file or directory (os error 2)` → `no such file or directory`
pub fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut characters = text.chars();
    characters.next().map(|first| first.to_lowercase().chain(characters).collect()).unwrap_or_default()
}
