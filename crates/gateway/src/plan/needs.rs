//! What a request asks of a route, seen once before the first attempt. Holds no content.

use llm::{
    ChatRequest, Message, Operation, OperationRequest, Task, Usage, embeddings::EmbeddingRequest,
    rerank::RerankRequest,
};
use serde_json::Value;

use crate::{Counted, Kind, Offer, Parts, Route, Tokenizer, TranscriptionRequest};

/// Tokens that the frame around a message or a source takes at most, by estimate.
const MESSAGE_TOKENS: u64 = 8;
/// Tokens of the instructions around sources, by a high estimate.
const GROUNDING_TOKENS: u64 = 512;
/// Tokens of one image or file, by a high estimate: servers cut large images down before they read
/// them. OpenAI counts at most 1,445, Anthropic about 1,600.
const PART_TOKENS: u64 = 1_600;
/// Tokens of an image that is to be looked at in low detail, as OpenAI counts.
const LOW_DETAIL_TOKENS: u64 = 85;
/// Tokens of an answer whose length nobody says, by estimate: about two pages.
const ANSWER_TOKENS_UNSAID: u64 = 1_024;
/// The longest answer of a route that says neither how long its answers may become nor how much it
/// can read, in tokens: more than most models write at a time.
const ANSWER_TOKENS_MOST: u64 = 16_384;
/// A high estimate: no more bytes of text than this make a token of ordinary German or English prose.
const BYTES_PER_TOKEN_FEW: u64 = 3;
/// A low estimate: not even text that suits the vocabulary best has more bytes to a token, on average.
const BYTES_PER_TOKEN_MANY: u64 = 8;

/// Fields with schemas, which models read as text.
const SCHEMAS: [&str; 3] = ["tools", "functions", "response_format"];

/// What a request asks of a route.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
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
    /// Tokens that do not depend on the text: frames of messages, images, what comes as tokens.
    pub fixed_tokens: u64,
    /// The longest answer that is asked for, in tokens; 0 if nobody says.
    pub answer_tokens: u64,
    /// The longest answer that is let through where nobody asks for a length, in tokens.
    pub answer_max: Option<u64>,
    /// Answers to the same question; 0 counts as 1.
    pub choices: u64,
    /// What is paid by the piece: images to be made, characters to be read aloud, the most that a
    /// recording can last.
    pub parts: Parts,
    /// Tokens of the text, where somebody counted them.
    pub counted: Vec<(Tokenizer, Counted)>,
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
        let schema_bytes: usize =
            SCHEMAS.iter().filter_map(|name| request.field(name)).map(json_bytes).sum();
        let calls = request.messages().iter().filter_map(tool_calls);
        let grounding = request.grounding.as_ref();
        let sources = || grounding.iter().flat_map(|grounding| &grounding.sources);
        let head_bytes: usize =
            sources().map(|source| source.title.len() + source.heading.len()).sum();
        let mut parts = request.messages().iter().flat_map(other_parts).peekable();
        let images = parts.peek().is_some();
        let frames = request.messages().len() + sources().count();
        let instructions = if grounding.is_some() { GROUNDING_TOKENS } else { 0 };
        Self {
            offer: Offer::Chat,
            tools: present("tools") || present("functions"),
            images,
            structured,
            grounded: request.grounding.as_ref().map(|grounding| grounding.task),
            prompt_bytes: request.prompt_bytes()
                + schema_bytes
                + head_bytes
                + calls.map(json_bytes).sum::<usize>(),
            fixed_tokens: frames as u64 * MESSAGE_TOKENS
                + instructions
                + parts.map(part_tokens).sum::<u64>(),
            answer_tokens: request.max_tokens().map_or(0, u64::from),
            choices: u64::from(request.n()),
            ..Self::default()
        }
    }

    /// Tokens of question and answer together, by a high estimate: three bytes a token.
    #[must_use]
    pub fn tokens_likely(&self) -> u64 {
        let text = (self.prompt_bytes as u64).div_ceil(BYTES_PER_TOKEN_FEW);
        text.saturating_add(self.fixed_tokens).saturating_add(self.answer_tokens)
    }

    /// Whether question and answer have room in so many tokens: surely if the text has no more bytes
    /// than there is room, otherwise as it was counted. Uncounted, eight bytes make a token.
    #[must_use]
    pub fn fit(&self, room: u64, tokenizer: &Tokenizer) -> bool {
        if self.batched {
            return true;
        }
        let Some(left) = self.left_for_text(room) else { return false };
        let bytes = self.prompt_bytes as u64;
        bytes <= left
            || match self.counted_by(tokenizer) {
                Some(Counted::Exactly(tokens)) => tokens <= left,
                Some(Counted::MoreThan(most)) if most >= left => false,
                _ => bytes.div_ceil(BYTES_PER_TOKEN_MANY) <= left,
            }
    }

    /// How far the text must be counted to say whether it has room; `None` if that is known.
    #[must_use]
    pub fn doubt(&self, room: u64, tokenizer: &Tokenizer) -> Option<u64> {
        let left = self.left_for_text(room).filter(|left| (self.prompt_bytes as u64) > *left)?;
        match self.counted_by(tokenizer) {
            Some(Counted::Exactly(_)) => None,
            Some(Counted::MoreThan(most)) if most >= left => None,
            _ => Some(left),
        }
    }

    /// Takes down what was counted.
    pub fn count(&mut self, tokenizer: Tokenizer, counted: Counted) {
        self.counted.retain(|(known, _)| *known != tokenizer);
        self.counted.push((tokenizer, counted));
    }

    /// Tokens of the question, as this tokenizer counts them, or more than so many; `None` if nobody
    /// has counted.
    #[must_use]
    pub fn counted_by(&self, tokenizer: &Tokenizer) -> Option<Counted> {
        self.counted.iter().find(|(known, _)| known == tokenizer).map(|(_, counted)| *counted)
    }

    /// What of a room is left for the text; `None` if the rest does not even fit.
    fn left_for_text(&self, room: u64) -> Option<u64> {
        room.checked_sub(self.fixed_tokens.saturating_add(self.answer_tokens))
    }

    /// What it will take: the text as it was counted, or four bytes a token if nobody has, and answers
    /// as long as they may become, or 1,024 tokens if nobody says.
    #[must_use]
    pub fn usage_likely(&self) -> Usage {
        let writes = matches!(self.offer, Offer::Chat | Offer::Completions);
        let answer = match self.answer_tokens {
            0 if writes => ANSWER_TOKENS_UNSAID,
            tokens => tokens,
        };
        let counts = self.counted.iter().map(|(_, counted)| match counted {
            Counted::Exactly(tokens) | Counted::MoreThan(tokens) => *tokens,
        });
        let text = counts.max().unwrap_or(Usage::estimate_tokens(self.prompt_bytes));
        Usage {
            prompt_tokens: text.saturating_add(self.fixed_tokens),
            completion_tokens: answer.saturating_mul(self.choices.max(1)),
        }
    }

    /// The most that it can take of a route. A token is at least one byte of text; an answer ends at
    /// the length that was asked for, or at the longest that the route writes, or where question and
    /// answer fill what it can read.
    pub(crate) fn usage_most(
        &self,
        context_tokens: Option<u64>,
        answer_tokens: Option<u64>,
    ) -> Usage {
        let room = context_tokens.filter(|_| !self.batched).unwrap_or(u64::MAX);
        let answer = match self.longest_unsaid(context_tokens, answer_tokens) {
            Some(longest) => longest.min(self.answer_max.unwrap_or(u64::MAX)),
            None => {
                let longest = self.longest(context_tokens, answer_tokens);
                self.answer_tokens.min(longest.unwrap_or(u64::MAX))
            }
        };
        Usage {
            prompt_tokens: self.question_most().min(room),
            completion_tokens: answer.saturating_mul(self.choices.max(1)),
        }
    }

    /// Tokens of the question, at the most: as they were counted, or one for each byte.
    #[must_use]
    pub fn question_most(&self) -> u64 {
        self.text_most().saturating_add(self.fixed_tokens)
    }

    fn text_most(&self) -> u64 {
        let counts = self.counted.iter().filter_map(|(_, counted)| match counted {
            Counted::Exactly(tokens) => Some(*tokens),
            Counted::MoreThan(_) => None,
        });
        counts.max().unwrap_or(self.prompt_bytes as u64)
    }

    /// The longest answer that a route can write, where nobody asks for a length.
    pub(crate) fn longest_unsaid(
        &self,
        context_tokens: Option<u64>,
        answer_tokens: Option<u64>,
    ) -> Option<u64> {
        let writes = matches!(self.offer, Offer::Chat | Offer::Completions);
        let longest = self.longest(context_tokens, answer_tokens).unwrap_or(ANSWER_TOKENS_MOST);
        (writes && self.answer_tokens == 0).then_some(longest)
    }

    /// The bound that a route must be told, because it could write more.
    pub(crate) fn bound_for(&self, route: &Route) -> Option<u64> {
        let longest = self.longest_unsaid(route.context_tokens, route.answer_tokens)?;
        self.answer_max.filter(|most| *most < longest)
    }

    /// The longest answer of a route, as far as that is known.
    fn longest(&self, context_tokens: Option<u64>, answer_tokens: Option<u64>) -> Option<u64> {
        let least = (self.prompt_bytes as u64).div_ceil(BYTES_PER_TOKEN_MANY);
        let least = least.min(self.text_most());
        let rest = context_tokens.map(|room| room.saturating_sub(least));
        answer_tokens.into_iter().chain(rest).min()
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
}

impl From<&EmbeddingRequest> for Needs {
    fn from(request: &EmbeddingRequest) -> Self {
        Self {
            offer: Offer::Embeddings,
            // Each input is read for itself, so their sum says nothing about the room they need.
            batched: true,
            prompt_bytes: request.texts().map(str::len).sum(),
            fixed_tokens: request.tokens(),
            ..Self::default()
        }
    }
}

impl From<&RerankRequest> for Needs {
    fn from(request: &RerankRequest) -> Self {
        let documents: usize = request.documents().iter().map(String::len).sum();
        let prompt_bytes = request.query().len() + documents;
        Self { offer: Offer::Rerank, batched: true, prompt_bytes, ..Self::default() }
    }
}

impl From<&OperationRequest> for Needs {
    fn from(request: &OperationRequest) -> Self {
        let operation = request.operation();
        let needs = Self {
            offer: operation.into(),
            batched: operation == Operation::Moderation,
            prompt_bytes: request.texts().into_iter().map(str::len).sum(),
            fixed_tokens: request.tokens(),
            ..Self::default()
        };
        let none = Parts::default();
        match operation {
            Operation::Completion => Self {
                answer_tokens: request.max_tokens().unwrap_or(0),
                choices: request.answers(),
                ..needs
            },
            Operation::ImageGeneration => {
                Self { parts: Parts { images: request.n(), ..none }, ..needs }
            }
            Operation::Speech => {
                Self { parts: Parts { characters: characters(request), ..none }, ..needs }
            }
            Operation::Moderation => needs,
        }
    }
}

impl From<&TranscriptionRequest> for Needs {
    fn from(request: &TranscriptionRequest) -> Self {
        let prompt_bytes = request.form.prompt().map_or(0, str::len);
        let parts = Parts { audio_ms: request.length().most_ms(), ..Parts::default() };
        Self { offer: Offer::Transcriptions, prompt_bytes, parts, ..Self::default() }
    }
}

/// How many characters are to be read aloud.
pub(crate) fn characters(request: &OperationRequest) -> u64 {
    request.texts().iter().map(|text| text.chars().count() as u64).sum()
}

/// Everything of a conversation that is read as text, for counting. Holds content.
#[must_use]
pub fn prompt_texts(request: &ChatRequest) -> Vec<String> {
    let messages = request.messages().iter().map(|message| message.text().into_owned());
    let calls = request.messages().iter().filter_map(tool_calls).map(Value::to_string);
    let schemas = SCHEMAS.iter().filter_map(|name| request.field(name)).map(Value::to_string);
    let sources = request.grounding.iter().flat_map(|grounding| &grounding.sources);
    let sources = sources.map(|source| [&*source.title, &source.heading, &source.text].join("\n"));
    messages.chain(calls).chain(schemas).chain(sources).collect()
}

/// Parts of a message's content that are no text.
fn other_parts(message: &Message) -> impl Iterator<Item = &Value> {
    let parts = message.fields().get("content").and_then(Value::as_array);
    let is_other = |part: &&Value| part.get("type").and_then(Value::as_str) != Some("text");
    parts.into_iter().flatten().filter(is_other)
}

fn part_tokens(part: &Value) -> u64 {
    let detail = part.pointer("/image_url/detail").and_then(Value::as_str);
    if detail == Some("low") { LOW_DETAIL_TOKENS } else { PART_TOKENS }
}

fn tool_calls(message: &Message) -> Option<&Value> {
    message.fields().get("tool_calls").filter(|calls| !calls.is_null())
}

/// Bytes of a value in JSON, but for what must be escaped; the depth was bounded when it was parsed.
fn json_bytes(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len() + 2,
        Value::Array(list) => list.iter().map(|item| json_bytes(item) + 1).sum::<usize>() + 2,
        Value::Object(fields) => {
            let bytes = |(name, value): (&String, &Value)| name.len() + json_bytes(value) + 4;
            fields.iter().map(bytes).sum::<usize>() + 2
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => 5,
    }
}
