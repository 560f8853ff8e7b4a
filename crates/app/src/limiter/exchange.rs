//! Keeps limits in step with the database: reads the rules when they have changed, and exchanges
//! leases with other processes.

use std::{
    sync::{Arc, PoisonError, atomic::Ordering},
    time::Duration,
};

use domain::Meter;
use store::{LeaseAsk, MonthSum, Store};
use tokio::time::{Instant, sleep, timeout};

use super::{
    Limiter, Rules,
    account::{Account, Now},
};
use crate::Result;

/// Time between two exchanges where nobody waits for one.
const INTERVAL: Duration = Duration::from_millis(250);
/// Least time between two exchanges: those who come meanwhile are served together.
const GATHER: Duration = Duration::from_millis(2);
/// An exchange that takes longer counts as failed.
const EXCHANGE_MAX: Duration = Duration::from_secs(1);
/// Time between two looks whether the rules have changed in another process.
const RULES_INTERVAL: Duration = Duration::from_secs(2);
/// Time between two rounds of tidying up.
const FORGET_INTERVAL: Duration = Duration::from_mins(5);
/// In the last part of a minute, what the next one will need is leased beforehand.
const PREFETCH: Duration = Duration::from_secs(2);
/// While the database is away, each process may go on with this part of a rate, and of a budget.
const GRACE_RATE: u64 = 4;
const GRACE_BUDGET: u64 = 200;

impl Limiter {
    /// Reads the limits anew. Returns the scopes that had none before.
    ///
    /// # Errors
    /// A database error.
    pub(crate) async fn load(&self, store: &Store) -> Result<Vec<Arc<Account>>> {
        let rules = store.limit_rules().await?;
        let (table, fresh) = Rules::of(rules, &self.rules());
        self.rules.store(Arc::new(table));
        Ok(fresh)
    }

    /// Reads what was used so far of scopes that had no limits before, for a process alone. Nothing
    /// may be moved to the sums meanwhile.
    ///
    /// # Errors
    /// A database error.
    pub(crate) async fn begin(&self, store: &Store, fresh: &[Arc<Account>]) -> Result<()> {
        let now = Now::new();
        let scopes: Vec<_> =
            fresh.iter().map(|account| (account.tenant, account.scope.clone())).collect();
        let sums = store.month_sums(now.month, &scopes).await?;
        for (account, sum) in fresh.iter().zip(sums) {
            account.begin(&now, sum);
        }
        Ok(())
    }

    /// Keeps in step until the future is dropped.
    pub(crate) async fn keep(&self, store: &Store, process: &str) {
        let (mut looked, mut forgot) = (Instant::now(), Instant::now());
        let mut waited = Instant::now();
        loop {
            let _ = timeout(INTERVAL, self.wanted.notified()).await;
            sleep(GATHER).await;
            if self.is_shared {
                // Not at each exchange: two used-up limits would call for one after another.
                let looks_again = waited.elapsed() >= INTERVAL;
                if looks_again {
                    waited = Instant::now();
                }
                self.exchange(store, process, looks_again).await;
            }
            if looked.elapsed() >= RULES_INTERVAL {
                looked = Instant::now();
                self.look_for_rules(store).await;
            }
            if self.is_shared && forgot.elapsed() >= FORGET_INTERVAL {
                forgot = Instant::now();
                // What is left lying is tidied up the next time.
                let _ = timeout(EXCHANGE_MAX, store.forget_leases()).await;
            }
        }
    }

    async fn look_for_rules(&self, store: &Store) {
        let looking = async {
            if store.limits_version().await? != self.rules().version {
                self.renewal.after_change(async |()| self.load(store).await.map(drop)).await?;
            }
            Ok::<(), crate::Error>(())
        };
        if let Ok(Err(error)) = timeout(EXCHANGE_MAX, looking).await {
            tracing::debug!(
                error = &error as &dyn std::error::Error,
                "the limits could not be read"
            );
        }
    }

    /// One exchange for all scopes that are in use. `looks_again`: what was used up may be asked for
    /// anew.
    async fn exchange(&self, store: &Store, process: &str, looks_again: bool) {
        let listed: Vec<Arc<Account>> = {
            let mut listed = self.listed.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *listed)
        };
        let now = Now::new();
        let looks_again = looks_again && !self.is_away.load(Ordering::Relaxed);
        let mut asks = Vec::new();
        for account in listed {
            account.is_listed.store(false, Ordering::Release);
            if account.ask(&now, looks_again, &mut asks) {
                self.list(&account);
            }
        }
        if !asks.is_empty() {
            let rows: Vec<LeaseAsk> = asks.iter().map(|(_, ask)| ask.clone()).collect();
            match timeout(EXCHANGE_MAX, store.exchange_leases(process, &rows)).await {
                Ok(Ok(given)) => {
                    if self.is_away.swap(false, Ordering::Relaxed) {
                        tracing::info!("limits are shared with other processes again");
                    }
                    for ((account, ask), given) in asks.iter().zip(given) {
                        account.take_in(ask, given);
                    }
                }
                failed => {
                    if !self.is_away.swap(true, Ordering::Relaxed) {
                        let error = failed.ok().and_then(|done| done.err());
                        let error = error.as_ref().map(|error| error as &dyn std::error::Error);
                        tracing::warn!(error, "limits are not shared while the database is away");
                    }
                    for (account, ask) in &asks {
                        account.grace(ask);
                    }
                }
            }
        }
        self.exchanged.send_modify(|count| *count += 1);
    }
}

impl Account {
    /// Takes in what was used before.
    pub(super) fn begin(&self, now: &Now, sum: MonthSum) {
        let mut state = self.state();
        for (meter, used) in [(Meter::MonthTokens, sum.tokens), (Meter::MonthCost, sum.nano_euro)] {
            let gauge = &mut state.gauges[meter as usize];
            gauge.roll(now.period(meter), true);
            gauge.base = used;
        }
    }

    /// Adds what to ask the database. Returns whether there will be more to ask.
    pub(super) fn ask(
        self: &Arc<Self>,
        now: &Now,
        looks_again: bool,
        asks: &mut Vec<(Arc<Self>, LeaseAsk)>,
    ) -> bool {
        let mut state = self.state();
        let limit = state.limit;
        let mut goes_on = false;
        for (index, meter) in Meter::ALL.into_iter().enumerate() {
            let Some(most) = limit.of(meter) else { continue };
            let gauge = &mut state.gauges[index];
            gauge.roll(now.period(meter), meter.is_budget());
            if !gauge.is_active() {
                continue;
            }
            goes_on |= gauge.holds();
            if looks_again {
                gauge.look_again();
            }
            let (holding, need, expected) = gauge.ask(most);
            let ask = LeaseAsk {
                tenant: self.tenant,
                scope: self.scope.clone(),
                meter,
                period: gauge.period,
                limit: most,
                claimed: gauge.claimed,
                holding,
                need,
                expected,
            };
            let is_rate = matches!(meter, Meter::Requests | Meter::Tokens);
            if is_rate && gauge.claimed > 0 && gauge.next.is_none() && now.minute_left() < PREFETCH
            {
                let soon = (gauge.claimed / 30).max(1);
                let next = LeaseAsk {
                    period: gauge.period + 1,
                    claimed: 0,
                    holding: 0,
                    need: 0,
                    expected: soon,
                    ..ask.clone()
                };
                asks.push((Arc::clone(self), next));
            }
            asks.push((Arc::clone(self), ask));
        }
        goes_on
    }

    pub(super) fn take_in(&self, ask: &LeaseAsk, given: store::LeaseGiven) {
        let mut state = self.state();
        let gauge = &mut state.gauges[ask.meter as usize];
        if ask.period == gauge.period {
            gauge.take_in(ask, given);
        } else if ask.period == gauge.period + 1 && !ask.meter.is_budget() {
            gauge.next = Some((ask.period, given.leased));
        }
    }

    fn grace(&self, ask: &LeaseAsk) {
        let part = if ask.meter.is_budget() { GRACE_BUDGET } else { GRACE_RATE };
        let mut state = self.state();
        let gauge = &mut state.gauges[ask.meter as usize];
        if ask.period == gauge.period {
            gauge.grace((ask.limit / part).max(1));
        }
    }
}
