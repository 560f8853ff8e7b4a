//! Server-sent events on the way out: never compressed, never held back by a proxy, kept alive by
//! comments. The caller gone, the stream is dropped, and with it whatever feeds it.

use std::{convert::Infallible, time::Duration};

use axum::response::{
    IntoResponse, Response,
    sse::{Event, KeepAlive, Sse},
};
use futures_util::Stream;
use http::{HeaderName, HeaderValue, header::CACHE_CONTROL};

/// Time between two comments when nothing else is sent.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Answers with a stream of events.
pub(crate) fn answer<S>(events: S) -> Response
where
    S: Stream<Item = Event> + Send + 'static,
{
    use futures_util::StreamExt;
    let events = events.map(Ok::<_, Infallible>);
    let keep_alive = KeepAlive::new().interval(KEEP_ALIVE).text("");
    let mut response = Sse::new(events).keep_alive(keep_alive).into_response();
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    response
}

/// One event with a JSON value in one line.
pub(crate) fn json_event<T: serde::Serialize>(name: &str, value: &T) -> Event {
    // Our own types always serialise; if one did not, the reader still learns that something came.
    let text = serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned());
    Event::default().event(name).data(text)
}
