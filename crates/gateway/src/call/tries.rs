//! The tries of a call on one route.

use std::{sync::Arc, time::Duration};

use llm::{ChatRequest, Delivery, RequestError, openai::Head};
use tokio::time::Instant;

use super::{Answer, Call, Moment, Opened, Setback};
use crate::{
    GatewayError, Model, Reason, Route, RouteKind, ServerRoute, Taken,
    asked::Asked,
    attempt::{Attempt, Failed, Next, Prepared, Reply},
    backoff,
    bounded::Bounded,
    lease::Lease,
    model_state::RouteState,
    stream::Origin,
    trace,
};

/// How it went on one route.
pub(super) enum Tried {
    Answered(Box<Opened>),
    /// Another may be tried.
    Failed,
    /// The catalogue changed meanwhile: everything is to be looked at anew.
    Stale,
}

/// `Ok(None)`: the catalogue changed.
type Outcome = Result<Option<(Answer, Taken)>, Lost>;

/// No answer from a route.
struct Lost {
    /// What went wrong; `None` if the breaker or the budget of retries let nothing pass.
    failed: Option<Failed>,
    setback: Setback,
}

impl Lost {
    const fn for_good(failed: Option<Failed>) -> Self {
        Self { failed, setback: Setback::Ruled(Reason::Failed) }
    }
}

/// What becomes of a route after a failed try.
enum After {
    /// It is tried again after this time, and nobody else in between.
    Retry(Duration),
    /// Others are tried before it is its turn again.
    Rest(Instant),
    /// It is not tried again.
    Leave,
}

impl Call<'_> {
    pub(super) async fn try_route(
        &mut self,
        moment: &Moment,
        index: usize,
        mut lease: Lease,
    ) -> Result<Tried, GatewayError> {
        let (model, route) = (moment.model(), &moment.model().routes[index]);
        let tried_route = Arc::clone(lease.route());
        let bounded = match self.needs.bound_for(route) {
            Some(most) => match Bounded::of(&self.asked, &route.kind, most) {
                Ok(bounded) => bounded,
                Err(refusal) => return Ok(self.cannot(&tried_route, refusal)),
            },
            None => None,
        };
        let asked = bounded.as_ref().map_or(self.asked, Bounded::asked);
        let tried = match &route.kind {
            RouteKind::Server(server) => {
                match asked.calls(server.dialect, &server.upstream_model) {
                    Ok(calls) => self.try_server(moment, (route, server), calls, &mut lease).await,
                    Err(refusal) => return Ok(self.cannot(&tried_route, refusal)),
                }
            }
            RouteKind::BuiltIn | RouteKind::Local(_) => match asked {
                Asked::Chat(request, _) => {
                    self.try_inside(request, (model, route), &mut lease).await
                }
                // The plan lets nothing else through to it.
                _ => return Ok(self.cannot(&tried_route, not_built_in())),
            },
        };
        match tried {
            Ok(Some((answer, taken))) => {
                trace::answered(&self.span, route);
                lease.spans.answered(self.span.clone());
                Ok(Tried::Answered(Box::new(Opened { answer, taken, lease })))
            }
            Ok(None) => Ok(Tried::Stale),
            Err(Lost { failed: Some(Failed { error, next: Next::Nobody }), .. }) => {
                self.explain(moment, None);
                Err(error)
            }
            Err(Lost { failed, setback }) => {
                if let Some(Failed { error, .. }) = failed {
                    self.keep(error);
                }
                self.setbacks.add(&tried_route, setback);
                Ok(Tried::Failed)
            }
        }
    }

    /// The route's server has no place for something in the request: nothing was sent, and another
    /// may do it.
    fn cannot(&mut self, route: &Arc<RouteState>, refusal: RequestError) -> Tried {
        self.refusal.get_or_insert(refusal);
        self.setbacks.add(route, Setback::Ruled(Reason::Untranslatable));
        Tried::Failed
    }

    /// Tries an engine inside this process, once: it would fail the same way again.
    async fn try_inside(
        &mut self,
        request: &ChatRequest,
        (model, route): (&Model, &Route),
        lease: &mut Lease,
    ) -> Outcome {
        if !lease.begin(trace::operation(&self.asked), &self.terms) {
            return Err(Lost::for_good(None));
        }
        let taken = self.begin(model, route);
        lease.spans.attempt(trace::attempt(&self.span, route, self.attempts, 0));
        let deadline = self.terms.deadline;
        let opened = match &route.kind {
            RouteKind::Local(local) => {
                let opened = self.gateway.local.open(request, (route, local), deadline).await;
                opened.map(Origin::Local)
            }
            _ => self.gateway.built_in.open(request, route, deadline).await.map(Origin::BuiltIn),
        };
        match opened {
            Ok(origin) => {
                lease.first_piece();
                Ok(Some((Answer::Stream(origin), taken)))
            }
            Err(failed) => {
                lease.failed(&failed.error, None);
                Err(Lost::for_good(Some(failed)))
            }
        }
    }

    /// Tries a server up to the number of attempts, with a wait between them. The route's place
    /// stays taken while waiting: the wait is bounded, and the call would come back at once. A server
    /// that asks for a rest gets it while others are tried.
    async fn try_server(
        &mut self,
        moment: &Moment,
        (route, server): (&Route, &ServerRoute),
        calls: Vec<Prepared>,
        lease: &mut Lease,
    ) -> Outcome {
        let (client, deadline) = (self.gateway.clients.here(), self.terms.deadline);
        let head = head(self.asked.model());
        let (asked, calls, head) = (self.asked, calls.as_slice(), &head);
        let mut retry = self.setbacks.retry(lease.route());
        if retry > 0 {
            if !moment.state().take_retry(Instant::now()) {
                return Err(Lost::for_good(None));
            }
            moment.state().measures.retried();
        }
        let mut before = None;
        loop {
            if !lease.begin(trace::operation(&asked), &self.terms) {
                return Err(Lost::for_good(before));
            }
            let taken = self.begin(moment.model(), route);
            let span = trace::attempt(&self.span, route, self.attempts, retry);
            let place = self.gateway.settings.trace_parent.and_then(|place| (place.0)(&span));
            let trace_parent = place.as_ref();
            let attempt =
                Attempt { client, route, server, asked, calls, head, deadline, trace_parent };
            lease.spans.attempt(span);
            let answered = match asked.delivery() {
                Delivery::Streamed => attempt.stream().await.map(|reply| match reply {
                    Reply::Stream(stream) => Answer::Stream(Origin::Upstream(stream)),
                    Reply::Whole(whole) => Answer::Whole(whole),
                }),
                Delivery::Whole => attempt.whole().await.map(|r| Answer::Whole(Box::new(r))),
            };
            let failed = match answered {
                Ok(answer) => {
                    if asked.delivery() == Delivery::Streamed {
                        lease.first_piece();
                    }
                    return Ok(Some((answer, taken)));
                }
                Err(failed) => failed,
            };
            self.meter.forget();
            lease.failed(&failed.error, failed.wish());
            tracing::info!(route = route.name, attempt = self.attempts, error = %failed.error,
                "model route failed");
            retry += 1;
            match self.after(&failed, retry, moment, (route, lease.route())) {
                After::Retry(wait) => tokio::time::sleep(wait).await,
                After::Rest(until) => {
                    let setback = Setback::Rests { until, retry };
                    return Err(Lost { failed: Some(failed), setback });
                }
                After::Leave => return Err(Lost::for_good(Some(failed))),
            }
            if !Arc::ptr_eq(&moment.snapshot, &self.gateway.snapshot.load()) {
                self.keep(failed.error);
                return Ok(None);
            }
            moment.state().measures.retried();
            before = Some(failed);
        }
    }

    /// Keeps an error to tell if no route answers: the last, unless one before left more hope.
    fn keep(&mut self, error: GatewayError) {
        if self.last.as_ref().is_none_or(|last| last.hope() <= error.hope()) {
            self.last = Some(error);
        }
    }

    fn begin(&mut self, model: &Model, route: &Route) -> Taken {
        self.attempts += 1;
        let taken = Taken::new(&model.name, route, self.attempts);
        self.meter.begin(taken.clone(), self.needs.prompt_bytes);
        taken
    }

    /// What becomes of the route after a failed try; `retry` is the one that would be next.
    fn after(
        &self,
        failed: &Failed,
        retry: u32,
        moment: &Moment,
        (route, tried): (&Route, &Arc<RouteState>),
    ) -> After {
        let Next::SameRoute { after: wish } = failed.next else { return After::Leave };
        let settings = &self.gateway.settings;
        if !self.may_retry || retry >= route.care.attempts.unwrap_or(settings.attempts_per_route) {
            return After::Leave;
        }
        let own = backoff::delay(settings.backoff_first, settings.backoff_max, retry - 1);
        let wait = match wish {
            Some(wish) if wish > settings.retry_after_max => return After::Leave,
            // Never before the server wishes, and not all at the same moment.
            Some(wish) => wish + own,
            None => own,
        };
        let now = Instant::now();
        let until = now + wait;
        if self.terms.deadline.is_some_and(|deadline| until >= deadline) {
            return After::Leave;
        }
        let asks_for_rest =
            wish.is_some() || matches!(failed.error, GatewayError::RateLimited { .. });
        if asks_for_rest && self.has_other(moment, tried, until) {
            return After::Rest(until);
        }
        if moment.state().take_retry(now) { After::Retry(wait) } else { After::Leave }
    }

    /// Whether another route is free, or will be before this one.
    fn has_other(&self, moment: &Moment, tried: &Arc<RouteState>, until: Instant) -> bool {
        let is_free = |index: &usize| {
            let slot = &moment.state().routes[*index];
            let is_other = !Arc::ptr_eq(&slot.state, tried);
            is_other && self.setbacks.of(&slot.state).is_none() && slot.has_room()
        };
        let is_sooner = |rest: Instant| rest < until;
        moment.plan.order.iter().any(is_free)
            || self.setbacks.rest_over(moment.at).is_some_and(is_sooner)
    }
}

/// What an answer bears where its server gives nothing of the kind; its id is like no other.
pub(crate) fn head(model: &str) -> Head {
    Head {
        id: format!("chatcmpl-{:032x}", rand::random::<u128>()),
        created: domain::Instant::now().micros() / 1_000_000,
        model: model.to_owned(),
        is_bare: false,
    }
}

fn not_built_in() -> RequestError {
    RequestError::unsupported("model", "answers conversations only")
}
