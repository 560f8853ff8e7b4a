//! The pieces of a streamed answer.

use std::collections::BTreeSet;

use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::{
    DecodeError, SseEvent, TypedEvent, UpstreamError, Usage, UsageDetails,
    form::Form,
    mended::{Callers, mend_piece},
    openai::Head,
    plain::{Part, Plain},
    texts,
    texts::{AnswerPlace, number_of},
};

/// What a stream of any model yields.
#[derive(Debug, Clone, PartialEq)]
pub enum ChatEvent {
    /// A piece of the answer.
    Chunk(ChatChunk),
    /// The text just given is a quote: only from models that know, word for word, where it stands.
    Citation(Citation),
}

/// Where in a given source a quote stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Citation {
    /// The source's number.
    pub number: u32,
    /// First Unicode code point of the quote in the source's text.
    pub start: usize,
    /// One past its last code point.
    pub end: usize,
}

/// A `chat.completion.chunk` with all fields as they came.
#[derive(Debug, Clone, PartialEq)]
pub struct ChatChunk(Form);

impl ChatChunk {
    /// Wraps the fields of a chunk.
    #[must_use]
    pub fn from_fields(fields: Map<String, Value>) -> Self {
        Self(Form::of(fields, Part::Delta))
    }

    /// The text of the first choice; empty if the chunk carries none.
    #[must_use]
    pub fn text(&self) -> &str {
        self.texts().find(|(index, _)| *index == 0).map_or("", |(_, text)| text)
    }

    /// The texts of all choices, each with the number of its choice.
    pub fn texts(&self) -> impl Iterator<Item = (u64, &str)> {
        let plain = self.0.plain();
        let choices = if plain.is_some() { &[] } else { self.0.choices() };
        let contents = plain.into_iter().flat_map(Plain::texts);
        let contents = contents.filter(|(_, place, _)| *place == "content");
        let others = choices.iter().filter_map(|choice| {
            let text = choice.get("delta")?.get("content")?.as_str()?;
            Some((number_of(choice), text))
        });
        contents.map(|(choice, _, text)| (choice, text)).chain(others)
    }

    /// Bytes of all generated strings in the chunk, also of tool calls and reasoning, for guessing
    /// tokens.
    #[must_use]
    pub fn generated_bytes(&self) -> usize {
        self.0.generated_bytes()
    }

    /// Whether it brings something of the answer: of a text, of a thought, of a call of a tool, or the
    /// end. A piece that only says who speaks, or what it took so far, brings nothing.
    #[must_use]
    pub fn brings_something(&self) -> bool {
        self.finish_reason().is_some() || self.generated_bytes() > 0
    }

    /// The chunk as it came, if it is nothing but texts.
    pub(crate) fn plain(&self) -> Option<&Plain> {
        self.0.plain()
    }

    /// The one text with which the first choice goes on, and its place, if the chunk as it came says no
    /// more: nearly all do, and need not be read again.
    pub(crate) fn only_text(&self) -> Option<(&'static AnswerPlace, &str)> {
        self.0.plain()?.only_text()
    }

    /// Replaces the text of each choice by what `rewrite` makes of it. Choices without text are left
    /// alone.
    pub fn rewrite_texts(&mut self, rewrite: impl FnMut(u64, &str) -> String) {
        self.0.rewrite_contents(rewrite);
    }

    /// Appends to the text of a choice, also where the chunk carries none for it yet. A choice that
    /// the chunk does not have is left out.
    pub fn append_text(&mut self, choice: u64, text: &str) {
        if self.append_plain(choice, "content", text) {
            return;
        }
        let mut choices = self.choices_mut().iter_mut();
        let Some(choice) = choices.find(|one| number_of(one) == choice) else { return };
        let Some(choice) = choice.as_object_mut() else { return };
        let delta = choice.entry("delta").or_insert_with(|| Value::Object(Map::new()));
        let Some(delta) = delta.as_object_mut() else { return };
        match delta.get_mut("content") {
            Some(Value::String(content)) => content.push_str(text),
            _ => {
                delta.insert("content".to_owned(), Value::String(text.to_owned()));
            }
        }
    }

    /// Why the first choice ended, in the chunk in which it does.
    #[must_use]
    pub fn finish_reason(&self) -> Option<&str> {
        self.0.finish_reason()
    }

    /// The choices that end in this chunk.
    #[must_use]
    pub fn ended_choices(&self) -> Vec<u64> {
        if let Some(plain) = self.0.plain() {
            return plain.ended_choices().to_vec();
        }
        let ended =
            self.0.choices().iter().filter(|choice| {
                choice.get("finish_reason").is_some_and(|reason| !reason.is_null())
            });
        ended.map(|choice| choice.get("index").and_then(Value::as_u64).unwrap_or(0)).collect()
    }

    /// Makes this the last chunk of choices whose answer is withheld: each gets the sentence that says
    /// so, no call of a tool, and the end `content_filter`.
    pub fn withhold(&mut self, choices: &BTreeSet<u64>, notice: impl Fn(u64) -> String) {
        let is_bare = self.head().is_bare;
        let Some(Value::Array(present)) = self.0.fields_mut().get_mut("choices") else { return };
        for number in choices {
            if !present.iter().any(|choice| number_of(choice) == *number) {
                present.push(match is_bare {
                    true => json!({"index": number, "text": "", "logprobs": null}),
                    false => json!({"index": number, "delta": {}, "logprobs": null}),
                });
            }
        }
        let withheld = present.iter_mut().filter(|choice| choices.contains(&number_of(choice)));
        for choice in withheld.filter_map(Value::as_object_mut) {
            choice.insert("finish_reason".to_owned(), "content_filter".into());
            if let Some(Value::Object(delta)) = choice.get_mut("delta") {
                delta.shift_remove("tool_calls");
            }
        }
        let place = if is_bare { texts::BARE } else { "content" };
        for number in choices {
            self.append_at(*number, place, &notice(*number));
        }
    }

    /// Takes the log probabilities out: they name the words that were written, also those that were
    /// taken out since.
    pub fn forget_log_probabilities(&mut self) {
        self.0.forget_log_probabilities();
    }

    /// Appends to a text of the chunk as it came; gives whether there is one.
    pub(crate) fn append_plain(&mut self, choice: u64, place: &AnswerPlace, text: &str) -> bool {
        self.0.plain_mut().is_some_and(|plain| plain.append(choice, place, text))
    }

    /// As [`ChatResponse::rewrite_all`](crate::ChatResponse::rewrite_all), for the pieces in this chunk.
    pub fn rewrite_all(&mut self, rewrite: &mut dyn FnMut(u64, &AnswerPlace, &str) -> String) {
        self.0.rewrite(rewrite);
    }

    /// The usage figures, in the chunk that has them.
    #[must_use]
    pub fn usage(&self) -> Option<Usage> {
        self.0.usage()
    }

    /// Parts of the usage figures that have a price of their own.
    #[must_use]
    pub fn usage_details(&self) -> UsageDetails {
        self.0.usage_details()
    }

    /// Takes the usage object out as it came.
    pub fn take_usage(&mut self) -> Option<Value> {
        if let Some(plain) = self.0.plain_mut().filter(|plain| !plain.has_counts()) {
            plain.leave_out_no_counts();
            return None;
        }
        self.0.fields_mut().shift_remove("usage").filter(|usage| !usage.is_null())
    }

    /// Says whether the chunk has no choice, so that nothing is left of it once usage is taken out.
    #[must_use]
    pub fn is_without_choices(&self) -> bool {
        match self.0.plain() {
            Some(plain) => !plain.has_choices(),
            None => self.0.choices().is_empty(),
        }
    }

    /// Names another model.
    pub fn set_model(&mut self, name: &str) {
        self.0.set_model(name);
    }

    /// Sets a top-level field, e.g. `usage` or `fachwerk`.
    pub fn set_field(&mut self, name: &str, value: Value) {
        self.0.set_field(name, value);
    }

    /// What it shares with the other pieces of its answer, to make one more that fits in.
    #[must_use]
    pub fn head(&self) -> Head {
        self.0.head()
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

    /// As [`ChatChunk::to_json`], after what is there already.
    pub(crate) fn write_json(&self, out: &mut Vec<u8>) {
        self.0.write_json(out);
    }

    pub(crate) fn choices_mut(&mut self) -> &mut [Value] {
        self.0.choices_mut()
    }
}

/// Bytes of all generated strings in choices: in their messages or pieces of them, or in the bare text
/// of the old completions.
pub(crate) fn generated_bytes(choices: &[Value], message: &str) -> usize {
    let in_choice = |choice: &Value| {
        let text = choice.get("text").and_then(Value::as_str).map_or(0, str::len);
        text + choice.get(message).map_or(0, |message| string_bytes(message, "role"))
    };
    choices.iter().map(in_choice).sum()
}

/// Bytes of all strings in `value`, but for those under the key `except`.
fn string_bytes(value: &Value, except: &str) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(|item| string_bytes(item, except)).sum(),
        Value::Object(fields) => fields
            .iter()
            .filter(|(key, _)| key.as_str() != except)
            .map(|(_, value)| string_bytes(value, except))
            .sum(),
        _ => 0,
    }
}

/// What one event of an upstream stream means.
#[derive(Debug, Clone, PartialEq)]
pub enum StreamItem {
    /// A piece of the answer.
    Chunk(ChatChunk),
    /// An event that says its own type.
    Typed(TypedEvent),
    /// The answer is complete.
    Done,
    /// The server failed in the middle and says so.
    Failed(UpstreamError),
}

impl StreamItem {
    /// Decodes an event of a stream that speaks OpenAI.
    ///
    /// # Errors
    /// If it is neither the end mark nor a JSON object.
    pub fn decode(event: &SseEvent) -> Result<Self, DecodeError> {
        Self::decode_next(event, &mut Callers::default())
    }

    /// Decodes the next event; `callers` knows of those before.
    pub(crate) fn decode_next(
        event: &SseEvent,
        callers: &mut Callers,
    ) -> Result<Self, DecodeError> {
        let text = event.data.trim();
        if text == "[DONE]" {
            return Ok(Self::Done);
        }
        if event.name.is_none()
            && let Some(plain) = Form::read(Bytes::copy_from_slice(text.as_bytes()), Part::Delta)
        {
            return Ok(Self::Chunk(ChatChunk(plain)));
        }
        let mut fields: Map<String, Value> = serde_json::from_str(text).map_err(|_| DecodeError)?;
        if fields.get("error").is_some_and(|error| !error.is_null()) {
            return Ok(Self::Failed(UpstreamError::from_value(&Value::Object(fields))));
        }
        if event.name.as_deref() == Some("error") {
            return Ok(Self::Failed(UpstreamError::from_value(&Value::Object(fields))));
        }
        if !fields.get("choices").is_some_and(Value::is_array) && !fields.contains_key("usage") {
            return Err(DecodeError);
        }
        mend_piece(&mut fields, callers);
        Ok(Self::Chunk(ChatChunk::from_fields(fields)))
    }
}
