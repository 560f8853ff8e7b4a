//! Anthropic's Messages interface, as clients speak it to us: `/v1/messages` and
//! `/v1/messages/count_tokens`. <https://docs.anthropic.com/en/api/messages>
//!
//! A request becomes a [`crate::ChatRequest`] whatever server answers it; the answer comes back as
//! one message ([`response`]) or as events ([`Events`]). What the neutral form cannot hold is refused
//! by its name.

mod answer;
mod blocks;
mod events;
mod inbound;

use domain::ErrorKind;
use serde_json::{Value, json};

pub use answer::response;
pub use events::Events;
pub use inbound::{add_betas, parse, parse_count_tokens};

/// The event that keeps a connection alive.
pub const PING: &str = "event: ping\ndata: {\"type\": \"ping\"}\n\n";

/// The answer to a question for the number of tokens.
#[must_use]
pub fn token_count(input_tokens: u64) -> Value {
    json!({ "input_tokens": input_tokens })
}

/// The body of a refusal.
#[must_use]
pub fn error(kind: ErrorKind, message: &str) -> Value {
    json!({"type": "error", "error": {"type": error_type(kind), "message": message}})
}

/// A failure in the middle of a stream.
#[must_use]
pub fn error_event(kind: ErrorKind, message: &str) -> String {
    event("error", &error(kind, message))
}

fn event(name: &str, value: &Value) -> String {
    format!("event: {name}\ndata: {value}\n\n")
}

const fn error_type(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Unauthenticated => "authentication_error",
        ErrorKind::Forbidden => "permission_error",
        ErrorKind::NotFound => "not_found_error",
        ErrorKind::TooLarge => "request_too_large",
        ErrorKind::RateLimited => "rate_limit_error",
        ErrorKind::Overloaded => "overloaded_error",
        ErrorKind::TimedOut => "timeout_error",
        ErrorKind::Invalid
        | ErrorKind::Conflict
        | ErrorKind::Unsupported
        | ErrorKind::Unprocessable => "invalid_request_error",
        ErrorKind::UpstreamFailed
        | ErrorKind::StorageFull
        | ErrorKind::Cancelled
        | ErrorKind::Internal => "api_error",
    }
}

/// Why an answer ended, in Anthropic's words.
fn stop_reason(finish_reason: Option<&str>, stop: Option<&str>) -> &'static str {
    match finish_reason {
        Some("length") => "max_tokens",
        Some("tool_calls" | "function_call") => "tool_use",
        Some("content_filter") => "refusal",
        _ if stop.is_some() => "stop_sequence",
        _ => "end_turn",
    }
}

/// Our id in Anthropic's form.
fn message_id(id: &str) -> String {
    format!("msg_{}", id.strip_prefix("chatcmpl-").unwrap_or(id))
}

/// The usage figures; Anthropic counts what came out of the cache and went into it apart.
fn usage(usage: Option<&Value>) -> Value {
    let counts = usage.and_then(crate::Usage::from_value).unwrap_or_default();
    let details = usage.map(crate::UsageDetails::from_value).unwrap_or_default();
    let cached = details.cached_tokens.saturating_add(details.cache_write_tokens);
    json!({
        "input_tokens": counts.prompt_tokens.saturating_sub(cached),
        "cache_creation_input_tokens": details.cache_write_tokens,
        "cache_read_input_tokens": details.cached_tokens,
        "output_tokens": counts.completion_tokens,
    })
}
