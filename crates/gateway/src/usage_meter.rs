//! What a call took, readable at any time and also after the call was dropped.

use std::sync::{Arc, Mutex, PoisonError};

use domain::Place;
use llm::Usage;

use crate::{Explanation, Price, Route};

/// The route that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// The model's name.
    pub model: String,
    /// The route's name.
    pub route: String,
    /// Where the route runs.
    pub place: Place,
    /// What the route costs.
    pub price: Option<Price>,
    /// Attempts so far, over all routes, with this one.
    pub attempts: u32,
}

impl Taken {
    pub(crate) fn new(model: &str, route: &Route, attempts: u32) -> Self {
        Self {
            model: model.to_owned(),
            route: route.name.clone(),
            place: route.place,
            price: route.price,
            attempts,
        }
    }
}

/// A reading of the meter.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Metered {
    /// Tokens so far.
    pub usage: Usage,
    /// Whether the figures are guessed because the server gave none (yet).
    pub is_estimated: bool,
    /// Whether the answer came to its end.
    pub is_finished: bool,
    /// The route of the present or last attempt; `None` while nothing has left the house.
    pub taken: Option<Taken>,
}

/// Counts what a call takes. Clones read the same meter, so whoever hands it to a call can read it
/// after the call was dropped at any point.
#[derive(Debug, Clone, Default)]
pub struct UsageMeter {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    metered: Metered,
    generated_bytes: usize,
    explanation: Option<Explanation>,
}

impl UsageMeter {
    /// What the call took so far.
    #[must_use]
    pub fn read(&self) -> Metered {
        self.with(|state| state.metered.clone())
    }

    /// Why the call took the route it took; `None` if nobody asked for it.
    #[must_use]
    pub fn explanation(&self) -> Option<Explanation> {
        self.with(|state| state.explanation.clone())
    }

    pub(crate) fn explain(&self, explanation: Explanation) {
        self.with(|state| state.explanation = Some(explanation));
    }

    /// What was used, without the rest.
    pub(crate) fn usage(&self) -> Usage {
        self.with(|state| state.metered.usage)
    }

    /// An attempt begins: the prompt counts from here on.
    pub(crate) fn begin(&self, taken: Taken, prompt_bytes: usize) {
        self.with(|state| {
            let usage =
                Usage { prompt_tokens: Usage::estimate_tokens(prompt_bytes), completion_tokens: 0 };
            let taken = Some(taken);
            state.metered = Metered { usage, is_estimated: true, is_finished: false, taken };
            state.generated_bytes = 0;
        });
    }

    /// The attempt was turned down before it did any work.
    pub(crate) fn forget(&self) {
        self.with(|state| state.metered.usage = Usage::default());
    }

    pub(crate) fn add_generated(&self, bytes: usize) {
        self.with(|state| {
            state.generated_bytes += bytes;
            if state.metered.is_estimated {
                state.metered.usage.completion_tokens =
                    Usage::estimate_tokens(state.generated_bytes);
            }
        });
    }

    pub(crate) fn report(&self, usage: Usage) {
        self.with(|state| {
            state.metered.usage = usage;
            state.metered.is_estimated = false;
        });
    }

    pub(crate) fn finish(&self) {
        self.with(|state| state.metered.is_finished = true);
    }

    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        // The state is plain numbers, valid after any panic.
        act(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
