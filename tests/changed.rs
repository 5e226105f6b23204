//! `check --changed` in scratch repositories: what a pull request touches, what that affects, and nothing else. Git is
//! the real one.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

const PROJECT: &str = "\
edgesig: 1
trusted_proxies: proxies
lists:
  proxies: {type: ip, file: lists/proxies.txt}
  agents: {type: i-string, file: lists/agents.txt}
lints: {unowned-signature: allow, distant-negative-test: allow, missing-encoded-test: allow,
  spoofable-only-block: allow}
";

/// A repository with a commit on `main`; HEAD is a branch that starts there.
struct Repository {
    folder: tempfile::TempDir,
}

impl Repository {
    fn new() -> Repository {
        let repository = Repository { folder: tempfile::tempdir().unwrap() };
        repository.git(&["init", "--quiet", "--initial-branch=main"]);
        repository.write("edgesig.yaml", PROJECT);
        repository.write("lists/proxies.txt", "10.0.0.0/8\n");
        repository.write("lists/agents.txt", "sqlmap\n");
        repository.write("signatures/agents.yaml", &signature("agents", r#"req.headers["user-agent"] in @agents"#));
        repository.write("signatures/trace.yaml", &signature("trace", r#"req.method == "TRACE""#));
        // What was wrong before is not the pull request's matter.
        repository.write("signatures/twice.yaml", &signature("twice", r#"not (req.method != "TWICE")"#));
        repository.write("signatures/untested.yaml", &without_tests(&signature("untested", r#"req.method == "PUT""#)));
        repository.commit("the base");
        repository.git(&["checkout", "--quiet", "-b", "branch"]);
        repository
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn git(&self, arguments: &[&str]) {
        git(self.path(), arguments);
    }

    fn commit(&self, message: &str) {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--message", message]);
    }

    /// What `check` says of the branch, without the numbers of lines: exit code, then each finding as `code path`.
    fn check(&self, arguments: &[&str]) -> String {
        let output =
            edgesig(self.path(), &[&["check", "--today", "2026-11-23", "--format", "json"], arguments].concat());
        assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
        let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let mut said = format!("{}\n", output.status.code().unwrap());
        for entry in document["diagnostics"].as_array().unwrap() {
            said.push_str(&format!("{} {}\n", entry["code"].as_str().unwrap(), entry["path"].as_str().unwrap()));
        }
        said
    }

    fn changed(&self) -> String {
        self.check(&["--changed", "--base", "main"])
    }

    /// A whole check has the findings of before, too.
    fn summary(&self) -> String {
        let output = edgesig(self.path(), &["check", "--today", "2026-11-23", "--changed", "--base", "main"]);
        String::from_utf8(output.stdout).unwrap()
    }
}

fn git(folder: &Path, arguments: &[&str]) {
    let output = Command::new("git")
        .args(["-c", "user.name=Test", "-c", "user.email=test@example.com", "-c", "protocol.file.allow=always"])
        .args(arguments)
        .current_dir(folder)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_SYSTEM", "/dev/null")
        .output()
        .unwrap();
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn edgesig(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_edgesig"))
        .args(arguments)
        .current_dir(folder)
        .env("NO_COLOR", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_SYSTEM", "/dev/null")
        // No repository above the scratch folder is found.
        .env("GIT_CEILING_DIRECTORIES", std::env::temp_dir())
        .output()
        .unwrap()
}

/// A signature of two requests: `TRACE` with a scanner's name matches what the conditions here look for.
fn signature(id: &str, when: &str) -> String {
    let method = when.split('"').find(|word| word.chars().all(|c| c.is_ascii_uppercase()) && !word.is_empty());
    format!(
        "edgesig: 1\nid: {id}\ntitle: The signature {id}\nseverity: high\nwhen: |\n  {when}\ntests:\n  - name: attack\n    \
         request: {{method: {}, url: /, headers: {{user-agent: sqlmap}}}}\n    expect: match\n  - {{name: near miss, \
         request: GET /, expect: no_match}}\n",
        method.unwrap_or("POST")
    )
}

fn without_tests(signature: &str) -> String {
    signature.split("tests:").next().unwrap().to_owned()
}

#[test]
fn nothing_changed_nothing_is_said() {
    let repository = Repository::new();
    assert_eq!(repository.changed(), "0\n");
    assert_eq!(repository.summary(), "checked 0 signatures of 4 against main, 0 tests passed\n");
    assert_eq!(
        repository.check(&[]),
        "1\ndouble-negation signatures/twice.yaml\nmissing-tests signatures/untested.yaml\n"
    );
}

/// Committed, staged, not even added: all the same. A renamed file is a new one.
#[test]
fn changed_added_and_renamed_files_are_reported() {
    let repository = Repository::new();
    repository.write("signatures/trace.yaml", &signature("trace", r#"not (req.method != "TRACE")"#));
    let findings = "0\ndouble-negation signatures/trace.yaml\n";
    assert_eq!(repository.changed(), findings);
    repository.git(&["add", "--all"]);
    assert_eq!(repository.changed(), findings);
    repository.commit("changed");
    assert_eq!(repository.changed(), findings);
    assert_eq!(repository.summary(), "checked 1 signature of 4 against main, 2 tests passed\n");
    repository.write("signatures/fresh.yaml", &without_tests(&signature("fresh", r#"req.method == "DEBUG""#)));
    assert_eq!(repository.changed(), "1\nmissing-tests signatures/fresh.yaml\ndouble-negation signatures/trace.yaml\n");
    fs::remove_file(repository.path().join("signatures/fresh.yaml")).unwrap();
    repository.git(&["mv", "signatures/twice.yaml", "signatures/renamed.yaml"]);
    let text = fs::read_to_string(repository.path().join("signatures/renamed.yaml")).unwrap();
    repository.write("signatures/renamed.yaml", &text.replace("twice", "renamed"));
    assert_eq!(
        repository.changed(),
        "0\ndouble-negation signatures/renamed.yaml\ndouble-negation signatures/trace.yaml\n"
    );
}

/// What the main branch got since is not the branch's doing.
#[test]
fn the_merge_base_counts() {
    let repository = Repository::new();
    repository.git(&["checkout", "--quiet", "main"]);
    repository.write("signatures/later.yaml", &without_tests(&signature("later", r#"req.method == "LATER""#)));
    repository.commit("later on main");
    repository.git(&["checkout", "--quiet", "branch"]);
    assert_eq!(repository.changed(), "0\n");
}

#[test]
fn lists_and_the_project_file_affect_what_reads_them() {
    let repository = Repository::new();
    // `sqlmap` is gone, so the test of the signature that reads the list fails.
    repository.write("lists/agents.txt", "nikto\n");
    assert_eq!(repository.changed(), "1\nfailing-test signatures/agents.yaml\n");
    repository.write("lists/agents.txt", "sqlmap\n");
    assert_eq!(repository.changed(), "0\n");
    // Who the client is, is everybody's matter; the project file too.
    let all = "1\ndouble-negation signatures/twice.yaml\nmissing-tests signatures/untested.yaml\n";
    repository.write("lists/proxies.txt", "192.0.2.0/24\n");
    assert_eq!(repository.changed(), all);
    repository.git(&["checkout", "--quiet", "--", "."]);
    repository.write("edgesig.yaml", &format!("{PROJECT}# a comment\n"));
    assert_eq!(repository.changed(), all);
    repository.git(&["checkout", "--quiet", "--", "."]);
    fs::remove_file(repository.path().join("lists/agents.txt")).unwrap();
    assert_eq!(repository.changed(), "2\ninvalid-list edgesig.yaml\n");
}

#[test]
fn requests_in_files_affect_their_signature() {
    let repository = Repository::new();
    let text = signature("file", r#"req.method == "FILED""#);
    let (head, _) = text.split_once("tests:").unwrap();
    repository.write(
        "signatures/file.yaml",
        &format!(
            "{head}tests:\n  - {{name: attack, request: {{file: requests/a.http}}, expect: match}}\n  - {{name: near \
             miss, request: GET /, expect: no_match}}\n"
        ),
    );
    repository.write("signatures/requests/a.http", "FILED / HTTP/1.1\r\nHost: a.example\r\n\r\n");
    repository.commit("a file");
    repository.git(&["branch", "--force", "main"]);
    assert_eq!(repository.changed(), "0\n");
    repository.write("signatures/requests/a.http", "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n");
    assert_eq!(repository.changed(), "1\nfailing-test signatures/file.yaml\n");
}

/// A new `allow`, and a new block in front, are reported though what they disable is not touched.
#[test]
fn what_a_new_signature_does_to_others_is_reported() {
    let repository = Repository::new();
    let critical = |id: &str, when: &str| signature(id, when).replace("severity: high", "severity: critical");
    repository.write("signatures/a-broad.yaml", &critical("a-broad", r#"req.method in ["TRACE", "TRACK"]"#));
    repository.git(&["checkout", "--quiet", "-b", "other"]);
    let said = repository.changed();
    assert!(said.lines().any(|line| line.ends_with("signatures/trace.yaml")), "{said}");
    assert!(!said.contains("twice"), "{said}");
    fs::remove_file(repository.path().join("signatures/a-broad.yaml")).unwrap();
    let enforced =
        signature("trace", r#"req.method == "TRACE""#).replace("severity: high", "severity: critical\nmode: enforce");
    repository.write("signatures/trace.yaml", &enforced);
    repository.commit("enforced");
    repository.git(&["branch", "--force", "main"]);
    let allow = signature("allow-trace", r#"req.method == "TRACE""#)
        .replace("tests:", "expires: 2027-01-01\nmode: enforce\nthen: allow\ntests:");
    repository.write("signatures/allow-trace.yaml", &allow);
    let said = repository.changed();
    assert!(said.contains("allow-disables-rule"), "{said}");
}

#[test]
fn a_deleted_signature_affects_who_names_it() {
    let repository = Repository::new();
    let allow = signature("allow-one", r#"req.method == "TRACE""#)
        .replace("tests:", "expires: 2027-01-01\nthen: 'allow(id: \"trace\")'\ntests:");
    repository.write("signatures/allow-one.yaml", &allow);
    assert_eq!(edgesig(repository.path(), &["check", "--today", "2026-11-23", "--update-lock"]).status.code(), Some(1));
    repository.commit("an allow, and a lock file");
    repository.git(&["branch", "--force", "main"]);
    assert_eq!(repository.changed(), "0\n");
    repository.git(&["rm", "--quiet", "signatures/trace.yaml"]);
    let said = repository.changed();
    assert!(said.starts_with("2\n") && said.contains("lost-signature edgesig.lock\n"), "{said}");
    assert!(said.contains(" signatures/allow-one.yaml\n") && !said.contains("twice"), "{said}");
}

/// Who changes a signature and its line of the lock file by hand is told what the base says.
#[test]
fn the_lock_file_of_the_base_counts() {
    let repository = Repository::new();
    edgesig(repository.path(), &["check", "--today", "2026-11-23", "--update-lock"]);
    repository.commit("a lock file");
    repository.git(&["branch", "--force", "main"]);
    repository.write("signatures/trace.yaml", &signature("trace", r#"req.method in ["TRACE", "TRACK"]"#));
    fs::remove_file(repository.path().join("edgesig.lock")).unwrap();
    edgesig(repository.path(), &["check", "--today", "2026-11-23", "--update-lock"]);
    let forged = repository.check(&[]);
    assert!(!forged.contains("changed-without-version"), "{forged}");
    let said = repository.changed();
    assert!(said.contains("changed-without-version signatures/trace.yaml\n"), "{said}");
    // A lost line and its file, too.
    repository.git(&["reset", "--quiet", "--hard", "main"]);
    fs::remove_file(repository.path().join("signatures/trace.yaml")).unwrap();
    fs::remove_file(repository.path().join("edgesig.lock")).unwrap();
    edgesig(repository.path(), &["check", "--today", "2026-11-23", "--update-lock"]);
    assert!(repository.changed().contains("lost-signature edgesig.lock\n"));
}

/// No pull request takes the lock file away, nor what it knows of retired signatures, nor by moving the project.
#[test]
fn the_lock_file_stays() {
    let repository = Repository::new();
    let update = || edgesig(repository.path(), &["check", "--today", "2026-11-23", "--update-lock"]);
    let trace = signature("trace", r#"req.method == "TRACE""#);
    repository.write("signatures/trace.yaml", &trace.replace("tests:", "mode: retired\ntests:"));
    update();
    repository.commit("a retired signature in the lock file");
    repository.git(&["branch", "--force", "main"]);
    repository.git(&["rm", "--quiet", "edgesig.lock"]);
    assert!(repository.changed().contains("invalid-lock edgesig.lock\n"));
    repository.git(&["reset", "--quiet", "--hard", "main"]);
    // Its file may go, its line may not.
    fs::remove_file(repository.path().join("signatures/trace.yaml")).unwrap();
    assert!(!repository.changed().contains("lock"));
    let lock = fs::read_to_string(repository.path().join("edgesig.lock")).unwrap();
    let without: String =
        lock.lines().filter(|line| !line.ends_with(" retired")).map(|line| format!("{line}\n")).collect();
    repository.write("edgesig.lock", &without);
    assert!(repository.changed().contains("invalid-lock edgesig.lock\n"));
    // Another hash on the line would free the id as well.
    let hash = lock.lines().find(|line| line.ends_with(" retired")).and_then(|line| line.split(' ').nth(2)).unwrap();
    repository.write("edgesig.lock", &lock.replace(hash, &"0".repeat(64)));
    assert!(repository.changed().contains("invalid-lock edgesig.lock\n"));
    repository.git(&["reset", "--quiet", "--hard", "main"]);
    // A project that moves takes its lock file along.
    repository.write("waf/edgesig.yaml", "edgesig: 1\n");
    repository.write("waf/signatures/other.yaml", &signature("other", r#"req.method == "ODD""#));
    repository.git(&["rm", "--quiet", "-r", "edgesig.lock", "edgesig.yaml", "signatures"]);
    let output =
        edgesig(&repository.path().join("waf"), &["check", "--changed", "--base", "main", "--today", "2026-11-23"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("edgesig.lock is gone"), "{said}");
}

/// Names are read between NULs, whatever is in them; from a folder below the top, too.
#[cfg(unix)]
#[test]
fn hostile_names_do_no_harm() {
    use std::os::unix::ffi::OsStrExt;
    let repository = Repository::new();
    let folder = repository.path().join("signatures/-a b\n$(touch x)\t\"é'");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("odd.yaml"), without_tests(&signature("odd", r#"req.method == "ODD""#))).unwrap();
    fs::write(repository.path().join(std::ffi::OsStr::from_bytes(b"lists/\xff\xfe.txt")), "").unwrap();
    fs::write(repository.path().join("--output=x"), "").unwrap();
    let said = repository.changed();
    assert!(said.starts_with("1\nmissing-tests signatures/-a b\n$(touch x)"), "{said}");
    repository.commit("odd");
    assert_eq!(repository.changed(), said);
    assert!(!repository.path().join("x").exists());
    // The project in a folder of its repository.
    let below = Repository::new();
    below.write("edge/edgesig.yaml", "edgesig: 1\n");
    below.write("edge/signatures/here.yaml", &without_tests(&signature("here", r#"req.method == "ODD""#)));
    let output = edgesig(
        &below.path().join("edge/signatures"),
        &["check", "--today", "2026-11-23", "--changed", "--base", "main", "--format", "github"],
    );
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("::error file=edge/signatures/here.yaml,"), "{said}");
    assert!(!said.contains("twice"), "{said}");
}

/// A project in a folder whose name is no UTF-8: its signatures, its lists and the lock file of its base.
#[cfg(target_os = "linux")]
#[test]
fn a_folder_may_have_any_name() {
    use std::os::unix::ffi::OsStrExt;
    let repository = Repository::new();
    let project = repository.path().join(std::ffi::OsStr::from_bytes(b"w\xff\n\"f"));
    fs::create_dir_all(project.join("signatures")).unwrap();
    let write = |name: &str, text: &str| fs::write(project.join(name), text).unwrap();
    write("edgesig.yaml", "edgesig: 1\nlists: {agents: {type: string, file: agents.txt}}\n");
    write("agents.txt", "sqlmap\n");
    write("signatures/agents.yaml", &signature("agents", r#"req.headers["user-agent"] in @agents"#));
    write("signatures/trace.yaml", &signature("trace", r#"req.method == "TRACE""#));
    assert!(edgesig(&project, &["check", "--today", "2026-11-23", "--update-lock"]).status.success());
    repository.commit("another project");
    repository.git(&["branch", "--force", "main"]);
    let check = || {
        let output = edgesig(
            &project,
            &["check", "--changed", "--base", "main", "--today", "2026-11-23", "--allow", "spoofable-only-block"],
        );
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        (said, output.status.code().unwrap())
    };
    assert_eq!(check().0, "checked 0 signatures of 2 against main, 0 tests passed\n");
    write("agents.txt", "nikto\n");
    let (said, code) = check();
    assert!(said.contains("error[failing-test]") && !said.contains("trace") && code == 1, "{said}");
    repository.git(&["checkout", "--quiet", "--", "."]);
    // A signature changes with its line.
    write("signatures/trace.yaml", &signature("trace", r#"req.method in ["TRACE", "TRACK"]"#));
    fs::remove_file(project.join("edgesig.lock")).unwrap();
    edgesig(&project, &["check", "--today", "2026-11-23", "--update-lock"]);
    let (said, code) = check();
    assert!(said.contains("error[changed-without-version]") && code == 1, "{said}");
}

/// Services of continuous integration check out a commit, not a branch.
#[test]
fn a_detached_head_is_a_branch_like_any_other() {
    let repository = Repository::new();
    repository.write("signatures/trace.yaml", &signature("trace", r#"not (req.method != "TRACE")"#));
    repository.commit("changed");
    repository.git(&["checkout", "--quiet", "--detach"]);
    assert_eq!(repository.changed(), "0\ndouble-negation signatures/trace.yaml\n");
    // On the base itself nothing differs.
    repository.git(&["checkout", "--quiet", "--detach", "main"]);
    assert_eq!(repository.changed(), "0\n");
    assert_eq!(repository.check(&["--changed", "--base", "HEAD"]), "0\n");
}

/// A list that moves takes the project file along; what read it is still read, and who forgot it is told.
#[test]
fn renamed_and_deleted_files_that_are_read() {
    let repository = Repository::new();
    repository.git(&["mv", "lists/agents.txt", "lists/scanners.txt"]);
    assert_eq!(repository.changed(), "2\ninvalid-list edgesig.yaml\n");
    repository.write("edgesig.yaml", &PROJECT.replace("lists/agents.txt", "lists/scanners.txt"));
    let everything = "1\ndouble-negation signatures/twice.yaml\nmissing-tests signatures/untested.yaml\n";
    assert_eq!(repository.changed(), everything);
    // The list goes, its reader stays.
    let without: Vec<&str> = PROJECT.lines().filter(|line| !line.contains("agents.txt")).collect();
    repository.write("edgesig.yaml", &(without.join("\n") + "\n"));
    repository.git(&["rm", "--quiet", "--cached", "lists/scanners.txt"]);
    let said = repository.changed();
    assert!(said.starts_with("2\nunknown-list signatures/agents.yaml\n"), "{said}");
    // A project file that goes leaves its lists and levels behind.
    repository.git(&["reset", "--quiet", "--hard", "main"]);
    repository.git(&["rm", "--quiet", "edgesig.yaml"]);
    let said = repository.changed();
    assert!(said.contains("unknown-list signatures/agents.yaml\n") && said.contains("twice"), "{said}");
}

/// Everything that can be missing is said in a sentence, with the way out, and exit code 3.
#[test]
fn what_git_cannot_tell() {
    let said = |folder: &Path, arguments: &[&str]| {
        let output = edgesig(folder, &[&["check", "--changed"], arguments].concat());
        let folder = fs::canonicalize(folder).unwrap();
        let text = String::from_utf8(output.stderr).unwrap().replace(&folder.display().to_string(), "<folder>");
        format!("{text}-- exit code {}\n", output.status.code().unwrap())
    };
    let mut all = String::new();
    let mut note = |what: &str, text: String| all.push_str(&format!("== {what}\n{text}\n"));

    let plain = tempfile::tempdir().unwrap();
    fs::create_dir(plain.path().join("signatures")).unwrap();
    fs::write(plain.path().join("signatures/a.yaml"), signature("a", r#"req.method == "A""#)).unwrap();
    note("no repository", said(plain.path(), &[]));
    git(plain.path(), &["init", "--quiet"]);
    note("no commit", said(plain.path(), &["--base", "HEAD"]));

    let repository = Repository::new();
    note("no origin", said(repository.path(), &[]));
    note("no such branch", said(repository.path(), &["--base", "elsewhere"]));
    note("an option as a branch", said(repository.path(), &["--base=--help"]));
    note("an option that runs a program", said(repository.path(), &["--base=--upload-pack=touch ran"]));
    assert!(!repository.path().join("ran").exists());
    note("no base without --changed", {
        let output = edgesig(repository.path(), &["check", "--base", "main"]);
        format!("{}-- exit code {}\n", String::from_utf8_lossy(&output.stderr), output.status.code().unwrap())
    });
    repository.git(&["checkout", "--quiet", "--orphan", "alone"]);
    repository.commit("alone");
    note("no common commit", said(repository.path(), &["--base", "main"]));

    // A clone without history, in which the base was fetched without its history, too.
    let origin = Repository::new();
    origin.git(&["checkout", "--quiet", "main"]);
    origin.write("signatures/later.yaml", &signature("later", r#"req.method == "LATER""#));
    origin.commit("later");
    origin.git(&["checkout", "--quiet", "branch"]);
    origin.write("signatures/mine.yaml", &signature("mine", r#"req.method == "MINE""#));
    origin.commit("mine");
    let clones = tempfile::tempdir().unwrap();
    let url = format!("file://{}", origin.path().display());
    git(clones.path(), &["clone", "--quiet", "--depth=1", "--branch=branch", "--no-single-branch", &url, "shallow"]);
    note("a shallow clone", said(&clones.path().join("shallow"), &["--base", "origin/main"]));
    insta::assert_snapshot!("what_git_cannot_tell", all);

    // With the history, and `origin/HEAD` as the base.
    origin.git(&["checkout", "--quiet", "main"]);
    git(clones.path(), &["clone", "--quiet", &url, "deep"]);
    let deep = clones.path().join("deep");
    git(&deep, &["checkout", "--quiet", "branch"]);
    let output = edgesig(&deep, &["check", "--today", "2026-11-23", "--changed"]);
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        "checked 1 signature of 5 against origin/HEAD, 2 tests passed\n"
    );
}

/// A signature that is small enough for Fastly, of which 17 are not.
fn long_signature(number: usize) -> String {
    let texts: Vec<String> = (0..65).map(|text| format!(r#""{number:02}-{text:02}-{}""#, "n".repeat(900))).collect();
    signature(
        &format!("long-{number:02}"),
        &format!(r#"req.method == "POST" or req.url.raw contains [{}]"#, texts.join(", ")),
    )
}

/// What only all signatures together violate is shown at one that nobody touched.
#[test]
fn a_set_that_is_too_large_is_reported() {
    let repository = Repository::new();
    repository.write("edgesig.yaml", &format!("{PROJECT}targets: {{fastly: {{}}}}\n"));
    (0..15).for_each(|number| {
        repository.write(&format!("signatures/long-{number:02}.yaml"), &long_signature(number));
    });
    repository.commit("fifteen");
    repository.git(&["branch", "--force", "main"]);
    repository.write("signatures/trace.yaml", &signature("trace", r#"req.method in ["TRACE", "TRACK"]"#));
    assert!(!repository.changed().contains("unsupported"), "{}", repository.changed());
    for number in [15, 16] {
        repository.write(&format!("signatures/long-{number:02}.yaml"), &long_signature(number));
    }
    let said = |arguments: &[&str]| {
        let output = edgesig(repository.path(), &[&["check", "--today", "2026-11-23"], arguments].concat());
        assert_eq!(output.status.code(), Some(2));
        let text = String::from_utf8(output.stderr).unwrap();
        let refused: Vec<String> =
            text.lines().filter(|line| line.contains("unsupported")).map(str::to_owned).collect();
        refused
    };
    let refused = said(&["--changed", "--base", "main"]);
    assert_eq!(refused.len(), 1, "{refused:?}");
    assert!(refused[0].contains("the VCL of 21 signatures has 1"), "{refused:?}");
    assert_eq!(refused, said(&[]));
    // Who touches no signature adds nothing to it.
    repository.commit("too many");
    repository.git(&["branch", "--force", "main"]);
    assert_eq!(repository.changed(), "0\n");
}

#[cfg(unix)]
fn link(repository: &Repository, target: &str, name: &str) {
    let name = repository.path().join(name);
    let _ = fs::remove_file(&name);
    std::os::unix::fs::symlink(target, name).unwrap();
}

/// The file behind a link is the one that is read, and so are the files behind a link to a folder.
#[cfg(unix)]
#[test]
fn links_lead_to_what_is_read() {
    let everything = "1\ndouble-negation signatures/twice.yaml\nmissing-tests signatures/untested.yaml\n";
    let repository = Repository::new();
    let base = || {
        repository.commit("moved");
        repository.git(&["branch", "--force", "main"]);
        assert_eq!(repository.changed(), "0\n");
    };
    // The project file.
    fs::remove_file(repository.path().join("edgesig.yaml")).unwrap();
    repository.write("conf/real.yaml", PROJECT);
    link(&repository, "conf/real.yaml", "edgesig.yaml");
    base();
    repository.write("conf/real.yaml", &format!("{PROJECT}# a comment\n"));
    assert_eq!(repository.changed(), everything);
    repository.git(&["checkout", "--quiet", "--", "."]);
    // A link to lists, by way of another. What is touched is that of the list alone.
    fs::rename(repository.path().join("lists"), repository.path().join("lists-1")).unwrap();
    repository.write("lists-2/agents.txt", "nikto\n");
    link(&repository, "../lists-1/proxies.txt", "lists-2/proxies.txt");
    link(&repository, "lists-1", "current");
    link(&repository, "current", "lists");
    repository.write("docs/a.txt", "");
    link(&repository, "docs", "manual");
    base();
    link(&repository, "lists-2", "current");
    let said = repository.changed();
    // Whom the proxies are is everybody's matter.
    assert!(said.starts_with("1\nfailing-test signatures/agents.yaml\n") && said.contains("twice"), "{said}");
    link(&repository, "lists-1", "current");
    // A link that no signature is read by.
    link(&repository, "lists-1", "manual");
    assert_eq!(repository.changed(), "0\n");
    repository.git(&["checkout", "--quiet", "--", "."]);
    // A link to signatures; what was behind it is unknown.
    fs::rename(repository.path().join("signatures"), repository.path().join("set-1")).unwrap();
    link(&repository, "set-1", "signatures");
    for (name, condition) in [("twice", r#"not (req.method != "TWICE")"#), ("agents", r#"req.method == "A""#)] {
        repository.write(&format!("set-2/{name}.yaml"), &signature(name, condition));
    }
    base();
    link(&repository, "set-2", "signatures");
    let moved = "0\ndouble-negation set-2/twice.yaml\n";
    assert_eq!(repository.changed(), moved);
    repository.commit("retargeted");
    assert_eq!(repository.changed(), moved);
    // A link among signatures.
    repository.git(&["branch", "--force", "main"]);
    assert_eq!(repository.changed(), "0\n");
    repository.write("more/odd.yaml", &without_tests(&signature("odd", r#"req.method == "ODD""#)));
    base_with(&repository, "more");
    link(&repository, "../more", "set-2/more");
    let with_more = "1\nmissing-tests more/odd.yaml\ndouble-negation set-2/twice.yaml\n";
    assert_eq!(repository.changed(), with_more);
    repository.commit("linked");
    repository.git(&["branch", "--force", "main"]);
    fs::remove_file(repository.path().join("set-2/more")).unwrap();
    assert_eq!(repository.changed(), moved);
    // A link that turns back on itself is an error of the project file, not an endless search.
    link(&repository, "lists", "current");
    assert!(repository.changed().starts_with("2\n"), "{}", repository.changed());
}

#[cfg(unix)]
fn base_with(repository: &Repository, what: &str) {
    repository.commit(what);
    repository.git(&["branch", "--force", "main"]);
}

/// Signatures of another repository, at the commit that this one says.
#[test]
fn a_submodule_that_moves_is_a_change_of_its_files() {
    let shared = Repository::new();
    let repository = Repository::new();
    repository.git(&["rm", "--quiet", "-r", "signatures"]);
    repository.git(&["submodule", "--quiet", "add", &shared.path().display().to_string(), "shared"]);
    let project = format!("{PROJECT}signatures: [shared/signatures]\n");
    repository.write("edgesig.yaml", &project);
    repository.commit("a submodule");
    repository.git(&["branch", "--force", "main"]);
    assert_eq!(repository.changed(), "0\n");
    let submodule = repository.path().join("shared");
    fs::write(submodule.join("signatures/trace.yaml"), signature("trace", r#"req.method in ["TRACE", "T"]"#)).unwrap();
    // Not committed there, so nothing that a commit here could contain.
    assert_eq!(repository.changed(), "0\n");
    git(&submodule, &["commit", "--quiet", "--all", "--message", "a change"]);
    let everything = "1\ndouble-negation shared/signatures/twice.yaml\nmissing-tests shared/signatures/untested.yaml\n";
    assert_eq!(repository.changed(), everything);
    repository.commit("bumped");
    assert_eq!(repository.changed(), everything);
}
