//! Rates on Fastly, over time and in falco.
//!
//! falco's counters run on the machine's clock, so time passes in a model here: a ratecounter as Fastly documents it
//! (weights by whole seconds of the clock, the last of them begun; a bucket of `B` seconds is `B` of these), a penalty box,
//! and the decisions that the built VCL takes with them, its numbers read from its text. Each decision is held against the
//! evaluator's sliding log. falco then runs bursts, in which its verdicts must be the evaluator's.

#![allow(clippy::wildcard_enum_match_arm, reason = "a test looks at the cases it names")]

mod support;

use edgesig::catalog::{Field, Phase};
use edgesig::engine::falco::Step;
use edgesig::eval::Evaluator;
use edgesig::ir::{
    Action, Check, IntegerOperator, Integers, Mode, Predicate, Rate, RatePoint, Rule, Ruleset, TextOperator,
};
use edgesig::request::Request;
use std::collections::HashMap;
use std::time::Duration;
use support::falco;
use support::fastly::{try_files, whole};
use support::ir::{client, compare, field, get, rate, rule, ruleset, text};
use support::rng::Rng;

/// A comparison of the built VCL: what the last `seconds` hold, and from which weight on a request is refused.
#[derive(Debug)]
struct Test {
    seconds: u64,
    refused_from: u64,
}

/// The decisions of one rate.
#[derive(Debug)]
struct Model {
    tests: Vec<Test>,
    /// Weight of a request that is admitted.
    raise: u64,
    /// Weight and limit of `check_rate`.
    check_rate: Option<(u64, u64)>,
    penalty: Option<Duration>,
    cells: HashMap<String, Vec<(u64, u64)>>,
    boxed: HashMap<String, Duration>,
}

/// The number behind `label`, wherever it stands.
fn numbers<'t>(vcl: &'t str, label: &'t str) -> impl Iterator<Item = (u64, &'t str)> {
    vcl.match_indices(label).filter_map(move |(at, _)| {
        let rest = &vcl[at + label.len()..];
        let end = rest.find(|character: char| !character.is_ascii_digit()).unwrap_or(rest.len());
        Some((rest[..end].parse().ok()?, &rest[end..]))
    })
}

impl Model {
    /// Reads what was built.
    fn of(set: &Ruleset) -> Model {
        let files = try_files(set, &Default::default()).expect("it can be expressed");
        let vcl = &files.iter().find(|(path, _)| path == "init.vcl").expect("there is one").1;
        let mut tests = Vec::new();
        let mut compared = |seconds: u64, rest: &str| {
            for (operator, over) in [(" >= ", 0), (" > ", 1)] {
                if let Some(rest) = rest.strip_prefix(operator) {
                    let end = rest.find(|character: char| !character.is_ascii_digit()).expect("an end");
                    let bound: u64 = rest[..end].parse().expect("a number");
                    tests.push(Test { seconds, refused_from: bound + over });
                    break;
                }
            }
        };
        numbers(vcl, ".bucket.").for_each(|(seconds, rest)| compared(seconds, &rest[1..]));
        numbers(vcl, ".rate.").for_each(|(seconds, rest)| compared(seconds, &rest[1..]));
        vcl.match_indices("var.weight >").for_each(|(at, label)| compared(60, &vcl[at + label.len() - 2..]));
        let raise = numbers(vcl, "_count, var.key, ").chain(numbers(vcl, "_count, req.http.X-Edgesig-Rate-0, "));
        let raise = raise.map(|(weight, _)| weight).max().unwrap_or(0);
        let check = vcl.find("ratelimit.check_rate(").map(|at| {
            let arguments: Vec<&str> = vcl[at..].split([',', ')']).map(str::trim).collect();
            assert_eq!(arguments[3], "1");
            (arguments[2].parse().expect("a weight"), arguments[4].parse().expect("a limit"))
        });
        assert!(check.is_some() != (!tests.is_empty() && raise > 0), "{vcl}");
        let boxed = vcl.find("penaltybox_add(").or(vcl.find("check_rate("));
        let penalty = boxed.map(|at| {
            let arguments = vcl[at..].split_once(')').expect("an end").0;
            let seconds = arguments.rsplit(", ").next().expect("a time").trim_end_matches('s');
            Duration::from_secs(seconds.parse().expect("seconds"))
        });
        Model { tests, raise, check_rate: check, penalty, cells: HashMap::new(), boxed: HashMap::new() }
    }

    fn weight(&self, key: &str, second: u64, seconds: u64) -> u64 {
        let cells = self.cells.get(key).map_or(&[][..], Vec::as_slice);
        cells.iter().filter(|(at, _)| at + seconds > second).map(|(_, weight)| weight).sum()
    }

    fn add(&mut self, key: &str, second: u64, weight: u64) {
        let cells = self.cells.entry(key.to_owned()).or_default();
        cells.retain(|(at, _)| at + 60 > second);
        cells.push((second, weight));
    }

    /// Whether a request is refused. `weighs`: it counts, unless a response decides that.
    fn refuses(&mut self, key: &str, now: Duration, weighs: bool, on_response: bool) -> bool {
        if self.boxed.get(key).is_some_and(|until| now < *until) {
            return true;
        }
        if !weighs && !on_response {
            return false;
        }
        let second = now.as_secs();
        let over = match self.check_rate {
            Some((delta, limit)) => {
                self.add(key, second, delta);
                self.weight(key, second, 1) > limit
            }
            None => self.tests.iter().any(|test| self.weight(key, second, test.seconds) >= test.refused_from),
        };
        if over && let Some(penalty) = self.penalty {
            self.boxed.insert(key.to_owned(), now + penalty);
        }
        if !over && !on_response && self.check_rate.is_none() {
            self.add(key, second, self.raise);
        }
        over
    }
}

fn with_rate(rate: Rate) -> Ruleset {
    let mut limited = rule("limited", Predicate::TRUE, vec![Action::Throttle]);
    limited.rate = Some(rate);
    ruleset(vec![limited])
}

fn failed() -> Predicate {
    compare(field(Field::RespStatus, None), Check::IntegerIn(Integers::Literals(vec![401, 403])))
}

/// Bursts, silence, steady paces.
fn traffic(rng: &mut Rng, seconds: u32, count: usize) -> Vec<Request> {
    let mut time = Duration::from_millis(rng.below(1000) as u64);
    let mut pace = 1000;
    let longest = u64::from(seconds) * 400;
    (0..count)
        .map(|_| {
            if rng.once_in(20) {
                pace = rng.pick(&[0, 1, 20, 150, 900, 2500, longest]);
            }
            time += Duration::from_millis(rng.below(pace as usize + 1) as u64 * 2);
            if rng.once_in(60) {
                time += Duration::from_secs(u64::from(seconds) + rng.below(3) as u64);
            }
            let client = rng.pick(&["192.0.2.1", "192.0.2.1", "192.0.2.2"]);
            let mut request = Request { client_ip: client.parse().expect("an address"), time, ..get("/", &[]) };
            request.response.status = rng.pick(&[200, 401, 403]);
            request.facts.scheme = Some("http".to_owned());
            request
        })
        .collect()
}

#[test]
fn over_time_every_decision_is_within_the_tolerance() {
    let mut rng = Rng::new(4);
    let mut refused = 0;
    let (mut judged, mut kinds) = (0, [0; 3]);
    for seconds in [1, 2, 3, 10, 11, 15, 20, 29, 30, 45, 59, 60, 61, 90, 119, 120, 150, 179, 180, 200, 239] {
        for limit in [1, 2, 3, 5, 10, 31, 100] {
            for (cost, penalty, on_response, more) in [
                (1, None, false, None),
                (1, Some(120), false, None),
                (3, None, false, None),
                (1, None, true, None),
                (2, Some(300), true, None),
                (1, None, false, Some((4 * limit, 60))),
                (1, Some(120), false, Some((2 * limit, 10))),
            ] {
                let mut windows = vec![(limit, seconds)];
                windows.extend(more.filter(|(_, other)| *other != seconds));
                windows.sort_by_key(|(_, seconds)| *seconds);
                let mut counted = Rate { cost, penalty, ..rate(vec![client()], &windows) };
                if on_response {
                    (counted.count, counted.count_phase) = (Some(failed()), Phase::Response);
                }
                let set = with_rate(counted);
                if cost > limit || try_files(&set, &Default::default()).is_err() {
                    continue;
                }
                let mut model = Model::of(&set);
                kinds[if model.check_rate.is_some() { 0 } else { 1 + usize::from(seconds < 10) }] += 1;
                let mut follower = Evaluator::alone(&set, 0);
                for request in traffic(&mut rng, seconds, 400) {
                    let key = request.client_ip.to_string();
                    let over = model.refuses(&key, request.time, true, on_response);
                    let judgement = follower.judge(&request);
                    let (_, within) = follower.settle_as(judgement, &|_| over);
                    assert_eq!(within, Ok(()), "{limit}/{seconds}s, {windows:?} {cost} {penalty:?} {model:?}");
                    if on_response && !over && request.response.status != 200 {
                        model.add(&key, request.time.as_secs(), model.raise);
                    }
                    refused += u32::from(over);
                    judged += 1;
                }
            }
        }
    }
    eprintln!("{judged} decisions, {refused} refusals; rates by check_rate, buckets, seconds: {kinds:?}");
    assert!(kinds.iter().all(|count| *count > 5) && refused > 10_000, "{kinds:?} {refused}");
}

/// Rules over paths, of every kind that one burst can tell. Their limits are kept as they are within a window.
fn kinds(mode: Mode) -> Ruleset {
    let on = |id: &str, action: Action, rate: Rate| {
        let when = text(field(Field::Path, None), TextOperator::StartsWith, &format!("/{}", &id[..1]));
        Rule { rate: Some(rate), mode, ..rule(id, when, vec![action]) }
    };
    let post = text(field(Field::Method, None), TextOperator::Equals, "POST");
    let bad = compare(
        field(Field::RespStatus, None),
        Check::Integer { operator: IntegerOperator::GreaterOrEqual, value: 400 },
    );
    let told = text(field(Field::RespHeaders, Some("x-verdict")), TextOperator::StartsWith, "no");
    let responses = |count: Predicate| Rate {
        count: Some(count),
        count_phase: Phase::Response,
        ..rate(vec![client()], &[(3, 60)])
    };
    let both = Predicate::All(vec![post.clone(), Predicate::Any(vec![bad.clone(), told.clone()])]);
    let name = field(Field::Headers, Some("x-name"));
    ruleset(vec![
        on("a-plain", Action::Throttle, rate(vec![client()], &[(4, 60)])),
        on("b-penalty", Action::Block(Some(403)), Rate { penalty: Some(120), ..rate(vec![client()], &[(4, 30)]) }),
        on("c-windows", Action::Throttle, rate(vec![client()], &[(3, 20), (5, 60)])),
        on("d-cost", Action::Throttle, Rate { cost: 3, ..rate(vec![client()], &[(10, 60)]) }),
        on("e-name", Action::Throttle, rate(vec![name, client()], &[(2, 60)])),
        on("f-all", Action::Throttle, rate(Vec::new(), &[(9, 60)])),
        on(
            "g-counted",
            Action::Throttle,
            Rate { count: Some(post.clone()), penalty: Some(300), ..rate(vec![client()], &[(2, 60)]) },
        ),
        on("h-response", Action::Throttle, responses(bad)),
        on("i-response-and-request", Action::Throttle, responses(both)),
        on("j-origin", Action::Throttle, Rate { at: RatePoint::Origin, ..rate(vec![client()], &[(4, 60)]) }),
        on(
            "k-origin-counted",
            Action::Block(None),
            Rate { at: RatePoint::Origin, count: Some(post), ..rate(vec![client()], &[(2, 60)]) },
        ),
        on("l-origin-response", Action::Throttle, Rate { at: RatePoint::Origin, ..responses(told) }),
    ])
}

fn burst(rng: &mut Rng) -> Vec<Request> {
    let path = rng.pick(&["/a", "/b", "/c", "/d", "/e", "/f", "/g", "/h", "/i", "/j", "/k", "/l"]);
    (0..24)
        .map(|_| {
            let mut request = get(path, &[("X-Name", rng.pick(&["one", "two"]))]);
            if rng.once_in(3) {
                request.headers.retain(|(name, _)| name != b"X-Name");
            }
            if rng.once_in(2) {
                request.method = b"POST".to_vec();
                request.frame();
            }
            let client = rng.pick(&["192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2:1", "2001:db8:0:1::1"]);
            request.client_ip = client.parse().expect("an address");
            request.response.status = rng.pick(&[200, 200, 404, 500]);
            if rng.once_in(3) {
                request.response.headers.push((b"X-Verdict".to_vec(), rng.pick(&[&b"no"[..], b"yes"]).to_vec()));
            }
            request.facts.scheme = Some("http".to_owned());
            request
        })
        .collect()
}

#[test]
fn in_a_burst_falco_decides_as_eval() {
    let Some(falco) = falco() else { return };
    for mode in [Mode::Monitor, Mode::Enforce, Mode::Canary(50)] {
        let set = kinds(mode);
        let vcl = whole(&set);
        assert!(falco.lint(&vcl).expect("falco runs").is_clean(), "{:?}", falco.lint(&vcl));
        let mut rng = Rng::new(9);
        let groups: Vec<Vec<Request>> = (0..36).map(|_| burst(&mut rng)).collect();
        let judged = falco.judge(&vcl, "edgesig", &groups).expect("falco runs");
        let mut over = 0;
        for (group, steps) in groups.iter().zip(judged) {
            let mut evaluator = Evaluator::new(&set);
            for (number, (request, step)) in group.iter().zip(steps).enumerate() {
                let Step::Seen(seen) = step else { panic!("{step:?}") };
                let verdict = evaluator.verdict(request);
                let ids: Vec<&str> = verdict.matched.iter().map(|index| set.rules[*index].id.as_str()).collect();
                let wanted = (verdict.outcome.name(), ids.join(","), verdict.outcome.name() != "none");
                over += usize::from(!ids.is_empty());
                let got = (seen.action.as_str(), seen.matched.join(","), seen.by.is_some());
                assert_eq!(got, wanted, "{mode}, request {number} of {:?} {request:?}", group[0].target);
                if wanted.2 {
                    assert_eq!(seen.status, verdict.status);
                }
            }
        }
        assert!(over > 150, "{mode}: {over}");
    }
}
