//! One line of JSON (the input of `eval` and `verify`) → [`Request`].
//!
//! ```json
//! {"id": 1, "method": "GET", "uri": "/?q=1", "version": "HTTP/1.1", "headers": [["Host", "example.com"]],
//!  "body": "", "body_b64": false, "client_ip": "192.0.2.1", "country": "DE", "asn": 64500, "as_name": "x",
//!  "proxy_type": "x", "scheme": "https", "tls": {"ja3": "x", "ja4": "x", "version": "x", "sni": "x"},
//!  "time": 1.5, "response": {"status": 200, "headers": []}}
//! {"id": 2, "raw_b64": "R0VUIC8gSFRUUC8xLjENCg0K"}
//! ```
//!
//! `url` may stand for `uri`, and `headers` may be a mapping, as in tests. One of `uri` and `raw_b64` must be there, the
//! rest may be left out. Other keys are ignored, so that lines may carry columns of their own, unless they look like one
//! of these or are meant for the request (see `json_keys`).

use std::fmt;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::json_keys::{KnownKeys, why_unreadable};
use super::message::parse_exact_message;
use super::{Bytes, Facts, Request, Response};

/// A line that could be read: its id (any JSON value, given back as it came) and its request.
#[derive(Clone, Debug)]
pub struct RequestLine {
    pub id: Value,
    pub request: Request,
}

/// A line as it is written. Strings are taken over as bytes without another copy.
#[derive(Deserialize)]
struct Row {
    #[serde(default)]
    id: Value,
    method: Option<String>,
    #[serde(alias = "url")]
    uri: Option<String>,
    version: Option<String>,
    headers: Option<HeaderLines>,
    body: Option<String>,
    body_b64: Option<bool>,
    raw_b64: Option<String>,
    client_ip: Option<String>,
    country: Option<String>,
    asn: Option<u32>,
    as_name: Option<String>,
    proxy_type: Option<String>,
    scheme: Option<String>,
    tls: Option<Tls>,
    time: Option<f64>,
    response: Option<ResponseRow>,
    /// Found among the keys that are not of these.
    #[serde(skip)]
    mistake: Option<String>,
}

/// A [`Row`] among other keys.
struct Line(Row);

impl<'d> Deserialize<'d> for Line {
    fn deserialize<D: Deserializer<'d>>(deserializer: D) -> Result<Line, D::Error> {
        struct Keys;
        impl<'d> Visitor<'d> for Keys {
            type Value = Line;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a mapping")
            }

            fn visit_map<A: MapAccess<'d>>(self, map: A) -> Result<Line, A::Error> {
                let mut mistake = None;
                let known = KnownKeys { map, mistake: &mut mistake };
                let row = Row::deserialize(MapAccessDeserializer::new(known))?;
                Ok(Line(Row { mistake, ..row }))
            }
        }
        deserializer.deserialize_map(Keys)
    }
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Tls {
    ja3: Option<String>,
    ja4: Option<String>,
    version: Option<String>,
    sni: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ResponseRow {
    status: Option<u16>,
    headers: Option<HeaderLines>,
}

/// Header lines in order: a list of pairs, or the mapping that tests in YAML have.
#[derive(Default)]
struct HeaderLines(Vec<(String, String)>);

impl<'d> Deserialize<'d> for HeaderLines {
    fn deserialize<D: Deserializer<'d>>(deserializer: D) -> Result<HeaderLines, D::Error> {
        struct Lines;
        impl<'d> Visitor<'d> for Lines {
            type Value = HeaderLines;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of [name, value] pairs or a mapping")
            }

            fn visit_seq<A: SeqAccess<'d>>(self, mut list: A) -> Result<HeaderLines, A::Error> {
                let mut lines = Vec::new();
                while let Some(line) = list.next_element()? {
                    lines.push(line);
                }
                Ok(HeaderLines(lines))
            }

            fn visit_map<A: MapAccess<'d>>(self, mut map: A) -> Result<HeaderLines, A::Error> {
                let mut lines = Vec::new();
                while let Some(name) = map.next_key()? {
                    map.next_value_seed(Values { name, lines: &mut lines })?;
                }
                Ok(HeaderLines(lines))
            }
        }
        deserializer.deserialize_any(Lines)
    }
}

/// What a header's name stands before in a mapping: one text, or a list with a text for each line.
struct Values<'l> {
    name: String,
    lines: &'l mut Vec<(String, String)>,
}

impl<'d> DeserializeSeed<'d> for Values<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'d>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'d> Visitor<'d> for Values<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text or a list of texts")
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<(), E> {
        self.lines.push((self.name, value.to_owned()));
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'d>>(self, mut list: A) -> Result<(), A::Error> {
        while let Some(value) = list.next_element()? {
            self.lines.push((self.name.clone(), value));
        }
        Ok(())
    }
}

/// Reads one line. The error holds the id where it could be read, and a sentence without full stop.
pub fn parse_json_line(line: &[u8]) -> Result<RequestLine, (Value, String)> {
    let Line(row) = line_of(line).map_err(|error| why_unreadable(line, &error))?;
    let Row { id, .. } = row;
    match request(Row { id: Value::Null, ..row }) {
        Ok(request) => Ok(RequestLine { id, request }),
        Err(reason) => Err((id, reason)),
    }
}

fn line_of(line: &[u8]) -> Result<Line, serde_json::Error> {
    match std::str::from_utf8(line) {
        // Looked at once: not again for each string.
        Ok(line) => serde_json::from_str(line),
        // Wrong wherever it stands, in a column that nobody reads too.
        Err(_) => serde_json::from_slice::<Value>(line).and_then(serde_json::from_value),
    }
}

fn request(row: Row) -> Result<Request, String> {
    if let Some(mistake) = row.mistake {
        return Err(mistake);
    }
    if row.uri.is_none() && row.raw_b64.is_none() {
        return Err("the request has neither `url` (or `uri`) nor `raw_b64`".to_owned());
    }
    let mut request = match &row.raw_b64 {
        Some(raw) => {
            let bytes = STANDARD.decode(raw).map_err(|_| "`raw_b64` is no base64".to_owned())?;
            parse_exact_message(&bytes)?
        }
        None => Request::default(),
    };
    if let Some(address) = &row.client_ip {
        let parsed = address.parse().map_err(|_| format!("`client_ip` is no IP address: `{address}`"))?;
        request.client_ip = parsed;
    }
    if let Some(seconds) = row.time {
        request.time =
            Duration::try_from_secs_f64(seconds).map_err(|_| format!("`time` is no time in seconds: {seconds}"))?;
    }
    if let Some(response) = row.response {
        let status = response.status.unwrap_or(200);
        if !(100..=999).contains(&status) {
            return Err(format!("`status` of the response is out of range: {status}"));
        }
        request.response = Response { status, headers: lines(response.headers.unwrap_or_default()) };
    }
    let tls = row.tls.unwrap_or_default();
    request.facts = Facts {
        scheme: row.scheme,
        country: row.country,
        asn: row.asn,
        as_name: row.as_name,
        proxy_type: row.proxy_type,
        ja3: tls.ja3,
        ja4: tls.ja4,
        tls_version: tls.version,
        sni: tls.sni,
    };
    if row.raw_b64.is_some() {
        return Ok(request);
    }
    if let Some(method) = row.method {
        request.method = method.into_bytes();
    }
    if let Some(uri) = row.uri {
        request.target = uri.into_bytes();
    }
    if let Some(version) = row.version {
        request.version = version.into_bytes();
    }
    if let Some(body) = row.body {
        request.body = match row.body_b64 {
            Some(true) => STANDARD.decode(&body).map_err(|_| "`body` is no base64".to_owned())?,
            Some(false) | None => body.into_bytes(),
        };
    }
    request.headers = lines(row.headers.unwrap_or_default());
    if request.version == b"HTTP/1.0" {
        // A client of this version may well send no Host.
        request.frame();
    } else {
        request.complete();
    }
    Ok(request)
}

fn lines(headers: HeaderLines) -> Vec<(Bytes, Bytes)> {
    headers.0.into_iter().map(|(name, value)| (name.into_bytes(), value.into_bytes())).collect()
}
