//! The dialects that model servers speak: which there are, how a call to each looks, and how its
//! answer is read. One row per dialect; servers that speak OpenAI differ by data only.
//!
//! A call goes the same way for all of them: [`Dialect::chat_call`] → send → either
//! [`Dialect::chat_response`] with the whole body, or [`Dialect::chat_stream`] fed with the bytes as
//! they come; [`Dialect::error`] for a body with a status other than 2xx.

mod call;
mod quirks;
mod row;

use std::{fmt, str::FromStr};

use bytes::Bytes;

use crate::{
    ChatRequest, ChatResponse, ChatStream, DecodeError, Delivery, OperationRequest, RequestError,
    UpstreamError, anthropic, bedrock, embeddings,
    embeddings::{EmbeddingRequest, EmbeddingResponse},
    gemini, ollama,
    openai::Head,
    rerank,
    rerank::{RerankRequest, RerankResponse},
    settings::Settings,
};

pub(crate) use call::path_segment;
pub use call::{Authentication, OutgoingCall};
pub(crate) use quirks::{DeveloperRole, MaxTokensName, Quirks};
pub(crate) use row::Wire;

/// How a model server wants to be spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Dialect {
    /// Any server that speaks OpenAI's chat interface and of which we know no more: everything is
    /// passed on as it came.
    #[default]
    Compatible,
    /// OpenAI itself.
    OpenAi,
    /// Azure OpenAI behind its `…/openai/v1` address.
    Azure,
    /// Mistral's platform.
    Mistral,
    /// vLLM.
    Vllm,
    /// SGLang.
    Sglang,
    /// Hugging Face's text-generation-inference.
    Tgi,
    /// The server of llama.cpp.
    LlamaCpp,
    /// IONOS AI Model Hub.
    Ionos,
    /// STACKIT AI Model Serving.
    Stackit,
    /// Open Telekom Cloud, LLM Hub.
    TelekomCloud,
    /// Scaleway Generative APIs.
    Scaleway,
    /// OVHcloud AI Endpoints.
    Ovhcloud,
    /// Aleph Alpha PhariaAI.
    AlephAlpha,
    /// Anthropic's Messages interface.
    Anthropic,
    /// Google's Gemini interface with an API key.
    Gemini,
    /// The same models on Google Cloud.
    Vertex,
    /// The Converse interface of AWS Bedrock.
    Bedrock,
    /// Ollama's own interface.
    Ollama,
    /// Hugging Face's text-embeddings-inference: vectors and reranking, no chat.
    Tei,
}

impl Dialect {
    /// The code used in configuration, tables and error texts.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.row().code
    }

    /// The name for reading.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// What the base URL of a route looks like.
    #[must_use]
    pub fn base_url_example(self) -> &'static str {
        self.row().base_url
    }

    /// How calls prove who makes them.
    #[must_use]
    pub fn authentication(self) -> Authentication {
        self.row().authentication
    }

    /// The call that asks for a chat answer.
    ///
    /// # Errors
    /// The first field of the request that this dialect cannot express, by name.
    pub fn chat_call(
        self,
        request: &ChatRequest,
        upstream_model: &str,
        delivery: Delivery,
    ) -> Result<OutgoingCall, RequestError> {
        match self.wire() {
            Wire::OpenAi(quirks) => {
                quirks.check(request, self)?;
                let body = request.encode(upstream_model, delivery, quirks);
                Ok(OutgoingCall::in_pieces("chat/completions", body))
            }
            Wire::Anthropic => anthropic::chat_call(request, upstream_model, delivery, self),
            Wire::Gemini => gemini::chat_call(request, upstream_model, delivery, self),
            Wire::Bedrock => bedrock::chat_call(request, upstream_model, delivery, self),
            Wire::Ollama => ollama::chat_call(request, upstream_model, delivery, self),
            Wire::Tei => Err(self.cannot("chat")),
        }
    }

    /// The longest answer that is asked for where a request says nothing of its length, in tokens; `None` if
    /// the model writes as much as it likes.
    #[must_use]
    pub fn answer_tokens_unsaid(self, request: &ChatRequest, upstream_model: &str) -> Option<u64> {
        let settings = Settings { request, dialect: self };
        match self.wire() {
            Wire::Anthropic => anthropic::answer_tokens_unsaid(&settings, upstream_model),
            Wire::Bedrock => bedrock::answer_tokens_unsaid(&settings, upstream_model),
            _ => None,
        }
    }

    /// The same for the old completions: OpenAI's interface stops after 16 tokens, and llama.cpp when the
    /// model does.
    #[must_use]
    pub fn completion_tokens_unsaid(self) -> Option<u64> {
        (self != Self::LlamaCpp).then_some(16)
    }

    /// Reads a whole answer. Where the server gives none of its own, id, time and model come from
    /// `head`; dialects other than OpenAI's always take them from there.
    ///
    /// # Errors
    /// If the bytes are no answer of this dialect.
    pub fn chat_response(self, body: &Bytes, head: &Head) -> Result<ChatResponse, DecodeError> {
        match self.wire() {
            Wire::OpenAi(_) => ChatResponse::read(body),
            Wire::Anthropic => anthropic::chat_response(body, head),
            Wire::Gemini => gemini::chat_response(body, head),
            Wire::Bedrock => bedrock::chat_response(body, head),
            Wire::Ollama => ollama::chat_response(body, head),
            Wire::Tei => Err(DecodeError),
        }
    }

    /// Starts to read a streamed answer; for `head` see [`Dialect::chat_response`].
    #[must_use]
    pub fn chat_stream(self, head: Head) -> ChatStream {
        ChatStream::new(self, head)
    }

    /// The media type of a streamed answer.
    #[must_use]
    pub fn stream_media_type(self) -> &'static str {
        match self.wire() {
            Wire::OpenAi(_) | Wire::Anthropic | Wire::Gemini | Wire::Tei => "text/event-stream",
            Wire::Bedrock => "application/vnd.amazon.eventstream",
            Wire::Ollama => "application/x-ndjson",
        }
    }

    /// How many inputs a server takes in one call for vectors; split longer requests with
    /// [`EmbeddingRequest::split`].
    #[must_use]
    pub fn embedding_batch_max(self, upstream_model: &str) -> usize {
        embeddings::batch_max(self, upstream_model)
    }

    /// The call that asks for vectors.
    ///
    /// # Errors
    /// The first field that this dialect cannot express, by name; `model` if it has no vectors.
    pub fn embedding_call(
        self,
        request: &EmbeddingRequest,
        upstream_model: &str,
    ) -> Result<OutgoingCall, RequestError> {
        embeddings::call(request, upstream_model, self)
    }

    /// Reads an answer with vectors.
    ///
    /// # Errors
    /// If the bytes are no such answer of this dialect.
    pub fn embedding_response(self, body: &[u8]) -> Result<EmbeddingResponse, DecodeError> {
        embeddings::response(body, self)
    }

    /// The call that asks for an order.
    ///
    /// # Errors
    /// The first field that this dialect cannot express, by name; `model` if it cannot rerank.
    pub fn rerank_call(
        self,
        request: &RerankRequest,
        upstream_model: &str,
    ) -> Result<OutgoingCall, RequestError> {
        rerank::call(request, upstream_model, self)
    }

    /// Reads an answer with an order.
    ///
    /// # Errors
    /// If the bytes are no such answer of this dialect to this request.
    pub fn rerank_response(
        self,
        body: &[u8],
        request: &RerankRequest,
    ) -> Result<RerankResponse, DecodeError> {
        rerank::response(body, request, self)
    }

    /// The call of an interface that is handed on.
    ///
    /// # Errors
    /// `model` if the server does not speak OpenAI.
    pub fn operation_call(
        self,
        request: &OperationRequest,
        upstream_model: &str,
    ) -> Result<OutgoingCall, RequestError> {
        request.call(upstream_model, self)
    }

    /// Reads the body of a refusal.
    #[must_use]
    pub fn error(self, body: &[u8]) -> UpstreamError {
        let code_names: &[&str] = match self.wire() {
            Wire::OpenAi(_) | Wire::Ollama => &[],
            Wire::Tei => &["/error_type"],
            Wire::Anthropic => &["/error/type"],
            Wire::Gemini => &["/error/details/0/reason", "/error/status", "/0/error/status"],
            Wire::Bedrock => &["/__type"],
        };
        UpstreamError::parse_with(body, code_names)
    }

    pub(crate) fn wire(self) -> Wire {
        self.row().wire
    }

    /// Refuses a whole interface that this dialect does not have.
    pub(crate) fn cannot(self, what: &str) -> RequestError {
        let message = format!("cannot be asked for {what} on this route ({})", self.code());
        RequestError::unsupported("model", &message)
    }

    /// Whether servers of this dialect have the interfaces of OpenAI's that are handed on as they are.
    #[must_use]
    pub fn speaks_openai(self) -> bool {
        matches!(self.wire(), Wire::OpenAi(_))
    }

    /// Refuses a field that this dialect has no place for.
    pub(crate) fn refuse(self, param: impl Into<String>) -> RequestError {
        let message = format!("is not available on this route ({})", self.code());
        RequestError::unsupported(param, &message)
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// Says that a code belongs to no dialect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a dialect that we speak")]
pub struct UnknownDialect;

impl FromStr for Dialect {
    type Err = UnknownDialect;

    fn from_str(code: &str) -> Result<Self, UnknownDialect> {
        Self::ALL.into_iter().find(|dialect| dialect.code() == code).ok_or(UnknownDialect)
    }
}
