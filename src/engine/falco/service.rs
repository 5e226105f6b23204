//! A built set → a whole service for falco, and requests → tests for its tester.
//!
//! The tester's request is Go's: it cannot hold every target, body or header, so the tester gets a copy of the VCL in
//! which such variables are replaced by ones that a test can set to any bytes ([`STAND_INS`]).

use super::Step;
use crate::engine::compare::Seen;
use crate::eval::address::canonical_text;
use crate::ir::{List, ListValues, Ruleset};
use crate::request::Request;
use base64::Engine as _;
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// The files of a build: path and content.
pub type Files = [(String, String)];

/// What makes them from a set; the error says why not.
pub type Build<'b> = &'b dyn Fn(&Ruleset) -> Result<Vec<(String, String)>, String>;

/// What Fastly's macros stand in, and how each sub ends.
const SUBS: &[(&str, &str)] = &[
    ("recv", "set req.backend = F_origin;\n  return(lookup);"),
    ("hash", "set req.hash += req.url;\n  set req.hash += req.http.host;\n  return(hash);"),
    ("hit", "return(deliver);"),
    ("miss", "return(fetch);"),
    ("pass", "return(pass);"),
    ("fetch", "return(deliver);"),
    ("error", "return(deliver);"),
    ("deliver", "return(deliver);"),
    ("log", ""),
];

/// Variables that the tester can set to any bytes, for those that it cannot.
const STAND_INS: &[(&str, &str)] = &[
    ("req.url", "server.hostname"),
    ("req.body", "server.identity"),
    ("req.is_ssl", "fastly_info.edge.is_tls"),
    ("req.proto", "client.os.name"),
    ("client.geo.country_code", "client.browser.name"),
    ("client.geo.proxy_type", "client.browser.version"),
    ("tls.client.ja3_md5", "client.platform.model"),
    ("tls.client.ja4", "client.platform.vendor"),
    ("tls.client.protocol", "server.region"),
    ("tls.client.servername", "server.datacenter"),
    ("fastly_info.state", "client.bot.name"),
];

/// When a test begins, in seconds since 1970: a multiple of 2 to 9, so that a slot begins with it.
const STARTED: u64 = 1_000_001_520;

/// Headers that a test may not set.
const PROTECTED: &[&str] = &[
    "Proxy-Authenticate",
    "Proxy-Authorization",
    "Content-Length",
    "Content-Range",
    "Te",
    "Trailer",
    "Expect",
    "Transfer-Encoding",
    "Upgrade",
    "Fastly-Ff",
];

/// The snippets of `files` in their places, or the file to include before the subs. Lists at the edge are declared with
/// their samples.
pub fn service(files: &Files, prefix: &str, lists: &[List]) -> String {
    let content = |name: &str| files.iter().find(|(path, _)| path == name).map(|(_, content)| content.as_str());
    let mut vcl = String::new();
    for list in lists {
        declare_edge(&mut vcl, list);
    }
    let include = content("edgesig.vcl");
    vcl.push_str(include.or_else(|| content("init.vcl")).unwrap_or_default());
    vcl.push_str("backend F_origin { .host = \"127.0.0.1\"; .port = \"80\"; }\n");
    for (sub, end) in SUBS {
        let own = match include {
            None => content(&format!("{sub}.vcl")).unwrap_or_default().to_owned(),
            Some(text) => {
                let short = if matches!(*sub, "miss" | "pass") { "clean" } else { sub };
                let name = format!("{prefix}_{short}");
                if text.contains(&format!("sub {name} {{")) { format!("call {name};\n") } else { String::new() }
            }
        };
        let _ = write!(vcl, "sub vcl_{sub} {{\n{own}#FASTLY {sub}\n  {end}\n}}\n");
    }
    vcl
}

/// A short string: what could end it or start an escape is written as one.
fn short(text: &[u8]) -> String {
    let mut key = String::from("\"");
    for character in String::from_utf8_lossy(text).chars() {
        match character {
            // A NUL ends a string of Fastly's, and falco takes the bytes of U+FFFD for broken ones.
            '\0' => {}
            '\u{FFFD}' => key.push_str("%uFFFD"),
            ' '..='~' if !matches!(character, '"' | '%' | '\\') => key.push(character),
            _ => {
                for byte in character.encode_utf8(&mut [0; 4]).bytes() {
                    let _ = write!(key, "%{byte:02X}");
                }
            }
        }
    }
    key + "\""
}

fn declare_edge(vcl: &mut String, list: &List) {
    let Some(edge) = &list.edge else { return };
    match &list.values {
        ListValues::Ip(networks) => {
            let entries: Vec<String> =
                networks.iter().map(|net| format!("\"{}\"/{};", net.network(), net.prefix_len())).collect();
            let _ = writeln!(vcl, "acl {edge} {{ {} }}", entries.join(" "));
        }
        ListValues::Strings(texts) => {
            let entries: Vec<String> = texts.iter().map(|text| format!("{}: \"1\"", short(&text.bytes))).collect();
            let _ = writeln!(vcl, "table {edge} {{ {} }}", entries.join(", "));
        }
        ListValues::Int(_) | ListValues::Regex(_) => {}
    }
}

/// What a service does besides `vcl_recv` that a verdict depends on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parts {
    /// Rates that count what goes to the origin.
    pub origin: bool,
    /// Rates that count responses.
    pub responses: bool,
    /// Rates that count in slots of the clock, which must not end within a test.
    pub slots: bool,
}

impl Parts {
    pub fn of(vcl: &str, prefix: &str) -> Parts {
        let counts = |sub: &str| {
            let start = vcl.find(&format!("sub {prefix}_{sub} {{")).unwrap_or(vcl.len());
            let body = &vcl[start..];
            body[..body.find("\n}\n").unwrap_or(body.len())].contains("ratelimit.")
        };
        Parts { origin: counts("clean"), responses: counts("deliver"), slots: vcl.contains("now.sec") }
    }
}

/// The service with [`STAND_INS`].
pub(super) fn for_tester(vcl: &str) -> String {
    let mut text = vcl.to_owned();
    for (variable, stand_in) in STAND_INS {
        text = replace_word(&text, variable, stand_in);
    }
    for header in PROTECTED {
        text = replace_word(&text, &format!("req.http.{header}"), &format!("req.http.X-Test-{header}"));
    }
    json_escaped(&counters_read(&text))
}

/// falco's `json.escape` leaves `"` and a backslash as they are (interpreter/function/builtin/json_escape.go: its table of
/// escapes), which Fastly's does not: they are escaped before.
fn json_escaped(vcl: &str) -> String {
    const CALL: &str = "json.escape(";
    let mut out = String::with_capacity(vcl.len());
    let mut rest = vcl;
    while let Some(at) = rest.find(CALL) {
        let (before, tail) = rest.split_at(at + CALL.len());
        let mut depth = 1;
        let closes = |character: char| {
            depth += i32::from(character == '(') - i32::from(character == ')');
            depth == 0
        };
        // INVARIANT: what is printed has as many brackets that close, and none of the arguments has one in a text.
        let end = tail.find(closes).unwrap_or(tail.len());
        let (argument, after) = tail.split_at(end);
        let backslashes = format!("std.replaceall({argument}, \"%5C\", \"%5C%5C\")");
        out.push_str(&format!("{before}std.replaceall({backslashes}, \"%22\", \"%5C%22\")"));
        rest = after;
    }
    out.push_str(rest);
    out
}

/// falco reads a counter's buckets and rates for the entry that is called as `client.ip` (interpreter/variable/all.go:
/// 823), not for the one that was raised last. What raising it gave is the last minute's weight: in a test, which takes a
/// moment, that of every shorter time too.
fn counters_read(vcl: &str) -> String {
    let mut out = String::with_capacity(vcl.len());
    let mut rest = vcl;
    while let Some(at) = rest.find("ratecounter.") {
        let (before, tail) = rest.split_at(at);
        out.push_str(before);
        let end = tail.find([' ', ')']).unwrap_or(tail.len());
        let (word, after) = tail.split_at(end);
        out.push_str("var.weight");
        rest = after;
        // A rate is compared as a FLOAT.
        if word.contains(".rate.")
            && let Some(fraction) = after.find(".0")
        {
            out.push_str(&after[..fraction]);
            rest = &after[fraction + 2..];
        }
    }
    out.push_str(rest);
    out
}

/// Replaces a variable where it is a word of its own and not the start of another one.
fn replace_word(text: &str, word: &str, by: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(word) {
        let (before, tail) = rest.split_at(at);
        let after = &tail[word.len()..];
        let continues = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        let own = !before.ends_with(continues) && !after.starts_with(continues);
        out.push_str(before);
        out.push_str(if own { by } else { word });
        rest = after;
    }
    out.push_str(rest);
    out
}

/// Any bytes as an expression.
fn bytes(bytes: &[u8]) -> String {
    format!("digest.base64_decode(\"{}\")", base64::engine::general_purpose::STANDARD.encode(bytes))
}

/// The headers as Fastly shows them after `std.collect`, which falco does not do; names in lower case. On TLS with what
/// Fastly appends.
fn headers(request: &Request) -> Vec<(String, Vec<u8>)> {
    let mut names: BTreeSet<Vec<u8>> = request.headers.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
    let is_tls = request.facts.scheme.as_deref() == Some("https");
    let host = crate::eval::parts::joined_header(&request.headers, b"host").unwrap_or_default().into_owned();
    let appended: [(&[u8], Vec<u8>); 3] = [
        (b"x-forwarded-for", canonical_text(request.client_ip).into_bytes()),
        (b"x-forwarded-host", host),
        (b"x-forwarded-server", b"cache-fra-etou8220041-FRA".to_vec()),
    ];
    if is_tls {
        names.extend(appended.iter().map(|(name, _)| name.to_vec()));
    }
    let joined = |name: &Vec<u8>| {
        let sent = crate::eval::parts::joined_header(&request.headers, name).map(|value| value.into_owned());
        let added = appended.iter().filter(|_| is_tls).find(|(other, _)| other == name).map(|(_, value)| value);
        let value = match (sent, added) {
            (Some(sent), Some(added)) => [&sent, &b", "[..], added].concat(),
            (sent, added) => sent.or_else(|| added.cloned())?,
        };
        let name = String::from_utf8_lossy(name).into_owned();
        let protected = PROTECTED.iter().any(|other| other.eq_ignore_ascii_case(&name));
        Some((if protected { format!("x-test-{name}") } else { name }, value))
    };
    names.iter().filter_map(joined).collect()
}

/// The test file: a group each, a sub for each request, and one for its response.
pub(super) fn tests(prefix: &str, parts: Parts, groups: &[Vec<Request>]) -> String {
    let internal = |text: &str| format!("req.http.X-{}-{text}", prefix.replace('_', "-"));
    let shown = |text: &str| {
        let header = internal(text);
        format!("if({header}, {header}, \"\")")
    };
    let mut file = String::new();
    for (number, group) in groups.iter().enumerate() {
        let names: BTreeSet<String> = group.iter().flat_map(headers).map(|(name, _)| name).collect();
        let _ = writeln!(file, "describe g{number} {{");
        for (step, request) in group.iter().enumerate() {
            let _ = writeln!(file, "// @scope: recv\n// @suite: g{number}s{step}\nsub g{number}s{step} {{");
            if parts.slots {
                let _ = writeln!(file, "testing.fixed_time({});", STARTED + request.time.as_secs());
            }
            let mut inject = |variable: &str, value: String| {
                let _ = writeln!(file, "testing.inject_variable(\"{variable}\", {value});");
            };
            let facts = &request.facts;
            let text = |fact: &Option<String>| bytes(fact.as_deref().unwrap_or_default().as_bytes());
            inject("client.ip", format!("std.ip(\"{}\", \"0.0.0.0\")", canonical_text(request.client_ip)));
            inject("server.hostname", bytes(&request.target));
            inject("server.identity", bytes(shown_body(request)));
            inject("client.os.name", bytes(&crate::eval::parts::protocol(&request.version)));
            inject("fastly_info.edge.is_tls", (facts.scheme.as_deref() == Some("https")).to_string());
            inject("client.browser.name", text(&facts.country));
            inject("client.browser.version", text(&facts.proxy_type));
            inject("client.platform.model", text(&facts.ja3));
            inject("client.platform.vendor", text(&facts.ja4));
            inject("server.region", text(&facts.tls_version));
            inject("server.datacenter", text(&facts.sni));
            inject("client.bot.name", "\"MISS\"".to_owned());
            inject("client.as.name", text(&facts.as_name));
            inject("client.as.number", facts.asn.unwrap_or(0).to_string());
            let own = headers(request);
            for name in names.iter().filter(|name| !own.iter().any(|(other, _)| other == *name)) {
                let _ = writeln!(file, "header.unset(req, {});", short(name.as_bytes()));
            }
            for (name, value) in &own {
                let _ = writeln!(file, "header.set(req, {}, {});", short(name.as_bytes()), bytes(value));
            }
            let _ = writeln!(file, "set req.method = {};", bytes(&request.method));
            let _ = writeln!(file, "testing.call_subroutine(\"vcl_recv\");");
            let client = internal("Client");
            let fields = ["Ids", "Action", "By", "Status", "Limit"].map(shown).join(" \"|\" ");
            let _ =
                writeln!(file, "log \"SEEN|\" {fields} \"|\" if({client}, {client}, \"\") \"|\" client.ip \"|\";\n}}");
            if parts.origin {
                let status = internal("Status");
                let _ = writeln!(
                    file,
                    "// @scope: miss\n// @suite: g{number}m{step}\nsub g{number}m{step} {{\nif (!{status}) {{\n\
                     testing.call_subroutine(\"vcl_miss\");\n}}\nlog \"STATUS|\" {};\n}}",
                    shown("Status")
                );
            }
            response(&mut file, &format!("g{number}r{step}"), request, parts);
        }
        let _ = writeln!(file, "}}");
    }
    file
}

/// What the origin answers, for rates that count it.
fn response(file: &mut String, name: &str, request: &Request, parts: Parts) {
    let response = &request.response;
    if !parts.responses {
        return;
    }
    let _ =
        writeln!(file, "// @scope: deliver\n// @suite: {name}\nsub {name} {{\nset resp.status = {};", response.status);
    for (header, value) in &response.headers {
        let _ = writeln!(file, "header.set(resp, {}, {});", short(header), bytes(value));
    }
    file.push_str("testing.call_subroutine(\"vcl_deliver\");\nset resp.status = 200;\n");
    for (header, _) in &response.headers {
        let _ = writeln!(file, "header.unset(resp, {});", short(header));
    }
    file.push_str("}\n");
}

/// The body as Fastly shows it: up to 8 KB, up to a NUL.
fn shown_body(request: &Request) -> &[u8] {
    if request.body.len() > 8192 {
        return &[];
    }
    &request.body[..memchr::memchr(0, &request.body).unwrap_or(request.body.len())]
}

/// The results in the order of the groups; `None` when the output is none.
pub(super) fn read_results(output: &str, groups: &[Vec<Request>]) -> Option<Vec<Vec<Step>>> {
    let value: serde_json::Value = serde_json::from_str(output).ok()?;
    let mut steps: Vec<Vec<Option<Step>>> = groups.iter().map(|group| vec![None; group.len()]).collect();
    for suite in value.get("tests")?.as_array()?.iter().filter_map(|file| file.get("suites")?.as_array()).flatten() {
        let (group, kind, step) = place(suite.get("name")?.as_str()?)?;
        let error = suite.get("error").filter(|error| !error.is_null() && error.as_str() != Some(""));
        let error = error.map(|error| error.as_str().map_or_else(|| error.to_string(), str::to_owned));
        let seen = suite.get("logs").and_then(|logs| logs.as_array()).into_iter().flatten();
        let seen =
            seen.filter_map(|line| line.as_str()?.split_once("SEEN|")).map(|(_, line)| seen_of(line)).next_back();
        let request = groups.get(group)?.get(step)?;
        let place = steps.get_mut(group)?.get_mut(step)?;
        match (kind, error, seen) {
            ('s', None, Some((seen, status))) => *place = Some(Step::Seen(answered(seen, status, request))),
            ('s', error, _) => *place = Some(Step::Error(error.unwrap_or_else(|| "no result".to_owned()))),
            ('m', None, _) => {
                if let Some(Step::Seen(seen)) = place {
                    at_origin(seen, suite);
                }
            }
            (_, Some(error), _) => *place = Some(Step::Error(error)),
            (_, None, _) => {}
        }
    }
    steps.into_iter().map(|group| group.into_iter().collect()).collect()
}

/// Adds what the rates at the origin logged and refused.
fn at_origin(seen: &mut Seen, suite: &serde_json::Value) {
    let lines = suite.get("logs").and_then(|logs| logs.as_array()).into_iter().flatten();
    for line in lines.filter_map(|line| line.as_str()) {
        if let Some((_, status)) = line.split_once("STATUS|")
            && let Some(status) = status.get(..3).and_then(|status| status.parse().ok())
        {
            seen.status = status;
        }
        let Some((_, record)) = line.split_once(" :: ") else { continue };
        let mut records = serde_json::Deserializer::from_str(record).into_iter::<serde_json::Value>();
        let Some(Ok(record)) = records.next() else { continue };
        let text = |key: &str| record.get(key).and_then(|value| value.as_str()).unwrap_or_default();
        seen.matched.extend(text("ids").split(',').filter(|id| !id.is_empty()).map(str::to_owned));
        seen.matched.sort();
        if !text("action").is_empty() {
            (seen.action, seen.by) = (text("action").to_owned(), Some(text("by").to_owned()));
        }
        seen.client = Some(text("client").to_owned());
    }
}

/// Every line that the tests of a file logged.
pub(super) fn read_logs(output: &str) -> Option<Vec<String>> {
    let value: serde_json::Value = serde_json::from_str(output).ok()?;
    let mut lines = Vec::new();
    for suite in value.get("tests")?.as_array()?.iter().filter_map(|file| file.get("suites")?.as_array()).flatten() {
        if let Some(error) = suite.get("error").and_then(|error| error.as_str()) {
            lines.push(format!("error: {error}"));
        }
        let logs = suite.get("logs").and_then(|logs| logs.as_array());
        // falco appends the place.
        let text = |line: &serde_json::Value| Some(line.as_str()?.rsplit_once(" (")?.0.to_owned());
        lines.extend(logs.into_iter().flatten().filter_map(text));
    }
    Some(lines)
}

/// `g12s3` → group, kind, step.
fn place(name: &str) -> Option<(usize, char, usize)> {
    let rest = name.strip_prefix('g')?;
    let at = rest.find(['s', 'm', 'r'])?;
    Some((rest[..at].parse().ok()?, rest[at..].chars().next()?, rest[at + 1..].parse().ok()?))
}

fn seen_of(line: &str) -> (Seen, Option<u16>) {
    let mut fields = line.split('|').map(str::to_owned);
    let mut next = || fields.next().unwrap_or_default();
    let (ids, action, by, status, limit, client, peer) = (next(), next(), next(), next(), next(), next(), next());
    let filled = |text: String| Some(text).filter(|text| !text.is_empty());
    let mut matched: Vec<String> = ids.split(',').filter(|id| !id.is_empty()).map(str::to_owned).collect();
    matched.sort();
    let action = filled(action).unwrap_or_else(|| "none".to_owned());
    let (by, limit) = (filled(by), filled(limit));
    let logged = !matched.is_empty() || limit.is_some() || by.is_some();
    // falco writes some addresses in another way.
    let canonical = |text: String| text.parse().map_or(text, canonical_text);
    let client = filled(client).or_else(|| filled(peer)).filter(|_| logged).map(canonical);
    (Seen { matched, action, by, status: 0, limit, client }, status.parse().ok())
}

fn answered(seen: Seen, status: Option<u16>, request: &Request) -> Seen {
    Seen { status: status.unwrap_or(request.response.status), ..seen }
}
