//! The door: everything between a connection and a route. Who calls, in which language, within
//! which bounds; and how refusals leave. Knows no routes.

pub(crate) mod allowance;
pub(crate) mod assets;
pub(crate) mod caller;
pub(crate) mod codes;
pub(crate) mod cookie;
pub(crate) mod csv;
pub(crate) mod decode;
pub(crate) mod events;
pub(crate) mod form;
pub(crate) mod guard;
pub(crate) mod language;
mod misfit;
pub(crate) mod observe;
pub(crate) mod paced;
pub(crate) mod problem;
pub(crate) mod time;

use std::{net::IpAddr, panic::AssertUnwindSafe, sync::Arc};

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures_util::FutureExt;
use tracing::Instrument;

pub(crate) use caller::{Address, Caller, Reader, UserAgent};
pub(crate) use decode::{Id, Json, Query};
pub(crate) use problem::Problem;
pub(crate) use time::Time;

/// The address at the other end of the connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub IpAddr);

/// Layer: what happens to every request before and after its route, the outermost first. One layer
/// for all of it, because each costs every request a copy of everything inside.
pub(crate) async fn pass(
    State(guard): State<Arc<guard::Guard>>,
    mut request: Request,
    next: Next,
) -> Response {
    let observed = observe::Observed::begin(&mut request);
    let interface = problem::is_interface(request.uri().path());
    let envelope = problem::Envelope::of(&request);
    let admitted = guard
        .check_host(&request)
        .and_then(|()| guard.refuse_foreign_page(&request))
        .and_then(|()| guard::refuse_encoded(request.headers()));
    let response = match admitted {
        Err(refusal) => refusal.into_response(),
        // The panic hook has logged the place; the payload may hold content.
        Ok(()) => {
            let answering = AssertUnwindSafe(next.run(request)).catch_unwind();
            let answered = answering.instrument(observed.span.clone()).await;
            answered.unwrap_or_else(|_| {
                Problem::from(app::Error::internal("a handler panicked")).into_response()
            })
        }
    };
    let mut response = envelope.write_out(response, &observed.notes);
    guard.put_headers(interface, response.headers_mut());
    observed.report(response)
}
