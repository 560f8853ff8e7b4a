//! The messages of a request in the form that the dialects other than OpenAI's share: instructions
//! apart, then turns of two speakers made of typed blocks. Every field of every message is read here,
//! named as ignored, or refused by its path.

mod media;
mod reader;

use serde_json::{Map, Value};

use crate::{
    Message, RequestError, Role,
    opened::{Opened, Refuse},
};

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
    /// Reads messages; `refuse` says how a field is refused that has no place.
    pub(crate) fn read(
        messages: impl IntoIterator<Item = &'a Message>,
        refuse: Refuse<'_>,
    ) -> Result<Self, RequestError> {
        let mut conversation = Self::default();
        for (index, message) in messages.into_iter().enumerate() {
            let path = format!("messages[{index}]");
            Opened::read_fields(message.fields(), path, refuse, |fields| {
                conversation.hear(message.role(), fields)
            })?;
        }
        Ok(conversation)
    }

    fn hear(&mut self, role: Role, message: &mut Opened<'a, '_>) -> Result<(), RequestError> {
        message.overlook(&reader::HINTS);
        let (speaker, blocks) = match role {
            Role::System | Role::Developer => {
                self.system.extend(reader::instructions(message)?);
                return Ok(());
            }
            Role::User => (Speaker::User, reader::content(message)?),
            Role::Assistant => (Speaker::Assistant, reader::assistant(message)?),
            Role::Tool => (Speaker::User, vec![reader::tool_result(message, self)?]),
        };
        self.extend(speaker, blocks);
        Ok(())
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
