//! The dialects of language models: a neutral chat request, its events and answers, and the wire
//! formats in and out.
//!
//! Bytes to values and back. Knows no network, no clock and no files. Types only what we act on;
//! every other field of the OpenAI interface is kept as it came and handed on.
//!
//! The neutral form is OpenAI's chat: [`ChatRequest`], [`ChatResponse`], [`ChatChunk`].
//!
//! - **Towards model servers** everything goes through [`Dialect`]: it makes the [`OutgoingCall`] and
//!   reads what comes back. What a dialect cannot express is a [`RequestError`] that names the field.
//! - **Towards clients** there is one module per interface: [`messages`], [`responses`],
//!   [`embeddings`], [`rerank`], [`transcription`], [`OperationRequest`] for what is only handed on,
//!   and [`openai`] for our own answers. Each parses a body and writes answer, events and errors.
//!
//! Beyond OpenAI's own fields the neutral form has a few that other gateways use too: `top_k` and
//! `thinking` in requests, `reasoning_content` and sealed `thinking_blocks` in messages,
//! `cache_control` on parts, `is_error` on results of tools, and
//! `extra_content.google.thought_signature` on calls.

mod answer;
mod anthropic;
mod bedrock;
mod call_order;
mod chunk;
mod citation;
pub mod compatibility;
mod conversation;
mod dialect;
pub mod embeddings;
mod error_body;
mod escaped;
mod event_stream;
mod extension;
mod fields;
mod form;
mod gemini;
mod kept;
mod language;
mod lines;
mod mended;
mod message;
pub mod messages;
mod moderation;
mod ollama;
mod opaque;
pub mod openai;
mod opened;
mod operation;
mod plain;
mod prompt;
mod request;
pub mod rerank;
mod response;
pub mod responses;
mod settings;
mod skipped;
mod source;
mod sse;
mod stream;
mod text_only;
mod texts;
pub mod transcription;
mod typed_event;
mod upstream;
mod usage;

pub use chunk::{ChatChunk, ChatEvent, Citation, StreamItem};
pub use citation::CitationFilter;
pub use dialect::{Authentication, Dialect, OutgoingCall, UnknownDialect};
pub use error_body::{UPSTREAM_MESSAGE_CHARS_MAX, UpstreamError};
pub use extension::Extension;
pub use fields::Fields;
pub use language::Language;
pub use message::{Message, Role};
pub use moderation::Flag;
pub use operation::{
    IMAGE_PROMPT_CHARS_MAX, IMAGES_MAX, Operation, OperationRequest, OperationResponse,
    SPEECH_CHARS_MAX, TEXTS_MAX,
};
pub use prompt::system_prompt;
pub use request::{ChatRequest, JSON_DEPTH_MAX, MESSAGES_MAX, MODEL_CHARS_MAX, RequestError};
pub use response::{ChatResponse, DecodeError};
pub use source::{Grounding, Source, SummaryLength, Task};
pub use sse::{SseDecoder, SseError, SseEvent, SseLimits};
pub use stream::{ChatStream, StreamError};
pub use text_only::TextModel;
pub use texts::{AnswerPlace, Origin, Text};
pub use typed_event::TypedEvent;
pub use upstream::Delivery;
pub use usage::{Usage, UsageDetails};
