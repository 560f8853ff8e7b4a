//! The interfaces of OpenAI's beside chat: vectors, order, and what is handed on.

use std::sync::Arc;

use app::{App, Call, Language, OperationReply, Way, Wishes};
use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use domain::Principal;
use http::{HeaderValue, header::CONTENT_TYPE};
use llm::{Operation, OperationRequest, embeddings::EmbeddingRequest, rerank::RerankRequest};

use super::{
    answer_stream::{TypedEvents, encode},
    openai::Chunks,
    way::{ExplainQuery, Routed, Spoken, TimeoutHeader, Wished, name_way},
};
use crate::door::{Caller, Problem, Reader, allowance, decode::Whole, events};

/// Gets vectors for texts.
#[utoipa::path(post, path = "/v1/embeddings", tag = "openai", request_body = serde_json::Value,
    params(ExplainQuery, TimeoutHeader), responses(Routed))]
pub(crate) async fn create_embedding(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
    Wished(wishes): Wished,
    Whole(body): Whole,
) -> Result<Response, Problem> {
    let request = EmbeddingRequest::parse(&body)?;
    let answer = app.create_embedding(&principal, Call { request: &request, wishes }).await?;
    let text = answer.reply.to_json(request.encoding());
    let text = text.map_err(|error| {
        app::Error::new(domain::ErrorKind::UpstreamFailed, "upstream_failed").caused_by(error)
    })?;
    let mut response = json(text, &answer.way);
    allowance::name_left(response.headers_mut(), &app, &principal, &answer.way);
    Ok(response)
}

/// Puts texts in the order in which they answer a question.
#[utoipa::path(post, path = "/v1/rerank", tag = "openai", request_body = serde_json::Value,
    params(ExplainQuery, TimeoutHeader), responses(Routed))]
pub(crate) async fn create_rerank(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
    Wished(wishes): Wished,
    Whole(body): Whole,
) -> Result<Response, Problem> {
    let request = RerankRequest::parse(&body)?;
    let answer = app.create_rerank(&principal, Call { request: &request, wishes }).await?;
    let mut response = json(answer.reply.to_json(), &answer.way);
    allowance::name_left(response.headers_mut(), &app, &principal, &answer.way);
    Ok(response)
}

/// Lets text go on from text, whole or as a stream: the older interface beside chat.
#[utoipa::path(post, path = "/v1/completions", tag = "openai", request_body = serde_json::Value,
    params(ExplainQuery, TimeoutHeader), responses(Routed))]
pub(crate) async fn create_completion(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
    Reader(language): Reader,
    Wished(wishes): Wished,
    Whole(body): Whole,
) -> Result<Response, Problem> {
    hand_on(&app, &principal, (language, wishes), (Operation::Completion, &body)).await
}

/// Asks whether texts are harmful.
#[utoipa::path(post, path = "/v1/moderations", tag = "openai", request_body = serde_json::Value,
    params(ExplainQuery, TimeoutHeader), responses(Routed))]
pub(crate) async fn create_moderation(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
    Reader(language): Reader,
    Wished(wishes): Wished,
    Whole(body): Whole,
) -> Result<Response, Problem> {
    hand_on(&app, &principal, (language, wishes), (Operation::Moderation, &body)).await
}

/// Makes images from a description, whole or as a stream of typed events.
#[utoipa::path(post, path = "/v1/images/generations", tag = "openai", request_body = serde_json::Value,
    params(ExplainQuery, TimeoutHeader), responses(Routed))]
pub(crate) async fn create_image(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
    Reader(language): Reader,
    Wished(wishes): Wished,
    Whole(body): Whole,
) -> Result<Response, Problem> {
    hand_on(&app, &principal, (language, wishes), (Operation::ImageGeneration, &body)).await
}

/// Reads a text aloud; the answer is sound, or a stream of typed events with `stream_format: "sse"`.
#[utoipa::path(post, path = "/v1/audio/speech", tag = "openai", request_body = serde_json::Value,
    params(ExplainQuery, TimeoutHeader), responses(Spoken))]
pub(crate) async fn create_speech(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
    Reader(language): Reader,
    Wished(wishes): Wished,
    Whole(body): Whole,
) -> Result<Response, Problem> {
    hand_on(&app, &principal, (language, wishes), (Operation::Speech, &body)).await
}

async fn hand_on(
    app: &Arc<App>,
    principal: &Principal,
    (language, wishes): (Language, Wishes),
    (operation, body): (Operation, &[u8]),
) -> Result<Response, Problem> {
    let default_model = app.model_for(principal, operation);
    let request = OperationRequest::parse(operation, body, default_model.as_deref())?;
    let answer = app.create_operation(principal, Call { request: &request, wishes }).await?;
    let mut response = match answer.reply {
        OperationReply::Json(response) => json(response.to_json(), &answer.way),
        OperationReply::Stream(chunks) => {
            events::text(encode(chunks, Chunks, language), events::COMMENT)
        }
        OperationReply::Events(pieces) => {
            events::text(encode(pieces, TypedEvents, language), events::COMMENT)
        }
        OperationReply::Sound(sound) => {
            let plain = HeaderValue::from_static("application/octet-stream");
            let kind = sound.content_type.unwrap_or(plain);
            ([(CONTENT_TYPE, kind)], sound.bytes).into_response()
        }
    };
    name_way(response.headers_mut(), &answer.way);
    allowance::name_left(response.headers_mut(), app, principal, &answer.way);
    Ok(response)
}

fn json(text: String, way: &Way) -> Response {
    let mut response = ([(CONTENT_TYPE, "application/json")], text).into_response();
    name_way(response.headers_mut(), way);
    response
}
