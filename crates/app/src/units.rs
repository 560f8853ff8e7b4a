//! Which unit lies below which, in this process's memory. Limits and rights of a unit bind all below it,
//! so each call of somebody in a unit asks.
//!
//! Changes are numbered by the database. One that this process made is added by itself, however large the
//! tree is; for those of others the tree is read anew.

use std::{
    collections::{BTreeMap, HashMap},
    iter::successors,
    sync::{PoisonError, RwLock, RwLockReadGuard},
};

use domain::UnitId;

use crate::{App, Result};

/// The most units between a person's own and the root that are walked; a tree is never that deep. Beyond,
/// limits and rights of those above would not hold.
const DEPTH_MAX: usize = 1_000;

/// The units of all tenants.
#[derive(Debug, Default)]
pub(crate) struct UnitTree {
    known: RwLock<Known>,
}

#[derive(Debug, Default)]
struct Known {
    /// Up to which change everything is known; `None` before the tree was read.
    version: Option<u64>,
    parents: HashMap<UnitId, UnitId>,
    /// Changes that are known although one before them is not, by their numbers.
    ahead: BTreeMap<u64, Made>,
}

/// A unit and the one above it.
type Made = (UnitId, Option<UnitId>);

impl Known {
    /// Counts the changes that follow the known ones without a gap.
    fn catch_up(&mut self) {
        while let (Some(version), Some(next)) = (self.version, self.ahead.first_entry())
            && *next.key() == version + 1
        {
            self.version = Some(next.remove_entry().0);
        }
    }
}

impl UnitTree {
    /// The unit and all that lie above it.
    pub(crate) fn line_of(&self, unit: UnitId) -> Vec<UnitId> {
        self.lines_of(&[unit])
    }

    /// The units and all that lie above them; what is above several stands there for each.
    pub(crate) fn lines_of(&self, units: &[UnitId]) -> Vec<UnitId> {
        if units.is_empty() {
            return Vec::new();
        }
        let known = self.read();
        let above = |unit: &UnitId| known.parents.get(unit).copied();
        units.iter().flat_map(|unit| successors(Some(*unit), above).take(DEPTH_MAX)).collect()
    }

    /// Takes in what the database held when, or after, its number was `version`. What came later, or is
    /// known from elsewhere, stays.
    fn read_anew(&self, version: u64, parents: HashMap<UnitId, UnitId>) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.version.is_some_and(|newest| version < newest) {
            return;
        }
        known.version = Some(version);
        known.parents = parents;
        known.ahead = known.ahead.split_off(&(version + 1));
        let ahead: Vec<Made> = known.ahead.values().copied().collect();
        let below = ahead.into_iter().filter_map(|(unit, parent)| Some((unit, parent?)));
        known.parents.extend(below);
        known.catch_up();
    }

    /// Takes in a unit that was made, and the number of the tree with it.
    pub(crate) fn add(&self, unit: UnitId, parent: Option<UnitId>, version: u64) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.version.is_some_and(|newest| version <= newest) {
            return;
        }
        known.parents.extend(parent.map(|parent| (unit, parent)));
        known.ahead.insert(version, (unit, parent));
        known.catch_up();
    }

    fn version(&self) -> Option<u64> {
        self.read().version
    }

    fn read(&self) -> RwLockReadGuard<'_, Known> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl App {
    /// Reads the tree of units, if it is not known up to the last change.
    pub(crate) async fn load_units(&self) -> Result<()> {
        let version = self.store.units_version().await?;
        if self.units.version() != Some(version) {
            // What changes while it is read may be in it already, and is seen the next time anyhow.
            self.units.read_anew(version, self.store.unit_parents().await?);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids<const N: usize>() -> [UnitId; N] {
        std::array::from_fn(|_| UnitId::new())
    }

    #[test]
    fn a_unit_has_all_above_it_and_a_ring_ends() {
        let [root, left, leaf, right] = ids();
        let tree = UnitTree::default();
        tree.read_anew(0, HashMap::from([(left, root), (leaf, left), (right, root)]));
        assert_eq!(tree.line_of(leaf), [leaf, left, root]);
        assert_eq!(tree.line_of(root), [root]);
        assert_eq!(tree.lines_of(&[leaf, right]), [leaf, left, root, right, root]);
        assert!(tree.lines_of(&[]).is_empty());
        tree.read_anew(1, HashMap::from([(left, right), (right, left)]));
        assert_eq!(tree.line_of(left).len(), DEPTH_MAX);
    }

    /// A unit counts at once, and the number tells whether anything else is missing.
    #[test]
    fn a_gap_stays_open_until_what_is_missing_is_known() {
        let [root, first, second, third] = ids();
        let tree = UnitTree::default();
        tree.read_anew(4, HashMap::new());
        tree.add(first, Some(root), 5);
        assert_eq!(tree.version(), Some(5));
        // Another process made the sixth.
        tree.add(third, Some(first), 7);
        assert_eq!((tree.version(), tree.line_of(third)), (Some(5), vec![third, first, root]));
        tree.read_anew(6, HashMap::from([(first, root), (second, root)]));
        assert_eq!(tree.version(), Some(7));
        assert_eq!(tree.line_of(third), [third, first, root], "it was made after the reading");
        assert_eq!(tree.line_of(second), [second, root]);
        assert!(tree.known.read().unwrap().ahead.is_empty());
    }

    #[test]
    fn an_overtaken_reading_takes_nothing_away() {
        let [root, first, second] = ids();
        let tree = UnitTree::default();
        // Made while the tree is read for the first time.
        tree.add(first, Some(root), 1);
        tree.read_anew(0, HashMap::new());
        assert_eq!((tree.version(), tree.line_of(first)), (Some(1), vec![first, root]));
        tree.add(second, Some(first), 2);
        tree.read_anew(1, HashMap::from([(first, root)]));
        assert_eq!((tree.version(), tree.line_of(second)), (Some(2), vec![second, first, root]));
    }
}
