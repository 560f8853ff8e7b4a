//! Answers of Ollama, whole and line by line: a line looks like a whole answer with a piece of it.

use serde_json::{Map, Value, json};

use crate::answer::{self, Answer};
use crate::openai::{Head, choice};
use crate::{ChatResponse, DecodeError, StreamItem, UpstreamError, Usage};

pub(crate) fn chat_response(body: &[u8], head: &Head) -> Result<ChatResponse, DecodeError> {
    let body: Map<String, Value> = serde_json::from_slice(body).map_err(|_| DecodeError)?;
    let message = body.get("message").ok_or(DecodeError)?;
    let mut answer = Answer::default();
    if let Some(text) = text(message, "thinking") {
        answer.push_reasoning(text);
    }
    if let Some(text) = text(message, "content") {
        answer.push_text(text);
    }
    for (number, call) in calls(message).iter().enumerate() {
        answer.push_call(tool_call(call, head, number));
    }
    let reason = finish_reason(&body, answer.has_calls());
    let mut choice = choice(0, answer.into_message(), reason);
    choice["logprobs"] = logprobs(&body);
    Ok(head.response_of(vec![choice], usage(&body)))
}

/// Reads the lines of one answer. Keeps where the stream stands, not the text; calls come whole.
#[derive(Debug)]
pub(crate) struct StreamReader {
    head: Head,
    has_started: bool,
    calls: usize,
}

impl StreamReader {
    pub(crate) fn new(head: Head) -> Self {
        Self { head, has_started: false, calls: 0 }
    }

    pub(crate) fn line(
        &mut self,
        line: &[u8],
        items: &mut Vec<StreamItem>,
    ) -> Result<(), DecodeError> {
        let body: Map<String, Value> = serde_json::from_slice(line).map_err(|_| DecodeError)?;
        if body.contains_key("error") {
            items.push(StreamItem::Failed(UpstreamError::from_value(&body.into())));
            return Ok(());
        }
        if !std::mem::replace(&mut self.has_started, true) {
            items.push(StreamItem::Chunk(self.head.opening_chunk()));
        }
        let delta = self.delta(body.get("message").ok_or(DecodeError)?);
        let is_end = body.get("done").and_then(Value::as_bool).unwrap_or(false);
        if !delta.is_empty() {
            let choice = json!({
                "index": 0, "delta": delta, "logprobs": logprobs(&body), "finish_reason": null,
            });
            items.push(StreamItem::Chunk(self.head.chunk_of(vec![choice])));
        }
        if is_end {
            let reason = finish_reason(&body, self.calls > 0);
            items.push(StreamItem::Chunk(self.head.closing_chunk(reason)));
            items.push(StreamItem::Chunk(self.head.usage_chunk(usage(&body))));
            items.push(StreamItem::Done);
        }
        Ok(())
    }

    fn delta(&mut self, message: &Value) -> Map<String, Value> {
        let mut delta = Map::new();
        if let Some(text) = text(message, "thinking") {
            delta.insert("reasoning_content".to_owned(), text.into());
        }
        if let Some(text) = text(message, "content") {
            delta.insert("content".to_owned(), text.into());
        }
        let mut made = Vec::new();
        for call in calls(message) {
            let mut call = tool_call(call, &self.head, self.calls);
            call["index"] = self.calls.into();
            self.calls += 1;
            made.push(call);
        }
        if !made.is_empty() {
            delta.insert("tool_calls".to_owned(), made.into());
        }
        delta
    }
}

fn text<'a>(message: &'a Value, name: &str) -> Option<&'a str> {
    message.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
}

fn calls(message: &Value) -> &[Value] {
    message.get("tool_calls").and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Only newer releases give a call an id.
fn tool_call(call: &Value, head: &Head, number: usize) -> Value {
    let read = |path| call.pointer(path).and_then(Value::as_str);
    let id = read("/id").filter(|id| !id.is_empty()).map(str::to_owned);
    let id = id.unwrap_or_else(|| answer::call_id(&head.id, number));
    let name = read("/function/name").unwrap_or_default();
    answer::call(&id, name, call.pointer("/function/arguments"))
}

fn finish_reason(body: &Map<String, Value>, has_calls: bool) -> &'static str {
    match body.get("done_reason").and_then(Value::as_str) {
        Some("length") => "length",
        _ if has_calls => "tool_calls",
        _ => "stop",
    }
}

fn logprobs(body: &Map<String, Value>) -> Value {
    match body.get("logprobs") {
        Some(tokens @ Value::Array(_)) => json!({"content": tokens, "refusal": null}),
        _ => Value::Null,
    }
}

fn usage(body: &Map<String, Value>) -> Value {
    let count = |name: &str| body.get(name).and_then(Value::as_u64).unwrap_or(0);
    let usage =
        Usage { prompt_tokens: count("prompt_eval_count"), completion_tokens: count("eval_count") };
    usage.to_value()
}
