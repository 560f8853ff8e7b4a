//! How models and their routes do, for administrators.

use std::sync::Arc;

use app::{App, ModelStatus, RouteStatus};
use axum::extract::State;
use domain::{DataClass, Place};
use serde::Serialize;
use utoipa::ToSchema;

use crate::door::{
    Caller, Problem, Time,
    codes::{DataClassCode, PlaceCode},
};

/// How the gateway does at this moment. Names of the configuration, numbers and times only.
#[derive(Serialize, ToSchema)]
pub(crate) struct GatewayStatus {
    models: Vec<GatewayModel>,
}

/// How a model does.
#[derive(Serialize, ToSchema)]
pub(crate) struct GatewayModel {
    name: String,
    /// `order`, `cheapest`, `fastest` or `affinity`.
    policy: &'static str,
    /// Requests that wait for a place.
    queued: usize,
    routes: Vec<GatewayRoute>,
}

/// How a route does.
#[derive(Serialize, ToSchema)]
pub(crate) struct GatewayRoute {
    name: String,
    #[schema(value_type = PlaceCode)]
    place: Place,
    #[schema(value_type = DataClassCode)]
    clearance: DataClass,
    /// `ready`, `full`, `breaker_open`, `cooling_down`, `health_check_failed` or `ejected`.
    state: &'static str,
    /// When it is tried again, in seconds, if it is left alone and that is foreseen.
    #[serde(skip_serializing_if = "Option::is_none")]
    again_in_seconds: Option<f64>,
    /// Answers in the making.
    in_flight: usize,
    /// Most answers at the same time.
    concurrency: usize,
    /// Moving average of the time to the first piece, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    latency_ms: Option<f64>,
    /// Which part of its share it takes: less than 1 for a while after it came back.
    share: f64,
    /// Answers that came to their end, since the start.
    answers: u64,
    /// Calls that failed, since the start.
    failures: u64,
    today: GatewayToday,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error: Option<GatewayLastError>,
}

/// What a route has done since midnight (UTC): the answers of this process that came to their end.
#[derive(Serialize, ToSchema)]
pub(crate) struct GatewayToday {
    answers: u64,
    prompt_tokens: u64,
    completion_tokens: u64,
    /// In millionths of a euro, to the nearest; 0 if the route has no price.
    cost_micro_euro: u64,
}

/// The last failure of a route.
#[derive(Serialize, ToSchema)]
pub(crate) struct GatewayLastError {
    /// Its kind, e.g. `connect`, `503`, `timeout_first_byte`.
    kind: String,
    at: Time,
}

impl From<ModelStatus> for GatewayModel {
    fn from(model: ModelStatus) -> Self {
        let routes = model.routes.into_iter().map(GatewayRoute::from).collect();
        Self { name: model.name, policy: model.policy, queued: model.queued, routes }
    }
}

impl From<RouteStatus> for GatewayRoute {
    fn from(route: RouteStatus) -> Self {
        let (error, today) = (route.last_error, route.today);
        Self {
            name: route.name,
            place: route.place,
            clearance: route.clearance,
            state: route.state,
            again_in_seconds: route.again_in.map(|time| time.as_secs_f64()),
            in_flight: route.in_flight,
            concurrency: route.concurrent_max,
            latency_ms: route.latency.map(|time| time.as_secs_f64() * 1_000.0),
            share: route.ramp,
            answers: route.answers,
            failures: route.failures,
            today: GatewayToday {
                answers: today.answers,
                prompt_tokens: today.prompt_tokens,
                completion_tokens: today.completion_tokens,
                cost_micro_euro: domain::money::to_micro_euro(today.cost_nano_euro),
            },
            last_error: error.map(|e| GatewayLastError { kind: e.kind, at: e.at.into() }),
        }
    }
}

/// Says how models and their routes do.
#[utoipa::path(get, path = "/api/gateway/status", tag = "administration",
    responses((status = 200, body = GatewayStatus)))]
pub(crate) async fn get_gateway_status(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
) -> Result<axum::Json<GatewayStatus>, Problem> {
    let status = app.get_gateway_status(&principal)?;
    let models = status.models.into_iter().map(GatewayModel::from).collect();
    Ok(axum::Json(GatewayStatus { models }))
}
