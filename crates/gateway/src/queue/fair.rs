//! Whose turn it is: start-time fair queueing (Goyal, Vin and Cheng, "Start-time fair queuing", 1996)
//! over units, within a unit over people, within a person over keys, so that each gets its share of
//! tokens however many calls it makes and however small they are. Pure; knows no places and no time.

use std::{
    cmp::Ordering,
    collections::{HashMap, VecDeque},
};

/// The most that one call counts, in tokens: nobody waits for ever after a large one.
const COST_MAX: u64 = 64 << 10;
/// Parts of a token in which shares are counted, so that weights divide them.
const PARTS: u64 = 1 << 16;
/// Tries to find a place for somebody when places are taken by others in the same moment.
const TRIES_MAX: usize = 8;

/// A part of who calls, and its share beside its siblings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Share {
    /// An opaque key, unique among siblings.
    pub id: u128,
    /// The share; at least 1.
    pub weight: u32,
}

impl Default for Share {
    fn default() -> Self {
        Self { id: 0, weight: 1 }
    }
}

/// Who calls, as far as turns go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Caller {
    /// The unit.
    pub unit: Share,
    /// The person in it.
    pub person: Share,
    /// The person's key.
    pub key: Share,
}

impl Caller {
    fn path(&self) -> [Share; 3] {
        [self.unit, self.person, self.key]
    }

    fn ids(&self) -> [u128; 3] {
        self.path().map(|share| share.id)
    }
}

/// What waits, by caller.
#[derive(Debug)]
pub(crate) struct Fair<T> {
    root: Node<T>,
}

/// A unit, a person or a key with something waiting; the root stands for all of them.
#[derive(Debug)]
struct Node<T> {
    weight: u32,
    /// How much it has had, on the clock of its siblings: the least has the next turn.
    begins: u128,
    /// Which of those that have had the same goes first.
    turn: u64,
    /// Where the last turn of its children began. Who comes, or could not go on, begins there: nobody
    /// is given what they did not use. Who has nothing left is remembered until it is passed: nobody
    /// gains by leaving and coming back.
    clock: u128,
    /// Turns of its children so far.
    turns: u64,
    /// All that waits below.
    length: usize,
    children: HashMap<u128, Node<T>>,
    /// What waits here; only keys have something.
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
        Self { root: Node::new(1) }
    }

    pub(crate) fn len(&self) -> usize {
        self.root.length
    }

    /// How many callers have something waiting.
    pub(crate) fn callers(&self) -> usize {
        self.root.leaves()
    }

    /// How many calls of this caller wait.
    pub(crate) fn len_of(&self, caller: Caller) -> usize {
        let leaf = caller.ids().iter().try_fold(&self.root, |node, id| node.children.get(id));
        leaf.map_or(0, |leaf| leaf.length)
    }

    /// Puts something at the end of the caller's own line. `number` names it.
    pub(crate) fn push(&mut self, caller: Caller, number: u64, cost: u64, value: T) {
        let cost = cost.clamp(1, COST_MAX);
        let mut node = &mut self.root;
        node.length += 1;
        for Share { id, weight } in caller.path() {
            let Node { children, clock, turns, .. } = node;
            node = children.entry(id).or_insert_with(|| {
                *turns += 1;
                Node { begins: *clock, turn: *turns, ..Node::new(weight) }
            });
            node.weight = weight.max(1);
            node.length += 1;
        }
        node.waiting.push_back(Waiting { number, cost, value });
    }

    /// Shows everything that waits, in no order.
    pub(crate) fn each(&self, show: &mut impl FnMut(&T)) {
        self.root.each(show);
    }

    /// What waits under this number.
    pub(crate) fn get_mut(&mut self, caller: Caller, number: u64) -> Option<&mut T> {
        let mut node = &mut self.root;
        for id in caller.ids() {
            node = node.children.get_mut(&id)?;
        }
        node.waiting.iter_mut().find(|one| one.number == number).map(|one| &mut one.value)
    }

    /// Takes something out that does not want to wait any more.
    pub(crate) fn remove(&mut self, caller: Caller, number: u64) -> Option<T> {
        let taken = self.take_out(&caller.ids(), false, &mut |waiting| {
            let at = waiting.iter().position(|one| one.number == number)?;
            waiting.remove(at)
        });
        taken.map(|one| one.value)
    }

    /// Takes out the last of whoever has more waiting for their weight than this caller would have
    /// with one more; units are compared first, within one its people, then their keys.
    pub(crate) fn evict(&mut self, caller: Caller) -> Option<T> {
        let victim = self.root.longer_than(&caller.path())?;
        self.take_out(&victim, false, &mut VecDeque::pop_back).map(|one| one.value)
    }

    /// Takes out the next whose turn it is among those that `could` go on; `take` tries to. Whoever
    /// could not loses no turn and gains none.
    pub(crate) fn next<R>(
        &mut self,
        could: impl Fn(&T) -> bool,
        mut take: impl FnMut(&T) -> Option<R>,
    ) -> Option<(T, R)> {
        for _ in 0..TRIES_MAX {
            let (path, at) = self.root.first(&could)?;
            let mut taken = None;
            let one = self.take_out(&path, true, &mut |waiting| {
                taken = take(&waiting.get(at)?.value);
                taken.as_ref()?;
                waiting.remove(at)
            });
            if let (Some(one), Some(taken)) = (one, taken) {
                return Some((one.value, taken));
            }
        }
        None
    }
}

impl<T> Fair<T> {
    fn take_out(
        &mut self,
        path: &[u128],
        is_served: bool,
        act: &mut impl FnMut(&mut VecDeque<Waiting<T>>) -> Option<Waiting<T>>,
    ) -> Option<Waiting<T>> {
        let taken = self.root.take_out(path, is_served, act);
        if self.root.length == 0 {
            // Nobody waits, so nobody is owed anything.
            self.root = Node::new(1);
        }
        taken
    }
}

impl<T> Node<T> {
    fn new(weight: u32) -> Self {
        Self {
            weight: weight.max(1),
            begins: 0,
            turn: 0,
            clock: 0,
            turns: 0,
            length: 0,
            children: HashMap::new(),
            waiting: VecDeque::new(),
        }
    }

    fn leaves(&self) -> usize {
        let own = usize::from(!self.waiting.is_empty());
        own + self.children.values().map(Self::leaves).sum::<usize>()
    }

    fn each(&self, show: &mut impl FnMut(&T)) {
        self.waiting.iter().for_each(|one| show(&one.value));
        self.children.values().for_each(|child| child.each(show));
    }

    /// The way to whoever has the next turn, and the place of the first call there that could go on.
    /// Keys are met from the end of the way to its beginning.
    fn first(&self, could: &impl Fn(&T) -> bool) -> Option<(Vec<u128>, usize)> {
        let mut way = Vec::with_capacity(3);
        let at = self.descend(could, &mut way)?;
        way.reverse();
        Some((way, at))
    }

    fn descend(&self, could: &impl Fn(&T) -> bool, way: &mut Vec<u128>) -> Option<usize> {
        if !self.waiting.is_empty() {
            return self.waiting.iter().position(|one| could(&one.value));
        }
        let mut best: Option<((u128, u64), Vec<u128>, usize)> = None;
        for (id, child) in self.children.iter().filter(|(_, child)| child.length > 0) {
            let rank = (child.begins.max(self.clock), child.turn);
            if best.as_ref().is_some_and(|(least, ..)| *least < rank) {
                continue;
            }
            let mut below = Vec::with_capacity(3);
            if let Some(at) = child.descend(could, &mut below) {
                below.push(*id);
                best = Some((rank, below, at));
            }
        }
        let (_, below, at) = best?;
        *way = below;
        Some(at)
    }

    /// Takes something out of the line at the end of the way; if it is served, all on the way pay for
    /// it.
    fn take_out(
        &mut self,
        path: &[u128],
        is_served: bool,
        act: &mut impl FnMut(&mut VecDeque<Waiting<T>>) -> Option<Waiting<T>>,
    ) -> Option<Waiting<T>> {
        let Some((id, rest)) = path.split_first() else {
            let taken = act(&mut self.waiting)?;
            self.length -= 1;
            return Some(taken);
        };
        let child = self.children.get_mut(id)?;
        let taken = child.take_out(rest, is_served, act)?;
        self.length -= 1;
        if is_served {
            self.turns += 1;
            self.clock = self.clock.max(child.begins);
            child.begins = self.clock + u128::from(taken.cost * PARTS / u64::from(child.weight));
            child.turn = self.turns;
        }
        let clock = self.clock;
        self.children.retain(|_, child| child.length > 0 || child.begins > clock);
        Some(taken)
    }

    /// The way to whoever has the most waiting for their weight, if it is more than the caller at the
    /// end of `path` would have with one more.
    fn longer_than(&self, path: &[Share]) -> Option<Vec<u128>> {
        let (own, rest) = path.split_first()?;
        let (id, longest) = self.longest()?;
        if id == own.id {
            let mut way = longest.longer_than(rest)?;
            way.insert(0, id);
            return Some(way);
        }
        let length = self.children.get(&own.id).map_or(0, |child| child.length) + 1;
        let share = length as f64 / f64::from(own.weight.max(1));
        if longest.share() <= share {
            return None;
        }
        let (mut way, mut node) = (vec![id], longest);
        while let Some((id, child)) = node.longest() {
            way.push(id);
            node = child;
        }
        Some(way)
    }

    fn longest(&self) -> Option<(u128, &Self)> {
        let order = |(_, one): &(&u128, &Self), (_, other): &(&u128, &Self)| -> Ordering {
            one.share().total_cmp(&other.share()).then(one.turn.cmp(&other.turn))
        };
        let waiting = self.children.iter().filter(|(_, child)| child.length > 0);
        waiting.max_by(order).map(|(id, child)| (*id, child))
    }

    fn share(&self) -> f64 {
        self.length as f64 / f64::from(self.weight)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What an ordinary call costs, in tokens.
    const CALL: u64 = 4 << 10;

    fn caller(id: u128, weight: u32) -> Caller {
        Caller { person: Share { id, weight }, ..Caller::default() }
    }

    fn of_unit(unit: u128, weight: u32, person: u128, key: u128) -> Caller {
        let share = |id| Share { id, weight: 1 };
        Caller { unit: Share { id: unit, weight }, person: share(person), key: share(key) }
    }

    /// G-9: a unit of a hundred people has no more turns than one of a single person, and a person
    /// with many keys no more than one with a single key.
    #[test]
    fn many_people_and_many_keys_are_no_advantage() {
        for (units, many) in [(true, "people"), (false, "keys")] {
            let mut fair = Fair::new();
            for number in 0..100 {
                let noisy = if units { of_unit(1, 1, number, 0) } else { of_unit(1, 1, 1, number) };
                fair.push(noisy, number as u64, CALL, 1);
                let quiet = if units { of_unit(2, 1, 0, 0) } else { of_unit(1, 1, 2, 0) };
                fair.push(quiet, 1_000 + number as u64, CALL, 2);
            }
            let served = drain(&mut fair, 60);
            let quiet = served.iter().filter(|id| **id == 2).count();
            assert!((29..=31).contains(&quiet), "{many}: {quiet} of 60");
        }
    }

    /// G-9: weights hold between units.
    #[test]
    fn a_unit_with_twice_the_weight_has_twice_the_turns() {
        let mut fair = Fair::new();
        for number in 0..300 {
            fair.push(of_unit(1, 2, number % 7, 0), number as u64, CALL / 2, 1);
            fair.push(of_unit(2, 1, 0, number % 3), 1_000 + number as u64, CALL / 2, 2);
        }
        let served = drain(&mut fair, 90);
        let heavy = served.iter().filter(|id| **id == 1).count();
        assert!((56..=64).contains(&heavy), "{heavy} of 90");
    }

    #[test]
    fn room_is_made_where_the_most_waits() {
        let mut fair = Fair::new();
        for number in 0..4 {
            fair.push(of_unit(1, 1, 1, 0), number, 1, 11);
        }
        fair.push(of_unit(1, 1, 2, 0), 4, 1, 12);
        fair.push(of_unit(2, 1, 1, 0), 5, 1, 21);
        assert_eq!(fair.evict(of_unit(1, 1, 1, 0)), None, "nobody has more than oneself");
        assert_eq!(fair.evict(of_unit(1, 1, 2, 0)), Some(11), "within the unit");
        for _ in 0..2 {
            assert_eq!(fair.evict(of_unit(2, 1, 2, 0)), Some(11), "of the larger unit");
        }
        assert_eq!(fair.evict(of_unit(2, 1, 2, 0)), None, "both would have the same");
        assert_eq!(fair.len(), 3);
    }

    fn drain(fair: &mut Fair<u128>, count: usize) -> Vec<u128> {
        (0..count).map_while(|_| fair.next(|_| true, |_| Some(())).map(|(id, ())| id)).collect()
    }

    /// G-9: nobody is starved by a neighbour who sends a hundred times as much.
    #[test]
    fn a_noisy_neighbour_waits_for_itself() {
        let mut fair = Fair::new();
        for number in 0..100 {
            fair.push(caller(1, 1), number, CALL, 1);
        }
        fair.push(caller(2, 1), 100, CALL, 2);
        let served = drain(&mut fair, 3);
        assert!(served.contains(&2), "{served:?}");
    }

    /// G-9: the same for small calls, and for whoever comes in the middle.
    #[test]
    fn small_calls_are_no_advantage() {
        let mut fair = Fair::new();
        for number in 0..100 {
            fair.push(caller(1, 1), number, 10, 1);
        }
        assert_eq!(drain(&mut fair, 30), [1; 30]);
        fair.push(caller(2, 1), 100, 1_000, 2);
        fair.push(caller(2, 1), 101, 1_000, 2);
        assert_eq!(drain(&mut fair, 1), [2], "who comes has had the least");
        assert_eq!(
            drain(&mut fair, 70),
            [1; 70],
            "a hundred small ones cost as much as a large one"
        );
        assert_eq!(drain(&mut fair, 1), [2]);
    }

    /// G-9: whoever has a single large call waiting at any time, and comes back as soon as it is
    /// served, has no more than those with long lines.
    #[test]
    fn leaving_and_coming_back_is_no_advantage() {
        for of in [|id| caller(id, 1), |id| of_unit(id, 1, 1, 1), |id| of_unit(1, 1, 1, id)] {
            let mut fair = Fair::new();
            for number in 0..1_000 {
                fair.push(of(2), number, 1_000, 2);
            }
            let (mut tokens, mut number) = ([0_u64; 3], 1_000);
            fair.push(of(1), number, 50_000, 1);
            while tokens[1] + tokens[2] < 900_000 {
                let id = drain(&mut fair, 1)[0];
                tokens[usize::try_from(id).unwrap()] += if id == 1 { 50_000 } else { 1_000 };
                if id == 1 {
                    number += 1;
                    fair.push(of(1), number, 50_000, 1);
                }
            }
            assert!(tokens[1].abs_diff(tokens[2]) <= 51_000, "{tokens:?}");
        }
    }

    /// Who could not go on for a while does not take all turns afterwards.
    #[test]
    fn turns_that_could_not_be_used_are_not_saved_up() {
        let mut fair = Fair::new();
        for number in 0..50 {
            fair.push(caller(1, 1), number, CALL, 1);
            fair.push(caller(2, 1), 100 + number, CALL, 2);
        }
        for _ in 0..20 {
            assert_eq!(fair.next(|id| *id == 1, |_| Some(())), Some((1, ())));
        }
        let served = drain(&mut fair, 10);
        let late = served.iter().filter(|id| **id == 2).count();
        assert!((5..=6).contains(&late), "{served:?}");
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
        /// As long as all of them wait, callers get tokens by their weight, up to one call each.
        #[test]
        fn shares_follow_weights(
            callers in proptest::collection::vec((1..5_u32, 1..3 * CALL), 2..6),
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
                    let slack = callers[one].1 + callers[other].1;
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
