//! Checks of single fields. Ranges that differ between servers are left to the server.

use std::ops::Range;

use serde_json::{Map, Value};

use super::{JSON_DEPTH_MAX, MESSAGES_MAX, MODEL_CHARS_MAX};
use crate::{Fields, Message, RequestError, escaped::end_of_string, texts::names_in};

/// Fields that the request type keeps for itself.
pub(super) const OWN_FIELDS: [&str; 5] =
    ["model", "messages", "stream", "stream_options", "fachwerk"];

/// The JSON type of a field.
#[derive(Clone, Copy)]
enum Shape {
    Boolean,
    Number,
    Integer { min: u64, max: u64 },
    Text,
    Array,
    Object,
    TextOrArray,
    TextOrObject,
}

/// Well-known fields; null always counts as absent, as it does for OpenAI.
const SHAPES: [(&str, Shape); 24] = [
    ("stream", Shape::Boolean),
    ("stream_options", Shape::Object),
    ("max_tokens", Shape::Integer { min: 1, max: u32::MAX as u64 }),
    ("max_completion_tokens", Shape::Integer { min: 1, max: u32::MAX as u64 }),
    ("n", Shape::Integer { min: 1, max: 128 }),
    ("top_logprobs", Shape::Integer { min: 0, max: 20 }),
    ("logprobs", Shape::Boolean),
    ("temperature", Shape::Number),
    ("top_p", Shape::Number),
    ("frequency_penalty", Shape::Number),
    ("presence_penalty", Shape::Number),
    ("seed", Shape::Number),
    ("stop", Shape::TextOrArray),
    ("tools", Shape::Array),
    ("tool_choice", Shape::TextOrObject),
    ("parallel_tool_calls", Shape::Boolean),
    ("functions", Shape::Array),
    ("function_call", Shape::TextOrObject),
    ("response_format", Shape::Object),
    ("logit_bias", Shape::Object),
    ("metadata", Shape::Object),
    ("user", Shape::Text),
    ("store", Shape::Boolean),
    ("reasoning_effort", Shape::Text),
];

pub(super) fn check_types(fields: &Fields) -> Result<(), RequestError> {
    for (name, value) in fields.iter().filter(|(_, value)| !value.is_null()) {
        if let Some((name, shape)) = SHAPES.iter().find(|(known, _)| *known == name) {
            check_shape(name, *shape, value)?;
        }
    }
    Ok(())
}

fn check_shape(name: &str, shape: Shape, value: &Value) -> Result<(), RequestError> {
    let (fits, expected) = match shape {
        Shape::Boolean => (value.is_boolean(), "a boolean"),
        Shape::Number => (value.is_number(), "a number"),
        Shape::Integer { min, max } => {
            if value.is_number() {
                return match value.as_u64() {
                    Some(number) if (min..=max).contains(&number) => Ok(()),
                    _ => Err(RequestError::out_of_range(name, min, max)),
                };
            }
            (false, "an integer")
        }
        Shape::Text => (value.is_string(), "a string"),
        Shape::Array => (value.is_array(), "an array"),
        Shape::Object => (value.is_object(), "an object"),
        Shape::TextOrArray => (value.is_string() || value.is_array(), "a string or an array"),
        Shape::TextOrObject => (value.is_string() || value.is_object(), "a string or an object"),
    };
    if fits { Ok(()) } else { Err(RequestError::wrong_type(name, expected, value)) }
}

pub(super) fn model(value: Option<&Value>) -> Result<String, RequestError> {
    let model = match value {
        None | Some(Value::Null) => return Err(RequestError::missing("model")),
        Some(Value::String(model)) => model,
        Some(other) => return Err(RequestError::wrong_type("model", "a string", other)),
    };
    if model.is_empty() {
        return Err(RequestError::invalid_value("model", "must not be empty"));
    }
    if model.chars().count() > MODEL_CHARS_MAX {
        return Err(RequestError::invalid_value("model", "is too long"));
    }
    Ok(model.clone())
}

/// Takes the messages out, leaving their place in the order of fields.
pub(super) fn messages(fields: &mut Map<String, Value>) -> Result<Vec<Message>, RequestError> {
    let values = match fields.get_mut("messages").map(Value::take) {
        None | Some(Value::Null) => return Err(RequestError::missing("messages")),
        Some(Value::Array(values)) => values,
        Some(other) => return Err(RequestError::wrong_type("messages", "an array", &other)),
    };
    check_count(values.len())?;
    let values = values.into_iter().enumerate();
    values.map(|(index, value)| Message::from_value(index, value)).collect()
}

/// The same for a list of objects.
pub(super) fn listed(messages: Vec<Fields>) -> Result<Vec<Message>, RequestError> {
    check_count(messages.len())?;
    let messages = messages.into_iter().enumerate();
    messages.map(|(index, fields)| Message::from_fields(index, fields)).collect()
}

fn check_count(messages: usize) -> Result<(), RequestError> {
    match messages {
        0 => Err(RequestError::empty("messages")),
        1..=MESSAGES_MAX => Ok(()),
        _ => Err(RequestError::too_many("messages", MESSAGES_MAX)),
    }
}

pub(super) fn include_usage(fields: &Fields, stream: bool) -> Result<bool, RequestError> {
    let options = match fields.get("stream_options") {
        Some(Value::Object(options)) => options,
        _ => return Ok(false),
    };
    if !stream {
        return Err(RequestError::invalid_value(
            "stream_options",
            "is only allowed when 'stream' is true",
        ));
    }
    match options.get("include_usage") {
        None | Some(Value::Null) => Ok(false),
        Some(Value::Bool(wanted)) => Ok(*wanted),
        Some(other) => {
            Err(RequestError::wrong_type("stream_options.include_usage", "a boolean", other))
        }
    }
}

/// The list of messages as the caller wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Written {
    /// Where it stands in the body, brackets included.
    pub at: Range<usize>,
    /// Names of fields in it, also those that stand there twice.
    names: usize,
}

impl Written {
    /// Whether the messages that were read are all there is to read: a name that stands there twice
    /// was read once, and a server might read the other one.
    pub fn says_the_same_as(&self, messages: &[Message]) -> bool {
        let names = |message: &Message| {
            let fields = message.fields();
            fields.len() + fields.iter().map(|(_, value)| names_in(value)).sum::<usize>()
        };
        self.names == messages.iter().map(names).sum::<usize>()
    }
}

/// Looks a body over before anything recursive sees it: refuses deep nesting, and finds the list of
/// messages if it stands there once. Long prompts are long strings, so those are skipped in large
/// steps.
pub(super) fn look_over(body: &[u8]) -> Result<Option<Written>, RequestError> {
    let mut found: Option<Written> = None;
    let (mut depth, mut at, mut lists, mut names) = (0_usize, 0, 0_usize, 0);
    let mut begin = None;
    while let Some(byte) = body.get(at) {
        at += 1;
        match byte {
            b'"' => {
                let end = end_of_string(body, at);
                if depth == 1 && is_name(body, end) {
                    match body.get(at..end) {
                        Some(b"messages\"") => {
                            (begin, lists) = (Some(end), lists.saturating_add(1))
                        }
                        // A name with escapes may mean the same.
                        Some(name) if name.contains(&b'\\') => lists = usize::MAX,
                        _ => {}
                    }
                }
                at = end;
            }
            b':' => names += 1,
            b'[' | b'{' => {
                depth += 1;
                // What begins the value of the name, with the colon before it.
                if depth == 2 && begin.is_some() && found.is_none() {
                    found = Some(Written { at: at - 1..0, names: 0 });
                    names = 0;
                }
            }
            b']' | b'}' => {
                depth = depth.saturating_sub(1);
                if depth == 1 && begin.take().is_some() {
                    found = found.map(|list| Written { at: list.at.start..at, names });
                }
            }
            _ => {}
        }
        if depth > JSON_DEPTH_MAX {
            return Err(RequestError::not_json(&format!(
                "it is nested more than {JSON_DEPTH_MAX} levels deep"
            )));
        }
    }
    Ok(found.filter(|list| lists == 1 && list.at.end > list.at.start))
}

/// Whether the string that ends at `end` names a field.
fn is_name(body: &[u8], end: usize) -> bool {
    let rest = body.get(end..).unwrap_or_default();
    rest.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b':')
}
