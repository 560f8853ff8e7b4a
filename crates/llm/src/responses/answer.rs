//! A whole answer as a response object.

use serde_json::{Value, json};

use super::Echo;
use super::output::{self, Call, Status};
use crate::{ChatResponse, openai::Head};

/// The response object of the first choice. What Fachwerk adds to an answer stays beside it.
#[must_use]
pub fn response(answer: &ChatResponse, echo: &Echo) -> Value {
    let fields = answer.fields();
    let head = Head::of(fields);
    let choice = fields.get("choices").and_then(|choices| choices.get(0)).unwrap_or(&Value::Null);
    let status = Status::of(answer.finish_reason());
    let output = items(choice, &head, status);
    let mut object = output::object(&head, echo, status, &output, fields.get("usage"));
    if let Some(own) = fields.get("fachwerk") {
        object["fachwerk"] = own.clone();
    }
    object
}

fn items(choice: &Value, head: &Head, status: Status) -> Vec<Value> {
    let message = choice.get("message").unwrap_or(&Value::Null);
    let read =
        |name: &str| message.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let mut items = Vec::new();
    if let Some(text) = read("reasoning_content").or_else(|| read("reasoning")) {
        let id = output::item_id(head, "rs", Some(items.len()));
        items.push(output::reasoning(&id, &[json!({"type": "reasoning_text", "text": text})]));
    }
    let mut parts = Vec::new();
    if let Some(text) = read("content") {
        let logprobs = choice.pointer("/logprobs/content").cloned().unwrap_or(json!([]));
        parts.push(output_text(text, logprobs));
    }
    parts.extend(read("refusal").map(|text| json!({"type": "refusal", "refusal": text})));
    if !parts.is_empty() {
        let id = output::item_id(head, "msg", Some(items.len()));
        items.push(output::message(&id, status, &parts));
    }
    let calls = message.get("tool_calls").and_then(Value::as_array);
    for call in calls.into_iter().flatten() {
        let read = |path| call.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned();
        let call = Call {
            id: read("/id"),
            name: read("/function/name"),
            arguments: read("/function/arguments"),
        };
        let id = output::item_id(head, "fc", Some(items.len()));
        items.push(output::function_call(&id, &call, Status::Completed));
    }
    items
}

pub(super) fn output_text(text: &str, logprobs: Value) -> Value {
    json!({"type": "output_text", "text": text, "annotations": [], "logprobs": logprobs})
}
