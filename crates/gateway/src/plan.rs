//! Which routes may be tried for a call, in which order, and why not the others. Pure: a function of
//! the catalogue, the request, the condition of the routes and a seed. Nothing that leaves the house
//! takes another way.

mod affinity;
mod auto;
mod condition;
mod dice;
mod explanation;
mod filter;
mod needs;
mod order;

use std::time::Duration;

use domain::DataClass;

use crate::{
    AUTO_MODEL, Catalogue, Hedging, Model, ModelAccess, Offer, OpenRoutes, Outage, PlacePolicy,
    Policy, Route, Tokenizer,
};

pub use affinity::prefix;
pub use condition::{Condition, State};
pub use dice::Dice;
pub use explanation::{Explanation, Reason};
pub(crate) use needs::characters;
pub use needs::{Needs, prompt_texts};
use order::Rated;

/// What is asked, as far as it decides about routes.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// The class of the data.
    pub class: DataClass,
    /// Where the data may go.
    pub places: PlacePolicy,
    /// Which models the caller may use.
    pub access: &'a ModelAccess,
    /// The only routes that may be taken; `None` for any.
    pub routes: Option<&'a OpenRoutes>,
    /// What a route must be able to do.
    pub needs: &'a Needs,
    /// The beginning of the conversation, see [`prefix`]; read under the policy `affinity` only.
    pub prefix: u64,
    /// The most that the call may cost by estimate, in nano-euro; `None`: whatever it costs.
    pub cost_max: Option<u64>,
    /// How long the caller still waits; `None`: as long as it takes.
    pub time_left: Option<Duration>,
}

impl<'a> Ask<'a> {
    /// Asks by any route, whatever it costs and however long it takes.
    #[must_use]
    pub fn new(
        class: DataClass,
        places: PlacePolicy,
        access: &'a ModelAccess,
        needs: &'a Needs,
    ) -> Self {
        Self {
            class,
            places,
            access,
            routes: None,
            needs,
            prefix: 0,
            cost_max: None,
            time_left: None,
        }
    }

    /// Whether the data may take this route, its class aside.
    fn admits(&self, model: &Model, route: &Route) -> bool {
        let is_open = self.routes.is_none_or(|open| open.allow(&model.name, &route.name));
        is_open && self.places.allows(route.place)
    }
}

/// Which routes to try. All numbers are places in the model's list of routes; each stands in exactly
/// one of the lists.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// To try now, best first.
    pub order: Vec<usize>,
    /// To wait for, best first: all their places are taken.
    pub full: Vec<usize>,
    /// Not to try, and why.
    pub left_out: Vec<(usize, Reason)>,
    /// When the first of those that are left alone may be tried again.
    pub again_in: Option<Duration>,
}

/// Why no route may be tried.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// There is no such model.
    #[error("no such model")]
    UnknownModel {
        /// The name that was asked for.
        model: String,
    },
    /// The data is more sensitive than any route of the model may see.
    #[error("the data class {} is above the model's clearance {}", class.code(), clearance.code())]
    ClearanceTooLow {
        /// The model that was asked for.
        model: String,
        /// The class of the data.
        class: DataClass,
        /// The highest clearance among the model's routes.
        clearance: DataClass,
        /// The models that would be allowed.
        allowed: Vec<String>,
    },
    /// Every route that is cleared runs where the data must not go.
    #[error("the model runs where the data must not go")]
    PlaceNotAllowed {
        /// The model that was asked for.
        model: String,
        /// The models that would be allowed.
        allowed: Vec<String>,
    },
    /// The caller may not use the model.
    #[error("the caller may not use the model")]
    NotGranted {
        /// The model that was asked for.
        model: String,
        /// The models that would be allowed.
        allowed: Vec<String>,
    },
    /// No line of the choice behind `auto` fits the request.
    #[error("no line of the choice behind auto fits")]
    NoChoice,
    /// No route can do what is asked.
    #[error("no route of the model can do what is asked: {}", reason.code())]
    Unsuited {
        /// The model that was asked for.
        model: String,
        /// What the last that might have done it lacks.
        reason: Reason,
    },
}

impl Plan {
    /// Whether a route is left out only because its siblings do better.
    pub(crate) fn has_ejected(&self) -> bool {
        self.left_out.iter().any(|(_, reason)| *reason == Reason::Ejected)
    }

    /// Why no route is asked at the moment, if none is.
    pub(crate) fn outage(&self) -> Outage {
        let has = |wanted: Reason| self.left_out.iter().any(|(_, reason)| *reason == wanted);
        let is_drained = |reason: Reason| reason == Reason::Drained || reason.is_lasting();
        if has(Reason::CoolingDown) {
            Outage::RateLimited
        } else if has(Reason::Drained)
            && self.left_out.iter().all(|(_, reason)| is_drained(*reason))
        {
            Outage::Drained
        } else {
            Outage::OutOfOrder
        }
    }

    /// Whether no route will ever do, however long one waits.
    fn is_hopeless(&self) -> bool {
        // What a server cannot be told is for the call to say, which knows the field.
        let lasts = |reason: Reason| reason.is_lasting() && reason != Reason::Untranslatable;
        self.order.is_empty()
            && self.full.is_empty()
            && self.left_out.iter().all(|(_, reason)| lasts(*reason))
    }
}

/// Finds the model that a name stands for; `auto` stands for the first line of the choice that fits.
///
/// # Errors
/// If there is no such model, the caller may not use it, or `auto` finds none.
pub fn find_model<'c>(
    catalogue: &'c Catalogue,
    name: &str,
    ask: &Ask<'_>,
) -> Result<&'c Model, PlanError> {
    if let Some(model) = catalogue.model(name) {
        let is_granted = ask.access.allows(name);
        return if is_granted { Ok(model) } else { Err(not_granted(catalogue, name, ask)) };
    }
    if name != AUTO_MODEL || catalogue.auto().is_empty() {
        return Err(PlanError::UnknownModel { model: name.to_owned() });
    }
    let fitting = auto::fitting(catalogue, ask);
    auto::choose(&fitting, ask).ok_or_else(|| refusal(catalogue, name, fitting, ask))
}

/// Plans a call on a model. A route that must not see the data is in no list but `left_out`.
///
/// # Errors
/// If no route may be tried, now or later.
pub fn plan(
    catalogue: &Catalogue,
    model: &Model,
    ask: &Ask<'_>,
    condition: impl Fn(usize) -> Condition,
    dice: &mut Dice,
) -> Result<Plan, PlanError> {
    if !ask.access.allows(&model.name) {
        return Err(not_granted(catalogue, &model.name, ask));
    }
    let mut plan = Plan::default();
    let mut usable = Vec::with_capacity(model.routes.len());
    let mut ejected = Vec::new();
    for (index, route) in model.routes.iter().enumerate() {
        if let Some(reason) = filter::ruled_out(model, route, ask) {
            plan.left_out.push((index, reason));
            continue;
        }
        if route.drained {
            plan.left_out.push((index, Reason::Drained));
            continue;
        }
        let now = condition(index);
        let rated = Rated::new(model, index, &now, ask, dice);
        match obstacle(&now, ask.time_left) {
            None => usable.push(rated),
            Some((Reason::Ejected, _)) => ejected.push(rated),
            Some((reason, again_in)) => {
                plan.left_out.push((index, reason));
                plan.again_in = plan.again_in.into_iter().chain(again_in).min();
            }
        }
    }
    // The last of a rank is never ejected.
    let kept = usable.len();
    for rated in ejected {
        if usable[..kept].iter().any(|other| other.rank == rated.rank) {
            plan.left_out.push((rated.index, Reason::Ejected));
        } else {
            usable.push(rated);
        }
    }
    order::sort(model.policy, &mut usable, dice);
    let of = |full: bool| usable.iter().filter(move |r| r.is_full == full).map(|r| r.index);
    plan.order.extend(of(false));
    plan.full.extend(of(true));
    if plan.is_hopeless() {
        return Err(refusal(catalogue, &model.name, vec![model], ask));
    }
    Ok(plan)
}

/// Where the request must be counted to say whether it fits: each tokenizer that matters, with the most
/// tokens that matter. Empty for most requests, whose length in bytes says enough.
pub(crate) fn doubts(
    catalogue: &Catalogue,
    name: &str,
    class: DataClass,
    needs: &Needs,
) -> Vec<(Tokenizer, u64)> {
    let mut doubts: Vec<(Tokenizer, u64)> = Vec::new();
    if needs.batched {
        return doubts;
    }
    let mut look_at = |model: &Model| {
        for route in model.routes.iter().filter(|route| class <= route.clearance) {
            let Some(most) = filter::doubt(route, needs) else { continue };
            match doubts.iter_mut().find(|(tokenizer, _)| *tokenizer == route.tokenizer) {
                Some((_, known)) => *known = most.max(*known),
                None => doubts.push((route.tokenizer.clone(), most)),
            }
        }
    };
    match catalogue.model(name) {
        Some(model) => look_at(model),
        None => behind_auto(catalogue).into_iter().for_each(look_at),
    }
    doubts
}

/// The most that a request can take over all routes that it may take: tokens of question and answer,
/// and nano-euro. Counts a second attempt beside the first, where the model makes one.
#[must_use]
pub fn most(catalogue: &Catalogue, name: &str, ask: &Ask<'_>) -> (u64, u64) {
    let models = match catalogue.model(name) {
        Some(model) => vec![model],
        None => auto::fitting(catalogue, ask),
    };
    let (mut tokens, mut cost) = (0, 0);
    for model in models {
        let attempts = if model.hedging == Hedging::Off { 1 } else { 2_u64 };
        for route in &model.routes {
            if filter::ruled_out(model, route, ask).is_none() {
                let one = filter::most(route, ask.needs);
                tokens = tokens.max(one.0.saturating_mul(attempts));
                cost = cost.max(one.1.saturating_mul(attempts));
            }
        }
    }
    (tokens, cost)
}

/// The longest answer, in tokens, that any route of a model can write to a request that asks for no length;
/// `None` if it asks for one.
#[must_use]
pub fn longest_answer(model: &Model, needs: &Needs) -> Option<u64> {
    let longest = |route: &Route| needs.longest_unsaid(route.context_tokens, route.answer_tokens);
    model.routes.iter().filter_map(longest).max()
}

/// Whether a model has a route that may receive the request, well or not.
#[must_use]
pub fn has_route(catalogue: &Catalogue, name: &str, ask: &Ask<'_>) -> bool {
    let mut routes = catalogue.model(name).into_iter().flat_map(routes_of);
    routes.any(|(model, route)| filter::ruled_out(model, route, ask).is_none())
}

/// Why the routes of other models than the chosen one were not taken, for whoever asks why; nothing
/// where the name stands for no choice.
pub(crate) fn passed_over(
    catalogue: &Catalogue,
    name: &str,
    chosen: &str,
    ask: &Ask<'_>,
) -> Vec<(String, Reason)> {
    let is_choice = name == AUTO_MODEL && catalogue.model(name).is_none();
    if is_choice { auto::passed_over(catalogue, chosen, ask) } else { vec![] }
}

/// Why none of the routes behind a name may receive the request, for whoever asks why. `None` if some
/// might, or the name stands for nothing that the caller may use. Behind `auto`, routes are named
/// with their model.
#[must_use]
pub fn explain_refusal(catalogue: &Catalogue, name: &str, ask: &Ask<'_>) -> Option<Explanation> {
    let named = catalogue.model(name);
    let models = match named {
        Some(model) => vec![model],
        None if name == AUTO_MODEL => behind_auto(catalogue),
        None => vec![],
    };
    let mut others = Vec::new();
    let usable = models.into_iter().filter(|model| ask.access.allows(&model.name));
    for (model, route) in usable.flat_map(routes_of) {
        let reason = filter::ruled_out(model, route, ask)?;
        let shown = match named {
            Some(_) => route.name.clone(),
            None => format!("{}/{}", model.name, route.name),
        };
        others.push((shown, reason));
    }
    let policy = named.map_or(Policy::Order, |model| model.policy).code();
    let model = name.to_owned();
    (!others.is_empty()).then_some(Explanation { model, policy, taken: None, others })
}

/// Checks whether the caller may use a model, and it has a route for this offer that may receive data
/// of this class at one of these places, whatever else is asked.
///
/// # Errors
/// If there is no such model, the caller may not use it, or none of its routes may.
pub fn may_receive(
    catalogue: &Catalogue,
    name: &str,
    class: DataClass,
    terms: (PlacePolicy, &ModelAccess),
    offer: Offer,
) -> Result<(), PlanError> {
    let needs = Needs { offer, ..Needs::default() };
    let (places, access) = terms;
    let ask = Ask::new(class, places, access, &needs);
    let models = match catalogue.model(name) {
        Some(model) => vec![model],
        None if name == AUTO_MODEL && !catalogue.auto().is_empty() => behind_auto(catalogue),
        None => return Err(PlanError::UnknownModel { model: name.to_owned() }),
    };
    if models.iter().any(|model| may_take(model, &ask)) {
        return Ok(());
    }
    if !models.iter().any(|model| access.allows(&model.name)) {
        return Err(not_granted(catalogue, name, &ask));
    }
    let models = models.into_iter().filter(|model| access.allows(&model.name)).collect();
    Err(refusal(catalogue, name, models, &ask))
}

fn may_take(model: &Model, ask: &Ask<'_>) -> bool {
    let may = |route: &Route| {
        ask.class <= route.clearance
            && ask.admits(model, route)
            && route.offers.has(ask.needs.offer)
    };
    ask.access.allows(&model.name) && model.routes.iter().any(may)
}

/// The routes of a model, each with the model.
fn routes_of(model: &Model) -> impl Iterator<Item = (&Model, &Route)> {
    model.routes.iter().map(move |route| (model, route))
}

fn behind_auto(catalogue: &Catalogue) -> Vec<&Model> {
    catalogue.auto().iter().filter_map(|line| catalogue.model(&line.model)).collect()
}

/// What stands in the way at this moment, and for how long.
fn obstacle(now: &Condition, time_left: Option<Duration>) -> Option<(Reason, Option<Duration>)> {
    match now.state {
        State::Ready | State::Full => {
            let is_late = time_left.zip(now.fastest).is_some_and(|(left, least)| left < least);
            is_late.then_some((Reason::NoTimeLeft, None))
        }
        State::Ejected => Some((Reason::Ejected, None)),
        State::BreakerOpen { again_in } => Some((Reason::BreakerOpen, Some(again_in))),
        State::CoolingDown { again_in } => Some((Reason::CoolingDown, Some(again_in))),
        State::Unwell => Some((Reason::Unwell, None)),
        State::Failed => Some((Reason::Failed, None)),
        State::Unable => Some((Reason::Untranslatable, None)),
    }
}

/// The models that would do.
fn allowed(catalogue: &Catalogue, ask: &Ask<'_>) -> Vec<String> {
    let others = catalogue.models().iter().filter(|other| may_take(other, ask));
    others.map(|other| other.name.clone()).collect()
}

fn not_granted(catalogue: &Catalogue, name: &str, ask: &Ask<'_>) -> PlanError {
    PlanError::NotGranted { model: name.to_owned(), allowed: allowed(catalogue, ask) }
}

/// Says why none of these models will ever do.
fn refusal(catalogue: &Catalogue, name: &str, models: Vec<&Model>, ask: &Ask<'_>) -> PlanError {
    let routes = || models.iter().copied().flat_map(routes_of);
    let name = name.to_owned();
    let allowed = || allowed(catalogue, ask);
    let reasons = || routes().filter_map(|(model, route)| filter::ruled_out(model, route, ask));
    let of_ability =
        |reason: &Reason| !matches!(reason, Reason::AboveClearance | Reason::PlaceNotAllowed);
    if reasons().any(|reason| reason == Reason::OverBudget) {
        return PlanError::Unsuited { model: name, reason: Reason::OverBudget };
    }
    if let Some(reason) = reasons().filter(of_ability).last() {
        return PlanError::Unsuited { model: name, reason };
    }
    if reasons().any(|reason| reason == Reason::PlaceNotAllowed) {
        return PlanError::PlaceNotAllowed { model: name, allowed: allowed() };
    }
    if reasons().next().is_none() {
        return PlanError::NoChoice;
    }
    let clearance = routes().map(|(_, route)| route.clearance).max().unwrap_or(DataClass::Open);
    PlanError::ClearanceTooLow { model: name, class: ask.class, clearance, allowed: allowed() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// While the only route that may be tried is being tried, nothing but the others is left out.
    #[test]
    fn only_what_an_operator_took_away_is_told_as_that() {
        let outage = |reasons: &[Reason]| {
            let left_out = reasons.iter().copied().enumerate().collect();
            Plan { left_out, ..Plan::default() }.outage()
        };
        assert_eq!(outage(&[Reason::AboveClearance]), Outage::OutOfOrder);
        assert_eq!(outage(&[Reason::AboveClearance, Reason::Drained]), Outage::Drained);
        assert_eq!(outage(&[Reason::BreakerOpen, Reason::Drained]), Outage::OutOfOrder);
        assert_eq!(outage(&[Reason::CoolingDown, Reason::Drained]), Outage::RateLimited);
    }
}
