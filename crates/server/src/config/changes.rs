//! Which settings differ between two readings of a configuration. Knows their names; shows no values,
//! which may be secrets.

use std::{collections::BTreeMap, fmt};

use super::raw::{Raw, RawTable, Value};

/// What is taken over while the platform runs; models and their routes are no settings here.
const TAKEN_OVER: [&str; 1] = ["outbound.hosts"];
/// How the exceptions from `[guard]` are called in the file.
const GUARDS: &str = "guards";

/// The settings of one reading.
#[derive(Clone, Default)]
pub struct GivenSettings {
    by_path: BTreeMap<String, Value>,
    guards: Vec<BTreeMap<&'static str, Value>>,
}

impl GivenSettings {
    pub(super) fn of(raw: &Raw) -> Self {
        let values = raw.values.iter().map(|(path, given)| (path.clone(), given.value.clone()));
        let of_table = |table: &RawTable| {
            table.values.iter().map(|(name, given)| (*name, given.value.clone())).collect()
        };
        Self { by_path: values.collect(), guards: raw.guards.iter().map(of_table).collect() }
    }

    /// The names of the settings that another reading has otherwise and that only a restart takes
    /// over, sorted.
    pub(crate) fn need_restart<'g>(&'g self, other: &'g Self) -> Vec<&'g str> {
        let mut names: Vec<&str> =
            self.by_path.keys().chain(other.by_path.keys()).map(String::as_str).collect();
        names.sort_unstable();
        names.dedup();
        names.retain(|name| {
            !TAKEN_OVER.contains(name) && self.by_path.get(*name) != other.by_path.get(*name)
        });
        names.extend((self.guards != other.guards).then_some(GUARDS));
        names
    }
}

impl fmt::Debug for GivenSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.by_path.keys()).finish()
    }
}
