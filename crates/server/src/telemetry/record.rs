//! Takes down spans and log events for the export. Hangs below the log as a second layer, and only if
//! there is somewhere to export to.
//!
//! What leaves the house is built from lists: spans of one target, events of our own crates, and of
//! both the fields named in [`ATTRIBUTES`]. A field that is added somewhere stays at home until it is
//! named here and in `docs/observability.md`.

use std::{borrow::Cow, fmt, time::SystemTime};

use domain::TRACES;
use tokio::sync::mpsc::Sender;
use tracing::{
    Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
    span,
};
use tracing_subscriber::{
    Layer, Registry,
    layer::Context,
    registry::{LookupSpan, SpanRef},
};

use super::{
    context::TraceContext,
    otlp::{LogRecord, Span, SpanKind, Value, nanos},
};

/// The fields that are exported.
#[rustfmt::skip]
pub(crate) const ATTRIBUTES: &[&str] = &[
    // of spans, by the conventions of OpenTelemetry
    "error.type", "gen_ai.operation.name", "gen_ai.provider.name", "gen_ai.request.model", "gen_ai.request.stream",
    "gen_ai.response.model", "gen_ai.response.time_to_first_chunk", "gen_ai.usage.input_tokens",
    "gen_ai.usage.output_tokens", "http.request.method", "http.request.resend_count", "http.response.status_code",
    "http.route", "server.address", "server.port",
    // of spans, our own
    "fachwerk.attempt", "fachwerk.complete", "fachwerk.data_class", "fachwerk.error.code",
    "fachwerk.guard.findings", "fachwerk.place", "fachwerk.request.id", "fachwerk.route",
    // of log events
    "attempt", "breaker", "complete", "connections", "duration_ms", "error.code", "http.method", "http.status", "is_well",
    "job.id", "job.kind", "lines", "panic.place", "request.id", "route", "run.id", "signal",
];

/// The crates whose events are exported. Others may log whatever they like.
const OURS: [&str; 8] =
    ["app", "extract", "gateway", "identity", "infer", "search", "server", "store"];

/// Longest text of an attribute, in bytes; the rest is cut off.
const TEXT_BYTES_MAX: usize = 256;

/// What waits to be exported.
#[derive(Debug)]
pub(crate) enum Record {
    Span(Box<Span>),
    Log(Box<LogRecord>),
}

/// What is recorded.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Recording {
    pub traces: bool,
    pub logs: bool,
    /// Of so many traces that begin here one is exported.
    pub one_in: u64,
}

impl Recording {
    /// Whether a span or event is taken down at all; the same for each of its kind.
    pub fn wants(self, what: &Metadata<'_>) -> bool {
        if what.is_span() {
            return self.traces && what.target() == TRACES;
        }
        let part = what.target().split("::").next().unwrap_or_default();
        self.logs && *what.level() <= Level::INFO && OURS.contains(&part)
    }
}

/// The layer.
#[derive(Debug)]
pub(crate) struct Recorder {
    recording: Recording,
    queue: Sender<Record>,
}

impl Recorder {
    pub fn new(recording: Recording, queue: Sender<Record>) -> Self {
        Self { recording, queue }
    }

    /// Never waits: what finds the queue full is counted and gone.
    fn put(&self, record: Record) {
        let signal = match record {
            Record::Span(_) => "traces",
            Record::Log(_) => "logs",
        };
        if self.queue.try_send(record).is_err() {
            super::dropped(signal, 1);
        }
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Recorder {
    fn on_new_span(
        &self,
        attributes: &span::Attributes<'_>,
        id: &span::Id,
        context: Context<'_, S>,
    ) {
        let Some(made) = context.span(id) else { return };
        let parent = made.parent().and_then(|parent| context_of(&parent));
        let mut reading = Reading::default();
        attributes.record(&mut reading);
        let parent = parent.or_else(|| TraceContext::parse(&reading.parent));
        let place = match parent {
            Some(parent) => parent.child(),
            None => TraceContext::root(self.recording.one_in),
        };
        let mut span = Span {
            context: place,
            parent: parent.map(|parent| parent.span),
            name: Cow::Borrowed(attributes.metadata().name()),
            kind: SpanKind::Internal,
            start: nanos(SystemTime::now()),
            end: 0,
            attributes: Vec::new(),
            has_failed: false,
        };
        reading.add_to(&mut span);
        made.extensions_mut().insert(span);
    }

    fn on_record(&self, id: &span::Id, values: &span::Record<'_>, context: Context<'_, S>) {
        let Some(found) = context.span(id) else { return };
        if let Some(span) = found.extensions_mut().get_mut::<Span>() {
            let mut reading = Reading::default();
            values.record(&mut reading);
            reading.add_to(span);
        }
    }

    fn on_close(&self, id: span::Id, context: Context<'_, S>) {
        let Some(closed) = context.span(&id) else { return };
        let taken = closed.extensions_mut().remove::<Span>();
        if let Some(mut span) = taken.filter(|span| span.context.is_sampled) {
            if span.end == 0 {
                span.end = nanos(SystemTime::now());
            }
            self.put(Record::Span(Box::new(span)));
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut reading = Reading::default();
        event.record(&mut reading);
        self.put(Record::Log(Box::new(LogRecord {
            at: nanos(SystemTime::now()),
            level: *event.metadata().level(),
            body: reading.message,
            attributes: reading.attributes,
            context: context.event_span(event).and_then(|span| context_of(&span)),
        })));
    }
}

/// The place in a trace of a span that was handed out by our own code.
pub(crate) fn place_of(span: &tracing::Span) -> Option<TraceContext> {
    span.with_subscriber(|(id, dispatch)| {
        context_of(&dispatch.downcast_ref::<Registry>()?.span(id)?)
    })?
}

/// The place of the next span that has one, upwards.
fn context_of<'a, R: LookupSpan<'a>>(span: &SpanRef<'a, R>) -> Option<TraceContext> {
    span.scope().find_map(|span| Some(span.extensions().get::<Span>()?.context))
}

/// The fields of a span or event, as far as they are wanted.
#[derive(Debug, Default)]
struct Reading {
    message: String,
    name: String,
    kind: Option<SpanKind>,
    parent: String,
    has_ended: bool,
    attributes: Vec<(Cow<'static, str>, Value)>,
}

impl Reading {
    fn add_to(self, span: &mut Span) {
        if !self.name.is_empty() {
            span.name = Cow::Owned(self.name);
        }
        span.kind = self.kind.unwrap_or(span.kind);
        if self.has_ended {
            span.end = nanos(SystemTime::now());
        }
        span.has_failed |= self.attributes.iter().any(|(name, _)| name == "error.type");
        span.attributes.extend(self.attributes);
    }

    fn add(&mut self, field: &Field, value: Value) {
        if ATTRIBUTES.contains(&field.name()) {
            self.attributes.push((Cow::Borrowed(field.name()), value));
        }
    }
}

impl Visit for Reading {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "message" => self.message = cut(value).to_owned(),
            // The names that the bridges between tracing and OpenTelemetry have agreed on.
            "otel.name" => self.name = cut(value).to_owned(),
            "otel.kind" if value == "server" => self.kind = Some(SpanKind::Server),
            "otel.kind" if value == "client" => self.kind = Some(SpanKind::Client),
            "traceparent" => self.parent = cut(value).to_owned(),
            _ if value.is_empty() => {}
            _ => self.add(field, Value::Text(Cow::Owned(cut(value).to_owned()))),
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" || ATTRIBUTES.contains(&field.name()) {
            self.record_str(field, &format!("{value:?}"));
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, Value::Whole(i64::try_from(value).unwrap_or(i64::MAX)));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, Value::Whole(value));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.add(field, Value::Number(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        if field.name() == "otel.end" {
            self.has_ended = value;
        } else {
            self.add(field, Value::Truth(value));
        }
    }
}

fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(TEXT_BYTES_MAX)]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What leaves is what the document lists, one way and the other.
    #[test]
    fn what_is_exported_stands_in_the_document() {
        const DOCUMENT: &str = include_str!("../../../../docs/observability.md");
        let exported = DOCUMENT.split("\n## ").find(|part| part.starts_with("Export by OTLP"));
        let exported = exported.expect("the document has a section about the export");
        for name in ATTRIBUTES {
            assert!(exported.contains(&format!("`{name}`")), "{name} is not in the document");
        }
        let (_, spans) = exported.split_once("### Traces").expect("and one about traces");
        let rows = spans.lines().filter(|line| line.starts_with("| `"));
        let cells = rows.filter_map(|row| row.split(" | ").nth(2));
        let (_, logs) = exported.split_once("of their fields").expect("and one about logs");
        let logs = logs.split(". Causes").next().expect("its end");
        let named = cells.chain([logs]).flat_map(|text| text.split('`').skip(1).step_by(2));
        for name in named {
            assert!(ATTRIBUTES.contains(&name), "{name} is not exported");
        }
    }
}
