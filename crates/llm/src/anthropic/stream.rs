//! A streamed answer of Anthropic's as chat completion chunks.

use serde_json::{Value, json};

use super::{finish_reason, response::Counts};
use crate::{DecodeError, SseEvent, StreamItem, UpstreamError, openai::Head};

/// Reads the events of one answer. Blocks come one after the other, so all that is kept is where the
/// stream stands and the counts.
#[derive(Debug)]
pub(crate) struct StreamReader {
    head: Head,
    counts: Counts,
    /// How many tool calls began.
    calls: u64,
    block: OpenBlock,
}

/// The block that is being written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum OpenBlock {
    Other,
    /// A tool call, and whether any of its arguments came yet.
    Call {
        has_arguments: bool,
    },
}

impl StreamReader {
    pub(crate) fn new(head: Head) -> Self {
        Self { head, counts: Counts::default(), calls: 0, block: OpenBlock::Other }
    }

    pub(crate) fn event(
        &mut self,
        event: &SseEvent,
        items: &mut Vec<StreamItem>,
    ) -> Result<(), DecodeError> {
        let event: Value = serde_json::from_str(&event.data).map_err(|_| DecodeError)?;
        let kind = event.get("type").and_then(Value::as_str).ok_or(DecodeError)?;
        match kind {
            "message_start" => {
                self.count(event.pointer("/message/usage"));
                items.push(StreamItem::Chunk(self.head.opening_chunk()));
            }
            "content_block_start" => {
                let block = event.get("content_block").ok_or(DecodeError)?;
                items.extend(self.start(block).map(|delta| self.delta(delta)));
            }
            "content_block_delta" => {
                let delta = event.get("delta").ok_or(DecodeError)?;
                items.extend(self.piece(delta).map(|delta| self.delta(delta)));
            }
            "content_block_stop" => {
                let empty = OpenBlock::Call { has_arguments: false };
                if std::mem::replace(&mut self.block, OpenBlock::Other) == empty {
                    items.push(self.delta(self.arguments("{}")));
                }
            }
            "message_delta" => {
                self.count(event.get("usage"));
                items.extend(self.end(event.get("delta").unwrap_or(&Value::Null)));
            }
            "message_stop" => items.push(StreamItem::Done),
            "error" => items.push(StreamItem::Failed(UpstreamError::from_value(&event))),
            // `ping`, and kinds that the interface may add.
            _ => {}
        }
        Ok(())
    }

    fn count(&mut self, usage: Option<&Value>) {
        if let Some(usage) = usage {
            self.counts.update(usage);
        }
    }

    fn delta(&self, delta: Value) -> StreamItem {
        StreamItem::Chunk(self.head.delta_chunk(delta))
    }

    fn start(&mut self, block: &Value) -> Option<Value> {
        let read = |name: &str| block.get(name).and_then(Value::as_str).unwrap_or_default();
        self.block = OpenBlock::Other;
        match read("type") {
            "tool_use" => {
                self.block = OpenBlock::Call { has_arguments: false };
                self.calls += 1;
                let function = json!({"name": read("name"), "arguments": ""});
                let call = json!({
                    "index": self.calls - 1, "id": read("id"), "type": "function", "function": function,
                });
                Some(json!({"tool_calls": [call]}))
            }
            "text" if !read("text").is_empty() => Some(json!({"content": read("text")})),
            "redacted_thinking" => Some(json!({"thinking_blocks": [block]})),
            _ => None,
        }
    }

    fn piece(&mut self, delta: &Value) -> Option<Value> {
        let read = |name: &str| delta.get(name).and_then(Value::as_str).unwrap_or_default();
        match read("type") {
            "text_delta" => Some(json!({"content": read("text")})),
            "thinking_delta" => Some(json!({"reasoning_content": read("thinking")})),
            "signature_delta" => {
                let block =
                    json!({"type": "thinking", "thinking": "", "signature": read("signature")});
                Some(json!({"thinking_blocks": [block]}))
            }
            "input_json_delta" if !read("partial_json").is_empty() => {
                self.block = OpenBlock::Call { has_arguments: true };
                Some(self.arguments(read("partial_json")))
            }
            _ => None,
        }
    }

    /// A piece of the arguments of the last call.
    fn arguments(&self, piece: &str) -> Value {
        let index = self.calls.saturating_sub(1);
        json!({"tool_calls": [{"index": index, "function": {"arguments": piece}}]})
    }

    fn end(&self, delta: &Value) -> [StreamItem; 2] {
        let reason = finish_reason(delta.get("stop_reason").and_then(Value::as_str));
        let mut closing = self.head.closing_chunk(reason);
        if let Some(stop) = delta.get("stop_sequence").filter(|stop| stop.is_string()) {
            closing.set_choice_field("stop_reason", stop.clone());
        }
        let usage = self.head.usage_chunk(self.counts.to_value());
        [StreamItem::Chunk(closing), StreamItem::Chunk(usage)]
    }
}
