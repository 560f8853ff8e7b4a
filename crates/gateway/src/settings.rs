//! How persistent and how careful the gateway is, the same for all models.

use std::time::Duration;

use crate::{BreakerSettings, HealthSettings, RetryBudgetSettings, TraceParent};

/// How persistent the gateway is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// Tries on one route before the next one is taken; at least one.
    pub attempts_per_route: u32,
    /// The wait before the first retry; it doubles with each.
    pub backoff_first: Duration,
    /// The longest wait of our own.
    pub backoff_max: Duration,
    /// The longest wait that a server may wish for; beyond: the next route is taken at once.
    pub retry_after_max: Duration,
    /// Retries of a model among its requests.
    pub retry_budget: RetryBudgetSettings,
    /// When a route is taken out, and how it comes back.
    pub health: HealthSettings,
    /// Most answers of the built-in engine at the same time, over all its routes; beyond: they wait.
    pub built_in_concurrent_max: usize,
    /// What the choice among equals begins with; `None`: something else each time.
    pub seed: Option<u64>,
    /// How the place in a trace is handed on to model servers; `None`: not at all.
    pub trace_parent: Option<TraceParent>,
}

/// Where a route differs from the settings of all; `None`: as all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RouteCare {
    /// Tries before the next route is taken; at least one.
    pub attempts: Option<u32>,
    /// So many failures in a row open its breaker.
    pub failures_in_a_row: Option<u32>,
    /// How long its breaker stays open the first time.
    pub open_first: Option<Duration>,
    /// How long it takes less than its share after it came back.
    pub slow_start: Option<Duration>,
}

impl RouteCare {
    /// When the route is taken out, and how it comes back.
    pub(crate) fn health(self, all: HealthSettings) -> HealthSettings {
        let breaker = all.breaker;
        let open_first = self.open_first.unwrap_or(breaker.open_first);
        HealthSettings {
            breaker: BreakerSettings {
                failures_in_a_row: self.failures_in_a_row.unwrap_or(breaker.failures_in_a_row),
                open_first,
                open_max: breaker.open_max.max(open_first),
                ..breaker
            },
            slow_start: self.slow_start.unwrap_or(all.slow_start),
            ..all
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            attempts_per_route: 3,
            backoff_first: Duration::from_millis(200),
            backoff_max: Duration::from_secs(5),
            retry_after_max: Duration::from_secs(10),
            retry_budget: RetryBudgetSettings::default(),
            health: HealthSettings::default(),
            built_in_concurrent_max: std::thread::available_parallelism().map_or(2, usize::from),
            seed: None,
            trace_parent: None,
        }
    }
}
