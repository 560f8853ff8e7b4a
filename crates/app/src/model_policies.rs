//! Which models a principal may use and where their data may go, as their tenant says, and their key.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use domain::{Credential, Place, Role, TenantId, UnitId};
use gateway::{Model, ModelAccess, PlacePolicy};
use store::{AccessRule, TenantPlaces, Unit};

use crate::{App, Principal};

/// What all tenants say, at one moment.
#[derive(Debug, Default)]
pub(crate) struct ModelPolicies {
    tenants: HashMap<TenantId, Arc<TenantPolicy>>,
}

#[derive(Debug, Default)]
struct TenantPolicy {
    /// `None`: wherever the installation allows.
    places: Option<PlacePolicy>,
    /// Models that are not for everybody.
    circles: HashMap<String, Circle>,
}

/// Who may use a model.
#[derive(Debug)]
struct Circle {
    roles: Vec<Role>,
    /// With all units below.
    units: HashSet<UnitId>,
}

impl Circle {
    fn has(&self, role: Role, units: &[UnitId]) -> bool {
        self.roles.contains(&role) || units.iter().any(|unit| self.units.contains(unit))
    }
}

impl ModelPolicies {
    /// Puts together what tenants say; `units` are those of all tenants.
    pub(crate) fn new(rules: Vec<AccessRule>, places: Vec<TenantPlaces>, units: &[Unit]) -> Self {
        let mut tenants: HashMap<TenantId, TenantPolicy> = HashMap::new();
        for policy in places {
            tenants.entry(policy.tenant).or_default().places = Some(PlacePolicy::of(policy.places));
        }
        for rule in rules {
            let Some(audience) = rule.audience else { continue };
            let units = with_all_below(audience.units, units);
            let circle = Circle { roles: audience.roles, units };
            tenants.entry(rule.tenant).or_default().circles.insert(rule.model, circle);
        }
        let tenants = tenants.into_iter().map(|(id, policy)| (id, Arc::new(policy)));
        Self { tenants: tenants.collect() }
    }
}

fn with_all_below(roots: Vec<UnitId>, units: &[Unit]) -> HashSet<UnitId> {
    let mut all = HashSet::new();
    let mut open = roots;
    while let Some(unit) = open.pop() {
        if all.insert(unit) {
            open.extend(units.iter().filter(|child| child.parent == Some(unit)).map(|c| c.id));
        }
    }
    all
}

impl App {
    /// Where the principal's data may go: where both the installation and the tenant allow.
    pub(crate) fn places(&self, principal: &Principal) -> PlacePolicy {
        let policies = self.policies.load();
        let own = policies.tenants.get(&principal.tenant).and_then(|policy| policy.places);
        let installation = self.config.places;
        own.map_or(installation, |own| installation.only(|place| own.allows(place)))
    }

    /// Which models the principal may use: those open to them, and of these what their key is for.
    pub(crate) fn model_access(&self, principal: &Principal) -> ModelAccess {
        let policies = self.policies.load();
        let policy = policies.tenants.get(&principal.tenant).filter(|p| !p.circles.is_empty());
        let only = match &principal.credential {
            Credential::ApiKey { models, .. } => models.clone(),
            Credential::Session(_) => None,
        };
        if policy.is_none() && only.is_none() {
            return ModelAccess::ALL;
        }
        let (policy, role, units) = (policy.cloned(), principal.role, principal.units.clone());
        ModelAccess::of(move |model| {
            let circle = policy.as_ref().and_then(|policy| policy.circles.get(model));
            only.as_ref().is_none_or(|only| only.iter().any(|name| name == model))
                && circle.is_none_or(|circle| circle.has(role, &units))
        })
    }

    /// Whether the principal may use the model for anything.
    pub(crate) fn is_usable(&self, principal: &Principal, model: &Model) -> bool {
        let places = self.places(principal);
        self.model_access(principal).allows(&model.name)
            && model.routes.iter().any(|route| places.allows(route.place))
    }

    /// Where the installation lets data go, from near to far.
    pub(crate) fn places_of_installation(&self) -> Vec<Place> {
        self.config.places.places().collect()
    }
}

#[cfg(test)]
mod tests {
    use domain::Instant;

    use super::*;

    #[test]
    fn a_unit_brings_all_below_it_and_a_circle_of_units_ends() {
        let unit = |id, parent| Unit {
            id,
            name: String::new(),
            parent,
            cost_centre: None,
            created_at: Instant::now(),
        };
        let [root, left, leaf, right] = std::array::from_fn(|_| UnitId::new());
        let units = [
            unit(root, None),
            unit(left, Some(root)),
            unit(leaf, Some(left)),
            unit(right, Some(root)),
        ];
        assert_eq!(with_all_below(vec![left], &units), HashSet::from([left, leaf]));
        assert_eq!(with_all_below(vec![root], &units).len(), 4);
        assert!(with_all_below(vec![], &units).is_empty());
        let ring = [unit(left, Some(right)), unit(right, Some(left))];
        assert_eq!(with_all_below(vec![left], &ring), HashSet::from([left, right]));
    }
}
