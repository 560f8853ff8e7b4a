//! A whole answer of Converse as a chat completion.

use serde_json::{Map, Value, json};

use crate::answer::{self, Answer};
use crate::openai::{Head, choice};
use crate::{ChatResponse, DecodeError, Usage, UsageDetails};

pub(crate) fn chat_response(body: &[u8], head: &Head) -> Result<ChatResponse, DecodeError> {
    let body: Map<String, Value> = serde_json::from_slice(body).map_err(|_| DecodeError)?;
    let content = body.get("output").and_then(|output| output.pointer("/message/content"));
    let blocks = content.and_then(Value::as_array).ok_or(DecodeError)?;
    let mut answer = Answer::default();
    for block in blocks {
        push(block, &mut answer);
    }
    let reason = finish_reason(body.get("stopReason"));
    let usage = body.get("usage").map_or(Value::Null, usage);
    Ok(head.response_of(vec![choice(0, answer.into_message(), reason)], usage))
}

/// Adds a block; kinds that we never ask for are passed over.
fn push(block: &Value, answer: &mut Answer) {
    let read = |path| block.pointer(path).and_then(Value::as_str);
    if let Some(text) = read("/text") {
        answer.push_text(text);
    } else if let Some(text) = read("/reasoningContent/reasoningText/text") {
        answer.push_reasoning(text);
        if let Some(signature) = read("/reasoningContent/reasoningText/signature") {
            answer.push_sealed(thinking(text, signature));
        }
    } else if let Some(data) = read("/reasoningContent/redactedContent") {
        answer.push_sealed(redacted(data));
    } else if let Some(id) = read("/toolUse/toolUseId") {
        let name = read("/toolUse/name").unwrap_or_default();
        answer.push_call(answer::call(id, name, block.pointer("/toolUse/input")));
    }
}

pub(super) fn thinking(text: &str, signature: &str) -> Value {
    json!({"type": "thinking", "thinking": text, "signature": signature})
}

pub(super) fn redacted(data: &str) -> Value {
    json!({"type": "redacted_thinking", "data": data})
}

pub(super) fn finish_reason(stop_reason: Option<&Value>) -> &'static str {
    match stop_reason.and_then(Value::as_str) {
        Some("max_tokens" | "model_context_window_exceeded") => "length",
        Some("tool_use") => "tool_calls",
        Some("guardrail_intervened" | "content_filtered") => "content_filter",
        _ => "stop",
    }
}

/// Bedrock counts what came out of the cache and went into it apart; OpenAI counts it in.
pub(super) fn usage(usage: &Value) -> Value {
    let count = |name: &str| usage.get(name).and_then(Value::as_u64).unwrap_or(0);
    let (read, written) = (count("cacheReadInputTokens"), count("cacheWriteInputTokens"));
    let prompt_tokens = count("inputTokens").saturating_add(read).saturating_add(written);
    UsageDetails { cached_tokens: read, cache_write_tokens: written, reasoning_tokens: 0 }
        .to_value(Usage { prompt_tokens, completion_tokens: count("outputTokens") })
}
