//! How a window of a rate is counted with what Fastly has, chosen by what keeps the tolerance of the language: never more
//! than twice the limit `L` in a window of `W` seconds, never a refusal at or below half of it.
//!
//! A ratecounter shows the weight of the last 10, 20 … 60 seconds, or of the last one: the seconds by the clock, of which
//! the last one has only begun. A window of `W` seconds touches `W + 1` of those, so with `B` at a time it is covered by
//! `k = ⌈(W + 1) / B⌉`. Admitting `L'` in each admits at most `k · L'` in the window; and what is over `L'` in `B ≤ W`
//! seconds is over it in the window. `L' = min(L, ⌊2L / k⌋)` keeps both while `L' ≥ ⌊L / 2⌋`: `k` is at most 4.
//!
//! - **Count**: the largest `B` of 10 … 60 that is no longer than the window, for windows from 10 to 239 seconds.
//! - **Second**: `B = 1`, the rate over the last second, for windows of one second. Below 10 a second it is not reliable, so
//!   the weights of the whole counter are scaled.
//! - **Slot**: `B = W`, in slots of the clock: the number of the slot is part of the key, so that an entry holds the weight
//!   of one slot. For windows of 2 to 9 seconds, of which less would be admitted second by second.
//! - **CheckRate**: one window of one second with a penalty is what `check_rate` is made for. It weighs what it refuses
//!   too, which the penalty hides.

use super::Generator;
use crate::catalog::Phase;
use crate::diagnostic::{Code, Diagnostic};
use crate::ir::{Rate, RatePoint, Rule, Window};

/// Seconds of the buckets that a ratecounter shows.
const BUCKETS: [u32; 6] = [10, 20, 30, 40, 50, 60];
/// Minutes that a penalty box keeps an entry; whole ones.
const PENALTY_MINUTES: std::ops::RangeInclusive<u32> = 2..=60;
/// Below this many a second a rate is not reliable.
const LEAST_PER_SECOND: u32 = 10;
/// Windows to propose, the longest that can be kept first.
const PROPOSED: [u32; 6] = [180, 120, 60, 30, 20, 10];

/// How a window is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Seconds of the bucket, and the weight that is admitted in it.
    Count { bucket: u32, limit: u32 },
    /// The weight that is admitted in a second.
    Second { limit: u32 },
    /// The weight that is admitted in a slot of so many seconds.
    Slot { seconds: u32, limit: u32 },
    /// Weight of one request and weight per second.
    CheckRate { delta: u32, limit: u32 },
}

/// The forms of a rate, and by what the weights in its counter are multiplied.
#[derive(Debug)]
pub(super) struct Forms {
    pub windows: Vec<Form>,
    pub scale: u32,
}

impl Forms {
    /// Seconds of the slots that windows are counted in, each once.
    pub(super) fn slots(&self) -> impl Iterator<Item = u32> + use<> {
        let seconds = self.windows.iter().filter_map(|form| match form {
            Form::Slot { seconds, .. } => Some(*seconds),
            Form::Count { .. } | Form::Second { .. } | Form::CheckRate { .. } => None,
        });
        seconds.collect::<std::collections::BTreeSet<_>>().into_iter()
    }
}

/// What may be admitted in `seconds` at a time, if that keeps the tolerance. `responses`: judged by what was weighed
/// before, not with its own weight, so that the last one may go over by all but one of its weight.
fn admitted(window: Window, cost: u32, responses: bool, seconds: u32) -> Option<u32> {
    let covers = u64::from(window.seconds.saturating_add(1).div_ceil(seconds));
    let most = u64::from(window.limit) * 2 / covers;
    let most = if responses { most.saturating_sub(u64::from(cost) - 1) } else { most };
    let limit = u32::try_from(most).map_or(window.limit, |most| most.min(window.limit));
    let least = if responses { window.limit / 2 + 1 } else { (window.limit / 2).max(cost) };
    (limit >= least).then_some(limit)
}

/// The form of a window that is counted, if there is one.
pub(super) fn form(window: Window, cost: u32, responses: bool) -> Option<Form> {
    if window.seconds < BUCKETS[0] {
        let in_slot = admitted(window, cost, responses, window.seconds.max(1));
        return match (admitted(window, cost, responses, 1), in_slot) {
            (Some(limit), slot) if slot.is_none_or(|slot| slot <= limit) => Some(Form::Second { limit }),
            (_, slot) => slot.map(|limit| Form::Slot { seconds: window.seconds, limit }),
        };
    }
    let bucket = BUCKETS.into_iter().rev().find(|bucket| *bucket <= window.seconds)?;
    admitted(window, cost, responses, bucket).map(|limit| Form::Count { bucket, limit })
}

/// The rate with a form whose pace is nearest from above, in the longest window that keeps it.
fn nearest(window: Window, cost: u32, responses: bool) -> Window {
    let from_pace = |seconds: u32| {
        let limit = (u64::from(window.limit) * u64::from(seconds)).div_ceil(u64::from(window.seconds.max(1)));
        let least = u32::try_from(limit).unwrap_or(u32::MAX).max(cost).max(1);
        // Heavy requests need a limit that is some times their weight.
        let limits = least..=least.saturating_add(cost.saturating_mul(8));
        limits.map(|limit| Window { limit, seconds }).find(|window| form(*window, cost, responses).is_some())
    };
    let is_long = window.seconds >= BUCKETS[0];
    let found = PROPOSED.into_iter().filter(|seconds| is_long || *seconds == BUCKETS[0]).filter_map(from_pace);
    let pace = |window: &Window| u64::from(window.limit) * 100_000 / u64::from(window.seconds);
    found.min_by_key(pace).unwrap_or(Window { limit: u32::MAX, seconds: 60 })
}

fn is_on_response(rate: &Rate) -> bool {
    rate.count.is_some() && rate.count_phase == Phase::Response
}

impl Generator<'_> {
    /// Every window's form; an error with the nearest rate as a proposal where one has none.
    pub(super) fn forms(&mut self, rate: &Rate) -> Option<Forms> {
        let responses = is_on_response(rate);
        if let ([window], Some(_), false) = (&rate.windows[..], rate.penalty, responses)
            && window.seconds == 1
        {
            let scale = LEAST_PER_SECOND.div_ceil(window.limit.max(1)).max(1);
            let form = Form::CheckRate { delta: rate.cost * scale, limit: window.limit.saturating_mul(scale) };
            return Some(Forms { windows: vec![form], scale: 1 });
        }
        let mut forms = Some(Vec::new());
        for (index, window) in rate.windows.iter().enumerate() {
            if let Some(form) = form(*window, rate.cost, responses) {
                if let Some(forms) = &mut forms {
                    forms.push(form);
                }
                continue;
            }
            forms = None;
            let nearest = nearest(*window, rate.cost, responses);
            let text = format!("{}/{}s", nearest.limit, nearest.seconds);
            let span = rate.window_spans.get(index).copied().unwrap_or(rate.span);
            let message = format!(
                "`{}`: Fastly cannot keep {} in {} s within the tolerance",
                self.rule, window.limit, window.seconds
            );
            let label = "it counts the last second, or the last 10 to 60";
            let said = Diagnostic::new(Code::UnsupportedOnTarget, span, message, label);
            let way_out = format!("the nearest that can be expressed is `{text}`");
            self.diagnostics.push(if span == rate.span {
                said.help(way_out)
            } else {
                said.proposal(way_out, span, text)
            });
        }
        let windows = forms?;
        let slowest = windows.iter().filter_map(|form| match form {
            Form::Second { limit } => Some((*limit).max(1)),
            Form::Count { .. } | Form::Slot { .. } | Form::CheckRate { .. } => None,
        });
        let scale = slowest.min().map_or(1, |limit| LEAST_PER_SECOND.div_ceil(limit));
        Some(Forms { windows, scale })
    }

    /// A penalty that a box can keep.
    pub(super) fn penalty(&mut self, rate: &Rate) -> Option<()> {
        let Some(seconds) = rate.penalty else { return Some(()) };
        if seconds % 60 == 0 && PENALTY_MINUTES.contains(&(seconds / 60)) {
            return Some(());
        }
        let nearest = (seconds.saturating_add(30) / 60).clamp(*PENALTY_MINUTES.start(), *PENALTY_MINUTES.end());
        let span = rate.penalty_span.unwrap_or(rate.span);
        let message =
            format!("`{}`: a penalty on Fastly is of whole minutes, from 2 to 60, and this is {seconds} s", self.rule);
        let said = Diagnostic::new(Code::UnsupportedOnTarget, span, message, "no such penalty");
        let way_out = format!("the nearest that can be expressed is `penalty: {nearest}m`");
        self.diagnostics.push(if span == rate.span {
            said.help(way_out)
        } else {
            said.proposal(way_out, span, format!("{nearest}m"))
        });
        None
    }

    /// Says how each window is kept and what is known of the error.
    pub(super) fn note_error(&mut self, rule: &Rule, rate: &Rate, forms: &Forms) {
        let scaled = |what: String| {
            if forms.scale == 1 { what } else { format!("{what}, each weight taken {} times", forms.scale) }
        };
        let windows = rate.windows.iter().zip(&forms.windows).map(|(window, form)| match form {
            Form::Count { bucket, limit } => format!(
                "{} in {} s is kept as {limit} in the last {} to {bucket} s",
                window.limit,
                window.seconds,
                bucket - 1
            ),
            Form::Second { limit } => scaled(format!(
                "{} in {} s is kept as a rate of {limit} over the last second",
                window.limit, window.seconds
            )),
            Form::Slot { seconds, limit } => {
                format!("{} in {seconds} s is kept as {limit} in each {seconds} s of the clock", window.limit)
            }
            Form::CheckRate { delta, limit } => {
                format!("{} in 1 s is kept by check_rate as weight {delta} of {limit} a second", window.limit)
            }
        });
        let windows: Vec<String> = windows.collect();
        let at = match rate.at {
            RatePoint::Edge => "",
            RatePoint::Origin => "; counted where a request leaves the POP that the client talks to, for a shield too",
        };
        let message = format!(
            "the rate of `{}`: {}; counted in each POP apart, up to 10 % too few and some seconds late while its nodes \
             exchange their counts{at}",
            rule.id,
            windows.join(", ")
        );
        self.diagnostics.push(Diagnostic::new(Code::RateError, rate.span, message, ""));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(limit: u32, seconds: u32) -> Option<Form> {
        form(Window { limit, seconds }, 1, false)
    }

    #[test]
    fn windows_have_the_form_that_keeps_the_tolerance() {
        for (limit, seconds, expected) in [
            (100, 10, Some((10, 100))),
            (10, 60, Some((60, 10))),
            (1, 60, Some((60, 1))),
            (30, 30, Some((30, 30))),
            (9, 45, Some((40, 9))),
            (30, 179, Some((60, 20))),
            (30, 239, Some((60, 15))),
            (30, 240, None),
            (20, 600, None),
        ] {
            let expected = expected.map(|(bucket, limit)| Form::Count { bucket, limit });
            assert_eq!(of(limit, seconds), expected, "{limit}/{seconds}s");
        }
        for (limit, seconds) in [(1, 2), (9, 3), (9, 4), (1, 5), (9, 9)] {
            assert_eq!(of(limit, seconds), Some(Form::Slot { seconds, limit }), "{limit}/{seconds}s");
        }
        assert_eq!(of(3, 1), Some(Form::Second { limit: 3 }));
        // A response of weight 100 goes over by 99.
        let heavy = |limit| form(Window { limit, seconds: 60 }, 100, true);
        assert_eq!((heavy(100), heavy(300)), (None, Some(Form::Count { bucket: 60, limit: 201 })));
    }

    #[test]
    fn what_is_proposed_can_be_expressed() {
        for limit in [1, 2, 7, 1000, u32::MAX] {
            for seconds in [4, 9, 240, 600, 86_400, u32::MAX] {
                for (cost, responses) in [(1, false), (1, true), (100, false), (100, true)] {
                    let window = nearest(Window { limit, seconds }, cost, responses);
                    assert!(form(window, cost, responses).is_some(), "{limit}/{seconds}s gives {window:?}");
                }
            }
        }
    }
}
