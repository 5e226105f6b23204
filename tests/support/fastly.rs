//! Sets built for Fastly.

use edgesig::cli::workspace::Workspace;
use edgesig::codegen::{Layout, Options, TARGETS};
use edgesig::diagnostic::Diagnostics;
use edgesig::engine::falco::{as_on_fastly, service};
use edgesig::ir::{Mode, Rule, Ruleset, Selection, select};
use std::path::PathBuf;
use std::sync::Arc;

/// Paths and contents; the error is what is said, with the ways out.
pub fn try_files(set: &Ruleset, options: &Options) -> Result<Vec<(String, String)>, Vec<String>> {
    let target = TARGETS.iter().find(|target| target.name == "fastly").expect("there is the target");
    let mut found = Diagnostics::default();
    let artifacts = (target.emit)(&as_on_fastly(set), options, &mut found);
    if found.has_errors() {
        return Err(found
            .list
            .iter()
            .map(|diagnostic| format!("{} {:?}", diagnostic.message, diagnostic.help))
            .collect());
    }
    Ok(artifacts.into_iter().map(|artifact| (artifact.path, artifact.content)).collect())
}

/// The VCL of a whole service with the set in it.
pub fn whole(set: &Ruleset) -> String {
    let set = as_on_fastly(set);
    let files = try_files(&set, &Options::default()).expect("Fastly can express it");
    service(&files, "edgesig", &set.lists)
}

/// Reads a template of Terraform, as HCL's specification says; the error is what would be interpolated.
pub fn read_template(template: &str) -> Result<String, String> {
    let mut out = String::new();
    let mut rest = template;
    while let Some(first) = rest.chars().next() {
        if rest.starts_with("$${") || rest.starts_with("%%{") {
            out.push_str(&rest[1..3]);
            rest = &rest[3..];
            continue;
        }
        if rest.starts_with("${") || rest.starts_with("%{") {
            return Err(format!("interpolated: {rest:.40}"));
        }
        out.push(first);
        rest = &rest[first.len_utf8()..];
    }
    Ok(out)
}

/// The files of a set; the error is what Fastly cannot express.
pub fn build(ruleset: &Ruleset, layout: Layout) -> Result<Vec<(String, String)>, String> {
    let target = TARGETS.iter().find(|target| target.name == "fastly").expect("there is the target");
    let mut diagnostics = Diagnostics::default();
    let options = Options { layout, ..Options::default() };
    let artifacts = (target.emit)(ruleset, &options, &mut diagnostics);
    if diagnostics.has_errors() {
        return Err(diagnostics.list.iter().map(|diagnostic| format!("{}\n", diagnostic.message)).collect());
    }
    Ok(artifacts.into_iter().map(|artifact| (artifact.path, artifact.content)).collect())
}

/// Only the rules that Fastly can express.
pub fn expressible(ruleset: Ruleset) -> (Ruleset, Vec<String>) {
    let mut refused = Vec::new();
    let mut fits = |rule: &Arc<Rule>| {
        let alone = Ruleset { rules: vec![Arc::clone(rule)], ..ruleset.clone() };
        let result = build(&alone, Layout::Snippets);
        refused.extend(result.as_ref().err().cloned());
        result.is_ok()
    };
    let rules = ruleset.rules.iter().filter(|rule| fits(rule)).cloned().collect();
    (Ruleset { rules, ..ruleset }, refused)
}

/// The set of a folder, for Fastly, every rule in one mode.
pub fn project(folder: &str, mode: Mode) -> Ruleset {
    let paths = if folder.is_empty() { Vec::new() } else { vec![PathBuf::from(folder)] };
    let Ok(workspace) = Workspace::load(&paths) else { panic!("the signatures cannot be read") };
    let mut diagnostics = Diagnostics::default();
    let trees = edgesig::parse_signatures(&workspace.sources, &workspace.signatures, &mut diagnostics);
    let ruleset =
        edgesig::analyze(&workspace.sources, workspace.project.as_ref(), &trees, &workspace, &mut diagnostics);
    assert!(!diagnostics.has_errors(), "{diagnostics:?}");
    let selection = Selection { target: Some("fastly".to_owned()), mode: Some(mode), ..Selection::default() };
    let (ruleset, refused) = expressible(as_on_fastly(&select(&ruleset, &selection)));
    eprint!("{}", refused.concat());
    ruleset
}
