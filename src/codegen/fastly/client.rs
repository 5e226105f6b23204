//! Who the client is: `client.ip` as a text, behind trusted proxies found along X-Forwarded-For; and the headers to which
//! Fastly adds an entry of its own before VCL, without it.

use super::fields::name;
use super::{Generator, set};
use crate::catalog::MAX_HOPS;
use crate::codegen::addresses::strict_address;
use crate::codegen::vcl::{Comparator, Expression, Statement, when, when_else};
use crate::ir::Networks;
use crate::source::Span;

/// Headers that Fastly appends to on a TLS connection.
pub(super) const FORWARDED: &[&str] = &["x-forwarded-for", "x-forwarded-host", "x-forwarded-server"];
/// The last entry of a list and what stands before it.
const LAST_ENTRY: &str = r"(?s)^(.*), ?([^,]*+)\z";
/// How a node of Fastly names itself.
const NODE: &str = r"^cache-[A-Za-z0-9-]++\z";

impl Generator<'_> {
    /// `client.ip` as a text; [`Generator::find_client`] must stand before.
    pub(super) fn client_text(&mut self) -> Expression {
        if self.settings.trusted_proxies.is_none() {
            return name("client.ip");
        }
        self.local("client", "STRING")
    }

    /// [`Generator::client_text`] as an address, for the functions that take one.
    pub(super) fn client_address(&mut self) -> Expression {
        if self.settings.trusted_proxies.is_none() {
            return name("client.ip");
        }
        // Always an address: the second argument is never used.
        Expression::call("std.ip", [self.client_text(), Expression::text("0.0.0.0")])
    }

    /// Walks from the peer along X-Forwarded-For while the address at hand is a trusted proxy's. Strictly read: `std.ip`
    /// may take other forms than the evaluator.
    pub(super) fn find_client(&mut self, statements: &mut Vec<Statement>, span: Span) -> Option<()> {
        let Some(proxies) = self.settings.trusted_proxies else { return Some(()) };
        if !self.claim("client") {
            return Some(());
        }
        let is_proxy = self.network(None, &Networks::List(proxies), span)?;
        let (forwarded, _) = self.forwarded(statements, "x-forwarded-for");
        let (client, rest, hop) = (self.client_text(), self.local("hops", "STRING"), self.local("hop", "STRING"));
        let strict = format!(r"^({})[ \t]*+\z", strict_address());
        let mut walk: Vec<Statement> = Vec::new();
        for _ in 0..MAX_HOPS {
            let mut taken = vec![
                set(&client, Expression::call("std.ip", [name("re.group.1"), Expression::text("0.0.0.0")])),
                when(client.clone().matches(r"^::ffff:([0-9.]++)\z"), vec![set(&client, name("re.group.1"))]),
            ];
            taken.append(&mut walk);
            let last = rest.clone().matches(r"(?s)^(.*),[ \t]*+([^,]*+)\z");
            walk = vec![when(
                Expression::all([is_proxy.clone(), last]),
                vec![
                    set(&rest, name("re.group.1")),
                    set(&hop, name("re.group.2")),
                    when(hop.clone().matches(strict.clone()), taken),
                ],
            )];
        }
        statements.push(set(&client, name("client.ip")));
        statements.push(set(&rest, Expression::Sum(vec![Expression::text(","), forwarded])));
        statements.extend(walk);
        Some(())
    }

    /// One of [`FORWARDED`] as the client sent it, and whether it did. What Fastly adds is known: the peer, the Host, its
    /// own name. A last entry that is anything else stays.
    pub(super) fn forwarded(&mut self, statements: &mut Vec<Statement>, key: &'static str) -> (Expression, Expression) {
        self.headers.insert(key.to_owned());
        let stem = key.trim_start_matches("x-").replace('-', "_");
        let (text, there) = (self.local(&stem, "STRING"), self.local(&format!("has_{stem}"), "BOOL"));
        if !self.claim(key) {
            return (text, there);
        }
        let (before, last) = (self.local("before", "STRING"), self.local("last", "STRING"));
        let added = self.local("added", "STRING");
        let header = Expression::Header("req", key.to_owned());
        let host = Expression::Header("req", "host".to_owned());
        let is_added = match key {
            "x-forwarded-server" => last.clone().matches(NODE),
            _ => last.clone().equals(added.clone()),
        };
        let mut cut = match key {
            "x-forwarded-for" => vec![set(&added, name("client.ip"))],
            "x-forwarded-host" => {
                vec![set(&added, Expression::call("if", [host.clone(), host, Expression::text("")]))]
            }
            _ => Vec::new(),
        };
        cut.push(set(&before, Expression::text("")));
        cut.push(set(&last, text.clone()));
        let split = vec![set(&before, name("re.group.1")), set(&last, name("re.group.2"))];
        let several = self.local("several", "BOOL");
        cut.push(when_else(
            text.clone().matches(LAST_ENTRY),
            [split, vec![set(&several, Expression::Boolean(true))]].concat(),
            vec![set(&several, Expression::Boolean(false))],
        ));
        cut.push(when(is_added, vec![set(&text, before), set(&there, several)]));
        statements.push(when(
            header.clone(),
            vec![set(&there, Expression::Boolean(true)), set(&text, header), when(name("req.is_ssl"), cut)],
        ));
        (text, there)
    }

    /// What Fastly knows of an address is by default the peer's: told which one is meant, it looks that one up.
    pub(super) fn look_up_client(&mut self, statements: &mut Vec<Statement>, span: Span) -> Option<()> {
        self.find_client(statements, span)?;
        if self.settings.trusted_proxies.is_some() && self.claim("client.geo.ip_override") {
            let (client, peer) = (self.client_text(), self.local("peer", "STRING"));
            statements.push(set(&peer, name("client.ip")));
            statements.push(when(
                client.clone().compare(Comparator::NotEqual, peer),
                vec![set(&name("client.geo.ip_override"), client)],
            ));
        }
        Some(())
    }
}
