//! Vectors for texts: `/v1/embeddings`, in and out.
//! <https://platform.openai.com/docs/api-reference/embeddings>

mod outgoing;

use std::borrow::Cow;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};

use crate::{
    DecodeError, Extension, RequestError, Usage,
    kept::Kept,
    operation::{count_tokens, has_tokens},
};

pub(crate) use outgoing::{batch_max, call, response};

/// Most texts in one request, as at OpenAI; beyond: refused.
pub const INPUTS_MAX: usize = 2_048;
/// Most numbers of one vector; beyond: refused.
pub const DIMENSIONS_MAX: u64 = 65_536;

/// How numbers are written in the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Encoding {
    /// A JSON array.
    #[default]
    Float,
    /// Base64 of little-endian 32-bit numbers (IEEE 754), about a third of the size.
    Base64,
}

/// What is asked.
#[derive(Debug, Clone, PartialEq)]
pub struct EmbeddingRequest {
    kept: Kept,
    inputs: Vec<Value>,
    encoding: Encoding,
}

impl EmbeddingRequest {
    /// Parses the body of a request to `/v1/embeddings`.
    ///
    /// # Errors
    /// The first thing that is wrong, with the parameter's name.
    pub fn parse(body: &[u8]) -> Result<Self, RequestError> {
        let kept = Kept::parse(body)?;
        let inputs = match kept.field("input") {
            None => return Err(RequestError::missing("input")),
            Some(text @ Value::String(_)) => vec![text.clone()],
            Some(tokens @ Value::Array(items)) if items.iter().all(Value::is_u64) => {
                if items.is_empty() {
                    return Err(RequestError::empty("input"));
                }
                vec![tokens.clone()]
            }
            Some(Value::Array(items)) => items.clone(),
            Some(other) => {
                return Err(RequestError::wrong_type("input", "a string or an array", other));
            }
        };
        if inputs.len() > INPUTS_MAX {
            return Err(RequestError::too_many("input", INPUTS_MAX));
        }
        for (index, input) in inputs.iter().enumerate() {
            let is_right = match input {
                Value::String(_) => true,
                Value::Array(tokens) => tokens.iter().all(Value::is_u64),
                _ => false,
            };
            if !is_right {
                let at = format!("input[{index}]");
                return Err(RequestError::wrong_type(at, "a string or an array of tokens", input));
            }
        }
        let encoding = match kept.field("encoding_format").map(Value::as_str) {
            None | Some(Some("float")) => Encoding::Float,
            Some(Some("base64")) => Encoding::Base64,
            Some(_) => {
                let message = "must be float or base64";
                return Err(RequestError::invalid_value("encoding_format", message));
            }
        };
        kept.refuse_stream()?;
        kept.count("dimensions", DIMENSIONS_MAX)?;
        Ok(Self { kept, inputs, encoding })
    }

    /// A request of our own for the vectors of texts.
    #[must_use]
    pub fn new(model: impl Into<String>, texts: impl IntoIterator<Item = String>) -> Self {
        let model = model.into();
        let inputs: Vec<Value> = texts.into_iter().map(Value::String).collect();
        let mut fields = Map::new();
        fields.insert("model".to_owned(), model.as_str().into());
        fields.insert("input".to_owned(), inputs.as_slice().into());
        let kept = Kept { model, extension: None, fields };
        Self { kept, inputs, encoding: Encoding::Float }
    }

    /// The model the caller names.
    #[must_use]
    pub fn model(&self) -> &str {
        &self.kept.model
    }

    /// How many vectors are wanted.
    #[must_use]
    pub fn count(&self) -> usize {
        self.inputs.len()
    }

    /// The texts; inputs that are arrays of tokens have none.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.inputs.iter().filter_map(Value::as_str)
    }

    /// Every text in any field, e.g. also `user`.
    #[must_use]
    pub fn every_text(&self) -> Vec<Cow<'_, str>> {
        self.kept.texts()
    }

    /// Whether some inputs come as tokens, which only the model can read.
    #[must_use]
    pub fn has_tokens(&self) -> bool {
        self.inputs.iter().any(has_tokens)
    }

    /// How many tokens the inputs have that come as tokens.
    #[must_use]
    pub fn tokens(&self) -> u64 {
        self.inputs.iter().map(count_tokens).sum()
    }

    /// How the caller wants the numbers.
    #[must_use]
    pub fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// What is asked of Fachwerk itself.
    #[must_use]
    pub fn extension(&self) -> Option<&Extension> {
        self.kept.extension.as_ref()
    }

    /// The same request in pieces of at most `max` inputs, for servers that take no more at once:
    /// [`crate::Dialect::embedding_batch_max`]. The answers are put together by
    /// [`EmbeddingResponse::joined`].
    #[must_use]
    pub fn split(&self, max: usize) -> Vec<Self> {
        if self.inputs.len() <= max {
            return vec![self.clone()];
        }
        let pieces = self.inputs.chunks(max.max(1)).map(|inputs| {
            let mut piece = self.clone();
            piece.inputs = inputs.to_vec();
            piece.kept.fields.insert("input".to_owned(), inputs.into());
            piece
        });
        pieces.collect()
    }
}

/// The answer, in OpenAI's form with all fields as they came.
#[derive(Debug, Clone, PartialEq)]
pub struct EmbeddingResponse {
    fields: Map<String, Value>,
}

impl EmbeddingResponse {
    /// Decodes the body of an answer that speaks OpenAI.
    pub(crate) fn parse(body: &[u8]) -> Result<Self, DecodeError> {
        let fields: Map<String, Value> = serde_json::from_slice(body).map_err(|_| DecodeError)?;
        let data = fields.get("data").and_then(Value::as_array).ok_or(DecodeError)?;
        let has_vector = |item: &Value| {
            item.get("embedding").is_some_and(|vector| vector.is_array() || vector.is_string())
        };
        if data.iter().all(has_vector) { Ok(Self { fields }) } else { Err(DecodeError) }
    }

    /// An answer of vectors, each a JSON array.
    pub(crate) fn of(vectors: Vec<Value>, usage: Option<Usage>) -> Self {
        let data = vectors.into_iter().enumerate().map(
            |(index, vector)| json!({"object": "embedding", "index": index, "embedding": vector}),
        );
        let mut fields = Map::new();
        fields.insert("object".to_owned(), "list".into());
        fields.insert("data".to_owned(), data.collect());
        fields.insert("model".to_owned(), Value::Null);
        fields.insert("usage".to_owned(), usage.map_or(Value::Null, usage_value));
        Self { fields }
    }

    /// Answers to the pieces of one request as one answer.
    ///
    /// # Errors
    /// If there are none.
    pub fn joined(answers: Vec<Self>) -> Result<Self, DecodeError> {
        let mut answers = answers.into_iter();
        let mut all = answers.next().ok_or(DecodeError)?;
        for answer in answers {
            let usage = match (all.usage(), answer.usage()) {
                (Some(one), Some(other)) => Some(Usage {
                    prompt_tokens: one.prompt_tokens.saturating_add(other.prompt_tokens),
                    completion_tokens: 0,
                }),
                _ => None,
            };
            all.fields.insert("usage".to_owned(), usage.map_or(Value::Null, usage_value));
            let Some(Value::Array(data)) = all.fields.get_mut("data") else { continue };
            for mut item in answer.into_data() {
                item["index"] = data.len().into();
                data.push(item);
            }
        }
        Ok(all)
    }

    /// How many vectors it has.
    #[must_use]
    pub fn count(&self) -> usize {
        self.data().len()
    }

    /// The vectors in the order of the inputs.
    ///
    /// # Errors
    /// If one of them is not made of numbers.
    pub fn vectors(&self) -> Result<Vec<Vec<f32>>, DecodeError> {
        self.data().iter().map(|item| numbers(item.get("embedding"))).collect()
    }

    /// The usage figures, if the server gave any.
    #[must_use]
    pub fn usage(&self) -> Option<Usage> {
        self.fields.get("usage").and_then(Usage::from_value)
    }

    /// Sets a top-level field, e.g. `model` or `usage`.
    pub fn set_field(&mut self, name: &str, value: Value) {
        self.fields.insert(name.to_owned(), value);
    }

    /// The JSON text, with numbers as the caller wants them. Vectors that already are so are left as
    /// they came.
    ///
    /// # Errors
    /// If a vector is not made of numbers.
    pub fn to_json(&self, encoding: Encoding) -> Result<String, DecodeError> {
        let is_right = |item: &Value| match encoding {
            Encoding::Float => item.get("embedding").is_some_and(Value::is_array),
            Encoding::Base64 => item.get("embedding").is_some_and(Value::is_string),
        };
        if self.data().iter().all(is_right) {
            return Ok(text(&self.fields));
        }
        let mut fields = self.fields.clone();
        let items = fields.get_mut("data").and_then(Value::as_array_mut).into_iter().flatten();
        for item in items {
            let vector = numbers(item.get("embedding"))?;
            item["embedding"] = match encoding {
                Encoding::Float => vector.into(),
                Encoding::Base64 => {
                    let bytes: Vec<u8> =
                        vector.iter().flat_map(|number| number.to_le_bytes()).collect();
                    STANDARD.encode(bytes).into()
                }
            };
        }
        Ok(text(&fields))
    }

    fn data(&self) -> &[Value] {
        self.fields.get("data").and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    fn into_data(mut self) -> Vec<Value> {
        match self.fields.shift_remove("data") {
            Some(Value::Array(data)) => data,
            _ => Vec::new(),
        }
    }
}

/// The usage object of an answer without generated tokens.
fn usage_value(usage: Usage) -> Value {
    json!({"prompt_tokens": usage.prompt_tokens, "total_tokens": usage.prompt_tokens})
}

fn text(fields: &Map<String, Value>) -> String {
    serde_json::to_string(fields).expect("a map of JSON values always serialises")
}

fn numbers(vector: Option<&Value>) -> Result<Vec<f32>, DecodeError> {
    match vector {
        Some(Value::Array(numbers)) => {
            let numbers = numbers.iter().map(|number| Some(number.as_f64()? as f32));
            numbers.collect::<Option<_>>().ok_or(DecodeError)
        }
        Some(Value::String(base64)) => {
            let bytes = STANDARD.decode(base64).map_err(|_| DecodeError)?;
            let (numbers, rest) = bytes.as_chunks();
            let numbers = numbers.iter().map(|number| f32::from_le_bytes(*number)).collect();
            if rest.is_empty() { Ok(numbers) } else { Err(DecodeError) }
        }
        _ => Err(DecodeError),
    }
}
