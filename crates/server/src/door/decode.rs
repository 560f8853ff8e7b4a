//! From bytes to the types of the handlers. Whatever does not fit is refused in our own words:
//! bodies, query strings, ids in paths.

use std::{str::FromStr, time::Duration};

use app::Language;
use axum::{
    body::{Body, Bytes},
    extract::{FromRef, FromRequest, FromRequestParts, Path, Request},
};
use domain::ErrorKind;
use http::{HeaderMap, StatusCode, header::CONTENT_TYPE, request::Parts};
use http_body_util::BodyExt;
use serde::de::DeserializeOwned;

use super::{
    language::Bilingual,
    misfit::{Misfit, shorten},
    problem::{Problem, is_openai},
};

/// Bounds on bodies, as the configuration says.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BodyLimits {
    /// For JSON under `/api`.
    pub json_bytes: usize,
    /// For everything under `/v1`.
    pub chat_bytes: usize,
    /// For a document.
    pub upload_bytes: u64,
    /// For a recording.
    pub audio_bytes: u64,
    /// Longest pause inside a body.
    pub idle: Duration,
    /// Least bytes a second of a document, on average; 0 for any.
    pub upload_bytes_per_second: u64,
}

/// Longest time for a JSON body to arrive whole; beyond: 408. The pause between pieces alone would let
/// one byte at a time hold a connection for hours.
const JSON_TIME_MAX: Duration = Duration::from_secs(30);

/// A body that says it is JSON, as it came.
#[derive(Debug)]
pub(crate) struct Whole(pub Bytes);

impl<S> FromRequest<S> for Whole
where
    S: Send + Sync,
    BodyLimits: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let limits = BodyLimits::from_ref(state);
        check_json_type(request.headers())?;
        let openai = is_openai(request.uri().path());
        let limit = if openai { limits.chat_bytes } else { limits.json_bytes };
        let reading = read_body(request.into_body(), limit, limits.idle);
        within(JSON_TIME_MAX, reading).await.map(Self)
    }
}

/// A JSON body of a known type. `serde_json` bounds the nesting at 128.
#[derive(Debug)]
pub(crate) struct Json<T>(pub T);

impl<T, S> FromRequest<S> for Json<T>
where
    T: DeserializeOwned,
    S: Send + Sync,
    BodyLimits: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let Whole(bytes) = Whole::from_request(request, state).await?;
        parse_json(&bytes).map(Self)
    }
}

fn check_json_type(headers: &HeaderMap) -> Result<(), Problem> {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = value.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    let text = Bilingual::new(
        "Erwartet wird JSON mit „Content-Type: application/json“.",
        "JSON with \"Content-Type: application/json\" is expected.",
    );
    Err(Problem::new(ErrorKind::Unsupported, "json_expected", text))
}

/// Waits for a body no longer than `time`, however lively it is.
async fn within(
    time: Duration,
    reading: impl Future<Output = Result<Bytes, Problem>>,
) -> Result<Bytes, Problem> {
    tokio::time::timeout(time, reading).await.unwrap_or_else(|_| Err(slow_body()))
}

/// Reads a whole body of at most `limit` bytes. Dropped half-way, it loses what it has read.
async fn read_body(mut body: Body, limit: usize, idle: Duration) -> Result<Bytes, Problem> {
    let too_large = || Problem::too_large(limit as u64);
    let announced = hyper::body::Body::size_hint(&body);
    if announced.lower() > limit as u64 {
        return Err(too_large());
    }
    let mut bytes = Vec::with_capacity(announced.exact().unwrap_or(0) as usize);
    loop {
        let frame = tokio::time::timeout(idle, body.frame()).await.map_err(|_| slow_body())?;
        let Some(frame) = frame else { return Ok(bytes.into()) };
        let frame = frame.map_err(broken_body)?;
        let Ok(piece) = frame.into_data() else { continue };
        if bytes.len() + piece.len() > limit {
            return Err(too_large());
        }
        bytes.extend_from_slice(&piece);
    }
}

/// The body stopped coming.
pub(crate) fn slow_body() -> Problem {
    let text = Bilingual::new(
        "Die Übertragung ist stehen geblieben. Bitte senden Sie die Anfrage erneut.",
        "The transfer stalled. Please send the request again.",
    );
    Problem::invalid("request_stalled", text).with_status(StatusCode::REQUEST_TIMEOUT)
}

/// The body broke off.
pub(crate) fn broken_body(error: axum::Error) -> Problem {
    let text = Bilingual::new(
        "Die Übertragung ist abgebrochen oder verstümmelt.",
        "The transfer broke off or is malformed.",
    );
    Problem::invalid("request_broken", text).with_source(error)
}

/// Reads JSON; names the place that does not fit.
pub(crate) fn parse_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    if let Err(error) = std::str::from_utf8(bytes) {
        let at = error.valid_up_to();
        let text = Bilingual::new(
            format!("Der Inhalt ist kein UTF-8 (ab Byte {at})."),
            format!("The body is not UTF-8 (from byte {at})."),
        );
        return Err(Problem::invalid("invalid_utf8", text));
    }
    // A list would be taken for the fields in their order: nobody means that.
    let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
    if first.is_some_and(|first| *first != b'{') {
        let text =
            Bilingual::new("Der Inhalt ist kein JSON-Objekt.", "The body is not a JSON object.");
        return Err(Problem::invalid("invalid_body", text));
    }
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value: T = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let path = error.path().to_string();
        unfit_json(&path, &error.into_inner())
    })?;
    deserializer.end().map_err(|error| unfit_json(".", &error))?;
    Ok(value)
}

fn unfit_json(path: &str, error: &serde_json::Error) -> Problem {
    if !error.is_data() {
        let (line, column) = (error.line(), error.column());
        let text = Bilingual::new(
            format!("Der Inhalt ist kein gültiges JSON (Zeile {line}, Spalte {column})."),
            format!("The body is not valid JSON (line {line}, column {column})."),
        );
        return Problem::invalid("invalid_json", text);
    }
    misfit("invalid_body", Some(path).filter(|path| *path != "."), &error.to_string())
}

/// What serde finds wrong, at a place if it knows one.
fn misfit(code: &'static str, path: Option<&str>, sentence: &str) -> Problem {
    let misfit = Misfit::read(sentence);
    let (de, en) = (misfit.text(Language::German), misfit.text(Language::English));
    let said = Bilingual::new(de.clone(), en.clone());
    let Some(path) = path else { return Problem::invalid(code, said) };
    let name = shorten(path);
    let text = if misfit.names(path) {
        said.clone()
    } else {
        Bilingual::new(
            format!("Die Angabe „{name}“ passt nicht: {de}"),
            format!("The field \"{name}\" does not fit: {en}"),
        )
    };
    Problem::invalid(code, text).with_field(name, said)
}

/// An id in the path. One that cannot be an id is not found, without asking anybody.
#[derive(Debug)]
pub(crate) struct Id<T>(pub T);

impl<T, S> FromRequestParts<S> for Id<T>
where
    T: FromStr + Send,
    S: Send + Sync,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Path(text) = Path::<String>::from_request_parts(parts, state)
            .await
            .map_err(|_| Problem::not_found())?;
        text.parse().map(Self).map_err(|_| Problem::not_found())
    }
}

/// The query string. Unknown names are refused where the type says so.
#[derive(Debug)]
pub(crate) struct Query<T>(pub T);

impl<T, S> FromRequestParts<S> for Query<T>
where
    T: DeserializeOwned,
    S: Send + Sync,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let query = axum::extract::Query::<T>::try_from_uri(&parts.uri);
        query.map(|query| Self(query.0)).map_err(|error| {
            let said = error.body_text();
            // What the web framework says itself, then the name if it knows it, then the sentence.
            let said = said.strip_prefix("Failed to deserialize query string: ").unwrap_or(&said);
            let named = said.split_once(": ").filter(|(name, _)| !name.contains(' '));
            let sentence = named.map_or(said, |(_, sentence)| sentence);
            misfit("invalid_query", named.map(|(name, _)| name), sentence)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Body {
        #[expect(dead_code, reason = "only its type matters here")]
        ids: Vec<uuid::Uuid>,
    }

    fn refusal(bytes: &[u8]) -> String {
        format!("{:?}", parse_json::<Body>(bytes).expect_err("must be refused"))
    }

    #[tokio::test]
    async fn a_body_that_drips_is_ended() {
        let drip = futures_util::stream::unfold((), |()| async {
            tokio::time::sleep(Duration::from_millis(10)).await;
            Some((Ok::<_, std::io::Error>(Bytes::from_static(b" ")), ()))
        });
        let reading =
            read_body(axum::body::Body::from_stream(drip), 1 << 20, Duration::from_secs(5));
        let ended = within(Duration::from_millis(200), reading).await.expect_err("must be ended");
        assert!(format!("{ended:?}").contains("request_stalled"));
    }

    #[test]
    fn what_does_not_fit_is_named() {
        assert!(refusal(br#"{"ids": [], "extra": 1}"#).contains("extra"));
        assert!(refusal(br#"{"ids": ["x"]}"#).contains("ids[0]"));
        assert!(refusal(br#"{"ids": [], "ids": []}"#).contains("mehrmals"));
        assert!(refusal(br#"{"ids": []} {}"#).contains("kein gültiges JSON (Zeile 1"));
        assert!(refusal(b"\xff").contains("UTF-8"));
        assert!(refusal(b"[[]]").contains("kein JSON-Objekt"));
        let deep = format!("{{\"ids\": {}", "[".repeat(100_000));
        assert!(refusal(deep.as_bytes()).contains("ids"));
    }
}
