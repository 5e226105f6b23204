//! The planned resources of a service with the snippets, as `falco terraform` reads them.

use super::{Load, pretty};
use crate::codegen::Artifact;
use serde_json::{Value, json};

/// The plan.
pub(in super::super) fn plan(load: &Load<'_>) -> Artifact {
    let named = |names: Vec<&String>| names.into_iter().map(|name| json!({"name": name})).collect::<Vec<Value>>();
    let snippets: Vec<Value> = load
        .snippets
        .iter()
        .map(|snippet| {
            json!({
                "name": snippet.name, "type": snippet.kind, "priority": snippet.priority, "content": snippet.content,
            })
        })
        .collect();
    let values = json!({
        "name": load.prefix,
        "backend": [{"name": "origin", "address": "origin.example.com", "shield": ""}],
        "snippet": snippets,
        "acl": named(load.edge.acls.keys().collect()),
        "dictionary": named(load.edge.dictionaries.keys().collect()),
        "vcl": [{"name": "main.vcl", "main": true, "content": BOILERPLATE}],
    });
    let resource = json!({
        "provider_name": "registry.terraform.io/fastly/fastly", "type": "fastly_service_vcl", "values": values,
    });
    let plan = json!({"planned_values": {"root_module": {"resources": [resource]}}});
    Artifact { path: "plan.json".to_owned(), content: pretty(&plan) }
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
