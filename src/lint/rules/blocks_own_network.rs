//! A deny list with 10.0.0.0/8 in it.

use crate::catalog::Field;
use crate::ir::{self, Networks};
use crate::lint::logic;
use crate::lint::subject::Subject;
use crate::lint::{Category, Check, Findings, Level, Lint};
use ipnet::IpNet;

pub const LINT: Lint = Lint {
    id: "blocks-own-network",
    category: Category::Network,
    level: Level::Deny,
    what: "Looks for signatures that refuse clients from private, loopback or trusted addresses.",
    why: "Health checks, the load balancer and the next cache come from there. A list taken from a feed can \
          have such a network in it, and takes the site down when it is enforced.",
    example: r#"
when: client.ip in [192.168.0.0/16, 198.51.100.0/24]
tests:
  - {name: from there, request: {url: /, client_ip: 198.51.100.1}, expect: match}
  - {name: from elsewhere, request: {url: /, client_ip: 192.0.2.1}, expect: no_match}
"#,
    instead: r#"
when: client.ip in [198.51.100.0/24]
tests:
  - {name: from there, request: {url: /, client_ip: 198.51.100.1}, expect: match}
  - {name: from elsewhere, request: {url: /, client_ip: 192.0.2.1}, expect: no_match}
"#,
    check: Check::Signature(check),
};

fn check(subject: &Subject<'_>, findings: &mut Findings) {
    if !subject.blocks() || subject.when().any(|leaf| leaf.field() != Field::ClientIp) {
        return;
    }
    let proxies = subject.ruleset.settings.trusted_proxies.map(Networks::List);
    let proxies = proxies.as_ref().and_then(|list| logic::networks_of(subject.ruleset, list)).unwrap_or_default();
    let private: Vec<IpNet> = PRIVATE.iter().filter_map(|network| network.parse().ok()).collect();
    for leaf in subject.when().filter(|leaf| leaf.positive) {
        let ir::Check::Network(networks) = &leaf.comparison.check else { continue };
        let Some(networks) = logic::networks_of(subject.ruleset, networks) else { continue };
        if networks.len() > 10_000 {
            continue;
        }
        let own = networks.iter().find_map(|network| {
            let meets = |own: &&IpNet| own.contains(network) || network.contains(*own);
            let of_proxies = proxies.iter().find(meets).map(|own| (network, own, "trusted proxies"));
            of_proxies.or_else(|| private.iter().find(meets).map(|own| (network, own, "private addresses")))
        });
        if let Some((network, own, what)) = own {
            findings.push(
                findings
                    .at(leaf.comparison.span, format!("refuses `{network}`: {what}"), "own machines are there")
                    .note(format!("`{own}` belongs to the {what}"))
                    .help("take it out of the list"),
            );
        }
    }
}

/// RFC 1918, RFC 6598, RFC 4193, loopback and link-local addresses.
const PRIVATE: [&str; 8] = [
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "fc00::/7",
    "::1/128",
];
