//! The request as a server that speaks OpenAI gets it.

use std::borrow::Cow;

use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::{Map, Value};

use crate::{ChatRequest, Message, Role, system_prompt};

/// How the server should deliver the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// In pieces, with usage figures in the last one.
    Streamed,
    /// All at once.
    Whole,
}

impl ChatRequest {
    /// Encodes the request for a server: its own name for the model, the sources as a system
    /// message, nothing of ours, everything else as it came.
    #[must_use]
    pub fn upstream_body(&self, upstream_model: &str, delivery: Delivery) -> Vec<u8> {
        let body = Body { request: self, messages: grounded(self), upstream_model, delivery };
        serde_json::to_vec(&body).expect("JSON values always serialise")
    }
}

/// Puts the sources before the conversation. They join the caller's own opening instructions,
/// because many chat templates allow one system message only.
fn grounded(request: &ChatRequest) -> Vec<Cow<'_, Message>> {
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

struct Body<'a> {
    request: &'a ChatRequest,
    messages: Vec<Cow<'a, Message>>,
    upstream_model: &'a str,
    delivery: Delivery,
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
                _ => map.serialize_entry(key, value)?,
            }
        }
        if self.delivery == Delivery::Streamed {
            map.serialize_entry("stream", &true)?;
            map.serialize_entry("stream_options", &self.stream_options())?;
        }
        map.end()
    }
}

impl Body<'_> {
    /// The caller's own options, and usage in any case: what a call cost must always be known.
    fn stream_options(&self) -> Map<String, Value> {
        let own = self.request.field("stream_options").and_then(Value::as_object);
        let mut options = own.cloned().unwrap_or_default();
        options.insert("include_usage".to_owned(), true.into());
        options
    }
}
