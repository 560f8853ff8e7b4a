//! No field goes unnoticed, however deep it stands: what is passed on is passed, and everywhere else a
//! field that nobody knows is refused by its path.

use llm::{ChatRequest, Delivery, Dialect, TextModel, messages, responses};
use serde_json::Value;

use crate::matrix;

/// What stands in such a place is the caller's own or a hint, and goes on or stays as a whole.
const WHOLE: [&str; 9] = [
    "parameters",
    "schema",
    "input_schema",
    "input",
    "metadata",
    "cache_control",
    "prompt_cache_options",
    "logit_bias",
    "fachwerk",
];

/// Every object below the top level, by its path as a refusal names it and as a JSON pointer.
fn objects(value: &Value, path: &str, pointer: &str, found: &mut Vec<(String, String)>) {
    match value {
        Value::Object(fields) => {
            if !path.is_empty() {
                found.push((path.to_owned(), pointer.to_owned()));
            }
            for (name, inside) in fields.iter().filter(|(name, one)| {
                // The input of a tool is the caller's own, that of a request is not.
                !WHOLE.contains(&name.as_str()) || *name == "input" && one.is_array()
            }) {
                let dot = if path.is_empty() { "" } else { "." };
                objects(inside, &format!("{path}{dot}{name}"), &format!("{pointer}/{name}"), found);
            }
        }
        Value::Array(items) => {
            for (index, inside) in items.iter().enumerate() {
                let (path, pointer) = (format!("{path}[{index}]"), format!("{pointer}/{index}"));
                objects(inside, &path, &pointer, found);
            }
        }
        _ => {}
    }
}

/// The request once for each object in it, with a field more in that object, and the field's path.
fn with_one_more(request: &Value) -> Vec<(String, Value)> {
    let mut found = Vec::new();
    objects(request, "", "", &mut found);
    let requests = found.into_iter().map(|(path, pointer)| {
        let mut request = request.clone();
        request.pointer_mut(&pointer).unwrap()["unheard_of"] = "a".into();
        (format!("{path}.unheard_of"), request)
    });
    requests.collect()
}

fn chat(request: &Value) -> ChatRequest {
    ChatRequest::parse(request.to_string().as_bytes()).unwrap()
}

/// The requests of all cases, and one with whatever they leave out.
fn requests() -> Vec<Value> {
    let mut requests: Vec<_> =
        matrix::cases().into_iter().map(|(_, case)| case["request"].clone()).collect();
    requests.push(serde_json::json!({
        "model": "m",
        "stream": true,
        "stream_options": {"include_usage": true},
        "messages": [{"role": "user", "content": [{"type": "text", "text": "a"}]}],
        "response_format": {"type": "text"},
    }));
    requests.push(serde_json::json!({
        "model": "m",
        "thinking": {"type": "enabled", "budget_tokens": 2_000},
        "messages": [{"role": "user", "content": [{"type": "refusal", "refusal": "a"}, {"type": "input_audio", "input_audio": {"data": "aQ==", "format": "wav"}}]}],
        "tools": [{"type": "function", "function": {"name": "f"}}],
        "tool_choice": {"type": "function", "function": {"name": "f"}},
    }));
    requests
}

#[test]
fn a_chat_request_loses_nothing_on_its_way_to_a_server() {
    let mut refused = 0;
    for request in requests() {
        for dialect in Dialect::ALL.into_iter().filter(|dialect| *dialect != Dialect::Tei) {
            let call = |request: &Value| dialect.chat_call(&chat(request), "m", Delivery::Streamed);
            if call(&request).is_err() {
                continue;
            }
            for (path, request) in with_one_more(&request) {
                match call(&request) {
                    Ok(call) => {
                        let body = String::from_utf8(call.body()).unwrap();
                        assert!(body.contains("unheard_of"), "{dialect}: {path} is dropped");
                    }
                    Err(error) => {
                        assert_eq!(error.param, Some(path), "{dialect}");
                        refused += 1;
                    }
                }
            }
        }
    }
    assert!(refused > 200, "{refused}");
}

#[test]
fn a_model_inside_is_asked_for_nothing_that_it_overlooks() {
    let mut refused = 0;
    for request in requests() {
        for model in TextModel::ALL.into_iter().filter(|model| model.check(&chat(&request)).is_ok())
        {
            for (path, request) in with_one_more(&request) {
                let error = model.check(&chat(&request)).expect_err(&path);
                // Of a form that is asked for, no part is of interest.
                let whole = path.starts_with("response_format.").then(|| "response_format".into());
                assert_eq!(error.param, Some(whole.unwrap_or(path)));
                refused += 1;
            }
        }
    }
    assert!(refused > 10, "{refused}");
}

#[test]
fn other_interfaces_name_what_they_do_not_know() {
    let message = crate::messages::rich();
    for (path, request) in with_one_more(&message) {
        let error = messages::parse(request.to_string().as_bytes()).expect_err(&path);
        assert_eq!(error.param, Some(path));
    }
    let response = crate::responses::rich();
    for (path, request) in with_one_more(&response) {
        let error = responses::parse(request.to_string().as_bytes()).expect_err(&path);
        assert_eq!(error.param, Some(path));
    }
    assert!(with_one_more(&message).len() > 15 && with_one_more(&response).len() > 15);
}
