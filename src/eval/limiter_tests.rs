//! Scenarios of rates, and the property that a window never holds more than its limit.

use super::*;
use crate::ir::RatePoint;
use crate::source::{SourceId, Span};
use proptest::prelude::*;

fn rate(windows: &[(u32, u32)], cost: u32, penalty: Option<u32>) -> Rate {
    Rate {
        span: Span::new(SourceId(0), 0, 0),
        key: Vec::new(),
        windows: windows.iter().map(|(limit, seconds)| Window { limit: *limit, seconds: *seconds }).collect(),
        window_spans: Vec::new(),
        cost,
        at: RatePoint::Edge,
        count: None,
        count_phase: Phase::Request,
        penalty,
        penalty_span: None,
    }
}

fn limiter(rate: &Rate) -> Limiter {
    Limiter::new(std::iter::once(rate))
}

fn at(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

/// Times (in seconds) of requests with one key → which are refused.
#[track_caller]
fn refused(limiter: &mut Limiter, times: &[f64]) -> Vec<bool> {
    times.iter().map(|time| limiter.ask(0, b"k", at(*time), true) != Decision::Admitted).collect()
}

#[test]
fn the_limit_is_admitted_and_the_next_refused() {
    let mut limiter = limiter(&rate(&[(3, 10)], 1, None));
    assert_eq!(refused(&mut limiter, &[0.0, 1.0, 2.0, 3.0]), [false, false, false, true]);
    // The first is out of the window when it is ten seconds old; what was refused weighs nothing.
    assert_eq!(refused(&mut limiter, &[9.9, 10.0, 10.5, 11.0]), [true, false, true, false]);
    assert_eq!(limiter.weights(0, b"k"), [3]);
    assert_eq!(limiter.weights(0, b"other"), [0]);
}

#[test]
fn keys_do_not_share() {
    let mut limiter = limiter(&rate(&[(1, 10)], 1, None));
    assert_eq!(limiter.ask(0, b"a", at(0.0), true), Decision::Admitted);
    assert_eq!(limiter.ask(0, b"b", at(0.0), true), Decision::Admitted);
    assert_eq!(limiter.ask(0, b"a", at(1.0), true), Decision::Over { penalty_until: None });
}

#[test]
fn a_request_weighs_its_cost() {
    let mut limiter = limiter(&rate(&[(10, 10)], 4, None));
    assert_eq!(refused(&mut limiter, &[0.0, 0.0, 0.0]), [false, false, true]);
    assert_eq!(limiter.weights(0, b"k"), [8]);
}

#[test]
fn the_tightest_of_several_windows_decides() {
    let mut limiter = limiter(&rate(&[(2, 1), (3, 30)], 1, None));
    assert_eq!(refused(&mut limiter, &[0.0, 0.1, 0.2, 1.5, 3.0]), [false, false, true, false, true]);
    assert_eq!(refused(&mut limiter, &[30.0, 30.05, 30.1]), [false, true, false]);
    assert_eq!(limiter.weights(0, b"k"), [2, 3]);
}

#[test]
fn a_penalty_runs_from_the_first_refusal_and_is_not_extended() {
    let mut limiter = limiter(&rate(&[(1, 10)], 1, Some(60)));
    assert_eq!(refused(&mut limiter, &[0.0]), [false]);
    assert_eq!(limiter.ask(0, b"k", at(5.0), true), Decision::Over { penalty_until: Some(at(65.0)) });
    assert_eq!(limiter.ask(0, b"k", at(64.9), true), Decision::Over { penalty_until: Some(at(65.0)) });
    assert_eq!(refused(&mut limiter, &[65.0, 65.1]), [false, true]);
}

#[test]
fn after_a_short_penalty_the_log_decides_again() {
    let mut limiter = limiter(&rate(&[(1, 60)], 1, Some(5)));
    assert_eq!(refused(&mut limiter, &[0.0, 1.0, 7.0]), [false, true, true]);
    // The second refusal began a penalty of its own.
    assert_eq!(limiter.ask(0, b"k", at(8.0), true), Decision::Over { penalty_until: Some(at(12.0)) });
}

#[test]
fn a_request_without_weight_is_refused_during_a_penalty_only() {
    let mut limiter = limiter(&rate(&[(1, 60)], 1, Some(10)));
    assert_eq!(limiter.ask(0, b"k", at(0.0), false), Decision::Admitted);
    assert_eq!(limiter.key_count(), 0);
    assert_eq!(refused(&mut limiter, &[0.0]), [false]);
    assert_eq!(limiter.ask(0, b"k", at(0.1), false), Decision::Admitted);
    assert_eq!(refused(&mut limiter, &[1.0]), [true]);
    assert_ne!(limiter.ask(0, b"k", at(2.0), false), Decision::Admitted);
    assert_eq!(limiter.ask(0, b"k", at(11.0), false), Decision::Admitted);
}

#[test]
fn counted_responses_refuse_once_the_limit_is_reached() {
    let mut counting = rate(&[(2, 60)], 1, None);
    counting.count = Some(crate::ir::Predicate::TRUE);
    counting.count_phase = Phase::Response;
    let mut limiter = limiter(&counting);
    for time in [0.0, 1.0] {
        assert_eq!(limiter.ask(0, b"k", at(time), false), Decision::Admitted);
        limiter.weigh(0, b"k", at(time));
    }
    assert_eq!(limiter.ask(0, b"k", at(2.0), false), Decision::Over { penalty_until: None });
    assert_eq!(limiter.ask(0, b"k", at(60.0), false), Decision::Admitted);
}

#[test]
fn idle_keys_are_forgotten() {
    let mut limiter = limiter(&rate(&[(5, 10)], 1, Some(20)));
    for number in 0..100_000_u32 {
        let time = Duration::from_millis(u64::from(number) * 10);
        limiter.ask(0, &number.to_be_bytes(), time, true);
    }
    // 1000 keys are younger than the window.
    assert!(limiter.key_count() <= 2 * FIRST_PURGE.max(1000), "{}", limiter.key_count());
}

#[test]
fn a_clock_that_goes_back_stands_still() {
    let mut limiter = limiter(&rate(&[(1, 10)], 1, None));
    assert_eq!(refused(&mut limiter, &[20.0, 5.0, 29.0, 30.0]), [false, true, true, false]);
}

proptest! {
    /// The definition, naively: what was admitted in any window never exceeds its limit, and what was refused would
    /// have exceeded one.
    #[test]
    fn a_window_never_holds_more_than_its_limit(
        windows in proptest::collection::vec((1_u32..6, 1_u32..8), 1..4),
        cost in 1_u32..3,
        gaps in proptest::collection::vec(0_u64..2500, 1..60),
    ) {
        let cost = cost.min(windows.iter().map(|window| window.0).min().unwrap_or(1));
        let mut limiter = limiter(&rate(&windows, cost, None));
        let mut admitted: Vec<u64> = Vec::new();
        let mut now = 0;
        for gap in gaps {
            now += gap;
            let over = windows.iter().any(|(limit, seconds)| {
                let start = now.checked_sub(u64::from(*seconds) * 1000);
                let inside = admitted.iter().filter(|time| start.is_none_or(|start| **time > start)).count() as u32;
                (inside + 1) * cost > *limit
            });
            let decision = limiter.ask(0, b"k", Duration::from_millis(now), true);
            prop_assert_eq!(decision != Decision::Admitted, over);
            if !over {
                admitted.push(now);
            }
        }
    }
}
