//! `check --fix` never changes the meaning: for every lint with a safe fix, and for generated signatures, the evaluator
//! says the same of generated requests before and after. Then the files: mode, line ends, links, what others change.

mod support;

use edgesig::diagnostic::{Diagnostics, Kind, fixes};
use edgesig::eval;
use edgesig::ir::Ruleset;
use edgesig::lint::{self, LINTS, Level, Levels, example};
use edgesig::request::Request;
use edgesig::semantic::Files;
use edgesig::source::{SourceId, SourceMap};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use support::rng::Rng;

struct NoFiles;

impl Files for NoFiles {
    fn read(&self, _base: SourceId, _path: &str) -> Result<Vec<u8>, String> {
        Err("there are no files here".to_owned())
    }
}

/// A set as it stands, and what the lints say of it.
fn check(files: &[(String, String)]) -> (SourceMap, Ruleset, Diagnostics, Diagnostics) {
    let mut sources = SourceMap::default();
    let ids: Vec<SourceId> = files.iter().map(|(name, text)| sources.add(name.as_str(), text.as_str())).collect();
    let mut diagnostics = Diagnostics::default();
    let project = edgesig::parse_project(&sources, ids.first().copied(), &mut diagnostics);
    let signatures = edgesig::parse_signatures(&sources, &ids[1..], &mut diagnostics);
    let ruleset = edgesig::analyze(&sources, project.as_ref(), &signatures, &NoFiles, &mut diagnostics);
    let mut levels = Levels::of_project(project.as_ref(), &mut diagnostics);
    for lint in LINTS.iter().filter(|lint| lint.level == Level::Allow) {
        levels.set(lint.id, Level::Warn).unwrap();
    }
    let found = lint::lint(&lint::Input {
        sources: &sources,
        project: project.as_ref(),
        signatures: &signatures,
        ruleset: &ruleset,
        levels: &levels,
        today: example::TODAY.parse().unwrap(),
        whole: true,
        only: None,
    });
    (sources, ruleset, diagnostics, found)
}

/// What every rule says of every request.
fn verdicts(ruleset: &Ruleset, requests: &[Request]) -> Vec<(String, Vec<bool>)> {
    let of_rule = |index: usize| requests.iter().map(|request| eval::matches(ruleset, index, request)).collect();
    ruleset.rules.iter().enumerate().map(|(index, rule)| (rule.id.clone(), of_rule(index))).collect()
}

/// Applies fixes until there are none; each round must keep every verdict. Gives the lints whose fixes were applied.
fn mend(mut files: Vec<(String, String)>, requests: &[Request]) -> BTreeSet<&'static str> {
    let mut applied = BTreeSet::new();
    for _ in 0..20 {
        let (sources, ruleset, errors, found) = check(&files);
        let safe = found.list.iter().filter(|diagnostic| matches!(diagnostic.code, Kind::Lint(_)));
        let changed = fixes::apply(&sources, safe.clone());
        if changed.is_empty() {
            return applied;
        }
        applied.extend(safe.filter(|found| found.fixes.iter().any(|fix| fix.safe)).map(|found| found.code.id()));
        let before = files.clone();
        for (id, text) in changed {
            files[id.0 as usize].1 = text;
        }
        let (_, after, errors_after, _) = check(&files);
        let count = |errors: &Diagnostics| errors.has_errors();
        assert_eq!(count(&errors), count(&errors_after), "{before:#?}\n{files:#?}\n{errors_after:#?}");
        for ((id, one), (_, other)) in verdicts(&ruleset, requests).iter().zip(&verdicts(&after, requests)) {
            let differs = one.iter().zip(other).position(|(one, other)| one != other);
            if let Some(at) = differs {
                panic!("{id} says something else of {:?}\n{before:#?}\n{files:#?}", requests[at]);
            }
        }
    }
    panic!("there is no end: {files:#?}");
}

fn of_example(text: &str) -> Vec<(String, String)> {
    let mut files = vec![("edgesig.yaml".to_owned(), example::PROJECT.to_owned())];
    for file in example::files(text) {
        match file.id {
            Some(id) => files.push((format!("{id}.yaml"), file.text)),
            None => files[0].1 = file.text,
        }
    }
    files
}

#[test]
fn safe_fixes_keep_the_meaning() {
    let mut with_a_fix = BTreeSet::new();
    for (number, lint) in LINTS.iter().enumerate() {
        let files = of_example(lint.example);
        let (_, ruleset, _, found) = check(&files);
        if found.list.iter().flat_map(|found| &found.fixes).all(|fix| !fix.safe) {
            continue;
        }
        let mut rng = Rng::new(number as u64);
        let steps = ruleset.rules.iter().flat_map(|rule| &rule.tests).flat_map(|test| &test.steps);
        let mut requests: Vec<Request> = steps.map(|step| step.request.clone()).collect();
        requests.extend((0..300).map(|_| support::requests::request(&mut rng)));
        with_a_fix.extend(mend(files, &requests));
    }
    let expected = [
        "bare-list-negation",
        "double-negation",
        "duplicate-element",
        "literal-pattern",
        "mixed-operators",
        "negated-negations",
        "overlapping-network",
        "redundant-clause",
        "redundant-element",
        "redundant-wildcard",
        "unused-capture",
    ];
    for id in expected {
        assert!(with_a_fix.contains(id), "{id} mended nothing");
    }
}

#[test]
fn fixes_of_generated_signatures_keep_the_meaning() {
    let mut applied = BTreeSet::new();
    for seed in 0..400 {
        let mut rng = Rng::new(seed);
        let text = support::written::signature(&mut rng, "a", seed % 2 == 0);
        let files = vec![("edgesig.yaml".to_owned(), example::PROJECT.to_owned()), ("a.yaml".to_owned(), text)];
        let requests: Vec<Request> = (0..60).map(|_| support::requests::request(&mut rng)).collect();
        applied.extend(mend(files, &requests));
    }
    assert!(applied.len() >= 7, "{applied:?}");
}

/// Requests that tell the related comparisons of [`support::written`] apart.
fn telling() -> Vec<Request> {
    let mut requests = Vec::new();
    for path in ["/", "/admin", "/admin/", "/admin/x", "/admin.php", "/x.php", "/xadmin", "/x/admin/x.php"] {
        for method in ["GET", "PUT", "PATCH"] {
            for query in ["", "?id=1", "?id=2", "?id=1&id=2"] {
                requests.push(Request {
                    method: method.as_bytes().to_vec(),
                    target: format!("{path}{query}").into_bytes(),
                    headers: vec![(b"Host".to_vec(), b"h".to_vec())],
                    ..Request::default()
                });
            }
        }
    }
    requests
}

#[test]
fn fixes_of_names_that_are_used_several_times_keep_the_meaning() {
    let requests = telling();
    let mut applied = BTreeSet::new();
    let mut valid = 0;
    for seed in 0..300 {
        let text = support::written::sharing(&mut Rng::new(seed), "a");
        let files = vec![("edgesig.yaml".to_owned(), example::PROJECT.to_owned()), ("a.yaml".to_owned(), text)];
        valid += usize::from(!check(&files).2.has_errors());
        applied.extend(mend(files, &requests));
    }
    assert!(valid > 280, "{valid} of 300 are valid");
    assert!(applied.contains("redundant-clause") && applied.len() >= 5, "{applied:?}");
}

/// A signature of these keys.
fn of_keys(keys: &str) -> Vec<(String, String)> {
    let text = format!(
        "edgesig: 1\nid: a\ntitle: An example\nseverity: high\n{keys}\ntests: [{{name: a, request: GET /, expect: no_match}}]\n"
    );
    vec![("edgesig.yaml".to_owned(), example::PROJECT.to_owned()), ("a.yaml".to_owned(), text)]
}

/// Mends a signature that has to compile, and compares these requests.
fn mend_keys(keys: &str, targets: &[&str]) -> BTreeSet<&'static str> {
    let request = |target: &&str| Request {
        target: target.as_bytes().to_vec(),
        headers: vec![(b"Host".to_vec(), b"h".to_vec())],
        ..Request::default()
    };
    let files = of_keys(keys);
    let errors = check(&files).2;
    assert!(!errors.has_errors(), "{keys}: {errors:?}");
    mend(files, &targets.iter().map(request).collect::<Vec<_>>())
}

#[test]
fn a_definition_is_not_cut_for_one_of_its_uses() {
    let targets = ["/", "/evil", "/evil/", "/evil/x", "/x"];
    for keys in [
        "let: {a: 'req.path == \"/evil/x\" or req.path == \"/evil\"'}\n\
         when: (req.path starts_with \"/evil/\" or a) and (a or req.host == \"other\")",
        "let: {a: 'req.path == \"/evil/x\" or req.path == \"/evil\"'}\n\
         when: req.path starts_with \"/evil/\" or a\nexcept: not a",
        "let: {a: 'req.path == \"/evil/x\" or req.path == \"/evil\"', b: 'req.path starts_with \"/evil/\" or a'}\n\
         when: b and a",
    ] {
        assert!(!mend_keys(keys, &targets).contains("redundant-clause"), "{keys}");
        let found = check(&of_keys(keys)).3;
        let found: Vec<_> = found.list.iter().filter(|found| found.code.id() == "redundant-clause").collect();
        assert!(!found.is_empty(), "it is still said: {keys}");
        assert!(found.iter().flat_map(|found| &found.fixes).all(|fix| !fix.safe), "{found:?}");
    }
    // What is cut beside the name is the use's own.
    let keys = "let: {a: 'req.path starts_with \"/evil\"'}\nwhen: a and req.path contains \"evil\" or req.path == \"/evil/x\" and a";
    mend_keys(keys, &targets);
}

#[test]
fn a_word_boundary_is_no_end_of_the_text() {
    let targets = ["/", "/;;", "/;;a", "/a;;", "/a;;b", "/<;;", "/;;;;", "/%3c;;b"];
    for pattern in [
        r"\b.*;;",
        r"\B.*;;",
        r"$.*;;",
        r"\z.*;;",
        r"\<.*;;",
        r";;.*\b",
        r";;.*\B",
        r";;.*^",
        r";;.*\>",
        r"\b{start}.*;;",
    ] {
        let applied = mend_keys(&format!("when: |\n  req.path matches r\"{pattern}\""), &targets);
        assert!(!applied.contains("redundant-wildcard"), "{pattern}");
    }
    for pattern in [".*;;", "^.*;;", r"\A.*?;;", r";;.*$", r";;.*\z"] {
        let applied = mend_keys(&format!("when: |\n  req.path matches r\"{pattern}\""), &targets);
        assert!(applied.contains("redundant-wildcard"), "{pattern}");
    }
}

#[test]
fn any_by_a_name_stays_any() {
    let targets = ["/", "/?q=1", "/?q=2", "/?q=1&q=2", "/?q=2&q=3"];
    for condition in [
        "not q != \"1\"",
        "not (q) != \"1\"",
        "not (any(req.args[\"q\"]) != \"1\")",
        "not (q != \"1\" and not req.path == \"/\")",
        "not q == \"1\"",
    ] {
        for word in ["any", "all"] {
            mend_keys(
                &format!("let: {{q: '{word}(req.args[\"q\"])'}}\nwhen: |\n  q == \"2\" or {condition}"),
                &targets,
            );
        }
    }
}

fn edgesig(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_edgesig"))
        .current_dir(folder)
        .args(arguments)
        .env("NO_COLOR", "1")
        .output()
        .unwrap()
}

const MIXED: &str = "edgesig: 1\nid: a\ntitle: An example\nseverity: high\nowner: me\nwhen: |\n  req.path == \"/a\" or req.path == \"/b\" and req.method == \"PUT\"\ntests:\n  - {name: a, request: GET /%61, expect: match}\n  - {name: b, request: PUT /b, expect: match}\n  - {name: c, request: GET /b, expect: no_match}\n";

fn repository() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("edgesig.yaml"), "edgesig: 1\n").unwrap();
    fs::create_dir(folder.path().join("signatures")).unwrap();
    folder
}

#[test]
fn line_ends_and_mode_stay() {
    use std::os::unix::fs::PermissionsExt;
    let folder = repository();
    let file = folder.path().join("signatures/a.yaml");
    fs::write(&file, MIXED.replace('\n', "\r\n")).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    let output = edgesig(folder.path(), &["check", "--fix", "--allow", "unowned-signature"]);
    let after = fs::read_to_string(&file).unwrap();
    assert!(after.contains("or (req.path == \"/b\" and req.method == \"PUT\")\r\n"), "{after} {output:?}");
    assert_eq!(after.matches('\n').count(), after.matches("\r\n").count());
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
    let names: Vec<_> =
        fs::read_dir(folder.path().join("signatures")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["a.yaml"], "nothing temporary is left");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
}

#[test]
fn what_a_link_leads_to_is_not_written() {
    let (folder, elsewhere) = (repository(), tempfile::tempdir().unwrap());
    let outside = elsewhere.path().join("a.yaml");
    fs::write(&outside, MIXED).unwrap();
    let link = folder.path().join("signatures/a.yaml");
    std::os::unix::fs::symlink(&outside, &link).unwrap();
    for command in
        [&["check", "--fix"][..], &["check", "--fix", "signatures/a.yaml"], &["fmt"], &["fmt", "signatures/a.yaml"]]
    {
        let output = edgesig(folder.path(), command);
        assert_eq!(output.status.code(), Some(3), "{command:?} {output:?}");
        assert_eq!(fs::read_to_string(&outside).unwrap(), MIXED, "{command:?}");
    }
}

#[test]
fn nothing_is_written_through_a_linked_folder() {
    use std::os::unix::fs::symlink;
    let (folder, elsewhere) = (repository(), tempfile::tempdir().unwrap());
    fs::create_dir(elsewhere.path().join("deep")).unwrap();
    let outside = elsewhere.path().join("deep/a.yaml");
    let beside = elsewhere.path().join("a.yaml");
    fs::write(folder.path().join("signatures/b.yaml"), MIXED.replace("id: a", "id: b")).unwrap();
    for file in [&outside, &beside] {
        fs::write(file, MIXED).unwrap();
    }
    symlink(elsewhere.path(), folder.path().join("linked")).unwrap();
    symlink(folder.path().join("signatures"), folder.path().join("own")).unwrap();
    let absolute = folder.path().join("linked/a.yaml").display().to_string();
    let beside_it = beside.display().to_string();
    for (paths, reason) in [
        (&["linked/a.yaml"][..], "`linked` is a link"),
        (&["linked/deep"], "`linked` is a link"),
        (&["linked/"], "`linked` is a link"),
        (&["linked/deep/../a.yaml"], "`linked` is a link"),
        (&["signatures/../linked/a.yaml"], "`signatures/../linked` is a link"),
        (&["own/b.yaml"], "`own` is a link"),
        (&[absolute.as_str()], "/linked` is a link"),
        (&["signatures", beside_it.as_str()], "is outside the project's folder"),
    ] {
        for command in [&["check", "--fix"][..], &["fmt"]] {
            let output = edgesig(folder.path(), &[command, paths].concat());
            let said = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(3), "{command:?} {paths:?} {output:?}");
            assert!(said.contains(reason), "{command:?} {paths:?} {said}");
        }
    }
    // The folder that is taken when nothing is named.
    fs::remove_file(folder.path().join("signatures/b.yaml")).unwrap();
    fs::remove_dir(folder.path().join("signatures")).unwrap();
    symlink(elsewhere.path(), folder.path().join("signatures")).unwrap();
    for command in [&["check", "--fix"][..], &["fmt"]] {
        let output = edgesig(folder.path(), command);
        assert_eq!(output.status.code(), Some(3), "{command:?} {output:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("outside the project's folder"), "{output:?}");
    }
    for file in [&outside, &beside] {
        assert_eq!(fs::read_to_string(file).unwrap(), MIXED);
    }
}

#[test]
fn a_lock_file_that_no_longer_fits_is_named() {
    let folder = repository();
    let twice = "req.path starts_with \"/a\" and req.path contains \"/a\"";
    let text = MIXED
        .replace("req.path == \"/a\" or req.path == \"/b\" and req.method == \"PUT\"", twice)
        .replace("PUT /b, expect: match", "PUT /b, expect: no_match")
        .replace("severity: high", "severity: high\nmode: monitor");
    for id in ["a", "b"] {
        fs::write(folder.path().join(format!("signatures/{id}.yaml")), text.replace("id: a", &format!("id: {id}")))
            .unwrap();
    }
    let without = "--fix would not touch this one";
    let other = folder.path().join("signatures/b.yaml");
    let whole = fs::read_to_string(&other).unwrap().replace(" and req.path contains \"/a\"", "");
    fs::write(&other, whole.replace("An example", without)).unwrap();
    let output = edgesig(folder.path(), &["check", "--update-lock"]);
    assert!(folder.path().join("edgesig.lock").is_file(), "{output:?}");
    let output = edgesig(folder.path(), &["check", "--fix"]);
    let said = String::from_utf8_lossy(&output.stderr);
    let line = "note: edgesig.lock has another hash of `a`: the condition is written differently now. \
                Raise `version`, then run `edgesig check --update-lock`";
    assert!(said.contains(line), "{said}");
    assert!(said.contains("1 file mended"), "{said}");
    let output = edgesig(folder.path(), &["check", "--fix"]);
    assert!(!String::from_utf8_lossy(&output.stderr).contains("has another hash"), "said once: {output:?}");
}

#[test]
fn a_document_stays_a_document() {
    let folder = repository();
    fs::write(folder.path().join("signatures/a.yaml"), MIXED).unwrap();
    let output = edgesig(folder.path(), &["check", "--fix", "--format", "json"]);
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(document.is_object());
    assert!(String::from_utf8_lossy(&output.stderr).contains("+  req.path == \"/a\" or (req.path == \"/b\""));
}
