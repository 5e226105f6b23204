//! The parts of a request as slices of its bytes: origin form, host, path, query, parameters, cookies, joined
//! headers, body. Pure; [`super::view`] calls them once per request, tests compare a target's output with them.

use super::decode::{lower, query_decode, trim_blanks, url_decode};
use crate::request::Request;
use alloc::borrow::Cow;

/// A request target, cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target<'t> {
    /// Of the absolute form (any scheme): what stands between `://` and the path.
    pub authority: Option<&'t [u8]>,
    /// Path and query in origin form. `*` and the like are as they came.
    pub url: Cow<'t, [u8]>,
}

/// Cuts a request target. The authority of an absolute form is everything up to the first `/` after the scheme if
/// there is one, else up to the first `?` or `#`; an empty path is `/`.
pub fn target(target: &[u8]) -> Target<'_> {
    let Some(rest) = after_scheme(target) else {
        return Target { authority: None, url: Cow::Borrowed(target) };
    };
    let end = memchr::memchr(b'/', rest).or_else(|| memchr::memchr2(b'?', b'#', rest)).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let url = if path.starts_with(b"/") { Cow::Borrowed(path) } else { Cow::Owned([b"/", path].concat()) };
    Target { authority: Some(authority), url }
}

/// What follows `SCHEME://`.
fn after_scheme(target: &[u8]) -> Option<&[u8]> {
    let colon = memchr::memchr(b':', target)?;
    let (scheme, rest) = target.split_at(colon);
    let legal = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'.' | b'-');
    let is_scheme = scheme.first().is_some_and(u8::is_ascii_alphabetic) && scheme.iter().all(legal);
    if is_scheme { rest.strip_prefix(b"://") } else { None }
}

/// A host in lower case, without its port (`:` and digits, or `:` alone) and then one dot at its end.
pub fn normalize_host(host: &[u8]) -> Cow<'_, [u8]> {
    let digits = host.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let mut name = host;
    if let Some(before) = host[..host.len() - digits].strip_suffix(b":") {
        name = before;
    }
    lower(name.strip_suffix(b".").unwrap_or(name))
}

/// `(path, query)` of a URL in origin form, split at the first `?`; the query is `None` without one.
pub fn split_url(url: &[u8]) -> (&[u8], Option<&[u8]>) {
    match memchr::memchr(b'?', url) {
        Some(at) => (&url[..at], Some(&url[at + 1..])),
        None => (url, None),
    }
}

/// `req.url`: path and query, each decoded in its way.
pub fn decode_url(url: &[u8]) -> Cow<'_, [u8]> {
    let (path, query) = split_url(url);
    match (url_decode(path), query.map(query_decode)) {
        (path, None) => path,
        (Cow::Borrowed(_), Some(Cow::Borrowed(_))) => Cow::Borrowed(url),
        (path, Some(query)) => Cow::Owned([&path, &b"?"[..], &query].concat()),
    }
}

/// The extension of the last segment of a decoded path, in lower case; absent when there is no dot or it is last.
pub fn path_extension(path: &[u8]) -> Option<Cow<'_, [u8]>> {
    let segment = memchr::memrchr(b'/', path).map_or(path, |at| &path[at + 1..]);
    let extension = &segment[memchr::memrchr(b'.', segment)? + 1..];
    (!extension.is_empty()).then(|| lower(extension))
}

/// One query parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter<'q> {
    /// Decoded.
    pub name: Cow<'q, [u8]>,
    /// As it came; empty without `=`.
    pub value: &'q [u8],
}

/// The parameters of a raw query in order. An empty piece is none, `=v` has the empty name.
pub fn parameters(query: &[u8]) -> impl Iterator<Item = Parameter<'_>> {
    query.split(|byte| *byte == b'&').filter(|piece| !piece.is_empty()).map(|piece| {
        let (name, value) = split_at_equals(piece).unwrap_or((piece, &[]));
        Parameter { name: query_decode(name), value }
    })
}

/// `(name, value)` of each cookie of a Cookie header in order. A piece without `=` is none.
pub fn cookies(header: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    header.split(|byte| *byte == b';').filter_map(|piece| split_at_equals(trim_blanks(piece)))
}

fn split_at_equals(piece: &[u8]) -> Option<(&[u8], &[u8])> {
    memchr::memchr(b'=', piece).map(|at| (&piece[..at], &piece[at + 1..]))
}

/// A header's value: outer blanks trimmed, several instances joined with `, `, those of Cookie with `; ` (RFC 9113, 8.2.3).
/// Absent when there is none; empty when its value is.
pub fn joined_header<'h>(headers: &'h [(Vec<u8>, Vec<u8>)], name: &[u8]) -> Option<Cow<'h, [u8]>> {
    let mut joined = None;
    for (other, value) in headers {
        if other.eq_ignore_ascii_case(name) {
            join_header(&mut joined, name, value);
        }
    }
    joined
}

/// Adds one more line of a header to what [`joined_header`] gives of those before it.
pub fn join_header<'h>(joined: &mut Option<Cow<'h, [u8]>>, name: &[u8], value: &'h [u8]) {
    let value = trim_blanks(value);
    match joined {
        None => *joined = Some(Cow::Borrowed(value)),
        Some(before) => {
            let before = before.to_mut();
            before.extend_from_slice(if name.eq_ignore_ascii_case(b"cookie") { b"; " } else { b", " });
            before.extend_from_slice(value);
        }
    }
}

/// The protocol in the language's spelling: upper case, `HTTP/2` and `HTTP/3` without minor version.
pub fn protocol(version: &[u8]) -> Cow<'_, [u8]> {
    let upper = super::decode::upper(version);
    match &*upper {
        b"HTTP/2.0" => Cow::Borrowed(b"HTTP/2"),
        b"HTTP/3.0" => Cow::Borrowed(b"HTTP/3"),
        _ => upper,
    }
}

/// The body as far as the language sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body<'b> {
    /// Empty when there is none.
    Known(&'b [u8]),
    /// Longer than the limit, or of unknown length.
    Truncated,
}

/// The body of a request. Its length is known from Content-Length alone; without one and without Transfer-Encoding
/// there is none, except over HTTP/2 and later, where a method that may carry a body leaves it open.
pub fn body(request: &Request, limit: usize) -> Body<'_> {
    if request.has_header("transfer-encoding") {
        return Body::Truncated;
    }
    let Some(length) = request.header_values("content-length").next() else {
        let bodiless: [&[u8]; 5] = [b"GET", b"HEAD", b"OPTIONS", b"TRACE", b"DELETE"];
        let framed_by_stream = matches!(&*protocol(&request.version), b"HTTP/2" | b"HTTP/3");
        return if framed_by_stream && !bodiless.contains(&&request.method[..]) {
            Body::Truncated
        } else {
            Body::Known(&[])
        };
    };
    // A length that is no number never reaches an engine's rules; what was given stands for the body then.
    let length = super::decode::decimal(trim_blanks(length))
        .map_or(request.body.len(), |length| usize::try_from(length).unwrap_or(usize::MAX));
    if length > limit { Body::Truncated } else { Body::Known(&request.body[..length.min(request.body.len())]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absolute_forms_are_cut() {
        for (input, authority, url) in [
            ("/", None, "/"),
            ("/a?b#c", None, "/a?b#c"),
            ("*", None, "*"),
            ("example.com:443", None, "example.com:443"),
            ("/x?u=http://h/", None, "/x?u=http://h/"),
            ("http://h/p?q", Some("h"), "/p?q"),
            ("HTTPS://H:8/p", Some("H:8"), "/p"),
            ("http://h", Some("h"), "/"),
            ("http://h?q=1", Some("h"), "/?q=1"),
            ("http://h#f", Some("h"), "/#f"),
            // A slash counts before a question mark: that is how varnishd cuts.
            ("http://h?q=/x", Some("h?q="), "/x"),
            ("http://", Some(""), "/"),
            ("http:///p", Some(""), "/p"),
            ("a+b.c-1://h/p", Some("h"), "/p"),
            ("1a://h/p", None, "1a://h/p"),
            ("a_b://h/p", None, "a_b://h/p"),
            ("://h/p", None, "://h/p"),
            ("http:/h/p", None, "http:/h/p"),
            ("http://u@v:w@h/p", Some("u@v:w@h"), "/p"),
        ] {
            let cut = target(input.as_bytes());
            assert_eq!(cut.authority, authority.map(str::as_bytes), "{input}");
            assert_eq!(cut.url, url.as_bytes(), "{input}");
        }
    }

    #[test]
    fn hosts_are_normalized() {
        for (input, expected) in [
            ("WWW.Example.COM", "www.example.com"),
            ("h:80", "h"),
            ("h:", "h"),
            ("h.", "h"),
            ("h.:80", "h"),
            ("h..", "h."),
            ("h:80:", "h:80"),
            ("h:80.", "h:80"),
            ("h:8x", "h:8x"),
            ("[::1]:80", "[::1]"),
            ("[::1]", "[::1]"),
            ("", ""),
            (":80", ""),
            ("80", "80"),
            ("U@H:1", "u@h"),
        ] {
            assert_eq!(normalize_host(input.as_bytes()), input_bytes(expected), "{input}");
        }
    }

    fn input_bytes(text: &str) -> &[u8] {
        text.as_bytes()
    }

    #[test]
    fn paths_queries_and_extensions() {
        assert_eq!(split_url(b"/a?b?c"), (&b"/a"[..], Some(&b"b?c"[..])));
        assert_eq!(split_url(b"/a?"), (&b"/a"[..], Some(&b""[..])));
        assert_eq!(split_url(b"/a#b"), (&b"/a#b"[..], None));
        for (input, expected) in [
            ("/a+b?c+d", "/a+b?c d"),
            ("/%3f?%3F", "/???"),
            ("/a?b", "/a?b"),
            ("/%2561?%2561", "/%61?%61"),
            ("/a?", "/a?"),
        ] {
            assert_eq!(decode_url(input.as_bytes()), input_bytes(expected), "{input}");
        }
        for (input, expected) in [
            ("/a/b.PHP", Some("php")),
            ("/.env", Some("env")),
            ("/a.b/c", None),
            ("/a.", None),
            ("/a.b.c", Some("c")),
            ("/", None),
            ("*", None),
        ] {
            assert_eq!(path_extension(input.as_bytes()).as_deref(), expected.map(str::as_bytes), "{input}");
        }
    }

    #[test]
    fn parameters_are_split_before_they_are_decoded() {
        let read = |query: &str| -> Vec<(String, String)> {
            parameters(query.as_bytes())
                .map(|parameter| {
                    (
                        String::from_utf8_lossy(&parameter.name).into_owned(),
                        String::from_utf8_lossy(parameter.value).into_owned(),
                    )
                })
                .collect()
        };
        let pairs = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        assert_eq!(read(""), pairs(&[]));
        assert_eq!(read("&&"), pairs(&[]));
        assert_eq!(read("a=1&&b=2&a=3"), pairs(&[("a", "1"), ("b", "2"), ("a", "3")]));
        assert_eq!(read("k&=v&=&k="), pairs(&[("k", ""), ("", "v"), ("", ""), ("k", "")]));
        assert_eq!(read("a%26b=c%3dd&x+y=%2B"), pairs(&[("a&b", "c%3dd"), ("x y", "%2B")]));
        assert_eq!(read("a=b=c;d=e"), pairs(&[("a", "b=c;d=e")]));
    }

    #[test]
    fn cookies_and_headers() {
        let header = |name: &str, value: &str| (name.as_bytes().to_vec(), value.as_bytes().to_vec());
        let read: Vec<_> = cookies(b"a=1; b=2 ;c;; a=3;=x; d = e=f").collect();
        let expected: [(&[u8], &[u8]); 5] = [(b"a", b"1"), (b"b", b"2"), (b"a", b"3"), (b"", b"x"), (b"d ", b" e=f")];
        assert_eq!(read, expected);
        let headers = [
            header("X-A", " 1 "),
            header("x-a", ""),
            header("X-a", "\t2"),
            header("X-B", "  "),
            header("Cookie", "a=1"),
            header("cookie", "b=2"),
        ];
        assert_eq!(joined_header(&headers, b"x-a").as_deref(), Some(&b"1, , 2"[..]));
        assert_eq!(joined_header(&headers, b"x-b").as_deref(), Some(&b""[..]));
        assert_eq!(joined_header(&headers, b"x-c"), None);
        assert_eq!(joined_header(&headers, b"cookie").as_deref(), Some(&b"a=1; b=2"[..]));
    }

    #[test]
    fn bodies_have_a_known_length_or_are_truncated() {
        let request = |version: &str, method: &str, headers: &[(&str, &str)], body: &str| Request {
            method: method.into(),
            version: version.into(),
            headers: headers.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
            body: body.into(),
            ..Request::default()
        };
        let sized = [("Content-Length", "3")];
        for (sample, expected) in [
            (request("HTTP/1.1", "POST", &sized, "abc"), Body::Known(b"abc")),
            (request("HTTP/1.1", "POST", &sized, "abcd"), Body::Known(b"abc")),
            (request("HTTP/1.1", "POST", &[("content-length", "9")], "abcdefghi"), Body::Truncated),
            (request("HTTP/1.1", "POST", &[("content-length", "0")], ""), Body::Known(b"")),
            (request("HTTP/1.1", "POST", &[("content-length", "8")], "abcdefgh"), Body::Known(b"abcdefgh")),
            (request("HTTP/1.1", "POST", &[], "abc"), Body::Known(b"")),
            (request("HTTP/1.1", "POST", &[("Transfer-Encoding", "chunked")], "abc"), Body::Truncated),
            (request("HTTP/2", "POST", &[], "abc"), Body::Truncated),
            (request("HTTP/2.0", "GET", &[], ""), Body::Known(b"")),
            (request("HTTP/2", "POST", &sized, "abc"), Body::Known(b"abc")),
        ] {
            assert_eq!(body(&sample, 8), expected, "{sample:?}");
        }
        for (input, expected) in [("http/1.1", "HTTP/1.1"), ("HTTP/2.0", "HTTP/2"), ("HTTP/3", "HTTP/3")] {
            assert_eq!(protocol(input.as_bytes()), input_bytes(expected));
        }
    }
}
