//! Every measurement that `docs/observability.md` names, after traffic in which everything happens that
//! one of them counts: under `/metrics` and in what a collector gets, and none beside them.

use std::{collections::BTreeMap, fs, path::Path, time::Duration};

use serde_json::{Value, json};
use testkit::fake_model::{FakeModel, Reply};
use tokio::time::sleep;

use crate::{
    client::recording,
    dashboards::bound_tightly,
    interfaces::requests,
    process::{Caller, Installation},
    telemetry::{Receiver, Seen, attributes},
};

const CHAT: &str = "/v1/chat/completions";
/// What stands on measurements of a model or a route beside what its row names.
const COMMON: [&str; 5] = [
    "le",
    "gen_ai_request_model",
    "fachwerk_route",
    "gen_ai_operation_name",
    "gen_ai_provider_name",
];
/// Labels whose values are few and stand in the document.
const LISTED: [&str; 11] = [
    "error_type",
    "fault",
    "scope",
    "meter",
    "percent",
    "outcome",
    "signal",
    "to",
    "state",
    "action",
    "gen_ai_token_type",
];

fn document() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/observability.md");
    fs::read_to_string(path).unwrap()
}

/// The rows of the document's tables of measurements, by name.
fn rows(document: &str) -> BTreeMap<&str, &str> {
    let rows = document.lines().filter_map(|line| {
        let name = line.strip_prefix("| `")?.split('`').next()?;
        let ours = ["fachwerk_", "gen_ai_", "process_"].iter().any(|start| name.starts_with(start));
        ours.then_some((name, line))
    });
    rows.collect()
}

/// The models and what is behind them.
struct Fakes {
    bad: FakeModel,
    good: FakeModel,
    odd: FakeModel,
}

/// A model with its own settings and routes, each with an address and settings.
fn model(name: &str, more: &str, routes: &[(String, &str)]) -> String {
    let routes = routes.iter().map(|(address, more)| {
        format!(
            "[[models.routes]]\nkind = \"openai\"\nbase_url = \"{address}\"\nupstream_model = \"m\"\n\
             place = \"own\"\nclearance = \"personal\"\n{more}\n"
        )
    });
    format!("[[models]]\nname = \"{name}\"\n{more}\n{}", routes.collect::<String>())
}

impl Fakes {
    async fn start() -> Self {
        let (bad, good) = (FakeModel::start().await, FakeModel::start().await);
        Self { bad, good, odd: FakeModel::start().await }
    }

    fn settings(&self, collector: &str) -> String {
        let [bad, good, odd] = [&self.bad, &self.good, &self.odd].map(FakeModel::base_url);
        let all = "offers = \"chat, completions, embeddings, rerank, moderations, images, speech, \
                   transcriptions\"";
        let second = format!("order = 2\n{all}");
        let nobody = "http://127.0.0.1:9".to_owned();
        let models = [
            model(
                "gross",
                "",
                &[(bad.clone(), "order = 1\nbreaker_failures = 50"), (good.clone(), &second)],
            ),
            model(
                "doppelt",
                "hedge = \"50\"",
                &[(odd.clone(), "order = 1"), (good.clone(), "order = 2")],
            ),
            model(
                "wackel",
                "",
                &[(odd.clone(), "attempts = 1\nbreaker_failures = 2\nbreaker_open_seconds = 2")],
            ),
            model("eng", "", &[(good.clone(), "concurrency = 1")]),
            model(
                "faul",
                "",
                &[(
                    odd,
                    "attempts = 1\nbreaker_failures = 50\nfirst_byte_seconds = 1\nidle_seconds = 1\ntotal_seconds = 2",
                )],
            ),
            model("weg", "", &[(nobody, "attempts = 1")]),
            model(
                "paar",
                "",
                &[
                    (bad, "order = 1\nattempts = 1\nbreaker_failures = 50"),
                    (good.clone(), "order = 1"),
                ],
            ),
            model("klein", "", &[(good, "price_input = 1\nprice_output = 1")]),
        ];
        format!(
            "[telemetry]\notlp_url = \"{collector}\"\nmetrics_seconds = 1\n[guard]\nown = \"report\"\n\
             [gateway]\nbreaker_successes = 1\nejection_calls = 2\nretries_always = 100\n\
             [answer_cache]\nuse = \"on\"\nclass_max = \"internal\"\n{}",
            models.join("")
        )
    }
}

fn question(model: &str, text: &str) -> Value {
    json!({"model": model, "messages": [{"role": "user", "content": text}]})
}

/// Asks, and reads the answer to its end.
async fn ask(caller: &Caller, body: &Value, headers: &[(&str, &str)]) -> u16 {
    let mut request = caller.post_request(CHAT, body);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    answer.bytes().await.unwrap();
    status
}

/// Everything that is measured happens.
async fn drive(fakes: &Fakes, caller: &Caller, address: &str) {
    go_other_ways(fakes, caller).await;
    go_wrong(fakes, caller).await;
    every_operation(caller, address).await;
    ask_again(caller).await;
    assert_eq!(ask(caller, &question("gross", "An bert@amt.example"), &[]).await, 200);
    // A budget that the first question uses up.
    bound_tightly(address).await;
    assert_eq!(ask(caller, &question("klein", "eins"), &[]).await, 200);
    assert_eq!(ask(caller, &question("klein", "zwei"), &[]).await, 429);
}

/// The same question again, until its answer, which is kept on the side, comes out of the cache.
async fn ask_again(caller: &Caller) {
    let mut same = question("gross", "Guten Tag");
    same["temperature"] = json!(0);
    for _ in 0..50 {
        let answer = caller.post_request(CHAT, &same).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        if answer.headers()["x-fachwerk-cache"] == "hit" {
            return;
        }
        sleep(Duration::from_millis(50)).await;
    }
    panic!("nothing is kept");
}

/// Retries, another route, a second attempt, an ejection, a breaker, the line, a stream.
async fn go_other_ways(fakes: &Fakes, caller: &Caller) {
    fakes.bad.always(Reply::status(503, &json!({})));
    assert_eq!(ask(caller, &question("gross", "x"), &[]).await, 200);
    let mut streamed = question("gross", "x");
    streamed["stream"] = json!(true);
    fakes.good.next(
        Reply::pieces(["eins ", "zwei ", "drei"]).pause(Duration::from_millis(30)).usage(12, 6),
    );
    assert_eq!(ask(caller, &streamed, &[]).await, 200);
    fakes.odd.next(Reply::hang());
    assert_eq!(ask(caller, &question("doppelt", "x"), &[]).await, 200);
    for _ in 0..40 {
        assert_eq!(ask(caller, &question("paar", "x"), &[]).await, 200);
    }
    for (reply, status) in [(500, 502), (500, 502)] {
        fakes.odd.next(Reply::status(reply, &json!({})));
        assert_eq!(ask(caller, &question("wackel", "x"), &[]).await, status);
    }
    assert_eq!(ask(caller, &question("wackel", "x"), &[]).await, 503, "the breaker is open");
    sleep(Duration::from_millis(2_300)).await;
    assert_eq!(ask(caller, &question("wackel", "x"), &[]).await, 200, "and closed again");
    fakes.good.next(Reply::text("später").delay(Duration::from_millis(400)));
    let first = question("eng", "x");
    let second = async {
        sleep(Duration::from_millis(100)).await;
        ask(caller, &question("eng", "y"), &[]).await
    };
    assert_eq!(tokio::join!(ask(caller, &first, &[]), second), (200, 200));
}

/// Everything that can go wrong with a call, each under a kind of its own.
async fn go_wrong(fakes: &Fakes, caller: &Caller) {
    assert_eq!(ask(caller, &question("weg", "x"), &[]).await, 502);
    let (whole, mut streamed) = (question("faul", "x"), question("faul", "x"));
    streamed["stream"] = json!(true);
    let patience = |time| [("x-fachwerk-timeout-ms", time)];
    for (reply, body, status) in [
        (Reply::hang(), &streamed, 504),
        (Reply::pieces(["halb"]).then_hang(), &streamed, 200),
        (Reply::hang(), &whole, 504),
        (Reply::garbage(), &whole, 502),
        (Reply::text("halb").then_break(), &whole, 502),
        (Reply::status(401, &json!({})), &whole, 502),
        (Reply::status(400, &json!({})), &whole, 400),
    ] {
        fakes.odd.next(reply);
        assert_eq!(ask(caller, body, &[]).await, status);
    }
    fakes.odd.next(Reply::hang());
    assert_eq!(ask(caller, &whole, &patience("200")).await, 504);
    fakes.odd.next(Reply::pieces(["halb"]).then_hang());
    assert_eq!(ask(caller, &streamed, &patience("800")).await, 200);
    fakes.odd.next(Reply::status(429, &json!({})));
    assert_eq!(ask(caller, &whole, &[]).await, 503);
}

async fn every_operation(caller: &Caller, address: &str) {
    for (path, body) in requests() {
        let request = caller.post_request(&format!("/v1/{path}"), &body);
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        answer.bytes().await.unwrap();
    }
    let (kind, body) = recording(&[("model", "gross")], "sitzung.wav", b"RIFFWAVE");
    let path = format!("{address}/v1/audio/transcriptions");
    let written = caller.signed(testkit::client::client().post(path));
    let written = written.header("content-type", kind).body(body).send().await.unwrap();
    assert_eq!(written.status(), 200);
}

/// What labels shall be.
type Labels<'t> = [(&'t str, &'t str)];

/// One line of the text.
struct Sample<'t> {
    name: &'t str,
    labels: &'t str,
    value: f64,
}

impl Sample<'_> {
    fn has(&self, labels: &[(&str, &str)]) -> bool {
        labels.iter().all(|(name, value)| self.labels.contains(&format!("{name}=\"{value}\"")))
    }

    fn labels(&self) -> impl Iterator<Item = (&str, &str)> {
        let pairs = self.labels.split("\",").filter_map(|pair| pair.split_once("=\""));
        pairs.map(|(name, value)| (name, value.trim_end_matches('"')))
    }
}

fn samples(text: &str) -> Vec<Sample<'_>> {
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    let samples = lines.map(|line| {
        let (head, value) = line.rsplit_once(' ').unwrap();
        let (name, labels) = head.split_once('{').unwrap_or((head, ""));
        Sample { name, labels: labels.trim_end_matches('}'), value: value.parse().unwrap() }
    });
    samples.collect()
}

fn sum(text: &str, name: &str, labels: &[(&str, &str)]) -> f64 {
    let found = samples(text).into_iter().filter(|one| one.name == name && one.has(labels));
    found.map(|one| one.value).sum()
}

/// What stands in the document and what is measured are the same, down to labels and their values.
fn check_names(text: &str, document: &str) {
    let rows = rows(document);
    let kinds = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    let kinds: BTreeMap<&str, &str> = kinds.collect();
    let (documented, emitted): (Vec<_>, Vec<_>) = (rows.keys().collect(), kinds.keys().collect());
    assert_eq!(documented, emitted, "the document, and what is measured");
    for name in kinds.keys() {
        assert!(text.contains(&format!("# HELP {name} ")), "{name} does not say what it is");
    }
    for sample in samples(text) {
        let of_histogram = ["_bucket", "_sum", "_count"];
        let family = of_histogram.iter().find_map(|end| sample.name.strip_suffix(end));
        let row = rows.get(sample.name).or_else(|| rows.get(family?));
        let row = row.unwrap_or_else(|| panic!("{} belongs nowhere", sample.name));
        for (label, value) in sample.labels() {
            let known = COMMON.contains(&label) || row.contains(label);
            assert!(known, "{}: no word of the label {label}", sample.name);
            // Kinds of failures stand once for all.
            let place = if matches!(label, "error_type" | "scope") { document } else { row };
            let is_status = label == "error_type" && value.parse::<u16>().is_ok();
            let known = is_status || !LISTED.contains(&label) || place.contains(value);
            assert!(known, "{}: no word of {label} {value}", sample.name);
            let operation = label != "gen_ai_operation_name";
            assert!(operation || document.contains(&format!("`{value}`")), "no word of {value}");
        }
    }
}

/// What was done is what was counted.
fn check_values(text: &str) {
    let exact: [(&str, &Labels, f64); 29] = [
        ("fachwerk_answer_cache_total", &[("outcome", "hit")], 1.0),
        ("fachwerk_guard_findings_total", &[("kind", "mail"), ("action", "report")], 1.0),
        ("fachwerk_limit_warnings_total", &[], 1.0),
        ("fachwerk_limit_warnings_total", &[("scope", "model"), ("percent", "100")], 1.0),
        (
            "fachwerk_limit_warnings_total",
            &[("meter", "tokens_per_month"), ("percent", "100")],
            1.0,
        ),
        (
            "fachwerk_limit_refusals_total",
            &[("scope", "model"), ("meter", "tokens_per_month")],
            1.0,
        ),
        ("fachwerk_limit_refusals_total", &[], 1.0),
        ("fachwerk_gateway_hedges_total", &[("gen_ai_request_model", "doppelt")], 1.0),
        ("fachwerk_gateway_hedges_total", &[], 1.0),
        ("fachwerk_gateway_attempts_total", &[("gen_ai_request_model", "doppelt")], 2.0),
        ("fachwerk_gateway_attempts_total", &[("gen_ai_request_model", "wackel")], 3.0),
        ("fachwerk_gateway_attempts_total", &[("gen_ai_request_model", "faul")], 10.0),
        (
            "fachwerk_gateway_breaker_changes_total",
            &[("gen_ai_request_model", "wackel"), ("to", "open")],
            1.0,
        ),
        (
            "fachwerk_gateway_breaker_changes_total",
            &[("gen_ai_request_model", "wackel"), ("to", "half_open")],
            1.0,
        ),
        (
            "fachwerk_gateway_breaker_changes_total",
            &[("gen_ai_request_model", "wackel"), ("to", "closed")],
            1.0,
        ),
        ("fachwerk_gateway_breaker_state", &[("gen_ai_request_model", "wackel")], 0.0),
        ("fachwerk_gateway_errors_total", &[("error_type", "connect"), ("fault", "route")], 1.0),
        ("fachwerk_gateway_errors_total", &[("error_type", "timeout_first_byte")], 1.0),
        ("fachwerk_gateway_errors_total", &[("error_type", "timeout_idle")], 1.0),
        ("fachwerk_gateway_errors_total", &[("error_type", "timeout_total")], 1.0),
        ("fachwerk_gateway_errors_total", &[("error_type", "garbled")], 1.0),
        ("fachwerk_gateway_errors_total", &[("error_type", "interrupted")], 1.0),
        ("fachwerk_gateway_errors_total", &[("error_type", "401"), ("fault", "route")], 1.0),
        ("fachwerk_gateway_errors_total", &[("error_type", "400"), ("fault", "caller")], 1.0),
        ("fachwerk_gateway_errors_total", &[("error_type", "deadline"), ("fault", "caller")], 2.0),
        ("fachwerk_gateway_errors_total", &[("error_type", "429"), ("fault", "load")], 1.0),
        ("fachwerk_gateway_in_flight", &[], 0.0),
        ("fachwerk_gateway_queue_length", &[], 0.0),
        ("fachwerk_telemetry_dropped_total", &[], 0.0),
    ];
    for (name, labels, expected) in exact {
        let value = sum(text, name, labels);
        assert!(value == expected, "{name}{labels:?} is {value}, not {expected}, in\n{text}");
    }
    // Of every call that failed the time is there.
    for kind in ["connect", "timeout_first_byte", "timeout_idle", "deadline", "400", "429"] {
        let labels = [("error_type", kind)];
        let calls = sum(text, "gen_ai_client_operation_duration_seconds_count", &labels);
        assert!(calls == sum(text, "fachwerk_gateway_errors_total", &labels), "{kind}: {calls}");
    }
    let streamed = [("gen_ai_request_model", "gross"), ("gen_ai_operation_name", "chat")];
    let tokens = |kind| [streamed[0], streamed[1], ("gen_ai_token_type", kind)];
    let between: [(&str, &Labels, f64, f64); 14] = [
        ("fachwerk_answer_cache_total", &[("outcome", "miss")], 1.0, 50.0),
        ("fachwerk_gateway_retries_total", &[("gen_ai_request_model", "gross")], 2.0, 100.0),
        ("fachwerk_gateway_ejections_total", &[], 1.0, 5.0),
        ("fachwerk_gateway_queue_seconds_sum", &[("gen_ai_request_model", "eng")], 0.1, 5.0),
        ("fachwerk_gateway_queue_seconds_count", &[("gen_ai_request_model", "eng")], 1.0, 1.0),
        ("gen_ai_client_operation_time_to_first_chunk_seconds_count", &streamed, 1.0, 3.0),
        ("gen_ai_client_operation_time_to_first_chunk_seconds_sum", &streamed, 1e-4, 5.0),
        ("gen_ai_server_time_per_output_token_seconds_sum", &streamed, 0.005, 5.0),
        ("gen_ai_client_token_usage_sum", &tokens("input"), 12.0, 1_000.0),
        ("gen_ai_client_token_usage_sum", &tokens("output"), 6.0, 1_000.0),
        ("fachwerk_http_requests_total", &[("route", CHAT), ("status", "200")], 50.0, 200.0),
        ("fachwerk_http_request_seconds_count", &[("route", CHAT)], 60.0, 200.0),
        ("fachwerk_telemetry_exports_total", &[("outcome", "sent")], 1.0, 1_000.0),
        ("process_resident_memory_bytes", &[], 1e7, 1e10),
    ];
    for (name, labels, least, most) in between {
        let value = sum(text, name, labels);
        assert!((least..=most).contains(&value), "{name}{labels:?} is {value} in\n{text}");
    }
}

/// The name at the collector, as the document says that it follows.
fn exported(name: &str) -> String {
    match name {
        "gen_ai_client_operation_duration_seconds" => {
            return "gen_ai.client.operation.duration".to_owned();
        }
        "gen_ai_client_operation_time_to_first_chunk_seconds" => {
            return "gen_ai.client.operation.time_to_first_chunk".to_owned();
        }
        "gen_ai_server_time_per_output_token_seconds" => {
            return "gen_ai.server.time_per_output_token".to_owned();
        }
        "gen_ai_client_token_usage" => return "gen_ai.client.token.usage".to_owned(),
        "process_resident_memory_bytes" => return "process.memory.usage".to_owned(),
        _ => {}
    }
    let name = name.trim_end_matches("_total").trim_end_matches("_seconds");
    name.replacen('_', ".", 2)
}

/// A collector gets all of them, and counts of what is over with the same figures.
fn check_export(seen: &Seen, text: &str, document: &str) {
    let metrics = seen.metrics();
    for name in rows(document).keys() {
        let theirs = exported(name);
        let last = metrics.iter().rev().find(|metric| metric["name"] == theirs.as_str());
        let last = last.unwrap_or_else(|| panic!("{theirs} did not arrive"));
        assert!(last["description"].is_string(), "{theirs} does not say what it is");
        let goes_on = ["fachwerk_http", "fachwerk_telemetry", "fachwerk_jobs", "process_"];
        let goes_on = goes_on.iter().any(|start| name.starts_with(start));
        if goes_on || *name == "fachwerk_gateway_breaker_state" {
            continue;
        }
        let numbers = |points: &Value, value: &dyn Fn(&Value) -> f64| -> f64 {
            points["dataPoints"].as_array().unwrap().iter().map(value).sum()
        };
        let (value, of) = if last["histogram"].is_object() {
            let count =
                |point: &Value| point["count"].as_str().map_or(0.0, |count| count.parse().unwrap());
            (numbers(&last["histogram"], &count), format!("{name}_count"))
        } else {
            let points = if last["sum"].is_object() { &last["sum"] } else { &last["gauge"] };
            let value = |point: &Value| point["asDouble"].as_f64().unwrap_or_default();
            (numbers(points, &value), (*name).to_owned())
        };
        let expected = sum(text, &of, &[]);
        assert!(value == expected, "{theirs} is {value}, not {expected}: {last:#}");
    }
    let errors = metrics.iter().rev().find(|metric| metric["name"] == "fachwerk.gateway.errors");
    let points = errors.unwrap()["sum"]["dataPoints"].as_array().unwrap();
    let deadline = points.iter().map(attributes).find(|labels| labels["error.type"] == "deadline");
    let deadline = deadline.unwrap();
    assert_eq!(deadline["fachwerk.fault"], "caller");
    assert_eq!(deadline["gen_ai.request.model"], "faul");
}

/// O-1 to O-3, G-6, G-7: whatever is promised is measured, and whatever is measured is promised.
#[tokio::test]
async fn every_measurement_of_the_document_is_there_after_everything_happened() {
    let document = document();
    let (fakes, receiver, nobody) =
        (Fakes::start().await, Receiver::start(), FakeModel::start().await);
    nobody.always(Reply::status(200, &json!({})));
    let collector = receiver.as_ref().map_or_else(|| nobody.base_url(), Receiver::address);
    let installation = Installation::new().configured(&fakes.settings(&collector));
    let key = installation.person("ada", "ein langes Passwort");
    let running = installation.serve("all");
    let caller = running.caller(&key);
    drive(&fakes, &caller, &format!("http://{}", running.address())).await;
    // Warnings are given when usage is written down, and exports take their time.
    let mut text = String::new();
    for _ in 0..100 {
        text = caller.metrics().await;
        let late = [
            sum(&text, "fachwerk_limit_warnings_total", &[("percent", "100")]),
            sum(&text, "fachwerk_telemetry_exports_total", &[("signal", "metrics")]),
        ];
        if late.iter().all(|count| *count > 0.0) {
            break;
        }
        sleep(Duration::from_millis(100)).await;
    }
    check_names(&text, &document);
    check_values(&text);
    let (status, _) = running.stop().await;
    assert!(status.success(), "{}", installation.log());
    let log = installation.log();
    for state in ["open", "half_open", "closed"] {
        let mut changes =
            log.lines().filter(|line| line.contains("breaker of a model route changed"));
        let of_model =
            |line: &str| line.contains("wackel") && line.contains(&format!("\"{state}\""));
        assert!(changes.any(of_model), "no word of {state} in\n{log}");
    }
    let Some(receiver) = receiver else { return };
    check_export(&receiver.seen().await, &text, &document);
}
