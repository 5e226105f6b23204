//! The twenty ways in which VCL for Fastly goes wrong, each shown impossible in the output: where falco can show it by
//! taking the guard out, else by what the output holds. `fastly_carriers.rs` has more of 18.

#![allow(clippy::wildcard_enum_match_arm, reason = "a test looks at the cases it names")]

mod support;

use edgesig::catalog::Field;
use edgesig::codegen::{Format, Layout, Options};
use edgesig::engine::falco::{FALCO_DEVIATIONS, Falco, Step, verify as falco_verify};
use edgesig::eval::Evaluator;
use edgesig::ir::{
    Action, Call, Check, ListIndex, ListValues, Mode, Needles, Networks, Patterns, Predicate, Rule, TemplatePart, Text,
    TextOperator, Value,
};
use edgesig::regex::Regex;
use edgesig::request::Request;
use support::falco;
use support::fastly::{try_files, whole};
use support::ir::{block, client, compare, contains, field, get, rate, rule, ruleset};

fn init(rules: Vec<Rule>) -> String {
    let files = try_files(&ruleset(rules), &Options::default()).expect("Fastly can express it");
    files.into_iter().find(|(path, _)| path == "init.vcl").expect("the init snippet").1
}

/// Ids that match, or falco's error.
fn matched(falco: &Falco, vcl: &str, request: &Request) -> String {
    let steps = falco.judge(vcl, "edgesig", &[vec![request.clone()]]).expect("falco runs");
    match &steps[0][0] {
        Step::Seen(seen) => format!("{}:{}", seen.action, seen.matched.join(",")),
        Step::Error(message) => format!("error: {message}"),
    }
}

fn request(target: &str) -> Request {
    Request { headers: vec![(b"Host".to_vec(), b"www.example.com".to_vec())], ..get(target, &[]) }
}

const GUARD: &str = r#""%25(?:(?=00)|(?![0-9A-Fa-f]{2}))", "%2525""#;

#[test]
fn trap_1_a_nul_hides_nothing() {
    let Some(falco) = falco() else { return };
    let vcl = whole(&ruleset(vec![block("sqli", contains(field(Field::Query, None), "or 1=1"))]));
    let attack = request("/?a=%00'+or+1=1");
    assert_eq!(matched(&falco, &vcl, &attack), "block:sqli");
    assert!(vcl.contains(GUARD));
    let open = vcl.replace(GUARD, r#""%25(?![0-9A-Fa-f]{2})", "%2525""#);
    assert_eq!(matched(&falco, &open, &attack), "none:");
}

#[test]
fn trap_2_a_malformed_escape_hides_nothing() {
    let Some(falco) = falco() else { return };
    let vcl = whole(&ruleset(vec![block("xss", contains(field(Field::Query, None), "<script"))]));
    for target in ["/?a=%zz%3Cscript", "/?a=%3Cscript%", "/?a=%3Cscript%3"] {
        assert_eq!(matched(&falco, &vcl, &request(target)), "block:xss", "{target}");
    }
    let open = vcl.replace(GUARD, r#""%25(?=00)", "%2525""#);
    assert!(matched(&falco, &open, &request("/?a=%3Cscript%")).starts_with("error: "));
}

#[test]
fn trap_3_what_fastly_does_not_show_is_said_and_long_keys_are_hashed() {
    let Some(falco) = falco() else { return };
    let truncated = compare(field(Field::BodyTruncated, None), Check::IsTrue);
    let vcl = whole(&ruleset(vec![block("uninspected", truncated)]));
    for (length, expected) in [(8192, "none:"), (8193, "block:uninspected")] {
        let mut post = request("/");
        (post.method, post.body) = (b"POST".to_vec(), vec![b'a'; length]);
        post.frame();
        assert_eq!(matched(&falco, &vcl, &post), expected, "{length}");
    }
    let mut limited = rule("limited", Predicate::TRUE, vec![Action::Throttle]);
    limited.rate = Some(rate(vec![field(Field::Headers, Some("x-key"))], &[(10, 60)]));
    assert!(init(vec![limited]).contains("set var.key = digest.hash_sha256(var.key);"));
}

#[test]
fn trap_4_ranges_of_rates_are_refused_with_the_nearest() {
    let of = |limits: &[(u32, u32)], penalty| {
        let mut limited = rule("limited", Predicate::TRUE, vec![Action::Throttle]);
        limited.rate = Some(edgesig::ir::Rate { penalty, ..rate(vec![client()], limits) });
        try_files(&ruleset(vec![limited]), &Options::default())
    };
    assert!(of(&[(10, 60)], Some(600)).is_ok());
    for (limits, penalty, way_out) in [
        ([(20, 600)], None, "`6/180s`"),
        ([(12, 4)], None, "`30/10s`"),
        ([(10, 60)], Some(60), "`penalty: 2m`"),
        ([(10, 60)], Some(7200), "`penalty: 60m`"),
        ([(10, 60)], Some(150), "`penalty: 3m`"),
    ] {
        let errors = of(&limits, penalty).expect_err("it is out of range").concat();
        assert!(errors.contains(way_out), "{errors}");
    }
}

#[test]
fn trap_5_not_set_is_never_compared_or_printed() {
    let Some(falco) = falco() else { return };
    let header = field(Field::Headers, Some("x-a"));
    let mut set = ruleset(vec![
        rule("not-a", Predicate::Not(Box::new(contains(header.clone(), "a"))), vec![Action::Log]),
        rule("scored", contains(header, "a"), vec![Action::Score(1)]),
    ]);
    set.settings.score_threshold = Some(10);
    let vcl = whole(&set);
    assert_eq!(matched(&falco, &vcl, &request("/")), "none:not-a");
    // A string that was never set is unequal to the empty one: every local has a first text.
    let locals = vcl.lines().filter_map(|line| line.trim().strip_prefix("declare local ")?.strip_suffix(" STRING;"));
    for local in locals {
        assert!(vcl.contains(&format!("\t\tset {local} = \"\";\n")), "{local}");
    }
    let unset =
        "sub vcl_recv {\n#FASTLY recv\ndeclare local var.a STRING;\nif (var.a != \"\") { log \"unequal\"; }\n}\n";
    let test = "// @scope: recv\nsub t { testing.call_subroutine(\"vcl_recv\"); }\n";
    assert_eq!(falco.test(unset, test).expect("falco runs"), ["unequal"]);
}

#[test]
fn trap_6_percent_signs_of_patterns_stay() {
    let Some(falco) = falco() else { return };
    let pattern = Regex::new("%2[75]x", false).expect("a pattern");
    let raw = compare(field(Field::UrlRaw, None), Check::Matches(Patterns::Literals(vec![pattern])));
    let vcl = whole(&ruleset(vec![block("raw", raw)]));
    assert_eq!(matched(&falco, &vcl, &request("/%27x")), "block:raw");
    assert_eq!(matched(&falco, &vcl, &request("/'x")), "none:");
    let open = vcl.replace("%252[75]x", "%27x");
    assert_ne!(open, vcl);
    assert_eq!(matched(&falco, &open, &request("/%27x")), "none:");
}

#[test]
fn trap_7_bytes_that_are_no_utf_8_are_patterns() {
    let Some(falco) = falco() else { return };
    let needle = Text { bytes: b"/\xff\"".to_vec(), ignore_case: false };
    let check = Check::Text { operator: TextOperator::Equals, needles: Needles::Literals(vec![needle]) };
    let vcl = whole(&ruleset(vec![block("bytes", compare(field(Field::UrlRaw, None), check))]));
    assert!(vcl.is_ascii());
    let attack = Request { target: b"/\xff\"".to_vec(), ..request("/") };
    assert_eq!(matched(&falco, &vcl, &attack), "block:bytes");
    assert_eq!(matched(&falco, &vcl, &request("/x")), "none:");
}

/// A set with a bit of everything, as text.
fn everything() -> String {
    let redirect = Action::Redirect {
        status: 302,
        template: vec![TemplatePart::Text("https://".to_owned()), TemplatePart::Host, TemplatePart::UrlRaw],
    };
    let mut canary = block("canary", contains(field(Field::TlsSni, None), "x"));
    canary.mode = Mode::Canary(10);
    let mut rules = vec![
        canary,
        rule("moved", contains(field(Field::Path, None), "\"}"), vec![redirect]),
        rule("slow", contains(field(Field::Args, Some("id")), "s"), vec![Action::Tarpit(5)]),
        rule("tagged", contains(field(Field::ArgNames, None), "t"), vec![Action::Tag("t".to_owned())]),
        rule("stripped", contains(field(Field::Cookies, Some("c")), "t"), vec![Action::Strip(vec!["x-b".to_owned()])]),
    ];
    for number in 0..60 {
        rules.push(block(&format!("rule-{number}"), contains(field(Field::Url, None), &format!("needle-{number}"))));
    }
    init(rules)
}

/// The text of one sub.
fn sub<'t>(text: &'t str, name: &str) -> &'t str {
    let start = text.find(&format!("sub {name} {{")).expect("the sub");
    let end = text[start..].find("\n}\n").expect("its end");
    &text[start..start + end]
}

/// What a test of one's own logs: a request for `/attack` whose circumstances `inject` sets.
fn ids_where(falco: &Falco, vcl: &str, inject: &str) -> String {
    let test = format!(
        "// @scope: recv\nsub t {{\ntesting.inject_variable(\"server.hostname\", \"/attack\");\n{inject}\n\
         testing.call_subroutine(\"vcl_recv\");\n\
         log \"ids \" req.http.X-Edgesig-Ids \" by \" req.http.X-Edgesig-By;\n}}\n"
    );
    falco.test(vcl, &test).expect("falco runs").join("\n")
}

const ONCE: &str = "if (fastly.ff.visits_this_service == 0 && req.restarts == 0 && !req.is_esi_subreq) {";

fn on_attack() -> String {
    whole(&ruleset(vec![rule("attack", contains(field(Field::Path, None), "attack"), vec![Action::Log])]))
}

#[test]
fn trap_3_a_pattern_that_fastly_gives_up_on_and_removed_cookies_are_over_the_limits() {
    let Some(falco) = falco() else { return };
    let vcl = whole(&ruleset(vec![block("cookie", contains(field(Field::Cookies, Some("c")), "attack"))]));
    let gave_up = "testing.inject_variable(\"fastly.error\", \"EREGRECUR\");";
    let removed = "set req.http.Fastly-Cookie-Overflow = \"1\";";
    assert_eq!(ids_where(&falco, &vcl, ""), "ids  by ");
    assert_eq!(ids_where(&falco, &vcl, gave_up), "ids  by limit-patterns");
    assert_eq!(ids_where(&falco, &vcl, removed), "ids  by limit-cookies");
    let open = vcl.replace("fastly.error == \"EREGRECUR\"", "fastly.error == \"NEVER\"");
    assert_eq!(ids_where(&falco, &open, gave_up), "ids  by ");
    let open = vcl.replace("req.http.Fastly-Cookie-Overflow", "req.http.Never");
    assert_eq!(ids_where(&falco, &open, removed), "ids  by ");
}

#[test]
fn trap_8_a_text_ends_where_it_ends() {
    let Some(falco) = falco() else { return };
    for needle in ["\"}", "{\"a\":\"}\"", "a\\", "100%", "%22", "\"; error 200; \""] {
        let vcl = whole(&ruleset(vec![block("text", contains(field(Field::UrlRaw, None), needle))]));
        assert!(!vcl.contains("{\"") && falco.lint(&vcl).expect("falco runs").is_clean(), "{needle}");
        let attack = Request { target: format!("/{needle}x").into_bytes(), ..request("/") };
        assert_eq!(matched(&falco, &vcl, &attack), "block:text", "{needle}");
        assert_eq!(matched(&falco, &vcl, &request("/x")), "none:", "{needle}");
    }
}

#[test]
fn trap_9_locals_are_plain_and_in_subs_of_our_own() {
    let text = everything();
    assert!(!text.contains("declare block"));
    for line in text.lines().filter(|line| line.contains("declare local")) {
        assert!(line.starts_with("\tdeclare local var.") && !line.contains('='), "{line}");
    }
    for (path, content) in
        try_files(&ruleset(vec![block("a", Predicate::TRUE)]), &Options::default()).expect("it builds")
    {
        if path.ends_with(".vcl") && path != "init.vcl" {
            let code: Vec<&str> = content.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
            assert!(code.len() == 1 && code[0].starts_with("call edgesig_"), "{path}: {content}");
        }
    }
}

#[test]
fn trap_10_shields_restarts_and_fragments_are_not_evaluated_again() {
    let Some(falco) = falco() else { return };
    let vcl = on_attack();
    assert_eq!(vcl.matches(ONCE).count(), 1);
    let main = sub(&vcl, "edgesig_recv");
    let first = main.lines().skip(1).find(|line| !line.contains("declare local")).expect("a statement");
    assert_eq!(first.trim(), ONCE);
    assert_eq!(ids_where(&falco, &vcl, ""), "ids attack by ");
    // In a test, numbers can be set for other variables only.
    let number = |part: &str| vcl.replace(&format!("{part} == 0"), "client.as.number == 0");
    let esi = "testing.inject_variable(\"req.is_esi_subreq\", true);";
    let one = "testing.inject_variable(\"client.as.number\", 1);";
    for (part, stand_in, inject) in [
        ("fastly.ff.visits_this_service == 0", number("fastly.ff.visits_this_service"), one),
        ("req.restarts == 0", number("req.restarts"), one),
        ("!req.is_esi_subreq", vcl.clone(), esi),
    ] {
        assert_eq!(ids_where(&falco, &stand_in, inject), "ids  by ", "{part}");
        let open = vcl.replace(ONCE, &ONCE.replace(part, "req.url"));
        assert_eq!(ids_where(&falco, &open, inject), "ids attack by ", "{part}");
    }
    // What the edge decided stays as it came to a shield.
    let shield = format!("{one}\nset req.http.X-Edgesig-Ids = \"edge\";");
    assert_eq!(ids_where(&falco, &number("fastly.ff.visits_this_service"), &shield), "ids edge by ");
}

#[test]
fn trap_11_what_vcl_error_cannot_read_is_not_read_there() {
    let Some(falco) = falco() else { return };
    let text = everything();
    for name in ["edgesig_error", "edgesig_log", "edgesig_deliver", "edgesig_clean"] {
        assert!(!sub(&text, name).contains("tls.client"), "{name}");
    }
    assert!(!sub(&text, "edgesig_error").contains("resp.status"));
    let vcl = on_attack();
    assert!(falco.lint(&vcl).expect("falco runs").is_clean());
    let open = vcl.replace("set obj.response = \"Blocked\";", "set obj.response = tls.client.ja3_md5;");
    assert!(open != vcl && !falco.lint(&open).expect("falco runs").is_clean());
}

#[test]
fn trap_12_statuses_of_errors_are_those_that_nobody_else_has() {
    let text = everything();
    let errors: Vec<&str> = text.lines().map(str::trim).filter(|line| line.starts_with("error ")).collect();
    assert_eq!(errors, ["error 640 var.by;"]);
    assert!(sub(&text, "edgesig_error").contains("if (obj.status == 640 && req.http.X-Edgesig-Status) {"));
}

#[test]
fn trap_15_headers_are_written_once_however_many_signatures_there_are() {
    let text = everything();
    let main = sub(&text, "edgesig_recv");
    assert!(main.matches("\tset req.http.").count() <= 9, "{main}");
}

#[test]
fn trap_16_nothing_follows_the_refusal_and_nothing_comes_before_the_first_look() {
    let text = everything();
    let main = sub(&text, "edgesig_recv");
    let after = main.split("error 640 var.by;").nth(1).expect("what follows");
    assert!(after.chars().all(|character| "\t\n}".contains(character)), "{after}");
    assert!(!main.contains("return"));
    let options = Options { format: Format::Api, ..Options::default() };
    let api = try_files(&ruleset(vec![block("a", Predicate::TRUE)]), &options).expect("it builds").remove(0).1;
    let value: serde_json::Value = serde_json::from_str(&api).expect("JSON");
    let snippets = value.get("snippets").and_then(|snippets| snippets.as_array()).expect("snippets");
    let recv = snippets.iter().find(|snippet| snippet["type"] == "recv").expect("a recv snippet");
    // Fastly's default is 100; lower ones run first.
    assert_eq!(recv["priority"], "10");
}

#[test]
fn trap_17_groups_are_read_where_their_pattern_matched() {
    let text = everything();
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    for (index, line) in lines.iter().enumerate().filter(|(_, line)| line.contains("re.group.")) {
        let before = lines[..index].iter().rev().find(|line| !line.starts_with("set ")).expect("a condition");
        let is_condition = before.contains("if (") || before.starts_with("&& ");
        assert!(is_condition && before.contains(" ~ \"") && !before.contains("||"), "{before} … {line}");
    }
}

#[test]
fn trap_19_nothing_is_declared_that_is_not_used() {
    let Some(falco) = falco() else { return };
    let text = everything();
    assert!(!text.contains("#FASTLY") && !text.contains("ratecounter") && !text.contains("table "));
    let mut limited = rule("limited", Predicate::TRUE, vec![Action::Throttle]);
    limited.rate = Some(rate(vec![client()], &[(10, 60)]));
    let vcl = whole(&ruleset(vec![limited]));
    assert!(vcl.contains("ratecounter edgesig_limited_count { }") && !vcl.contains("penaltybox"));
    assert!(falco.lint(&vcl).expect("falco runs").is_clean());
    let open = format!("ratecounter never {{ }}\n{vcl}");
    assert_eq!(falco.lint(&open).expect("falco runs").warnings, 1);
}

#[test]
fn trap_20_what_only_falco_does_is_counted_apart_and_listed() {
    let Some(falco) = falco() else { return };
    let set = ruleset(vec![rule("caf\u{e9}", contains(field(Field::Query, None), "x"), vec![Action::Log])]);
    let files = try_files(&set, &Options::default()).expect("it builds");
    let requests = [request("/?a=%ffx"), request("/?a=x")];
    let options = edgesig::engine::Options::default();
    let report = falco_verify(&falco, &set, &files, requests.into_iter(), &options, &mut |_| {}).expect("falco runs");
    assert!(report.is_clean() && report.agreed == 1, "{report:?}");
    assert_eq!(report.skipped.keys().collect::<Vec<_>>(), [&FALCO_DEVIATIONS[0]]);
    // Each row has its source beside it.
    let source = include_str!("../src/engine/falco/verify.rs");
    let rows = source.split("FALCO_DEVIATIONS: &[&str] = &[").nth(1).and_then(|rest| rest.split("];").next());
    let mut lines = rows.expect("the rows").lines().map(str::trim).filter(|line| !line.is_empty());
    while let Some(comment) = lines.next() {
        assert!(comment.starts_with("// "), "{comment}");
        assert!(lines.next().is_some_and(|row| row.starts_with('"')), "{comment}");
    }
}

#[test]
fn trap_13_acls_have_masks_and_no_negation() {
    let Some(falco) = falco() else { return };
    let nets = ["192.0.2.0/25", "192.0.2.128/25", "2001:db8::1/128"].map(|net| net.parse().expect("a network"));
    let check = Check::Network(Networks::Literals(nets.to_vec()));
    let vcl = whole(&ruleset(vec![block("net", compare(field(Field::ClientIp, None), check))]));
    let start = vcl.find("acl edgesig_net ").expect("an ACL");
    let acl = &vcl[start..start + vcl[start..].find('}').expect("its end")];
    assert_eq!(acl.matches(';').count(), 2, "{acl}");
    assert!(!acl.contains('!') && acl.contains("\"2001:db8::1\"/128;") && acl.contains("\"192.0.2.0\"/24;"), "{acl}");
    for (address, expected) in [("192.0.2.200", "block:net"), ("2001:db8::2", "none:"), ("2001:db8::1", "block:net")] {
        let from = Request { client_ip: address.parse().expect("an address"), ..request("/") };
        assert_eq!(matched(&falco, &vcl, &from), expected, "{address}");
    }
}

#[test]
fn trap_14_tables_hold_only_what_is_compared_exactly() {
    let Some(falco) = falco() else { return };
    let agent = field(Field::Headers, Some("user-agent"));
    for (ignore_case, upper) in [(false, "none:"), (true, "block:agents")] {
        let needles = (0..40).map(|n| Text { bytes: format!("bot-{n}").into_bytes(), ignore_case }).collect();
        let check = Check::Text { operator: TextOperator::Equals, needles: Needles::Literals(needles) };
        let vcl = whole(&ruleset(vec![block("agents", compare(agent.clone(), check))]));
        assert_eq!(vcl.contains("table.contains("), !ignore_case);
        for (value, expected) in [("bot-7", "block:agents"), ("BOT-7", upper), ("bot-70", "none:")] {
            let mut from = request("/");
            from.headers.push((b"User-Agent".to_vec(), value.as_bytes().to_vec()));
            assert_eq!(matched(&falco, &vcl, &from), expected, "{value}");
        }
    }
}

#[test]
fn trap_18_terraform_does_not_interpolate() {
    let rules = vec![
        block("jndi", contains(field(Field::Url, None), "${jndi")),
        block("b", contains(field(Field::Url, None), "%{x")),
    ];
    let set = ruleset(rules);
    let options = |format| Options { format, layout: Layout::Snippets, ..Options::default() };
    let terraform = try_files(&set, &options(Format::Terraform)).expect("it builds").remove(0).1;
    let value: serde_json::Value = serde_json::from_str(&terraform).expect("JSON");
    let snippets = value.pointer("/resource/fastly_service_vcl/edgesig/snippet").expect("snippets");
    let plain = try_files(&set, &options(Format::Vcl)).expect("it builds").remove(0).1;
    let content = snippets[0]["content"].as_str().expect("text");
    assert_eq!(content.replace("$${", "${").replace("%%{", "%{"), plain);
    for (start, escaped) in [("${", "$${"), ("%{", "%%{")] {
        assert_eq!(content.matches(start).count(), content.matches(escaped).count(), "{start}");
    }
    for format in [Format::Api, Format::Plan] {
        let text = try_files(&set, &options(format)).expect("it builds").remove(0).1;
        let value: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        let place = if format == Format::Api {
            "/snippets/0/content"
        } else {
            "/planned_values/root_module/resources/0/values/snippet/0/content"
        };
        assert_eq!(value.pointer(place).and_then(|content| content.as_str()), Some(plain.as_str()));
    }
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
    set.rules.push(block("denied", compare(field(Field::ClientIp, None), check)));
    let files = try_files(&set, &Options::default()).expect("it builds");
    assert!(!files[0].1.contains("acl denied_clients"));
    let vcl = whole(&set);
    assert!(falco.lint(&vcl).expect("falco runs").is_clean());
    assert_eq!(matched(&falco, &vcl, &Request { client_ip: inside, ..request("/") }), "block:denied");
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
