//! Snippets → what carries them to Fastly: Terraform, the API, the command line, the plan that falco reads. Each carrier
//! adds its own escaping, in its file and nowhere else; the VCL inside is the printer's.

mod api;
mod plan;
mod script;
mod terraform;

pub(super) use api::api;
pub(super) use plan::plan;
pub(super) use script::script;
pub(super) use terraform::terraform;

use ipnet::IpNet;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// One snippet.
pub(super) struct Snippet {
    pub name: String,
    pub kind: &'static str,
    pub priority: u32,
    pub content: String,
    /// Name of its file.
    pub file: String,
}

/// What rules look up at the edge, with the samples as first contents: a carrier makes what is missing and leaves alone
/// what is there.
#[derive(Default)]
pub(super) struct EdgeLists {
    pub acls: BTreeMap<String, Vec<IpNet>>,
    /// Keys; every value is `1`.
    pub dictionaries: BTreeMap<String, Vec<String>>,
}

/// Everything that a carrier takes to Fastly.
pub(super) struct Load<'l> {
    pub prefix: &'l str,
    pub snippets: &'l [Snippet],
    /// Names of snippets that other sets have and this one has not: they would call subs that are gone.
    pub absent: Vec<String>,
    pub edge: EdgeLists,
}

/// The entries of an ACL as the API takes them in one go.
fn acl_entries(networks: &[IpNet]) -> Value {
    let entry = |net: &IpNet| json!({"op": "create", "ip": net.network().to_string(), "subnet": net.prefix_len()});
    json!({"entries": networks.iter().map(entry).collect::<Vec<_>>()})
}

/// The items of a dictionary as the API takes them in one go.
fn dictionary_items(keys: &[String]) -> Value {
    let item = |key: &String| json!({"op": "upsert", "item_key": key, "item_value": "1"});
    json!({"items": keys.iter().map(item).collect::<Vec<_>>()})
}

fn pretty(value: &Value) -> String {
    // INVARIANT: texts and numbers alone always print.
    serde_json::to_string_pretty(value).unwrap_or_default() + "\n"
}
