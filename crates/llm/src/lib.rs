//! The dialects of language models: a neutral chat request, its events and answers, and the wire
//! formats in and out.
//!
//! Bytes to values and back. Knows no network, no clock and no files. Types only what we act on;
//! every other field of the OpenAI interface is kept as it came and handed on.

mod answer;
mod anthropic;
mod bedrock;
mod chunk;
mod citation;
pub mod compatibility;
mod conversation;
mod dialect;
mod error_body;
mod event_stream;
mod extension;
mod gemini;
mod language;
mod lines;
mod message;
pub mod messages;
mod ollama;
pub mod openai;
mod prompt;
mod request;
mod response;
pub mod responses;
mod settings;
mod source;
mod sse;
mod stream;
mod texts;
mod upstream;
mod usage;

pub use chunk::{ChatChunk, ChatEvent, Citation, StreamItem};
pub use citation::CitationFilter;
pub use dialect::{Authentication, Dialect, OutgoingCall, UnknownDialect};
pub use error_body::{UPSTREAM_MESSAGE_CHARS_MAX, UpstreamError};
pub use extension::Extension;
pub use language::Language;
pub use message::{Message, Role};
pub use prompt::system_prompt;
pub use request::{
    ChatRequest, JSON_DEPTH_MAX, MESSAGES_MAX, MODEL_CHARS_MAX, RequestError, STRUCTURE_FIELDS,
};
pub use response::{ChatResponse, DecodeError};
pub use source::{Grounding, Source, SummaryLength, Task};
pub use sse::{SseDecoder, SseError, SseEvent, SseLimits};
pub use stream::{ChatStream, StreamError};
pub use texts::{AnswerPlace, Origin, Text};
pub use upstream::Delivery;
pub use usage::{Usage, UsageDetails};
