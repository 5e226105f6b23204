//! The shipped signatures in the real varnishd: their own tests, and the whole set enforced on ordinary requests.

mod support;

use edgesig::cli::workspace::Workspace;
use edgesig::diagnostic::Diagnostics;
use edgesig::engine::{Difference, Session, Setup, TestOutcome, compile, run_tests, verify_in};
use edgesig::ir::{Mode, Ruleset, Selection, select};
use edgesig::request::Request;
use std::path::PathBuf;
use support::{build, has_varnishd};

/// The set of this repository, without complaints.
fn shipped() -> Ruleset {
    let (ruleset, diagnostics) = read(&[]);
    assert!(!diagnostics.has_errors(), "{diagnostics:?}");
    ruleset
}

fn read(paths: &[PathBuf]) -> (Ruleset, Diagnostics) {
    let Ok(workspace) = Workspace::load(paths) else { panic!("{paths:?} cannot be read") };
    let mut diagnostics = Diagnostics::default();
    let trees = edgesig::parse_signatures(&workspace.sources, &workspace.signatures, &mut diagnostics);
    let ruleset =
        edgesig::analyze(&workspace.sources, workspace.project.as_ref(), &trees, &workspace, &mut diagnostics);
    (ruleset, diagnostics)
}

fn selected(mode: Mode) -> Ruleset {
    let selection = Selection { target: Some("varnish".to_owned()), mode: Some(mode), ..Selection::default() };
    select(&shipped(), &selection)
}

#[test]
fn every_test_of_every_signature_agrees() {
    if !has_varnishd() {
        return;
    }
    let ruleset = selected(Mode::Monitor);
    let build =
        |ruleset: &Ruleset| build(ruleset).ok_or_else(|| "Varnish cannot express a shipped signature".to_owned());
    let (results, counters) = run_tests(&ruleset, &build, &mut |_| {}).unwrap_or_else(|error| panic!("{error}"));
    let mut complaints = Vec::new();
    let (mut passed, mut tolerated, mut skipped) = (0, 0, 0);
    for result in &results {
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
    eprintln!("{passed} tests agree, {tolerated} within the tolerance of a rate, {skipped} skipped");
    assert!(complaints.is_empty(), "{} differ:\n{}", complaints.len(), complaints.join("\n"));
    assert_eq!((counters.vcl_fail, counters.child_panic, counters.child_died), (0, 0, 0));
    assert!(passed > 100);
}

#[test]
fn every_compile_case_and_example_is_accepted() {
    if !has_varnishd() {
        return;
    }
    let entries = std::fs::read_dir("tests/cases/compile").expect("the cases");
    let mut cases: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    cases.retain(|path| path.is_dir() || path.extension().is_some_and(|extension| extension == "yaml"));
    cases.sort();
    let (mut accepted, mut inexpressible) = (0, Vec::new());
    for case in &cases {
        let selection = Selection { target: Some("varnish".to_owned()), ..Selection::default() };
        // A case that needs files from elsewhere lacks its tests here, or itself.
        let ruleset = select(&read(std::slice::from_ref(case)).0, &selection);
        let Some(vcl) = Some(&ruleset).filter(|ruleset| !ruleset.rules.is_empty()).and_then(build) else {
            inexpressible.push(case.display().to_string());
            continue;
        };
        if let Err(error) = compile(&vcl, "backend default none;\n") {
            panic!("{}: {error}", case.display());
        }
        accepted += 1;
    }
    eprintln!("{accepted} cases accepted; Varnish cannot express {}", inexpressible.join(", "));
    assert!(accepted > 10);
    for entry in walkdir::WalkDir::new("examples") {
        let path = entry.expect("an entry").into_path();
        if path.file_name().is_some_and(|name| name == "edgesig.vcl") {
            let vcl = std::fs::read_to_string(&path).expect("a file");
            compile(&vcl, "backend default none;\n").unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        }
    }
}

/// Long URLs with ordinary headers are judged like any other: nothing is refused for want of workspace.
#[test]
fn every_url_within_the_limit_is_judged() {
    if !has_varnishd() {
        return;
    }
    const LIMIT: usize = 4096;
    // Up to the limit, the last unit whole.
    let filled = |start: &str, unit: &str| {
        let count = (LIMIT - start.len()) / unit.len();
        let mut url = format!("{start}{}", unit.repeat(count));
        url.push_str(&"a".repeat(LIMIT - url.len()));
        url
    };
    let parameters = |value: &str| {
        let mut url = "/list?".to_owned();
        for number in 0..120 {
            let parameter = format!("parameter{number}={value}&");
            if url.len() + parameter.len() < LIMIT {
                url.push_str(&parameter);
            }
        }
        filled(&format!("{url}z="), "%C3%A9+x%20y")
    };
    let urls = [
        filled("/search?q=", "plain"),
        filled("/search?q=", "%E4%B8%AD"),
        filled("/search?q=", "a+%C3%A9+"),
        filled("/search?q=", "%2541"),
        filled("/search?q=", "100%,"),
        filled("/search?q=", "%00"),
        filled("/redirect?url=https%3A%2F%2Fwww.example.com%2F", "%E4%B8%AD"),
        // Of a parameter that many signatures read in all its forms, half as much.
        format!("/redirect?url=https%3A%2F%2Fwww.example.com%2F{}", "%25E4%25B8%25AD".repeat(130)),
        filled("/read?file=", "%E4%B8%AD"),
        filled("/list?callback=", "%26lt%3B"),
        filled("/", "%E4%B8%AD"),
        filled("/", "segment/"),
        filled("https://www.example.com/search?q=", "%E4%B8%AD"),
        parameters("v%20alue"),
        parameters("1"),
    ];
    let usual: &[(&str, &str)] = &[
        (
            "user-agent",
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0 Safari/537.36",
        ),
        ("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"),
        ("accept-language", "en-GB,en;q=0.9,de;q=0.8"),
        ("referer", "https://www.example.com/search?q=%E4%B8%AD%E6%96%87&page=2"),
        ("x-forwarded-for", "192.0.2.7, 198.18.0.1"),
    ];
    let many: Vec<(String, String)> = (0..30).map(|n| (format!("x-service-{n}"), "value ".repeat(8))).collect();
    let cookies = [
        "session=0123456789abcdef; theme=dark".to_owned(),
        (0..100).map(|number| format!("name{number}=value%20{number}")).collect::<Vec<_>>().join("; "),
        format!("consent={}", "%7B%22a%22%3A1%7D".repeat(230)),
        format!("token={}", "eyJhbGciOi".repeat(400)),
    ];
    let mut requests = Vec::new();
    for url in &urls {
        // Copies of paths, character references and a parameter in all its forms are many; with a long cookie, too many.
        let heavy = ["/segment", "/list?callback", "/redirect"].iter().any(|start| url.starts_with(start));
        let most = if heavy { 1 } else { cookies.len() };
        for cookie in &cookies[..most] {
            for lines in [0, 30] {
                let mut request = Request { target: url.clone().into_bytes(), ..Request::default() };
                let more = many.iter().take(lines).map(|(name, value)| (name.as_str(), value.as_str()));
                let headers = usual.iter().copied().chain([("cookie", cookie.as_str())]).chain(more);
                request.headers.extend(headers.map(|(name, value)| (name.into(), value.into())));
                requests.push(request);
            }
        }
    }
    let ruleset = selected(Mode::Monitor);
    let built = build(&ruleset).expect("Varnish can express the shipped signatures");
    let mut session = Session::start(&built, Setup::default()).expect("varnishd accepts the VCL");
    let count = requests.len();
    let report = verify_in(&mut session, &ruleset, requests.into_iter(), 5, &mut |_| {}).expect("the engine runs");
    let told = |difference: &Difference| format!("{} expected, {} seen", difference.expected, difference.seen);
    let differences: Vec<String> = report.differences.iter().map(told).collect();
    assert!(report.is_clean(), "{:?} {differences:?}", report.counters);
    assert_eq!((report.agreed, report.deviations.len(), report.refused.len()), (count as u64, 0, 0), "{report:?}");
}

/// What takes the most room, with the longest cookies: judged as in eval or, for want of room, the documented 431, and never an
/// error of the VCL. A URL over the limit is `limit-url`, however long.
#[test]
fn the_heaviest_requests_are_judged_or_refused_as_documented() {
    if !has_varnishd() {
        return;
    }
    let filled = |start: &str, unit: &str, length: usize| {
        let mut url = format!("{start}{}", unit.repeat((length - start.len()) / unit.len()));
        url.push_str(&"a".repeat(length - url.len()));
        url
    };
    const LIMIT: usize = 4096;
    let mut urls: Vec<String> = [
        ("/", "%E4%B8%AD"),
        ("/", "%2541"),
        ("/", "%zz"),
        ("/", "../"),
        ("/", "%2e%2e/"),
        ("/a/../", "a/./"),
        ("/", "segment/"),
        ("/list?callback=", "%26lt%3B"),
        ("/list?callback=", "&#60;"),
        ("/redirect?url=", "%25E4%25B8%25AD"),
        ("/redirect?url=", "%26lt%3B"),
        ("/redirect?url=", "%2526%2523x41%253B"),
        ("/?file=", "%3Cscript%3E+"),
        ("/?", "%61=%2541&"),
    ]
    .map(|(start, unit)| filled(start, unit, LIMIT))
    .to_vec();
    let within = urls.len();
    for length in [LIMIT + 1, 8192, 16_384, 24_000, 32_000] {
        urls.extend([("/", "a"), ("/", "%41"), ("/", "../"), ("/?q=", "%2541"), ("https://h/", "%E4")].map(
            // The authority does not count.
            |(start, unit)| filled(start, unit, length + if start.starts_with('h') { 10 } else { 0 }),
        ));
    }
    let cookies = [
        "session=0123456789abcdef".to_owned(),
        format!("consent={}", "%7B%22a%22%3A1%7D".repeat(230)),
        format!("token={}", "eyJhbGciOi".repeat(400)),
    ];
    let mut requests = Vec::new();
    for (number, url) in urls.iter().enumerate() {
        for cookie in cookies.iter().take(if number < within { cookies.len() } else { 1 }) {
            for body in [0, 40_000] {
                let mut request = Request { target: url.clone().into_bytes(), ..Request::default() };
                request.headers.extend([(b"cookie".to_vec(), cookie.clone().into_bytes())]);
                if body > 0 {
                    request.method = b"POST".to_vec();
                    request.body = vec![b'b'; body];
                    request.headers.push((b"Content-Length".to_vec(), body.to_string().into_bytes()));
                }
                // Each its own client: no rate is over.
                request.client_ip = format!("198.18.{}.{}", requests.len() / 200, requests.len() % 200 + 1)
                    .parse()
                    .expect("an address");
                requests.push(request);
            }
        }
    }
    for mode in [Mode::Enforce, Mode::Monitor] {
        let ruleset = selected(mode);
        let built = build(&ruleset).expect("Varnish can express the shipped signatures");
        let mut session = Session::start(&built, Setup::default()).expect("varnishd accepts the VCL");
        let count = requests.len() as u64;
        let report =
            verify_in(&mut session, &ruleset, requests.iter().cloned(), 5, &mut |_| {}).expect("the engine runs");
        let told = |difference: &Difference| {
            let start = String::from_utf8_lossy(&difference.request.target[..60]).into_owned();
            format!("{start}: {} expected, {} seen", difference.expected, difference.seen)
        };
        let differences: Vec<String> = report.differences.iter().map(told).collect();
        assert!(report.is_clean(), "{mode}: {:?} {differences:#?}", report.counters);
        let without_room: u64 = report.deviations.values().sum();
        eprintln!(
            "{mode}: {count} requests, {} judged, {without_room} without room",
            report.agreed + report.within_tolerance
        );
        assert_eq!(report.agreed + report.within_tolerance + without_room, count, "{report:?}");
        assert!(without_room * 2 < count, "{mode}: {without_room} of {count} find no room");
    }
}
