//! A streamed answer of Converse as chat completion chunks.

use serde_json::{Value, json};

use super::response;
use crate::event_stream::Message;
use crate::{DecodeError, StreamItem, UpstreamError, openai::Head};

/// Reads the messages of one answer. Keeps where the stream stands, not the text.
#[derive(Debug)]
pub(crate) struct StreamReader {
    head: Head,
    /// How many calls began.
    calls: u64,
    /// Whether the open block is a call without arguments so far.
    is_empty_call: bool,
}

impl StreamReader {
    pub(crate) fn new(head: Head) -> Self {
        Self { head, calls: 0, is_empty_call: false }
    }

    pub(crate) fn message(
        &mut self,
        message: &Message,
        items: &mut Vec<StreamItem>,
    ) -> Result<(), DecodeError> {
        if message.is_exception {
            let mut error = UpstreamError::parse(&message.payload);
            error.code = Some(message.kind.clone());
            items.push(StreamItem::Failed(error));
            return Ok(());
        }
        let body: Value = serde_json::from_slice(&message.payload).map_err(|_| DecodeError)?;
        match message.kind.as_str() {
            "messageStart" => items.push(StreamItem::Chunk(self.head.opening_chunk())),
            "contentBlockStart" => items.extend(self.start(&body)),
            "contentBlockDelta" => {
                let delta = body.get("delta").ok_or(DecodeError)?;
                items.extend(self.piece(delta).map(|delta| self.delta(delta)));
            }
            "contentBlockStop" => {
                let is_empty = std::mem::take(&mut self.is_empty_call);
                items.extend(is_empty.then(|| self.delta(self.arguments("{}"))));
            }
            "messageStop" => {
                let reason = response::finish_reason(body.get("stopReason"));
                items.push(StreamItem::Chunk(self.head.closing_chunk(reason)));
            }
            // The last message: nothing comes after the figures.
            "metadata" => {
                let usage = body.get("usage").map(response::usage);
                items.extend(usage.map(|usage| StreamItem::Chunk(self.head.usage_chunk(usage))));
                items.push(StreamItem::Done);
            }
            _ => {}
        }
        Ok(())
    }

    fn delta(&self, delta: Value) -> StreamItem {
        StreamItem::Chunk(self.head.delta_chunk(delta))
    }

    fn start(&mut self, body: &Value) -> Option<StreamItem> {
        let call = body.pointer("/start/toolUse")?;
        let read = |name: &str| call.get(name).and_then(Value::as_str).unwrap_or_default();
        let function = json!({"name": read("name"), "arguments": ""});
        let call = json!({
            "index": self.calls, "id": read("toolUseId"), "type": "function", "function": function,
        });
        self.calls += 1;
        self.is_empty_call = true;
        Some(self.delta(json!({"tool_calls": [call]})))
    }

    fn piece(&mut self, delta: &Value) -> Option<Value> {
        let read = |path| delta.pointer(path).and_then(Value::as_str);
        if let Some(text) = read("/text") {
            return Some(json!({ "content": text }));
        }
        if let Some(text) = read("/reasoningContent/text") {
            return Some(json!({ "reasoning_content": text }));
        }
        if let Some(signature) = read("/reasoningContent/signature") {
            return Some(json!({"thinking_blocks": [response::thinking("", signature)]}));
        }
        if let Some(data) = read("/reasoningContent/redactedContent") {
            return Some(json!({"thinking_blocks": [response::redacted(data)]}));
        }
        let piece = read("/toolUse/input").filter(|piece| !piece.is_empty())?;
        self.is_empty_call = false;
        Some(self.arguments(piece))
    }

    /// A piece of the arguments of the last call.
    fn arguments(&self, piece: &str) -> Value {
        let index = self.calls.saturating_sub(1);
        json!({"tool_calls": [{"index": index, "function": {"arguments": piece}}]})
    }
}
