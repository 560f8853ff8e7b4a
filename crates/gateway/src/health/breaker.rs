//! A circuit breaker: takes a failing route out for a time, lets a few calls try it, and brings it
//! back or leaves it alone for longer.

use std::time::Duration;

use tokio::time::Instant;

use super::window::Window;

/// When a breaker opens, and for how long.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BreakerSettings {
    /// So many failures in a row open it.
    pub failures_in_a_row: u32,
    /// So large a part of the calls in the window, from 0 to 1, opens it too …
    pub failure_rate: f64,
    /// … if there were at least so many.
    pub calls_min: u32,
    /// The length of the window.
    pub window: Duration,
    /// How long it stays open the first time; twice as long each time it opens again soon after.
    pub open_first: Duration,
    /// The longest that it stays open.
    pub open_max: Duration,
    /// Calls that may try a half-open route at the same time.
    pub probes_max: u32,
    /// So many of them must succeed to close it.
    pub successes_to_close: u32,
}

impl Default for BreakerSettings {
    fn default() -> Self {
        Self {
            failures_in_a_row: 5,
            failure_rate: 0.5,
            calls_min: 20,
            window: Duration::from_secs(30),
            open_first: Duration::from_secs(5),
            open_max: Duration::from_secs(120),
            probes_max: 1,
            successes_to_close: 2,
        }
    }
}

impl BreakerState {
    /// The word in logs and measurements.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half_open",
        }
    }
}

/// What a breaker does with calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BreakerState {
    /// It lets them pass.
    Closed,
    /// It holds them off.
    Open,
    /// It lets a few pass to see how they fare.
    HalfOpen,
}

#[derive(Debug, Clone)]
pub(crate) struct Breaker {
    settings: BreakerSettings,
    phase: Phase,
    window: Window,
    /// How often it opened without a calm time between.
    times: u32,
    closed_at: Option<Instant>,
}

#[derive(Debug, Clone, Copy)]
enum Phase {
    Closed { in_a_row: u32 },
    Open { until: Instant },
    HalfOpen { trying: u32, successes: u32 },
}

/// Whether a call was let pass, and as what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pass {
    /// As any other.
    Normal,
    /// To see how it fares; it must be reported back as such.
    Probe,
}

impl Breaker {
    pub(crate) fn new(settings: BreakerSettings, now: Instant) -> Self {
        let window = Window::new(settings.window, now);
        Self { settings, phase: Phase::Closed { in_a_row: 0 }, window, times: 0, closed_at: None }
    }

    pub(crate) fn state(&self, now: Instant) -> BreakerState {
        match self.phase {
            Phase::Closed { .. } => BreakerState::Closed,
            Phase::Open { until } if now < until => BreakerState::Open,
            Phase::Open { .. } | Phase::HalfOpen { .. } => BreakerState::HalfOpen,
        }
    }

    /// Its phase, which unlike its state does not change by time alone.
    pub(crate) const fn phase(&self) -> BreakerState {
        match self.phase {
            Phase::Closed { .. } => BreakerState::Closed,
            Phase::Open { .. } => BreakerState::Open,
            Phase::HalfOpen { .. } => BreakerState::HalfOpen,
        }
    }

    /// How long no call is let pass; `None` if one would be now.
    pub(crate) fn holds_off(&self, now: Instant) -> Option<Duration> {
        match self.phase {
            Phase::Open { until } if now < until => Some(until - now),
            // A probe is on its way; its end is not foreseen.
            Phase::HalfOpen { trying, .. } if trying >= self.settings.probes_max => {
                Some(Duration::from_secs(1))
            }
            _ => None,
        }
    }

    /// Lets a call pass, or not.
    pub(crate) fn enter(&mut self, now: Instant) -> Option<Pass> {
        if self.holds_off(now).is_some() {
            return None;
        }
        match &mut self.phase {
            Phase::Closed { .. } => Some(Pass::Normal),
            Phase::Open { .. } => {
                self.phase = Phase::HalfOpen { trying: 1, successes: 0 };
                Some(Pass::Probe)
            }
            Phase::HalfOpen { trying, .. } => {
                *trying += 1;
                Some(Pass::Probe)
            }
        }
    }

    /// A call succeeded. Returns whether that closed the breaker.
    pub(crate) fn succeeded(&mut self, pass: Pass, now: Instant) -> bool {
        match &mut self.phase {
            Phase::Closed { in_a_row } => {
                *in_a_row = 0;
                self.window.add_good(now);
                false
            }
            Phase::HalfOpen { trying, successes } if pass == Pass::Probe => {
                *trying = trying.saturating_sub(1);
                *successes += 1;
                if *successes < self.settings.successes_to_close {
                    return false;
                }
                self.phase = Phase::Closed { in_a_row: 0 };
                self.window.clear(now);
                self.closed_at = Some(now);
                true
            }
            // A call from before the breaker opened says nothing new.
            Phase::HalfOpen { .. } | Phase::Open { .. } => false,
        }
    }

    /// A call failed. Returns whether that opened the breaker.
    pub(crate) fn failed(&mut self, pass: Pass, now: Instant) -> bool {
        match &mut self.phase {
            Phase::Closed { in_a_row } => {
                *in_a_row += 1;
                let in_a_row = *in_a_row;
                self.window.add_bad(now);
                let tally = self.window.read(now);
                let opens = in_a_row >= self.settings.failures_in_a_row
                    || tally.calls() >= self.settings.calls_min
                        && tally.failure_rate() >= self.settings.failure_rate;
                if opens {
                    self.open(now);
                }
                opens
            }
            Phase::HalfOpen { .. } if pass == Pass::Probe => {
                self.open(now);
                true
            }
            Phase::HalfOpen { .. } | Phase::Open { .. } => false,
        }
    }

    /// A call ended without a word on the route, because its caller went.
    pub(crate) fn abandoned(&mut self, pass: Pass) {
        if let (Phase::HalfOpen { trying, .. }, Pass::Probe) = (&mut self.phase, pass) {
            *trying = trying.saturating_sub(1);
        }
    }

    pub(crate) fn tally(&mut self, now: Instant) -> super::window::Tally {
        self.window.read(now)
    }

    fn open(&mut self, now: Instant) {
        // A route that stood for as long as the longest pause starts anew.
        let stood = self.closed_at.map(|at| now.saturating_duration_since(at));
        if stood.is_some_and(|stood| stood >= self.settings.open_max) {
            self.times = 0;
        }
        let factor = 2_u32.saturating_pow(self.times);
        let pause = self.settings.open_first.saturating_mul(factor).min(self.settings.open_max);
        self.times = self.times.saturating_add(1);
        self.phase = Phase::Open { until: now + pause };
        self.closed_at = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: BreakerSettings = BreakerSettings {
        failures_in_a_row: 3,
        failure_rate: 0.5,
        calls_min: 10,
        window: Duration::from_secs(30),
        open_first: Duration::from_secs(5),
        open_max: Duration::from_secs(60),
        probes_max: 1,
        successes_to_close: 2,
    };

    fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    /// A breaker that has just opened.
    fn opened(now: Instant) -> Breaker {
        let mut breaker = Breaker::new(SETTINGS, now);
        assert!(!breaker.failed(Pass::Normal, now) && !breaker.failed(Pass::Normal, now));
        assert!(breaker.failed(Pass::Normal, now));
        breaker
    }

    /// G-7: takes a failing backend out for a time, and tries it with one call.
    #[test]
    fn it_opens_after_failures_in_a_row_and_probes_with_one_call() {
        let start = Instant::now();
        let mut breaker = opened(start);
        assert_eq!(breaker.enter(start + seconds(4)), None);
        assert_eq!(breaker.holds_off(start + seconds(4)), Some(seconds(1)));
        let later = start + seconds(5);
        assert_eq!(breaker.enter(later), Some(Pass::Probe));
        assert_eq!(breaker.enter(later), None, "one probe at a time");
        assert!(!breaker.succeeded(Pass::Probe, later));
        assert_eq!(breaker.enter(later), Some(Pass::Probe));
        assert!(breaker.succeeded(Pass::Probe, later));
        assert_eq!(breaker.state(later), BreakerState::Closed);
        assert_eq!(breaker.enter(later), Some(Pass::Normal));
    }

    #[test]
    fn it_stays_open_for_longer_each_time_up_to_a_bound() {
        let mut now = Instant::now();
        let mut breaker = opened(now);
        for pause in [5, 10, 20, 40, 60, 60] {
            assert_eq!(breaker.holds_off(now), Some(seconds(pause)));
            now += seconds(pause);
            assert_eq!(breaker.enter(now), Some(Pass::Probe));
            assert!(breaker.failed(Pass::Probe, now));
        }
        // Closed for long enough, it begins anew.
        now += seconds(60);
        for _ in 0..2 {
            assert_eq!(breaker.enter(now), Some(Pass::Probe));
            breaker.succeeded(Pass::Probe, now);
        }
        now += seconds(60);
        for _ in 0..3 {
            breaker.failed(Pass::Normal, now);
        }
        assert_eq!(breaker.holds_off(now), Some(seconds(5)));
    }

    #[test]
    fn a_rate_of_failures_opens_it_only_with_enough_calls() {
        let now = Instant::now();
        let mut breaker = Breaker::new(SETTINGS, now);
        for call in 0..4 {
            breaker.succeeded(Pass::Normal, now);
            assert!(!breaker.failed(Pass::Normal, now), "{call}");
        }
        breaker.succeeded(Pass::Normal, now);
        assert!(breaker.failed(Pass::Normal, now), "5 of 10");
    }

    #[test]
    fn old_failures_are_forgotten() {
        let start = Instant::now();
        let mut breaker = Breaker::new(SETTINGS, start);
        for _ in 0..4 {
            breaker.succeeded(Pass::Normal, start);
            breaker.failed(Pass::Normal, start);
        }
        let later = start + SETTINGS.window;
        breaker.succeeded(Pass::Normal, later);
        assert!(!breaker.failed(Pass::Normal, later), "the eight of before count no more");
        assert_eq!(breaker.tally(later).calls(), 2);
    }

    #[test]
    fn a_probe_whose_caller_goes_makes_room_for_another() {
        let start = Instant::now();
        let mut breaker = opened(start);
        let later = start + seconds(5);
        assert_eq!(breaker.enter(later), Some(Pass::Probe));
        breaker.abandoned(Pass::Probe);
        assert_eq!(breaker.enter(later), Some(Pass::Probe));
    }

    #[test]
    fn calls_from_before_it_opened_change_nothing() {
        let start = Instant::now();
        let mut breaker = opened(start);
        assert!(!breaker.succeeded(Pass::Normal, start));
        assert!(!breaker.failed(Pass::Normal, start));
        let later = start + seconds(5);
        breaker.enter(later);
        assert!(!breaker.succeeded(Pass::Normal, later));
        assert!(!breaker.failed(Pass::Normal, later));
        assert_eq!(breaker.state(later), BreakerState::HalfOpen);
    }
}
