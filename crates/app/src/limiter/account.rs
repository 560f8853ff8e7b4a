//! All limits of one scope in this process.

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use domain::{AtLimit, Instant, LimitScope, Meter, Month, TenantId, UsageLimit};

use tokio::sync::{Notify, Semaphore};

use super::gauge::{Claim, Gauge};

/// A minute in microseconds.
const MINUTE: i64 = 60_000_000;
/// What is said about places where nothing is known of how long calls take.
const CALL_UNKNOWN: Duration = Duration::from_secs(5);
/// The least and the most that is said about when a place becomes free.
const RETRY_MIN: Duration = Duration::from_secs(1);
const RETRY_MAX: Duration = Duration::from_secs(120);

/// Most calls that wait at a limit for others to end; beyond: refused.
const WAITING_MAX: usize = 64;

/// The meters' places in lists.
pub(crate) const METERS: usize = Meter::ALL.len();

/// What a request needs of each meter, 0 where the meter does not concern it, in the order of [`Meter::ALL`].
pub(crate) type Amounts = [u64; METERS];

/// What was claimed of each meter, with its period.
pub(crate) type Claims = [Option<(i64, u64)>; METERS];

/// The periods of a moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Now {
    pub(crate) at: Instant,
    pub(crate) minute: i64,
    pub(crate) month: Month,
}

impl Now {
    pub(crate) fn new() -> Self {
        let at = Instant::now();
        Self { at, minute: at.micros().div_euclid(MINUTE), month: Month::of(at) }
    }

    pub(crate) fn period(&self, meter: Meter) -> i64 {
        match meter {
            Meter::Requests | Meter::Tokens => self.minute,
            Meter::Concurrent => 0,
            Meter::MonthTokens | Meter::MonthCost => self.month.number(),
        }
    }

    pub(crate) fn minute_left(&self) -> Duration {
        Instant::from_micros((self.minute + 1) * MINUTE).since(self.at)
    }

    pub(crate) fn month_left(&self) -> Duration {
        self.month.end().since(self.at)
    }
}

/// A scope with limits.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) tenant: TenantId,
    pub(crate) scope: LimitScope,
    /// Whether the next exchange looks at it.
    pub(crate) is_listed: AtomicBool,
    /// Whether something of it was recorded since the journal was last moved.
    pub(crate) is_recorded: AtomicBool,
    /// A call has ended.
    pub(crate) freed: Notify,
    /// Calls that may wait for others to end.
    pub(crate) seats: Semaphore,
    state: Mutex<State>,
}

/// What changes about it.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) limit: UsageLimit,
    pub(crate) gauges: [Gauge; METERS],
    /// Moving average of how long its calls take.
    pub(crate) call: Option<Duration>,
}

/// Why a request has no room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Exceeded {
    pub(crate) scope: LimitScope,
    pub(crate) meter: Meter,
    pub(crate) limit: u64,
    pub(crate) retry_after: Duration,
}

/// What became of claiming all that a request needs of one scope.
pub(crate) enum Claimed {
    /// It is claimed.
    All(Granted),
    /// Something must be leased first; what is to be said if that does not come.
    Ask(Exceeded),
    /// There is no room.
    Exceeded(Exceeded),
    /// There is none, but may be as soon as others under way turn out to take less than they may.
    Crowded(Exceeded),
}

/// What was claimed of one scope.
pub(crate) struct Granted {
    pub(crate) claims: Claims,
    /// The most that the call may cost.
    pub(crate) cost_max: Option<u64>,
    /// Whether a lease will soon be used up.
    pub(crate) runs_low: bool,
}

impl Account {
    pub(crate) fn new(tenant: TenantId, scope: LimitScope, limit: UsageLimit) -> Self {
        let state = State { limit, gauges: Default::default(), call: None };
        let (is_listed, is_recorded) = (AtomicBool::new(false), AtomicBool::new(false));
        let (freed, seats) = (Notify::new(), Semaphore::new(WAITING_MAX));
        Self { tenant, scope, is_listed, is_recorded, freed, seats, state: Mutex::new(state) }
    }

    /// Held for moments only, never across a wait.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        // Plain numbers, valid after any panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the exchange does not know of it yet; from now on it does.
    pub(crate) fn list(&self) -> bool {
        !self.is_listed.swap(true, Ordering::AcqRel)
    }

    /// Claims all that a request needs, or nothing.
    pub(crate) fn claim(&self, amounts: &Amounts, now: &Now, is_shared: bool) -> Claimed {
        let mut state = self.state();
        let limit = state.limit;
        let mut granted = Granted { claims: Claims::default(), cost_max: None, runs_low: false };
        let mut short = None;
        for (index, meter) in Meter::ALL.into_iter().enumerate() {
            let Some(most) = limit.of(meter) else { continue };
            let amount = amounts[index];
            if amount == 0 {
                continue;
            }
            let period = now.period(meter);
            let gauge = &mut state.gauges[index];
            gauge.roll(period, meter.is_budget());
            let claim = match limit.at_limit {
                AtLimit::Notify => {
                    gauge.force(amount);
                    Claim::Made
                }
                AtLimit::Refuse | AtLimit::Cheaper => gauge.claim(amount, most, is_shared),
            };
            let is_budget_to_stretch = limit.at_limit == AtLimit::Cheaper && meter.is_budget();
            let claimed = match claim {
                Claim::Made => amount,
                Claim::Full if is_budget_to_stretch => {
                    let (claimed, pays) = gauge.stretch(meter, amount, most, is_shared);
                    granted.cost_max = granted.cost_max.into_iter().chain([pays]).min();
                    claimed
                }
                Claim::Full | Claim::Ask => {
                    let retry_after = state.retry_after(index, meter, most, now);
                    let scope = self.scope.clone();
                    let exceeded = Exceeded { scope, meter, limit: most, retry_after };
                    if claim == Claim::Full {
                        let is_crowded = state.is_crowded(index, meter, most);
                        state.release(&granted.claims);
                        return match is_crowded {
                            true => Claimed::Crowded(exceeded),
                            false => Claimed::Exceeded(exceeded),
                        };
                    }
                    // Whatever else must be leased is asked for at the same time.
                    short = short.or(Some(exceeded));
                    continue;
                }
            };
            granted.runs_low |= is_shared && gauge.runs_low();
            granted.claims[index] = Some((period, claimed));
        }
        match short {
            None => Claimed::All(granted),
            Some(exceeded) => {
                state.release(&granted.claims);
                Claimed::Ask(exceeded)
            }
        }
    }

    /// What a meter is limited to.
    pub(crate) fn limits(&self, meter: Meter) -> Option<u64> {
        self.state().limit.of(meter)
    }

    /// Whether a limit depends on how much a call takes.
    pub(crate) fn counts_use(&self) -> bool {
        let limit = self.state().limit;
        let counts = [Meter::Tokens, Meter::MonthTokens, Meter::MonthCost];
        counts.into_iter().any(|meter| limit.of(meter).is_some())
    }

    /// What happens when one of the limits is reached.
    pub(crate) fn at_limit(&self) -> AtLimit {
        self.state().limit.at_limit
    }

    /// What is left of a limit at this moment, as far as this process knows; `None`: no limit.
    pub(crate) fn left(&self, meter: Meter, is_shared: bool) -> Option<u64> {
        let mut state = self.state();
        let limit = state.limit.of(meter)?;
        let gauge = &mut state.gauges[meter as usize];
        gauge.roll(Now::new().period(meter), meter.is_budget());
        Some(gauge.left(limit, is_shared))
    }

    /// The longest request.
    pub(crate) fn context_tokens(&self) -> Option<u64> {
        let limit = self.state().limit;
        limit.context_tokens.filter(|_| limit.at_limit != AtLimit::Notify)
    }

    /// What is used of a rate or of the places at this moment, in all processes.
    pub(crate) fn used(&self, meter: Meter, now: &Now) -> u64 {
        let mut state = self.state();
        let gauge = &mut state.gauges[meter as usize];
        gauge.roll(now.period(meter), meter.is_budget());
        gauge.claimed.saturating_add(gauge.others)
    }

    /// Takes claims back, as of a request that was never sent.
    pub(crate) fn release(&self, claims: &Claims) {
        self.state().release(claims);
        self.freed.notify_waiters();
    }

    /// Puts what a call took in place of what was claimed for it. Tokens count in the minute in which
    /// the request began.
    pub(crate) fn settle(&self, claims: &Claims, used: &Amounts, now: &Now) {
        let mut state = self.state();
        for (index, meter) in Meter::ALL.into_iter().enumerate() {
            if state.limit.of(meter).is_none() {
                continue;
            }
            let gauge = &mut state.gauges[index];
            gauge.roll(now.period(meter), meter.is_budget());
            let claim = claims[index].filter(|(period, _)| {
                // What was under way went along into the new month.
                *period == gauge.period || meter.is_budget()
            });
            match (meter, claim) {
                (Meter::Requests, Some((_, amount))) => gauge.use_up(amount),
                (Meter::Requests, None) => {}
                (Meter::Concurrent, Some((_, amount))) => gauge.release(amount),
                (Meter::Concurrent, None) => {}
                (Meter::Tokens, Some((_, amount))) => {
                    gauge.charge(used[index]);
                    gauge.release(amount);
                }
                (Meter::Tokens, None) => {}
                (Meter::MonthTokens | Meter::MonthCost, claim) => {
                    gauge.record(used[index]);
                    if let Some((_, amount)) = claim {
                        gauge.release(amount);
                    }
                }
            }
        }
    }

    /// Learns how long a call took that has ended.
    pub(crate) fn took(&self, time: Duration) {
        let mut state = self.state();
        state.call = Some(state.call.map_or(time, |before| (before * 7 + time) / 8));
        drop(state);
        self.freed.notify_waiters();
    }
}

impl State {
    fn release(&mut self, claims: &Claims) {
        for (gauge, claim) in self.gauges.iter_mut().zip(claims) {
            if let Some((period, amount)) = claim
                && *period == gauge.period
            {
                gauge.release(*amount);
            }
        }
    }

    fn is_crowded(&self, index: usize, meter: Meter, limit: u64) -> bool {
        let is_estimated = !matches!(meter, Meter::Requests | Meter::Concurrent);
        is_estimated && self.gauges[index].is_crowded(limit)
    }

    /// When there will be room again.
    fn retry_after(&self, index: usize, meter: Meter, limit: u64, now: &Now) -> Duration {
        let gauge = &self.gauges[index];
        let by_calls = || {
            let calls = u32::try_from(self.gauges[2].under_way.max(1)).unwrap_or(u32::MAX);
            (self.call.unwrap_or(CALL_UNKNOWN) / calls).clamp(RETRY_MIN, RETRY_MAX)
        };
        match meter {
            Meter::Tokens if gauge.is_crowded(limit) => by_calls().min(now.minute_left()),
            Meter::Requests | Meter::Tokens => now.minute_left(),
            Meter::Concurrent => by_calls(),
            // Others are under way that may take less than they have claimed.
            _ if gauge.used() < limit => by_calls(),
            _ => now.month_left(),
        }
    }
}
