//! Tokens of literals → their values: escapes of strings, integers, durations, addresses. Called by `lower`.

use std::net::{IpAddr, Ipv4Addr};
use std::ops::Range;

use super::{Place, problem};
use crate::diagnostic::{Code, Diagnostic};
use crate::syntax::ast::{Duration, ExpressionKind};

/// Decodes the text between the quotes of a string, which starts at `base` of the condition. Each bad escape is
/// reported on its own and stands for itself: without it the text could seem empty.
pub(super) fn unescape(text: &str, base: usize, place: &Place, problems: &mut dyn FnMut(Diagnostic)) -> Vec<u8> {
    let mut value = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(length) = text[at..].find('\\') {
        value.extend_from_slice(&text.as_bytes()[at..at + length]);
        at += length;
        let (bytes, end) = escape(&text[at..]);
        let range = base + at..base + at + end;
        let written = &text[at..at + end];
        match bytes {
            Ok(bytes) if bytes[..] == [0] => {
                value.extend_from_slice(written.as_bytes());
                problems(nul(place, range));
            }
            Ok(bytes) => value.extend_from_slice(&bytes),
            Err(why) => {
                value.extend_from_slice(written.as_bytes());
                let mut diagnostic =
                    problem(Code::InvalidEscape, place, range.clone(), format!("invalid escape `{written}`"), why);
                if why == UNKNOWN {
                    if let Some(plain) =
                        written.get(1..).filter(|text| text.starts_with(|c: char| c.is_ascii_punctuation()))
                    {
                        let title = format!("in a text `{plain}` stands for itself: write `{plain}`");
                        diagnostic = diagnostic.proposal(title, place.span(range), plain);
                    }
                    diagnostic = diagnostic
                        .help("strings know `\\\" \\\\ \\n \\r \\t \\xHH \\u{…}`; a backslash is written as `\\\\`")
                        .help("a regular expression is written as `r\"…\"`, where every backslash belongs to it");
                }
                problems(diagnostic);
            }
        }
        at += end;
    }
    value.extend_from_slice(&text.as_bytes()[at..]);
    value
}

const UNKNOWN: &str = "strings have no such escape";

fn nul(place: &Place, range: Range<usize>) -> Diagnostic {
    problem(Code::InvalidLiteral, place, range, "a string cannot hold a NUL".to_owned(), "this is a NUL")
        .help("a NUL ends strings in the engines; `%00` in a URL stays as these three characters and can be compared")
}

/// The bytes of the escape that `text` starts with, and its length.
fn escape(text: &str) -> (Result<Vec<u8>, &'static str>, usize) {
    let Some(kind) = text[1..].chars().next() else { return (Err(UNKNOWN), 1) };
    let simple = |byte: u8| (Ok(vec![byte]), 2);
    match kind {
        '"' => simple(b'"'),
        '\\' => simple(b'\\'),
        'n' => simple(b'\n'),
        'r' => simple(b'\r'),
        't' => simple(b'\t'),
        'x' => {
            let digits = text[2..].bytes().take(2).take_while(u8::is_ascii_hexdigit).count();
            let end = 2 + digits;
            match u8::from_str_radix(&text[2..end], 16) {
                Ok(byte) if digits == 2 => (Ok(vec![byte]), end),
                _ => (Err("`\\x` takes two hexadecimal digits"), end),
            }
        }
        'u' => {
            let braced = text[2..].strip_prefix('{').and_then(|rest| rest.find('}').map(|length| &rest[..length]));
            let Some(digits) = braced else { return (Err("write it as `\\u{…}`"), 2) };
            let end = 4 + digits.len();
            let plain = digits.len() <= 6 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
            match u32::from_str_radix(digits, 16).ok().and_then(char::from_u32).filter(|_| plain) {
                Some(character) => (Ok(character.to_string().into_bytes()), end),
                None => (Err("not the hexadecimal number of a Unicode character"), end),
            }
        }
        other => (Err(UNKNOWN), 1 + other.len_utf8()),
    }
}

/// A token that starts with a digit (or `-`): an integer, a duration, an IPv4 address or network. What it is no
/// literal of, several networks, is proposed in brackets, or without them `in_list`.
pub(super) fn number(
    token: &str,
    range: Range<usize>,
    place: &Place,
    in_list: bool,
) -> Result<ExpressionKind, Box<Diagnostic>> {
    let bad = |message: String, label: &str| problem(Code::InvalidLiteral, place, range.clone(), message, label);
    let digits = token.bytes().take_while(u8::is_ascii_digit).count();
    let unit = &token[digits..];
    if digits == token.len() {
        if digits > 15 {
            let message = format!("`{token}` has {digits} digits, an integer has at most 15");
            return Err(Box::new(bad(message, "this integer is too large")));
        }
        return Ok(ExpressionKind::Integer(token.parse().unwrap_or(i64::MAX)));
    }
    if token.starts_with('-') {
        return Err(Box::new(bad(format!("`{token}` is negative, integers here are not"), "negative number")));
    }
    if token.contains(['-', '*']) {
        return Err(Box::new(several(token, range, place, in_list)));
    }
    if unit.starts_with('.') {
        return address(token, range, place);
    }
    if let Some((count, window)) = token.split_once('/')
        && count.bytes().all(|byte| byte.is_ascii_digit())
        && window.starts_with(|byte: char| byte.is_ascii_digit())
    {
        return Err(Box::new(
            bad(format!("a rate limit (`{token}`) cannot stand in a condition"), "a rate limit")
                .help("a limit is written under `rate: limit:`; a network as `192.0.2.0/24`"),
        ));
    }
    if let Some(duration) = duration(&token[..digits], unit) {
        return Ok(ExpressionKind::Duration(duration));
    }
    let diagnostic = bad(format!("`{token}` is no integer, duration or address"), "cannot be read");
    let plain = token.replace('_', "");
    if plain.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Box::new(diagnostic.fix(format!("write `{plain}`"), place.span(range.clone()), plain)));
    }
    Err(Box::new(
        diagnostic.help("an integer is `10`, a duration `10s` (units `ms s m h d`), a network `192.0.2.0/24`"),
    ))
}

/// Most networks that are proposed for a range of addresses.
const MOST_NETWORKS: usize = 8;

/// `192.0.2.1-192.0.2.50`, `192.0.2.*`, and what is meant as arithmetic.
fn several(token: &str, range: Range<usize>, place: &Place, in_list: bool) -> Diagnostic {
    let bad = |message: String, label: &str| problem(Code::InvalidLiteral, place, range.clone(), message, label);
    let Some(networks) = networks(token) else {
        return match token.contains('.') {
            true => bad(format!("`{token}` is no IP address or network"), "not an address")
                .help("a range of addresses is a network, such as `192.0.2.0/24`, or a list of networks"),
            false => bad(format!("`{token}` is no integer"), "not a number")
                .help("there is no arithmetic in conditions: write the number that it gives"),
        };
    };
    let diagnostic = bad(format!("a range of addresses (`{token}`) is written as networks"), "a range");
    let written = networks.join(", ");
    match networks.len() {
        count if count > MOST_NETWORKS => {
            diagnostic.help(format!("it takes {count} of them: {written}; a list of the project holds them all"))
        }
        1 if written.contains('/') => diagnostic.fix(format!("write `{written}`"), place.span(range), written),
        _ if in_list => diagnostic.fix(format!("write `{written}`"), place.span(range), written),
        _ => diagnostic.fix(format!("write `[{written}]`"), place.span(range), format!("[{written}]")),
    }
}

/// The fewest networks that hold exactly a range of IPv4 addresses.
pub fn networks(range: &str) -> Option<Vec<String>> {
    let (first, last): (Ipv4Addr, Ipv4Addr) = if let Some(fixed) = range.find(".*") {
        let parts: Vec<&str> = range[..fixed].split('.').collect();
        let open = range[fixed..].split('.').skip(1);
        let complete = open.clone().all(|part| part == "*") && parts.len() + open.count() == 4;
        let parts: Option<Vec<u8>> = parts.iter().map(|part| part.parse().ok()).collect();
        let parts = parts.filter(|_| complete)?;
        let end = |fill: u8| {
            let part = |index: usize| parts.get(index).copied().unwrap_or(fill);
            Ipv4Addr::new(part(0), part(1), part(2), part(3))
        };
        (end(0), end(255))
    } else {
        let (first, last) = range.split_once('-')?;
        let first: Ipv4Addr = first.parse().ok()?;
        let [a, b, c, _] = first.octets();
        let last = last.parse().or_else(|error| match last.parse() {
            Ok(d) => Ok(Ipv4Addr::new(a, b, c, d)),
            Err(_) => Err(error),
        });
        (first, last.ok()?)
    };
    let networks: Vec<String> = ipnet::Ipv4Subnets::new(first, last, 0)
        .map(|network| if network.prefix_len() == 32 { network.addr().to_string() } else { network.to_string() })
        .collect();
    (!networks.is_empty()).then_some(networks)
}

/// `10` and `m` → ten minutes. `None` for another unit and for more than 15 digits.
pub(in crate::syntax) fn duration(digits: &str, unit: &str) -> Option<Duration> {
    let factor = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    let count: u64 = digits.parse().ok().filter(|_| digits.len() <= 15)?;
    count.checked_mul(factor).map(Duration)
}

/// An address or a network.
pub(super) fn address(token: &str, range: Range<usize>, place: &Place) -> Result<ExpressionKind, Box<Diagnostic>> {
    let bad = |message: String, label: &str| problem(Code::InvalidLiteral, place, range.clone(), message, label);
    let (address, bits) = token.split_once('/').map_or((token, None), |(address, bits)| (address, Some(bits)));
    let ip: IpAddr = match address.parse() {
        Ok(ip) => ip,
        Err(_) => {
            let diagnostic = bad(format!("`{token}` is no IP address or network"), "not an address");
            let help = match address_problem(address) {
                Some(help) => help,
                None => "an address is `192.0.2.1` or `2001:db8::1`, a network `192.0.2.0/24`".to_owned(),
            };
            return Err(Box::new(diagnostic.help(help)));
        }
    };
    if let IpAddr::V6(v6) = ip
        && let Some(v4) = v6.to_ipv4_mapped()
    {
        let bits = bits.and_then(|bits| bits.parse::<u8>().ok()).and_then(|bits| bits.checked_sub(96));
        let written = bits
            .map_or_else(|| v4.to_string(), |bits| ipnet::Ipv4Net::new_assert(v4, bits.min(32)).trunc().to_string());
        return Err(Box::new(
            bad(format!("`{token}` is an IPv4-mapped IPv6 address"), "written as IPv6")
                .note("client addresses of this form are IPv4 to edgesig, so this would never match")
                .fix(format!("write it as `{written}`"), place.span(range.clone()), written),
        ));
    }
    let Some(bits) = bits else { return Ok(ExpressionKind::Ip(ip)) };
    let most = if ip.is_ipv4() { 32 } else { 128 };
    let canonical = bits == "0" || !bits.starts_with('0');
    let Some(bits) = bits.parse::<u8>().ok().filter(|bits| *bits <= most && canonical) else {
        let message =
            format!("`/{bits}` is no prefix length of an {} network", if most == 32 { "IPv4" } else { "IPv6" });
        if let Some(fixed) = prefix_of_netmask(ip, bits) {
            return Err(Box::new(
                bad(format!("a network has a prefix length, not the mask `{bits}`"), "a netmask").fix(
                    format!("write `{fixed}`"),
                    place.span(range.clone()),
                    fixed,
                ),
            ));
        }
        return Err(Box::new(bad(message, "wrong prefix length").help(format!("it is a number from 0 to {most}"))));
    };
    let Ok(network) = ipnet::IpNet::new(ip, bits) else {
        return Err(Box::new(bad(format!("`{token}` is no network"), "not a network")));
    };
    let truncated = network.trunc();
    if truncated != network {
        return Err(Box::new(
            bad(format!("`{token}` has bits set to the right of its prefix"), "host bits are set")
                .fix(format!("the network is `{truncated}`"), place.span(range.clone()), truncated.to_string())
                .help(format!("a single address is written as `{ip}`")),
        ));
    }
    Ok(ExpressionKind::Cidr(network))
}

/// `10.0.0.0` and `255.0.0.0` → `10.0.0.0/8`
fn prefix_of_netmask(ip: IpAddr, mask: &str) -> Option<String> {
    let network = ipnet::IpNet::with_netmask(ip, IpAddr::V4(mask.parse().ok()?)).ok()?;
    Some(network.trunc().to_string())
}

/// What is wrong with a text that is nearly an address.
fn address_problem(address: &str) -> Option<String> {
    let parts: Vec<&str> = address.split('.').collect();
    if address.contains(':') {
        let groups = address.split(':').count();
        return (groups < 8 && !address.contains("::"))
            .then(|| "an IPv6 address has eight groups, or `::` for a run of zero groups".to_owned());
    }
    if parts.len() == 2 && parts.iter().all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit())) {
        return Some("there are no fractions, numbers are integers".to_owned());
    }
    if parts.len() == 4 && parts.iter().any(|part| part.len() > 1 && part.starts_with('0')) {
        let plain: Option<Vec<u8>> = parts.iter().map(|part| part.parse().ok()).collect();
        let plain = plain.map(|p| Ipv4Addr::new(p[0], p[1], p[2], p[3]).to_string());
        let hint = plain.map_or_else(String::new, |plain| format!(": `{plain}`"));
        return Some(format!("a number with a leading zero is octal elsewhere; write it without{hint}"));
    }
    (parts.len() != 4).then(|| "an IPv4 address has four numbers; `192.0.2.0/24` is a network".to_owned())
}
