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
fn a_document_stays_a_document() {
    let folder = repository();
    fs::write(folder.path().join("signatures/a.yaml"), MIXED).unwrap();
    let output = edgesig(folder.path(), &["check", "--fix", "--format", "json"]);
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(document.is_object());
    assert!(String::from_utf8_lossy(&output.stderr).contains("+  req.path == \"/a\" or (req.path == \"/b\""));
}
