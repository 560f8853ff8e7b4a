//! A streamed answer as events of Anthropic's.

use serde_json::{Value, json};

use super::{event, message_id, stop_reason, usage};
use crate::{AnswerPlace, ChatChunk, call_order::CallOrder};

/// Turns chunks into events: one message, its blocks one after the other. Keeps no text but that of
/// calls whose turn has not come; only where the stream stands.
#[derive(Debug, Default)]
pub struct Events {
    has_started: bool,
    /// How many blocks began.
    blocks: u64,
    open: Option<Open>,
    calls: CallOrder,
    finish_reason: Option<String>,
    stop: Option<String>,
    usage: Option<Value>,
    /// What our extension adds to the answer, e.g. its citations.
    extension: Option<Value>,
}

/// What the open block holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Open {
    Text,
    Thinking,
    /// A tool call with its number in the answer.
    Call(u64),
}

impl Events {
    /// Starts before the first chunk.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The events of a chunk, ready to send; empty if it says nothing to this client. Only the first
    /// choice counts, because the interface knows one answer.
    pub fn push(&mut self, chunk: &ChatChunk) -> String {
        let mut out = String::new();
        self.start(chunk, &mut out);
        if let Some((place, text)) = chunk.only_text() {
            self.say(place, text, &mut out);
            return out;
        }
        if let Some(usage) = chunk.fields().get("usage").filter(|usage| !usage.is_null()) {
            self.usage = Some(usage.clone());
        }
        if let Some(extension) = chunk.fields().get("fachwerk") {
            self.extension = Some(extension.clone());
        }
        let choices = chunk.fields().get("choices").and_then(Value::as_array);
        let is_first =
            |choice: &&Value| choice.get("index").and_then(Value::as_u64).unwrap_or(0) == 0;
        let Some(choice) = choices.and_then(|choices| choices.iter().find(is_first)) else {
            return out;
        };
        if let Some(delta) = choice.get("delta") {
            self.delta(delta, &mut out);
        }
        let read = |name: &str| choice.get(name).and_then(Value::as_str).map(str::to_owned);
        self.finish_reason = read("finish_reason").or_else(|| self.finish_reason.take());
        self.stop = read("stop_reason").or_else(|| self.stop.take());
        out
    }

    /// The events that end the message.
    #[must_use]
    pub fn finish(mut self) -> String {
        let mut out = String::new();
        self.start(&ChatChunk::from_fields(serde_json::Map::new()), &mut out);
        for call in self.calls.finish() {
            self.call(&call, &mut out);
        }
        self.close(&mut out);
        let stop = self.stop.as_deref();
        let reason = stop_reason(self.finish_reason.as_deref(), stop);
        let mut ending = json!({
            "type": "message_delta",
            "delta": {"stop_reason": reason, "stop_sequence": stop},
            "usage": usage(self.usage.as_ref()),
        });
        if let Some(extension) = self.extension {
            ending["fachwerk"] = extension;
        }
        out.push_str(&event("message_delta", &ending));
        out.push_str(&event("message_stop", &json!({"type": "message_stop"})));
        out
    }

    fn start(&mut self, chunk: &ChatChunk, out: &mut String) {
        if std::mem::replace(&mut self.has_started, true) {
            return;
        }
        let head = chunk.head();
        let message = json!({
            "id": message_id(&head.id),
            "type": "message",
            "role": "assistant",
            "model": head.model,
            "content": [],
            "stop_reason": null,
            "stop_sequence": null,
            "usage": usage(None),
        });
        out.push_str(&event(
            "message_start",
            &json!({"type": "message_start", "message": message}),
        ));
    }

    fn delta(&mut self, delta: &Value, out: &mut String) {
        let read =
            |name: &str| delta.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        if let Some(text) = read("reasoning_content").or_else(|| read("reasoning")) {
            self.say("reasoning", text, out);
        }
        let sealed = delta.get("thinking_blocks").and_then(Value::as_array);
        for block in sealed.into_iter().flatten() {
            self.sealed(block, out);
        }
        for text in read("content").into_iter().chain(read("refusal")) {
            self.say("content", text, out);
        }
        for call in self.calls.push(delta.get("tool_calls")) {
            self.call(&call, out);
        }
    }

    /// A piece of a text that stands at a place of OpenAI's answers.
    fn say(&mut self, place: &AnswerPlace, text: &str, out: &mut String) {
        let (kind, delta) = match place {
            "reasoning" | "reasoning_content" => {
                (Open::Thinking, json!({"type": "thinking_delta", "thinking": text}))
            }
            _ => (Open::Text, json!({"type": "text_delta", "text": text})),
        };
        self.piece(kind, delta, out);
    }

    fn sealed(&mut self, block: &Value, out: &mut String) {
        if block.get("type").and_then(Value::as_str) == Some("redacted_thinking") {
            self.close(out);
            self.open_block(block, out);
            self.open = Some(Open::Thinking);
            self.close(out);
        } else if let Some(signature) = block.get("signature") {
            let delta = json!({"type": "signature_delta", "signature": signature});
            self.piece(Open::Thinking, delta, out);
            self.close(out);
        }
    }

    /// A piece of a call. A server names the call in its first piece.
    fn call(&mut self, call: &Value, out: &mut String) {
        let read = |path| call.pointer(path).and_then(Value::as_str);
        let number = call.get("index").and_then(Value::as_u64).unwrap_or(0);
        if self.open != Some(Open::Call(number)) {
            self.close(out);
            let id = read("/id").unwrap_or_default();
            let name = read("/function/name").unwrap_or_default();
            let block = json!({"type": "tool_use", "id": id, "name": name, "input": {}});
            self.open_block(&block, out);
            self.open = Some(Open::Call(number));
        }
        if let Some(arguments) = read("/function/arguments").filter(|text| !text.is_empty()) {
            let delta = json!({"type": "input_json_delta", "partial_json": arguments});
            self.piece(Open::Call(number), delta, out);
        }
    }

    /// A piece of the block of this kind, which is opened if it is not.
    fn piece(&mut self, kind: Open, delta: Value, out: &mut String) {
        if self.open != Some(kind) {
            self.close(out);
            let block = match kind {
                Open::Thinking => json!({"type": "thinking", "thinking": "", "signature": ""}),
                _ => json!({"type": "text", "text": ""}),
            };
            self.open_block(&block, out);
            self.open = Some(kind);
        }
        let index = self.blocks.saturating_sub(1);
        let value = json!({"type": "content_block_delta", "index": index, "delta": delta});
        out.push_str(&event("content_block_delta", &value));
    }

    fn open_block(&mut self, block: &Value, out: &mut String) {
        let value = json!({
            "type": "content_block_start", "index": self.blocks, "content_block": block,
        });
        self.blocks += 1;
        out.push_str(&event("content_block_start", &value));
    }

    fn close(&mut self, out: &mut String) {
        if self.open.take().is_some() {
            let value = json!({"type": "content_block_stop", "index": self.blocks - 1});
            out.push_str(&event("content_block_stop", &value));
        }
    }
}
