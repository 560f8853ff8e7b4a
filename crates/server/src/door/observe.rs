//! One log event and one measurement for each request, at its end. Never contents, query strings,
//! mail addresses or keys: the route's template stands for the path.

use std::{
    pin::Pin,
    sync::{Arc, OnceLock},
    task::{Context, Poll},
    time::Instant,
};

use axum::{
    body::{Body, Bytes},
    extract::{MatchedPath, Request},
    middleware::Next,
    response::Response,
};
use http::{HeaderName, HeaderValue, Method, StatusCode};
use hyper::body::{Frame, SizeHint};
use uuid::Uuid;

/// The header that carries a request's id in and out.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The methods that are named; any other is `other`, or callers could invent measurements without end.
const METHODS: [&str; 9] =
    ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE"];

/// What places on the way contribute to the one event at the end.
#[derive(Debug)]
pub(crate) struct RequestNotes {
    /// The request's id.
    pub id: String,
    code: OnceLock<&'static str>,
    user: OnceLock<Uuid>,
}

impl RequestNotes {
    fn new(id: String) -> Self {
        Self { id, code: OnceLock::new(), user: OnceLock::new() }
    }

    /// Notes the code of the problem that was answered.
    pub fn set_code(&self, code: &'static str) {
        let _ = self.code.set(code);
    }

    /// Notes who called.
    pub fn set_user(&self, user: Uuid) {
        let _ = self.user.set(user);
    }
}

/// Layer: gives the request an id, and reports it when the last byte of the answer is out or the
/// caller is gone.
pub(crate) async fn observe(mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let method = method_label(request.method());
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    // An id from outside is taken over only in the one form that can hold no content.
    let given = request.headers().get(&REQUEST_ID).and_then(|value| value.to_str().ok());
    let id = given.filter(|id| id.len() == 36).and_then(|id| Uuid::try_parse(id).ok());
    let id = id.unwrap_or_else(Uuid::now_v7).to_string();
    let notes = Arc::new(RequestNotes::new(id));
    request.extensions_mut().insert(Arc::clone(&notes));
    let mut response = next.run(request).await;
    if let Ok(value) = HeaderValue::from_str(&notes.id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    let report = Report {
        started,
        method,
        route: route.unwrap_or_else(|| "(no route)".to_owned()),
        status: response.status(),
        notes,
        complete: false,
    };
    response.map(|body| Body::new(ReportedBody { body, report }))
}

fn method_label(method: &Method) -> &'static str {
    METHODS.into_iter().find(|known| *known == method.as_str()).unwrap_or("other")
}

struct Report {
    started: Instant,
    method: &'static str,
    route: String,
    status: StatusCode,
    notes: Arc<RequestNotes>,
    /// Whether the body ended rather than being dropped.
    complete: bool,
}

impl Drop for Report {
    fn drop(&mut self) {
        let elapsed = self.started.elapsed();
        let labels = [
            ("method", self.method.to_string()),
            ("route", self.route.clone()),
            ("status", self.status.as_u16().to_string()),
        ];
        metrics::counter!("fachwerk_http_requests_total", &labels).increment(1);
        metrics::histogram!("fachwerk_http_request_seconds", "route" => self.route.clone())
            .record(elapsed.as_secs_f64());
        let user = self.notes.user.get().map(Uuid::to_string).unwrap_or_default();
        tracing::info!(
            http.method = self.method,
            http.route = self.route,
            http.status = self.status.as_u16(),
            duration_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
            request.id = self.notes.id,
            user.id = user,
            error.code = self.notes.code.get().copied().unwrap_or_default(),
            complete = self.complete,
            "request answered"
        );
    }
}

/// A body that reports when it ends or is dropped.
struct ReportedBody {
    body: Body,
    report: Report,
}

impl hyper::body::Body for ReportedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        if matches!(polled, Poll::Ready(None)) || self.body.is_end_stream() {
            self.report.complete = true;
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invented_methods_share_one_label() {
        assert_eq!(method_label(&Method::PATCH), "PATCH");
        for invented in ["get", "BREW", "X1"] {
            let method = Method::from_bytes(invented.as_bytes()).expect("a token is a method");
            assert_eq!(method_label(&method), "other");
        }
    }
}
