//! For machines that watch: alive, ready, measurements, and the description of the interface.

use std::sync::Arc;

use app::App;
use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use http::header::CONTENT_TYPE;

use crate::{door::problem::Problem, front::Front};

/// Says that the process is alive.
#[utoipa::path(get, path = "/healthz", tag = "operation", security(()), responses((status = 200, body = String, content_type = "text/plain")))]
pub(crate) async fn check_health() -> &'static str {
    "ok\n"
}

/// Says whether requests can be answered: the database is reachable and up to date.
#[utoipa::path(get, path = "/readyz", tag = "operation", security(()), responses((status = 200, body = String, content_type = "text/plain")))]
pub(crate) async fn check_readiness(State(app): State<Arc<App>>) -> Result<&'static str, Problem> {
    app.check_ready().await?;
    Ok("ready\n")
}

/// Returns the measurements in the text format of Prometheus.
#[utoipa::path(get, path = "/metrics", tag = "operation", security(()), responses((status = 200, body = String, content_type = "text/plain")))]
pub(crate) async fn read_metrics(State(front): State<Front>) -> Response {
    let text = front.readings.text().await;
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
}

/// Returns this description.
#[utoipa::path(get, path = "/openapi.json", tag = "operation", security(()), responses((status = 200, body = serde_json::Value)))]
pub(crate) async fn read_description(State(front): State<Front>) -> Response {
    ([(CONTENT_TYPE, "application/json")], front.description.clone()).into_response()
}
