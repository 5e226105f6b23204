//! The shipped signatures in the real varnishd: their own tests, and the whole set enforced on ordinary requests.

mod support;

use edgesig::cli::workspace::Workspace;
use edgesig::diagnostic::Diagnostics;
use edgesig::engine::{TestOutcome, run_tests};
use edgesig::ir::{Mode, Ruleset, Selection, select};
use support::{build, has_varnishd};

/// The set of this repository, without complaints.
fn shipped() -> Ruleset {
    let Ok(workspace) = Workspace::load(&[]) else { panic!("the shipped signatures cannot be read") };
    let mut diagnostics = Diagnostics::default();
    let trees = edgesig::parse_signatures(&workspace.sources, &workspace.signatures, &mut diagnostics);
    let ruleset =
        edgesig::analyze(&workspace.sources, workspace.project.as_ref(), &trees, &workspace, &mut diagnostics);
    assert!(!diagnostics.has_errors(), "{diagnostics:?}");
    ruleset
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
