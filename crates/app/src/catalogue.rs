//! The catalogue of models: what the configuration file defines, and beside it what administrators
//! add while the platform runs. Several processes on one database follow each other's changes.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use gateway::{AutoChoice, Catalogue, Model};
use identity::SealError;
use serde_json::Value;
use store::StoredModel;

use crate::{App, Error, Result, model_policies::ModelPolicies};

/// Pause between two looks at what other processes have changed.
const LOOK_INTERVAL: Duration = Duration::from_secs(2);

/// What is wrong with a definition of a model.
#[derive(Debug)]
pub struct DefinitionFault {
    /// Where, e.g. `routes.0.base_url`.
    pub field: String,
    /// What, and what would be right.
    pub reason: Error,
}

/// A definition of a model with the keys of its routes in clear.
#[derive(Debug)]
pub struct KeyedDefinition<'a> {
    /// With the words of the configuration file.
    pub definition: &'a Value,
    /// By the route's name.
    pub keys: &'a BTreeMap<String, String>,
}

/// What the configuration file says of models.
#[derive(Debug)]
pub struct FileModels {
    /// Its models, in its order.
    pub models: Vec<Model>,
    /// Their definitions, without keys.
    pub definitions: Vec<Value>,
    /// The lines behind `auto`.
    pub auto: Vec<AutoChoice>,
    /// The model that is there without being defined.
    pub built_in: Model,
    /// Hosts, with port, that models of the database may be called on.
    pub hosts: Vec<String>,
}

/// Knows the words in which models are defined: those of the configuration file.
pub trait ModelReader: Send + Sync {
    /// What the file says at this moment.
    fn file(&self) -> FileModels;

    /// Reads a definition as if it stood in the file, under the rules for definitions that do not.
    ///
    /// # Errors
    /// All that is wrong with it.
    fn read(&self, given: &KeyedDefinition<'_>) -> Result<Model, Vec<DefinitionFault>>;
}

impl App {
    /// Builds the catalogue from the file and the database, and takes it over at once and whole.
    /// A model of the database that cannot be used is left out, and so is one that the file defines
    /// too; neither is in the way of the others.
    ///
    /// # Errors
    /// A database error; then everything stays as it was.
    pub async fn load_catalogue(&self) -> Result<()> {
        let mut known = self.catalogue_stamp.lock().await;
        // Whatever is in the way, the next look tries again.
        *known = None;
        // Read first: what changes while the rest is read is seen the next time.
        let stamp = self.store.catalogue_stamp().await?;
        let stored = self.store.models().await?;
        let drained = self.store.drained_routes().await?;
        let policies = self.read_policies().await?;
        // What is open to a unit is open to all below it.
        self.load_units().await?;
        let file = self.models.file();
        let mut models = file.models;
        for added in &stored {
            if models.iter().chain([&file.built_in]).any(|model| model.name == added.name) {
                continue;
            }
            match self.read_stored(added) {
                Ok(model) => models.push(model),
                Err(faults) => {
                    let field = faults.first().map(|fault| fault.field.as_str());
                    tracing::warn!(model = added.name, field, "a model cannot be used");
                }
            }
        }
        models.push(file.built_in);
        for (name, route) in &drained {
            let routes = models.iter_mut().filter(|model| model.name == *name);
            for route in routes.flat_map(|m| &mut m.routes).filter(|r| r.name == *route) {
                route.drained = true;
            }
        }
        let catalogue = Catalogue::new(models).and_then(|all| all.with_auto(file.auto));
        let catalogue = catalogue.map_err(Error::internal)?;
        // Who may use a model is known before the model is there.
        self.policies.store(Arc::new(policies));
        self.gateway.replace_catalogue(catalogue);
        *known = Some(stamp);
        Ok(())
    }

    /// Follows what other processes change, until this one stops.
    pub async fn keep_catalogue(&self) {
        let mut was_away = false;
        loop {
            let pause = tokio::time::sleep(LOOK_INTERVAL);
            if self.stopping.run_until_cancelled(pause).await.is_none() {
                return;
            }
            let followed = self.follow_catalogue().await;
            if let (Err(error), false) = (&followed, was_away) {
                let error = error as &dyn std::error::Error;
                tracing::warn!(error, "changes to models cannot be read: they stay as they were");
            }
            was_away = followed.is_err();
        }
    }

    async fn follow_catalogue(&self) -> Result<()> {
        self.load_units().await?;
        let stamp = self.store.catalogue_stamp().await?;
        let is_known = self.catalogue_stamp.lock().await.as_ref() == Some(&stamp);
        if is_known { Ok(()) } else { self.load_catalogue().await }
    }

    async fn read_policies(&self) -> Result<ModelPolicies> {
        let rules = self.store.access_rules().await?;
        let places = self.store.tenant_places().await?;
        Ok(ModelPolicies::new(rules, places))
    }

    /// Reads a model of the database with its keys.
    pub(crate) fn read_stored(
        &self,
        stored: &StoredModel,
    ) -> std::result::Result<Model, Vec<DefinitionFault>> {
        let keys = self.open_keys(&stored.definition, &stored.keys).map_err(|(route, error)| {
            let reason = Error::invalid("model_key_unreadable").caused_by(error);
            vec![DefinitionFault { field: format!("routes.{route}.api_key"), reason }]
        })?;
        self.models.read(&KeyedDefinition { definition: &stored.definition, keys: &keys })
    }

    /// Opens the keys of routes, each for the address it was given for.
    fn open_keys(
        &self,
        definition: &Value,
        sealed: &BTreeMap<String, String>,
    ) -> std::result::Result<BTreeMap<String, String>, (String, SealError)> {
        let open = |(route, sealed): (&String, &String)| {
            let purpose = key_purpose(definition, route);
            match self.secret.open(&purpose, sealed) {
                Ok(key) => Ok((route.clone(), key.as_str().to_owned())),
                Err(error) => Err((route.clone(), error)),
            }
        };
        sealed.iter().map(open).collect()
    }
}

/// What a route's key is sealed for: this route at this address, and nothing else.
pub(crate) fn key_purpose(definition: &Value, route: &str) -> String {
    let name = definition.get("name").and_then(Value::as_str).unwrap_or_default();
    let address = route_of(definition, route).map(address).unwrap_or_default();
    format!("model route key\n{name}\n{route}\n{address}")
}

/// The route of this name in a definition.
pub(crate) fn route_of<'d>(definition: &'d Value, route: &str) -> Option<&'d Value> {
    let mut routes = definition.get("routes")?.as_array()?.iter();
    routes.find(|other| other.get("name").and_then(Value::as_str) == Some(route))
}

/// Scheme, host and port of a route's server.
pub(crate) fn address(route: &Value) -> String {
    let url = route.get("base_url").and_then(Value::as_str).unwrap_or_default();
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let host = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
    format!("{scheme}://{host}").to_ascii_lowercase()
}
