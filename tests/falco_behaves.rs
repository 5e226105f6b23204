//! What a request goes through on Fastly, seen in falco: who the client is, what is logged, answered, passed on.

#![allow(clippy::wildcard_enum_match_arm, reason = "a test looks at the cases it names")]

mod support;

use base64::Engine as _;
use edgesig::catalog::Field;
use edgesig::codegen::{Format, Options};
use edgesig::engine::falco::{Falco, Step};
use edgesig::eval::Evaluator;
use edgesig::ir::{
    Action, AllowScope, Call, Check, FieldReference, ListIndex, ListValues, Mode, Needles, Networks, Rule,
    TemplatePart, Text, TextOperator, Value,
};
use edgesig::request::Request;
use support::falco;
use support::fastly::{try_files, whole};
use support::ir::{block, client, compare, contains, field, get, rate, rule, ruleset};
use support::traps::{matched, request, without};

/// What falco's tester saw of one request: action, ids, client.
fn seen(falco: &Falco, vcl: &str, request: &Request) -> (String, String, Option<String>) {
    let steps = falco.judge(vcl, "edgesig", &[vec![request.clone()]]).expect("falco runs");
    match &steps[0][0] {
        Step::Seen(seen) => (seen.action.clone(), seen.matched.join(","), seen.client.clone()),
        Step::Error(message) => panic!("{message}"),
    }
}

fn recorded(id: &str, when: edgesig::ir::Predicate) -> Rule {
    rule(id, when, vec![Action::Log])
}

fn from(peer: &str, headers: &[(&str, &str)]) -> Request {
    let mut request = Request { client_ip: peer.parse().expect("an address"), ..get("/", headers) };
    request.facts.scheme = Some("https".to_owned());
    request
}

#[test]
fn the_client_is_the_first_untrusted_address_from_the_right() {
    let Some(falco) = falco() else { return };
    let anybody = compare(
        field(Field::ClientIp, None),
        Check::Network(Networks::Literals(vec!["0.0.0.0/0".parse().unwrap(), "::/0".parse().unwrap()])),
    );
    let mut set = ruleset(vec![recorded("anybody", anybody)]);
    let trusted = set.settings.trusted_proxies.expect("a list");
    let ListValues::Ip(networks) = &mut set.lists[trusted.0].values else { panic!("addresses") };
    *networks = vec!["10.0.0.0/8".parse().unwrap(), "2001:db8:a::/48".parse().unwrap()];
    let vcl = whole(&set);
    for (peer, forwarded, client) in [
        ("192.0.2.9", None, "192.0.2.9"),
        ("192.0.2.9", Some("198.51.100.1"), "192.0.2.9"),
        ("10.0.0.1", None, "10.0.0.1"),
        ("10.0.0.1", Some("198.51.100.1"), "198.51.100.1"),
        ("10.0.0.1", Some("203.0.113.5, 198.51.100.1"), "198.51.100.1"),
        ("10.0.0.1", Some("198.51.100.1 ,\t10.0.0.2"), "198.51.100.1"),
        ("10.0.0.1", Some("2001:DB8::0:1"), "2001:db8::1"),
        ("2001:db8:a::1", Some("::ffff:198.51.100.7"), "198.51.100.7"),
        ("10.0.0.1", Some("::ffff:10.0.0.9, 10.0.0.2"), "10.0.0.9"),
        // Not strictly an address: the last trusted hop.
        ("10.0.0.1", Some("198.51.100.010"), "10.0.0.1"),
        ("10.0.0.1", Some("198.51.100.1:443"), "10.0.0.1"),
        ("10.0.0.1", Some("198.51.100.1, unknown"), "10.0.0.1"),
        ("10.0.0.1", Some("198.51.100.1, "), "10.0.0.1"),
        ("10.0.0.1", Some("fe80::1%lo"), "10.0.0.1"),
        // Five are looked at.
        ("10.0.0.1", Some("198.51.100.1, 10.0.0.6, 10.0.0.5, 10.0.0.4, 10.0.0.3"), "198.51.100.1"),
        ("10.0.0.1", Some("198.51.100.1, 10.0.0.7, 10.0.0.6, 10.0.0.5, 10.0.0.4, 10.0.0.3"), "10.0.0.7"),
    ] {
        let headers: Vec<(&str, &str)> = forwarded.iter().map(|value| ("X-Forwarded-For", *value)).collect();
        for scheme in ["http", "https"] {
            let mut request = from(peer, &headers);
            request.facts.scheme = Some(scheme.to_owned());
            let (_, ids, shown) = seen(&falco, &vcl, &request);
            assert_eq!((ids.as_str(), shown.as_deref()), ("anybody", Some(client)), "{peer} {forwarded:?} {scheme}");
        }
    }
}

#[test]
fn what_fastly_adds_to_a_header_is_not_the_clients() {
    let Some(falco) = falco() else { return };
    let headers = ["x-forwarded-for", "x-forwarded-host", "x-forwarded-server"];
    let mut rules: Vec<Rule> = Vec::new();
    for name in headers {
        let header = || field(Field::Headers, Some(name));
        rules.push(recorded(&format!("{name}-exists"), compare(header(), Check::Exists)));
        rules.push(recorded(&format!("{name}-own"), contains(header(), "www.example.com")));
        rules.push(recorded(&format!("{name}-evil"), contains(header(), "evil")));
    }
    let vcl = whole(&ruleset(rules));
    let ids = |sent: &[(&str, &str)]| seen(&falco, &vcl, &from("192.0.2.1", sent)).1;
    assert_eq!(ids(&[]), "");
    for name in headers {
        assert_eq!(ids(&[(name, "evil")]), format!("{name}-evil,{name}-exists"));
        assert_eq!(ids(&[(name, "evil, www.example.com")]), format!("{name}-evil,{name}-exists,{name}-own"));
    }
    // The guard taken out: the entry that Fastly adds looks like the client's.
    let open = vcl
        .replace("if (fastly_info.edge.is_tls) {", "if (false) {")
        .replace("if (req.is_ssl) {", "if (req.http.Never) {");
    assert_ne!(open, vcl);
    let (_, ids, _) = seen(&falco, &open, &from("192.0.2.1", &[]));
    assert_eq!(ids, "x-forwarded-for-exists,x-forwarded-host-exists,x-forwarded-host-own,x-forwarded-server-exists");
}

#[test]
fn facts_are_looked_up_for_the_client_and_not_for_the_proxy() {
    let Some(falco) = falco() else { return };
    let known = |fact| recorded("known", compare(field(fact, None), Check::Exists));
    for rule in [
        known(Field::ClientCountry),
        known(Field::ClientProxyType),
        known(Field::ClientAsn),
        known(Field::ClientAsName),
    ] {
        let vcl = whole(&ruleset(vec![rule]));
        // Where the peer is the client, nothing is overridden.
        assert_eq!(vcl.matches("ip_override").count(), 1);
        assert!(vcl.contains("if (var.client != var.peer) {\n\t\t\tset client.geo.ip_override = var.client;"), "{vcl}");
        assert!(falco.lint(&vcl).expect("falco runs").is_clean());
        for (peer, client) in [("10.0.0.1", "198.51.100.1"), ("192.0.2.1", "")] {
            let test = format!(
                "// @scope: recv\nsub t {{\ntesting.inject_variable(\"client.ip\", std.ip(\"{peer}\", \"0.0.0.0\"));\n\
                 set req.http.X-Forwarded-For = \"198.51.100.1\";\ntesting.call_subroutine(\"vcl_recv\");\n\
                 log \"looked up \" req.http.X-Looked-Up;\n}}\n"
            );
            // falco keeps nothing in that variable.
            let shown = without(&vcl, "set client.geo.ip_override =", "set req.http.X-Looked-Up =");
            assert_eq!(
                falco.test(&shown, &test).expect("falco runs").concat(),
                format!("looked up {client}"),
                "{peer}"
            );
        }
    }
    let vcl = whole(&ruleset(vec![recorded("home", contains(field(Field::ClientCountry, None), "DE"))]));
    let mut request = from("10.0.0.1", &[("X-Forwarded-For", "198.51.100.1")]);
    request.facts.country = Some("DE".to_owned());
    assert_eq!(seen(&falco, &vcl, &request).1, "home");
}

/// A request through the subs that it would go through, each logging what it left. `set` is VCL before `vcl_recv`.
fn journey(falco: &Falco, vcl: &str, target: &[u8], set: &str) -> Vec<String> {
    let target = base64::engine::general_purpose::STANDARD.encode(target);
    let test = format!(
        "describe journey {{\n// @scope: recv\nsub t_recv {{\n\
         testing.inject_variable(\"server.hostname\", digest.base64_decode(\"{target}\"));\n{set}\n\
         testing.call_subroutine(\"vcl_recv\");\n\
         log \"state \" testing.state \", tags \" req.http.X-Edgesig-Tags \", x-gone \" req.http.X-Gone;\n}}\n\
         // @scope: miss\nsub t_miss {{\nset bereq.http.X-Edgesig-Ids = req.http.X-Edgesig-Ids;\n\
         set bereq.http.X-Edgesig-Tags = req.http.X-Edgesig-Tags;\ntesting.call_subroutine(\"vcl_miss\");\n\
         log \"to the origin: ids \" bereq.http.X-Edgesig-Ids \", tags \" bereq.http.X-Edgesig-Tags;\n}}\n\
         // @scope: error\nsub t_error {{\nset obj.status = 640;\ntesting.call_subroutine(\"vcl_error\");\n\
         log \"answer \" obj.status \" \" obj.response \", \" obj.http.Content-Type \", \" obj.http.Cache-Control \
         \", location \" obj.http.Location \", retry-after \" obj.http.Retry-After;\n\
         log \"body \" testing.synthetic_body;\n}}\n\
         // @scope: deliver\nsub t_deliver {{\ntesting.call_subroutine(\"vcl_deliver\");\n}}\n\
         // @scope: log\nsub t_log {{\nset resp.status = 403;\ntesting.call_subroutine(\"vcl_log\");\n}}\n}}\n"
    );
    falco.test(vcl, &test).expect("falco runs")
}

fn record(lines: &[String]) -> Option<serde_json::Value> {
    let line = lines.iter().find_map(|line| line.strip_prefix("syslog "))?;
    let (head, json) = line.split_once(" :: ").expect("Fastly's separator");
    assert!(head.ends_with(" edgesig"), "{head}");
    Some(serde_json::from_str(json).unwrap_or_else(|error| panic!("{error}: {json}")))
}

#[test]
fn a_log_line_is_json_whatever_the_client_sends() {
    let Some(falco) = falco() else { return };
    let any = compare(field(Field::Method, None), Check::Exists);
    let vcl = whole(&ruleset(vec![recorded("any", any)]));
    let bytes =
        |text: &[u8]| format!("digest.base64_decode(\"{}\")", base64::engine::general_purpose::STANDARD.encode(text));
    for hostile in [
        &b"\"}"[..],
        b"\",\"action\":\"none\",\"x\":\"",
        b"\\",
        b"\\\"",
        b"a\r\nb\tc\x08\x0c",
        b"\x7f\x1e\x01",
        b"%22%0a%00",
        "é \u{2028} \u{1f600}".as_bytes(),
        b"(null)",
        b"</script>",
    ] {
        let set = format!(
            "set req.method = {value};\nset req.http.User-Agent = {value};\nset req.http.Host = {value};",
            value = bytes(hostile)
        );
        let lines = journey(&falco, &vcl, &[b"/", hostile].concat(), &set);
        let record = record(&lines).expect("a line");
        assert_eq!((&record["ids"], &record["action"], &record["status"]), (&"any".into(), &"".into(), &403.into()));
        let sent = String::from_utf8_lossy(hostile);
        // A header ends where its line does.
        assert_eq!(record["user_agent"], sent.split('\n').next().unwrap_or_default(), "{lines:?}");
        assert_eq!(record["url"], format!("/{sent}"));
    }
    // What is not text is left out, what is not there is empty, and no line ends early.
    let lines = journey(&falco, &vcl, b"/\xff", "unset req.http.User-Agent;");
    let record = record(&lines).expect("a line");
    assert_eq!((&record["url"], &record["user_agent"]), (&"".into(), &"".into()));
    assert!(lines.iter().all(|line| !line.contains("\n") && !line.contains("(null)\"")), "{lines:?}");
    // Without `json.escape` a client writes the line.
    let open = vcl.replace("json.escape(substr(if(req.http.User-Agent", "std.tolower(substr(if(req.http.User-Agent");
    assert_ne!(open, vcl);
    let forged = journey(&falco, &open, b"/", "set req.http.User-Agent = {\"\",\"by\":\"forged\"};");
    assert!(forged.iter().any(|line| line.contains("\"by\":\"forged\"")), "{forged:?}");
}

#[test]
fn each_action_leaves_what_it_should() {
    let Some(falco) = falco() else { return };
    let on = |id: &str, actions: Vec<Action>| rule(id, contains(field(Field::Path, None), id), actions);
    let redirect = Action::Redirect {
        status: 301,
        template: vec![
            TemplatePart::Text("https://new.example/at/".to_owned()),
            TemplatePart::Host,
            TemplatePart::UrlRaw,
        ],
    };
    let mut set = ruleset(vec![
        on("allowed", vec![Action::Allow(AllowScope::Everything)]),
        on("spared", vec![Action::Allow(AllowScope::Rules(vec!["blocked".to_owned()]))]),
        on("blocked", vec![Action::Block(Some(404))]),
        on("logged", vec![Action::Log]),
        on("moved", vec![redirect]),
        on("scored", vec![Action::Score(6)]),
        on("scored-too", vec![Action::Score(6)]),
        on("slow", vec![Action::Tarpit(7)]),
        on("stripped", vec![Action::Strip(vec!["x-gone".to_owned()])]),
        on("tagged", vec![Action::Tag("b".to_owned()), Action::Tag("a".to_owned()), Action::Log]),
        Rule { mode: Mode::Monitor, ..on("watched", vec![Action::Block(None)]) },
        Rule { rate: Some(rate(vec![client()], &[(1, 60)])), ..on("busy", vec![Action::Throttle]) },
    ]);
    set.settings.score_threshold = Some(10);
    let vcl = whole(&set);
    let mut told = String::new();
    for target in [
        "/clean",
        "/blocked",
        "/blocked/allowed",
        "/blocked/spared",
        "/logged",
        "/moved?a=1",
        "/scored",
        "/scored-too",
        "/slow",
        "/stripped",
        "/tagged",
        "/watched",
        "/busy",
        "/busy?again",
    ] {
        let twice = if target.ends_with("again") { "testing.call_subroutine(\"vcl_recv\");" } else { "" };
        let set = format!(
            "set req.http.Host = \"www.example.com\";\nset req.http.X-Gone = \"here\";\n\
             set req.http.X-Edgesig-Tags = \"forged\";\nset req.http.X-Edgesig-Status = \"200\";\n\
             set req.http.X-Edgesig-Action = \"allow\";\n{twice}"
        );
        let lines = journey(&falco, &vcl, target.as_bytes(), &set);
        told.push_str(&format!("{target}\n"));
        for line in &lines {
            // The request's own id and the machine's name are not the same twice.
            let line = match record(std::slice::from_ref(line)) {
                Some(record) => ["ids", "action", "by", "limit"]
                    .map(|key| format!("{key}={}", record[key].as_str().unwrap_or_default()))
                    .join(" "),
                None => line.split("\"id\":").next().unwrap_or_default().to_owned(),
            };
            told.push_str(&format!("  {}\n", line.trim_end()));
        }
    }
    insta::assert_snapshot!(told);
}

#[test]
fn a_tarpit_slows_the_delivery_that_it_is_meant_for() {
    let set = ruleset(vec![rule("slow", contains(field(Field::Path, None), "slow"), vec![Action::Tarpit(7)])]);
    let vcl = whole(&set);
    let start = vcl.find("sub edgesig_deliver {").expect("the sub");
    let sub = &vcl[start..start + vcl[start..].find("\n}\n").expect("its end")];
    assert!(sub.contains("if (fastly.ff.visits_this_service == 0 && !req.is_esi_subreq) {"), "{sub}");
    assert!(sub.contains("if (req.http.X-Edgesig-Tarpit == \"7\") {\n\t\t\tresp.tarpit(7);"), "{sub}");
}

#[test]
fn snippets_lint_in_their_places_as_terraform_plans_them() {
    let Some(falco) = falco() else { return };
    let mut set = ruleset(vec![block("a", contains(field(Field::Url, None), "a"))]);
    set.lists[0].edge = None;
    let options = Options { format: Format::Plan, ..Options::default() };
    let plan = try_files(&set, &options).expect("it builds").remove(0).1;
    let lint = falco.lint_plan(&plan).expect("falco runs");
    assert!(lint.is_clean(), "{lint:?}");
}

#[test]
fn lists_at_the_edge_are_referred_to_and_not_declared() {
    let Some(falco) = falco() else { return };
    let mut set = ruleset(Vec::new());
    let index = set.lists.iter().position(|list| matches!(list.values, ListValues::Ip(_))).expect("a list");
    set.lists[index].edge = Some("denied_clients".to_owned());
    let ListValues::Ip(networks) = &set.lists[index].values else { panic!("addresses") };
    let inside = networks[0].network();
    let check = Check::Network(Networks::List(ListIndex(index)));
    set.rules.push(block("denied", compare(field(Field::ClientIp, None), check)).into());
    let files = try_files(&set, &Options::default()).expect("it builds");
    assert!(!files[0].1.contains("acl denied_clients"));
    let vcl = whole(&set);
    assert!(falco.lint(&vcl).expect("falco runs").is_clean());
    assert_eq!(matched(&falco, &vcl, &Request { client_ip: inside, ..request("/") }), "block:denied");
}

#[test]
fn a_redirect_that_shows_the_url_is_under_its_limit() {
    let Some(falco) = falco() else { return };
    let exists = |name: &str| compare(field(Field::Headers, Some(name)), Check::Exists);
    let long = get(&format!("/{}", "a".repeat(4096)), &[("x-bad", "1")]);
    let short = get("/a", &[("x-bad", "1")]);
    for (mode, over, action) in [
        (Mode::Monitor, Some(414), "block"),
        (Mode::Canary(1), Some(414), "block"),
        (Mode::Enforce, Some(414), "block"),
        (Mode::Monitor, None, "none"),
    ] {
        let template = vec![TemplatePart::Text("https://new.example".to_owned()), TemplatePart::UrlRaw];
        let moved = Rule { mode, ..rule("moved", exists("x-moved"), vec![Action::Redirect { status: 301, template }]) };
        let mut set = ruleset(vec![block("bad", exists("x-bad")), moved]);
        set.settings.limits.over = over;
        let vcl = whole(&set);
        let (seen_action, ids, _) = seen(&falco, &vcl, &long);
        assert_eq!((seen_action.as_str(), ids.as_str()), (action, ""), "{mode:?} {over:?}");
        assert_eq!(seen(&falco, &vcl, &short).1, "bad");
    }
}

#[test]
fn answers_are_what_the_signature_says() {
    let Some(falco) = falco() else { return };
    let redirect = Action::Redirect {
        status: 302,
        template: vec![TemplatePart::Text("https://new.example".to_owned()), TemplatePart::UrlRaw],
    };
    let set = ruleset(vec![
        rule("blocked", contains(field(Field::Path, None), "blocked"), vec![Action::Block(Some(404))]),
        rule("moved", contains(field(Field::Path, None), "moved"), vec![redirect]),
        rule("slow", contains(field(Field::Path, None), "slow"), vec![Action::Tarpit(7)]),
        rule(
            "tags",
            contains(field(Field::Path, None), "tags"),
            vec![Action::Tag("b".to_owned()), Action::Tag("a".to_owned())],
        ),
    ]);
    let vcl = whole(&set);
    let mut tests = String::new();
    for path in ["/blocked", "/moved?x", "/tags", "/clean"] {
        let name = path.trim_start_matches('/').replace('?', "_");
        tests.push_str(&format!(
            "describe {name} {{\n// @scope: recv\nsub recv_{name} {{\n\
             testing.inject_variable(\"server.hostname\", \"{path}\");\n\
             set req.http.X-Edgesig-Status = \"500\";\nset req.http.X-Edgesig-Tags = \"forged\";\n\
             testing.call_subroutine(\"vcl_recv\");\nlog \"tags \" req.http.X-Edgesig-Tags;\n}}\n\
             // @scope: error\nsub error_{name} {{\nset obj.status = 640;\n\
             testing.call_subroutine(\"vcl_error\");\n\
             log obj.status \" \" obj.response \" \" obj.http.Content-Type \" \" obj.http.Location;\n}}\n\
             // @scope: miss\nsub miss_{name} {{\nset bereq.http.X-Edgesig-Ids = \"x\";\n\
             testing.call_subroutine(\"vcl_miss\");\nlog \"ids \" bereq.http.X-Edgesig-Ids;\n}}\n}}\n"
        ));
    }
    let lines = falco.test(&vcl, &tests).expect("falco runs");
    insta::assert_snapshot!(lines.join("\n"));
}

/// Values over which functions work in one way in eval and in another in a naive translation.
#[test]
fn functions_agree_where_translations_go_wrong() {
    let Some(falco) = falco() else { return };
    let of = |call: Call, inner: Value| Value::Call(call, Box::new(inner));
    let query = || field(Field::Query, None);
    let rules = vec![
        block("html", contains(of(Call::HtmlDecode, query()), "<s&lt;%41+")),
        block(
            "path",
            compare(
                of(Call::PathNormalize, field(Field::Path, None)),
                Check::Text {
                    operator: TextOperator::Equals,
                    needles: Needles::Literals(vec![Text { bytes: b"/c/".to_vec(), ignore_case: false }]),
                },
            ),
        ),
    ];
    let set = ruleset(rules);
    let vcl = whole(&set);
    for target in [
        "/?%26lt;%26%2360%23&#60;s&amp;lt;&#37;41%2B",
        "/?%26lt;s%26amp;lt;%26%2337;41%2B",
        "/?%26%23x3c;s%26%23038lt;%26%23x25;41%2B",
        "/?%26%2360s%26lt;%26lt;%2541%2B",
        "/a/..//./b/../c/.",
        "/../../c/d/..",
        "/c/./",
        "/c/..",
        "/a/b/../../c/",
        "/c",
    ] {
        let request = request(target);
        let verdict = Evaluator::new(&set).verdict(&request);
        let ids: Vec<&str> = verdict.matched.iter().map(|index| set.rules[*index].id.as_str()).collect();
        let expected = format!("{}:{}", verdict.outcome.name(), ids.join(","));
        assert_eq!(matched(&falco, &vcl, &request), expected, "{target}");
    }
}

/// A request that matches everything: what is written into a header has a bound, and its ids are whole ones.
#[test]
fn many_matches_take_little_room() {
    let Some(falco) = falco() else { return };
    let id = |number: usize| format!("a-signature-with-a-name-of-its-own-{number:03}");
    let rules = (0..400).map(|number| recorded(&id(number), contains(field(Field::Path, None), "x"))).collect();
    let lines = journey(&falco, &whole(&ruleset(rules)), b"/x", "");
    let record = record(&lines).expect("a line");
    let ids: Vec<&str> = record["ids"].as_str().expect("a text").split(',').collect();
    assert_eq!(ids, (0..ids.len()).map(id).collect::<Vec<_>>());
    assert_eq!(ids.len(), 2048 / (id(0).len() + 1));
    let test = "// @scope: recv\nsub t {\ntesting.inject_variable(\"server.hostname\", \"/x\");\n\
                testing.call_subroutine(\"vcl_recv\");\nlog \"bytes \" std.strlen(req.http.X-Edgesig-Ids);\n}\n";
    let rules = (0..400).map(|number| recorded(&id(number), contains(field(Field::Path, None), "x"))).collect();
    let bytes = falco.test(&whole(&ruleset(rules)), test).expect("falco runs").concat();
    assert_eq!(bytes, format!("bytes {}", ids.join(",").len()));
}

/// What the generated code writes and what Fastly sets is not what the client sent.
#[test]
fn headers_that_are_not_the_clients_are_refused() {
    let refused = |rule: Rule| {
        let said = try_files(&ruleset(vec![rule]), &Options::default()).expect_err("it is refused").concat();
        assert!(said.contains("is not what the client sent"), "{said}");
    };
    for name in ["x-edgesig-ids", "x-edgesig-tags", "fastly-client-ip", "fastly-ssl"] {
        refused(recorded("asks", compare(field(Field::Headers, Some(name)), Check::Exists)));
    }
    let both = FieldReference { field: Field::Headers, keys: vec![b"x-a".to_vec(), b"fastly-client-ip".to_vec()] };
    refused(recorded("asks", contains(Value::Field(both), "a")));
    refused(rule(
        "strips",
        contains(field(Field::Path, None), "a"),
        vec![Action::Strip(vec!["x-edgesig-tags".to_owned()])],
    ));
}

#[test]
fn headers_have_any_name() {
    let Some(falco) = falco() else { return };
    let name = "x!#$%&'*+-.^_`|~1";
    let vcl = whole(&ruleset(vec![recorded("odd", contains(field(Field::Headers, Some(name)), "a"))]));
    assert_eq!(seen(&falco, &vcl, &from("192.0.2.1", &[(name, "a")])).1, "odd");
    assert_eq!(seen(&falco, &vcl, &from("192.0.2.1", &[("x%41", "a")])).1, "");
}
