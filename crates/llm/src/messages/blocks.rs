//! Content blocks of a client that speaks Anthropic, as messages and their parts.

use serde_json::{Map, Value, json};

use crate::{RequestError, opened::Opened};

/// An object of such a client that is being read.
type Block<'a, 'r> = Opened<'a, 'r>;

/// The instructions, as the first message.
pub(super) fn system(system: &Value) -> Result<Value, RequestError> {
    let content = match system {
        Value::String(text) => text.as_str().into(),
        Value::Array(blocks) => {
            let blocks = blocks.iter().enumerate();
            let parts: Result<Vec<_>, _> = blocks
                .map(|(index, block)| {
                    Opened::read(
                        block,
                        format!("system[{index}]"),
                        &RequestError::unknown,
                        |block| match block.required("type")? {
                            "text" => text(block),
                            _ => Err(RequestError::unavailable(block.at("type"))),
                        },
                    )
                })
                .collect();
            shortened(parts?)
        }
        other => return Err(RequestError::wrong_type("system", "a string or an array", other)),
    };
    Ok(json!({"role": "system", "content": content}))
}

/// One turn, as one or more messages: each result of a tool becomes a message of its own.
pub(super) fn turn(
    turn: &mut Block<'_, '_>,
    messages: &mut Vec<Value>,
) -> Result<(), RequestError> {
    let role = turn.required("role")?;
    if !matches!(role, "user" | "assistant") {
        let message = "must be user or assistant";
        return Err(RequestError::invalid_value(turn.at("role"), message));
    }
    match turn.take("content") {
        Some(content @ Value::String(_)) => {
            messages.push(json!({"role": role, "content": content}));
            Ok(())
        }
        Some(Value::Array(blocks)) if role == "user" => user(turn, blocks, messages),
        Some(Value::Array(blocks)) => {
            messages.push(assistant(turn, blocks)?);
            Ok(())
        }
        None => Err(RequestError::missing(turn.at("content"))),
        Some(other) => {
            let at = turn.at("content");
            Err(RequestError::wrong_type(at, "a string or an array of blocks", other))
        }
    }
}

fn user<'a>(
    turn: &Block<'a, '_>,
    blocks: &'a [Value],
    messages: &mut Vec<Value>,
) -> Result<(), RequestError> {
    let mut parts = Vec::new();
    let flush = |parts: &mut Vec<Value>, messages: &mut Vec<Value>| {
        if !parts.is_empty() {
            let content = shortened(std::mem::take(parts));
            messages.push(json!({"role": "user", "content": content}));
        }
    };
    turn.each_of(blocks, "content", |block| match block.required("type")? {
        "tool_result" => {
            flush(&mut parts, messages);
            messages.push(tool_result(block)?);
            Ok(())
        }
        kind => part(kind, block, &mut parts),
    })?;
    flush(&mut parts, messages);
    Ok(())
}

fn tool_result(block: &mut Block<'_, '_>) -> Result<Value, RequestError> {
    let id = block.required("tool_use_id")?;
    let content = match block.take("content") {
        None => "".into(),
        Some(Value::String(text)) => text.as_str().into(),
        Some(Value::Array(blocks)) => {
            let mut parts = Vec::with_capacity(blocks.len());
            block.each_of(blocks, "content", |block| {
                part(block.required("type")?, block, &mut parts)
            })?;
            if parts.is_empty() { "".into() } else { shortened(parts) }
        }
        Some(other) => {
            let at = block.at("content");
            return Err(RequestError::wrong_type(at, "a string or an array of blocks", other));
        }
    };
    let mut message = json!({"role": "tool", "tool_call_id": id, "content": content});
    if block.boolean("is_error")? == Some(true) {
        message["is_error"] = true.into();
    }
    Ok(marked(message, block))
}

/// A turn of the model: thoughts, text and calls each in their own field.
fn assistant<'a>(turn: &Block<'a, '_>, blocks: &'a [Value]) -> Result<Value, RequestError> {
    let (mut parts, mut calls, mut thoughts) = (Vec::new(), Vec::new(), Vec::new());
    let mut reasoning = String::new();
    turn.each_of(blocks, "content", |block| {
        match block.required("type")? {
            "text" => parts.push(text(block)?),
            "thinking" => {
                let text = block.required("thinking")?;
                reasoning.push_str(text);
                let mut thought = json!({"type": "thinking", "thinking": text});
                if let Some(signature) = block.text("signature")? {
                    thought["signature"] = signature.into();
                }
                thoughts.push(thought);
            }
            "redacted_thinking" => {
                let data = block.required("data")?;
                thoughts.push(json!({"type": "redacted_thinking", "data": data}));
            }
            "tool_use" => calls.push(tool_use(block)?),
            "server_tool_use" => return Err(RequestError::server_tool(block.at("type"))),
            _ => return Err(RequestError::unavailable(block.at("type"))),
        }
        Ok(())
    })?;
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

fn tool_use(block: &mut Block<'_, '_>) -> Result<Value, RequestError> {
    let (id, name) = (block.required("id")?, block.required("name")?);
    let arguments = block.whole("input")?.map_or_else(|| "{}".to_owned(), Value::to_string);
    // The model itself, as everywhere here: no other tool has called this one.
    block.overlook_default("caller", |caller| *caller == json!({"type": "direct"}));
    let function = json!({"name": name, "arguments": arguments});
    Ok(marked(json!({"id": id, "type": "function", "function": function}), block))
}

/// A text, an image or a document.
fn part(kind: &str, block: &mut Block<'_, '_>, parts: &mut Vec<Value>) -> Result<(), RequestError> {
    let part = match kind {
        "text" => text(block)?,
        "image" => image(block)?,
        "document" => return document(block, parts),
        _ => return Err(RequestError::unavailable(block.at("type"))),
    };
    parts.push(part);
    Ok(())
}

fn image(block: &mut Block<'_, '_>) -> Result<Value, RequestError> {
    let url = block.required_object("source", |from| match source(from)? {
        Source::Web(url) => Ok(url.to_owned()),
        Source::Base64 { media_type, data } => Ok(format!("data:{media_type};base64,{data}")),
        Source::Text(_) => Err(RequestError::unavailable(from.at("type"))),
    })?;
    Ok(marked(json!({"type": "image_url", "image_url": {"url": url}}), block))
}

/// A document, after a text with what else is said of it. One that is a text goes on as a text.
fn document(block: &mut Block<'_, '_>, parts: &mut Vec<Value>) -> Result<(), RequestError> {
    block.object("citations", |citations| {
        citations.overlook_default("enabled", |wanted| *wanted == Value::Bool(false));
        match citations.take("enabled") {
            None => Ok(()),
            Some(_) => Err(RequestError::unavailable(citations.at("enabled"))),
        }
    })?;
    let (title, context) = (block.text("title")?, block.text("context")?);
    let source = block.required_object("source", source)?;
    let mut file = Map::new();
    match source {
        Source::Text(text) => {
            let texts = [title, context, Some(text)].into_iter().flatten().collect::<Vec<_>>();
            parts.push(marked(json!({"type": "text", "text": texts.join("\n\n")}), block));
            return Ok(());
        }
        Source::Web(url) => file.insert("file_url".to_owned(), url.into()),
        Source::Base64 { media_type, data } => {
            let data = format!("data:{media_type};base64,{data}");
            file.insert("file_data".to_owned(), data.into())
        }
    };
    if let Some(title) = title {
        file.insert("filename".to_owned(), title.into());
    }
    parts.extend(context.map(|context| json!({"type": "text", "text": context})));
    parts.push(marked(json!({"type": "file", "file": file}), block));
    Ok(())
}

enum Source<'a> {
    Web(&'a str),
    Base64 { media_type: &'a str, data: &'a str },
    Text(&'a str),
}

fn source<'a>(source: &mut Block<'a, '_>) -> Result<Source<'a>, RequestError> {
    match source.required("type")? {
        "url" => Ok(Source::Web(source.required("url")?)),
        "base64" => Ok(Source::Base64 {
            media_type: source.required("media_type")?,
            data: source.required("data")?,
        }),
        "text" => {
            source.overlook_default("media_type", |kind| kind == "text/plain");
            Ok(Source::Text(source.required("data")?))
        }
        "file" => Err(RequestError::not_stored(source.at("type"))),
        _ => Err(RequestError::unavailable(source.at("type"))),
    }
}

fn text(block: &mut Block<'_, '_>) -> Result<Value, RequestError> {
    let text = block.required("text")?;
    block.overlook_default("citations", |cited| cited.as_array().is_some_and(Vec::is_empty));
    Ok(marked(json!({"type": "text", "text": text}), block))
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

fn marked(mut part: Value, block: &mut Block<'_, '_>) -> Value {
    if let Some(mark) = block.take("cache_control") {
        part["cache_control"] = mark.clone();
    }
    part
}
