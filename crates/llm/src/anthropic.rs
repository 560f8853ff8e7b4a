//! Anthropic's Messages interface, as we speak it to a server.
//! <https://docs.anthropic.com/en/api/messages>

mod request;
mod response;
mod stream;

pub(crate) use request::{
    BUDGET_TOKENS_MIN, Thoughts, answer_tokens_unsaid, chat_call, max_tokens, thoughts,
};
pub(crate) use response::chat_response;
pub(crate) use stream::StreamReader;

/// The version of the interface that is asked for.
pub(crate) const VERSION: (&str, &str) = ("anthropic-version", "2023-06-01");
/// The header that asks for what is not in that version, and the field of a request that stands for it.
pub(crate) const BETA: &str = "anthropic-beta";

/// Why an answer ended, in OpenAI's words.
fn finish_reason(stop_reason: Option<&str>) -> &'static str {
    match stop_reason {
        Some("max_tokens" | "model_context_window_exceeded") => "length",
        Some("tool_use") => "tool_calls",
        Some("refusal") => "content_filter",
        _ => "stop",
    }
}
