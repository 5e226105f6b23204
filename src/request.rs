//! A request and a response as data. `eval` judges it, `engine` sends it, tests are written as it.

mod curl;
mod json;
mod json_keys;
mod message;
#[cfg(test)]
mod reading_tests;
mod shell;

pub use curl::{CurlError, CurlRequest, parse_curl};
pub use json::{RequestLine, parse_json_line};
pub use message::{is_target, parse_message, parse_request_line};

use std::net::IpAddr;

/// Bytes of a header value, a URL or a body: no encoding is assumed.
pub type Bytes = Vec<u8>;

/// One request as it travels, plus what the connection tells.
///
/// `headers` holds every header line in order, names as sent. Framing is true: a request read from a structured form
/// (map, JSON, curl) has been given a Content-Length that fits its body, unless it names Transfer-Encoding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    pub method: Bytes,
    /// The request target as sent: origin form, absolute form or `*`.
    pub target: Bytes,
    /// `HTTP/1.1`; what stands in the request line. `HTTP/2` for a request that came over HTTP/2.
    pub version: Bytes,
    pub headers: Vec<(Bytes, Bytes)>,
    pub body: Bytes,
    /// The TCP peer (what PROXY v2 announces).
    pub client_ip: IpAddr,
    pub facts: Facts,
    /// The response that the origin gives, for rates that count responses.
    pub response: Response,
    /// Time on the virtual clock, since its start.
    pub time: std::time::Duration,
    /// The whole message, for a request that was given as raw bytes: the wire check judges it and the engine sends it.
    pub raw: Option<Bytes>,
}

/// What a trusted terminator knows about the client; `None` is absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    pub scheme: Option<String>,
    pub country: Option<String>,
    pub asn: Option<u32>,
    pub as_name: Option<String>,
    pub proxy_type: Option<String>,
    pub ja3: Option<String>,
    pub ja4: Option<String>,
    pub tls_version: Option<String>,
    pub sni: Option<String>,
}

/// An origin's response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    pub status: u16,
    pub headers: Vec<(Bytes, Bytes)>,
}

impl Default for Response {
    fn default() -> Response {
        Response { status: 200, headers: Vec::new() }
    }
}

/// The client of a request that names none.
pub const DEFAULT_CLIENT: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
/// The host of a request that names none.
pub const DEFAULT_HOST: &str = "www.example.com";

impl Default for Request {
    /// `GET / HTTP/1.1` without any header, from [`DEFAULT_CLIENT`].
    fn default() -> Request {
        Request {
            method: b"GET".to_vec(),
            target: b"/".to_vec(),
            version: b"HTTP/1.1".to_vec(),
            headers: Vec::new(),
            body: Vec::new(),
            client_ip: DEFAULT_CLIENT,
            facts: Facts::default(),
            response: Response::default(),
            time: std::time::Duration::ZERO,
            raw: None,
        }
    }
}

impl Request {
    /// Every value of a header, in order.
    pub fn header_values<'r>(&'r self, name: &'r str) -> impl Iterator<Item = &'r [u8]> {
        self.headers.iter().filter(move |(n, _)| n.eq_ignore_ascii_case(name.as_bytes())).map(|(_, v)| v.as_slice())
    }

    pub fn has_header(&self, name: &str) -> bool {
        self.header_values(name).next().is_some()
    }

    /// Gives a structured request what it left out: `Host: www.example.com` (unless HTTP/1.0 without any is meant by
    /// the caller, who then does not call this) and a Content-Length that is true to its body. A request that names
    /// Transfer-Encoding keeps it and has no Content-Length.
    pub fn complete(&mut self) {
        if !self.has_header("host") {
            self.headers.reserve_exact(1);
            self.headers.insert(0, (b"Host".to_vec(), DEFAULT_HOST.as_bytes().to_vec()));
        }
        self.frame();
    }

    /// Makes Content-Length true to the body; see [`Request::complete`].
    pub fn frame(&mut self) {
        let named = self.has_header("content-length");
        self.headers.retain(|(name, _)| !name.eq_ignore_ascii_case(b"content-length"));
        if !self.has_header("transfer-encoding") && (named || !self.body.is_empty()) {
            self.headers.push((b"Content-Length".to_vec(), self.body.len().to_string().into_bytes()));
        }
    }

    /// The bytes for the wire: `raw` where the request was given as such, else request line, headers and body, the
    /// body in one chunk when Transfer-Encoding is named.
    pub fn to_wire(&self) -> Bytes {
        if let Some(raw) = &self.raw {
            return raw.clone();
        }
        let mut wire = Vec::with_capacity(256 + self.target.len() + self.body.len());
        for part in [&self.method[..], b" ", &self.target, b" ", &self.version, b"\r\n"] {
            wire.extend_from_slice(part);
        }
        for (name, value) in &self.headers {
            for part in [&name[..], b": ", value, b"\r\n"] {
                wire.extend_from_slice(part);
            }
        }
        wire.extend_from_slice(b"\r\n");
        if self.has_header("transfer-encoding") {
            if !self.body.is_empty() {
                wire.extend_from_slice(format!("{:x}\r\n", self.body.len()).as_bytes());
                wire.extend_from_slice(&self.body);
                wire.extend_from_slice(b"\r\n");
            }
            wire.extend_from_slice(b"0\r\n\r\n");
        } else {
            wire.extend_from_slice(&self.body);
        }
        wire
    }
}
