//! What a server gets.

use llm::{ChatRequest, Delivery, Dialect, Grounding, Source, Task};
use serde_json::{Value, json};

fn request(body: &Value) -> ChatRequest {
    ChatRequest::parse(body.to_string().as_bytes()).unwrap()
}

fn sent(request: &ChatRequest, delivery: Delivery) -> Value {
    let call = Dialect::Compatible.chat_call(request, "org/upstream-7b", delivery).unwrap();
    serde_json::from_slice(&call.body).unwrap()
}

fn source(text: &str) -> Source {
    Source {
        number: 1,
        title: "BGB".to_owned(),
        heading: String::new(),
        page: None,
        text: text.to_owned(),
    }
}

#[test]
fn everything_but_what_is_ours_is_passed_on() {
    let request = request(&json!({
        "model": "standard",
        "temperature": 0.2,
        "messages": [{"role": "user", "content": "Hallo", "name": "a", "x_new": [1]}],
        "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}],
        "response_format": {"type": "json_schema", "json_schema": {"name": "s", "schema": {}}},
        "guided_json": {"deep": [{"er": null}]},
        "stream": true,
        "stream_options": {"continuous_usage_stats": true},
        "fachwerk": {"data_class": "internal"},
    }));
    insta::assert_json_snapshot!("streamed", sent(&request, Delivery::Streamed));
    insta::assert_json_snapshot!("whole", sent(&request, Delivery::Whole));
}

#[test]
fn sources_come_before_the_conversation() {
    let mut request = request(&json!({
        "model": "m", "messages": [{"role": "user", "content": "Was zahlt der Mieter?"}],
    }));
    request.grounding =
        Some(Grounding { sources: vec![source("Der Mieter zahlt.")], task: Task::Answer });
    let sent = sent(&request, Delivery::Whole);
    let messages = sent["messages"].as_array().unwrap();
    assert_eq!(messages.len(), 2);
    assert_eq!(messages[0]["role"], "system");
    assert!(messages[0]["content"].as_str().unwrap().contains("Der Mieter zahlt."));
    assert_eq!(messages[1]["content"], "Was zahlt der Mieter?");
}

#[test]
fn sources_join_the_callers_own_instructions() {
    for content in [json!("Sei höflich."), json!([{"type": "text", "text": "Sei höflich."}])] {
        let mut request = request(&json!({
            "model": "m",
            "messages": [{"role": "developer", "content": content}, {"role": "user", "content": "Was?"}],
        }));
        request.grounding =
            Some(Grounding { sources: vec![source("Der Mieter zahlt.")], task: Task::Answer });
        let sent = sent(&request, Delivery::Whole);
        let messages = sent["messages"].as_array().unwrap();
        assert_eq!(messages.len(), 2, "one instruction, one question");
        assert_eq!(messages[0]["role"], "developer");
        let instruction = messages[0]["content"].to_string();
        assert!(instruction.contains("Sei höflich.") && instruction.contains("Der Mieter zahlt."));
    }
}
