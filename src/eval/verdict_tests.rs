//! Order, modes, allows, limits, scores and rates of the evaluation.

use super::super::samples::*;
use super::super::{LimitKind, TraceKind, matches, run_test, trace};
use super::*;
use crate::catalog::Field;
use crate::ir::{
    Call, Check, FieldReference, IntegerOperator, Predicate, Quantifier, TemplatePart, Test, TestStep, Value,
};
use proptest::prelude::*;

const ALLOW: Action = Action::Allow(AllowScope::Everything);

fn block() -> Vec<Action> {
    vec![Action::Block(None)]
}

#[track_caller]
fn judge(ruleset: &Ruleset, request: &Request) -> Verdict {
    Evaluator::new(ruleset).verdict(request)
}

/// [`Evaluator::judge`] is called from several threads.
const _: () = {
    const fn is_sync<T: Sync>() {}
    is_sync::<Evaluator<'_>>();
};

#[test]
fn the_first_enforced_terminal_action_ends_the_evaluation() {
    let set = ruleset(vec![
        rule("logs", Mode::Enforce, Predicate::TRUE, vec![Action::Log, Action::Tag("b".to_owned())]),
        rule("monitors", Mode::Monitor, Predicate::TRUE, vec![Action::Block(Some(451))]),
        rule("blocks", Mode::Enforce, path_is("/x"), vec![Action::Tag("a".to_owned()), Action::Block(Some(404))]),
        rule("later", Mode::Enforce, Predicate::TRUE, vec![Action::Strip(vec!["x-b".to_owned(), "x-a".to_owned()])]),
    ]);
    let blocked = judge(&set, &get("/x", &[]));
    assert_eq!(blocked.matched, [0, 1, 2]);
    assert_eq!((blocked.outcome, blocked.by, blocked.status), (Outcome::Block, Some(2), 404));
    assert_eq!(blocked.tags, ["a", "b"]);
    let passed = judge(&set, &get("/y", &[]));
    assert_eq!(passed.matched, [0, 1, 3]);
    assert_eq!((passed.outcome, passed.by, passed.status), (Outcome::None, None, 200));
    assert_eq!(passed.strip, ["x-a", "x-b"]);
}

#[test]
fn exceptions_and_modes_that_are_not_emitted() {
    let mut excepted = rule("excepted", Mode::Enforce, Predicate::TRUE, block());
    excepted.except = Some(path_is("/x"));
    let set = ruleset(vec![
        rule("draft", Mode::Draft, Predicate::TRUE, block()),
        rule("retired", Mode::Retired, Predicate::TRUE, block()),
        excepted,
    ]);
    assert_eq!(judge(&set, &get("/x", &[])), Verdict::default());
    assert_eq!(judge(&set, &get("/y", &[])).matched, [2]);
    assert!(matches(&set, 0, &get("/", &[])));
    assert!(!matches(&set, 2, &get("/x", &[])));
}

#[test]
fn a_plain_allow_skips_everything_after_it() {
    let allow = |mode| rule("allow", mode, header_is_one("a"), vec![Action::Tag("t".to_owned()), ALLOW]);
    let blocks = || rule("blocks", Mode::Enforce, Predicate::TRUE, block());
    let set = ruleset(vec![allow(Mode::Enforce), blocks()]);
    let allowed = judge(&set, &get("/", &[("a", "1")]));
    assert_eq!((allowed.outcome, allowed.by, allowed.status), (Outcome::Allow, Some(0), 200));
    assert_eq!((allowed.matched, allowed.tags), (vec![0], vec!["t".to_owned()]));
    let monitored = ruleset(vec![allow(Mode::Monitor), blocks()]);
    let blocked = judge(&monitored, &get("/", &[("a", "1")]));
    assert_eq!((blocked.outcome, blocked.by, blocked.matched), (Outcome::Block, Some(1), vec![0, 1]));
}

#[test]
fn a_scoped_allow_skips_what_it_names() {
    let scoped = |mode| {
        let scope = AllowScope::Rules(vec!["a".to_owned(), "r".to_owned()]);
        rule("scoped", mode, header_is_one("s"), vec![Action::Allow(scope)])
    };
    let mut rated = rule("r", Mode::Enforce, Predicate::TRUE, vec![Action::Throttle]);
    rated.rate = Some(rate(Vec::new(), &[(1, 60)]));
    let set = |mode| {
        ruleset(vec![
            scoped(mode),
            rule("a", Mode::Monitor, Predicate::TRUE, block()),
            rule("b", Mode::Monitor, Predicate::TRUE, block()),
            rated.clone(),
        ])
    };
    let enforced = set(Mode::Enforce);
    let mut evaluator = Evaluator::new(&enforced);
    for _ in 0..3 {
        assert_eq!(evaluator.verdict(&get("/", &[("s", "1")])).matched, [0, 2]);
    }
    // What was skipped weighed nothing.
    assert_eq!(evaluator.verdict(&get("/", &[])).matched, [1, 2]);
    assert_eq!(evaluator.verdict(&get("/", &[])).matched, [1, 2, 3]);
    let monitored = set(Mode::Monitor);
    assert_eq!(judge(&monitored, &get("/", &[("s", "1")])).matched, [0, 1, 2]);
}

#[test]
fn enforced_scores_add_up() {
    let score = |id: &str, mode, value| rule(id, mode, header_is_one(id), vec![Action::Score(value)]);
    let mut set = ruleset(vec![
        score("a", Mode::Enforce, 6),
        score("b", Mode::Enforce, 4),
        score("c", Mode::Monitor, 50),
        score("d", Mode::Enforce, 1),
    ]);
    set.settings.score_threshold = Some(10);
    set.settings.block.status = 499;
    let all = get("/", &[("a", "1"), ("b", "1"), ("c", "1"), ("d", "1")]);
    let blocked = judge(&set, &all);
    assert_eq!((blocked.outcome, blocked.by, blocked.status, blocked.score), (Outcome::Block, Some(1), 499, 11));
    // Every rule was evaluated before the score.
    assert_eq!(blocked.matched, [0, 1, 2, 3]);
    let below = judge(&set, &get("/", &[("a", "1"), ("c", "1"), ("d", "1")]));
    assert_eq!((below.outcome, below.by, below.score), (Outcome::None, None, 7));
    set.settings.score_threshold = None;
    assert_eq!(judge(&set, &all).outcome, Outcome::None);
}

#[test]
fn limits_come_before_every_rule_but_a_plain_allow() {
    let set = |mode| {
        let mut set = ruleset(vec![
            rule("plain", Mode::Enforce, header_is_one("plain"), vec![ALLOW]),
            rule("reads-url", Mode::Enforce, compare(field(Field::UrlRaw), pattern("allow")), vec![ALLOW]),
            rule("blocks", mode, not(path_is("/")), block()),
        ]);
        if mode == Mode::Monitor {
            set.rules.remove(1);
            set.rules.remove(0);
        }
        set.settings.limits.url = 10;
        set
    };
    let enforced = set(Mode::Enforce);
    let long = |headers: &[(&str, &str)]| get("/allow/0123", headers);
    let blocked = judge(&enforced, &long(&[]));
    assert_eq!((blocked.outcome, blocked.by, blocked.status), (Outcome::Block, None, 414));
    assert_eq!((blocked.limit, blocked.matched), (Some(LimitKind::Url), vec![]));
    // The allow that does not read the URL still counts.
    assert_eq!(judge(&enforced, &long(&[("plain", "1")])).by, Some(0));
    assert_eq!(judge(&enforced, &get("/allow/012", &[])).by, Some(1));
    // No rule can act: recorded, uninspected.
    let recorded = judge(&set(Mode::Monitor), &long(&[]));
    assert_eq!((recorded.outcome, recorded.limit, recorded.status), (Outcome::None, Some(LimitKind::Url), 200));
    assert!(recorded.matched.is_empty());
    let mut logged = set(Mode::Enforce);
    logged.settings.limits.over = None;
    assert_eq!(judge(&logged, &long(&[])).outcome, Outcome::None);
    // The limit is on the origin form, and needs a rule that reads it.
    assert_eq!(judge(&enforced, &get("http://long.example.com/allow/012", &[])).limit, None);
    let headers_only = ruleset(vec![rule("h", Mode::Enforce, header_is_one("h"), block())]);
    assert_eq!(judge(&headers_only, &get(&"/".repeat(5000), &[])).limit, None);
}

/// What a redirect shows of the URL, it reads: in every mode, as its conditions do.
#[test]
fn a_redirect_that_shows_the_url_is_under_its_limit() {
    let set = |mode, part| {
        let template = vec![TemplatePart::Text("https://new.example/".to_owned()), part];
        let redirect = vec![Action::Redirect { status: 301, template }];
        let blocks = rule("blocks", Mode::Enforce, header_is_one("bad"), block());
        ruleset(vec![rule("moved", mode, header_is_one("moved"), redirect), blocks])
    };
    let long = get(&"/".repeat(5000), &[("bad", "1")]);
    for mode in [Mode::Monitor, Mode::Canary(1), Mode::Enforce] {
        let over = judge(&set(mode, TemplatePart::UrlRaw), &long);
        assert_eq!((over.outcome, over.limit, over.status), (Outcome::Block, Some(LimitKind::Url), 414), "{mode:?}");
        let within = judge(&set(mode, TemplatePart::Host), &long);
        assert_eq!((within.limit, within.status), (None, 403), "{mode:?}");
    }
    let mut logged = set(Mode::Enforce, TemplatePart::UrlRaw);
    logged.settings.limits.over = None;
    let recorded = judge(&logged, &long);
    assert_eq!((recorded.outcome, recorded.limit), (Outcome::None, Some(LimitKind::Url)));
}

#[test]
fn limits_on_values_names_and_parents() {
    let exists = |value: Value| compare(value, Check::Exists);
    let limit = |when: Predicate, request: &Request| {
        let mut set = ruleset(vec![rule("r", Mode::Monitor, when, block())]);
        set.settings.limits.values = 2;
        set.settings.limits.names = 3;
        judge(&set, request).limit
    };
    let arguments = || exists(keyed(Field::Args, &["a"]));
    assert_eq!(limit(arguments(), &get("/?a&a", &[])), None);
    assert_eq!(limit(arguments(), &get("/?a&%61=1&a", &[])), Some(LimitKind::Values));
    assert_eq!(limit(arguments(), &get("/?b&b&b&b", &[])), None);
    let cookies = || exists(keyed(Field::Cookies, &["c"]));
    assert_eq!(limit(cookies(), &get("/", &[("cookie", "c=1; c=2"), ("Cookie", "c=3")])), Some(LimitKind::Values));
    let names = || exists(field(Field::ArgNames));
    assert_eq!(limit(names(), &get("/?a&b&c", &[])), None);
    assert_eq!(limit(names(), &get("/?a&b&c&a", &[])), Some(LimitKind::Names));
    let normal = || exists(Value::Call(Call::PathNormalize, Box::new(field(Field::Path))));
    assert_eq!(limit(normal(), &get(&"/..".repeat(8), &[])), None);
    assert_eq!(limit(normal(), &get(&"/%2e.".repeat(9), &[])), Some(LimitKind::Url));
    assert_eq!(limit(exists(field(Field::Path)), &get(&"/..".repeat(9), &[])), None);
}

#[test]
fn a_canary_enforces_for_a_stable_share_of_clients() {
    // Computed apart: int.from_bytes(hashlib.sha256(b"ID:ADDRESS").digest()[-4:], "little") / 2**32.
    for (id, client, share) in CANARY_SHARES {
        let client: IpAddr = client.parse().unwrap();
        let above = (share * 100.0).ceil() as u8;
        assert!(!is_in_canary(id, client, above - 1), "{id} {client}");
        assert!(is_in_canary(id, client, above), "{id} {client}");
    }
    let set = ruleset(vec![rule("canary", Mode::Canary(50), Predicate::TRUE, block())]);
    let mut enforced = 0;
    for number in 0..1000_u32 {
        let client_ip = std::net::Ipv4Addr::from_bits(0x0a00_0000 + number).into();
        let verdict = judge(&set, &Request { client_ip, ..get("/", &[]) });
        assert_eq!(verdict.matched, [0]);
        enforced += u32::from(verdict.outcome == Outcome::Block);
    }
    assert!((400..600).contains(&enforced), "{enforced}");
}

fn throttled(id: &str, mode: Mode, windows: &[(u32, u32)]) -> Rule {
    let mut throttled = rule(id, mode, Predicate::TRUE, vec![Action::Throttle]);
    throttled.rate = Some(rate(vec![field(Field::ClientIp)], windows));
    throttled
}

#[test]
fn rates_come_last_and_refuse_what_is_over() {
    let set = ruleset(vec![
        throttled("rate", Mode::Enforce, &[(2, 60)]),
        rule("blocks", Mode::Enforce, path_is("/x"), block()),
    ]);
    let mut evaluator = Evaluator::new(&set);
    // Blocked before the rates: weighs nothing.
    for _ in 0..5 {
        assert_eq!(evaluator.verdict(&get("/x", &[])).by, Some(1));
    }
    assert_eq!(evaluator.verdict(&get("/", &[])).outcome, Outcome::None);
    assert_eq!(evaluator.verdict(&get("/", &[])).outcome, Outcome::None);
    let over = evaluator.verdict(&get_at("/", 59));
    assert_eq!((over.outcome, over.by, over.status, over.matched), (Outcome::Throttle, Some(0), 429, vec![0]));
    assert_eq!(evaluator.verdict(&get_at("/", 60)).outcome, Outcome::None);
}

#[test]
fn a_monitored_rate_counts_as_if_it_refused() {
    let set = ruleset(vec![throttled("rate", Mode::Monitor, &[(1, 60)])]);
    let mut evaluator = Evaluator::new(&set);
    let over: Vec<bool> =
        [0, 1, 59, 60].iter().map(|time| evaluator.verdict(&get_at("/", *time)).matched == [0]).collect();
    assert_eq!(over, [false, true, true, false]);
}

#[test]
fn a_rate_that_is_not_reached_weighs_nothing() {
    let set = ruleset(vec![throttled("a", Mode::Enforce, &[(1, 60)]), throttled("b", Mode::Enforce, &[(2, 600)])]);
    let mut evaluator = Evaluator::new(&set);
    let by: Vec<Option<usize>> =
        [0, 1, 2, 60, 120].iter().map(|time| evaluator.verdict(&get_at("/", *time)).by).collect();
    assert_eq!(by, [None, Some(0), Some(0), None, Some(1)]);
}

#[test]
fn keys_tell_absent_from_empty_and_parts_apart() {
    let mut keyed_rate = rule("rate", Mode::Enforce, Predicate::TRUE, vec![Action::Throttle]);
    keyed_rate.rate = Some(rate(vec![keyed(Field::Headers, &["a"]), keyed(Field::Headers, &["b"])], &[(1, 60)]));
    let set = ruleset(vec![keyed_rate]);
    let mut evaluator = Evaluator::new(&set);
    let long = "x".repeat(500);
    let longer = "x".repeat(501);
    for headers in [
        &[][..],
        &[("a", "")],
        &[("b", "")],
        &[("a", "xy"), ("b", "z")],
        &[("a", "x"), ("b", "yz")],
        &[("a", &long)],
        &[("a", &longer)],
    ] {
        assert_eq!(evaluator.verdict(&get("/", headers)).outcome, Outcome::None, "{headers:?}");
        assert_eq!(evaluator.verdict(&get("/", headers)).outcome, Outcome::Throttle, "{headers:?}");
    }
}

#[test]
fn counted_responses_weigh_unless_they_are_ours() {
    let mut counting = throttled("logins", Mode::Enforce, &[(2, 60)]);
    if let Some(rate) = &mut counting.rate {
        rate.count =
            Some(compare(field(Field::RespStatus), Check::Integer { operator: IntegerOperator::Equal, value: 401 }));
        rate.count_phase = Phase::Response;
    }
    let set = ruleset(vec![counting, rule("blocks", Mode::Enforce, path_is("/x"), block())]);
    let mut evaluator = Evaluator::new(&set);
    let mut ask = |target: &str, status: u16, time: u64| {
        let mut request = get_at(target, time);
        request.response.status = status;
        evaluator.verdict(&request).outcome
    };
    assert_eq!(ask("/x", 401, 0), Outcome::Block);
    assert_eq!(ask("/", 200, 0), Outcome::None);
    assert_eq!(ask("/", 401, 1), Outcome::None);
    assert_eq!(ask("/", 401, 2), Outcome::None);
    assert_eq!(ask("/", 200, 3), Outcome::Throttle);
    assert_eq!(ask("/", 401, 60), Outcome::Throttle);
    assert_eq!(ask("/", 401, 61), Outcome::None);
}

#[test]
fn count_of_the_request_phase_chooses_what_weighs() {
    let mut counting = throttled("posts", Mode::Enforce, &[(1, 60)]);
    if let Some(rate) = &mut counting.rate {
        rate.count = Some(path_is("/x"));
        rate.penalty = Some(10);
    }
    let set = ruleset(vec![counting]);
    let mut evaluator = Evaluator::new(&set);
    let mut over = |target: &str, time: u64| evaluator.verdict(&get_at(target, time)).outcome == Outcome::Throttle;
    assert!(!over("/x", 0));
    assert!(!over("/", 1));
    assert!(over("/x", 2));
    // The penalty holds for what does not weigh too.
    assert!(over("/", 3));
    assert!(!over("/", 12));
    assert!(over("/x", 12));
}

#[test]
fn a_test_judges_its_signature_alone() {
    let step =
        |request: Request, expect_match: bool| TestStep { request, expect_match, span: span(), dots_removed: false };
    let mut set = ruleset(vec![
        rule("allow", Mode::Enforce, Predicate::TRUE, vec![ALLOW]),
        throttled("rate", Mode::Draft, &[(1, 60)]),
        rule("path", Mode::Draft, path_is("/x"), block()),
    ]);
    let run = |set: &Ruleset, rule: usize, steps: Vec<TestStep>| -> Vec<bool> {
        let test = Test { name: String::new(), span: span(), steps };
        run_test(set, rule, &test).iter().map(|outcome| outcome.matched).collect()
    };
    let twice = || vec![step(get("/", &[]), false), step(get("/", &[]), true)];
    assert_eq!(run(&set, 1, twice()), [false, true]);
    assert_eq!(run(&set, 1, twice()), [false, true]);
    assert_eq!(run(&set, 2, vec![step(get("/x", &[]), true)]), [true]);
    set.settings.limits.url = 1;
    let test = Test { name: String::new(), span: span(), steps: vec![step(get("/x", &[]), true)] };
    let [outcome] = run_test(&set, 2, &test)[..] else { panic!("one step, one outcome") };
    assert_eq!((outcome.matched, outcome.limit), (false, Some(LimitKind::Url)));
}

#[test]
fn facts_come_from_the_request_or_a_trusted_proxy() {
    let mut set = ruleset(vec![rule(
        "country",
        Mode::Monitor,
        Predicate::All(vec![
            compare(field(Field::ClientCountry), equals("DE")),
            compare(field(Field::ClientAsn), Check::Integer { operator: IntegerOperator::Equal, value: 64500 }),
        ]),
        block(),
    )]);
    set.lists.push(ip_list(&["10.0.0.0/8"]));
    set.settings.trusted_proxies = Some(FIRST_LIST);
    set.settings.facts = vec![(Field::ClientAsn, "x-asn".to_owned()), (Field::ClientCountry, "x-country".to_owned())];
    let headers = [("X-Country", "DE"), ("X-Asn", "64500")];
    let from =
        |client: &str, headers: &[(&str, &str)]| Request { client_ip: client.parse().unwrap(), ..get("/", headers) };
    assert_eq!(judge(&set, &from("10.0.0.1", &headers)).matched, [0]);
    assert!(judge(&set, &from("192.0.2.1", &headers)).matched.is_empty());
    assert!(judge(&set, &from("10.0.0.1", &[("x-country", "DE"), ("x-asn", "64500x")])).matched.is_empty());
    assert!(judge(&set, &from("10.0.0.1", &[("x-country", ""), ("x-asn", "64500")])).matched.is_empty());
    let mut told = from("192.0.2.1", &[]);
    told.facts.country = Some("DE".to_owned());
    told.facts.asn = Some(64500);
    assert_eq!(judge(&set, &told).matched, [0]);
}

#[test]
fn a_trace_shows_what_each_clause_saw() {
    let both = Predicate::Any(vec![
        compare(keyed(Field::Headers, &["a"]), equals("1")),
        quantified(Quantifier::Any, false, keyed(Field::Args, &["q"]), pattern("b")),
    ]);
    let set = ruleset(vec![rule("r", Mode::Draft, both, block())]);
    let trace = trace(&set, 0, &get(&format!("/?q=a%00&q={}b", "\"".repeat(90)), &[])).unwrap();
    assert!(trace.matched && trace.limit.is_none() && trace.rate.is_none());
    let TraceKind::Any(parts) = &trace.when.kind else { panic!("any of two") };
    let shown: Vec<(bool, String)> = parts
        .iter()
        .map(|part| match &part.kind {
            TraceKind::Compare(comparison) => (part.held, comparison.seen.to_string()),
            other @ (TraceKind::All(_) | TraceKind::Any(_) | TraceKind::Not(_)) => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(shown[0], (false, "absent".to_owned()));
    assert_eq!(shown[1], (true, format!("[\"a%00\", \"{}\"… (91 bytes)]", "\\\"".repeat(80))));
}

/// Every field with a key where it takes one.
fn every_field() -> Vec<Value> {
    crate::catalog::FIELDS
        .iter()
        .map(|row| {
            let keys: &[&str] = match row.key {
                crate::catalog::KeyKind::None => &[],
                crate::catalog::KeyKind::One => &["a"],
                crate::catalog::KeyKind::HeaderNames => &["host", "a"],
                crate::catalog::KeyKind::HeaderName => &["a"],
            };
            keyed(row.field, keys)
        })
        .collect()
}

proptest! {
    #[test]
    fn views_never_panic(
        method in proptest::collection::vec(any::<u8>(), 0..6),
        target in prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..40),
            "(/|http://|a:)?[a%2f0./?&=+#@:;]{0,30}".prop_map(String::into_bytes),
        ],
        headers in proptest::collection::vec((
            prop_oneof![
                Just("cookie".to_owned()), Just("host".to_owned()), Just("a".to_owned()),
                Just("content-length".to_owned()), Just("x-forwarded-for".to_owned()),
            ],
            prop_oneof![proptest::collection::vec(any::<u8>(), 0..20), "[a=;, 0-9.:]{0,20}".prop_map(String::into_bytes)],
        ), 0..6),
        body in proptest::collection::vec(any::<u8>(), 0..20),
    ) {
        let headers = headers.into_iter().map(|(name, value)| (name.into_bytes(), value)).collect();
        let request = Request { method, target, headers, body, ..Request::default() };
        let calls = [
            Call::Lower, Call::Upper, Call::Length, Call::Trim, Call::Squeeze, Call::RemoveWhitespace, Call::UrlDecode,
            Call::HtmlDecode, Call::Base64Decode, Call::PathNormalize, Call::Sha256, Call::Md5, Call::Int,
            Call::Prefix(24, 56), Call::AnyForm,
        ];
        let mut parts = Vec::new();
        for value in every_field() {
            parts.push(compare(value.clone(), Check::Exists));
            for call in calls {
                parts.push(compare(Value::Call(call, Box::new(value.clone())), Check::Exists));
            }
        }
        let mut set = ruleset(vec![rule("r", Mode::Enforce, Predicate::Any(parts), block())]);
        set.lists.push(ip_list(&["192.0.2.0/24"]));
        set.settings.trusted_proxies = Some(FIRST_LIST);
        // `holds` of an `Any` stops at the first part; a trace looks at all.
        let _ = trace(&set, 0, &request);
        let _ = judge(&set, &request);
    }

    /// The cheapest part first or the written order: the same answer.
    #[test]
    fn the_order_of_parts_does_not_matter(predicate in predicates(), target in "/[ab]?[?]?[ab=&]{0,8}") {
        let set = ruleset(vec![rule("r", Mode::Enforce, predicate, block())]);
        let request = get(&target, &[]);
        prop_assert_eq!(judge(&set, &request).matched == [0], matches(&set, 0, &request));
    }

    #[test]
    fn simplify_keeps_the_meaning(predicate in predicates(), target in "/[ab]?[?]?[ab=&]{0,8}") {
        let set = ruleset(Vec::new());
        let request = get(&target, &[]);
        let simple = crate::ir::simplify(predicate.clone());
        prop_assert_eq!(
            super::super::predicate_holds(&set, &simple, &request),
            super::super::predicate_holds(&set, &predicate, &request)
        );
    }
}

fn predicates() -> impl Strategy<Value = Predicate> {
    let path = |path: &'static str| path_is(path);
    let argument = |quantifier, negated| {
        let reference = FieldReference { field: Field::Args, keys: vec![b"a".to_vec()] };
        quantified(quantifier, negated, Value::Field(reference), equals("b"))
    };
    let leaf = prop_oneof![
        Just(Predicate::TRUE),
        Just(Predicate::FALSE),
        Just(path("/a")),
        Just(path("/")),
        Just(header_is_one("a")),
        Just(argument(Quantifier::Any, false)),
        Just(argument(Quantifier::All, false)),
        Just(argument(Quantifier::Any, true)),
        Just(argument(Quantifier::All, true)),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Predicate::All),
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Predicate::Any),
            inner.prop_map(not),
        ]
    })
}

const CANARY_SHARES: [(&str, &str, f64); 4] = [
    ("log4shell-jndi", "192.0.2.1", 0.2220),
    ("log4shell-jndi", "198.51.100.77", 0.7430),
    ("sqli-basic", "2001:db8::1", 0.7242),
    ("a", "::1.2.3.4", 0.8421),
];
