//! Bounds retries by what is asked: when everything fails, retries must not multiply the load.

use std::time::Duration;

use tokio::time::Instant;

use crate::health::Window;

/// How many retries there may be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RetryBudgetSettings {
    /// Retries for each request of the window, from 0 to 1.
    pub per_request: f64,
    /// Retries in a window that are always there, for models that are asked rarely.
    pub always: u32,
    /// The length of the window.
    pub window: Duration,
}

impl Default for RetryBudgetSettings {
    fn default() -> Self {
        Self { per_request: 0.2, always: 10, window: Duration::from_secs(10) }
    }
}

/// The budget of one model. A retry is another try on the same route; going on to the next route
/// is none, as no route sees a call twice by that.
#[derive(Debug)]
pub(crate) struct RetryBudget {
    settings: RetryBudgetSettings,
    /// Requests as good, retries as bad.
    window: Window,
}

impl RetryBudget {
    pub(crate) fn new(settings: RetryBudgetSettings, now: Instant) -> Self {
        Self { settings, window: Window::new(settings.window, now) }
    }

    pub(crate) fn request(&mut self, now: Instant) {
        self.window.add_good(now);
    }

    /// Takes a retry out of the budget, if there is one left.
    pub(crate) fn take(&mut self, now: Instant) -> bool {
        let spent = self.window.read(now);
        let allowed = f64::from(spent.good) * self.settings.per_request;
        let is_left = f64::from(spent.bad) < allowed + f64::from(self.settings.always);
        if is_left {
            self.window.add_bad(now);
        }
        is_left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// G-6: retries help single requests and never become a storm.
    #[test]
    fn retries_stay_a_fifth_of_the_requests() {
        let start = Instant::now();
        let mut budget = RetryBudget::new(RetryBudgetSettings::default(), start);
        let mut retries = 0;
        for request in 0..1_000_u64 {
            let now = start + Duration::from_millis(request);
            budget.request(now);
            // Each request would like to try twice more.
            retries += u32::from(budget.take(now)) + u32::from(budget.take(now));
        }
        assert_eq!(retries, 210);
        let later = start + Duration::from_secs(60);
        assert_eq!((0..50).filter(|_| budget.take(later)).count(), 10);
    }
}
