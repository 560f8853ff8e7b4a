//! The interface for programs that speak OpenAI. Which fields are accepted, passed on, ignored or
//! refused stands in `docs/api-design.md`.

use std::{sync::Arc, time::Duration};

use app::{App, ChatCall, ChatReply, Language};
use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use domain::Place;
use http::{HeaderMap, HeaderName, HeaderValue, header::CONTENT_TYPE};
use llm::{ChatChunk, ChatRequest, openai};
use serde::Deserialize;
use serde_json::Value;
use utoipa::IntoParams;

use super::answer_stream::{AnswerFormat, encode};
use crate::door::{
    Caller, Problem, Query, Reader,
    decode::{Id, Whole},
    events,
};

/// When the models are said to have been made: nobody knows, and clients only want a number.
const CREATED: i64 = 1_700_000_000;

/// How long a caller waits for the whole answer, in milliseconds.
const TIMEOUT: HeaderName = HeaderName::from_static("x-fachwerk-timeout-ms");
/// The longest that may be said there: a day.
const TIMEOUT_MS_MAX: u64 = 24 * 3_600 * 1_000;
/// Why the route was taken, for administrators who asked.
const EXPLANATION: HeaderName = HeaderName::from_static("x-fachwerk-explanation");

/// What else the caller wants to know.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ExplainQuery {
    /// Whether the header `x-fachwerk-explanation` shall say why the route was taken and the others
    /// were not. For administrators.
    #[serde(default)]
    explain: bool,
}

/// Lists the models in OpenAI's shape.
#[utoipa::path(get, path = "/v1/models", tag = "openai", responses((status = 200, body = Value)))]
pub(crate) async fn list_openai_models(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
) -> Result<axum::Json<Value>, Problem> {
    let models = app.list_models(&principal, None)?;
    let names = models.iter().map(|model| model.name.as_str());
    Ok(axum::Json(openai::models(names, CREATED)))
}

/// Returns one model in OpenAI's shape.
#[utoipa::path(get, path = "/v1/models/{id}", tag = "openai", params(("id" = String, Path)),
    responses((status = 200, body = Value)))]
pub(crate) async fn get_openai_model(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
    Id(name): Id<String>,
) -> Result<axum::Json<Value>, Problem> {
    let model = app.get_model(&principal, &name)?;
    Ok(axum::Json(openai::model(&model.name, CREATED)))
}

/// Answers a chat request, whole or as a stream of server-sent events that ends with `[DONE]`.
#[utoipa::path(post, path = "/v1/chat/completions", tag = "openai", request_body = Value,
    params(
        ExplainQuery,
        ("x-fachwerk-timeout-ms" = Option<u32>, Header,
            description = "How long the caller waits for the whole answer, in milliseconds.")
    ),
    responses((status = 200, body = Value, headers(
        ("x-fachwerk-model" = String), ("x-fachwerk-route" = String), ("x-fachwerk-place" = String),
        ("x-fachwerk-guard" = Option<String>),
        ("x-fachwerk-explanation" = Option<String>)
    ))))]
pub(crate) async fn create_chat_completion(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
    Reader(language): Reader,
    Query(ExplainQuery { explain }): Query<ExplainQuery>,
    headers: HeaderMap,
    Whole(body): Whole,
) -> Result<Response, Problem> {
    let request = ChatRequest::parse(&body)?;
    let call = ChatCall { request, time: time_of(&headers)?, explain };
    let answer = app.create_chat_completion(&principal, call).await?;
    let mut response = match answer.reply {
        ChatReply::Whole(whole) => {
            ([(CONTENT_TYPE, "application/json")], whole.to_json()).into_response()
        }
        ChatReply::Stream(chunks) => {
            events::text(encode(chunks, Chunks, language), events::COMMENT)
        }
    };
    let taken = answer.taken;
    name_route(response.headers_mut(), &taken.model, &taken.route, taken.place);
    name_findings(response.headers_mut(), answer.guard.as_deref());
    let explanation = answer.explanation.map(|why| HeaderValue::try_from(why.to_header()));
    if let Some(Ok(explanation)) = explanation {
        response.headers_mut().insert(EXPLANATION, explanation);
    }
    Ok(response)
}

/// How long the caller waits, if they say so.
fn time_of(headers: &HeaderMap) -> Result<Option<Duration>, app::Error> {
    let Some(value) = headers.get(TIMEOUT) else { return Ok(None) };
    let number = value.to_str().ok().and_then(|text| text.parse::<u64>().ok());
    match number.filter(|number| (1..=TIMEOUT_MS_MAX).contains(number)) {
        Some(number) => Ok(Some(Duration::from_millis(number))),
        None => Err(app::Error::invalid("timeout_invalid").with("max", TIMEOUT_MS_MAX)),
    }
}

/// Says which way the answer took. Names that no header can carry are left out.
pub(super) fn name_route(headers: &mut HeaderMap, model: &str, route: &str, place: Place) {
    let names = [
        ("x-fachwerk-model", model),
        ("x-fachwerk-route", route),
        ("x-fachwerk-place", place.code()),
    ];
    for (name, value) in names {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
}

/// Says what the guard found in the request, by kind and number.
pub(super) fn name_findings(headers: &mut HeaderMap, guard: Option<&str>) {
    if let Some(Ok(value)) = guard.map(HeaderValue::from_str) {
        headers.insert(HeaderName::from_static("x-fachwerk-guard"), value);
    }
}

/// Chunks as they are, then `[DONE]`.
pub(super) struct Chunks;

impl AnswerFormat for Chunks {
    fn piece(&mut self, chunk: &ChatChunk) -> String {
        openai::event(chunk)
    }

    fn end(self) -> String {
        openai::DONE.to_owned()
    }

    fn failure(self, problem: &Problem, language: Language) -> String {
        openai::error_event(&problem.openai_body(language))
    }
}
