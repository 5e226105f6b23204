//! Random signatures and random requests: eval and the real varnishd must say the same of every pair.

#![allow(clippy::wildcard_enum_match_arm, reason = "a test looks at the cases it names")]

mod support;

use edgesig::engine::{Report, Session, Setup, verify_in};
use edgesig::eval::wire;
use edgesig::ir::{BlockBody, Ruleset, display};
use std::sync::Arc;
use support::coverage::{Coverage, facts};
use support::edges::{Census, edge};
use support::rng::Rng;
use support::{build, has_varnishd, signatures};

/// Only the rules that the target can express.
fn expressible(mut ruleset: Ruleset) -> Ruleset {
    let rules = std::mem::take(&mut ruleset.rules);
    let fits =
        |rule: &Arc<edgesig::ir::Rule>| build(&Ruleset { rules: vec![Arc::clone(rule)], ..ruleset.clone() }).is_some();
    let rules = rules.into_iter().filter(fits).collect();
    Ruleset { rules, ..ruleset }
}

/// One difference for each rule that differs, with the rule.
fn describe(ruleset: &Ruleset, report: &Report) -> String {
    let mut text = String::new();
    let mut told: Vec<&str> = Vec::new();
    for difference in &report.differences {
        let names = |text: &str, id: &str| text.split(['[', ']', ',', ' ']).any(|word| word == id);
        let differs = |id: &str| names(&difference.expected, id) != names(&difference.seen, id);
        let rules: Vec<_> = ruleset.rules.iter().filter(|rule| differs(&rule.id)).cloned().collect();
        let first = ruleset.rules.iter().find(|rule| differs(&rule.id)).map_or("", |rule| &rule.id);
        if told.contains(&first) || told.len() > 5 {
            continue;
        }
        told.push(first);
        let wire = difference.request.to_wire();
        let ids: Vec<&str> = rules.iter().map(|rule| rule.id.as_str()).collect();
        text.push_str(&format!(
            "from {}, {} bytes {:?}\n  eval:   {}\n  engine: {}\n  differing: {ids:?}\n",
            difference.request.client_ip,
            wire.len(),
            String::from_utf8_lossy(&wire[wire.len().saturating_sub(6000)..]),
            difference.expected,
            difference.seen
        ));
        let shown = Ruleset { rules: rules.into_iter().take(1).collect(), ..ruleset.clone() };
        let shown = display(&shown);
        text.push_str(shown.find("rule-").map_or(&shown, |at| &shown[at..]));
        text.push('\n');
    }
    text
}

/// Every kind of answer in turn.
fn body(number: usize) -> BlockBody {
    match number % 4 {
        0 => BlockBody::Json,
        1 => BlockBody::Html,
        2 => BlockBody::Text,
        _ => BlockBody::File { content: "No. {id}\n".to_owned(), content_type: "text/plain".to_owned() },
    }
}

/// Loads × signatures × requests.
fn fuzz(seed: u64, loads: usize, signatures: usize, requests: usize) {
    if !has_varnishd() {
        return;
    }
    let mut rng = Rng::new(seed);
    let mut session: Option<Session> = None;
    let (mut judged, mut matched, mut refused, mut deviations) = (0, 0, 0, 0);
    let (mut census, mut coverage) = (Census::default(), Coverage::default());
    for load in 0..loads {
        let mut ruleset = signatures::ruleset_of(&mut rng, signatures::VARNISH, signatures, load % 2 == 1);
        ruleset.settings.facts = facts();
        ruleset.settings.block.body = body(load / 2);
        let ruleset = expressible(ruleset);
        coverage.count(&ruleset);
        let built = build(&ruleset).expect("rules that fit one by one fit together");
        let session = match &mut session {
            Some(session) => {
                session.load(&built).expect("varnishd accepts the VCL");
                session
            }
            none => none.insert(Session::start(&built, Setup::default()).expect("varnishd accepts the VCL")),
        };
        let requests: Vec<_> = (0..requests).map(|_| edge(&mut rng)).collect();
        requests.iter().for_each(|request| census.count(request, wire::refused(request).is_none()));
        let report = verify_in(session, &ruleset, requests.into_iter(), 200, &mut |_| {}).expect("the engine runs");
        assert!(
            report.is_clean(),
            "seed {seed}, load {load}, {} rules: {} of {} differ, {} server errors, {:?}\n{}{}",
            ruleset.rules.len(),
            report.different,
            report.requests,
            report.server_errors,
            report.counters,
            describe(&ruleset, &report),
            session.varnishd.stderr()
        );
        for (reason, count) in &report.sent_again {
            eprintln!("load {load}: {count} requests sent again, {reason}");
        }
        let deviating: u64 = report.deviations.values().sum();
        judged += report.requests;
        matched += report.matched;
        refused += report.refused.values().sum::<u64>();
        deviations += deviating;
    }
    eprintln!(
        "{judged} requests, {matched} with a match, {refused} refused by varnishd itself, {deviations} without room, 0 differences"
    );
    assert_eq!(census.missing(3), [""; 0], "seed {seed}: classes of requests with too few");
    assert_eq!(coverage.missing_on_varnish(), [""; 0], "seed {seed}: in no signature");
    assert!(deviations * 50 < judged, "the workspace is too small for too many requests");
    assert!(matched * 2 > judged, "too few requests match");
}

#[test]
fn eval_and_varnishd_agree_on_everything() {
    // Another seed looks at other pairs.
    let seed = std::env::var("EDGESIG_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(7);
    fuzz(seed, 13, 40, 1600);
}
