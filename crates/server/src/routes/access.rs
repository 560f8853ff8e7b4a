//! Who of a tenant may use which model, and where its data may go.

use std::sync::Arc;

use app::{App, Audience, ModelAccessEntry, PlaceChoice};
use axum::extract::State;
use domain::{Place, Role, UnitId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::List;
use crate::door::{
    Caller, Id, Json, Problem,
    codes::{PlaceCode, RoleCode},
};

/// Who may use a model: whoever has one of the roles or belongs to one of the units or one below.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ModelAudience {
    #[schema(value_type = Vec<RoleCode>)]
    roles: Vec<Role>,
    #[schema(value_type = Vec<Uuid>)]
    units: Vec<UnitId>,
}

/// Who may use a model.
#[derive(Serialize, ToSchema)]
pub(crate) struct ModelAccess {
    model: String,
    /// Absent: everybody.
    #[serde(skip_serializing_if = "Option::is_none")]
    audience: Option<ModelAudience>,
    /// What a change must name.
    version: u64,
}

/// Who may use a model from now on.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ModelAccessChange {
    /// The version that was changed.
    version: u64,
    /// Absent: everybody.
    audience: Option<ModelAudience>,
}

/// Where a tenant's data may go.
#[derive(Serialize, ToSchema)]
pub(crate) struct PlacePolicy {
    /// Where the tenant lets its data go.
    #[schema(value_type = Vec<PlaceCode>)]
    places: Vec<Place>,
    /// Where the installation lets data go; no tenant goes beyond.
    #[schema(value_type = Vec<PlaceCode>)]
    offered: Vec<Place>,
    /// What a change must name.
    version: u64,
}

/// Where a tenant's data may go from now on.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlacePolicyChange {
    /// The version that was changed.
    version: u64,
    #[schema(value_type = Vec<PlaceCode>)]
    places: Vec<Place>,
}

impl From<ModelAccessEntry> for ModelAccess {
    fn from(entry: ModelAccessEntry) -> Self {
        let audience = |Audience { roles, units }| ModelAudience { roles, units };
        let ModelAccessEntry { model, version, .. } = entry;
        Self { model, audience: entry.audience.map(audience), version }
    }
}

impl From<PlaceChoice> for PlacePolicy {
    fn from(choice: PlaceChoice) -> Self {
        let PlaceChoice { places, offered, version } = choice;
        Self { places, offered, version }
    }
}

/// Says for each model who of the tenant may use it.
#[utoipa::path(get, path = "/api/model-access", tag = "administration",
    responses((status = 200, body = List<ModelAccess>)))]
pub(crate) async fn list_model_access(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
) -> Result<axum::Json<List<ModelAccess>>, Problem> {
    let entries = app.list_model_access(&principal).await?;
    Ok(axum::Json(entries.into_iter().map(ModelAccess::from).collect()))
}

/// Says who of the tenant may use a model from now on.
#[utoipa::path(put, path = "/api/model-access/{model}", tag = "administration",
    params(("model" = String, Path)), request_body = ModelAccessChange,
    responses((status = 200, body = ModelAccess)))]
pub(crate) async fn update_model_access(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
    Id(model): Id<String>,
    Json(change): Json<ModelAccessChange>,
) -> Result<axum::Json<ModelAccess>, Problem> {
    let audience = |ModelAudience { roles, units }| Audience { roles, units };
    let ModelAccessChange { version, audience: given } = change;
    let entry = ModelAccessEntry { model, audience: given.map(audience), version };
    Ok(axum::Json(app.update_model_access(&principal, entry).await?.into()))
}

/// Says where the tenant's data may go.
#[utoipa::path(get, path = "/api/place-policy", tag = "administration",
    responses((status = 200, body = PlacePolicy)))]
pub(crate) async fn get_place_policy(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
) -> Result<axum::Json<PlacePolicy>, Problem> {
    Ok(axum::Json(app.get_place_policy(&principal).await?.into()))
}

/// Says where the tenant's data may go from now on.
#[utoipa::path(put, path = "/api/place-policy", tag = "administration",
    request_body = PlacePolicyChange, responses((status = 200, body = PlacePolicy)))]
pub(crate) async fn update_place_policy(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
    Json(change): Json<PlacePolicyChange>,
) -> Result<axum::Json<PlacePolicy>, Problem> {
    let written = app.update_place_policy(&principal, change.places, change.version).await?;
    Ok(axum::Json(written.into()))
}
