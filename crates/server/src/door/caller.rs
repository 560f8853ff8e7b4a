//! Who calls: by session cookie or by API key.

use std::{net::IpAddr, sync::Arc};

use app::{App, Principal};
use axum::extract::{FromRef, FromRequestParts};
use domain::ErrorKind;
use http::{
    HeaderMap, HeaderName,
    header::{AUTHORIZATION, USER_AGENT},
    request::Parts,
};

use super::{
    Peer, cookie,
    guard::Guard,
    observe::RequestNotes,
    problem::{Problem, is_openai},
};

/// Where Anthropic's clients put their key.
const API_KEY: HeaderName = HeaderName::from_static("x-api-key");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The principal behind a request. A key, in `Authorization` or as Anthropic's clients send it, wins
/// over a cookie.
#[derive(Debug)]
pub(crate) struct Caller(pub Principal);

impl<S> FromRequestParts<S> for Caller
where
    S: Send + Sync,
    Arc<App>: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let app = Arc::<App>::from_ref(state);
        let principal = if carries_key(&parts.headers) {
            let key = key(&parts.headers).ok_or_else(|| refusal("key_invalid"))?;
            app.principal_by_key(key).await?
        } else {
            let missing =
                if is_openai(parts.uri.path()) { "key_missing" } else { "unauthenticated" };
            let token = cookie::session(&parts.headers).ok_or_else(|| refusal(missing))?;
            app.principal_by_session(token).await?
        };
        if let Some(notes) = parts.extensions.get::<Arc<RequestNotes>>() {
            notes.set_user(principal.user.uuid());
        }
        Ok(Self(principal))
    }
}

fn refusal(code: &'static str) -> Problem {
    app::Error::new(ErrorKind::Unauthenticated, code).into()
}

/// Whether the request says that it comes with a key, which no foreign page can make a browser send.
pub(crate) fn carries_key(headers: &HeaderMap) -> bool {
    headers.contains_key(AUTHORIZATION) || headers.contains_key(&API_KEY)
}

/// The key, in the one header that has it.
fn key(headers: &HeaderMap) -> Option<&str> {
    if headers.contains_key(AUTHORIZATION) {
        return bearer(headers);
    }
    let mut values = headers.get_all(&API_KEY).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    Some(value.to_str().ok()?.trim())
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    let (scheme, key) = value.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
}

/// The network address behind a request, for slowing guesses down. `None` where there is none, as
/// in tests of the router alone.
#[derive(Debug)]
pub(crate) struct Address(pub Option<IpAddr>);

impl<S> FromRequestParts<S> for Address
where
    S: Send + Sync,
    Arc<Guard>: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let guard = Arc::<Guard>::from_ref(state);
        let peer = parts.extensions.get::<Peer>().map(|peer| peer.0.to_canonical());
        let trusted = peer.is_some() && peer == guard.trusted_proxy;
        Ok(Self(if trusted { forwarded(&parts.headers).or(peer) } else { peer }))
    }
}

/// The last entry: the one the trusted proxy itself added. Those before it anybody can write.
fn forwarded(headers: &HeaderMap) -> Option<IpAddr> {
    let value = headers.get_all(FORWARDED_FOR).iter().next_back()?.to_str().ok()?;
    value.rsplit(',').next()?.trim().parse().ok()
}

/// What the browser calls itself; empty if it does not say.
#[derive(Debug)]
pub(crate) struct UserAgent(pub String);

impl<S: Send + Sync> FromRequestParts<S> for UserAgent {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let value = parts.headers.get(USER_AGENT).and_then(|value| value.to_str().ok());
        Ok(Self(value.unwrap_or_default().to_owned()))
    }
}

/// The language the caller reads.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader(pub app::Language);

impl<S: Send + Sync> FromRequestParts<S> for Reader {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Ok(Self(super::language::preferred(&parts.headers)))
    }
}
