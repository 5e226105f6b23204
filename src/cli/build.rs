//! `edgesig build`: signatures → the files of a target on disk, or their comparison with what is there.

mod files;

use super::console::Console;
use super::failure::{Exit, Failure};
use super::load::{self, Loaded, Paths, SelectionArguments};
use super::render::{counted, safe};
use crate::codegen::{self, Artifact, Options, Target};
use crate::diagnostic::{Diagnostics, Severity};
use crate::ir::{self, Mode, Ruleset};
use std::fs;
use std::io::Write;
use std::mem::ManuallyDrop;
use std::path::{Path, PathBuf};

/// Folder for the output when none is named.
const DEFAULT_OUT: &str = "build";

const AFTER_HELP: &str = "\
Examples:
  edgesig build                                   for every target that edgesig.yaml names
  edgesig build --target varnish
  edgesig build --target varnish --service shop --mode monitor --out /etc/varnish
  edgesig build --target varnish --exclude sqli-basic signatures/cve
  edgesig build --target varnish --check          in CI: is the committed output up to date?
  edgesig build --target fastly --format terraform

Writes edgesig.vcl and manifest.json into the folder (for Fastly a file for each snippet), each at
once. What the last build wrote there and this one does not is removed; other files stay as they are.
Where `build` is a link out of the project, nothing is written unless --out names the folder.
Two targets in one run have a folder each, build/varnish and build/fastly, and where one of them
refuses a signature nothing is written.
A draft, a retired signature and an expired `allow` are not built.";

#[derive(clap::Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub struct Arguments {
    #[command(flatten)]
    paths: Paths,
    /// What to compile for: `varnish` or `fastly` [default: every target of the project]
    #[arg(long, value_name = "NAME|all")]
    target: Option<String>,
    /// Folder for the output [default: build, beside edgesig.yaml]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    #[command(flatten)]
    selection: SelectionArguments,
    /// Write nothing; exit with 1 when the files in the folder are not what would be written
    #[arg(long, conflicts_with = "emit")]
    check: bool,
    /// How the VCL for Fastly is cut [default: snippets]
    #[arg(long, value_name = "LAYOUT", conflicts_with = "emit")]
    layout: Option<Layout>,
    /// What carries the snippets to Fastly [default: vcl]
    #[arg(long, value_name = "FORMAT", conflicts_with = "emit")]
    format: Option<Format>,
    /// Print an inner form on standard output instead of writing files
    #[arg(long, value_name = "FORM")]
    emit: Option<Form>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Form {
    /// The typed program, after selection
    Ir,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Layout {
    /// One snippet with declarations and subs, and one of a line for each place
    Snippets,
    /// One file for custom VCL to include
    Include,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// Files to paste
    Vcl,
    /// Terraform resources: an override file for the service, and the lists at the edge
    Terraform,
    /// Bodies for Fastly's API: one JSON file, and a form for each snippet
    Api,
    /// Files and a script for the `fastly` command
    Cli,
    /// Planned resources, as `falco terraform` reads them
    Plan,
}

/// The options of a build; those of Fastly go with Fastly alone.
fn options(arguments: &Arguments, targets: &[&Target]) -> Result<Options, Failure> {
    let given = arguments.layout.is_some() || arguments.format.is_some();
    if given && targets.iter().all(|target| target.name != "fastly") {
        return Err(Failure::usage("`--layout` and `--format` are for `--target fastly`"));
    }
    let layout = match arguments.layout {
        None | Some(Layout::Snippets) => codegen::Layout::Snippets,
        Some(Layout::Include) => codegen::Layout::Include,
    };
    let format = match arguments.format {
        None | Some(Format::Vcl) => codegen::Format::Vcl,
        Some(Format::Terraform) => codegen::Format::Terraform,
        Some(Format::Api) => codegen::Format::Api,
        Some(Format::Cli) => codegen::Format::Cli,
        Some(Format::Plan) => codegen::Format::Plan,
    };
    if layout == codegen::Layout::Include && format != codegen::Format::Vcl {
        return Err(Failure::usage("`--layout include` is one file of VCL: it goes with no other `--format`"));
    }
    Ok(Options { service: arguments.selection.service.clone(), layout, format, only_refusals: false })
}

pub fn run(arguments: &Arguments, console: &mut Console) -> Result<Exit, Failure> {
    let mut loaded = Loaded::load(&arguments.paths.paths)?.without_trees();
    let targets = load::targets(&loaded.ruleset, arguments.target.as_deref());
    if targets.is_err() {
        loaded.show(console)?;
    }
    let targets = targets?;
    if let Some(exit) = loaded.show(console)? {
        return Ok(exit);
    }
    if arguments.emit == Some(Form::Ir) {
        // The inner form is the same for every target, but for what each leaves out.
        let only = if let [only] = targets.as_slice() { Some(only.name) } else { None };
        let selection = loaded.selection(&arguments.selection, only)?;
        let selected = ir::select(&loaded.ruleset, &selection);
        console.out.write_all(safe::text(&ir::display(&selected), usize::MAX).as_bytes())?;
        return Ok(Exit::Clean);
    }
    let options = options(arguments, &targets)?;
    let mut found = Diagnostics::default();
    let mut builds = ManuallyDrop::new(Vec::new());
    for target in &targets {
        let selection = loaded.selection(&arguments.selection, Some(target.name))?;
        // Taking it apart can wait for the end of the process.
        let selected = ManuallyDrop::new(ir::select(&loaded.ruleset, &selection));
        let artifacts = crate::emit(&selected, target, &options, &mut found);
        // Several targets do not write over each other's files.
        let out = arguments.out.clone().unwrap_or_else(|| loaded.workspace.beside_project_file().join(DEFAULT_OUT));
        let out = if targets.len() == 1 { out } else { out.join(target.name) };
        builds.push((*target, selected, artifacts, out));
    }
    found.sort();
    let (notes, rest): (Vec<_>, Vec<_>) =
        found.list.into_iter().partition(|diagnostic| diagnostic.severity == Severity::Note);
    loaded.diagnostics = Diagnostics { list: rest };
    if let Some(exit) = loaded.show(console)? {
        return Ok(exit);
    }
    for note in &notes {
        let sources = &loaded.workspace.sources;
        let (line, _) = sources.line_column(note.primary.span.source, note.primary.span.start);
        let place = format!("{}:{line}", sources.name(note.primary.span.source));
        console.message("note", &format!("{place}: {}", safe::line(&note.message, 1000)))?;
    }
    let today = load::today(arguments.selection.today);
    for rule in &loaded.ruleset.rules {
        let gone = rule.is_allow() && rule.expires.is_some_and(|expires| today > expires);
        if gone && rule.mode.is_emitted() {
            console.message("note", &format!("`{}` has expired: an expired `allow` is not emitted", rule.id))?;
        }
    }
    if arguments.out.is_none() {
        for (_, _, artifacts, out) in builds.iter() {
            // A link in the place of a file is replaced when writing, and followed when reading.
            let compared = artifacts.iter().map(|artifact| out.join(&artifact.path)).filter(|_| arguments.check);
            let mut read = std::iter::once(out.join(files::MANIFEST)).chain(compared);
            read.try_for_each(|path| files::refuse_link_out(&path, &loaded.workspace.root))?;
        }
    }
    if arguments.check {
        let mut exit = Exit::Clean;
        for (target, _, artifacts, out) in builds.iter() {
            if !files::check(artifacts, out, console)? {
                exit = Exit::Findings;
            }
            for path in files::leftovers(artifacts, out, target) {
                exit = Exit::Findings;
                console.message("error", &format!("{} is left from an earlier build", path.display()))?;
            }
        }
        if exit == Exit::Findings {
            console.message("help", "run `edgesig build` and commit what it writes")?;
        }
        return Ok(exit);
    }
    for (target, selected, artifacts, out) in builds.iter() {
        let leftovers = files::leftovers(artifacts, out, target);
        files::write(artifacts, out)?;
        for path in leftovers {
            fs::remove_file(&path).map_err(|error| Failure::file("remove", &path, &error))?;
            console.message("note", &format!("removed {} of an earlier build", path.display()))?;
        }
        console.line(&built(selected, target, artifacts, out))?;
    }
    Ok(Exit::Clean)
}

/// What was built, in one sentence.
fn built(selected: &Ruleset, target: &Target, artifacts: &[Artifact], out: &Path) -> String {
    let count = |wanted: fn(Mode) -> bool| selected.rules.iter().filter(|rule| wanted(rule.mode)).count();
    let modes = [
        (count(|mode| mode == Mode::Enforce), "enforced"),
        (count(|mode| matches!(mode, Mode::Canary(_))), "in canary"),
        (count(|mode| mode == Mode::Monitor), "monitored"),
    ];
    let modes: Vec<String> =
        modes.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect();
    let modes = if modes.is_empty() { String::new() } else { format!(" ({})", modes.join(", ")) };
    let files: Vec<String> = artifacts.iter().map(|artifact| out.join(&artifact.path).display().to_string()).collect();
    format!("built {}{modes} for {}: {}", counted(selected.rules.len(), "signature"), target.name, files.join(", "))
}
