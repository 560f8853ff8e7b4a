//! Measurements of calls. Names follow the OpenTelemetry conventions for generative AI where there is
//! one, and are listed in `docs/observability.md`. Labels are names of the configuration, never
//! anything of a request.

use std::time::Duration;

use llm::Usage;
use metrics::{Counter, Histogram, counter, gauge, histogram};

use crate::health::BreakerState;

/// Longest time from request to end, and to the first piece, in seconds.
const DURATION: &str = "gen_ai_client_operation_duration_seconds";
const FIRST_CHUNK: &str = "gen_ai_client_operation_time_to_first_chunk_seconds";
const PER_TOKEN: &str = "gen_ai_server_time_per_output_token_seconds";
const TOKENS: &str = "gen_ai_client_token_usage";
const ATTEMPTS: &str = "fachwerk_gateway_attempts_total";
const ERRORS: &str = "fachwerk_gateway_errors_total";
const EJECTIONS: &str = "fachwerk_gateway_ejections_total";
const RETRIES: &str = "fachwerk_gateway_retries_total";
const HEDGES: &str = "fachwerk_gateway_hedges_total";
const QUEUE_TIME: &str = "fachwerk_gateway_queue_seconds";
const QUEUE_LENGTH: &str = "fachwerk_gateway_queue_length";
const IN_FLIGHT: &str = "fachwerk_gateway_in_flight";
const BREAKER: &str = "fachwerk_gateway_breaker_state";

/// The measurements of one route, looked up once.
pub(crate) struct RouteMeasures {
    model: String,
    route: String,
    attempts: Counter,
    duration: Histogram,
    first_chunk: Histogram,
    per_token: Histogram,
    tokens_in: Histogram,
    tokens_out: Histogram,
    ejections: Counter,
}

impl std::fmt::Debug for RouteMeasures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RouteMeasures")
    }
}

impl RouteMeasures {
    pub(crate) fn new(model: &str, route: &str) -> Self {
        let labels =
            [("gen_ai_request_model", model.to_owned()), ("fachwerk_route", route.to_owned())];
        let tokens = |kind: &'static str| {
            let [model, route] = labels.clone();
            histogram!(TOKENS, &[model, route, ("gen_ai_token_type", kind.to_owned())])
        };
        Self {
            model: model.to_owned(),
            route: route.to_owned(),
            attempts: counter!(ATTEMPTS, &labels),
            duration: histogram!(DURATION, &labels),
            first_chunk: histogram!(FIRST_CHUNK, &labels),
            per_token: histogram!(PER_TOKEN, &labels),
            tokens_in: tokens("input"),
            tokens_out: tokens("output"),
            ejections: counter!(EJECTIONS, &labels),
        }
    }

    pub(crate) fn attempt(&self) {
        self.attempts.increment(1);
    }

    pub(crate) fn first_chunk(&self, took: Duration) {
        self.first_chunk.record(took.as_secs_f64());
    }

    pub(crate) fn answered(&self, whole: Duration, writing: Option<Duration>, usage: Usage) {
        self.duration.record(whole.as_secs_f64());
        self.tokens_in.record(usage.prompt_tokens as f64);
        self.tokens_out.record(usage.completion_tokens as f64);
        // The first token is not written in the time that is measured.
        if let (Some(writing), tokens @ 2..) = (writing, usage.completion_tokens) {
            self.per_token.record(writing.as_secs_f64() / (tokens - 1) as f64);
        }
    }

    pub(crate) fn failed(&self, kind: &str) {
        let (model, route, kind) = (self.model.clone(), self.route.clone(), kind.to_owned());
        counter!(ERRORS, "gen_ai_request_model" => model, "fachwerk_route" => route, "error_type" => kind)
            .increment(1);
    }

    pub(crate) fn ejected(&self) {
        self.ejections.increment(1);
    }

    /// What is true at this moment, written down when somebody measures.
    pub(crate) fn now(&self, in_flight: usize, breaker: BreakerState) {
        let labels =
            [("gen_ai_request_model", self.model.clone()), ("fachwerk_route", self.route.clone())];
        let breaker = match breaker {
            BreakerState::Closed => 0.0,
            BreakerState::HalfOpen => 1.0,
            BreakerState::Open => 2.0,
        };
        gauge!(IN_FLIGHT, &labels).set(in_flight as f64);
        gauge!(BREAKER, &labels).set(breaker);
    }
}

/// The measurements of one model, looked up once.
pub(crate) struct ModelMeasures {
    model: String,
    retries: Counter,
    hedges: Counter,
    queue_time: Histogram,
}

impl std::fmt::Debug for ModelMeasures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ModelMeasures")
    }
}

impl ModelMeasures {
    pub(crate) fn new(model: &str) -> Self {
        let labels = [("gen_ai_request_model", model.to_owned())];
        Self {
            model: model.to_owned(),
            retries: counter!(RETRIES, &labels),
            hedges: counter!(HEDGES, &labels),
            queue_time: histogram!(QUEUE_TIME, &labels),
        }
    }

    pub(crate) fn retried(&self) {
        self.retries.increment(1);
    }

    pub(crate) fn hedged(&self) {
        self.hedges.increment(1);
    }

    pub(crate) fn waited(&self, time: Duration) {
        self.queue_time.record(time.as_secs_f64());
    }

    pub(crate) fn now(&self, queued: usize) {
        gauge!(QUEUE_LENGTH, "gen_ai_request_model" => self.model.clone()).set(queued as f64);
    }
}

/// Says what the measurements are, to whoever shows them. Call it once, after the recorder stands.
pub fn describe_measurements() {
    use metrics::{describe_counter, describe_gauge, describe_histogram};
    describe_histogram!(DURATION, "Time from a call of a model server to the end of its answer.");
    describe_histogram!(FIRST_CHUNK, "Time from a call to the first piece of a streamed answer.");
    describe_histogram!(PER_TOKEN, "Time for each token after the first of a streamed answer.");
    describe_histogram!(TOKENS, "Tokens of finished answers, read (input) and written (output).");
    describe_counter!(HEDGES, "Second attempts begun beside a slow first one.");
    describe_counter!(ATTEMPTS, "Calls of model servers, with retries.");
    describe_counter!(ERRORS, "Failed calls of model servers, by kind.");
    describe_counter!(EJECTIONS, "Routes taken out because they did worse than their siblings.");
    describe_counter!(RETRIES, "Calls tried again on the same route.");
    describe_histogram!(QUEUE_TIME, "Time that calls waited for a place on a route.");
    describe_gauge!(QUEUE_LENGTH, "Calls that wait for a place on a route.");
    describe_gauge!(IN_FLIGHT, "Calls in flight on a route.");
    describe_gauge!(BREAKER, "Circuit breaker of a route: 0 closed, 1 half open, 2 open.");
}
