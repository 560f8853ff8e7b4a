//! Fields of requests for vectors and for an order on their way to a model server.

use serde_json::{Map, Value};

use super::{Probe, Table};
use crate::embeddings::EmbeddingRequest;
use crate::rerank::RerankRequest;
use crate::{Dialect, OutgoingCall};

const EMBEDDING_BASE: &str = r#"{"model": "m", "input": ["a"]}"#;

#[rustfmt::skip]
const EMBEDDING: [Probe; 7] = [
    Probe("`input`: one text", r#"{"input": "b"}"#, "{}"),
    Probe("`input`: several texts", r#"{"input": ["a", "b"]}"#, "{}"),
    Probe("`input`: tokens", r#"{"input": [1, 2]}"#, "{}"),
    Probe("`dimensions`", r#"{"dimensions": 256}"#, "{}"),
    Probe("`encoding_format`", r#"{"encoding_format": "base64"}"#, "{}"),
    Probe("`user`", r#"{"user": "a"}"#, "{}"),
    Probe("any other field", r#"{"guided_regex": "a"}"#, "{}"),
];

const RERANK_BASE: &str = r#"{"model": "m", "query": "a", "documents": ["a"]}"#;

#[rustfmt::skip]
const RERANK: [Probe; 7] = [
    Probe("`query`", r#"{"query": "b"}"#, "{}"),
    Probe("`documents`: texts", r#"{"documents": ["b"]}"#, "{}"),
    Probe("`documents`: objects with a text", r#"{"documents": [{"text": "b"}]}"#, "{}"),
    Probe("`documents`: objects with more than a text", r#"{"documents": [{"text": "b", "title": "c"}]}"#, "{}"),
    Probe("`top_n`", r#"{"top_n": 1}"#, "{}"),
    Probe("`return_documents`", r#"{"return_documents": true}"#, "{}"),
    Probe("any other field", r#"{"guided_regex": "a"}"#, "{}"),
];

pub(super) fn embedding() -> Table {
    let title = "Vectors (`/v1/embeddings`), to model servers";
    super::outgoing(title, &super::dialects(), &EMBEDDING, |patch, dialect| {
        let body = body(EMBEDDING_BASE, patch);
        let request = EmbeddingRequest::parse(&body).expect("a probe is a request");
        let model = model(dialect);
        // A server that takes one input at a time gets several calls; the first stands for all.
        let first = request.split(dialect.embedding_batch_max(model)).swap_remove(0);
        sent(dialect.embedding_call(&first, model).ok()?)
    })
}

pub(super) fn rerank() -> Table {
    let title = "Order (`/v1/rerank`), to model servers";
    super::outgoing(title, &super::dialects(), &RERANK, |patch, dialect| {
        let body = body(RERANK_BASE, patch);
        let request = RerankRequest::parse(&body).expect("a probe is a request");
        sent(dialect.rerank_call(&request, model(dialect)).ok()?)
    })
}

/// Of several makers on Bedrock, the one with the most settings.
fn model(dialect: Dialect) -> &'static str {
    if dialect == Dialect::Bedrock { "cohere.embed-v4:0" } else { "m" }
}

fn body(base: &str, patch: &str) -> Vec<u8> {
    Value::Object(Probe::body(base, patch)).to_string().into_bytes()
}

fn sent(call: OutgoingCall) -> Option<Map<String, Value>> {
    serde_json::from_slice(&call.body()).ok()
}
