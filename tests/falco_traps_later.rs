//! The ways in which VCL for Fastly goes wrong, from the eleventh on: `falco_traps.rs` says how each is shown.

#![allow(clippy::wildcard_enum_match_arm, reason = "a test looks at the cases it names")]

mod support;

use edgesig::catalog::Field;
use edgesig::codegen::{Format, Layout, Options};
use edgesig::engine::falco::{FALCO_DEVIATIONS, verify as falco_verify};
use edgesig::ir::{Action, Check, Needles, Networks, Predicate, TemplatePart, Text, TextOperator};
use edgesig::request::Request;
use support::falco;
use support::fastly::{read_template, try_files, whole};
use support::ir::{block, client, compare, contains, field, rate, rule, ruleset};
use support::traps::{everything, matched, on_attack, plain, request, sub, without};

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
    // An `error 640` of somebody else's is not answered with what is ours.
    let Some(falco) = falco() else { return };
    let vcl = on_attack();
    let answered = |vcl: &str, ours: &str| {
        let test = format!(
            "// @scope: error\nsub t {{\n{ours}set obj.status = 640;\ntesting.call_subroutine(\"vcl_error\");\n\
             log \"status \" obj.status;\n}}\n"
        );
        falco.test(vcl, &test).expect("falco runs").concat()
    };
    assert_eq!(answered(&vcl, "set req.http.X-Edgesig-Status = \"403\";\n"), "status 403");
    assert_eq!(answered(&vcl, ""), "status 640");
    let open = without(&vcl, "obj.status == 640 && req.http.X-Edgesig-Status", "obj.status == 640");
    assert_ne!(answered(&open, ""), "status 640");
}

#[test]
fn trap_13_acls_have_masks_and_no_negation() {
    let Some(falco) = falco() else { return };
    let nets = ["192.0.2.0/25", "192.0.2.128/25", "2001:db8::1/128"].map(|net| net.parse().expect("a network"));
    let check = Check::Network(Networks::Literals(nets.to_vec()));
    let vcl = plain(vec![block("net", compare(field(Field::ClientIp, None), check))]);
    let start = vcl.find("acl edgesig_net ").expect("an ACL");
    let acl = &vcl[start..start + vcl[start..].find('}').expect("its end")];
    assert_eq!(acl.matches(';').count(), 2, "{acl}");
    assert!(!acl.contains('!') && acl.contains("\"2001:db8::1\"/128;") && acl.contains("\"192.0.2.0\"/24;"), "{acl}");
    for (address, expected) in [("192.0.2.200", "block:net"), ("2001:db8::2", "none:"), ("2001:db8::1", "block:net")] {
        let from = Request { client_ip: address.parse().expect("an address"), ..request("/") };
        assert_eq!(matched(&falco, &vcl, &from), expected, "{address}");
    }
    // falco reads an address without a mask, and an exception, as more than was meant.
    let from = |vcl: &str, address: &str| {
        matched(&falco, vcl, &Request { client_ip: address.parse().expect("an address"), ..request("/") })
    };
    let open = without(&vcl, "\"2001:db8::1\"/128;", "\"2001:db8::1\";");
    assert_eq!((from(&vcl, "2001:db8::2"), from(&open, "2001:db8::2")), ("none:".to_owned(), "block:net".to_owned()));
    let open = without(&vcl, "\"192.0.2.0\"/24;", "\"192.0.2.0\"/24; ! \"192.0.2.64\"/26;");
    assert_eq!((from(&vcl, "198.51.100.1"), from(&open, "198.51.100.1")), ("none:".to_owned(), "block:net".to_owned()));
}

#[test]
fn trap_14_tables_hold_only_what_is_compared_exactly() {
    let Some(falco) = falco() else { return };
    let agents = |ignore_case: bool| {
        let needles = (0..40).map(|n| Text { bytes: format!("bot-{n}").into_bytes(), ignore_case }).collect();
        let check = Check::Text { operator: TextOperator::Equals, needles: Needles::Literals(needles) };
        plain(vec![block("agents", compare(field(Field::Headers, Some("user-agent")), check))])
    };
    let (exact, folded) = (agents(false), agents(true));
    let lookup = "table.contains(edgesig_agents, req.http.User-Agent)";
    assert!(exact.contains(lookup) && !folded.contains("table"));
    let from = |vcl: &str, agent: &str| {
        let mut from = request("/");
        from.headers.push((b"User-Agent".to_vec(), agent.as_bytes().to_vec()));
        matched(&falco, vcl, &from)
    };
    for (agent, in_exact, in_folded) in
        [("bot-7", "block:agents", "block:agents"), ("BOT-7", "none:", "block:agents"), ("bot-70", "none:", "none:")]
    {
        assert_eq!((from(&exact, agent).as_str(), from(&folded, agent).as_str()), (in_exact, in_folded), "{agent}");
    }
    // Looked up in a table, the case would count.
    let pattern = folded.lines().find_map(|line| line.trim().strip_prefix("&& req.http.User-Agent ~ "));
    let pattern = format!("req.http.User-Agent ~ {}", pattern.expect("a pattern").trim_end_matches(") {"));
    let start = exact.find("table edgesig_agents ").expect("a table");
    let table = &exact[start..start + exact[start..].find("\n}\n").expect("its end") + 3];
    let open = format!("{table}{}", without(&folded, &pattern, lookup));
    assert_eq!(from(&open, "bot-7"), "block:agents");
    assert_eq!(from(&open, "BOT-7"), "none:");
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
    let Some(falco) = falco() else { return };
    let vcl = plain(vec![block("attack", contains(field(Field::Path, None), "attack"))]);
    // Fastly puts snippets in by their priorities: one of somebody else's that returns has the default.
    let placed = |ours: u64| {
        let own = "set req.backend = F_origin;\nreturn(pass);\n";
        let mut snippets = [(ours, "call edgesig_recv;\n"), (100, own)];
        snippets.sort_by_key(|(priority, _)| *priority);
        without(&vcl, "call edgesig_recv;\n", &snippets.map(|(_, snippet)| snippet).concat())
    };
    let priority = recv["priority"].as_str().and_then(|text| text.parse().ok()).expect("a number");
    assert_eq!(matched(&falco, &placed(priority), &request("/attack")), "block:attack");
    assert_eq!(matched(&falco, &placed(200), &request("/attack")), "none:");
    // What would follow the refusal does not run, whatever it is.
    let late = without(&vcl, "error 640 var.by;", "error 640 var.by;\nset req.http.X-Edgesig-Action = \"late\";");
    assert_eq!(matched(&falco, &late, &request("/attack")), "block:attack");
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
    // A pattern that does not match leaves the groups of the one before.
    let Some(falco) = falco() else { return };
    let vcl = plain(vec![rule("c", contains(field(Field::Cookies, Some("c")), "t"), vec![Action::Log])]);
    let mut with_cookie = request("/");
    with_cookie.headers.push((b"Cookie".to_vec(), b"c=x; d=t".to_vec()));
    assert_eq!(matched(&falco, &vcl, &with_cookie), "none:");
    let condition = r#"if (var.rest ~ "(?s);[ \t]*+c=([^;]*+)(.*)\z") {"#;
    let open = without(&vcl, condition, &condition.replace(") {", " || req.url) {"));
    assert_eq!(matched(&falco, &open, &with_cookie), "block:");
}

#[test]
fn trap_18_terraform_does_not_interpolate() {
    let mut jndi = block("jndi", contains(field(Field::Url, None), "${jndi"));
    jndi.title = "${jndi:ldap://x} and %{IP}".to_owned();
    let text = TemplatePart::Text("https://new.example/${x}".to_owned());
    let moved = Action::Redirect { status: 302, template: vec![text] };
    let rules = vec![jndi, rule("moved", contains(field(Field::Url, None), "%{x"), vec![moved])];
    let set = ruleset(rules);
    let options = |format| Options { format, layout: Layout::Snippets, ..Options::default() };
    let terraform = try_files(&set, &options(Format::Terraform)).expect("it builds").remove(0).1;
    let value: serde_json::Value = serde_json::from_str(&terraform).expect("JSON");
    let snippets = value.pointer("/resource/fastly_service_vcl/edgesig/snippet").expect("snippets");
    let plain = try_files(&set, &options(Format::Vcl)).expect("it builds").remove(0).1;
    let content = snippets[0]["content"].as_str().expect("text");
    assert_eq!(read_template(content).as_deref(), Ok(plain.as_str()));
    // falco reads plans, where this is done: a reader of templates shows it.
    for escaped in ["$${", "%%{"] {
        let open = read_template(&without(content, escaped, &escaped[1..]));
        assert!(open.is_err_and(|said| said.starts_with("interpolated: ")), "{escaped}");
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
    // Fastly's macros are there by their exact comment, as the docs' custom VCL has them.
    let open = without(&vcl, "#FASTLY recv\n", "# FASTLY recv\n");
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
    // Two readings of `+` exist, and it is decoded before either can be taken.
    let vcl = plain(vec![rule("space", contains(field(Field::Query, None), "or 1"), vec![Action::Log])]);
    assert_eq!(matched(&falco, &vcl, &request("/?a=or+1")), "none:space");
    let open = without(&vcl, r#"regsuball(var.query_raw, "\+", " ")"#, "var.query_raw");
    assert_eq!(matched(&falco, &open, &request("/?a=or+1")), "none:");
    // What is no text for falco is an error there, so that it cannot be taken for a verdict.
    assert!(matched(&falco, &vcl, &request("/?a=%ffor+1")).starts_with("error: "));
}
