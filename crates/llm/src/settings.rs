//! The fields of a request beside its messages, in the form that the dialects other than OpenAI's
//! share, and the rule that no field goes unnoticed.

use std::borrow::Cow;

use serde_json::{Map, Value};

use crate::conversation::{Conversation, required_text, text};
use crate::{ChatRequest, Dialect, Message, RequestError};

/// What a dialect does with the fields of a request. A field on neither list is refused by name.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FieldRules {
    /// Fields that have a counterpart.
    pub translated: &'static [&'static str],
    /// Hints without a counterpart that change nothing in the answer.
    pub ignored: &'static [&'static str],
}

/// Hints that concern bookkeeping at OpenAI: who asks, what is stored, what is cached. Others do not
/// have them, and an answer is the same without.
pub(crate) const HINTS: [&str; 8] = [
    "user",
    "metadata",
    "store",
    "safety_identifier",
    "prompt_cache_key",
    "prompt_cache_retention",
    "prompt_cache_options",
    "service_tier",
];

impl FieldRules {
    /// Reads a request for a dialect with these fields: what was said, and what else is asked for.
    /// `messages` are those of the request with what belongs before them.
    pub(crate) fn read<'m>(
        &self,
        request: &'m ChatRequest,
        messages: &'m [Cow<'_, Message>],
        dialect: Dialect,
    ) -> Result<(Conversation<'m>, Settings<'m>), RequestError> {
        self.check(request, dialect)?;
        let conversation = Conversation::read(messages.iter().map(AsRef::as_ref), dialect)?;
        Ok((conversation, Settings { request, dialect }))
    }

    /// Refuses the first field that is on no list and asks for something.
    pub(crate) fn check(
        &self,
        request: &ChatRequest,
        dialect: Dialect,
    ) -> Result<(), RequestError> {
        self.unlisted(request, |_, _| false).map_or(Ok(()), |name| Err(dialect.refuse(name)))
    }

    /// The first field that is on no list, asks for something, and is no hint beside the listed ones.
    pub(crate) fn unlisted<'r>(
        &self,
        request: &'r ChatRequest,
        is_hint: impl Fn(&str, &Value) -> bool,
    ) -> Option<&'r str> {
        let mut fields = request.fields().iter();
        let unlisted = fields.find(|(name, value)| {
            let is_listed = matches!(*name, "model" | "messages" | "stream" | "stream_options")
                || self.translated.contains(name)
                || self.ignored.contains(name);
            !is_listed && asks_for_something(name, value) && !is_hint(name, value)
        });
        unlisted.map(|(name, _)| name)
    }
}

/// Says whether a field has a value that differs from leaving it out.
pub(crate) fn asks_for_something(name: &str, value: &Value) -> bool {
    match name {
        "n" => value.as_u64() != Some(1) && !value.is_null(),
        "parallel_tool_calls" => value.as_bool() == Some(false),
        "response_format" => value.get("type").and_then(Value::as_str) != Some("text"),
        "modalities" => {
            value.as_array().is_some_and(|kinds| kinds.iter().any(|kind| kind != "text"))
        }
        "logprobs" | "store" => value.as_bool() == Some(true),
        "frequency_penalty" | "presence_penalty" | "top_logprobs" => {
            value.as_f64().is_some_and(|number| number != 0.0)
        }
        "logit_bias" => value.as_object().is_some_and(|biases| !biases.is_empty()),
        "tools" | "functions" => value.as_array().is_some_and(|tools| !tools.is_empty()),
        _ => !value.is_null(),
    }
}

/// A function that the model may call.
#[derive(Debug, PartialEq)]
pub(crate) struct Tool<'a> {
    pub name: &'a str,
    pub description: Option<&'a str>,
    /// The JSON Schema of its arguments; absent means that it takes none.
    pub parameters: Option<&'a Value>,
    /// Whether the arguments must follow the schema to the letter.
    pub strict: Option<bool>,
    /// A mark for the server's prompt cache, as Anthropic writes it.
    pub cache: Option<&'a Value>,
}

/// Which tools the model must call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ToolChoice<'a> {
    Auto,
    None,
    Required,
    Function(&'a str),
}

/// The form of the answer.
#[derive(Debug, PartialEq)]
pub(crate) enum Format<'a> {
    JsonObject,
    JsonSchema { name: &'a str, description: Option<&'a str>, schema: &'a Value },
}

/// How much the model should think before it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Thinking<'a> {
    Off,
    /// At most so many tokens.
    Budget(u64),
    /// As the model sees fit.
    Adaptive,
    /// `minimal`, `low`, `medium`, `high`, `xhigh` or `max`.
    Effort(&'a str),
}

impl Thinking<'_> {
    /// A budget in tokens where a server wants a number: those that several gateways settled on.
    pub(crate) fn budget_tokens(self) -> Option<u64> {
        match self {
            Self::Off => Some(0),
            Self::Budget(tokens) => Some(tokens),
            Self::Adaptive => None,
            Self::Effort("minimal" | "low") => Some(1_024),
            Self::Effort("medium") => Some(4_096),
            Self::Effort("high") => Some(16_384),
            Self::Effort(_) => Some(24_576),
        }
    }

    /// A level where a server wants a word.
    pub(crate) fn effort(&self) -> Option<&str> {
        match self {
            Self::Off => Some("none"),
            Self::Budget(0..=2_048) => Some("low"),
            Self::Budget(2_049..=8_192) => Some("medium"),
            Self::Budget(_) => Some("high"),
            Self::Adaptive => None,
            Self::Effort(effort) => Some(effort),
        }
    }
}

/// Reads single fields of a request for a dialect.
#[derive(Clone, Copy)]
pub(crate) struct Settings<'a> {
    pub request: &'a ChatRequest,
    pub dialect: Dialect,
}

impl<'a> Settings<'a> {
    /// The stop sequences, none if absent.
    pub(crate) fn stop(&self) -> Result<Vec<&'a str>, RequestError> {
        match self.request.field("stop") {
            Some(Value::String(stop)) => Ok(vec![stop]),
            Some(Value::Array(stops)) => {
                let stops = stops.iter().enumerate();
                stops.map(|(i, stop)| required_text(Some(stop), || format!("stop[{i}]"))).collect()
            }
            _ => Ok(Vec::new()),
        }
    }

    /// The tools, none if absent.
    pub(crate) fn tools(&self) -> Result<Vec<Tool<'a>>, RequestError> {
        let tools = self.request.field("tools").and_then(Value::as_array);
        let tools = tools.map_or(&[][..], Vec::as_slice).iter().enumerate();
        tools.map(|(index, tool)| self.tool(tool, &format!("tools[{index}]"))).collect()
    }

    fn tool(&self, tool: &'a Value, at: &str) -> Result<Tool<'a>, RequestError> {
        if required_text(tool.get("type"), || format!("{at}.type"))? != "function" {
            return Err(self.dialect.refuse(format!("{at}.type")));
        }
        let function = tool.get("function").unwrap_or(&Value::Null);
        let at = |field: &str| format!("{at}.function.{field}");
        let parameters = function.get("parameters").filter(|schema| !schema.is_null());
        if let Some(other) = parameters.filter(|schema| !schema.is_object()) {
            return Err(RequestError::wrong_type(at("parameters"), "an object", other));
        }
        Ok(Tool {
            name: required_text(function.get("name"), || at("name"))?,
            description: text(function.get("description"), || at("description"))?,
            parameters,
            strict: function.get("strict").and_then(Value::as_bool),
            cache: tool.get("cache_control").filter(|mark| !mark.is_null()),
        })
    }

    pub(crate) fn tool_choice(&self) -> Result<Option<ToolChoice<'a>>, RequestError> {
        let Some(choice) = self.request.field("tool_choice") else { return Ok(None) };
        let choice = match choice {
            Value::String(choice) => match choice.as_str() {
                "auto" => ToolChoice::Auto,
                "none" => ToolChoice::None,
                "required" => ToolChoice::Required,
                _ => {
                    let message = "must be auto, none, required or name a function";
                    return Err(RequestError::invalid_value("tool_choice", message));
                }
            },
            named if named.get("type").and_then(Value::as_str) == Some("function") => {
                let name = named.pointer("/function/name");
                ToolChoice::Function(required_text(name, || "tool_choice.function.name".into())?)
            }
            _ => return Err(self.dialect.refuse("tool_choice.type")),
        };
        Ok(Some(choice))
    }

    pub(crate) fn format(&self) -> Result<Option<Format<'a>>, RequestError> {
        let Some(format) = self.request.field("response_format") else { return Ok(None) };
        match required_text(format.get("type"), || "response_format.type".into())? {
            "text" => Ok(None),
            "json_object" => Ok(Some(Format::JsonObject)),
            "json_schema" => {
                let at = "response_format.json_schema";
                let Some(wanted) = format.get("json_schema") else {
                    return Err(RequestError::missing(at));
                };
                let schema = wanted.get("schema").filter(|schema| schema.is_object());
                Ok(Some(Format::JsonSchema {
                    name: wanted.get("name").and_then(Value::as_str).unwrap_or("answer"),
                    description: wanted.get("description").and_then(Value::as_str),
                    schema: schema.ok_or_else(|| RequestError::missing(format!("{at}.schema")))?,
                }))
            }
            _ => Err(self.dialect.refuse("response_format.type")),
        }
    }

    /// `thinking` as Anthropic writes it goes before `reasoning_effort`, because it is more exact.
    pub(crate) fn thinking(&self) -> Result<Option<Thinking<'a>>, RequestError> {
        if let Some(thinking) = self.request.field("thinking") {
            return thinking_of(thinking, self.dialect).map(Some);
        }
        match self.request.field("reasoning_effort").and_then(Value::as_str) {
            None => Ok(None),
            Some("none") => Ok(Some(Thinking::Off)),
            Some(effort @ ("minimal" | "low" | "medium" | "high" | "xhigh" | "max")) => {
                Ok(Some(Thinking::Effort(effort)))
            }
            Some(_) => Err(RequestError::invalid_value(
                "reasoning_effort",
                "must be none, minimal, low, medium, high, xhigh or max",
            )),
        }
    }

    /// Copies fields whose value needs no change under their new names.
    pub(crate) fn copy(&self, names: &[(&str, &str)], into: &mut Map<String, Value>) {
        for (from, to) in names {
            if let Some(value) = self.request.field(from) {
                into.insert((*to).to_owned(), value.clone());
            }
        }
    }
}

fn thinking_of<'a>(thinking: &'a Value, dialect: Dialect) -> Result<Thinking<'a>, RequestError> {
    match required_text(thinking.get("type"), || "thinking.type".into())? {
        "disabled" => Ok(Thinking::Off),
        "adaptive" => Ok(Thinking::Adaptive),
        "enabled" => {
            let budget = thinking.get("budget_tokens").and_then(Value::as_u64);
            let budget = budget.ok_or_else(|| RequestError::missing("thinking.budget_tokens"))?;
            Ok(Thinking::Budget(budget))
        }
        _ => Err(dialect.refuse("thinking.type")),
    }
}
