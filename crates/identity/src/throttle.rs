//! The brake on guessing passwords: after a few failures each further one costs waiting time.

use std::time::Duration;

use domain::Instant;

/// Failed attempts so far, of one account or one network address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Attempts {
    /// Failures since the last success or quiet period.
    pub failures: u32,
    /// When the last failure was.
    pub last_failure: Option<Instant>,
}

/// How many failures are free, and how long waiting grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ThrottlePolicy {
    /// Failures without consequence.
    pub free_failures: u32,
    /// Waiting time after the first failure too many; doubles with each further one.
    pub first_wait: Duration,
    /// Longest waiting time, so that nobody can lock a colleague out for good.
    pub longest_wait: Duration,
    /// After so long without a failure all is forgotten.
    pub forget_after: Duration,
}

impl ThrottlePolicy {
    /// For one account.
    pub const ACCOUNT: Self = Self {
        free_failures: 5,
        first_wait: Duration::from_secs(30),
        longest_wait: Duration::from_mins(15),
        forget_after: Duration::from_hours(1),
    };

    /// For one network address; wider, as an authority may share one address.
    pub const ADDRESS: Self = Self { free_failures: 30, ..Self::ACCOUNT };

    /// Returns how long a caller still has to wait, or `None` if an attempt is allowed now.
    #[must_use]
    pub fn remaining_wait(&self, attempts: Attempts, now: Instant) -> Option<Duration> {
        let last_failure = attempts.last_failure?;
        let excess = attempts.failures.checked_sub(self.free_failures)?;
        if now.since(last_failure) >= self.forget_after {
            return None;
        }
        let wait =
            self.first_wait.saturating_mul(2_u32.saturating_pow(excess)).min(self.longest_wait);
        wait.checked_sub(now.since(last_failure)).filter(|rest| !rest.is_zero())
    }

    /// Counts one more failure.
    #[must_use]
    pub fn failed(&self, attempts: Attempts, now: Instant) -> Attempts {
        let quiet = attempts.last_failure.is_none_or(|last| now.since(last) >= self.forget_after);
        let failures = if quiet { 1 } else { attempts.failures.saturating_add(1) };
        Attempts { failures, last_failure: Some(now) }
    }
}
