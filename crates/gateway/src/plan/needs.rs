//! What a request asks of a route, seen once before the first attempt. Holds no content.

use llm::{ChatRequest, Task, Usage};
use serde_json::Value;

use crate::{Kind, Offer};

/// Tokens that the frame around a message takes at most, by estimate.
const MESSAGE_TOKENS: u64 = 8;
/// Tokens of one image or file, by estimate: servers cut large images down before they read them.
const PART_TOKENS: u64 = 1_024;
/// A high estimate: no more bytes of text than this make a token of ordinary German or English prose.
const BYTES_PER_TOKEN_FEW: u64 = 3;
/// Tokens of an answer whose length nobody says, by estimate: about two pages.
const ANSWER_TOKENS_UNSAID: u64 = 1_024;
/// A low estimate: not even text that suits the vocabulary best has more bytes to a token, on average.
const BYTES_PER_TOKEN_MANY: u64 = 8;

/// What a request asks of a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Needs {
    /// What a route must be there for.
    pub offer: Offer,
    /// There are many texts, each read for itself: their length together decides nothing.
    pub batched: bool,
    /// Tools may be called.
    pub tools: bool,
    /// Messages have parts that are no text.
    pub images: bool,
    /// The answer must keep to a structure.
    pub structured: bool,
    /// Whether the answer is bound to sources, and for what.
    pub grounded: Option<Task>,
    /// Bytes of everything that is read as text.
    pub prompt_bytes: usize,
    /// Tokens that do not depend on the text: frames of messages, images.
    pub fixed_tokens: u64,
    /// The longest answer that is asked for, in tokens; 0 if nobody says.
    pub answer_tokens: u64,
    /// Answers to the same question; 0 counts as 1.
    pub choices: u64,
}

impl Needs {
    /// What this request asks for.
    #[must_use]
    pub fn of(request: &ChatRequest) -> Self {
        let present = |name: &str| match request.field(name) {
            Some(Value::Array(list)) => !list.is_empty(),
            Some(_) => true,
            None => false,
        };
        let structured = request.field("response_format").is_some_and(|format| {
            format.get("type").and_then(Value::as_str).is_none_or(|kind| kind != "text")
        });
        let schemas = ["tools", "functions", "response_format"];
        let schema_bytes: usize =
            schemas.iter().filter_map(|name| request.field(name)).map(text_bytes).sum();
        let parts: u64 =
            request.messages().iter().map(|message| other_parts(message.fields())).sum();
        let frames = request.messages().len() as u64 * MESSAGE_TOKENS;
        Self {
            offer: Offer::Chat,
            batched: false,
            tools: present("tools") || present("functions"),
            images: parts > 0,
            structured,
            grounded: request.grounding.as_ref().map(|grounding| grounding.task),
            prompt_bytes: request.prompt_bytes() + schema_bytes,
            fixed_tokens: frames + parts * PART_TOKENS,
            answer_tokens: request.max_tokens().map_or(0, u64::from),
            choices: u64::from(request.n()),
        }
    }

    /// Tokens of question and answer together, by a high estimate: three bytes a token.
    #[must_use]
    pub fn tokens_likely(&self) -> u64 {
        self.tokens(BYTES_PER_TOKEN_FEW)
    }

    /// Tokens of question and answer together, by a low estimate: eight bytes a token. A route with
    /// less room than this cannot do it.
    #[must_use]
    pub fn tokens_least(&self) -> u64 {
        self.tokens(BYTES_PER_TOKEN_MANY)
    }

    /// What it will take, by estimate: four bytes of text a
    /// token, and answers as long as they may become, or 1,024 tokens if nobody says.
    #[must_use]
    pub fn usage_likely(&self) -> Usage {
        let writes = matches!(self.offer, Offer::Chat | Offer::Completions);
        let answer = match self.answer_tokens {
            0 if writes => ANSWER_TOKENS_UNSAID,
            tokens => tokens,
        };
        Usage {
            prompt_tokens: Usage::estimate_tokens(self.prompt_bytes)
                .saturating_add(self.fixed_tokens),
            completion_tokens: answer.saturating_mul(self.choices.max(1)),
        }
    }

    /// What it is about.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self.grounded {
            _ if self.images => Kind::Images,
            _ if self.tools => Kind::Tools,
            Some(Task::Summary(_)) => Kind::Summary,
            Some(Task::Answer) => Kind::Answer,
            None => Kind::Chat,
        }
    }

    fn tokens(&self, bytes_per_token: u64) -> u64 {
        let text = (self.prompt_bytes as u64).div_ceil(bytes_per_token);
        text.saturating_add(self.fixed_tokens).saturating_add(self.answer_tokens)
    }
}

/// Parts of a message's content that are no text.
fn other_parts(fields: &serde_json::Map<String, Value>) -> u64 {
    let parts = fields.get("content").and_then(Value::as_array);
    let is_other = |part: &&Value| part.get("type").and_then(Value::as_str) != Some("text");
    parts.map_or(0, |parts| parts.iter().filter(is_other).count() as u64)
}

/// Bytes of names and texts in a value; the depth was bounded when it was parsed.
fn text_bytes(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Array(list) => list.iter().map(text_bytes).sum(),
        Value::Object(fields) => {
            fields.iter().map(|(name, value)| name.len() + text_bytes(value)).sum()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => 4,
    }
}
