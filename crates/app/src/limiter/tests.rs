//! What holds for any sequence of calls, moves of the journal, exchanges and crashes: no limit is
//! passed by more than one running request, and nothing is counted twice (G-9).

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use domain::{LimitScope, Meter, TenantId, UsageLimit};
use proptest::prelude::*;
use store::{LeaseAsk, LeaseGiven, MonthSum};
use tokio::time::Instant;

use super::{
    Limiter, Refusal, Remedy, Reservation,
    account::{Account, Amounts, Now},
    gauge::{Claim, Gauge},
};

const METER: usize = Meter::MonthTokens as usize;
/// The most that one call of the test claims.
const CALL_MAX: u64 = 60;

#[derive(Debug, Clone)]
enum Step {
    /// A call claims so much.
    Reserve(usize, u64),
    /// A caller who waits for a lease gives up.
    GiveUp(usize, u64),
    /// A call under way took this part of its claim, in percent.
    Settle(usize, usize, u64),
    /// A call under way was never sent.
    Drop(usize, usize),
    /// The journal is moved to the sums.
    Move(usize),
    Exchange(usize),
    /// The process is killed; another starts in its place.
    Crash(usize),
    /// What killed processes left in their journals is taken over.
    TakeOver,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let process = 0..3_usize;
    let step = prop_oneof![
        6 => (process.clone(), 1..=CALL_MAX).prop_map(|(p, n)| Step::Reserve(p, n)),
        1 => (process.clone(), 1..=CALL_MAX).prop_map(|(p, n)| Step::GiveUp(p, n)),
        5 => (process.clone(), 0..8_usize, 0..=100_u64).prop_map(|(p, i, n)| Step::Settle(p, i, n)),
        1 => (process.clone(), 0..8_usize).prop_map(|(p, i)| Step::Drop(p, i)),
        2 => process.clone().prop_map(Step::Move),
        2 => process.clone().prop_map(Step::Exchange),
        1 => process.prop_map(Step::Crash),
        1 => Just(Step::TakeOver),
    ];
    proptest::collection::vec(step, 1..120)
}

/// A process with one budget.
struct Process {
    /// Its name among the leases.
    name: usize,
    limiter: Arc<Limiter>,
    account: Arc<Account>,
    under_way: Vec<(Reservation, u64)>,
    journal: u64,
}

/// What outlives processes, and what really happened.
struct House {
    limit: u64,
    is_shared: bool,
    processes: Vec<Process>,
    started: usize,
    sums: u64,
    leases: BTreeMap<usize, u64>,
    /// Journals of killed processes.
    left_behind: Vec<(usize, u64)>,
    used: u64,
    /// The most that one call really took.
    largest: u64,
}

impl House {
    fn new(limit: u64, is_shared: bool) -> Self {
        let mut house = Self {
            limit,
            is_shared,
            processes: vec![],
            started: 0,
            sums: 0,
            leases: BTreeMap::new(),
            left_behind: vec![],
            used: 0,
            largest: 0,
        };
        for _ in 0..if is_shared { 3 } else { 1 } {
            let process = house.process();
            house.processes.push(process);
        }
        house
    }

    fn process(&mut self) -> Process {
        self.started += 1;
        let limit = UsageLimit { tokens_per_month: Some(self.limit), ..UsageLimit::default() };
        let account = Arc::new(Account::new(TenantId::new(), LimitScope::Tenant, limit));
        if !self.is_shared {
            // A process alone takes over what was left behind before it begins.
            self.take_over();
            let sum = MonthSum { tokens: self.sums, ..MonthSum::default() };
            account.begin(&Now::new(), sum);
        }
        Process {
            name: self.started,
            limiter: Arc::new(Limiter::new(self.is_shared, Arc::default())),
            account,
            under_way: vec![],
            journal: 0,
        }
    }

    fn take_over(&mut self) {
        for (name, journal) in std::mem::take(&mut self.left_behind) {
            self.sums += journal;
            self.leases.remove(&name);
        }
    }

    fn exchange(&mut self, index: usize) {
        let process = &self.processes[index];
        let mut asks = Vec::new();
        process.account.ask(&Now::new(), true, &mut asks);
        for (account, ask) in asks {
            let others = self.leases.iter().filter(|(name, _)| **name != process.name);
            let others: u64 = others.map(|(_, leased)| leased).sum();
            let leased = ask.grant(self.sums, others, 3);
            self.leases.insert(process.name, leased);
            account.take_in(&ask, LeaseGiven { base: self.sums, leased, others, processes: 3 });
        }
    }

    fn reserve(&mut self, index: usize, tokens: u64) {
        let amounts: Amounts = [0, 0, 0, tokens, 0];
        for _ in 0..4 {
            let process = &mut self.processes[index];
            let accounts = [Arc::clone(&process.account)];
            match process.limiter.try_reserve(&accounts, &amounts) {
                Ok(reservation) => return process.under_way.push((reservation, tokens)),
                Err(Refusal { remedy: Remedy::Lease, .. }) => self.exchange(index),
                Err(_) => return,
            }
        }
    }

    fn step(&mut self, step: &Step) {
        let count = self.processes.len();
        match *step {
            Step::Reserve(index, tokens) => self.reserve(index % count, tokens),
            Step::GiveUp(index, tokens) => {
                let process = &self.processes[index % count];
                let accounts = [Arc::clone(&process.account)];
                drop(process.limiter.try_reserve(&accounts, &[0, 0, 0, tokens, 0]));
            }
            Step::Settle(index, call, percent) => {
                let process = &mut self.processes[index % count];
                if call < process.under_way.len() {
                    let (reservation, claimed) = process.under_way.remove(call);
                    let used = claimed * percent / 100;
                    process.journal += used;
                    self.used += used;
                    self.largest = self.largest.max(used);
                    reservation.settle(&[Arc::clone(&process.account)], [1, used, 1, used, 0]);
                }
            }
            Step::Drop(index, call) => {
                let process = &mut self.processes[index % count];
                if call < process.under_way.len() {
                    drop(process.under_way.remove(call));
                }
            }
            Step::Move(index) => {
                let process = &mut self.processes[index % count];
                process.limiter.begin_settling();
                self.sums += std::mem::take(&mut process.journal);
                process.limiter.settled();
            }
            Step::Exchange(index) if self.is_shared => self.exchange(index % count),
            Step::Crash(index) => {
                let index = index % count;
                let gone = &self.processes[index];
                self.left_behind.push((gone.name, gone.journal));
                self.processes[index] = self.process();
            }
            Step::TakeOver if self.is_shared => self.take_over(),
            Step::Exchange(_) | Step::TakeOver => {}
        }
    }

    /// All calls end and all journals are moved, those of killed processes too, while the processes
    /// exchange what they have to say.
    fn rest(&mut self) {
        let all = 0..self.processes.len();
        for process in &mut self.processes {
            process.under_way.clear();
        }
        for _ in 0..2 {
            (0..8).for_each(|_| all.clone().for_each(|index| self.exchange(index)));
            all.clone().for_each(|index| self.step(&Step::Move(index)));
            self.take_over();
        }
        all.for_each(|index| self.exchange(index));
    }

    /// What is used beyond the limit is less than one request took; and it cannot become more than
    /// one request may take, whatever those take that are under way.
    fn check(&self) -> Result<(), TestCaseError> {
        prop_assert!(self.used < self.limit + self.largest.max(1), "{}", self.used);
        let most = (self.limit + CALL_MAX).saturating_sub(1);
        prop_assert!(self.used + self.claimed() <= most, "{} and {}", self.used, self.claimed());
        Ok(())
    }

    fn claimed(&self) -> u64 {
        self.processes.iter().flat_map(|p| &p.under_way).map(|(_, claimed)| claimed).sum()
    }
}

proptest! {
    #[test]
    fn a_process_alone_passes_no_limit_and_counts_nothing_twice(
        limit in 0..500_u64,
        steps in steps(),
    ) {
        let mut house = House::new(limit, false);
        for step in &steps {
            house.step(step);
            house.check()?;
            let gauge = house.processes[0].account.state().gauges[METER].clone();
            prop_assert_eq!(gauge.base + gauge.claimed, house.used + house.claimed(), "{:?}", step);
        }
    }

    #[test]
    fn processes_together_pass_no_limit(limit in 0..500_u64, steps in steps()) {
        let mut house = House::new(limit, true);
        for step in &steps {
            house.step(step);
            house.check()?;
        }
        // Once all is moved, the sums are what was used.
        for index in 0..3 {
            house.step(&Step::Move(index));
        }
        house.take_over();
        prop_assert_eq!(house.sums, house.used);
    }
}

proptest! {
    /// Whatever happened: when all is quiet, what is left of a limit is there for whoever asks, and so
    /// is what is added to it.
    #[test]
    fn what_is_left_is_there_for_everybody(
        limit in 1..500_u64,
        steps in steps(),
        more in 0..500_u64,
        index in 0..3_usize,
    ) {
        let mut house = House::new(limit, true);
        for step in &steps {
            house.step(step);
        }
        house.rest();
        for process in &house.processes {
            let leased = process.account.state().gauges[METER].leased;
            let told = house.leases.get(&process.name).copied().unwrap_or_default();
            prop_assert_eq!(told, leased, "others do without what nobody has");
        }
        house.limit += more;
        for process in &house.processes {
            process.account.state().limit.tokens_per_month = Some(house.limit);
        }
        let left = house.limit.saturating_sub(house.used);
        house.reserve(index, left.clamp(1, CALL_MAX));
        let begun = house.processes[index].under_way.len();
        prop_assert_eq!(begun, usize::from(left > 0), "{} left, leased: {:?}", left, house.leases);
    }
}

/// Places at a model are not used up: what other processes had of them and do not need any more goes
/// to whoever does.
#[test]
fn places_that_lie_unused_go_to_whoever_needs_them() {
    const PLACES: u64 = 8;
    let mut gauges: [Gauge; 4] = Default::default();
    let mut leases = [0; 4];
    let exchange = |gauges: &mut [Gauge; 4], leases: &mut [u64; 4], index: usize| {
        let (holding, need, expected) = gauges[index].ask(PLACES);
        let ask = LeaseAsk {
            tenant: TenantId::new(),
            scope: LimitScope::Tenant,
            meter: Meter::Concurrent,
            period: 0,
            limit: PLACES,
            claimed: gauges[index].claimed,
            holding,
            need,
            expected,
        };
        let others = leases.iter().sum::<u64>() - leases[index];
        let leased = ask.grant(0, others, 4);
        leases[index] = leased;
        gauges[index].take_in(&ask, LeaseGiven { base: 0, leased, others, processes: 4 });
    };
    let take = |gauges: &mut [Gauge; 4], leases: &mut [u64; 4], index: usize| {
        let mut claim = gauges[index].claim(1, PLACES, true);
        if claim == Claim::Ask {
            exchange(gauges, leases, index);
            claim = gauges[index].claim(1, PLACES, true);
        }
        claim == Claim::Made
    };
    for index in [0, 1, 2, 3, 0, 1, 2, 3] {
        assert!(take(&mut gauges, &mut leases, index));
    }
    for gauge in &mut gauges {
        gauge.release(2);
    }
    for index in (0..4).cycle().take(24) {
        exchange(&mut gauges, &mut leases, index);
    }
    assert_eq!((0..10).filter(|_| take(&mut gauges, &mut leases, 3)).count(), 8);
}

/// Where only what others may take stands in the way, a request waits for them; where what they took is
/// the limit, it is refused at once.
#[tokio::test]
async fn who_finds_nothing_left_because_of_others_waits_for_them() {
    let limit = UsageLimit { tokens_per_month: Some(100), ..UsageLimit::default() };
    let account = Arc::new(Account::new(TenantId::new(), LimitScope::Tenant, limit));
    let (limiter, accounts) =
        (Arc::new(Limiter::new(false, Arc::default())), [Arc::clone(&account)]);
    let amounts: Amounts = [1, 90, 1, 90, 0];
    let first = limiter.reserve(&accounts, amounts).await.ok().unwrap();
    let last = limiter.reserve(&accounts, amounts).await.ok().unwrap();
    let mut waiting = tokio::task::JoinSet::new();
    waiting.spawn({
        let (limiter, accounts) = (Arc::clone(&limiter), accounts.clone());
        async move { limiter.reserve(&accounts, amounts).await }
    });
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(waiting.try_join_next().is_none());
    let begun = Instant::now();
    first.settle(&accounts, [1, 5, 1, 5, 0]);
    assert!(
        waiting.try_join_next().is_none(),
        "5 of 100 are used, and 90 are under way: 5 are left"
    );
    let third = waiting.join_next().await.unwrap().unwrap().ok().unwrap();
    assert!(begun.elapsed() < Duration::from_millis(200), "at once: {:?}", begun.elapsed());
    last.settle(&accounts, [1, 90, 1, 90, 0]);
    third.settle(&accounts, [1, 90, 1, 90, 0]);
    let begun = Instant::now();
    let refused = limiter.reserve(&accounts, amounts).await.err().unwrap();
    assert_eq!(refused.meter, Meter::MonthTokens);
    assert!(begun.elapsed() < Duration::from_millis(200), "at once: {:?}", begun.elapsed());
}
