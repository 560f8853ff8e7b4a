//! Models as administrators of the installation keep them.

use std::{collections::BTreeSet, sync::Arc};

use app::{App, DefinitionFault, GatewayModelEntry, Language, ModelDraft, ModelOrigin};
use axum::extract::State;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use crate::door::{Caller, Id, Json, Problem, Query, Reader};

/// A model, with the words and the built-in values of `[[models]]` in the configuration file.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ModelDefinition {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    purpose: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    queue_length: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    queue_seconds: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hedge: Option<String>,
    /// The model that stands in for chats when a budget for this one is used up.
    #[serde(skip_serializing_if = "Option::is_none")]
    cheaper: Option<String>,
    routes: Vec<RouteDefinition>,
}

/// A way to run a model, with the words of `[[models.routes]]`.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RouteDefinition {
    /// Without it the platform chooses one. It stays the route's name from then on.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    base_url: Option<String>,
    /// The server's key: a new one, an empty text for none; left out, the present one stays. Never
    /// part of an answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(write_only)]
    api_key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_header: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    query: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    upstream_model: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    place: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    clearance: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    order: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    weight: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    offers: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    abilities: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    context_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    answer_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tokenizer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    health_path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    health_seconds: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    price_input: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    price_output: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_byte_seconds: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    idle_seconds: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    total_seconds: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    concurrency: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attempts: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    breaker_failures: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    breaker_open_seconds: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    slow_start_seconds: Option<u64>,
}

/// Where a model is defined.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum DefinedIn {
    /// In the configuration file; read only here.
    File,
    /// In the database.
    Database,
}

/// A model and how it is kept.
#[derive(Serialize, ToSchema)]
pub(crate) struct KeptModel {
    defined_in: DefinedIn,
    /// What a change must name; 0 for models of the file.
    version: u64,
    #[schema(value_type = ModelDefinition)]
    definition: Value,
    /// Names of routes that take no more calls.
    drained: BTreeSet<String>,
    /// Names of routes that have a key in the database.
    keyed: BTreeSet<String>,
    /// Why it is not in use, if it is not.
    faults: Vec<Fault>,
    /// Whether the configuration file has a model of the same name, which is used instead.
    shadowed: bool,
}

/// What is wrong with a definition.
#[derive(Serialize, ToSchema)]
pub(crate) struct Fault {
    /// Where, e.g. `routes.0.base_url`.
    field: String,
    detail: String,
}

/// All models.
#[derive(Serialize, ToSchema)]
pub(crate) struct KeptModels {
    items: Vec<KeptModel>,
    /// Hosts on which models may be called that the file does not define.
    hosts: Vec<String>,
}

/// A changed model.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ModelChange {
    /// The version that was changed.
    version: u64,
    definition: ModelDefinition,
}

/// Which version is meant.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct VersionQuery {
    /// The version as it was read.
    version: u64,
}

/// Which route is meant.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RouteName {
    /// Its name.
    route: String,
}

/// Whether a route takes calls.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RouteDraining {
    /// The route's name.
    route: String,
    /// Whether it takes no more calls.
    drained: bool,
}

/// How the test of a route went.
#[derive(Serialize, ToSchema)]
pub(crate) struct RouteTest {
    /// Whether it answered.
    ok: bool,
    /// How long it took, in milliseconds.
    latency_ms: f64,
    /// What went wrong, in one word, e.g. `connect`, `401` or `timeout_total`.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<String>,
}

impl From<ModelDefinition> for ModelDraft {
    fn from(mut given: ModelDefinition) -> Self {
        let keys = given.routes.iter_mut().map(|route| route.api_key.take()).collect();
        // Texts and numbers under texts: JSON holds them all.
        let definition = serde_json::to_value(&given).unwrap_or_default();
        Self { definition, keys }
    }
}

impl KeptModel {
    fn new(entry: GatewayModelEntry, language: Language) -> Self {
        let (defined_in, version) = match entry.origin {
            ModelOrigin::File => (DefinedIn::File, 0),
            ModelOrigin::Database(version) => (DefinedIn::Database, version),
        };
        let fault = |DefinitionFault { field, reason }| {
            let detail = reason.text(language);
            Fault { field, detail }
        };
        Self {
            defined_in,
            version,
            definition: entry.definition,
            drained: entry.drained,
            keyed: entry.keyed,
            faults: entry.faults.into_iter().map(fault).collect(),
            shadowed: entry.is_shadowed,
        }
    }
}

/// Lists all models with their definitions, without keys.
#[utoipa::path(get, path = "/api/gateway/models", tag = "administration",
    responses((status = 200, body = KeptModels)))]
pub(crate) async fn list_gateway_models(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
    Reader(language): Reader,
) -> Result<axum::Json<KeptModels>, Problem> {
    let all = app.list_gateway_models(&principal).await?;
    let items = all.models.into_iter().map(|entry| KeptModel::new(entry, language)).collect();
    Ok(axum::Json(KeptModels { items, hosts: all.hosts }))
}

/// Adds a model. All processes know it within seconds.
#[utoipa::path(post, path = "/api/gateway/models", tag = "administration",
    request_body = ModelDefinition, responses((status = 201, body = KeptModel)))]
pub(crate) async fn create_gateway_model(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
    Reader(language): Reader,
    Json(definition): Json<ModelDefinition>,
) -> Result<(StatusCode, axum::Json<KeptModel>), Problem> {
    let made = app.create_gateway_model(&principal, definition.into()).await?;
    Ok((StatusCode::CREATED, axum::Json(KeptModel::new(made, language))))
}

/// Puts a model in place of its former self. Running answers are not disturbed. With 409 if somebody
/// else has changed it since that version.
#[utoipa::path(put, path = "/api/gateway/models/{name}", tag = "administration",
    params(("name" = String, Path)), request_body = ModelChange,
    responses((status = 200, body = KeptModel)))]
pub(crate) async fn update_gateway_model(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
    Reader(language): Reader,
    Id(name): Id<String>,
    Json(change): Json<ModelChange>,
) -> Result<axum::Json<KeptModel>, Problem> {
    let ModelChange { version, definition } = change;
    let draft = definition.into();
    let written = app.update_gateway_model(&principal, &name, version, draft).await?;
    Ok(axum::Json(KeptModel::new(written, language)))
}

/// Removes a model and the keys of its routes. Running answers come to their end.
#[utoipa::path(delete, path = "/api/gateway/models/{name}", tag = "administration",
    params(("name" = String, Path), VersionQuery), responses((status = 204)))]
pub(crate) async fn delete_gateway_model(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
    Id(name): Id<String>,
    Query(query): Query<VersionQuery>,
) -> Result<StatusCode, Problem> {
    app.delete_gateway_model(&principal, &name, query.version).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Takes a route out of service, or back in; also a route of the configuration file.
#[utoipa::path(put, path = "/api/gateway/models/{name}/drain", tag = "administration",
    params(("name" = String, Path)), request_body = RouteDraining, responses((status = 204)))]
pub(crate) async fn drain_gateway_route(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
    Id(name): Id<String>,
    Json(body): Json<RouteDraining>,
) -> Result<StatusCode, Problem> {
    app.drain_gateway_route(&principal, &name, &body.route, body.drained).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Asks a route for next to nothing, whether it is drained or not.
#[utoipa::path(post, path = "/api/gateway/models/{name}/test", tag = "administration",
    params(("name" = String, Path)), request_body = RouteName,
    responses((status = 200, body = RouteTest)))]
pub(crate) async fn test_gateway_route(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
    Id(name): Id<String>,
    Json(body): Json<RouteName>,
) -> Result<axum::Json<RouteTest>, Problem> {
    let test = app.test_gateway_route(&principal, &name, &body.route).await?;
    let latency_ms = test.took.as_secs_f64() * 1_000.0;
    Ok(axum::Json(RouteTest { ok: test.failure.is_none(), latency_ms, failure: test.failure }))
}
