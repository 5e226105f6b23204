//! The repository against itself: which module may use which, and generated pages against their files.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Who may use whom, as docs/architecture.md says: the words in backticks of its table.
fn table() -> BTreeMap<String, Vec<String>> {
    let page = fs::read_to_string(root().join("docs/architecture.md")).unwrap();
    let rows =
        page.split("| module | may use |\n").nth(1).unwrap().lines().skip(1).take_while(|row| row.starts_with('|'));
    let words = |cell: &str| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
    let mut table = BTreeMap::new();
    for row in rows.filter(|row| !row.contains("everything")) {
        let (modules, used) = row[1..].split_once('|').unwrap();
        table.extend(words(modules).into_iter().map(|module| (module, words(used))));
    }
    table
}

/// Source files of a module, tests left out.
fn files(folder: &Path) -> Vec<PathBuf> {
    walkdir::WalkDir::new(folder)
        .sort_by_file_name()
        .into_iter()
        .filter_map(Result::ok)
        .map(walkdir::DirEntry::into_path)
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .filter(|path| {
            let stem = path.file_stem().unwrap_or_default().to_string_lossy();
            !(stem == "tests" || stem.ends_with("_tests") || stem.starts_with("test_"))
        })
        .collect()
}

/// Every `crate::a::B` of a file's code, groups (`crate::a::{B, c::D}`) written out.
fn paths(text: &str) -> Vec<String> {
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    let code: String = lines.flat_map(str::split_whitespace).collect::<Vec<_>>().join(" ");
    let mut found = Vec::new();
    for (at, start) in code.match_indices("crate::") {
        expand("", &code[at + start.len()..], &mut found);
    }
    found
}

/// Adds the paths of one use tree; gives what follows it.
fn expand<'c>(prefix: &str, tree: &'c str, found: &mut Vec<String>) -> &'c str {
    let end = tree.find(|c: char| !(c.is_alphanumeric() || "_:".contains(c))).unwrap_or(tree.len());
    let path = format!("{prefix}{}", &tree[..end]);
    let mut rest = &tree[end..];
    if !(path.is_empty() || path.ends_with("::")) {
        found.push(path);
        return rest;
    }
    while let Some(inner) = rest.strip_prefix(['{', ',']) {
        let inner = inner.trim_start();
        rest = if inner.starts_with('}') { inner } else { expand(&path, inner, found).trim_start() };
    }
    rest.strip_prefix('}').unwrap_or(rest)
}

#[test]
fn modules_use_only_what_they_may() {
    let mut wrong = Vec::new();
    for (module, allowed) in table() {
        let mut sources = files(&root().join("src").join(&module));
        sources.extend(Some(root().join(format!("src/{module}.rs"))).filter(|path| path.is_file()));
        assert!(!sources.is_empty(), "there is no module {module}");
        for file in sources {
            let text = fs::read_to_string(&file).unwrap();
            let is_in = |path: &str, start: &str| path == start || path.starts_with(&format!("{start}::"));
            for path in paths(&text) {
                if !is_in(&path, &module) && !allowed.iter().any(|start| is_in(&path, start)) {
                    wrong.push(format!("{} uses crate::{path}", file.strip_prefix(root()).unwrap().display()));
                }
            }
        }
    }
    wrong.dedup();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_module_is_in_the_table() {
    let library = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let table = table();
    for module in library.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')) {
        assert!(module == "cli" || table.contains_key(module), "{module}");
    }
}

#[test]
fn generated_pages_equal_their_files() {
    for page in ["fields", "diagnostics", "lints"] {
        let output = Command::new(env!("CARGO_BIN_EXE_edgesig")).args(["docs", page]).output().unwrap();
        let generated = String::from_utf8(output.stdout).unwrap();
        let path = root().join(format!("docs/{page}.md"));
        let file = fs::read_to_string(&path).unwrap_or_default();
        assert!(file == generated, "docs/{page}.md is old: `edgesig docs {page} > docs/{page}.md` writes it anew");
    }
}

#[test]
fn only_the_outer_layers_touch_the_world() {
    let library = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    assert!(library.contains("warn(clippy::disallowed_methods, clippy::disallowed_macros)"));
    let allowed: Vec<&str> = library
        .split("#[allow(clippy::disallowed_methods, clippy::disallowed_macros)]\npub mod ")
        .skip(1)
        .filter_map(|rest| rest.split(';').next())
        .collect();
    assert_eq!(allowed, ["cli", "engine"]);
    for module in table().into_keys().filter(|module| module != "engine") {
        for file in files(&root().join("src").join(&module)) {
            let text = fs::read_to_string(&file).unwrap();
            assert!(!text.contains("clippy::disallowed"), "{} turns the lint off", file.display());
        }
    }
}
