//! The request as a server that speaks OpenAI gets it.

use std::borrow::Cow;

use bytes::Bytes;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::dialect::{DeveloperRole, MaxTokensName, Quirks};
use crate::settings::Settings;
use crate::{ChatRequest, Dialect, Message, Role, system_prompt};

/// How the server should deliver the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// In pieces, with usage figures in the last one.
    Streamed,
    /// All at once.
    Whole,
}

impl ChatRequest {
    /// Encodes the request for a server that speaks OpenAI: its own name for the model, the sources
    /// as a system message, nothing of ours, everything else as it came but for the server's quirks.
    pub(crate) fn encode(
        &self,
        upstream_model: &str,
        delivery: Delivery,
        quirks: &Quirks,
    ) -> Vec<Bytes> {
        let body = Body { request: self, upstream_model, delivery, quirks };
        let written = self.written().filter(|_| body.takes_messages_as_written());
        let mut object = ObjectWriter::new();
        for (key, value) in self.fields().iter() {
            match (key, written) {
                ("messages", Some(written)) => object.written(key, written),
                ("messages", None) => {
                    let messages = body.messages();
                    object.entry(key, &messages.iter().map(|m| m.fields()).collect::<Vec<_>>());
                }
                _ => body.setting(&mut object, key, value),
            }
        }
        body.delivery(&mut object);
        object.end()
    }
}

/// Puts the sources before the conversation. They join the caller's own opening instructions,
/// because many chat templates allow one system message only.
pub(crate) fn grounded(request: &ChatRequest) -> Vec<Cow<'_, Message>> {
    let mut messages: Vec<_> = request.messages().iter().map(Cow::Borrowed).collect();
    let Some(grounding) = &request.grounding else { return messages };
    let prompt = system_prompt(grounding, request.language());
    match messages.first_mut() {
        Some(first) if first.role().is_instruction() => {
            *first = Cow::Owned(first.followed_by(&prompt));
        }
        _ => messages.insert(0, Cow::Owned(Message::new(Role::System, prompt))),
    }
    messages
}

/// Tools without marks for a prompt cache, which servers that speak OpenAI do not know.
fn without_marks(tools: &Value) -> Value {
    let mut tools = tools.clone();
    let items = tools.as_array_mut().into_iter().flatten();
    for tool in items.filter_map(Value::as_object_mut) {
        tool.shift_remove("cache_control");
    }
    tools
}

/// Room for everything but the messages, in bytes; more is made as needed.
const ROOM_FOR_SETTINGS: usize = 512;
/// What is longer, in bytes, is sent from where it lies.
const COPIED_MAX: usize = 8 << 10;

/// Writes a JSON object entry by entry, also such as are written already.
struct ObjectWriter {
    pieces: Vec<Bytes>,
    text: Vec<u8>,
    is_empty: bool,
}

impl ObjectWriter {
    fn new() -> Self {
        let mut text = Vec::with_capacity(ROOM_FOR_SETTINGS);
        text.push(b'{');
        Self { pieces: Vec::with_capacity(1), text, is_empty: true }
    }

    fn entry(&mut self, name: &str, value: &(impl Serialize + ?Sized)) {
        self.name(name);
        serde_json::to_writer(&mut self.text, value).expect("JSON values always serialise");
    }

    /// `value` must be JSON.
    fn written(&mut self, name: &str, value: &Bytes) {
        self.name(name);
        if value.len() <= COPIED_MAX {
            self.text.extend_from_slice(value);
        } else {
            self.pieces.push(std::mem::take(&mut self.text).into());
            self.pieces.push(value.clone());
        }
    }

    fn name(&mut self, name: &str) {
        if !std::mem::replace(&mut self.is_empty, false) {
            self.text.push(b',');
        }
        serde_json::to_writer(&mut self.text, name).expect("a string always serialises");
        self.text.push(b':');
    }

    fn end(mut self) -> Vec<Bytes> {
        self.text.push(b'}');
        self.pieces.push(self.text.into());
        self.pieces
    }
}

struct Body<'a> {
    request: &'a ChatRequest,
    upstream_model: &'a str,
    delivery: Delivery,
    quirks: &'a Quirks,
}

impl Body<'_> {
    /// Whether the server gets the messages without any change.
    fn takes_messages_as_written(&self) -> bool {
        let request = self.request;
        let is_plain = !request.is_translated() && request.grounding.is_none();
        is_plain && !request.messages().iter().any(|message| self.renames(message))
    }

    fn renames(&self, message: &Message) -> bool {
        message.role() == Role::Developer && self.quirks.developer == DeveloperRole::System
    }

    fn messages(&self) -> Vec<Cow<'_, Message>> {
        let mut messages = grounded(self.request);
        for message in &mut messages {
            let renamed = self.renames(message);
            if self.request.is_translated() || renamed {
                *message = Cow::Owned(message.plain(renamed, self.quirks.takes_reasoning));
            }
        }
        messages
    }

    fn setting(&self, object: &mut ObjectWriter, key: &str, value: &Value) {
        match key {
            "model" => object.entry(key, self.upstream_model),
            "stream" | "stream_options" => {}
            "max_tokens" if self.has_newer_limit() => {}
            "thinking" if self.request.is_translated() => {
                if let Some(effort) = self.effort() {
                    object.entry("reasoning_effort", &effort);
                }
            }
            "tools" if self.request.is_translated() => object.entry(key, &without_marks(value)),
            _ => {
                if let Some(name) = self.quirks.name_of(key) {
                    object.entry(name, value);
                }
            }
        }
    }

    fn delivery(&self, object: &mut ObjectWriter) {
        if self.delivery == Delivery::Streamed {
            object.entry("stream", &true);
            if self.quirks.takes_stream_options {
                object.entry("stream_options", &self.stream_options());
            }
        }
    }

    /// Of two limits under two names, only the newer is sent where one of them is renamed.
    fn has_newer_limit(&self) -> bool {
        self.quirks.max_tokens != MaxTokensName::AsGiven
            && self.request.field("max_completion_tokens").is_some()
    }

    /// OpenAI's word for a budget of thinking.
    fn effort(&self) -> Option<String> {
        if self.request.field("reasoning_effort").is_some() {
            return None;
        }
        let settings = Settings { request: self.request, dialect: Dialect::Compatible };
        let thinking = settings.thinking().ok().flatten()?;
        thinking.effort().map(str::to_owned)
    }

    /// The caller's own options, and usage in any case: what a call cost must always be known.
    fn stream_options(&self) -> Map<String, Value> {
        let own = self.request.field("stream_options").and_then(Value::as_object);
        let mut options = own.cloned().unwrap_or_default();
        options.insert("include_usage".to_owned(), true.into());
        options
    }
}
