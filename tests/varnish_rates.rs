//! Rates in the real varnishd, over minutes of a moved clock: never a client at or below half the limit refused,
//! never more than twice the limit admitted, penalties as long as they are.

#![allow(clippy::wildcard_enum_match_arm, reason = "a test looks at the cases it names")]

mod support;

use edgesig::catalog::{Field, Phase};
use edgesig::engine::{Session, Setup, verify_in};
use edgesig::ir::{Action, Check, IntegerOperator, Integers, Mode, Rate, RatePoint, Rule, Ruleset, TextOperator};
use edgesig::request::{Request, Response};
use std::time::Duration;
use support::ir::{client, compare, field, rate, rule, ruleset as set_of, text};
use support::rng::Rng;
use support::{build, has_varnishd};

fn on_path(id: &str, path: &str, rate: Rate, action: Action) -> Rule {
    let when = text(field(Field::Path, None), TextOperator::StartsWith, path);
    Rule { rate: Some(rate), ..rule(id, when, vec![action]) }
}

/// One rate per path, of every kind.
fn ruleset(mode: Mode) -> Ruleset {
    let status = || compare(field(Field::RespStatus, None), Check::IntegerIn(Integers::Literals(vec![401, 403])));
    let big = compare(
        field(Field::RespStatus, None),
        Check::Integer { operator: IntegerOperator::GreaterOrEqual, value: 400 },
    );
    let post = text(field(Field::Method, None), TextOperator::Equals, "POST");
    let header = field(Field::Headers, Some("x-test"));
    let mut rules = vec![
        on_path("a-plain", "/a", rate(vec![client()], &[(10, 60)]), Action::Throttle),
        on_path("b-penalty", "/b", Rate { penalty: Some(120), ..rate(vec![client()], &[(5, 10)]) }, Action::Throttle),
        on_path("c-windows", "/c", rate(vec![client()], &[(6, 10), (20, 120)]), Action::Block(Some(403))),
        on_path(
            "d-responses",
            "/d",
            Rate {
                count: Some(status()),
                count_phase: Phase::Response,
                penalty: Some(300),
                ..rate(vec![client()], &[(4, 60)])
            },
            Action::Throttle,
        ),
        on_path(
            "e-responses",
            "/e",
            Rate { count: Some(big), count_phase: Phase::Response, ..rate(vec![client()], &[(8, 60)]) },
            Action::Throttle,
        ),
        on_path("f-cost", "/f", Rate { cost: 3, ..rate(vec![header, client()], &[(30, 60)]) }, Action::Throttle),
        on_path("g-global", "/g", rate(Vec::new(), &[(40, 60)]), Action::Throttle),
        on_path(
            "h-counted",
            "/h",
            Rate { count: Some(post), penalty: Some(60), ..rate(vec![client()], &[(6, 30)]) },
            Action::Throttle,
        ),
        on_path(
            "i-origin",
            "/i",
            Rate { at: RatePoint::Origin, ..rate(vec![client()], &[(10, 60)]) },
            Action::Throttle,
        ),
    ];
    rules.iter_mut().for_each(|rule| rule.mode = mode);
    set_of(rules)
}

/// Several clients: bursts, silence, steady just below and far above a limit.
fn traffic(rng: &mut Rng, count: usize) -> Vec<Request> {
    let clients = ["192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2", "2001:db8:1::1"];
    let mut time = Duration::ZERO;
    let mut pace = 1000;
    let mut path = "/a";
    (0..count)
        .map(|_| {
            if rng.once_in(25) {
                pace = rng.pick(&[0, 10, 200, 1000, 3000, 6500, 13_000]);
                path = rng.pick(&["/a", "/b", "/c", "/d", "/e", "/f", "/g", "/h", "/i"]);
            }
            if rng.once_in(60) {
                time += Duration::from_secs(rng.pick(&[30, 61, 125, 301]));
            }
            time += Duration::from_millis(pace);
            let path =
                if rng.once_in(5) { rng.pick(&["/a", "/b", "/c", "/d", "/e", "/f", "/g", "/h", "/i"]) } else { path };
            let headers = vec![(b"x-test".to_vec(), rng.pick(&["1", "1", "2"]).as_bytes().to_vec())];
            Request {
                method: rng.pick(&["GET", "POST"]).as_bytes().to_vec(),
                target: path.as_bytes().to_vec(),
                headers: if rng.once_in(4) { Vec::new() } else { headers },
                client_ip: clients[rng.below(if pace == 0 { 2 } else { clients.len() })].parse().expect("an address"),
                response: Response { status: rng.pick(&[200, 401, 404]), headers: Vec::new() },
                time,
                ..Request::default()
            }
        })
        .collect()
}

#[test]
fn rates_keep_their_tolerance() {
    if !has_varnishd() {
        return;
    }
    let mut session: Option<Session> = None;
    for (seed, mode) in [(1, Mode::Enforce), (2, Mode::Monitor), (3, Mode::Enforce)] {
        let ruleset = ruleset(mode);
        let built = build(&ruleset).expect("Varnish can express these rates");
        let session = match &mut session {
            Some(session) => {
                session.load(&built).expect("varnishd accepts the VCL");
                session.restart().expect("varnishd starts again");
                session
            }
            none => {
                let setup = Setup { clock: true, ..Setup::default() };
                none.insert(Session::start(&built, setup).expect("varnishd accepts the VCL"))
            }
        };
        if !session.has_clock() {
            assert!(std::env::var("CI").as_deref() != Ok("true"), "there is no C compiler, and CI must have it");
            eprintln!("SKIPPED: there is no C compiler");
            return;
        }
        let requests = traffic(&mut Rng::new(seed), 8000);
        let report = verify_in(session, &ruleset, requests.into_iter(), 5, &mut |_| {}).expect("the engine runs");
        let text: Vec<String> = report
            .differences
            .iter()
            .map(|difference| {
                let request = &difference.request;
                format!(
                    "#{} {} {} from {} at {:?}, response {}\n  eval:   {}\n  engine: {}",
                    difference.index,
                    String::from_utf8_lossy(&request.method),
                    String::from_utf8_lossy(&request.target),
                    request.client_ip,
                    request.time,
                    request.response.status,
                    difference.expected,
                    difference.seen
                )
            })
            .collect();
        assert!(
            report.is_clean(),
            "{mode}: {} of {} differ, {:?}\n{}",
            report.different,
            report.requests,
            report.counters,
            text.join("\n")
        );
        eprintln!(
            "{mode}: {} exact, {} within the tolerance, {} over",
            report.agreed, report.within_tolerance, report.matched
        );
        assert!(report.matched > 500 && report.agreed > report.within_tolerance * 4);
    }
}
