//! The response object and its output items.

use serde_json::{Map, Value, json};

use super::Echo;
use crate::{Usage, UsageDetails, openai::Head};

/// Settings that the object repeats, and what stands where the request had none.
fn defaults() -> [(&'static str, Value); 13] {
    [
        ("instructions", Value::Null),
        ("max_output_tokens", Value::Null),
        ("metadata", json!({})),
        ("parallel_tool_calls", true.into()),
        ("reasoning", json!({"effort": null, "summary": null})),
        ("service_tier", "default".into()),
        ("temperature", Value::Null),
        ("text", json!({"format": {"type": "text"}})),
        ("tool_choice", "auto".into()),
        ("tools", json!([])),
        ("top_p", Value::Null),
        ("truncation", "disabled".into()),
        ("user", Value::Null),
    ]
}

/// How a response stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    InProgress,
    Completed,
    /// It ended early, for this reason.
    Incomplete(&'static str),
    Failed,
}

impl Status {
    /// Where a finished answer stands, after the reason for its end.
    pub(super) fn of(finish_reason: Option<&str>) -> Self {
        match finish_reason {
            Some("length") => Self::Incomplete("max_output_tokens"),
            Some("content_filter") => Self::Incomplete("content_filter"),
            _ => Self::Completed,
        }
    }

    pub(super) fn code(self) -> &'static str {
        match self {
            Self::InProgress => "in_progress",
            Self::Completed => "completed",
            Self::Incomplete(_) => "incomplete",
            Self::Failed => "failed",
        }
    }
}

/// The whole object.
pub(super) fn object(
    head: &Head,
    echo: &Echo,
    status: Status,
    output: &[Value],
    usage: Option<&Value>,
) -> Value {
    let mut object = Map::new();
    let mut set = |name: &str, value: Value| {
        object.insert(name.to_owned(), value);
    };
    set("id", response_id(head).into());
    set("object", "response".into());
    set("created_at", head.created.into());
    set("status", status.code().into());
    set("error", Value::Null);
    set(
        "incomplete_details",
        match status {
            Status::Incomplete(reason) => json!({ "reason": reason }),
            _ => Value::Null,
        },
    );
    set("model", head.model.as_str().into());
    set("output", output.into());
    set("previous_response_id", Value::Null);
    set("background", false.into());
    set("store", false.into());
    for (name, default) in defaults() {
        set(name, echo.0.get(name).cloned().unwrap_or(default));
    }
    set("usage", usage.map_or(Value::Null, counts));
    object.into()
}

pub(super) fn response_id(head: &Head) -> String {
    item_id(head, "resp", None)
}

/// An id in OpenAI's form; items are counted.
pub(super) fn item_id(head: &Head, kind: &str, number: Option<usize>) -> String {
    let tail = head.id.strip_prefix("chatcmpl-").unwrap_or(&head.id);
    number.map_or_else(|| format!("{kind}_{tail}"), |number| format!("{kind}_{tail}_{number}"))
}

/// A message with its parts.
pub(super) fn message(id: &str, status: Status, parts: &[Value]) -> Value {
    json!({
        "id": id, "type": "message", "status": status.code(), "role": "assistant", "content": parts,
    })
}

pub(super) fn reasoning(id: &str, parts: &[Value]) -> Value {
    json!({"id": id, "type": "reasoning", "summary": [], "content": parts})
}

pub(super) fn function_call(id: &str, call: &Call, status: Status) -> Value {
    json!({
        "id": id, "type": "function_call", "status": status.code(),
        "call_id": call.id, "name": call.name, "arguments": call.arguments,
    })
}

/// A call as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Call {
    pub id: String,
    pub name: String,
    pub arguments: String,
}

/// The usage figures in the words of Responses.
fn counts(usage: &Value) -> Value {
    let counts = Usage::from_value(usage).unwrap_or_default();
    let details = UsageDetails::from_value(usage);
    json!({
        "input_tokens": counts.prompt_tokens,
        "input_tokens_details": {
            "cached_tokens": details.cached_tokens,
            "cache_write_tokens": details.cache_write_tokens,
        },
        "output_tokens": counts.completion_tokens,
        "output_tokens_details": {"reasoning_tokens": details.reasoning_tokens},
        "total_tokens": counts.total_tokens(),
    })
}
