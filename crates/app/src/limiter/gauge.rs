//! One limit of one scope in this process: what is claimed of it, and how much may be. Pure numbers;
//! knows no clock and no database.
//!
//! A process alone may claim whatever the limit leaves. One of several may claim what it has leased
//! (`store::leases`), and asks for more before that is used up.

use domain::Meter;
use store::{LeaseAsk, LeaseGiven};

/// After so many exchanges without a claim, what lies unused is given back where it is scarce.
const IDLE_EXCHANGES: u32 = 4;

/// What became of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Claim {
    /// It is made.
    Made,
    /// Nothing is left for it.
    Full,
    /// More must be leased first.
    Ask,
}

/// The state of one limit.
#[derive(Debug, Clone, Default)]
pub(crate) struct Gauge {
    /// A minute since 1970, a month, or 0.
    pub(crate) period: i64,
    /// What the sums in the database say, as far as known here.
    pub(crate) base: u64,
    /// What this process has used, or has under way, beyond `base`.
    pub(crate) claimed: u64,
    /// The part of it that belongs to requests under way.
    pub(crate) under_way: u64,
    /// The part of it that is written down but perhaps not in the sums: since the journal was last
    /// moved, and being moved now.
    recorded: [u64; 2],
    /// What this process may claim; of no meaning for a process alone.
    pub(crate) leased: u64,
    /// What the database says that this process has leased: all others have to do without it.
    told: u64,
    /// The part of it that lies beyond the limit, for one request.
    beyond: u64,
    /// What other processes have claimed.
    pub(crate) others: u64,
    /// What was claimed since the last exchange.
    recent: u64,
    /// What a request waits for.
    pub(crate) need: u64,
    /// Exchanges in a row without a claim.
    idle: u32,
    /// Whether an exchange could not serve what was asked, and it is too early to ask again.
    pub(crate) is_dry: bool,
    /// Leased for the minute to come.
    pub(crate) next: Option<(i64, u64)>,
    /// Whether something was claimed beyond the lease because the database is away.
    graced: bool,
}

impl Gauge {
    /// Moves on to another minute or month. What is under way in a month goes with it.
    pub(crate) fn roll(&mut self, period: i64, carries: bool) {
        if self.period == period {
            return;
        }
        let leased = self.next.filter(|(at, _)| *at == period).map_or(0, |(_, leased)| leased);
        let kept = if carries { self.under_way } else { 0 };
        let told = leased;
        *self = Self { period, claimed: kept, under_way: kept, leased, told, ..Self::default() };
    }

    /// Claims `amount`, the most that a request may take. As long as the limit leaves anything while
    /// all that is under way counts at its most, one more may begin: the last one alone goes beyond it.
    pub(crate) fn claim(&mut self, amount: u64, limit: u64, is_shared: bool) -> Claim {
        if is_shared {
            let fits = self.claimed.saturating_add(amount) <= self.leased;
            if !fits || !self.has_room_leased() {
                if self.is_dry {
                    return Claim::Full;
                }
                self.need = self.need.max(amount);
                return Claim::Ask;
            }
        } else if self.base.saturating_add(self.claimed) >= limit {
            return Claim::Full;
        }
        self.force(amount);
        Claim::Made
    }

    /// Whether anything is left of what was leased within the limit.
    const fn has_room_leased(&self) -> bool {
        self.claimed < self.leased.saturating_sub(self.beyond)
    }

    /// Whether there is room as soon as requests of this process end that take less than they may.
    pub(crate) fn is_crowded(&self, limit: u64) -> bool {
        self.under_way > 0 && self.used().saturating_add(self.others) < limit
    }

    /// Goes on although a budget is used up, with routes that what is left pays for. Returns what was
    /// claimed, and what a call may cost.
    pub(crate) fn stretch(
        &mut self,
        meter: Meter,
        amount: u64,
        limit: u64,
        is_shared: bool,
    ) -> (u64, u64) {
        let left = self.left(limit, is_shared);
        let (claimed, pays) = match meter {
            Meter::MonthCost => (amount.min(left), left),
            _ => (amount, 0),
        };
        self.force(claimed);
        (claimed, pays)
    }

    /// Claims whatever the limit says.
    pub(crate) fn force(&mut self, amount: u64) {
        self.claimed = self.claimed.saturating_add(amount);
        self.under_way = self.under_way.saturating_add(amount);
        self.recent = self.recent.saturating_add(amount);
    }

    /// Takes a claim back.
    pub(crate) fn release(&mut self, amount: u64) {
        self.claimed = self.claimed.saturating_sub(amount);
        self.under_way = self.under_way.saturating_sub(amount);
    }

    /// A claim was made for good.
    pub(crate) fn use_up(&mut self, amount: u64) {
        self.under_way = self.under_way.saturating_sub(amount);
    }

    /// Something was used that nobody had claimed, or other than claimed.
    pub(crate) fn charge(&mut self, amount: u64) {
        self.claimed = self.claimed.saturating_add(amount);
    }

    /// Something was used and written down.
    pub(crate) fn record(&mut self, amount: u64) {
        self.charge(amount);
        self.recorded[0] = self.recorded[0].saturating_add(amount);
    }

    /// The journal begins to be moved to the sums.
    pub(crate) fn begin_settling(&mut self) {
        self.recorded[1] = self.recorded[1].saturating_add(std::mem::take(&mut self.recorded[0]));
    }

    /// The journal was moved: what was recorded before is in the sums.
    pub(crate) fn settled(&mut self) {
        let moved = std::mem::take(&mut self.recorded[1]);
        self.claimed = self.claimed.saturating_sub(moved);
        self.leased = self.leased.saturating_sub(moved);
        self.base = self.base.saturating_add(moved);
    }

    /// What is left at this moment, as far as this process knows.
    pub(crate) fn left(&self, limit: u64, is_shared: bool) -> u64 {
        let others = if is_shared { self.others } else { 0 };
        limit.saturating_sub(self.base.saturating_add(others).saturating_add(self.claimed))
    }

    /// What is used at this moment, without what is only under way.
    pub(crate) fn used(&self) -> u64 {
        self.base.saturating_add(self.claimed.saturating_sub(self.under_way))
    }

    /// Whether more should be leased before somebody must wait for it.
    pub(crate) fn runs_low(&self) -> bool {
        !self.is_dry && self.leased.saturating_sub(self.claimed) < self.recent / 2
    }

    /// Whether an exchange has anything to say.
    pub(crate) fn is_active(&self) -> bool {
        self.holds() || self.next.is_some()
    }

    /// Whether others have to do without something because of this process, or it without something
    /// because of them.
    pub(crate) fn holds(&self) -> bool {
        self.claimed > 0 || self.leased > 0 || self.told > 0 || self.need > 0 || self.is_dry
    }

    /// Somebody may ask again: others may have given something back, or the limit may be another.
    pub(crate) fn look_again(&mut self) {
        self.is_dry = false;
    }

    /// What to tell the database, and ask of it: holding, need, expected. From here on no more is
    /// claimed than is held.
    pub(crate) fn ask(&mut self, limit: u64) -> (u64, u64, u64) {
        self.idle = if self.recent == 0 { self.idle.saturating_add(1) } else { 0 };
        let taken = self.base.saturating_add(self.others).saturating_add(self.leased);
        let is_scarce = limit.saturating_sub(taken) <= limit / 4;
        if is_scarce && self.idle >= IDLE_EXCHANGES {
            self.leased = self.claimed;
        }
        // What lies beyond the limit is for one request alone, and goes back with it.
        let within = self.leased.saturating_sub(self.beyond);
        self.leased = within.max(self.claimed);
        self.beyond = self.leased - within;
        let recent = std::mem::take(&mut self.recent);
        let headroom = self.leased - self.claimed;
        let expected = match recent {
            0 => 0,
            // Some in reserve where there is plenty, so that few requests ever wait.
            _ if !is_scarce => (recent * 2).max(limit / 64),
            _ => recent * 2,
        };
        (self.leased, self.need, expected.saturating_sub(headroom))
    }

    /// Takes in what the database gave for what was asked.
    pub(crate) fn take_in(&mut self, ask: &LeaseAsk, given: LeaseGiven) {
        self.leased = self.leased.saturating_add(given.leased.saturating_sub(ask.holding));
        let all = given.base.saturating_add(given.others).saturating_add(given.leased);
        self.beyond = all.saturating_sub(ask.limit);
        self.base = given.base;
        self.others = given.others;
        self.told = given.leased;
        self.graced = false;
        if ask.need > 0 {
            self.need = 0;
            let fits = self.claimed.saturating_add(ask.need) <= self.leased;
            self.is_dry = !fits || !self.has_room_leased();
        }
    }

    /// The database does not answer: a bounded part of the limit may be claimed all the same.
    pub(crate) fn grace(&mut self, part: u64) {
        if !self.graced {
            self.graced = true;
            self.leased = self.leased.max(self.claimed).saturating_add(part);
            self.is_dry = false;
        }
        // What does not fit now will not fit while the database is away.
        self.is_dry |= self.claimed.saturating_add(self.need) > self.leased;
        self.need = 0;
    }
}
