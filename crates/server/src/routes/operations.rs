//! The interfaces of OpenAI's beside chat: vectors, order, and what is handed on.

use std::sync::Arc;

use app::{App, Language, OperationReply};
use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use domain::Principal;
use http::{HeaderValue, header::CONTENT_TYPE};
use llm::{Operation, OperationRequest, embeddings::EmbeddingRequest, rerank::RerankRequest};

use super::{
    answer_stream::encode,
    openai::{Chunks, name_route},
};
use crate::door::{Caller, Problem, Reader, decode::Whole, events};

/// Gets vectors for texts.
#[utoipa::path(post, path = "/v1/embeddings", tag = "openai", request_body = serde_json::Value,
    responses((status = 200, body = serde_json::Value, headers(
        ("x-fachwerk-model" = String), ("x-fachwerk-route" = String), ("x-fachwerk-place" = String)
    ))))]
pub(crate) async fn create_embedding(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
    Whole(body): Whole,
) -> Result<Response, Problem> {
    let request = EmbeddingRequest::parse(&body)?;
    let answer = app.create_embedding(&principal, &request).await?;
    let text = answer.response.to_json(request.encoding());
    let text = text.map_err(|error| {
        app::Error::new(domain::ErrorKind::UpstreamFailed, "upstream_failed").caused_by(error)
    })?;
    Ok(json(text, &answer.taken))
}

/// Puts texts in the order in which they answer a question.
#[utoipa::path(post, path = "/v1/rerank", tag = "openai", request_body = serde_json::Value,
    responses((status = 200, body = serde_json::Value, headers(
        ("x-fachwerk-model" = String), ("x-fachwerk-route" = String), ("x-fachwerk-place" = String)
    ))))]
pub(crate) async fn create_rerank(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
    Whole(body): Whole,
) -> Result<Response, Problem> {
    let request = RerankRequest::parse(&body)?;
    let answer = app.create_rerank(&principal, &request).await?;
    Ok(json(answer.response.to_json(), &answer.taken))
}

/// Lets text go on from text, whole or as a stream: the older interface beside chat.
#[utoipa::path(post, path = "/v1/completions", tag = "openai", request_body = serde_json::Value,
    responses((status = 200, body = serde_json::Value, headers(
        ("x-fachwerk-model" = String), ("x-fachwerk-route" = String), ("x-fachwerk-place" = String)
    ))))]
pub(crate) async fn create_completion(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
    Reader(language): Reader,
    Whole(body): Whole,
) -> Result<Response, Problem> {
    hand_on(&app, &principal, language, (Operation::Completion, &body)).await
}

/// Asks whether texts are harmful.
#[utoipa::path(post, path = "/v1/moderations", tag = "openai", request_body = serde_json::Value,
    responses((status = 200, body = serde_json::Value, headers(
        ("x-fachwerk-model" = String), ("x-fachwerk-route" = String), ("x-fachwerk-place" = String)
    ))))]
pub(crate) async fn create_moderation(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
    Reader(language): Reader,
    Whole(body): Whole,
) -> Result<Response, Problem> {
    hand_on(&app, &principal, language, (Operation::Moderation, &body)).await
}

/// Makes images from a description.
#[utoipa::path(post, path = "/v1/images/generations", tag = "openai", request_body = serde_json::Value,
    responses((status = 200, body = serde_json::Value, headers(
        ("x-fachwerk-model" = String), ("x-fachwerk-route" = String), ("x-fachwerk-place" = String)
    ))))]
pub(crate) async fn create_image(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
    Reader(language): Reader,
    Whole(body): Whole,
) -> Result<Response, Problem> {
    hand_on(&app, &principal, language, (Operation::ImageGeneration, &body)).await
}

/// Reads a text aloud; the answer is sound.
#[utoipa::path(post, path = "/v1/audio/speech", tag = "openai", request_body = serde_json::Value,
    responses((status = 200, content_type = "audio/mpeg", body = Vec<u8>, headers(
        ("x-fachwerk-model" = String), ("x-fachwerk-route" = String), ("x-fachwerk-place" = String)
    ))))]
pub(crate) async fn create_speech(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
    Reader(language): Reader,
    Whole(body): Whole,
) -> Result<Response, Problem> {
    hand_on(&app, &principal, language, (Operation::Speech, &body)).await
}

async fn hand_on(
    app: &Arc<App>,
    principal: &Principal,
    language: Language,
    (operation, body): (Operation, &[u8]),
) -> Result<Response, Problem> {
    let default_model = app.model_for(operation);
    let request = OperationRequest::parse(operation, body, default_model.as_deref())?;
    let (taken, reply) = app.create_operation(principal, &request).await?;
    let mut response = match reply {
        OperationReply::Json(response) => return Ok(json(response.to_json(), &taken)),
        OperationReply::Stream(chunks) => {
            events::text(encode(chunks, Chunks, language), events::COMMENT)
        }
        OperationReply::Sound(sound) => {
            let plain = HeaderValue::from_static("application/octet-stream");
            let kind = sound.content_type.unwrap_or(plain);
            ([(CONTENT_TYPE, kind)], sound.bytes).into_response()
        }
    };
    name_route(response.headers_mut(), &taken.model, &taken.route, taken.place);
    Ok(response)
}

fn json(text: String, taken: &app::Taken) -> Response {
    let mut response = ([(CONTENT_TYPE, "application/json")], text).into_response();
    name_route(response.headers_mut(), &taken.model, &taken.route, taken.place);
    response
}
