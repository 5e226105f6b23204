//! Random requests that lie at an edge: of a limit, of the header lines, of emptiness, of what a URL may look like; and the
//! classes that a run over them must hold, each told from the request as it was sent.

use super::requests::{METHODS, WORDS, request};
use super::rng::Rng;
use edgesig::request::Request;
use std::collections::BTreeMap;

/// The limits of the generated sets (`signatures::settings`).
const URL_LIMITS: [usize; 2] = [200, 4096];
const VALUES: usize = 8;
const NAMES: usize = 32;
const BODY: usize = 65_536;

/// A random request, every other one moved to an edge.
pub fn edge(rng: &mut Rng) -> Request {
    let mut request = request(rng);
    told(rng, &mut request);
    match rng.below(36) {
        0 => url_at_limit(rng, &mut request),
        1 => header_lines(rng, &mut request),
        2 => counted_values(rng, &mut request),
        3 => emptiness(rng, &mut request),
        4 => duplicates(rng, &mut request),
        5 => escapes(rng, &mut request),
        6 => absolute(rng, &mut request),
        7 => version(rng, &mut request),
        8 => body(rng, &mut request),
        9 => request.method = rng.pick(METHODS).as_bytes().to_vec(),
        10 if rng.once_in(3) => long_url(rng, &mut request),
        11 if rng.once_in(3) => {
            // Above the limit of 4096 with an authority that does not count.
            url_at_limit(rng, &mut request);
            absolute(rng, &mut request);
        }
        12 if rng.once_in(12) => long_method(rng, &mut request),
        13 if rng.once_in(8) => long_fact(rng, &mut request),
        _ => {}
    }
    request
}

/// As long as a head may be, or a bit longer than patterns are cleared for.
fn long_method(rng: &mut Rng, request: &mut Request) {
    let unit = rng.pick(&["x", "|", "%41", "&lt;"]);
    let wanted = rng.pick(&[4_000, 8_190, 8_200, 20_000, 30_000]);
    request.method = unit.repeat(wanted / unit.len()).into_bytes();
}

/// A trusted peer passes on what the client sent beside what it says itself.
fn long_fact(rng: &mut Rng, request: &mut Request) {
    request.client_ip = "10.0.0.1".parse().expect("an address");
    let name = rng.pick(&["X-Country", "x-ja3", "x-asn"]);
    let unit = rng.pick(&["x", "1", "admin "]);
    for _ in 0..1 + rng.below(3) {
        request.headers.push((name.as_bytes().to_vec(), unit.repeat(5_000 / unit.len()).into_bytes()));
    }
}

/// What a terminator tells of the client and the connection.
fn told(rng: &mut Rng, request: &mut Request) {
    if rng.below(4) > 0 {
        return;
    }
    let mut some = |texts: &[&str]| Some(rng.pick(texts).to_owned()).filter(|text| !text.is_empty());
    let facts = &mut request.facts;
    facts.scheme = some(&["", "https", "http"]);
    facts.as_name = some(&["", "x", "admin \"y"]);
    facts.proxy_type = some(&["", "vpn", "1"]);
    facts.ja4 = some(&["", "x", "t13d1516h2_8daaf6152771_b186095e22b6"]);
    facts.tls_version = some(&["", "TLSv1.3", "1"]);
    facts.sni = some(&["", "www.example.com", "ADMIN"]);
}

/// Length of the target in origin form.
fn length(target: &[u8]) -> usize {
    let authority = target.windows(3).position(|part| part == b"://").filter(|at| *at < 6).map(|at| {
        let rest = &target[at + 3..];
        at + 3 + rest.iter().position(|byte| matches!(byte, b'/' | b'?' | b'#')).unwrap_or(rest.len())
    });
    let rest = target.len() - authority.unwrap_or(0);
    // A path that is missing is `/`.
    rest + usize::from(authority.is_some_and(|at| target.get(at) != Some(&b'/')))
}

fn url_at_limit(rng: &mut Rng, request: &mut Request) {
    let wanted = rng.pick(&URL_LIMITS) + rng.below(3) - 1;
    let mut target = std::mem::take(&mut request.target);
    if target.len() >= wanted || target.first() != Some(&b'/') {
        target = b"/?id=admin&q=".to_vec();
    }
    let unit = rng.pick(&["a", "+", "/", "%41", "%2541", "%", "%00", ".", "&id=1", "%26lt%3B", "\u{e9}"]);
    while target.len() + unit.len() <= wanted {
        target.extend_from_slice(unit.as_bytes());
    }
    target.resize(wanted, b'x');
    request.target = target;
}

fn long_url(rng: &mut Rng, request: &mut Request) {
    request.target = b"/".to_vec();
    let unit = rng.pick(&["a", "%41", "/..", "%", "a/", "?id=1&"]);
    let wanted = 16_000 + rng.below(16_000);
    while request.target.len() < wanted {
        request.target.extend_from_slice(unit.as_bytes());
    }
}

/// 50 to 64 lines, some of them the same header.
fn header_lines(rng: &mut Rng, request: &mut Request) {
    let lines = 50 + rng.below(15);
    if rng.once_in(3) {
        request.headers.push((b"X-Forwarded-For".to_vec(), b"192.0.2.9".to_vec()));
    }
    let same = rng.once_in(3);
    while request.headers.len() < lines {
        let name = if same { "x-test".to_owned() } else { format!("x-fill-{}", request.headers.len()) };
        request.headers.push((name.into_bytes(), b"x".to_vec()));
    }
}

/// As many values of one name as are looked at, or one less or more.
fn counted_values(rng: &mut Rng, request: &mut Request) {
    let around = |rng: &mut Rng, limit: usize| limit - 1 + rng.below(3);
    match rng.below(3) {
        0 => {
            let count = around(rng, VALUES);
            let parts: Vec<String> = (0..count).map(|n| format!("id={n}")).collect();
            request.target = format!("/?{}", parts.join("&")).into_bytes();
        }
        1 => {
            let count = around(rng, NAMES);
            let parts: Vec<String> = (0..count).map(|n| format!("n{n}")).collect();
            request.target = format!("/?{}", parts.join("&")).into_bytes();
        }
        _ => {
            let count = around(rng, VALUES);
            let parts: Vec<String> = (0..count).map(|n| format!("sid={n}")).collect();
            request.headers.retain(|(name, _)| !name.eq_ignore_ascii_case(b"cookie"));
            request.headers.push((b"Cookie".to_vec(), parts.join("; ").into_bytes()));
        }
    }
}

fn emptiness(rng: &mut Rng, request: &mut Request) {
    let mut header = |name: &str, value: &str| {
        request.headers.retain(|(other, _)| !other.eq_ignore_ascii_case(name.as_bytes()));
        request.headers.push((name.as_bytes().to_vec(), value.as_bytes().to_vec()));
    };
    match rng.below(12) {
        0 => request.target = b"/?".to_vec(),
        1 => request.target = b"/?id".to_vec(),
        2 => request.target = b"/?id=".to_vec(),
        3 => request.target = b"/?=".to_vec(),
        4 => request.target = b"/?&&id=&".to_vec(),
        5 => header("x-test", ""),
        6 => header("x-test", " \t "),
        7 => header("Cookie", ""),
        8 => header("Cookie", "sid=; id"),
        9 => header("Host", ""),
        10 => request.headers.retain(|(name, _)| !name.eq_ignore_ascii_case(b"host")),
        _ => {
            request.body.clear();
            request.headers.retain(|(name, _)| !name.eq_ignore_ascii_case(b"transfer-encoding"));
            request.headers.retain(|(name, _)| !name.eq_ignore_ascii_case(b"content-length"));
            request.headers.push((b"Content-Length".to_vec(), b"0".to_vec()));
        }
    }
}

/// A header twice or three times: in the same case or not, one of them empty or not, next to each other or not.
fn duplicates(rng: &mut Rng, request: &mut Request) {
    let name = rng.pick(&["x-test", "User-Agent", "Cookie", "referer", "Accept", "X-Forwarded-For", "host"]);
    for _ in 0..2 + rng.below(2) {
        let name = if rng.once_in(2) { name.to_ascii_uppercase() } else { name.to_owned() };
        let value = rng.pick(&["", "admin", "x", "sid=x; id=42", "192.0.2.9", "union, select"]);
        let at = rng.below(request.headers.len() + 1);
        request.headers.insert(at, (name.into_bytes(), value.as_bytes().to_vec()));
    }
}

/// Escapes of every kind, in the path, in a name and in a value.
fn escapes(rng: &mut Rng, request: &mut Request) {
    let mut text = |most: usize| -> String {
        (0..=rng.below(most))
            .map(|_| {
                let word = rng.pick(WORDS);
                let odd = rng.pick(&[
                    "%",
                    "%2",
                    "%zz",
                    "%4",
                    "%G1",
                    "%1G",
                    "%%",
                    "%%41",
                    "%25",
                    "%2541",
                    "%252541",
                    "%00",
                    "%2500",
                    "%25%30%30",
                    "%c3%a9",
                    "%C3%A9",
                    "%c0%af",
                    "%ff",
                    "%u0041",
                    "%0a",
                    "%0D%0A",
                    "%20",
                    "+",
                    "%2B",
                    "%26amp%3B",
                    "&#x41;",
                    "&lt;",
                    "%3Cscript%3E",
                    "YWRtaW4=",
                    "YWRtaW4%3D",
                    "%41dmin",
                    "%61%64%6d",
                ]);
                if word.contains(' ') { odd.to_owned() } else { format!("{word}{odd}") }
            })
            .collect()
    };
    let (path, name, value) = (text(3), text(2), text(4));
    let id = rng.pick(&["id", "%69d", "i%64", "%2569d", "q"]);
    request.target = format!("/{path}?{name}={value}&{id}={value}").into_bytes();
    if rng.once_in(4) {
        request.target.extend_from_slice(rng.pick(&["%", "%2", "%0", "%00", "+"]).as_bytes());
    }
}

fn absolute(rng: &mut Rng, request: &mut Request) {
    let start = rng.pick(&[
        "http://www.example.com",
        "https://www.example.com",
        "HTTP://Other.Example:8080",
        "hTTps://user@other.example",
        "http://[::1]:80",
        "ftp://other.example",
        "http://",
    ]);
    let rest = match rng.below(4) {
        0 => Vec::new(),
        1 => request.target.iter().skip_while(|byte| **byte != b'?').copied().collect(),
        _ => std::mem::take(&mut request.target),
    };
    request.target = [start.as_bytes(), &rest].concat();
}

fn version(rng: &mut Rng, request: &mut Request) {
    request.version = rng.pick(&["HTTP/1.0", "HTTP/1.1", "http/1.0", "Http/1.1"]).as_bytes().to_vec();
    if rng.once_in(3) {
        request.headers.push((b"Connection".to_vec(), b"keep-alive".to_vec()));
    }
}

/// Bodies around the limit, of a known length and in chunks.
fn body(rng: &mut Rng, request: &mut Request) {
    request.method = rng.pick(&["POST", "PUT", "GET"]).as_bytes().to_vec();
    for name in ["content-length", "transfer-encoding"] {
        request.headers.retain(|(other, _)| !other.eq_ignore_ascii_case(name.as_bytes()));
    }
    let mut content = rng.pick(WORDS).as_bytes().to_vec();
    if rng.once_in(2) {
        content.resize(BODY - 1 + rng.below(3), b'b');
    }
    request.body = content;
    if rng.once_in(3) {
        request.headers.push((b"Transfer-Encoding".to_vec(), b"chunked".to_vec()));
    } else {
        let zeros = if rng.once_in(4) { "000" } else { "" };
        request.headers.push((b"Content-Length".to_vec(), format!("{zeros}{}", request.body.len()).into_bytes()));
    }
}

type IsOf = fn(&Request) -> bool;

fn target_has(request: &Request, text: &[u8]) -> bool {
    memchr::memmem::find(&request.target, text).is_some()
}

fn path(request: &Request) -> &[u8] {
    request.target.split(|byte| *byte == b'?').next().unwrap_or_default()
}

fn query(request: &Request) -> &[u8] {
    request.target.get(path(request).len() + 1..).unwrap_or_default()
}

fn is_escape(part: &[u8]) -> bool {
    part.len() >= 3 && part[0] == b'%' && part[1].is_ascii_hexdigit() && part[2].is_ascii_hexdigit()
}

fn percents(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    (0..text.len()).filter(|at| text[*at] == b'%').map(|at| &text[at..])
}

fn starts(request: &Request, scheme: &str) -> bool {
    request.target.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme.as_bytes()))
}

/// The authority of an absolute form, and what follows it.
fn authority(request: &Request) -> Option<(&[u8], &[u8])> {
    let at = request.target.windows(3).position(|part| part == b"://").filter(|at| *at < 6)? + 3;
    let rest = &request.target[at..];
    Some(rest.split_at(rest.iter().position(|byte| matches!(byte, b'/' | b'?')).unwrap_or(rest.len())))
}

fn lines(request: &Request, name: &str) -> usize {
    request.headers.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name.as_bytes())).count()
}

fn parameters(request: &Request) -> Vec<&[u8]> {
    query(request).split(|byte| *byte == b'&').filter(|part| !part.is_empty()).collect()
}

fn of_name(request: &Request, name: &str) -> usize {
    parameters(request).iter().filter(|part| part.split(|byte| *byte == b'=').next() == Some(name.as_bytes())).count()
}

fn cookies(request: &Request, name: &str) -> usize {
    let values = request.headers.iter().filter(|(other, _)| other.eq_ignore_ascii_case(b"cookie"));
    let pairs = values.flat_map(|(_, value)| value.split(|byte| *byte == b';'));
    pairs
        .filter(|pair| pair.trim_ascii().strip_prefix(name.as_bytes()).is_some_and(|rest| rest.starts_with(b"=")))
        .count()
}

fn header_is(request: &Request, name: &str, check: fn(&[u8]) -> bool) -> bool {
    request.headers.iter().any(|(other, value)| other.eq_ignore_ascii_case(name.as_bytes()) && check(value))
}

/// Every class, and which requests are of it.
const CLASSES: &[(&str, IsOf)] = &[
    ("lower-case escape", |r| percents(&r.target).any(|p| is_escape(p) && p[1..3].iter().any(u8::is_ascii_lowercase))),
    ("upper-case escape", |r| percents(&r.target).any(|p| is_escape(p) && p[1..3].iter().any(u8::is_ascii_uppercase))),
    ("escape in the path", |r| percents(path(r)).any(is_escape)),
    ("escape in the query", |r| percents(query(r)).any(is_escape)),
    ("escape in a parameter's name", |r| {
        parameters(r)
            .iter()
            .any(|part| percents(part.split(|byte| *byte == b'=').next().unwrap_or_default()).any(is_escape))
    }),
    ("escaped twice", |r| {
        percents(&r.target)
            .any(|p| p.starts_with(b"%25") && p[3..].len() > 1 && p[3..5].iter().all(u8::is_ascii_hexdigit))
    }),
    ("escaped three times", |r| target_has(r, b"%2525")),
    ("plus in the path", |r| path(r).contains(&b'+')),
    ("plus in the query", |r| query(r).contains(&b'+')),
    ("escaped plus", |r| target_has(r, b"%2b") || target_has(r, b"%2B")),
    ("line feed escaped", |r| target_has(r, b"%0a") || target_has(r, b"%0A")),
    ("character reference", |r| target_has(r, b"&lt;") || target_has(r, b"&#60;") || target_has(r, b"%26lt%3B")),
    ("base64", |r| target_has(r, b"YWRtaW4=")),
    ("multi-byte text escaped", |r| target_has(r, b"%c3%a9") || target_has(r, b"%C3%A9")),
    ("overlong UTF-8", |r| target_has(r, b"%c0%af")),
    ("no UTF-8", |r| target_has(r, b"%ff")),
    ("bytes above 0x7f as they are", |r| r.target.iter().any(|byte| *byte > 0x7f)),
    ("%u escape", |r| target_has(r, b"%u0041")),
    ("malformed escape", |r| percents(&r.target).any(|p| p.len() >= 3 && !is_escape(p))),
    ("malformed escape in the path", |r| percents(path(r)).any(|p| !is_escape(p))),
    ("malformed escape before a good one", |r| target_has(r, b"%%41")),
    ("escape cut short by the end", |r| percents(&r.target).any(|p| p.len() < 3)),
    ("%00 in the path", |r| percents(path(r)).any(|p| p.starts_with(b"%00"))),
    ("%00 in the query", |r| percents(query(r)).any(|p| p.starts_with(b"%00"))),
    ("%00 at the end", |r| r.target.ends_with(b"%00")),
    ("%2500", |r| target_has(r, b"%2500")),
    ("dot segments", |r| path(r).windows(4).any(|part| part == b"/../")),
    ("header twice", |r| lines(r, "x-test") == 2),
    ("header three times", |r| lines(r, "x-test") == 3),
    ("header twice in different cases", |r| {
        let exact = |name: &[u8]| r.headers.iter().any(|(other, _)| other == name);
        exact(b"x-test") && exact(b"X-TEST")
    }),
    ("Cookie twice", |r| lines(r, "cookie") > 1),
    ("User-Agent twice", |r| lines(r, "user-agent") > 1),
    ("X-Forwarded-For twice", |r| lines(r, "x-forwarded-for") > 1),
    ("http:// with a path", |r| starts(r, "http://") && authority(r).is_some_and(|(_, rest)| rest.starts_with(b"/"))),
    ("http:// without a path", |r| starts(r, "http://") && authority(r).is_some_and(|(_, rest)| rest.is_empty())),
    ("http:// with a query only", |r| {
        starts(r, "http://") && authority(r).is_some_and(|(_, rest)| rest.starts_with(b"?"))
    }),
    ("https://", |r| starts(r, "https://")),
    ("another scheme", |r| starts(r, "ftp://")),
    ("absolute form with a user", |r| authority(r).is_some_and(|(host, _)| host.contains(&b'@'))),
    ("absolute form with a port", |r| authority(r).is_some_and(|(host, _)| host.contains(&b':'))),
    ("absolute form without Host", |r| authority(r).is_some() && lines(r, "host") == 0),
    ("method above 8 KB", |r| r.method.len() > 8192),
    ("fact in long lines", |r| {
        let long = |name: &[u8], value: &[u8]| name.eq_ignore_ascii_case(b"x-country") && value.len() > 4000;
        r.headers.iter().filter(|(name, value)| long(name, value)).count() > 1
    }),
    ("absolute form around the limit", |r| authority(r).is_some() && (4095..=4097).contains(&length(&r.target))),
    ("* as target", |r| r.target == b"*"),
    ("target that is no path", |r| r.target == b"foo"),
    ("URL of 199", |r| length(&r.target) == 199),
    ("URL of 200", |r| length(&r.target) == 200),
    ("URL of 201", |r| length(&r.target) == 201),
    ("URL of 4095", |r| length(&r.target) == 4095),
    ("URL of 4096", |r| length(&r.target) == 4096),
    ("URL of 4097", |r| length(&r.target) == 4097),
    ("URL above 16 KB", |r| length(&r.target) > 16_384),
    ("7 values of a name", |r| of_name(r, "id") == VALUES - 1),
    ("8 values of a name", |r| of_name(r, "id") == VALUES),
    ("9 values of a name", |r| of_name(r, "id") == VALUES + 1),
    ("31 names", |r| parameters(r).len() == NAMES - 1),
    ("32 names", |r| parameters(r).len() == NAMES),
    ("33 names", |r| parameters(r).len() == NAMES + 1),
    ("7 cookies of a name", |r| cookies(r, "sid") == VALUES - 1),
    ("8 cookies of a name", |r| cookies(r, "sid") == VALUES),
    ("9 cookies of a name", |r| cookies(r, "sid") == VALUES + 1),
    ("55 header lines", |r| r.headers.len() == 55),
    ("56 header lines", |r| r.headers.len() == 56),
    ("57 header lines", |r| r.headers.len() == 57),
    ("58 header lines", |r| r.headers.len() == 58),
    ("59 header lines, one of them X-Forwarded-For", |r| r.headers.len() == 59 && lines(r, "x-forwarded-for") == 1),
    ("query that is empty", |r| r.target.ends_with(b"?") && query(r).is_empty()),
    ("parameter without =", |r| parameters(r).iter().any(|part| !part.contains(&b'='))),
    ("parameter with an empty value", |r| parameters(r).iter().any(|part| part.ends_with(b"="))),
    ("parameter with an empty name", |r| parameters(r).iter().any(|part| part.starts_with(b"="))),
    ("nothing between two &", |r| memchr::memmem::find(query(r), b"&&").is_some()),
    ("no query", |r| !r.target.contains(&b'?')),
    ("empty header", |r| header_is(r, "x-test", <[u8]>::is_empty)),
    ("header of blanks", |r| header_is(r, "x-test", |value| !value.is_empty() && value.trim_ascii().is_empty())),
    ("header absent", |r| lines(r, "x-test") == 0),
    ("empty Cookie", |r| header_is(r, "cookie", <[u8]>::is_empty)),
    ("cookie with an empty value", |r| header_is(r, "cookie", |value| value.starts_with(b"sid=;"))),
    ("cookie without =", |r| header_is(r, "cookie", |value| value.ends_with(b"; id"))),
    ("no Host", |r| lines(r, "host") == 0),
    ("empty Host", |r| header_is(r, "host", <[u8]>::is_empty)),
    ("no body", |r| lines(r, "content-length") + lines(r, "transfer-encoding") == 0),
    ("Content-Length: 0", |r| header_is(r, "content-length", |value| value == b"0")),
    ("Content-Length with zeros in front", |r| {
        header_is(r, "content-length", |value| value.len() > 1 && value[0] == b'0')
    }),
    ("body in chunks", |r| lines(r, "transfer-encoding") == 1 && !r.body.is_empty()),
    ("body of 65535", |r| r.body.len() == BODY - 1),
    ("body of 65536", |r| r.body.len() == BODY),
    ("body of 65537", |r| r.body.len() == BODY + 1),
    ("HTTP/1.0", |r| r.version == b"HTTP/1.0"),
    ("HTTP/1.0 without Host", |r| r.version == b"HTTP/1.0" && lines(r, "host") == 0),
    ("HTTP/1.1", |r| r.version == b"HTTP/1.1"),
    ("version in lower case", |r| r.version.starts_with(b"http/")),
    ("Expect: 100-continue", |r| header_is(r, "expect", |value| value.eq_ignore_ascii_case(b"100-continue"))),
    ("Connection that names a header", |r| header_is(r, "connection", |value| value == b"x-test")),
    ("our own header forged", |r| lines(r, "x-edgesig-tags") == 1),
    ("IPv6 client", |r| r.client_ip.is_ipv6()),
    ("client behind a trusted proxy", |r| {
        r.client_ip.to_string().starts_with("10.") && lines(r, "x-forwarded-for") == 1
    }),
    ("facts of a terminator", |r| r.facts.sni.is_some()),
];

/// What varnishd refuses by itself: sent too, and answered as the wire check says.
const REFUSED: &[(&str, IsOf)] = &[
    ("59 header lines, none of them X-Forwarded-For", |r| r.headers.len() == 59 && lines(r, "x-forwarded-for") == 0),
    ("60 header lines", |r| r.headers.len() == 60),
    ("more than 60 header lines", |r| r.headers.len() > 60),
    ("Host twice", |r| lines(r, "host") > 1),
    ("header line above 8 KB", |r| header_is(r, "x-long", |value| value.len() > 8192)),
];

/// How many requests of each class a run had.
#[derive(Default)]
pub struct Census(BTreeMap<String, usize>);

impl Census {
    /// `reaches_vcl`: the engine does not refuse it by itself.
    pub fn count(&mut self, request: &Request, reaches_vcl: bool) {
        let classes = if reaches_vcl { CLASSES } else { REFUSED };
        for (name, _) in classes.iter().filter(|(_, is_of)| is_of(request)) {
            *self.0.entry((*name).to_owned()).or_default() += 1;
        }
        if reaches_vcl {
            *self.0.entry(format!("method {}", String::from_utf8_lossy(&request.method))).or_default() += 1;
        }
    }

    /// Classes with less than `least` requests.
    pub fn missing(&self, least: usize) -> Vec<String> {
        let methods = METHODS.iter().map(|method| format!("method {method}"));
        let classes = CLASSES.iter().chain(REFUSED).map(|(name, _)| (*name).to_owned());
        let count = |name: &String| self.0.get(name).copied().unwrap_or(0);
        let few = methods.chain(classes).filter(|name| count(name) < least);
        few.map(|name| format!("{name}: {}", count(&name))).collect()
    }
}
