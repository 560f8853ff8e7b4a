//! Which models a principal may use and where their data may go, as their tenant says, and their key.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use domain::{Credential, Place, Role, TenantId, UnitId};
use gateway::{Model, ModelAccess, PlacePolicy};
use store::{AccessRule, TenantPlaces};

use crate::{App, Principal, units::UnitTree};

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
    /// And all units below.
    units: HashSet<UnitId>,
}

impl Circle {
    fn has(&self, role: Role, units: &[UnitId], tree: &UnitTree) -> bool {
        self.roles.contains(&role)
            || (!self.units.is_empty()
                && tree.lines_of(units).iter().any(|unit| self.units.contains(unit)))
    }
}

impl ModelPolicies {
    /// Puts together what tenants say.
    pub(crate) fn new(rules: Vec<AccessRule>, places: Vec<TenantPlaces>) -> Self {
        let mut tenants: HashMap<TenantId, TenantPolicy> = HashMap::new();
        for policy in places {
            tenants.entry(policy.tenant).or_default().places = Some(PlacePolicy::of(policy.places));
        }
        for rule in rules {
            let Some(audience) = rule.audience else { continue };
            let units = audience.units.into_iter().collect();
            let circle = Circle { roles: audience.roles, units };
            tenants.entry(rule.tenant).or_default().circles.insert(rule.model, circle);
        }
        let tenants = tenants.into_iter().map(|(id, policy)| (id, Arc::new(policy)));
        Self { tenants: tenants.collect() }
    }
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
        let tree = Arc::clone(&self.units);
        ModelAccess::of(move |model| {
            let circle = policy.as_ref().and_then(|policy| policy.circles.get(model));
            only.as_ref().is_none_or(|only| only.iter().any(|name| name == model))
                && circle.is_none_or(|circle| circle.has(role, &units, &tree))
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
