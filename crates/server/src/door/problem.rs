//! What went wrong, on its way out: one function from kind to status, one envelope for each part of
//! the interface, one log line. Knows no causes; those come along as sources.

use std::{error::Error, fmt::Write, sync::Arc, time::Duration};

use app::{Allowance, Language};
use axum::{
    body::Body,
    extract::Request,
    response::{IntoResponse, Response},
};
use domain::ErrorKind;
use http::{
    HeaderName, HeaderValue, StatusCode, Uri,
    header::{ALLOW, CONTENT_LANGUAGE, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE},
};
use llm::{UpstreamError, openai::ErrorBody};
use serde_json::{Map, Value, json};

use super::{
    allowance,
    language::{self, Bilingual},
    observe::RequestNotes,
};

/// Names the routes that came into question, and why each was taken or not.
const EXPLANATION: HeaderName = HeaderName::from_static("x-fachwerk-explanation");
/// OpenAI's code and kind for a budget that is used up.
const QUOTA: &str = "insufficient_quota";

/// An answer that is an error. Handlers return it; [`Envelope`] writes it out.
#[derive(Debug, Clone)]
pub(crate) struct Problem(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    kind: ErrorKind,
    /// Where HTTP knows a finer status than the kind.
    status: StatusCode,
    code: &'static str,
    text: Bilingual,
    fields: Vec<(String, Bilingual)>,
    retry_after: Option<Duration>,
    allowance: Option<Allowance>,
    /// Why no route was taken, as a header has it.
    explanation: Option<String>,
    /// What a model server said that refused.
    upstream: Option<UpstreamError>,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl Problem {
    /// Makes a problem with the text for people.
    pub fn new(kind: ErrorKind, code: &'static str, text: Bilingual) -> Self {
        Self(Arc::new(Inner {
            kind,
            status: status_of(kind),
            code,
            text,
            fields: Vec::new(),
            retry_after: None,
            allowance: None,
            explanation: None,
            upstream: None,
            source: None,
        }))
    }

    fn change(mut self, change: impl FnOnce(&mut Inner)) -> Self {
        // A problem is not shared before it is answered.
        if let Some(inner) = Arc::get_mut(&mut self.0) {
            change(inner);
        }
        self
    }

    /// Replaces the status that the kind stands for.
    pub fn with_status(self, status: StatusCode) -> Self {
        self.change(|inner| inner.status = status)
    }

    /// Names a field of the request and what is wrong with it.
    pub fn with_field(self, name: impl Into<String>, text: Bilingual) -> Self {
        self.change(|inner| inner.fields.push((name.into(), text)))
    }

    /// Says when to try again.
    pub fn with_retry_after(self, wait: Option<Duration>) -> Self {
        self.change(|inner| inner.retry_after = wait)
    }

    /// Says what is left of the caller's rates.
    pub fn with_allowance(self, allowance: Option<Allowance>) -> Self {
        self.change(|inner| inner.allowance = allowance)
    }

    /// Says why no route was taken.
    pub fn with_explanation(self, explanation: Option<String>) -> Self {
        self.change(|inner| inner.explanation = explanation)
    }

    /// Attaches the cause, for the log.
    pub fn with_source(self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.change(|inner| inner.source = Some(source.into()))
    }

    /// A mistake in the request.
    pub fn invalid(code: &'static str, text: Bilingual) -> Self {
        Self::new(ErrorKind::Invalid, code, text)
    }

    /// No such thing.
    pub fn not_found() -> Self {
        app::Error::not_found().into()
    }

    /// Over a limit in bytes.
    pub fn too_large(limit_bytes: u64) -> Self {
        let text = Bilingual::new(
            format!("Die Anfrage ist zu groß. Erlaubt sind {}.", size(limit_bytes, ',')),
            format!("The request is too large. The limit is {}.", size(limit_bytes, '.')),
        );
        Self::new(ErrorKind::TooLarge, "too_large", text)
    }

    /// Its kind.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// What people are told.
    pub fn text(&self, language: Language) -> &str {
        self.0.text.get(language)
    }

    fn title(&self, language: Language) -> &'static str {
        let (de, en) = match self.0.kind {
            ErrorKind::Invalid => ("Ungültige Anfrage", "Invalid request"),
            ErrorKind::Unauthenticated => ("Nicht angemeldet", "Not signed in"),
            ErrorKind::Forbidden => ("Nicht erlaubt", "Not permitted"),
            ErrorKind::NotFound => ("Nicht gefunden", "Not found"),
            ErrorKind::Conflict => ("Widerspruch zum jetzigen Stand", "Conflict"),
            ErrorKind::TooLarge => ("Zu groß", "Too large"),
            ErrorKind::Unsupported => ("Format nicht unterstützt", "Unsupported format"),
            ErrorKind::Unprocessable => ("Inhalt nicht verwendbar", "Unfit content"),
            ErrorKind::RateLimited => ("Zu viele Anfragen", "Too many requests"),
            ErrorKind::Overloaded => ("Zurzeit nicht verfügbar", "Unavailable"),
            ErrorKind::StorageFull => ("Kein Speicherplatz", "Storage full"),
            ErrorKind::UpstreamFailed => ("Der Modelldienst antwortet nicht", "Upstream failed"),
            ErrorKind::TimedOut => ("Zeit abgelaufen", "Timed out"),
            ErrorKind::Cancelled => ("Abgebrochen", "Cancelled"),
            ErrorKind::Internal => ("Interner Fehler", "Internal error"),
        };
        match language {
            Language::German => de,
            Language::English => en,
        }
    }

    /// RFC 9457, for everything but `/v1`.
    fn own_envelope(&self, language: Language) -> Value {
        let inner = &self.0;
        let mut body = json!({
            "type": "about:blank",
            "title": self.title(language),
            "status": inner.status.as_u16(),
            "detail": inner.text.get(language),
            "code": inner.code,
        });
        if !inner.fields.is_empty() {
            let fields: Map<String, Value> = inner
                .fields
                .iter()
                .map(|(name, text)| (name.clone(), text.get(language).into()))
                .collect();
            body["fields"] = fields.into();
        }
        body
    }

    /// The envelope that OpenAI's clients know.
    pub fn openai_body(&self, language: Language) -> ErrorBody {
        let inner = &self.0;
        let kind = match inner.kind {
            ErrorKind::Unauthenticated => "authentication_error",
            ErrorKind::Forbidden => "permission_error",
            ErrorKind::RateLimited if openai_code(inner.code) == QUOTA => QUOTA,
            ErrorKind::RateLimited => "rate_limit_error",
            ErrorKind::Internal
            | ErrorKind::UpstreamFailed
            | ErrorKind::TimedOut
            | ErrorKind::Overloaded
            | ErrorKind::StorageFull
            | ErrorKind::Cancelled => "server_error",
            _ => "invalid_request_error",
        };
        // Stock packages act on codes of the provider, such as `context_length_exceeded`.
        let upstream = inner.upstream.clone().unwrap_or_default();
        let field = inner.fields.first().map(|(name, _)| name.clone());
        // A number repeats the status.
        let code = upstream.code.filter(|code| code.parse::<u64>().is_err());
        let code = code.unwrap_or_else(|| openai_code(inner.code).to_owned());
        ErrorBody {
            message: inner.text.get(language).to_owned(),
            kind,
            param: field.or(upstream.param),
            code: Some(code),
        }
    }

    /// Writes the envelope for the part of the interface that `path` lies in.
    fn render(&self, path: &str, language: Language) -> Response {
        let inner = &self.0;
        let (envelope, content_type) = if is_anthropic(path) {
            (llm::messages::error(inner.kind, inner.text.get(language)), "application/json")
        } else if is_openai(path) || without_version(path).is_some() {
            (self.openai_body(language).to_value(), "application/json")
        } else {
            (self.own_envelope(language), "application/problem+json")
        };
        let mut response = Response::new(Body::from(envelope.to_string()));
        *response.status_mut() = inner.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        headers.insert(CONTENT_LANGUAGE, HeaderValue::from_static(language::tag(language)));
        if let Some(wait) = inner.retry_after {
            // Rounded up: whoever waits that long must not be early.
            headers.insert(RETRY_AFTER, HeaderValue::from(wait.as_millis().div_ceil(1_000) as u64));
        }
        if let Some(allowance) = inner.allowance.filter(|_| is_openai(path)) {
            allowance::name(headers, &allowance);
        }
        let explanation = inner.explanation.as_deref().map(HeaderValue::from_str);
        if let Some(Ok(explanation)) = explanation {
            headers.insert(EXPLANATION, explanation);
        }
        if inner.status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }

    /// Logs once, with the chain of causes. Only what somebody must look at is an error.
    pub fn log(&self, request_id: &str) {
        let inner = &self.0;
        let mut causes = String::new();
        let mut next: Option<&dyn Error> = inner.source.as_deref().map(|source| source as _);
        while let Some(cause) = next {
            let _ = write!(causes, "{}{cause}", if causes.is_empty() { "" } else { ": " });
            next = cause.source();
        }
        match inner.kind {
            ErrorKind::Internal => tracing::error!(
                request.id = request_id,
                error.code = inner.code,
                error.causes = causes,
                "a request failed by our own fault"
            ),
            ErrorKind::UpstreamFailed
            | ErrorKind::TimedOut
            | ErrorKind::Overloaded
            | ErrorKind::StorageFull => {
                tracing::warn!(
                    request.id = request_id,
                    error.code = inner.code,
                    error.causes = causes,
                    "a request failed by a dependency or by load"
                );
            }
            _ if !causes.is_empty() => tracing::debug!(
                request.id = request_id,
                error.code = inner.code,
                error.causes = causes,
                "a request was refused"
            ),
            _ => {}
        }
    }
}

/// The status a kind stands for. 500 means our bug; 502, 503, 504, 507 mean a dependency or load.
const fn status_of(kind: ErrorKind) -> StatusCode {
    match kind {
        ErrorKind::Invalid => StatusCode::BAD_REQUEST,
        ErrorKind::Unauthenticated => StatusCode::UNAUTHORIZED,
        ErrorKind::Forbidden => StatusCode::FORBIDDEN,
        ErrorKind::NotFound => StatusCode::NOT_FOUND,
        ErrorKind::Conflict => StatusCode::CONFLICT,
        ErrorKind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        ErrorKind::Unsupported => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        ErrorKind::Unprocessable => StatusCode::UNPROCESSABLE_ENTITY,
        ErrorKind::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        ErrorKind::Overloaded => StatusCode::SERVICE_UNAVAILABLE,
        ErrorKind::StorageFull => StatusCode::INSUFFICIENT_STORAGE,
        ErrorKind::UpstreamFailed => StatusCode::BAD_GATEWAY,
        ErrorKind::TimedOut => StatusCode::GATEWAY_TIMEOUT,
        // Nobody is left to read it; the number is nginx's, for the log.
        ErrorKind::Cancelled => match StatusCode::from_u16(499) {
            Ok(status) => status,
            Err(_) => StatusCode::BAD_REQUEST,
        },
        ErrorKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

impl From<app::Error> for Problem {
    fn from(error: app::Error) -> Self {
        let (de, en) = (error.text(Language::German), error.text(Language::English));
        let german = error.field_texts(Language::German);
        let english = error.field_texts(Language::English);
        let mut problem = Self::new(error.kind, error.code, Bilingual::new(de, en))
            .with_retry_after(error.retry_after)
            .with_allowance(error.allowance.as_deref().copied())
            .with_explanation(error.explanation().map(app::Explanation::to_header))
            .change(|inner| inner.upstream = error.upstream().cloned());
        for ((name, de), (_, en)) in german.into_iter().zip(english) {
            problem = problem.with_field(name, Bilingual::new(de, en));
        }
        // The error's own text is its code; what is behind it is worth logging.
        if std::error::Error::source(&error).is_some() {
            problem.with_source(error)
        } else {
            problem
        }
    }
}

impl From<llm::RequestError> for Problem {
    /// In English as the interface of OpenAI has it.
    fn from(error: llm::RequestError) -> Self {
        let german = app::Error::of_request(&error).text(Language::German);
        let text = Bilingual::new(german, error.message);
        let problem = Self::invalid(error.code, text.clone());
        match error.param {
            Some(param) => problem.with_field(param, text),
            None => problem,
        }
    }
}

impl IntoResponse for Problem {
    /// Only marks the response: the envelope needs the request's path and language.
    fn into_response(self) -> Response {
        let mut response = self.0.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// Whether a path belongs to Anthropic's interface.
pub(crate) fn is_anthropic(path: &str) -> bool {
    path == "/v1/messages" || path.starts_with("/v1/messages/")
}

/// Whether a path belongs to the OpenAI-compatible part.
pub(crate) fn is_openai(path: &str) -> bool {
    path == "/v1" || path.starts_with("/v1/")
}

/// Where the interfaces below `/v1` begin.
const INTERFACES: [&str; 10] = [
    "models",
    "chat/completions",
    "completions",
    "embeddings",
    "rerank",
    "moderations",
    "responses",
    "messages",
    "images",
    "audio",
];

/// The beginning of an interface whose address a caller gave without `/v1`, as those do whose base
/// URL lacks it.
pub(crate) fn without_version(path: &str) -> Option<&'static str> {
    let path = path.strip_prefix('/')?;
    let begins = |name: &&str| {
        path.strip_prefix(*name).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    INTERFACES.into_iter().find(begins)
}

/// Whether a path belongs to programs rather than to the browser's address bar.
pub(crate) fn is_interface(path: &str) -> bool {
    is_openai(path) || path == "/api" || path.starts_with("/api/")
}

/// How a problem is to be written out: as the request's path and language want it.
#[derive(Debug)]
pub(crate) struct Envelope {
    path: Uri,
    language: Language,
}

impl Envelope {
    /// Reads what counts from the request.
    pub fn of(request: &Request) -> Self {
        Self { path: request.uri().clone(), language: language::preferred(request.headers()) }
    }

    /// Writes out the problem that the response bears, if it does.
    pub fn write_out(&self, mut response: Response, notes: &RequestNotes) -> Response {
        let Some(problem) = response.extensions_mut().remove::<Problem>() else { return response };
        problem.log(&notes.id);
        notes.set_code(problem.0.code);
        let mut rendered = problem.render(self.path.path(), self.language);
        // What the refusing place had to say beside the envelope, e.g. which methods are allowed.
        if let Some(allow) = response.headers_mut().remove(ALLOW) {
            rendered.headers_mut().insert(ALLOW, allow);
        }
        rendered
    }
}

/// Writes a size for people: `2 MB`, `1,5 GB`.
fn size(bytes: u64, decimal: char) -> String {
    let units = [("GB", 1_u64 << 30), ("MB", 1 << 20), ("kB", 1 << 10)];
    for (unit, one) in units {
        if bytes >= one {
            let tenths = bytes.saturating_mul(10) / one;
            return if tenths.is_multiple_of(10) {
                format!("{} {unit}", tenths / 10)
            } else {
                format!("{}{decimal}{} {unit}", tenths / 10, tenths % 10)
            };
        }
    }
    format!("{bytes} B")
}

/// OpenAI's own code where its clients test for one.
fn openai_code(code: &str) -> &str {
    match code {
        "model_unknown" => "model_not_found",
        "key_invalid" | "key_missing" | "unauthenticated" => "invalid_api_key",
        "limit_requests" | "limit_tokens" | "limit_concurrent" => "rate_limit_exceeded",
        "budget_tokens" | "budget_cost" | "budget_route" => QUOTA,
        "not_stored" | "server_tool" => "unsupported_parameter",
        "limit_context" | "context_too_long" => "context_length_exceeded",
        other => other,
    }
}
