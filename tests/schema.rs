//! `edgesig schema` against a validator: everything that is shipped is valid, what the parser refuses for its keys or the
//! kind of its values is not.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn validator(kind: &str) -> jsonschema::Validator {
    let output = Command::new(env!("CARGO_BIN_EXE_edgesig")).args(["schema", kind]).output().unwrap();
    let schema: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(jsonschema::draft7::meta::is_valid(&schema));
    jsonschema::draft7::new(&schema).unwrap()
}

fn problems(validator: &jsonschema::Validator, text: &str) -> Vec<String> {
    let value: Value = match serde_yaml::from_str(text) {
        Ok(value) => value,
        Err(error) => return vec![error.to_string()],
    };
    validator.iter_errors(&value).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

fn yaml_files(folder: &Path) -> Vec<PathBuf> {
    let files = walkdir::WalkDir::new(folder).sort_by_file_name().into_iter().filter_map(Result::ok);
    files
        .map(walkdir::DirEntry::into_path)
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .collect()
}

#[test]
fn what_is_shipped_is_valid() {
    let (signature, project) = (validator("signature"), validator("project"));
    let mut files = vec![root().join("edgesig.yaml")];
    for folder in ["signatures", "examples", "tests/cases/compile"] {
        files.extend(yaml_files(&root().join(folder)));
    }
    let mut count = 0;
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let name = file.file_name().unwrap().to_string_lossy();
        // serde_yaml is no judge of these.
        if text.contains("<<") && text.contains('&') {
            continue;
        }
        let is_project = name == "edgesig.yaml" || name.starts_with("project-");
        let found = problems(if is_project { &project } else { &signature }, &text);
        assert!(found.is_empty(), "{}:\n{}", file.display(), found.join("\n"));
        count += 1;
    }
    assert!(count > 100, "{count}");
}

const GOOD: &str = r#"
edgesig: 1
id: good
title: Good
severity: high
when: req.path == "/x"
"#;

#[test]
fn broken_files_are_invalid() {
    let signature = validator("signature");
    assert!(problems(&signature, GOOD).is_empty());
    let cases = [
        ("id: good", "id: Good"),
        ("id: good", "id: [good]"),
        ("edgesig: 1", "edgesig: 2"),
        ("title: Good", "titel: Good"),
        ("title: Good", "title: 5"),
        ("title: Good", ""),
        ("severity: high", "severity: severe"),
        ("severity: high", "severity: high\nmode: canary"),
        ("severity: high", "severity: high\nmode: canary 0%"),
        ("severity: high", "severity: high\ncreated: 22.11.2026"),
        ("severity: high", "severity: high\nversion: 0"),
        ("severity: high", "severity: high\ntags: java"),
        ("severity: high", "severity: high\nrefs: {cvs: [a]}"),
        ("severity: high", "severity: high\nlet: {a-b: x}"),
        ("severity: high", "severity: high\nthen: blok"),
        ("severity: high", "severity: high\nthen: []"),
        ("severity: high", "severity: high\nrate: {key: [client.ip], limit: 10 per minute}"),
        ("severity: high", "severity: high\nrate: {limit: 10/60s}"),
        ("severity: high", "severity: high\nrate: {key: [client.ip], limit: 10/60s, cost: 101}"),
        ("severity: high", "severity: high\ntests: [{name: a, request: GET /}]"),
        ("severity: high", "severity: high\ntests: [{name: a, request: GET /, expect: yes it does}]"),
        ("severity: high", "severity: high\ntests: [{name: a, request: GET /, curl: curl x, expect: match}]"),
        ("severity: high", "severity: high\ntests: [{name: a, sequence: [], expect: match}]"),
        ("severity: high", "severity: high\ntests: [{name: a, request: {uri: /}, expect: match}]"),
        ("severity: high", "severity: high\ntests: [{name: a, request: {file: a, url: /}, expect: match}]"),
        ("severity: high", "severity: high\ntests: [{name: a, sequence: [{request: GET /, expect: match, every: 5}]}]"),
    ];
    for (old, new) in cases {
        let text = GOOD.replace(old, new);
        assert!(!problems(&signature, &text).is_empty(), "{new} is valid");
    }
    let project = validator("project");
    assert!(problems(&project, "edgesig: 1\nlints: {short-literal: allow, warnings: deny}").is_empty());
    for text in [
        "edgesig: one",
        "signature: [a]",
        "targets: {varnisch: {}}",
        "targets: {varnish: {version: [7]}}",
        "facts: {req.path: x-path}",
        "lists: {a: {values: [b]}}",
        "lists: {a: {type: ipv4, values: [b]}}",
        "limits: {url: 0}",
        "limits: {over: drop}",
        "block: {status: 200}",
        "score: {threshold: many}",
        "prefix: Edge-Sig",
        "services: {a: {mode: enforce}}",
        "lints: {short-litteral: allow}",
        "lints: {short-literal: error}",
        "lints: {warnings: allow}",
    ] {
        assert!(!problems(&project, text).is_empty(), "{text} is valid");
    }
}

/// Every error case that is about keys or kinds of values is an error of the schema too.
#[test]
fn error_cases_of_keys_are_invalid() {
    let (signature, project) = (validator("signature"), validator("project"));
    let folder = root().join("tests/cases/errors");
    let mut count = 0;
    for file in yaml_files(&folder) {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        if !["unknown-key", "missing-key", "wrong-type", "unsupported-version"]
            .iter()
            .any(|code| name.starts_with(code))
        {
            continue;
        }
        let text = std::fs::read_to_string(&file).unwrap();
        let found = problems(if name.contains("project") { &project } else { &signature }, &text);
        assert!(!found.is_empty(), "{name} is valid");
        count += 1;
    }
    assert!(count >= 4, "{count}");
}
