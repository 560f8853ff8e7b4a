//! The interface for programs that speak OpenAI's Responses. Nothing is stored between two requests;
//! what is asked goes the same way as under `/v1/chat/completions`.

use std::sync::Arc;

use app::{App, ChatReply, ChunkStream, Language};
use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use llm::responses::{self, Echo, Events};

use super::openai::{name_findings, name_route};
use crate::door::{Caller, Problem, Reader, decode::Whole, events};

/// Answers a request, whole or as a stream of typed events.
#[utoipa::path(post, path = "/v1/responses", tag = "openai", request_body = serde_json::Value,
    responses((status = 200, body = serde_json::Value, headers(
        ("x-fachwerk-model" = String), ("x-fachwerk-route" = String), ("x-fachwerk-place" = String),
        ("x-fachwerk-guard" = Option<String>)
    ))))]
pub(crate) async fn create_response(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
    Reader(language): Reader,
    Whole(body): Whole,
) -> Result<Response, Problem> {
    let request = responses::parse(&body)?;
    let answer = app.create_chat_completion(&principal, request.chat).await?;
    let mut response = match answer.reply {
        ChatReply::Whole(whole) => {
            axum::Json(responses::response(&whole, &request.echo)).into_response()
        }
        ChatReply::Stream(chunks) => {
            events::text(encode(chunks, request.echo, language), events::COMMENT)
        }
    };
    let taken = answer.taken;
    name_route(response.headers_mut(), &taken.model, &taken.route, taken.place);
    name_findings(response.headers_mut(), answer.guard.as_deref());
    Ok(response)
}

/// The events of the answer up to its last one; a failure in the middle is an event of its own.
fn encode(chunks: ChunkStream, echo: Echo, language: Language) -> impl Stream<Item = Bytes> + Send {
    stream::unfold(Some((chunks, Events::new(echo))), move |rest| async move {
        let (mut chunks, mut events) = rest?;
        let text = match chunks.next().await {
            Some(Ok(chunk)) => {
                let text = events.push(&chunk);
                return Some((Bytes::from(text), Some((chunks, events))));
            }
            Some(Err(error)) => {
                let problem = Problem::from(error);
                problem.log("");
                events.fail("server_error", problem.text(language))
            }
            None => events.finish(),
        };
        Some((Bytes::from(text), None))
    })
}
