//! Snippets → what carries them to Fastly: Terraform, the API, the command line, the plan that falco reads. Each carrier
//! adds its own escaping, here and nowhere else; the VCL inside is the printer's.

use crate::codegen::Artifact;
use crate::ir::{List, ListValues};
use serde_json::{Map, Value, json};
use std::fmt::Write as _;

/// One snippet.
pub(super) struct Snippet {
    pub name: String,
    pub kind: &'static str,
    pub priority: u32,
    pub content: String,
    /// Name of its file.
    pub file: String,
}

/// A string of a Terraform file: `${` and `%{` would be templates.
fn template_free(text: &str) -> String {
    text.replace("${", "$${").replace("%{", "%%{")
}

/// A word of a POSIX shell.
fn shell_word(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

fn pretty(value: &Value) -> String {
    // Values of ours always print.
    serde_json::to_string_pretty(value).unwrap_or_default() + "\n"
}

/// Name and keys of a dictionary at the edge.
type Dictionary = (String, Vec<String>);
/// Name and networks of an ACL at the edge.
type Networks = (String, Vec<ipnet::IpNet>);

fn samples(lists: &[&List]) -> (Vec<Dictionary>, Vec<Networks>) {
    let (mut dictionaries, mut acls) = (Vec::new(), Vec::new());
    for list in lists {
        let Some(edge) = list.edge.clone() else { continue };
        match &list.values {
            ListValues::Strings(texts) => {
                let keys = texts.iter().map(|text| String::from_utf8_lossy(&text.bytes).into_owned()).collect();
                dictionaries.push((edge, keys));
            }
            ListValues::Ip(networks) => acls.push((edge, networks.clone())),
            ListValues::Int(_) | ListValues::Regex(_) => {}
        }
    }
    (dictionaries, acls)
}

/// An override file: Terraform merges its blocks into the service resource of the same name. `lists` are those at the edge
/// that are used; their samples are first entries, which Terraform then leaves alone.
pub(super) fn terraform(prefix: &str, snippets: &[Snippet], lists: &[&List]) -> Artifact {
    let blocks: Vec<Value> = snippets
        .iter()
        .map(|snippet| {
            json!({
                "name": snippet.name, "type": snippet.kind, "priority": snippet.priority,
                "content": template_free(&snippet.content),
            })
        })
        .collect();
    let mut service = Map::new();
    service.insert("snippet".to_owned(), Value::Array(blocks));
    let mut resources = Map::new();
    let of_service = format!("fastly_service_vcl.{prefix}");
    let id_of = |block: &str, id: &str, name: &str| {
        format!("${{one([for each in {of_service}.{block} : each.{id} if each.name == \"{name}\"])}}")
    };
    let (dictionaries, acls) = samples(lists);
    if !acls.is_empty() {
        let blocks = acls.iter().map(|(name, _)| json!({"name": name})).collect();
        service.insert("acl".to_owned(), Value::Array(blocks));
        let entries = acls.iter().map(|(name, networks)| {
            let entries: Vec<Value> = networks
                .iter()
                .map(|net| json!({"ip": net.network().to_string(), "subnet": net.prefix_len().to_string()}))
                .collect();
            let value = json!({
                "service_id": format!("${{{of_service}.id}}"), "acl_id": id_of("acl", "acl_id", name),
                "manage_entries": false, "entry": entries,
            });
            (name.clone(), value)
        });
        resources.insert("fastly_service_acl_entries".to_owned(), Value::Object(entries.collect()));
    }
    if !dictionaries.is_empty() {
        let blocks = dictionaries.iter().map(|(name, _)| json!({"name": name})).collect();
        service.insert("dictionary".to_owned(), Value::Array(blocks));
        let items = dictionaries.iter().map(|(name, keys)| {
            let items: Map<String, Value> = keys.iter().map(|key| (template_free(key), json!("1"))).collect();
            let value = json!({
                "service_id": format!("${{{of_service}.id}}"),
                "dictionary_id": id_of("dictionary", "dictionary_id", name),
                "manage_items": false, "items": items,
            });
            (name.clone(), value)
        });
        resources.insert("fastly_service_dictionary_items".to_owned(), Value::Object(items.collect()));
    }
    resources.insert("fastly_service_vcl".to_owned(), json!({prefix: service}));
    Artifact { path: format!("{prefix}_override.tf.json"), content: pretty(&json!({"resource": resources})) }
}

/// What the API takes and gives: numbers are strings.
pub(super) fn api(snippets: &[Snippet], lists: &[&List]) -> Artifact {
    let snippets: Vec<Value> = snippets
        .iter()
        .map(|snippet| {
            json!({
                "name": snippet.name, "type": snippet.kind, "priority": snippet.priority.to_string(), "dynamic": "0",
                "content": snippet.content,
            })
        })
        .collect();
    let (dictionaries, acls) = samples(lists);
    let acls: Vec<Value> = acls
        .iter()
        .map(|(name, networks)| {
            let entry = |net: &ipnet::IpNet| {
                json!({"ip": net.network().to_string(), "subnet": net.prefix_len(), "negated": "0"})
            };
            json!({"name": name, "entries": networks.iter().map(entry).collect::<Vec<_>>()})
        })
        .collect();
    let dictionaries: Vec<Value> = dictionaries
        .iter()
        .map(|(name, keys)| {
            let item = |key: &String| json!({"item_key": key, "item_value": "1"});
            json!({"name": name, "items": keys.iter().map(item).collect::<Vec<_>>()})
        })
        .collect();
    let value = json!({"snippets": snippets, "acls": acls, "dictionaries": dictionaries});
    Artifact { path: "fastly-api.json".to_owned(), content: pretty(&value) }
}

/// The planned resources of a service with these snippets, as `falco terraform` reads them.
pub(super) fn plan(prefix: &str, snippets: &[Snippet], lists: &[&List]) -> Artifact {
    let blocks: Vec<Value> = snippets
        .iter()
        .map(|snippet| {
            json!({
                "name": snippet.name, "type": snippet.kind, "priority": snippet.priority, "content": snippet.content,
            })
        })
        .collect();
    let (dictionaries, acls) = samples(lists);
    let names = |names: Vec<&String>| names.into_iter().map(|name| json!({"name": name})).collect::<Vec<_>>();
    let values = json!({
        "name": prefix,
        "backend": [{"name": "origin", "address": "origin.example.com", "shield": ""}],
        "snippet": blocks,
        "acl": names(acls.iter().map(|(name, _)| name).collect()),
        "dictionary": names(dictionaries.iter().map(|(name, _)| name).collect()),
        "vcl": [{"name": "main.vcl", "main": true, "content": BOILERPLATE}],
    });
    let resource = json!({
        "provider_name": "registry.terraform.io/fastly/fastly", "type": "fastly_service_vcl", "values": values,
    });
    let plan = json!({"planned_values": {"root_module": {"resources": [resource]}}});
    Artifact { path: "plan.json".to_owned(), content: pretty(&plan) }
}

/// A script for Fastly's command line. The files stand beside it.
pub(super) fn script(snippets: &[Snippet], lists: &[&List]) -> Artifact {
    let mut script = String::from(
        "#!/bin/sh\n# Puts the signatures into a new version of a Fastly service; activate it when you have looked at it.\n\
         # FASTLY_SERVICE_ID names the service, FASTLY_API_TOKEN a token that may change it.\n\
         set -eu\ncd \"$(dirname \"$0\")\"\nservice=\"${FASTLY_SERVICE_ID:?}\"\n\
         fastly service-version clone --service-id \"$service\" --version latest\n",
    );
    let (dictionaries, acls) = samples(lists);
    for (kind, names) in [
        ("acl", acls.iter().map(|(name, _)| name).collect::<Vec<_>>()),
        ("dictionary", dictionaries.iter().map(|(name, _)| name).collect()),
    ] {
        for name in names {
            // It may be there already: what is in it stays.
            let _ = writeln!(
                script,
                "fastly {kind} create --service-id \"$service\" --version latest --name {} || true",
                shell_word(name)
            );
        }
    }
    for snippet in snippets {
        let (name, file) = (shell_word(&snippet.name), shell_word(&format!("./{}", snippet.file)));
        let common = format!("--service-id \"$service\" --version latest --name {name}");
        let _ = writeln!(
            script,
            "fastly service vcl snippet delete {common} 2>/dev/null || true\n\
             fastly service vcl snippet create {common} --type {} --priority {} --content {file}",
            snippet.kind, snippet.priority
        );
    }
    Artifact { path: "deploy.sh".to_owned(), content: script }
}

/// Fastly's own VCL with its macros.
const BOILERPLATE: &str = "\
sub vcl_recv {
#FASTLY recv
  set req.backend = F_origin;
  return(lookup);
}
sub vcl_hash {
  set req.hash += req.url;
  set req.hash += req.http.host;
#FASTLY hash
  return(hash);
}
sub vcl_hit {
#FASTLY hit
  return(deliver);
}
sub vcl_miss {
#FASTLY miss
  return(fetch);
}
sub vcl_pass {
#FASTLY pass
  return(pass);
}
sub vcl_fetch {
#FASTLY fetch
  return(deliver);
}
sub vcl_error {
#FASTLY error
  return(deliver);
}
sub vcl_deliver {
#FASTLY deliver
  return(deliver);
}
sub vcl_log {
#FASTLY log
}
";

#[cfg(test)]
mod tests {
    use super::{shell_word, template_free};
    use proptest::prelude::*;
    use std::process::Command;

    /// Reads a template without interpolation as HCL does.
    fn read_template(text: &str) -> Option<String> {
        let mut out = String::new();
        let mut rest = text;
        while !rest.is_empty() {
            let literal = ["$${", "%%{"].iter().find(|start| rest.starts_with(**start));
            if let Some(start) = literal {
                out.push_str(&start[1..]);
                rest = &rest[3..];
            } else if rest.starts_with("${") || rest.starts_with("%{") {
                return None;
            } else {
                let first = rest.chars().next()?;
                out.push(first);
                rest = &rest[first.len_utf8()..];
            }
        }
        Some(out)
    }

    proptest! {
        #[test]
        fn terraform_strings_read_back(text in "[a${}%\\\\\"]{0,16}") {
            // `$${` in a text cannot be told from an escape by any writer; VCL of ours has none.
            prop_assume!(!text.contains("$${") && !text.contains("%%{"));
            prop_assert_eq!(read_template(&template_free(&text)), Some(text));
        }
    }

    #[test]
    fn shell_words_read_back() {
        for text in ["plain", "it's", "a b", "$(x)`y`", "\"q\"", "\\", "'"] {
            let output = Command::new("sh").args(["-c", &format!("printf %s {}", shell_word(text))]).output().unwrap();
            assert_eq!(String::from_utf8_lossy(&output.stdout), text);
        }
    }
}
