//! What is exported to a collector: by the program as it runs, to a receiver made of OpenTelemetry's own
//! definitions, straight and through a collector of others. `cargo xtask test` installs both and says
//! by environment variables where they are.

use std::{
    collections::BTreeSet,
    env,
    io::{BufRead, BufReader},
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use testkit::fake_model::{FakeModel, Reply};

use crate::process::{Caller, Installation};

const RECEIVER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/collector/collector.py");
const PASSWORD: &str = "ein langes Passwort";
/// Stands wherever somebody could write something.
const MARKER: &str = "geheim4711";
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLERS_SPAN: &str = "00f067aa0ba902b7";

/// The receiver as a process of its own; killed when dropped.
pub struct Receiver {
    child: Child,
    address: String,
}

impl Receiver {
    /// `None`, and a word about it, where its definitions are not installed.
    #[expect(clippy::print_stdout, reason = "whoever runs the tests shall see what did not run")]
    pub fn start() -> Option<Self> {
        let Some(python) = env::var_os("FACHWERK_OTLP_PYTHON") else {
            println!("skipped: FACHWERK_OTLP_PYTHON does not say where; `cargo xtask test` does");
            return None;
        };
        let mut command = Command::new(python);
        command.arg(RECEIVER).env("MARKER", MARKER).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Some(Self { child, address: format!("http://127.0.0.1:{}", line.trim()) })
    }

    pub fn address(&self) -> String {
        self.address.clone()
    }

    pub async fn seen(&self) -> Seen {
        let asked = testkit::client::client().get(format!("{}/seen", self.address)).send().await;
        let seen = Seen(serde_json::from_slice(&asked.unwrap().bytes().await.unwrap()).unwrap());
        assert_eq!(seen.0["complaints"], json!([]));
        seen
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Rotel, an OpenTelemetry collector, as a process of its own: it takes OTLP over HTTP, reads every
/// message into its own types, and hands on what it understood. Killed when dropped.
struct Collector {
    child: Child,
    address: String,
}

impl Collector {
    /// `None`, and a word about it, where it is not installed.
    #[expect(clippy::print_stdout, reason = "whoever runs the tests shall see what did not run")]
    async fn start(hands_on_to: &Receiver) -> Option<Self> {
        let Some(program) = env::var_os("FACHWERK_OTLP_COLLECTOR") else {
            println!(
                "skipped: FACHWERK_OTLP_COLLECTOR does not say where; `cargo xtask test` does"
            );
            return None;
        };
        let [http, grpc] = [free_address(), free_address()];
        let mut command = Command::new(program);
        command.args(["start", "--otlp-http-endpoint", &http, "--otlp-grpc-endpoint", &grpc]);
        command.args(["--exporter", "otlp", "--otlp-exporter-endpoint", &hands_on_to.address]);
        command.args(["--otlp-exporter-protocol", "http"]);
        let child = command.stdout(Stdio::null()).spawn().unwrap();
        let collector = Self { child, address: format!("http://{http}") };
        let begun = Instant::now();
        while TcpStream::connect(&http).is_err() {
            assert!(begun.elapsed() < Duration::from_secs(20), "the collector does not listen");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Some(collector)
    }

    /// SIGTERM; it hands on what it still holds.
    async fn stop(mut self) {
        let asked = Instant::now();
        assert!(Command::new("kill").arg(self.child.id().to_string()).status().unwrap().success());
        while self.child.try_wait().unwrap().is_none() {
            assert!(asked.elapsed() < Duration::from_secs(20), "the collector does not stop");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        // Fails only if it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_address() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

/// What the receiver has read.
pub struct Seen(Value);

impl Seen {
    fn spans(&self) -> Vec<&Value> {
        self.records("traces", ["resourceSpans", "scopeSpans", "spans"])
    }

    fn logs(&self) -> Vec<&Value> {
        self.records("logs", ["resourceLogs", "scopeLogs", "logRecords"])
    }

    pub fn metrics(&self) -> Vec<&Value> {
        self.records("metrics", ["resourceMetrics", "scopeMetrics", "metrics"])
    }

    fn records(&self, signal: &str, path: [&str; 3]) -> Vec<&Value> {
        let mut found: Vec<&Value> = self.0[signal].as_array().unwrap().iter().collect();
        for name in path {
            found = found.iter().flat_map(|one| one[name].as_array().unwrap()).collect();
        }
        found
    }

    fn names(&self, kind: &str) -> BTreeSet<&str> {
        self.0["names"][kind].as_array().unwrap().iter().filter_map(Value::as_str).collect()
    }
}

/// The attributes of a record, each by its one value.
pub fn attributes(record: &Value) -> serde_json::Map<String, Value> {
    let pairs = record["attributes"].as_array().into_iter().flatten();
    let pair = |pair: &Value| {
        let value = pair["value"].as_object().unwrap().values().next().unwrap().clone();
        (pair["key"].as_str().unwrap().to_owned(), value)
    };
    pairs.map(pair).collect()
}

/// Bytes as hexadecimal digits; the receiver tells them in base64.
fn hex(value: &Value) -> String {
    const DIGITS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bits = value.as_str().unwrap().chars().filter_map(|digit| DIGITS.find(digit));
    let bits: String = bits.map(|six| format!("{six:06b}")).collect();
    let nibbles = bits.as_bytes().chunks_exact(4).map(|four| std::str::from_utf8(four).unwrap());
    let mut text: String =
        nibbles.map(|four| format!("{:x}", u8::from_str_radix(four, 2).unwrap())).collect();
    text.truncate(text.len() / 2 * 2);
    text
}

fn settings(model: &FakeModel, collector: &str, more: &str) -> String {
    let route = |place: &str, order: u32| {
        format!(
            "[[models.routes]]\nkind = \"vllm\"\nbase_url = \"{}\"\nupstream_model = \"mistral-small\"\n\
             place = \"{place}\"\nclearance = \"personal\"\norder = {order}\nconcurrency = 1\n",
            model.base_url()
        )
    };
    format!(
        "[telemetry]\notlp_url = \"{collector}\"\notlp_authorization = \"Bearer abc\"\n\
         environment = \"test\"\nmetrics_seconds = 1\n{more}\n[guard]\nown = \"report\"\n\
         [[models]]\nname = \"gross\"\n{}{}",
        route("own", 1),
        route("germany", 2),
    )
}

fn question(stream: bool) -> Value {
    json!({
        "model": "gross", "stream": stream, "user": MARKER,
        "messages": [{"role": "user", "content": format!("Frage {MARKER} an {MARKER}@amt.example")}],
        "tools": [{"type": "function", "function": {"name": MARKER, "parameters": {"type": "object"}}}],
    })
}

/// Everything that a person can write or get to read, with the marker in it.
async fn traffic(model: &FakeModel, caller: &Caller) {
    model.always(Reply::text(&format!("Antwort {MARKER}")).usage(12, 6));
    // Tried again on the same route, then refused for good by the other.
    model.next(Reply::status(503, &json!({"error": {"message": MARKER}})));
    let parent = format!("00-{TRACE}-{CALLERS_SPAN}-01");
    let asked = caller.post_request("/v1/chat/completions", &question(false));
    let answer = asked.header("traceparent", &parent).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    model.next(Reply::pieces(["Ant", "wort ", MARKER]).usage(12, 6));
    let answer = caller.post_request("/v1/chat/completions", &question(true)).send().await.unwrap();
    assert!(answer.text().await.unwrap().contains(MARKER));
    model.next(Reply::status(400, &json!({"error": {"message": MARKER}})));
    let (status, _) = caller.post("/v1/chat/completions", &question(false)).await;
    assert_eq!(status, 400);
    let (status, _) = caller.post("/v1/chat/completions", &json!({"model": MARKER})).await;
    assert_eq!(status, 400);
    let unknown = json!({"model": MARKER, "messages": [{"role": "user", "content": MARKER}]});
    assert_eq!(caller.post("/v1/chat/completions", &unknown).await.0, 404);
    let (status, _) = caller.get(&format!("/api/documents/{MARKER}?q={MARKER}")).await;
    assert!(status >= 400);
    let collection = caller.collection().await;
    caller.document(&collection, &format!("{MARKER}.txt"), MARKER).await;
    let body = json!({"query": MARKER});
    assert_eq!(caller.post("/api/search", &body).await.0, 200);
    talk(caller).await;
}

/// A conversation in the interface, whose answer outlives the request.
async fn talk(caller: &Caller) {
    let body = json!({"title": MARKER});
    let (status, talk) = caller.post("/api/conversations", &body).await;
    assert_eq!(status, 201, "{talk}");
    let path = format!("/api/conversations/{}", talk["id"].as_str().unwrap());
    let body = json!({"text": format!("Frage {MARKER}"), "model": "gross"});
    let (status, made) = caller.post(&format!("{path}/messages"), &body).await;
    assert!(status < 300, "{made}");
    for _ in 0..600 {
        let (_, now) = caller.get(&path).await;
        if now.to_string().contains(&format!("Antwort {MARKER}")) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("no answer");
}

/// O-1, O-2: traces, measurements and logs of whole requests by the conventions, read by their own
/// definitions; and nothing of what was asked, answered or named by people.
#[tokio::test]
async fn a_receiver_reads_everything_and_no_content() {
    let Some(receiver) = Receiver::start() else { return };
    let model = FakeModel::start().await;
    export(&model, &receiver.address).await;
    let seen = receiver.seen().await;
    let sent = seen.0["authorization"].as_array().unwrap();
    assert!(sent.iter().all(|value| value == "Bearer abc"), "{sent:?}");
    check_everything(&seen, &model);
}

/// O-1, O-2: a collector of others takes all of it, and hands it on as it was: nothing is lost by the
/// types that it reads our messages into.
#[tokio::test]
async fn a_collector_takes_everything_and_hands_it_on() {
    let Some(receiver) = Receiver::start() else { return };
    let Some(collector) = Collector::start(&receiver).await else { return };
    let model = FakeModel::start().await;
    let said = export(&model, &collector.address).await;
    for signal in SIGNALS {
        assert!(exported(&said, signal, "sent") > 0, "{signal} in {said}");
        assert_eq!(exported(&said, signal, "failed"), 0, "{signal} in {said}");
    }
    collector.stop().await;
    check_everything(&receiver.seen().await, &model);
}

const SIGNALS: [&str; 3] = ["traces", "logs", "metrics"];

/// How many messages of a signal went out so, by the program's own measurements.
fn exported(measurements: &str, signal: &str, outcome: &str) -> u64 {
    let labels = [format!("signal=\"{signal}\""), format!("outcome=\"{outcome}\"")];
    let is_it = |line: &&str| {
        line.starts_with("fachwerk_telemetry_exports_total")
            && labels.iter().all(|label| line.contains(label))
    };
    let count = measurements.lines().find(is_it).and_then(|line| line.rsplit(' ').next());
    count.map_or(0, |count| count.parse().unwrap())
}

/// Runs the program with its export to `collector` until it has sent all; tells its measurements
/// shortly before.
async fn export(model: &FakeModel, collector: &str) -> String {
    let installation = Installation::new().configured(&settings(model, collector, ""));
    let key = installation.person(MARKER, PASSWORD);
    let running = installation.serve("all");
    let caller = running.caller(&key);
    traffic(model, &caller).await;
    let mut said = String::new();
    for _ in 0..100 {
        said = caller.metrics().await;
        if SIGNALS.iter().all(|signal| exported(&said, signal, "sent") > 0) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let (status, _) = running.stop().await;
    assert!(status.success(), "{}", installation.log());
    said
}

fn check_everything(seen: &Seen, model: &FakeModel) {
    assert!(seen.0["bytes"].as_u64().unwrap() > 10_000);
    assert_eq!(seen.0["marked"], 0, "content was exported: {:#}", seen.0);
    check_traces(seen, model);
    check_measurements(seen);
    check_logs(seen);
    check_names(seen);
}

fn check_traces(seen: &Seen, model: &FakeModel) {
    let spans = seen.spans();
    let of_trace: Vec<_> = spans.iter().filter(|span| hex(&span["traceId"]) == TRACE).collect();
    let named = |name: &str| {
        let found: Vec<_> = of_trace.iter().filter(|span| span["name"] == name).collect();
        assert!(!found.is_empty(), "no {name} in {of_trace:#?}");
        found
    };
    // The caller's span, the request, the call, its tries and the guard.
    let request = named("POST /v1/chat/completions")[0];
    assert_eq!(hex(&request["parentSpanId"]), CALLERS_SPAN);
    assert_eq!(request["kind"], "SPAN_KIND_SERVER");
    assert_eq!(attributes(request)["http.response.status_code"], "200");
    let call = named("chat gross")[0];
    assert_eq!(call["parentSpanId"], request["spanId"]);
    assert_eq!(named("guard")[0]["parentSpanId"], request["spanId"]);
    let findings = attributes(named("guard")[0])["fachwerk.guard.findings"].clone();
    assert!(findings.as_str().unwrap().parse::<u64>().unwrap() > 0, "{findings}");
    let call = attributes(call);
    for (name, value) in [
        ("gen_ai.operation.name", json!("chat")),
        ("gen_ai.request.model", json!("gross")),
        ("gen_ai.response.model", json!("mistral-small")),
        ("gen_ai.provider.name", json!("vllm")),
        ("gen_ai.usage.input_tokens", json!("12")),
        ("gen_ai.usage.output_tokens", json!("6")),
        ("server.address", json!("127.0.0.1")),
        ("fachwerk.route", json!("gross-1")),
        ("fachwerk.place", json!("own")),
        ("fachwerk.data_class", json!("internal")),
    ] {
        assert_eq!(call[name], value, "{name} in {call:#?}");
    }
    let tries = named("attempt");
    assert_eq!(tries.len(), 2);
    let of_tries: Vec<_> = tries.iter().map(|span| attributes(span)).collect();
    assert_eq!(of_tries[0]["error.type"], "503");
    assert_eq!(tries[0]["status"]["code"], "STATUS_CODE_ERROR");
    assert_eq!(of_tries[1]["http.request.resend_count"], "1");
    assert!(of_tries[1].get("error.type").is_none());
    // The model server was told its place in the same trace, each try its own.
    let told: Vec<_> =
        model.requests().iter().map(|seen| seen.headers["traceparent"].clone()).collect();
    for (told, span) in told.iter().zip(&tries) {
        assert_eq!(*told, format!("00-{TRACE}-{}-01", hex(&span["spanId"])));
    }
    // A stream, with the time to its first piece; a run of the interface in the request's trace.
    let first =
        |span: &&&Value| attributes(span).contains_key("gen_ai.response.time_to_first_chunk");
    assert!(spans.iter().any(|span| first(&span)), "{spans:#?}");
    let written = spans
        .iter()
        .find(|span| span["name"].as_str().is_some_and(|name| name.ends_with("/messages")));
    let same_trace = |span: &&&Value| span["traceId"] == written.unwrap()["traceId"];
    assert!(spans.iter().any(|span| span["name"] == "chat gross" && same_trace(&span)));
}

fn check_measurements(seen: &Seen) {
    let metrics = seen.metrics();
    let last = |name: &str| {
        let found = metrics.iter().rev().find(|metric| metric["name"] == name);
        *found.unwrap_or_else(|| panic!("{name} is not measured"))
    };
    let duration = last("gen_ai.client.operation.duration");
    assert_eq!(duration["unit"], "s");
    let points = duration["histogram"]["dataPoints"].as_array().unwrap();
    let of_model = |point: &&Value| {
        let labels = attributes(point);
        labels["gen_ai.request.model"] == "gross" && !labels.contains_key("error.type")
    };
    let point = points.iter().find(of_model).unwrap();
    assert_eq!(
        duration["histogram"]["aggregationTemporality"],
        "AGGREGATION_TEMPORALITY_CUMULATIVE"
    );
    assert_eq!(attributes(point)["fachwerk.route"], "gross-1");
    // What the conventions require on every measurement of a call.
    for name in [
        "gen_ai.client.operation.duration",
        "gen_ai.client.operation.time_to_first_chunk",
        "gen_ai.client.token.usage",
        "gen_ai.server.time_per_output_token",
    ] {
        for point in last(name)["histogram"]["dataPoints"].as_array().unwrap() {
            assert_eq!(attributes(point)["gen_ai.operation.name"], "chat", "{name}");
            assert_eq!(attributes(point)["gen_ai.provider.name"], "vllm", "{name}");
        }
    }
    let failed: Vec<_> =
        points.iter().filter_map(|point| attributes(point).remove("error.type")).collect();
    let refused = ["400", "503"].map(|status| json!(status));
    assert!(refused.iter().all(|kind| failed.contains(kind)), "{failed:?}");
    let counts = point["bucketCounts"].as_array().unwrap();
    assert_eq!(counts.len(), point["explicitBounds"].as_array().unwrap().len() + 1);
    let sum: u64 = counts.iter().map(|count| count.as_str().unwrap().parse::<u64>().unwrap()).sum();
    assert_eq!(point["count"], sum.to_string());
    assert!(sum >= 3);
    for name in [
        "gen_ai.client.operation.time_to_first_chunk",
        "gen_ai.client.token.usage",
        "gen_ai.server.time_per_output_token",
        "fachwerk.gateway.retries",
        "fachwerk.gateway.breaker_state",
        "fachwerk.guard.findings",
        "fachwerk.http.requests",
        "fachwerk.telemetry.exports",
        "process.memory.usage",
    ] {
        last(name);
    }
    let requests = &last("fachwerk.http.requests")["sum"];
    assert_eq!(requests["isMonotonic"], true);
}

fn check_logs(seen: &Seen) {
    let logs = seen.logs();
    let answered: Vec<_> =
        logs.iter().filter(|log| log["body"]["stringValue"] == "request answered").collect();
    let of_trace =
        answered.iter().find(|log| log.get("traceId").is_some_and(|trace| hex(trace) == TRACE));
    let of_trace = of_trace.expect("the request's log event names its trace");
    assert_eq!(of_trace["severityText"], "INFO");
    assert_eq!(attributes(of_trace)["http.status"], "200");
    // Who called is told by the log at home alone.
    assert!(logs.iter().all(|log| !attributes(log).contains_key("user.id")));
}

/// O-2: names of attributes and measurements are those of the conventions, or begin with our own.
fn check_names(seen: &Seen) {
    let (attributes_known, metrics_known) = (seen.names("attributes"), seen.names("metrics"));
    for span in seen.spans() {
        for name in attributes(span).keys() {
            let known = name.starts_with("fachwerk.") || attributes_known.contains(name.as_str());
            assert!(known, "{name} is no name of the conventions");
        }
    }
    for metric in seen.metrics() {
        let name = metric["name"].as_str().unwrap();
        let known = name.starts_with("fachwerk.") || metrics_known.contains(name);
        assert!(known, "{name} is no name of the conventions");
    }
}

/// A collector that refuses, hangs or is not there costs requests nothing, and what is lost is counted.
#[tokio::test]
async fn a_bad_collector_harms_no_request() {
    for reply in [Some(Reply::status(400, &json!({}))), Some(Reply::hang()), None] {
        let (model, collector) = (FakeModel::start().await, FakeModel::start().await);
        let address = match reply.clone() {
            Some(reply) => {
                collector.always(reply);
                collector.base_url()
            }
            None => "http://127.0.0.1:9".to_owned(),
        };
        let installation = Installation::new().configured(&settings(&model, &address, ""));
        let key = installation.person("ada", PASSWORD);
        let running = installation.serve("all");
        let caller = running.caller(&key);
        for _ in 0..5 {
            let (status, answer) = caller.post("/v1/chat/completions", &question(false)).await;
            assert_eq!(status, 200, "{answer}");
        }
        if reply.is_some() {
            collector.wait_for_requests(1).await;
        }
        let (status, took) = running.stop().await;
        assert!(status.success(), "{}", installation.log());
        assert!(took < Duration::from_secs(15), "{took:?}");
    }
}

/// A caller's wish not to be traced is obeyed and handed on; otherwise the share decides.
#[tokio::test]
async fn sampling_is_the_callers_or_ours() {
    let Some(receiver) = Receiver::start() else { return };
    let model = FakeModel::start().await;
    let more = "traces_one_in = 1000000\nlogs = \"off\"\nmetrics = \"off\"";
    let installation = Installation::new().configured(&settings(&model, &receiver.address, more));
    let key = installation.person("ada", PASSWORD);
    let running = installation.serve("all");
    let caller = running.caller(&key);
    for flags in ["", "00", "01"] {
        let mut asked = caller.post_request("/v1/chat/completions", &question(false));
        if !flags.is_empty() {
            asked = asked.header("traceparent", format!("00-{TRACE}-{CALLERS_SPAN}-{flags}"));
        }
        assert_eq!(asked.send().await.unwrap().status(), 200);
    }
    running.stop().await;
    let seen = receiver.seen().await;
    let spans = seen.spans();
    assert!(!spans.is_empty());
    assert!(spans.iter().all(|span| hex(&span["traceId"]) == TRACE), "{spans:#?}");
    assert_eq!(spans.iter().filter(|span| span["name"] == "chat gross").count(), 1);
    assert!(seen.logs().is_empty() && seen.metrics().is_empty());
    let told: Vec<_> =
        model.requests().iter().map(|seen| seen.headers["traceparent"].clone()).collect();
    assert!(told[0].ends_with("-00") && told[1].ends_with("-00"), "{told:?}");
    assert!(told[1].contains(TRACE) && told[2].ends_with("-01"), "{told:?}");
}
