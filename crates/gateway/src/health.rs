//! How well a route does, judged by its calls and by checks: one value behind one short lock. All
//! times come in from outside.

mod breaker;
mod latency;
mod outlier;
mod window;

use std::time::Duration;

use tokio::time::Instant;

pub(crate) use breaker::{Breaker, Pass};
pub use breaker::{BreakerSettings, BreakerState};
use latency::Latency;
pub use outlier::EjectionSettings;
pub(crate) use window::{Tally, Window};

use crate::plan::State;

/// Failed checks in a row until a route counts as unwell.
const CHECKS_FAILED_MAX: u32 = 2;
/// What a route that comes back takes of its share at first.
const RAMP_FIRST: f64 = 0.1;

/// When a route is taken out, and how it comes back.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HealthSettings {
    /// For routes that fail.
    pub breaker: BreakerSettings,
    /// For routes that do worse than their siblings.
    pub ejection: EjectionSettings,
    /// How long a route that comes back takes less than its share.
    pub slow_start: Duration,
    /// The longest that a server may wish to be left alone; longer wishes are cut.
    pub cool_down_max: Duration,
}

impl Default for HealthSettings {
    fn default() -> Self {
        Self {
            breaker: BreakerSettings::default(),
            ejection: EjectionSettings::default(),
            slow_start: Duration::from_secs(30),
            cool_down_max: Duration::from_secs(120),
        }
    }
}

/// How well a route does.
#[derive(Debug)]
pub(crate) struct Health {
    settings: HealthSettings,
    breaker: Breaker,
    latency: Latency,
    cooling_until: Option<Instant>,
    ejected_until: Option<Instant>,
    ejections: u32,
    checks_failed: u32,
    back_since: Option<Instant>,
}

impl Health {
    pub(crate) fn new(settings: HealthSettings, now: Instant) -> Self {
        Self {
            breaker: Breaker::new(settings.breaker, now),
            settings,
            latency: Latency::default(),
            cooling_until: None,
            ejected_until: None,
            ejections: 0,
            checks_failed: 0,
            back_since: None,
        }
    }

    /// Whether the route may be tried, its places aside.
    pub(crate) fn state(&mut self, now: Instant) -> State {
        if let Some(again_in) = self.breaker.holds_off(now) {
            return State::BreakerOpen { again_in };
        }
        if let Some(until) = self.cooling_until.filter(|until| now < *until) {
            return State::CoolingDown { again_in: until - now };
        }
        if self.checks_failed >= CHECKS_FAILED_MAX {
            return State::Unwell;
        }
        if self.is_ejected(now) { State::Ejected } else { State::Ready }
    }

    pub(crate) fn breaker(&self, now: Instant) -> BreakerState {
        self.breaker.state(now)
    }

    pub(crate) const fn breaker_phase(&self) -> BreakerState {
        self.breaker.phase()
    }

    pub(crate) fn is_ejected(&mut self, now: Instant) -> bool {
        match self.ejected_until {
            Some(until) if now < until => true,
            Some(until) => {
                self.ejected_until = None;
                self.back_since = Some(until);
                false
            }
            None => false,
        }
    }

    /// Which part of its share the route takes, above 0 and at most 1.
    pub(crate) fn ramp(&self, now: Instant) -> f64 {
        let Some(since) = self.back_since else { return 1.0 };
        let passed = now.saturating_duration_since(since).as_secs_f64();
        let whole = self.settings.slow_start.as_secs_f64().max(f64::MIN_POSITIVE);
        (RAMP_FIRST + (1.0 - RAMP_FIRST) * passed / whole).min(1.0)
    }

    pub(crate) fn latency(&self) -> Option<Duration> {
        self.latency.average()
    }

    pub(crate) fn fastest(&mut self, now: Instant) -> Option<Duration> {
        self.latency.least(now)
    }

    pub(crate) fn enter(&mut self, now: Instant) -> Option<Pass> {
        self.breaker.enter(now)
    }

    /// The first piece of an answer is there.
    pub(crate) fn first_piece(&mut self, took: Duration, now: Instant) {
        self.latency.add(took, now);
    }

    /// A call succeeded, or, as a probe, came to its first piece.
    pub(crate) fn succeeded(&mut self, pass: Pass, now: Instant) {
        if self.breaker.succeeded(pass, now) {
            self.back_since = Some(now);
        }
    }

    /// A call failed. Returns whether that opened the breaker.
    pub(crate) fn failed(&mut self, pass: Pass, now: Instant) -> bool {
        self.breaker.failed(pass, now)
    }

    pub(crate) fn abandoned(&mut self, pass: Pass) {
        self.breaker.abandoned(pass);
    }

    /// The server wishes to be left alone for a time.
    pub(crate) fn cool_down(&mut self, wish: Duration, now: Instant) {
        let until = now + wish.min(self.settings.cool_down_max);
        self.cooling_until = self.cooling_until.max(Some(until));
    }

    /// A check came back. Returns whether the route changed from well to unwell or back.
    pub(crate) fn checked(&mut self, is_well: bool, now: Instant) -> bool {
        let was_unwell = self.checks_failed >= CHECKS_FAILED_MAX;
        self.checks_failed = if is_well { 0 } else { self.checks_failed.saturating_add(1) };
        if was_unwell && is_well {
            self.back_since = Some(now);
        }
        was_unwell != (self.checks_failed >= CHECKS_FAILED_MAX)
    }

    pub(crate) fn tally(&mut self, now: Instant) -> Tally {
        self.breaker.tally(now)
    }

    /// Takes the route out if it does clearly worse than its siblings. Returns whether it did.
    pub(crate) fn judge(&mut self, siblings: &[Tally], out_already: usize, now: Instant) -> bool {
        let settings = self.settings.ejection;
        let own = self.breaker.tally(now);
        if self.is_ejected(now) || !outlier::is_outlier(&settings, own, siblings, out_already) {
            return false;
        }
        // Who stood for as long as the longest pause starts anew.
        let stood = self.back_since.map(|since| now.saturating_duration_since(since));
        if stood.is_some_and(|stood| stood >= settings.longest) {
            self.ejections = 0;
        }
        self.ejections = self.ejections.saturating_add(1);
        let pause = settings.first.saturating_mul(self.ejections).min(settings.longest);
        self.ejected_until = Some(now + pause);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_that_comes_back_takes_its_share_slowly() {
        let start = Instant::now();
        let mut health = Health::new(HealthSettings::default(), start);
        assert_eq!(health.ramp(start), 1.0);
        assert!(!health.checked(false, start));
        assert!(health.checked(false, start));
        assert_eq!(health.state(start), State::Unwell);
        assert!(health.checked(true, start));
        assert_eq!(health.state(start), State::Ready);
        assert_eq!(health.ramp(start), RAMP_FIRST);
        let half = health.ramp(start + Duration::from_secs(15));
        assert!((half - 0.55).abs() < 1e-9, "{half}");
        assert_eq!(health.ramp(start + Duration::from_secs(30)), 1.0);
    }

    #[test]
    fn a_wish_to_be_left_alone_is_granted_within_bounds() {
        let start = Instant::now();
        let mut health = Health::new(HealthSettings::default(), start);
        health.cool_down(Duration::from_secs(20), start);
        health.cool_down(Duration::from_secs(1), start);
        let again_in = Duration::from_secs(10);
        assert_eq!(health.state(start + again_in), State::CoolingDown { again_in });
        assert_eq!(health.state(start + 2 * again_in), State::Ready);
        health.cool_down(Duration::MAX, start);
        assert_eq!(health.state(start + Duration::from_secs(120)), State::Ready);
    }

    #[test]
    fn an_ejected_route_comes_back_by_itself() {
        let start = Instant::now();
        let mut health = Health::new(HealthSettings::default(), start);
        let siblings = [Tally { good: 50, bad: 0 }];
        for _ in 0..6 {
            for _ in 0..2 {
                health.succeeded(Pass::Normal, start);
            }
            health.failed(Pass::Normal, start);
        }
        assert!(health.judge(&siblings, 0, start));
        assert_eq!(health.state(start), State::Ejected);
        let later = start + Duration::from_secs(31);
        assert_eq!(health.state(later), State::Ready);
        assert!(health.ramp(later) < 0.2);
    }
}
