//! Input items of a client that speaks Responses, as messages.

use serde_json::{Value, json};

use crate::{RequestError, opened::Opened};

/// An object of such a client that is being read.
type Item<'a, 'r> = Opened<'a, 'r>;

/// What comes back with an item of an earlier answer.
const HINTS: [&str; 2] = ["id", "status"];

/// Turns items into messages. The model's reasoning, text and calls that follow each other are one
/// message.
pub(super) fn messages(items: &[Value], messages: &mut Vec<Value>) -> Result<(), RequestError> {
    let mut turn = ModelTurn::default();
    for (index, one) in items.iter().enumerate() {
        Opened::read(one, format!("input[{index}]"), &RequestError::unknown, |item| {
            item.overlook(&HINTS);
            read(item, &mut turn, messages)
        })?;
    }
    turn.flush(messages);
    Ok(())
}

fn read(
    item: &mut Item<'_, '_>,
    turn: &mut ModelTurn,
    messages: &mut Vec<Value>,
) -> Result<(), RequestError> {
    match item.text("type")?.unwrap_or("message") {
        "message" => match item.required("role")? {
            "assistant" => turn.say(content(item, "content")?, messages),
            role @ ("user" | "system" | "developer") => {
                turn.flush(messages);
                messages.push(json!({"role": role, "content": content(item, "content")?}));
            }
            _ => {
                let message = "must be user, system, developer or assistant";
                return Err(RequestError::invalid_value(item.at("role"), message));
            }
        },
        "reasoning" => turn.think(&reasoning(item)?, messages),
        "function_call" => turn.calls.push(call(item)?),
        "function_call_output" => {
            turn.flush(messages);
            let id = item.required("call_id")?;
            let output = content(item, "output")?;
            messages.push(json!({"role": "tool", "tool_call_id": id, "content": output}));
        }
        "item_reference" => return Err(RequestError::not_stored(item.at("type"))),
        _ => return Err(RequestError::unavailable(item.at("type"))),
    }
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

fn call(item: &mut Item<'_, '_>) -> Result<Value, RequestError> {
    let (name, arguments) = (item.required("name")?, item.required("arguments")?);
    let function = json!({"name": name, "arguments": arguments});
    Ok(json!({"id": item.required("call_id")?, "type": "function", "function": function}))
}

/// What was thought, in its own words or summed up.
fn reasoning(item: &mut Item<'_, '_>) -> Result<String, RequestError> {
    if item.take("encrypted_content").is_some() {
        return Err(RequestError::unavailable(item.at("encrypted_content")));
    }
    let read = |part: &mut Item<'_, '_>| {
        part.overlook(&["type"]);
        Ok(part.text("text")?.unwrap_or_default().to_owned())
    };
    let texts = [item.each("content", read)?, item.each("summary", read)?];
    Ok(texts.concat().concat())
}

/// A text or parts; a single part that is a text becomes the short form.
fn content(item: &mut Item<'_, '_>, name: &str) -> Result<Value, RequestError> {
    match item.take(name) {
        Some(text @ Value::String(_)) => Ok(text.clone()),
        Some(Value::Array(parts)) => {
            let mut parts = item.each_of(parts, name, part)?;
            match parts.as_mut_slice() {
                [only] if only["type"] == "text" => Ok(only["text"].take()),
                _ => Ok(parts.into()),
            }
        }
        None => Err(RequestError::missing(item.at(name))),
        Some(other) => {
            Err(RequestError::wrong_type(item.at(name), "a string or an array of parts", other))
        }
    }
}

fn part(part: &mut Item<'_, '_>) -> Result<Value, RequestError> {
    if part.take("file_id").is_some() {
        return Err(RequestError::not_stored(part.at("file_id")));
    }
    match part.required("type")? {
        "input_text" | "output_text" | "text" => {
            // They come back from an earlier answer.
            part.overlook(&["annotations", "logprobs"]);
            Ok(json!({"type": "text", "text": part.required("text")?}))
        }
        "refusal" => Ok(json!({"type": "text", "text": part.required("refusal")?})),
        "input_image" => {
            let mut image = json!({"url": part.required("image_url")?});
            if let Some(detail) = part.take("detail") {
                image["detail"] = detail.clone();
            }
            Ok(json!({"type": "image_url", "image_url": image}))
        }
        "input_file" => {
            let file = part.copied(&["filename", "file_data", "file_url"]);
            Ok(json!({"type": "file", "file": file}))
        }
        "input_audio" => {
            let sound =
                part.required_object("input_audio", |sound| Ok(sound.copied(&["data", "format"])))?;
            Ok(json!({"type": "input_audio", "input_audio": sound}))
        }
        _ => Err(RequestError::unavailable(part.at("type"))),
    }
}
