//! People of the tenant and its units, for administrators.

use std::sync::Arc;

use app::UserChange;
use app::{App, NewPerson};
use axum::extract::State;
use domain::{Role, UnitId, UserId};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{List, Page, PartQuery, account::UnitRef};
use crate::door::{Caller, Id, Json, Problem, Query, Time, codes::RoleCode};

/// A person or a program with an account.
#[derive(Serialize, ToSchema)]
pub(crate) struct User {
    #[schema(value_type = Uuid)]
    id: UserId,
    name: String,
    email: String,
    #[schema(value_type = RoleCode)]
    role: Role,
    units: Vec<UnitRef>,
    created_at: Time,
    /// Whether signing in is refused.
    disabled: bool,
    /// Whether it is a program, which nobody can sign in as; its address is made up.
    is_service: bool,
}

/// An account to make.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewUser {
    #[schema(min_length = 1, max_length = 200)]
    name: String,
    email: String,
    #[schema(value_type = RoleCode)]
    role: Role,
    password: String,
    #[serde(default)]
    #[schema(value_type = Vec<Uuid>)]
    units: Vec<UnitId>,
}

/// What to change in an account; what is absent stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UserPatch {
    #[schema(value_type = Option<RoleCode>)]
    role: Option<Role>,
    disabled: Option<bool>,
    /// All units from now on.
    #[schema(value_type = Option<Vec<Uuid>>)]
    units: Option<Vec<UnitId>>,
}

/// A node of the tenant's tree of organisation.
#[derive(Serialize, ToSchema)]
pub(crate) struct Unit {
    #[schema(value_type = Uuid)]
    id: UnitId,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Uuid>)]
    parent: Option<UnitId>,
    /// Its own; without one, that of the unit above counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    cost_centre: Option<String>,
}

/// What to change in a unit.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UnitPatch {
    /// The cost centre; empty to have none of its own.
    cost_centre: String,
}

/// A unit to make.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewUnit {
    #[schema(min_length = 1, max_length = 200)]
    name: String,
    #[schema(value_type = Option<Uuid>)]
    parent: Option<UnitId>,
}

impl From<app::User> for User {
    fn from(user: app::User) -> Self {
        Self {
            id: user.id,
            name: user.name,
            email: user.email,
            role: user.role,
            units: user
                .units
                .into_iter()
                .map(|unit| UnitRef { id: unit.id, name: unit.name })
                .collect(),
            created_at: user.created_at.into(),
            disabled: user.disabled,
            is_service: user.is_service,
        }
    }
}

impl From<app::Unit> for Unit {
    fn from(unit: app::Unit) -> Self {
        Self { id: unit.id, name: unit.name, parent: unit.parent, cost_centre: unit.cost_centre }
    }
}

/// Lists the people of the tenant by name.
#[utoipa::path(get, path = "/api/users", tag = "people", params(PartQuery),
    responses((status = 200, body = Page<User>)))]
pub(crate) async fn list_users(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
    Query(query): Query<PartQuery>,
) -> Result<axum::Json<Page<User>>, Problem> {
    let page = app.list_users(&principal, &query.into()).await?;
    Ok(axum::Json(Page::of(page, User::from)))
}

/// Makes an account.
#[utoipa::path(post, path = "/api/users", tag = "people", request_body = NewUser,
    responses((status = 201, body = User)))]
pub(crate) async fn create_user(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
    Json(body): Json<NewUser>,
) -> Result<(StatusCode, axum::Json<User>), Problem> {
    let NewUser { name, email, role, password, units } = body;
    let person = NewPerson { name, email, password, role, units };
    let user = app.create_user(&principal, person).await?;
    Ok((StatusCode::CREATED, axum::Json(user.into())))
}

/// Changes role, units or whether signing in is refused.
#[utoipa::path(patch, path = "/api/users/{id}", tag = "people", params(("id" = Uuid, Path)),
    request_body = UserPatch, responses((status = 200, body = User)))]
pub(crate) async fn update_user(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
    Id(id): Id<UserId>,
    Json(body): Json<UserPatch>,
) -> Result<axum::Json<User>, Problem> {
    let UserPatch { role, disabled, units } = body;
    let change = UserChange { role, disabled, units, ..UserChange::default() };
    Ok(axum::Json(app.update_user(&principal, id, change).await?.into()))
}

/// Lists the units of the tenant.
#[utoipa::path(get, path = "/api/units", tag = "people", responses((status = 200, body = List<Unit>)))]
pub(crate) async fn list_units(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
) -> Result<axum::Json<List<Unit>>, Problem> {
    let units = app.list_units(&principal).await?;
    Ok(axum::Json(units.into_iter().map(Unit::from).collect()))
}

/// Makes a unit.
#[utoipa::path(post, path = "/api/units", tag = "people", request_body = NewUnit,
    responses((status = 201, body = Unit)))]
pub(crate) async fn create_unit(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
    Json(body): Json<NewUnit>,
) -> Result<(StatusCode, axum::Json<Unit>), Problem> {
    let unit = app.create_unit(&principal, &body.name, body.parent).await?;
    Ok((StatusCode::CREATED, axum::Json(unit.into())))
}

/// Sets the cost centre of a unit.
#[utoipa::path(patch, path = "/api/units/{id}", tag = "people", params(("id" = Uuid, Path)),
    request_body = UnitPatch, responses((status = 200, body = Unit)))]
pub(crate) async fn update_unit(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
    Id(id): Id<UnitId>,
    Json(body): Json<UnitPatch>,
) -> Result<axum::Json<Unit>, Problem> {
    Ok(axum::Json(app.update_unit(&principal, id, &body.cost_centre).await?.into()))
}
