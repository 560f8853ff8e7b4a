//! Log lines on standard error, measurements for `/metrics`, and the export of both and of traces.
//! Names of fields and measurements are listed in `docs/observability.md`.

mod context;
mod export;
mod exposition;
mod otlp;
mod protobuf;
mod record;
mod recorder;

use std::{
    io::{self, IsTerminal},
    panic,
    sync::Arc,
    time::SystemTime,
};

use app::{App, JobCounts};
use http::HeaderValue;
use store::Store;
use tokio::sync::mpsc;
use tracing::Subscriber;
use tracing_subscriber::{
    EnvFilter, Layer, Registry, filter::FilterFn, fmt, layer::SubscriberExt, registry::LookupSpan,
    util::SubscriberInitExt,
};

pub(crate) use export::Exporter;
use record::{Record, Recorder, Recording};

use crate::config::{Log, LogFormat, Telemetry};

/// Seconds; fine where answers are quick, coarse where models think.
const BUCKETS: [f64; 14] =
    [0.001, 0.003, 0.01, 0.03, 0.1, 0.2, 0.3, 0.5, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0];

/// Tokens of an answer, and the buckets that the conventions for generative AI advise.
const TOKENS: &str = "gen_ai_client_token_usage";
const TOKEN_BUCKETS: [f64; 14] = [
    1.0,
    4.0,
    16.0,
    64.0,
    256.0,
    1_024.0,
    4_096.0,
    16_384.0,
    65_536.0,
    262_144.0,
    1_048_576.0,
    4_194_304.0,
    16_777_216.0,
    67_108_864.0,
];

/// What was to be exported and was not, and messages to the collector.
const DROPPED: &str = "fachwerk_telemetry_dropped_total";
const EXPORTS: &str = "fachwerk_telemetry_exports_total";

/// What was recorded and waits for an [`Exporter`].
pub(crate) type Records = mpsc::Receiver<Record>;

/// Starts logging for the whole process, and recording if there is somewhere to export to. A second
/// call changes nothing.
pub(crate) fn start_log(log: &Log, telemetry: Option<&Telemetry>) -> Option<Records> {
    let filter = EnvFilter::try_new(&log.filter).unwrap_or_else(|_| EnvFilter::new("info"));
    log_panics();
    let Some(telemetry) = telemetry.filter(|telemetry| telemetry.traces || telemetry.logs) else {
        let builder = fmt().with_env_filter(filter).with_writer(io::stderr);
        let _ = match log.format {
            LogFormat::Json => builder.json().flatten_event(true).try_init(),
            LogFormat::Text => builder.with_ansi(io::stderr().is_terminal()).try_init(),
        };
        return None;
    };
    let recording =
        Recording { traces: telemetry.traces, logs: telemetry.logs, one_in: telemetry.one_in };
    let (sender, records) = mpsc::channel(export::QUEUE_MAX);
    let wanted = FilterFn::new(move |what| recording.wants(what));
    let recorder = Recorder::new(recording, sender).with_filter(wanted);
    let registry = Registry::default().with(recorder).with(lines(log).with_filter(filter));
    registry.try_init().ok().map(|()| records)
}

/// What an export of measurements alone has to wait for: nothing.
pub(crate) fn no_records() -> Records {
    mpsc::channel(1).1
}

/// Lines on standard error.
fn lines<S: Subscriber + for<'a> LookupSpan<'a>>(log: &Log) -> Box<dyn Layer<S> + Send + Sync> {
    let lines = fmt::layer().with_writer(io::stderr);
    match log.format {
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
        LogFormat::Text => lines.with_ansi(io::stderr().is_terminal()).boxed(),
    }
}

/// The value of the header `traceparent` for a call made within a span; `None` if nothing is traced.
pub(crate) fn trace_parent(span: &tracing::Span) -> Option<HeaderValue> {
    HeaderValue::from_str(&record::place_of(span)?.to_string()).ok()
}

/// Counts what was to be exported and was not.
fn dropped(signal: &'static str, count: usize) {
    metrics::counter!(DROPPED, "signal" => signal).increment(count as u64);
}

/// Counts a message to the collector.
fn exported(signal: &'static str, outcome: &'static str) {
    metrics::counter!(EXPORTS, "signal" => signal, "outcome" => outcome).increment(1);
}

/// Lets these counts begin with 0, so that the first loss is an increase too.
fn expect_exports(settings: &Telemetry) {
    let signals =
        [("traces", settings.traces), ("logs", settings.logs), ("metrics", settings.metrics)];
    for (signal, _) in signals.into_iter().filter(|(_, is_on)| *is_on) {
        metrics::counter!(DROPPED, "signal" => signal).absolute(0);
        for outcome in ["sent", "failed"] {
            metrics::counter!(EXPORTS, "signal" => signal, "outcome" => outcome).absolute(0);
        }
    }
}

/// Logs where a panic happened and, if the text is fixed in the program, what it said. A text put
/// together at run time may hold content and is left out.
fn log_panics() {
    panic::set_hook(Box::new(|info| {
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        let text = info.payload().downcast_ref::<&'static str>().copied().unwrap_or_default();
        tracing::error!(panic.place = place, panic.text = text, "a task panicked");
    }));
}

/// The measurements of this process.
#[derive(Clone)]
pub(crate) struct Measurements {
    recorder: recorder::Recorder,
    since: SystemTime,
}

impl std::fmt::Debug for Measurements {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Measurements")
    }
}

impl Measurements {
    /// Makes a recorder and installs it for the process. If one is installed already, this one
    /// stays empty.
    pub fn install() -> Self {
        let buckets = |name: &str| -> &'static [f64] {
            if name == TOKENS { &TOKEN_BUCKETS } else { &BUCKETS }
        };
        let recorder = recorder::Recorder::new(buckets);
        if metrics::set_global_recorder(recorder.clone()).is_ok() {
            describe();
        }
        Self { recorder, since: SystemTime::now() }
    }

    /// The text for a scraper.
    pub fn render(&self, jobs: Option<JobCounts>) -> String {
        if let Some(jobs) = jobs {
            let states =
                [("waiting", jobs.waiting), ("running", jobs.running), ("failed", jobs.failed)];
            for (state, count) in states {
                metrics::gauge!("fachwerk_jobs", "state" => state).set(count as f64);
            }
        }
        if let Some(bytes) = resident_bytes() {
            metrics::gauge!("process_resident_memory_bytes").set(bytes);
        }
        self.recorder.render()
    }
}

/// What can be measured at this moment, for whoever asks.
#[derive(Clone)]
pub(crate) struct Readings {
    pub app: Arc<App>,
    /// Asked for the number of jobs.
    pub store: Store,
    pub measurements: Measurements,
}

impl std::fmt::Debug for Readings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Readings")
    }
}

impl Readings {
    /// The measurements of this moment as text for Prometheus. Without the database there are still
    /// those of the process.
    pub async fn text(&self) -> String {
        let jobs = self.store.job_counts().await.ok();
        let Self { app, measurements, .. } = self.clone();
        // Thousands of models make megabytes: not where callers are answered.
        let writing = move || {
            app.measure_gateway();
            measurements.render(jobs)
        };
        tokio::task::spawn_blocking(writing)
            .await
            .expect("an empty page would say that all is well")
    }

    /// Since when is counted, in nanoseconds since 1970.
    fn since(&self) -> u64 {
        otlp::nanos(self.measurements.since)
    }
}

fn describe() {
    gateway::describe_measurements();
    app::describe_measurements();
    metrics::describe_counter!(
        "fachwerk_http_requests_total",
        "Requests answered, by method, route template and status."
    );
    metrics::describe_histogram!(
        "fachwerk_http_request_seconds",
        "Time from the request's head to the last byte of the answer, by route template."
    );
    metrics::describe_counter!(
        DROPPED,
        "Spans, log records and measurements that did not reach the collector, by signal."
    );
    metrics::describe_counter!(EXPORTS, "Messages to the collector, by signal and outcome.");
    metrics::describe_gauge!("fachwerk_jobs", "Background jobs of the installation, by state.");
    metrics::describe_gauge!("process_resident_memory_bytes", "Memory of the process.");
}

/// Reads the process's resident memory where the system tells it.
fn resident_bytes() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1_024.0)
}
