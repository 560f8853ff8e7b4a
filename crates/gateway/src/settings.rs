//! How persistent and how careful the gateway is, the same for all models.

use std::time::Duration;

use crate::{HealthSettings, RetryBudgetSettings};

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
        }
    }
}
