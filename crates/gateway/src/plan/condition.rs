//! How a route is at this moment, as the plan sees it.

use std::time::Duration;

/// How a route is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Condition {
    /// Whether it may be tried.
    pub state: State,
    /// Calls in flight.
    pub in_flight: usize,
    /// Moving average of the time to the first piece; `None` until something is known.
    pub latency: Option<Duration>,
    /// The least time to a first piece lately; `None` until something is known.
    pub fastest: Option<Duration>,
    /// Which part of its share it takes, above 0 and at most 1: less for a while after a recovery.
    pub ramp: f64,
}

/// Whether a route may be tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Yes.
    Ready,
    /// All its places are taken.
    Full,
    /// It does worse than its siblings; taken only if there is no other of its rank.
    Ejected,
    /// It failed too often and is left alone.
    BreakerOpen {
        /// When it will be tried again.
        again_in: Duration,
    },
    /// It asked to be left alone.
    CoolingDown {
        /// When it may be asked again.
        again_in: Duration,
    },
    /// It does not answer health checks.
    Unwell,
    /// It was tried in this very call.
    Failed,
    /// Its server has no place for something in this very request.
    Unable,
}

impl Condition {
    /// A route about which nothing is known.
    pub const FRESH: Self =
        Self { state: State::Ready, in_flight: 0, latency: None, fastest: None, ramp: 1.0 };
}
