//! The tries of a call on one route.

use std::{sync::Arc, time::Duration};

use llm::{ChatRequest, Delivery, RequestError, openai::Head};
use tokio::time::Instant;

use super::{Answer, Call, Moment, Opened};
use crate::{
    GatewayError, Model, Reason, Route, RouteKind, ServerRoute, Taken,
    asked::Asked,
    attempt::{Attempt, Failed, Next, Prepared},
    backoff,
    lease::Lease,
    model_state::{ModelState, RouteState},
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

/// `Ok(None)`: the catalogue changed; `Err(None)`: the breaker let nothing pass.
type Outcome = Result<Option<(Answer, Taken)>, Option<Failed>>;

impl Call<'_> {
    pub(super) async fn try_route(
        &mut self,
        moment: &Moment,
        index: usize,
        mut lease: Lease,
    ) -> Result<Tried, GatewayError> {
        let (model, route) = (moment.model(), &moment.model().routes[index]);
        let tried_route = Arc::clone(lease.route());
        let tried = match &route.kind {
            RouteKind::Server(server) => {
                match self.asked.calls(server.dialect, &server.upstream_model) {
                    Ok(calls) => self.try_server(moment, (route, server), calls, &mut lease).await,
                    Err(refusal) => return Ok(self.cannot(tried_route, refusal)),
                }
            }
            RouteKind::BuiltIn | RouteKind::Local(_) => match self.asked {
                Asked::Chat(request, _) => {
                    self.try_inside(request, (model, route), &mut lease).await
                }
                // The plan lets nothing else through to it.
                _ => return Ok(self.cannot(tried_route, not_built_in())),
            },
        };
        match tried {
            Ok(Some((answer, taken))) => {
                trace::answered(&self.span, route);
                lease.spans.answered(self.span.clone());
                Ok(Tried::Answered(Box::new(Opened { answer, taken, lease })))
            }
            Ok(None) => Ok(Tried::Stale),
            Err(None) => {
                self.failed.push((tried_route, Reason::Failed));
                Ok(Tried::Failed)
            }
            Err(Some(Failed { error, next: Next::Nobody })) => {
                self.explain(moment, None);
                Err(error)
            }
            Err(Some(Failed { error, .. })) => {
                self.last = Some(error);
                self.failed.push((tried_route, Reason::Failed));
                Ok(Tried::Failed)
            }
        }
    }

    /// The route's server has no place for something in the request: nothing was sent, and another
    /// may do it.
    fn cannot(&mut self, route: Arc<RouteState>, refusal: RequestError) -> Tried {
        self.refusal.get_or_insert(refusal);
        self.failed.push((route, Reason::Untranslatable));
        Tried::Failed
    }

    /// Tries an engine inside this process, once: it would fail the same way again.
    async fn try_inside(
        &mut self,
        request: &ChatRequest,
        (model, route): (&Model, &Route),
        lease: &mut Lease,
    ) -> Outcome {
        if !lease.begin(trace::operation(&self.asked)) {
            return Err(None);
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
                Err(Some(failed))
            }
        }
    }

    /// Tries a server up to the number of attempts, with a wait between them. The route's place
    /// stays taken while waiting: the wait is bounded, and the call would come back at once.
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
        let mut retry = 0;
        let mut before = None;
        loop {
            if !lease.begin(trace::operation(&asked)) {
                return Err(before);
            }
            let taken = self.begin(moment.model(), route);
            let span = trace::attempt(&self.span, route, self.attempts, retry);
            let place = self.gateway.settings.trace_parent.and_then(|place| (place.0)(&span));
            let trace_parent = place.as_ref();
            let attempt =
                Attempt { client, route, server, asked, calls, head, deadline, trace_parent };
            lease.spans.attempt(span);
            let answered = match asked.delivery() {
                Delivery::Streamed => {
                    let stream = attempt.stream().await;
                    stream.map(|stream| Answer::Stream(Origin::Upstream(Box::new(stream))))
                }
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
            let Some(wait) = self.wait_before_retry(failed.next, (retry, route), moment.state())
            else {
                return Err(Some(failed));
            };
            tokio::time::sleep(wait).await;
            if !Arc::ptr_eq(&moment.snapshot, &self.gateway.snapshot.load()) {
                self.last = Some(failed.error);
                return Ok(None);
            }
            moment.state().measures.retried();
            before = Some(failed);
            retry += 1;
        }
    }

    fn begin(&mut self, model: &Model, route: &Route) -> Taken {
        self.attempts += 1;
        let taken = Taken::new(&model.name, route, self.attempts);
        self.meter.begin(taken.clone(), self.needs.prompt_bytes);
        taken
    }

    /// How long to wait before the same route is tried again; `None` if it is not.
    fn wait_before_retry(
        &self,
        next: Next,
        (retry, route): (u32, &Route),
        state: &ModelState,
    ) -> Option<Duration> {
        let Next::SameRoute { after } = next else { return None };
        let settings = &self.gateway.settings;
        if !self.may_retry
            || retry + 1 >= route.care.attempts.unwrap_or(settings.attempts_per_route)
        {
            return None;
        }
        let own = backoff::delay(settings.backoff_first, settings.backoff_max, retry);
        let wait = match after {
            Some(wish) if wish > settings.retry_after_max => return None,
            // Never before the server wishes, and not all at the same moment.
            Some(wish) => wish + own,
            None => own,
        };
        let now = Instant::now();
        let is_in_time = self.terms.deadline.is_none_or(|at| now + wait < at);
        (is_in_time && state.take_retry(now)).then_some(wait)
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
