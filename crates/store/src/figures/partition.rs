//! Divides what was used into blocks of enough people. Pure; knows no database.

use std::collections::{BTreeMap, BTreeSet};

use super::Figures;

/// Calls, and whose they are.
#[derive(Debug, Clone, Default)]
pub(super) struct Part<'a> {
    users: BTreeSet<&'a str>,
    pub(super) sums: Figures,
}

impl<'a> Part<'a> {
    /// Adds what a person used. Calls of nobody (an empty name) are summed and count no person.
    pub(super) fn add(&mut self, user: &'a str, sums: Figures) {
        if !user.is_empty() {
            self.users.insert(user);
        }
        self.sums += sums;
    }

    fn absorb(&mut self, other: Self) {
        self.users.extend(other.users);
        self.sums += other.sums;
    }

    /// How many people made these calls.
    pub(super) fn people(&self) -> usize {
        self.users.len()
    }
}

/// Divides parts into blocks of at least `people_min` people. A part of fewer goes into the one above
/// it; above those at the top is the rest, named by the empty text. A rest of too few takes the
/// smallest block along. Only if all parts together are of too few people there is a block of fewer:
/// the caller must not let that happen.
pub(super) fn blocks<'a>(
    parts: BTreeMap<&'a str, Part<'a>>,
    above: impl Fn(&str) -> Option<&'a str>,
    people_min: usize,
) -> Vec<(&'a str, Part<'a>)> {
    // By how deep they lie, the deepest last. A chain longer than there are names goes in a circle.
    let mut by_depth: BTreeSet<(usize, &str)> = BTreeSet::new();
    for subject in parts.keys().copied().filter(|subject| !subject.is_empty()) {
        let mut chain = vec![subject];
        while let Some(next) = chain.last().and_then(|last| above(last)) {
            if chain.contains(&next) {
                break;
            }
            chain.push(next);
        }
        let deepest = chain.len();
        by_depth.extend(chain.into_iter().enumerate().map(|(up, name)| (deepest - up, name)));
    }
    let mut parts = parts;
    let mut done = Vec::new();
    while let Some((_, subject)) = by_depth.pop_last() {
        let Some(part) = parts.remove(subject) else { continue };
        if part.people() >= people_min {
            done.push((subject, part));
        } else {
            parts.entry(above(subject).unwrap_or_default()).or_default().absorb(part);
        }
    }
    // What went round in a circle, if there is such a thing, joins the rest.
    let mut rest = Part::default();
    let is_left = !parts.is_empty();
    parts.into_values().for_each(|part| rest.absorb(part));
    if !is_left {
        return done;
    }
    while rest.people() < people_min {
        let smallest = done.iter().enumerate().min_by_key(|(_, (_, part))| part.people());
        let Some(index) = smallest.map(|(index, _)| index) else { break };
        rest.absorb(done.swap_remove(index).1);
    }
    done.push(("", rest));
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Parts with so many people each; everybody makes one call.
    fn parts<'a>(named: &[(&'a str, std::ops::Range<usize>)]) -> BTreeMap<&'a str, Part<'a>> {
        const USERS: [&str; 12] = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"];
        let one = Figures { calls: 1, ..Figures::default() };
        let mut parts: BTreeMap<_, Part<'_>> = BTreeMap::new();
        for (name, users) in named {
            let part = parts.entry(*name).or_default();
            USERS[users.clone()].iter().for_each(|user| part.add(user, one));
        }
        parts
    }

    /// The names of the blocks with their people and calls.
    fn divided<'a>(
        named: &[(&'a str, std::ops::Range<usize>)],
        tree: &[(&'a str, &'a str)],
    ) -> Vec<(&'a str, usize, u64)> {
        let above =
            |name: &str| tree.iter().find(|(child, _)| *child == name).map(|(_, above)| *above);
        let mut found: Vec<_> = blocks(parts(named), above, 5)
            .into_iter()
            .map(|(name, part)| (name, part.people(), part.sums.calls))
            .collect();
        found.sort_unstable();
        found
    }

    #[test]
    fn enough_people_stand_for_themselves() {
        assert_eq!(divided(&[("x", 0..5), ("y", 3..9)], &[]), [("x", 5, 5), ("y", 6, 6)]);
    }

    #[test]
    fn too_few_are_counted_one_level_up_and_further() {
        let tree = [("team", "office"), ("desk", "team")];
        let found = divided(&[("desk", 0..2), ("team", 2..4), ("office", 4..5)], &tree);
        assert_eq!(found, [("office", 5, 5)]);
        let found = divided(&[("desk", 0..2), ("team", 2..5), ("office", 4..9)], &tree);
        assert_eq!(found, [("office", 5, 5), ("team", 5, 5)]);
    }

    #[test]
    fn a_level_between_without_calls_of_its_own_is_no_gap() {
        let tree = [("team", "office"), ("desk", "team"), ("seat", "team")];
        let found = divided(&[("desk", 0..3), ("seat", 3..6), ("office", 6..12)], &tree);
        assert_eq!(found, [("office", 6, 6), ("team", 6, 6)]);
    }

    #[test]
    fn a_rest_of_too_few_takes_the_smallest_along() {
        // Else total minus the others would be the one person.
        let found = divided(&[("x", 0..6), ("y", 3..8), ("z", 9..10)], &[]);
        assert_eq!(found, [("", 6, 6), ("x", 6, 6)]);
    }

    #[test]
    fn the_same_people_in_two_parts_are_counted_once() {
        assert_eq!(divided(&[("x", 0..3), ("y", 0..3), ("z", 0..5)], &[]), [("", 5, 11)]);
    }

    #[test]
    fn a_tree_that_is_none_loses_nothing() {
        let tree = [("x", "y"), ("y", "x")];
        assert_eq!(divided(&[("x", 0..2), ("y", 2..6)], &tree).iter().map(|b| b.2).sum::<u64>(), 6);
    }

    #[test]
    fn calls_of_nobody_are_never_alone() {
        let mut all = parts(&[("x", 0..5)]);
        all.entry("z").or_default().add("", Figures { calls: 7, ..Figures::default() });
        let found = blocks(all, |_| None, 5);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].0, found[0].1.sums.calls), ("", 12));
    }
}
