//! What is measured, under the names of `docs/observability.md`.

use std::time::Duration;

use domain::DataClass;
use gateway::{Terms, UsageMeter};
use metrics_exporter_prometheus::PrometheusBuilder;
use serde_json::json;
use testkit::fake_model::{FakeModel, Reply};
use tokio::time::Instant;

use crate::setup::{ask, gateway, hear, listen, request, route};

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

/// The measurements after something was done.
fn measured(act: impl Future<Output = ()>) -> String {
    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    metrics::with_local_recorder(&recorder, || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(act);
    });
    handle.render()
}

/// O-1, O-2: the conventions for generative AI where they have a name; names of the configuration as
/// labels, nothing of what was asked or answered.
#[test]
fn calls_are_measured_by_model_and_route_without_content() {
    let text = measured(call_a_few_times());
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
        format!("fachwerk_gateway_errors_total{a},fault=\"route\",error_type=\"503\"}} 5"),
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

/// Who speaks is said at once, and the first word after a while.
async fn call_a_thinker() {
    let fake = FakeModel::start().await;
    let piece = |delta| format!("data: {}\n\n", json!({"choices": [{"index": 0, "delta": delta}]}));
    let end = "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
    let pieces =
        [piece(json!({"role": "assistant"})), piece(json!({"content": "a"})), end.to_owned()];
    let reply = Reply::raw(200, "text/event-stream", pieces);
    fake.always(reply.pause(Duration::from_millis(400)));
    let gateway = gateway(vec![route("a", &fake.base_url())]);
    hear(&gateway, &ask("x")).await.unwrap();
}

#[test]
fn the_time_to_the_first_piece_ends_with_something_of_the_answer() {
    let text = measured(call_a_thinker());
    let sum = "gen_ai_client_operation_time_to_first_chunk_seconds_sum";
    let line = text.lines().find(|line| line.starts_with(sum)).unwrap();
    let seconds: f64 = line.rsplit_once(' ').unwrap().1.parse().unwrap();
    assert!((0.4..0.8).contains(&seconds), "{line}");
}

/// Calls whose time is over, whole and in the middle of a stream, and requests that a server refuses.
async fn call_in_vain() {
    let fake = FakeModel::start().await;
    let gateway = gateway(vec![route("a", &fake.base_url())]);
    let hurried = || {
        let deadline = Some(Instant::now() + Duration::from_millis(100));
        Terms { deadline, ..Terms::from(DataClass::Open) }
    };
    let meter = UsageMeter::default();
    fake.always(Reply::hang());
    gateway.complete(&request(json!({})), hurried(), &meter).await.unwrap_err();
    let impatient = Terms { deadline_is_ours: true, ..hurried() };
    gateway.complete(&request(json!({})), impatient, &meter).await.unwrap_err();
    fake.always(Reply::pieces(["Halb"]).then_hang());
    let mut stream = gateway.chat(&ask("x"), hurried(), &meter).await.unwrap();
    assert!(listen(&mut stream).await.error.is_some());
    for status in [400, 413, 422, 429] {
        fake.always(Reply::status(status, &json!({"error": {"message": SECRET}})));
        gateway.complete(&request(json!({})), DataClass::Open, &meter).await.unwrap_err();
    }
}

/// What callers bring upon themselves is measured, and told apart from what their routes do. Whoever is
/// late for us is at fault.
#[test]
fn what_callers_bring_upon_themselves_is_no_fault_of_routes() {
    let text = measured(call_in_vain());
    let route = "gen_ai_request_model=\"standard\",fachwerk_route=\"a\"";
    for (kind, fault, count) in [
        ("deadline", "caller", 2),
        ("deadline", "route", 1),
        ("400", "caller", 1),
        ("413", "caller", 1),
        ("422", "caller", 1),
        ("429", "load", 3),
    ] {
        let errors = format!(
            "fachwerk_gateway_errors_total{{{route},fault=\"{fault}\",error_type=\"{kind}\"}} {count}"
        );
        assert!(text.contains(&errors), "{errors} is missing in\n{text}");
        let count = if kind == "deadline" { 3 } else { count };
        let duration = format!("{route},error_type=\"{kind}\"}} {count}");
        let duration = text.lines().find(|line| {
            line.starts_with("gen_ai_client_operation_duration_seconds_count")
                && line.ends_with(&duration)
        });
        assert!(duration.is_some(), "no duration of {kind} in\n{text}");
    }
    let attempts = format!("fachwerk_gateway_attempts_total{{{route}}} 9");
    assert!(text.contains(&attempts), "{attempts} is missing in\n{text}");
}
