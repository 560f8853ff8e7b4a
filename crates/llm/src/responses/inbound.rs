//! A request of a client that speaks Responses, as a chat request.

use serde_json::{Map, Value, json};

use super::items;
use crate::request::parse_object;
use crate::{
    ChatRequest, RequestError,
    opened::{Opened, opened, tools},
};

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

/// Fields that ask for a memory that we do not have.
const STATEFUL: [&str; 3] = ["previous_response_id", "conversation", "prompt"];

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
        "tools" => set("tools", tools(&value, tool)?),
        "tool_choice" => set("tool_choice", tool_choice(&value)?),
        "text" => return text(&value, request),
        "reasoning" => return reasoning(&value, request),
        "include" => return include(&value, request),
        "stream_options" => {
            return opened(&value, name, |options| {
                // Pieces of an answer are never padded here.
                options.overlook_default("include_obfuscation", |padded| *padded == false);
                Ok(())
            });
        }
        "store" | "background" if value == Value::Bool(false) => {}
        "truncation" if value == "disabled" => {}
        "store" | "background" => return Err(RequestError::not_stored(name)),
        "truncation" | "max_tool_calls" => return Err(RequestError::unavailable(name)),
        _ if STATEFUL.contains(&name) => return Err(RequestError::not_stored(name)),
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

fn tool(tool: &mut Opened<'_, '_>) -> Result<Value, RequestError> {
    if tool.required("type")? != "function" {
        return Err(RequestError::server_tool(tool.at("type")));
    }
    let function = tool.copied(&["name", "description", "parameters", "strict"]);
    Ok(json!({"type": "function", "function": function}))
}

fn tool_choice(choice: &Value) -> Result<Value, RequestError> {
    if choice.is_string() {
        return Ok(choice.clone());
    }
    opened(choice, "tool_choice", |choice| match choice.required("type")? {
        "function" => {
            Ok(json!({"type": "function", "function": {"name": choice.required("name")?}}))
        }
        _ => Err(RequestError::unavailable(choice.at("type"))),
    })
}

fn text(text: &Value, request: &mut Map<String, Value>) -> Result<(), RequestError> {
    opened(text, "text", |text| {
        let verbosity = text.take("verbosity").cloned();
        request.extend(verbosity.map(|verbosity| ("verbosity".to_owned(), verbosity)));
        let format = text.object("format", |format| {
            let kind = format.required("type")?;
            let mut neutral = json!({ "type": kind });
            if kind == "json_schema" {
                let wanted = format.copied(&["name", "description", "schema", "strict"]);
                neutral["json_schema"] = wanted;
            }
            Ok(neutral)
        })?;
        request.extend(format.map(|format| ("response_format".to_owned(), format)));
        Ok(())
    })
}

/// How the reasoning is summed up is the server's own affair; we hand on what it shows.
fn reasoning(reasoning: &Value, request: &mut Map<String, Value>) -> Result<(), RequestError> {
    opened(reasoning, "reasoning", |reasoning| {
        let effort = reasoning.take("effort").cloned();
        request.extend(effort.map(|effort| ("reasoning_effort".to_owned(), effort)));
        reasoning.overlook(&["summary", "generate_summary"]);
        Ok(())
    })
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
            _ => return Err(RequestError::unavailable(format!("include[{index}]"))),
        }
    }
    Ok(())
}
