//! A call from plan to answer: route after route, try after try, and in line for a place between
//! them, until one answers.

mod hedge;
mod line;
mod setbacks;
mod tries;

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use line::Line;
use llm::RequestError;
use setbacks::{Setback, Setbacks};
use tokio::time::{Instant, sleep_until};
use tracing::Span;
use tries::Tried;
pub(crate) use tries::head;

use crate::{
    GatewayError, Model, Policy, Taken, Terms, UsageMeter,
    asked::{Asked, Whole},
    gateway::Inner,
    lease::Lease,
    model_state::{ModelState, RouteState, Slot},
    plan::{self, Ask, Dice, Explanation, Needs, Plan, Reason, State},
    snapshot::Snapshot,
    stream::Origin,
    trace,
};

/// An answer of either form, and the place it holds.
pub(crate) struct Opened {
    pub(crate) answer: Answer,
    pub(crate) taken: Taken,
    pub(crate) lease: Lease,
}

pub(crate) enum Answer {
    Stream(Origin),
    Whole(Box<Whole>),
}

/// One call, and what all its tries share.
pub(crate) struct Call<'a> {
    gateway: &'a Inner,
    asked: Asked<'a>,
    terms: Terms,
    meter: &'a UsageMeter,
    needs: Needs,
    attempts: u32,
    /// Whether the budget of retries knows of it.
    is_counted: bool,
    /// Whether a second attempt may begin beside one of its own; there is at most one.
    may_hedge: bool,
    /// Whether a route may be tried more than once.
    may_retry: bool,
    /// What went wrong in this call on which route, and the last error.
    setbacks: Setbacks,
    last: Option<GatewayError>,
    /// What the first route without a place for it had no place for.
    refusal: Option<RequestError>,
    span: Span,
}

/// A model at one moment, and the plan for it.
struct Moment {
    at: Instant,
    snapshot: Arc<Snapshot>,
    position: usize,
    plan: Plan,
}

impl Moment {
    fn model(&self) -> &Model {
        &self.snapshot.catalogue.models()[self.position]
    }

    fn state(&self) -> &Arc<ModelState> {
        &self.snapshot.models[self.position]
    }
}

/// How one look at the routes ended.
enum Round {
    /// A route answers.
    Answered(Box<Opened>),
    /// Something changed.
    LookAgain,
    /// Nobody answered; these have no place now.
    WaitFor(Vec<usize>),
}

impl<'a> Call<'a> {
    pub(crate) fn new(
        gateway: &'a Inner,
        asked: Asked<'a>,
        terms: Terms,
        meter: &'a UsageMeter,
    ) -> Self {
        let span = trace::call(&asked, terms.class);
        Self {
            gateway,
            asked,
            meter,
            needs: Needs { answer_max: terms.answer_max, ..asked.needs() },
            terms,
            attempts: 0,
            is_counted: false,
            may_hedge: true,
            may_retry: true,
            setbacks: Setbacks::default(),
            last: None,
            refusal: None,
            span,
        }
    }

    /// Finds a route that answers.
    pub(crate) async fn open(mut self) -> Result<Opened, GatewayError> {
        let opened = self.find().await;
        if let Err(error) = &opened {
            if let GatewayError::Plan(_) = error
                && self.terms.explain
            {
                self.explain_refusal();
            }
            trace::failed(&self.span, error);
        }
        opened
    }

    async fn find(&mut self) -> Result<Opened, GatewayError> {
        let mut line = Line { ticket: None, since: None, span: Span::none() };
        let mut granted: Option<Lease> = None;
        loop {
            self.weigh().await;
            let moment = self.look()?;
            let failed_before = self.setbacks.len();
            // A place that was waited for is of use only if the plan of this moment has its route.
            let lease = granted.take().and_then(|lease| moment.find(lease));
            let may_go_ahead = line.ticket.is_none() && moment.state().queue.len() == 0;
            let round = match lease {
                Some((index, lease)) => self.try_granted(&moment, index, lease).await?,
                None if may_go_ahead => self.try_in_order(&moment).await?,
                None => Round::WaitFor([&moment.plan.order[..], &moment.plan.full].concat()),
            };
            match round {
                Round::Answered(opened) => {
                    self.explain(&moment, Some(opened.lease.route()));
                    return Ok(*opened);
                }
                Round::LookAgain => {}
                // Better one that does worse than its siblings than none, now that they failed.
                Round::WaitFor(routes)
                    if routes.is_empty()
                        && self.setbacks.len() > failed_before
                        && moment.plan.has_ejected() => {}
                Round::WaitFor(routes) if routes.is_empty() => {
                    let Some(until) = self.rest_over(&moment) else {
                        self.explain(&moment, None);
                        return Err(self.nobody_left(&moment.plan));
                    };
                    sleep_until(until).await;
                }
                Round::WaitFor(routes) => {
                    granted = line.wait(self, &moment, routes).await?;
                }
            }
        }
    }

    /// Tries the one route on which a place was waited for. If it fails, the others have their turn.
    async fn try_granted(
        &mut self,
        moment: &Moment,
        index: usize,
        lease: Lease,
    ) -> Result<Round, GatewayError> {
        Ok(match self.try_route(moment, index, lease).await? {
            Tried::Answered(opened) => Round::Answered(opened),
            Tried::Failed | Tried::Stale => Round::LookAgain,
        })
    }

    /// Tries one route after the other; those without a place are to be waited for.
    async fn try_in_order(&mut self, moment: &Moment) -> Result<Round, GatewayError> {
        let mut full = moment.plan.full.clone();
        for index in moment.plan.order.iter().copied() {
            if !Arc::ptr_eq(&moment.snapshot, &self.gateway.snapshot.load()) {
                // What was allowed when the call began may not be any more.
                return Ok(Round::LookAgain);
            }
            let Some(lease) = Lease::enter(moment.state(), index) else {
                full.push(index);
                continue;
            };
            match self.try_hedged(moment, index, lease).await? {
                Tried::Answered(opened) => return Ok(Round::Answered(opened)),
                Tried::Failed => {}
                Tried::Stale => return Ok(Round::LookAgain),
            }
        }
        Ok(Round::WaitFor(full))
    }

    /// Counts the request if its length in bytes does not say where it fits.
    async fn weigh(&mut self) {
        let snapshot = self.gateway.snapshot.load_full();
        let (asked, name) = (self.asked, (self.asked.model(), self.terms.class));
        let texts = || asked.texts();
        self.gateway.weigh(&snapshot.catalogue, name, &mut self.needs, &texts).await;
    }

    /// Plans for this moment.
    fn look(&mut self) -> Result<Moment, GatewayError> {
        let now = Instant::now();
        let time_left = self.terms.deadline.map(|at| at.saturating_duration_since(now));
        if time_left == Some(Duration::ZERO) {
            return Err(self.last.take().unwrap_or(GatewayError::OutOfTime));
        }
        let snapshot = self.gateway.snapshot.load_full();
        let Terms { class, places, cost_max, ref access, .. } = self.terms;
        let (routes, needs) = (self.terms.routes.as_ref(), &self.needs);
        let mut ask = Ask { class, places, access, routes, needs, prefix: 0, cost_max, time_left };
        let found = plan::find_model(&snapshot.catalogue, self.asked.model(), &ask);
        let model = found.map_err(GatewayError::Plan)?;
        if model.policy == Policy::Affinity {
            ask.prefix = self.asked.prefix();
        }
        let position = snapshot.catalogue.position(&model.name).unwrap_or_default();
        let state = &snapshot.models[position];
        if !std::mem::replace(&mut self.is_counted, true) {
            state.count_request(now);
            trace::model(&self.span, &self.asked, &model.name);
        }
        let condition = |index: usize| {
            let mut condition = state.condition(index, now);
            let route = &state.routes[index].state;
            match self.setbacks.of(route) {
                Some(Setback::Ruled(Reason::Untranslatable)) => condition.state = State::Unable,
                Some(Setback::Ruled(_)) => condition.state = State::Failed,
                Some(Setback::Rests { until, .. }) if now < until => {
                    condition.state = State::CoolingDown { again_in: until - now };
                }
                Some(Setback::Rests { .. }) | None => {}
            }
            condition
        };
        let mut dice = Dice::new(self.gateway.seed.fetch_add(1, Ordering::Relaxed));
        let plan = plan::plan(&snapshot.catalogue, model, &ask, condition, &mut dice);
        let plan = plan.map_err(GatewayError::Plan)?;
        Ok(Moment { at: now, snapshot, position, plan })
    }

    /// When the first of the routes that rested when the plan was made may be tried again, if the
    /// caller still waits then.
    fn rest_over(&self, moment: &Moment) -> Option<Instant> {
        let until = self.setbacks.rest_over(moment.at)?;
        self.terms.deadline.is_none_or(|deadline| until < deadline).then_some(until)
    }

    /// Why the call ends without an answer.
    fn nobody_left(&mut self, plan: &Plan) -> GatewayError {
        let is_late = plan.left_out.iter().any(|(_, reason)| *reason == Reason::NoTimeLeft);
        let is_settled = plan.left_out.iter().all(|(_, reason)| reason.is_lasting());
        match (self.last.take(), self.refusal.take()) {
            (Some(GatewayError::RateLimited { retry_after }), _) => {
                // Another route may come back before this one.
                let retry_after = retry_after.into_iter().chain(plan.again_in).min();
                GatewayError::RateLimited { retry_after }
            }
            (Some(error), _) => error,
            // Whatever comes back later will not have a place for it either.
            (None, Some(refusal)) if is_settled => GatewayError::Unsupported(refusal),
            _ if is_late => GatewayError::OutOfTime,
            _ => GatewayError::Unavailable { outage: plan.outage(), retry_after: plan.again_in },
        }
    }

    /// Keeps why none of the routes will ever do.
    fn explain_refusal(&self) {
        let snapshot = self.gateway.snapshot.load();
        let why = plan::explain_refusal(&snapshot.catalogue, self.asked.model(), &self.ask());
        if let Some(why) = why {
            self.meter.explain(why);
        }
    }

    fn ask(&self) -> Ask<'_> {
        let Terms { class, places, cost_max, ref access, .. } = self.terms;
        let (routes, needs) = (self.terms.routes.as_ref(), &self.needs);
        Ask { routes, cost_max, ..Ask::new(class, places, access, needs) }
    }

    fn explain(&self, moment: &Moment, taken: Option<&Arc<RouteState>>) {
        if !self.terms.explain {
            return;
        }
        let model = moment.model();
        let is_taken = |slot: &Slot| taken.is_some_and(|taken| Arc::ptr_eq(taken, &slot.state));
        let taken = moment.state().routes.iter().position(is_taken);
        let routes = moment.state().routes.iter().zip(&model.routes).enumerate();
        let others =
            routes.filter(|(index, _)| Some(*index) != taken).map(|(index, (slot, route))| {
                let failed = self.setbacks.of(&slot.state).map(Setback::reason);
                let left_out = moment.plan.left_out.iter().find(|(other, _)| *other == index);
                let left_out = left_out.map(|(_, reason)| *reason);
                let reason = match failed.or(left_out) {
                    Some(reason) => reason,
                    None if moment.plan.full.contains(&index) => Reason::Full,
                    None => Reason::NotNeeded,
                };
                (route.name.clone(), reason)
            });
        let catalogue = &self.gateway.snapshot.load().catalogue;
        let passed = plan::passed_over(catalogue, self.asked.model(), &model.name, &self.ask());
        self.meter.explain(Explanation {
            model: model.name.clone(),
            policy: model.policy.code(),
            taken: taken.map(|index| model.routes[index].name.clone()),
            others: others.chain(passed).collect(),
        });
    }
}

impl Moment {
    /// Where the plan has the route of a place that was granted.
    fn find(&self, lease: Lease) -> Option<(usize, Lease)> {
        let mut planned = self.plan.order.iter().chain(&self.plan.full);
        let routes = &self.state().routes;
        let index = planned.find(|index| Arc::ptr_eq(&routes[**index].state, lease.route()))?;
        Some((*index, lease))
    }
}
