//! A `curl …` command line, as copied from a browser's or Burp's menu → [`Request`].
//!
//! What curl would add by itself is added where the server could not do without it: Host, Content-Type and
//! Content-Length of a body, Authorization. User-Agent, Accept and Accept-Encoding are there only if they are
//! written, because a test should hold what its author sees. Options about the connection are ignored; files are
//! refused, because a command is read, not run.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use std::ops::Range;

use super::{Bytes, Request, shell};

/// Why a curl command cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct CurlError {
    /// A sentence without full stop.
    pub message: String,
    /// The bytes of the command that it is about.
    pub range: Range<usize>,
}

/// What curl would send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CurlRequest {
    pub request: Request,
    /// curl takes `.` and `..` out of the path that is written, as it does without `--path-as-is`.
    pub dots_removed: bool,
}

/// Options without a value that change nothing in the request.
const IGNORED: &[&str] = &[
    "compressed",
    "insecure",
    "silent",
    "show-error",
    "include",
    "location",
    "location-trusted",
    "verbose",
    "fail",
    "fail-with-body",
    "no-buffer",
    "no-keepalive",
    "ipv4",
    "ipv6",
    "progress-bar",
    "http2-prior-knowledge",
    "tlsv1.2",
    "tlsv1.3",
    "remote-name",
    "next-protocol",
    "no-progress-meter",
    "raw",
    "anyauth",
    "basic",
    "sslv3",
];

/// Options with a value that change nothing in the request.
const IGNORED_WITH_VALUE: &[&str] = &[
    "output",
    "write-out",
    "max-time",
    "connect-timeout",
    "retry",
    "retry-delay",
    "proxy",
    "resolve",
    "connect-to",
    "interface",
    "cacert",
    "capath",
    "cert",
    "key",
    "cookie-jar",
    "dump-header",
    "limit-rate",
    "max-redirs",
    "tls-max",
    "ciphers",
    "user-proxy",
    "proxy-user",
    "stderr",
    "trace",
    "trace-ascii",
    "dns-servers",
];

/// Short options and their long names.
const SHORT: &[(u8, &str)] = &[
    (b'X', "request"),
    (b'H', "header"),
    (b'd', "data"),
    (b'b', "cookie"),
    (b'A', "user-agent"),
    (b'e', "referer"),
    (b'u', "user"),
    (b'G', "get"),
    (b'I', "head"),
    (b'F', "form"),
    (b'T', "upload-file"),
    (b'K', "config"),
    (b'k', "insecure"),
    (b's', "silent"),
    (b'S', "show-error"),
    (b'i', "include"),
    (b'L', "location"),
    (b'v', "verbose"),
    (b'f', "fail"),
    (b'N', "no-buffer"),
    (b'4', "ipv4"),
    (b'6', "ipv6"),
    (b'g', "globoff"),
    (b'#', "progress-bar"),
    (b'0', "http1.0"),
    (b'O', "remote-name"),
    (b'o', "output"),
    (b'w', "write-out"),
    (b'm', "max-time"),
    (b'x', "proxy"),
    (b'E', "cert"),
    (b'c', "cookie-jar"),
    (b'D', "dump-header"),
    (b'U', "proxy-user"),
];

/// Options that take a value and change the request.
const WITH_VALUE: &[&str] = &[
    "request",
    "header",
    "data",
    "data-ascii",
    "data-raw",
    "data-binary",
    "data-urlencode",
    "json",
    "cookie",
    "user-agent",
    "referer",
    "user",
    "url",
    "request-target",
    "form",
    "form-string",
    "upload-file",
    "config",
    "url-query",
    "oauth2-bearer",
];

/// Options without a value that change the request.
const FLAGS: &[&str] = &[
    "get",
    "head",
    "path-as-is",
    "globoff",
    "http1.0",
    "http1.1",
    "http2",
    "http2-prior-knowledge",
    "http3",
    "http3-only",
];

/// Reads a curl command line.
pub fn parse_curl(text: &str) -> Result<CurlRequest, CurlError> {
    let mut words = shell::split(text)?.into_iter();
    let first = words.next();
    let name = first.as_ref().map(|word| word.value.rsplit(|byte| *byte == b'/').next().unwrap_or_default());
    let whole = first.as_ref().map_or(0..text.len(), |word| word.range.clone());
    if !matches!(name, Some(b"curl" | b"curl.exe")) {
        return Err(CurlError { message: "a curl command starts with `curl`".to_owned(), range: whole });
    }
    let mut command = Command::default();
    let mut options = true;
    while let Some(shell::Word { value: word, range }) = words.next() {
        let at = |message: String| CurlError { message, range: range.clone() };
        // The value of an option is the next word; an error of it marks both.
        let mut value_of = |name: &str| match words.next() {
            Some(value) => Ok((value.value, range.start..value.range.end)),
            None => Err(at(format!("the curl option `{name}` has no value"))),
        };
        if !options || !word.starts_with(b"-") || word == b"-" {
            command.set_url(word, range.clone()).map_err(at)?;
        } else if word == b"--" {
            options = false;
        } else if let Some(long) = word.strip_prefix(b"--") {
            let name = String::from_utf8_lossy(long).into_owned();
            if takes_value(&name) {
                let (value, range) = value_of(&name)?;
                command.option(&name, value, &range).map_err(|message| CurlError { message, range })?;
            } else {
                command.option(&name, Bytes::new(), &range).map_err(at)?;
            }
        } else {
            // `-sSk`, `-XPOST`
            let mut letters = &word[1..];
            while let Some((letter, rest)) = letters.split_first() {
                let name = SHORT.iter().find(|(short, _)| short == letter).map(|(_, name)| *name);
                let name = name.ok_or_else(|| at(format!("unknown curl option `-{}`", char::from(*letter))))?;
                letters = rest;
                if !takes_value(name) {
                    command.option(name, Bytes::new(), &range).map_err(at)?;
                    continue;
                }
                let attached = std::mem::take(&mut letters);
                let (value, range) =
                    if attached.is_empty() { value_of(name)? } else { (attached.to_vec(), range.clone()) };
                command.option(name, value, &range).map_err(|message| CurlError { message, range })?;
            }
        }
    }
    command.into_request(whole)
}

fn takes_value(name: &str) -> bool {
    WITH_VALUE.contains(&name) || IGNORED_WITH_VALUE.contains(&name)
}

/// What the options add up to.
#[derive(Default)]
struct Command {
    /// With the place where it is written.
    url: Option<(Bytes, Range<usize>)>,
    method: Option<Bytes>,
    target: Option<Bytes>,
    version: Option<&'static str>,
    headers: Vec<(Bytes, Option<Bytes>)>,
    data: Option<Bytes>,
    query: Vec<Bytes>,
    user: Option<Bytes>,
    is_json: bool,
    get: bool,
    head: bool,
    path_as_is: bool,
    globoff: bool,
}

impl Command {
    fn set_url(&mut self, url: Bytes, range: Range<usize>) -> Result<(), String> {
        match self.url.replace((url, range)) {
            None => Ok(()),
            Some(_) => Err("a curl command with several URLs is several requests".to_owned()),
        }
    }

    fn option(&mut self, name: &str, value: Bytes, range: &Range<usize>) -> Result<(), String> {
        match name {
            "request" => self.method = Some(value),
            "url" => self.set_url(value, range.clone())?,
            "request-target" => self.target = Some(value),
            "header" => self.header(&value)?,
            "user-agent" => self.set("User-Agent", value),
            "referer" => self.set("Referer", value.strip_suffix(b";auto").unwrap_or(&value).to_vec()),
            "cookie" if memchr::memchr(b'=', &value).is_none() => return Err(refused("cookie file", &value)),
            "cookie" => self.set("Cookie", value),
            "user" => self.user = Some(value),
            "oauth2-bearer" => self.set("Authorization", [b"Bearer ", &value[..]].concat()),
            "data" | "data-ascii" | "data-binary" | "json" if value.starts_with(b"@") => {
                return Err(refused("file", &value[1..]));
            }
            "data" | "data-ascii" | "data-raw" | "data-binary" => self.add_data(&value, b"&"),
            "data-urlencode" => {
                let encoded = urlencode(&value)?;
                self.add_data(&encoded, b"&");
            }
            "url-query" => self.query.push(match value.strip_prefix(b"+") {
                Some(encoded) => encoded.to_vec(),
                None => urlencode(&value)?,
            }),
            "json" => {
                self.is_json = true;
                self.add_data(&value, b"");
            }
            "get" => self.get = true,
            "head" => self.head = true,
            "path-as-is" => self.path_as_is = true,
            "globoff" => self.globoff = true,
            "http1.0" => self.version = Some("HTTP/1.0"),
            "http1.1" => self.version = Some("HTTP/1.1"),
            "http2" | "http2-prior-knowledge" => self.version = Some("HTTP/2"),
            "http3" | "http3-only" => self.version = Some("HTTP/3"),
            "form" | "form-string" => {
                return Err("a multipart form (`-F`) has a boundary that curl makes up: write the request as a raw \
                            message"
                    .to_owned());
            }
            "upload-file" | "config" => return Err(refused("file", &value)),
            ignored if IGNORED.contains(&ignored) || IGNORED_WITH_VALUE.contains(&ignored) => {}
            unknown => {
                let known = WITH_VALUE.iter().chain(IGNORED_WITH_VALUE).chain(IGNORED).chain(FLAGS);
                let near = nearest(unknown, known.copied());
                let hint = near.map(|near| format!(", did you mean `--{near}`?")).unwrap_or_default();
                return Err(format!("unknown curl option `--{unknown}`{hint}"));
            }
        }
        Ok(())
    }

    /// `-H`: `Name: value`, `Name;` for an empty one, `Name:` to leave out what curl would send.
    fn header(&mut self, line: &[u8]) -> Result<(), String> {
        if line.starts_with(b"@") {
            return Err(refused("file", &line[1..]));
        }
        match memchr::memchr(b':', line) {
            Some(colon) => {
                let value = line[colon + 1..].trim_ascii();
                let value = if value.is_empty() { None } else { Some(value.to_vec()) };
                self.headers.push((line[..colon].trim_ascii().to_vec(), value));
            }
            None => match line.strip_suffix(b";") {
                Some(name) => self.headers.push((name.to_vec(), Some(Vec::new()))),
                None => return Err(format!("`{}` is no header, it has no `:`", String::from_utf8_lossy(line))),
            },
        }
        Ok(())
    }

    fn set(&mut self, name: &str, value: Bytes) {
        self.headers.push((name.as_bytes().to_vec(), Some(value)));
    }

    fn add_data(&mut self, more: &[u8], separator: &[u8]) {
        let data = self.data.get_or_insert_default();
        if !data.is_empty() {
            data.extend_from_slice(separator);
        }
        data.extend_from_slice(more);
    }

    fn names(&self, name: &str) -> bool {
        self.headers.iter().any(|(other, _)| other.eq_ignore_ascii_case(name.as_bytes()))
    }

    /// Adds a header unless one of its name was written, be it to leave it out.
    fn default_header(&mut self, name: &str, value: &[u8]) {
        if !self.names(name) {
            self.set(name, value.to_vec());
        }
    }

    fn into_request(mut self, whole: Range<usize>) -> Result<CurlRequest, CurlError> {
        let Some((url, range)) = self.url.take() else {
            return Err(CurlError { message: "the curl command has no URL".to_owned(), range: whole });
        };
        let at_url = |message| CurlError { message, range: range.clone() };
        let url = if self.globoff { url } else { unglobbed(&url).map_err(&at_url)? };
        let (authority, mut target) = split_url(&url).map_err(&at_url)?;
        let mut dots_removed = false;
        if !self.path_as_is {
            let written = std::mem::take(&mut target);
            target = remove_dot_segments(&written);
            dots_removed = target != written && self.target.is_none();
        }
        let mut query = std::mem::take(&mut self.query);
        if self.get {
            query.extend(self.data.take());
        }
        for part in query {
            target.push(if memchr::memchr(b'?', &target).is_some() { b'&' } else { b'?' });
            target.extend_from_slice(&part);
        }
        if has_blank(&target) {
            return Err(at_url(BLANK.to_owned()));
        }
        let host_at = memchr::memrchr(b'@', authority).map_or(0, |at| at + 1);
        let (user, host) = (authority[..host_at].strip_suffix(b"@"), &authority[host_at..]);
        if let Some(user) = self.user.take().or(user.map(percent_decode)) {
            self.default_header("Authorization", format!("Basic {}", STANDARD.encode(user)).as_bytes());
        }
        if self.is_json {
            self.default_header("Content-Type", b"application/json");
            self.default_header("Accept", b"application/json");
        } else if self.data.is_some() {
            self.default_header("Content-Type", b"application/x-www-form-urlencoded");
        }
        let mut request = Request::default();
        if !self.names("host") {
            request.headers.push((b"Host".to_vec(), host.to_vec()));
        }
        let method = match (self.head, &self.data) {
            (true, _) => "HEAD",
            (false, Some(_)) => "POST",
            (false, None) => "GET",
        };
        request.method = self.method.take().unwrap_or_else(|| method.as_bytes().to_vec());
        request.target = self.target.take().unwrap_or(target);
        request.version = self.version.unwrap_or("HTTP/1.1").as_bytes().to_vec();
        request.headers.extend(self.headers.into_iter().filter_map(|(name, value)| Some((name, value?))));
        request.body = self.data.unwrap_or_default();
        request.frame();
        Ok(CurlRequest { request, dots_removed })
    }
}

/// The option that is at most two slips away.
fn nearest<'o>(word: &str, options: impl Iterator<Item = &'o str>) -> Option<&'o str> {
    let distance = |option: &'o str| (strsim::damerau_levenshtein(word, option), option);
    options.map(distance).filter(|(distance, _)| *distance <= 2).min().map(|(_, option)| option)
}

fn refused(what: &str, name: &[u8]) -> String {
    format!("the {what} `{}` is not read: write its content into the command", String::from_utf8_lossy(name))
}

const BLANK: &str = "a blank or control character in the URL; write it as `%20`";

fn has_blank(url: &[u8]) -> bool {
    url.iter().any(|byte| *byte <= b' ' || *byte == 0x7f)
}

/// A URL as curl reads it without `--globoff`: a backslash before a bracket is removed, and brackets without one would be
/// several requests. The brackets of an IPv6 address are no glob.
fn unglobbed(url: &[u8]) -> Result<Bytes, String> {
    let mut plain = Bytes::with_capacity(url.len());
    let mut at = 0;
    while let Some(byte) = url.get(at) {
        match (byte, url.get(at + 1)) {
            (b'\\', Some(bracket @ (b'[' | b']' | b'{' | b'}'))) => {
                plain.push(*bracket);
                at += 2;
            }
            (b'[', Some(b']')) => {
                plain.extend_from_slice(b"[]");
                at += 2;
            }
            (b'[', _) if ipv6_length(&url[at..]).is_some() => {
                let length = ipv6_length(&url[at..]).unwrap_or(1);
                plain.extend_from_slice(&url[at..at + length]);
                at += length;
            }
            (bracket @ (b'[' | b']' | b'{' | b'}'), _) => {
                return Err(format!(
                    "curl takes `{}` in a URL for a pattern; add `-g` to have it sent as it is",
                    char::from(*bracket)
                ));
            }
            (other, _) => {
                plain.push(*other);
                at += 1;
            }
        }
    }
    Ok(plain)
}

/// Length of an IPv6 address in brackets that a text starts with.
fn ipv6_length(text: &[u8]) -> Option<usize> {
    let end = memchr::memchr(b']', text)?;
    let address = std::str::from_utf8(&text[1..end]).ok()?;
    address.split('%').next()?.parse::<std::net::Ipv6Addr>().ok().map(|_| end + 1)
}

/// Authority and origin-form target of a URL; the fragment is cut, as it is never sent.
fn split_url(url: &[u8]) -> Result<(&[u8], Bytes), String> {
    if has_blank(url) {
        return Err(BLANK.to_owned());
    }
    let rest = match memchr::memmem::find(url, b"://") {
        Some(at) if matches!(&url[..at].to_ascii_lowercase()[..], b"http" | b"https") => &url[at + 3..],
        Some(at) if url[..at].iter().all(u8::is_ascii_alphanumeric) => {
            return Err(format!("`{}` is no HTTP URL", String::from_utf8_lossy(url)));
        }
        _ => url,
    };
    let rest = &rest[..memchr::memchr(b'#', rest).unwrap_or(rest.len())];
    let end = rest.iter().position(|byte| matches!(byte, b'/' | b'?')).unwrap_or(rest.len());
    if end == 0 {
        return Err(format!("the URL `{}` has no host", String::from_utf8_lossy(url)));
    }
    let mut target = rest[end..].to_vec();
    if !target.starts_with(b"/") {
        target.insert(0, b'/');
    }
    Ok((&rest[..end], target))
}

/// RFC 3986, section 5.2.4, on the path of a target, as curl does without `--path-as-is`.
fn remove_dot_segments(target: &[u8]) -> Bytes {
    let path_end = memchr::memchr(b'?', target).unwrap_or(target.len());
    let segments: Vec<&[u8]> = target[1..path_end].split(|byte| *byte == b'/').collect();
    let mut kept: Vec<&[u8]> = Vec::with_capacity(segments.len());
    let last = segments.len() - 1;
    for (index, segment) in segments.into_iter().enumerate() {
        match segment {
            b"." | b".." => {
                if segment == b".." {
                    kept.pop();
                }
                if index == last {
                    kept.push(b"");
                }
            }
            other => kept.push(other),
        }
    }
    let mut path = vec![b'/'];
    path.extend_from_slice(&kept.join(&b'/'));
    path.extend_from_slice(&target[path_end..]);
    path
}

/// `--data-urlencode`: `content`, `=content` or `name=content`.
fn urlencode(value: &[u8]) -> Result<Bytes, String> {
    let mark = value.iter().position(|byte| matches!(byte, b'=' | b'@'));
    if let Some(at) = mark
        && value[at] == b'@'
    {
        return Err(refused("file", &value[at + 1..]));
    }
    let (name, content) = mark.map_or((&b""[..], value), |at| (&value[..at], &value[at + 1..]));
    let mut encoded = name.to_vec();
    if !name.is_empty() {
        encoded.push(b'=');
    }
    for byte in content {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            encoded.push(*byte);
        } else if *byte == b' ' {
            encoded.push(b'+');
        } else {
            encoded.extend_from_slice(format!("%{byte:02X}").as_bytes());
        }
    }
    Ok(encoded)
}

/// Percent-escapes of the user part of a URL.
fn percent_decode(text: &[u8]) -> Bytes {
    let hex = |byte: Option<&u8>| byte.and_then(|byte| char::from(*byte).to_digit(16));
    let mut decoded = Vec::with_capacity(text.len());
    let mut at = 0;
    while at < text.len() {
        match (text[at], hex(text.get(at + 1)), hex(text.get(at + 2))) {
            (b'%', Some(high), Some(low)) => {
                decoded.push((high * 16 + low) as u8);
                at += 3;
            }
            (byte, _, _) => {
                decoded.push(byte);
                at += 1;
            }
        }
    }
    decoded
}
