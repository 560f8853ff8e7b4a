//! Who may have how much of the models at this moment: requests and tokens a minute, requests at the
//! same time, budgets of the month, for everybody whom a limit binds. Reserved before a call, settled
//! after it.
//!
//! A request costs a look into a table and a short lock for each limit that binds it, however many
//! limits there are. Several processes share limits by leases, see `store::leases`; a request waits
//! for the database only when the lease of one of its limits is used up.

pub(crate) mod account;
mod exchange;
mod gauge;
mod reservation;
mod rules;
#[cfg(test)]
mod tests;

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

pub(crate) use account::{Account, Amounts};
use account::{Claimed, Exceeded, Now};
use arc_swap::ArcSwap;
use domain::{LimitScope, Principal};
pub(crate) use reservation::Reservation;
pub use reservation::{Allowance, Rate};
pub(crate) use rules::Rules;
use tokio::{
    sync::{Notify, watch},
    time::Instant,
};

use crate::{renewal::Renewal, units::UnitTree};

/// How often a request asks for a lease before it counts as refused.
const ASKS_MAX: usize = 4;
/// Longest wait for a lease; after it the request counts as refused for now.
const WAIT_MAX: Duration = Duration::from_secs(2);
/// Longest wait for others under way that may take less than was reserved for them; after it the
/// request is refused.
const CROWD_MAX: Duration = Duration::from_secs(5);
/// How often a request that waits asks again although none of this process has ended: others may have.
const CROWD_LOOK: Duration = Duration::from_millis(250);

/// Decides about limits in this process.
pub(crate) struct Limiter {
    rules: ArcSwap<Rules>,
    units: Arc<UnitTree>,
    /// The rules are read one at a time: two would each make an account for the same new limit.
    pub(crate) renewal: Renewal<()>,
    /// Whether other processes use the same database.
    is_shared: bool,
    /// Scopes that the next exchange looks at.
    listed: Mutex<Vec<Arc<Account>>>,
    /// Scopes of which something was recorded since the journal was last moved, and before.
    recorded: Mutex<[Vec<Arc<Account>>; 2]>,
    /// Somebody waits for a lease, or will soon.
    wanted: Notify,
    /// Counts exchanges.
    exchanged: watch::Sender<u64>,
    is_away: AtomicBool,
}

/// Why a call may not begin.
struct Refusal {
    exceeded: Exceeded,
    remedy: Remedy,
}

/// What may help.
enum Remedy {
    /// To ask for a lease.
    Lease,
    /// To wait until a call ends that this scope binds.
    Turn(Arc<Account>),
    /// Nothing for now.
    Nothing,
}

impl Limiter {
    pub(crate) fn new(is_shared: bool, units: Arc<UnitTree>) -> Self {
        Self {
            rules: ArcSwap::default(),
            units,
            renewal: Renewal::default(),
            is_shared,
            listed: Mutex::default(),
            recorded: Mutex::default(),
            wanted: Notify::new(),
            exchanged: watch::Sender::new(0),
            is_away: AtomicBool::new(false),
        }
    }

    pub(crate) fn rules(&self) -> Arc<Rules> {
        self.rules.load_full()
    }

    pub(crate) fn is_shared(&self) -> bool {
        self.is_shared
    }

    /// The scopes with limits that bind a call.
    pub(crate) fn binding(&self, principal: &Principal, model: &str) -> Vec<Arc<Account>> {
        self.rules.load().binding(principal, &self.units, model)
    }

    /// Reserves the most that a call can take of all scopes that bind it, or says which has no room.
    /// Where only the claims of others stand in the way, it waits a while for them.
    pub(crate) async fn reserve(
        self: &Arc<Self>,
        accounts: &[Arc<Account>],
        amounts: Amounts,
    ) -> Result<Reservation, Exceeded> {
        let until = Instant::now() + CROWD_MAX;
        loop {
            let refusal = match self.reserve_leased(accounts, &amounts).await {
                Ok(reservation) => return Ok(reservation),
                Err(refusal) => refusal,
            };
            let Remedy::Turn(crowded) = &refusal.remedy else { return Err(refusal.exceeded) };
            let Ok(_seat) = crowded.seats.try_acquire() else { return Err(refusal.exceeded) };
            let mut freed = std::pin::pin!(crowded.freed.notified());
            freed.as_mut().enable();
            // Whoever ended before this was listening is seen here.
            match self.try_reserve(accounts, &amounts) {
                Ok(reservation) => return Ok(reservation),
                Err(refusal) if Instant::now() >= until => return Err(refusal.exceeded),
                Err(_) => {}
            }
            let look = until.min(Instant::now() + CROWD_LOOK);
            let _ = tokio::time::timeout_at(look, freed).await;
        }
    }

    async fn reserve_leased(
        self: &Arc<Self>,
        accounts: &[Arc<Account>],
        amounts: &Amounts,
    ) -> Result<Reservation, Refusal> {
        let mut tried = self.try_reserve(accounts, amounts);
        for _ in 0..ASKS_MAX {
            if let Err(Refusal { remedy: Remedy::Lease, .. }) = tried {
                let mut exchanged = self.exchanged.subscribe();
                self.wanted.notify_one();
                let _ = tokio::time::timeout(WAIT_MAX, exchanged.changed()).await;
                tried = self.try_reserve(accounts, amounts);
            } else {
                break;
            }
        }
        tried
    }

    fn try_reserve(
        self: &Arc<Self>,
        accounts: &[Arc<Account>],
        amounts: &Amounts,
    ) -> Result<Reservation, Refusal> {
        let now = Now::new();
        // Dropped with a refusal, it gives back what was claimed before that.
        let mut reservation = Reservation::new(self);
        let (mut short, mut runs_low) = (None, false);
        for account in accounts {
            self.list(account);
            match account.claim(amounts, &now, self.is_shared) {
                Claimed::All(granted) => {
                    runs_low |= granted.runs_low;
                    reservation.add(account, granted.claims, granted.cost_max);
                }
                // Others may have to be asked too: all at once.
                Claimed::Ask(exceeded) => short = short.or(Some(exceeded)),
                Claimed::Exceeded(exceeded) => {
                    return Err(Refusal { exceeded, remedy: Remedy::Nothing });
                }
                Claimed::Crowded(exceeded) => {
                    return Err(Refusal { exceeded, remedy: Remedy::Turn(Arc::clone(account)) });
                }
            }
        }
        if let Some(exceeded) = short {
            return Err(Refusal { exceeded, remedy: Remedy::Lease });
        }
        if runs_low {
            self.wanted.notify_one();
        }
        Ok(reservation)
    }

    /// Lets the next exchange look at a scope.
    fn list(&self, account: &Arc<Account>) {
        if self.is_shared && account.list() {
            let mut listed = self.listed.lock().unwrap_or_else(PoisonError::into_inner);
            listed.push(Arc::clone(account));
        }
    }

    /// Something of these scopes was written into the journal.
    fn recorded(&self, accounts: &[Arc<Account>]) {
        let mut recorded = self.recorded.lock().unwrap_or_else(PoisonError::into_inner);
        for account in accounts {
            if !account.is_recorded.swap(true, Ordering::AcqRel) {
                recorded[0].push(Arc::clone(account));
            }
        }
    }

    /// The journal begins to be moved to the sums.
    pub(crate) fn begin_settling(&self) {
        let mut recorded = self.recorded.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = std::mem::take(&mut recorded[0]);
        for account in &fresh {
            account.is_recorded.store(false, Ordering::Release);
            account.state().gauges.iter_mut().for_each(gauge::Gauge::begin_settling);
        }
        recorded[1].extend(fresh);
    }

    /// All of the journal was moved to the sums that was there when that began.
    pub(crate) fn settled(&self) {
        let moved = {
            let mut recorded = self.recorded.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut recorded[1])
        };
        for account in moved {
            account.state().gauges.iter_mut().for_each(gauge::Gauge::settled);
            self.list(&account);
        }
    }

    /// The share of whoever calls beside their siblings: of the unit, the person and the key.
    pub(crate) fn weights(&self, principal: &Principal) -> [u32; 3] {
        self.rules.load().weights(principal)
    }

    /// What is known of a scope with limits.
    pub(crate) fn account(
        &self,
        tenant: domain::TenantId,
        scope: &LimitScope,
    ) -> Option<Arc<Account>> {
        self.rules.load().account(tenant, scope)
    }
}
