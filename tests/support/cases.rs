//! The cases under `tests/cases/compile` and `tests/cases/errors`, read and checked.

use edgesig::diagnostic::Diagnostics;
use edgesig::ir;
use edgesig::semantic::Files;
use edgesig::source::{SourceId, SourceMap};
use std::path::{Path, PathBuf};

/// Reads files beside the case.
pub struct Beside(pub PathBuf);

impl Files for Beside {
    fn read(&self, _base: SourceId, path: &str) -> Result<Vec<u8>, String> {
        std::fs::read(self.0.join(path)).map_err(|_| "no such file".to_owned())
    }
}

/// What came of a case.
pub struct Checked {
    pub sources: SourceMap,
    pub diagnostics: Diagnostics,
    pub ruleset: ir::Ruleset,
}

pub fn cases() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases")
}

/// Every case of a folder, by name.
pub fn cases_of(folder: &str) -> Vec<(String, PathBuf)> {
    let mut found: Vec<(String, PathBuf)> = entries(&cases().join(folder))
        .into_iter()
        .filter(|path| path.is_dir() || path.extension().is_some_and(|extension| extension == "yaml"))
        .map(|path| (path.file_stem().unwrap().to_string_lossy().into_owned(), path))
        .collect();
    found.sort();
    found
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

pub fn check(case: &Path) -> Checked {
    let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
    let is_project = |path: &Path| name(path) == "edgesig.yaml" || name(path).starts_with("project-");
    let (mut files, beside) = if case.is_dir() {
        (entries(case), case.to_owned())
    } else if is_project(case) {
        (vec![case.to_owned()], case.parent().unwrap().to_owned())
    } else {
        (vec![cases().join("edgesig.yaml"), case.to_owned()], cases())
    };
    files.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    let mut sources = SourceMap::default();
    let (mut project, mut signatures) = (None, Vec::new());
    for path in &files {
        let id = sources.add(name(path), std::fs::read_to_string(path).unwrap());
        if is_project(path) { project = Some(id) } else { signatures.push(id) }
    }
    let mut diagnostics = Diagnostics::default();
    let project = edgesig::parse_project(&sources, project, &mut diagnostics);
    let signatures = edgesig::parse_signatures(&sources, &signatures, &mut diagnostics);
    let ruleset = edgesig::analyze(&sources, project.as_ref(), &signatures, &Beside(beside), &mut diagnostics);
    diagnostics.sort();
    Checked { sources, diagnostics, ruleset }
}
