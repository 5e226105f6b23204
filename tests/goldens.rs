//! Golden tests of the front half of the compiler: each case under `cases/compile` with the IR it becomes, each under
//! `cases/errors` with everything that is said about it.
//!
//! A case is a file (a signature, checked beside `cases/edgesig.yaml`; `project-….yaml` is a project file of its own)
//! or a folder (its `edgesig.yaml` and its signatures). A new case is a new file: `INSTA_UPDATE=always cargo test
//! --test goldens` writes what is expected of it. Cases of an error start with its code.

mod support;

use edgesig::cli::render;
use edgesig::codegen::{Format, Options, TARGETS, Target};
use edgesig::diagnostic::{Code, Diagnostics, Severity};
use edgesig::engine::falco;
use edgesig::ir;
use edgesig::source::SourceId;
use std::collections::BTreeSet;
use std::path::Path;
use support::cases::{cases, cases_of, check};

fn settings(folder: &str) -> insta::Settings {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(cases().join(folder));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings
}

#[test]
fn compile_cases() {
    for (name, path) in cases_of("compile") {
        let checked = check(&path);
        assert!(!checked.diagnostics.has_errors(), "{}", render::plain(&checked.sources, &checked.diagnostics));
        let mut text = ir::display(&checked.ruleset);
        if !path.is_dir() {
            // The shared project is the same in every case.
            text = text.split_once("\n\n").map_or(text.clone(), |(_, rules)| rules.to_owned());
        }
        settings("compile").bind(|| insta::assert_snapshot!(name, text));
    }
}

/// Each compile case as VCL for each target, or what the target cannot express of it. What a build notes stands before.
#[test]
fn target_cases() {
    for (name, path) in cases_of("compile") {
        for target in TARGETS {
            let built = build(&path, target, Format::Vcl);
            let mut text = built.said;
            if let Some(files) = built.files {
                text.extend(main(&files));
            }
            settings("compile").bind(|| insta::assert_snapshot!(format!("{name}.{}", target.name), text));
        }
    }
}

#[test]
fn varnishd_accepts_the_goldens() {
    if !support::has_varnishd() {
        return;
    }
    let varnish = TARGETS.iter().find(|target| target.name == "varnish").unwrap();
    for (name, path) in cases_of("compile") {
        if let Some(files) = build(&path, varnish, Format::Vcl).files
            && let Err(error) = edgesig::engine::compile(&main(&files).unwrap(), "backend none none;\n")
        {
            panic!("{name}: {error}");
        }
    }
}

/// As the VCL of a service, and as snippets in the places that Terraform plans.
#[test]
fn falco_accepts_the_goldens() {
    let Some(falco) = support::falco() else { return };
    let fastly = TARGETS.iter().find(|target| target.name == "fastly").unwrap();
    for (name, path) in cases_of("compile") {
        let built = build(&path, fastly, Format::Vcl);
        let Some(files) = built.files else { continue };
        let vcl = falco::service(&files, &built.ruleset.settings.prefix, &built.ruleset.lists);
        let lint = falco.lint(&vcl).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(lint.is_clean(), "{name}: {lint:?}");
        let plan = build(&path, fastly, Format::Plan).files.unwrap().remove(0).1;
        let lint = falco.lint_plan(&plan).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(lint.is_clean(), "{name}, planned: {lint:?}");
    }
}

/// What a target made of a case.
struct Built {
    ruleset: ir::Ruleset,
    /// What was said about it, rendered.
    said: String,
    /// Paths and contents, unless there was an error.
    files: Option<Vec<(String, String)>>,
}

fn main(files: &[(String, String)]) -> Option<String> {
    files.iter().find(|(path, _)| path.ends_with(".vcl")).map(|(_, content)| content.clone())
}

fn build(case: &Path, target: &Target, format: Format) -> Built {
    let checked = check(case);
    let selection = ir::Selection { target: Some(target.name.to_owned()), ..ir::Selection::default() };
    let ruleset = ir::select(&checked.ruleset, &selection);
    let mut diagnostics = Diagnostics::default();
    let artifacts = (target.emit)(&ruleset, &Options { format, ..Options::default() }, &mut diagnostics);
    diagnostics.sort();
    let said = render::plain(&checked.sources, &diagnostics);
    let files = artifacts.into_iter().map(|artifact| (artifact.path, artifact.content)).collect();
    Built { ruleset, said, files: (!diagnostics.has_errors()).then_some(files) }
}

#[test]
fn error_cases() {
    let mut said = BTreeSet::new();
    for (name, path) in cases_of("errors") {
        let checked = check(&path);
        let text = render::plain(&checked.sources, &checked.diagnostics);
        settings("errors").bind(|| insta::assert_snapshot!(name.clone(), text));
        assert!(!checked.diagnostics.list.is_empty(), "nothing is said about {name}");
        said.extend(checked.diagnostics.list.iter().map(|diagnostic| diagnostic.code.id()));
        // What has an error is not compiled.
        let errors = checked.diagnostics.list.iter().filter(|diagnostic| diagnostic.severity == Severity::Error);
        let broken: BTreeSet<SourceId> = errors.map(|diagnostic| diagnostic.primary.span.source).collect();
        let compiled = checked.ruleset.rules.iter().find(|rule| broken.contains(&rule.span.source));
        assert!(compiled.is_none(), "{name} is compiled");
    }
    let unsaid: Vec<&str> = Code::ALL
        .iter()
        .filter(|code| !ELSEWHERE.contains(code) && !said.contains(code.id()))
        .map(|code| code.id())
        .collect();
    assert!(unsaid.is_empty(), "codes without a case under tests/cases/errors: {}", unsaid.join(", "));
}

/// Codes of the layers behind: they have their cases there.
const ELSEWHERE: [Code; 16] = [
    Code::UnsupportedOnTarget,
    Code::TargetDeviation,
    Code::RateError,
    Code::MissingTests,
    Code::FailingTest,
    Code::Expired,
    Code::InvalidSuppression,
    Code::ExpiredSuppression,
    Code::UnusedSuppression,
    Code::PolicyViolation,
    Code::ChangedWithoutVersion,
    Code::LowerVersion,
    Code::ReusedId,
    Code::LostSignature,
    Code::StaleLock,
    Code::InvalidLock,
];

/// Codes that only a repository has, with its files and its day, are in a case of `cases/cli`.
#[test]
fn codes_of_check_are_in_a_case_of_the_command_line() {
    let cli = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots");
    let said: String = ["cli", "."]
        .iter()
        .flat_map(|folder| std::fs::read_dir(cli.join(folder)).unwrap())
        .map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap_or_default())
        .collect();
    let of_targets = [Code::UnsupportedOnTarget, Code::TargetDeviation, Code::RateError];
    for code in ELSEWHERE.iter().filter(|code| !of_targets.contains(code)) {
        assert!(said.contains(&format!("[{}]", code.id())), "no case says {}", code.id());
    }
}
