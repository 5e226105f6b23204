//! The nodes under `tests:` → test cases with their requests as written. Called by `signature`; the requests
//! themselves are read by `semantic`.

use super::ast::{Duration, Expectation, RequestForm, RequestMap, ResponseForm, Step, Test, TestBody};
use super::nodes::{Fields, Reader, each};
use super::yaml::{Node, NodeKind};
use super::{keys, shapes, terms};
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Spanned;

/// Most requests of one step.
pub(super) const MAX_REPEAT: u64 = 100_000;

/// A test in one line.
const EXAMPLE: &str = "{name: a probe, request: GET /admin, expect: match}";

/// Reads the list of tests.
pub(super) fn tests(reader: &mut Reader<'_, '_>, node: &Node<'_>) -> Vec<Test> {
    if let NodeKind::Mapping(_) = &node.kind {
        let diagnostic = reader.wrong_type(node, "a list of tests");
        reader.report.push(diagnostic.help(format!("each test is an item with its outcome: `- {EXAMPLE}`")));
        return Vec::new();
    }
    let Some(items) = reader.sequence(node, "a list of tests") else { return Vec::new() };
    each(items, |item| test(reader, item))
}

fn test(reader: &mut Reader<'_, '_>, node: &Node<'_>) -> Option<Test> {
    if !reader.is_mapping(node, "a mapping (a test)", |_, _| None, EXAMPLE) {
        return None;
    }
    let mut fields = reader.mapping(node, "a test")?;
    let name = fields.require("name").and_then(|node| reader.text(node, "a name"));
    let body = match fields.get("sequence") {
        Some(sequence) => {
            let items = reader.sequence(sequence, "a list of steps");
            if items.is_some_and(<[Node<'_>]>::is_empty) {
                let message = "the sequence has no steps";
                reader.report.push(Diagnostic::new(Code::InvalidValue, sequence.span, message, "nothing in it"));
            }
            let steps = each(items.unwrap_or_default(), |item| {
                let mut fields = reader.mapping(item, "a step")?;
                let step = self::step(reader, &mut fields);
                fields.finish(reader, &keys::STEP);
                step
            });
            fields.finish_form(reader, &keys::SEQUENCE_TEST);
            Some(TestBody::Sequence(steps))
        }
        None => {
            let step = step(reader, &mut fields);
            fields.finish(reader, &keys::TEST);
            step.map(TestBody::Single)
        }
    };
    Some(Test { name: name?, span: node.span, body: body? })
}

fn step(reader: &mut Reader<'_, '_>, fields: &mut Fields<'_, '_>) -> Option<Step> {
    let request = match fields.get("curl") {
        Some(node) => curl(reader, node),
        None => fields.require("request").and_then(|node| request(reader, node)),
    };
    let response = fields.get("response").and_then(|node| response(reader, node));
    let words = [("match", Expectation::Match), ("no_match", Expectation::NoMatch)];
    let expect = fields.require("expect").and_then(|node| reader.word(node, "expectation", &words));
    let repeat = fields.get("repeat").and_then(|node| reader.integer(node, 1..=MAX_REPEAT));
    let every = fields.get("every").and_then(|node| reader.term(node, "a duration", terms::duration));
    let after = fields.get("after").and_then(|node| reader.term(node, "a duration", terms::duration));
    Some(Step {
        request: request?,
        response,
        expect: expect?,
        repeat: repeat.map_or(1, |repeat| u32::try_from(repeat.value).unwrap_or(u32::MAX)),
        every: every.map_or(Duration(0), |every| every.value),
        after: after.map_or(Duration(0), |after| after.value),
    })
}

fn response(reader: &mut Reader<'_, '_>, node: &Node<'_>) -> Option<ResponseForm> {
    if let NodeKind::Scalar(..) = node.kind {
        let status = reader.integer(node, keys::STATUSES)?;
        return Some(ResponseForm { status, headers: Vec::new() });
    }
    let mut fields = reader.mapping(node, "a response")?;
    let status = fields.get("status").map(|node| reader.integer(node, keys::STATUSES));
    let mut headers = Vec::new();
    if let Some(node) = fields.get("headers") {
        for (name, values) in self::headers(reader, node) {
            headers.extend(values.into_iter().map(|value| (name.clone(), value)));
        }
    }
    fields.finish(reader, &keys::RESPONSE);
    let status = status.unwrap_or(Some(Spanned::new(200, node.span)))?;
    Some(ResponseForm { status, headers })
}

fn request(reader: &mut Reader<'_, '_>, node: &Node<'_>) -> Option<RequestForm> {
    match &node.kind {
        NodeKind::Scalar(..) => reader.text(node, "a request").map(RequestForm::Text),
        NodeKind::Mapping(_) => request_mapping(reader, node),
        NodeKind::Null | NodeKind::Sequence(_) => {
            let diagnostic = reader.wrong_type(node, "a request");
            reader
                .report
                .push(diagnostic.help("it is a request line (`GET /?q=1`), a mapping, or a whole HTTP message"));
            None
        }
    }
}

fn curl(reader: &mut Reader<'_, '_>, node: &Node<'_>) -> Option<RequestForm> {
    let command = reader.text(node, "a curl command line")?;
    let positions = reader.positions(node)?;
    Some(RequestForm::Curl { command, positions })
}

fn request_mapping(reader: &mut Reader<'_, '_>, node: &Node<'_>) -> Option<RequestForm> {
    let mut fields = reader.mapping(node, "a request")?;
    if let Some(file) = fields.get("file") {
        let file = reader.text(file, "a path");
        fields.finish_form(reader, &keys::FILE_REQUEST);
        return file.map(RequestForm::File);
    }
    if let Some(curl) = fields.get("curl") {
        let curl = self::curl(reader, curl);
        fields.finish_form(reader, &keys::CURL_REQUEST);
        return curl;
    }
    let mut text = |key: &str| fields.get(key).and_then(|node| reader.verbatim(node, "text"));
    let method = text("method");
    let url = text("url");
    let version = text("version");
    let client_ip = text("client_ip");
    let country = text("country");
    let as_name = text("as_name");
    let proxy_type = text("proxy_type");
    let scheme = text("scheme");
    let asn = fields.get("asn").and_then(|node| reader.integer(node, keys::AS_NUMBERS));
    let body = fields.get("body").and_then(|node| match &node.kind {
        NodeKind::Sequence(_) | NodeKind::Mapping(_) => {
            let diagnostic = reader.wrong_type(node, "text");
            reader.report.push(match shapes::text(reader.text, node) {
                Some(quoted) => diagnostic.fix("a body is a text: put it in quotes", node.span, quoted),
                None => diagnostic.help("a body is a text: `'{\"a\": 1}'`, on several lines `body: |`"),
            });
            None
        }
        NodeKind::Null | NodeKind::Scalar(..) => reader.verbatim(node, "text"),
    });
    let headers = fields.get("headers").map(|node| headers(reader, node)).unwrap_or_default();
    let mut tls = Vec::new();
    if let Some(node) = fields.get("tls")
        && let Some(mut fields) = reader.mapping(node, "`tls`")
    {
        for key in keys::TLS.keys {
            if let Some(value) = fields.get(key.name).and_then(|node| reader.verbatim(node, "text")) {
                tls.push((Spanned::new(key.name.to_owned(), value.span), value));
            }
        }
        fields.finish(reader, &keys::TLS);
    }
    fields.finish(reader, &keys::REQUEST);
    Some(RequestForm::Map(Box::new(RequestMap {
        span: node.span,
        method,
        url,
        version,
        headers,
        body,
        client_ip,
        country,
        asn,
        as_name,
        proxy_type,
        scheme,
        tls,
    })))
}

/// Header names with their values; none for a header that is not to be sent.
type Headers = Vec<(Spanned<String>, Vec<Spanned<String>>)>;

fn headers(reader: &mut Reader<'_, '_>, node: &Node<'_>) -> Headers {
    let expected = "a mapping of header names to values";
    if !reader.is_mapping(node, expected, shapes::headers, "headers: {user-agent: \"x\"}") {
        return Vec::new();
    }
    let Some(entries) = reader.entries(node, expected) else { return Vec::new() };
    let mut headers = Vec::with_capacity(entries.len());
    for (name, key, value) in entries {
        let values = match &value.kind {
            NodeKind::Null => Vec::new(),
            NodeKind::Sequence(items) => each(items, |item| reader.verbatim(item, "text")),
            NodeKind::Scalar(..) | NodeKind::Mapping(_) => {
                reader.verbatim(value, "text or a list of texts").map(|text| vec![text]).unwrap_or_default()
            }
        };
        headers.push((Spanned::new(name.to_owned(), key.span), values));
    }
    headers
}
