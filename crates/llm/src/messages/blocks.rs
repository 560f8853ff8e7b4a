//! Content blocks of a client that speaks Anthropic, as messages and their parts.

use serde_json::{Map, Value, json};

use super::inbound::unavailable;
use crate::RequestError;

/// The instructions, as the first message.
pub(super) fn system(system: Value) -> Result<Value, RequestError> {
    let content = match system {
        Value::String(text) => Value::String(text),
        Value::Array(blocks) => {
            let mut parts = Vec::with_capacity(blocks.len());
            for (index, block) in blocks.iter().enumerate() {
                let at = format!("system[{index}]");
                match kind(block, &at)? {
                    "text" => parts.push(text(block, &at)?),
                    _ => return Err(unavailable(format!("{at}.type"))),
                }
            }
            shortened(parts)
        }
        other => return Err(RequestError::wrong_type("system", "a string or an array", &other)),
    };
    Ok(json!({"role": "system", "content": content}))
}

/// One turn, as one or more messages: each result of a tool becomes a message of its own.
pub(super) fn turn(turn: Value, at: &str, messages: &mut Vec<Value>) -> Result<(), RequestError> {
    let Value::Object(mut turn) = turn else {
        return Err(RequestError::wrong_type(at, "an object", &turn));
    };
    let is_user = match turn.get("role").and_then(Value::as_str) {
        Some("user") => true,
        Some("assistant") => false,
        None => return Err(RequestError::missing(format!("{at}.role"))),
        Some(_) => {
            let message = "must be user or assistant";
            return Err(RequestError::invalid_value(format!("{at}.role"), message));
        }
    };
    if let Some(name) = turn.keys().find(|name| !matches!(name.as_str(), "role" | "content")) {
        return Err(RequestError::unknown(&format!("{at}.{name}")));
    }
    let role = if is_user { "user" } else { "assistant" };
    match turn.shift_remove("content") {
        Some(content @ Value::String(_)) => {
            messages.push(json!({"role": role, "content": content}));
            Ok(())
        }
        Some(Value::Array(blocks)) if is_user => user(&blocks, &format!("{at}.content"), messages),
        Some(Value::Array(blocks)) => {
            messages.push(assistant(&blocks, &format!("{at}.content"))?);
            Ok(())
        }
        None | Some(Value::Null) => Err(RequestError::missing(format!("{at}.content"))),
        Some(other) => {
            let at = format!("{at}.content");
            Err(RequestError::wrong_type(at, "a string or an array of blocks", &other))
        }
    }
}

fn user(blocks: &[Value], at: &str, messages: &mut Vec<Value>) -> Result<(), RequestError> {
    let mut parts = Vec::new();
    let flush = |parts: &mut Vec<Value>, messages: &mut Vec<Value>| {
        if !parts.is_empty() {
            let content = shortened(std::mem::take(parts));
            messages.push(json!({"role": "user", "content": content}));
        }
    };
    for (index, block) in blocks.iter().enumerate() {
        let at = format!("{at}[{index}]");
        if kind(block, &at)? == "tool_result" {
            flush(&mut parts, messages);
            messages.push(tool_result(block, &at)?);
        } else {
            parts.push(part(block, &at)?);
        }
    }
    flush(&mut parts, messages);
    Ok(())
}

fn tool_result(block: &Value, at: &str) -> Result<Value, RequestError> {
    let id = required(block, "tool_use_id", at)?;
    let content = match block.get("content") {
        None | Some(Value::Null) => Value::String(String::new()),
        Some(Value::String(text)) => Value::String(text.clone()),
        Some(Value::Array(blocks)) => {
            let parts = blocks.iter().enumerate();
            let parts: Result<Vec<_>, _> = parts
                .map(|(index, block)| part(block, &format!("{at}.content[{index}]")))
                .collect();
            match shortened(parts?) {
                Value::Null => Value::String(String::new()),
                content => content,
            }
        }
        Some(other) => {
            let at = format!("{at}.content");
            return Err(RequestError::wrong_type(at, "a string or an array of blocks", other));
        }
    };
    let mut message = json!({"role": "tool", "tool_call_id": id, "content": content});
    if block.get("is_error") == Some(&Value::Bool(true)) {
        message["is_error"] = true.into();
    }
    Ok(marked(message, block))
}

/// A turn of the model: thoughts, text and calls each in their own field.
fn assistant(blocks: &[Value], at: &str) -> Result<Value, RequestError> {
    let (mut parts, mut calls, mut thoughts) = (Vec::new(), Vec::new(), Vec::new());
    let mut reasoning = String::new();
    for (index, block) in blocks.iter().enumerate() {
        let at = format!("{at}[{index}]");
        match kind(block, &at)? {
            "text" => parts.push(text(block, &at)?),
            "thinking" => {
                reasoning.push_str(required(block, "thinking", &at)?);
                thoughts.push(block.clone());
            }
            "redacted_thinking" => {
                required(block, "data", &at)?;
                thoughts.push(block.clone());
            }
            "tool_use" => calls.push(tool_use(block, &at)?),
            _ => return Err(unavailable(format!("{at}.type"))),
        }
    }
    let mut message = Map::new();
    message.insert("role".to_owned(), "assistant".into());
    message.insert("content".to_owned(), shortened(parts));
    if !reasoning.is_empty() {
        message.insert("reasoning_content".to_owned(), reasoning.into());
    }
    if !thoughts.is_empty() {
        message.insert("thinking_blocks".to_owned(), thoughts.into());
    }
    if !calls.is_empty() {
        message.insert("tool_calls".to_owned(), calls.into());
    }
    Ok(Value::Object(message))
}

fn tool_use(block: &Value, at: &str) -> Result<Value, RequestError> {
    let (id, name) = (required(block, "id", at)?, required(block, "name", at)?);
    let arguments = match block.get("input") {
        None | Some(Value::Null) => "{}".to_owned(),
        Some(input @ Value::Object(_)) => input.to_string(),
        Some(other) => {
            return Err(RequestError::wrong_type(format!("{at}.input"), "an object", other));
        }
    };
    let function = json!({"name": name, "arguments": arguments});
    Ok(marked(json!({"id": id, "type": "function", "function": function}), block))
}

/// A text, an image or a document.
fn part(block: &Value, at: &str) -> Result<Value, RequestError> {
    match kind(block, at)? {
        "text" => text(block, at),
        "image" => {
            let url = match source(block, at)? {
                Source::Web(url) => url.to_owned(),
                Source::Base64 { media_type, data } => format!("data:{media_type};base64,{data}"),
                Source::Text(_) => return Err(unavailable(format!("{at}.source.type"))),
            };
            Ok(marked(json!({"type": "image_url", "image_url": {"url": url}}), block))
        }
        "document" => document(block, at),
        _ => Err(unavailable(format!("{at}.type"))),
    }
}

fn document(block: &Value, at: &str) -> Result<Value, RequestError> {
    for name in ["context", "citations"] {
        let asks = block.get(name).is_some_and(|value| match name {
            "citations" => value.get("enabled") == Some(&Value::Bool(true)),
            _ => !value.is_null(),
        });
        if asks {
            return Err(unavailable(format!("{at}.{name}")));
        }
    }
    let mut file = Map::new();
    if let Some(title) = block.get("title").filter(|title| title.is_string()) {
        file.insert("filename".to_owned(), title.clone());
    }
    match source(block, at)? {
        Source::Text(text) => return Ok(marked(json!({"type": "text", "text": text}), block)),
        Source::Web(url) => file.insert("file_url".to_owned(), url.into()),
        Source::Base64 { media_type, data } => {
            let data = format!("data:{media_type};base64,{data}");
            file.insert("file_data".to_owned(), data.into())
        }
    };
    Ok(marked(json!({"type": "file", "file": file}), block))
}

enum Source<'a> {
    Web(&'a str),
    Base64 { media_type: &'a str, data: &'a str },
    Text(&'a str),
}

fn source<'a>(block: &'a Value, at: &str) -> Result<Source<'a>, RequestError> {
    let at = format!("{at}.source");
    let Some(source) = block.get("source") else { return Err(RequestError::missing(at)) };
    match kind(source, &at)? {
        "url" => Ok(Source::Web(required(source, "url", &at)?)),
        "base64" => Ok(Source::Base64 {
            media_type: required(source, "media_type", &at)?,
            data: required(source, "data", &at)?,
        }),
        "text" => Ok(Source::Text(required(source, "data", &at)?)),
        _ => Err(unavailable(format!("{at}.type"))),
    }
}

fn text(block: &Value, at: &str) -> Result<Value, RequestError> {
    Ok(marked(json!({"type": "text", "text": required(block, "text", at)?}), block))
}

/// A single text without a mark becomes the short form.
fn shortened(mut parts: Vec<Value>) -> Value {
    match parts.as_mut_slice() {
        [] => Value::Null,
        [part] if part["type"] == "text" && part.get("cache_control").is_none() => {
            part["text"].take()
        }
        _ => Value::Array(parts),
    }
}

fn marked(mut part: Value, block: &Value) -> Value {
    if let Some(mark) = block.get("cache_control").filter(|mark| !mark.is_null()) {
        part["cache_control"] = mark.clone();
    }
    part
}

fn kind<'a>(block: &'a Value, at: &str) -> Result<&'a str, RequestError> {
    if !block.is_object() {
        return Err(RequestError::wrong_type(at, "an object", block));
    }
    required(block, "type", at)
}

fn required<'a>(block: &'a Value, name: &str, at: &str) -> Result<&'a str, RequestError> {
    let at = || format!("{at}.{name}");
    match block.get(name) {
        None | Some(Value::Null) => Err(RequestError::missing(at())),
        Some(Value::String(text)) => Ok(text),
        Some(other) => Err(RequestError::wrong_type(at(), "a string", other)),
    }
}
