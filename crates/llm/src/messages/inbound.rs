//! A request of a client that speaks Anthropic, as a chat request.

use serde_json::{Map, Value, json};

use crate::request::parse_object;
use crate::{
    ChatRequest, RequestError,
    anthropic::BETA,
    opened::{Opened, opened, tools},
};

/// Hints without a counterpart that change nothing in the answer. Where the model runs (`inference_geo`) is
/// none: the routes decide that, and a wish for it is refused.
const IGNORED: [&str; 1] = ["service_tier"];

/// What is said of a tool beside its name: theirs, ours.
const TOOL_FIELDS: [(&str, &str); 3] =
    [("description", "description"), ("input_schema", "parameters"), ("strict", "strict")];

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

/// Adds the features that the header `anthropic-beta` names, each value of it with commas between them. Only
/// Anthropic's own models have them: whatever else would answer refuses them.
pub fn add_betas<'h>(request: &mut ChatRequest, header: impl IntoIterator<Item = &'h str>) {
    let names = header.into_iter().flat_map(|names| names.split(',')).map(str::trim);
    let names: Vec<Value> = names.filter(|name| !name.is_empty()).map(Value::from).collect();
    if !names.is_empty() {
        request.set_field(BETA, names.into());
    }
}

fn translate(mut fields: Map<String, Value>) -> Result<ChatRequest, RequestError> {
    let mut request = Map::new();
    for name in ["model", "messages"] {
        request.insert(name.to_owned(), Value::Null);
    }
    let mut messages = Vec::new();
    if let Some(system) = fields.shift_remove("system").filter(|system| !system.is_null()) {
        messages.push(super::blocks::system(&system)?);
    }
    match fields.shift_remove("messages") {
        None | Some(Value::Null) => return Err(RequestError::missing("messages")),
        Some(Value::Array(turns)) if turns.is_empty() => {
            return Err(RequestError::empty("messages"));
        }
        Some(Value::Array(turns)) => {
            for (index, turn) in turns.iter().enumerate() {
                opened(turn, format!("messages[{index}]"), |turn| {
                    super::blocks::turn(turn, &mut messages)
                })?;
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
            let read = |thinking: &mut Opened<'_, '_>| {
                Ok(thinking.copied(&["type", "budget_tokens", "display"]))
            };
            set(name, opened(&value, name, read)?);
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
            let user = opened(&value, name, |metadata| metadata.text("user_id"))?;
            if let Some(user) = user {
                set("user", user.into());
            }
        }
        "tools" => set("tools", tools(&value, tool)?),
        "tool_choice" => return tool_choice(&value, request),
        "output_config" => return output_config(&value, request),
        _ if IGNORED.contains(&name) => {}
        "container" | "mcp_servers" => return Err(RequestError::server_tool(name)),
        "context_management" | "output_format" => return Err(RequestError::unavailable(name)),
        _ => return Err(RequestError::unknown(name)),
    }
    Ok(())
}

fn tool(tool: &mut Opened<'_, '_>) -> Result<Value, RequestError> {
    if !matches!(tool.text("type")?, None | Some("custom")) {
        return Err(RequestError::server_tool(tool.at("type")));
    }
    let mut function = json!({"name": tool.required("name")?});
    for (name, ours) in TOOL_FIELDS {
        if let Some(value) = tool.take(name) {
            function[ours] = value.clone();
        }
    }
    // How the model's writing is cut into pieces; ours come as they are made.
    tool.overlook(&["eager_input_streaming"]);
    let mut neutral = json!({"type": "function", "function": function});
    if let Some(mark) = tool.take("cache_control") {
        neutral["cache_control"] = mark.clone();
    }
    Ok(neutral)
}

fn tool_choice(choice: &Value, request: &mut Map<String, Value>) -> Result<(), RequestError> {
    let (neutral, one_at_a_time) = opened(choice, "tool_choice", |choice| {
        let neutral = match choice.text("type")? {
            Some("auto") => json!("auto"),
            Some("none") => json!("none"),
            Some("any") => json!("required"),
            Some("tool") => {
                json!({"type": "function", "function": {"name": choice.required("name")?}})
            }
            _ => {
                let message = "must be auto, any, tool or none";
                return Err(RequestError::invalid_value(choice.at("type"), message));
            }
        };
        Ok((neutral, choice.boolean("disable_parallel_tool_use")?))
    })?;
    request.insert("tool_choice".to_owned(), neutral);
    if one_at_a_time == Some(true) {
        request.insert("parallel_tool_calls".to_owned(), false.into());
    }
    Ok(())
}

fn output_config(config: &Value, request: &mut Map<String, Value>) -> Result<(), RequestError> {
    let (effort, format) = opened(config, "output_config", |config| {
        let format = config.object("format", |format| match format.required("type")? {
            "json_schema" => {
                let schema = format.whole("schema")?;
                let schema = schema.ok_or_else(|| RequestError::missing(format.at("schema")))?;
                Ok(json!({"name": "answer", "schema": schema, "strict": true}))
            }
            _ => Err(RequestError::unavailable(format.at("type"))),
        })?;
        Ok((config.take("effort").cloned(), format))
    })?;
    request.extend(effort.map(|effort| ("reasoning_effort".to_owned(), effort)));
    let format = format.map(|wanted| json!({"type": "json_schema", "json_schema": wanted}));
    request.extend(format.map(|format| ("response_format".to_owned(), format)));
    Ok(())
}
