//! The spans of a call: the call itself, each try, each wait in line. Names and attributes follow the
//! OpenTelemetry conventions for generative AI and are listed in `docs/observability.md`; they hold names
//! of the configuration, codes and numbers only. Where nobody listens a span is nothing and costs nothing.

use std::time::Duration;

use domain::{DataClass, TRACES};
use http::HeaderValue;
use llm::{Dialect, Operation, Usage};
use tracing::{Span, field::Empty, trace_span};

use crate::{GatewayError, Route, RouteKind, asked::Asked};

/// Gives the value of the header `traceparent` for what is sent within a span, if it is traced.
#[derive(Debug, Clone, Copy)]
pub struct TraceParent(pub fn(&Span) -> Option<HeaderValue>);

impl PartialEq for TraceParent {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::fn_addr_eq(self.0, other.0)
    }
}

/// The span of a call, below whatever asks for it.
pub(crate) fn call(asked: &Asked<'_>, class: DataClass) -> Span {
    trace_span!(
        target: TRACES,
        "call",
        otel.name = operation(asked),
        otel.kind = "client",
        gen_ai.operation.name = operation(asked),
        gen_ai.request.stream = asked.delivery() == llm::Delivery::Streamed,
        gen_ai.request.model = Empty,
        gen_ai.response.model = Empty,
        gen_ai.provider.name = Empty,
        gen_ai.usage.input_tokens = Empty,
        gen_ai.usage.output_tokens = Empty,
        server.address = Empty,
        server.port = Empty,
        error.type = Empty,
        fachwerk.data_class = class.code(),
        fachwerk.route = Empty,
        fachwerk.place = Empty,
        fachwerk.complete = Empty,
    )
}

/// Says which model it is: only names that are configured, not whatever a caller wrote.
pub(crate) fn model(call: &Span, asked: &Asked<'_>, model: &str) {
    if !call.is_disabled() {
        call.record("otel.name", format!("{} {model}", operation(asked)));
        call.record("gen_ai.request.model", model);
    }
}

/// The span of a try on a route, the `retry`th time there.
pub(crate) fn attempt(call: &Span, route: &Route, number: u32, retry: u32) -> Span {
    let span = trace_span!(
        target: TRACES,
        parent: call,
        "attempt",
        otel.kind = "client",
        gen_ai.request.model = Empty,
        gen_ai.provider.name = Empty,
        gen_ai.response.time_to_first_chunk = Empty,
        server.address = Empty,
        server.port = Empty,
        http.request.resend_count = Empty,
        error.type = Empty,
        fachwerk.route = Empty,
        fachwerk.place = Empty,
        fachwerk.attempt = number,
        fachwerk.complete = Empty,
    );
    if retry > 0 {
        span.record("http.request.resend_count", retry);
    }
    describe(&span, route, "gen_ai.request.model");
    span
}

/// Says on a call which route answered.
pub(crate) fn answered(call: &Span, route: &Route) {
    describe(call, route, "gen_ai.response.model");
}

/// The span of a wait for a place.
pub(crate) fn wait(call: &Span) -> Span {
    trace_span!(target: TRACES, parent: call, "wait for a place")
}

/// A call ended before it had an answer.
pub(crate) fn failed(span: &Span, error: &GatewayError) {
    if !span.is_disabled() {
        span.record("error.type", error.detail());
    }
}

/// The spans that live as long as an answer: of the try, and of the call once the try was the last.
#[derive(Debug)]
pub(crate) struct Spans {
    attempt: Span,
    call: Span,
}

impl Default for Spans {
    fn default() -> Self {
        Self { attempt: Span::none(), call: Span::none() }
    }
}

impl Spans {
    /// A try begins.
    pub(crate) fn attempt(&mut self, span: Span) {
        self.attempt = span;
    }

    /// The try was answered: the call ends with it.
    pub(crate) fn answered(&mut self, call: Span) {
        self.call = call;
    }

    pub(crate) fn first_piece(&self, took: Duration) {
        self.attempt.record("gen_ai.response.time_to_first_chunk", took.as_secs_f64());
    }

    pub(crate) fn succeeded(&mut self, usage: Usage) {
        let Self { attempt, call } = std::mem::take(self);
        drop(attempt);
        call.record("gen_ai.usage.input_tokens", usage.prompt_tokens);
        call.record("gen_ai.usage.output_tokens", usage.completion_tokens);
    }

    pub(crate) fn failed(&mut self, error: &GatewayError) {
        let Self { attempt, call } = std::mem::take(self);
        failed(&attempt, error);
        failed(&call, error);
    }

    /// The caller went before the end.
    pub(crate) fn abandoned(&mut self) {
        let Self { attempt, call } = std::mem::take(self);
        attempt.record("fachwerk.complete", false);
        call.record("fachwerk.complete", false);
    }
}

fn describe(span: &Span, route: &Route, model: &'static str) {
    if span.is_disabled() {
        return;
    }
    span.record("fachwerk.route", route.name.as_str());
    span.record("fachwerk.place", route.place.code());
    span.record("gen_ai.provider.name", provider(&route.kind));
    match &route.kind {
        RouteKind::BuiltIn | RouteKind::Local(_) => {}
        RouteKind::Server(server) => {
            span.record(model, server.upstream_model.as_str());
            if let Some(host) = server.base_url.host() {
                span.record("server.address", host);
            }
            if let Some(port) = server.base_url.port() {
                span.record("server.port", port);
            }
        }
    }
}

/// All that [`operation`] may say.
pub(crate) const OPERATIONS: [&str; 8] = [
    "chat",
    "embeddings",
    "rerank",
    "transcription",
    "text_completion",
    "moderation",
    "image_generation",
    "speech",
];

/// As `gen_ai.operation.name` has it; names of our own where it has none.
pub(crate) fn operation(asked: &Asked<'_>) -> &'static str {
    match asked {
        Asked::Chat(..) => "chat",
        Asked::Embeddings(_) => "embeddings",
        Asked::Rerank(_) => "rerank",
        Asked::Transcription(_) => "transcription",
        Asked::Operation(request) => match request.operation() {
            Operation::Completion => "text_completion",
            Operation::Moderation => "moderation",
            Operation::ImageGeneration => "image_generation",
            Operation::Speech => "speech",
        },
    }
}

/// As `gen_ai.provider.name` has it; our own code of the dialect where it has none.
pub(crate) fn provider(kind: &RouteKind) -> &'static str {
    let RouteKind::Server(server) = kind else { return "fachwerk" };
    match server.dialect {
        Dialect::Azure => "azure.ai.openai",
        Dialect::Bedrock => "aws.bedrock",
        Dialect::Gemini => "gcp.gemini",
        Dialect::Mistral => "mistral_ai",
        Dialect::Vertex => "gcp.vertex_ai",
        other => other.code(),
    }
}
