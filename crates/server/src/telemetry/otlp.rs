//! The messages of OTLP, field by field as in `opentelemetry-proto` 1.x
//! (<https://github.com/open-telemetry/opentelemetry-proto>). Knows nothing of where they come from
//! and how they are sent.

use std::{borrow::Cow, time::SystemTime};

use tracing::Level;

use super::{context::TraceContext, protobuf::Message};

/// The conventions that the names of attributes follow.
pub(crate) const SCHEMA_URL: &str = "https://opentelemetry.io/schemas/1.44.0";

/// What an attribute says.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Text(Cow<'static, str>),
    Whole(i64),
    Number(f64),
    Truth(bool),
}

/// Name and value. Names are fixed in the program; labels of measurements come from its own text.
pub(crate) type Attribute = (Cow<'static, str>, Value);

/// Nanoseconds since 1970.
pub(crate) fn nanos(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// The part that a span plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SpanKind {
    Internal = 1,
    Server = 2,
    Client = 3,
}

/// A piece of work with beginning and end.
#[derive(Debug)]
pub(crate) struct Span {
    pub context: TraceContext,
    pub parent: Option<[u8; 8]>,
    pub name: Cow<'static, str>,
    pub kind: SpanKind,
    /// In nanoseconds since 1970, as the end.
    pub start: u64,
    pub end: u64,
    pub attributes: Vec<Attribute>,
    pub has_failed: bool,
}

/// Something that was logged.
#[derive(Debug)]
pub(crate) struct LogRecord {
    /// In nanoseconds since 1970.
    pub at: u64,
    pub level: Level,
    pub body: String,
    pub attributes: Vec<Attribute>,
    pub context: Option<TraceContext>,
}

/// A measurement with all its labels.
#[derive(Debug, PartialEq)]
pub(crate) struct Metric {
    pub name: Cow<'static, str>,
    pub description: String,
    pub unit: &'static str,
    pub points: Points,
}

/// What was measured, since the start of the process or, for a gauge, now.
#[derive(Debug, PartialEq)]
pub(crate) enum Points {
    Sum(Vec<Number>),
    Gauge(Vec<Number>),
    Histogram(Vec<Distribution>),
}

/// One value.
#[derive(Debug, PartialEq)]
pub(crate) struct Number {
    pub attributes: Vec<Attribute>,
    pub value: f64,
}

/// How values are spread.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Distribution {
    pub attributes: Vec<Attribute>,
    pub sum: f64,
    pub bounds: Vec<f64>,
    /// One more than the bounds.
    pub counts: Vec<u64>,
}

/// Who speaks, the same in every message.
#[derive(Debug)]
pub(crate) struct Resource {
    pub attributes: Vec<Attribute>,
}

impl Resource {
    /// The body for `/v1/traces`.
    pub fn traces(&self, spans: &[Span]) -> Vec<u8> {
        self.envelope(|scope| {
            for one in spans {
                scope.message(2, |message| span(message, one));
            }
        })
    }

    /// The body for `/v1/logs`.
    pub fn logs(&self, records: &[LogRecord]) -> Vec<u8> {
        self.envelope(|scope| {
            for one in records {
                scope.message(2, |message| log_record(message, one));
            }
        })
    }

    /// The body for `/v1/metrics`; `start` and `now` in nanoseconds since 1970.
    pub fn metrics(&self, metrics: &[Metric], start: u64, now: u64) -> Vec<u8> {
        self.envelope(|scope| {
            for one in metrics {
                scope.message(2, |message| metric(message, one, (start, now)));
            }
        })
    }

    /// The three requests have the same frame: resource, scope, records.
    fn envelope(&self, records: impl FnOnce(&mut Message)) -> Vec<u8> {
        let mut request = Message::default();
        request.message(1, |resource| {
            resource.message(1, |message| attributes(message, 1, &self.attributes));
            resource.message(2, |scope| {
                scope.message(1, |message| {
                    message.text(1, "fachwerk");
                    message.text(2, env!("CARGO_PKG_VERSION"));
                });
                records(scope);
                scope.text(3, SCHEMA_URL);
            });
            resource.text(3, SCHEMA_URL);
        });
        request.into_bytes()
    }
}

fn span(message: &mut Message, span: &Span) {
    message.bytes(1, &span.context.trace);
    message.bytes(2, &span.context.span);
    message.bytes(4, span.parent.as_ref().map_or(&[], |parent| parent.as_slice()));
    message.text(5, &span.name);
    message.varint(6, span.kind as u64);
    message.fixed64(7, span.start);
    message.fixed64(8, span.end);
    attributes(message, 9, &span.attributes);
    if span.has_failed {
        message.message(15, |status| status.varint(3, 2));
    }
    message.fixed32(16, u32::from(span.context.is_sampled));
}

fn log_record(message: &mut Message, record: &LogRecord) {
    let (number, text) = match record.level {
        Level::ERROR => (17, "ERROR"),
        Level::WARN => (13, "WARN"),
        Level::INFO => (9, "INFO"),
        Level::DEBUG => (5, "DEBUG"),
        Level::TRACE => (1, "TRACE"),
    };
    message.fixed64(1, record.at);
    message.varint(2, number);
    message.text(3, text);
    message.message(5, |value| value.text(1, &record.body));
    attributes(message, 6, &record.attributes);
    if let Some(context) = &record.context {
        message.fixed32(8, u32::from(context.is_sampled));
        message.bytes(9, &context.trace);
        message.bytes(10, &context.span);
    }
    message.fixed64(11, record.at);
}

/// Sums and distributions count from the start of the process.
const CUMULATIVE: u64 = 2;

fn metric(message: &mut Message, metric: &Metric, times: (u64, u64)) {
    message.text(1, &metric.name);
    message.text(2, &metric.description);
    message.text(3, metric.unit);
    match &metric.points {
        Points::Gauge(points) => message.message(5, |gauge| {
            for point in points {
                gauge.message(1, |message| number(message, point, (0, times.1)));
            }
        }),
        Points::Sum(points) => message.message(7, |sum| {
            for point in points {
                sum.message(1, |message| number(message, point, times));
            }
            sum.varint(2, CUMULATIVE);
            sum.varint(3, 1);
        }),
        Points::Histogram(points) => message.message(9, |histogram| {
            for point in points {
                histogram.message(1, |message| distribution(message, point, times));
            }
            histogram.varint(2, CUMULATIVE);
        }),
    }
}

fn number(message: &mut Message, point: &Number, (start, now): (u64, u64)) {
    message.fixed64(2, start);
    message.fixed64(3, now);
    message.double(4, point.value);
    attributes(message, 7, &point.attributes);
}

fn distribution(message: &mut Message, point: &Distribution, (start, now): (u64, u64)) {
    message.fixed64(2, start);
    message.fixed64(3, now);
    message.fixed64(4, point.counts.iter().sum());
    message.double(5, point.sum);
    message.packed(6, point.counts.iter().map(|count| count.to_le_bytes()));
    message.packed(7, point.bounds.iter().map(|bound| bound.to_le_bytes()));
    attributes(message, 9, &point.attributes);
}

fn attributes(message: &mut Message, field: u32, attributes: &[Attribute]) {
    for (name, value) in attributes {
        message.message(field, |pair| {
            pair.text(1, name);
            pair.message(2, |message| match value {
                // Of the kinds of values one is always written, or there would be none.
                Value::Text(text) => message.delimited(1, text.as_bytes()),
                Value::Truth(truth) => message.always_varint(2, u64::from(*truth)),
                Value::Whole(number) => message.always_varint(3, number.cast_unsigned()),
                Value::Number(number) => message.double(4, *number),
            });
        });
    }
}
