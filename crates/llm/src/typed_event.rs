//! Events of OpenAI's that say their own type: of transcripts, of texts read aloud, of images in the
//! making. Kept as they came; read only as far as figures, ends and texts go.
//! <https://platform.openai.com/docs/api-reference/images-streaming>,
//! <https://platform.openai.com/docs/api-reference/audio/transcript-text-delta-event>

use serde_json::{Map, Value};

use crate::{
    DecodeError, SseEvent, Usage,
    transcription::{audio_ms, replace_text},
};

/// One event.
#[derive(Debug, Clone, PartialEq)]
pub struct TypedEvent {
    /// Whether the server names the event also outside its data.
    is_named: bool,
    fields: Map<String, Value>,
}

impl TypedEvent {
    /// Reads an event.
    ///
    /// # Errors
    /// If it is no JSON object with a type.
    pub(crate) fn decode(event: &SseEvent) -> Result<Self, DecodeError> {
        let fields: Map<String, Value> =
            serde_json::from_str(&event.data).map_err(|_| DecodeError)?;
        let kind = fields.get("type").and_then(Value::as_str).ok_or(DecodeError)?;
        Ok(Self { is_named: event.name.as_deref() == Some(kind), fields })
    }

    fn kind(&self) -> &str {
        self.fields.get("type").and_then(Value::as_str).unwrap_or_default()
    }

    /// Whether the server says that it failed.
    pub(crate) fn is_failure(&self) -> bool {
        self.kind() == "error" || self.fields.get("error").is_some_and(|error| !error.is_null())
    }

    /// Whether what was asked for is complete with this event: the transcript, the sound, or one of
    /// the images.
    #[must_use]
    pub fn is_last(&self) -> bool {
        let ends = ["transcript.text.done", "speech.audio.done", "image_generation.completed"];
        ends.contains(&self.kind())
    }

    /// Whether it brings an image, whole or as far as it is.
    #[must_use]
    pub fn is_of_image(&self) -> bool {
        self.kind().starts_with("image_generation.")
    }

    /// The event that brings a whole image.
    pub(crate) fn of_image(image: Map<String, Value>) -> Self {
        let mut fields = Map::new();
        fields.insert("type".to_owned(), "image_generation.completed".into());
        fields.extend(image);
        Self { is_named: true, fields }
    }

    /// An event that adds a text to a transcript.
    #[must_use]
    pub fn of_delta(text: &str) -> Self {
        let fields = [("type", "transcript.text.delta"), ("delta", text)];
        let fields = fields.map(|(name, value)| (name.to_owned(), value.into()));
        Self { is_named: false, fields: fields.into_iter().collect() }
    }

    /// The text that this event adds to a transcript.
    #[must_use]
    pub fn delta(&self) -> &str {
        self.fields.get("delta").and_then(Value::as_str).unwrap_or_default()
    }

    /// The whole text, which the last event of a transcript has.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        self.fields.get("text").and_then(Value::as_str)
    }

    /// Puts another text in the place of the whole one; what else says its words goes.
    pub fn replace_text(&mut self, text: &str) {
        replace_text(&mut self.fields, text);
    }

    /// The usage figures in a last event, if the server counts tokens.
    #[must_use]
    pub fn usage(&self) -> Option<Usage> {
        Usage::of_input_and_output(self.fields.get("usage")?)
    }

    /// How long the recording lasted, if the server says so with this event.
    #[must_use]
    pub fn audio_ms(&self) -> Option<u64> {
        audio_ms(&self.fields)
    }

    /// The event as text, ready to send.
    #[must_use]
    pub fn to_event(&self) -> String {
        let data = serde_json::to_string(&self.fields);
        let data = data.expect("a map of JSON values always serialises");
        // A JSON text has no line feed, but the type may be any text.
        let kind = self.kind();
        if self.is_named && !kind.contains(['\n', '\r']) {
            format!("event: {kind}\ndata: {data}\n\n")
        } else {
            format!("data: {data}\n\n")
        }
    }
}
