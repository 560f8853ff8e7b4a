//! What is remembered about a model and its routes beside the catalogue: places, health, counts. It
//! outlives a change of the catalogue where the route stays the same.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU64, AtomicUsize, Ordering},
};

use llm::Delivery;
use tokio::time::Instant;

use crate::{
    Hedging, Model, Route, Settings,
    health::{Health, Tally},
    hedging::Times,
    measure::{ModelMeasures, RouteMeasures},
    plan::{Condition, State},
    queue::Queue,
    retry_budget::RetryBudget,
    today::{DayFigures, Days},
    trace,
};

/// One model at run time; its routes stand as in the catalogue.
#[derive(Debug)]
pub(crate) struct ModelState {
    pub(crate) routes: Vec<Slot>,
    pub(crate) queue: Arc<Queue>,
    pub(crate) budget: Arc<Mutex<RetryBudget>>,
    pub(crate) measures: Arc<ModelMeasures>,
    /// How long answers take to begin, if anybody wants to know: streamed ones, whole ones.
    times: Option<Arc<[Times; 2]>>,
    /// Held while a route of the model is judged by its siblings, so that two do not eject each other.
    judging: Mutex<()>,
}

/// A route with its bounds as the catalogue has them now.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) state: Arc<RouteState>,
    concurrent_max: usize,
    rank: u32,
}

/// What is remembered about a route.
#[derive(Debug)]
pub(crate) struct RouteState {
    pub(crate) in_flight: AtomicUsize,
    pub(crate) answers: AtomicU64,
    pub(crate) failures: AtomicU64,
    pub(crate) measures: RouteMeasures,
    health: Mutex<Health>,
    last_error: Mutex<Option<LastError>>,
    pub(crate) today: DayFigures,
}

/// The last failure of a route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastError {
    /// Its kind, e.g. `connect` or `503`.
    pub kind: String,
    /// When it was.
    pub at: domain::Instant,
}

impl ModelState {
    /// The state of a model; what is known of `before` is kept where it is about the same.
    pub(crate) fn new(
        model: &Model,
        before: Option<(&Model, &Self)>,
        (settings, days): (&Settings, &Days),
        now: Instant,
    ) -> Self {
        let known = |route: &Route| {
            let (model, state) = before?;
            // What a check found says nothing once another check, or none, is asked.
            let same = |other: &Route| {
                other.name == route.name
                    && other.kind == route.kind
                    && other.health_check == route.health_check
                    && other.care == route.care
            };
            let index = model.routes.iter().position(same)?;
            Some(Arc::clone(&state.routes[index].state))
        };
        let fresh = |route: &Route| Arc::new(RouteState::new(model, route, (settings, days), now));
        let routes = model.routes.iter().map(|route| Slot {
            state: known(route).unwrap_or_else(|| fresh(route)),
            concurrent_max: route.concurrent_max,
            rank: route.rank,
        });
        let budget = || Arc::new(Mutex::new(RetryBudget::new(settings.retry_budget, now)));
        let before = before.map(|(_, state)| state);
        Self {
            routes: routes.collect(),
            queue: before.map_or_else(|| Arc::new(Queue::new(now)), |s| Arc::clone(&s.queue)),
            budget: before.map_or_else(budget, |state| Arc::clone(&state.budget)),
            measures: before.map_or_else(
                || Arc::new(ModelMeasures::new(&model.name)),
                |state| Arc::clone(&state.measures),
            ),
            times: (model.hedging == Hedging::SlowerThanMost)
                .then(|| before.and_then(|state| state.times.clone()).unwrap_or_default()),
            judging: Mutex::new(()),
        }
    }

    /// How long answers of this kind take to begin; `None` if nobody wants to know.
    pub(crate) fn times(&self, delivery: Delivery) -> Option<&Times> {
        let [streamed, whole] = self.times.as_deref()?;
        Some(match delivery {
            Delivery::Streamed => streamed,
            Delivery::Whole => whole,
        })
    }

    /// How a route is at this moment.
    pub(crate) fn condition(&self, index: usize, now: Instant) -> Condition {
        let slot = &self.routes[index];
        let mut health = slot.state.health();
        let state = match health.state(now) {
            State::Ready if !slot.has_room() => State::Full,
            state => state,
        };
        Condition {
            state,
            in_flight: slot.state.in_flight.load(Ordering::Relaxed),
            latency: health.latency(),
            fastest: health.fastest(now),
            ramp: health.ramp(now),
        }
    }

    /// Counts a request, from which retries are allowed.
    pub(crate) fn count_request(&self, now: Instant) {
        self.budget.lock().unwrap_or_else(PoisonError::into_inner).request(now);
    }

    /// Takes a retry out of the budget, if there is one left.
    pub(crate) fn take_retry(&self, now: Instant) -> bool {
        self.budget.lock().unwrap_or_else(PoisonError::into_inner).take(now)
    }

    /// Judges a route that failed by its siblings. Returns whether it is out now.
    pub(crate) fn judge(&self, index: usize, now: Instant) -> bool {
        let _alone = self.judging.lock().unwrap_or_else(PoisonError::into_inner);
        let own = &self.routes[index];
        let mut siblings: Vec<Tally> = Vec::new();
        let mut out = 0;
        for (other, slot) in self.routes.iter().enumerate() {
            if other == index || slot.rank != own.rank {
                continue;
            }
            let mut health = slot.state.health();
            if health.state(now) == State::Ready {
                siblings.push(health.tally(now));
            } else {
                out += 1;
            }
        }
        own.state.health().judge(&siblings, out, now)
    }
}

impl Slot {
    pub(crate) fn has_room(&self) -> bool {
        self.state.in_flight.load(Ordering::SeqCst) < self.concurrent_max
    }

    /// Takes a place, if there is one.
    pub(crate) fn take_place(&self) -> bool {
        let more = |taken: usize| (taken < self.concurrent_max).then_some(taken + 1);
        self.state.in_flight.fetch_update(Ordering::SeqCst, Ordering::SeqCst, more).is_ok()
    }
}

impl RouteState {
    fn new(
        model: &Model,
        route: &Route,
        (settings, days): (&Settings, &Days),
        now: Instant,
    ) -> Self {
        Self {
            in_flight: AtomicUsize::new(0),
            answers: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            measures: RouteMeasures::new(&model.name, &route.name, trace::provider(&route.kind)),
            health: Mutex::new(Health::new(route.care.health(settings.health), now)),
            last_error: Mutex::new(None),
            today: days.of(&model.name, &route.name),
        }
    }

    /// How well it does. Held for moments only, never across a wait.
    pub(crate) fn health(&self) -> MutexGuard<'_, Health> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the health of a try. Whether that opened or closed the breaker is written down.
    pub(crate) fn tell<T>(&self, tell: impl FnOnce(&mut Health) -> T) -> T {
        let mut health = self.health();
        let before = health.breaker_phase();
        let told = tell(&mut health);
        let after = health.breaker_phase();
        drop(health);
        if before != after {
            self.measures.breaker_changed(after);
        }
        told
    }

    /// Counts an answer that came to its end.
    pub(crate) fn answered(&self) {
        self.answers.fetch_add(1, Ordering::Relaxed);
        self.today.write().answer(domain::Instant::now());
    }

    pub(crate) fn last_error(&self) -> Option<LastError> {
        self.last_error.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn set_last_error(&self, kind: String) {
        let error = LastError { kind, at: domain::Instant::now() };
        *self.last_error.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
    }
}
