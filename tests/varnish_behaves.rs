//! Scenarios in the real varnishd: tags and strips, restarts and ESI, other people's service VCL, HTTP/2.

#![allow(clippy::wildcard_enum_match_arm, reason = "a test looks at the cases it names")]

mod support;

use edgesig::catalog::Field;
use edgesig::engine::{Observed, Received, Reply, Session, Setup, compile};
use edgesig::ir::{Action, BlockBody, Check, Mode, Patterns, Rate, Rule, Ruleset, TemplatePart, TextOperator};
use edgesig::regex::Regex;
use edgesig::request::{Request, Response};
use std::collections::BTreeMap;
use std::process::Command;
use support::ir::{block, client, compare, contains, field, get, rate, rule, ruleset, text};
use support::{build, has_varnishd};

fn session(ruleset: &Ruleset, service: Option<&str>) -> Session {
    let built = build(ruleset).expect("Varnish can express these rules");
    let setup = Setup { service: service.map(str::to_owned), ..Setup::default() };
    Session::start(&built, setup).unwrap_or_else(|error| panic!("{error}\n{built}"))
}

fn status(observed: &Observed) -> u16 {
    match &observed.reply {
        Reply::Answer(answer) => answer.status,
        Reply::Closed | Reply::TimedOut => 0,
    }
}

fn header(observed: &Observed, name: &str) -> Option<String> {
    match &observed.reply {
        Reply::Answer(answer) => answer.header(name),
        Reply::Closed | Reply::TimedOut => None,
    }
}

fn ids(observed: &Observed) -> Vec<String> {
    observed.record.as_ref().map_or(Vec::new(), |record| record.ids.clone())
}

fn rules() -> Vec<Rule> {
    let query = || field(Field::Query, None);
    vec![
        block("evil", contains(query(), "evil")),
        rule(
            "marked",
            contains(query(), "mark"),
            vec![
                Action::Tag("suspicious".to_owned()),
                Action::Tag("bot".to_owned()),
                Action::Strip(vec!["x-test".to_owned()]),
            ],
        ),
        rule(
            "moved",
            contains(query(), "moved"),
            vec![Action::Redirect {
                status: 308,
                template: vec![TemplatePart::Text("https://".to_owned()), TemplatePart::Host, TemplatePart::UrlRaw],
            }],
        ),
        Rule {
            rate: Some(Rate { penalty: Some(60), ..rate(vec![client()], &[(3, 60)]) }),
            ..rule("often", text(field(Field::Path, None), TextOperator::Equals, "/login"), vec![Action::Throttle])
        },
    ]
}

#[test]
fn actions_are_taken_and_nothing_can_be_forged() {
    if !has_varnishd() {
        return;
    }
    let mut session = session(&ruleset(rules()), None);
    session.origin.keep_received();
    let forged = [("X-Edgesig-Tags", "forged"), ("x-edgesig-tags", "forged"), ("X-Test", "1"), ("x-test", "2")];
    let observed = session.exchange(&get("/?mark", &forged)).expect("the engine runs");
    assert_eq!((status(&observed), ids(&observed)), (200, vec!["marked".to_owned()]));
    let received = session.origin.take_received();
    assert_eq!(received[0].header_values("x-edgesig-tags"), ["bot,suspicious"]);
    assert!(received[0].header_values("x-test").is_empty());

    let observed = session.exchange(&get("/?plain", &forged)).expect("the engine runs");
    assert_eq!((status(&observed), ids(&observed).len()), (200, 0));
    let received = session.origin.take_received();
    assert!(received[0].header_values("x-edgesig-tags").is_empty(), "{received:?}");
    let ours = |name: &str| name.to_ascii_lowercase().contains("edgesig");
    assert!(!received[0].headers.iter().any(|(name, _)| ours(name)), "{received:?}");

    let observed = session.exchange(&get("/?moved=1&x=%20", &[])).expect("the engine runs");
    assert_eq!(status(&observed), 308);
    assert_eq!(header(&observed, "location").as_deref(), Some("https://www.example.com/?moved=1&x=%20"));

    let observed = session.exchange(&get("/?evil", &[])).expect("the engine runs");
    assert_eq!(status(&observed), 403);
    assert!(header(&observed, "content-type").is_some_and(|kind| kind.starts_with("application/json")), "{observed:?}");
    let statuses: Vec<u16> =
        (0..5).map(|_| status(&session.exchange(&get("/login", &[])).expect("the engine runs"))).collect();
    assert_eq!(statuses, [200, 200, 200, 429, 429]);
    let observed = session.exchange(&get("/login", &[])).expect("the engine runs");
    let wait: u32 = header(&observed, "retry-after").and_then(|wait| wait.parse().ok()).expect("Retry-After");
    assert!((1..=61).contains(&wait), "{wait}");
    assert!(session.origin.take_received().iter().all(|received| received.target == b"/login"));
    let counters = session.counters().expect("varnishstat runs");
    assert_eq!((counters.vcl_fail, counters.child_panic), (0, 0));
}

/// Restarts every request once, includes a fragment, and would serve what a client sends as state of ours.
const RESTARTING: &str = r#"
backend origin { .host = "ORIGIN_HOST"; .port = "ORIGIN_PORT"; }
sub vcl_recv {
    if (req.restarts == 0 && req.esi_level == 0) { return (pass); }
    return (pass);
}
sub vcl_backend_response { set beresp.do_esi = true; set beresp.uncacheable = true; return (deliver); }
sub vcl_deliver { if (req.restarts == 0 && req.esi_level == 0 && req.url ~ "again") { return (restart); } }
"#;

#[test]
fn a_request_is_judged_once() {
    if !has_varnishd() {
        return;
    }
    let mut session = session(&ruleset(rules()), Some(RESTARTING));
    session.origin.keep_received();
    for expected in [200, 200, 200, 429] {
        let observed = session.exchange(&get("/login?again", &[])).expect("the engine runs");
        assert_eq!(status(&observed), expected);
    }
    assert_eq!(session.origin.take_received().len(), 6);
    let observed = session.exchange(&get("/?again=mark", &[("X-Edgesig-Tags", "forged")])).expect("the engine runs");
    assert_eq!(ids(&observed), ["marked"]);
    for received in session.origin.take_received() {
        assert!(!received.header_values("x-edgesig-tags").contains(&"forged".to_owned()), "{received:?}");
    }
    let counters = session.counters().expect("varnishstat runs");
    assert_eq!((counters.vcl_fail, counters.child_panic), (0, 0));
}

/// A shop: vhosts, cookies removed for files, cached, its own redirect and error page.
const SHOP: &str = r#"
import std;
import cookie;
backend default { .host = "ORIGIN_HOST"; .port = "ORIGIN_PORT"; .first_byte_timeout = 5s; }
acl purgers { "127.0.0.1"; }
sub vcl_recv {
    if (req.method == "PURGE") {
        if (!client.ip ~ purgers) { return (synth(405, "Not allowed")); }
        return (purge);
    }
    if (req.http.host == "old.example") { return (synth(750, "https://www.example.com" + req.url)); }
    set req.url = std.querysort(req.url);
    if (req.url ~ "\.(?:css|js|png)$") { unset req.http.Cookie; return (hash); }
    if (req.http.Cookie) { cookie.parse(req.http.Cookie); cookie.filter("_ga"); set req.http.Cookie = cookie.get_string(); }
    if (req.http.Authorization || req.method == "POST") { return (pass); }
    return (hash);
}
sub vcl_hash { hash_data(req.http.host); hash_data(req.url); return (lookup); }
sub vcl_backend_response { set beresp.ttl = 10s; set beresp.grace = 1h; }
sub vcl_deliver { unset resp.http.Server; set resp.http.X-Cache = obj.hits; }
sub vcl_synth {
    if (resp.status == 750) { set resp.http.Location = resp.reason; set resp.status = 301; return (deliver); }
    set resp.http.Content-Type = "text/html";
    synthetic("<h1>" + resp.status + "</h1>");
    return (deliver);
}
"#;

/// An API: directors, long workspace use, compression, websockets piped.
const API: &str = r#"
import directors;
import std;
import header;
import var;
import vsthrottle;
backend one { .host = "ORIGIN_HOST"; .port = "ORIGIN_PORT"; }
backend two { .host = "ORIGIN_HOST"; .port = "ORIGIN_PORT"; }
sub vcl_init { new pool = directors.round_robin(); pool.add_backend(one); pool.add_backend(two); }
sub vcl_recv {
    set req.backend_hint = pool.backend();
    var.set("path", req.url);
    if (req.http.Upgrade ~ "(?i)websocket") { return (pipe); }
    if (vsthrottle.is_denied("service:" + client.identity, 1000, 1s)) { return (synth(429, "Slow down")); }
    set req.http.X-Request-Id = req.xid;
    std.log("service: " + req.url);
    return (pass);
}
sub vcl_pipe { set bereq.http.Connection = "close"; }
sub vcl_backend_fetch { set bereq.http.X-From = "edge"; }
sub vcl_backend_response { set beresp.do_gzip = true; }
"#;

#[test]
fn real_services_keep_working_behind_it() {
    if !has_varnishd() {
        return;
    }
    for (name, service) in [("restarting", RESTARTING), ("shop", SHOP), ("api", API)] {
        let mut session = session(&ruleset(rules()), Some(service));
        session.origin.keep_received();
        for (target, expected) in
            [("/a.css?x", 200), ("/?evil", 403), ("/%3fa?q=%65vil", 403), ("/?moved", 308), ("/ok", 200)]
        {
            let observed = session.exchange(&get(target, &[("Cookie", "a=1; _ga=2")])).expect("the engine runs");
            assert_eq!(status(&observed), expected, "{name} {target}");
            let acted = observed.record.as_ref().map_or("none", |record| record.action.as_str()).to_owned();
            let expected = match expected {
                403 => "block",
                308 => "redirect",
                _ => "none",
            };
            assert_eq!(acted, expected, "{name} {target}");
        }
        let statuses: Vec<u16> =
            (0..5).map(|_| status(&session.exchange(&get("/login", &[])).expect("the engine runs"))).collect();
        assert_eq!(statuses, [200, 200, 200, 429, 429], "{name}");
        assert!(session.origin.take_received().iter().all(|received| !received.target.ends_with(b"evil")), "{name}");
        let counters = session.counters().expect("varnishstat runs");
        assert_eq!((counters.vcl_fail, counters.child_panic), (0, 0), "{name}");
    }
    let mut shop = session(&ruleset(rules()), Some(SHOP));
    let old = Request { headers: vec![(b"Host".to_vec(), b"old.example".to_vec())], ..get("/x", &[]) };
    let observed = shop.exchange(&old).expect("the engine runs");
    assert_eq!((status(&observed), header(&observed, "location").as_deref()), (301, Some("https://www.example.com/x")));
    let missing = Request { response: Response { status: 404, headers: Vec::new() }, ..get("/gone", &[]) };
    assert_eq!(status(&shop.exchange(&missing).expect("the engine runs")), 404);
}

/// What a client can fill: header slots and workspace. An attack behind it never reaches the origin.
#[test]
fn no_padding_carries_an_attack_past_the_rules() {
    if !has_varnishd() {
        return;
    }
    let rules = vec![
        block("agent", contains(field(Field::Headers, Some("user-agent")), "sqlmap")),
        block("argument", contains(field(Field::Args, Some("id")), "union select")),
        block("form", contains(support::ir::any_form(field(Field::Url, None)), "${jndi")),
        block("cookie", contains(field(Field::Cookies, Some("sid")), "evil")),
        block("twice", text(field(Field::Headers, Some("x-test")), TextOperator::Equals, "a, b")),
    ];
    let session = session(&ruleset(rules), None);
    let mut requests = Vec::new();
    for lines in 50..=59 {
        for attack in 0..5 {
            for length in [1, 60, 120] {
                let mut request = match attack {
                    0 => get("/", &[("User-Agent", "x"), ("User-Agent", "sqlmap")]),
                    1 => get("/?a=1&%69d=union+%73elect", &[]),
                    2 => get("/%2524%257bjndi:x", &[]),
                    3 => get("/", &[("Cookie", "a=1"), ("Cookie", "sid=evil")]),
                    _ => get("/", &[("X-Test", "a"), ("X-Test", "b")]),
                };
                while request.headers.len() < lines {
                    let name = format!("x-fill-{}", request.headers.len());
                    request.headers.push((name.into_bytes(), vec![b'f'; length]));
                }
                requests.push(request);
            }
        }
    }
    let count = requests.len();
    let observed = session.exchange_all(&requests.iter().collect::<Vec<_>>()).expect("the engine runs");
    let statuses: Vec<u16> = observed.iter().map(status).collect();
    assert_eq!(session.origin.count(), 0, "of {count} attacks, some reached the origin");
    assert!(statuses.iter().all(|status| *status >= 400), "{statuses:?}");
    // With less than 57 lines everything fits, and it is the rule that acts.
    let judged = statuses.iter().filter(|status| **status == 403).count();
    assert!(judged >= 7 * 15, "only {judged} of {count} were judged");
}

/// An origin that cannot be reached is none of the rules' doing: the request is sent once more, and what fails then is told
/// with varnishd's reason.
#[test]
fn an_answer_lost_between_varnishd_and_the_origin_is_asked_for_again() {
    if !has_varnishd() {
        return;
    }
    // Those with a rate go one by one, and are counted once.
    let ruleset = ruleset(rules().into_iter().filter(|rule| rule.rate.is_none()).collect());
    let mut session = session(&ruleset, None);
    let request = get("/?mark", &[]);
    // varnishd itself tries a reused connection and a fresh one.
    for failures in [1, 2] {
        session.origin.fail_next(failures);
        let observed = session.exchange_all(&[&request]).expect("the engine runs").remove(0);
        assert_eq!((status(&observed), ids(&observed)), (200, vec!["marked".to_owned()]), "{observed:?}");
        assert_eq!(observed.fetch_error, None);
        assert_eq!(observed.sent_again.as_deref(), Some("HTC eof (-1)"), "{failures}");
    }
    session.origin.fail_next(1000);
    let report = edgesig::engine::verify_in(&mut session, &ruleset, std::iter::once(request), 10, &mut |_| {});
    let report = report.expect("the engine runs");
    assert_eq!((report.different, report.server_errors), (1, 1));
    assert_eq!(report.sent_again.into_iter().collect::<Vec<_>>(), [("HTC eof (-1)".to_owned(), 1)]);
    assert_eq!(
        report.differences[0].seen,
        "matched [marked], none, status 503, client 192.0.2.1; varnishd did not get the origin's answer: HTC eof (-1)"
    );
}

/// Where no header line is left for a tag, the origin must not take the request for an untagged one.
#[test]
fn a_tag_that_finds_no_room_keeps_the_request_from_the_origin() {
    if !has_varnishd() {
        return;
    }
    let mut session = session(&ruleset(rules()), None);
    session.origin.keep_received();
    for lines in 50..=59 {
        let mut request = get("/?mark", &[]);
        while request.headers.len() < lines {
            let name = format!("x-fill-{}", request.headers.len());
            request.headers.push((name.into_bytes(), b"1".to_vec()));
        }
        let observed = session.exchange(&request).expect("the engine runs");
        let received = session.origin.take_received();
        let tagged = received.iter().all(|received| received.header_values("x-edgesig-tags") == ["bot,suspicious"]);
        let seen = (status(&observed), received.len());
        let expected = if lines >= 58 { (431, 0) } else { (200, 1) };
        assert!(tagged && seen == expected, "{lines} lines: {seen:?}");
        let by = observed.record.and_then(|record| record.by);
        assert_eq!(by.as_deref() == Some("limit-workspace"), lines >= 58);
    }
    assert_eq!(session.counters().expect("varnishstat runs").vcl_fail, 0);
}

#[test]
fn http_2() {
    if !has_varnishd() {
        return;
    }
    let mut rules = vec![
        block("url", contains(field(Field::Url, None), "evil url")),
        block("cookie", text(field(Field::Cookies, Some("sid")), TextOperator::Equals, "evil")),
        block("host", text(field(Field::Host, None), TextOperator::Equals, "evil.example")),
        block("body", contains(field(Field::Body, None), "evil body")),
        rule(
            "unknown-length",
            compare(field(Field::BodyTruncated, None), Check::IsTrue),
            vec![Action::Block(Some(413))],
        ),
        rule(
            "version",
            text(field(Field::Proto, None), TextOperator::Equals, "HTTP/2"),
            vec![Action::Tag("h2".to_owned())],
        ),
    ];
    rules.iter_mut().for_each(|rule| rule.mode = Mode::Enforce);
    let scenarios = [
        ("txreq -url /ok", 200),
        ("txreq -url /%65vil%20url", 403),
        ("txreq -url /ok -hdr cookie a=1 -hdr cookie sid=evil", 403),
        ("txreq -url /ok -hdr cookie a=1 -hdr cookie sid=good", 200),
        ("txreq -url /ok -hdr :authority Evil.Example", 403),
        ("txreq -req POST -url /ok -hdr content-length 9 -body \"evil body\"", 403),
        ("txreq -req POST -url /ok -hdr content-length 9 -body \"good body\"", 200),
        ("txreq -req POST -url /ok -body \"evil body\"", 413),
    ];
    over_http_2(rules, "expect req.http.x-edgesig-tags == h2", &scenarios);
}

/// Values over HTTP/1 have no blanks at their ends; varnishd leaves those that come over HTTP/2.
#[test]
fn values_over_http_2_are_trimmed() {
    if !has_varnishd() {
        return;
    }
    let equals = |id: &str, header: &str, needle: &str| {
        block(id, text(field(Field::Headers, Some(header)), TextOperator::Equals, needle))
    };
    let rules = || {
        vec![
            equals("one", "x-a", "evil"),
            equals("several", "x-b", "evil, , evil"),
            equals("inside", "x-c", "a , b"),
            equals("first-empty", "x-d", ", evil"),
            equals("last-empty", "x-e", "evil, , "),
            equals("cookies", "cookie", "a=1; b=2"),
            block("cookie", text(field(Field::Cookies, Some("sid")), TextOperator::Equals, "evil")),
            block("host", text(field(Field::Host, None), TextOperator::Equals, "evil.example")),
        ]
    };
    let long = format!("txreq -hdr x-a \"evil{}\"", " ".repeat(10_000));
    let full = format!("txreq -hdr x-a \"{}\"", "a".repeat(9_000));
    let scenarios = [
        (full.as_str(), 431),
        ("txreq -hdr x-a evil", 403),
        ("txreq -hdr x-a \"evil \"", 403),
        ("txreq -hdr x-a \"evil\t \"", 403),
        (long.as_str(), 403),
        ("txreq -hdr x-a \" evil\"", 403),
        ("txreq -hdr x-a \"evil .\"", 200),
        ("txreq -hdr x-b \"evil \" -hdr x-b \" \" -hdr x-b \"evil\t\"", 403),
        ("txreq -hdr x-b \"evil\" -hdr x-b \"\" -hdr x-b \" evil\"", 403),
        ("txreq -hdr x-b \"evil\" -hdr x-b \"evil\"", 200),
        ("txreq -hdr x-d \" \" -hdr x-d \"evil\"", 403),
        ("txreq -hdr x-d \"\" -hdr x-d \"evil \"", 403),
        ("txreq -hdr x-e \"evil \" -hdr x-e \"\" -hdr x-e \"  \"", 403),
        ("txreq -hdr x-c \"a , b\"", 403),
        ("txreq -hdr x-c \"a \" -hdr x-c \"b\"", 200),
        ("txreq -hdr cookie \"a=1\" -hdr cookie \"b=2 \"", 403),
        ("txreq -hdr cookie \"a=1 ; b=2\"", 200),
        ("txreq -hdr cookie \"sid=evil\t\" -hdr cookie \"b=2\"", 403),
        ("txreq -hdr :authority \"evil.example \"", 403),
        ("txreq -hdr :authority \"evil.example\t\"", 403),
    ];
    over_http_2(rules(), "", &scenarios);
    // The same where the workspace is reckoned.
    let mut reckoned = rules();
    reckoned.push(block("forms", contains(support::ir::any_form(field(Field::Url, None)), "never")));
    over_http_2(reckoned, "", &scenarios);
}

/// Sends each request over HTTP/2 and compares the status. The origin gets what `origin` says.
fn over_http_2(rules: Vec<Rule>, origin: &str, scenarios: &[(&str, u16)]) {
    let built = build(&ruleset(rules)).expect("Varnish can express these rules");
    compile(&built, "backend default none;\n").expect("varnishd accepts the VCL");
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("edgesig.vcl"), built).expect("a file");
    let exchange = |number: usize, request: &str, status: u16| {
        format!(
            "    stream {number} {{\n        {request}\n        rxresp\n        expect resp.status == {status}\n    }} -run\n"
        )
    };
    let mut text = format!(
        "varnishtest \"built signatures over HTTP/2\"\n\
         server s0 {{\n    rxreq\n    {origin}\n    txresp\n}} -dispatch\n\
         varnish v1 -cliok \"param.set feature +http2\" -cliok \"param.set vcl_path {}\"\n\
         varnish v1 -vcl {{\n    vcl 4.1;\n    include \"edgesig.vcl\";\n    backend s0 {{ .host = \"${{s0_addr}}\"; .port = \"${{s0_port}}\"; }}\n    \
         sub vcl_recv {{ return (pass); }}\n}} -start\n",
        folder.path().display()
    );
    for (number, (request, status)) in scenarios.iter().enumerate() {
        text.push_str(&format!("client c{number} {{\n{}}} -run\n", exchange(1, request, *status)));
    }
    text.push_str("varnish v1 -expect vcl_fail == 0\n");
    let file = folder.path().join("h2.vtc");
    std::fs::write(&file, &text).expect("a file");
    let output = Command::new("varnishtest").arg("-k").arg("-t60").arg(&file).output().expect("varnishtest runs");
    assert!(
        output.status.success(),
        "{text}\n{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn every_kind_of_page_tells_the_number_of_the_request() {
    if !has_varnishd() {
        return;
    }
    let file = BlockBody::File {
        content: "No \"} entry {id} \"\"\" %00 {\"\n".to_owned(),
        content_type: "text/plain".to_owned(),
    };
    let html = "<!DOCTYPE html>\n<title>Request refused</title>\n<h1>Request refused</h1>\n<p>If this is a mistake, tell the operator this number: {id}</p>\n";
    let kinds = [
        (BlockBody::Json, "application/json", "{\"error\":\"request refused\",\"id\":\"{id}\"}\n"),
        (BlockBody::Html, "text/html; charset=utf-8", html),
        (BlockBody::Text, "text/plain; charset=utf-8", "Request refused. Number: {id}\n"),
        (file, "text/plain", "No \"} entry {id} \"\"\" %00 {\"\n"),
    ];
    for (body, kind, page) in kinds {
        let mut set = ruleset(rules());
        set.settings.block.body = body;
        let observed = session(&set, None).exchange(&get("/?evil", &[])).expect("the engine runs");
        let Reply::Answer(answer) = &observed.reply else { panic!("{observed:?}") };
        let xid = answer.header("x-varnish").expect("X-Varnish");
        assert_eq!(answer.header("content-type").as_deref(), Some(kind));
        assert_eq!(answer.header("cache-control").as_deref(), Some("no-store"));
        assert_eq!(String::from_utf8_lossy(&answer.body), page.replace("{id}", &xid));
    }
}

/// Texts are measured in `client.identity`; a service finds in it what it knows.
#[test]
fn client_identity_is_given_back() {
    if !has_varnishd() {
        return;
    }
    let service = "backend origin { .host = \"ORIGIN_HOST\"; .port = \"ORIGIN_PORT\"; }\n\
                   sub vcl_recv { set req.http.x-identity = client.identity; return (pass); }\n";
    let forms = block("forms", contains(support::ir::any_form(field(Field::Url, None)), "evil"));
    let argument = block("argument", contains(field(Field::Args, Some("id")), "evil"));
    let mut session = session(&ruleset(vec![forms, argument]), Some(service));
    session.origin.keep_received();
    let observed = session.exchange(&get("/%2541?id=x&%69d=y", &[])).expect("the engine runs");
    assert_eq!(status(&observed), 200);
    assert_eq!(session.origin.take_received()[0].header_values("x-identity"), ["192.0.2.1"]);
}

/// A failure takes back all variables, and what the register held with them: the service finds its default.
#[test]
fn client_identity_is_given_back_after_a_failure() {
    if !has_varnishd() {
        return;
    }
    let service = "backend origin { .host = \"ORIGIN_HOST\"; .port = \"ORIGIN_PORT\"; }\n\
                   sub vcl_recv { set req.http.x-identity = client.identity; return (pass); }\n";
    let pattern = Regex::new("union.*select.*from", true).expect("a pattern");
    let runaway = compare(field(Field::Args, Some("id")), Check::Matches(Patterns::Literals(vec![pattern])));
    let monitored = Rule { mode: Mode::Monitor, ..block("words", runaway) };
    let mut session = session(&ruleset(vec![monitored]), Some(service));
    session.origin.keep_received();
    let request = get(&format!("/?id=union{}m", "select".repeat(57)), &[]);
    let observed = session.exchange(&request).expect("the engine runs");
    assert_eq!((status(&observed), ids(&observed)), (200, vec!["limit-error".to_owned()]));
    assert_eq!(session.origin.take_received()[0].header_values("x-identity"), ["192.0.2.1"]);
}

/// A service may set what tells us that our code failed, and fail itself.
#[test]
fn a_failure_of_the_service_is_its_own() {
    if !has_varnishd() {
        return;
    }
    let service = "backend origin { .host = \"ORIGIN_HOST\"; .port = \"ORIGIN_PORT\"; }\n\
                   sub vcl_recv { set req.hash_ignore_vary = true; set req.hash_always_miss = true; return (synth(99)); }\n";
    for mode in [Mode::Enforce, Mode::Monitor] {
        let rules = rules().into_iter().map(|rule| Rule { mode, ..rule }).collect();
        let mut session = session(&ruleset(rules), Some(service));
        let observed = session.exchange(&get("/", &[])).expect("the engine runs");
        assert_eq!((status(&observed), observed.record), (503, None), "{mode:?}");
    }
}

/// A set that only monitors adds no header line: with any number of them the client and the origin get what they would
/// without it. Of 59 lines without X-Forwarded-For varnishd makes a 500, with or without VCL of ours.
#[test]
fn a_set_that_only_monitors_changes_nothing_whatever_the_number_of_header_lines() {
    if !has_varnishd() {
        return;
    }
    let mut watched = rules();
    // Counts what it does not refuse, and would be over.
    watched.retain(|rule| rule.id != "often");
    watched.push(block("read", contains(field(Field::Headers, Some("x-test")), "a, b")));
    watched.push(block("cookies", contains(field(Field::Cookies, Some("sid")), "b")));
    watched.iter_mut().for_each(|rule| rule.mode = Mode::Monitor);
    let more: [&[(&str, &str)]; 4] = [
        &[],
        &[("X-Forwarded-For", "198.51.100.9")],
        &[("X-Test", "a"), ("x-test", "b"), ("Cookie", "sid=a"), ("Cookie", "sid=b")],
        &[("X-Forwarded-For", "198.51.100.9"), ("X-Forwarded-For", "10.0.0.1"), ("X-Edgesig-Tags", "forged")],
    ];
    let mut requests = Vec::new();
    for (target, more) in ["/?plain", "/?evil&mark&moved"].iter().flat_map(|target| more.map(|more| (target, more))) {
        for lines in 50..=64 {
            let mut request = get(target, more);
            while request.headers.len() < lines {
                let name = format!("x-fill-{}", request.headers.len());
                request.headers.push((name.into_bytes(), b"1".to_vec()));
            }
            requests.push(request);
        }
    }
    let built = build(&ruleset(watched)).expect("Varnish can express these rules");
    let [plain, ours] = ["vcl 4.1;\n".to_owned(), built].map(|vcl| {
        let mut session = Session::start(&vcl, Setup::default()).unwrap_or_else(|error| panic!("{error}"));
        session.origin.keep_received();
        let mut exchange = |request: &Request| {
            let observed = session.exchange(request).expect("the engine runs");
            let received = session.origin.take_received();
            // The request's number is another one, the forged header goes in any case, and lines that signatures read are joined.
            let kept = |name: &String| !["x-varnish", "x-edgesig-tags"].contains(&name.as_str());
            let headers = |received: &Received| -> BTreeMap<String, String> {
                let names = received.headers.iter().map(|(name, _)| name.to_ascii_lowercase()).filter(kept);
                let joined =
                    |name: &String| received.header_values(name).join(if name == "cookie" { "; " } else { ", " });
                names.map(|name| (name.clone(), joined(&name))).collect()
            };
            (
                status(&observed),
                received.iter().map(headers).collect::<Vec<_>>(),
                ids(&observed).len(),
                observed.failure,
            )
        };
        requests.iter().map(&mut exchange).collect::<Vec<_>>()
    });
    let mut matched = 0;
    for ((request, plain), ours) in requests.iter().zip(&plain).zip(&ours) {
        let lines = request.headers.len();
        let shown = String::from_utf8_lossy(&request.target);
        assert_eq!((ours.0, &ours.1, &ours.3), (plain.0, &plain.1, &None), "{lines} lines, {shown}");
        let expected = match lines {
            60.. => 400,
            59 if !request.has_header("x-forwarded-for") => 500,
            _ => 200,
        };
        assert_eq!(plain.0, expected, "{lines} lines, {shown}");
        matched += ours.2;
    }
    assert!(matched > 100, "{matched}");
}
