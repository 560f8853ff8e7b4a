//! What an output item of a stream holds, and the events that carry it.

use serde_json::{Value, json};

use super::answer::output_text;
use super::output::{self, Call, Status};

/// The content of an item, or a piece of it.
#[derive(Debug)]
pub(super) enum Content {
    Text(String, Vec<Value>),
    Refusal(String),
    Reasoning(String),
    /// A call with its number in the answer.
    Call(u64, Call),
}

impl Content {
    pub(super) fn is_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Call(one, _), Self::Call(other, _)) => one == other,
            _ => std::mem::discriminant(self) == std::mem::discriminant(other),
        }
    }

    /// The part of a message or of reasoning; a call has none.
    pub(super) fn part(&self) -> Option<Value> {
        Some(match self {
            Self::Text(text, logprobs) => output_text(text, logprobs.as_slice().into()),
            Self::Refusal(text) => json!({"type": "refusal", "refusal": text}),
            Self::Reasoning(text) => json!({"type": "reasoning_text", "text": text}),
            Self::Call(..) => return None,
        })
    }

    /// The item with the parts it has.
    pub(super) fn item(&self, id: &str, status: Status, parts: &[Value]) -> Value {
        match self {
            Self::Text(..) | Self::Refusal(_) => output::message(id, status, parts),
            Self::Reasoning(_) => output::reasoning(id, parts),
            Self::Call(_, call) => output::function_call(id, call, status),
        }
    }

    /// What the item's id begins with.
    pub(super) fn prefix(&self) -> &'static str {
        match self {
            Self::Text(..) | Self::Refusal(_) => "msg",
            Self::Reasoning(_) => "rs",
            Self::Call(..) => "fc",
        }
    }

    /// The name of the events that carry its pieces.
    pub(super) fn event(&self) -> &'static str {
        match self {
            Self::Text(..) => "response.output_text",
            Self::Refusal(_) => "response.refusal",
            Self::Reasoning(_) => "response.reasoning_text",
            Self::Call(..) => "response.function_call_arguments",
        }
    }
}
