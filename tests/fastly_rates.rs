//! Rates on Fastly, over time and in falco.
//!
//! falco's counters run on the machine's clock, so time passes in a model here: a ratecounter as Fastly documents it
//! (weights by whole seconds of the clock, the last of them begun; a bucket of `B` seconds is `B` of these; an entry of a
//! slot is the weight since the slot began), a penalty box,
//! and the decisions that the built VCL takes with them, its numbers read from its text. Each decision is held against the
//! evaluator's sliding log. falco then runs bursts, in which its verdicts must be the evaluator's.

#![allow(clippy::wildcard_enum_match_arm, reason = "a test looks at the cases it names")]

mod support;

use edgesig::catalog::{Field, Phase};
use edgesig::engine::falco::Step;
use edgesig::eval::Evaluator;
use edgesig::ir::{
    Action, Call, Check, IntegerOperator, Integers, Mode, Predicate, Rate, RatePoint, Rule, Ruleset, TextOperator,
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
    /// They are a slot of the clock.
    slot: bool,
}

/// The decisions of one rate.
#[derive(Debug)]
struct Model {
    tests: Vec<Test>,
    /// Weight of a request that is admitted.
    raise: u64,
    /// The same in slots.
    slot_raise: u64,
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
        // Buckets and rates are those of the entry that was touched last.
        for (at, _) in vcl.match_indices("ratecounter.edgesig_") {
            let touched = vcl[..at].rsplit("ratecounter_increment(").next().expect("one was");
            assert!(touched.starts_with("edgesig_limited_count, var.key, 0)"), "{vcl}");
        }
        let mut tests = Vec::new();
        let mut compared = |seconds: u64, rest: &str, slot: bool| {
            for (operator, over) in [(" >= ", 0), (" > ", 1)] {
                if let Some(rest) = rest.strip_prefix(operator) {
                    let end = rest.find(|character: char| !character.is_ascii_digit()).expect("an end");
                    let bound: u64 = rest[..end].parse().expect("a number");
                    tests.push(Test { seconds, refused_from: bound + over, slot });
                    break;
                }
            }
        };
        numbers(vcl, ".bucket.").for_each(|(seconds, rest)| compared(seconds, &rest[1..], false));
        numbers(vcl, ".rate.").for_each(|(seconds, rest)| compared(seconds, &rest[1..], false));
        numbers(vcl, "var.weight_").for_each(|(seconds, rest)| compared(seconds, &rest[1..], true));
        vcl.match_indices("var.weight >").for_each(|(at, label)| compared(60, &vcl[at + label.len() - 2..], false));
        let raise = numbers(vcl, "_count, var.key, ").chain(numbers(vcl, "_count, req.http.X-Edgesig-Rate-0, "));
        let raise = raise.map(|(weight, _)| weight).max().unwrap_or(0);
        let in_slots = numbers(vcl, "_count, var.key_").filter_map(|(seconds, rest)| {
            // The slot of the key is the one that is compared.
            assert!(vcl.contains(&format!("set var.slot /= {seconds};")), "{vcl}");
            numbers(rest.get(..12)?, "s, ").map(|(weight, _)| weight).next()
        });
        let slot_raise = in_slots.max().unwrap_or(0);
        let check = vcl.find("ratelimit.check_rate(").map(|at| {
            let arguments: Vec<&str> = vcl[at..].split([',', ')']).map(str::trim).collect();
            assert_eq!(arguments[3], "1");
            (arguments[2].parse().expect("a weight"), arguments[4].parse().expect("a limit"))
        });
        assert!(check.is_some() != (!tests.is_empty() && raise + slot_raise > 0), "{vcl}");
        assert_eq!(slot_raise > 0, tests.iter().any(|test| test.slot), "{vcl}");
        let boxed = vcl.find("penaltybox_add(").or(vcl.find("check_rate("));
        let penalty = boxed.map(|at| {
            let arguments = vcl[at..].split_once(')').expect("an end").0;
            let seconds = arguments.rsplit(", ").next().expect("a time").trim_end_matches('s');
            Duration::from_secs(seconds.parse().expect("seconds"))
        });
        Model { tests, raise, slot_raise, check_rate: check, penalty, cells: HashMap::new(), boxed: HashMap::new() }
    }

    fn weight(&self, key: &str, second: u64, seconds: u64) -> u64 {
        let cells = self.cells.get(key).map_or(&[][..], Vec::as_slice);
        cells.iter().filter(|(at, _)| at + seconds > second).map(|(_, weight)| weight).sum()
    }

    fn exceeds(&self, test: &Test, key: &str, second: u64) -> bool {
        let weight = if test.slot {
            self.weight(&format!("{key}@"), second, second % test.seconds + 1)
        } else {
            self.weight(key, second, test.seconds)
        };
        weight >= test.refused_from
    }

    /// What is admitted weighs.
    fn admit(&mut self, key: &str, second: u64) {
        self.add(key, second, self.raise);
        self.add(&format!("{key}@"), second, self.slot_raise);
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
            None => self.tests.iter().any(|test| self.exceeds(test, key, second)),
        };
        if over && let Some(penalty) = self.penalty {
            self.boxed.insert(key.to_owned(), now + penalty);
        }
        if !over && !on_response && self.check_rate.is_none() {
            self.admit(key, second);
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
    let (mut judged, mut kinds) = (0, [0; 4]);
    for seconds in
        [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 15, 20, 29, 30, 45, 59, 60, 61, 90, 119, 120, 150, 179, 180, 200, 239]
    {
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
                kinds[match &model {
                    Model { check_rate: Some(_), .. } => 0,
                    Model { slot_raise: 1.., .. } => 3,
                    Model { .. } => 1 + usize::from(seconds < 10),
                }] += 1;
                let mut follower = Evaluator::alone(&set, 0);
                for request in traffic(&mut rng, seconds, 400) {
                    let key = request.client_ip.to_string();
                    let over = model.refuses(&key, request.time, true, on_response);
                    let judgement = follower.judge(&request);
                    let (_, within) = follower.settle_as(judgement, &|_| over);
                    assert_eq!(within, Ok(()), "{limit}/{seconds}s, {windows:?} {cost} {penalty:?} {model:?}");
                    if on_response && !over && request.response.status != 200 {
                        model.admit(&key, request.time.as_secs());
                    }
                    refused += u32::from(over);
                    judged += 1;
                }
            }
        }
    }
    eprintln!("{judged} decisions, {refused} refusals; rates by check_rate, buckets, seconds, slots: {kinds:?}");
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
        on("m-slot", Action::Throttle, rate(vec![client()], &[(3, 5)])),
        on("n-slots", Action::Throttle, rate(vec![client()], &[(2, 4), (5, 9), (7, 60)])),
        on("l-origin-response", Action::Throttle, Rate { at: RatePoint::Origin, ..responses(told) }),
    ])
}

fn burst(rng: &mut Rng) -> Vec<Request> {
    let path = rng.pick(&["/a", "/b", "/c", "/d", "/e", "/f", "/g", "/h", "/i", "/j", "/k", "/l", "/m", "/n"]);
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

/// An entry may have 256 bytes: a key that could be longer is hashed, whatever it is made of.
#[test]
fn long_keys_are_hashed() {
    let key = |parts: usize| {
        let address = || edgesig::ir::Value::Call(Call::Prefix(32, 128), Box::new(field(Field::ClientIp, None)));
        let set = with_rate(rate((0..parts).map(|_| address()).collect(), &[(10, 60)]));
        try_files(&set, &Default::default()).expect("it can be expressed").remove(0).1
    };
    // The longest of an address has 46 bytes.
    assert!(!key(3).contains("digest.hash_sha256(var.key)"));
    assert!(key(6).contains("set var.key = digest.hash_sha256(var.key);"));
}

/// falco's clock can be set for what is read from it: slots of five seconds.
#[test]
fn slots_of_the_clock_follow_each_other_in_falco() {
    let Some(falco) = falco() else { return };
    let vcl = whole(&with_rate(rate(vec![client()], &[(2, 5)])));
    assert!(falco.lint(&vcl).expect("falco runs").is_clean());
    let mut test = String::from("// @scope: recv\nsub t {\n");
    for second in [0, 1, 4, 5, 6, 9, 9, 10, 12, 14, 15, 21] {
        test.push_str(&format!(
            "testing.fixed_time({});\ntesting.call_subroutine(\"vcl_recv\");\n\
             log \"{second}:\" if(req.http.X-Edgesig-Status, req.http.X-Edgesig-Status, \"\");\n",
            1_000_000_000 + second
        ));
    }
    let seen = falco.test(&vcl, &(test + "}\n")).expect("falco runs").join(" ");
    assert_eq!(seen, "0: 1: 4:429 5: 6: 9:429 9:429 10: 12: 14:429 15: 21:");
}

/// What is refused has a way out that is no further from what was asked than it must be.
#[test]
fn every_rate_is_kept_or_refused_with_one_that_is_kept() {
    let mut refused = 0;
    for seconds in (1..=260).chain([299, 300, 600, 900, 3600, 86_400]) {
        for limit in [1, 2, 7, 10, 99, 100, 5000, 1_000_000] {
            for (cost, on_response) in [(1, false), (3, false), (1, true), (7, true)] {
                let of = |limit, seconds| {
                    let mut counted = Rate { cost, ..rate(vec![client()], &[(limit, seconds)]) };
                    if on_response {
                        (counted.count, counted.count_phase) = (Some(failed()), Phase::Response);
                    }
                    try_files(&with_rate(counted), &Default::default())
                };
                if cost > limit {
                    continue;
                }
                let Err(said) = of(limit, seconds) else { continue };
                refused += 1;
                let said = said.concat();
                let nearest = said.split("the nearest that can be expressed is `").nth(1).expect("a way out");
                let nearest = nearest.split("s`").next().and_then(|text| text.split_once('/'));
                let (other, window) = nearest.expect("a rate");
                let (other, window): (u32, u32) = (other.parse().expect("a limit"), window.parse().expect("seconds"));
                assert!(of(other, window).is_ok(), "{limit}/{seconds}s cost {cost}: {said}");
                // As fast as what was asked, or faster by what rounding takes.
                let pace = f64::from(other) / f64::from(window);
                let asked = f64::from(limit) / f64::from(seconds);
                let rounding = f64::from(1 + 9 * cost) / 10.0;
                assert!(pace >= asked && pace <= asked + rounding, "{limit}/{seconds}s cost {cost}: {other}/{window}s");
            }
        }
    }
    eprintln!("{refused} rates are refused");
    assert!(refused > 500);
}
