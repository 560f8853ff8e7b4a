//! A chat request: parsed from OpenAI JSON, checked where we act on it, otherwise kept as it came.

mod body;
mod fields;
mod refusal;

use bytes::Bytes;
use serde_json::{Map, Value};

use crate::{Extension, Fields, Grounding, Language, Message, Role, anthropic::BUDGET_TOKENS_MIN};

pub use refusal::RequestError;

/// Deepest nesting of a request body; beyond: refused before parsing.
pub const JSON_DEPTH_MAX: usize = 64;
/// Most messages in one request; beyond: refused.
pub const MESSAGES_MAX: usize = 4_096;
/// Longest name of a model, in characters; beyond: refused.
pub const MODEL_CHARS_MAX: usize = 200;

/// What is asked of a model.
#[derive(Debug, Clone, PartialEq)]
pub struct ChatRequest {
    model: String,
    messages: Vec<Message>,
    stream: bool,
    include_usage: bool,
    extension: Option<Extension>,
    is_translated: bool,
    /// Every field as it came, in order, but for `fachwerk`; the place of `messages` is kept, its
    /// value lies in `self.messages`.
    fields: Fields,
    /// The messages as the caller wrote them, as long as nobody may have changed them: whoever
    /// changes `messages` empties it.
    written: Written,
    /// The sources to which the answer is bound; set by the caller, never on the wire as such.
    pub grounding: Option<Grounding>,
}

impl ChatRequest {
    /// A plain request of our own making, streamed.
    #[must_use]
    pub fn new(model: impl Into<String>, messages: Vec<Message>) -> Self {
        let model = model.into();
        let mut fields = Fields::default();
        fields.insert("model", Value::String(model.clone()));
        fields.insert("messages", Value::Null);
        Self {
            model,
            messages,
            stream: true,
            include_usage: false,
            extension: None,
            is_translated: false,
            fields,
            written: Written::default(),
            grounding: None,
        }
    }

    /// Parses the body of a request to `/v1/chat/completions`.
    ///
    /// # Errors
    /// The first thing that is wrong, with the parameter's name where there is one.
    pub fn parse(body: &[u8]) -> Result<Self, RequestError> {
        Self::read(Bytes::copy_from_slice(body))
    }

    /// Parses as [`ChatRequest::parse`] does, and keeps hold of the bytes: messages that nobody
    /// changes go to a server as they came.
    ///
    /// # Errors
    /// The first thing that is wrong, with the parameter's name where there is one.
    pub fn read(body: Bytes) -> Result<Self, RequestError> {
        let list = fields::look_over(&body)?;
        let mut request = match body::read(&body) {
            Some((fields, messages)) => {
                fields::model(fields.get("model"))?;
                Self::from_parts(fields, fields::listed(messages)?)?
            }
            None => Self::from_fields(object(&body)?)?,
        };
        let list = list.filter(|list| list.says_the_same_as(&request.messages));
        request.written = Written(list.map(|list| body.slice(list.at)));
        Ok(request)
    }

    /// Checks a request that was put together from one in another dialect. What it may hold beyond
    /// OpenAI's own fields (`thinking`, `thinking_blocks`, `cache_control`, `is_error`) never reaches
    /// a server that speaks OpenAI.
    pub(crate) fn translated(fields: Map<String, Value>) -> Result<Self, RequestError> {
        Ok(Self { is_translated: true, ..Self::from_fields(fields)? })
    }

    fn from_fields(mut fields: Map<String, Value>) -> Result<Self, RequestError> {
        fields::model(fields.get("model"))?;
        let messages = fields::messages(&mut fields)?;
        Self::from_parts(fields.into(), messages)
    }

    fn from_parts(mut fields: Fields, messages: Vec<Message>) -> Result<Self, RequestError> {
        let model = fields::model(fields.get("model"))?;
        let extension = match fields.remove("fachwerk") {
            None | Some(Value::Null) => None,
            Some(value) => Some(Extension::from_value(value)?),
        };
        fields::check_types(&fields)?;
        let stream = fields.get("stream").and_then(Value::as_bool).unwrap_or(false);
        let include_usage = fields::include_usage(&fields, stream)?;
        Ok(Self {
            model,
            messages,
            stream,
            include_usage,
            extension,
            is_translated: false,
            fields,
            written: Written::default(),
            grounding: None,
        })
    }

    /// The model the caller names.
    #[must_use]
    pub fn model(&self) -> &str {
        &self.model
    }

    /// Names another model in its place.
    pub fn set_model(&mut self, model: &str) {
        model.clone_into(&mut self.model);
        if let Some(value) = self.fields.get_mut("model") {
            *value = Value::String(model.to_owned());
        }
    }

    /// The conversation, oldest first; at least one message when parsed.
    #[must_use]
    pub fn messages(&self) -> &[Message] {
        &self.messages
    }

    /// The text of the user's last message; empty if there is none.
    #[must_use]
    pub fn question(&self) -> String {
        let last = self.messages.iter().rev().find(|message| message.role() == Role::User);
        last.map(|message| message.text().into_owned()).unwrap_or_default()
    }

    /// The language of the question, or else of the sources; German when in doubt.
    #[must_use]
    pub fn language(&self) -> Language {
        let sources = self.grounding.iter().flat_map(|grounding| &grounding.sources);
        Language::of_first(
            [self.question().as_str()].into_iter().chain(sources.map(|s| s.text.as_str())),
        )
    }

    /// Whether the caller wants the answer in pieces.
    #[must_use]
    pub fn stream(&self) -> bool {
        self.stream
    }

    /// Whether the caller wants usage figures at the end of a stream.
    #[must_use]
    pub fn include_usage(&self) -> bool {
        self.include_usage
    }

    /// The most tokens the answer may have, whichever of the two names was used.
    #[must_use]
    pub fn max_tokens(&self) -> Option<u32> {
        let read = |name: &str| self.fields.get(name).and_then(Value::as_u64);
        let tokens = read("max_completion_tokens").or_else(|| read("max_tokens"))?;
        u32::try_from(tokens).ok()
    }

    /// How many answers are wanted.
    #[must_use]
    pub fn n(&self) -> u32 {
        let n = self.fields.get("n").and_then(Value::as_u64).unwrap_or(1);
        u32::try_from(n).unwrap_or(1)
    }

    /// What is asked of Fachwerk itself.
    #[must_use]
    pub fn extension(&self) -> Option<&Extension> {
        self.extension.as_ref()
    }

    /// A field as it came, `None` if absent or null. `messages` and `fachwerk` are not here.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Value> {
        self.fields.get(name).filter(|value| !value.is_null())
    }

    /// Sets a field that the model server should see, e.g. `max_tokens` or `temperature` in a
    /// request of our own making.
    pub fn set_field(&mut self, name: &str, value: Value) {
        debug_assert!(!fields::OWN_FIELDS.contains(&name), "{name} has a home of its own");
        self.fields.insert(name, value);
    }

    /// Holds an answer whose length nobody asked for to so many tokens, thoughts included.
    ///
    /// # Errors
    /// If so few leave no room for the thoughts that are asked for.
    pub fn bound_answer(&mut self, tokens: u64) -> Result<(), RequestError> {
        let thinking = self.fields.get_mut("thinking").and_then(|one| one.get_mut("budget_tokens"));
        if let Some(budget) = thinking.filter(|budget| budget.as_u64().is_some_and(|b| b >= tokens))
        {
            // Half for the thoughts, half for the answer.
            if tokens / 2 < BUDGET_TOKENS_MIN {
                let message = "leaves no room for an answer of the length that a limit allows";
                return Err(RequestError::unsupported("thinking.budget_tokens", message));
            }
            *budget = (tokens / 2).into();
        }
        self.set_field("max_tokens", tokens.into());
        Ok(())
    }

    /// Appends an answer that was not what was wanted, and what is said about it.
    pub fn ask_again(&mut self, answer: &str, objection: &str) {
        self.written = Written::default();
        self.messages.push(Message::new(Role::Assistant, answer.to_owned()));
        self.messages.push(Message::new(Role::User, objection.to_owned()));
    }

    /// Bytes of everything a model would read, for guessing its tokens.
    #[must_use]
    pub fn prompt_bytes(&self) -> usize {
        let messages: usize = self.messages.iter().map(|message| message.text().len()).sum();
        let sources = self.grounding.iter().flat_map(|grounding| &grounding.sources);
        messages + sources.map(|source| source.text.len()).sum::<usize>()
    }

    /// Whether it came in another dialect than OpenAI's chat completions.
    pub(crate) fn is_translated(&self) -> bool {
        self.is_translated
    }

    pub(crate) fn fields(&self) -> &Fields {
        &self.fields
    }

    /// The list of messages as the caller wrote it, if it still says what the messages say.
    pub(crate) fn written(&self) -> Option<&Bytes> {
        self.written.0.as_ref()
    }

    pub(crate) fn messages_mut(&mut self) -> &mut [Message] {
        self.written = Written::default();
        &mut self.messages
    }

    /// The fields without a home of their own, with their values.
    pub(crate) fn settings_mut(&mut self) -> impl Iterator<Item = (&str, &mut Value)> {
        let fields = self.fields.iter_mut();
        fields.filter(|(name, _)| !fields::OWN_FIELDS.contains(name))
    }
}

/// Bytes that stand for messages. Two requests that say the same are equal however they are written.
#[derive(Debug, Clone, Default)]
struct Written(Option<Bytes>);

impl PartialEq for Written {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

/// Parses a body that must be a JSON object, not too deep.
pub(crate) fn parse_object(body: &[u8]) -> Result<Map<String, Value>, RequestError> {
    fields::look_over(body)?;
    object(body)
}

fn object(body: &[u8]) -> Result<Map<String, Value>, RequestError> {
    match serde_json::from_slice(body) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(_) => Err(RequestError::not_json("the body must be a JSON object")),
        Err(error) => Err(RequestError::syntax(&error)),
    }
}

/// The name of the model in a request's fields.
pub(crate) fn model_of(fields: &Map<String, Value>) -> Result<String, RequestError> {
    fields::model(fields.get("model"))
}
