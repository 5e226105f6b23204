//! The engine layer itself, on VCL written here: starting, stopping, errors, the log, the origin, the clock.

mod support;

use edgesig::catalog::Field;
use edgesig::engine::{EngineError, Options, Reply, Session, Setup, compile, verify};
use edgesig::ir::{Check, Mode, Patterns, Rule};
use edgesig::regex::Regex;
use edgesig::request::{Request, Response};
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use support::ir::{block, compare, field, ruleset};
use support::{build, has_varnishd};

const SILENT: &str = "vcl 4.1;\nimport std;\n";

fn get(target: &str) -> Request {
    Request { target: target.as_bytes().to_vec(), ..Request::default() }
}

#[test]
fn answers_records_and_the_origin_are_seen() {
    if !has_varnishd() {
        return;
    }
    let vcl = r#"vcl 4.1;
import std;
sub vcl_recv {
    if (req.url ~ "block") {
        std.log("edgesig:v1|block|a-rule|403|" + client.ip + "|ids=a-rule,b-rule");
        std.log("edgesig+:v1|" + req.xid + "|ids=c-rule");
        return (synth(403));
    }
    set req.http.X-Edgesig-Tags = "t";
}
"#;
    let mut session = Session::start(vcl, Setup::default()).expect("varnishd starts");
    session.origin.keep_received();
    let passed = session.exchange(&Request {
        response: Response { status: 401, headers: vec![(b"X-Mark".to_vec(), b"yes".to_vec())] },
        ..get("/ok")
    });
    let passed = passed.expect("the engine runs");
    let Reply::Answer(answer) = &passed.reply else { panic!("{passed:?}") };
    assert_eq!((answer.status, answer.header("x-mark").as_deref()), (401, Some("yes")));
    assert_eq!(passed.record, None);
    let received = session.origin.take_received();
    assert_eq!(received.len(), 1);
    assert_eq!(received[0].header_values("x-edgesig-tags"), ["t"]);

    let client_ip = "2001:db8::7".parse().expect("an address");
    let blocked = session.exchange(&Request { client_ip, ..get("/block") }).expect("the engine runs");
    let record = blocked.record.expect("a record");
    assert_eq!((record.action.as_str(), record.by.as_deref(), record.status), ("block", Some("a-rule"), 403));
    assert_eq!(
        (record.client.as_str(), &record.ids[..]),
        ("2001:db8::7", &["a-rule", "b-rule", "c-rule"].map(str::to_owned)[..])
    );
    assert!(session.origin.take_received().is_empty());

    session.load("vcl 4.1;\nsub vcl_recv { return (synth(418)); }\n").expect("varnishd accepts the VCL");
    let observed = session.exchange(&get("/ok")).expect("the engine runs");
    assert!(matches!(&observed.reply, Reply::Answer(answer) if answer.status == 418));
}

#[test]
fn what_the_compiler_says_is_given_back_whole() {
    if !has_varnishd() {
        return;
    }
    let wrong = "vcl 4.1;\nsub vcl_recv { nonsense; }\n";
    for error in [compile(wrong, "").unwrap_err(), Session::start(wrong, Setup::default()).unwrap_err()] {
        let EngineError::Rejected(message) = &error else { panic!("{error}") };
        assert!(message.contains("nonsense") && message.contains("Line 2"), "{message}");
    }
    compile(SILENT, "backend default none;\n").expect("varnishd accepts the VCL");
}

#[test]
fn failures_at_run_time_are_counted() {
    if !has_varnishd() {
        return;
    }
    let vcl = "vcl 4.1;\nsub vcl_recv { if (req.url ~ \"fail\") { return (fail(\"asked to\")); } }\n";
    let mut session = Session::start(vcl, Setup::default()).expect("varnishd starts");
    let observed = session.exchange(&get("/fail")).expect("the engine runs");
    assert!(matches!(&observed.reply, Reply::Answer(answer) if answer.status == 503));
    assert_eq!(observed.failure.as_deref(), Some("asked to"));
    assert_eq!(session.exchange(&get("/fine")).expect("the engine runs").failure, None);
    assert_eq!(session.counters().expect("varnishstat runs").vcl_fail, 1);
    session.restart().expect("varnishd starts again");
    assert_eq!(session.counters().expect("varnishstat runs").vcl_fail, 1);
    assert_eq!(session.counters().expect("varnishstat runs").child_panic, 0);
}

/// The built VCL calls a failure `limit-error`, and without rules that act the request is answered as ever: a comparison
/// says that the VCL failed all the same.
#[test]
fn a_failure_is_no_deviation() {
    if !has_varnishd() {
        return;
    }
    let pattern = Regex::new("union.*select.*from", true).expect("a pattern");
    let runaway = || compare(field(Field::Query, None), Check::Matches(Patterns::Literals(vec![Arc::clone(&pattern)])));
    let monitored = Rule { mode: Mode::Monitor, ..block("words", runaway()) };
    let outcomes = ["block by limit-error, status 431, limit-error", "none, status 200, limit-error"];
    for (rule, outcome) in [block("words", runaway()), monitored].into_iter().zip(outcomes) {
        let ruleset = ruleset(vec![rule]);
        let built = build(&ruleset).expect("Varnish can express these rules");
        let request = get(&format!("/?x=union{}m", "select".repeat(57)));
        let report = verify(&ruleset, &built, core::iter::once(request), &Options::default(), &mut |_| {});
        let report = report.expect("the engine runs");
        assert_eq!((report.different, report.deviations.len()), (1, 0), "{report:?}");
        let seen = &report.differences[0].seen;
        let failed = "; the VCL failed: Regexp matching failed: match limit exceeded";
        assert_eq!(*seen, format!("matched [], {outcome}, client 192.0.2.1{failed}"));
    }
}

#[test]
fn minutes_pass_at_once_under_the_clock() {
    if !has_varnishd() {
        return;
    }
    let vcl = r#"vcl 4.1;
import vsthrottle;
sub vcl_recv { if (vsthrottle.is_denied("k:" + client.ip, 2, 60s, 600s)) { return (synth(429)); } }
"#;
    let mut session = Session::start(vcl, Setup { clock: true, ..Setup::default() }).expect("varnishd starts");
    if !session.has_clock() {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "there is no C compiler, and CI must have it");
        eprintln!("SKIPPED: there is no C compiler");
        return;
    }
    let start = Instant::now();
    for _ in 0..2 {
        let mut status = |seconds: u64| {
            let request = Request { time: Duration::from_secs(seconds), ..get("/") };
            match session.exchange(&request).expect("the engine runs").reply {
                Reply::Answer(answer) => answer.status,
                Reply::Closed | Reply::TimedOut => 0,
            }
        };
        let statuses = [0, 0, 0, 100, 599, 601, 90_000].map(&mut status);
        assert_eq!(statuses, [200, 200, 429, 429, 429, 200, 200]);
        // A fresh worker has forgotten, and its time starts again.
        session.restart().expect("varnishd starts again");
    }
    assert!(start.elapsed() < Duration::from_secs(60));
}

/// Not a test of its own: what [`nothing_outlives_us`] starts and kills.
#[test]
fn held() {
    let Ok(end) = std::env::var("EDGESIG_HOLD") else { return };
    let session = Session::start(SILENT, Setup::default()).expect("varnishd starts");
    println!("\nHELD {}", session.varnishd.name().display());
    assert!(end != "PANIC", "a panic while varnishd runs");
    std::thread::sleep(Duration::from_secs(60));
}

#[test]
fn nothing_outlives_us() {
    if !has_varnishd() {
        return;
    }
    for end in ["KILL", "INT", "PANIC"] {
        let mut child = Command::new(std::env::current_exe().expect("a path"))
            .args(["--exact", "held", "--nocapture", "--test-threads=1"])
            .env("EDGESIG_HOLD", end)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the test starts itself");
        let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let name = lines.map_while(Result::ok).find_map(|line| line.strip_prefix("HELD ").map(str::to_owned));
        let name = name.expect("the name of the instance");
        let running = || {
            let output = Command::new("sh").args(["-c", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '"]).output();
            String::from_utf8_lossy(&output.expect("sh runs").stdout).contains(&name)
        };
        if end != "PANIC" {
            assert!(running(), "{name} is not running");
            let kill = format!("kill -{end} {}", child.id());
            assert!(Command::new("sh").args(["-c", &kill]).status().expect("sh runs").success());
        }
        child.wait().expect("the child ends");
        let deadline = Instant::now() + Duration::from_secs(15);
        while running() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(50));
        }
        assert!(!running(), "{name} still runs after {end}");
    }
}
