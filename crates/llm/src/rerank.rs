//! Texts in the order in which they answer a question: `/v1/rerank`, in and out, in the form that
//! Cohere, Jina and vLLM share, and out to text-embeddings-inference.
//! <https://docs.cohere.com/reference/rerank>

use std::borrow::Cow;

use serde_json::{Map, Value, json};

use crate::dialect::Wire;
use crate::opened::{Opened, Refuse};
use crate::{DecodeError, Dialect, Extension, OutgoingCall, RequestError, Usage, kept::Kept};

/// Most texts in one request; beyond: refused.
pub const DOCUMENTS_MAX: usize = 1_000;

/// What is asked.
#[derive(Debug, Clone, PartialEq)]
pub struct RerankRequest {
    kept: Kept,
    query: String,
    documents: Vec<String>,
    top_n: Option<usize>,
    return_documents: bool,
}

impl RerankRequest {
    /// Parses the body of a request to `/v1/rerank`.
    ///
    /// # Errors
    /// The first thing that is wrong, with the parameter's name.
    pub fn parse(body: &[u8]) -> Result<Self, RequestError> {
        let kept = Kept::parse(body)?;
        let query = match kept.field("query") {
            None => return Err(RequestError::missing("query")),
            Some(Value::String(query)) => query.clone(),
            Some(other) => return Err(RequestError::wrong_type("query", "a string", other)),
        };
        let documents = match kept.field("documents") {
            None => return Err(RequestError::missing("documents")),
            Some(Value::Array(documents)) if documents.is_empty() => {
                return Err(RequestError::empty("documents"));
            }
            Some(Value::Array(documents)) if documents.len() > DOCUMENTS_MAX => {
                return Err(RequestError::too_many("documents", DOCUMENTS_MAX));
            }
            Some(Value::Array(documents)) => documents,
            Some(other) => return Err(RequestError::wrong_type("documents", "an array", other)),
        };
        let texts = documents.iter().enumerate().map(|(index, document)| {
            let text = document.as_str().or_else(|| document.get("text")?.as_str());
            text.map(str::to_owned).ok_or_else(|| {
                let at = format!("documents[{index}]");
                RequestError::wrong_type(at, "a string or an object with a text", document)
            })
        });
        let documents = texts.collect::<Result<_, _>>()?;
        kept.refuse_stream()?;
        let top_n = kept.count("top_n", DOCUMENTS_MAX as u64)?;
        let return_documents = match kept.field("return_documents") {
            None => false,
            Some(Value::Bool(wanted)) => *wanted,
            Some(other) => {
                return Err(RequestError::wrong_type("return_documents", "a boolean", other));
            }
        };
        let top_n = top_n.and_then(|count| usize::try_from(count).ok());
        Ok(Self { kept, query, documents, top_n, return_documents })
    }

    /// Refuses what documents hold beside their text.
    fn check_documents(&self, refuse: Refuse<'_>) -> Result<(), RequestError> {
        let documents =
            self.kept.field("documents").and_then(Value::as_array).into_iter().flatten();
        let mut objects = documents.enumerate().filter(|(_, document)| document.is_object());
        objects.try_for_each(|(index, document)| {
            Opened::read(document, format!("documents[{index}]"), refuse, |document| {
                document.overlook(&["text"]);
                Ok(())
            })
        })
    }

    /// The model the caller names.
    #[must_use]
    pub fn model(&self) -> &str {
        &self.kept.model
    }

    /// The question.
    #[must_use]
    pub fn query(&self) -> &str {
        &self.query
    }

    /// The texts to put in order.
    #[must_use]
    pub fn documents(&self) -> &[String] {
        &self.documents
    }

    /// Every text in any field, e.g. also the titles of documents.
    #[must_use]
    pub fn every_text(&self) -> Vec<Cow<'_, str>> {
        self.kept.texts()
    }

    /// What is asked of Fachwerk itself.
    #[must_use]
    pub fn extension(&self) -> Option<&Extension> {
        self.kept.extension.as_ref()
    }
}

/// The answer, with all fields as they came.
#[derive(Debug, Clone, PartialEq)]
pub struct RerankResponse {
    fields: Map<String, Value>,
}

impl RerankResponse {
    /// The number of each text and how well it answers, best first.
    #[must_use]
    pub fn scores(&self) -> Vec<(usize, f64)> {
        let results = self.fields.get("results").and_then(Value::as_array);
        let scores = results.into_iter().flatten().filter_map(|result| {
            let index = usize::try_from(result.get("index")?.as_u64()?).ok()?;
            Some((index, result.get("relevance_score")?.as_f64()?))
        });
        scores.collect()
    }

    /// The usage figures, if the server gave any; some give only a total.
    #[must_use]
    pub fn usage(&self) -> Option<Usage> {
        let usage = self.fields.get("usage")?;
        let total = usage.get("total_tokens").and_then(Value::as_u64);
        let total = total.map(|prompt_tokens| Usage { prompt_tokens, completion_tokens: 0 });
        Usage::from_value(usage).or(total)
    }

    /// Sets a top-level field, e.g. `model` or `usage`.
    pub fn set_field(&mut self, name: &str, value: Value) {
        self.fields.insert(name.to_owned(), value);
    }

    /// The JSON text.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(&self.fields).expect("a map of JSON values always serialises")
    }
}

pub(crate) fn call(
    request: &RerankRequest,
    upstream_model: &str,
    dialect: Dialect,
) -> Result<OutgoingCall, RequestError> {
    match dialect.wire() {
        Wire::OpenAi(_) => {
            Ok(OutgoingCall::new("rerank", request.kept.encode(upstream_model, Some)))
        }
        Wire::Tei => {
            let known = ["query", "documents", "top_n", "return_documents", "truncate"];
            request.kept.check(&known, |name| dialect.refuse(name))?;
            request.check_documents(&|at| dialect.refuse(at))?;
            let mut body = json!({"query": request.query, "texts": request.documents});
            if let Some(truncate) = request.kept.field("truncate") {
                body["truncate"] = truncate.clone();
            }
            Ok(OutgoingCall::json("rerank", &body))
        }
        _ => Err(dialect.cannot("reranking")),
    }
}

pub(crate) fn response(
    body: &[u8],
    request: &RerankRequest,
    dialect: Dialect,
) -> Result<RerankResponse, DecodeError> {
    let body: Value = serde_json::from_slice(body).map_err(|_| DecodeError)?;
    match (dialect.wire(), body) {
        (Wire::Tei, Value::Array(scores)) => of_scores(&scores, request),
        (_, Value::Object(fields)) if fields.get("results").is_some_and(Value::is_array) => {
            Ok(RerankResponse { fields })
        }
        _ => Err(DecodeError),
    }
}

/// TEI gives a bare list of all texts; the rest is ours to do.
fn of_scores(scores: &[Value], request: &RerankRequest) -> Result<RerankResponse, DecodeError> {
    let mut ranked = Vec::with_capacity(scores.len());
    for one in scores {
        let index = one.get("index").and_then(Value::as_u64).ok_or(DecodeError)?;
        let score = one.get("score").and_then(Value::as_f64).ok_or(DecodeError)?;
        let index = usize::try_from(index).map_err(|_| DecodeError)?;
        ranked.push((score, index, request.documents.get(index).ok_or(DecodeError)?));
    }
    ranked.sort_by(|one, other| other.0.total_cmp(&one.0));
    ranked.truncate(request.top_n.unwrap_or(usize::MAX));
    let results = ranked.into_iter().map(|(score, index, text)| {
        let mut result = json!({"index": index, "relevance_score": score});
        if request.return_documents {
            result["document"] = json!({ "text": text });
        }
        result
    });
    let mut fields = Map::new();
    fields.insert("model".to_owned(), Value::Null);
    fields.insert("results".to_owned(), results.collect());
    Ok(RerankResponse { fields })
}
