//! A streamed answer of Google's as chat completion chunks.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::response::{self, Piece};
use crate::{DecodeError, SseEvent, StreamItem, UpstreamError, openai::Head};

/// Reads the events of one answer. Keeps the counts, not the text; calls come whole.
#[derive(Debug)]
pub(crate) struct StreamReader {
    head: Head,
    has_started: bool,
    has_ended: bool,
    /// How many calls each candidate made; at most as many entries as candidates are allowed.
    calls: BTreeMap<u64, usize>,
    usage: Option<Value>,
}

impl StreamReader {
    pub(crate) fn new(head: Head) -> Self {
        let calls = BTreeMap::new();
        Self { head, has_started: false, has_ended: false, calls, usage: None }
    }

    pub(crate) fn event(
        &mut self,
        event: &SseEvent,
        items: &mut Vec<StreamItem>,
    ) -> Result<(), DecodeError> {
        let body: Map<String, Value> =
            serde_json::from_str(&event.data).map_err(|_| DecodeError)?;
        if body.contains_key("error") {
            items.push(StreamItem::Failed(UpstreamError::from_value(&body.into())));
            return Ok(());
        }
        if !std::mem::replace(&mut self.has_started, true) {
            items.push(StreamItem::Chunk(self.head.opening_chunk()));
        }
        if let Some(usage) = body.get("usageMetadata") {
            self.usage = Some(response::usage(usage));
        }
        let candidates = body.get("candidates").and_then(Value::as_array);
        let mut choices = Vec::new();
        for candidate in candidates.into_iter().flatten() {
            self.candidate(candidate, &mut choices)?;
        }
        if candidates.is_none() && body.contains_key("promptFeedback") {
            self.has_ended = true;
            choices.push(choice(0, json!({}), Some("content_filter")));
        }
        if !choices.is_empty() {
            items.push(StreamItem::Chunk(self.head.chunk_of(choices)));
        }
        Ok(())
    }

    /// The end of the stream: Google has no mark for it, so a reason to end has to have come.
    pub(crate) fn finish(self, items: &mut Vec<StreamItem>) {
        if self.has_ended {
            let usage = self.usage.map(|usage| StreamItem::Chunk(self.head.usage_chunk(usage)));
            items.extend(usage);
            items.push(StreamItem::Done);
        }
    }

    fn candidate(
        &mut self,
        candidate: &Value,
        choices: &mut Vec<Value>,
    ) -> Result<(), DecodeError> {
        let index = response::index(candidate)?;
        let (mut text, mut thoughts, mut calls) = (String::new(), String::new(), Vec::new());
        let made = self.calls.entry(index).or_default();
        for part in response::parts(candidate) {
            match response::piece(part) {
                Some(Piece::Text(piece)) => text.push_str(piece),
                Some(Piece::Thought(piece)) => thoughts.push_str(piece),
                Some(Piece::Call(call)) => {
                    let mut call = response::tool_call(part, call, &self.head, *made);
                    call["index"] = (*made).into();
                    calls.push(call);
                    *made += 1;
                }
                None => {}
            }
        }
        let reason = response::finish_reason(candidate, *made > 0);
        self.has_ended |= reason.is_some();
        let mut delta = Map::new();
        if !thoughts.is_empty() {
            delta.insert("reasoning_content".to_owned(), thoughts.into());
        }
        if !text.is_empty() {
            delta.insert("content".to_owned(), text.into());
        }
        if !calls.is_empty() {
            delta.insert("tool_calls".to_owned(), calls.into());
        }
        if !delta.is_empty() || reason.is_some() {
            let mut choice = choice(index, delta.into(), reason);
            choice["logprobs"] = response::logprobs(candidate);
            choices.push(choice);
        }
        Ok(())
    }
}

fn choice(index: u64, delta: Value, reason: Option<&str>) -> Value {
    json!({"index": index, "delta": delta, "logprobs": null, "finish_reason": reason})
}
