//! `edgesig fmt`: signature files and edgesig.yaml in canonical form.

use super::console::Console;
use super::failure::{Exit, Failure};
use super::render::{counted, safe};
use super::rewrite::{self, OfProject, Rewrite};
use super::workspace::{self, PROJECT_FILE, Workspace};
use crate::diagnostic::Diagnostics;
use crate::source::{SourceId, SourceMap, Span};
use crate::syntax::{self, Formatted};
use rayon::prelude::*;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

const AFTER_HELP: &str = "\
Keys stand in the order of docs/language.md, conditions as block scalars in one spelling, quotes only
where they are needed. Comments stay, and so does the meaning. A file with errors is left alone.

Examples:
  edgesig fmt                         every signature of the project, and edgesig.yaml
  edgesig fmt signatures/cve
  edgesig fmt team-a team-b           several projects, each by itself
  edgesig fmt --check                 in CI: names the files that differ, exit code 1
  edgesig fmt --diff                  shows what would change
  edgesig fmt - < a.yaml              from standard input to standard output";

#[derive(clap::Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub struct Arguments {
    /// Signature files, folders of them, edgesig.yaml, or `-` for standard input [default: the whole project]
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Change nothing, name the files that are not in canonical form
    #[arg(long)]
    check: bool,
    /// Change nothing, show what would change
    #[arg(long)]
    diff: bool,
}

/// The files of a run.
struct Files {
    sources: SourceMap,
    /// What was wrong with files that could not be read.
    diagnostics: Diagnostics,
    files: Vec<File>,
}

struct File {
    path: PathBuf,
    source: SourceId,
    is_project: bool,
}

/// How many files became what.
#[derive(Default)]
struct Count {
    changed: usize,
    unchanged: usize,
    left: usize,
}

pub fn run(arguments: &Arguments, console: &mut Console) -> Result<Exit, Failure> {
    if arguments.paths.iter().any(|path| path == Path::new("-")) {
        return match arguments.paths.as_slice() {
            [_] => standard_input(arguments, console),
            _ => Err(Failure::usage("`-` stands alone: standard input is one signature")),
        };
    }
    rewrite::refuse_links(&arguments.paths)?;
    let mut projects = rewrite::by_project(&arguments.paths)?;
    if projects.is_empty() {
        projects.push(OfProject { folder: None, paths: Vec::new() });
    }
    // All is read before anything is written.
    let read: Vec<(OfProject, Files)> = projects
        .into_iter()
        .map(|project| {
            let files = find(&project.paths)?;
            Ok((project, files))
        })
        .collect::<Result<_, Failure>>()?;
    let several = read.len() > 1;
    let mut exit = Exit::Clean;
    for (project, files) in read {
        if several {
            // Names are relative to their project.
            let folder = project.folder.as_deref().unwrap_or(Path::new(".")).display();
            console.message("note", &format!("in `{folder}`:"))?;
        }
        exit = exit.max(format(files, arguments, console)?);
    }
    Ok(exit)
}

/// Formats the files of one project.
fn format(files: Files, arguments: &Arguments, console: &mut Console) -> Result<Exit, Failure> {
    let Files { sources, mut diagnostics, files } = files;
    let done: Vec<(File, Formatted, Diagnostics)> = files
        .into_par_iter()
        .map(|file| {
            let mut found = Diagnostics::default();
            let formatted = if file.is_project {
                syntax::format_project(&sources, file.source, &mut found)
            } else {
                syntax::format_signature(&sources, file.source, &mut found)
            };
            (file, formatted, found)
        })
        .collect();
    let mut exit = Exit::Clean;
    let mut count = Count::default();
    for (file, formatted, found) in done {
        let name = sources.name(file.source).to_owned();
        let before = sources.text(file.source).to_owned();
        match formatted {
            Formatted::Text(after) if after == before => count.unchanged += 1,
            Formatted::Text(after) => {
                count.changed += 1;
                exit = exit.max(changed(&Rewrite { path: file.path, name, before, after }, arguments, console)?);
            }
            Formatted::HasErrors => {
                count.left += 1;
                diagnostics.extend(found);
            }
            Formatted::Refused { span, reason } => {
                count.left += 1;
                exit = exit.max(Exit::Invalid);
                refused(&sources, span, reason, console)?;
            }
        }
    }
    diagnostics.sort();
    console.diagnostics(&sources, &diagnostics)?;
    if diagnostics.has_errors() {
        exit = exit.max(Exit::Invalid);
    }
    let verb = if arguments.check || arguments.diff { "would be formatted" } else { "formatted" };
    let mut text = format!("{} {verb}, {} unchanged", counted(count.changed, "file"), count.unchanged);
    if count.left > 0 {
        text.push_str(&format!(", {} left alone", count.left));
    }
    console.message("note", &text)?;
    Ok(exit)
}

/// Reads what the paths name: signature files through the workspace, project files by themselves.
fn find(paths: &[PathBuf]) -> Result<Files, Failure> {
    let is_project_file = |path: &PathBuf| path.file_name().is_some_and(|name| name == PROJECT_FILE) && path.is_file();
    let (projects, paths): (Vec<PathBuf>, Vec<PathBuf>) = paths.iter().cloned().partition(is_project_file);
    let mut files = Files { sources: SourceMap::default(), diagnostics: Diagnostics::default(), files: Vec::new() };
    if !paths.is_empty() || projects.is_empty() {
        let mut workspace = Workspace::load(&paths)?;
        let project = workspace.project_source;
        files.diagnostics = std::mem::take(&mut workspace.diagnostics);
        // What is wrong in the project file is said where that is formatted.
        files.diagnostics.list.retain(|found| Some(found.primary.span.source) != project);
        let whole = project.filter(|_| paths.is_empty());
        files.files.extend(whole.into_iter().chain(workspace.signatures.iter().copied()).map(|source| File {
            path: workspace.path(source).to_owned(),
            source,
            is_project: Some(source) == project,
        }));
        files.sources = workspace.sources;
    }
    for path in projects {
        let text = workspace::read_text(&path)?;
        let source = files.sources.add(path.display().to_string(), text);
        files.files.push(File { path, source, is_project: true });
    }
    Ok(files)
}

/// Writes, shows or names a file that differs.
fn changed(rewrite: &Rewrite, arguments: &Arguments, console: &mut Console) -> Result<Exit, Failure> {
    let only_look = arguments.check || arguments.diff;
    if arguments.diff {
        rewrite.show(console, true)?;
    } else {
        if !only_look {
            rewrite.write()?;
        }
        let verb = if only_look { "would format" } else { "formatted" };
        console.line(&format!("{verb} {}", safe::line(&rewrite.name, 4096)))?;
    }
    Ok(if only_look { Exit::Findings } else { Exit::Clean })
}

fn refused(sources: &SourceMap, span: Span, reason: &str, console: &mut Console) -> Result<(), Failure> {
    let (line, _) = sources.line_column(span.source, span.start);
    console.message("error", &format!("{}:{line} is left alone: {reason}", sources.name(span.source)))
}

/// Formats what comes in on standard input.
fn standard_input(arguments: &Arguments, console: &mut Console) -> Result<Exit, Failure> {
    let mut bytes = Vec::new();
    let limit = workspace::SOURCE_LIMIT;
    std::io::stdin()
        .take(limit + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| Failure::file("read", Path::new("-"), &error))?;
    if bytes.len() as u64 > limit {
        return Err(Failure::usage(format!("standard input is larger than {} KiB", limit >> 10)));
    }
    let text = String::from_utf8(bytes).map_err(|_| Failure::usage("standard input is not UTF-8"))?;
    let mut sources = SourceMap::default();
    let source = sources.add("<stdin>", text.clone());
    let mut diagnostics = Diagnostics::default();
    let formatted = syntax::format_signature(&sources, source, &mut diagnostics);
    match formatted {
        Formatted::Text(after) => {
            let differs = after != text;
            if arguments.diff {
                if differs {
                    let name = "<stdin>".to_owned();
                    Rewrite { path: PathBuf::from("-"), name, before: text, after }.show(console, true)?;
                }
            } else if !arguments.check {
                console.out.write_all(after.as_bytes())?;
            }
            Ok(if differs && (arguments.check || arguments.diff) { Exit::Findings } else { Exit::Clean })
        }
        Formatted::HasErrors => {
            diagnostics.sort();
            console.diagnostics(&sources, &diagnostics)?;
            Ok(Exit::Invalid)
        }
        Formatted::Refused { span, reason } => {
            refused(&sources, span, reason, console)?;
            Ok(Exit::Invalid)
        }
    }
}
