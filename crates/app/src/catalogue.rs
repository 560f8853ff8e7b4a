//! The catalogue of models: what the configuration file defines, and beside it what administrators
//! add while the platform runs. Several processes on one database follow each other's changes.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
    time::Duration,
};

use domain::Instant;
use gateway::{AUTO_MODEL, AutoChoice, Catalogue, CatalogueError, Model};
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
    pub models: Vec<Arc<Model>>,
    /// Their definitions, without keys.
    pub definitions: Vec<Value>,
    /// The lines behind `auto`.
    pub auto: Vec<AutoChoice>,
    /// The model that is there without being defined.
    pub built_in: Arc<Model>,
    /// Hosts, with port, that models of the database may be called on.
    pub hosts: Vec<String>,
}

impl FileModels {
    /// Names that models of the database cannot have beside the file's: `auto` is one where there is a
    /// choice behind it.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        let models = self.models.iter().chain([&self.built_in]).map(|model| model.name.as_str());
        models.chain((!self.auto.is_empty()).then_some(AUTO_MODEL))
    }
}

/// Knows the words in which models are defined: those of the configuration file.
pub trait ModelReader: Send + Sync {
    /// What the file says at this moment; the same value until it says something else.
    fn file(&self) -> Arc<FileModels>;

    /// Reads a definition as if it stood in the file, under the rules for definitions that do not.
    ///
    /// # Errors
    /// All that is wrong with it.
    fn read(&self, given: &KeyedDefinition<'_>) -> Result<Model, Vec<DefinitionFault>>;
}

/// What the catalogue was built from.
#[derive(Debug, Default)]
pub(crate) struct CatalogueSources {
    /// The state of the database; `None` if the last building failed.
    stamp: Option<Option<String>>,
    file: Option<Arc<FileModels>>,
    /// The models of the database by name, as they were read.
    added: BTreeMap<String, Added>,
}

/// A model of the database.
#[derive(Debug)]
struct Added {
    /// Version and time of its last change.
    written: (u64, Instant),
    /// `None` if it cannot be used.
    model: Option<Arc<Model>>,
}

impl CatalogueSources {
    /// All models, and which of their routes are drained: model and route.
    fn catalogue(
        &self,
        file: &FileModels,
        drained: &[(String, String)],
    ) -> std::result::Result<Catalogue, CatalogueError> {
        let mut models = file.models.clone();
        let of_file: HashSet<String> = file.names().map(str::to_owned).collect();
        let added = self.added.iter().filter(|(name, _)| !of_file.contains(*name));
        models.extend(added.filter_map(|(_, added)| added.model.clone()));
        models.push(Arc::clone(&file.built_in));
        for (name, route) in drained {
            let Some(model) = models.iter_mut().find(|model| model.name == *name) else { continue };
            for route in Arc::make_mut(model).routes.iter_mut().filter(|r| r.name == *route) {
                route.drained = true;
            }
        }
        Catalogue::new(models)?.with_auto(file.auto.clone())
    }
}

impl App {
    /// Builds the catalogue from the file and the database, and takes it over at once and whole.
    /// A model of the database that cannot be used is left out, and so is one that the file defines
    /// too; neither is in the way of the others.
    ///
    /// # Errors
    /// A database error; then everything stays as it was.
    pub async fn load_catalogue(&self) -> Result<()> {
        self.catalogue.after_change(async |sources| self.build_catalogue(sources).await).await
    }

    async fn build_catalogue(&self, sources: &mut CatalogueSources) -> Result<()> {
        // Whatever is in the way, the next look tries again.
        sources.stamp = None;
        // Read first: what changes while the rest is read is seen the next time.
        let stamp = self.store.catalogue_stamp().await?;
        let file = self.models.file();
        self.read_added(sources, &file).await?;
        let drained = self.store.drained_routes().await?;
        let policies = self.read_policies().await?;
        // What is open to a unit is open to all below it.
        self.load_units().await?;
        let catalogue = sources.catalogue(&file, &drained).map_err(Error::internal)?;
        // Who may use a model is known before the model is there.
        self.policies.store(Arc::new(policies));
        self.gateway.replace_catalogue(catalogue);
        sources.stamp = Some(stamp);
        Ok(())
    }

    /// Reads those models of the database that are new or have changed.
    async fn read_added(
        &self,
        sources: &mut CatalogueSources,
        file: &Arc<FileModels>,
    ) -> Result<()> {
        // The file says on which hosts they may be called.
        if !sources.file.as_ref().is_some_and(|before| Arc::ptr_eq(before, file)) {
            sources.added.clear();
            sources.file = Some(Arc::clone(file));
        }
        let known = |name: &str| sources.added.get(name).map(|added| added.written);
        let found = self.store.changed_models(known).await?;
        let mut before = std::mem::take(&mut sources.added);
        let still_there = found.same.into_iter().filter_map(|name| before.remove_entry(&name));
        sources.added = still_there.collect();
        for stored in found.changed {
            let model = match self.read_stored(&stored) {
                Ok(model) => Some(Arc::new(model)),
                Err(faults) => {
                    let field = faults.first().map(|fault| fault.field.as_str());
                    tracing::warn!(model = stored.name, field, "a model cannot be used");
                    None
                }
            };
            let written = (stored.version, stored.updated_at);
            sources.added.insert(stored.name, Added { written, model });
        }
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
        let is_known = self.catalogue.look(|sources| sources.stamp.as_ref() == Some(&stamp)).await;
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

#[cfg(test)]
mod tests {
    use domain::{DataClass, Place};
    use gateway::{Route, RouteKind};

    use super::*;

    fn model(name: &str) -> Arc<Model> {
        let route =
            Route::new(format!("{name}-1"), RouteKind::BuiltIn, Place::Own, DataClass::Internal);
        Arc::new(Model::new(name, vec![route]))
    }

    /// The operator may write a choice into the file after an administrator has made a model of that
    /// name: neither the next start nor the next change is in danger.
    #[test]
    fn a_model_of_the_database_named_auto_gives_way_to_the_choice() {
        let line =
            AutoChoice { model: "gross".to_owned(), class_max: None, tokens_max: None, kind: None };
        let file = |auto| FileModels {
            models: vec![model("gross")],
            definitions: vec![],
            auto,
            built_in: model("eingebaut"),
            hosts: vec![],
        };
        let added = |name: &str| {
            let written = (1, Instant::now());
            (name.to_owned(), Added { written, model: Some(model(name)) })
        };
        let added = BTreeMap::from([added("auto"), added("neu")]);
        let sources = CatalogueSources { added, ..CatalogueSources::default() };
        let names = |catalogue: &Catalogue| {
            catalogue.models().iter().map(|model| model.name.clone()).collect::<Vec<_>>()
        };
        let chosen = sources.catalogue(&file(vec![line]), &[]).unwrap();
        assert_eq!(names(&chosen), ["gross", "neu", "eingebaut"]);
        assert_eq!(chosen.auto().len(), 1);
        let plain = sources.catalogue(&file(vec![]), &[]).unwrap();
        assert_eq!(names(&plain), ["gross", "auto", "neu", "eingebaut"]);
    }
}
