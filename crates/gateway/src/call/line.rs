//! A call in line for a place, between one look at the routes and the next.

use std::time::Duration;

use tokio::time::Instant;
use tracing::Span;

use super::{Call, Moment};
use crate::{GatewayError, QueueLimits, lease::Lease, queue::Ticket, trace};

/// How often a call in line looks around anew: routes also come back without a place becoming free.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// A call's place in line, kept over several looks.
pub(super) struct Line {
    pub(super) ticket: Option<Ticket>,
    pub(super) since: Option<Instant>,
    pub(super) span: Span,
}

impl Line {
    /// Waits for a place on one of `routes`; `None` if it is time to look around again.
    pub(super) async fn wait(
        &mut self,
        call: &mut Call<'_>,
        moment: &Moment,
        routes: Vec<usize>,
    ) -> Result<Option<Lease>, GatewayError> {
        let (model, state) = (moment.model(), moment.state());
        let now = Instant::now();
        let since = *self.since.get_or_insert_with(|| {
            self.span = trace::wait(&call.span);
            now
        });
        let until = since + model.queue.wait_max;
        let until = call.terms.deadline.map_or(until, |deadline| until.min(deadline));
        let joined = match self.ticket.take().filter(|ticket| ticket.is_for(&state.queue)) {
            Some(ticket) => {
                ticket.look_again(state, routes);
                Ok(ticket)
            }
            None => {
                let likely = call.needs.usage_likely();
                let cost = likely.prompt_tokens.saturating_add(likely.completion_tokens);
                let wait_max = until.saturating_duration_since(now);
                let limits = QueueLimits { wait_max, ..model.queue };
                state.queue.join(call.terms.caller, cost, state, routes, limits)
            }
        };
        let mut ticket = match joined {
            Ok(ticket) => ticket,
            Err(refusal) => {
                call.explain(moment, None);
                return Err(call.last.take().unwrap_or(refusal));
            }
        };
        let left = until.saturating_duration_since(now);
        match ticket.wait(left.min(LOOK_AGAIN)).await {
            Some(Ok(lease)) => {
                state.measures.waited(since.elapsed());
                self.since = None;
                self.span = Span::none();
                Ok(Some(lease))
            }
            Some(Err(refusal)) => Err(call.last.take().unwrap_or(refusal)),
            None if Instant::now() < until => {
                self.ticket = Some(ticket);
                Ok(None)
            }
            None => {
                state.measures.waited(since.elapsed());
                call.explain(moment, None);
                let retry_after = Some(state.queue.retry_after());
                Err(call.last.take().unwrap_or(GatewayError::Overloaded { retry_after }))
            }
        }
    }
}
