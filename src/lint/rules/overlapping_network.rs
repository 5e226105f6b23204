//! `[10.0.0.0/8, 10.1.0.0/16]`.

use crate::ir::{self, ListValues, Networks};
use crate::lint::subject::{Leaf, without};
use crate::lint::{Category, Check, Findings, Level, Lint, Set};
use crate::source::Span;
use crate::syntax::ast::{Expression, ExpressionKind};
use ipnet::IpNet;

pub const LINT: Lint = Lint {
    id: "overlapping-network",
    category: Category::Network,
    level: Level::Warn,
    what: "Looks for networks inside of other networks of the same list, in conditions and in edgesig.yaml.",
    why: "The inner one does nothing, and whoever removes it believes that those addresses are out of the list \
          now.",
    example: r#"
when: req.path == "/admin" and not client.ip in [198.51.100.0/24, 198.51.100.7/32]
tests:
  - {name: from elsewhere, request: GET /adm%69n, expect: match}
  - {name: another page, request: GET /adm, expect: no_match}
  - {name: from there, request: {url: /admin, client_ip: 198.51.100.7}, expect: no_match}
"#,
    instead: r#"
when: req.path == "/admin" and not client.ip in [198.51.100.0/24]
tests:
  - {name: from elsewhere, request: GET /adm%69n, expect: match}
  - {name: another page, request: GET /adm, expect: no_match}
  - {name: from there, request: {url: /admin, client_ip: 198.51.100.7}, expect: no_match}
"#,
    check: Check::Set(check),
};

fn check(set: &Set<'_>, findings: &mut Findings) {
    for list in &set.ruleset.lists {
        if let ListValues::Ip(networks) = &list.values
            && let Some((inner, outer)) = nested(networks)
        {
            let message = format!("`{inner}` is inside of `{outer}`");
            findings.push(findings.at(list.span, message, "in this list").help("remove one of the two"));
        }
    }
    for subject in set.subjects {
        for leaf in &subject.leaves {
            let ir::Check::Network(Networks::Literals(networks)) = &leaf.comparison.check else { continue };
            let mut sorted = networks.clone();
            sorted.sort_unstable();
            if let Some((inner, outer)) = nested(&sorted) {
                let message = format!("`{inner}` is inside of `{outer}`");
                let diagnostic = findings.at(leaf.comparison.span, message, "in this list");
                let diagnostic = diagnostic.help("remove one of the two");
                findings.push(match element(leaf, inner) {
                    Some(cut) => diagnostic.fix("leave the smaller one out", cut, ""),
                    None => diagnostic,
                });
            }
        }
    }
}

/// What to cut so that a network goes, where the list is written in the comparison.
fn element(leaf: &Leaf<'_>, network: IpNet) -> Option<Span> {
    let ExpressionKind::List(elements) = &leaf.written?.right.kind else { return None };
    let is_it = |element: &Expression| {
        matches!(element.kind, ExpressionKind::Cidr(own) if own == network)
            || matches!(element.kind, ExpressionKind::Ip(own) if IpNet::from(own) == network)
    };
    without(elements, elements.iter().position(is_it)?)
}

/// The first network of a sorted list that is inside of another one. Sorted by address, an outer one comes before.
fn nested(networks: &[IpNet]) -> Option<(IpNet, IpNet)> {
    let mut outer: Option<IpNet> = None;
    for network in networks {
        if let Some(outer) = outer.filter(|outer| outer != network && outer.contains(network)) {
            return Some((*network, outer));
        }
        if outer.is_none_or(|outer| !outer.contains(network)) {
            outer = Some(*network);
        }
    }
    None
}
