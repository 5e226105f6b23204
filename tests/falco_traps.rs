//! The ways in which VCL for Fastly goes wrong, each shown impossible in the output. Where falco's linter or tester can
//! show it, a test takes the guard out of what is written and sees falco complain or decide otherwise; where it cannot, the
//! construct is absent from every golden and from the shipped signatures (`fastly_never.rs`).
//!
//! | trap | | shown by |
//! |---|---|---|
//! | 1 | a NUL hides what follows | tester: other verdict |
//! | 2 | a malformed escape hides what follows | tester: error |
//! | 3 | what Fastly gives up on, removes or does not show | tester: other verdict (pattern, cookies, body); absence (long key: falco does not measure keys) |
//! | 4 | ranges of rates | tester: error (weight, window, limit); absence (penalty: falco takes any) |
//! | 5 | not set is not empty | tester: other verdict; absence (printed: falco logs it as the empty text) |
//! | 6 | `%` in patterns | tester: other verdict |
//! | 7 | bytes that are no UTF-8 | linter: parse error |
//! | 8 | `{"…"}` ends early | linter: parse error |
//! | 9 | locals meet those of others | linter: declared twice, unknown |
//! | 10 | nodes, restarts, fragments | tester: other verdict |
//! | 11 | variables by scope | linter: out of scope |
//! | 12 | statuses of `error` | tester: somebody else's answered; absence (others' ranges: falco mentions them only) |
//! | 13 | ACLs: masks, negation | tester: other verdict |
//! | 14 | tables are exact | tester: other verdict |
//! | 15 | workspace of header writes | absence (falco 1.21 has no workspace) |
//! | 16 | order of snippets, code after `error` | tester: other verdict |
//! | 17 | groups outlive their pattern | tester: other verdict |
//! | 18 | Terraform interpolates, forms are decoded | a reader of templates, for falco reads plans; `fastly_carriers.rs` for forms |
//! | 19 | unused declarations, macros | linter: warnings |
//! | 20 | falco is a model | tester: other verdict, error |
//!
//! Traps 1 to 10 are here, 11 to 20 in `falco_traps_later.rs`.

#![allow(clippy::wildcard_enum_match_arm, reason = "a test looks at the cases it names")]

mod support;

use edgesig::catalog::Field;
use edgesig::codegen::Options;
use edgesig::engine::falco::Falco;
use edgesig::ir::{Action, Check, Needles, Patterns, Predicate, TemplatePart, Text, TextOperator};
use edgesig::regex::Regex;
use edgesig::request::Request;
use support::falco;
use support::fastly::{try_files, whole};
use support::ir::{block, client, compare, contains, field, rate, rule, ruleset};
use support::traps::{everything, init, matched, on_attack, plain, request, sub, without};

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

/// What a test of one's own logs: a request for `/attack` whose circumstances `inject` sets.
fn ids_where(falco: &Falco, vcl: &str, inject: &str) -> String {
    let test = format!(
        "// @scope: recv\nsub t {{\ntesting.inject_variable(\"server.hostname\", \"/attack\");\n{inject}\n\
         testing.call_subroutine(\"vcl_recv\");\n\
         log \"ids \" req.http.X-Edgesig-Ids \" by \" req.http.X-Edgesig-By;\n}}\n"
    );
    falco.test(vcl, &test).expect("falco runs").join("\n")
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
fn trap_4_ranges_of_rates_are_refused_with_the_nearest() {
    let of = |limits: &[(u32, u32)], penalty| {
        let mut limited = rule("limited", Predicate::TRUE, vec![Action::Throttle]);
        limited.rate = Some(edgesig::ir::Rate { penalty, ..rate(vec![client()], limits) });
        limited
    };
    let build = |limits: &[(u32, u32)], penalty| try_files(&ruleset(vec![of(limits, penalty)]), &Options::default());
    assert!(build(&[(10, 60)], Some(600)).is_ok());
    for (limits, penalty, way_out) in [
        ([(20, 600)], None, "`6/180s`"),
        ([(1000, 300)], None, "`600/180s`"),
        ([(10, 60)], Some(60), "`penalty: 2m`"),
        ([(10, 60)], Some(7200), "`penalty: 60m`"),
        ([(10, 60)], Some(150), "`penalty: 3m`"),
    ] {
        let errors = build(&limits, penalty).expect_err("it is out of range").concat();
        assert!(errors.contains(way_out), "{errors}");
    }
    // Five in a second: below what a rate is reliable for, so weights are scaled.
    let Some(falco) = falco() else { return };
    let vcl = plain(vec![of(&[(5, 1)], Some(120))]);
    assert_eq!(matched(&falco, &vcl, &request("/")), "none:");
    for (arguments, fault) in [
        ("2, 1, 5,", "limit must be between 10 and 70000000"),
        ("2, 30, 10,", "window must be 1, 10, or 60"),
        ("200000, 1, 10,", "delta must be between 0 and 100000"),
    ] {
        let seen = matched(&falco, &without(&vcl, "2, 1, 10,", arguments), &request("/"));
        assert!(seen.starts_with("error: ") && seen.contains(fault), "{seen}");
    }
}

#[test]
fn trap_5_not_set_is_never_compared() {
    let Some(falco) = falco() else { return };
    let header = field(Field::Headers, Some("x-a"));
    let mut set = ruleset(vec![
        rule("not-a", Predicate::Not(Box::new(contains(header.clone(), "a"))), vec![Action::Log]),
        rule("scored", contains(header, "a"), vec![Action::Score(1)]),
        rule("long", contains(field(Field::Path, None), "long"), vec![Action::Log]),
    ]);
    (set.settings.score_threshold, set.settings.trusted_proxies) = (Some(10), None);
    let vcl = whole(&set);
    assert_eq!(matched(&falco, &vcl, &request("/")), "none:not-a");
    // A string that was never set is unequal to the empty one: every local has a first text.
    let locals = vcl.lines().filter_map(|line| line.trim().strip_prefix("declare local ")?.strip_suffix(" STRING;"));
    for local in locals {
        assert!(vcl.contains(&format!("\t\tset {local} = \"\";\n")), "{local}");
    }
    let open = without(&vcl, "\t\tset var.limit = \"\";\n", "");
    assert_eq!(matched(&falco, &open, &request("/")), "block:");
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
    let vcl = plain(vec![block("bytes", compare(field(Field::UrlRaw, None), check))]);
    assert!(vcl.is_ascii());
    let attack = Request { target: b"/\xff\"".to_vec(), ..request("/") };
    assert_eq!(matched(&falco, &vcl, &attack), "block:bytes");
    assert_eq!(matched(&falco, &vcl, &request("/x")), "none:");
    let open = falco.lint(&without(&vcl, r"\xff", "%FF")).expect("falco runs");
    assert!(open.findings.concat().contains("utf-8 escape has invalid leading byte ff"), "{open:?}");
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
    // A text that is put into a header, as the long form has it.
    let redirect = vec![TemplatePart::Text("https://a.example/{\"a\":\"}\"/".to_owned()), TemplatePart::UrlRaw];
    let moved = Action::Redirect { status: 302, template: redirect };
    let vcl = plain(vec![rule("moved", contains(field(Field::Path, None), "moved"), vec![moved])]);
    assert!(falco.lint(&vcl).expect("falco runs").is_clean());
    let short = "\"https://a.example/{%22a%22:%22}%22/\"";
    let open = falco.lint(&without(&vcl, short, "{\"https://a.example/{\"a\":\"}\"/\"}")).expect("falco runs");
    assert!(open.findings.concat().contains(": parse: "), "{open:?}");
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
    // A snippet of somebody else's has a local of the same name: in a sub of their own ours do not meet it.
    let Some(falco) = falco() else { return };
    let vcl = on_attack();
    let others = "declare local var.by STRING;\nset var.by = client.ip;\nset req.http.X-Own = var.by;\n";
    let beside = without(&vcl, "call edgesig_recv;\n", &format!("{others}call edgesig_recv;\n"));
    assert!(falco.lint(&beside).expect("falco runs").is_clean());
    let body = sub(&vcl, "edgesig_recv").split_once("{\n").expect("a body").1;
    let open = without(&vcl, "call edgesig_recv;\n", &format!("{others}{body}\n"));
    let open = falco.lint(&open).expect("falco runs");
    assert!(open.findings.concat().contains("var.by"), "{open:?}");
    // What is not plain: a block's local, which falco does not know.
    let block = without(&vcl, "declare local var.by STRING;", "declare block var.by STRING;");
    assert!(!falco.lint(&block).expect("falco runs").is_clean());
}

const ONCE: &str = "if (fastly.ff.visits_this_service == 0 && req.restarts == 0 && !req.is_esi_subreq) {";

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
