//! The command line: the only layer with IO, printing and exit codes.

pub mod render;

use std::process::ExitCode;

/// Runs the command that the arguments name.
pub fn run() -> ExitCode {
    ExitCode::SUCCESS
}
