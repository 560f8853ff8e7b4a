//! Fields of requests in other interfaces than chat completions.

use serde_json::Value;

use super::{Outcome, Probe, Table, chat};
use crate::{ChatRequest, RequestError, messages, responses};

const MESSAGES_BASE: &str =
    r#"{"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "a"}]}"#;

#[rustfmt::skip]
const MESSAGES: [Probe; 36] = [
    Probe("`system`", r#"{"system": "a"}"#, "{}"),
    Probe("`messages`: image", r#"{"messages": [{"role": "user", "content": [{"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aQ=="}}]}]}"#, "{}"),
    Probe("`messages`: document", r#"{"messages": [{"role": "user", "content": [{"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "aQ=="}}]}]}"#, "{}"),
    Probe("`messages`: document with `title`", r#"{"messages": [{"role": "user", "content": [{"type": "document", "title": "b", "source": {"type": "text", "media_type": "text/plain", "data": "a"}}]}]}"#, "{}"),
    Probe("`messages`: document with `context`", r#"{"messages": [{"role": "user", "content": [{"type": "document", "context": "b", "source": {"type": "text", "media_type": "text/plain", "data": "a"}}]}]}"#, "{}"),
    Probe("`messages`: document with `citations`", r#"{"messages": [{"role": "user", "content": [{"type": "document", "citations": {"enabled": true}, "source": {"type": "text", "media_type": "text/plain", "data": "a"}}]}]}"#, "{}"),
    Probe("`messages`: file by id", r#"{"messages": [{"role": "user", "content": [{"type": "image", "source": {"type": "file", "file_id": "a"}}]}]}"#, "{}"),
    Probe("`messages`: `tool_use`, `tool_result`", r#"{"messages": [{"role": "assistant", "content": [{"type": "tool_use", "id": "c", "name": "f", "input": {}}]}, {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c", "content": "a"}]}]}"#, "{}"),
    Probe("`messages`: `thinking`", r#"{"messages": [{"role": "assistant", "content": [{"type": "thinking", "thinking": "a", "signature": "b"}, {"type": "text", "text": "a"}]}]}"#, r#"{"messages": [{"role": "assistant", "content": [{"type": "text", "text": "a"}]}]}"#),
    Probe("`messages`: `search_result`", r#"{"messages": [{"role": "user", "content": [{"type": "search_result"}]}]}"#, "{}"),
    Probe("`messages`: `server_tool_use`", r#"{"messages": [{"role": "assistant", "content": [{"type": "server_tool_use"}]}]}"#, "{}"),
    Probe("`cache_control`", r#"{"messages": [{"role": "user", "content": [{"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}]}]}"#, r#"{"messages": [{"role": "user", "content": [{"type": "text", "text": "a"}]}]}"#),
    Probe("`max_tokens`", r#"{"max_tokens": 10}"#, "{}"),
    Probe("`temperature`", r#"{"temperature": 0.5}"#, "{}"),
    Probe("`top_p`", r#"{"top_p": 0.5}"#, "{}"),
    Probe("`top_k`", r#"{"top_k": 5}"#, "{}"),
    Probe("`stop_sequences`", r#"{"stop_sequences": ["a"]}"#, "{}"),
    Probe("`stream`", r#"{"stream": true}"#, "{}"),
    Probe("`tools`: own", r#"{"tools": [{"name": "f", "input_schema": {"type": "object"}}]}"#, "{}"),
    Probe("`tools`: Anthropic's", r#"{"tools": [{"type": "web_search_20250305", "name": "web_search"}]}"#, "{}"),
    Probe("`tool_choice`", r#"{"tool_choice": {"type": "any"}}"#, "{}"),
    Probe("`tool_choice.disable_parallel_tool_use`", r#"{"tool_choice": {"type": "any", "disable_parallel_tool_use": true}}"#, r#"{"tool_choice": {"type": "any"}}"#),
    Probe("`thinking`", r#"{"thinking": {"type": "enabled", "budget_tokens": 2048}}"#, "{}"),
    Probe("`output_config.effort`", r#"{"output_config": {"effort": "low"}}"#, "{}"),
    Probe("`output_config.format`", r#"{"output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}}}}"#, "{}"),
    Probe("`metadata.user_id`", r#"{"metadata": {"user_id": "a"}}"#, "{}"),
    Probe("`service_tier`", r#"{"service_tier": "auto"}"#, "{}"),
    Probe("`container`, `mcp_servers`", r#"{"mcp_servers": [{"url": "https://a.example"}]}"#, "{}"),
    Probe("`context_management`", r#"{"context_management": {"edits": []}}"#, "{}"),
    Probe("`diagnostics`", r#"{"diagnostics": {}}"#, "{}"),
    Probe("`inference_geo`", r#"{"inference_geo": "eu"}"#, "{}"),
    Probe("`speed`", r#"{"speed": "fast"}"#, "{}"),
    Probe("`user_profile_id`", r#"{"user_profile_id": "a"}"#, "{}"),
    Probe("`workspace_id`", r#"{"workspace_id": "a"}"#, "{}"),
    Probe("any other field", r#"{"guided_regex": "a"}"#, "{}"),
    Probe("any other field inside another", r#"{"messages": [{"role": "user", "content": [{"type": "text", "text": "a", "guided_regex": "a"}]}]}"#, "{}"),
];

/// With room for thoughts.
const ON_THE_WAY_BASE: &str =
    r#"{"model": "m", "max_tokens": 8192, "messages": [{"role": "user", "content": "a"}]}"#;

const DOCUMENT: &str = r#"{"messages": [{"role": "user", "content": [{"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "aQ=="}}]}]}"#;

#[rustfmt::skip]
const ON_THE_WAY: [Probe; 7] = [
    Probe("header `anthropic-beta`", r#"{"anthropic-beta": "context-1m-2025-08-07"}"#, "{}"),
    Probe("`messages`: `tool_result.is_error`", r#"{"messages": [{"role": "assistant", "content": [{"type": "tool_use", "id": "c", "name": "f", "input": {}}]}, {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c", "content": "a", "is_error": true}]}]}"#, r#"{"messages": [{"role": "assistant", "content": [{"type": "tool_use", "id": "c", "name": "f", "input": {}}]}, {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c", "content": "a"}]}]}"#),
    Probe("`messages`: document with `title`", r#"{"messages": [{"role": "user", "content": [{"type": "document", "title": "b", "source": {"type": "base64", "media_type": "application/pdf", "data": "aQ=="}}]}]}"#, DOCUMENT),
    Probe("`messages`: document with `context`", r#"{"messages": [{"role": "user", "content": [{"type": "document", "context": "b", "source": {"type": "base64", "media_type": "application/pdf", "data": "aQ=="}}]}]}"#, DOCUMENT),
    Probe("`thinking` with a budget", r#"{"thinking": {"type": "enabled", "budget_tokens": 2048}}"#, "{}"),
    Probe("`thinking.display: omitted`", r#"{"thinking": {"type": "adaptive", "display": "omitted"}}"#, r#"{"thinking": {"type": "adaptive"}}"#),
    Probe("`output_config.effort`", r#"{"output_config": {"effort": "low"}}"#, "{}"),
];

const RESPONSES_BASE: &str = r#"{"model": "m", "input": "a"}"#;

#[rustfmt::skip]
const RESPONSES: [Probe; 46] = [
    Probe("`instructions`", r#"{"instructions": "a"}"#, "{}"),
    Probe("`input`: messages", r#"{"input": [{"role": "user", "content": [{"type": "input_text", "text": "b"}]}]}"#, "{}"),
    Probe("`input`: image", r#"{"input": [{"role": "user", "content": [{"type": "input_image", "image_url": "https://a.example/b.png"}]}]}"#, "{}"),
    Probe("`input`: file inline or at a web address", r#"{"input": [{"role": "user", "content": [{"type": "input_file", "file_url": "https://a.example/b.pdf"}]}]}"#, "{}"),
    Probe("`input`: file by id", r#"{"input": [{"role": "user", "content": [{"type": "input_file", "file_id": "a"}]}]}"#, "{}"),
    Probe("`input`: function calls and outputs", r#"{"input": [{"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}, {"type": "function_call_output", "call_id": "c", "output": "a"}]}"#, "{}"),
    Probe("`input`: reasoning as text", r#"{"input": [{"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": "a"}]}, {"role": "assistant", "content": "a"}]}"#, r#"{"input": [{"role": "assistant", "content": "a"}]}"#),
    Probe("`input`: encrypted reasoning", r#"{"input": [{"type": "reasoning", "summary": [], "encrypted_content": "a"}]}"#, "{}"),
    Probe("`input`: `item_reference`", r#"{"input": [{"type": "item_reference", "id": "a"}]}"#, "{}"),
    Probe("`tools`: functions", r#"{"tools": [{"type": "function", "name": "f", "parameters": {"type": "object"}}]}"#, "{}"),
    Probe("`tools`: OpenAI's", r#"{"tools": [{"type": "web_search"}]}"#, "{}"),
    Probe("`tool_choice`: one function", r#"{"tool_choice": {"type": "function", "name": "f"}}"#, "{}"),
    Probe("`tool_choice`: a word", r#"{"tool_choice": "required"}"#, "{}"),
    Probe("`parallel_tool_calls`", r#"{"parallel_tool_calls": false}"#, "{}"),
    Probe("`max_tool_calls`", r#"{"max_tool_calls": 2}"#, "{}"),
    Probe("`text.format`", r#"{"text": {"format": {"type": "json_object"}}}"#, "{}"),
    Probe("`text.verbosity`", r#"{"text": {"verbosity": "low"}}"#, "{}"),
    Probe("`reasoning.effort`", r#"{"reasoning": {"effort": "low"}}"#, "{}"),
    Probe("`reasoning.summary`", r#"{"reasoning": {"summary": "auto"}}"#, "{}"),
    Probe("`include`: log probabilities", r#"{"include": ["message.output_text.logprobs"]}"#, "{}"),
    Probe("`include`: encrypted reasoning", r#"{"include": ["reasoning.encrypted_content"]}"#, "{}"),
    Probe("`include`: anything else", r#"{"include": ["file_search_call.results"]}"#, "{}"),
    Probe("`top_logprobs`", r#"{"top_logprobs": 2}"#, "{}"),
    Probe("`max_output_tokens`", r#"{"max_output_tokens": 9}"#, "{}"),
    Probe("`temperature`", r#"{"temperature": 0.5}"#, "{}"),
    Probe("`top_p`", r#"{"top_p": 0.5}"#, "{}"),
    Probe("`stream`", r#"{"stream": true}"#, "{}"),
    Probe("`store: true`", r#"{"store": true}"#, "{}"),
    Probe("`previous_response_id`, `conversation`", r#"{"previous_response_id": "a"}"#, "{}"),
    Probe("`background: true`", r#"{"background": true}"#, "{}"),
    Probe("`truncation: auto`", r#"{"truncation": "auto"}"#, "{}"),
    Probe("`prompt`", r#"{"prompt": {"id": "a"}}"#, "{}"),
    Probe("`metadata`", r#"{"metadata": {"a": "b"}}"#, "{}"),
    Probe("`user`", r#"{"user": "a"}"#, "{}"),
    Probe("`service_tier`", r#"{"service_tier": "auto"}"#, "{}"),
    Probe("`safety_identifier`", r#"{"safety_identifier": "a"}"#, "{}"),
    Probe("`prompt_cache_key`", r#"{"prompt_cache_key": "a"}"#, "{}"),
    Probe("`prompt_cache_retention`", r#"{"prompt_cache_retention": "24h"}"#, "{}"),
    Probe("`prompt_cache_options`", r#"{"prompt_cache_options": {"mode": "implicit"}}"#, "{}"),
    Probe("`context_management`", r#"{"context_management": [{"type": "compaction"}]}"#, "{}"),
    Probe("`moderation`", r#"{"moderation": {"model": "m"}}"#, "{}"),
    Probe("`image`", r#"{"image": {}}"#, "{}"),
    Probe("`background_options`", r#"{"background_options": {}}"#, "{}"),
    Probe("`access_programs`", r#"{"access_programs": {}}"#, "{}"),
    Probe("any other field", r#"{"guided_regex": "a"}"#, "{}"),
    Probe("any other field inside another", r#"{"input": [{"role": "user", "content": "a", "guided_regex": "a"}]}"#, "{}"),
];

/// What only this interface can say, as each model gets it.
pub(super) fn messages_on_the_way() -> Table {
    let title = "Chat from `/v1/messages`, to models";
    super::outgoing(title, &chat::models(), &ON_THE_WAY, |patch, model| {
        let mut body = Probe::body(ON_THE_WAY_BASE, patch);
        let betas = body.shift_remove("anthropic-beta");
        let body = Value::Object(body).to_string();
        let mut request = messages::parse(body.as_bytes()).expect("a probe is a request");
        messages::add_betas(&mut request, betas.as_ref().and_then(Value::as_str));
        chat::sent(&request, model)
    })
}

pub(super) fn messages() -> Table {
    table("`/v1/messages`, from clients", &MESSAGES, MESSAGES_BASE, messages::parse)
}

pub(super) fn responses() -> Table {
    let parse = |body: &[u8]| responses::parse(body).map(|request| request.chat);
    table("`/v1/responses`, from clients", &RESPONSES, RESPONSES_BASE, parse)
}

fn table(
    title: &'static str,
    probes: &[Probe],
    base: &str,
    parse: impl Fn(&[u8]) -> Result<ChatRequest, RequestError>,
) -> Table {
    let read = |patch: &str| parse(Value::Object(Probe::body(base, patch)).to_string().as_bytes());
    let rows = probes.iter().map(|probe| {
        let without = read(probe.2).expect("without the field, a probe is a request");
        let outcome = match read(probe.1) {
            Err(_) => Outcome::Refused,
            Ok(with) if with == without => Outcome::Ignored,
            Ok(with) if probe.is_in(&with.fields().into()) => Outcome::Passed,
            Ok(_) => Outcome::Translated,
        };
        (probe.0, vec![outcome])
    });
    Table { title, columns: vec!["what becomes of it".to_owned()], rows: rows.collect() }
}
