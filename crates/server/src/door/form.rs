//! A form with a file, streamed.

use std::time::{Duration, Instant};

use axum::{
    body::{Body, Bytes},
    extract::{
        DefaultBodyLimit, FromRequest, Multipart, Request,
        multipart::{Field, MultipartError},
    },
};
use domain::ErrorKind;
use http::{HeaderMap, header::CONTENT_LENGTH};

use super::{
    decode::{BodyLimits, broken_body, slow_body},
    language::Bilingual,
    paced::{Allowance, Paced},
    problem::Problem,
};
use crate::front::Front;

/// Bytes of a form around its file; beyond: refused.
const FRAME_BYTES_MAX: u64 = 256 << 10;

/// What a request says that it will bring, in bytes; zero if it does not say.
pub(crate) fn announced_bytes(headers: &HeaderMap) -> u64 {
    let length = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    length.and_then(|length| length.parse().ok()).unwrap_or(0)
}

/// A form on its way in.
pub(crate) struct Form {
    parts: Multipart,
    limits: BodyLimits,
    /// Largest file, in bytes.
    file_bytes: u64,
    allowance: Allowance,
}

/// A field of it, in most forms the file.
pub(crate) struct FormField<'f> {
    pub field: Field<'f>,
    limits: BodyLimits,
    file_bytes: u64,
    allowance: Allowance,
    pace: Pace,
}

impl Form {
    /// Begins to read a form with a file of at most so many bytes. One that says itself that it is
    /// too long is refused before a byte of it is taken.
    pub async fn open(front: &Front, file_bytes: u64, request: Request) -> Result<Self, Problem> {
        let limits = front.limits;
        if announced_bytes(request.headers()) > file_bytes.saturating_add(FRAME_BYTES_MAX) {
            return Err(Problem::too_large(file_bytes));
        }
        let allowance = Allowance::new(FRAME_BYTES_MAX);
        let paced = allowance.clone();
        let mut request = request.map(|body| Body::from_stream(Paced::new(body, paced)));
        // Read through our own limits, not the framework's.
        DefaultBodyLimit::disable().apply(&mut request);
        let parts = Multipart::from_request(request, front).await.map_err(|error| {
            let text = Bilingual::new(
                "Erwartet wird ein Formular „multipart/form-data“ mit dem Feld „file“.",
                "A \"multipart/form-data\" form with the field \"file\" is expected.",
            );
            Problem::new(ErrorKind::Unsupported, "multipart_expected", text).with_source(error)
        })?;
        Ok(Self { parts, limits, file_bytes, allowance })
    }

    /// Finds the field `file`, which must be the first: what stands before it would have to be
    /// kept.
    pub async fn file(&mut self) -> Result<FormField<'_>, Problem> {
        let field = self.next_field().await?;
        let field = field.filter(|field| field.field.name() == Some("file"));
        field.ok_or_else(|| app::Error::invalid("file_missing").in_field("file").into())
    }

    /// The next field, whichever it is; `None` at the end.
    pub async fn next_field(&mut self) -> Result<Option<FormField<'_>>, Problem> {
        let Self { parts, limits, file_bytes, allowance } = self;
        let next = tokio::time::timeout(limits.idle, parts.next_field()).await;
        let field = next.map_err(|_| slow_body())?;
        let field = field.map_err(|error| broken(error, allowance, *file_bytes))?;
        let Some(field) = field else { return Ok(None) };
        if field.name() == Some("file") {
            allowance.raise(*file_bytes);
        }
        let pace = Pace::new(limits.upload_bytes_per_second, limits.idle);
        let (limits, file_bytes, allowance) = (*limits, *file_bytes, allowance.clone());
        Ok(Some(FormField { field, limits, file_bytes, allowance, pace }))
    }

    /// A form that is cut off must not pass for a whole file, and one with more in it must not lose
    /// the rest in silence.
    pub async fn end(&mut self) -> Result<(), Problem> {
        if self.next_field().await?.is_none() {
            return Ok(());
        }
        let text = Bilingual::new(
            "Das Formular enthält mehr als das Feld „file“. Bitte senden Sie eine Datei je Anfrage.",
            "The form holds more than the field \"file\". Please send one file in each request.",
        );
        Err(Problem::invalid("one_file_expected", text))
    }
}

impl FormField<'_> {
    /// The next bytes of the field; `None` at its end. Dropped half-way, it loses nothing.
    pub async fn next_piece(&mut self) -> Result<Option<Bytes>, Problem> {
        let asked = Instant::now();
        let next = tokio::time::timeout(self.limits.idle, self.field.chunk()).await;
        let piece = next.map_err(|_| slow_body())?;
        let bytes = piece.as_ref().ok().and_then(|piece| piece.as_ref()).map_or(0, Bytes::len);
        if self.pace.is_too_slow(asked.elapsed(), bytes) {
            return Err(slow_body());
        }
        piece.map_err(|error| broken(error, &self.allowance, self.file_bytes))
    }
}

/// How fast a file comes in. Counts only the time that was spent waiting for it: a slow disk of ours
/// is not the caller's fault.
#[derive(Debug)]
struct Pace {
    bytes_per_second: u64,
    /// Nobody is judged before this time.
    grace: Duration,
    waited: Duration,
    bytes: u64,
}

impl Pace {
    fn new(bytes_per_second: u64, grace: Duration) -> Self {
        Self { bytes_per_second, grace, waited: Duration::ZERO, bytes: 0 }
    }

    fn is_too_slow(&mut self, waited: Duration, bytes: usize) -> bool {
        self.waited += waited;
        self.bytes += bytes as u64;
        let least = self.bytes_per_second.saturating_mul(self.waited.as_secs());
        self.waited > self.grace && self.bytes < least
    }
}

fn broken(error: MultipartError, allowance: &Allowance, file_bytes: u64) -> Problem {
    if allowance.is_exceeded() {
        return Problem::too_large(file_bytes);
    }
    broken_body(axum::Error::new(error))
}
