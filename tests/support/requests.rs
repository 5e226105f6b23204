//! Random requests: ordinary, odd and hostile. Literals of the signatures under test are mixed in so that they hit.

use super::rng::Rng;
use edgesig::request::{Bytes, Request};

/// Words that requests and generated signatures share.
pub const WORDS: &[&str] = &[
    "admin",
    "login",
    "select",
    "union",
    "<script>",
    "../",
    "..",
    "etc/passwd",
    "%",
    "%2",
    "%00",
    "%2527",
    "%zz",
    "jndi",
    "${",
    "x",
    "1",
    "42",
    "a b",
    "a+b",
    "&amp;",
    "&#60;",
    "&lt;",
    "YWRtaW4=",
    "QUJD",
    "/",
    "//",
    "/./",
    ";",
    "=",
    "&",
    "?",
    "#",
    ".php",
    ".env",
    "ADMIN",
    "Admin",
    "\\",
    "'",
    "\"",
    "\u{e9}",
    "000000000000007",
    "1234567890123456",
    "-5",
    "on",
    "",
];
/// Names of arguments, cookies and headers.
pub const NAMES: &[&str] = &["id", "q", "a", "ID", "a b", "x[]", "user", "é", "k%", ""];
pub const HEADERS: &[&str] =
    &["user-agent", "x-test", "referer", "x-api-version", "accept", "x-forwarded-for", "x-empty", "content-type"];
pub const METHODS: &[&str] =
    &["GET", "POST", "PUT", "HEAD", "DELETE", "OPTIONS", "PURGE", "get", "PATCH", "TRACE", "BREW", "G(E)T"];

/// One random request. Most of them reach VCL.
pub fn request(rng: &mut Rng) -> Request {
    let mut request = Request { method: rng.pick(METHODS).as_bytes().to_vec(), ..Request::default() };
    if rng.below(3) > 0 {
        request.method = b"GET".to_vec();
    }
    if rng.once_in(12) {
        request.version = rng.pick(&[&b"HTTP/1.0"[..], b"http/1.1", b"HTTP/1.0"]).to_vec();
    }
    request.target = target(rng);
    if !rng.once_in(20) {
        request.headers.push((b"Host".to_vec(), host(rng)));
    }
    for _ in 0..rng.below(5) {
        let value = value(rng);
        let name = rng.pick(HEADERS);
        // X-Forwarded-For has a form of its own.
        let value = if name == "x-forwarded-for" { forwarded(rng) } else { value };
        request.headers.push((mixed_case(rng, name), value));
    }
    facts(rng, &mut request);
    if rng.once_in(4) {
        for _ in 0..=rng.below(3) {
            request.headers.push((b"Cookie".to_vec(), cookie(rng)));
        }
    }
    rare_headers(rng, &mut request);
    body(rng, &mut request);
    request.client_ip = rng
        .pick(&[
            "192.0.2.1",
            "192.0.2.77",
            "198.51.100.9",
            "10.0.0.1",
            "10.1.2.3",
            "2001:db8::1",
            "2001:db8:0:1::5",
            "::ffff:192.0.2.1",
            "::192.0.2.7",
            "fe80::1",
        ])
        .parse()
        .expect("an address");
    request
}

/// What a terminator tells, or a client pretends to be told.
fn facts(rng: &mut Rng, request: &mut Request) {
    if rng.once_in(5) {
        let name = rng.pick(&["x-asn", "X-Country", "x-ja3"]);
        let value = rng.pick(&["64500", "7", "DE", "42 ", "", "-1", "12345678901", "x"]);
        request.headers.push((name.as_bytes().to_vec(), value.as_bytes().to_vec()));
    }
    if rng.once_in(10) {
        request.facts.asn = rng.pick(&[None, Some(64_500), Some(42)]);
        request.facts.country = rng.pick(&[None, Some("DE")]).map(str::to_owned);
    }
}

fn rare_headers(rng: &mut Rng, request: &mut Request) {
    let mut push =
        |name: &str, value: &str| request.headers.push((name.as_bytes().to_vec(), value.as_bytes().to_vec()));
    match rng.below(60) {
        0 => (0..rng.below(62)).for_each(|n| push(&format!("x-fill-{n}"), "v")),
        1 => push("Expect", rng.pick(&["100-continue", "100-CONTINUE", "foo"])),
        2 => push("Connection", rng.pick(&["close", "keep-alive", "x-test", "close, x-test", "host", "a b"])),
        3 => push("Range", "bytes=0-1"),
        4 => push("Cache-Control", "no-cache"),
        5 => push("If-None-Match", "\"x\""),
        6 => push("Upgrade", "h2c"),
        7 => push("Transfer-Encoding", rng.pick(&["gzip", "identity", "Chunked"])),
        8 => push("X-Edgesig-Tags", "spoofed"),
        9 => push("x-long", &"a".repeat(rng.below(9000))),
        10 => push("Host", "second"),
        _ => {}
    }
}

fn body(rng: &mut Rng, request: &mut Request) {
    if rng.below(5) > 0 {
        return;
    }
    request.body = piece(rng, 6);
    if rng.once_in(12) {
        let length = rng.pick(&[1000, 65_535, 65_536, 65_537, 100_000]);
        request.body.resize(length, b'b');
    }
    if rng.once_in(5) {
        request.headers.push((b"Transfer-Encoding".to_vec(), b"chunked".to_vec()));
    } else {
        let zeros = if rng.once_in(30) { "0000000000000000" } else { "" };
        request.headers.push((b"Content-Length".to_vec(), format!("{zeros}{}", request.body.len()).into_bytes()));
    }
}

fn host(rng: &mut Rng) -> Bytes {
    rng.pick(&[
        "www.example.com",
        "WWW.Example.COM:80",
        "example.com.",
        "example.com.:8080",
        "",
        "[::1]:80",
        "u@h",
        "a b",
        "example.com:",
        "h:8x",
    ])
    .as_bytes()
    .to_vec()
}

fn target(rng: &mut Rng) -> Bytes {
    let mut target = Vec::new();
    match rng.below(40) {
        0 => return b"*".to_vec(),
        1 => return b"foo".to_vec(),
        2 => target.extend_from_slice(b"http://Other.example:81"),
        3 => target.extend_from_slice(b"https://other.example"),
        4 => return [&b"http://other.example"[..], &query(rng)].concat(),
        5 => target.extend_from_slice(b"HTTP://u@x"),
        6 => target.extend_from_slice(b"ftp://x"),
        _ => {}
    }
    target.push(b'/');
    target.extend(path(rng));
    if rng.below(4) > 0 {
        target.extend(query(rng));
    }
    if rng.once_in(40) {
        // Around the limit of the URL.
        let length = 4090 + rng.below(12);
        let fill = rng.pick(b"a+/%.");
        target.resize(length.max(target.len()), fill);
    }
    if rng.once_in(200) {
        target.resize(rng.below(30_000).max(target.len()), b'%');
    }
    target
}

fn path(rng: &mut Rng) -> Bytes {
    let mut path = piece(rng, 4);
    path.retain(|byte| *byte != b'?');
    if rng.once_in(6) {
        for _ in 0..rng.below(12) {
            path.extend_from_slice(
                rng.pick(&["/..", "/.", "//", "/a", "/b.php", "/..;", "/...", "/%2e%2e"]).as_bytes(),
            );
        }
    }
    path
}

fn query(rng: &mut Rng) -> Bytes {
    let mut query = b"?".to_vec();
    let count = match rng.below(30) {
        0 => rng.below(45),
        1 => 8 + rng.below(16),
        _ => rng.below(5),
    };
    let same = rng.once_in(10);
    for _ in 0..count {
        if query.len() > 1 || rng.once_in(20) {
            query.push(b'&');
        }
        let name = if same { "id" } else { rng.pick(NAMES) };
        query.extend(encoded(rng, name.as_bytes()));
        if !rng.once_in(8) {
            query.push(b'=');
            query.extend(piece(rng, 3));
        }
    }
    query
}

fn cookie(rng: &mut Rng) -> Bytes {
    let mut cookie = Vec::new();
    let count = if rng.once_in(20) { rng.below(14) } else { rng.below(4) };
    for _ in 0..count {
        cookie.extend_from_slice(rng.pick(&["; ", ";", " ; ", ";;", ";\t"]).as_bytes());
        cookie.extend_from_slice(rng.pick(&["id", "sid", "ID", "a", ""]).as_bytes());
        if !rng.once_in(6) {
            cookie.push(b'=');
            cookie.extend(value(rng));
        }
    }
    // In one list's elements what would be elements of another.
    if rng.once_in(20) {
        (0..rng.below(24)).for_each(|_| cookie.extend_from_slice(rng.pick(&["&", "&id=", "&a", "?"]).as_bytes()));
    }
    cookie
}

fn forwarded(rng: &mut Rng) -> Bytes {
    let mut parts = Vec::new();
    for _ in 0..rng.below(8) {
        parts.push(rng.pick(&[
            "192.0.2.9",
            "10.0.0.2",
            "10.9.9.9",
            "2001:db8::2",
            "unknown",
            "0300.0.2.1",
            "192.0.2.1:80",
            "[::1]",
            "::ffff:10.0.0.3",
            "",
            "192.0.2.010",
            "fe80::1%lo",
            "1.2.3",
            " 192.0.2.9 ",
            "2001:DB8::2",
            "::ffff:192.0.2.5",
            "::192.0.2.7",
            "0:0:0:0:0:0:0:1",
            "10.0.0.2, 10.0.0.2",
        ]));
    }
    parts.join(rng.pick(&[", ", ",", " ,\t"])).into_bytes()
}

/// A header's value: words, without what a header cannot hold.
fn value(rng: &mut Rng) -> Bytes {
    let mut value = piece(rng, 5);
    if rng.once_in(8) {
        value.insert(0, b'\t');
    }
    if rng.once_in(8) {
        value.push(b' ');
    }
    value
}

/// Some words, parts of them encoded.
fn piece(rng: &mut Rng, words: usize) -> Bytes {
    let mut piece = Vec::new();
    for _ in 0..rng.below(words) {
        let word = rng.pick(WORDS);
        piece.extend(encoded(rng, word.as_bytes()));
        if rng.once_in(6) {
            piece.extend_from_slice(
                rng.pick(&["%0a", "%00", "%", "%c3%a9", "%2", "%ff", "+", "%20", "%2b", "%25", "%3d", "%26"])
                    .as_bytes(),
            );
        }
    }
    piece.iter_mut().filter(|byte| **byte == b' ').for_each(|byte| *byte = b'+');
    piece
}

/// Some bytes as `%HH`, once or twice.
fn encoded(rng: &mut Rng, text: &[u8]) -> Bytes {
    let often = rng.pick(&[0, 0, 0, 2, 4]);
    let mut out = Vec::new();
    for byte in text {
        if often > 0 && rng.once_in(often) || !(0x21..0x7f).contains(byte) {
            let percent = if rng.once_in(5) { "%25" } else { "%" };
            let digits = if rng.once_in(2) { format!("{byte:02x}") } else { format!("{byte:02X}") };
            out.extend_from_slice(format!("{percent}{digits}").as_bytes());
        } else {
            out.push(*byte);
        }
    }
    out
}

fn mixed_case(rng: &mut Rng, name: &str) -> Bytes {
    if rng.once_in(3) { name.to_ascii_uppercase().into_bytes() } else { name.as_bytes().to_vec() }
}

/// A message as bytes: a random request with random damage.
pub fn damaged(rng: &mut Rng) -> Request {
    let mut wire = request(rng).to_wire();
    for _ in 0..rng.below(3) {
        let at = rng.below(wire.len().min(600));
        match rng.below(6) {
            0 => wire[at] = rng.below(256) as u8,
            1 => wire.insert(at, rng.pick(&[0, 9, 10, 13, 32, 58, 127, 200])),
            2 => drop(wire.remove(at)),
            3 => {
                let insert = rng.pick(&[
                    "\r\n ",
                    "\n\t",
                    "\r\nHost: b\r\n",
                    "\r\nContent-Length: 0",
                    "\r\nA : b",
                    "\r\n\r\n",
                    "  ",
                ]);
                wire.splice(at..at, insert.bytes());
            }
            4 => wire.truncate(at + 1),
            _ => {}
        }
    }
    Request { raw: Some(wire), ..Request::default() }
}
