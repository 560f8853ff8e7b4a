//! One message, taken apart into blocks.

use serde_json::Value;

use super::{Block, Conversation, media, required_text, text};
use crate::{Dialect, Message, RequestError, Role};

/// Fields of messages and parts that no translated dialect has a place for and that change nothing
/// in the answer: names of participants, and what comes back from an earlier answer.
const IGNORED_IN_MESSAGES: [&str; 3] = ["name", "annotations", "id"];

/// Reads one message.
pub(super) struct Reader<'a> {
    pub path: String,
    pub message: &'a Message,
    pub dialect: Dialect,
}

impl<'a> Reader<'a> {
    fn at(&self, field: &str) -> String {
        format!("{}.{field}", self.path)
    }

    fn field(&self, name: &str) -> Option<&'a Value> {
        self.message.fields().get(name).filter(|value| !value.is_null())
    }

    fn text_field(&self, name: &str) -> Result<Option<&'a str>, RequestError> {
        text(self.field(name), || self.at(name))
    }

    pub(super) fn check_fields(&self) -> Result<(), RequestError> {
        let known: &[&str] = match self.message.role() {
            Role::Assistant => &["tool_calls", "refusal", "reasoning_content", "thinking_blocks"],
            Role::Tool => &["tool_call_id", "is_error", "cache_control"],
            Role::System | Role::Developer | Role::User => &[],
        };
        for (name, value) in self.message.fields().iter() {
            let is_known = matches!(name, "role" | "content") || known.contains(&name);
            if value.is_null() || is_known || IGNORED_IN_MESSAGES.contains(&name) {
                continue;
            }
            return Err(self.dialect.refuse(self.at(name)));
        }
        Ok(())
    }

    pub(super) fn instructions(&self) -> Result<Vec<Block<'a>>, RequestError> {
        let blocks = self.content()?;
        match blocks.iter().position(|block| !matches!(block, Block::Text { .. })) {
            Some(index) => Err(self.dialect.refuse(self.at(&format!("content[{index}]")))),
            None => Ok(blocks),
        }
    }

    pub(super) fn assistant(&self) -> Result<Vec<Block<'a>>, RequestError> {
        let mut blocks = self.thoughts()?;
        blocks.extend(self.content()?);
        if let Some(refusal) = self.text_field("refusal")? {
            blocks.push(Block::Text { text: refusal, cache: None });
        }
        let calls = match self.field("tool_calls") {
            None => &[][..],
            Some(Value::Array(calls)) => calls,
            Some(other) => {
                return Err(RequestError::wrong_type(self.at("tool_calls"), "an array", other));
            }
        };
        for (index, call) in calls.iter().enumerate() {
            blocks.push(self.tool_call(call, &self.at(&format!("tool_calls[{index}]")))?);
        }
        Ok(blocks)
    }

    /// Sealed blocks where the message has them, else the plain text of the reasoning.
    fn thoughts(&self) -> Result<Vec<Block<'a>>, RequestError> {
        let sealed = match self.field("thinking_blocks") {
            None => {
                let text = self.text_field("reasoning_content")?.filter(|text| !text.is_empty());
                return Ok(text
                    .map(|text| Block::Thinking { text, signature: None })
                    .into_iter()
                    .collect());
            }
            Some(Value::Array(blocks)) => blocks,
            Some(other) => {
                return Err(RequestError::wrong_type(
                    self.at("thinking_blocks"),
                    "an array",
                    other,
                ));
            }
        };
        let mut blocks = Vec::with_capacity(sealed.len());
        for (index, block) in sealed.iter().enumerate() {
            let read = |name: &str| block.get(name).and_then(Value::as_str);
            blocks.push(match (read("type"), read("thinking"), read("data")) {
                (Some("thinking"), Some(text), _) => {
                    Block::Thinking { text, signature: read("signature") }
                }
                (Some("redacted_thinking"), _, Some(data)) => Block::RedactedThinking { data },
                _ => {
                    let at = self.at(&format!("thinking_blocks[{index}]"));
                    return Err(RequestError::invalid_value(at, "is not a block of thinking"));
                }
            });
        }
        Ok(blocks)
    }

    fn tool_call(&self, call: &'a Value, at: &str) -> Result<Block<'a>, RequestError> {
        if !matches!(call.get("type").and_then(Value::as_str), None | Some("function")) {
            return Err(self.dialect.refuse(format!("{at}.type")));
        }
        let id = required_text(call.get("id"), || format!("{at}.id"))?;
        let function = call.get("function").unwrap_or(&Value::Null);
        let name = required_text(function.get("name"), || format!("{at}.function.name"))?;
        let written = text(function.get("arguments"), || format!("{at}.function.arguments"))?;
        let written = written.map(str::trim).filter(|text| !text.is_empty()).unwrap_or("{}");
        let arguments = serde_json::from_str(written).map_err(|_| {
            RequestError::invalid_value(
                format!("{at}.function.arguments"),
                "must be a JSON object as text",
            )
        })?;
        let signature = call.pointer("/extra_content/google/thought_signature");
        Ok(Block::ToolCall {
            id,
            name,
            arguments,
            signature: signature.and_then(Value::as_str),
            cache: call.get("cache_control").filter(|mark| !mark.is_null()),
        })
    }

    pub(super) fn tool_result(&self, before: &Conversation<'a>) -> Result<Block<'a>, RequestError> {
        let id = required_text(self.field("tool_call_id"), || self.at("tool_call_id"))?;
        Ok(Block::ToolResult {
            id,
            name: before.name_of_call(id),
            blocks: self.content()?,
            is_error: self.field("is_error").and_then(Value::as_bool).unwrap_or(false),
            cache: self.field("cache_control"),
        })
    }

    /// The content; empty texts are left out, because they say nothing and some servers refuse them.
    pub(super) fn content(&self) -> Result<Vec<Block<'a>>, RequestError> {
        let parts = match self.field("content") {
            Some(Value::String(text)) if !text.is_empty() => {
                return Ok(vec![Block::Text { text, cache: None }]);
            }
            Some(Value::Array(parts)) => parts,
            _ => return Ok(Vec::new()),
        };
        let mut blocks = Vec::with_capacity(parts.len());
        for (index, part) in parts.iter().enumerate() {
            blocks.push(self.part(part, &self.at(&format!("content[{index}]")))?);
        }
        blocks.retain(|block| !matches!(block, Block::Text { text: "", .. }));
        Ok(blocks)
    }

    fn part(&self, part: &'a Value, at: &str) -> Result<Block<'a>, RequestError> {
        let cache = part.get("cache_control").filter(|mark| !mark.is_null());
        match part.get("type").and_then(Value::as_str).unwrap_or_default() {
            "text" => {
                let text = required_text(part.get("text"), || format!("{at}.text"))?;
                Ok(Block::Text { text, cache })
            }
            "refusal" => {
                let text = required_text(part.get("refusal"), || format!("{at}.refusal"))?;
                Ok(Block::Text { text, cache })
            }
            "image_url" => media::image(part, at, self.dialect).map(Block::Media),
            "file" => media::file(part, at, self.dialect).map(Block::Media),
            "input_audio" => media::audio(part, at).map(Block::Media),
            _ => Err(self.dialect.refuse(format!("{at}.type"))),
        }
    }
}
