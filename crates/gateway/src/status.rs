//! How models and routes do, for operators: names of the configuration, numbers, times.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use domain::{DataClass, Place};
use tokio::time::Instant;

use crate::{
    LastError, Route, Today, health::BreakerState, model_state::ModelState, plan::State,
    snapshot::Snapshot,
};

/// How the gateway does.
#[derive(Debug, Clone, PartialEq)]
pub struct GatewayStatus {
    /// In the catalogue's order.
    pub models: Vec<ModelStatus>,
}

/// How a model does.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelStatus {
    /// Its name.
    pub name: String,
    /// By what its routes are preferred.
    pub policy: &'static str,
    /// Calls that wait for a place.
    pub queued: usize,
    /// In the catalogue's order.
    pub routes: Vec<RouteStatus>,
}

/// How a route does.
#[derive(Debug, Clone, PartialEq)]
pub struct RouteStatus {
    /// Its name.
    pub name: String,
    /// Where it runs.
    pub place: Place,
    /// The highest class it may receive.
    pub clearance: DataClass,
    /// `ready`, `full`, or why it is not tried: a code as in explanations.
    pub state: &'static str,
    /// When it is tried again, if it is left alone and that is foreseen.
    pub again_in: Option<Duration>,
    /// Calls in flight.
    pub in_flight: usize,
    /// Most calls at the same time.
    pub concurrent_max: usize,
    /// Moving average of the time to the first piece.
    pub latency: Option<Duration>,
    /// Which part of its share it takes, above 0 and at most 1.
    pub ramp: f64,
    /// Answers that came to their end, since the route was set up.
    pub answers: u64,
    /// Calls that failed, since the route was set up.
    pub failures: u64,
    /// What it has done since midnight (UTC).
    pub today: Today,
    /// The last failure.
    pub last_error: Option<LastError>,
}

impl GatewayStatus {
    pub(crate) fn of(snapshot: &Snapshot) -> Self {
        let now = Instant::now();
        let models = snapshot.entries().map(|(model, state)| {
            let routes = model.routes.iter().enumerate();
            ModelStatus {
                name: model.name.clone(),
                policy: model.policy.code(),
                queued: state.queue.len(),
                routes: routes.map(|(index, route)| of_route(state, index, route, now)).collect(),
            }
        });
        Self { models: models.collect() }
    }
}

fn of_route(model: &ModelState, index: usize, route: &Route, now: Instant) -> RouteStatus {
    let condition = model.condition(index, now);
    let (state, again_in) = match condition.state {
        _ if route.drained => ("drained", None),
        State::Ready => ("ready", None),
        State::Full => ("full", None),
        State::Ejected => ("ejected", None),
        State::BreakerOpen { again_in } => ("breaker_open", Some(again_in)),
        State::CoolingDown { again_in } => ("cooling_down", Some(again_in)),
        State::Unwell => ("health_check_failed", None),
        State::Failed | State::Unable => ("failed", None),
    };
    let known = &model.routes[index].state;
    RouteStatus {
        name: route.name.clone(),
        place: route.place,
        clearance: route.clearance,
        state,
        again_in,
        in_flight: condition.in_flight,
        concurrent_max: route.concurrent_max,
        latency: condition.latency,
        ramp: condition.ramp,
        answers: known.answers.load(Ordering::Relaxed),
        failures: known.failures.load(Ordering::Relaxed),
        today: known.today.read(domain::Instant::now()),
        last_error: known.last_error(),
    }
}

/// Writes down the measurements that are states.
pub(crate) fn measure(snapshot: &Snapshot) {
    let now = Instant::now();
    for state in &snapshot.models {
        state.measures.now(state.queue.len());
        for slot in &state.routes {
            let breaker = slot.state.health().breaker(now);
            slot.state.measures.now(slot.state.in_flight.load(Ordering::Relaxed), breaker);
        }
    }
}

/// Sets the states to nothing, for models and routes that may be gone.
pub(crate) fn forget(before: &Snapshot, now: &Snapshot) {
    for (model, state) in before.entries() {
        if now.entry(&model.name).is_some_and(|(_, same)| Arc::ptr_eq(same, state)) {
            continue;
        }
        state.measures.now(0);
        for slot in &state.routes {
            slot.state.measures.now(0, BreakerState::Closed);
        }
    }
}
