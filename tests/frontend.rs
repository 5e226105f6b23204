//! The front end on files: what it says about every broken file under `cases/errors`, that it reads every signature
//! of the tree without a word, and that hostile input costs neither a panic nor time.

use std::path::{Path, PathBuf};

use edgesig::cli::render;
use edgesig::diagnostic::Diagnostics;
use edgesig::source::SourceMap;
use edgesig::syntax;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// YAML files under a folder, in order.
fn yaml_files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = walkdir::WalkDir::new(folder)
        .into_iter()
        .filter_map(Result::ok)
        .map(walkdir::DirEntry::into_path)
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .collect();
    files.sort();
    files
}

/// Reads a file as what its name says it is, and checks it as far as it can be read.
fn read(name: &str, text: &str) -> (SourceMap, Diagnostics) {
    let mut sources = SourceMap::default();
    let source = sources.add(name, text);
    let mut diagnostics = Diagnostics::default();
    let (project, signatures) = if name.ends_with("edgesig.yaml") || name.starts_with("project-") {
        (syntax::parse_project(&sources, source, &mut diagnostics), Vec::new())
    } else {
        (None, syntax::parse_signature(&sources, source, &mut diagnostics).into_iter().collect())
    };
    edgesig::analyze(&sources, project.as_ref(), &signatures, &NoFiles, &mut diagnostics);
    diagnostics.sort();
    (sources, diagnostics)
}

struct NoFiles;

impl edgesig::semantic::Files for NoFiles {
    fn read(&self, _: edgesig::source::SourceId, path: &str) -> Result<Vec<u8>, String> {
        Err(format!("no file `{path}` here"))
    }
}

/// A file's text and its name without folders.
fn load(path: &Path) -> (String, String) {
    let name = path.file_name().unwrap().to_string_lossy().into_owned();
    (name, std::fs::read_to_string(path).unwrap())
}

/// Every case must say something, and what it says is the golden.
#[test]
fn errors() {
    for path in yaml_files(&root().join("tests/cases/errors")) {
        let (name, text) = load(&path);
        let (sources, diagnostics) = read(&name, &text);
        assert!(!diagnostics.list.is_empty(), "{name} has no error");
        insta::with_settings!({
            snapshot_path => root().join("tests/cases/errors"),
            prepend_module_to_snapshot => false,
            omit_expression => true,
        }, {
            insta::assert_snapshot!(name.trim_end_matches(".yaml"), render::plain(&sources, &diagnostics));
        });
    }
}
