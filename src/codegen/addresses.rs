//! Patterns for addresses as texts: what VCL's `std.ip` takes is wider than what the evaluator reads, and differs from
//! engine to engine.

const OCTET: &str = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])";

fn dotted() -> String {
    format!(r"{OCTET}(?:\.{OCTET}){{3}}")
}

/// An address as `std::net::IpAddr` reads it: no port, no zone, no leading zeros, `::` once and for at least one group.
pub fn strict_address() -> String {
    let (ipv4, group) = (dotted(), "[0-9A-Fa-f]{1,4}");
    let full = format!("(?:{group}:){{7}}{group}|(?:{group}:){{6}}{ipv4}");
    // How many groups may stand on each side of `::`.
    let mut short = vec![format!("::(?:(?:{group}:){{0,6}}{group}|(?:{group}:){{0,5}}{ipv4})?")];
    for before in 1..=7_usize {
        let left = format!("{group}(?::{group}){{{}}}", before - 1);
        let after = 7 - before;
        let right = match after {
            0 => String::new(),
            1 => format!("(?:{group})?"),
            _ => format!("(?:(?:{group}:){{0,{}}}{group}|(?:{group}:){{0,{}}}{ipv4})?", after - 1, after - 2),
        };
        short.push(format!("{left}::{right}"));
    }
    format!("(?:{ipv4}|{full}|{})", short.join("|"))
}

/// What stands `hops` from the right of the client's X-Forwarded-For; behind it stands the peer.
pub fn hop_pattern(hops: usize) -> String {
    format!(r"^(?:.*,)?[ \t]*+([^,]*+)(?:,[^,]*+){{{hops}}}\z")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::regex::Compiled;
    use proptest::prelude::*;
    use std::net::IpAddr;

    fn strict(text: &str) -> bool {
        Compiled::new(format!(r"^{}\z", strict_address()).as_bytes()).unwrap().is_match(text.as_bytes()).unwrap()
    }

    proptest! {
        #[test]
        fn addresses_are_read_as_strictly_as_std_does(text in "(?:[0-9a-f]{0,5}:){0,9}[0-9a-f]{0,5}|[0-9:.]{0,16}|(?:[01]{0,2}:){0,8}(?:[0-2]{1,3}\\.){3}[0-9]{1,3}") {
            prop_assert_eq!(strict(&text), text.parse::<IpAddr>().is_ok(), "{}", text);
        }

        #[test]
        fn printed_addresses_are_strict(address in any::<IpAddr>()) {
            prop_assert!(strict(&address.to_string()));
        }
    }
}
