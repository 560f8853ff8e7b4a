//! Whose turn it is: deficit round robin (Shreedhar and Varghese, "Efficient fair queuing using
//! deficit round-robin", 1996) over callers, so that each gets its share of tokens however many calls
//! it makes. Pure; knows no places and no time.

use std::collections::{HashMap, VecDeque};

/// What a caller of weight 1 may take in one turn, in tokens.
const QUANTUM: u64 = 4 << 10;
/// The most that one call counts, in tokens: it gets its turn after a bounded number of rounds.
const COST_MAX: u64 = 16 * QUANTUM;

/// Who calls, as far as turns go. Whoever makes the keys decides whether it is a person, an API key
/// or a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Caller {
    /// An opaque key.
    pub id: u128,
    /// Its share beside others; at least 1.
    pub weight: u32,
}

impl Default for Caller {
    fn default() -> Self {
        Self { id: 0, weight: 1 }
    }
}

/// What waits, by caller.
#[derive(Debug)]
pub(crate) struct Fair<T> {
    /// Callers with something waiting, the next one first.
    ring: VecDeque<u128>,
    flows: HashMap<u128, Flow<T>>,
    length: usize,
}

#[derive(Debug)]
struct Flow<T> {
    weight: u32,
    deficit: u64,
    /// Whether it has yet to be given its quantum for this turn.
    is_fresh: bool,
    waiting: VecDeque<Waiting<T>>,
}

#[derive(Debug)]
struct Waiting<T> {
    number: u64,
    cost: u64,
    value: T,
}

impl<T> Fair<T> {
    pub(crate) fn new() -> Self {
        Self { ring: VecDeque::new(), flows: HashMap::new(), length: 0 }
    }

    pub(crate) fn len(&self) -> usize {
        self.length
    }

    /// How many callers have something waiting.
    pub(crate) fn callers(&self) -> usize {
        self.ring.len()
    }

    /// How many calls of this caller wait.
    pub(crate) fn len_of(&self, caller: Caller) -> usize {
        self.flows.get(&caller.id).map_or(0, |flow| flow.waiting.len())
    }

    /// Puts something at the end of the caller's own line. `number` names it.
    pub(crate) fn push(&mut self, caller: Caller, number: u64, cost: u64, value: T) {
        let cost = cost.clamp(1, COST_MAX);
        let flow = self.flows.entry(caller.id).or_insert_with(|| {
            self.ring.push_back(caller.id);
            Flow { weight: 1, deficit: 0, is_fresh: true, waiting: VecDeque::new() }
        });
        flow.weight = caller.weight.max(1);
        flow.waiting.push_back(Waiting { number, cost, value });
        self.length += 1;
    }

    /// What waits under this number.
    pub(crate) fn get_mut(&mut self, caller: Caller, number: u64) -> Option<&mut T> {
        let flow = self.flows.get_mut(&caller.id)?;
        flow.waiting.iter_mut().find(|one| one.number == number).map(|one| &mut one.value)
    }

    /// Takes something out that does not want to wait any more.
    pub(crate) fn remove(&mut self, caller: Caller, number: u64) -> Option<T> {
        let flow = self.flows.get_mut(&caller.id)?;
        let at = flow.waiting.iter().position(|one| one.number == number)?;
        let value = flow.waiting.remove(at).map(|one| one.value);
        self.forget_if_empty(caller.id);
        self.length -= 1;
        value
    }

    /// The caller with the most waiting for its weight.
    pub(crate) fn longest(&self) -> Option<Caller> {
        let share = |flow: &Flow<T>| flow.waiting.len() as f64 / f64::from(flow.weight);
        let callers = self.ring.iter().filter_map(|id| Some((*id, self.flows.get(id)?)));
        let longest = callers.max_by(|(_, one), (_, other)| share(one).total_cmp(&share(other)));
        longest.map(|(id, flow)| Caller { id, weight: flow.weight })
    }

    /// Takes out what this caller added last.
    pub(crate) fn remove_last(&mut self, caller: Caller) -> Option<T> {
        let last = self.flows.get_mut(&caller.id)?.waiting.pop_back()?;
        self.forget_if_empty(caller.id);
        self.length -= 1;
        Some(last.value)
    }

    /// Takes out the next whose turn it is among those that `could` go on; `take` tries to. Whoever
    /// could not loses no turn and gains none.
    pub(crate) fn next<R>(
        &mut self,
        could: impl Fn(&T) -> bool,
        mut take: impl FnMut(&T) -> Option<R>,
    ) -> Option<(T, R)> {
        let mut passed_over = 0;
        while passed_over < self.ring.len() {
            let id = *self.ring.front()?;
            let flow = self.flows.get_mut(&id)?;
            let Some(at) = flow.waiting.iter().position(|one| could(&one.value)) else {
                flow.is_fresh = true;
                self.ring.rotate_left(1);
                passed_over += 1;
                continue;
            };
            if flow.is_fresh {
                flow.deficit += QUANTUM * u64::from(flow.weight);
                flow.is_fresh = false;
            }
            if flow.waiting[at].cost > flow.deficit {
                flow.is_fresh = true;
                self.ring.rotate_left(1);
                passed_over = 0;
                continue;
            }
            let Some(taken) = take(&flow.waiting[at].value) else {
                self.ring.rotate_left(1);
                passed_over += 1;
                continue;
            };
            let one = flow.waiting.remove(at)?;
            flow.deficit -= one.cost;
            self.forget_if_empty(id);
            self.length -= 1;
            return Some((one.value, taken));
        }
        None
    }

    fn forget_if_empty(&mut self, id: u128) {
        if self.flows.get(&id).is_some_and(|flow| flow.waiting.is_empty()) {
            self.flows.remove(&id);
            self.ring.retain(|other| *other != id);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn caller(id: u128, weight: u32) -> Caller {
        Caller { id, weight }
    }

    fn drain(fair: &mut Fair<u128>, count: usize) -> Vec<u128> {
        (0..count).map_while(|_| fair.next(|_| true, |_| Some(())).map(|(id, ())| id)).collect()
    }

    /// G-9: nobody is starved by a neighbour who sends a hundred times as much.
    #[test]
    fn a_noisy_neighbour_waits_for_itself() {
        let mut fair = Fair::new();
        for number in 0..100 {
            fair.push(caller(1, 1), number, QUANTUM, 1);
        }
        fair.push(caller(2, 1), 100, QUANTUM, 2);
        let served = drain(&mut fair, 3);
        assert!(served.contains(&2), "{served:?}");
    }

    #[test]
    fn who_cannot_go_on_does_not_hold_up_others() {
        let mut fair = Fair::new();
        fair.push(caller(1, 1), 0, 10, 1);
        fair.push(caller(2, 1), 1, 10, 2);
        assert_eq!(fair.next(|id| *id == 2, |_| Some(())), Some((2, ())));
        assert_eq!(fair.next(|id| *id == 2, |_| Some(())), None);
        assert_eq!(fair.next(|_| true, |_| None::<()>), None, "the place is gone");
        assert_eq!((fair.len(), fair.callers()), (1, 1));
        assert_eq!(fair.remove(caller(1, 1), 0), Some(1));
        assert_eq!((fair.len(), fair.callers()), (0, 0));
    }

    proptest! {
        /// As long as all of them wait, callers get tokens by their weight, up to one quantum and one
        /// call each.
        #[test]
        fn shares_follow_weights(
            callers in proptest::collection::vec((1..5_u32, 1..3 * QUANTUM), 2..6),
            turns in 20..200_usize,
        ) {
            let mut fair = Fair::new();
            for (id, (weight, cost)) in callers.iter().enumerate() {
                for number in 0..turns as u64 {
                    fair.push(caller(id as u128, *weight), number, *cost, id as u128);
                }
            }
            let mut tokens = vec![0_u64; callers.len()];
            for id in drain(&mut fair, turns) {
                let id = usize::try_from(id).unwrap();
                tokens[id] += callers[id].1;
            }
            let share = |id: usize| tokens[id] as f64 / f64::from(callers[id].0);
            for one in 0..callers.len() {
                for other in 0..callers.len() {
                    let slack = 2 * QUANTUM + callers[one].1 + callers[other].1;
                    prop_assert!(share(one) - share(other) <= slack as f64, "{tokens:?}");
                }
            }
        }

        #[test]
        fn everybody_is_served_once(
            calls in proptest::collection::vec((0..4_u128, 0..u64::MAX), 0..100),
        ) {
            let mut fair = Fair::new();
            for (number, (id, cost)) in calls.iter().enumerate() {
                fair.push(caller(*id, 1), number as u64, *cost, *id);
            }
            let mut served = drain(&mut fair, calls.len() + 1);
            let mut expected: Vec<u128> = calls.iter().map(|(id, _)| *id).collect();
            served.sort_unstable();
            expected.sort_unstable();
            prop_assert_eq!(served, expected);
            prop_assert_eq!((fair.len(), fair.callers()), (0, 0));
        }
    }
}
