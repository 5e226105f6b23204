//! The command line from outside. A case is a folder in `cases/cli`: its files, and `cmd` with one command a line:
//!
//! ```text
//! # a comment
//! edgesig check signatures
//! edgesig eval < requests.jsonl
//! cat build/edgesig.vcl
//! cp changed.yaml signatures/a.yaml
//! rm signatures/b.yaml
//! cd signatures
//! ```
//!
//! Each runs in a copy of the folder; what it says and its exit code are the golden. Cases that start with `falco` need
//! it. Programs in the case's `bin` come before all others. Cases in `cases/cli-varnish` start a varnishd.

mod support;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use support::has_varnishd;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// A command without anything of the caller's that could change what it says.
fn edgesig() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_edgesig"));
    command.env_remove("CLICOLOR_FORCE").env("NO_COLOR", "1").env("COLUMNS", "100").env("RUST_BACKTRACE", "0");
    command
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Runs one line of a `cmd` file; gives what it said.
fn run_line(line: &str, folder: &Path) -> String {
    let mut words = shlex::split(line).unwrap_or_else(|| panic!("cannot split {line:?}"));
    let input = words.iter().position(|word| word == "<").map(|at| words.split_off(at)[1].clone());
    if words[0] == "cat" {
        return fs::read_to_string(folder.join(&words[1])).unwrap_or_else(|error| format!("{error}\n"));
    }
    if words[0] == "cp" {
        fs::copy(folder.join(&words[1]), folder.join(&words[2])).unwrap();
        return String::new();
    }
    if words[0] == "rm" {
        fs::remove_file(folder.join(&words[1])).unwrap();
        return String::new();
    }
    assert_eq!(words[0], "edgesig", "{line}");
    let input = input.map_or(Vec::new(), |name| fs::read(folder.join(name)).unwrap());
    let path = std::env::var("PATH").unwrap_or_default();
    let mut child = edgesig()
        .args(&words[1..])
        .current_dir(folder)
        .env("PATH", format!("{}:{path}", folder.join("bin").display()))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that does not read its input closes it.
    let _ = child.stdin.take().unwrap().write_all(&input);
    let output = child.wait_with_output().unwrap();
    let mut text = String::new();
    for (name, bytes) in [("stdout", &output.stdout), ("stderr", &output.stderr)] {
        if !bytes.is_empty() {
            let said = String::from_utf8_lossy(bytes);
            let end = if said.ends_with('\n') { "" } else { "\n" };
            text.push_str(&format!("-- {name}\n{said}{end}"));
        }
    }
    let code = output.status.code().map_or("killed".to_owned(), |code| code.to_string());
    text + &format!("-- exit code {code}\n")
}

fn run_case(case: &Path) -> String {
    let copied = tempfile::tempdir().unwrap();
    let folder = fs::canonicalize(copied.path()).unwrap();
    copy(case, &folder);
    let commands = fs::read_to_string(case.join("cmd")).unwrap();
    fs::remove_file(folder.join("cmd")).unwrap();
    let mut said = String::new();
    let mut current = folder.clone();
    for line in commands.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')) {
        let text = match line.strip_prefix("cd ") {
            Some(inner) => {
                current = fs::canonicalize(current.join(inner)).unwrap();
                String::new()
            }
            None => run_line(line, &current),
        };
        said.push_str(&format!("$ {line}\n{text}\n"));
    }
    said.replace(&folder.display().to_string(), "<folder>")
}

fn run_cases(kind: &str) {
    let mut cases: Vec<PathBuf> = fs::read_dir(root().join("tests/cases").join(kind))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.join("cmd").is_file())
        .collect();
    cases.sort();
    assert!(!cases.is_empty());
    let folder = format!("snapshots/{kind}");
    for case in cases {
        let name = case.file_name().unwrap().to_string_lossy().into_owned();
        if name.starts_with("falco") && support::falco().is_none() {
            continue;
        }
        insta::with_settings!({ prepend_module_to_snapshot => false, snapshot_path => folder.clone(), omit_expression => true }, {
            insta::assert_snapshot!(name, run_case(&case));
        });
    }
}

#[test]
fn cases_say_what_they_said() {
    run_cases("cli");
}

#[test]
fn cases_with_a_varnishd_say_what_they_said() {
    if has_varnishd() {
        run_cases("cli-varnish");
    }
}

/// Command lines of processes that name `folder`.
fn processes_in(folder: &Path) -> Vec<String> {
    let name = folder.display().to_string();
    let entries = fs::read_dir("/proc").unwrap().filter_map(|entry| fs::read(entry.ok()?.path().join("cmdline")).ok());
    entries.map(|line| String::from_utf8_lossy(&line).replace('\0', " ")).filter(|line| line.contains(&name)).collect()
}

fn within_half_a_minute(mut done: impl FnMut() -> bool) -> bool {
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(30) {
        if done() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    false
}

#[test]
fn an_interrupted_verify_leaves_nothing_behind() {
    if !has_varnishd() {
        return;
    }
    for signal in ["INT", "TERM"] {
        let scratch = tempfile::tempdir().unwrap();
        let case = tempfile::tempdir().unwrap();
        copy(&root().join("tests/cases/cli-varnish/agreement"), case.path());
        let mut child = edgesig()
            .args(["verify", "--requests", "-"])
            .current_dir(case.path())
            .env("TMPDIR", scratch.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // It waits for more requests; manager, worker and varnishlog are there.
        assert!(within_half_a_minute(|| processes_in(scratch.path()).len() >= 3), "{signal}: varnishd does not start");
        let kill = Command::new("sh").args(["-c", &format!("kill -{signal} {}", child.id())]).status().unwrap();
        assert!(kill.success());
        let status = child.wait().unwrap();
        assert_eq!(status.code(), Some(130), "{signal}");
        assert!(within_half_a_minute(|| processes_in(scratch.path()).is_empty()), "{:?}", processes_in(scratch.path()));
        let left: Vec<_> = fs::read_dir(scratch.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert!(left.is_empty(), "{signal}: {left:?}");
    }
}

#[test]
fn every_command_has_its_help_in_a_case() {
    let output = edgesig().arg("--help").output().unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    let commands = help.split("Commands:\n").nth(1).unwrap().split("\n\n").next().unwrap();
    let case = fs::read_to_string(root().join("tests/cases/cli/help/cmd")).unwrap();
    for line in commands.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   ")) {
        let name = line.split_whitespace().next().unwrap();
        let shown = name == "help" || case.lines().any(|line| line == format!("edgesig {name} --help"));
        assert!(shown, "tests/cases/cli/help/cmd does not show the help of `{name}`");
    }
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let mut child = edgesig().args(["docs", "fields"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));
}

#[test]
fn output_does_not_depend_on_where_or_with_how_many_threads_it_is_built() {
    let copied = tempfile::tempdir().unwrap();
    copy(&root().join("tests/cases/cli/build"), copied.path());
    let build = |folder: &Path, out: &str, threads: &str, paths: &[&str]| {
        let output = edgesig()
            .args(["build", "--target", "varnish", "--today", "2026-11-23", "--out", out])
            .args(paths)
            .env("RAYON_NUM_THREADS", threads)
            .current_dir(folder)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let out = folder.join(out);
        (fs::read(out.join("edgesig.vcl")).unwrap(), fs::read(out.join("manifest.json")).unwrap())
    };
    let first = build(copied.path(), "one", "1", &[]);
    assert!(first == build(copied.path(), "two", "8", &["signatures"]), "threads or paths changed the output");
    let inner = copied.path().join("signatures");
    assert!(first == build(&inner, "../three", "2", &["."]), "the current folder changed the output");
}

/// The lock file is read and written in the project's folder only, also where a pull request makes it a link.
#[cfg(unix)]
#[test]
fn a_lock_file_does_not_lead_outside() {
    let copied = tempfile::tempdir().unwrap();
    let project = copied.path().join("project");
    copy(&root().join("tests/cases/cli/lock"), &project);
    let outside = copied.path().join("outside");
    std::os::unix::fs::symlink(&outside, project.join("edgesig.lock")).unwrap();
    for exists in [false, true] {
        if exists {
            fs::write(&outside, "a secret\n").unwrap();
        }
        for arguments in [&["check"][..], &["check", "--update-lock"]] {
            let output =
                edgesig().args(arguments).args(["--today", "2026-11-23"]).current_dir(&project).output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), Some(3), "{said}");
            assert!(said.starts_with("error: `edgesig.lock`: ") && !said.contains("secret"), "{said}");
        }
        assert_eq!(outside.exists(), exists);
    }
    assert_eq!(fs::read_to_string(outside).unwrap(), "a secret\n");
}

/// A pull request can make the default output folder a link; what it leads to is neither written nor read.
#[cfg(unix)]
#[test]
fn a_default_output_folder_does_not_lead_outside() {
    use std::os::unix::fs::symlink;
    let copied = tempfile::tempdir().unwrap();
    let project = copied.path().join("project");
    copy(&root().join("tests/cases/cli/build-targets"), &project);
    let outside = fs::canonicalize(copied.path()).unwrap().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("edgesig.vcl"), "a secret\n").unwrap();
    let build = |arguments: &[&str]| {
        let fixed = ["build", "--today", "2026-11-23"];
        let output = edgesig().args(fixed).args(arguments).current_dir(&project).output().unwrap();
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        (said.replace(&outside.display().to_string(), "<outside>"), output.status.code())
    };
    let refusal = |link: &str, target: &str| {
        let text = format!(
            "error: `{link}` is a link that leads out of the project's folder, to `{target}`\nhelp: remove the link; if \
             that is where the output shall be, name the folder: `--out DIR`\n"
        );
        (text, Some(3))
    };
    let untouched = || {
        let names: Vec<_> = fs::read_dir(&outside).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names == ["edgesig.vcl"] && fs::read_to_string(outside.join("edgesig.vcl")).unwrap() == "a secret\n"
    };
    let one = ["--target", "varnish"];
    // The folder itself.
    symlink("../outside", project.join("build")).unwrap();
    for arguments in [&one[..], &["--target", "varnish", "--check"], &[], &["--check"]] {
        assert_eq!(build(arguments), refusal("build", "<outside>"), "{arguments:?}");
    }
    assert!(untouched());
    // From below it is the same folder.
    let below =
        edgesig().args(["build", "--target", "varnish"]).current_dir(project.join("signatures")).output().unwrap();
    assert_eq!(below.status.code(), Some(3));
    // One target's; and a link to nothing.
    fs::remove_file(project.join("build")).unwrap();
    fs::create_dir(project.join("build")).unwrap();
    symlink("../../outside/new", project.join("build/varnish")).unwrap();
    assert_eq!(build(&[]), refusal("build/varnish", "../../outside/new"));
    assert!(untouched() && !project.join("build/fastly").exists());
    fs::remove_file(project.join("build/varnish")).unwrap();
    // A file is replaced, but not read.
    symlink("../../outside/edgesig.vcl", project.join("build/edgesig.vcl")).unwrap();
    assert_eq!(build(&["--target", "varnish", "--check"]), refusal("build/edgesig.vcl", "<outside>/edgesig.vcl"));
    assert_eq!(build(&one).1, Some(0));
    assert!(untouched() && fs::symlink_metadata(project.join("build/edgesig.vcl")).unwrap().is_file());
    fs::remove_file(project.join("build/manifest.json")).unwrap();
    symlink("/dev/zero", project.join("build/manifest.json")).unwrap();
    assert_eq!(build(&one), refusal("build/manifest.json", "/dev/zero"));
    // Inside the project, and where somebody said so, a link is as good as a folder.
    fs::remove_dir_all(project.join("build")).unwrap();
    fs::create_dir(project.join("real")).unwrap();
    symlink("real", project.join("build")).unwrap();
    assert_eq!(build(&one).1, Some(0));
    assert!(project.join("real/edgesig.vcl").is_file() && untouched());
    fs::remove_file(project.join("build")).unwrap();
    symlink("../outside", project.join("build")).unwrap();
    assert_eq!(build(&["--target", "varnish", "--out", "build"]).1, Some(0));
    assert!(outside.join("manifest.json").is_file());
}

/// A service of continuous integration reads commands from a log, so no name begins a line of it.
#[test]
fn names_of_files_are_no_commands_of_a_log() {
    let folder = tempfile::tempdir().unwrap();
    let name = "x\n::add-mask::e\r##[set-output name=a]b.yaml";
    let said = |arguments: &[&str]| {
        let output = edgesig().args(arguments).arg(name).current_dir(folder.path()).output().unwrap();
        assert_eq!(output.status.code(), Some(3));
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
    };
    for arguments in [&["check"][..], &["fmt"], &["build", "--target", "varnish"]] {
        let said = said(arguments);
        assert!(said.starts_with("error: ") && said.contains("x\\n::add-mask::e\\u{d}#\\u{23}["), "{said}");
        assert!(said.lines().all(|line| !line.trim_start().starts_with("::")), "{said}");
    }
    let said = said(&["check", "--format", "github"]);
    assert!(said.starts_with("::error title=edgesig::"), "{said}");
    assert!(said.lines().all(|line| line.starts_with("::error title") || line.starts_with("::notice title")), "{said}");
}

/// What a service of continuous integration takes for a command of its own: a line that begins with `::`, and `##[…]` or
/// `##word[…]` wherever in a line.
fn is_command(line: &str) -> bool {
    let words =
        line.match_indices("##").map(|(at, _)| line[at + 2..].trim_start_matches(|c: char| c.is_ascii_alphabetic()));
    line.trim_start().starts_with("::") || words.into_iter().any(|rest| rest.starts_with('['))
}

/// Nor does any text of a signature, whatever people are shown of it.
#[test]
fn texts_of_signatures_are_no_commands_of_a_log() {
    assert!(
        is_command("x ##[add-mask]e")
            && is_command("##vso[x]")
            && is_command(" ::error::x")
            && !is_command("a::b ## [")
    );
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    let hostile = |id: &str, when: &str, expect: &str| {
        format!(
            "edgesig: 1\n# ##[group]comment\n# edgesig: ##[group]x\nid: {id}\ntitle: \"##[error]title\"\nseverity: high\nowner: \"##vso[task.x]o\"\n\
             description: |\n  ::error::description\n  ##[add-mask]e\nrefs: {{cve: [\"##[error]x\"], urls: [\"::error::x\"]}}\n\
             tags: [\"##[x]\"]\nwhen: |\n{when}\ntests:\n- name: |\n    ::error::name\n    ##[error]name\n  request: GET /##[error]?::x\n  \
             expect: {expect}\n- {{name: \"##[error]near\", request: GET /a, expect: no_match}}\n"
        )
    };
    let when = "  # ##[add-mask]a\n  not (not (\n  req.url.raw contains \"##[error]\"\n  or req.path contains\n  \"::error::x\"\n  or req.path matches r\"^/(##[error]a)$\"))";
    write("signatures/good.yaml", &hostile("good", when, "match"));
    write("signatures/miss.yaml", &hostile("miss", when, "no_match"));
    write("edgesig.yaml", "edgesig: 1\n");
    let run = |arguments: &[&str]| {
        let output = edgesig().args(arguments).current_dir(folder.path()).output().unwrap();
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(!said.is_empty(), "{arguments:?}");
        if let Some(line) = said.lines().find(|line| is_command(line)) {
            panic!("{arguments:?} says {line:?} in\n{said}");
        }
        said
    };
    assert!(run(&["check"]).contains("double-negation"));
    let target = ["--target", "varnish", "--today", "2026-11-23"];
    for arguments in [
        &["check", "--target", "all"][..],
        &["test"],
        &["test", "--engine", "varnish", "signatures/good.yaml"],
        &["explain", "--signature", "good", "--request", "GET /##[error]?::x"],
        &["explain", "--signature", "good", "--request", "::error::name\n##[error]name\n"],
        &["explain", "##[error]"],
        &["fmt", "--diff"],
        &["fmt", "--check"],
        &["build", "--emit", "ir"],
        &[&["build"][..], &target].concat(),
        &[&["build", "--check"][..], &target].concat(),
    ] {
        run(arguments);
    }
    write("build/edgesig.vcl", "\n::error::x\n##[error]x\n");
    run(&[&["build", "--check"][..], &target].concat());
    // A line of what is compiled, and a fix with its line.
    run(&["check", "--fix"]);
    // What does not compile is shown, too.
    for (id, when) in [
        ("types", "  req.url contains \"##[error]\" and ::error::x"),
        ("words", "  ::error::x\n  ##[error]x"),
        ("regex", "  req.path matches r\"(##[error\""),
        ("number", "  req.method == ##[error]"),
        ("field", "  req.headers[\"##[error]\"] == \"::x\""),
    ] {
        write(&format!("signatures/{id}.yaml"), &hostile(id, when, "match"));
    }
    write("signatures/yaml.yaml", "edgesig: 1\n::error::key: \"##[error]\"\n##[error]x: [\n");
    write("signatures/::error::x ##[error]y.yaml", "##[error]");
    run(&["check"]);
    run(&["fmt"]);
    write(
        "edgesig.yaml",
        "edgesig: 1\n::error::x: ##[error]\n\"##[error]x\": 1\nblock: {body: \"##[error]\"}\nlists: {a: {type: ip, file: \"::error::\"}}\n",
    );
    run(&["check"]);
    assert!(run(&["check", "--deny", "##[error]x"]).contains("#\\u{23}[error]x"));
}
