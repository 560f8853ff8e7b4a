//! A whole answer of Anthropic's as a chat completion.

use serde_json::{Map, Value};

use super::finish_reason;
use crate::answer::{self, Answer};
use crate::openai::{Head, choice};
use crate::{ChatResponse, DecodeError, Usage, UsageDetails};

pub(crate) fn chat_response(body: &[u8], head: &Head) -> Result<ChatResponse, DecodeError> {
    let answer: Map<String, Value> = serde_json::from_slice(body).map_err(|_| DecodeError)?;
    let blocks = answer.get("content").and_then(Value::as_array).ok_or(DecodeError)?;
    let message = message(blocks);
    let reason = finish_reason(answer.get("stop_reason").and_then(Value::as_str));
    let usage = answer.get("usage").map_or(Value::Null, |usage| Counts::of(usage).to_value());
    let mut response = head.response_of(vec![choice(0, message, reason)], usage);
    if let Some(stop) = answer.get("stop_sequence").filter(|stop| stop.is_string()) {
        response.set_choice_field("stop_reason", stop.clone());
    }
    Ok(response)
}

/// The message of all blocks; kinds that we never ask for are passed over.
fn message(blocks: &[Value]) -> Value {
    let mut answer = Answer::default();
    for block in blocks {
        let read = |name: &str| block.get(name).and_then(Value::as_str).unwrap_or_default();
        match read("type") {
            "text" => answer.push_text(read("text")),
            "thinking" => {
                answer.push_reasoning(read("thinking"));
                answer.push_sealed(block.clone());
            }
            "redacted_thinking" => answer.push_sealed(block.clone()),
            "tool_use" => {
                answer.push_call(answer::call(read("id"), read("name"), block.get("input")));
            }
            _ => {}
        }
    }
    answer.into_message()
}

/// Anthropic counts what came out of the cache and went into it apart; OpenAI counts it in.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counts {
    input: u64,
    output: u64,
    cache_read: u64,
    cache_written: u64,
}

impl Counts {
    pub(super) fn of(usage: &Value) -> Self {
        let mut counts = Self::default();
        counts.update(usage);
        counts
    }

    /// Takes over what `usage` has; later events of a stream repeat only some of the figures.
    pub(super) fn update(&mut self, usage: &Value) {
        let read =
            |name: &str, before: u64| usage.get(name).and_then(Value::as_u64).unwrap_or(before);
        self.input = read("input_tokens", self.input);
        self.output = read("output_tokens", self.output);
        self.cache_read = read("cache_read_input_tokens", self.cache_read);
        self.cache_written = read("cache_creation_input_tokens", self.cache_written);
    }

    pub(super) fn to_value(self) -> Value {
        let prompt = self.input.saturating_add(self.cache_read).saturating_add(self.cache_written);
        UsageDetails {
            cached_tokens: self.cache_read,
            cache_write_tokens: self.cache_written,
            reasoning_tokens: 0,
        }
        .to_value(Usage { prompt_tokens: prompt, completion_tokens: self.output })
    }
}
