//! The interface for programs that speak OpenAI. Which fields are accepted, passed on, ignored or
//! refused stands in `docs/api-design.md`.

use std::sync::Arc;

use app::{App, Call, ChatReply, Language};
use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use llm::{ChatChunk, ChatRequest, openai};
use serde_json::Value;

use super::{
    answer_stream::{AnswerFormat, encode},
    way::{ExplainQuery, Routed, TimeoutHeader, Wished, name_way},
};
use crate::door::{
    Caller, Problem, Reader, allowance,
    decode::{Id, Whole},
    events,
};

/// When the models are said to have been made: nobody knows, and clients only want a number.
const CREATED: i64 = 1_700_000_000;

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
    params(ExplainQuery, TimeoutHeader), responses(Routed))]
pub(crate) async fn create_chat_completion(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
    Reader(language): Reader,
    Wished(wishes): Wished,
    Whole(body): Whole,
) -> Result<Response, Problem> {
    let request = ChatRequest::read(body)?;
    let answer = app.create_chat_completion(&principal, Call { request, wishes }).await?;
    let mut response = match answer.reply {
        ChatReply::Whole(whole) => {
            ([(CONTENT_TYPE, "application/json")], whole.to_json()).into_response()
        }
        ChatReply::Stream(chunks) => {
            events::text(encode(chunks, Chunks, language), events::COMMENT)
        }
    };
    name_way(response.headers_mut(), &answer.way);
    allowance::name_left(response.headers_mut(), &app, &principal, &answer.way);
    Ok(response)
}

/// Chunks as they are, then `[DONE]`.
pub(super) struct Chunks;

impl AnswerFormat for Chunks {
    fn piece(&mut self, chunk: &ChatChunk) -> Bytes {
        openai::event(chunk)
    }

    fn end(self) -> String {
        openai::DONE.to_owned()
    }

    fn failure(self, problem: &Problem, language: Language) -> String {
        openai::error_event(&problem.openai_body(language))
    }
}
