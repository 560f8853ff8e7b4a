//! Checks of single fields. Ranges that differ between servers are left to the server.

use serde_json::{Map, Value};

use super::{JSON_DEPTH_MAX, MESSAGES_MAX, MODEL_CHARS_MAX};
use crate::{Message, RequestError};

/// Fields that the request type keeps for itself.
pub(super) const OWN_FIELDS: [&str; 5] =
    ["model", "messages", "stream", "stream_options", "fachwerk"];

/// Fields that ask for more than text: tools and structured output. A model that can only give text
/// refuses them by name.
pub const STRUCTURE_FIELDS: [&str; 6] =
    ["tools", "functions", "response_format", "logprobs", "modalities", "audio"];

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

pub(super) fn check_types(fields: &Map<String, Value>) -> Result<(), RequestError> {
    for (name, value) in fields.iter().filter(|(_, value)| !value.is_null()) {
        if let Some((name, shape)) = SHAPES.iter().find(|(known, _)| known == name) {
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

pub(super) fn model(fields: &Map<String, Value>) -> Result<String, RequestError> {
    let model = match fields.get("model") {
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
    if values.is_empty() {
        return Err(RequestError::empty("messages"));
    }
    if values.len() > MESSAGES_MAX {
        return Err(RequestError::too_many("messages", MESSAGES_MAX));
    }
    let values = values.into_iter().enumerate();
    values.map(|(index, value)| Message::from_value(index, value)).collect()
}

pub(super) fn include_usage(
    fields: &Map<String, Value>,
    stream: bool,
) -> Result<bool, RequestError> {
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

/// Refuses deep nesting before anything recursive sees the body. Long prompts are long strings, so
/// those are skipped in large steps.
pub(super) fn check_depth(body: &[u8]) -> Result<(), RequestError> {
    let (mut depth, mut at) = (0_usize, 0);
    while let Some(byte) = body.get(at) {
        at += 1;
        match byte {
            b'"' => at = end_of_string(body, at),
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > JSON_DEPTH_MAX {
            return Err(RequestError::not_json(&format!(
                "it is nested more than {JSON_DEPTH_MAX} levels deep"
            )));
        }
    }
    Ok(())
}

/// One past the quotation mark that ends the string whose content begins at `at`.
fn end_of_string(body: &[u8], mut at: usize) -> usize {
    while let Some(step) = memchr::memchr2(b'"', b'\\', body.get(at..).unwrap_or_default()) {
        at += step + 1;
        if body[at - 1] == b'"' {
            return at;
        }
        at += 1;
    }
    body.len()
}
