//! Rates over a virtual clock: a sliding log per rule and key. [`super::verdict`] asks it; it knows no request.

use crate::catalog::Phase;
use crate::ir::{Rate, Window};
use std::collections::{HashMap, VecDeque};
use std::time::Duration;

/// The state of every rate of a set.
#[derive(Debug)]
pub struct Limiter {
    rates: Vec<RateState>,
    /// Times never go back.
    now: Duration,
}

/// What a rate says about a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Admitted; its weight counts from now on if it weighs.
    Admitted,
    /// The rate is over.
    Over {
        /// A penalty runs until then.
        penalty_until: Option<Duration>,
    },
}

#[derive(Debug)]
struct RateState {
    windows: Vec<Window>,
    cost: u32,
    penalty: Option<Duration>,
    /// Weights come with responses: a request is over once the weight has reached the limit.
    counts_responses: bool,
    logs: HashMap<Box<[u8]>, Log>,
    /// Number of keys at which idle ones are dropped.
    purge_at: usize,
}

/// Weights of one key.
#[derive(Debug, Default)]
struct Log {
    /// Time and weight, oldest first; none older than the longest window.
    entries: VecDeque<(Duration, u32)>,
    /// Per window: how many of the oldest entries are out of it, and the weight of the others.
    tallies: Vec<Tally>,
    penalty_until: Option<Duration>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    outside: usize,
    weight: u64,
}

const FIRST_PURGE: usize = 1024;
/// An engine's clock and ours are read at different moments.
const PENALTY_SLACK: Duration = Duration::from_secs(1);

impl Limiter {
    pub fn new<'r>(rates: impl Iterator<Item = &'r Rate>) -> Limiter {
        let rates = rates
            .map(|rate| RateState {
                windows: rate.windows.clone(),
                cost: rate.cost,
                penalty: rate.penalty.map(|seconds| Duration::from_secs(seconds.into())),
                counts_responses: rate.count_phase == Phase::Response && rate.count.is_some(),
                logs: HashMap::new(),
                purge_at: FIRST_PURGE,
            })
            .collect();
        Limiter { rates, now: Duration::ZERO }
    }

    /// Asks rate number `rate` about a request that is subject to it. With `weighs` the request is judged by its
    /// weight, which it leaves when it is admitted; without, it is refused during a penalty only. A rate that counts
    /// responses judges by what was [`Limiter::weigh`]ed so far.
    ///
    /// A window of `n` seconds holds what is less than `n` seconds old.
    pub fn ask(&mut self, rate: usize, key: &[u8], now: Duration, weighs: bool) -> Decision {
        self.now = self.now.max(now);
        let (now, state) = (self.now, &mut self.rates[rate]);
        if !weighs && !state.counts_responses && !state.logs.contains_key(key) {
            return Decision::Admitted;
        }
        let (windows, cost, penalty, counts_responses) =
            (&state.windows, state.cost, state.penalty, state.counts_responses);
        let log = log(&mut state.logs, key, windows.len());
        log.advance(windows, now);
        if let Some(until) = log.penalty_until {
            return Decision::Over { penalty_until: Some(until) };
        }
        let over = if counts_responses {
            log.exceeds(windows, |weight, limit| weight >= limit)
        } else {
            weighs && log.exceeds(windows, |weight, limit| weight + u64::from(cost) > limit)
        };
        if over {
            log.penalty_until = penalty.map(|penalty| now + penalty);
            let penalty_until = log.penalty_until;
            state.purge(now);
            return Decision::Over { penalty_until };
        }
        if weighs && !counts_responses {
            log.add(now, cost);
        }
        state.purge(now);
        Decision::Admitted
    }

    /// Keeps the log of what an engine decided instead of deciding. The error says that the decision is outside the
    /// tolerance: an engine may admit up to twice the limit, and may refuse above half of it.
    pub fn follow(&mut self, rate: usize, key: &[u8], now: Duration, weighs: bool, over: bool) -> Result<(), String> {
        self.now = self.now.max(now);
        let (now, state) = (self.now, &mut self.rates[rate]);
        let (windows, cost, penalty, counts_responses) =
            (&state.windows, u64::from(state.cost), state.penalty, state.counts_responses);
        let log = log(&mut state.logs, key, windows.len());
        log.advance(windows, now);
        let own = if counts_responses { 0 } else { cost };
        if over {
            if log.penalty_until.is_some() {
                return Ok(());
            }
            log.penalty_until = penalty.map(|penalty| now + penalty);
            let allowed =
                (weighs || counts_responses) && log.exceeds(windows, |weight, limit| 2 * (weight + own) > limit);
            return if allowed { Ok(()) } else { Err(log.describe("refused", windows, own)) };
        }
        let started = log.penalty_until.zip(penalty).map(|(until, penalty)| until - penalty);
        let punished = started.is_some_and(|started| now > started + PENALTY_SLACK)
            && log.penalty_until.is_some_and(|until| now + PENALTY_SLACK < until);
        let result = if punished {
            Err("admitted during a penalty".to_owned())
        } else if (weighs || counts_responses) && log.exceeds(windows, |weight, limit| weight + own > 2 * limit) {
            Err(log.describe("admitted", windows, own))
        } else {
            Ok(())
        };
        if weighs && !counts_responses {
            log.add(now, state.cost);
        }
        state.purge(now);
        result
    }

    /// Adds the weight of a request whose response counts.
    pub fn weigh(&mut self, rate: usize, key: &[u8], now: Duration) {
        self.now = self.now.max(now);
        let (now, state) = (self.now, &mut self.rates[rate]);
        let log = log(&mut state.logs, key, state.windows.len());
        log.advance(&state.windows, now);
        log.add(now, state.cost);
        state.purge(now);
    }

    /// The weight of a key in each window.
    pub fn weights(&mut self, rate: usize, key: &[u8]) -> Vec<u64> {
        let (now, state) = (self.now, &mut self.rates[rate]);
        match state.logs.get_mut(key) {
            Some(log) => {
                log.advance(&state.windows, now);
                log.tallies.iter().map(|tally| tally.weight).collect()
            }
            None => vec![0; state.windows.len()],
        }
    }

    /// Keys that are remembered, of all rates.
    pub fn key_count(&self) -> usize {
        self.rates.iter().map(|state| state.logs.len()).sum()
    }
}

/// The log of a key, made when it is new.
fn log<'l>(logs: &'l mut HashMap<Box<[u8]>, Log>, key: &[u8], windows: usize) -> &'l mut Log {
    logs.entry(key.into()).or_insert_with(|| Log { tallies: vec![Tally::default(); windows], ..Log::default() })
}

impl RateState {
    /// Drops the keys that have neither weight nor penalty, whenever their number has doubled.
    fn purge(&mut self, now: Duration) {
        if self.logs.len() < self.purge_at {
            return;
        }
        let windows = &self.windows;
        self.logs.retain(|_, log| {
            log.advance(windows, now);
            !log.entries.is_empty() || log.penalty_until.is_some()
        });
        self.purge_at = FIRST_PURGE.max(self.logs.len() * 2);
    }
}

impl Log {
    /// Forgets what is out of the windows, and a penalty that has ended.
    fn advance(&mut self, windows: &[Window], now: Duration) {
        if self.penalty_until.is_some_and(|until| now >= until) {
            self.penalty_until = None;
        }
        for (tally, window) in self.tallies.iter_mut().zip(windows) {
            let length = Duration::from_secs(window.seconds.into());
            while let Some((time, weight)) = self.entries.get(tally.outside) {
                if now.saturating_sub(*time) < length {
                    break;
                }
                tally.outside += 1;
                tally.weight -= u64::from(*weight);
            }
        }
        let gone = self.tallies.iter().map(|tally| tally.outside).min().unwrap_or(0);
        if gone > 0 {
            self.entries.drain(..gone);
            for tally in &mut self.tallies {
                tally.outside -= gone;
            }
        }
    }

    fn exceeds(&self, windows: &[Window], exceeds: impl Fn(u64, u64) -> bool) -> bool {
        self.tallies.iter().zip(windows).any(|(tally, window)| exceeds(tally.weight, window.limit.into()))
    }

    /// For a decision that is outside the tolerance.
    fn describe(&self, decision: &str, windows: &[Window], own: u64) -> String {
        let weights: Vec<String> = self
            .tallies
            .iter()
            .zip(windows)
            .map(|(tally, window)| format!("{} + {own} of {} in {}s", tally.weight, window.limit, window.seconds))
            .collect();
        format!("{decision} at a weight of {}", weights.join(", "))
    }

    fn add(&mut self, now: Duration, cost: u32) {
        self.entries.push_back((now, cost));
        for tally in &mut self.tallies {
            tally.weight += u64::from(cost);
        }
    }
}

#[cfg(test)]
#[path = "limiter_tests.rs"]
mod tests;
