//! falco, the model of Fastly, driven: lints a built set in its places, and runs requests through its tester. Used by
//! `cli` (test, verify) and by the tests.
//!
//! The tester gets a `vcl_recv` test for each request. The simulator is not used: it answers some targets itself.

mod service;
mod verify;

pub use service::{Build, Files, service};
pub use verify::{FALCO_DEVIATIONS, as_on_fastly, run_tests, verify};

use super::EngineError;
use super::compare::Seen;
use crate::request::Request;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Names the binary; else it is looked for on PATH.
const VARIABLE: &str = "EDGESIG_FALCO";
/// How a step begins whose process gave no results.
const CRASHED: &str = "falco crashed";
/// Groups of one process; more make its output large.
const BATCH: usize = 100;

/// A falco binary.
#[derive(Clone, Debug)]
pub struct Falco {
    program: PathBuf,
}

/// What one request came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    Seen(Seen),
    /// falco stopped with this message.
    Error(String),
}

/// What the linter found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lint {
    pub errors: u64,
    pub warnings: u64,
    /// Everything above a recommendation, one line each.
    pub findings: Vec<String>,
}

impl Lint {
    pub fn is_clean(&self) -> bool {
        self.errors == 0 && self.warnings == 0 && self.findings.is_empty()
    }
}

impl Falco {
    /// The binary that `EDGESIG_FALCO` names, else the one on PATH.
    pub fn find() -> Result<Falco, EngineError> {
        let program = match std::env::var_os(VARIABLE) {
            Some(path) => Some(PathBuf::from(path)),
            None => std::env::var_os("PATH").and_then(|path| {
                std::env::split_paths(&path).map(|folder| folder.join("falco")).find(|file| file.is_file())
            }),
        };
        match program {
            Some(program) if program.is_file() => {
                Ok(Falco { program: program.canonicalize().map_err(EngineError::io("finding falco"))? })
            }
            Some(_) | None => Err(EngineError::NoFalco),
        }
    }

    /// Lints a whole service.
    pub fn lint(&self, vcl: &str) -> Result<Lint, EngineError> {
        let folder = tempfile::tempdir().map_err(EngineError::io("making a folder"))?;
        write(&folder.path().join("main.vcl"), vcl)?;
        let output = self.run(folder.path(), &["lint", "-json", "main.vcl"], None)?;
        read_lint(&output)
    }

    /// Lints planned resources as Terraform shows them.
    pub fn lint_plan(&self, plan: &str) -> Result<Lint, EngineError> {
        let folder = tempfile::tempdir().map_err(EngineError::io("making a folder"))?;
        write(&folder.path().join("plan.json"), plan)?;
        let output = self.run(folder.path(), &["terraform", "-json"], Some(&folder.path().join("plan.json")))?;
        read_lint(&output)
    }

    /// Runs groups of requests through a service, each group from a fresh state, its requests one after another.
    pub fn judge(&self, vcl: &str, prefix: &str, groups: &[Vec<Request>]) -> Result<Vec<Vec<Step>>, EngineError> {
        let threads = std::thread::available_parallelism().map_or(1, usize::from).min(8);
        let per_thread = groups.len().div_ceil(threads).max(1);
        let judged: Vec<Result<Vec<Vec<Step>>, EngineError>> = std::thread::scope(|scope| {
            let run = |part| scope.spawn(move || self.judge_part(vcl, prefix, part));
            let running: Vec<_> = groups.chunks(per_thread).map(run).collect();
            let lost = || Err(EngineError::Falco("a thread was lost".to_owned()));
            running.into_iter().map(|thread| thread.join().unwrap_or_else(|_| lost())).collect()
        });
        let mut all = Vec::with_capacity(groups.len());
        for part in judged {
            all.extend(part?);
        }
        Ok(all)
    }

    /// Runs a test file of one's own. What its tests log, in order; the error of one that failed starts with `error: `.
    pub fn test(&self, vcl: &str, tests: &str) -> Result<Vec<String>, EngineError> {
        let folder = tempfile::tempdir().map_err(EngineError::io("making a folder"))?;
        write(&folder.path().join("main.vcl"), &service::for_tester(vcl))?;
        write(&folder.path().join("main.test.vcl"), tests)?;
        let output = self.run(folder.path(), &["test", "-json", "main.vcl"], None)?;
        service::read_logs(&output).ok_or_else(|| EngineError::Falco(output.chars().take(2000).collect()))
    }

    fn judge_part(&self, vcl: &str, prefix: &str, groups: &[Vec<Request>]) -> Result<Vec<Vec<Step>>, EngineError> {
        let folder = tempfile::tempdir().map_err(EngineError::io("making a folder"))?;
        write(&folder.path().join("main.vcl"), &service::for_tester(vcl))?;
        let parts = service::Parts::of(vcl, prefix);
        let mut all = Vec::with_capacity(groups.len());
        for batch in groups.chunks(BATCH) {
            all.extend(self.judge_batch(folder.path(), prefix, parts, batch)?);
        }
        Ok(all)
    }

    /// One process. Where it crashes, its halves are tried, down to the group that is at fault.
    fn judge_batch(
        &self,
        folder: &Path,
        prefix: &str,
        parts: service::Parts,
        groups: &[Vec<Request>],
    ) -> Result<Vec<Vec<Step>>, EngineError> {
        write(&folder.join("main.test.vcl"), &service::tests(prefix, parts, groups))?;
        let output = self.run(folder, &["test", "-json", "main.vcl"], None)?;
        if let Some(steps) = service::read_results(&output, groups) {
            return Ok(steps);
        }
        if let [group] = groups {
            let error = Step::Error(format!("{CRASHED}: {}", output.chars().take(300).collect::<String>()));
            return Ok(vec![vec![error; group.len()]]);
        }
        let (left, right) = groups.split_at(groups.len() / 2);
        let mut steps = self.judge_batch(folder, prefix, parts, left)?;
        steps.extend(self.judge_batch(folder, prefix, parts, right)?);
        Ok(steps)
    }

    /// Standard output, then what was said on standard error. The exit code says nothing that JSON does not.
    fn run(&self, folder: &Path, arguments: &[&str], input: Option<&Path>) -> Result<String, EngineError> {
        let stdin = match input {
            Some(path) => Stdio::from(std::fs::File::open(path).map_err(EngineError::file(path))?),
            None => Stdio::null(),
        };
        let output = Command::new(&self.program)
            .args(arguments)
            .current_dir(folder)
            .stdin(stdin)
            .output()
            .map_err(EngineError::io("running falco"))?;
        let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
        if !text.trim_start().starts_with('{') {
            text.push_str(&String::from_utf8_lossy(&output.stderr));
        }
        Ok(text)
    }
}

fn write(path: &Path, text: &str) -> Result<(), EngineError> {
    std::fs::write(path, text).map_err(EngineError::file(path))
}

fn read_lint(output: &str) -> Result<Lint, EngineError> {
    let failed =
        || EngineError::Falco(format!("falco gave no result: {}", output.chars().take(2000).collect::<String>()));
    // Terraform mode says what it fetches first.
    let start = output.find(['{', '[']).unwrap_or(0);
    let mut values = serde_json::Deserializer::from_str(&output[start..]).into_iter::<serde_json::Value>();
    let value = values.next().and_then(Result::ok).ok_or_else(failed)?;
    // Terraform mode lists services.
    let reports: Vec<&serde_json::Value> = value.as_array().map_or_else(|| vec![&value], |list| list.iter().collect());
    let mut lint = Lint::default();
    for report in reports {
        let count = |key: &str| report.get(key).or_else(|| report.get(key.to_lowercase())).and_then(|n| n.as_u64());
        lint.errors += count("Errors").ok_or_else(failed)?;
        lint.warnings += count("Warnings").ok_or_else(failed)?;
        for (key, files) in [("LintErrors", "lint"), ("ParseErrors", "parse")] {
            let Some(files_found) = report.get(key).and_then(|value| value.as_object()) else { continue };
            for (file, found) in files_found {
                let list = found.as_array().cloned().unwrap_or_else(|| vec![found.clone()]);
                for finding in list {
                    let text = |key: &str| finding.get(key).and_then(|value| value.as_str()).unwrap_or_default();
                    if text("Severity") != "Info" {
                        let line = finding.pointer("/Token/Line").and_then(|line| line.as_u64()).unwrap_or(0);
                        lint.findings.push(format!("{file}:{line}: {files}: {} ({})", text("Message"), text("Rule")));
                    }
                }
            }
        }
    }
    Ok(lint)
}
