//! `client.ip`: canonical, and behind trusted proxies found along X-Forwarded-For, strictly read (std.ip alone takes octal,
//! short and ported forms). Also the prefixes of it.

use super::super::vcl::{Comparator, Expression, Item, Statement, when, when_else};
use super::Generator;
use super::views::{regsub, regsuball};
use crate::catalog::MAX_HOPS;
use crate::codegen::addresses::{hop_pattern, strict_address};
use crate::ir::{Call, Networks, Value};
use crate::source::Span;

/// No address is that long.
const LONG_HOP: &str = "[^,]{64,}+";

impl<'r> Generator<'r> {
    /// The name of the variable that holds an address as text; its address is in the one with ` address` behind it.
    pub(super) fn address_variable(&mut self, value: &Value, span: Span) -> Option<String> {
        match value {
            Value::Field(_) => Some("client.ip".to_owned()),
            Value::Call(Call::Prefix(ipv4, ipv6), argument) if matches!(**argument, Value::Field(_)) => {
                let whole_ipv4 = ipv4 % 8 == 0;
                let whole_ipv6 = *ipv6 == 128 || (ipv6 % 4 == 0 && *ipv6 <= 96);
                if !whole_ipv4 || !whole_ipv6 {
                    self.unsupported(
                        span,
                        format!("`prefix(client.ip, {ipv4}, {ipv6})` cannot be cut on varnish"),
                        "bits between the digits",
                        "take 8, 16, 24 or 32 bits of IPv4 and a multiple of 4 up to 96, or 128, of IPv6",
                    );
                    return None;
                }
                self.views.prefixes.insert((*ipv4, *ipv6));
                Some(Self::value_name(value))
            }
            Value::Call(..) => {
                self.unsupported(
                    span,
                    format!("`{}` cannot be computed on varnish", Self::value_name(value)),
                    "a prefix of a prefix",
                    "take one `prefix` of `client.ip`",
                );
                None
            }
        }
    }

    /// Finds `client.ip`.
    pub(super) fn client_items(&mut self) -> Vec<Item> {
        let client = Expression::name("client.ip");
        let set = |generator: &Generator<'_>, address: Expression| {
            // Twice: an IPv4-mapped address prints as IPv4, and then is one.
            vec![
                generator.set_ip("client.ip address", canonical(address)),
                generator.set("client.ip", generator.get_ip_text()),
            ]
        };
        let mut body = set(self, Expression::Sum(vec![Expression::text(""), client]));
        let mut items = Vec::new();
        let trusted = self.settings.trusted_proxies.and_then(|index| self.acl(&Networks::List(index)));
        let walks = self.reads_address() && trusted.is_some();
        if let Some(acl) = trusted.filter(|_| walks || self.uses_trust) {
            let peer = self.get_ip("client.ip address").compare(Comparator::Match, Expression::name(acl.clone()));
            let mut trusting = Vec::new();
            if self.uses_trust {
                trusting.push(self.set_int("trusted", Expression::Integer(1)));
            }
            trusting.push(Statement::Call(self.sub("hop")));
            body.push(when(peer, trusting));
            let header = Expression::Header("req", "x-forwarded-for".to_owned());
            self.walks = true;
            let forwarded = self.get("hops");
            let hop_text = self.get("hop");
            let lost = vec![self.set_int("over", Expression::Integer(super::room::over::WORKSPACE)), Statement::Return];
            let mut hops =
                vec![self.set("hops", regsuball(header, LONG_HOP, "-")), when(forwarded.clone().not(), lost)];
            for hop in 1..=MAX_HOPS {
                let pattern = hop_pattern(hop);
                let hop_is_client =
                    self.get_ip("client.ip address").compare(Comparator::NoMatch, Expression::name(acl.clone()));
                if hop > 1 {
                    hops.push(when(hop_is_client, vec![Statement::Return]));
                }
                // What is not there, or does not read as an address, ends the walk at the hop before.
                hops.push(when(forwarded.clone().matches(pattern.clone()).not(), vec![Statement::Return]));
                hops.push(self.set("hop", regsub(regsub(forwarded.clone(), &pattern, r"\1"), r"[ \t]++\z", "")));
                hops.push(self.call("address"));
                hops.push(when(self.get_int("hop ends").equals(Expression::Integer(1)), vec![Statement::Return]));
            }
            let strict = format!(r"^{}\z", strict_address());
            items.push(Item::Sub {
                name: self.sub("address"),
                comment: vec![
                    "One hop, strictly read; std.ip alone takes 0300.1, 1.2.3.4:80 and fe80::1%lo.".to_owned(),
                ],
                body: vec![when_else(
                    hop_text.clone().matches(strict),
                    set(self, hop_text),
                    vec![self.set_int("hop ends", Expression::Integer(1))],
                )],
            });
            items.push(Item::Sub {
                name: self.sub("hop"),
                comment: vec![
                    "The peer is trusted: the first untrusted address of X-Forwarded-For from the right is the client."
                        .to_owned(),
                    format!("{MAX_HOPS} are looked at."),
                ],
                body: hops,
            });
        }
        body.extend(self.prefix_views());
        items.insert(
            0,
            Item::Sub {
                name: self.sub("client"),
                comment: vec!["client.ip: as text and as address, an IPv4-mapped one as IPv4.".to_owned()],
                body,
            },
        );
        items
    }

    /// Always: the log shows the address.
    fn reads_address(&self) -> bool {
        true
    }

    fn get_ip_text(&self) -> Expression {
        written(self.get_ip("client.ip address"))
    }

    /// Texts and addresses of the prefixes that rules read.
    fn prefix_views(&self) -> Vec<Statement> {
        if self.views.prefixes.is_empty() {
            return Vec::new();
        }
        let address = self.get("client.ip");
        let mut ipv4 = Vec::new();
        let mut ipv6 = vec![self.set("client.ip long", expanded(address.clone()))];
        for (ipv4_bits, ipv6_bits) in &self.views.prefixes {
            let name = format!("prefix(client.ip, {ipv4_bits}, {ipv6_bits})");
            let zeros = usize::from((32 - ipv4_bits) / 8);
            let text = match zeros {
                0 => address.clone(),
                4 => Expression::text("0.0.0.0"),
                _ => regsub(address.clone(), &format!(r"(?:\.[0-9]+){{{zeros}}}\z"), &".0".repeat(zeros)),
            };
            ipv4.push(self.set(&name, text));
            let (long, kept) = (self.get("client.ip long"), usize::from(ipv6_bits / 4));
            let text =
                if *ipv6_bits == 128 { address.clone() } else { regsub(long, &kept_digits(kept), &zero_digits(kept)) };
            ipv6.push(self.set(&name, text));
            let canonical = canonical(self.get(&name));
            let address = format!("{name} address");
            for branch in [&mut ipv4, &mut ipv6] {
                branch.push(self.set_ip(&address, canonical.clone()));
            }
            // Addresses are compared as texts, which must be written alike.
            ipv6.push(self.set(&name, written(self.get_ip(&address))));
        }
        // An IPv4-compatible address (::192.0.2.1) has nothing but zeros in its first 96 bits.
        vec![when_else(address.clone().matches("^[^:]*+$"), ipv4, ipv6)]
    }
}

/// The address that a text reads as; the peer's for a text that none reads.
fn canonical(text: Expression) -> Expression {
    let read = |text| {
        Expression::Call(
            "std.ip".into(),
            vec![(None, text), (None, Expression::name("client.ip")), (Some("resolve"), Expression::Boolean(false))],
        )
    };
    read(written(read(text)))
}

/// The text of an address. varnishd takes `::ffff:` off every one that begins so, not off IPv4-mapped ones alone:
/// `::ffff:0:102:304` would read `0:102:304`.
fn written(address: Expression) -> Expression {
    let text = Expression::Sum(vec![Expression::text(""), address]);
    regsub(text, "^(?=[0-9a-f]++:[0-9a-f]++:[0-9a-f]++\\z)", "::ffff:")
}

/// An IPv6 address with all its 32 digits.
fn expanded(address: Expression) -> Expression {
    let mut text = regsub(address, r"^::[0-9]+\..*", "::");
    for _ in 0..6 {
        // Fewer than seven colons: one more group of zeros.
        text = regsub(text, r"^(?!(?:[^:]*:){7})(.*)::", r"\1::0:");
    }
    let filled = regsub(regsub(regsub(text, "^:", "0:"), r":\z", ":0"), "::", ":0:");
    let padded = regsuball(filled, "([0-9a-f]+)", r"0000\1");
    regsuball(padded, "0*([0-9a-f]{4})(?![0-9a-f])", r"\1")
}

/// The first `digits` of an expanded address as group 1.
fn kept_digits(digits: usize) -> String {
    let colons = digits.saturating_sub(1) / 4;
    format!("^(.{{{}}}).*", digits + colons)
}

/// What stands for it: group 1 and zeros.
fn zero_digits(kept: usize) -> String {
    let mut text = r"\1".to_owned();
    for digit in kept..32 {
        if digit > 0 && digit % 4 == 0 {
            text.push(':');
        }
        text.push('0');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::regex::Compiled;
    #[test]
    fn prefixes_cut_at_digits() {
        assert_eq!((kept_digits(16), zero_digits(16)), ("^(.{19}).*".to_owned(), r"\1:0000:0000:0000:0000".to_owned()));
        assert_eq!(
            (kept_digits(14), zero_digits(14)),
            ("^(.{17}).*".to_owned(), r"\100:0000:0000:0000:0000".to_owned())
        );
        assert_eq!(zero_digits(0), r"\10000:0000:0000:0000:0000:0000:0000:0000");
    }

    #[test]
    fn a_long_header_stays_within_the_limits() {
        let patterns = [hop_pattern(5), hop_pattern(1), LONG_HOP.to_owned(), strict_address()];
        for unit in [",", "1,", "1.1.1.1,", "::,", " ,", " ", "1:1:1:1:1:1:1:1,"] {
            let subject = unit.repeat(32_768 / unit.len());
            for pattern in &patterns {
                let compiled = Compiled::new(pattern.as_bytes()).unwrap();
                assert!(compiled.is_match(subject.as_bytes()).is_ok(), "{unit} {pattern:?}");
            }
        }
    }
}
