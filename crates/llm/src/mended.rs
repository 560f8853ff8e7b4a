//! Puts into OpenAI's form what servers that speak OpenAI write otherwise. Knows nothing of dialects: what
//! is right stays as it came, so that every such answer may go through here.
//!
//! - Mistral's reasoning models say what they say in parts: thoughts and text.
//! - TGI and Mistral give the arguments of a call as an object, older TGI streams one call instead of a
//!   list, and some leave out its type or its id.
//! - TGI and Mistral have names of their own for the end of an answer.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::answer;

/// Mends the choices of a whole answer.
pub(crate) fn mend_answer(fields: &mut Map<String, Value>) {
    let Some(mut choices) = fields.get_mut("choices").map(Value::take) else { return };
    let id = fields.get("id").and_then(Value::as_str).unwrap_or_default();
    let mut number = 0;
    mend(&mut choices, ("message", &mut Callers::default()), |call| {
        if lacks(call, "type") {
            call.insert("type".to_owned(), "function".into());
        }
        if lacks(call, "id") {
            call.insert("id".to_owned(), answer::call_id(id, number).into());
        }
        number += 1;
    });
    fields.insert("choices".to_owned(), choices);
}

/// Most choices of a stream whose calls are remembered; a request asks for fewer.
const CHOICES_MAX: usize = 128;

/// The choices of a stream that have called a tool so far.
#[derive(Debug, Default)]
pub(crate) struct Callers(BTreeSet<u64>);

/// Mends the choices of a piece of an answer. A call has its type in the piece that names it.
pub(crate) fn mend_piece(fields: &mut Map<String, Value>, callers: &mut Callers) {
    let Some(choices) = fields.get_mut("choices") else { return };
    mend(choices, ("delta", callers), |call| {
        let is_named = call.get("function").is_some_and(|function| function["name"].is_string());
        if is_named && lacks(call, "type") {
            call.insert("type".to_owned(), "function".into());
        }
    });
}

fn mend(
    choices: &mut Value,
    (part, callers): (&str, &mut Callers),
    mut name: impl FnMut(&mut Map<String, Value>),
) {
    let choices = choices.as_array_mut().into_iter().flatten();
    for choice in choices.filter_map(Value::as_object_mut) {
        let index = choice.get("index").and_then(Value::as_u64).unwrap_or(0);
        let calls = choice.get(part).and_then(|part| part.get("tool_calls"));
        let calls_now = match calls {
            Some(Value::Array(calls)) => !calls.is_empty(),
            calls => calls.is_some_and(Value::is_object),
        };
        if calls_now && callers.0.len() < CHOICES_MAX {
            callers.0.insert(index);
        }
        if let Some(end) = choice.get_mut("finish_reason") {
            mend_end(end, callers.0.contains(&index));
        }
        let Some(Value::Object(message)) = choice.get_mut(part) else { continue };
        join_parts(message);
        let Some(calls) = message.get_mut("tool_calls") else { continue };
        if calls.is_object() {
            *calls = vec![calls.take()].into();
        }
        let calls = calls.as_array_mut().into_iter().flatten();
        for call in calls.filter_map(Value::as_object_mut) {
            mend_arguments(call);
            name(call);
        }
    }
}

fn mend_end(reason: &mut Value, has_called: bool) {
    match reason.as_str() {
        // TGI's word for an answer that came to its end, whatever that was.
        Some("eos_token") if has_called => *reason = "tool_calls".into(),
        Some("eos_token" | "stop_sequence") => *reason = "stop".into(),
        Some("model_length") => *reason = "length".into(),
        _ => {}
    }
}

/// One text and the thoughts beside it, out of parts. What is neither is kept under `content_parts`.
fn join_parts(message: &mut Map<String, Value>) {
    let Some(Value::Array(parts)) = message.get_mut("content") else { return };
    let (mut text, mut thoughts, mut others) = (None, None, Vec::new());
    for part in std::mem::take(parts) {
        match part.get("type").and_then(Value::as_str) {
            Some("text") => push_said(text.get_or_insert_default(), part.get("text")),
            Some("thinking") => push_said(thoughts.get_or_insert_default(), part.get("thinking")),
            _ => others.push(part),
        }
    }
    message.insert("content".to_owned(), text.map_or(Value::Null, Value::String));
    if let Some(thoughts) = thoughts {
        message.insert("reasoning_content".to_owned(), thoughts.into());
    }
    if !others.is_empty() {
        message.insert("content_parts".to_owned(), others.into());
    }
}

/// A text, or the texts of a list of parts.
fn push_said(text: &mut String, said: Option<&Value>) {
    match said {
        Some(Value::String(said)) => text.push_str(said),
        Some(Value::Array(parts)) => {
            text.extend(parts.iter().filter_map(|part| part.get("text")?.as_str()));
        }
        _ => {}
    }
}

fn mend_arguments(call: &mut Map<String, Value>) {
    let function = call.get_mut("function");
    if let Some(arguments) = function.and_then(|function| function.get_mut("arguments"))
        && (arguments.is_object() || arguments.is_array())
    {
        *arguments = arguments.to_string().into();
    }
}

fn lacks(call: &Map<String, Value>, name: &str) -> bool {
    // Mistral's word for no id.
    call.get(name).and_then(Value::as_str).is_none_or(|text| text.is_empty() || text == "null")
}
