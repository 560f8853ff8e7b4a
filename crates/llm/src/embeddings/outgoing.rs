//! Vectors from each kind of server.

use serde_json::{Map, Value, json};

use super::{EmbeddingRequest, EmbeddingResponse, INPUTS_MAX};
use crate::dialect::{Wire, path_segment};
use crate::{DecodeError, Dialect, OutgoingCall, RequestError, Usage, gemini};

/// Fields without meaning for the vectors.
const HINTS: [&str; 2] = ["user", "encoding_format"];

/// How many inputs a server takes at once.
pub(crate) fn batch_max(dialect: Dialect, upstream_model: &str) -> usize {
    match dialect.wire() {
        Wire::Gemini => 100,
        Wire::Bedrock if is_cohere(upstream_model) => 96,
        Wire::Bedrock => 1,
        _ => INPUTS_MAX,
    }
}

pub(crate) fn call(
    request: &EmbeddingRequest,
    upstream_model: &str,
    dialect: Dialect,
) -> Result<OutgoingCall, RequestError> {
    match dialect.wire() {
        Wire::OpenAi(quirks) => {
            let body = request.kept.encode(upstream_model, |name| quirks.name_of(name));
            Ok(OutgoingCall::new("embeddings", body))
        }
        Wire::Tei => {
            Ok(OutgoingCall::new("v1/embeddings", request.kept.encode(upstream_model, Some)))
        }
        Wire::Gemini => google(request, upstream_model, dialect),
        Wire::Bedrock => bedrock(request, upstream_model, dialect),
        Wire::Ollama => {
            check(request, &["input", "dimensions", "truncate", "keep_alive"], dialect)?;
            let is_sent = |name| (!HINTS.contains(&name)).then_some(name);
            Ok(OutgoingCall::new("api/embed", request.kept.encode(upstream_model, is_sent)))
        }
        Wire::Anthropic => Err(dialect.cannot("embeddings")),
    }
}

/// Refuses fields and arrays of tokens that the server has no place for.
fn check(request: &EmbeddingRequest, known: &[&str], dialect: Dialect) -> Result<(), RequestError> {
    request.kept.check(&[known, &HINTS].concat(), |name| dialect.refuse(name))?;
    match request.inputs.iter().position(Value::is_array) {
        Some(index) => {
            let message = format!("cannot be tokens on this route ({dialect})");
            Err(RequestError::unsupported(format!("input[{index}]"), &message))
        }
        None => Ok(()),
    }
}

fn google(
    request: &EmbeddingRequest,
    upstream_model: &str,
    dialect: Dialect,
) -> Result<OutgoingCall, RequestError> {
    check(request, &["input", "dimensions", "task_type"], dialect)?;
    let model = path_segment(upstream_model);
    let path = gemini::prefix(dialect);
    let field = |name| request.kept.field(name).cloned();
    let body = if dialect == Dialect::Vertex {
        let instances = request.texts().map(|text| {
            let mut instance = json!({ "content": text });
            if let Some(task) = field("task_type") {
                instance["task_type"] = task;
            }
            instance
        });
        let mut body = json!({"instances": instances.collect::<Vec<_>>()});
        if let Some(dimensions) = field("dimensions") {
            body["parameters"] = json!({"outputDimensionality": dimensions});
        }
        return Ok(OutgoingCall::json(format!("{path}{model}:predict"), &body));
    } else {
        let requests = request.texts().map(|text| {
            let name = format!("models/{upstream_model}");
            let mut one = json!({"model": name, "content": {"parts": [{"text": text}]}});
            if let Some(task) = field("task_type") {
                one["taskType"] = task;
            }
            if let Some(dimensions) = field("dimensions") {
                one["outputDimensionality"] = dimensions;
            }
            one
        });
        json!({"requests": requests.collect::<Vec<_>>()})
    };
    Ok(OutgoingCall::json(format!("{path}{model}:batchEmbedContents"), &body))
}

fn is_cohere(upstream_model: &str) -> bool {
    upstream_model.contains("cohere.")
}

fn bedrock(
    request: &EmbeddingRequest,
    upstream_model: &str,
    dialect: Dialect,
) -> Result<OutgoingCall, RequestError> {
    let path = format!("model/{}/invoke", path_segment(upstream_model));
    let max = batch_max(dialect, upstream_model);
    if request.count() > max {
        return Err(RequestError::too_many("input", max));
    }
    let field = |name| request.kept.field(name).cloned();
    if is_cohere(upstream_model) {
        // Only its younger models give vectors of a wanted length.
        let known: &[&str] = if upstream_model.contains("embed-v4") {
            &["input", "input_type", "dimensions"]
        } else {
            &["input", "input_type"]
        };
        check(request, known, dialect)?;
        let texts: Vec<&str> = request.texts().collect();
        let kind = field("input_type").unwrap_or_else(|| "search_document".into());
        let mut body = json!({"texts": texts, "input_type": kind, "embedding_types": ["float"]});
        if let Some(dimensions) = field("dimensions") {
            body["output_dimension"] = dimensions;
        }
        return Ok(OutgoingCall::json(path, &body));
    }
    check(request, &["input", "dimensions"], dialect)?;
    let mut body = json!({"inputText": request.texts().next()});
    if let Some(dimensions) = field("dimensions") {
        body["dimensions"] = dimensions;
    }
    Ok(OutgoingCall::json(path, &body))
}

/// Reads an answer of any server; which kind of model gave it, its fields tell.
pub(crate) fn response(body: &[u8], dialect: Dialect) -> Result<EmbeddingResponse, DecodeError> {
    if matches!(dialect.wire(), Wire::OpenAi(_) | Wire::Tei) {
        return EmbeddingResponse::parse(body);
    }
    let body: Map<String, Value> = serde_json::from_slice(body).map_err(|_| DecodeError)?;
    let array = |name: &str| body.get(name).and_then(Value::as_array);
    let vectors: Option<Vec<Value>> = match dialect.wire() {
        Wire::Gemini if dialect == Dialect::Vertex => array("predictions").and_then(|items| {
            items.iter().map(|item| item.pointer("/embeddings/values").cloned()).collect()
        }),
        Wire::Gemini => array("embeddings")
            .and_then(|items| items.iter().map(|item| item.get("values").cloned()).collect()),
        Wire::Bedrock => match (body.get("embedding"), body.get("embeddings")) {
            (Some(vector), _) => Some(vec![vector.clone()]),
            (None, Some(Value::Array(vectors))) => Some(vectors.clone()),
            (None, Some(kinds)) => kinds.get("float").and_then(Value::as_array).cloned(),
            (None, None) => None,
        },
        _ => array("embeddings").cloned(),
    };
    let vectors = vectors.filter(|vectors| vectors.iter().all(Value::is_array));
    Ok(EmbeddingResponse::of(vectors.ok_or(DecodeError)?, usage(&body)))
}

fn usage(body: &Map<String, Value>) -> Option<Usage> {
    let count = |value: Option<&Value>| value.and_then(Value::as_u64);
    let predictions = body.get("predictions").and_then(Value::as_array);
    let counted = predictions.map(|items| {
        let counts =
            items.iter().map(|item| count(item.pointer("/embeddings/statistics/token_count")));
        counts.map(Option::unwrap_or_default).fold(0, u64::saturating_add)
    });
    let google = body.get("usageMetadata").and_then(|usage| usage.get("promptTokenCount"));
    let named = ["prompt_eval_count", "inputTextTokenCount"];
    let named = named.iter().find_map(|name| count(body.get(*name)));
    let prompt_tokens = named.or_else(|| count(google)).or(counted)?;
    Some(Usage { prompt_tokens, completion_tokens: 0 })
}
