//! The Fastly target against falco: what it writes lints clean in its places, and falco's tester gives eval's verdicts.

#![allow(clippy::wildcard_enum_match_arm, reason = "a test looks at the cases it names")]

mod support;

use edgesig::codegen::Layout;
use edgesig::engine::falco::{Falco, as_on_fastly, run_tests, service, verify};
use edgesig::engine::{self, Report, TestOutcome};
use edgesig::ir::{Mode, Ruleset};
use edgesig::request::Request;
use support::falco;
use support::fastly::{build, expressible, project};
use support::rng::Rng;
use support::{requests, signatures};

fn assert_lints(falco: &Falco, ruleset: &Ruleset, what: &str) {
    for layout in [Layout::Snippets, Layout::Include] {
        let files = build(ruleset, layout).expect("rules that fit one by one fit together");
        let vcl = service(&files, &ruleset.settings.prefix, &ruleset.lists);
        let lint = falco.lint(&vcl).unwrap_or_else(|error| panic!("{what}: {error}"));
        assert!(lint.is_clean(), "{what}: {lint:?}");
    }
}

#[test]
fn shipped_signatures_and_examples_lint_clean() {
    let Some(falco) = falco() else { return };
    for folder in ["", "examples/json-api", "examples/media-cdn", "examples/wordpress-shop"] {
        for mode in [Mode::Monitor, Mode::Enforce, Mode::Canary(10)] {
            assert_lints(&falco, &project(folder, mode), folder);
        }
    }
}

#[test]
fn every_test_of_every_signature_agrees() {
    let Some(falco) = falco() else { return };
    let mut complaints = Vec::new();
    let (mut passed, mut tolerated, mut skipped) = (0, 0, 0);
    for folder in ["", "examples/json-api", "examples/media-cdn", "examples/wordpress-shop"] {
        let ruleset = project(folder, Mode::Monitor);
        let results = run_tests(&falco, &ruleset, &|set| build(set, Layout::Snippets), &mut |_| {});
        for result in results.unwrap_or_else(|error| panic!("{error}")) {
            let rule = &ruleset.rules[result.rule];
            let name = format!("{}: {}", rule.id, rule.tests[result.test].name);
            match &result.outcome {
                TestOutcome::Passed => passed += 1,
                TestOutcome::WithinTolerance => tolerated += 1,
                TestOutcome::Skipped(reason) => {
                    eprintln!("skipped, {reason}: {name}");
                    skipped += 1;
                }
                TestOutcome::Failed { step, seen } => complaints.push(format!("{name}, step {step}: {seen}")),
            }
        }
    }
    eprintln!("{passed} tests agree, {tolerated} within the tolerance of a rate, {skipped} skipped");
    assert!(complaints.is_empty(), "{} differ:\n{}", complaints.len(), complaints.join("\n"));
    assert!(passed > 100);
}

fn describe(ruleset: &Ruleset, report: &Report) -> String {
    let mut text = String::new();
    for difference in report.differences.iter().take(3) {
        let wire = difference.request.to_wire();
        text.push_str(&format!(
            "from {} {:?}\n  eval:   {}\n  falco:  {}\n",
            difference.request.client_ip,
            String::from_utf8_lossy(&wire[..wire.len().min(400)]),
            difference.expected,
            difference.seen
        ));
        let differing = ruleset.rules.iter().filter(|rule| {
            let id = |text: &str| text.split(['[', ']', ',', ' ']).any(|word| word == rule.id);
            id(&difference.expected) != id(&difference.seen)
        });
        for rule in differing.take(3) {
            text.push_str(&format!(
                "  {} {}: {:?} except {:?} then {:?}\n",
                rule.id, rule.mode, rule.when, rule.except, rule.actions
            ));
        }
    }
    text
}

/// Random signatures and random requests. `EDGESIG_SEED` and `EDGESIG_LOADS` run others.
#[test]
fn eval_and_falco_agree_on_generated_requests() {
    let Some(falco) = falco() else { return };
    let number = |name: &str, default| std::env::var(name).ok().map_or(default, |text| text.parse().expect("a number"));
    let (seed, loads) = (number("EDGESIG_SEED", 11), number("EDGESIG_LOADS", 13));
    let mut rng = Rng::new(seed);
    let (mut judged, mut matched, mut skipped) = (0, 0, std::collections::BTreeMap::new());
    for load in 0..loads {
        let words = if load % 3 == 2 { signatures::FASTLY } else { signatures::COMMON };
        let generated = signatures::ruleset_of(&mut rng, words, 24, load % 2 == 1);
        let (ruleset, _) = expressible(as_on_fastly(&generated));
        assert_lints(&falco, &ruleset, &format!("load {load}"));
        let files = build(&ruleset, Layout::Snippets).expect("it was built before");
        let requests: Vec<_> = (0..500).map(|_| told(&mut rng)).collect();
        let options = engine::Options { keep: 5, ..engine::Options::default() };
        let report = verify(&falco, &ruleset, &files, requests.into_iter(), &options, &mut |_| {});
        let report = report.unwrap_or_else(|error| panic!("{error}"));
        if !report.is_clean() {
            let folder = std::env::temp_dir().join("edgesig-falco.vcl");
            let _ = std::fs::write(&folder, service(&files, &ruleset.settings.prefix, &ruleset.lists));
        }
        assert!(
            report.is_clean(),
            "seed {seed}, load {load}, {} rules: {} of {} differ\n{}",
            ruleset.rules.len(),
            report.different,
            report.requests,
            describe(&ruleset, &report)
        );
        judged += report.agreed;
        matched += report.matched;
        for (reason, count) in report.skipped.iter().chain(&report.refused) {
            *skipped.entry(*reason).or_insert(0) += count;
        }
    }
    eprintln!("{judged} requests agree, {matched} with a match; apart: {skipped:#?}");
    assert!(judged >= loads * 350 && matched * 2 > judged);
}

/// A random request, of whose client Fastly knows something.
fn told(rng: &mut Rng) -> Request {
    let mut request = requests::request(rng);
    let facts = &mut request.facts;
    let mut some = |texts: &[&str]| Some(rng.pick(texts).to_owned()).filter(|text| !text.is_empty());
    facts.scheme = some(&["", "https", "http"]);
    facts.country = some(&["", "DE", "x"]);
    facts.as_name = some(&["", "fastly", "x\"y"]);
    facts.proxy_type = some(&["", "vpn", "hosting"]);
    facts.ja3 = some(&["", "e7d705a3286e19ea42f587b344ee6865"]);
    facts.ja4 = some(&["", "t13d1516h2_8daaf6152771_b186095e22b6"]);
    facts.tls_version = some(&["", "TLSv1.3"]);
    facts.sni = some(&["", "www.example.com"]);
    facts.asn = rng.pick(&[None, Some(64_500), Some(42)]);
    request
}

/// A falco that crashes on one request, between two that it takes.
#[test]
fn a_crash_names_its_request() {
    use std::os::unix::fs::PermissionsExt;
    if falco().is_none() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    let write = |name: &str, text: &str| std::fs::write(path(name), text).expect("it can be written");
    let real = std::env::var("EDGESIG_FALCO").unwrap_or_else(|_| "falco".to_owned());
    // The base64 of `/crash`.
    let script = "#!/bin/sh\nif grep -qs L2NyYXNo main.test.vcl; then echo 'panic: boom' >&2; exit 2; fi\nexec \"$REAL\" \"$@\"\n";
    write("falco.sh", script);
    std::fs::set_permissions(path("falco.sh"), std::fs::Permissions::from_mode(0o755)).expect("a mode");
    write("edgesig.yaml", "edgesig: 1\ntargets:\n  fastly: {}\n");
    std::fs::create_dir(path("signatures")).expect("a folder");
    let signature = "edgesig: 1\nid: any\ntitle: Any\nseverity: low\nwhen: 'req.method == \"GET\"'\n";
    write("signatures/any.yaml", signature);
    let line = |id: &str, uri: &str| format!("{{\"id\":\"{id}\",\"method\":\"GET\",\"uri\":\"{uri}\"}}\n");
    write("requests.jsonl", &[line("first", "/a"), line("second", "/crash"), line("third", "/b")].concat());
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_edgesig"))
        .args(["verify", "--engine", "falco", "--requests", "requests.jsonl"])
        .current_dir(folder.path())
        .env("EDGESIG_FALCO", path("falco.sh"))
        .env("REAL", real)
        .output()
        .expect("edgesig runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("different: request \"second\", GET /crash HTTP/1.1"), "{said}{output:?}");
    assert!(said.contains("falco crashed: panic: boom") && said.contains("2 agreed"), "{said}");
    assert_eq!(output.status.code(), Some(1), "{said}");
}
