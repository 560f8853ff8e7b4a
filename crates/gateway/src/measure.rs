//! Measurements of calls. Names follow the OpenTelemetry conventions for generative AI where there is
//! one, and are listed in `docs/observability.md`. Labels are names of the configuration, never
//! anything of a request.

use std::{sync::OnceLock, time::Duration};

use llm::Usage;
use metrics::{Counter, Gauge, Histogram, Label, counter, gauge, histogram};

use crate::{health::BreakerState, trace::OPERATIONS};

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
const BREAKER_CHANGES: &str = "fachwerk_gateway_breaker_changes_total";

/// The measurements of one route, looked up once.
pub(crate) struct RouteMeasures {
    model: String,
    route: String,
    provider: &'static str,
    attempts: Counter,
    ejections: Counter,
    in_flight: Gauge,
    breaker: Gauge,
    /// In the order of [`OPERATIONS`]; a route does one or two of them.
    operations: [OnceLock<Box<OperationMeasures>>; OPERATIONS.len()],
}

/// The measurements of one operation on one route. A histogram is many lines for whoever reads them, so
/// those that not every call has begin with their first value.
struct OperationMeasures {
    duration: Histogram,
    first_chunk: OnceLock<Histogram>,
    per_token: OnceLock<Histogram>,
    tokens_in: Histogram,
    tokens_out: Histogram,
}

impl std::fmt::Debug for RouteMeasures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RouteMeasures")
    }
}

impl RouteMeasures {
    /// `provider` as `gen_ai.provider.name` has it.
    pub(crate) fn new(model: &str, route: &str, provider: &'static str) -> Self {
        let labels =
            [("gen_ai_request_model", model.to_owned()), ("fachwerk_route", route.to_owned())];
        Self {
            model: model.to_owned(),
            route: route.to_owned(),
            provider,
            attempts: counter!(ATTEMPTS, &labels),
            ejections: counter!(EJECTIONS, &labels),
            in_flight: gauge!(IN_FLIGHT, &labels),
            breaker: gauge!(BREAKER, &labels),
            operations: Default::default(),
        }
    }

    pub(crate) fn attempt(&self) {
        self.attempts.increment(1);
    }

    pub(crate) fn first_chunk(&self, operation: &'static str, took: Duration) {
        let begin = || histogram!(FIRST_CHUNK, self.labels(operation));
        self.of(operation).first_chunk.get_or_init(begin).record(took.as_secs_f64());
    }

    pub(crate) fn answered(
        &self,
        operation: &'static str,
        whole: Duration,
        writing: Option<Duration>,
        usage: Usage,
    ) {
        let measures = self.of(operation);
        measures.duration.record(whole.as_secs_f64());
        measures.tokens_in.record(usage.prompt_tokens as f64);
        measures.tokens_out.record(usage.completion_tokens as f64);
        // The first token is not written in the time that is measured.
        if let (Some(writing), tokens @ 2..) = (writing, usage.completion_tokens) {
            let begin = || histogram!(PER_TOKEN, self.labels(operation));
            let per_token = measures.per_token.get_or_init(begin);
            per_token.record(writing.as_secs_f64() / (tokens - 1) as f64);
        }
    }

    /// A failed call has its duration too, under what went wrong; `fault` says by whom.
    pub(crate) fn failed(
        &self,
        operation: &'static str,
        whole: Duration,
        fault: &'static str,
        kind: &str,
    ) {
        let (model, route, error) = (self.model.clone(), self.route.clone(), kind.to_owned());
        counter!(ERRORS, "gen_ai_request_model" => model, "fachwerk_route" => route, "fault" => fault, "error_type" => error)
            .increment(1);
        let mut labels = self.labels(operation);
        labels.push(Label::new("error_type", kind.to_owned()));
        histogram!(DURATION, labels).record(whole.as_secs_f64());
    }

    pub(crate) fn ejected(&self) {
        self.ejections.increment(1);
        tracing::warn!(
            model = self.model,
            route = self.route,
            "a model route does worse than its siblings and is left out"
        );
    }

    /// The breaker of the route opened, closed, or lets a call try it.
    pub(crate) fn breaker_changed(&self, to: BreakerState) {
        let (model, route, to) = (&self.model, &self.route, to.code());
        counter!(BREAKER_CHANGES, "gen_ai_request_model" => model.clone(), "fachwerk_route" => route.clone(), "to" => to)
            .increment(1);
        tracing::warn!(model, route, breaker = to, "the circuit breaker of a model route changed");
    }

    fn of(&self, operation: &'static str) -> &OperationMeasures {
        let index = OPERATIONS.iter().position(|known| *known == operation).unwrap_or(0);
        self.operations[index].get_or_init(|| {
            let labels = || self.labels(operation);
            let tokens = |kind: &'static str| {
                let mut labels = labels();
                labels.push(Label::new("gen_ai_token_type", kind));
                histogram!(TOKENS, labels)
            };
            Box::new(OperationMeasures {
                duration: histogram!(DURATION, labels()),
                first_chunk: OnceLock::new(),
                per_token: OnceLock::new(),
                tokens_in: tokens("input"),
                tokens_out: tokens("output"),
            })
        })
    }

    /// What the conventions ask for on every measurement of a call.
    fn labels(&self, operation: &'static str) -> Vec<Label> {
        vec![
            Label::new("gen_ai_operation_name", operation),
            Label::new("gen_ai_provider_name", self.provider),
            Label::new("gen_ai_request_model", self.model.clone()),
            Label::new("fachwerk_route", self.route.clone()),
        ]
    }

    /// What is true at this moment, written down when somebody measures.
    pub(crate) fn now(&self, in_flight: usize, breaker: BreakerState) {
        let breaker = match breaker {
            BreakerState::Closed => 0.0,
            BreakerState::HalfOpen => 1.0,
            BreakerState::Open => 2.0,
        };
        self.in_flight.set(in_flight as f64);
        self.breaker.set(breaker);
    }
}

/// The measurements of one model, looked up once.
pub(crate) struct ModelMeasures {
    model: String,
    retries: Counter,
    hedges: Counter,
    queued: Gauge,
    queue_time: OnceLock<Histogram>,
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
            queued: gauge!(QUEUE_LENGTH, &labels),
            queue_time: OnceLock::new(),
        }
    }

    pub(crate) fn retried(&self) {
        self.retries.increment(1);
    }

    pub(crate) fn hedged(&self) {
        self.hedges.increment(1);
    }

    pub(crate) fn waited(&self, time: Duration) {
        let begin = || histogram!(QUEUE_TIME, "gen_ai_request_model" => self.model.clone());
        self.queue_time.get_or_init(begin).record(time.as_secs_f64());
    }

    pub(crate) fn now(&self, queued: usize) {
        self.queued.set(queued as f64);
    }
}

/// Says what the measurements are, to whoever shows them. Call it once, after the recorder stands.
pub fn describe_measurements() {
    use metrics::{describe_counter, describe_gauge, describe_histogram};
    describe_histogram!(
        DURATION,
        "Time from a call of a model server to the end of its answer, or to its failure."
    );
    describe_histogram!(
        FIRST_CHUNK,
        "Time from a call to the first piece of a streamed answer that brings something."
    );
    describe_histogram!(PER_TOKEN, "Time for each token after the first of a streamed answer.");
    describe_histogram!(TOKENS, "Tokens of finished answers, read (input) and written (output).");
    describe_counter!(HEDGES, "Second attempts begun beside a slow first one.");
    describe_counter!(ATTEMPTS, "Calls of model servers, with retries.");
    describe_counter!(ERRORS, "Failed calls of model servers, by kind and by whose fault it was.");
    describe_counter!(EJECTIONS, "Routes taken out because they did worse than their siblings.");
    describe_counter!(
        BREAKER_CHANGES,
        "Changes of the circuit breaker of a route, by what it is now."
    );
    describe_counter!(RETRIES, "Calls tried again on the same route.");
    describe_histogram!(QUEUE_TIME, "Time that calls waited for a place on a route.");
    describe_gauge!(QUEUE_LENGTH, "Calls that wait for a place on a route.");
    describe_gauge!(IN_FLIGHT, "Calls in flight on a route.");
    describe_gauge!(BREAKER, "Circuit breaker of a route: 0 closed, 1 half open, 2 open.");
}
