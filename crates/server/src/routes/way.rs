//! What every interface to models takes and says beside its own wire format: how long the caller
//! waits, whether they want an explanation, and which way the answer took.

use std::time::Duration;

use app::{Way, Wishes};
use axum::extract::FromRequestParts;
use http::{HeaderMap, HeaderName, HeaderValue, request::Parts};
use serde::Deserialize;
use serde_json::Value;
use utoipa::{IntoParams, IntoResponses};

use crate::door::{Problem, Query};

const TIMEOUT: HeaderName = HeaderName::from_static("x-fachwerk-timeout-ms");
/// The longest that a caller may want to wait: a day.
const TIMEOUT_MS_MAX: u64 = 24 * 3_600 * 1_000;

/// What the caller may add to the address.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ExplainQuery {
    /// Whether the header `x-fachwerk-explanation` shall say why the route was taken and the others
    /// were not. For administrators.
    #[serde(default)]
    explain: bool,
}

/// What the caller may say in a header.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "describes what `Wished` reads")]
pub(super) struct TimeoutHeader {
    /// How long the caller waits for the whole answer, in milliseconds.
    #[param(rename = "x-fachwerk-timeout-ms")]
    timeout_ms: Option<u32>,
}

/// An answer and the way it took.
#[derive(IntoResponses)]
#[response(status = 200, headers(
    ("x-fachwerk-model" = String), ("x-fachwerk-route" = String), ("x-fachwerk-place" = String),
    ("x-fachwerk-guard" = Option<String>), ("x-fachwerk-explanation" = Option<String>)
))]
#[expect(dead_code, reason = "describes what the handlers answer")]
pub(super) struct Routed(Value);

/// A text read aloud and the way it took.
#[derive(IntoResponses)]
#[response(status = 200, content_type = "audio/mpeg", headers(
    ("x-fachwerk-model" = String), ("x-fachwerk-route" = String), ("x-fachwerk-place" = String),
    ("x-fachwerk-guard" = Option<String>), ("x-fachwerk-explanation" = Option<String>)
))]
#[expect(dead_code, reason = "describes what the handlers answer")]
pub(super) struct Spoken(Vec<u8>);

/// The caller's wishes beside the answer.
pub(super) struct Wished(pub Wishes);

impl<S: Send + Sync> FromRequestParts<S> for Wished {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Query(ExplainQuery { explain }) = Query::from_request_parts(parts, state).await?;
        Ok(Self(Wishes { time: time_of(&parts.headers)?, explain }))
    }
}

fn time_of(headers: &HeaderMap) -> Result<Option<Duration>, app::Error> {
    let Some(value) = headers.get(TIMEOUT) else { return Ok(None) };
    let number = value.to_str().ok().and_then(|text| text.parse::<u64>().ok());
    match number.filter(|number| (1..=TIMEOUT_MS_MAX).contains(number)) {
        Some(number) => Ok(Some(Duration::from_millis(number))),
        None => Err(app::Error::invalid("timeout_invalid").with("max", TIMEOUT_MS_MAX)),
    }
}

/// Says which way the answer took: the route, what the guard found by kind and number, and why it
/// was that route. Names that no header can carry are left out.
pub(super) fn name_way(headers: &mut HeaderMap, way: &Way) {
    let taken = &way.taken;
    let explanation = way.explanation.as_ref().map(app::Explanation::to_header);
    let values = [
        ("x-fachwerk-model", Some(taken.model.as_str())),
        ("x-fachwerk-route", Some(taken.route.as_str())),
        ("x-fachwerk-place", Some(taken.place.code())),
        ("x-fachwerk-guard", way.guard.as_deref()),
        ("x-fachwerk-explanation", explanation.as_deref()),
        ("x-fachwerk-cache", way.cache.map(app::CacheUse::code)),
    ];
    for (name, value) in values {
        if let Some(Ok(value)) = value.map(HeaderValue::from_str) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
}
