//! One's own account: who am I, my password, my sessions.

use std::sync::Arc;

use app::App;
use axum::extract::State;
use domain::{CollectionId, Credential, Role, SessionId, TenantId, UnitId, UserId};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Page, PartQuery};
use crate::door::{Caller, Id, Json, Problem, Query, Time, codes::RoleCode};

/// The caller as they see themselves.
#[derive(Serialize, ToSchema)]
pub(crate) struct Me {
    #[schema(value_type = Uuid)]
    id: UserId,
    name: String,
    email: String,
    #[schema(value_type = RoleCode)]
    role: Role,
    tenant: TenantRef,
    units: Vec<UnitRef>,
    /// The language they chose: `de` or `en`.
    #[serde(skip_serializing_if = "Option::is_none")]
    locale: Option<String>,
    /// Where files go that are attached to a conversation.
    #[schema(value_type = Uuid)]
    default_collection: CollectionId,
}

/// A tenant by name.
#[derive(Serialize, ToSchema)]
pub(crate) struct TenantRef {
    #[schema(value_type = Uuid)]
    id: TenantId,
    name: String,
}

/// A unit by name.
#[derive(Serialize, ToSchema)]
pub(crate) struct UnitRef {
    #[schema(value_type = Uuid)]
    pub id: UnitId,
    pub name: String,
}

/// A new password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PasswordChange {
    current: String,
    new: String,
}

/// A browser in which somebody is signed in.
#[derive(Serialize, ToSchema)]
pub(crate) struct Session {
    #[schema(value_type = Uuid)]
    id: SessionId,
    created_at: Time,
    last_used_at: Time,
    user_agent: String,
    /// Whether this request came with it.
    current: bool,
}

impl From<app::Me> for Me {
    fn from(me: app::Me) -> Self {
        Self {
            id: me.user.id,
            name: me.user.name,
            email: me.user.email,
            role: me.user.role,
            tenant: TenantRef { id: me.tenant.id, name: me.tenant.name },
            units: me
                .user
                .units
                .into_iter()
                .map(|unit| UnitRef { id: unit.id, name: unit.name })
                .collect(),
            locale: me.user.locale,
            default_collection: me.default_collection,
        }
    }
}

/// Says who the caller is.
#[utoipa::path(get, path = "/api/me", tag = "account", responses((status = 200, body = Me)))]
pub(crate) async fn get_me(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
) -> Result<axum::Json<Me>, Problem> {
    Ok(axum::Json(app.get_me(&principal).await?.into()))
}

/// Changes the caller's password; all their other sessions end.
#[utoipa::path(put, path = "/api/me/password", tag = "account", request_body = PasswordChange,
    responses((status = 204)))]
pub(crate) async fn change_password(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
    Json(body): Json<PasswordChange>,
) -> Result<StatusCode, Problem> {
    app.change_password(&principal, body.current, body.new).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lists the caller's sessions, the last used first.
#[utoipa::path(get, path = "/api/me/sessions", tag = "account", params(PartQuery),
    responses((status = 200, body = Page<Session>)))]
pub(crate) async fn list_sessions(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
    Query(query): Query<PartQuery>,
) -> Result<axum::Json<Page<Session>>, Problem> {
    let page = app.list_sessions(&principal, &query.into()).await?;
    let encode = |session: app::Session| Session {
        current: principal.credential == Credential::Session(session.id),
        id: session.id,
        created_at: session.created_at.into(),
        last_used_at: session.last_used_at.into(),
        user_agent: session.user_agent,
    };
    Ok(axum::Json(Page::of(page, encode)))
}

/// Ends one of the caller's sessions.
#[utoipa::path(delete, path = "/api/me/sessions/{id}", tag = "account", params(("id" = Uuid, Path)),
    responses((status = 204)))]
pub(crate) async fn revoke_session(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
    Id(id): Id<SessionId>,
) -> Result<StatusCode, Problem> {
    app.revoke_session(&principal, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
