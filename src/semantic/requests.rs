//! `tests:` → requests with times, read with the same readers as `eval`'s input.

use super::resolve::is_token;
use super::scope::Checker;
use crate::diagnostic::{Code, Diagnostic};
use crate::ir::{Test, TestStep};
use crate::request::{CurlError, Request, Response, is_target, parse_curl, parse_message, parse_request_line};
use crate::source::{Span, Spanned};
use crate::syntax::ast::{Expectation, RequestForm, RequestMap, ResponseForm, Signature, Step, TestBody};
use std::time::Duration;

/// Requests that one test may send, repetitions counted.
const MAX_REQUESTS: u64 = 10_000;
/// Bytes that the requests of one test may have together.
const MAX_BYTES: u64 = 16 * 1024 * 1024;
/// Longest pause on the virtual clock: a hundred years, far from any overflow.
const MAX_PAUSE_MS: u64 = 100 * 366 * 24 * 3600 * 1000;

impl<'a> Checker<'a> {
    /// The tests of a signature; those with errors are reported and left out.
    pub fn tests(&mut self, signature: &'a Signature) -> Vec<Test> {
        let mut tests = Vec::with_capacity(signature.tests.len());
        for test in &signature.tests {
            let steps = match &test.body {
                TestBody::Single(step) => std::slice::from_ref(step),
                TestBody::Sequence(steps) => steps,
            };
            if let Some(steps) = self.steps(signature, steps, test.span) {
                tests.push(Test { name: test.name.value.clone(), span: test.span, steps });
            }
        }
        tests
    }

    fn invalid_test(&mut self, span: Span, message: impl Into<String>, help: Option<&str>) {
        let mut diagnostic = Diagnostic::new(Code::InvalidTest, span, message, "cannot be sent");
        diagnostic.help.extend(help.map(str::to_owned));
        self.report(diagnostic);
    }

    fn steps(&mut self, signature: &'a Signature, steps: &'a [Step], span: Span) -> Option<Vec<TestStep>> {
        let mut read = Vec::with_capacity(steps.len());
        for step in steps {
            read.extend(self.step(signature, step));
        }
        if read.len() < steps.len() {
            return None;
        }
        let count: u64 = steps.iter().map(|step| u64::from(step.repeat)).sum();
        let bytes: u64 =
            steps.iter().zip(&read).map(|(step, (request, _))| u64::from(step.repeat) * size(request)).sum();
        if count > MAX_REQUESTS || bytes > MAX_BYTES {
            let message = format!("this test sends {count} requests of {bytes} bytes together");
            self.report(
                Diagnostic::new(Code::LimitExceeded, span, message, "too much for one test")
                    .help(format!("a test may send {MAX_REQUESTS} requests of {MAX_BYTES} bytes together")),
            );
            return None;
        }
        let mut lowered = Vec::with_capacity(count as usize);
        let mut time = Duration::ZERO;
        for (step, (request, dots_removed)) in steps.iter().zip(read) {
            let expect_match = match step.expect.value {
                Expectation::Match => true,
                Expectation::NoMatch => false,
            };
            let requests = std::iter::repeat_n(request, step.repeat as usize);
            for (repetition, request) in requests.enumerate() {
                let pause = if repetition == 0 { step.after } else { step.every };
                time += Duration::from_millis(pause.0.min(MAX_PAUSE_MS));
                lowered.push(TestStep {
                    request: Request { time, ..request },
                    expect_match,
                    span: step.expect.span,
                    dots_removed,
                });
            }
        }
        Some(lowered)
    }

    /// The request, and whether curl would leave `.` and `..` out of its path.
    fn step(&mut self, signature: &'a Signature, step: &'a Step) -> Option<(Request, bool)> {
        let request = self.request(signature, &step.request);
        let response = match &step.response {
            None => Some(Response::default()),
            Some(form) => self.response(form),
        };
        let (request, dots_removed) = request?;
        Some((Request { response: response?, ..request }, dots_removed))
    }

    fn request(&mut self, signature: &'a Signature, form: &'a RequestForm) -> Option<(Request, bool)> {
        let span = form.span();
        let mut dots_removed = false;
        let read = match form {
            RequestForm::Map(map) => return Some((self.request_map(map)?, false)),
            // A request line that ends in a line break is one still.
            RequestForm::Text(text) if text.value.trim_end().contains('\n') => parse_message(text.value.as_bytes()),
            RequestForm::Text(text) => parse_request_line(text.value.trim_end()).map(completed),
            RequestForm::Curl { command, positions } => match parse_curl(&command.value) {
                Ok(curl) => {
                    dots_removed = curl.dots_removed;
                    Ok(completed(curl.request))
                }
                Err(CurlError { message, range }) => {
                    let place = positions.span(range.start, range.end);
                    self.report(Diagnostic::new(Code::InvalidTest, place, message, "not understood"));
                    return None;
                }
            },
            RequestForm::File(path) => match self.context.files.read(signature.source, &path.value) {
                Ok(content) => parse_message(&content),
                Err(error) => Err(format!("the file `{}` cannot be read: {error}", path.value)),
            },
        };
        match read {
            Ok(request) => Some((request, dots_removed)),
            Err(error) => {
                let is_curl = matches!(form, RequestForm::Text(text) if text.value.starts_with("curl "));
                if is_curl {
                    self.invalid_test(
                        span,
                        "a curl command is no request line",
                        Some("write it under `curl:`: `request: {curl: …}`"),
                    );
                    return None;
                }
                let help = match form {
                    RequestForm::File(_) => "the path is relative to the signature's file",
                    RequestForm::Text(_) | RequestForm::Curl { .. } | RequestForm::Map(_) => {
                        "write a request line (`GET /path`), a map, a raw HTTP message, `{file: …}` or `{curl: …}`"
                    }
                };
                self.invalid_test(span, error, Some(help));
                None
            }
        }
    }

    fn request_map(&mut self, map: &'a RequestMap) -> Option<Request> {
        let before = self.diagnostics.list.len();
        let mut request = Request::default();
        if let Some(method) = &map.method {
            if !is_token(method.value.as_bytes()) {
                self.invalid_test(
                    method.span,
                    format!("`{}` is no method", method.value),
                    Some("a method is a word such as `GET`"),
                );
            }
            request.method = method.value.clone().into_bytes();
        }
        if let Some(url) = &map.url {
            let is_sendable = !url.value.is_empty() && !url.value.bytes().any(|byte| byte <= b' ' || byte == 0x7f);
            if !is_sendable {
                let help = "percent-encode blanks and control characters: `%20`";
                self.invalid_test(url.span, "a blank or control character in the URL, or nothing at all", Some(help));
            }
            request.target = url.value.clone().into_bytes();
            if is_sendable && !is_target(&request) {
                let message = format!("a URL starts with `/`, found `{}`", url.value);
                let help = format!("write `/{}`; what no browser sends is written as a raw message", url.value);
                self.invalid_test(url.span, message, Some(&help));
            }
        }
        if let Some(version) = &map.version {
            request.version = match version.value.as_str() {
                "1.0" | "HTTP/1.0" => b"HTTP/1.0".to_vec(),
                "1.1" | "HTTP/1.1" => b"HTTP/1.1".to_vec(),
                "2" | "2.0" | "HTTP/2" | "HTTP/2.0" => b"HTTP/2".to_vec(),
                "3" | "3.0" | "HTTP/3" | "HTTP/3.0" => b"HTTP/3".to_vec(),
                other => {
                    self.invalid_test(
                        version.span,
                        format!("`{other}` is no version of HTTP"),
                        Some("write `HTTP/1.0`, `HTTP/1.1`, `HTTP/2` or `HTTP/3`"),
                    );
                    Vec::new()
                }
            };
        }
        for (name, values) in &map.headers {
            self.header(name, values, &mut request.headers);
        }
        request.body = map.body.as_ref().map(|body| body.value.clone().into_bytes()).unwrap_or_default();
        if let Some(address) = &map.client_ip {
            match address.value.parse::<std::net::IpAddr>() {
                Ok(parsed) => request.client_ip = parsed.to_canonical(),
                Err(_) => self.invalid_test(
                    address.span,
                    format!("`{}` is no address", address.value),
                    Some("such as `192.0.2.1` or `2001:db8::1`"),
                ),
            }
        }
        self.facts(map, &mut request);
        // `host: ~` asks for a request without Host.
        if map.headers.iter().any(|(name, values)| values.is_empty() && name.value.eq_ignore_ascii_case("host")) {
            request.frame();
        } else {
            request.complete();
        }
        (self.diagnostics.list.len() == before).then_some(request)
    }

    fn facts(&mut self, map: &'a RequestMap, request: &mut Request) {
        let text = |value: &Option<Spanned<String>>| value.as_ref().map(|value| value.value.clone());
        let facts = &mut request.facts;
        facts.scheme = text(&map.scheme);
        facts.country = text(&map.country);
        facts.as_name = text(&map.as_name);
        facts.proxy_type = text(&map.proxy_type);
        if let Some(asn) = &map.asn {
            match u32::try_from(asn.value) {
                Ok(asn) => facts.asn = Some(asn),
                Err(_) => {
                    self.invalid_test(asn.span, format!("`{}` is no number of an autonomous system", asn.value), None)
                }
            }
        }
        for (key, value) in &map.tls {
            let slot = match key.value.as_str() {
                "ja3" => &mut request.facts.ja3,
                "ja4" => &mut request.facts.ja4,
                "version" => &mut request.facts.tls_version,
                "sni" => &mut request.facts.sni,
                other => {
                    let message = format!("`tls` has no `{other}`");
                    self.invalid_test(key.span, message, Some("`tls` takes `ja3`, `ja4`, `version` and `sni`"));
                    continue;
                }
            };
            *slot = Some(value.value.clone());
        }
        let printable = [
            (&map.scheme, &request.facts.scheme),
            (&map.country, &request.facts.country),
            (&map.as_name, &request.facts.as_name),
            (&map.proxy_type, &request.facts.proxy_type),
        ]
        .into_iter()
        .filter_map(|(written, _)| written.as_ref())
        .chain(map.tls.iter().map(|(_, value)| value));
        // Facts travel in headers.
        let broken: Vec<Span> = printable.filter(|fact| has_break(&fact.value)).map(|fact| fact.span).collect();
        for span in broken {
            self.invalid_test(span, "a fact cannot hold line breaks or NUL", None);
        }
    }

    fn header(&mut self, name: &Spanned<String>, values: &[Spanned<String>], headers: &mut Vec<(Vec<u8>, Vec<u8>)>) {
        if !is_token(name.value.as_bytes()) {
            let help = "a request that is broken on purpose is written as a raw message, or read from a `{file: …}`";
            self.invalid_test(name.span, format!("`{}` cannot be the name of a header", name.value), Some(help));
        }
        for value in values {
            if has_break(&value.value) {
                let help =
                    "a request that is broken on purpose is written as a raw message, or read from a `{file: …}`";
                self.invalid_test(value.span, "a header cannot hold line breaks or NUL", Some(help));
            }
            headers.push((name.value.clone().into_bytes(), value.value.clone().into_bytes()));
        }
    }

    fn response(&mut self, form: &'a ResponseForm) -> Option<Response> {
        let before = self.diagnostics.list.len();
        let status = form.status.value;
        if !(200..=599).contains(&status) {
            let message = format!("a response with the status {status}");
            self.invalid_test(form.status.span, message, Some("a response has a status from 200 to 599"));
        }
        let mut response = Response { status: status as u16, headers: Vec::new() };
        for (name, value) in &form.headers {
            self.header(name, std::slice::from_ref(value), &mut response.headers);
        }
        (self.diagnostics.list.len() == before).then_some(response)
    }
}

fn completed(mut request: Request) -> Request {
    request.complete();
    request
}

fn has_break(text: &str) -> bool {
    text.contains(['\r', '\n', '\0'])
}

/// Bytes that a copy of the request takes, roughly.
fn size(request: &Request) -> u64 {
    let headers: usize = request.headers.iter().map(|(name, value)| name.len() + value.len() + 64).sum();
    let raw = request.raw.as_ref().map_or(0, Vec::len);
    (256 + request.target.len() + headers + request.body.len() + raw) as u64
}
