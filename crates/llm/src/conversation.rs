//! The messages of a request in the form that the dialects other than OpenAI's share: instructions
//! apart, then turns of two speakers made of typed blocks. Every field of every message is either
//! read here, named as ignored, or refused by its name.

mod media;
mod reader;

use serde_json::{Map, Value};

use crate::{Dialect, Message, RequestError, Role};
use reader::Reader;

pub(crate) use media::{Media, MediaSource};

/// Who speaks in a turn. Results of tools belong to the user's side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Speaker {
    User,
    Assistant,
}

/// One piece of a turn.
#[derive(Debug, PartialEq)]
pub(crate) enum Block<'a> {
    Text {
        text: &'a str,
        /// A mark for the server's prompt cache, as Anthropic writes it.
        cache: Option<&'a Value>,
    },
    Media(Media<'a>),
    Thinking {
        text: &'a str,
        signature: Option<&'a str>,
    },
    RedactedThinking {
        data: &'a str,
    },
    ToolCall {
        id: &'a str,
        name: &'a str,
        arguments: Map<String, Value>,
        /// Gemini's sealed thought, which must come back with the call.
        signature: Option<&'a str>,
        cache: Option<&'a Value>,
    },
    ToolResult {
        id: &'a str,
        /// The name in the call with this id; empty if no such call is in the conversation.
        name: &'a str,
        blocks: Vec<Block<'a>>,
        is_error: bool,
        cache: Option<&'a Value>,
    },
}

/// What one side says before the other goes on.
#[derive(Debug, PartialEq)]
pub(crate) struct Turn<'a> {
    pub speaker: Speaker,
    pub blocks: Vec<Block<'a>>,
}

/// A whole conversation.
#[derive(Debug, PartialEq, Default)]
pub(crate) struct Conversation<'a> {
    /// All instructions in order; also those from the middle, which only OpenAI's dialect can place.
    pub system: Vec<Block<'a>>,
    /// Turns; two in a row never have the same speaker.
    pub turns: Vec<Turn<'a>>,
}

impl<'a> Conversation<'a> {
    /// Reads messages for a dialect.
    pub(crate) fn read(
        messages: impl IntoIterator<Item = &'a Message>,
        dialect: Dialect,
    ) -> Result<Self, RequestError> {
        let mut conversation = Self::default();
        for (index, message) in messages.into_iter().enumerate() {
            let reader = Reader { path: format!("messages[{index}]"), message, dialect };
            reader.check_fields()?;
            let blocks = match message.role() {
                Role::System | Role::Developer => {
                    conversation.system.extend(reader.instructions()?);
                    continue;
                }
                Role::User => reader.content()?,
                Role::Assistant => reader.assistant()?,
                Role::Tool => vec![reader.tool_result(&conversation)?],
            };
            let speaker = match message.role() {
                Role::Assistant => Speaker::Assistant,
                _ => Speaker::User,
            };
            conversation.extend(speaker, blocks);
        }
        Ok(conversation)
    }

    /// All instructions as one text.
    pub(crate) fn system_text(&self) -> String {
        joined_text(&self.system)
    }

    fn extend(&mut self, speaker: Speaker, blocks: Vec<Block<'a>>) {
        match self.turns.last_mut() {
            Some(last) if last.speaker == speaker => last.blocks.extend(blocks),
            _ => self.turns.push(Turn { speaker, blocks }),
        }
    }

    fn name_of_call(&self, wanted: &str) -> &'a str {
        let blocks = self.turns.iter().rev().flat_map(|turn| &turn.blocks);
        let mut names = blocks.filter_map(|block| match block {
            Block::ToolCall { id, name, .. } if *id == wanted => Some(*name),
            _ => None,
        });
        names.next().unwrap_or_default()
    }
}

/// The texts among blocks, with a blank line between two of them.
pub(crate) fn joined_text(blocks: &[Block<'_>]) -> String {
    let texts = blocks.iter().filter_map(|block| match block {
        Block::Text { text, .. } => Some(*text),
        _ => None,
    });
    texts.collect::<Vec<_>>().join("\n\n")
}

/// A text that may be absent.
pub(crate) fn text(
    value: Option<&Value>,
    at: impl FnOnce() -> String,
) -> Result<Option<&str>, RequestError> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(other) => Err(RequestError::wrong_type(at(), "a string", other)),
    }
}

/// A text that must be there.
pub(crate) fn required_text(
    value: Option<&Value>,
    at: impl Fn() -> String,
) -> Result<&str, RequestError> {
    text(value, &at)?.ok_or_else(|| RequestError::missing(at()))
}
