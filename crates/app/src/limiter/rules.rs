//! Which limits there are: one immutable table, replaced whole when something changes. What is
//! claimed of a scope outlives the change.

use std::{collections::HashMap, sync::Arc};

use domain::{Credential, KeyId, LimitScope, Principal, TenantId, UnitId, UserId};
use store::LimitRules;

use super::account::Account;
use crate::units::UnitTree;

/// All scopes with limits.
#[derive(Debug, Default)]
pub(crate) struct Rules {
    pub(crate) version: u64,
    tenants: HashMap<TenantId, Arc<Account>>,
    units: HashMap<UnitId, Arc<Account>>,
    people: HashMap<UserId, Arc<Account>>,
    keys: HashMap<KeyId, Arc<Account>>,
    models: HashMap<TenantId, HashMap<String, Arc<Account>>>,
}

impl Rules {
    /// The table after a change. Returns the scopes that are new in it.
    pub(crate) fn of(rules: LimitRules, before: &Self) -> (Self, Vec<Arc<Account>>) {
        let mut fresh = Vec::new();
        let mut table = Self { version: rules.version, ..Self::default() };
        for row in rules.limits {
            let account = match before.account(row.tenant, &row.scope) {
                Some(known) => {
                    known.state().limit = row.limit;
                    known
                }
                None => {
                    let account = Arc::new(Account::new(row.tenant, row.scope.clone(), row.limit));
                    fresh.push(Arc::clone(&account));
                    account
                }
            };
            table.insert(account);
        }
        (table, fresh)
    }

    fn insert(&mut self, account: Arc<Account>) {
        match account.scope.clone() {
            LimitScope::Tenant => drop(self.tenants.insert(account.tenant, account)),
            LimitScope::Unit(id) => drop(self.units.insert(id, account)),
            LimitScope::Person(id) => drop(self.people.insert(id, account)),
            LimitScope::Key(id) => drop(self.keys.insert(id, account)),
            LimitScope::Model(name) => {
                drop(self.models.entry(account.tenant).or_default().insert(name, account));
            }
        }
    }

    pub(crate) fn account(&self, tenant: TenantId, scope: &LimitScope) -> Option<Arc<Account>> {
        let found = match scope {
            LimitScope::Tenant => self.tenants.get(&tenant),
            LimitScope::Unit(id) => self.units.get(id),
            LimitScope::Person(id) => self.people.get(id),
            LimitScope::Key(id) => self.keys.get(id),
            LimitScope::Model(name) => self.models.get(&tenant).and_then(|all| all.get(name)),
        };
        found.filter(|account| account.tenant == tenant).cloned()
    }

    /// The scopes that bind a call: the key, the person, all units from theirs to the root, the
    /// tenant, the model.
    pub(crate) fn binding(
        &self,
        principal: &Principal,
        tree: &UnitTree,
        model: &str,
    ) -> Vec<Arc<Account>> {
        let mut found = self.personal(principal, tree);
        let models = self.models.get(&principal.tenant);
        found.extend(models.and_then(|all| all.get(model)).cloned());
        found
    }

    /// The scopes that bind whatever a principal does.
    fn personal(&self, principal: &Principal, tree: &UnitTree) -> Vec<Arc<Account>> {
        let mut found = Vec::new();
        if let (false, Credential::ApiKey { id, .. }) =
            (self.keys.is_empty(), &principal.credential)
        {
            found.extend(self.keys.get(id).cloned());
        }
        found.extend(self.people.get(&principal.user).cloned());
        if !self.units.is_empty() {
            self.add_units(&tree.lines_of(&principal.units), &mut found);
        }
        found.extend(self.tenants.get(&principal.tenant).cloned());
        found
    }

    fn add_units(&self, units: &[UnitId], found: &mut Vec<Arc<Account>>) {
        let begin = found.len();
        for account in units.iter().filter_map(|unit| self.units.get(unit)) {
            // Two units of a person may lie below the same one, which counts once.
            if !found[begin..].iter().any(|other| Arc::ptr_eq(other, account)) {
                found.push(Arc::clone(account));
            }
        }
    }

    /// Whether any model has limits.
    pub(crate) fn has_models(&self) -> bool {
        !self.models.is_empty()
    }

    pub(crate) fn weights(&self, principal: &Principal) -> [u32; 3] {
        let weight = |account: Option<&Arc<Account>>| {
            account.map_or(1, |account| account.state().limit.weight.max(1))
        };
        let key = match &principal.credential {
            Credential::ApiKey { id, .. } => self.keys.get(id),
            Credential::Session(_) => None,
        };
        let unit = principal.home_unit().and_then(|unit| self.units.get(&unit));
        [weight(unit), weight(self.people.get(&principal.user)), weight(key)]
    }
}
