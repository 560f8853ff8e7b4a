//! Two attempts at once: the second begins when the first is slow, and the first answer of the two
//! is taken. The second is planned like any other attempt, so it goes nowhere the first could not.

use std::{pin::pin, sync::Arc, time::Duration};

use tokio::time::{Instant, sleep};

use super::{Call, Moment, Opened, Setback, tries::Tried};
use crate::{
    GatewayError, Hedging, Reason, Terms, UsageMeter, lease::Lease, model_state::RouteState,
};

impl Call<'_> {
    /// Tries a route, and beside it another one if the model wants that and this one is slow.
    pub(super) async fn try_hedged(
        &mut self,
        moment: &Moment,
        index: usize,
        lease: Lease,
    ) -> Result<Tried, GatewayError> {
        match self.hedge_after(moment) {
            None => self.try_route(moment, index, lease).await,
            // Large and seldom: in line, it would make every call as large.
            Some(delay) => Box::pin(self.try_both(moment, index, lease, delay)).await,
        }
    }

    async fn try_both(
        &mut self,
        moment: &Moment,
        index: usize,
        lease: Lease,
        delay: Duration,
    ) -> Result<Tried, GatewayError> {
        self.may_hedge = false;
        let (meter, beside) = (self.meter, UsageMeter::default());
        let first_route = Arc::clone(lease.route());
        let second = self.second(&beside, &first_route);
        // What the second brought, and whether the first was given up for it; else what the first came
        // to, and what that makes of the second.
        let ended = {
            let mut first = pin!(self.try_route(moment, index, lease));
            let slow = tokio::select! {
                biased;
                tried = &mut first => Some(tried),
                () = sleep(delay) => None,
            };
            match slow {
                Some(tried) => return tried,
                None if !moment.state().take_retry(Instant::now()) => return first.await,
                None => {}
            }
            meter.beside(&beside);
            moment.state().measures.hedged();
            let mut second = pin!(second.open_beside());
            tokio::select! {
                biased;
                tried = &mut first => match tried {
                    // The first gave nothing: what the second brings decides.
                    Ok(Tried::Failed | Tried::Stale) => {
                        let opened = second.await.map(|opened| (opened, false));
                        opened.ok_or((tried, Reason::Failed))
                    }
                    tried => Err((tried, Reason::GivenUp)),
                },
                opened = &mut second => match opened {
                    Some(opened) => Ok((opened, true)),
                    None => Err((first.await, Reason::Failed)),
                },
            }
        };
        match ended {
            Ok((opened, gave_up)) => {
                if gave_up {
                    // It was dropped, which closed its connection.
                    self.setbacks.add(&first_route, Setback::Ruled(Reason::GivenUp));
                }
                meter.swap(&beside);
                Ok(Tried::Answered(Box::new(opened)))
            }
            Err((tried, reason)) => {
                if let Ok(Tried::Answered(_)) = tried {
                    self.rule_out(moment, &beside, reason);
                }
                tried
            }
        }
    }

    /// Notes what became of a second attempt, if one was begun.
    fn rule_out(&mut self, moment: &Moment, second: &UsageMeter, reason: Reason) {
        let Some(taken) = second.read().taken else { return };
        let known = moment.model().routes.iter().position(|route| route.name == taken.route);
        if let Some(index) = known {
            self.setbacks.add(&moment.state().routes[index].state, Setback::Ruled(reason));
        }
    }

    /// After which time a second attempt begins; `None`: there is none.
    fn hedge_after(&self, moment: &Moment) -> Option<Duration> {
        if !self.may_hedge || self.asked.acts() {
            return None;
        }
        match moment.model().hedging {
            Hedging::Off => None,
            Hedging::After(delay) => Some(delay),
            Hedging::SlowerThanMost => moment.state().times(self.asked.delivery())?.most(),
        }
    }

    /// A call like this one, for one try on another route.
    fn second<'b>(&self, meter: &'b UsageMeter, first: &Arc<RouteState>) -> Call<'b>
    where
        Self: 'b,
    {
        let mut setbacks = self.setbacks.clone();
        setbacks.add(first, Setback::Ruled(Reason::NotNeeded));
        Call {
            gateway: self.gateway,
            asked: self.asked,
            terms: Terms { explain: false, ..self.terms.clone() },
            meter,
            needs: self.needs.clone(),
            attempts: self.attempts + 1,
            // It is no request of its own, and takes its place in no line.
            is_counted: true,
            may_hedge: false,
            may_retry: false,
            setbacks,
            last: None,
            refusal: None,
            span: self.span.clone(),
        }
    }

    /// Tries the best route that has a place, once.
    async fn open_beside(mut self) -> Option<Opened> {
        let moment = self.look().ok()?;
        if moment.state().queue.len() > 0 {
            // Others wait for a first attempt.
            return None;
        }
        let mut order = moment.plan.order.iter();
        let (index, lease) =
            order.find_map(|index| Some((*index, Lease::enter(moment.state(), *index)?)))?;
        match self.try_route(&moment, index, lease).await {
            Ok(Tried::Answered(opened)) => Some(*opened),
            _ => None,
        }
    }
}
