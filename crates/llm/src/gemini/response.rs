//! A whole answer of Google's as a chat completion.

use serde_json::{Map, Value, json};

use crate::answer::{self, Answer};
use crate::openai::{Head, choice};
use crate::{ChatResponse, DecodeError, Usage, UsageDetails};

/// The most answers of one call; an answer with a higher number is not one.
pub(super) const CANDIDATES_MAX: u64 = 128;

pub(crate) fn chat_response(body: &[u8], head: &Head) -> Result<ChatResponse, DecodeError> {
    let body: Map<String, Value> = serde_json::from_slice(body).map_err(|_| DecodeError)?;
    let usage = body.get("usageMetadata").map_or(Value::Null, usage);
    let candidates = match body.get("candidates") {
        Some(Value::Array(candidates)) => candidates,
        // A prompt that Google's filter stops has no candidate.
        _ if body.get("promptFeedback").is_some() => {
            let message = Answer::default().into_message();
            return Ok(head.response_of(vec![choice(0, message, "content_filter")], usage));
        }
        _ => return Err(DecodeError),
    };
    let mut choices = Vec::with_capacity(candidates.len());
    for candidate in candidates {
        let answer = message(candidate, head);
        let reason = finish_reason(candidate, answer.has_calls()).unwrap_or("stop");
        let mut choice = choice(index(candidate)?, answer.into_message(), reason);
        choice["logprobs"] = logprobs(candidate);
        choices.push(choice);
    }
    Ok(head.response_of(choices, usage))
}

fn message(candidate: &Value, head: &Head) -> Answer {
    let mut answer = Answer::default();
    for part in parts(candidate) {
        match piece(part) {
            Some(Piece::Text(text)) => answer.push_text(text),
            Some(Piece::Thought(text)) => answer.push_reasoning(text),
            Some(Piece::Call(call)) => {
                answer.push_call(tool_call(part, call, head, answer.calls()));
            }
            None => {}
        }
    }
    answer
}

/// What a part of an answer is.
pub(super) enum Piece<'a> {
    Text(&'a str),
    Thought(&'a str),
    Call(&'a Value),
}

pub(super) fn parts(candidate: &Value) -> &[Value] {
    candidate.pointer("/content/parts").and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Reads a part; kinds that we never ask for are passed over.
pub(super) fn piece(part: &Value) -> Option<Piece<'_>> {
    if let Some(call) = part.get("functionCall") {
        return Some(Piece::Call(call));
    }
    let text = part.get("text")?.as_str()?;
    let is_thought = part.get("thought").and_then(Value::as_bool).unwrap_or(false);
    Some(if is_thought { Piece::Thought(text) } else { Piece::Text(text) })
}

/// A call, with its sealed thought where Google's own OpenAI interface puts it.
pub(super) fn tool_call(part: &Value, call: &Value, head: &Head, number: usize) -> Value {
    let read = |name: &str| call.get(name).and_then(Value::as_str);
    let id = read("id").map_or_else(|| answer::call_id(&head.id, number), str::to_owned);
    let mut call = answer::call(&id, read("name").unwrap_or_default(), call.get("args"));
    if let Some(signature) = part.get("thoughtSignature") {
        call["extra_content"] = json!({"google": {"thought_signature": signature}});
    }
    call
}

pub(super) fn index(candidate: &Value) -> Result<u64, DecodeError> {
    let index = candidate.get("index").and_then(Value::as_u64).unwrap_or(0);
    if index < CANDIDATES_MAX { Ok(index) } else { Err(DecodeError) }
}

/// Why a candidate ended, if it did.
pub(super) fn finish_reason(candidate: &Value, has_calls: bool) -> Option<&'static str> {
    Some(match candidate.get("finishReason")?.as_str()? {
        "MAX_TOKENS" => "length",
        "SAFETY" | "RECITATION" | "BLOCKLIST" | "PROHIBITED_CONTENT" | "SPII" | "IMAGE_SAFETY" => {
            "content_filter"
        }
        _ if has_calls => "tool_calls",
        _ => "stop",
    })
}

/// Log probabilities in OpenAI's form; null if there are none.
pub(super) fn logprobs(candidate: &Value) -> Value {
    let at = |path| candidate.pointer(path).and_then(Value::as_array);
    let Some(chosen) = at("/logprobsResult/chosenCandidates") else { return Value::Null };
    let top = at("/logprobsResult/topCandidates").map_or(&[][..], Vec::as_slice);
    let content = chosen.iter().enumerate().map(|(step, one)| {
        let others = top.get(step).and_then(|top| top.get("candidates")?.as_array());
        let mut token = token(one);
        token["top_logprobs"] = others.into_iter().flatten().map(self::token).collect();
        token
    });
    json!({"content": content.collect::<Vec<_>>(), "refusal": null})
}

fn token(candidate: &Value) -> Value {
    let text = candidate.get("token").and_then(Value::as_str).unwrap_or_default();
    json!({"token": text, "logprob": candidate.get("logProbability"), "bytes": text.as_bytes()})
}

/// Google counts thoughts apart from the answer; OpenAI counts them in.
pub(super) fn usage(usage: &Value) -> Value {
    let count = |name: &str| usage.get(name).and_then(Value::as_u64).unwrap_or(0);
    let thoughts = count("thoughtsTokenCount");
    UsageDetails {
        cached_tokens: count("cachedContentTokenCount"),
        cache_write_tokens: 0,
        reasoning_tokens: thoughts,
    }
    .to_value(Usage {
        prompt_tokens: count("promptTokenCount").saturating_add(count("toolUsePromptTokenCount")),
        completion_tokens: count("candidatesTokenCount").saturating_add(thoughts),
    })
}
