//! The order in which routes are tried: by rank, among equals by the model's policy.

use std::cmp::Ordering;

use llm::Usage;

use super::{Ask, Condition, Needs, affinity, dice::Dice};
use crate::{Model, Policy, Route};

/// The length of an answer where nobody names one, in tokens; only prices are compared by it.
const ANSWER_TOKENS_ASSUMED: u64 = 500;

/// A route that may be tried, with its rating.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rated {
    pub(super) index: usize,
    pub(super) rank: u32,
    pub(super) is_full: bool,
    /// The least is best.
    rating: f64,
    /// Decides between the same ratings; random by weight.
    tie: f64,
}

impl Rated {
    pub(super) fn new(
        model: &Model,
        index: usize,
        condition: &Condition,
        ask: &Ask<'_>,
        dice: &mut Dice,
    ) -> Self {
        let route = &model.routes[index];
        let weight = f64::from(route.weight.max(1)) * condition.ramp;
        // Exponential deadlines: the first one belongs to a route with the chance of its weight.
        let tie = -dice.fraction().ln() / weight;
        let rating = match model.policy {
            Policy::Order => 0.0,
            Policy::Cheapest => price(route, ask.needs),
            Policy::Fastest => {
                let latency = condition.latency.unwrap_or_default().as_secs_f64();
                latency * (condition.in_flight + 1) as f64 / weight
            }
            Policy::Affinity => affinity::distance(ask.prefix, &route.name, weight),
        };
        Self {
            index,
            rank: route.rank,
            is_full: condition.state == super::State::Full,
            rating,
            tie,
        }
    }

    fn compare(&self, other: &Self) -> Ordering {
        let by_rating = || self.rating.total_cmp(&other.rating);
        let by_tie = || self.tie.total_cmp(&other.tie);
        self.rank.cmp(&other.rank).then_with(by_rating).then_with(by_tie)
    }
}

/// Puts the routes into order, best first.
pub(super) fn sort(policy: Policy, routes: &mut [Rated], dice: &mut Dice) {
    routes.sort_unstable_by(Rated::compare);
    if policy != Policy::Fastest {
        return;
    }
    for equals in routes.chunk_by_mut(|one, other| one.rank == other.rank) {
        if equals.len() > 2 {
            prefer_of_two(equals, dice);
        }
    }
}

/// The better of two drawn at random comes first, so that many callers who know the same do not all
/// run to the same route (Mitzenmacher, "The power of two choices in randomized load balancing", 2001).
fn prefer_of_two(sorted: &mut [Rated], dice: &mut Dice) {
    let one = dice.below(sorted.len());
    let other = (one + 1 + dice.below(sorted.len() - 1)) % sorted.len();
    sorted[..=one.min(other)].rotate_right(1);
}

/// What the call would cost there. Who names no price may be dear and comes last.
fn price(route: &Route, needs: &Needs) -> f64 {
    let completion_tokens = match needs.answer_tokens {
        0 => ANSWER_TOKENS_ASSUMED,
        tokens => tokens,
    };
    let prompt_tokens = needs.tokens_likely().saturating_sub(needs.answer_tokens);
    let usage = Usage { prompt_tokens, completion_tokens };
    route.prices.now().map_or(f64::INFINITY, |price| price.of_all(usage, needs.parts) as f64)
}
