//! `client.ip in [0.0.0.0/0]`.

use crate::ir::{self, ListValues, Networks};
use crate::lint::{Category, Check, Findings, Level, Lint, Set};

pub const LINT: Lint = Lint {
    id: "whole-internet",
    category: Category::Network,
    level: Level::Deny,
    what: "Looks for networks that hold every address, in conditions and in the lists of edgesig.yaml.",
    why: "A list that means everybody makes an `allow` skip every signature for everybody, a block refuse \
          everybody, and a proxy list believe what anybody says of his address.",
    example: r#"
when: req.path == "/status" and client.ip in [0.0.0.0/0]
then: log
tests:
  - {name: anybody, request: GET /st%61tus, expect: match}
  - {name: another page, request: GET /state, expect: no_match}
  - {name: over IPv6, request: {url: /status, client_ip: "2001:db8::1"}, expect: no_match}
"#,
    instead: r#"
when: req.path == "/status"
then: log
tests:
  - {name: anybody, request: GET /st%61tus, expect: match}
  - {name: another page, request: GET /state, expect: no_match}
"#,
    check: Check::Set(check),
};

fn check(set: &Set<'_>, findings: &mut Findings) {
    let is_all = |network: &&ipnet::IpNet| network.prefix_len() == 0;
    for list in &set.ruleset.lists {
        if let ListValues::Ip(networks) = &list.values
            && let Some(network) = networks.iter().find(is_all)
        {
            let message = format!("the list `{}` holds `{network}`: every address", list.name);
            findings.push(findings.at(list.span, message, "everybody"));
        }
    }
    for leaf in set.subjects.iter().flat_map(|subject| &subject.leaves) {
        if let ir::Check::Network(Networks::Literals(networks)) = &leaf.comparison.check
            && let Some(network) = networks.iter().find(is_all)
        {
            let message = format!("`{network}` is every address");
            findings.push(findings.at(leaf.comparison.span, message, "everybody"));
        }
    }
}
