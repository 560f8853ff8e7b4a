//! What a call has claimed of limits, until it is settled. Dropped unsettled, everything is given
//! back: the call was never sent.

use std::{sync::Arc, time::Duration};

use domain::Meter;
use tokio::time::Instant;

use super::{
    Limiter,
    account::{Account, Amounts, Claims, Now},
};

/// What a call has claimed.
pub(crate) struct Reservation {
    limiter: Arc<Limiter>,
    entries: Vec<(Arc<Account>, Claims)>,
    cost_max: Option<u64>,
    answer_max: Option<u64>,
    since: Instant,
}

/// What is left of one rate, by the limit that leaves the least.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// The limit.
    pub limit: u64,
    /// What is left of it in this minute.
    pub remaining: u64,
}

/// What is left of the rates in this minute, for whoever plans their requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Allowance {
    /// Requests.
    pub requests: Option<Rate>,
    /// Tokens.
    pub tokens: Option<Rate>,
    /// Until the next minute begins.
    pub reset: Duration,
}

impl Reservation {
    pub(crate) fn new(limiter: &Arc<Limiter>) -> Self {
        let limiter = Arc::clone(limiter);
        Self {
            limiter,
            entries: Vec::new(),
            cost_max: None,
            answer_max: None,
            since: Instant::now(),
        }
    }

    pub(super) fn add(&mut self, account: &Arc<Account>, claims: Claims, cost_max: Option<u64>) {
        self.entries.push((Arc::clone(account), claims));
        self.cost_max = self.cost_max.into_iter().chain(cost_max).min();
    }

    /// The most that the call may cost, where a budget says so.
    pub(crate) fn cost_max(&self) -> Option<u64> {
        self.cost_max
    }

    /// With the longest answer that the call may have, in tokens.
    pub(crate) fn bounding_answers(mut self, answer_max: Option<u64>) -> Self {
        self.answer_max = answer_max;
        self
    }

    /// The longest answer that the call may have, where a limit says so and the request does not.
    pub(crate) fn answer_max(&self) -> Option<u64> {
        self.answer_max
    }

    /// Gives everything back.
    pub(super) fn cancel(&mut self) {
        for (account, claims) in self.entries.drain(..) {
            account.release(&claims);
        }
    }

    /// A request without a call: what was claimed of rates stays used.
    pub(crate) fn use_up(mut self) {
        let now = Now::new();
        for (account, claims) in self.entries.drain(..) {
            account.settle(&claims, &Amounts::default(), &now);
        }
    }

    /// Puts what the call took in place of what was claimed; `binding` are the scopes that bind it
    /// now, which may have become more since it began. The call must be in the journal by now.
    pub(crate) fn settle(mut self, binding: &[Arc<Account>], used: Amounts) {
        let (now, took) = (Now::new(), self.since.elapsed());
        for account in binding {
            if !self.entries.iter().any(|(known, _)| Arc::ptr_eq(known, account)) {
                self.entries.push((Arc::clone(account), Claims::default()));
            }
        }
        let entries = std::mem::take(&mut self.entries);
        for (account, claims) in &entries {
            account.settle(claims, &used, &now);
            account.took(took);
        }
        let accounts: Vec<Arc<Account>> = entries.into_iter().map(|(account, _)| account).collect();
        self.limiter.recorded(&accounts);
    }
}

impl Allowance {
    /// What is left of the rates of these scopes; `None` if they have none.
    pub(crate) fn of(accounts: &[Arc<Account>], is_shared: bool) -> Option<Self> {
        let now = Now::new();
        let mut allowance = Self { reset: now.minute_left(), ..Self::default() };
        for account in accounts {
            let mut state = account.state();
            for (meter, rate) in
                [(Meter::Requests, &mut allowance.requests), (Meter::Tokens, &mut allowance.tokens)]
            {
                let Some(limit) = state.limit.of(meter) else { continue };
                let gauge = &mut state.gauges[meter as usize];
                gauge.roll(now.period(meter), false);
                let remaining = gauge.left(limit, is_shared);
                if rate.is_none_or(|rate| remaining < rate.remaining) {
                    *rate = Some(Rate { limit, remaining });
                }
            }
        }
        (allowance.requests.is_some() || allowance.tokens.is_some()).then_some(allowance)
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.cancel();
    }
}
