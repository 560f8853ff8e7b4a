//! Sends what was recorded to a collector: OTLP over HTTP with Protocol Buffers
//! (<https://opentelemetry.io/docs/specs/otlp/>). Calls the configured address and no other. A
//! collector that is slow or away costs nobody but the export itself.

use std::time::{Duration, SystemTime};

use gateway::HttpClient;
use http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use tokio::{
    sync::mpsc::Receiver,
    time::{Instant, MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;
use url::Url;
use uuid::Uuid;

use super::{
    Readings, exposition,
    otlp::{Resource, Value, nanos},
    record::Record,
};
use crate::config::Telemetry;

/// Records that wait to be sent; beyond: they are dropped and counted.
pub(super) const QUEUE_MAX: usize = 8_192;
/// Records in one message.
const BATCH_MAX: usize = 512;
/// Longest time that a record waits for others to travel with.
const BATCH_TIME: Duration = Duration::from_secs(1);
/// Longest time for one message to arrive.
const SEND_TIME: Duration = Duration::from_secs(10);
/// The pauses between tries of one message; after the last it is dropped and counted.
const PAUSES: [Duration; 3] =
    [Duration::from_secs(1), Duration::from_secs(3), Duration::from_secs(9)];
/// The longest pause that a collector may wish for.
const PAUSE_MAX: Duration = Duration::from_secs(30);

/// What is needed to export.
#[derive(Debug)]
pub(crate) struct Exporter {
    client: HttpClient,
    settings: Telemetry,
    authorization: Option<HeaderValue>,
    resource: Resource,
    readings: Readings,
    /// Whether the last message arrived, to tell once when that changes.
    is_well: bool,
    stop: CancellationToken,
}

/// Why a message did not arrive.
enum Lost {
    /// It may arrive later, perhaps after the time the collector wishes.
    ForNow(Option<Duration>),
    ForGood,
}

impl Exporter {
    /// Gets ready; sends nothing yet.
    pub fn new(
        client: HttpClient,
        settings: Telemetry,
        readings: Readings,
        stop: CancellationToken,
    ) -> Self {
        let authorization = settings.authorization.as_ref().and_then(|secret| {
            let mut value = HeaderValue::from_str(secret.expose()).ok()?;
            value.set_sensitive(true);
            Some(value)
        });
        let resource = resource(&settings);
        super::expect_exports(&settings);
        Self { client, settings, authorization, resource, readings, is_well: true, stop }
    }

    /// Sends until `stop`, then what is left, as far as the collector takes it at the first try.
    pub async fn run(mut self, mut records: Receiver<Record>) {
        let mut beat = interval(BATCH_TIME);
        let first = Instant::now() + self.settings.metrics_every;
        let mut measuring = tokio::time::interval_at(first, self.settings.metrics_every);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        measuring.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut batch = Vec::with_capacity(BATCH_MAX);
        let stop = self.stop.clone();
        loop {
            let room = BATCH_MAX - batch.len();
            tokio::select! {
                () = stop.cancelled() => break,
                _ = measuring.tick() => self.send_measurements().await,
                _ = beat.tick() => self.send(std::mem::take(&mut batch)).await,
                _ = records.recv_many(&mut batch, room), if room > 0 => {
                    if batch.len() >= BATCH_MAX {
                        self.send(std::mem::take(&mut batch)).await;
                    }
                }
            }
        }
        records.close();
        while let Ok(record) = records.try_recv() {
            batch.push(record);
            if batch.len() >= BATCH_MAX {
                self.send(std::mem::take(&mut batch)).await;
            }
        }
        self.send(batch).await;
        self.send_measurements().await;
    }

    async fn send(&mut self, batch: Vec<Record>) {
        let (mut spans, mut logs) = (Vec::new(), Vec::new());
        for record in batch {
            match record {
                Record::Span(span) => spans.push(*span),
                Record::Log(log) => logs.push(*log),
            }
        }
        if !spans.is_empty() {
            let body = self.resource.traces(&spans);
            self.deliver("traces", body, spans.len()).await;
        }
        if !logs.is_empty() {
            let body = self.resource.logs(&logs);
            self.deliver("logs", body, logs.len()).await;
        }
    }

    async fn send_measurements(&mut self) {
        if !self.settings.metrics {
            return;
        }
        let metrics = exposition::read(&self.readings.text().await);
        let (start, now) = (self.readings.since(), nanos(SystemTime::now()));
        let body = self.resource.metrics(&metrics, start, now);
        self.deliver("metrics", body, metrics.len()).await;
    }

    async fn deliver(&mut self, signal: &'static str, body: Vec<u8>, count: usize) {
        let body = bytes::Bytes::from(body);
        let mut pauses = PAUSES.into_iter();
        let arrived = loop {
            match self.post(signal, body.clone()).await {
                Ok(()) => break true,
                Err(Lost::ForGood) => break false,
                Err(Lost::ForNow(wish)) => {
                    let Some(pause) = pauses.next() else { break false };
                    let pause = wish.map_or(pause, |wish| wish.clamp(pause, PAUSE_MAX));
                    let waiting = self.stop.run_until_cancelled(tokio::time::sleep(pause));
                    if waiting.await.is_none() {
                        break false;
                    }
                }
            }
        };
        let outcome = if arrived { "sent" } else { "failed" };
        super::exported(signal, outcome);
        if !arrived {
            super::dropped(signal, count);
        }
        if arrived != self.is_well {
            self.is_well = arrived;
            if arrived {
                tracing::info!("the collector takes telemetry again");
            } else {
                tracing::warn!("the collector takes no telemetry: it is dropped and counted");
            }
        }
    }

    async fn post(&self, signal: &str, body: bytes::Bytes) -> Result<(), Lost> {
        let mut headers = HeaderMap::new();
        let kind = HeaderValue::from_static("application/x-protobuf");
        headers.insert(header::CONTENT_TYPE, kind);
        if let Some(value) = &self.authorization {
            headers.insert(header::AUTHORIZATION, value.clone());
        }
        let address = address(&self.settings.endpoint, signal).ok_or(Lost::ForGood)?;
        let sent = self.client.post(address, headers, body, 0);
        let sent = tokio::time::timeout(SEND_TIME, sent).await.map_err(|_| Lost::ForNow(None))?;
        let response = sent.map_err(|_| Lost::ForNow(None))?;
        match response.status() {
            status if status.is_success() => Ok(()),
            StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT => Err(Lost::ForNow(retry_after(response.headers()))),
            _ => Err(Lost::ForGood),
        }
    }
}

/// Where a signal goes, below the configured address.
fn address(endpoint: &Url, signal: &str) -> Option<Uri> {
    let mut url = endpoint.clone();
    url.set_path(&format!("{}/v1/{signal}", endpoint.path().trim_end_matches('/')));
    url.as_str().parse().ok()
}

/// Only seconds: a collector that names a date is asked again by our own clock.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(header::RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds))
}

fn resource(settings: &Telemetry) -> Resource {
    let text = |text: &str| Value::Text(text.to_owned().into());
    let mut attributes = vec![
        ("service.name".into(), text(&settings.service)),
        ("service.version".into(), text(env!("CARGO_PKG_VERSION"))),
        ("service.instance.id".into(), text(&Uuid::now_v7().to_string())),
    ];
    if let Some(name) = &settings.environment {
        attributes.push(("deployment.environment.name".into(), text(name)));
    }
    Resource { attributes }
}
