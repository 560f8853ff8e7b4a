//! A place on a route, held for as long as a call runs there, and what became of the call. However
//! the call ends, the place becomes free and the route's health knows of it.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use llm::{Delivery, Usage};
use tokio::time::Instant;

use crate::{
    GatewayError, Terms, TimeLimit,
    health::Pass,
    model_state::{ModelState, RouteState},
    trace::Spans,
};

#[derive(Debug)]
pub(crate) struct Lease {
    model: Arc<ModelState>,
    index: usize,
    attempt: Option<Attempt>,
    pub(crate) spans: Spans,
}

/// A try under way.
#[derive(Debug, Clone, Copy)]
struct Attempt {
    pass: Pass,
    started: Instant,
    first_piece: Option<Instant>,
    /// What is asked for, as measurements name it.
    operation: &'static str,
    /// Whether a deadline that is over is the route's fault.
    deadline_is_ours: bool,
    /// Whether the health has been told already, as of a probe at its first piece.
    is_told: bool,
}

impl Lease {
    /// Takes a place on a route, if there is one.
    pub(crate) fn enter(model: &Arc<ModelState>, index: usize) -> Option<Self> {
        let slot = model.routes.get(index)?;
        let enter = || {
            let model = Arc::clone(model);
            Self { model, index, attempt: None, spans: Spans::default() }
        };
        slot.take_place().then(enter)
    }

    pub(crate) fn route(&self) -> &Arc<RouteState> {
        &self.model.routes[self.index].state
    }

    /// A try of `operation` begins, on these terms. Returns whether the breaker lets it pass.
    pub(crate) fn begin(&mut self, operation: &'static str, terms: &Terms) -> bool {
        let deadline_is_ours = terms.deadline_is_ours;
        let started = Instant::now();
        let Some(pass) = self.route().tell(|health| health.enter(started)) else { return false };
        self.route().measures.attempt();
        let first_piece = None;
        self.attempt = Some(Attempt {
            pass,
            started,
            first_piece,
            operation,
            deadline_is_ours,
            is_told: false,
        });
        true
    }

    /// The first piece of a stream is there.
    pub(crate) fn first_piece(&mut self) {
        let Some(mut attempt) = self.attempt else { return };
        let now = Instant::now();
        let took = now - attempt.started;
        self.spans.first_piece(took);
        self.route().measures.first_chunk(attempt.operation, took);
        if let Some(times) = self.model.times(Delivery::Streamed) {
            times.add(took);
        }
        // A long answer must not keep the route half open.
        attempt.is_told = attempt.pass == Pass::Probe;
        self.route().tell(|health| {
            health.first_piece(took, now);
            if attempt.is_told {
                health.succeeded(Pass::Probe, now);
            }
        });
        attempt.first_piece = Some(now);
        self.attempt = Some(attempt);
    }

    /// The answer came to its end.
    pub(crate) fn succeeded(&mut self, usage: Usage) {
        let Some(attempt) = self.attempt.take() else { return };
        self.spans.succeeded(usage);
        let now = Instant::now();
        let route = self.route();
        let took = now - attempt.started;
        let writing = attempt.first_piece.map(|first| now - first);
        route.answered();
        route.measures.answered(attempt.operation, took, writing, usage);
        let is_whole = attempt.first_piece.is_none();
        if let Some(times) = self.model.times(Delivery::Whole).filter(|_| is_whole) {
            times.add(took);
        }
        route.tell(|health| {
            if is_whole {
                health.first_piece(took, now);
            }
            if !attempt.is_told {
                health.succeeded(attempt.pass, now);
            }
        });
    }

    /// The try failed; the server may have wished to be left alone for a time.
    pub(crate) fn failed(&mut self, error: &GatewayError, wish: Option<Duration>) {
        let Some(attempt) = self.attempt.take() else { return };
        self.spans.failed(error);
        let now = Instant::now();
        // After a probe was told to be good, its end counts as that of any other call.
        let pass = if attempt.is_told { Pass::Normal } else { attempt.pass };
        let route = self.route();
        if let Some(wish) = wish {
            route.health().cool_down(wish, now);
        }
        let fault = match Fault::of(error) {
            Fault::Callers if attempt.deadline_is_ours => Fault::Routes,
            fault => fault,
        };
        let (whole, kind) = (now - attempt.started, error.detail());
        route.measures.failed(attempt.operation, whole, fault.code(), &kind);
        match fault {
            Fault::Routes => {
                route.failures.fetch_add(1, Ordering::Relaxed);
                route.set_last_error(kind);
                let opened = route.tell(|health| health.failed(pass, now));
                if !opened && self.model.judge(self.index, now) {
                    route.measures.ejected();
                }
            }
            Fault::Load => {
                route.set_last_error(kind);
                route.tell(|health| health.abandoned(pass));
            }
            // Who finds fault with a request is alive.
            Fault::Requests => route.tell(|health| health.succeeded(pass, now)),
            Fault::Callers => route.tell(|health| health.abandoned(pass)),
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(attempt) = self.attempt.take() {
            self.spans.abandoned();
            self.route().tell(|health| match attempt.first_piece {
                // The caller went in the middle of an answer, which says nothing bad of the route.
                Some(_) if !attempt.is_told => health.succeeded(attempt.pass, Instant::now()),
                Some(_) => {}
                None => health.abandoned(attempt.pass),
            });
        }
        self.route().in_flight.fetch_sub(1, Ordering::SeqCst);
        self.model.queue.released();
    }
}

/// Whose fault a failure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    Routes,
    Load,
    Requests,
    Callers,
}

impl Fault {
    /// As measurements name it. Who asks for what cannot be, or for too short a time, is one.
    const fn code(self) -> &'static str {
        match self {
            Self::Routes => "route",
            Self::Load => "load",
            Self::Requests | Self::Callers => "caller",
        }
    }

    fn of(error: &GatewayError) -> Self {
        match error {
            GatewayError::Upstream { .. } => Self::Routes,
            // The time was the caller's, not the route's.
            GatewayError::TimedOut { limit: TimeLimit::Deadline, .. } | GatewayError::OutOfTime => {
                Self::Callers
            }
            GatewayError::TimedOut { .. } => Self::Routes,
            GatewayError::Overloaded { .. }
            | GatewayError::Crowded { .. }
            | GatewayError::RateLimited { .. }
            | GatewayError::Unavailable { .. } => Self::Load,
            GatewayError::Refused { .. } | GatewayError::Unsupported(_) | GatewayError::Plan(_) => {
                Self::Requests
            }
        }
    }
}
