//! API keys: made by their owner, shown once, revoked at once.

use std::sync::Arc;

use app::ApiKey;
use app::{App, KeyRequest};
use axum::extract::State;
use domain::{DataClass, KeyId, Scope, UserId};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::List;
use crate::door::{
    Caller, Id, Json, Problem, Time,
    codes::{DataClassCode, ScopeCode},
};

/// An API key, without its secret.
#[derive(Serialize, ToSchema)]
pub(crate) struct Key {
    #[schema(value_type = Uuid)]
    id: KeyId,
    name: String,
    /// The first characters of the secret, to tell keys apart.
    prefix: String,
    #[schema(value_type = Vec<ScopeCode>)]
    scopes: Vec<Scope>,
    created_at: Time,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_used_at: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Time>,
    /// The only models it may be used for; absent: all that its owner may use.
    #[serde(skip_serializing_if = "Option::is_none")]
    models: Option<Vec<String>>,
    /// The class of the data it stands for: assumed where a request says none, and the least that one
    /// may say.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<DataClassCode>)]
    data_class: Option<DataClass>,
}

/// A key of somebody in the tenant, without its secret.
#[derive(Serialize, ToSchema)]
pub(crate) struct TenantKey {
    #[serde(flatten)]
    key: Key,
    /// Whose it is.
    owner: String,
    #[schema(value_type = Uuid)]
    owner_id: UserId,
    /// Whether that is a program instead of a person.
    is_service: bool,
}

/// A key that was just made.
#[derive(Serialize, ToSchema)]
pub(crate) struct CreatedKey {
    /// The secret. It is shown this once.
    key: String,
    #[serde(flatten)]
    shown: Key,
}

/// A key to make.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewKey {
    #[schema(min_length = 1, max_length = 200)]
    name: String,
    #[schema(value_type = Vec<ScopeCode>)]
    scopes: Vec<Scope>,
    /// Until when; without it, until it is revoked.
    expires_at: Option<Time>,
    /// The only models it may be used for; without it, all that its owner may use.
    models: Option<Vec<String>>,
    /// The class of the data it stands for: assumed where a request says none, and the least that one
    /// may say. Without it, the default of the installation.
    #[schema(value_type = Option<DataClassCode>)]
    data_class: Option<DataClass>,
}

impl From<ApiKey> for Key {
    fn from(key: ApiKey) -> Self {
        Self {
            id: key.id,
            name: key.name,
            prefix: key.prefix,
            scopes: key.scopes,
            created_at: key.created_at.into(),
            last_used_at: key.last_used_at.map(Time),
            expires_at: key.expires_at.map(Time),
            models: key.models,
            data_class: key.data_class,
        }
    }
}

/// Lists the caller's keys.
#[utoipa::path(get, path = "/api/keys", tag = "keys", responses((status = 200, body = List<Key>)))]
pub(crate) async fn list_keys(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
) -> Result<axum::Json<List<Key>>, Problem> {
    let keys = app.list_keys(&principal).await?;
    Ok(axum::Json(keys.into_iter().map(Key::from).collect()))
}

/// Makes a key for the caller. The answer is the only one that shows it.
#[utoipa::path(post, path = "/api/keys", tag = "keys", request_body = NewKey,
    responses((status = 201, body = CreatedKey)))]
pub(crate) async fn create_key(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
    Json(body): Json<NewKey>,
) -> Result<(StatusCode, axum::Json<CreatedKey>), Problem> {
    let NewKey { name, scopes, expires_at, models, data_class } = body;
    let expires_at = expires_at.map(|time| time.0);
    let asked = KeyRequest { name, scopes, expires_at, models, data_class };
    let made = app.create_key(&principal, asked).await?;
    let created = CreatedKey { key: made.token.reveal().to_owned(), shown: made.key.into() };
    Ok((StatusCode::CREATED, axum::Json(created)))
}

/// Lists all keys of the tenant, without their secrets; for administrators.
#[utoipa::path(get, path = "/api/tenant/keys", tag = "keys",
    responses((status = 200, body = List<TenantKey>)))]
pub(crate) async fn list_tenant_keys(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
) -> Result<axum::Json<List<TenantKey>>, Problem> {
    let keys = app.list_tenant_keys(&principal).await?.into_iter();
    let keys = keys.map(|owned| TenantKey {
        key: owned.key.into(),
        owner: owned.owner.name,
        owner_id: owned.owner.id,
        is_service: owned.is_service,
    });
    Ok(axum::Json(keys.collect()))
}

/// Revokes one of the caller's keys at once; for administrators any of the tenant.
#[utoipa::path(delete, path = "/api/keys/{id}", tag = "keys", params(("id" = Uuid, Path)),
    responses((status = 204)))]
pub(crate) async fn revoke_key(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
    Id(id): Id<KeyId>,
) -> Result<StatusCode, Problem> {
    app.revoke_key(&principal, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
