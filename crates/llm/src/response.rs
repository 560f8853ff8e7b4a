//! A whole answer.

use std::collections::BTreeSet;

use bytes::Bytes;
use serde_json::{Map, Value};

use crate::{
    ChatChunk, Usage, UsageDetails,
    form::Form,
    mended::mend_answer,
    openai::Head,
    plain::Part,
    texts,
    texts::{AnswerPlace, number_of},
};

/// Says that bytes from a model server are not what they should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the model server sent something that is not a chat completion")]
pub struct DecodeError;

/// A `chat.completion` with all fields as they came, but for what a server writes otherwise than OpenAI.
#[derive(Debug, Clone, PartialEq)]
pub struct ChatResponse(Form);

impl ChatResponse {
    /// Decodes the body of an answer.
    ///
    /// # Errors
    /// If it is not a JSON object with choices.
    pub fn parse(body: &[u8]) -> Result<Self, DecodeError> {
        Self::read(&Bytes::copy_from_slice(body))
    }

    /// Decodes as [`ChatResponse::parse`] does, and keeps hold of the bytes: an answer that is nothing
    /// but text, and that nobody changes, is handed on as it came.
    ///
    /// # Errors
    /// If it is not a JSON object with one choice or more.
    pub fn read(body: &Bytes) -> Result<Self, DecodeError> {
        if let Some(plain) = Form::read(body.clone(), Part::Message) {
            return Ok(Self(plain));
        }
        let mut fields: Map<String, Value> =
            serde_json::from_slice(body).map_err(|_| DecodeError)?;
        let choices = fields.get("choices").and_then(Value::as_array);
        if choices.is_none_or(Vec::is_empty) {
            return Err(DecodeError);
        }
        mend_answer(&mut fields);
        Ok(Self::from_fields(fields))
    }

    /// Wraps the fields of an answer.
    #[must_use]
    pub fn from_fields(fields: Map<String, Value>) -> Self {
        Self(Form::of(fields, Part::Message))
    }

    /// An answer that is this text, to be looked at and changed.
    #[must_use]
    pub fn of_text(text: &str) -> Self {
        let message = serde_json::json!({"role": "assistant", "content": text});
        let choices = serde_json::json!([{"index": 0, "message": message}]);
        Self::from_fields([("choices".to_owned(), choices)].into_iter().collect())
    }

    /// The text of the first choice; empty if it has none.
    #[must_use]
    pub fn text(&self) -> &str {
        let content =
            self.0.choices().first().and_then(|choice| choice.get("message")?.get("content"));
        content.and_then(Value::as_str).unwrap_or("")
    }

    /// Replaces the text of each choice by what `rewrite` makes of it. Choices without text are left
    /// alone.
    pub fn rewrite_texts(&mut self, rewrite: impl FnMut(u64, &str) -> String) {
        self.0.rewrite_contents(rewrite);
    }

    /// Replaces every text of the answer by what `rewrite` makes of it, with the number of its choice
    /// and its place.
    pub fn rewrite_all(&mut self, rewrite: &mut dyn FnMut(u64, &AnswerPlace, &str) -> String) {
        self.0.rewrite(rewrite);
    }

    /// Why the first choice ended.
    #[must_use]
    pub fn finish_reason(&self) -> Option<&str> {
        self.0.choices().first()?.get("finish_reason")?.as_str()
    }

    /// Withholds choices: each keeps its text, gets the sentence that says so and the end
    /// `content_filter`, and loses its calls of tools.
    pub fn withhold(&mut self, choices: &BTreeSet<u64>, notice: impl Fn(u64) -> String) {
        let present = self.0.choices_mut().iter_mut();
        for choice in present.filter(|choice| choices.contains(&number_of(choice))) {
            let notice = notice(number_of(choice));
            let Some(fields) = choice.as_object_mut() else { continue };
            fields.insert("finish_reason".to_owned(), "content_filter".into());
            let Some(Value::Object(message)) = fields.get_mut("message") else {
                texts::append_bare(choice, &notice);
                continue;
            };
            message.shift_remove("tool_calls");
            let text = message.get("content").and_then(Value::as_str).unwrap_or_default();
            let text = format!("{text}{notice}");
            message.insert("content".to_owned(), text.into());
        }
    }

    /// Takes the log probabilities out: they name the words that were written, also those that were
    /// taken out since.
    pub fn forget_log_probabilities(&mut self) {
        self.0.forget_log_probabilities();
    }

    /// All fields, to keep.
    pub(crate) fn into_fields(mut self) -> Map<String, Value> {
        std::mem::take(self.0.fields_mut())
    }

    /// The answer as one piece of a stream, for callers who wait for pieces.
    #[must_use]
    pub fn to_chunk(&self) -> ChatChunk {
        let mut fields = self.0.fields().clone();
        fields.insert("object".to_owned(), "chat.completion.chunk".into());
        fields.shift_remove("usage");
        let choices = fields.get_mut("choices").and_then(Value::as_array_mut);
        for choice in choices.into_iter().flatten().filter_map(Value::as_object_mut) {
            let mut delta = choice.shift_remove("message").unwrap_or_default();
            let calls = delta.get_mut("tool_calls").and_then(Value::as_array_mut);
            for (index, call) in calls.into_iter().flatten().enumerate() {
                call["index"] = index.into();
            }
            choice.insert("delta".to_owned(), delta);
        }
        ChatChunk::from_fields(fields)
    }

    /// The usage figures as they came.
    #[must_use]
    pub fn usage_value(&self) -> Option<&Value> {
        self.0.fields().get("usage").filter(|usage| !usage.is_null())
    }

    /// What it shares with pieces of its answer.
    #[must_use]
    pub fn head(&self) -> Head {
        self.0.head()
    }

    /// The usage figures, if the server gave any.
    #[must_use]
    pub fn usage(&self) -> Option<Usage> {
        self.0.usage()
    }

    /// Parts of the usage figures that have a price of their own; zero where the server says nothing.
    #[must_use]
    pub fn usage_details(&self) -> UsageDetails {
        self.0.usage_details()
    }

    /// Bytes of all generated strings, also of tool calls and reasoning, for guessing tokens.
    #[must_use]
    pub fn generated_bytes(&self) -> usize {
        self.0.generated_bytes()
    }

    /// Names another model.
    pub fn set_model(&mut self, name: &str) {
        self.0.set_model(name);
    }

    /// Sets a top-level field, e.g. `usage` or `fachwerk`.
    pub fn set_field(&mut self, name: &str, value: Value) {
        self.0.set_field(name, value);
    }

    /// Sets a field of every choice.
    pub(crate) fn set_choice_field(&mut self, name: &str, value: Value) {
        self.0.set_choice_field(name, &value);
    }

    /// All fields, as on the wire.
    #[must_use]
    pub fn fields(&self) -> &Map<String, Value> {
        self.0.fields()
    }

    /// The JSON text; without a copy if it is as it came.
    #[must_use]
    pub fn to_json(&self) -> Bytes {
        self.0.to_json()
    }
}
