//! A request in Ollama's words.

use serde_json::{Map, Value, json};

use crate::conversation::{Block, Conversation, Speaker, Turn, joined_text};
use crate::message::FAILED;
use crate::settings::{FieldRules, Format, HINTS, Settings, Thinking, ToolChoice};
use crate::{ChatRequest, Delivery, Dialect, OutgoingCall, RequestError, upstream::grounded};

const FIELDS: FieldRules = FieldRules {
    translated: &[
        "max_tokens",
        "max_completion_tokens",
        "temperature",
        "top_p",
        "top_k",
        "min_p",
        "stop",
        "seed",
        "frequency_penalty",
        "presence_penalty",
        "repetition_penalty",
        "logprobs",
        "top_logprobs",
        "tools",
        "tool_choice",
        "response_format",
        "reasoning_effort",
        "thinking",
        "keep_alive",
    ],
    ignored: &HINTS,
};

/// Fields whose value needs no change: ours, and theirs among the options of the model.
const OPTIONS: [(&str, &str); 8] = [
    ("temperature", "temperature"),
    ("top_p", "top_p"),
    ("top_k", "top_k"),
    ("min_p", "min_p"),
    ("seed", "seed"),
    ("frequency_penalty", "frequency_penalty"),
    ("presence_penalty", "presence_penalty"),
    ("repetition_penalty", "repeat_penalty"),
];

pub(crate) fn chat_call(
    request: &ChatRequest,
    upstream_model: &str,
    delivery: Delivery,
    dialect: Dialect,
) -> Result<OutgoingCall, RequestError> {
    let messages = grounded(request);
    let (conversation, settings) = FIELDS.read(request, &messages, dialect)?;
    let mut body = Map::new();
    body.insert("model".to_owned(), upstream_model.into());
    body.insert("messages".to_owned(), all_messages(&conversation, dialect)?.into());
    let tools = tools(&settings)?;
    match settings.tool_choice()? {
        None | Some(ToolChoice::Auto) => {
            body.extend(tools.map(|tools| ("tools".to_owned(), tools)))
        }
        Some(ToolChoice::None) => {}
        Some(_) => return Err(dialect.refuse("tool_choice")),
    }
    let format = match settings.format()? {
        None => None,
        Some(Format::JsonObject) => Some(json!("json")),
        // The schema only bounds what is written; the model never reads it.
        Some(Format::JsonSchema { description: Some(_), .. }) => {
            return Err(dialect.refuse("response_format.json_schema.description"));
        }
        Some(Format::JsonSchema { schema, .. }) => Some(schema.clone()),
    };
    body.extend(format.map(|format| ("format".to_owned(), format)));
    let think = settings.thinking()?.map(|thinking| think(thinking, upstream_model));
    body.extend(think.map(|think| ("think".to_owned(), think)));
    let same = ["logprobs", "top_logprobs", "keep_alive"].map(|name| (name, name));
    settings.copy(&same, &mut body);
    let options = options(&settings)?;
    if !options.is_empty() {
        body.insert("options".to_owned(), options.into());
    }
    body.insert("stream".to_owned(), (delivery == Delivery::Streamed).into());
    Ok(OutgoingCall::json("api/chat", &body.into()))
}

/// The tools as they came; nobody there sees to it that calls follow a schema.
fn tools(settings: &Settings<'_>) -> Result<Option<Value>, RequestError> {
    let tools = settings.tools()?;
    if let Some(index) = tools.iter().position(|tool| tool.strict == Some(true)) {
        return Err(settings.dialect.refuse(format!("tools[{index}].function.strict")));
    }
    Ok(settings.request.field("tools").cloned())
}

fn options(settings: &Settings<'_>) -> Result<Map<String, Value>, RequestError> {
    let mut options = Map::new();
    if let Some(tokens) = settings.request.max_tokens() {
        options.insert("num_predict".to_owned(), tokens.into());
    }
    settings.copy(&OPTIONS, &mut options);
    let stop = settings.stop()?;
    if !stop.is_empty() {
        options.insert("stop".to_owned(), json!(stop));
    }
    Ok(options)
}

/// One family of models knows levels; all others think or do not.
fn think(thinking: Thinking<'_>, upstream_model: &str) -> Value {
    match (thinking, thinking.effort()) {
        (Thinking::Off, _) => false.into(),
        (_, Some(effort)) if upstream_model.starts_with("gpt-oss") => match effort {
            "minimal" | "low" => "low".into(),
            "medium" => "medium".into(),
            _ => "high".into(),
        },
        _ => true.into(),
    }
}

fn all_messages(
    conversation: &Conversation<'_>,
    dialect: Dialect,
) -> Result<Vec<Value>, RequestError> {
    let mut messages = Vec::new();
    if !conversation.system.is_empty() {
        messages.push(json!({"role": "system", "content": conversation.system_text()}));
    }
    for turn in &conversation.turns {
        // Results of tools are messages of their own and come first in a turn.
        for block in &turn.blocks {
            messages.extend(tool_result(block, dialect)?);
        }
        messages.extend(message(turn, dialect)?);
    }
    Ok(messages)
}

fn tool_result(block: &Block<'_>, dialect: Dialect) -> Result<Option<Value>, RequestError> {
    let Block::ToolResult { name, blocks, is_error, .. } = block else { return Ok(None) };
    let mut result = said("tool", blocks, dialect)?;
    if *is_error {
        result["content"] = format!("{FAILED}{}", joined_text(blocks)).into();
    }
    if !name.is_empty() {
        result["tool_name"] = (*name).into();
    }
    Ok(Some(result))
}

/// What a side says beside results of tools; `None` if that is nothing.
fn message(turn: &Turn<'_>, dialect: Dialect) -> Result<Option<Value>, RequestError> {
    let is_result = |block: &Block<'_>| matches!(block, Block::ToolResult { .. });
    if turn.blocks.iter().all(is_result) {
        return Ok(None);
    }
    let role = if turn.speaker == Speaker::User { "user" } else { "assistant" };
    let mut message = said(role, &turn.blocks, dialect)?;
    let mut thoughts = String::new();
    let mut calls = Vec::new();
    for block in &turn.blocks {
        match block {
            Block::Thinking { text, .. } => thoughts.push_str(text),
            Block::ToolCall { name, arguments, .. } => {
                calls.push(json!({"function": {"name": name, "arguments": arguments}}));
            }
            _ => {}
        }
    }
    if !thoughts.is_empty() {
        message["thinking"] = thoughts.into();
    }
    if !calls.is_empty() {
        message["tool_calls"] = calls.into();
    }
    Ok(Some(message))
}

/// The text and the images among blocks.
fn said(role: &str, blocks: &[Block<'_>], dialect: Dialect) -> Result<Value, RequestError> {
    let mut images = Vec::new();
    for block in blocks {
        if let Block::Media(media) = block {
            let image = media.inline_image();
            images.push(image.ok_or_else(|| dialect.refuse(media.path.as_str()))?);
        }
    }
    let mut message = json!({"role": role, "content": joined_text(blocks)});
    if !images.is_empty() {
        message["images"] = images.into();
    }
    Ok(message)
}
