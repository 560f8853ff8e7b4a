//! The request as a server that speaks OpenAI gets it.

use std::borrow::Cow;

use serde::{Serialize, Serializer, ser::SerializeMap};
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
    ) -> Vec<u8> {
        let mut messages = grounded(self);
        for message in &mut messages {
            let is_renamed =
                message.role() == Role::Developer && quirks.developer == DeveloperRole::System;
            if self.is_translated() || is_renamed {
                *message = Cow::Owned(message.plain(is_renamed, quirks.takes_reasoning));
            }
        }
        let body = Body { request: self, messages, upstream_model, delivery, quirks };
        serde_json::to_vec(&body).expect("JSON values always serialise")
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

struct Body<'a> {
    request: &'a ChatRequest,
    messages: Vec<Cow<'a, Message>>,
    upstream_model: &'a str,
    delivery: Delivery,
    quirks: &'a Quirks,
}

impl Serialize for Body<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (key, value) in self.request.fields() {
            match key.as_str() {
                "model" => map.serialize_entry(key, self.upstream_model)?,
                "messages" => {
                    let messages: Vec<_> = self.messages.iter().map(|m| m.fields()).collect();
                    map.serialize_entry(key, &messages)?;
                }
                "stream" | "stream_options" => {}
                "max_tokens" if self.has_newer_limit() => {}
                "thinking" if self.request.is_translated() => {
                    if let Some(effort) = self.effort() {
                        map.serialize_entry("reasoning_effort", &effort)?;
                    }
                }
                "tools" if self.request.is_translated() => {
                    map.serialize_entry(key, &without_marks(value))?;
                }
                _ => {
                    if let Some(name) = self.quirks.name_of(key) {
                        map.serialize_entry(name, value)?;
                    }
                }
            }
        }
        if self.delivery == Delivery::Streamed {
            map.serialize_entry("stream", &true)?;
            if self.quirks.takes_stream_options {
                map.serialize_entry("stream_options", &self.stream_options())?;
            }
        }
        map.end()
    }
}

impl Body<'_> {
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
