//! A request of a client that speaks Responses, as a chat request.

use serde_json::{Map, Value, json};

use super::items;
use crate::request::parse_object;
use crate::{ChatRequest, RequestError};

/// What a client asks, and what it wants to see again in the answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// The request in our neutral form.
    pub chat: ChatRequest,
    /// The settings that the answer repeats.
    pub echo: Echo,
}

/// Settings of a request that its answer repeats, as they came.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Echo(pub(super) Map<String, Value>);

/// Fields with the same name and meaning in both interfaces.
const PASSED: [&str; 13] = [
    "model",
    "temperature",
    "top_p",
    "user",
    "metadata",
    "parallel_tool_calls",
    "service_tier",
    "safety_identifier",
    "prompt_cache_key",
    "prompt_cache_retention",
    "prompt_cache_options",
    "stream",
    "fachwerk",
];

/// Fields that ask for a memory that we do not have, or for work that goes on alone.
const STATEFUL: [&str; 4] = ["previous_response_id", "conversation", "prompt", "max_tool_calls"];

/// Parses the body of a request to `/v1/responses`.
///
/// # Errors
/// The first thing that is wrong or that has no counterpart, with the parameter's name.
pub fn parse(body: &[u8]) -> Result<Request, RequestError> {
    let mut fields = parse_object(body)?;
    fields.retain(|_, value| !value.is_null());
    let echo = Echo(fields.clone());
    let mut request = Map::new();
    request.insert("model".to_owned(), Value::Null);
    let mut messages = Vec::new();
    match fields.shift_remove("instructions") {
        None => {}
        Some(text @ Value::String(_)) => {
            messages.push(json!({"role": "system", "content": text}));
        }
        Some(other) => return Err(RequestError::wrong_type("instructions", "a string", &other)),
    }
    match fields.shift_remove("input") {
        None => return Err(RequestError::missing("input")),
        Some(text @ Value::String(_)) => messages.push(json!({"role": "user", "content": text})),
        Some(Value::Array(input)) if input.is_empty() => return Err(RequestError::empty("input")),
        Some(Value::Array(input)) => items::messages(&input, &mut messages)?,
        Some(other) => {
            return Err(RequestError::wrong_type("input", "a string or an array", &other));
        }
    }
    request.insert("messages".to_owned(), messages.into());
    for (name, value) in fields {
        field(&name, value, &mut request)?;
    }
    Ok(Request { chat: ChatRequest::translated(request)?, echo })
}

fn field(name: &str, value: Value, request: &mut Map<String, Value>) -> Result<(), RequestError> {
    let mut set = |name: &str, value: Value| {
        request.insert(name.to_owned(), value);
    };
    match name {
        "max_output_tokens" => set("max_tokens", value),
        "top_logprobs" => {
            set("logprobs", true.into());
            set("top_logprobs", value);
        }
        "tools" => set("tools", tools(&value)?),
        "tool_choice" => set("tool_choice", tool_choice(value)?),
        "text" => return text(&value, request),
        "reasoning" => return reasoning(&value, request),
        "include" => return include(&value, request),
        "stream_options" => {}
        "store" | "background" if value == Value::Bool(false) => {}
        "truncation" if value == "disabled" => {}
        "store" | "background" | "truncation" => return Err(unavailable(name)),
        _ if STATEFUL.contains(&name) => return Err(unavailable(name)),
        _ if PASSED.contains(&name) => {
            if name == "stream" && value == Value::Bool(true) {
                set("stream_options", json!({"include_usage": true}));
            }
            set(name, value);
        }
        _ => return Err(RequestError::unknown(name)),
    }
    Ok(())
}

/// Refuses what only OpenAI itself can do.
pub(super) fn unavailable(param: impl Into<String>) -> RequestError {
    RequestError::unsupported(param, "is not available here")
}

fn tools(tools: &Value) -> Result<Value, RequestError> {
    let Value::Array(tools) = tools else {
        return Err(RequestError::wrong_type("tools", "an array", tools));
    };
    let mut functions = Vec::with_capacity(tools.len());
    for (index, tool) in tools.iter().enumerate() {
        let Value::Object(fields) = tool else {
            return Err(RequestError::wrong_type(format!("tools[{index}]"), "an object", tool));
        };
        if fields.get("type").and_then(Value::as_str) != Some("function") {
            return Err(unavailable(format!("tools[{index}].type")));
        }
        let mut function = fields.clone();
        function.shift_remove("type");
        functions.push(json!({"type": "function", "function": function}));
    }
    Ok(functions.into())
}

fn tool_choice(choice: Value) -> Result<Value, RequestError> {
    if choice.is_string() {
        return Ok(choice);
    }
    match (choice.get("type").and_then(Value::as_str), choice.get("name")) {
        (Some("function"), Some(name)) => {
            Ok(json!({"type": "function", "function": {"name": name}}))
        }
        (Some("function"), None) => Err(RequestError::missing("tool_choice.name")),
        _ => Err(unavailable("tool_choice.type")),
    }
}

fn text(text: &Value, request: &mut Map<String, Value>) -> Result<(), RequestError> {
    let Value::Object(fields) = text else {
        return Err(RequestError::wrong_type("text", "an object", text));
    };
    for (name, value) in fields {
        match (name.as_str(), value) {
            (_, Value::Null) => {}
            ("verbosity", verbosity) => {
                request.insert("verbosity".to_owned(), verbosity.clone());
            }
            ("format", Value::Object(format)) => {
                let kind = format.get("type").cloned().unwrap_or_default();
                let mut neutral = json!({ "type": kind });
                if kind == "json_schema" {
                    let mut schema = format.clone();
                    schema.shift_remove("type");
                    neutral["json_schema"] = schema.into();
                }
                request.insert("response_format".to_owned(), neutral);
            }
            ("format", other) => {
                return Err(RequestError::wrong_type("text.format", "an object", other));
            }
            _ => return Err(RequestError::unknown(&format!("text.{name}"))),
        }
    }
    Ok(())
}

/// How the reasoning is summed up is the server's own affair; we hand on what it shows.
fn reasoning(reasoning: &Value, request: &mut Map<String, Value>) -> Result<(), RequestError> {
    let Value::Object(fields) = reasoning else {
        return Err(RequestError::wrong_type("reasoning", "an object", reasoning));
    };
    for (name, value) in fields {
        match name.as_str() {
            "effort" if value.is_null() => {}
            "effort" => {
                request.insert("reasoning_effort".to_owned(), value.clone());
            }
            "summary" | "generate_summary" => {}
            _ => return Err(RequestError::unknown(&format!("reasoning.{name}"))),
        }
    }
    Ok(())
}

fn include(include: &Value, request: &mut Map<String, Value>) -> Result<(), RequestError> {
    let Value::Array(names) = include else {
        return Err(RequestError::wrong_type("include", "an array", include));
    };
    for (index, name) in names.iter().enumerate() {
        match name.as_str() {
            // We never seal reasoning: it comes as plain text and goes back as plain text.
            Some("reasoning.encrypted_content") => {}
            Some("message.output_text.logprobs") => {
                request.insert("logprobs".to_owned(), true.into());
            }
            _ => return Err(unavailable(format!("include[{index}]"))),
        }
    }
    Ok(())
}
