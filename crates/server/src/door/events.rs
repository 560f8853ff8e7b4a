//! Server-sent events on the way out: never compressed, never held back by a proxy, kept alive by
//! comments. The caller gone, the stream is dropped, and with it whatever feeds it.

use std::{convert::Infallible, time::Duration};

use axum::{
    body::{Body, Bytes},
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures_util::{Stream, StreamExt, stream};
use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{CACHE_CONTROL, CONTENT_TYPE},
};

/// Time between two comments when nothing else is sent.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// What keeps a stream alive without saying anything.
pub(crate) const COMMENT: &str = ":\n\n";

/// Answers with events that are written out already; `alive` is sent whenever nothing else was for a
/// while.
pub(crate) fn text<S>(events: S, alive: &'static str) -> Response
where
    S: Stream<Item = Bytes> + Send + 'static,
{
    let pieces = stream::unfold(Box::pin(events), move |mut events| async move {
        let piece = match tokio::time::timeout(KEEP_ALIVE, events.next()).await {
            Ok(piece) => piece?,
            Err(_) => Bytes::from_static(alive.as_bytes()),
        };
        Some((Ok::<_, Infallible>(piece), events))
    });
    let mut response = Body::from_stream(pieces).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    mark_as_stream(headers);
    response
}

/// Answers with a stream of events.
pub(crate) fn answer<S>(events: S) -> Response
where
    S: Stream<Item = Event> + Send + 'static,
{
    let events = events.map(Ok::<_, Infallible>);
    let keep_alive = KeepAlive::new().interval(KEEP_ALIVE).text("");
    let mut response = Sse::new(events).keep_alive(keep_alive).into_response();
    mark_as_stream(response.headers_mut());
    response
}

fn mark_as_stream(headers: &mut HeaderMap) {
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
}

/// One event with a JSON value in one line.
pub(crate) fn json_event<T: serde::Serialize>(name: &str, value: &T) -> Event {
    // Our own types always serialise; if one did not, the reader still learns that something came.
    let text = serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned());
    Event::default().event(name).data(text)
}
