//! Interfaces of OpenAI's that are handed on: checked where we act on them, otherwise kept as they
//! came. Only servers that speak OpenAI have them.

use std::borrow::Cow;

use serde_json::{Map, Value};

use crate::dialect::Wire;
use crate::{
    ChatResponse, DecodeError, Dialect, Extension, OutgoingCall, RequestError, TypedEvent, Usage,
    chunk::generated_bytes, kept::Kept, transcription,
};

/// Longest text to be read aloud, in characters, as at OpenAI; beyond: refused.
pub const SPEECH_CHARS_MAX: usize = 4_096;
/// Longest description of an image, in characters, as at OpenAI; beyond: refused.
pub const IMAGE_PROMPT_CHARS_MAX: usize = 32_000;
/// Most images of one request, as at OpenAI; beyond: refused.
pub const IMAGES_MAX: u64 = 10;
/// Most views of an image in the making, as at OpenAI; beyond: refused.
pub const PARTIAL_IMAGES_MAX: u64 = 3;
/// Most texts in one request; beyond: refused.
pub const TEXTS_MAX: usize = 2_048;

/// Which interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// `/v1/completions`: text goes on from text. Its streams are read by
    /// [`Dialect::chat_stream`], their text lying in `choices[].text`.
    Completion,
    /// `/v1/moderations`: is a text harmful?
    Moderation,
    /// `/v1/images/generations`: an image from a description.
    ImageGeneration,
    /// `/v1/audio/speech`: a text read aloud. The answer is sound, not JSON.
    Speech,
}

impl Operation {
    /// All of them.
    pub const ALL: [Self; 4] =
        [Self::Completion, Self::Moderation, Self::ImageGeneration, Self::Speech];

    /// The path, the same for callers below `/v1/` and for servers below their base URL.
    #[must_use]
    pub const fn path(self) -> &'static str {
        match self {
            Self::Completion => "completions",
            Self::Moderation => "moderations",
            Self::ImageGeneration => "images/generations",
            Self::Speech => "audio/speech",
        }
    }

    /// Whether the answer is sound in a format of the caller's choice, not JSON.
    #[must_use]
    pub const fn answers_with_sound(self) -> bool {
        matches!(self, Self::Speech)
    }

    /// The field with what a model reads, and the most characters of each text in it.
    const fn text(self) -> (&'static str, usize) {
        match self {
            Self::Completion => ("prompt", usize::MAX),
            Self::Moderation => ("input", usize::MAX),
            Self::ImageGeneration => ("prompt", IMAGE_PROMPT_CHARS_MAX),
            Self::Speech => ("input", SPEECH_CHARS_MAX),
        }
    }

    /// Whether the text may be a list of texts, or of tokens or parts.
    const fn takes_lists(self) -> bool {
        matches!(self, Self::Completion | Self::Moderation)
    }

    /// Most answers of one request, as at OpenAI; more images would be more than is read.
    const fn answers_max(self) -> u64 {
        match self {
            Self::ImageGeneration => IMAGES_MAX,
            Self::Completion | Self::Moderation | Self::Speech => 128,
        }
    }

    /// Whether a body whose `model` is missing is no request.
    const fn needs_model(self) -> bool {
        matches!(self, Self::Completion | Self::Speech)
    }
}

/// A request to one of them.
#[derive(Debug, Clone, PartialEq)]
pub struct OperationRequest {
    operation: Operation,
    kept: Kept,
}

impl OperationRequest {
    /// Parses a body. Where OpenAI lets the model out, `default_model` stands for it.
    ///
    /// # Errors
    /// The first thing that is wrong, with the parameter's name.
    pub fn parse(
        operation: Operation,
        body: &[u8],
        default_model: Option<&str>,
    ) -> Result<Self, RequestError> {
        let kept = match default_model.filter(|_| !operation.needs_model()) {
            None => Kept::parse(body)?,
            Some(model) => Kept::parse_with_default(body, model)?,
        };
        check_text(operation, &kept)?;
        if operation == Operation::Speech
            && !kept.field("voice").is_some_and(|voice| voice.is_string() || voice.is_object())
        {
            return Err(RequestError::missing("voice"));
        }
        kept.count("n", operation.answers_max())?;
        check_stream(operation, &kept)?;
        Ok(Self { operation, kept })
    }

    /// Asks a model whether texts are harmful.
    #[must_use]
    pub fn moderation<'t>(model: &str, texts: impl IntoIterator<Item = &'t str>) -> Self {
        let mut fields = Map::new();
        fields.insert("model".to_owned(), model.into());
        fields.insert("input".to_owned(), texts.into_iter().collect());
        let kept = Kept { model: model.to_owned(), extension: None, fields };
        Self { operation: Operation::Moderation, kept }
    }

    /// Which interface.
    #[must_use]
    pub fn operation(&self) -> Operation {
        self.operation
    }

    /// The model the caller names.
    #[must_use]
    pub fn model(&self) -> &str {
        &self.kept.model
    }

    /// What is asked of Fachwerk itself.
    #[must_use]
    pub fn extension(&self) -> Option<&Extension> {
        self.kept.extension.as_ref()
    }

    /// Whether the caller wants the answer in pieces.
    #[must_use]
    pub fn stream(&self) -> bool {
        match self.operation {
            Operation::Speech => self.kept.field("stream_format") == Some(&"sse".into()),
            _ => self.kept.field("stream") == Some(&Value::Bool(true)),
        }
    }

    /// Whether the caller wants usage figures at the end of a stream.
    #[must_use]
    pub fn include_usage(&self) -> bool {
        let options = self.kept.field("stream_options");
        options.and_then(|options| options.get("include_usage")) == Some(&Value::Bool(true))
    }

    /// How many answers are wanted.
    #[must_use]
    pub fn n(&self) -> u64 {
        self.kept.field("n").and_then(Value::as_u64).unwrap_or(1)
    }

    /// How many answers the model writes: `n`, or the `best_of` of which they are chosen, to each
    /// prompt.
    #[must_use]
    pub fn answers(&self) -> u64 {
        let best_of = self.kept.field("best_of").and_then(Value::as_u64).unwrap_or(1);
        let prompts = match self.kept.field(self.operation.text().0) {
            // A list of numbers is one prompt in tokens.
            Some(Value::Array(items)) if !items.iter().all(Value::is_u64) => items.len() as u64,
            _ => 1,
        };
        self.n().max(best_of).saturating_mul(prompts)
    }

    /// The longest answer that is asked for, in tokens; `None` if the caller says nothing.
    #[must_use]
    pub fn max_tokens(&self) -> Option<u64> {
        self.kept.field("max_tokens").and_then(Value::as_u64)
    }

    /// Sets the longest answer that is asked for, in tokens.
    pub fn set_max_tokens(&mut self, tokens: u64) {
        self.kept.fields.insert("max_tokens".to_owned(), tokens.into());
    }

    /// Every text in any field, e.g. also `suffix` and `user`.
    #[must_use]
    pub fn every_text(&self) -> Vec<Cow<'_, str>> {
        self.kept.texts()
    }

    /// Whether the text comes as tokens, which only the model can read.
    #[must_use]
    pub fn has_tokens(&self) -> bool {
        let text = self.kept.field(self.operation.text().0);
        self.operation.takes_lists() && text.is_some_and(has_tokens)
    }

    /// How many tokens the text has, as far as it comes as tokens.
    #[must_use]
    pub fn tokens(&self) -> u64 {
        let text = self.kept.field(self.operation.text().0);
        text.filter(|_| self.operation.takes_lists()).map_or(0, count_tokens)
    }

    /// The texts that a model goes on from.
    #[must_use]
    pub fn texts(&self) -> Vec<&str> {
        match self.kept.field(self.operation.text().0) {
            Some(Value::String(text)) => vec![text],
            Some(Value::Array(items)) => items.iter().filter_map(text_of).collect(),
            _ => Vec::new(),
        }
    }

    /// The call to a server.
    ///
    /// # Errors
    /// If the server does not speak OpenAI.
    pub(crate) fn call(
        &self,
        upstream_model: &str,
        dialect: Dialect,
    ) -> Result<OutgoingCall, RequestError> {
        match dialect.wire() {
            Wire::OpenAi(quirks) => {
                let body = if self.stream()
                    && self.operation == Operation::Completion
                    && quirks.takes_stream_options
                {
                    self.with_usage().encode(upstream_model, Some)
                } else {
                    self.kept.encode(upstream_model, Some)
                };
                Ok(OutgoingCall::new(self.operation.path(), body))
            }
            _ => Err(dialect.cannot(self.operation.path())),
        }
    }
}

impl OperationRequest {
    /// The same with figures at the end of the stream: what a call cost must always be known.
    fn with_usage(&self) -> Kept {
        let mut kept = self.kept.clone();
        let own = kept.field("stream_options").and_then(Value::as_object).cloned();
        let mut options = own.unwrap_or_default();
        options.insert("include_usage".to_owned(), true.into());
        kept.fields.insert("stream_options".to_owned(), options.into());
        kept
    }
}

/// Whether there are tokens in an input that may be a list.
pub(crate) fn has_tokens(input: &Value) -> bool {
    match input {
        Value::Number(_) => true,
        Value::Array(items) => items.iter().any(has_tokens),
        _ => false,
    }
}

/// How many tokens there are in an input that may be a list.
pub(crate) fn count_tokens(input: &Value) -> u64 {
    match input {
        Value::Number(_) => 1,
        Value::Array(items) => items.iter().map(count_tokens).sum(),
        _ => 0,
    }
}

fn text_of(item: &Value) -> Option<&str> {
    item.as_str().or_else(|| item.get("text")?.as_str())
}

impl From<ChatResponse> for OperationResponse {
    fn from(answer: ChatResponse) -> Self {
        Self { fields: answer.into_fields() }
    }
}

/// Checks the wish for an answer in pieces, which each interface has its own way to say.
fn check_stream(operation: Operation, kept: &Kept) -> Result<(), RequestError> {
    let stream = kept.field("stream");
    match operation {
        Operation::Moderation => kept.refuse_stream(),
        Operation::ImageGeneration => {
            let previews = kept.number("partial_images", 0..=PARTIAL_IMAGES_MAX)?;
            if previews.is_some_and(|count| count > 0) && stream != Some(&Value::Bool(true)) {
                let message = "is only for stream true";
                return Err(RequestError::unsupported("partial_images", message));
            }
            check_boolean(stream)
        }
        Operation::Completion => check_boolean(stream),
        Operation::Speech => {
            let format = kept.field("stream_format").filter(|format| !format.is_string());
            let wrong = |other| RequestError::wrong_type("stream_format", "a string", other);
            format.map_or_else(|| check_boolean(stream), |other| Err(wrong(other)))
        }
    }
}

fn check_boolean(stream: Option<&Value>) -> Result<(), RequestError> {
    let wrong = stream.filter(|stream| !stream.is_boolean());
    wrong.map_or(Ok(()), |other| Err(RequestError::wrong_type("stream", "a boolean", other)))
}

fn check_text(operation: Operation, kept: &Kept) -> Result<(), RequestError> {
    let (name, chars_max) = operation.text();
    let check = |text: &str, at: &str| {
        if text.chars().nth(chars_max).is_some() {
            let message = format!("must have at most {chars_max} characters");
            return Err(RequestError::invalid_value(at, &message));
        }
        Ok(())
    };
    match kept.field(name) {
        None => Err(RequestError::missing(name)),
        Some(Value::String(text)) => check(text, name),
        Some(Value::Array(items)) if operation.takes_lists() => {
            if items.is_empty() {
                return Err(RequestError::empty(name));
            }
            // A list of tokens is one text; its length is the server's to judge.
            let is_tokens = items.iter().all(Value::is_u64);
            if items.len() > TEXTS_MAX && !is_tokens {
                return Err(RequestError::too_many(name, TEXTS_MAX));
            }
            Ok(())
        }
        Some(other) => {
            let expected =
                if operation.takes_lists() { "a string or an array" } else { "a string" };
            Err(RequestError::wrong_type(name, expected, other))
        }
    }
}

/// An answer in JSON, with all fields as they came.
#[derive(Debug, Clone, PartialEq)]
pub struct OperationResponse {
    fields: Map<String, Value>,
}

impl OperationResponse {
    /// Decodes the body of an answer.
    ///
    /// # Errors
    /// If it is no JSON object, or an error in spite of its status.
    pub fn parse(body: &[u8]) -> Result<Self, DecodeError> {
        let fields: Map<String, Value> = serde_json::from_slice(body).map_err(|_| DecodeError)?;
        let is_error = fields.get("error").is_some_and(|error| !error.is_null());
        if is_error { Err(DecodeError) } else { Ok(Self { fields }) }
    }

    /// The usage figures, if the server gave any; images name them differently.
    #[must_use]
    pub fn usage(&self) -> Option<Usage> {
        let usage = self.fields.get("usage")?;
        Usage::from_value(usage).or_else(|| Usage::of_input_and_output(usage))
    }

    /// Images that came whole, as the events of a stream that has no previews. The figures stand in
    /// the last of them.
    #[must_use]
    pub fn into_image_events(mut self) -> Vec<TypedEvent> {
        let Some(Value::Array(images)) = self.fields.shift_remove("data") else {
            return Vec::new();
        };
        let mut usage = self.fields.shift_remove("usage");
        if let Some(created) = self.fields.shift_remove("created") {
            self.fields.insert("created_at".to_owned(), created);
        }
        let mut events: Vec<_> = images
            .into_iter()
            .rev()
            .map(|image| {
                let mut fields = self.fields.clone();
                fields.extend(image.as_object().cloned().unwrap_or_default());
                fields.extend(usage.take().map(|usage| ("usage".to_owned(), usage)));
                TypedEvent::of_image(fields)
            })
            .collect();
        events.reverse();
        events
    }

    /// How many images it has.
    #[must_use]
    pub fn images(&self) -> u64 {
        let items = self.fields.get("data").and_then(Value::as_array).into_iter().flatten();
        let is_image = |item: &&Value| item.get("url").or_else(|| item.get("b64_json")).is_some();
        items.filter(is_image).count() as u64
    }

    /// How long the recording lasted that was written down, in milliseconds, if the server says so.
    #[must_use]
    pub fn audio_ms(&self) -> Option<u64> {
        crate::transcription::audio_ms(&self.fields)
    }

    /// Bytes of all generated texts, for guessing tokens.
    #[must_use]
    pub fn generated_bytes(&self) -> usize {
        let choices = self.fields.get("choices").and_then(Value::as_array);
        let transcript = self.fields.get("text").and_then(Value::as_str).map_or(0, str::len);
        transcript + generated_bytes(choices.map_or(&[], Vec::as_slice), "message")
    }

    pub(crate) fn fields(&self) -> &Map<String, Value> {
        &self.fields
    }

    /// A completion as an answer with choices, to be looked at and changed.
    #[must_use]
    pub fn into_choices(self) -> ChatResponse {
        ChatResponse::from_fields(self.fields)
    }

    /// The text of a transcript; empty if it is none.
    #[must_use]
    pub fn transcript(&self) -> &str {
        self.fields.get("text").and_then(Value::as_str).unwrap_or_default()
    }

    /// Puts another text in the place of that of a transcript; what else says its words goes.
    pub fn replace_transcript(&mut self, text: &str) {
        transcription::replace_text(&mut self.fields, text);
    }

    /// Sets a top-level field, e.g. `model`.
    pub fn set_field(&mut self, name: &str, value: Value) {
        self.fields.insert(name.to_owned(), value);
    }

    /// The JSON text.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(&self.fields).expect("a map of JSON values always serialises")
    }
}
