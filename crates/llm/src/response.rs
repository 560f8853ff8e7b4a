//! A whole answer.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::{
    ChatChunk, Usage, chunk::generated_bytes, mended::mend_answer, openai::Head, texts,
    texts::number_of,
};

/// Says that bytes from a model server are not what they should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the model server sent something that is not a chat completion")]
pub struct DecodeError;

/// A `chat.completion` with all fields as they came, but for what a server writes otherwise than OpenAI.
#[derive(Debug, Clone, PartialEq)]
pub struct ChatResponse {
    fields: Map<String, Value>,
}

impl ChatResponse {
    /// Decodes the body of an answer.
    ///
    /// # Errors
    /// If it is not a JSON object with choices.
    pub fn parse(body: &[u8]) -> Result<Self, DecodeError> {
        let mut fields: Map<String, Value> =
            serde_json::from_slice(body).map_err(|_| DecodeError)?;
        if !fields.get("choices").is_some_and(Value::is_array) {
            return Err(DecodeError);
        }
        mend_answer(&mut fields);
        Ok(Self { fields })
    }

    /// Wraps the fields of an answer.
    #[must_use]
    pub fn from_fields(fields: Map<String, Value>) -> Self {
        Self { fields }
    }

    /// An answer that is this text, to be looked at and changed.
    #[must_use]
    pub fn of_text(text: &str) -> Self {
        let message = serde_json::json!({"role": "assistant", "content": text});
        let choices = serde_json::json!([{"index": 0, "message": message}]);
        Self { fields: [("choices".to_owned(), choices)].into_iter().collect() }
    }

    /// The text of the first choice; empty if it has none.
    #[must_use]
    pub fn text(&self) -> &str {
        let content =
            self.choices().first().and_then(|choice| choice.get("message")?.get("content"));
        content.and_then(Value::as_str).unwrap_or("")
    }

    /// Replaces the text of each choice by what `rewrite` makes of it. Choices without text are left
    /// alone.
    pub fn rewrite_texts(&mut self, mut rewrite: impl FnMut(u64, &str) -> String) {
        let Some(Value::Array(choices)) = self.fields.get_mut("choices") else { return };
        for choice in choices {
            let index = choice.get("index").and_then(Value::as_u64).unwrap_or(0);
            let content = choice.get_mut("message").and_then(|message| message.get_mut("content"));
            if let Some(Value::String(text)) = content {
                *text = rewrite(index, text);
            }
        }
    }

    /// Why the first choice ended.
    #[must_use]
    pub fn finish_reason(&self) -> Option<&str> {
        self.choices().first()?.get("finish_reason")?.as_str()
    }

    /// Withholds choices: each keeps its text, gets the sentence that says so and the end
    /// `content_filter`, and loses its calls of tools.
    pub fn withhold(&mut self, choices: &BTreeSet<u64>, notice: impl Fn(u64) -> String) {
        let Some(Value::Array(present)) = self.fields.get_mut("choices") else { return };
        for choice in present.iter_mut().filter(|choice| choices.contains(&number_of(choice))) {
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
        texts::forget_log_probabilities(self.choices_mut());
    }

    /// All fields, to keep.
    pub(crate) fn into_fields(self) -> Map<String, Value> {
        self.fields
    }

    /// The answer as one piece of a stream, for callers who wait for pieces.
    #[must_use]
    pub fn to_chunk(&self) -> ChatChunk {
        let mut fields = self.fields.clone();
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
        self.fields.get("usage").filter(|usage| !usage.is_null())
    }

    /// What it shares with pieces of its answer.
    #[must_use]
    pub fn head(&self) -> Head {
        Head::of(&self.fields)
    }

    /// The usage figures, if the server gave any.
    #[must_use]
    pub fn usage(&self) -> Option<Usage> {
        self.fields.get("usage").and_then(Usage::from_value)
    }

    /// Bytes of all generated strings, also of tool calls and reasoning, for guessing tokens.
    #[must_use]
    pub fn generated_bytes(&self) -> usize {
        generated_bytes(self.choices(), "message")
    }

    /// Sets a top-level field, e.g. `model`, `usage` or `fachwerk`.
    pub fn set_field(&mut self, name: &str, value: Value) {
        self.fields.insert(name.to_owned(), value);
    }

    /// Sets a field of every choice.
    pub(crate) fn set_choice_field(&mut self, name: &str, value: Value) {
        let Some(Value::Array(choices)) = self.fields.get_mut("choices") else { return };
        for choice in choices.iter_mut().filter_map(Value::as_object_mut) {
            choice.insert(name.to_owned(), value.clone());
        }
    }

    /// All fields, as on the wire.
    #[must_use]
    pub fn fields(&self) -> &Map<String, Value> {
        &self.fields
    }

    /// The JSON text.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(&self.fields).expect("a map of JSON values always serialises")
    }

    pub(crate) fn choices_mut(&mut self) -> &mut [Value] {
        match self.fields.get_mut("choices") {
            Some(Value::Array(choices)) => choices.as_mut_slice(),
            _ => &mut [],
        }
    }

    fn choices(&self) -> &[Value] {
        self.fields.get("choices").and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }
}
