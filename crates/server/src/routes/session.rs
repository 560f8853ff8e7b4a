//! Signing in and out with the browser.

use app::SignedIn;
use axum::{
    extract::State,
    response::{AppendHeaders, IntoResponse},
};
use http::{HeaderName, HeaderValue, StatusCode, header::SET_COOKIE};
use serde::Deserialize;
use utoipa::ToSchema;

use super::account::Me;
use crate::{
    door::{Address, Caller, Json, Problem, UserAgent, cookie},
    front::Front,
};

/// Who wants to come in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Login {
    email: String,
    password: String,
}

/// Signs in; the answer sets the session cookie.
#[utoipa::path(post, path = "/api/session", tag = "account", security(()), request_body = Login,
    responses((status = 200, body = Me, headers(("set-cookie" = String)))))]
pub(crate) async fn create_session(
    State(front): State<Front>,
    Address(address): Address,
    UserAgent(user_agent): UserAgent,
    Json(body): Json<Login>,
) -> Result<impl IntoResponse, Problem> {
    let entered =
        front.app.create_session(&body.email, body.password, address, &user_agent).await?;
    signed_in(&front, entered).await
}

/// Signs out: the session ends on the server.
#[utoipa::path(delete, path = "/api/session", tag = "account", responses((status = 204)))]
pub(crate) async fn delete_session(
    State(front): State<Front>,
    Caller(principal): Caller,
) -> Result<impl IntoResponse, Problem> {
    front.app.delete_session(&principal).await?;
    Ok((StatusCode::NO_CONTENT, cookie_header(cookie::clear(front.guard.https))))
}

/// The answer to somebody who has just signed in: who they are, and the cookie.
pub(super) async fn signed_in(
    front: &Front,
    entered: SignedIn,
) -> Result<impl IntoResponse + use<>, Problem> {
    let me = front.app.get_me(&entered.principal).await?;
    let seconds = front.session_lifetime.as_secs();
    let cookie = cookie::set(entered.token.reveal(), seconds, front.guard.https);
    Ok((cookie_header(cookie), axum::Json(Me::from(me))))
}

fn cookie_header(value: Option<HeaderValue>) -> AppendHeaders<Option<(HeaderName, HeaderValue)>> {
    AppendHeaders(value.map(|value| (SET_COOKIE, value)))
}
