//! The models inside this process, which read and give nothing but text: the fields they act on, the
//! hints that go no further, and that all else is refused by name. Knows not how they answer.

use serde_json::{Map, Value, json};

use crate::conversation::Conversation;
use crate::settings::{FieldRules, HINTS, check_stream_options};
use crate::{ChatRequest, Message, RequestError, Role};

/// Fields that ask for more than text.
const STRUCTURE: [&str; 6] =
    ["tools", "functions", "response_format", "logprobs", "modalities", "audio"];

/// A kind of model inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TextModel {
    /// The engine that quotes.
    BuiltIn,
    /// A language model in a file.
    Local,
}

impl TextModel {
    /// Both.
    pub const ALL: [Self; 2] = [Self::BuiltIn, Self::Local];

    /// The name in tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::BuiltIn => "built-in (`fachwerk-auszug`)",
            Self::Local => "a file (`kind = \"local\"`)",
        }
    }

    /// The name in sentences.
    const fn who(self) -> &'static str {
        match self {
            Self::BuiltIn => "the built-in engine",
            Self::Local => "a local model",
        }
    }

    const fn fields(self) -> FieldRules {
        match self {
            // A quote is the same however much somebody wishes it to vary.
            Self::BuiltIn => FieldRules {
                translated: &["max_tokens", "max_completion_tokens"],
                ignored: &[
                    "temperature",
                    "top_p",
                    "top_k",
                    "min_p",
                    "frequency_penalty",
                    "presence_penalty",
                    "repetition_penalty",
                    "seed",
                ],
            },
            Self::Local => FieldRules {
                translated: &[
                    "max_tokens",
                    "max_completion_tokens",
                    "temperature",
                    "top_p",
                    "top_k",
                    "min_p",
                    "frequency_penalty",
                    "presence_penalty",
                    "repetition_penalty",
                    "seed",
                    "stop",
                ],
                ignored: &[],
            },
        }
    }

    /// Refuses by its name what such a model would have to drop.
    ///
    /// # Errors
    /// The first such field, or message.
    pub fn check(self, request: &ChatRequest) -> Result<(), RequestError> {
        let who = self.who();
        if request.n() > 1 {
            let text = format!("must be 1 for {who}, which has one answer");
            return Err(RequestError::unsupported("n", &text));
        }
        if let Some(name) = self.fields().unlisted(request, is_hint) {
            let text = match STRUCTURE.contains(&name) {
                true => format!("cannot be used with {who}, which gives text only"),
                false => format!("has no effect on {who}"),
            };
            return Err(RequestError::unsupported(name, &text));
        }
        for (index, message) in request.messages().iter().enumerate() {
            self.check_message(index, message)?;
        }
        let refuse = |at| RequestError::unsupported(at, &format!("has no effect on {who}"));
        check_stream_options(request, &refuse)?;
        Conversation::read(request.messages(), &refuse).map(drop)
    }

    fn check_message(self, index: usize, message: &Message) -> Result<(), RequestError> {
        let who = self.who();
        if message.has_other_parts() {
            let text = format!("holds something other than text, which {who} cannot read");
            return Err(RequestError::unsupported(format!("messages[{index}].content"), &text));
        }
        let has_calls = message.fields().get("tool_calls").is_some_and(|calls| !calls.is_null());
        if has_calls || message.role() == Role::Tool {
            let text = format!("calls a tool or answers such a call, which {who} cannot read");
            return Err(RequestError::unsupported(format!("messages[{index}]"), &text));
        }
        Ok(())
    }

    /// What such a model acts on in a request, in the shape of a request.
    pub(crate) fn acts_on(self, request: &ChatRequest) -> Map<String, Value> {
        let message = |message: &Message| {
            let role = match message.role() {
                Role::System | Role::Developer => "system",
                Role::User => "user",
                Role::Assistant | Role::Tool => "assistant",
            };
            json!({"role": role, "content": message.text()})
        };
        let messages: Vec<Value> = request.messages().iter().map(message).collect();
        let acted_on = self.fields().translated.iter().filter_map(|name| {
            request.field(name).map(|value| ((*name).to_owned(), value.clone()))
        });
        acted_on.chain([("messages".to_owned(), messages.into())]).collect()
    }
}

/// Hints beside those that every dialect knows: a model without tools calls none, whatever is said of
/// how it shall call them.
fn is_hint(name: &str, value: &Value) -> bool {
    HINTS.contains(&name)
        || name == "parallel_tool_calls"
        || matches!(name, "tool_choice" | "function_call") && value == "none"
}
