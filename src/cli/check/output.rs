//! `--format`: how `check` says what it found. For people it goes to standard error, for programs to standard output.

use crate::cli::console::Console;
use crate::cli::failure::Failure;
use crate::cli::render::report::Report;
use crate::cli::render::{counted, github, json, junit, sarif};
use crate::diagnostic::{Code, Severity};
use std::io::Write as _;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Findings with their lines, on standard error
    #[default]
    Human,
    /// One JSON document; docs/ci.md has its keys
    Json,
    /// SARIF 2.1.0, for code scanning and editors
    Sarif,
    /// Workflow commands: annotations in a pull request
    Github,
    /// JUnit XML: a case per test and per kind of finding
    Junit,
}

/// Says it. `passed`: nothing fails the run. `part_of`: of how many signatures those of the report are the ones that
/// differ from a base, or are affected.
pub fn write(
    report: &Report<'_>,
    format: Format,
    passed: bool,
    part_of: Option<(usize, &str)>,
    console: &mut Console,
) -> Result<(), Failure> {
    let text = match format {
        Format::Human => {
            console.diagnostics(report.sources, report.diagnostics)?;
            let mut errors =
                report.diagnostics.list.iter().filter(|found| found.severity == Severity::Error).peekable();
            if !passed && errors.peek().is_some() && errors.all(|found| found.code == Code::StaleLock) {
                let tests = report.rules.iter().map(|rule| rule.tests.len()).sum();
                console.line(&format!("{} passed; only the lock file is not up to date", counted(tests, "test")))?;
            }
            if passed {
                let signatures = counted(report.signatures.len(), "signature");
                let tests = counted(report.rules.iter().map(|rule| rule.tests.len()).sum(), "test");
                console.line(&match part_of {
                    None => format!("checked {signatures}, {tests} passed"),
                    Some((all, base)) => {
                        format!("checked {signatures} of {all} against {base}, {tests} passed")
                    }
                })?;
            }
            return Ok(());
        }
        Format::Json => json::render(report),
        Format::Sarif => sarif::render(report),
        Format::Github => github::render(report),
        Format::Junit => junit::render(report),
    };
    console.out.write_all(text.as_bytes())?;
    Ok(())
}
