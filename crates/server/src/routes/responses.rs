//! The interface for programs that speak OpenAI's Responses. Nothing is stored between two requests;
//! what is asked goes the same way as under `/v1/chat/completions`.

use std::sync::Arc;

use app::{App, Call, ChatReply, Language};
use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use llm::{
    ChatChunk,
    responses::{self, Events},
};

use super::{
    answer_stream::{AnswerFormat, encode},
    way::{ExplainQuery, Routed, TimeoutHeader, Wished, name_way},
};
use crate::door::{Caller, Problem, Reader, allowance, decode::Whole, events};

/// Answers a request, whole or as a stream of typed events.
#[utoipa::path(post, path = "/v1/responses", tag = "openai", request_body = serde_json::Value,
    params(ExplainQuery, TimeoutHeader), responses(Routed))]
pub(crate) async fn create_response(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
    Reader(language): Reader,
    Wished(wishes): Wished,
    Whole(body): Whole,
) -> Result<Response, Problem> {
    let request = responses::parse(&body)?;
    let call = Call { request: request.chat, wishes };
    let answer = app.create_chat_completion(&principal, call).await?;
    let mut response = match answer.reply {
        ChatReply::Whole(whole) => {
            axum::Json(responses::response(&whole, &request.echo)).into_response()
        }
        ChatReply::Stream(chunks) => {
            events::text(encode(chunks, Events::new(request.echo), language), events::COMMENT)
        }
    };
    name_way(response.headers_mut(), &answer.way);
    allowance::name_left(response.headers_mut(), &app, &principal, &answer.way);
    Ok(response)
}

impl AnswerFormat for Events {
    fn piece(&mut self, chunk: &ChatChunk) -> Bytes {
        self.push(chunk).into()
    }

    fn end(mut self) -> String {
        self.finish()
    }

    fn failure(mut self, problem: &Problem, language: Language) -> String {
        self.fail("server_error", problem.text(language))
    }
}
