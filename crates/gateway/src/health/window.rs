//! Counts of the recent past in constant memory: two halves of a window, the older one dropped whole.

use std::time::Duration;

use tokio::time::Instant;

/// How calls ended lately.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Tally {
    pub(crate) good: u32,
    pub(crate) bad: u32,
}

impl Tally {
    pub(crate) fn calls(self) -> u32 {
        self.good.saturating_add(self.bad)
    }

    /// The part of the calls that failed, from 0 to 1.
    pub(crate) fn failure_rate(self) -> f64 {
        f64::from(self.bad) / f64::from(self.calls().max(1))
    }

    fn plus(self, other: Self) -> Self {
        Self { good: self.good.saturating_add(other.good), bad: self.bad.saturating_add(other.bad) }
    }
}

/// A window between half and whole of its length, depending on where its halves meet.
#[derive(Debug, Clone)]
pub(crate) struct Window {
    half: Duration,
    started: Instant,
    current: Tally,
    before: Tally,
}

impl Window {
    pub(crate) fn new(length: Duration, now: Instant) -> Self {
        Self { half: length / 2, started: now, current: Tally::default(), before: Tally::default() }
    }

    pub(crate) fn add_good(&mut self, now: Instant) {
        self.turn(now);
        self.current.good = self.current.good.saturating_add(1);
    }

    pub(crate) fn add_bad(&mut self, now: Instant) {
        self.turn(now);
        self.current.bad = self.current.bad.saturating_add(1);
    }

    pub(crate) fn read(&mut self, now: Instant) -> Tally {
        self.turn(now);
        self.current.plus(self.before)
    }

    pub(crate) fn clear(&mut self, now: Instant) {
        *self = Self::new(self.half * 2, now);
    }

    /// How long what is counted took to come together.
    pub(crate) fn span(&self, now: Instant) -> Duration {
        let current = now.saturating_duration_since(self.started);
        if self.before == Tally::default() { current } else { current + self.half }
    }

    fn turn(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.started);
        if passed < self.half {
            return;
        }
        self.before = if passed < self.half * 2 { self.current } else { Tally::default() };
        self.current = Tally::default();
        self.started = now;
    }
}
