//! The known traps of a VCL generator, one test each. A scenario holds with the output as it is, and fails once the text
//! that guards it is taken out: so the guard works, and the scenario sees it.

#![allow(clippy::wildcard_enum_match_arm, reason = "a test looks at the cases it names")]

mod support;

use edgesig::catalog::Field;
use edgesig::engine::{EngineError, Observed, Reply, Session, Setup, compile};
use edgesig::ir::{
    Action, Call, Check, IntegerOperator, ListIndex, ListValues, Mode, Networks, Patterns, Rate, Rule, Ruleset, Text,
    TextOperator, Value,
};
use edgesig::regex::Regex;
use edgesig::request::Request;
use std::time::{Duration, Instant};
use support::ir::{any_form, block, client, compare, contains, field, get, rate, rule, ruleset, text};
use support::{build, has_varnishd};

fn built(rules: Vec<Rule>) -> String {
    build_set(&ruleset(rules))
}

fn build_set(ruleset: &Ruleset) -> String {
    build(ruleset).expect("Varnish can express these rules")
}

fn header(name: &str) -> Value {
    field(Field::Headers, Some(name))
}

fn matches(value: Value, pattern: &str) -> edgesig::ir::Predicate {
    compare(value, Check::Matches(Patterns::Literals(vec![Regex::new(pattern, false).expect("a pattern")])))
}

/// Runs `scenario` with the output, then with `edit` made to it.
fn trap(
    setup: &Setup,
    vcl: &str,
    edit: &dyn Fn(&str) -> String,
    scenario: &dyn Fn(&mut Session) -> Result<(), String>,
) {
    if !has_varnishd() {
        return;
    }
    let edited = edit(vcl);
    assert_ne!(edited, vcl, "the guard is not in the output");
    let run = |vcl: &str| {
        let mut session = Session::start(vcl, setup.clone()).unwrap_or_else(|error| panic!("{error}\n{vcl}"));
        scenario(&mut session)
    };
    run(vcl).unwrap_or_else(|complaint| panic!("with the guard: {complaint}"));
    assert!(run(&edited).is_err(), "without the guard nothing is wrong");
}

fn plain(vcl: &str, edit: &dyn Fn(&str) -> String, scenario: &dyn Fn(&mut Session) -> Result<(), String>) {
    trap(&Setup::default(), vcl, edit, scenario);
}

fn send(session: &mut Session, request: &Request) -> Observed {
    session.exchange(request).expect("the engine runs")
}

fn status(session: &mut Session, request: &Request) -> u16 {
    match send(session, request).reply {
        Reply::Answer(answer) => answer.status,
        Reply::Closed | Reply::TimedOut => 0,
    }
}

fn expect(session: &mut Session, request: &Request, expected: u16) -> Result<(), String> {
    let seen = status(session, request);
    if seen == expected {
        return Ok(());
    }
    let wire = request.to_wire();
    Err(format!("{seen} instead of {expected} for {:?}", String::from_utf8_lossy(&wire[..wire.len().min(200)])))
}

fn nothing_failed(session: &mut Session) -> Result<(), String> {
    let counters = session.counters().expect("varnishstat runs");
    if (counters.vcl_fail, counters.child_panic, counters.child_died) == (0, 0, 0) {
        Ok(())
    } else {
        Err(format!("{counters:?}"))
    }
}

/// The number after `marker`, wherever it stands, becomes `number`.
fn with_number(vcl: &str, marker: &str, number: &str) -> String {
    let mut parts = vcl.split(marker);
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        text.push_str(marker);
        text.push_str(number);
        text.push_str(part.trim_start_matches(|byte: char| byte.is_ascii_digit()));
    }
    text
}

fn call(call: Call, argument: Value) -> Value {
    Value::Call(call, Box::new(argument))
}

fn heavy() -> Vec<Rule> {
    vec![
        block("agent", contains(call(Call::Squeeze, call(Call::UrlDecode, header("user-agent"))), "sqlmap")),
        block("spaces", contains(call(Call::RemoveWhitespace, field(Field::Url, None)), "evilevilevil")),
        block("forms", contains(any_form(field(Field::Url, None)), "evil evil")),
        block("lower", contains(call(Call::HtmlDecode, field(Field::Query, None)), "<evil>")),
        block("cookie", contains(field(Field::Cookies, Some("sid")), "evil")),
    ]
}

#[test]
fn trap_01_padding_takes_the_room_of_copies() {
    let padded = |session: &mut Session| {
        let filler = "a%zz%41  ".repeat(880);
        let url = format!("/?{}&q=%65vil+%65vil", "%25%31".repeat(600));
        let agent = format!("sqlmap {filler}");
        for lines in 1..4 {
            let mut headers = vec![("User-Agent", agent.as_str())];
            headers.extend(std::iter::repeat_n(("Cookie", filler.as_str()), lines - 1));
            let seen = status(session, &get(&url, &headers));
            if !matches!(seen, 403 | 431) {
                return Err(format!("{seen} with {lines} long lines"));
            }
        }
        nothing_failed(session)?;
        if session.origin.count() == 0 { Ok(()) } else { Err("the origin was reached".to_owned()) }
    };
    let ungated = |vcl: &str| {
        let vcl = vcl.replace("(?s)^.{8193}", "(?s)^.{65000}");
        with_number(&vcl, "(\"edgesig:need\") > ", "999999999")
    };
    plain(&built(heavy()), &ungated, &padded);
}

#[test]
fn trap_01_no_state_lies_in_headers() {
    let vcl = built(heavy());
    let set: Vec<&str> = vcl.lines().filter(|line| line.contains("set req.http.")).collect();
    // What a header is set to is itself, without blanks: no state.
    let is_trimmed = |line: &&str| {
        let parts = line.trim_start().strip_prefix("set ").and_then(|rest| rest.split_once(" = "));
        parts.is_some_and(|(header, value)| value.starts_with("regsub") && value.contains(&format!("({header},")))
    };
    let is_fine = |line: &&str| line.contains("unset") || line.contains("X-Edgesig-Tags") || is_trimmed(line);
    assert!(set.iter().all(is_fine), "{set:?}");
}

#[test]
fn trap_02_escapes_that_fail_or_cut() {
    let vcl = built(vec![block("evil", contains(field(Field::Url, None), "evil"))]);
    let guard = "%(?:(?=00)|(?![0-9A-Fa-f]{2}))";
    plain(&vcl, &|vcl| vcl.replace(guard, "%(?=00)"), &|session| {
        expect(session, &get("/%41%zz%", &[]), 200)?;
        nothing_failed(session)
    });
    plain(&vcl, &|vcl| vcl.replace(guard, "%(?![0-9A-Fa-f]{2})"), &|session| {
        expect(session, &get("/a%00%65vil", &[]), 403)
    });
}

#[test]
fn trap_03_a_long_url_would_take_the_stack() {
    let vcl = built(vec![block("evil", contains(field(Field::Path, None), "evil"))]);
    let parameters = [("http_req_size", "300k"), ("workspace_client", "3m")];
    let parameters = parameters.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    let ungated = |vcl: &str| {
        let vcl = vcl.replace("req.url ~ \"^.{4097}\"", "req.url ~ \"^$\"");
        with_number(&vcl, "(\"edgesig:need\") > ", "999999999")
    };
    trap(&Setup { parameters, ..Setup::default() }, &vcl, &ungated, &|session| {
        let request = get(&format!("/%61{}", "a".repeat(250_000)), &[]);
        expect(session, &request, 414)?;
        nothing_failed(session)
    });
}

#[test]
fn trap_04_repetitions_are_possessive() {
    let decoded = Value::Call(Call::Base64Decode, Box::new(header("x-test")));
    let vcl = built(vec![block("evil", contains(decoded, "evil"))]);
    let greedy = |vcl: &str| vcl.replace("*+", "*").replace("++", "+");
    plain(&vcl, &greedy, &|session| {
        expect(session, &get("/", &[("X-Test", "ZXZpbA==")]), 403)?;
        expect(session, &get("/", &[("X-Test", &("QUJD".repeat(2000) + "!"))]), 200)?;
        nothing_failed(session)
    });
}

#[test]
fn trap_05_the_body_has_a_match_limit() {
    let vcl = built(vec![block("slow", matches(field(Field::Body, None), "^(?:a|aa|aaa)+$"))]);
    let guard = "(*LIMIT_MATCH=10000)";
    plain(&vcl, &|vcl| vcl.replace(guard, ""), &|session| {
        let mut time = |body: Vec<u8>| {
            let mut request = Request { method: b"POST".to_vec(), body, ..get("/", &[]) };
            request.frame();
            let start = Instant::now();
            for _ in 0..10 {
                expect(session, &request, 200)?;
            }
            Ok::<Duration, String>(start.elapsed())
        };
        // The machine may be busy: beside a body that the pattern leaves at once.
        let harmless = time(b"!".repeat(401))?;
        let taken = time([&b"a".repeat(400)[..], b"!"].concat())?;
        if taken < harmless * 3 + Duration::from_millis(30) { Ok(()) } else { Err(format!("{taken:?}, {harmless:?}")) }
    });
}

#[test]
fn trap_06_a_long_body_would_lose_the_connection() {
    let vcl = built(vec![block("evil", contains(field(Field::Body, None), "evil"))]);
    plain(&vcl, &|vcl| vcl.replace("999999999) > 65536", "999999999) > 99999999"), &|session| {
        let mut request = Request { method: b"POST".to_vec(), body: vec![b'a'; 1_000_000], ..get("/", &[]) };
        request.frame();
        expect(session, &request, 200)
    });
}

#[test]
fn trap_07_absent_is_not_empty() {
    let vcl = built(vec![block("empty", matches(header("x-test"), "^$"))]);
    plain(&vcl, &|vcl| vcl.replace("req.http.X-Test && ", ""), &|session| {
        expect(session, &get("/", &[("X-Test", "")]), 403)?;
        expect(session, &get("/", &[]), 200)
    });
}

#[test]
fn trap_08_every_instance_counts() {
    let vcl = built(vec![block("agent", contains(header("user-agent"), "sqlmap"))]);
    plain(&vcl, &|vcl| vcl.replace("std.collect(req.http.User-Agent);", ""), &|session| {
        expect(session, &get("/", &[("User-Agent", "a"), ("User-Agent", "sqlmap")]), 403)
    });
    let vcl = built(vec![block("cookie", contains(field(Field::Cookies, Some("sid")), "evil"))]);
    plain(&vcl, &|vcl| vcl.replace("std.collect(req.http.Cookie, \"; \");", ""), &|session| {
        expect(session, &get("/", &[("Cookie", "sid=a"), ("Cookie", "sid=evil")]), 403)
    });
}

fn listed() -> Rule {
    block("listed", compare(field(Field::ClientIp, None), Check::Network(Networks::List(ListIndex(0)))))
}

#[test]
fn trap_09_addresses_in_other_dress() {
    let vcl = built(vec![listed()]);
    let canonical = r#"std.ip(regsub("" + std.ip("" + client.ip, client.ip, resolve=false), "^(?=[0-9a-f]++:[0-9a-f]++:[0-9a-f]++\z)", "::ffff:"), client.ip, resolve=false)"#;
    plain(&vcl, &|vcl| vcl.replace(canonical, "client.ip"), &|session| {
        let client_ip = "::ffff:192.0.2.1".parse().expect("an address");
        expect(session, &Request { client_ip, ..get("/", &[]) }, 403)
    });
    let lenient = |vcl: &str| {
        // The pattern of an address, wherever a hop is read.
        let marker = "if (var.get(\"edgesig:hop\") ~ \"^(?:";
        let mut parts = vcl.split(marker);
        let first = parts.next().unwrap_or_default().to_owned();
        parts.fold(first, |text, part| {
            let end = part.find("\") {").unwrap_or(0);
            text + "if (var.get(\"edgesig:hop\") ~ \"" + &part[end..]
        })
    };
    plain(&vcl, &lenient, &|session| {
        let client_ip = "10.0.0.1".parse().expect("an address");
        expect(session, &Request { client_ip, ..get("/", &[("X-Forwarded-For", "192.0.2.1")]) }, 403)?;
        for lenient in ["0300.0.2.1", "0xC0000201", "192.0.513", "192.0.2.1:80"] {
            expect(session, &Request { client_ip, ..get("/", &[("X-Forwarded-For", lenient)]) }, 200)?;
        }
        Ok(())
    });
}

#[test]
fn trap_10_absolute_urls() {
    let vcl = built(vec![block("admin", text(field(Field::Path, None), TextOperator::StartsWith, "/admin"))]);
    let guard = "if (req.url ~ \"^[A-Za-z][A-Za-z0-9+.-]*+://\") {";
    plain(&vcl, &|vcl| vcl.replace(guard, "if (req.url ~ \"^$\") {"), &|session| {
        expect(session, &get("https://h/admin", &[]), 403)?;
        expect(session, &get("ftp://h/admin", &[]), 403)
    });
}

const RESTARTING: &str = "backend origin { .host = \"ORIGIN_HOST\"; .port = \"ORIGIN_PORT\"; }
sub vcl_recv { return (pass); }
sub vcl_deliver { if (req.restarts == 0) { return (restart); } }
";

#[test]
fn trap_11_restarts_bring_back_what_the_client_sent() {
    let often = Rule {
        rate: Some(rate(vec![client()], &[(4, 600)])),
        ..rule("often", text(field(Field::Path, None), TextOperator::Equals, "/login"), vec![Action::Throttle])
    };
    let tagged = rule("tagged", contains(field(Field::Path, None), "mark"), vec![Action::Tag("ours".to_owned())]);
    let vcl = built(vec![tagged, often]);
    let setup = Setup { service: Some(RESTARTING.to_owned()), ..Setup::default() };
    trap(&setup, &vcl, &|vcl| vcl.replace("unset req.http.X-Edgesig-Tags;", ""), &|session| {
        session.origin.keep_received();
        expect(session, &get("/plain", &[("X-Edgesig-Tags", "forged")]), 200)?;
        let forged = session.origin.take_received().iter().any(|seen| !seen.header_values("x-edgesig-tags").is_empty());
        if forged { Err("a forged tag reached the origin".to_owned()) } else { Ok(()) }
    });
    trap(&setup, &vcl, &|vcl| vcl.replace("req.restarts == 0 && req.esi_level == 0", "true"), &|session| {
        (0..4).try_for_each(|_| expect(session, &get("/login", &[]), 200))
    });
}

#[test]
fn trap_12_large_lists_are_tables() {
    if !has_varnishd() {
        return;
    }
    let mut set = ruleset(vec![listed()]);
    let network = |number: u32| format!("10.{}.{}.{}/32", number >> 16, (number >> 8) & 255, number & 255);
    let networks = (0..2000).map(|number| network(number * 37).parse().expect("a network")).collect();
    set.lists[0].values = ListValues::Ip(networks);
    let vcl = build_set(&set);
    // How much quicker a table loads is a benchmark (benches/load.rs); here every list is one, and varnishd takes it.
    let lists: Vec<&str> = vcl.lines().filter(|line| line.starts_with("acl ")).collect();
    assert!(!lists.is_empty() && lists.iter().all(|line| line.ends_with(" +table {")), "{lists:?}");
    drop(Session::start(&vcl, Setup::default()).expect("varnishd accepts the VCL"));
}

#[test]
fn trap_13_nothing_unused_and_one_namespace() {
    if !has_varnishd() {
        return;
    }
    let vcl = built(vec![block("evil", contains(field(Field::Url, None), "evil"))]);
    assert!(!vcl.contains("acl edgesig_acl_clients"), "an ACL that nobody uses");
    compile(&vcl, "backend default none;\n").expect("varnishd accepts the VCL");
    let unused = format!("{vcl}acl edgesig_unused {{ \"192.0.2.1\"; }}\n");
    assert!(matches!(compile(&unused, "backend default none;\n"), Err(EngineError::Rejected(_))));
    // Names that differ in case, and ids that are words of VCL.
    let cookies = |name: &str| contains(field(Field::Cookies, Some(name)), "evil");
    let vcl = built(vec![block("recv", cookies("sid")), block("synth", cookies("SID")), block("sub", cookies("s-d"))]);
    compile(&vcl, "backend default none;\n").expect("varnishd accepts the VCL");
}

#[test]
fn trap_14_literals_that_break_lexing() {
    if !has_varnishd() {
        return;
    }
    let texts: [&[u8]; 10] =
        [b"\"}", b"{\"", b"\"\"\"", b"\\", b"\\1", b"\xef\xbb\xbf", b"\xa0", b"*/", b"\r\n", b"%\"}%d"];
    let rules = texts.iter().enumerate().map(|(number, bytes)| {
        let needles = vec![Text { bytes: bytes.to_vec(), ignore_case: number % 2 == 1 }];
        let check = Check::Text { operator: TextOperator::Contains, needles: edgesig::ir::Needles::Literals(needles) };
        let mut rule = block(&format!("literal-{number}"), compare(field(Field::Query, None), check));
        rule.title = "A title with \"} and */ {\" in it".to_owned();
        rule
    });
    let vcl = built(rules.collect());
    let mut session = Session::start(&vcl, Setup::default()).expect("varnishd accepts the VCL");
    for bytes in texts {
        let encoded: String = bytes.iter().map(|byte| format!("%{byte:02x}")).collect();
        expect(&mut session, &get(&format!("/?q={encoded}"), &[]), 403).expect("it matches");
    }
    assert!(!vcl.contains('\0') && !vcl.starts_with('\u{feff}'));
    // The JSON of the refusal: `"` before `}`.
    let naive = vcl.replace("{\"\"\"} + {\"}", "{\"\"}");
    assert_ne!(naive, vcl);
    assert!(matches!(compile(&naive, "backend default none;\n"), Err(EngineError::Rejected(_))));
}

#[test]
fn trap_15_a_dot_is_any_byte_and_the_end_is_the_end() {
    let vcl = built(vec![
        block("dot", matches(field(Field::Query, None), "union.+select")),
        block("end", matches(field(Field::Path, None), "^/[a-z]+$")),
    ]);
    plain(&vcl, &|vcl| vcl.replace("(?s)", ""), &|session| expect(session, &get("/1?union%0aselect", &[]), 403));
    let dollar = |vcl: &str| {
        let at = vcl.find("[a-z]+\\z").expect("the end is written as \\z");
        format!("{}[a-z]+${}", &vcl[..at], &vcl[at + 8..])
    };
    plain(&vcl, &dollar, &|session| expect(session, &get("/abc%0a", &[]), 200));
    let quote = built(vec![block("quote", matches(field(Field::Query, None), "a\"b"))]);
    assert!(quote.contains("a\\x22b"));
}

#[test]
fn trap_16_nothing_of_the_client_in_reason_and_log() {
    let vcl = built(vec![block("evil", contains(field(Field::Url, None), "evil"))]);
    plain(
        &vcl,
        &|vcl| {
            let ours = "set resp.http.Cache-Control = \"no-store\";";
            assert_eq!(vcl.matches(ours).count(), 1, "{vcl}");
            vcl.replace(ours, &format!("set resp.reason = var.get(\"edgesig:req.url\");\n{ours}"))
        },
        &|session| {
            let observed = send(session, &get("/evil%0d%0aX-Injected:%20yes", &[]));
            match observed.reply {
                Reply::Answer(answer) if answer.header("x-injected").is_none() && answer.status == 403 => Ok(()),
                other => Err(format!("{other:?}")),
            }
        },
    );
    for line in vcl.lines().filter(|line| line.contains("std.log(")) {
        assert!(!line.contains("req.url") && !line.contains("req.http"), "{line}");
    }
}

#[test]
fn trap_17_statuses_that_fail_at_run_time() {
    let vcl = built(vec![block("evil", contains(field(Field::Url, None), "evil"))]);
    plain(&vcl, &|vcl| with_number(vcl, "return (synth(", "9597"), &|session| {
        expect(session, &get("/evil", &[]), 403)?;
        nothing_failed(session)
    });
}

#[test]
fn trap_18_penalties_outlive_the_collector() {
    let often = Rule {
        rate: Some(Rate { penalty: Some(600), ..rate(vec![client()], &[(3, 10)]) }),
        ..rule("often", text(field(Field::Path, None), TextOperator::Equals, "/login"), vec![Action::Throttle])
    };
    let vcl = built(vec![often]);
    assert!(!vcl.contains("vsthrottle.remaining("), "remaining() gives tokens away");
    // The penalty as a block of the bucket itself: forgotten once the key was silent for longer than its period.
    let naive = |vcl: &str| vcl.replace(", 1, 600s, 600s)", ", 3, 10s, 600s)").replace(", 3, 10s)", ", 3, 10s, 600s)");
    let setup = Setup { clock: true, ..Setup::default() };
    trap(&setup, &vcl, &naive, &|session| {
        let login = |client: &str, seconds: u64| Request {
            client_ip: client.parse().expect("an address"),
            time: Duration::from_secs(seconds),
            ..get("/login", &[])
        };
        for expected in [200, 200, 200, 429, 429] {
            expect(session, &login("192.0.2.1", 0), expected)?;
        }
        expect(session, &login("192.0.2.2", 120), 200)?;
        // The collector runs every 1000 calls of each of 16 partitions.
        let others: Vec<Request> = (0..20_000u32)
            .map(|number| login(&format!("198.18.{}.{}", (number >> 8) & 127, number & 255), 120))
            .collect();
        session.exchange_all(&others.iter().collect::<Vec<_>>()).expect("the engine runs");
        expect(session, &login("192.0.2.1", 130), 429)?;
        expect(session, &login("192.0.2.1", 601), 200)
    });
}

#[test]
fn trap_19_ids_that_find_no_room_in_a_record() {
    let rules = (0..60).map(|number| {
        let id = format!("a-signature-with-a-long-name-that-fills-the-record-{number}");
        Rule { mode: Mode::Monitor, ..block(&id, contains(field(Field::Url, None), "evil")) }
    });
    let vcl = built(rules.collect());
    let unlogged = |vcl: &str| vcl.replace("std.log(\"edgesig+:v1|\"", "std.log(\"other:v1|\"");
    plain(&vcl, &unlogged, &|session| {
        let record = send(session, &get("/evil", &[])).record;
        let count = record.map_or(0, |record| record.ids.len());
        if count == 60 { Ok(()) } else { Err(format!("{count} ids of 60")) }
    });
}

#[test]
fn trap_20_integers_of_too_many_digits() {
    let number = Value::Call(Call::Int, Box::new(header("x-test")));
    let small = Check::Integer { operator: IntegerOperator::Less, value: 5 };
    let vcl = built(vec![block("small", compare(number, small))]);
    plain(&vcl, &|vcl| vcl.replace("^[0-9]{1,15}\\z", "^[0-9]{1,40}\\z"), &|session| {
        expect(session, &get("/", &[("X-Test", "4")]), 403)?;
        expect(session, &get("/", &[("X-Test", "99999999999999999999")]), 200)?;
        nothing_failed(session)
    });
}

#[test]
fn trap_23_monitor_mode_fails_open_and_block_mode_does_not() {
    let rules = |mode| vec![Rule { mode, ..block("evil", matches(field(Field::Query, None), "e+v+i+l+$")) }];
    let parameters = vec![("pcre2_match_limit".to_owned(), "1".to_owned())];
    let setup = Setup { parameters, ..Setup::default() };
    let monitor = built(rules(Mode::Monitor));
    trap(&setup, &monitor, &|vcl| vcl.replace("return (restart);", ""), &|session| {
        expect(session, &get("/?eeevvviii", &[]), 200)
    });
    let enforce = built(rules(Mode::Enforce));
    assert!(!enforce.contains("return (restart)"), "a failure would carry an attack past the rules");
}

/// What the output must not contain at all.
#[test]
fn traps_21_22_24_25_26_constructs_that_are_absent() {
    let mut rules = heavy();
    rules.extend(
        (0..200)
            .map(|number| block(&format!("rule-{number}"), contains(header("referer"), &format!("referer {number}")))),
    );
    let vcl = built(rules);
    // 21: panics when the workspace is full. 25: panic on the first request. 26: lies on the thread's stack.
    for absent in ["selector", ".subroutine(", "sub=", "workspace_thread"] {
        assert!(!vcl.contains(absent), "{absent}");
    }
    // 22: time of the C compiler.
    for sub in vcl.split("\nsub ").skip(1) {
        let body = sub.split("\n}").next().unwrap_or_default();
        let statements = body.lines().filter(|line| line.trim_end().ends_with(';')).count();
        assert!(statements <= 150, "{statements} statements in {}", body.lines().next().unwrap_or_default());
    }
    // 24: what comes after us must still run.
    let recv = vcl.split("sub vcl_recv {").nth(1).and_then(|sub| sub.split("\n}").next()).expect("a vcl_recv");
    for word in ["pass", "hash", "pipe", "lookup", "deliver"] {
        assert!(!recv.contains(&format!("return ({word})")), "{recv}");
    }
    assert!(vcl.contains("Include this file before everything else"));
    if has_varnishd() {
        // With default parameters.
        let mut session = Session::start(&vcl, Setup::default()).expect("varnishd accepts the VCL");
        expect(&mut session, &get("/", &[("Referer", "referer 199")]), 403).expect("the last one matches");
        nothing_failed(&mut session).expect("nothing fails");
    }
}
