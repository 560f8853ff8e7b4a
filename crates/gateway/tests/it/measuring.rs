//! What is measured, under the names of `docs/observability.md`.

use domain::DataClass;
use gateway::UsageMeter;
use metrics_exporter_prometheus::PrometheusBuilder;
use serde_json::json;
use testkit::fake_model::{FakeModel, Reply};

use crate::setup::{ask, gateway, hear, request, route};

const SECRET: &str = "Geheimnis-4711";

async fn call_a_few_times() {
    let (bad, good) = (FakeModel::start().await, FakeModel::start().await);
    bad.always(Reply::status(503, &json!({"error": {"message": SECRET}})));
    good.always(Reply::pieces([SECRET, " a", " b", " c"]));
    let gateway = gateway(vec![route("a", &bad.base_url()), route("b", &good.base_url())]);
    hear(&gateway, &ask(SECRET)).await.unwrap();
    good.always(Reply::text(SECRET));
    let meter = UsageMeter::default();
    gateway.complete(&request(json!({})), DataClass::Open, &meter).await.unwrap();
    gateway.measure();
}

/// O-1, O-2: the conventions for generative AI where they have a name; names of the configuration as
/// labels, nothing of what was asked or answered.
#[test]
fn calls_are_measured_by_model_and_route_without_content() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    metrics::with_local_recorder(&recorder, || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(call_a_few_times());
    });
    let text = handle.render();
    let of =
        |route: &str| format!("{{gen_ai_request_model=\"standard\",fachwerk_route=\"{route}\"");
    let (a, b) = (of("a"), of("b"));
    let call = |route: &str| {
        let route = of(route);
        let known = "{gen_ai_operation_name=\"chat\",gen_ai_provider_name=\"compatible\",";
        format!("{known}{}", route.trim_start_matches('{'))
    };
    let (failed, answered) = (call("a"), call("b"));
    for line in [
        // Five failures in a row open the breaker: three tries of the first call, two of the second.
        format!("fachwerk_gateway_attempts_total{a}}} 5"),
        format!("fachwerk_gateway_errors_total{a},error_type=\"503\"}} 5"),
        format!("fachwerk_gateway_breaker_state{a}}} 2"),
        format!("fachwerk_gateway_attempts_total{b}}} 2"),
        format!("fachwerk_gateway_breaker_state{b}}} 0"),
        format!("fachwerk_gateway_in_flight{b}}} 0"),
        format!("gen_ai_client_operation_duration_seconds_count{answered}}} 2"),
        format!("gen_ai_client_operation_duration_seconds_count{failed},error_type=\"503\"}} 5"),
        format!("gen_ai_client_operation_time_to_first_chunk_seconds_count{answered}}} 1"),
        format!("gen_ai_server_time_per_output_token_seconds_count{answered}}} 1"),
        format!("gen_ai_client_token_usage_count{answered},gen_ai_token_type=\"input\"}} 2"),
        format!("gen_ai_client_token_usage_count{answered},gen_ai_token_type=\"output\"}} 2"),
        "fachwerk_gateway_retries_total{gen_ai_request_model=\"standard\"} ".to_owned(),
        "fachwerk_gateway_queue_length{gen_ai_request_model=\"standard\"} 0".to_owned(),
    ] {
        assert!(text.contains(&line), "{line} is missing in\n{text}");
    }
    assert!(!text.contains(SECRET));
}
