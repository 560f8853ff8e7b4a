//! The interface for programs that speak Anthropic's Messages. What is asked goes the same way as
//! under `/v1/chat/completions`; only the wire format differs.

use std::{convert::Infallible, sync::Arc};

use app::{App, Call, ChatReply, Language};
use axum::{
    extract::{FromRequestParts, State},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http::request::Parts;
use llm::{
    ChatChunk,
    messages::{self, Events},
};

use super::{
    answer_stream::{AnswerFormat, encode},
    way::{ExplainQuery, Routed, TimeoutHeader, Wished, name_way},
};
use crate::door::{Caller, Problem, Reader, allowance, decode::Whole, events};

/// Answers a message, whole or as a stream of Anthropic's events.
#[utoipa::path(post, path = "/v1/messages", tag = "anthropic", request_body = Value,
    params(ExplainQuery, TimeoutHeader), responses(Routed))]
pub(crate) async fn create_anthropic_message(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
    Reader(language): Reader,
    Wished(wishes): Wished,
    Betas(betas): Betas,
    Whole(body): Whole,
) -> Result<Response, Problem> {
    let mut request = messages::parse(&body)?;
    messages::add_betas(&mut request, betas.iter().map(AsRef::as_ref));
    let answer = app.create_chat_completion(&principal, Call { request, wishes }).await?;
    let mut response = match answer.reply {
        ChatReply::Whole(whole) => axum::Json(messages::response(&whole)).into_response(),
        ChatReply::Stream(chunks) => {
            events::text(encode(chunks, Events::new(), language), messages::PING)
        }
    };
    name_way(response.headers_mut(), &answer.way);
    allowance::name_left(response.headers_mut(), &app, &principal, &answer.way);
    Ok(response)
}

/// Estimates the tokens of a message without asking a model.
#[utoipa::path(post, path = "/v1/messages/count_tokens", tag = "anthropic", request_body = Value,
    responses((status = 200, body = Value)))]
pub(crate) async fn count_anthropic_tokens(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
    Whole(body): Whole,
) -> Result<Response, Problem> {
    let request = messages::parse_count_tokens(&body)?;
    let tokens = app.count_tokens(&principal, &request).await?;
    let mut response = axum::Json(messages::token_count(tokens)).into_response();
    allowance::name_left_of(response.headers_mut(), &app, &principal, request.model());
    Ok(response)
}

/// Features that a program wants beside those of the interface's version.
pub(crate) struct Betas(Vec<String>);

impl<S: Send + Sync> FromRequestParts<S> for Betas {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let values = parts.headers.get_all("anthropic-beta").iter();
        // What is no text becomes one that names no feature, and is refused as such.
        Ok(Self(
            values.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).collect(),
        ))
    }
}

impl AnswerFormat for Events {
    fn piece(&mut self, chunk: &ChatChunk) -> Bytes {
        self.push(chunk).into()
    }

    fn end(self) -> String {
        self.finish()
    }

    fn failure(self, problem: &Problem, language: Language) -> String {
        messages::error_event(problem.kind(), problem.text(language))
    }
}
