//! Whose turn it is: deficit round robin (Shreedhar and Varghese, "Efficient fair queuing using
//! deficit round-robin", 1996) over units, within a unit over people, within a person over keys, so
//! that each gets its share of tokens however many calls it makes. Pure; knows no places and no time.

use std::collections::{HashMap, VecDeque};

/// What whoever has weight 1 may take in one turn, in tokens.
const QUANTUM: u64 = 4 << 10;
/// The most that one call counts, in tokens: it gets its turn after a bounded number of rounds.
const COST_MAX: u64 = 16 * QUANTUM;
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
    deficit: u64,
    /// Whether it has yet to be given its quantum for this turn.
    is_fresh: bool,
    /// All that waits below.
    length: usize,
    /// The children, the next one first.
    ring: VecDeque<u128>,
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
            let Node { children, ring, .. } = node;
            node = children.entry(id).or_insert_with(|| {
                ring.push_back(id);
                Node::new(weight)
            });
            node.weight = weight.max(1);
            node.length += 1;
        }
        node.waiting.push_back(Waiting { number, cost, value });
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
        let taken = self.root.take_out(&caller.ids(), false, &mut |waiting| {
            let at = waiting.iter().position(|one| one.number == number)?;
            waiting.remove(at)
        });
        taken.map(|one| one.value)
    }

    /// Takes out the last of whoever has more waiting for their weight than this caller would have
    /// with one more; units are compared first, within one its people, then their keys.
    pub(crate) fn evict(&mut self, caller: Caller) -> Option<T> {
        let victim = self.root.longer_than(&caller.path())?;
        self.root.take_out(&victim, false, &mut VecDeque::pop_back).map(|one| one.value)
    }

    /// Takes out the next whose turn it is among those that `could` go on; `take` tries to. Whoever
    /// could not loses no turn and gains none.
    pub(crate) fn next<R>(
        &mut self,
        could: impl Fn(&T) -> bool,
        mut take: impl FnMut(&T) -> Option<R>,
    ) -> Option<(T, R)> {
        for _ in 0..TRIES_MAX {
            self.root.turn(&could)?;
            let (path, at) = self.root.front(&could)?;
            let mut taken = None;
            let one = self.root.take_out(&path, true, &mut |waiting| {
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

impl<T> Node<T> {
    fn new(weight: u32) -> Self {
        Self {
            weight: weight.max(1),
            deficit: 0,
            is_fresh: true,
            length: 0,
            ring: VecDeque::new(),
            children: HashMap::new(),
            waiting: VecDeque::new(),
        }
    }

    fn leaves(&self) -> usize {
        if self.children.is_empty() {
            return usize::from(self.length > 0);
        }
        self.children.values().map(Self::leaves).sum()
    }

    /// Brings those to the front, at each level, whose turn it is. Returns what the next call costs;
    /// `None` if none could go on. Asked again before it is served, the same one stands in front.
    fn turn(&mut self, could: &impl Fn(&T) -> bool) -> Option<u64> {
        if self.children.is_empty() {
            return self.waiting.iter().find(|one| could(&one.value)).map(|one| one.cost);
        }
        let mut passed_over = 0;
        while passed_over < self.ring.len() {
            let child = self.children.get_mut(self.ring.front()?)?;
            let Some(cost) = child.turn(could) else {
                child.is_fresh = true;
                self.ring.rotate_left(1);
                passed_over += 1;
                continue;
            };
            if child.is_fresh {
                child.deficit += QUANTUM * u64::from(child.weight);
                child.is_fresh = false;
            }
            if cost <= child.deficit {
                return Some(cost);
            }
            child.is_fresh = true;
            self.ring.rotate_left(1);
            passed_over = 0;
        }
        None
    }

    /// The way along the fronts, and the place of the first call there that could go on.
    fn front(&self, could: &impl Fn(&T) -> bool) -> Option<(Vec<u128>, usize)> {
        let (mut node, mut path) = (self, Vec::with_capacity(3));
        while let Some(id) = node.ring.front() {
            path.push(*id);
            node = node.children.get(id)?;
        }
        let at = node.waiting.iter().position(|one| could(&one.value))?;
        Some((path, at))
    }

    /// Takes something out of the line at the end of the way; if it is served, all on the way pay for
    /// it. Who has nothing left is forgotten.
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
            child.deficit = child.deficit.saturating_sub(taken.cost);
        }
        if child.length == 0 {
            self.children.remove(id);
            self.ring.retain(|other| other != id);
        }
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
        let children = self.ring.iter().filter_map(|id| Some((*id, self.children.get(id)?)));
        children.max_by(|(_, one), (_, other)| one.share().total_cmp(&other.share()))
    }

    fn share(&self) -> f64 {
        self.length as f64 / f64::from(self.weight)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

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
                fair.push(noisy, number as u64, QUANTUM, 1);
                let quiet = if units { of_unit(2, 1, 0, 0) } else { of_unit(1, 1, 2, 0) };
                fair.push(quiet, 1_000 + number as u64, QUANTUM, 2);
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
            fair.push(of_unit(1, 2, number % 7, 0), number as u64, QUANTUM / 2, 1);
            fair.push(of_unit(2, 1, 0, number % 3), 1_000 + number as u64, QUANTUM / 2, 2);
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
