//! Input items of a client that speaks Responses, as messages.

use serde_json::{Map, Value, json};

use super::inbound::unavailable;
use crate::RequestError;

/// Turns items into messages. The model's reasoning, text and calls that follow each other are one
/// message.
pub(super) fn messages(items: &[Value], messages: &mut Vec<Value>) -> Result<(), RequestError> {
    let mut turn = ModelTurn::default();
    for (index, item) in items.iter().enumerate() {
        let at = format!("input[{index}]");
        let Value::Object(fields) = item else {
            return Err(RequestError::wrong_type(at, "an object", item));
        };
        match fields.get("type").and_then(Value::as_str).unwrap_or("message") {
            "message" if fields.get("role").and_then(Value::as_str) == Some("assistant") => {
                turn.say(content(fields.get("content"), &at)?, messages);
            }
            "message" => {
                turn.flush(messages);
                let role = required(item, "role", &at)?;
                if !matches!(role, "user" | "system" | "developer") {
                    let message = "must be user, system, developer or assistant";
                    return Err(RequestError::invalid_value(format!("{at}.role"), message));
                }
                messages
                    .push(json!({"role": role, "content": content(fields.get("content"), &at)?}));
            }
            "reasoning" => turn.think(&reasoning(fields, &at)?, messages),
            "function_call" => turn.calls.push(call(item, &at)?),
            "function_call_output" => {
                turn.flush(messages);
                let id = required(item, "call_id", &at)?;
                let output = output(fields.get("output"), &at)?;
                messages.push(json!({"role": "tool", "tool_call_id": id, "content": output}));
            }
            _ => return Err(unavailable(format!("{at}.type"))),
        }
    }
    turn.flush(messages);
    Ok(())
}

/// What the model said without anybody in between.
#[derive(Default)]
struct ModelTurn {
    reasoning: String,
    content: Option<Value>,
    calls: Vec<Value>,
}

impl ModelTurn {
    fn think(&mut self, text: &str, messages: &mut Vec<Value>) {
        if self.content.is_some() || !self.calls.is_empty() {
            self.flush(messages);
        }
        self.reasoning.push_str(text);
    }

    fn say(&mut self, content: Value, messages: &mut Vec<Value>) {
        if self.content.is_some() || !self.calls.is_empty() {
            self.flush(messages);
        }
        self.content = Some(content);
    }

    fn flush(&mut self, messages: &mut Vec<Value>) {
        let turn = std::mem::take(self);
        if turn.content.is_none() && turn.calls.is_empty() {
            return;
        }
        let mut message = json!({"role": "assistant", "content": turn.content});
        if !turn.reasoning.is_empty() {
            message["reasoning_content"] = turn.reasoning.into();
        }
        if !turn.calls.is_empty() {
            message["tool_calls"] = turn.calls.into();
        }
        messages.push(message);
    }
}

fn call(item: &Value, at: &str) -> Result<Value, RequestError> {
    let function = json!({
        "name": required(item, "name", at)?,
        "arguments": required(item, "arguments", at)?,
    });
    Ok(json!({"id": required(item, "call_id", at)?, "type": "function", "function": function}))
}

fn reasoning(item: &Map<String, Value>, at: &str) -> Result<String, RequestError> {
    if item.get("encrypted_content").is_some_and(|sealed| !sealed.is_null()) {
        return Err(unavailable(format!("{at}.encrypted_content")));
    }
    let parts = |name| item.get(name).and_then(Value::as_array).into_iter().flatten();
    let texts = parts("content").chain(parts("summary"));
    Ok(texts.filter_map(|part| part.get("text")?.as_str()).collect())
}

fn output(output: Option<&Value>, at: &str) -> Result<Value, RequestError> {
    match output {
        Some(Value::String(text)) => Ok(text.clone().into()),
        Some(Value::Array(parts)) => all_parts(parts, &format!("{at}.output")),
        None | Some(Value::Null) => Err(RequestError::missing(format!("{at}.output"))),
        Some(other) => {
            let at = format!("{at}.output");
            Err(RequestError::wrong_type(at, "a string or an array of parts", other))
        }
    }
}

fn content(content: Option<&Value>, at: &str) -> Result<Value, RequestError> {
    match content {
        Some(Value::String(text)) => Ok(text.clone().into()),
        Some(Value::Array(parts)) => all_parts(parts, &format!("{at}.content")),
        None | Some(Value::Null) => Err(RequestError::missing(format!("{at}.content"))),
        Some(other) => {
            let at = format!("{at}.content");
            Err(RequestError::wrong_type(at, "a string or an array of parts", other))
        }
    }
}

/// Parts; a single text becomes the short form.
fn all_parts(parts: &[Value], at: &str) -> Result<Value, RequestError> {
    let mut neutral = Vec::with_capacity(parts.len());
    for (index, one) in parts.iter().enumerate() {
        neutral.push(part(one, &format!("{at}[{index}]"))?);
    }
    if let [only] = neutral.as_mut_slice()
        && only["type"] == "text"
    {
        return Ok(only["text"].take());
    }
    Ok(neutral.into())
}

fn part(part: &Value, at: &str) -> Result<Value, RequestError> {
    if part.get("file_id").is_some_and(|id| !id.is_null()) {
        return Err(unavailable(format!("{at}.file_id")));
    }
    match required(part, "type", at)? {
        "input_text" | "output_text" | "text" => {
            Ok(json!({"type": "text", "text": required(part, "text", at)?}))
        }
        "refusal" => Ok(json!({"type": "text", "text": required(part, "refusal", at)?})),
        "input_image" => {
            let mut image = json!({"url": required(part, "image_url", at)?});
            if let Some(detail) = part.get("detail").filter(|detail| !detail.is_null()) {
                image["detail"] = detail.clone();
            }
            Ok(json!({"type": "image_url", "image_url": image}))
        }
        "input_file" => {
            let mut file = Map::new();
            for name in ["filename", "file_data", "file_url"] {
                if let Some(value) = part.get(name).filter(|value| value.is_string()) {
                    file.insert(name.to_owned(), value.clone());
                }
            }
            Ok(json!({"type": "file", "file": file}))
        }
        "input_audio" => Ok(part.clone()),
        _ => Err(unavailable(format!("{at}.type"))),
    }
}

fn required<'a>(item: &'a Value, name: &str, at: &str) -> Result<&'a str, RequestError> {
    let at = || format!("{at}.{name}");
    match item.get(name) {
        None | Some(Value::Null) => Err(RequestError::missing(at())),
        Some(Value::String(text)) => Ok(text),
        Some(other) => Err(RequestError::wrong_type(at(), "a string", other)),
    }
}
