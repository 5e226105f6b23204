//! The evaluator asks what rules have in common once and goes from answer to answer; the plain walk over each condition
//! is what it must agree with.

mod support;

use edgesig::eval::{Evaluator, matches};
use edgesig::ir::{Predicate, Rule, Ruleset};
use support::rng::Rng;
use support::{requests, signatures};

/// Rules whose conditions are made of each other's, so that much is asked twice.
fn entangled(rng: &mut Rng) -> Ruleset {
    let mut ruleset = signatures::ruleset(rng, 8, false);
    let parts: Vec<Predicate> = ruleset.rules.iter().map(|rule| rule.when.clone()).collect();
    let part = |rng: &mut Rng| {
        let part = parts[rng.below(parts.len())].clone();
        if rng.once_in(4) { Predicate::Not(Box::new(part)) } else { part }
    };
    let some = |rng: &mut Rng| (0..1 + rng.below(3)).map(|_| part(rng)).collect::<Vec<_>>();
    let mixed = |rng: &mut Rng| match rng.below(3) {
        0 => Predicate::All(vec![part(rng), Predicate::Any(some(rng)), Predicate::Not(Box::new(part(rng)))]),
        1 => Predicate::Any(vec![Predicate::All(some(rng)), Predicate::Not(Box::new(Predicate::All(some(rng))))]),
        _ => Predicate::Any(some(rng)),
    };
    let more: Vec<Rule> = (0..8)
        .map(|number| Rule {
            id: format!("more-{number}"),
            when: mixed(rng),
            except: rng.once_in(3).then(|| mixed(rng)),
            ..(*ruleset.rules[0]).clone()
        })
        .collect();
    ruleset.rules.extend(more.into_iter().map(Into::into));
    ruleset
}

#[test]
fn a_verdict_names_the_rules_whose_conditions_hold() {
    let mut rng = Rng::new(20);
    let (mut held, mut judged) = (0, 0);
    for _ in 0..60 {
        let ruleset = entangled(&mut rng);
        let mut evaluator = Evaluator::new(&ruleset);
        for _ in 0..40 {
            let request = if rng.once_in(8) { requests::damaged(&mut rng) } else { requests::request(&mut rng) };
            let verdict = evaluator.verdict(&request);
            if verdict.limit.is_some() {
                continue;
            }
            let expected: Vec<usize> =
                (0..ruleset.rules.len()).filter(|rule| matches(&ruleset, *rule, &request)).collect();
            assert_eq!(verdict.matched, expected, "{request:?}\n{:#?}", ruleset.rules);
            held += expected.len();
            judged += ruleset.rules.len();
        }
    }
    // Neither answer is the rare one.
    assert!(judged > 20_000 && held * 10 > judged && held * 10 < judged * 9, "{held} of {judged}");
}
