//! Limits and budgets: for administrators, and for everybody their own.

use std::sync::Arc;

use app::{App, LimitView, MeterUse, OwnedKey};
use axum::extract::State;
use domain::{AtLimit, KeyId, LimitScope, UsageLimit, money};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::List;
use crate::door::{
    Caller, Id, Json, Problem,
    codes::{AtLimitCode, MeterCode},
};

/// The limits of one scope.
#[derive(Serialize, ToSchema)]
pub(crate) struct Limit {
    /// Whom or what it binds: `tenant`, `unit:ID`, `person:ID`, `key:ID` or `model:NAME`.
    scope: String,
    /// The name of that; empty for the tenant.
    name: String,
    /// Whose key it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<String>,
    limits: Limits,
    /// How much of it is used. Absent where that would be the figure of one other person.
    #[serde(skip_serializing_if = "Option::is_none")]
    used: Option<Vec<LimitUse>>,
}

/// What is limited; what is absent is not.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Limits {
    /// Requests begun in a minute of the clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    requests_per_minute: Option<u64>,
    /// Tokens read and written, in a minute of the clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tokens_per_minute: Option<u64>,
    /// Requests at the same time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    concurrent: Option<u64>,
    /// Tokens of one request, question and longest answer together, by estimate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    context_tokens: Option<u64>,
    /// Tokens in a calendar month in UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tokens_per_month: Option<u64>,
    /// Millionths of a euro in a calendar month in UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    micro_euro_per_month: Option<u64>,
    /// What happens when one of them is reached; without it, `refuse`.
    #[serde(default = "refuse")]
    #[schema(value_type = Option<AtLimitCode>)]
    at_limit: String,
    /// The share beside siblings where requests wait for a place, from 1 to 100; without it, 1.
    #[serde(default = "one")]
    #[schema(value_type = Option<u32>)]
    weight: u32,
}

/// How much of one limit is used.
#[derive(Serialize, ToSchema)]
pub(crate) struct LimitUse {
    #[schema(value_type = MeterCode)]
    meter: &'static str,
    limit: u64,
    /// In this minute, at this moment, or in this month. Where others share it, of budgets only, what
    /// the figures of usage hold by now: whole days of enough people, and what programs used. Absent
    /// where they hold nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    used: Option<u64>,
    /// The highest percentage that was warned of this month: 80, 90 or 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    warned: Option<u64>,
}

/// What binds the caller, and what they have used themselves.
#[derive(Serialize, ToSchema)]
pub(crate) struct OwnLimits {
    /// The month of the figures, e.g. `2026-11`.
    month: String,
    calls: u64,
    tokens: u64,
    /// What the calls with a known price cost, in millionths of a euro, to the nearest.
    micro_euro: u64,
    limits: Vec<Limit>,
}

/// A key that a limit can bind, without its secret.
#[derive(Serialize, ToSchema)]
pub(crate) struct LimitableKey {
    #[schema(value_type = Uuid)]
    id: KeyId,
    name: String,
    /// The first characters of the secret, to tell keys apart.
    prefix: String,
    /// The owner's name.
    owner: String,
}

impl From<OwnedKey> for LimitableKey {
    fn from(key: OwnedKey) -> Self {
        Self { id: key.id, name: key.name, prefix: key.prefix, owner: key.owner }
    }
}

fn refuse() -> String {
    AtLimit::Refuse.code().to_owned()
}

const fn one() -> u32 {
    1
}

impl From<UsageLimit> for Limits {
    fn from(limit: UsageLimit) -> Self {
        Self {
            requests_per_minute: limit.requests_per_minute,
            tokens_per_minute: limit.tokens_per_minute,
            concurrent: limit.concurrent,
            context_tokens: limit.context_tokens,
            tokens_per_month: limit.tokens_per_month,
            micro_euro_per_month: limit.micro_euro_per_month,
            at_limit: limit.at_limit.code().to_owned(),
            weight: limit.weight,
        }
    }
}

impl TryFrom<Limits> for UsageLimit {
    type Error = app::Error;

    fn try_from(limits: Limits) -> Result<Self, app::Error> {
        let at_limit = limits.at_limit.parse();
        Ok(Self {
            requests_per_minute: limits.requests_per_minute,
            tokens_per_minute: limits.tokens_per_minute,
            concurrent: limits.concurrent,
            context_tokens: limits.context_tokens,
            tokens_per_month: limits.tokens_per_month,
            micro_euro_per_month: limits.micro_euro_per_month,
            at_limit: at_limit.map_err(|_| app::Error::invalid("invalid").in_field("at_limit"))?,
            weight: limits.weight,
        })
    }
}

impl From<LimitView> for Limit {
    fn from(view: LimitView) -> Self {
        let used = view.used.map(|used| used.into_iter().map(LimitUse::from).collect());
        Self {
            scope: view.scope.to_string(),
            name: view.name,
            owner: view.owner,
            limits: view.limit.into(),
            used,
        }
    }
}

impl From<MeterUse> for LimitUse {
    fn from(used: MeterUse) -> Self {
        let MeterUse { meter, limit, used, warned } = used;
        Self { meter: meter.code(), limit, used, warned }
    }
}

/// Lists all limits of the tenant.
#[utoipa::path(get, path = "/api/limits", tag = "limits",
    responses((status = 200, body = List<Limit>)))]
pub(crate) async fn list_limits(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
) -> Result<axum::Json<List<Limit>>, Problem> {
    let limits = app.list_limits(&principal).await?;
    Ok(axum::Json(limits.into_iter().map(Limit::from).collect()))
}

/// Lists the keys of all people, to set limits for one.
#[utoipa::path(get, path = "/api/limits/keys", tag = "limits",
    responses((status = 200, body = List<LimitableKey>)))]
pub(crate) async fn list_limitable_keys(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
) -> Result<axum::Json<List<LimitableKey>>, Problem> {
    let keys = app.list_limitable_keys(&principal).await?;
    Ok(axum::Json(keys.into_iter().map(LimitableKey::from).collect()))
}

/// Sets the limits of a scope, all of them at once.
#[utoipa::path(put, path = "/api/limits/{id}", tag = "limits",
    params(("id" = String, Path, description = "`tenant`, `unit:ID`, `person:ID`, `key:ID` or `model:NAME`.")),
    request_body = Limits, responses((status = 200, body = Limit)))]
pub(crate) async fn put_limit(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
    Id(id): Id<String>,
    Json(body): Json<Limits>,
) -> Result<axum::Json<Limit>, Problem> {
    let limit = app.put_limit(&principal, scope(&id)?, body.try_into()?).await?;
    Ok(axum::Json(limit.into()))
}

/// Takes the limits of a scope away.
#[utoipa::path(delete, path = "/api/limits/{id}", tag = "limits",
    params(("id" = String, Path, description = "As for setting them.")),
    responses((status = 204)))]
pub(crate) async fn delete_limit(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
    Id(id): Id<String>,
) -> Result<StatusCode, Problem> {
    app.delete_limit(&principal, &scope(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Says which limits bind the caller and what is used of them. An API key sees its own.
#[utoipa::path(get, path = "/api/me/limits", tag = "limits",
    responses((status = 200, body = OwnLimits)))]
pub(crate) async fn get_own_limits(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
) -> Result<axum::Json<OwnLimits>, Problem> {
    let own = app.get_own_limits(&principal).await?;
    Ok(axum::Json(OwnLimits {
        month: own.month.to_string(),
        calls: own.used.calls,
        tokens: own.used.tokens,
        micro_euro: money::to_micro_euro(own.used.nano_euro),
        limits: own.limits.into_iter().map(Limit::from).collect(),
    }))
}

fn scope(id: &str) -> Result<LimitScope, app::Error> {
    id.parse().map_err(|_| app::Error::not_found())
}
