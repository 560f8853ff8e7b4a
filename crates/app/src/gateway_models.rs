//! Models as administrators of the installation keep them: list, add, change, remove, drain and test.
//! What the configuration file defines stays the file's; only draining reaches it from here.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    fmt::Write as _,
    sync::Arc,
    time::{Duration, Instant},
};

use domain::{Action, DataClass, ErrorKind, Resource};
use gateway::{AUTO_MODEL, GatewayError, Terms};
use serde_json::Value;
use store::{By, ModelWrite, StoredModel};

use crate::{
    App, DefinitionFault, Error, KeyedDefinition, Principal, Result,
    catalogue::{address, key_purpose, route_of},
    settlement::Settlement,
};

/// Longest time for the test of a route.
const TEST_TIME_MAX: Duration = Duration::from_secs(30);
/// Longest list of changes in an entry of the audit log, in characters; the rest is cut.
const CHANGES_CHARS_MAX: usize = 2_000;
/// Fields whose values are free text or may carry a key: only that they changed is written down.
const UNSPOKEN: [&str; 3] = ["purpose", "description", "query"];

/// Where a model is defined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModelOrigin {
    /// In the configuration file.
    File,
    /// In the database, with the version of its definition.
    Database(u64),
}

/// A model as administrators see it.
#[derive(Debug)]
pub struct GatewayModelEntry {
    /// Where it is defined.
    pub origin: ModelOrigin,
    /// With the words of the configuration file, without keys.
    pub definition: Value,
    /// Names of the routes that take no more calls.
    pub drained: BTreeSet<String>,
    /// Names of the routes that have a key in the database.
    pub keyed: BTreeSet<String>,
    /// Why it is not in use, if it is not.
    pub faults: Vec<DefinitionFault>,
    /// Whether the file has a model of the same name, which is used instead.
    pub is_shadowed: bool,
}

/// All models, and where further ones may be called.
#[derive(Debug)]
pub struct GatewayModels {
    /// The file's, then the others by name.
    pub models: Vec<GatewayModelEntry>,
    /// Hosts that the operator lets models of the database be called on, with ports.
    pub hosts: Vec<String>,
}

/// A definition as it was typed in.
#[derive(Debug)]
pub struct ModelDraft {
    /// With the words of the configuration file, without keys.
    pub definition: Value,
    /// For each route: a new key, an empty text for none, `None` for the present one.
    pub keys: Vec<Option<String>>,
}

/// How the test of a route went.
#[derive(Debug)]
pub struct RouteTest {
    /// How long it took.
    pub took: Duration,
    /// What went wrong, in one word, e.g. `connect` or `401`; `None` if it answered.
    pub failure: Option<String>,
}

impl App {
    /// Lists all models with their definitions.
    ///
    /// # Errors
    /// If the principal does not look after the installation.
    pub async fn list_gateway_models(&self, principal: &Principal) -> Result<GatewayModels> {
        self.authorise_models(principal).await?;
        let (file, stored) = (self.models.file(), self.store.models().await?);
        let drained = self.store.drained_routes().await?;
        let drained = |name: &str| {
            let of_model = drained.iter().filter(|(model, _)| model == name);
            of_model.map(|(_, route)| route.clone()).collect()
        };
        let own = file.definitions.iter().map(|definition| GatewayModelEntry {
            origin: ModelOrigin::File,
            drained: drained(name_of(definition)),
            keyed: BTreeSet::new(),
            faults: Vec::new(),
            is_shadowed: false,
            definition: definition.clone(),
        });
        let names: HashSet<&str> = file.models.iter().map(|model| model.name.as_str()).collect();
        let added = stored.into_iter().map(|model| GatewayModelEntry {
            drained: drained(&model.name),
            is_shadowed: names.contains(model.name.as_str()),
            ..self.entry(model)
        });
        Ok(GatewayModels { models: own.chain(added).collect(), hosts: file.hosts.clone() })
    }

    /// Adds a model.
    ///
    /// # Errors
    /// If the principal does not look after the installation, the name is taken, or the definition
    /// would be refused in the configuration file too.
    pub async fn create_gateway_model(
        &self,
        principal: &Principal,
        draft: ModelDraft,
    ) -> Result<GatewayModelEntry> {
        self.authorise_models(principal).await?;
        self.write_model(principal, None, draft).await
    }

    /// Puts a model in place of its former self; `version` is the one it was made from.
    ///
    /// # Errors
    /// As [`App::create_gateway_model`]; if it was changed meanwhile, or is the file's.
    pub async fn update_gateway_model(
        &self,
        principal: &Principal,
        name: &str,
        version: u64,
        draft: ModelDraft,
    ) -> Result<GatewayModelEntry> {
        self.authorise_models(principal).await?;
        let mut before = self.own_model(name).await?;
        if name_of(&draft.definition) != name {
            // Keys, rights and records go by the name.
            return Err(Error::invalid("model_name_kept").in_field("name"));
        }
        before.version = version;
        self.write_model(principal, Some(before), draft).await
    }

    /// Removes a model of the database. Running answers come to their end.
    ///
    /// # Errors
    /// If the principal does not look after the installation; if it was changed meanwhile, or is the
    /// file's.
    pub async fn delete_gateway_model(
        &self,
        principal: &Principal,
        name: &str,
        version: u64,
    ) -> Result<()> {
        let tenant = self.authorise_models(principal).await?;
        self.own_model(name).await?;
        self.store.delete_model(tenant, name, version, &By::from(principal)).await?;
        self.load_catalogue().await
    }

    /// Takes a route out of service, or back in. Running answers come to their end.
    ///
    /// # Errors
    /// If the principal does not look after the installation, or there is no such route.
    pub async fn drain_gateway_route(
        &self,
        principal: &Principal,
        model: &str,
        route: &str,
        drained: bool,
    ) -> Result<()> {
        let tenant = self.authorise_models(principal).await?;
        let catalogue = self.gateway.catalogue();
        let mut routes = catalogue.model(model).into_iter().flat_map(|model| &model.routes);
        if !routes.any(|other| other.name == route) {
            return Err(Error::not_found());
        }
        let by = By::from(principal);
        self.store.drain_route(tenant, (model, route), drained, &by).await?;
        self.load_catalogue().await
    }

    /// Asks a route for next to nothing and says how that went, also if it is drained. What it costs
    /// is recorded like any call.
    ///
    /// # Errors
    /// If the principal does not look after the installation, there is no such route, or it is for
    /// something that cannot be tried for next to nothing.
    pub async fn test_gateway_route(
        self: &Arc<Self>,
        principal: &Principal,
        model: &str,
        route: &str,
    ) -> Result<RouteTest> {
        self.authorise_models(principal).await?;
        let mut settlement = Settlement::new(self, principal, DataClass::Open)?.of("test_route");
        let deadline = Some(tokio::time::Instant::now() + TEST_TIME_MAX);
        let terms = Terms { deadline, ..self.terms(principal, DataClass::Open) };
        let began = Instant::now();
        let tested = self.gateway.test_route(model, route, terms, &settlement.meter).await;
        let took = began.elapsed();
        let error = match tested {
            Ok(()) => return Ok(RouteTest { took, failure: None }),
            Err(GatewayError::Plan(gateway::PlanError::UnknownModel { .. })) => {
                return Err(Error::not_found());
            }
            Err(GatewayError::Unsupported(_)) => return Err(Error::invalid("route_not_testable")),
            Err(error) => error,
        };
        settlement.failed();
        Ok(RouteTest { took, failure: Some(error.detail()) })
    }

    /// Models belong to the installation: who looks after its first tenant looks after them.
    async fn authorise_models(&self, principal: &Principal) -> Result<domain::TenantId> {
        let operator = self.store.default_tenant().await?.id;
        domain::authorise(principal, Action::ManageModels, &Resource::Tenant(operator))?;
        Ok(operator)
    }

    /// The model of the database; what the file defines is read only.
    async fn own_model(&self, name: &str) -> Result<StoredModel> {
        let stored = self.store.model(name).await;
        if matches!(stored, Err(store::Error::NotFound)) && self.is_of_file(name) {
            return Err(Error::new(ErrorKind::Conflict, "model_of_file"));
        }
        Ok(stored?)
    }

    fn is_of_file(&self, name: &str) -> bool {
        self.models.file().names().any(|taken| taken == name)
    }

    async fn write_model(
        &self,
        principal: &Principal,
        before: Option<StoredModel>,
        draft: ModelDraft,
    ) -> Result<GatewayModelEntry> {
        let ModelDraft { mut definition, keys: given } = draft;
        name_routes(&mut definition);
        let name = name_of(&definition).to_owned();
        if before.is_none() && self.is_of_file(&name) {
            let taken = Error::new(ErrorKind::Conflict, "model_name_taken");
            return Err(taken.in_field("name"));
        }
        // The operator may put a choice behind it at any time.
        if before.is_none() && name == AUTO_MODEL {
            return Err(Error::invalid("model_name_reserved").with("name", name).in_field("name"));
        }
        let keys = self.keys(&definition, &given, before.as_ref())?;
        let read = self.models.read(&KeyedDefinition { definition: &definition, keys: &keys });
        read.map_err(refused)?;
        let seal = |(route, key): (&String, &String)| {
            (route.clone(), self.secret.seal(&key_purpose(&definition, route), key))
        };
        let sealed: BTreeMap<_, _> = keys.iter().map(seal).collect();
        let null = Value::Null;
        let former = before.as_ref().map_or(&null, |before| &before.definition);
        let mut changes = changes(former, &definition);
        let has_new = |key: &Option<String>| key.as_ref().is_some_and(|key| !key.is_empty());
        if given.iter().any(has_new) {
            changes.push_str("; api_key given");
        }
        let write = ModelWrite {
            name: &name,
            definition: &definition,
            keys: &sealed,
            expected: before.as_ref().map(|before| before.version),
            changes: &changes,
        };
        let by = By::from(principal);
        let written = self.store.write_model(principal.tenant, &write, &by).await?;
        self.load_catalogue().await?;
        Ok(self.entry(written))
    }

    /// The keys of the routes from now on. One that is not given anew stays only with its address:
    /// whoever may change an address must not learn the key by it.
    fn keys(
        &self,
        definition: &Value,
        given: &[Option<String>],
        before: Option<&StoredModel>,
    ) -> Result<BTreeMap<String, String>> {
        let mut keys = BTreeMap::new();
        for (at, route) in routes(definition).iter().enumerate() {
            let name = name_of(route);
            let present = before.and_then(|before| {
                let sealed = before.keys.get(name)?;
                Some((&before.definition, route_of(&before.definition, name)?, sealed))
            });
            let key = match (given.get(at).cloned().flatten(), present) {
                (Some(key), _) => key,
                (None, None) => continue,
                (None, Some((definition, former, sealed))) if address(former) == address(route) => {
                    let key = self.secret.open(&key_purpose(definition, name), sealed);
                    key.map_err(Error::internal)?.as_str().to_owned()
                }
                (None, Some(_)) => {
                    let field = format!("routes.{at}.api_key");
                    return Err(Error::invalid("model_key_needed").in_field(field));
                }
            };
            if !key.is_empty() {
                keys.insert(name.to_owned(), key);
            }
        }
        Ok(keys)
    }

    fn entry(&self, model: StoredModel) -> GatewayModelEntry {
        GatewayModelEntry {
            origin: ModelOrigin::Database(model.version),
            drained: BTreeSet::new(),
            keyed: model.keys.keys().cloned().collect(),
            faults: self.read_stored(&model).err().unwrap_or_default(),
            is_shadowed: false,
            definition: model.definition,
        }
    }
}

fn refused(faults: Vec<DefinitionFault>) -> Error {
    let whole = Error::invalid("model_definition");
    faults.into_iter().fold(whole, |error, fault| error.and_field(fault.field, fault.reason))
}

fn name_of(value: &Value) -> &str {
    value.get("name").and_then(Value::as_str).unwrap_or_default()
}

fn routes(definition: &Value) -> &[Value] {
    definition.get("routes").and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Gives each route without a name one that stays when others go.
fn name_routes(definition: &mut Value) {
    // A name that will be refused must not bring a second mistake.
    let fit = |c: char| if c.is_ascii_alphanumeric() || "._:-".contains(c) { c } else { '-' };
    let model: String = name_of(definition).chars().map(fit).collect();
    let mut taken: BTreeSet<String> =
        routes(definition).iter().map(|route| name_of(route).to_owned()).collect();
    let Some(routes) = definition.get_mut("routes").and_then(Value::as_array_mut) else { return };
    for route in routes.iter_mut().filter_map(Value::as_object_mut) {
        if route.get("name").is_some_and(|name| name.as_str() != Some("")) {
            continue;
        }
        let mut numbered = (1..).map(|number| format!("{model}-{number}"));
        let Some(name) = numbered.find(|name| !taken.contains(name)) else { continue };
        taken.insert(name.clone());
        route.insert("name".to_owned(), Value::String(name));
    }
}

/// What changed between two definitions, for the audit log: `routes.a.weight: 1 -> 2; …`.
fn changes(before: &Value, after: &Value) -> String {
    let (before, after) = (leaves(before), leaves(after));
    let fields: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let mut text = String::new();
    for field in fields {
        let (old, new) = (before.get(field), after.get(field));
        if old == new {
            continue;
        }
        let separator = if text.is_empty() { "" } else { "; " };
        let last = field.rsplit('.').next().unwrap_or_default();
        let _ = match (UNSPOKEN.contains(&last), old, new) {
            (true, ..) => write!(text, "{separator}{field} changed"),
            (_, Some(old), Some(new)) => write!(text, "{separator}{field}: {old} -> {new}"),
            (_, Some(old), None) => write!(text, "{separator}{field}: {old} -> -"),
            (_, None, new) => {
                write!(text, "{separator}{field}: {}", new.map_or("-", String::as_str))
            }
        };
    }
    text.chars().take(CHANGES_CHARS_MAX).collect()
}

/// All single values of a definition by their path; routes by their names.
fn leaves(definition: &Value) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    let mut note = |prefix: &str, value: &Value| {
        for (name, value) in value.as_object().into_iter().flatten() {
            let text = match value {
                Value::String(text) => text.clone(),
                Value::Number(_) | Value::Bool(_) => value.to_string(),
                _ => continue,
            };
            all.insert(format!("{prefix}{name}"), text);
        }
    };
    note("", definition);
    for route in routes(definition) {
        note(&format!("routes.{}.", name_of(route)), route);
    }
    all
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn routes_keep_their_names_when_others_go() {
        let mut model = json!({"name": "m", "routes": [{"name": "m-2"}, {}, {"name": ""}]});
        name_routes(&mut model);
        let names: Vec<&str> = routes(&model).iter().map(name_of).collect();
        assert_eq!(names, ["m-2", "m-1", "m-3"]);
    }

    #[test]
    fn changes_are_written_down_with_both_values_and_without_secrets() {
        let before = json!({"name": "m", "purpose": "alt", "routes": [
            {"name": "a", "weight": 1, "query": "key=geheim"}, {"name": "b", "weight": 1}]});
        let after = json!({"name": "m", "purpose": "neu", "routes": [
            {"name": "a", "weight": 2, "query": "key=anders"}]});
        assert_eq!(
            changes(&before, &after),
            "purpose changed; routes.a.query changed; routes.a.weight: 1 -> 2; \
             routes.b.name: b -> -; routes.b.weight: 1 -> -"
        );
    }
}
