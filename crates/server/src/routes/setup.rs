//! The first steps: the one-time link makes the first administrator.

use std::sync::Arc;

use app::{App, NewPerson};
use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use domain::Role;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::session::signed_in;
use crate::{
    door::{Json, Problem, UserAgent},
    front::Front,
};

/// Whether the installation waits for its first administrator.
#[derive(Serialize, ToSchema)]
pub(crate) struct Setup {
    needed: bool,
}

/// The first administrator.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FirstPerson {
    /// From the set-up link.
    token: String,
    name: String,
    email: String,
    password: String,
}

/// Says whether the installation waits for its first administrator.
#[utoipa::path(get, path = "/api/setup", tag = "setup", security(()), responses((status = 200, body = Setup)))]
pub(crate) async fn get_setup(State(app): State<Arc<App>>) -> Result<axum::Json<Setup>, Problem> {
    Ok(axum::Json(Setup { needed: app.get_setup().await? }))
}

/// Makes the first administrator and signs them in. The token dies with first use.
#[utoipa::path(post, path = "/api/setup", tag = "setup", security(()), request_body = FirstPerson,
    responses((status = 201, body = super::account::Me, headers(("set-cookie" = String)))))]
pub(crate) async fn create_setup(
    State(front): State<Front>,
    UserAgent(user_agent): UserAgent,
    Json(body): Json<FirstPerson>,
) -> Result<Response, Problem> {
    let FirstPerson { token, name, email, password } = body;
    let person = NewPerson { name, email, password, role: Role::Admin, units: vec![] };
    let entered = front.app.create_setup(&token, person, &user_agent).await?;
    let answer = signed_in(&front, entered).await?;
    Ok((StatusCode::CREATED, answer).into_response())
}
