//! One message, taken apart into blocks.

use serde_json::Value;

use super::{Block, Conversation, media};
use crate::{RequestError, opened::Opened};

/// Hints that no translated dialect has a place for and that change nothing in the answer: names of
/// participants, and what comes back from an earlier answer.
pub(super) const HINTS: [&str; 4] = ["role", "name", "annotations", "id"];

pub(super) fn instructions<'a>(
    message: &mut Opened<'a, '_>,
) -> Result<Vec<Block<'a>>, RequestError> {
    let blocks = content(message)?;
    match blocks.iter().position(|block| !matches!(block, Block::Text { .. })) {
        Some(index) => Err(message.refused(&format!("content[{index}]"))),
        None => Ok(blocks),
    }
}

pub(super) fn assistant<'a>(message: &mut Opened<'a, '_>) -> Result<Vec<Block<'a>>, RequestError> {
    let mut blocks = thoughts(message)?;
    blocks.extend(content(message)?);
    if let Some(refusal) = message.text("refusal")? {
        blocks.push(Block::Text { text: refusal, cache: None });
    }
    blocks.extend(message.each("tool_calls", tool_call)?);
    Ok(blocks)
}

/// Sealed blocks where the message has them, else the plain text of the reasoning.
fn thoughts<'a>(message: &mut Opened<'a, '_>) -> Result<Vec<Block<'a>>, RequestError> {
    let plain = message.text("reasoning_content")?.filter(|text| !text.is_empty());
    let sealed = message.each("thinking_blocks", |block| {
        let kind = block.text("type")?;
        match (kind, block.text("thinking")?, block.text("data")?) {
            (Some("thinking"), Some(text), None) => {
                Ok(Block::Thinking { text, signature: block.text("signature")? })
            }
            (Some("redacted_thinking"), None, Some(data)) => Ok(Block::RedactedThinking { data }),
            _ => Err(RequestError::invalid_value(block.at("type"), "is not a block of thinking")),
        }
    })?;
    if sealed.is_empty() {
        return Ok(plain
            .map(|text| Block::Thinking { text, signature: None })
            .into_iter()
            .collect());
    }
    Ok(sealed)
}

fn tool_call<'a>(call: &mut Opened<'a, '_>) -> Result<Block<'a>, RequestError> {
    if !matches!(call.text("type")?, None | Some("function")) {
        return Err(call.refused("type"));
    }
    // The number of a call in a stream; some clients send it back.
    call.overlook(&["index"]);
    let id = call.required("id")?;
    let (name, arguments) = call.required_object("function", |function| {
        Ok((function.required("name")?, arguments(function)?))
    })?;
    let signature = call.object("extra_content", |extra| {
        extra.object("google", |google| google.text("thought_signature"))
    })?;
    let signature = signature.flatten().flatten();
    Ok(Block::ToolCall { id, name, arguments, signature, cache: call.take("cache_control") })
}

fn arguments(
    function: &mut Opened<'_, '_>,
) -> Result<serde_json::Map<String, Value>, RequestError> {
    let written = function.text("arguments")?;
    let written = written.map(str::trim).filter(|text| !text.is_empty()).unwrap_or("{}");
    serde_json::from_str(written).map_err(|_| {
        RequestError::invalid_value(function.at("arguments"), "must be a JSON object as text")
    })
}

pub(super) fn tool_result<'a>(
    message: &mut Opened<'a, '_>,
    before: &Conversation<'a>,
) -> Result<Block<'a>, RequestError> {
    let id = message.required("tool_call_id")?;
    Ok(Block::ToolResult {
        id,
        name: before.name_of_call(id),
        blocks: content(message)?,
        is_error: message.boolean("is_error")?.unwrap_or(false),
        cache: message.take("cache_control"),
    })
}

/// The content; empty texts are left out, because they say nothing and some servers refuse them.
pub(super) fn content<'a>(message: &mut Opened<'a, '_>) -> Result<Vec<Block<'a>>, RequestError> {
    match message.take("content") {
        Some(Value::String(text)) if !text.is_empty() => {
            Ok(vec![Block::Text { text, cache: None }])
        }
        Some(Value::Array(parts)) => {
            let blocks = message.each_of(parts, "content", part)?.into_iter();
            let blocks = blocks.flat_map(|block| {
                let (name, block) = apart(block);
                name.into_iter().chain([block])
            });
            Ok(blocks.filter(|block| !matches!(block, Block::Text { text: "", .. })).collect())
        }
        _ => Ok(Vec::new()),
    }
}

/// The name of a picture in a file, as a text before it: nobody has another place for it.
fn apart(block: Block<'_>) -> (Option<Block<'_>>, Block<'_>) {
    match block {
        Block::Media(mut media) if media.inline_image().is_some() => {
            let name = media.name.take().map(|text| Block::Text { text, cache: None });
            (name, Block::Media(media))
        }
        block => (None, block),
    }
}

fn part<'a>(part: &mut Opened<'a, '_>) -> Result<Block<'a>, RequestError> {
    let kind = part.text("type")?.unwrap_or_default();
    match kind {
        "text" | "refusal" => {
            Ok(Block::Text { text: part.required(kind)?, cache: part.take("cache_control") })
        }
        "image_url" => media::image(part).map(Block::Media),
        "file" => media::file(part).map(Block::Media),
        "input_audio" => media::audio(part).map(Block::Media),
        _ => Err(part.refused("type")),
    }
}
