//! What rules a route out for a request for good: no failure and no load changes it.

use llm::Usage;

use super::{Ask, Needs, Reason};
use crate::{Model, Route};

/// Why the route must not or cannot receive the request; `None` if it may.
pub(super) fn ruled_out(model: &Model, route: &Route, ask: &Ask<'_>) -> Option<Reason> {
    let (needs, abilities) = (ask.needs, route.abilities);
    if ask.class > route.clearance {
        Some(Reason::AboveClearance)
    } else if !ask.admits(model, route) {
        Some(Reason::PlaceNotAllowed)
    } else if !route.offers.has(needs.offer) {
        Some(Reason::NotOffered)
    } else if needs.tools && !abilities.tools {
        Some(Reason::NoTools)
    } else if needs.images && !abilities.images {
        Some(Reason::NoImages)
    } else if needs.structured && !abilities.structured {
        Some(Reason::NoStructure)
    } else if !has_room(route, needs) {
        Some(Reason::ContextTooShort)
    } else if ask.cost_max.is_some_and(|most| cost(route, needs) > most) {
        Some(Reason::OverBudget)
    } else {
        None
    }
}

/// What the request costs on this route by estimate, in nano-euro; nothing where no price is known.
pub(super) fn cost(route: &Route, needs: &Needs) -> u64 {
    route.prices.now().map_or(0, |price| price.of_all(needs.usage_likely(), needs.parts))
}

/// The most that the request can take of this route: tokens, and nano-euro where a price is known.
pub(super) fn most(route: &Route, needs: &Needs) -> (u64, u64) {
    let usage = needs.usage_most(route.context_tokens, route.answer_tokens);
    let Usage { prompt_tokens, completion_tokens } = usage;
    let cost = route.prices.now().map_or(0, |price| price.of_all(usage, needs.parts));
    (prompt_tokens.saturating_add(completion_tokens), cost)
}

fn has_room(route: &Route, needs: &Needs) -> bool {
    route.context_tokens.is_none_or(|room| needs.fit(room, &route.tokenizer))
}

/// How far the request must be counted to say whether it fits; `None` if that is known.
pub(super) fn doubt(route: &Route, needs: &Needs) -> Option<u64> {
    needs.doubt(route.context_tokens?, &route.tokenizer)
}
