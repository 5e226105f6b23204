//! Resources for Terraform, in its JSON syntax. Every string of it is a template: `${` and `%{` begin one.

use super::{Load, pretty};
use crate::codegen::Artifact;
use serde_json::{Map, Value, json};

/// A string that Terraform reads as it is. Doubling the sign is the one escape of a template, and a `$` before an escaped
/// one stays a `$`.
fn literal(text: &str) -> String {
    text.replace("${", "$${").replace("%{", "%%{")
}

/// Two files. An override file, whose blocks Terraform merges into the service resource of the same name; it may have nothing
/// else. And one for lists at the edge, with their samples as first entries, which Terraform then leaves alone; without such
/// lists it is empty, so that none of an earlier build stays behind.
pub(in super::super) fn terraform(load: &Load<'_>) -> Vec<Artifact> {
    let snippets: Vec<Value> = load
        .snippets
        .iter()
        .map(|snippet| {
            json!({
                "name": literal(&snippet.name), "type": snippet.kind, "priority": snippet.priority,
                "content": literal(&snippet.content),
            })
        })
        .collect();
    let mut service = Map::new();
    service.insert("snippet".to_owned(), Value::Array(snippets));
    let mut resources = Map::new();
    let of_service = format!("fastly_service_vcl.{}", load.prefix);
    // Terraform knows the id of a block once the service is made.
    let id_of = |block: &str, name: &str| {
        format!("${{one([for {block} in {of_service}.{block} : {block}.{block}_id if {block}.name == \"{name}\"])}}")
    };
    let named = |name: &String| json!({"name": name});
    if !load.edge.acls.is_empty() {
        service.insert("acl".to_owned(), load.edge.acls.keys().map(named).collect());
        let entries = load.edge.acls.iter().map(|(name, networks)| {
            let entry =
                |net: &ipnet::IpNet| json!({"ip": net.network().to_string(), "subnet": net.prefix_len().to_string()});
            let value = json!({
                "service_id": format!("${{{of_service}.id}}"), "acl_id": id_of("acl", name),
                "manage_entries": false, "entry": networks.iter().map(entry).collect::<Vec<_>>(),
            });
            (name.clone(), value)
        });
        resources.insert("fastly_service_acl_entries".to_owned(), Value::Object(entries.collect()));
    }
    if !load.edge.dictionaries.is_empty() {
        service.insert("dictionary".to_owned(), load.edge.dictionaries.keys().map(named).collect());
        let items = load.edge.dictionaries.iter().map(|(name, keys)| {
            let items: Map<String, Value> = keys.iter().map(|key| (literal(key), json!("1"))).collect();
            let value = json!({
                "service_id": format!("${{{of_service}.id}}"), "dictionary_id": id_of("dictionary", name),
                "manage_items": false, "items": items,
            });
            (name.clone(), value)
        });
        resources.insert("fastly_service_dictionary_items".to_owned(), Value::Object(items.collect()));
    }
    let file = |name: &str, content: &Value| Artifact {
        path: format!("{}_{name}.tf.json", load.prefix),
        content: pretty(content),
    };
    // Terraform takes no empty list of resources.
    let lists = if resources.is_empty() { json!({}) } else { json!({"resource": resources}) };
    vec![file("override", &json!({"resource": {"fastly_service_vcl": {load.prefix: service}}})), file("lists", &lists)]
}

#[cfg(test)]
mod tests {
    use super::literal;
    use proptest::prelude::*;
    use proptest::strategy::ValueTree;
    use std::collections::BTreeMap;
    use std::process::Command;

    /// Reads a template without interpolation as HCL's specification says; `None` where there is one.
    fn read_template(template: &str) -> Option<String> {
        let mut out = String::new();
        let mut rest = template;
        while let Some(first) = rest.chars().next() {
            if rest.starts_with("$${") || rest.starts_with("%%{") {
                out.push_str(&rest[1..3]);
                rest = &rest[3..];
            } else if rest.starts_with("${") || rest.starts_with("%{") {
                return None;
            } else {
                out.push(first);
                rest = &rest[first.len_utf8()..];
            }
        }
        Some(out)
    }

    proptest! {
        #[test]
        fn any_text_reads_back(text in "[${%}a\\\\\"]{0,16}|.{0,40}") {
            prop_assert_eq!(read_template(&literal(&text)), Some(text));
        }
    }

    /// The same in Terraform itself, where it is installed: texts as values and as keys of a map, read by `apply` and
    /// printed again. Outputs need no provider.
    #[test]
    fn terraform_itself_reads_the_texts() {
        if Command::new("terraform").arg("version").output().is_err() {
            eprintln!("SKIPPED: terraform is not installed");
            return;
        }
        let mut runner = proptest::test_runner::TestRunner::deterministic();
        // Terraform composes letters and their accents; VCL of ours is ASCII, and so is what is tried here.
        let texts = proptest::collection::vec("[${%}a\\\\\" ]{0,12}|[ -~\t\n]{0,60}", 400);
        let texts = texts.new_tree(&mut runner).unwrap().current();
        let values: serde_json::Map<String, serde_json::Value> = texts
            .iter()
            .enumerate()
            .map(|(index, text)| (format!("t{index}"), serde_json::json!({"value": {literal(text): literal(text)}})))
            .collect();
        let folder = tempfile::tempdir().unwrap();
        let file = serde_json::json!({"output": values}).to_string();
        std::fs::write(folder.path().join("outputs.tf.json"), file).unwrap();
        std::fs::write(folder.path().join("rc"), "").unwrap();
        let terraform = |arguments: &[&str]| {
            let output = Command::new("terraform")
                .args(arguments)
                .current_dir(folder.path())
                .env("TF_CLI_CONFIG_FILE", folder.path().join("rc"))
                .env("CHECKPOINT_DISABLE", "1")
                .output()
                .unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            output.stdout
        };
        terraform(&["apply", "-auto-approve", "-no-color"]);
        let read: BTreeMap<String, serde_json::Value> =
            serde_json::from_slice(&terraform(&["output", "-json", "-no-color"])).unwrap();
        assert_eq!(read.len(), texts.len());
        for (index, text) in texts.iter().enumerate() {
            assert_eq!(read[&format!("t{index}")]["value"], serde_json::json!({text: text}));
        }
    }
}
