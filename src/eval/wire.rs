//! The wire check: which requests varnishd 7.1 refuses by itself, before any VCL ([`refused`]), and what VCL sees of
//! those it lets through ([`received`]). Found by experiment against the real engine; `tests/varnish_wire.rs` compares
//! both with it. `eval` calls `received` first; `cli` and `engine` count what is refused apart.

use crate::request::{Bytes, Request};
use std::borrow::Cow;

/// varnishd's defaults: `http_req_size`, `http_req_hdr_len`, and `http_max_hdr` less the five slots of the request
/// line and its kin.
const HEAD_BYTES: usize = 32 * 1024;
const HEADER_LINE_BYTES: usize = 8 * 1024;
const HEADER_LINES: usize = 59;

/// varnishd adds X-Forwarded-For itself, before VCL, and has no slot for it: VCL runs in a request that is lost. What
/// comes back is an error, whatever VCL does, unless VCL restarts the request after a failure.
pub const NO_SLOT: &str = "59 header lines and no X-Forwarded-For";
const INCOMPLETE_HEAD: &str = "incomplete head";
const SHORT_BODY: &str = "body shorter than Content-Length";
const BAD_CHUNKS: &str = "incomplete or malformed chunks";

/// A request that names one of these in Connection is refused: it would take a well-known end-to-end header away.
const KEPT_FROM_CONNECTION: [&str; 44] = [
    "accept",
    "accept-charset",
    "accept-encoding",
    "accept-language",
    "age",
    "allow",
    "authorization",
    "cache-control",
    "content-encoding",
    "content-language",
    "content-length",
    "content-location",
    "content-md5",
    "content-range",
    "content-type",
    "cookie",
    "date",
    "etag",
    "expect",
    "expires",
    "from",
    "host",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "last-modified",
    "location",
    "max-forwards",
    "pragma",
    "proxy-authenticate",
    "proxy-authorization",
    "range",
    "referer",
    "retry-after",
    "server",
    "set-cookie",
    "user-agent",
    "vary",
    "via",
    "www-authenticate",
    "warning",
    "x-forwarded-for",
];

/// Why varnishd does not let this request reach VCL, if so. HTTP/2 and HTTP/3 requests (they come over another
/// transport) are only asked for what holds there too: nothing.
pub fn refused(request: &Request) -> Option<&'static str> {
    if is_later_version(request) {
        return None;
    }
    if request.raw.is_none() && is_plain(request) {
        let head_bytes = request.method.len()
            + request.target.len()
            + request.version.len()
            + 6
            + request.headers.iter().map(|(name, value)| name.len() + value.len() + 4).sum::<usize>();
        if head_bytes > HEAD_BYTES {
            return Some("head above 32 KB");
        }
        if request.headers.iter().any(|(name, value)| name.len() + value.len() + 2 > HEADER_LINE_BYTES) {
            return Some("header line above 8 KB");
        }
        let mut headers = Vec::with_capacity(request.headers.len());
        headers.extend(request.headers.iter().map(|(name, value)| (name.as_slice(), trimmed(value))));
        return refused_fields(&request.method, &request.target, &request.version, &headers);
    }
    parse(&request.to_wire()).err()
}

/// Whether a reason of [`refused`] says that the message has no end: an engine waits for it.
pub fn is_incomplete(reason: &str) -> bool {
    [INCOMPLETE_HEAD, SHORT_BODY, BAD_CHUNKS].contains(&reason)
}

/// Whether varnishd has no slot left for a header that VCL would add.
pub fn fills_every_slot(request: &Request) -> bool {
    let seen = received(request);
    let count = |name| seen.header_values(name).count();
    // Joined by varnishd, or added by it.
    let joined = ["connection", "cache-control"].map(|name| count(name).saturating_sub(1)).iter().sum::<usize>();
    seen.headers.len() - joined - count("x-forwarded-for") + 1 >= HEADER_LINES
}

/// The request as VCL sees it; meaningful where [`refused`] says nothing. `raw` is gone from a changed one.
pub fn received(request: &Request) -> Cow<'_, Request> {
    if is_later_version(request) {
        return Cow::Borrowed(request);
    }
    if request.raw.is_none() && is_plain(request) {
        if !request.has_header("expect")
            && http_authority(&request.target).is_none()
            && request.headers.iter().all(|(_, value)| trimmed(value).len() == value.len())
        {
            return Cow::Borrowed(request);
        }
        let mut seen = request.clone();
        settle(&mut seen);
        return Cow::Owned(seen);
    }
    match parse(&request.to_wire()) {
        Ok(message) => Cow::Owned(Request {
            method: message.method,
            target: message.target,
            version: message.version,
            headers: message.headers,
            body: message.body,
            raw: None,
            ..request.clone()
        }),
        Err(_) => Cow::Borrowed(request),
    }
}

/// HTTP/2 or HTTP/3: another transport, with rules of its own.
pub fn is_later_version(request: &Request) -> bool {
    let later: [&[u8]; 4] = [b"HTTP/2", b"HTTP/2.0", b"HTTP/3", b"HTTP/3.0"];
    later.iter().any(|version| request.version.eq_ignore_ascii_case(version))
}

/// Drops `Expect`, trims values, and turns `http://AUTHORITY/path` into `/path` with `Host: AUTHORITY`.
fn settle(request: &mut Request) {
    if let Some(authority) = http_authority(&request.target) {
        let path = request.target.split_off(7 + authority);
        let host = std::mem::replace(&mut request.target, path).split_off(7);
        request.headers.retain(|(name, _)| !name.eq_ignore_ascii_case(b"host"));
        request.headers.push((b"Host".to_vec(), host));
    }
    request.headers.retain(|(name, _)| !name.eq_ignore_ascii_case(b"expect"));
    for (_, value) in &mut request.headers {
        let length = trimmed(value).len();
        if length != value.len() {
            *value = trimmed(value).to_vec();
        }
    }
}

/// The length of the authority in a target that varnishd rewrites: `http://` in any case, and a `/` after it.
fn http_authority(target: &[u8]) -> Option<usize> {
    let scheme = target.get(..7)?;
    scheme.eq_ignore_ascii_case(b"http://").then(|| target[7..].iter().position(|byte| *byte == b'/'))?
}

fn trimmed(value: &[u8]) -> &[u8] {
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let start = value.iter().position(|byte| !blank(byte)).unwrap_or(value.len());
    let end = value.iter().rposition(|byte| !blank(byte)).map_or(start, |last| last + 1);
    &value[start..end]
}

/// Whether every field travels as it is, so that nothing has to be parsed.
fn is_plain(request: &Request) -> bool {
    // All bytes of a text, whatever the first ones are: that is quicker than stopping.
    fn all(bytes: &[u8], kind: impl Fn(u8) -> bool) -> bool {
        bytes.iter().fold(true, |all, byte| all & kind(*byte))
    }
    let graphic = |byte: u8| byte > 0x20 && byte != 0x7f;
    !request.method.is_empty()
        && !request.target.is_empty()
        && [&request.method, &request.target, &request.version].iter().all(|text| all(text, graphic))
        && request.headers.iter().all(|(name, value)| {
            !name.is_empty() && name.iter().all(|byte| is_tchar(*byte)) && all(value, |byte| !is_control(byte))
        })
}

/// A byte of a token (RFC 9110, 5.6.2).
fn is_tchar(byte: u8) -> bool {
    const TOKEN: [bool; 256] = {
        let mut table = [false; 256];
        let mut byte = 0;
        while byte < 256 {
            table[byte] = (byte as u8).is_ascii_alphanumeric();
            byte += 1;
        }
        let others = b"!#$%&'*+-.^_`|~";
        let mut index = 0;
        while index < others.len() {
            table[others[index] as usize] = true;
            index += 1;
        }
        table
    };
    TOKEN[usize::from(byte)]
}

/// A control character that a header value may not hold.
fn is_control(byte: u8) -> bool {
    (byte < 0x20 && byte != b'\t') || byte == 0x7f
}

/// The checks on a head that could be split.
fn refused_fields(method: &[u8], target: &[u8], version: &[u8], headers: &[(&[u8], &[u8])]) -> Option<&'static str> {
    let first = |wanted: &'static str| values(headers, wanted).next();
    let count = |wanted: &'static str| values(headers, wanted).count();
    if version.len() != 8 || !version[..5].eq_ignore_ascii_case(b"HTTP/") || !matches!(&version[5..], b"1.0" | b"1.1") {
        return Some("version other than HTTP/1.0 and HTTP/1.1");
    }
    if headers.len() > HEADER_LINES {
        return Some("more than 59 header lines");
    }
    let mut lines = headers.len();
    if http_authority(target).is_some() {
        lines = lines - count("host") + 1;
        if lines > HEADER_LINES {
            return Some("more than 59 header lines");
        }
    } else if count("host") > 1 {
        return Some("several Host headers");
    }
    if count("content-length") > 1 {
        return Some("several Content-Length headers");
    }
    let length = match first("content-length") {
        None => None,
        Some(text) => match content_length(text) {
            None => return Some("Content-Length that is no number"),
            length => length,
        },
    };
    let mut has_body = length.is_some_and(|length| length > 0);
    if let Some(coding) = first("transfer-encoding") {
        if !coding.eq_ignore_ascii_case(b"chunked") {
            return Some("Transfer-Encoding other than chunked");
        }
        if length.is_some() {
            return Some("Content-Length with Transfer-Encoding");
        }
        has_body = true;
    } else if length.is_none() && version.ends_with(b"0") && (method == b"POST" || method == b"PUT") {
        let keeps_alive = first("connection").is_some_and(|value| value.eq_ignore_ascii_case(b"keep-alive"));
        if !keeps_alive {
            return Some("body of unknown length over HTTP/1.0");
        }
    }
    if has_body && method == b"HEAD" {
        return Some("HEAD with a body");
    }
    if let Some(expected) = first("expect")
        && !expected.eq_ignore_ascii_case(b"100-continue")
    {
        return Some("Expect other than 100-continue");
    }
    lines -= count("expect");
    for value in values(headers, "connection") {
        for name in value.split(|byte| *byte == b',').map(trimmed) {
            if KEPT_FROM_CONNECTION.iter().any(|kept| name.eq_ignore_ascii_case(kept.as_bytes())) {
                return Some("Connection that names an end-to-end header");
            }
        }
    }
    lines -= count("connection").saturating_sub(1);
    if count("x-forwarded-for") == 0 && lines + 1 > HEADER_LINES {
        return Some(NO_SLOT);
    }
    None
}

fn values<'h>(headers: &[(&'h [u8], &'h [u8])], wanted: &'static str) -> impl Iterator<Item = &'h [u8]> {
    headers.iter().filter(move |(name, _)| name.eq_ignore_ascii_case(wanted.as_bytes())).map(|(_, value)| *value)
}

/// Digits alone, below 2^63.
fn content_length(text: &[u8]) -> Option<u64> {
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    text.iter()
        .try_fold(0u64, |sum, digit| sum.checked_mul(10)?.checked_add(u64::from(digit - b'0')))
        .filter(|length| *length <= i64::MAX as u64)
}

/// A message, split as varnishd does it, and settled.
struct Message {
    method: Bytes,
    target: Bytes,
    version: Bytes,
    headers: Vec<(Bytes, Bytes)>,
    body: Bytes,
}

fn parse(wire: &[u8]) -> Result<Message, &'static str> {
    if wire.starts_with(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") {
        return Err("HTTP/2 preface");
    }
    let start = wire.iter().position(|byte| !matches!(byte, b' ' | b'\t' | b'\r' | b'\n')).ok_or(INCOMPLETE_HEAD)?;
    let end = head_end(wire, start).ok_or(INCOMPLETE_HEAD)?;
    if end > HEAD_BYTES {
        return Err("head above 32 KB");
    }
    let line_end = memchr::memchr(b'\n', &wire[start..]).map_or(end, |at| start + at + 1);
    let (method, target, version) = request_line(&wire[start..line_end])?;
    let headers = header_lines(&wire[line_end..end])?;
    let borrowed: Vec<(&[u8], &[u8])> =
        headers.iter().map(|(name, value)| (name.as_slice(), value.as_slice())).collect();
    if let Some(reason) = refused_fields(method, target, version, &borrowed) {
        return Err(reason);
    }
    let rest = &wire[end..];
    let body = if values(&borrowed, "transfer-encoding").next().is_some() {
        unchunked(rest).ok_or(BAD_CHUNKS)?
    } else {
        let length = values(&borrowed, "content-length").next().and_then(content_length).unwrap_or(0);
        let length = usize::try_from(length).map_err(|_| SHORT_BODY)?;
        rest.get(..length).ok_or(SHORT_BODY)?.to_vec()
    };
    let mut request = Request { target: target.to_vec(), headers, ..Request::default() };
    settle(&mut request);
    Ok(Message {
        method: method.to_vec(),
        target: request.target,
        version: version.to_vec(),
        headers: request.headers,
        body,
    })
}

/// Where the head ends: after the first empty line.
fn head_end(wire: &[u8], start: usize) -> Option<usize> {
    let mut at = start;
    loop {
        at += memchr::memchr(b'\n', wire.get(at..)?)? + 1;
        let next = if wire.get(at) == Some(&b'\r') { at + 1 } else { at };
        if wire.get(next)? == &b'\n' {
            return Some(next + 1);
        }
        at = next;
    }
}

type RequestLine<'w> = (&'w [u8], &'w [u8], &'w [u8]);

fn request_line(line: &[u8]) -> Result<RequestLine<'_>, &'static str> {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    // One tab after the method, and nowhere else, passes for a blank.
    let method_end = line.iter().position(|byte| matches!(byte, b' ' | b'\t')).unwrap_or(line.len());
    let (method, rest) = (&line[..method_end], line.get(method_end + 1..).unwrap_or_default());
    if method.iter().chain(rest).any(|byte| *byte < 0x20 || *byte == 0x7f) {
        return Err("control character in the request line");
    }
    let rest = trimmed(rest);
    let target_end = rest.iter().position(|byte| *byte == b' ').unwrap_or(rest.len());
    let version = &rest[target_end..];
    if method.is_empty() || target_end == 0 {
        return Err("request line without target");
    }
    // A blank after the version counts as part of it; it was trimmed away above.
    if line.ends_with(b" ") {
        return Err("version other than HTTP/1.0 and HTTP/1.1");
    }
    Ok((method, &rest[..target_end], trimmed(version)))
}

/// Header lines up to the empty one: unfolded, trimmed.
fn header_lines(mut lines: &[u8]) -> Result<Vec<(Bytes, Bytes)>, &'static str> {
    let mut headers = Vec::new();
    loop {
        let mut line = Vec::new();
        loop {
            let end = memchr::memchr(b'\n', lines).ok_or(INCOMPLETE_HEAD)?;
            let (content, terminator) =
                if end > 0 && lines[end - 1] == b'\r' { (&lines[..end - 1], 2) } else { (&lines[..end], 1) };
            line.extend_from_slice(content);
            lines = &lines[end + 1..];
            let folds = matches!(lines.first(), Some(b' ' | b'\t')) && !line.is_empty();
            if !folds {
                break;
            }
            line.extend(std::iter::repeat_n(b' ', terminator));
            let blanks = lines.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
            line.extend(std::iter::repeat_n(b' ', blanks));
            lines = &lines[blanks..];
        }
        if line.is_empty() {
            return Ok(headers);
        }
        if line.iter().any(|byte| is_control(*byte)) {
            return Err("control character in a header");
        }
        if line.len() > HEADER_LINE_BYTES {
            return Err("header line above 8 KB");
        }
        let colon = line.iter().position(|byte| *byte == b':').ok_or("header without a colon")?;
        if colon == 0 {
            return Err("header without a name");
        }
        if !line[..colon].iter().all(|byte| is_tchar(*byte)) {
            return Err("illegal character in a header name");
        }
        let value = trimmed(&line[colon + 1..]).to_vec();
        line.truncate(colon);
        headers.push((line, value));
    }
}

/// The content of a well-formed chunked body; extensions and trailers are not accepted.
fn unchunked(mut rest: &[u8]) -> Option<Bytes> {
    let mut body = Vec::new();
    loop {
        let digits = rest.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
        let size = usize::from_str_radix(std::str::from_utf8(rest.get(..digits)?).ok()?, 16).ok()?;
        rest = rest[digits..].strip_prefix(b"\r\n")?;
        if size == 0 {
            return rest.starts_with(b"\r\n").then_some(body);
        }
        body.extend_from_slice(rest.get(..size)?);
        rest = rest[size..].strip_prefix(b"\r\n")?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(text: &str) -> Request {
        Request { raw: Some(text.as_bytes().to_vec()), ..Request::default() }
    }

    fn with(headers: &[(&str, &str)]) -> Request {
        let headers = headers.iter().map(|(n, v)| (n.as_bytes().to_vec(), v.as_bytes().to_vec())).collect();
        Request { headers, ..Request::default() }
    }

    #[test]
    fn refusals() {
        let cases: &[(&str, Option<&str>)] = &[
            ("GET / HTTP/1.1\r\nHost: h\r\n\r\n", None),
            ("\r\n\r\nGET  /   HTTP/1.1\nHost: h\n\n", None),
            ("GET / http/1.0\r\n\r\n", None),
            ("GET / HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n", Some("several Host headers")),
            ("GET http://x/ HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n", None),
            ("GET / HTTP/1.1 \r\n\r\n", Some("version other than HTTP/1.0 and HTTP/1.1")),
            ("GET / HTTP/1.2\r\n\r\n", Some("version other than HTTP/1.0 and HTTP/1.1")),
            ("GET /\r\n\r\n", Some("version other than HTTP/1.0 and HTTP/1.1")),
            ("GET /a b HTTP/1.1\r\n\r\n", Some("version other than HTTP/1.0 and HTTP/1.1")),
            ("GET\t/ HTTP/1.1\r\n\r\n", None),
            ("GET \t/ HTTP/1.1\r\n\r\n", Some("control character in the request line")),
            ("GET\t\t/ HTTP/1.1\r\n\r\n", Some("control character in the request line")),
            ("GET /\tHTTP/1.1\r\n\r\n", Some("control character in the request line")),
            ("GET / HTTP/1.1\r\n x\r\n\r\n", Some("header without a colon")),
            ("GET / HTTP/1.1\r\nA : b\r\n\r\n", Some("illegal character in a header name")),
            ("GET / HTTP/1.1\r\nA: b\rc\r\n\r\n", Some("control character in a header")),
            ("GET / HTTP/1.1\r\n: b\r\n\r\n", Some("header without a name")),
            ("GET / HTTP/1.1\r\nConnection: x , HOST\r\n\r\n", Some("Connection that names an end-to-end header")),
            ("GET / HTTP/1.1\r\nConnection: host x\r\n\r\n", None),
            ("HEAD / HTTP/1.1\r\nContent-Length: 0\r\n\r\n", None),
            ("HEAD / HTTP/1.1\r\nContent-Length: 1\r\n\r\nx", Some("HEAD with a body")),
            ("POST / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", None),
            ("POST / HTTP/1.0\r\nConnection: keep-alive,x\r\n\r\n", Some("body of unknown length over HTTP/1.0")),
            ("post / HTTP/1.0\r\n\r\n", None),
            ("GET / HTTP/1.1\r\nContent-Length: 2\r\n\r\nx", Some("body shorter than Content-Length")),
            ("GET / HTTP/1.1\r\nTransfer-Encoding: Chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n", None),
            (
                "GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n",
                Some("incomplete or malformed chunks"),
            ),
            ("GET / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n", Some("Transfer-Encoding other than chunked")),
            ("GET / HTTP/1.1\r\nExpect: 100-Continue\r\n\r\n", None),
            ("GET / HTTP/1.1\r\nExpect: x\r\n\r\n", Some("Expect other than 100-continue")),
            ("GET / HTTP/1.1\r\nHost: h\r\n", Some("incomplete head")),
            ("", Some("incomplete head")),
            ("GET / HTTP/2\r\nHost: h\r\n\r\n", Some("version other than HTTP/1.0 and HTTP/1.1")),
        ];
        for (text, expected) in cases {
            assert_eq!(refused(&raw(text)), *expected, "{text:?}");
        }
        let later = Request { version: b"HTTP/2".to_vec(), ..Request::default() };
        assert_eq!(refused(&later), None);
        assert_eq!(refused(&with(&[("a", "x\0y")])), Some("control character in a header"));
        assert_eq!(
            refused(&with(&[("content-length", "9223372036854775808")])),
            Some("Content-Length that is no number")
        );
        let many: Vec<(String, &str)> = (0..59).map(|n| (format!("h{n}"), "v")).collect();
        let mut many: Vec<(&str, &str)> = many.iter().map(|(n, v)| (n.as_str(), *v)).collect();
        assert_eq!(refused(&with(&many)), Some(NO_SLOT));
        many[3].0 = "x-forwarded-for";
        assert_eq!(refused(&with(&many)), None);
    }

    #[test]
    fn what_vcl_sees() {
        let seen =
            raw("GET http://x?a/b HTTP/1.1\r\nHost: h\r\nA: x\r\n  y\r\n\tz \r\nExpect: 100-continue\r\n\r\nmore");
        let seen = received(&seen);
        assert_eq!(seen.target, b"/b");
        let headers: Vec<(&[u8], &[u8])> = vec![(b"A", b"x    y   z"), (b"Host", b"x?a")];
        assert_eq!(seen.headers.iter().map(|(n, v)| (&n[..], &v[..])).collect::<Vec<_>>(), headers);
        assert_eq!(seen.body, b"");
        assert!(matches!(received(&with(&[("a", "b")])), Cow::Borrowed(_)));
        assert_eq!(received(&with(&[("a", " b\t")])).headers[0].1, b"b");
    }
}
