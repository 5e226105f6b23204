//! A request line (`GET /?q=1`) or a raw HTTP message (Burp, Wireshark) → [`Request`]. Called by `semantic` for
//! tests, by `cli` for `explain`, by `json` for raw rows.

use pest::Parser;

use super::{Bytes, Request};

/// The generated parser of `grammar/request.pest`.
#[derive(pest_derive::Parser)]
#[grammar = "../grammar/request.pest"]
struct Grammar;

/// Reads `METHOD TARGET [VERSION]`; the rest is the defaults. The error is a sentence without full stop.
pub fn parse_request_line(text: &str) -> Result<Request, String> {
    refuse_response(text.as_bytes())?;
    let pairs = match Grammar::parse(Rule::request_line, text) {
        Ok(pairs) => pairs,
        Err(_) if text.trim().contains(['\n', '\r']) => {
            return Err("a request line is one line; a whole message has headers below it".to_owned());
        }
        Err(_) => {
            let words = text.split_whitespace().count();
            let blanks = if words > 2 { "; a blank in the target is written as `%20`" } else { "" };
            return Err(format!(
                "expected a request line such as `GET /path HTTP/1.1`, found `{}`{blanks}",
                shorten(text)
            ));
        }
    };
    let mut request = Request::default();
    let mut has_target = false;
    for pair in pairs.flatten() {
        let text = pair.as_str().as_bytes().to_vec();
        match pair.as_rule() {
            Rule::method => request.method = text,
            Rule::target => {
                request.target = text;
                has_target = true;
            }
            Rule::version => request.version = text.to_ascii_uppercase(),
            Rule::request_line | Rule::blank | Rule::EOI => {}
        }
    }
    if !has_target {
        return Err(format!("expected a method and a target, such as `GET /path`, found `{}`", shorten(text)));
    }
    if let Some(control) = request.target.iter().find(|byte| byte.is_ascii_control()) {
        return Err(format!(
            "a control character (0x{control:02x}) in the target, which YAML makes of an escape such as `\\b` in double \
             quotes; write it as `%{control:02x}`, or the line without quotes"
        ));
    }
    if !is_target(&request) {
        let target = String::from_utf8_lossy(&request.target);
        return Err(format!("expected a target that starts with `/`, found `{}`", shorten(&target)));
    }
    request.complete();
    Ok(request)
}

/// Origin form, absolute form, `*`, or an authority for CONNECT. What else a client may send is written as a whole
/// message.
pub fn is_target(request: &Request) -> bool {
    let target = request.target.as_slice();
    let scheme = target.windows(3).position(|three| three == b"://").map(|end| &target[..end]);
    let is_scheme = |scheme: &[u8]| {
        scheme.first().is_some_and(u8::is_ascii_alphabetic)
            && scheme.iter().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(byte))
    };
    target.starts_with(b"/")
        || target.starts_with(b"*")
        || scheme.is_some_and(is_scheme)
        || (request.method == b"CONNECT" && target.contains(&b':'))
}

/// A response in the place of a request was copied from the wrong pane.
fn refuse_response(bytes: &[u8]) -> Result<(), String> {
    let start = bytes.trim_ascii_start();
    if !start.get(..5).is_some_and(|start| start.eq_ignore_ascii_case(b"HTTP/")) {
        return Ok(());
    }
    let line = String::from_utf8_lossy(lines(start).next().unwrap_or_default());
    Err(format!("this is a response (`{}`), expected a request such as `GET /path HTTP/1.1`", shorten(&line)))
}

fn shorten(text: &str) -> String {
    let mut short: String = text.chars().take(60).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

/// Reads a raw message as people save or write it: request line, headers, an empty line, the body. Lines end in CRLF
/// or LF. The bytes are kept in `raw`, unless they are no message by themselves: then framing is made true (a body
/// without its Content-Length, or shorter than that), a missing version is HTTP/1.1. A missing Host stays missing.
/// The error is a sentence without full stop.
pub fn parse_message(bytes: &[u8]) -> Result<Request, String> {
    refuse_response(bytes)?;
    let mut request = parse_exact_message(bytes)?;
    let head = head(bytes);
    if let Some(raw) = &mut request.raw
        && !head.complete
    {
        if !raw.ends_with(b"\n") {
            raw.extend_from_slice(b"\r\n");
        }
        raw.extend_from_slice(b"\r\n");
    }
    let rest = &bytes[head.end..];
    let framed = match framing(&request) {
        Framing::Length(length) => length <= rest.len(),
        Framing::Chunked => true,
        Framing::None => rest.is_empty(),
    };
    if !framed {
        // An editor or YAML ends a text with a line break that is no part of the body.
        let text_end = rest.strip_suffix(b"\r\n").or(rest.strip_suffix(b"\n")).unwrap_or(rest);
        request.body = text_end.to_vec();
        request.raw = None;
        request.frame();
    }
    Ok(request)
}

/// Reads a message exactly as it came over the wire; the bytes are in `raw`.
pub(super) fn parse_exact_message(bytes: &[u8]) -> Result<Request, String> {
    let head = head(bytes);
    let mut lines = lines(&bytes[..head.end]);
    // Empty lines before a request are skipped by servers.
    let first = lines.find(|line| !line.is_empty()).ok_or("the message is empty")?;
    let (method, target, version) = request_line(first);
    if target.is_empty() {
        let line = String::from_utf8_lossy(first);
        return Err(format!("expected a request line such as `GET /path HTTP/1.1`, found `{}`", shorten(&line)));
    }
    let mut request = Request {
        method: method.to_vec(),
        target: target.to_vec(),
        version: version.unwrap_or(b"HTTP/1.1").to_vec(),
        ..Request::default()
    };
    for line in lines.take_while(|line| !line.is_empty()) {
        if line.starts_with(b" ") || line.starts_with(b"\t") {
            // A folded line goes on with the value before it.
            if let Some((_, value)) = request.headers.last_mut() {
                value.push(b' ');
                value.extend_from_slice(line.trim_ascii());
            }
            continue;
        }
        let colon = memchr::memchr(b':', line).unwrap_or(line.len());
        let value = line.get(colon + 1..).unwrap_or_default();
        request.headers.push((line[..colon].to_vec(), trim_blanks(value).to_vec()));
    }
    let rest = &bytes[head.end..];
    request.body = match framing(&request) {
        Framing::Length(length) => rest[..length.min(rest.len())].to_vec(),
        Framing::Chunked => dechunk(rest).unwrap_or_else(|| rest.to_vec()),
        Framing::None => rest.to_vec(),
    };
    // A message of a later protocol version is never sent as this text.
    let is_first_version = request.version.starts_with(b"HTTP/1") && version.is_some();
    request.raw = is_first_version.then(|| bytes.to_vec());
    Ok(request)
}

/// The part of a message before its body.
struct Head {
    /// Just after the empty line.
    end: usize,
    /// The empty line is there.
    complete: bool,
}

fn head(bytes: &[u8]) -> Head {
    let mut at = 0;
    let mut has_text = false;
    while at < bytes.len() {
        let end = memchr::memchr(b'\n', &bytes[at..]).map_or(bytes.len(), |length| at + length + 1);
        let empty = matches!(&bytes[at..end], b"\n" | b"\r\n");
        at = end;
        if empty && has_text {
            return Head { end: at, complete: true };
        }
        has_text |= !empty;
    }
    Head { end: at, complete: false }
}

/// Lines without their ends.
fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line))
}

/// Method, target and version; blanks inside the target stay in it.
fn request_line(line: &[u8]) -> (&[u8], &[u8], Option<&[u8]>) {
    let line = trim_blanks(line);
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let method = line.iter().position(is_blank).unwrap_or(line.len());
    let (method, rest) = (&line[..method], trim_blanks(&line[method..]));
    let last = rest.iter().rposition(is_blank).map_or(0, |at| at + 1);
    if rest[last..].get(..5).is_some_and(|start| start.eq_ignore_ascii_case(b"HTTP/")) && last > 0 {
        return (method, trim_blanks(&rest[..last]), Some(&rest[last..]));
    }
    (method, rest, None)
}

fn trim_blanks(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}

enum Framing {
    Length(usize),
    Chunked,
    None,
}

fn framing(request: &Request) -> Framing {
    let chunked = |value: &[u8]| value.to_ascii_lowercase().windows(7).any(|window| window == b"chunked");
    if request.header_values("transfer-encoding").any(chunked) {
        return Framing::Chunked;
    }
    let length = request.header_values("content-length").next();
    match length.and_then(|value| std::str::from_utf8(value).ok()?.parse().ok()) {
        Some(length) => Framing::Length(length),
        None => Framing::None,
    }
}

/// The data of a chunked body; `None` where it is not one.
fn dechunk(mut rest: &[u8]) -> Option<Bytes> {
    let mut body = Vec::new();
    loop {
        let end = memchr::memchr(b'\n', rest)?;
        let line = std::str::from_utf8(&rest[..end]).ok()?;
        let size = usize::from_str_radix(line.split(';').next()?.trim(), 16).ok()?;
        rest = &rest[end + 1..];
        if size == 0 {
            return Some(body);
        }
        body.extend_from_slice(rest.get(..size)?);
        rest = &rest[size..];
        rest = rest.strip_prefix(b"\r\n").or_else(|| rest.strip_prefix(b"\n"))?;
    }
}
