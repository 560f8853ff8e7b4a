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
    response::Response,
};
use domain::TRACES;
use http::{HeaderName, HeaderValue, Method, StatusCode};
use hyper::body::{Frame, SizeHint};
use tracing::{Span, field::Empty, trace_span};
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

/// A request that is being answered.
pub(crate) struct Observed {
    started: Instant,
    method: &'static str,
    route: Option<MatchedPath>,
    /// Open until the answer is out.
    pub span: Span,
    /// What the places on the way have to add.
    pub notes: Arc<RequestNotes>,
}

impl Observed {
    /// Gives the request an id and begins to measure.
    pub fn begin(request: &mut Request) -> Self {
        let started = Instant::now();
        let method = method_label(request.method());
        let route = request.extensions().get::<MatchedPath>().cloned();
        // An id from outside is taken over only in the one form that can hold no content.
        let given = request.headers().get(&REQUEST_ID).and_then(|value| value.to_str().ok());
        let id = given.filter(|id| id.len() == 36).and_then(|id| Uuid::try_parse(id).ok());
        let id = id.unwrap_or_else(Uuid::now_v7).to_string();
        let notes = Arc::new(RequestNotes::new(id));
        request.extensions_mut().insert(Arc::clone(&notes));
        let span = span_of(request, method, route.as_ref(), &notes.id);
        Self { started, method, route, span, notes }
    }

    /// Sees to it that the answer is reported when its last byte is out or the caller is gone.
    pub fn report(self, mut response: Response) -> Response {
        if let Ok(value) = HeaderValue::from_str(&self.notes.id) {
            response.headers_mut().insert(REQUEST_ID, value);
        }
        let report = Report { observed: self, status: response.status(), complete: false };
        response.map(|body| Body::new(ReportedBody { body, report }))
    }

    fn route(&self) -> &str {
        self.route.as_ref().map_or("(no route)", MatchedPath::as_str)
    }
}

fn method_label(method: &Method) -> &'static str {
    METHODS.into_iter().find(|known| *known == method.as_str()).unwrap_or("other")
}

struct Report {
    observed: Observed,
    status: StatusCode,
    /// Whether the body ended rather than being dropped.
    complete: bool,
}

/// The span of a request. Its place in the caller's trace is taken over, if the caller names one.
fn span_of(request: &Request, method: &'static str, route: Option<&MatchedPath>, id: &str) -> Span {
    let route = || route.map(MatchedPath::as_str).unwrap_or_default();
    let given = || request.headers().get("traceparent").and_then(|value| value.to_str().ok());
    trace_span!(
        target: TRACES,
        "request",
        otel.name = format!("{method} {}", route()).trim_end(),
        otel.kind = "server",
        otel.end = Empty,
        traceparent = given().unwrap_or_default(),
        http.request.method = method,
        http.route = route(),
        http.response.status_code = Empty,
        error.type = Empty,
        fachwerk.request.id = id,
        fachwerk.error.code = Empty,
        fachwerk.complete = Empty,
    )
}

impl Report {
    /// Ends the span now: what the request began may go on in the trace.
    fn end_span(&self) {
        if self.observed.span.is_disabled() {
            return;
        }
        let status = self.status.as_u16();
        self.observed.span.record("http.response.status_code", status);
        if self.status.is_server_error() {
            self.observed.span.record("error.type", status.to_string());
        }
        if let Some(code) = self.observed.notes.code.get() {
            self.observed.span.record("fachwerk.error.code", *code);
        }
        if !self.complete {
            self.observed.span.record("fachwerk.complete", false);
        }
        self.observed.span.record("otel.end", true);
    }
}

impl Drop for Report {
    fn drop(&mut self) {
        self.end_span();
        let _within = self.observed.span.enter();
        let Observed { started, method, ref notes, .. } = self.observed;
        let (elapsed, route) = (started.elapsed(), self.observed.route());
        let status = self.status.as_u16();
        metrics::counter!("fachwerk_http_requests_total",
            "method" => method, "route" => route.to_owned(), "status" => status.to_string())
        .increment(1);
        metrics::histogram!("fachwerk_http_request_seconds", "route" => route.to_owned())
            .record(elapsed.as_secs_f64());
        // Whoever reads the log could count what each person does; who called is in the audit log.
        let user = notes.user.get().filter(|_| tracing::enabled!(tracing::Level::DEBUG));
        tracing::info!(
            http.method = method,
            http.route = route,
            http.status = status,
            duration_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
            request.id = notes.id,
            user.id = user.map(Uuid::to_string),
            error.code = notes.code.get().copied().unwrap_or_default(),
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
