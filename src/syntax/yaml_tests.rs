//! The node tree against another YAML parser, on every YAML file of the tree.

use granit_parser::ScalarStyle;
use serde_yaml::Value;

use super::report::Report;
use super::yaml::{self, Node, NodeKind};
use crate::diagnostic::Diagnostics;
use crate::source::SourceId;

/// What the other parser would have made of a node.
fn value(node: &Node<'_>) -> Value {
    match &node.kind {
        NodeKind::Null => Value::Null,
        NodeKind::Scalar(text, ScalarStyle::Plain) => match serde_yaml::from_str(text) {
            Ok(value @ (Value::Null | Value::Bool(_) | Value::Number(_))) => value,
            Ok(Value::String(_) | Value::Sequence(_) | Value::Mapping(_) | Value::Tagged(_)) | Err(_) => {
                Value::String(text.to_string())
            }
        },
        NodeKind::Scalar(text, _) => Value::String(text.to_string()),
        NodeKind::Sequence(items) => Value::Sequence(items.iter().map(value).collect()),
        NodeKind::Mapping(entries) => {
            Value::Mapping(entries.iter().map(|(key, entry)| (value(key), value(entry))).collect())
        }
    }
}

#[test]
fn agrees_with_another_parser() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut compared = 0;
    for folder in ["signatures", "examples"] {
        for entry in walkdir::WalkDir::new(root.join(folder)).into_iter().filter_map(Result::ok) {
            if entry.path().extension().is_none_or(|extension| extension != "yaml") {
                continue;
            }
            let text = std::fs::read_to_string(entry.path()).unwrap();
            let mut diagnostics = Diagnostics::default();
            let document = yaml::parse(SourceId(0), &text, &mut Report::new(&mut diagnostics)).expect("no YAML");
            let theirs: Value = serde_yaml::from_str(&text).unwrap();
            assert_eq!(value(&document.root), theirs, "{}", entry.path().display());
            compared += 1;
        }
    }
    assert!(compared > 0);
}
