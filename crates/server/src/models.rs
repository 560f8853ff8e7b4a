//! The models of the configuration file, and the rules for those that are defined beside it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, PoisonError, RwLock},
};

use app::{DefinitionFault, FileModels, KeyedDefinition, ModelReader};
use gateway::{Model, Tokenizer};
use serde_json::Value;

use crate::{
    config::{AllowedHost, Config, ModelSettings, RouteKind, Secret, definition},
    wiring,
};

/// Settings of the file that would let whoever defines a model read files and the environment.
const KEPT_FOR_THE_FILE: [&str; 5] =
    ["api_key_env", "api_key_file", "service_account_file", "aws_session_token_env", "path"];

/// Parts of names under which providers take keys.
const WORDS_OF_KEYS: [&str; 6] = ["key", "token", "secret", "password", "sig", "auth"];

/// Knows what the file says at this moment.
#[derive(Debug)]
pub(crate) struct ConfiguredModels {
    file: RwLock<Arc<File>>,
}

#[derive(Debug)]
struct File {
    says: Arc<FileModels>,
    hosts: Vec<AllowedHost>,
}

impl ConfiguredModels {
    pub(crate) fn new(config: &Config) -> Self {
        Self { file: RwLock::new(Arc::new(File::of(config))) }
    }

    /// Takes over the models of a configuration that was read anew, and the hosts with them.
    pub(crate) fn replace(&self, config: &Config) {
        let mut file = self.file.write().unwrap_or_else(PoisonError::into_inner);
        *file = Arc::new(File::of(config));
    }

    fn present(&self) -> Arc<File> {
        Arc::clone(&self.file.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl File {
    /// The hosts of the file's own models are allowed: the operator has named them.
    fn of(config: &Config) -> Self {
        let mut hosts = config.outbound.hosts.clone();
        for route in config.models.iter().flat_map(|model| &model.routes) {
            let RouteKind::Server(server) = &route.kind else { continue };
            let host = AllowedHost::of(&server.base_url);
            hosts.extend(host.filter(|_| !hosts.iter().any(|host| host.allows(&server.base_url))));
        }
        // Checked when the file was read.
        let models = config.models.iter().filter_map(|settings| wiring::model(settings).ok());
        let says = FileModels {
            models: models.map(Arc::new).collect(),
            definitions: config.models.iter().map(definition::write).collect(),
            auto: config.auto.clone(),
            built_in: Arc::new(wiring::built_in()),
            hosts: hosts.iter().map(ToString::to_string).collect(),
        };
        Self { says: Arc::new(says), hosts }
    }
}

impl ModelReader for ConfiguredModels {
    fn file(&self) -> Arc<FileModels> {
        Arc::clone(&self.present().says)
    }

    fn read(&self, given: &KeyedDefinition<'_>) -> Result<Model, Vec<DefinitionFault>> {
        let mut faults = kept_for_the_file(given.definition);
        let read = definition::read(given.definition);
        let mut settings = match read {
            Ok(settings) if faults.is_empty() => settings,
            Ok(_) => return Err(faults),
            Err(mut others) => {
                others.retain(|other| faults.iter().all(|fault| fault.field != other.field));
                faults.extend(others);
                return Err(faults);
            }
        };
        self.check_hosts(&settings, &mut faults);
        give_keys(&mut settings, given.keys, &mut faults);
        if !faults.is_empty() {
            return Err(faults);
        }
        wiring::model(&settings).map_err(|error| {
            let reason = app::Error::invalid("model_unfit").caused_by(error);
            vec![DefinitionFault { field: String::new(), reason }]
        })
    }
}

impl ConfiguredModels {
    fn check_hosts(&self, model: &ModelSettings, faults: &mut Vec<DefinitionFault>) {
        let file = self.present();
        for (at, route) in model.routes.iter().enumerate() {
            let RouteKind::Server(server) = &route.kind else { continue };
            if !file.hosts.iter().any(|host| host.allows(&server.base_url)) {
                faults.push(fault(format!("routes.{at}.base_url"), "model_host_not_allowed"));
            }
            // A definition is shown to whoever may change it; only keys are sealed.
            let names = server.query.iter().map(|(name, _)| name.to_ascii_lowercase());
            if names.into_iter().any(|name| WORDS_OF_KEYS.iter().any(|word| name.contains(word))) {
                faults.push(fault(format!("routes.{at}.query"), "model_query_key"));
            }
        }
    }
}

fn kept_for_the_file(definition: &Value) -> Vec<DefinitionFault> {
    let routes = definition.get("routes").and_then(Value::as_array);
    let mut faults = Vec::new();
    for (at, route) in routes.into_iter().flatten().enumerate() {
        let tokenizer = route.get("tokenizer").and_then(Value::as_str).map(Tokenizer::from_code);
        let of_file = matches!(tokenizer, Some(Tokenizer::File(_))).then_some("tokenizer");
        let names = KEPT_FOR_THE_FILE.into_iter().chain(of_file);
        for name in names.filter(|name| route.get(name).is_some()) {
            faults.push(fault(format!("routes.{at}.{name}"), "model_field_of_file"));
        }
    }
    faults
}

fn give_keys(
    model: &mut ModelSettings,
    keys: &BTreeMap<String, String>,
    faults: &mut Vec<DefinitionFault>,
) {
    let (name, mut names) = (model.name.clone(), BTreeSet::new());
    for (at, route) in model.routes.iter_mut().enumerate() {
        let route_name = route.name_in(&name, at);
        let key = keys.get(&route_name);
        if !names.insert(route_name) {
            faults.push(fault(format!("routes.{at}.name"), "model_route_twice"));
        }
        let Some(key) = key else { continue };
        let field = || format!("routes.{at}.api_key");
        match &mut route.kind {
            RouteKind::BuiltIn | RouteKind::Local(_) => {
                faults.push(fault(field(), "model_key_unneeded"));
            }
            RouteKind::Server(_) if !key.bytes().all(|byte| byte.is_ascii_graphic()) => {
                faults.push(fault(field(), "model_key_unfit"));
            }
            RouteKind::Server(server) => server.key = Some(Secret::new(key.clone())),
        }
    }
}

fn fault(field: String, code: &'static str) -> DefinitionFault {
    DefinitionFault { field, reason: app::Error::invalid(code) }
}
