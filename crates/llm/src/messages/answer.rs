//! A whole answer as one message of Anthropic's.

use serde_json::{Map, Value, json};

use super::{message_id, stop_reason, usage};
use crate::ChatResponse;

/// The message of the first choice. What Fachwerk adds to an answer stays beside it.
#[must_use]
pub fn response(answer: &ChatResponse) -> Value {
    let fields = answer.fields();
    let read = |name: &str| fields.get(name).and_then(Value::as_str).unwrap_or_default();
    let choice = fields.get("choices").and_then(|choices| choices.get(0)).unwrap_or(&Value::Null);
    let message = choice.get("message").unwrap_or(&Value::Null);
    let stop = choice.get("stop_reason").and_then(Value::as_str);
    let mut body = json!({
        "id": message_id(read("id")),
        "type": "message",
        "role": "assistant",
        "model": read("model"),
        "content": blocks(message),
        "stop_reason": stop_reason(answer.finish_reason(), stop),
        "stop_sequence": stop,
        "usage": usage(fields.get("usage")),
    });
    if let Some(own) = fields.get("fachwerk") {
        body["fachwerk"] = own.clone();
    }
    body
}

fn blocks(message: &Value) -> Vec<Value> {
    let mut blocks = Vec::new();
    let read =
        |name: &str| message.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    match message.get("thinking_blocks").and_then(Value::as_array) {
        Some(sealed) => blocks.extend(sealed.iter().cloned()),
        None => {
            let reasoning = read("reasoning_content").or_else(|| read("reasoning"));
            blocks.extend(
                reasoning
                    .map(|text| json!({"type": "thinking", "thinking": text, "signature": ""})),
            );
        }
    }
    let texts = read("content").into_iter().chain(read("refusal"));
    blocks.extend(texts.map(|text| json!({"type": "text", "text": text})));
    let calls = message.get("tool_calls").and_then(Value::as_array);
    blocks.extend(calls.into_iter().flatten().map(tool_use));
    blocks
}

fn tool_use(call: &Value) -> Value {
    let read = |path| call.pointer(path).and_then(Value::as_str).unwrap_or_default();
    // A model may write what is no JSON; the client gets an object all the same, as promised.
    let input: Map<String, Value> =
        serde_json::from_str(read("/function/arguments")).unwrap_or_default();
    json!({"type": "tool_use", "id": read("/id"), "name": read("/function/name"), "input": input})
}
