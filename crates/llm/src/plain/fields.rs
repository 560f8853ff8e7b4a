//! Every field that a plain answer may have. One that is not named here, or that stands there twice,
//! makes it an answer of another kind.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor, value::MapAccessDeserializer},
};
use serde_json::value::RawValue;

use crate::{Usage, UsageDetails, skipped::Skipped, texts::AnswerPlace};

/// Where the message of a choice stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// In a whole answer.
    Message,
    /// In a piece of one.
    Delta,
}

impl Part {
    /// The name of its field.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Message => "message",
            Self::Delta => "delta",
        }
    }
}

/// Fields by name: serde would also take them from a list, in order.
#[derive(Debug, Clone)]
pub(super) struct Object<T>(pub(super) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor(PhantomData))
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = Object<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(entries)).map(Object)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Answer<'a> {
    #[serde(borrow)]
    pub(super) model: &'a RawValue,
    #[serde(borrow)]
    pub(super) choices: Vec<Object<Choice<'a>>>,
    /// Also if it is null.
    #[serde(default, borrow, deserialize_with = "present")]
    pub(super) usage: Option<&'a RawValue>,
    #[serde(default, rename = "id")]
    _id: Skipped,
    #[serde(default, rename = "object")]
    _object: Skipped,
    #[serde(default, rename = "created")]
    _created: Skipped,
    #[serde(default, rename = "service_tier")]
    _service_tier: Skipped,
    #[serde(default, rename = "system_fingerprint")]
    _system_fingerprint: Skipped,
    #[serde(default, rename = "obfuscation")]
    _obfuscation: Skipped,
    #[serde(default, rename = "timings")]
    _timings: Skipped,
    #[serde(default, rename = "prompt_filter_results")]
    _prompt_filter_results: Skipped,
    #[serde(default, rename = "prompt_logprobs")]
    _prompt_logprobs: Skipped,
    #[serde(default, rename = "prompt_token_ids")]
    _prompt_token_ids: Skipped,
    #[serde(default, rename = "kv_transfer_params")]
    _kv_transfer_params: Skipped,
}

fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Choice<'a> {
    #[serde(default)]
    index: Option<u64>,
    #[serde(default, borrow)]
    message: Option<Object<Message<'a>>>,
    #[serde(default, borrow)]
    delta: Option<Object<Message<'a>>>,
    #[serde(default)]
    finish_reason: Option<End>,
    #[serde(default)]
    logprobs: Option<Skipped>,
    #[serde(default, rename = "stop_reason")]
    _stop_reason: Skipped,
    #[serde(default, rename = "matched_stop")]
    _matched_stop: Skipped,
    #[serde(default, rename = "token_ids")]
    _token_ids: Skipped,
    #[serde(default, rename = "content_filter_results")]
    _content_filter_results: Skipped,
}

impl<'a> Choice<'a> {
    /// The number it has in all pieces of the answer.
    pub(super) fn number(&self) -> u64 {
        self.index.unwrap_or_default()
    }

    /// Its only message, if it stands where it should.
    pub(super) fn message(&self, part: Part) -> Option<&Message<'a>> {
        match (part, &self.message, &self.delta) {
            (Part::Message, Some(Object(message)), None)
            | (Part::Delta, None, Some(Object(message))) => Some(message),
            _ => None,
        }
    }

    pub(super) fn finish_reason(&self) -> Option<&'static str> {
        self.finish_reason.map(End::code)
    }

    pub(super) fn has_log_probabilities(&self) -> bool {
        self.logprobs.is_some()
    }
}

/// Ends of an answer by OpenAI's names.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum End {
    Stop,
    Length,
    ContentFilter,
    ToolCalls,
    FunctionCall,
}

impl End {
    const fn code(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
            Self::ContentFilter => "content_filter",
            Self::ToolCalls => "tool_calls",
            Self::FunctionCall => "function_call",
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Message<'a> {
    #[serde(default, rename = "role")]
    _role: Option<Speaker>,
    #[serde(default, borrow)]
    content: Option<&'a RawValue>,
    #[serde(default, borrow)]
    reasoning_content: Option<&'a RawValue>,
    #[serde(default, borrow)]
    reasoning: Option<&'a RawValue>,
    #[serde(default, borrow)]
    refusal: Option<&'a RawValue>,
    #[serde(default, rename = "annotations")]
    _annotations: Option<[(); 0]>,
    #[serde(default, rename = "tool_calls")]
    _tool_calls: Option<[(); 0]>,
    #[serde(default, rename = "function_call")]
    _function_call: (),
    #[serde(default, rename = "audio")]
    _audio: (),
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Speaker {
    Assistant,
}

impl<'a> Message<'a> {
    /// Its texts, in a fixed order, as they are written.
    pub(super) fn texts(&self) -> impl Iterator<Item = (&'static AnswerPlace, &'a RawValue)> {
        let places = [
            ("content", self.content),
            ("reasoning_content", self.reasoning_content),
            ("reasoning", self.reasoning),
            ("refusal", self.refusal),
        ];
        places.into_iter().filter_map(|(place, text)| Some((place, text?)))
    }
}

/// What a call took.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Counts {
    #[serde(default)]
    prompt_tokens: Option<u64>,
    #[serde(default)]
    completion_tokens: Option<u64>,
    #[serde(default, rename = "total_tokens")]
    _total_tokens: Option<u64>,
    #[serde(default)]
    prompt_tokens_details: Option<Object<PromptCounts>>,
    #[serde(default)]
    completion_tokens_details: Option<Object<CompletionCounts>>,
}

impl Counts {
    pub(super) fn usage(&self) -> Option<Usage> {
        let completion_tokens = self.completion_tokens.unwrap_or(0);
        Some(Usage { prompt_tokens: self.prompt_tokens?, completion_tokens })
    }

    pub(super) fn details(&self) -> UsageDetails {
        let prompt = self.prompt_tokens_details.as_ref().map(|Object(prompt)| prompt);
        let answer = self.completion_tokens_details.as_ref().map(|Object(answer)| answer);
        UsageDetails {
            cached_tokens: prompt.and_then(|prompt| prompt.cached_tokens).unwrap_or(0),
            cache_write_tokens: prompt.and_then(|one| one.cache_creation_tokens).unwrap_or(0),
            reasoning_tokens: answer.and_then(|answer| answer.reasoning_tokens).unwrap_or(0),
        }
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct PromptCounts {
    #[serde(default)]
    cached_tokens: Option<u64>,
    #[serde(default)]
    cache_creation_tokens: Option<u64>,
    #[serde(default, rename = "audio_tokens")]
    _audio_tokens: Option<u64>,
    #[serde(default, rename = "text_tokens")]
    _text_tokens: Option<u64>,
    #[serde(default, rename = "image_tokens")]
    _image_tokens: Option<u64>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct CompletionCounts {
    #[serde(default)]
    reasoning_tokens: Option<u64>,
    #[serde(default, rename = "audio_tokens")]
    _audio_tokens: Option<u64>,
    #[serde(default, rename = "text_tokens")]
    _text_tokens: Option<u64>,
    #[serde(default, rename = "accepted_prediction_tokens")]
    _accepted_prediction_tokens: Option<u64>,
    #[serde(default, rename = "rejected_prediction_tokens")]
    _rejected_prediction_tokens: Option<u64>,
}
