//! Fields of a chat request on their way to a model server.

use serde_json::{Map, Value};

use super::{Probe, Table};
use crate::{ChatRequest, Delivery, Dialect, TextModel};

const BASE: &str = r#"{"model": "m", "messages": [{"role": "user", "content": "a"}]}"#;

/// Without an image, a file or a sound beside the text.
const TEXT_PART: &str =
    r#"{"messages": [{"role": "user", "content": [{"type": "text", "text": "a"}]}]}"#;

#[rustfmt::skip]
const PROBES: [Probe; 61] = [
    Probe("`messages`: instructions (`system`)", r#"{"messages": [{"role": "system", "content": "a"}, {"role": "user", "content": "a"}]}"#, "{}"),
    Probe("`messages`: instructions (`developer`)", r#"{"messages": [{"role": "developer", "content": "a"}, {"role": "user", "content": "a"}]}"#, "{}"),
    Probe("`messages`: image inline", r#"{"messages": [{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {"url": "data:image/png;base64,aQ=="}}]}]}"#, TEXT_PART),
    Probe("`messages`: image at a web address", r#"{"messages": [{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {"url": "https://a.example/b.png"}}]}]}"#, TEXT_PART),
    Probe("`messages`: `image_url.detail`", r#"{"messages": [{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {"url": "data:image/png;base64,aQ==", "detail": "low"}}]}]}"#, r#"{"messages": [{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {"url": "data:image/png;base64,aQ=="}}]}]}"#),
    Probe("`messages`: PDF inline", r#"{"messages": [{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,aQ=="}}]}]}"#, TEXT_PART),
    Probe("`messages`: name of a PDF", r#"{"messages": [{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,aQ=="}}]}]}"#, r#"{"messages": [{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "file", "file": {"file_data": "data:application/pdf;base64,aQ=="}}]}]}"#),
    Probe("`messages`: name of a picture in a file", r#"{"messages": [{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "file", "file": {"filename": "a.png", "file_data": "data:image/png;base64,aQ=="}}]}]}"#, r#"{"messages": [{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "file", "file": {"file_data": "data:image/png;base64,aQ=="}}]}]}"#),
    Probe("`messages`: file by id", r#"{"messages": [{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "file", "file": {"file_id": "file-1"}}]}]}"#, TEXT_PART),
    Probe("`messages`: sound inline", r#"{"messages": [{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "input_audio", "input_audio": {"data": "aQ==", "format": "wav"}}]}]}"#, TEXT_PART),
    Probe("`messages`: `name`", r#"{"messages": [{"role": "user", "content": "a", "name": "b"}]}"#, "{}"),
    Probe("`messages`: tool calls and results", r#"{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]}, {"role": "tool", "tool_call_id": "c", "content": "b"}]}"#, "{}"),
    Probe("`messages`: image in a tool's result", r#"{"messages": [{"role": "assistant", "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]}, {"role": "tool", "tool_call_id": "c", "content": [{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {"url": "data:image/png;base64,aQ=="}}]}]}"#, r#"{"messages": [{"role": "assistant", "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]}, {"role": "tool", "tool_call_id": "c", "content": [{"type": "text", "text": "a"}]}]}"#),
    Probe("`messages`: `reasoning_content`", r#"{"messages": [{"role": "assistant", "content": "a", "reasoning_content": "b"}, {"role": "user", "content": "a"}]}"#, r#"{"messages": [{"role": "assistant", "content": "a"}, {"role": "user", "content": "a"}]}"#),
    Probe("`messages`: sealed `thinking_blocks`", r#"{"messages": [{"role": "assistant", "content": "a", "thinking_blocks": [{"type": "thinking", "thinking": "b", "signature": "c"}]}, {"role": "user", "content": "a"}]}"#, r#"{"messages": [{"role": "assistant", "content": "a"}, {"role": "user", "content": "a"}]}"#),
    Probe("`messages`: `cache_control`", r#"{"messages": [{"role": "user", "content": [{"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}]}]}"#, TEXT_PART),
    Probe("`max_tokens`", r#"{"max_tokens": 9}"#, "{}"),
    Probe("`max_completion_tokens`", r#"{"max_completion_tokens": 9}"#, "{}"),
    Probe("`temperature`", r#"{"temperature": 0.5}"#, "{}"),
    Probe("`top_p`", r#"{"top_p": 0.5}"#, "{}"),
    Probe("`top_k`", r#"{"top_k": 5}"#, "{}"),
    Probe("`min_p`", r#"{"min_p": 0.1}"#, "{}"),
    Probe("`frequency_penalty`", r#"{"frequency_penalty": 0.5}"#, "{}"),
    Probe("`presence_penalty`", r#"{"presence_penalty": 0.5}"#, "{}"),
    Probe("`repetition_penalty`", r#"{"repetition_penalty": 1.1}"#, "{}"),
    Probe("`logit_bias`", r#"{"logit_bias": {"5": 1}}"#, "{}"),
    Probe("`seed`", r#"{"seed": 5}"#, "{}"),
    Probe("`stop`", r#"{"stop": ["a"]}"#, "{}"),
    Probe("`n`", r#"{"n": 2}"#, "{}"),
    Probe("`logprobs`", r#"{"logprobs": true}"#, "{}"),
    Probe("`top_logprobs`", r#"{"logprobs": true, "top_logprobs": 2}"#, r#"{"logprobs": true}"#),
    Probe("`tools`", r#"{"tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]}"#, "{}"),
    Probe("`tools`: `strict: true`", r#"{"tools": [{"type": "function", "function": {"name": "f", "strict": true}}]}"#, r#"{"tools": [{"type": "function", "function": {"name": "f"}}]}"#),
    Probe("`tool_choice: auto`", r#"{"tools": [{"type": "function", "function": {"name": "f"}}], "tool_choice": "auto"}"#, "{}"),
    Probe("`tool_choice: none`", r#"{"tools": [{"type": "function", "function": {"name": "f"}}], "tool_choice": "none"}"#, r#"{"tools": [{"type": "function", "function": {"name": "f"}}]}"#),
    Probe("`tool_choice: required`", r#"{"tools": [{"type": "function", "function": {"name": "f"}}], "tool_choice": "required"}"#, r#"{"tools": [{"type": "function", "function": {"name": "f"}}]}"#),
    Probe("`tool_choice`: one function", r#"{"tools": [{"type": "function", "function": {"name": "f"}}], "tool_choice": {"type": "function", "function": {"name": "f"}}}"#, r#"{"tools": [{"type": "function", "function": {"name": "f"}}]}"#),
    Probe("`parallel_tool_calls: false`", r#"{"tools": [{"type": "function", "function": {"name": "f"}}], "parallel_tool_calls": false}"#, r#"{"tools": [{"type": "function", "function": {"name": "f"}}]}"#),
    Probe("`function_call` (old)", r#"{"functions": [{"name": "f"}], "function_call": {"name": "f"}}"#, r#"{"functions": [{"name": "f"}]}"#),
    Probe("`functions` (old)", r#"{"functions": [{"name": "f"}]}"#, "{}"),
    Probe("`response_format: json_object`", r#"{"response_format": {"type": "json_object"}}"#, "{}"),
    Probe("`response_format: json_schema`", r#"{"response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object"}}}}"#, "{}"),
    Probe("`response_format.json_schema.description`", r#"{"response_format": {"type": "json_schema", "json_schema": {"name": "a", "description": "b", "schema": {"type": "object"}}}}"#, r#"{"response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object"}}}}"#),
    Probe("`response_format.json_schema.name`", r#"{"response_format": {"type": "json_schema", "json_schema": {"name": "b", "schema": {"type": "object"}}}}"#, r#"{"response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object"}}}}"#),
    Probe("`reasoning_effort`", r#"{"reasoning_effort": "low"}"#, "{}"),
    Probe("`thinking` with a budget", r#"{"thinking": {"type": "enabled", "budget_tokens": 2048}}"#, "{}"),
    Probe("`verbosity`", r#"{"verbosity": "low"}"#, "{}"),
    Probe("`modalities` and `audio`", r#"{"modalities": ["text", "audio"], "audio": {"voice": "a", "format": "wav"}}"#, "{}"),
    Probe("`web_search_options`", r#"{"web_search_options": {}}"#, "{}"),
    Probe("`prediction`", r#"{"prediction": {"type": "content", "content": "a"}}"#, "{}"),
    Probe("`user`", r#"{"user": "a"}"#, "{}"),
    Probe("`metadata`", r#"{"metadata": {"a": "b"}}"#, "{}"),
    Probe("`store: true`", r#"{"store": true}"#, "{}"),
    Probe("`service_tier`", r#"{"service_tier": "auto"}"#, "{}"),
    Probe("`prompt_cache_key`", r#"{"prompt_cache_key": "a"}"#, "{}"),
    Probe("`prompt_cache_retention`", r#"{"prompt_cache_retention": "24h"}"#, "{}"),
    Probe("`prompt_cache_options`", r#"{"prompt_cache_options": {"mode": "implicit"}}"#, "{}"),
    Probe("`safety_identifier`", r#"{"safety_identifier": "a"}"#, "{}"),
    Probe("`moderation`", r#"{"moderation": {"model": "omni-moderation-latest"}}"#, "{}"),
    Probe("any other field", r#"{"guided_regex": "a"}"#, "{}"),
    Probe("any other field inside another, e.g. of a part of a message", r#"{"messages": [{"role": "user", "content": [{"type": "text", "text": "a", "guided_regex": "a"}]}]}"#, TEXT_PART),
];

/// Who answers.
#[derive(Clone, Copy)]
pub(super) enum Model {
    OnServer(Dialect),
    Inside(TextModel),
}

pub(super) fn table() -> Table {
    super::outgoing("Chat, to models", &models(), &PROBES, |patch, model| {
        let body = Value::Object(Probe::body(BASE, patch)).to_string();
        sent(&ChatRequest::parse(body.as_bytes()).expect("a probe is a request"), model)
    })
}

/// Everybody who answers.
pub(super) fn models() -> Vec<(&'static str, Model)> {
    let servers = super::dialects().into_iter().map(|(name, one)| (name, Model::OnServer(one)));
    let inside = TextModel::ALL.into_iter().map(|one| (one.name(), Model::Inside(one)));
    servers.chain(inside).collect()
}

/// What a model gets; `None` if the request is refused.
pub(super) fn sent(request: &ChatRequest, model: Model) -> Option<Map<String, Value>> {
    let dialect = match model {
        Model::OnServer(dialect) => dialect,
        Model::Inside(model) => {
            return model.check(request).is_ok().then(|| model.acts_on(request));
        }
    };
    // Of several makers on Bedrock, the one with the most settings.
    let model = match dialect {
        Dialect::Bedrock => "anthropic.claude-sonnet-4-5",
        Dialect::Anthropic => "claude-sonnet-4-5",
        _ => "m",
    };
    let call = dialect.chat_call(request, model, Delivery::Whole).ok()?;
    let mut body: Map<String, Value> = serde_json::from_slice(&call.body()).ok()?;
    body.extend(call.headers.into_iter().map(|(name, value)| (name.to_owned(), value.into())));
    Some(body)
}
