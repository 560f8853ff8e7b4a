//! Our own side of the OpenAI interface: what we say when the answer, the error or the list is ours.

use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::{ChatChunk, ChatResponse, Usage};

/// The line that ends every stream.
pub const DONE: &str = "data: [DONE]\n\n";

/// What answers of the old completions call themselves, whole and in pieces.
const TEXT_COMPLETION: &str = "text_completion";

/// What all pieces of one answer share.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Head {
    /// The answer's id, beginning `chatcmpl-`.
    pub id: String,
    /// When it began, in seconds since 1970.
    pub created: i64,
    /// The model as the caller named it.
    pub model: String,
    /// Whether its text lies bare in its choices, as in the old completions.
    pub is_bare: bool,
}

impl Head {
    /// What the fields of an answer or of a piece of one say; empty where they say nothing.
    pub(crate) fn of(fields: &Map<String, Value>) -> Self {
        let text = |name: &str| fields.get(name).and_then(Value::as_str).unwrap_or_default();
        let created = fields.get("created").and_then(Value::as_i64).unwrap_or_default();
        let is_bare = text("object") == TEXT_COMPLETION;
        Self { id: text("id").to_owned(), created, model: text("model").to_owned(), is_bare }
    }

    /// The first chunk: the model begins to speak.
    #[must_use]
    pub fn opening_chunk(&self) -> ChatChunk {
        self.chunk(json!({"role": "assistant", "content": ""}), Value::Null)
    }

    /// A piece of text.
    #[must_use]
    pub fn text_chunk(&self, text: &str) -> ChatChunk {
        if self.is_bare {
            let choice = json!({"index": 0, "text": text, "logprobs": null, "finish_reason": null});
            return self.chunk_of(vec![choice]);
        }
        self.chunk(json!({ "content": text }), Value::Null)
    }

    /// Texts of choices, each at its place.
    #[must_use]
    pub fn texts_chunk(&self, texts: &[(u64, String, String)]) -> ChatChunk {
        let choices = texts.iter().map(|(number, place, text)| match self.is_bare {
            true => json!({"index": number, "text": text, "logprobs": null, "finish_reason": null}),
            false => json!({"index": number, "delta": {place: text}, "logprobs": null,
                "finish_reason": null}),
        });
        self.chunk_of(choices.collect())
    }

    /// The end of the only choice, e.g. with the reason `stop`.
    #[must_use]
    pub fn closing_chunk(&self, finish_reason: &str) -> ChatChunk {
        self.chunk(json!({}), finish_reason.into())
    }

    /// The chunk after the last, for callers that asked for usage figures. `usage` is an object.
    #[must_use]
    pub fn usage_chunk(&self, usage: Value) -> ChatChunk {
        let mut fields = self.fields(self.object());
        fields.insert("choices".to_owned(), json!([]));
        fields.insert("usage".to_owned(), usage);
        ChatChunk::from_fields(fields)
    }

    /// The whole answer at once.
    #[must_use]
    pub fn response(&self, text: &str, finish_reason: &str, usage: Usage) -> ChatResponse {
        let mut fields = self.fields("chat.completion");
        let choice = json!({
            "index": 0,
            "message": {"role": "assistant", "content": text, "refusal": null},
            "logprobs": null,
            "finish_reason": finish_reason,
        });
        fields.insert("choices".to_owned(), json!([choice]));
        fields.insert("usage".to_owned(), usage.to_value());
        ChatResponse::from_fields(fields)
    }

    /// The whole answer with choices of its own.
    pub(crate) fn response_of(&self, choices: Vec<Value>, usage: Value) -> ChatResponse {
        let mut fields = self.fields("chat.completion");
        fields.insert("choices".to_owned(), choices.into());
        fields.insert("usage".to_owned(), usage);
        ChatResponse::from_fields(fields)
    }

    /// A piece of the only choice.
    pub(crate) fn delta_chunk(&self, delta: Value) -> ChatChunk {
        self.chunk(delta, Value::Null)
    }

    /// A piece with choices of its own.
    pub(crate) fn chunk_of(&self, choices: Vec<Value>) -> ChatChunk {
        let mut fields = self.fields(self.object());
        fields.insert("choices".to_owned(), choices.into());
        ChatChunk::from_fields(fields)
    }

    fn chunk(&self, delta: Value, finish_reason: Value) -> ChatChunk {
        let mut fields = self.fields("chat.completion.chunk");
        let choice =
            json!({"index": 0, "delta": delta, "logprobs": null, "finish_reason": finish_reason});
        fields.insert("choices".to_owned(), json!([choice]));
        ChatChunk::from_fields(fields)
    }

    /// What a piece of the answer calls itself.
    fn object(&self) -> &'static str {
        if self.is_bare { TEXT_COMPLETION } else { "chat.completion.chunk" }
    }

    fn fields(&self, object: &str) -> Map<String, Value> {
        let mut fields = Map::new();
        fields.insert("id".to_owned(), self.id.as_str().into());
        fields.insert("object".to_owned(), object.into());
        fields.insert("created".to_owned(), self.created.into());
        fields.insert("model".to_owned(), self.model.as_str().into());
        fields
    }
}

/// One choice of a whole answer.
pub(crate) fn choice(index: u64, message: Value, finish_reason: &str) -> Value {
    json!({
        "index": index, "message": message, "logprobs": null, "finish_reason": finish_reason,
    })
}

/// One event of a stream, ready to send.
#[must_use]
pub fn event(chunk: &ChatChunk) -> Bytes {
    let mut event = b"data: ".to_vec();
    chunk.write_json(&mut event);
    event.extend_from_slice(b"\n\n");
    event.into()
}

/// An error as an event of a stream that already began.
#[must_use]
pub fn error_event(error: &ErrorBody) -> String {
    format!("data: {}\n\n", error.to_value())
}

/// The error envelope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorBody {
    /// A sentence for the caller.
    pub message: String,
    /// The family, e.g. `invalid_request_error`.
    pub kind: &'static str,
    /// The parameter that is wrong.
    pub param: Option<String>,
    /// A stable code.
    pub code: Option<String>,
}

impl ErrorBody {
    /// The JSON object.
    #[must_use]
    pub fn to_value(&self) -> Value {
        json!({"error": {
            "message": self.message,
            "type": self.kind,
            "param": self.param,
            "code": self.code,
        }})
    }
}

impl From<&crate::RequestError> for ErrorBody {
    fn from(error: &crate::RequestError) -> Self {
        Self {
            message: error.message.clone(),
            kind: "invalid_request_error",
            param: error.param.clone(),
            code: Some(error.code.to_owned()),
        }
    }
}

/// One model in the list of models; also the answer to `/v1/models/{id}`.
#[must_use]
pub fn model(id: &str, created: i64) -> Value {
    json!({"id": id, "object": "model", "created": created, "owned_by": "fachwerk"})
}

/// The list of models.
#[must_use]
pub fn models<'a>(ids: impl IntoIterator<Item = &'a str>, created: i64) -> Value {
    let models: Vec<Value> = ids.into_iter().map(|id| model(id, created)).collect();
    json!({"object": "list", "data": models})
}
