//! What a tenant's administrators say about models: who may use which, and where data may go.

use std::collections::HashMap;

use domain::{Action, Place, Resource, TenantId};
use store::{AccessRule, Audience, By, TenantPlaces};

use crate::{App, Error, Principal, Result};

/// Most units in a rule; beyond: refused.
const UNITS_MAX: usize = 1_000;

/// Who may use a model.
#[derive(Debug)]
pub struct ModelAccessEntry {
    /// The model's name.
    pub model: String,
    /// Who; `None`: everybody.
    pub audience: Option<Audience>,
    /// The version, 0 if nobody has said anything.
    pub version: u64,
}

/// Where a tenant's data may go.
#[derive(Debug)]
pub struct PlaceChoice {
    /// The places the tenant allows.
    pub places: Vec<Place>,
    /// The places the installation allows; no tenant goes beyond.
    pub offered: Vec<Place>,
    /// The version, 0 if nobody has said anything.
    pub version: u64,
}

impl App {
    /// Says for each model who of the tenant may use it.
    ///
    /// # Errors
    /// If the principal is no administrator.
    pub async fn list_model_access(&self, principal: &Principal) -> Result<Vec<ModelAccessEntry>> {
        let tenant = authorise(principal)?;
        let rules = self.store.access_rules().await?;
        let own = rules.into_iter().filter(|rule| rule.tenant == tenant);
        let mut rules: HashMap<String, AccessRule> =
            own.map(|rule| (rule.model.clone(), rule)).collect();
        let catalogue = self.gateway.catalogue();
        let entries = catalogue.models().iter().map(|model| match rules.remove(&model.name) {
            Some(AccessRule { model, audience, version, .. }) => {
                ModelAccessEntry { model, audience, version }
            }
            None => ModelAccessEntry { model: model.name.clone(), audience: None, version: 0 },
        });
        Ok(entries.collect())
    }

    /// Says who of the tenant may use a model from now on; `entry.version` is the version it was made
    /// from.
    ///
    /// # Errors
    /// If the principal is no administrator, there is no such model or unit, or somebody else has
    /// changed it meanwhile.
    pub async fn update_model_access(
        &self,
        principal: &Principal,
        entry: ModelAccessEntry,
    ) -> Result<ModelAccessEntry> {
        let tenant = authorise(principal)?;
        let ModelAccessEntry { model, mut audience, version } = entry;
        if self.gateway.catalogue().model(&model).is_none() {
            return Err(Error::not_found());
        }
        if let Some(audience) = &mut audience {
            audience.units.sort_unstable();
            audience.units.dedup();
            if audience.units.len() > UNITS_MAX {
                return Err(Error::invalid("too_many_ids")
                    .with("max", UNITS_MAX)
                    .in_field("units"));
            }
        }
        let rule = AccessRule { tenant, model, audience, version };
        let written = self.store.write_access(&rule, &By::from(principal)).await;
        let version = written.map_err(|error| match error {
            store::Error::NotFound => Error::invalid("unit_unknown").in_field("units"),
            other => other.into(),
        })?;
        self.load_catalogue().await?;
        let AccessRule { model, audience, .. } = rule;
        Ok(ModelAccessEntry { model, audience, version })
    }

    /// Says where the tenant's data may go.
    ///
    /// # Errors
    /// If the principal is no administrator.
    pub async fn get_place_policy(&self, principal: &Principal) -> Result<PlaceChoice> {
        let tenant = authorise(principal)?;
        let policies = self.store.tenant_places().await?;
        let own = policies.into_iter().find(|policy| policy.tenant == tenant);
        let offered = self.places_of_installation();
        let (places, version) =
            own.map_or_else(|| (offered.clone(), 0), |policy| (policy.places, policy.version));
        Ok(PlaceChoice { places, offered, version })
    }

    /// Says where the tenant's data may go from now on. Answers in the making are not disturbed.
    ///
    /// # Errors
    /// If the principal is no administrator, no place is left, the installation does not allow one,
    /// or somebody else has changed it meanwhile.
    pub async fn update_place_policy(
        &self,
        principal: &Principal,
        mut places: Vec<Place>,
        version: u64,
    ) -> Result<PlaceChoice> {
        let tenant = authorise(principal)?;
        let offered = self.places_of_installation();
        places = Place::ALL.into_iter().filter(|place| places.contains(place)).collect();
        if places.is_empty() {
            return Err(Error::invalid("places_empty").in_field("places"));
        }
        if !places.iter().all(|place| offered.contains(place)) {
            return Err(Error::invalid("place_not_offered").in_field("places"));
        }
        let policy = TenantPlaces { tenant, places, version };
        let version = self.store.write_tenant_places(&policy, &By::from(principal)).await?;
        self.load_catalogue().await?;
        Ok(PlaceChoice { places: policy.places, offered, version })
    }
}

fn authorise(principal: &Principal) -> Result<TenantId> {
    let tenant = principal.tenant;
    domain::authorise(principal, Action::ManageModels, &Resource::Tenant(tenant))?;
    Ok(tenant)
}
