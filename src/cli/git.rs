//! Git, run as a program: which files differ from where a branch left the main one. `check --changed` asks.
//!
//! Names of files come from strangers: they are read as bytes between NULs and never given to git.

use super::failure::Failure;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where branches start when nothing is said.
const DEFAULT_BASE: &str = "origin/HEAD";

/// Modes of what was a link or a submodule.
const LINKS: [&[u8]; 2] = [b":120000 ", b":160000 "];

/// What differs from the base.
pub struct Changes {
    /// Top of the work tree, without links.
    top: PathBuf,
    /// The base as it was named.
    pub base: String,
    /// The commit that the files are compared with.
    commit: String,
    /// Files that are there and differ, with those that git does not know yet.
    pub present: Vec<PathBuf>,
    pub deleted: Vec<PathBuf>,
    /// Those that were a link or a submodule, or now lead to a folder: what is behind them is not listed.
    pub links: Vec<PathBuf>,
}

/// Compares the files around `folder` with the merge base of HEAD and `base`.
pub fn changes(folder: &Path, base: Option<&str>) -> Result<Changes, Failure> {
    let top = top(folder)?;
    let name = base.unwrap_or(DEFAULT_BASE);
    let commit = merge_base(&top, name, base.is_some())?;
    let listed = |arguments: &[&str]| -> Result<Vec<u8>, Failure> {
        run(&top, arguments)?.map_err(|said| Failure::usage(format!("git cannot list what changed: {said}")))
    };
    let differing = listed(&[
        "diff",
        "--raw",
        "-z",
        "--no-renames",
        "--no-ext-diff",
        "--no-textconv",
        // Which commit they are at counts; what is not committed there is nothing that a branch here can contain.
        "--ignore-submodules=dirty",
        &commit,
        "--",
    ])?;
    let unknown = listed(&["ls-files", "--others", "--exclude-standard", "-z"])?;
    let mut changes = Changes {
        base: name.to_owned(),
        commit,
        present: Vec::new(),
        deleted: Vec::new(),
        links: Vec::new(),
        top: top.clone(),
    };
    let mut words = differing.split(|byte| *byte == 0);
    // `:MODE MODE OBJECT OBJECT STATUS`, before and after.
    while let (Some(entry), Some(path)) = (words.next().filter(|entry| !entry.is_empty()), words.next()) {
        let path = top.join(path_of(path));
        if LINKS.iter().any(|mode| entry.starts_with(mode)) {
            changes.links.push(path.clone());
        }
        if entry.ends_with(b" D") { changes.deleted.push(path) } else { changes.present.push(path) }
    }
    let unknown = unknown.split(|byte| *byte == 0).filter(|path| !path.is_empty());
    changes.present.extend(unknown.map(|path| top.join(path_of(path))));
    changes.links.extend(changes.present.iter().filter(|path| path.is_dir()).cloned());
    // A file can be removed from the index only, and then is both.
    changes.deleted.retain(|path| !path.exists());
    Ok(changes)
}

impl Changes {
    /// The content that a file had at the base; `None` where there was none.
    pub fn before(&self, path: &Path) -> Result<Option<Vec<u8>>, Failure> {
        let Ok(inside) = path.strip_prefix(&self.top) else { return Ok(None) };
        // Names of folders need not be UTF-8. Git wants `/` between them everywhere.
        let mut object = OsString::from(&self.commit);
        for (index, part) in inside.iter().enumerate() {
            object.push(if index == 0 { ":" } else { "/" });
            object.push(part);
        }
        Ok(run(&self.top, &[OsStr::new("cat-file"), OsStr::new("blob"), &object])?.ok())
    }
}

fn top(folder: &Path) -> Result<PathBuf, Failure> {
    match run(folder, &["rev-parse", "--show-toplevel"])? {
        Ok(said) => {
            let end = said.iter().rposition(|byte| *byte != b'\n').map_or(0, |last| last + 1);
            let path = path_of(&said[..end]);
            std::fs::canonicalize(&path).map_err(|error| Failure::file("open", &path, &error))
        }
        Err(said) if said.contains("not a git repository") => Err(Failure::with_help(
            format!("`{}` is not in a git repository, so nobody knows what changed", folder.display()),
            "`edgesig check` without `--changed` looks at everything",
        )),
        Err(said) => Err(Failure::usage(format!("git cannot be used here: {said}"))),
    }
}

fn merge_base(top: &Path, name: &str, is_given: bool) -> Result<String, Failure> {
    let object = format!("{name}^{{commit}}");
    let Ok(commit) = run(top, &["rev-parse", "--verify", "--quiet", "--end-of-options", &object])? else {
        return Err(if is_given {
            Failure::with_help(
                format!("git knows no commit `{name}`"),
                "fetch it first, or name another one, as in `--base origin/main`",
            )
        } else {
            Failure::with_help(
                format!("there is no `{name}`, the branch that changes are compared with"),
                "name it, as in `--base origin/main`, or let git find it: `git remote set-head origin --auto`",
            )
        });
    };
    let commit = String::from_utf8_lossy(&commit).trim().to_owned();
    match run(top, &["merge-base", &commit, "HEAD"])? {
        Ok(base) => Ok(String::from_utf8_lossy(&base).trim().to_owned()),
        Err(said) if said.contains("HEAD") => Err(Failure::usage("the repository has no commit yet")),
        Err(_) => {
            let is_shallow = run(top, &["rev-parse", "--is-shallow-repository"])?.is_ok_and(|said| said == b"true\n");
            let message = format!("git finds no commit that `{name}` and HEAD have in common");
            Err(if is_shallow {
                Failure::with_help(
                    format!("{message}: this clone is shallow"),
                    "fetch the history: `git fetch --unshallow`, or in CI a checkout with full depth (`fetch-depth: 0`, \
                     `GIT_DEPTH: 0`)",
                )
            } else {
                Failure::with_help(message, "name a branch with a common history: `--base REV`")
            })
        }
    }
}

/// What git wrote to standard output; inside, where it failed, the first line that it said.
fn run(folder: &Path, arguments: &[impl AsRef<OsStr>]) -> Result<Result<Vec<u8>, String>, Failure> {
    let output = Command::new("git")
        // Settings of the machine that would run programs or change the format.
        .args(["-c", "core.fsmonitor=false", "-c", "core.quotePath=false"])
        .args(arguments)
        .current_dir(folder)
        .env("LC_ALL", "C")
        .env("GIT_OPTIONAL_LOCKS", "0")
        .env("GIT_TERMINAL_PROMPT", "0")
        .stdin(Stdio::null())
        .output()
        .map_err(|error| {
            Failure::with_help(
                format!("git cannot be run: {}", super::failure::reason(&error)),
                "`--changed` needs git; `edgesig check` alone does not",
            )
        })?;
    if output.status.success() {
        return Ok(Ok(output.stdout));
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Ok(Err(said.lines().next().unwrap_or("no reason given").trim_start_matches("fatal: ").to_owned()))
}

#[cfg(unix)]
fn path_of(bytes: &[u8]) -> PathBuf {
    use std::os::unix::ffi::OsStrExt;
    PathBuf::from(std::ffi::OsStr::from_bytes(bytes))
}

#[cfg(not(unix))]
fn path_of(bytes: &[u8]) -> PathBuf {
    PathBuf::from(String::from_utf8_lossy(bytes).into_owned())
}
