//! The ready-made hooks, run as their hosts run them: the hook by pre-commit, the `run` steps of the action and of the
//! workflow that `init` writes by bash, the script of the GitLab job by sh. Each in a scratch repository.

mod support;

use serde_yaml::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn yaml(path: &Path) -> Value {
    serde_yaml::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// A command with the program under test in its path, and nothing of the machine's git settings.
fn command(program: impl AsRef<std::ffi::OsStr>, folder: &Path) -> Command {
    let binaries = Path::new(env!("CARGO_BIN_EXE_edgesig")).parent().unwrap();
    let mut command = Command::new(program);
    command
        .current_dir(folder)
        .env("PATH", format!("{}:{}", binaries.display(), std::env::var("PATH").unwrap()))
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_SYSTEM", "/dev/null")
        .env("NO_COLOR", "1");
    command
}

fn git(folder: &Path, arguments: &[&str]) -> String {
    let identity = ["-c", "user.name=Test", "-c", "user.email=test@example.com"];
    let output = command("git", folder).args(identity).args(arguments).output().unwrap();
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// What `edgesig init` writes, committed on `main`; HEAD is a branch.
fn repository(ci: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let output = command(env!("CARGO_BIN_EXE_edgesig"), folder.path()).arg("init").args(ci).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    git(folder.path(), &["init", "--quiet", "--initial-branch=main"]);
    git(folder.path(), &["add", "--all"]);
    git(folder.path(), &["commit", "--quiet", "--message", "init"]);
    git(folder.path(), &["checkout", "--quiet", "-b", "branch"]);
    folder
}

fn signature(repository: &Path) -> PathBuf {
    repository.join("signatures/example/example-git-folder.yaml")
}

/// Changes what the example means, and not its version.
fn break_signature(repository: &Path) {
    let path = signature(repository);
    let text = fs::read_to_string(&path).unwrap();
    fs::write(path, text.replace("HEAD|index", "HEAD|index|logs")).unwrap();
}

#[test]
fn pre_commit_runs_the_hooks() {
    let Some(tool) = support::installed("venv/bin/pre-commit", "scripts/install-pre-commit") else { return };
    let hooks = tempfile::tempdir().unwrap();
    fs::copy(root().join(".pre-commit-hooks.yaml"), hooks.path().join(".pre-commit-hooks.yaml")).unwrap();
    git(hooks.path(), &["init", "--quiet"]);
    git(hooks.path(), &["add", "--all"]);
    git(hooks.path(), &["commit", "--quiet", "--message", "hooks"]);
    let revision = git(hooks.path(), &["rev-parse", "HEAD"]);

    let scratch = repository(&[]);
    let home = tempfile::tempdir().unwrap();
    let pre_commit = |arguments: &[&str]| {
        command(&tool, scratch.path()).args(arguments).env("PRE_COMMIT_HOME", home.path()).output().unwrap()
    };
    let manifest = root().join(".pre-commit-hooks.yaml");
    let valid = pre_commit(&["validate-manifest", manifest.to_str().unwrap()]);
    assert!(valid.status.success(), "{}", said(&valid));
    fs::write(
        scratch.path().join(".pre-commit-config.yaml"),
        format!(
            "repos:\n  - repo: {}\n    rev: {revision}\n    hooks: [{{id: edgesig-fmt-system}}, {{id: \
             edgesig-check-system}}]\n",
            hooks.path().display()
        ),
    )
    .unwrap();
    // The example is written with comments in columns; the formatter has its own idea of them.
    let output = pre_commit(&["run", "edgesig-fmt-system", "--all-files"]);
    assert!(matches!(output.status.code(), Some(0 | 1)), "{}", said(&output));
    git(scratch.path(), &["add", "--all"]);
    git(scratch.path(), &["commit", "--quiet", "--message", "hooks"]);

    let clean = pre_commit(&["run", "--all-files"]);
    assert!(clean.status.success(), "{}", said(&clean));
    assert_eq!(said(&clean).matches("Passed").count(), 2, "{}", said(&clean));

    break_signature(scratch.path());
    git(scratch.path(), &["add", "--all"]);
    let broken = pre_commit(&["run"]);
    assert_eq!(broken.status.code(), Some(1));
    assert!(said(&broken).contains("error[changed-without-version]"), "{}", said(&broken));
    assert!(said(&broken).contains("exit code: 1"), "{}", said(&broken));
    git(scratch.path(), &["reset", "--quiet", "--hard"]);

    // pre-commit looks for no files among those that are gone.
    for gone in ["signatures/example/example-git-folder.yaml", "edgesig.lock"] {
        git(scratch.path(), &["rm", "--quiet", gone]);
        let lost = pre_commit(&["run"]);
        assert!(said(&lost).contains("exit code: ") || gone == "edgesig.lock", "{}", said(&lost));
        assert_eq!(said(&lost).matches("Skipped").count(), 1, "{}", said(&lost));
        git(scratch.path(), &["reset", "--quiet", "--hard"]);
    }

    // What is no signature starts the check only.
    fs::write(scratch.path().join("README.md"), "other\n").unwrap();
    git(scratch.path(), &["add", "--all"]);
    let skipped = pre_commit(&["run"]);
    assert_eq!(said(&skipped).matches("Skipped").count(), 1, "{}", said(&skipped));
    assert_eq!(said(&skipped).matches("Passed").count(), 1, "{}", said(&skipped));
}

/// Everything here but what is made, in another folder. In a work tree or a submodule `.git` is a file: with it the copy
/// would be one more work tree of the same repository.
fn copy_sources(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (name, target) = (entry.file_name(), to.join(entry.file_name()));
        if name == ".git" || (from == root() && name == "target") {
            continue;
        }
        if entry.file_type().unwrap().is_dir() {
            copy_sources(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// The hooks that build edgesig: pre-commit clones the repository, has cargo install it, and runs what came of it.
#[cfg(unix)]
#[test]
fn pre_commit_builds_the_hooks() {
    use std::os::unix::fs::PermissionsExt;
    let Some(tool) = support::installed("venv/bin/pre-commit", "scripts/install-pre-commit") else { return };
    let folder = tempfile::tempdir().unwrap();
    let hooks = folder.path().join("hooks");
    copy_sources(root(), &hooks);
    git(&hooks, &["init", "--quiet"]);
    assert!(hooks.join(".git").is_dir());
    git(&hooks, &["add", "--all"]);
    git(&hooks, &["commit", "--quiet", "--message", "hooks"]);
    let revision = git(&hooks, &["rev-parse", "HEAD"]);

    // pre-commit lets cargo take the newest dependencies that fit. Which these are is not what is tested, so they are those
    // of the lock file here; nor is how quick the program is, so it is built without optimisation and beside the other builds.
    let binaries = folder.path().join("bin");
    fs::create_dir(&binaries).unwrap();
    let (cargo, log) = (binaries.join("cargo"), folder.path().join("log"));
    let real = env!("CARGO");
    fs::write(
        &cargo,
        format!(
            "#!/bin/sh\necho \"$@\" >> '{}'\nif [ \"$1\" = install ]; then shift; exec '{real}' install --locked \"$@\"; \
             fi\nexec '{real}' \"$@\"\n",
            log.display()
        ),
    )
    .unwrap();
    fs::set_permissions(&cargo, fs::Permissions::from_mode(0o755)).unwrap();

    let scratch = repository(&[]);
    let home = folder.path().join("home");
    let pre_commit = |arguments: &[&str]| {
        command(&tool, scratch.path())
            .args(arguments)
            // Without the program under test, which would be found as well.
            .env("PATH", format!("{}:{}", binaries.display(), std::env::var("PATH").unwrap()))
            .env("PRE_COMMIT_HOME", &home)
            .env("CARGO_TARGET_DIR", root().join("target/hooks"))
            .env("CARGO_PROFILE_RELEASE_LTO", "off")
            .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0")
            .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16")
            .output()
            .unwrap()
    };
    fs::write(
        scratch.path().join(".pre-commit-config.yaml"),
        format!(
            "repos:\n  - repo: {}\n    rev: {revision}\n    hooks: [{{id: edgesig-fmt}}, {{id: edgesig-check}}]\n",
            hooks.display()
        ),
    )
    .unwrap();
    let installed = pre_commit(&["install-hooks"]);
    assert!(installed.status.success(), "{}", said(&installed));
    let asked = fs::read_to_string(&log).unwrap();
    let install: Vec<&str> = asked.lines().filter(|line| line.starts_with("install ")).collect();
    assert!(
        matches!(install.as_slice(), [line] if line.starts_with("install --bins --root ") && line.ends_with(" --path .")),
        "{asked}"
    );
    let built = fs::read_dir(&home).unwrap().map(|entry| entry.unwrap().path().join("rustenv-system/bin/edgesig"));
    assert_eq!(built.filter(|path| path.is_file()).count(), 1, "{}", said(&installed));

    // The example is written with comments in columns; the formatter has its own idea of them.
    let output = pre_commit(&["run", "edgesig-fmt", "--all-files"]);
    assert!(matches!(output.status.code(), Some(0 | 1)), "{}", said(&output));
    git(scratch.path(), &["add", "--all"]);
    git(scratch.path(), &["commit", "--quiet", "--message", "hooks"]);
    let clean = pre_commit(&["run", "--all-files"]);
    assert!(clean.status.success(), "{}", said(&clean));
    assert_eq!(said(&clean).matches("Passed").count(), 2, "{}", said(&clean));
    break_signature(scratch.path());
    git(scratch.path(), &["add", "--all"]);
    let broken = pre_commit(&["run"]);
    assert_eq!(broken.status.code(), Some(1));
    assert!(said(&broken).contains("error[changed-without-version]"), "{}", said(&broken));
    // It was built once.
    assert_eq!(fs::read_to_string(&log).unwrap().matches("install ").count(), 1);
}

/// The hooks that build edgesig differ from those that find it installed by that alone.
#[test]
fn both_kinds_of_hooks_are_the_same() {
    let hooks = yaml(&root().join(".pre-commit-hooks.yaml"));
    let field = |id: &str, key: &str| {
        let hook = hooks.as_sequence().unwrap().iter().find(|hook| hook["id"] == id).unwrap();
        hook[key].clone()
    };
    for id in ["edgesig-check", "edgesig-fmt"] {
        let system = format!("{id}-system");
        assert_eq!((field(id, "language"), field(&system, "language")), ("rust".into(), "system".into()));
        for key in ["name", "entry", "files", "always_run", "pass_filenames", "require_serial"] {
            assert_eq!(field(id, key), field(&system, key), "{key} of {id}");
        }
        // Without it a commit that only deletes files starts no hook.
        assert_eq!(field(id, "always_run") == Value::Bool(true), id == "edgesig-check");
    }
}

/// A `run` step with its environment, `${{ … }}` filled in.
struct Step {
    script: String,
    environment: BTreeMap<String, String>,
}

fn steps(list: &Value, values: &dyn Fn(&str) -> String) -> Vec<Step> {
    let steps = list.as_sequence().unwrap().iter().filter(|step| step.get("run").is_some());
    steps
        .map(|step| {
            let environment = step.get("env").and_then(Value::as_mapping);
            let pairs = environment.into_iter().flatten().map(|(name, value)| {
                let value = value.as_str().unwrap();
                let inner = value.strip_prefix("${{ ").and_then(|rest| rest.strip_suffix(" }}"));
                (name.as_str().unwrap().to_owned(), inner.map_or(value.to_owned(), values))
            });
            let script = step["run"].as_str().unwrap().to_owned();
            // A script that holds `${{ … }}` runs whatever a pull request puts there.
            assert!(!script.contains("${{"), "{script}");
            Step { script, environment: pairs.collect() }
        })
        .collect()
}

/// As GitHub runs `shell: bash`.
fn bash(step: &Step, folder: &Path, output: &Path) -> Output {
    command("bash", folder)
        .args(["--noprofile", "--norc", "-eo", "pipefail", "-c", &step.script])
        .envs(&step.environment)
        .env("GITHUB_OUTPUT", output)
        .output()
        .unwrap()
}

/// Runs the steps of the action; gives what the last one said, its exit code and the outputs.
fn action(folder: &Path, inputs: &[(&str, &str)]) -> (String, i32, String) {
    let action = yaml(&root().join("action.yml"));
    let value = |name: &str| match name.strip_prefix("inputs.") {
        Some(input) => {
            let given = inputs.iter().find(|(name, _)| *name == input).map(|(_, value)| (*value).to_owned());
            given.unwrap_or_else(|| action["inputs"][input]["default"].as_str().unwrap().to_owned())
        }
        None => {
            assert_eq!(name, "github.action_path");
            root().display().to_string()
        }
    };
    assert_eq!(action["runs"]["using"], "composite");
    let list = &action["runs"]["steps"];
    assert!(list.as_sequence().unwrap().iter().all(|step| step["shell"] == "bash"));
    let outputs = tempfile::NamedTempFile::new().unwrap();
    let steps = steps(list, &value);
    assert_eq!(steps.len(), 2);
    let install = bash(&steps[0], folder, outputs.path());
    assert!(install.status.success() && said(&install).starts_with("edgesig "), "{}", said(&install));
    let check = bash(&steps[1], folder, outputs.path());
    (said(&check), check.status.code().unwrap(), fs::read_to_string(outputs.path()).unwrap())
}

#[test]
fn the_action_annotates_and_writes_sarif() {
    let scratch = repository(&[]);
    let (text, code, outputs) = action(scratch.path(), &[]);
    assert_eq!((text.as_str(), code), ("1 signature\n", 0));
    let place = |name: &str| fs::canonicalize(scratch.path()).unwrap().join(name).display().to_string();
    assert_eq!(outputs, format!("sarif={}\nexit-code=0\n", place("edgesig.sarif")));
    assert!(fs::read_to_string(scratch.path().join("edgesig.sarif")).unwrap().contains("\"2.1.0\""));

    break_signature(scratch.path());
    let (text, code, outputs) = action(scratch.path(), &[("base", "main"), ("sarif", "a b.sarif")]);
    assert!(text.starts_with("::error file=signatures/example/example-git-folder.yaml,line="), "{text}");
    assert_eq!((code, outputs.as_str()), (1, &*format!("sarif={}\nexit-code=1\n", place("a b.sarif"))));
    assert!(fs::read_to_string(scratch.path().join("a b.sarif")).unwrap().contains("changed-without-version"));

    // Nothing to compare with; nothing for code scanning either.
    let (text, code, outputs) = action(scratch.path(), &[("base", "--output=x"), ("sarif", "")]);
    assert!(text.contains("git knows no commit `--output=x`"), "{text}");
    assert_eq!((code, outputs.as_str()), (3, "exit-code=3\n"));

    // A warning fails or does not.
    git(scratch.path(), &["checkout", "--quiet", "--", "signatures"]);
    let text = fs::read_to_string(signature(scratch.path())).unwrap().replace("example-git-folder", "second");
    fs::write(scratch.path().join("signatures/example/second.yaml"), text).unwrap();
    fs::remove_file(scratch.path().join("edgesig.lock")).unwrap();
    let (text, code, _) = action(scratch.path(), &[]);
    assert!(text.contains("::warning ") && !text.contains("::error "), "{text}");
    assert_eq!(code, 1);
    for (value, code) in [("false", 0), ("", 0), ("True", 1), ("yes", 1), ("1", 1)] {
        assert_eq!(action(scratch.path(), &[("deny-warnings", value)]).1, code, "{value}");
    }

    // A whole path is left as it is; a link of the checkout is replaced, and what it leads to stays.
    #[cfg(unix)]
    {
        let outside = tempfile::NamedTempFile::new().unwrap();
        std::os::unix::fs::symlink(outside.path(), scratch.path().join("link.sarif")).unwrap();
        let whole = place("link.sarif");
        let (_, _, outputs) = action(scratch.path(), &[("sarif", &whole)]);
        assert!(outputs.starts_with(&format!("sarif={whole}\n")), "{outputs}");
        assert_eq!(fs::read(outside.path()).unwrap(), b"");
        assert!(fs::symlink_metadata(&whole).unwrap().is_file());
    }
}

/// Where edgesig is not installed, it is built from the action's own folder.
#[test]
fn the_action_builds_edgesig_where_there_is_none() {
    let action = yaml(&root().join("action.yml"));
    let folder = tempfile::tempdir().unwrap();
    let source = fs::canonicalize(folder.path()).unwrap().join("the action's folder");
    fs::create_dir(&source).unwrap();
    let source = source.display().to_string();
    let step = &steps(&action["runs"]["steps"], &|_| source.clone())[0];
    let cargo = folder.path().join("cargo");
    fs::write(&cargo, "#!/bin/sh\nprintf '%s|' \"$PWD\" cargo \"$@\"\n").unwrap();
    #[cfg(unix)]
    fs::set_permissions(&cargo, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let output = Command::new("bash")
        .args(["-eo", "pipefail", "-c", &step.script])
        .env("PATH", format!("{}:/usr/bin:/bin", folder.path().display()))
        .envs(&step.environment)
        .output()
        .unwrap();
    // Not in the checkout, whose files say which cargo runs.
    assert_eq!(said(&output), format!("{source}|cargo|install|--locked|--path|{source}|"));
}

/// The script of the GitLab job, from the template and from what `init --ci gitlab` writes.
#[test]
fn the_gitlab_job_reports_and_fails() {
    let scratch = repository(&["--ci", "gitlab"]);
    for file in [root().join("ci/gitlab.yml"), scratch.path().join(".gitlab-ci.yml")] {
        let job = &yaml(&file)["edgesig"];
        let lines = job["script"].as_sequence().unwrap().iter().map(|line| line.as_str().unwrap());
        let script = lines.collect::<Vec<_>>().join("\n");
        assert_eq!(job["artifacts"]["reports"]["junit"], "edgesig-junit.xml");
        if let Some(install) = job["before_script"][0].as_str() {
            assert!(install.starts_with("(cd / && cargo install --locked --git "), "{install}");
        }
        let outside = tempfile::NamedTempFile::new().unwrap();
        #[cfg(unix)]
        {
            let _ = fs::remove_file(scratch.path().join("edgesig-junit.xml"));
            std::os::unix::fs::symlink(outside.path(), scratch.path().join("edgesig-junit.xml")).unwrap();
        }
        let run = |base: Option<&str>| {
            let mut command = command("sh", scratch.path());
            command.args(["-e", "-c", &script]);
            for (name, value) in job["variables"].as_mapping().unwrap() {
                command.env(name.as_str().unwrap(), value.as_str().unwrap());
            }
            if let Some(base) = base {
                command.env("CI_MERGE_REQUEST_DIFF_BASE_SHA", base);
            }
            let output = command.output().unwrap();
            let report = fs::read_to_string(scratch.path().join("edgesig-junit.xml")).unwrap();
            let document = roxmltree::Document::parse(&report).unwrap();
            let failures = document.root_element().attribute("failures").unwrap().to_owned();
            (said(&output), output.status.code().unwrap(), failures)
        };
        let (text, code, failures) = run(None);
        assert_eq!((text.as_str(), code, failures.as_str()), ("checked 1 signature, 3 tests passed\n", 0, "0"));
        assert_eq!(fs::read(outside.path()).unwrap(), b"", "the report went where a link of the checkout leads");
        break_signature(scratch.path());
        let main = git(scratch.path(), &["rev-parse", "main"]);
        let (text, code, failures) = run(Some(&main));
        assert!(text.contains("error[changed-without-version]"), "{text}");
        assert_eq!((code, failures.as_str()), (1, "1"));
        git(scratch.path(), &["checkout", "--quiet", "--", "."]);
    }
}

#[test]
fn the_workflow_of_init_checks() {
    let scratch = repository(&["--ci", "github"]);
    let workflow = yaml(&scratch.path().join(".github/workflows/edgesig.yml"));
    // Not in the checkout, whose files say which cargo runs.
    assert_eq!(workflow["jobs"]["check"]["steps"][1]["working-directory"], "${{ runner.temp }}");
    let run = |base: &str| {
        let steps = steps(&workflow["jobs"]["check"]["steps"], &|_| base.to_owned());
        assert!(steps[0].script.starts_with("cargo install --locked --git https://example.invalid/edgesig "));
        let output = bash(&steps[1], scratch.path(), Path::new("/dev/null"));
        (said(&output), output.status.code().unwrap())
    };
    assert_eq!(run(""), ("1 signature\n".to_owned(), 0));
    break_signature(scratch.path());
    let (text, code) = run(&git(scratch.path(), &["rev-parse", "main"]));
    assert!(text.starts_with("::error ") && code == 1, "{text}");
}
