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
    /// One failure is forgotten each time this passes, for what many people share.
    pub forget_one_after: Option<Duration>,
}

impl ThrottlePolicy {
    /// For one account as tried from one network address.
    pub const ACCOUNT_AT_ADDRESS: Self = Self {
        free_failures: 5,
        first_wait: Duration::from_secs(30),
        longest_wait: Duration::from_mins(15),
        forget_after: Duration::from_hours(1),
        forget_one_after: None,
    };

    /// For one account from anywhere; wide, so that a stranger cannot lock its owner out with a few
    /// wrong guesses.
    pub const ACCOUNT: Self = Self { free_failures: 50, ..Self::ACCOUNT_AT_ADDRESS };

    /// For one network address, which a whole office may share.
    pub const ADDRESS: Self = Self {
        free_failures: 100,
        forget_one_after: Some(Duration::from_mins(1)),
        ..Self::ACCOUNT_AT_ADDRESS
    };

    /// Returns how long a caller still has to wait, or `None` if an attempt is allowed now.
    #[must_use]
    pub fn remaining_wait(&self, attempts: Attempts, now: Instant) -> Option<Duration> {
        let last_failure = attempts.last_failure?;
        let excess = self.remembered(attempts, now).checked_sub(self.free_failures)?;
        let wait =
            self.first_wait.saturating_mul(2_u32.saturating_pow(excess)).min(self.longest_wait);
        wait.checked_sub(now.since(last_failure)).filter(|rest| !rest.is_zero())
    }

    /// Counts one more failure.
    #[must_use]
    pub fn failed(&self, attempts: Attempts, now: Instant) -> Attempts {
        let failures = self.remembered(attempts, now).saturating_add(1);
        Attempts { failures, last_failure: Some(now) }
    }

    /// The failures that still count.
    fn remembered(&self, attempts: Attempts, now: Instant) -> u32 {
        let Some(last_failure) = attempts.last_failure else { return 0 };
        let quiet = now.since(last_failure);
        if quiet >= self.forget_after {
            return 0;
        }
        let forgotten =
            self.forget_one_after.map_or(0, |each| quiet.as_secs() / each.as_secs().max(1));
        attempts.failures.saturating_sub(u32::try_from(forgotten).unwrap_or(u32::MAX))
    }
}
