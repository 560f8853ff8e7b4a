//! A request of a client that speaks Anthropic, as a chat request.

use serde_json::{Map, Value, json};

use crate::request::parse_object;
use crate::{ChatRequest, RequestError};

/// Hints without a counterpart that change nothing in the answer. Where the model runs (`inference_geo`) is
/// none: the routes decide that, and a wish for it is refused.
const IGNORED: [&str; 2] = ["service_tier", "betas"];

/// Parses the body of a request to `/v1/messages`.
///
/// # Errors
/// The first thing that is wrong or that has no counterpart, with the parameter's name.
pub fn parse(body: &[u8]) -> Result<ChatRequest, RequestError> {
    let fields = parse_object(body)?;
    if fields.get("max_tokens").is_none_or(Value::is_null) {
        return Err(RequestError::missing("max_tokens"));
    }
    translate(fields)
}

/// Parses the body of a request to `/v1/messages/count_tokens`: the same without a limit.
///
/// # Errors
/// As [`parse`].
pub fn parse_count_tokens(body: &[u8]) -> Result<ChatRequest, RequestError> {
    translate(parse_object(body)?)
}

fn translate(mut fields: Map<String, Value>) -> Result<ChatRequest, RequestError> {
    let mut request = Map::new();
    for name in ["model", "messages"] {
        request.insert(name.to_owned(), Value::Null);
    }
    let mut messages = Vec::new();
    if let Some(system) = fields.shift_remove("system").filter(|system| !system.is_null()) {
        messages.push(super::blocks::system(system)?);
    }
    match fields.shift_remove("messages") {
        None | Some(Value::Null) => return Err(RequestError::missing("messages")),
        Some(Value::Array(turns)) if turns.is_empty() => {
            return Err(RequestError::empty("messages"));
        }
        Some(Value::Array(turns)) => {
            for (index, turn) in turns.into_iter().enumerate() {
                super::blocks::turn(turn, &format!("messages[{index}]"), &mut messages)?;
            }
        }
        Some(other) => return Err(RequestError::wrong_type("messages", "an array", &other)),
    }
    request.insert("messages".to_owned(), messages.into());
    for (name, value) in fields {
        if !value.is_null() {
            field(&name, value, &mut request)?;
        }
    }
    ChatRequest::translated(request)
}

fn field(name: &str, value: Value, request: &mut Map<String, Value>) -> Result<(), RequestError> {
    let mut set = |name: &str, value: Value| {
        request.insert(name.to_owned(), value);
    };
    match name {
        "model" | "max_tokens" | "temperature" | "top_p" | "top_k" | "fachwerk" => set(name, value),
        "thinking" => {
            if !value.is_object() {
                return Err(RequestError::wrong_type(name, "an object", &value));
            }
            set(name, value);
        }
        "stream" => {
            if value == Value::Bool(true) {
                set("stream_options", json!({"include_usage": true}));
            }
            set(name, value);
        }
        "stop_sequences" => {
            if !value.is_array() {
                return Err(RequestError::wrong_type(name, "an array", &value));
            }
            set("stop", value);
        }
        "metadata" => {
            if let Some(user) = value.get("user_id").filter(|user| user.is_string()) {
                set("user", user.clone());
            }
        }
        "tools" => set("tools", tools(value)?),
        "tool_choice" => return tool_choice(&value, request),
        "output_config" => return output_config(&value, request),
        _ if IGNORED.contains(&name) => {}
        "container" | "context_management" | "mcp_servers" | "output_format" => {
            return Err(unavailable(name));
        }
        _ => return Err(RequestError::unknown(name)),
    }
    Ok(())
}

/// Refuses what only Anthropic itself can do.
pub(super) fn unavailable(param: impl Into<String>) -> RequestError {
    RequestError::unsupported(param, "is not available here")
}

fn tools(tools: Value) -> Result<Value, RequestError> {
    let Value::Array(tools) = tools else {
        return Err(RequestError::wrong_type("tools", "an array", &tools));
    };
    let tools = tools.into_iter().enumerate();
    tools.map(|(index, one)| tool(one, &format!("tools[{index}]"))).collect()
}

fn tool(tool: Value, at: &str) -> Result<Value, RequestError> {
    let Value::Object(mut fields) = tool else {
        return Err(RequestError::wrong_type(at, "an object", &tool));
    };
    let kind = fields.shift_remove("type").filter(|kind| !kind.is_null());
    if kind.is_some_and(|kind| kind != "custom") {
        return Err(unavailable(format!("{at}.type")));
    }
    let mut function = Map::new();
    let mut mark = None;
    for (name, value) in fields {
        match name.as_str() {
            "name" | "description" | "strict" => {
                function.insert(name, value);
            }
            "input_schema" => {
                function.insert("parameters".to_owned(), value);
            }
            "cache_control" => mark = Some(value).filter(|mark| !mark.is_null()),
            // How the model's writing is cut into pieces; ours come as they are made.
            "eager_input_streaming" => {}
            _ => return Err(unavailable(format!("{at}.{name}"))),
        }
    }
    if !function.get("name").is_some_and(Value::is_string) {
        return Err(RequestError::missing(format!("{at}.name")));
    }
    let mut tool = json!({"type": "function", "function": function});
    if let Some(mark) = mark {
        tool["cache_control"] = mark;
    }
    Ok(tool)
}

fn tool_choice(choice: &Value, request: &mut Map<String, Value>) -> Result<(), RequestError> {
    let neutral = match choice.get("type").and_then(Value::as_str) {
        Some("auto") => json!("auto"),
        Some("none") => json!("none"),
        Some("any") => json!("required"),
        Some("tool") => {
            let name = choice.get("name").filter(|name| name.is_string());
            let name = name.ok_or_else(|| RequestError::missing("tool_choice.name"))?;
            json!({"type": "function", "function": {"name": name}})
        }
        _ => {
            let message = "must be auto, any, tool or none";
            return Err(RequestError::invalid_value("tool_choice.type", message));
        }
    };
    request.insert("tool_choice".to_owned(), neutral);
    if choice.get("disable_parallel_tool_use") == Some(&Value::Bool(true)) {
        request.insert("parallel_tool_calls".to_owned(), false.into());
    }
    Ok(())
}

fn output_config(config: &Value, request: &mut Map<String, Value>) -> Result<(), RequestError> {
    let Value::Object(config) = config else {
        return Err(RequestError::wrong_type("output_config", "an object", config));
    };
    for (name, value) in config {
        match (name.as_str(), value) {
            (_, Value::Null) => {}
            ("effort", effort) => {
                request.insert("reasoning_effort".to_owned(), effort.clone());
            }
            ("format", format) if format.get("type").is_some_and(|kind| kind == "json_schema") => {
                let schema = format.get("schema").filter(|schema| schema.is_object());
                let at = "output_config.format.schema";
                let schema = schema.ok_or_else(|| RequestError::missing(at))?;
                let wanted = json!({"name": "answer", "schema": schema, "strict": true});
                let format = json!({"type": "json_schema", "json_schema": wanted});
                request.insert("response_format".to_owned(), format);
            }
            _ => return Err(unavailable(format!("output_config.{name}"))),
        }
    }
    Ok(())
}
