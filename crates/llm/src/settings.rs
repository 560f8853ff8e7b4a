//! The fields of a request beside its messages, in the form that the dialects other than OpenAI's
//! share, and the rule that no field goes unnoticed at any depth.

use std::borrow::Cow;

use serde_json::{Map, Value, json};

use crate::anthropic::BETA;
use crate::conversation::Conversation;
use crate::opened::{Opened, Refuse};
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
        if let Some(name) = self.unlisted(request, |_, _| false) {
            return Err(dialect.refuse(name));
        }
        let refuse = |at| dialect.refuse(at);
        check_stream_options(request, &refuse)?;
        let conversation = Conversation::read(messages.iter().map(AsRef::as_ref), &refuse)?;
        Ok((conversation, Settings { request, dialect }))
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

/// Refuses what the options of a stream hold beside the wish for figures. Pieces of an answer are never
/// padded here, so that only the wish for it asks for something.
pub(crate) fn check_stream_options(
    request: &ChatRequest,
    refuse: Refuse<'_>,
) -> Result<(), RequestError> {
    let Some(options) = request.field("stream_options") else { return Ok(()) };
    Opened::read(options, "stream_options", refuse, |options| {
        options.overlook(&["include_usage"]);
        options.overlook_default("include_obfuscation", |padded| *padded == Value::Bool(false));
        Ok(())
    })
}

/// Says whether a field has a value that differs from leaving it out.
pub(crate) fn asks_for_something(name: &str, value: &Value) -> bool {
    match name {
        "n" => value.as_u64() != Some(1) && !value.is_null(),
        "parallel_tool_calls" => value.as_bool() == Some(false),
        "response_format" => *value != json!({"type": "text"}),
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

impl Format<'_> {
    /// The schema for a server that reads descriptions nowhere but in it.
    pub(crate) fn described_schema(description: Option<&str>, schema: &Value) -> Value {
        let mut schema = schema.clone();
        let Some(description) = description else { return schema };
        let own = schema.get("description").and_then(Value::as_str).unwrap_or_default();
        let text = [description, own].join("\n\n");
        schema["description"] = text.trim_end().into();
        schema
    }
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
                let text = |(i, stop): (usize, &'a Value)| {
                    let wrong = || RequestError::wrong_type(format!("stop[{i}]"), "a string", stop);
                    stop.as_str().ok_or_else(wrong)
                };
                stops.map(text).collect()
            }
            _ => Ok(Vec::new()),
        }
    }

    /// Reads an object that stands under a name; `None` if absent.
    fn object<T>(
        &self,
        name: &str,
        reading: impl FnOnce(&mut Opened<'a, '_>) -> Result<T, RequestError>,
    ) -> Result<Option<T>, RequestError> {
        let refuse = |at| self.dialect.refuse(at);
        let object = self.request.field(name);
        object.map(|object| Opened::read(object, name, &refuse, reading)).transpose()
    }

    /// The tools, none if absent.
    pub(crate) fn tools(&self) -> Result<Vec<Tool<'a>>, RequestError> {
        let refuse = |at| self.dialect.refuse(at);
        let tools = self.request.field("tools").and_then(Value::as_array);
        let tools = tools.map_or(&[][..], Vec::as_slice).iter().enumerate();
        let read = |(index, one)| Opened::read(one, format!("tools[{index}]"), &refuse, tool);
        tools.map(read).collect()
    }

    pub(crate) fn tool_choice(&self) -> Result<Option<ToolChoice<'a>>, RequestError> {
        match self.request.field("tool_choice") {
            None => Ok(None),
            Some(Value::String(choice)) => match choice.as_str() {
                "auto" => Ok(Some(ToolChoice::Auto)),
                "none" => Ok(Some(ToolChoice::None)),
                "required" => Ok(Some(ToolChoice::Required)),
                _ => {
                    let message = "must be auto, none, required or name a function";
                    Err(RequestError::invalid_value("tool_choice", message))
                }
            },
            Some(_) => self.object("tool_choice", |choice| {
                if choice.required("type")? != "function" {
                    return Err(choice.refused("type"));
                }
                let name = choice.required_object("function", |named| named.required("name"))?;
                Ok(ToolChoice::Function(name))
            }),
        }
    }

    pub(crate) fn format(&self) -> Result<Option<Format<'a>>, RequestError> {
        let format = self.object("response_format", |format| match format.required("type")? {
            "text" => Ok(None),
            "json_object" => Ok(Some(Format::JsonObject)),
            "json_schema" => format.required_object("json_schema", json_schema).map(Some),
            _ => Err(format.refused("type")),
        })?;
        Ok(format.flatten())
    }

    /// `thinking` as Anthropic writes it goes before `reasoning_effort`, because it is more exact.
    pub(crate) fn thinking(&self) -> Result<Option<Thinking<'a>>, RequestError> {
        // Others than Anthropic show thoughts whenever there are some.
        let takes_display = matches!(self.dialect, Dialect::Anthropic | Dialect::Bedrock);
        let shown = |display: &Value| takes_display || display == "summarized";
        let read = |fields: &mut Opened<'a, '_>| {
            fields.overlook_default("display", shown);
            thinking(fields)
        };
        if let Some(thinking) = self.object("thinking", read)? {
            return Ok(Some(thinking));
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

    /// Features of Anthropic's that are not in the version of its interface, by name.
    pub(crate) fn betas(&self) -> Result<Vec<&'a str>, RequestError> {
        let Some(names) = self.request.field(BETA) else { return Ok(Vec::new()) };
        let names = names.as_array().filter(|names| names.len() <= BETAS_MAX);
        let names = names.map(|names| names.iter().map(|name| name.as_str().filter(is_beta)));
        let names = names.and_then(|names| names.collect::<Option<Vec<_>>>());
        names.ok_or_else(|| {
            RequestError::invalid_value(BETA, "must be a few names of features, parted by commas")
        })
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

/// Most features in one request; beyond: refused.
const BETAS_MAX: usize = 32;
/// Longest name of a feature, in bytes; beyond: refused.
const BETA_BYTES_MAX: usize = 100;

fn is_beta(name: &&str) -> bool {
    let is_sign = |sign: u8| sign.is_ascii_alphanumeric() || b"-_.:".contains(&sign);
    (1..=BETA_BYTES_MAX).contains(&name.len()) && name.bytes().all(is_sign)
}

fn tool<'a>(tool: &mut Opened<'a, '_>) -> Result<Tool<'a>, RequestError> {
    if tool.required("type")? != "function" {
        return Err(tool.refused("type"));
    }
    let cache = tool.take("cache_control");
    tool.required_object("function", |function| {
        Ok(Tool {
            name: function.required("name")?,
            description: function.text("description")?,
            parameters: function.whole("parameters")?,
            strict: function.boolean("strict")?,
            cache,
        })
    })
}

/// A schema is always kept to the letter where a server takes one at all, whether `strict` or not; its
/// name is a label.
fn json_schema<'a>(wanted: &mut Opened<'a, '_>) -> Result<Format<'a>, RequestError> {
    wanted.boolean("strict")?;
    let schema = wanted.whole("schema")?;
    Ok(Format::JsonSchema {
        name: wanted.text("name")?.unwrap_or("answer"),
        description: wanted.text("description")?,
        schema: schema.ok_or_else(|| RequestError::missing(wanted.at("schema")))?,
    })
}

fn thinking<'a>(thinking: &mut Opened<'a, '_>) -> Result<Thinking<'a>, RequestError> {
    match thinking.required("type")? {
        "disabled" => Ok(Thinking::Off),
        "adaptive" => Ok(Thinking::Adaptive),
        "enabled" => {
            let budget = thinking.take("budget_tokens").and_then(Value::as_u64);
            let missing = || RequestError::missing(thinking.at("budget_tokens"));
            budget.map(Thinking::Budget).ok_or_else(missing)
        }
        _ => Err(thinking.refused("type")),
    }
}
