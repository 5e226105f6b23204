//! Addresses: their canonical text, their networks, sets of networks, and the walk along X-Forwarded-For. Pure; used
//! by [`super::view`] (`client.ip`, `prefix`) and for the share of a canary.

use super::decode::trim_blanks;
use crate::catalog::MAX_HOPS;
use ipnet::IpNet;
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An IPv4-mapped IPv6 address as the IPv4 address that it is.
pub fn unmapped(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

/// The text of an address as glibc's `inet_ntop` writes it, which both engines show: the longest run of two or more
/// zero groups is `::` (the first of several), an IPv4-compatible address ends dotted.
pub fn canonical_text(address: IpAddr) -> String {
    let address = match unmapped(address) {
        IpAddr::V4(address) => return address.to_string(),
        IpAddr::V6(address) => address,
    };
    let groups = address.segments();
    let (start, length) = longest_zero_run(&groups);
    let mut text = String::with_capacity(39);
    let mut index = 0;
    while index < 8 {
        if length >= 2 && index == start {
            text.push_str("::");
            index += length;
            continue;
        }
        if index == 6 && start == 0 && length == 6 {
            let octets = address.octets();
            let _ = write!(text, "{}", Ipv4Addr::new(octets[12], octets[13], octets[14], octets[15]));
            break;
        }
        if index > 0 && !text.ends_with(':') {
            text.push(':');
        }
        // Writing to a string cannot fail.
        let _ = write!(text, "{:x}", groups[index]);
        index += 1;
    }
    text
}

fn longest_zero_run(groups: &[u16; 8]) -> (usize, usize) {
    let mut best = (0, 0);
    let mut index = 0;
    while index < 8 {
        let length = groups[index..].iter().take_while(|group| **group == 0).count();
        if length > best.1 {
            best = (index, length);
        }
        index += length.max(1);
    }
    best
}

/// The network of an address: its first bits, the rest zero.
pub fn prefix(address: IpAddr, ipv4_bits: u8, ipv6_bits: u8) -> IpAddr {
    match unmapped(address) {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(32_u32.saturating_sub(ipv4_bits.into())).unwrap_or(0);
            Ipv4Addr::from_bits(address.to_bits() & mask).into()
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(128_u32.saturating_sub(ipv6_bits.into())).unwrap_or(0);
            Ipv6Addr::from_bits(address.to_bits() & mask).into()
        }
    }
}

/// A set of networks that answers in logarithmic time.
///
/// INVARIANT: each list is sorted, its ranges neither overlap nor touch.
#[derive(Clone, Debug, Default)]
pub struct NetworkSet {
    ipv4: Vec<(u32, u32)>,
    ipv6: Vec<(u128, u128)>,
}

impl NetworkSet {
    pub fn new(networks: &[IpNet]) -> NetworkSet {
        let mut ipv4 = Vec::new();
        let mut ipv6 = Vec::new();
        for network in networks {
            match network {
                IpNet::V4(network) => ipv4.push((network.network().to_bits(), network.broadcast().to_bits())),
                IpNet::V6(network) => ipv6.push((network.network().to_bits(), network.broadcast().to_bits())),
            }
        }
        NetworkSet {
            ipv4: joined(ipv4, |end, start| end.checked_add(1).is_none_or(|next| start <= next)),
            ipv6: joined(ipv6, |end, start| end.checked_add(1).is_none_or(|next| start <= next)),
        }
    }

    /// Whether the address (IPv4 where it is IPv4-mapped) is in one of the networks.
    pub fn contains(&self, address: IpAddr) -> bool {
        match unmapped(address) {
            IpAddr::V4(address) => in_ranges(&self.ipv4, address.to_bits()),
            IpAddr::V6(address) => in_ranges(&self.ipv6, address.to_bits()),
        }
    }
}

fn joined<T: Copy + Ord>(mut ranges: Vec<(T, T)>, touches: impl Fn(T, T) -> bool) -> Vec<(T, T)> {
    ranges.sort_unstable();
    let mut joined: Vec<(T, T)> = Vec::with_capacity(ranges.len());
    for (start, end) in ranges {
        match joined.last_mut() {
            Some(last) if touches(last.1, start) => last.1 = last.1.max(end),
            _ => joined.push((start, end)),
        }
    }
    joined
}

fn in_ranges<T: Copy + Ord>(ranges: &[(T, T)], value: T) -> bool {
    let after = ranges.partition_point(|(start, _)| *start <= value);
    after > 0 && value <= ranges[after - 1].1
}

/// The client behind trusted proxies. `forwarded` is the joined X-Forwarded-For as the client sent it. While the
/// address at hand is trusted, the next one from the right is looked at, at most [`MAX_HOPS`]; one that is no address
/// leaves the last trusted hop.
pub fn client_address(peer: IpAddr, forwarded: Option<&[u8]>, trusted: &NetworkSet) -> IpAddr {
    let mut client = unmapped(peer);
    let Some(forwarded) = forwarded else { return client };
    for part in forwarded.rsplit(|byte| *byte == b',').take(MAX_HOPS) {
        if !trusted.contains(client) {
            break;
        }
        let Some(next) = parse_address(trim_blanks(part)) else { break };
        client = next;
    }
    client
}

/// An address and nothing else: no port, brackets or zone.
pub fn parse_address(text: &[u8]) -> Option<IpAddr> {
    std::str::from_utf8(text).ok()?.parse().ok().map(unmapped)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn text_is_what_inet_ntop_writes() {
        // The right column was printed by glibc 2.36.
        for (input, expected) in [
            ("192.0.2.1", "192.0.2.1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("::1.2.3.4", "::1.2.3.4"),
            ("::1", "::1"),
            ("::2", "::2"),
            ("::1:0", "::0.1.0.0"),
            ("::", "::"),
            ("2001:DB8::1", "2001:db8::1"),
            ("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"),
            ("0:0:0:0:0:0:ffff:1", "::255.255.0.1"),
            ("1:0:2:3:4:5:6:7", "1:0:2:3:4:5:6:7"),
            ("::5:1.2.3.4", "::5:102:304"),
            ("64:ff9b::1.2.3.4", "64:ff9b::102:304"),
            ("1::", "1::"),
            ("fe80:0:0:1::", "fe80:0:0:1::"),
        ] {
            assert_eq!(canonical_text(ip(input)), expected);
        }
    }

    #[test]
    fn prefix_keeps_the_first_bits() {
        for (address, ipv4, ipv6, expected) in [
            ("192.0.2.129", 24, 56, "192.0.2.0"),
            ("192.0.2.129", 32, 64, "192.0.2.129"),
            ("192.0.2.129", 0, 64, "0.0.0.0"),
            ("2001:db8:1:2345::1", 24, 56, "2001:db8:1:2300::"),
            ("2001:db8::1", 24, 0, "::"),
            ("2001:db8::1", 24, 128, "2001:db8::1"),
            ("::ffff:192.0.2.1", 24, 56, "192.0.2.0"),
        ] {
            assert_eq!(prefix(ip(address), ipv4, ipv6), ip(expected));
        }
    }

    #[test]
    fn sets_of_networks() {
        let nets: Vec<IpNet> =
            ["10.0.0.0/8", "10.1.0.0/16", "255.255.255.255/32", "192.0.2.0/25", "192.0.2.128/25", "2001:db8::/32"]
                .iter()
                .map(|text| text.parse().unwrap())
                .collect();
        let set = NetworkSet::new(&nets);
        assert_eq!(set.ipv4.len(), 3);
        for (address, expected) in [
            ("10.0.0.0", true),
            ("10.255.255.255", true),
            ("11.0.0.0", false),
            ("9.255.255.255", false),
            ("192.0.2.128", true),
            ("255.255.255.255", true),
            ("::ffff:10.0.0.1", true),
            ("2001:db8:ffff::1", true),
            ("2001:db9::", false),
            ("::", false),
        ] {
            assert_eq!(set.contains(ip(address)), expected, "{address}");
        }
        assert!(!NetworkSet::default().contains(ip("192.0.2.1")));
    }

    #[test]
    fn the_client_is_the_first_untrusted_address() {
        let trusted = NetworkSet::new(&["10.0.0.0/8".parse().unwrap()]);
        for (peer, forwarded, expected) in [
            ("198.51.100.1", Some("203.0.113.1"), "198.51.100.1"),
            ("10.0.0.1", None, "10.0.0.1"),
            ("10.0.0.1", Some(""), "10.0.0.1"),
            ("10.0.0.1", Some("203.0.113.1"), "203.0.113.1"),
            ("::ffff:10.0.0.1", Some("203.0.113.1"), "203.0.113.1"),
            ("10.0.0.1", Some("1.1.1.1,203.0.113.1 ,\t10.0.0.2"), "203.0.113.1"),
            ("10.0.0.1", Some("203.0.113.1, unknown"), "10.0.0.1"),
            ("10.0.0.1", Some("203.0.113.1, unknown, 10.0.0.2"), "10.0.0.2"),
            ("10.0.0.1", Some("203.0.113.1,"), "10.0.0.1"),
            ("10.0.0.1", Some("203.0.113.1:80"), "10.0.0.1"),
            ("10.0.0.1", Some("[2001:db8::1]"), "10.0.0.1"),
            ("10.0.0.1", Some("fe80::1%eth0"), "10.0.0.1"),
            ("10.0.0.1", Some("203.0.113.01"), "10.0.0.1"),
            ("10.0.0.1", Some("2001:db8::1"), "2001:db8::1"),
            ("10.0.0.1", Some("::ffff:203.0.113.9"), "203.0.113.9"),
            ("10.0.0.1", Some("10.0.0.3, 10.0.0.2"), "10.0.0.3"),
            ("10.0.0.1", Some("1.1.1.1, 10.0.0.6, 10.0.0.5, 10.0.0.4, 10.0.0.3, 10.0.0.2"), "10.0.0.6"),
            ("10.0.0.1", Some("1.1.1.1, 10.0.0.5, 10.0.0.4, 10.0.0.3, 10.0.0.2"), "1.1.1.1"),
        ] {
            let client = client_address(ip(peer), forwarded.map(str::as_bytes), &trusted);
            assert_eq!(client, ip(expected), "{peer} {forwarded:?}");
        }
    }
}
