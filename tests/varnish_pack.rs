//! The shipped signatures in the real varnishd: their own tests, and the whole set enforced on ordinary requests.

mod support;

use edgesig::cli::workspace::Workspace;
use edgesig::diagnostic::Diagnostics;
use edgesig::engine::{TestOutcome, compile, run_tests};
use edgesig::ir::{Mode, Ruleset, Selection, select};
use std::path::PathBuf;
use support::{build, has_varnishd};

/// The set of this repository, without complaints.
fn shipped() -> Ruleset {
    let (ruleset, diagnostics) = read(&[]);
    assert!(!diagnostics.has_errors(), "{diagnostics:?}");
    ruleset
}

fn read(paths: &[PathBuf]) -> (Ruleset, Diagnostics) {
    let Ok(workspace) = Workspace::load(paths) else { panic!("{paths:?} cannot be read") };
    let mut diagnostics = Diagnostics::default();
    let trees = edgesig::parse_signatures(&workspace.sources, &workspace.signatures, &mut diagnostics);
    let ruleset =
        edgesig::analyze(&workspace.sources, workspace.project.as_ref(), &trees, &workspace, &mut diagnostics);
    (ruleset, diagnostics)
}

fn selected(mode: Mode) -> Ruleset {
    let selection = Selection { target: Some("varnish".to_owned()), mode: Some(mode), ..Selection::default() };
    select(&shipped(), &selection)
}

#[test]
fn every_test_of_every_signature_agrees() {
    if !has_varnishd() {
        return;
    }
    let ruleset = selected(Mode::Monitor);
    let build =
        |ruleset: &Ruleset| build(ruleset).ok_or_else(|| "Varnish cannot express a shipped signature".to_owned());
    let (results, counters) = run_tests(&ruleset, &build, &mut |_| {}).unwrap_or_else(|error| panic!("{error}"));
    let mut complaints = Vec::new();
    let (mut passed, mut tolerated, mut skipped) = (0, 0, 0);
    for result in &results {
        let rule = &ruleset.rules[result.rule];
        let name = format!("{}: {}", rule.id, rule.tests[result.test].name);
        match &result.outcome {
            TestOutcome::Passed => passed += 1,
            TestOutcome::WithinTolerance => tolerated += 1,
            TestOutcome::Skipped(reason) => {
                eprintln!("skipped, {reason}: {name}");
                skipped += 1;
            }
            TestOutcome::Failed { step, seen } => complaints.push(format!("{name}, step {step}: {seen}")),
        }
    }
    eprintln!("{passed} tests agree, {tolerated} within the tolerance of a rate, {skipped} skipped");
    assert!(complaints.is_empty(), "{} differ:\n{}", complaints.len(), complaints.join("\n"));
    assert_eq!((counters.vcl_fail, counters.child_panic, counters.child_died), (0, 0, 0));
    assert!(passed > 100);
}

#[test]
fn every_compile_case_and_example_is_accepted() {
    if !has_varnishd() {
        return;
    }
    let entries = std::fs::read_dir("tests/cases/compile").expect("the cases");
    let mut cases: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    cases.retain(|path| path.is_dir() || path.extension().is_some_and(|extension| extension == "yaml"));
    cases.sort();
    let (mut accepted, mut inexpressible) = (0, Vec::new());
    for case in &cases {
        let selection = Selection { target: Some("varnish".to_owned()), ..Selection::default() };
        // A case that needs files from elsewhere lacks its tests here, or itself.
        let ruleset = select(&read(std::slice::from_ref(case)).0, &selection);
        let Some(vcl) = Some(&ruleset).filter(|ruleset| !ruleset.rules.is_empty()).and_then(build) else {
            inexpressible.push(case.display().to_string());
            continue;
        };
        if let Err(error) = compile(&vcl, "backend default none;\n") {
            panic!("{}: {error}", case.display());
        }
        accepted += 1;
    }
    eprintln!("{accepted} cases accepted; Varnish cannot express {}", inexpressible.join(", "));
    assert!(accepted > 10);
    for entry in walkdir::WalkDir::new("examples") {
        let path = entry.expect("an entry").into_path();
        if path.file_name().is_some_and(|name| name == "edgesig.vcl") {
            let vcl = std::fs::read_to_string(&path).expect("a file");
            compile(&vcl, "backend default none;\n").unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        }
    }
}
