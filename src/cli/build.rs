//! `edgesig build`: signatures → the files of a target on disk, or their comparison with what is there.

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
    /// Folder for the output
    #[arg(long, value_name = "DIR", default_value = "build")]
    out: PathBuf,
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
        console.out.write_all(ir::display(&selected).as_bytes())?;
        return Ok(Exit::Clean);
    }
    let options = options(arguments, &targets)?;
    let mut found = Diagnostics::default();
    let mut builds = Vec::new();
    for target in &targets {
        let selection = loaded.selection(&arguments.selection, Some(target.name))?;
        // Taking it apart can wait for the end of the process.
        let selected = ManuallyDrop::new(ir::select(&loaded.ruleset, &selection));
        let artifacts = crate::emit(&selected, target, &options, &mut found);
        // Several targets do not write over each other's files.
        let out = if targets.len() == 1 { arguments.out.clone() } else { arguments.out.join(target.name) };
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
    if arguments.check {
        let mut exit = Exit::Clean;
        for (target, _, artifacts, out) in &builds {
            if !check(artifacts, out, console)? {
                exit = Exit::Findings;
            }
            for path in leftovers(artifacts, out, target) {
                exit = Exit::Findings;
                console.message("error", &format!("{} is left from an earlier build", path.display()))?;
            }
        }
        if exit == Exit::Findings {
            console.message("help", "run `edgesig build` and commit what it writes")?;
        }
        return Ok(exit);
    }
    for (target, selected, artifacts, out) in &builds {
        let leftovers = leftovers(artifacts, out, target);
        write(artifacts, out)?;
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

/// Files that the last build of this target wrote and this one does not: a snippet that calls a sub that is gone, for
/// example. The manifest of that build names them.
fn leftovers(artifacts: &[Artifact], out: &Path, target: &Target) -> Vec<PathBuf> {
    let manifest = fs::read(out.join("manifest.json")).ok();
    let manifest: Option<serde_json::Value> = manifest.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let Some(manifest) = manifest.filter(|manifest| manifest["target"] == target.name) else { return Vec::new() };
    let names = manifest["files"].as_array().into_iter().flatten().filter_map(|name| name.as_str());
    let is_ours = |name: &&str| is_written_by_builds(name);
    let is_left = |name: &&str| artifacts.iter().all(|artifact| artifact.path != **name);
    names.filter(is_ours).filter(is_left).map(|name| out.join(name)).filter(|path| path.is_file()).collect()
}

/// Whether a build could have written a file of this name. A manifest is a file that anybody may have changed: what it says
/// is never a reason to remove anything else.
fn is_written_by_builds(name: &str) -> bool {
    const NAMES: &[&str] = &["edgesig.vcl", "fastly-api.json", "plan.json", "deploy.sh"];
    const PLACES: &[&str] = &["init", "recv", "miss", "pass", "deliver", "error", "log"];
    let is_word =
        |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let between = |start: &str, end: &str| name.strip_prefix(start).and_then(|rest| rest.strip_suffix(end));
    let ends = ["_override.tf.json", "_lists.tf.json"];
    NAMES.contains(&name)
        || [".vcl", ".form"].iter().any(|end| between("", end).is_some_and(|place| PLACES.contains(&place)))
        || ["acl-", "dictionary-"].iter().any(|start| between(start, ".json").is_some_and(is_word))
        || ends.iter().any(|end| between("", end).is_some_and(is_word))
}

/// Writes every file next to its place first and then renames it, so that a reader sees the old one or the new one.
fn write(artifacts: &[Artifact], out: &Path) -> Result<(), Failure> {
    fs::create_dir_all(out).map_err(|error| Failure::file("create", out, &error))?;
    let mut ready = Vec::new();
    for artifact in artifacts {
        let path = out.join(&artifact.path);
        let folder = path.parent().unwrap_or(out);
        fs::create_dir_all(folder).map_err(|error| Failure::file("create", folder, &error))?;
        let failed = |error: std::io::Error| Failure::file("write", &path, &error);
        let mut builder = tempfile::Builder::new();
        builder.prefix(".edgesig-");
        #[cfg(unix)]
        {
            // The file is read by a server under another user, or run; the process's umask still applies.
            use std::os::unix::fs::PermissionsExt;
            let mode = if artifact.path.ends_with(".sh") { 0o777 } else { 0o666 };
            builder.permissions(fs::Permissions::from_mode(mode));
        }
        let mut file = builder.tempfile_in(folder).map_err(failed)?;
        file.write_all(artifact.content.as_bytes()).map_err(failed)?;
        ready.push((file, path));
    }
    for (file, path) in ready {
        file.persist(&path).map_err(|error| Failure::file("write", &path, &error.error))?;
    }
    Ok(())
}

/// Compares the files on disk with what would be written.
fn check(artifacts: &[Artifact], out: &Path, console: &mut Console) -> Result<bool, Failure> {
    let mut same = true;
    for artifact in artifacts {
        let path = out.join(&artifact.path);
        let shown = path.display();
        match fs::read(&path) {
            Ok(bytes) if bytes == artifact.content.as_bytes() => console.line(&format!("{shown} is up to date"))?,
            Ok(bytes) => {
                same = false;
                let text = difference(&safe::name(&shown.to_string(), 4096), &bytes, artifact.content.as_bytes());
                let (first, lines) = text.split_once('\n').unwrap_or((&text, ""));
                console.message("error", first)?;
                console.text(&format!("{lines}\n"))?;
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                same = false;
                console.message("error", &format!("{shown} is missing"))?;
            }
            Err(error) => return Err(Failure::file("read", &path, &error)),
        }
    }
    Ok(same)
}

/// Names the first line that differs.
fn difference(path: &str, on_disk: &[u8], compiled: &[u8]) -> String {
    let mut disk_lines = on_disk.split(|byte| *byte == b'\n');
    let mut compiled_lines = compiled.split(|byte| *byte == b'\n');
    let mut number = 1;
    loop {
        match (disk_lines.next(), compiled_lines.next()) {
            (Some(a), Some(b)) if a == b => number += 1,
            (a, b) => {
                let show = |line: Option<&[u8]>| line.map_or("(end of file)".to_owned(), |line| safe::bytes(line, 160));
                return format!(
                    "{path} is not what the signatures compile to; line {number} differs\n  on disk:  {}\n  compiled: {}",
                    show(a),
                    show(b)
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_difference_is_named() {
        let text = difference("b/x", b"a\nb\nc\n", b"a\nB\nc\n");
        assert_eq!(text, "b/x is not what the signatures compile to; line 2 differs\n  on disk:  b\n  compiled: B");
        assert!(difference("x", b"a", b"a\nb").contains("on disk:  (end of file)"));
    }

    #[test]
    fn only_what_a_build_wrote_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("build");
        fs::create_dir_all(out.join("log.vcl")).unwrap();
        let outside = folder.path().join("recv.vcl");
        fs::write(&outside, "").unwrap();
        let names = [
            "default.vcl",
            ".hidden",
            "main.tf",
            "../recv.vcl",
            "acl-../x.json",
            "recv.vcl",
            "acl-denied.json",
            "log.vcl",
        ];
        for name in &names[..3] {
            fs::write(out.join(name), "").unwrap();
        }
        for name in &names[5..7] {
            fs::write(out.join(name), "").unwrap();
        }
        let outside = outside.display().to_string();
        let files: Vec<&str> = names.iter().copied().chain([outside.as_str()]).collect();
        let manifest = serde_json::json!({"target": "fastly", "files": files});
        fs::write(out.join("manifest.json"), manifest.to_string()).unwrap();
        let found = leftovers(&[], &out, load::target("fastly").unwrap());
        assert_eq!(found, [out.join("recv.vcl"), out.join("acl-denied.json")]);
    }

    #[test]
    fn files_are_replaced_whole() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("deep/build");
        let artifact = |content: &str| vec![Artifact { path: "edgesig.vcl".into(), content: content.into() }];
        write(&artifact("one"), &out).unwrap();
        write(&artifact("two"), &out).unwrap();
        assert_eq!(fs::read_to_string(out.join("edgesig.vcl")).unwrap(), "two");
        assert_eq!(fs::read_dir(&out).unwrap().count(), 1);
    }
}
