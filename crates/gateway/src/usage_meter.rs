//! What a call took, readable at any time and also after the call was dropped.

use std::sync::{Arc, Mutex, PoisonError};

use domain::Place;
use llm::Usage;

use crate::{Explanation, Parts, Price, Route};

/// More tokens than any call can take: whoever reports more is not believed, and what was taken is
/// estimated.
const TOKENS_MAX: u64 = 100_000_000;

/// The route that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// The model's name.
    pub model: String,
    /// The route's name.
    pub route: String,
    /// Where the route runs.
    pub place: Place,
    /// What the route cost when the attempt began.
    pub price: Option<Price>,
    /// Estimated milliwatt hours for a thousand tokens.
    pub energy_mwh: Option<u64>,
    /// Attempts so far, over all routes, with this one.
    pub attempts: u32,
}

impl Taken {
    pub(crate) fn new(model: &str, route: &Route, attempts: u32) -> Self {
        Self {
            model: model.to_owned(),
            route: route.name.clone(),
            place: route.place,
            price: route.prices.now(),
            energy_mwh: route.energy_mwh,
            attempts,
        }
    }
}

/// A reading of the meter.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Metered {
    /// Tokens so far.
    pub usage: Usage,
    /// What else was taken, as far as the answer says so.
    pub parts: Parts,
    /// Whether the figures are guessed because the server gave none (yet).
    pub is_estimated: bool,
    /// Whether the answer came to its end.
    pub is_finished: bool,
    /// The route of the present or last attempt; `None` while nothing has left the house.
    pub taken: Option<Taken>,
    /// A second attempt that went on at the same time and whose answer was not taken, if the server
    /// had something to do by it.
    pub beside: Option<Spent>,
}

impl Taken {
    /// The estimated energy of so many tokens in milliwatt hours, rounded up.
    #[must_use]
    pub fn energy_of(&self, usage: Usage) -> Option<u64> {
        let each = u128::from(self.energy_mwh?);
        let all = (each * u128::from(usage.total_tokens())).div_ceil(1_000);
        Some(u64::try_from(all).unwrap_or(u64::MAX))
    }
}

/// What an attempt took whose answer nobody got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spent {
    /// Tokens, guessed unless the server said how many.
    pub usage: Usage,
    /// What else it took.
    pub parts: Parts,
    /// Whether they are guessed.
    pub is_estimated: bool,
    /// The route.
    pub taken: Taken,
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
    beside: Option<UsageMeter>,
}

impl UsageMeter {
    /// What the call took so far.
    #[must_use]
    pub fn read(&self) -> Metered {
        let (mut metered, beside) =
            self.with(|state| (state.metered.clone(), state.beside.clone()));
        metered.beside = beside.and_then(|beside| beside.spent());
        metered
    }

    /// Why the call took the route it took; `None` if nobody asked for it.
    #[must_use]
    pub fn explanation(&self) -> Option<Explanation> {
        self.with(|state| state.explanation.clone())
    }

    fn spent(&self) -> Option<Spent> {
        let Metered { usage, parts, is_estimated, taken, .. } =
            self.with(|state| state.metered.clone());
        // Who turned it down did nothing for it.
        let taken = taken.filter(|_| usage != Usage::default())?;
        Some(Spent { usage, parts, is_estimated, taken })
    }

    /// A second attempt goes on at the same time, with a meter of its own.
    pub(crate) fn beside(&self, second: &Self) {
        self.with(|state| state.beside = Some(second.clone()));
    }

    /// The second attempt gave the answer: it counts as the call, and the first as what went on
    /// beside it.
    pub(crate) fn swap(&self, second: &Self) {
        self.with(|state| {
            second.with(|other| std::mem::swap(&mut state.metered, &mut other.metered));
        });
    }

    pub(crate) fn explain(&self, explanation: Explanation) {
        self.with(|state| state.explanation = Some(explanation));
    }

    /// The answer was there already and is given again: this is what it took at first.
    pub fn give_again(&self, taken: Taken, usage: Usage) {
        let taken = Some(taken);
        let metered = Metered { usage, taken, is_finished: true, ..Metered::default() };
        self.with(|state| state.metered = metered);
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
            state.metered = Metered { usage, is_estimated: true, taken, ..Metered::default() };
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
        if usage.prompt_tokens.max(usage.completion_tokens) > TOKENS_MAX {
            return;
        }
        self.with(|state| {
            state.metered.usage = usage;
            state.metered.is_estimated = false;
        });
    }

    /// What the answer says about parts of the call.
    pub(crate) fn report_parts(&self, parts: Parts) {
        self.with(|state| state.metered.parts = parts);
    }

    pub(crate) fn finish(&self) {
        self.with(|state| state.metered.is_finished = true);
    }

    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        // The state is plain numbers, valid after any panic.
        act(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
