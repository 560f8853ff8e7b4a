//! What a server gets.

use llm::{ChatRequest, Delivery, Dialect, Grounding, Source, Task};
use serde_json::{Value, json};

fn request(body: &Value) -> ChatRequest {
    ChatRequest::parse(body.to_string().as_bytes()).unwrap()
}

fn sent(request: &ChatRequest, delivery: Delivery) -> Value {
    let call = Dialect::Compatible.chat_call(request, "org/upstream-7b", delivery).unwrap();
    serde_json::from_slice(&call.body()).unwrap()
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

/// The messages of a body as a server gets them.
fn sent_messages(body: &str) -> String {
    let request = ChatRequest::parse(body.as_bytes()).unwrap();
    let call = Dialect::Compatible.chat_call(&request, "m", Delivery::Whole).unwrap();
    let text = String::from_utf8(call.body()).unwrap();
    let (_, rest) = text.split_once(r#""messages":"#).unwrap();
    rest.to_owned()
}

#[test]
fn messages_that_nobody_changes_are_sent_as_they_were_written() {
    let list = "[ {\"role\" : \"user\", \"content\":\"Stra\\u00dfe \\/ \\\"a:b\\\" 1.0e5\"} ]";
    let body = format!(r#"{{"model":"x","messages":{list},"n":1}}"#);
    assert_eq!(sent_messages(&body), format!(r#"{list},"n":1}}"#));
}

/// What we read and check is what the server reads: nothing hides behind a second field of the same
/// name.
#[test]
fn messages_with_a_hidden_twin_are_written_anew() {
    let read = r#"[{"role":"user","content":"read"}]"#;
    let hidden = r#"[{"role":"user","content":"hidden"}]"#;
    let bodies = [
        format!(r#"{{"model":"x","messages":{hidden},"messages":{read}}}"#),
        format!(r#"{{"model":"x","messages":{hidden},"m\u0065ssages":{read}}}"#),
        format!(r#"{{"model":"x","m\u0065ssages":{hidden},"messages":{read}}}"#),
        r#"{"model":"x","messages":[{"role":"user","content":"hidden","content":"read"}]}"#.into(),
        r#"{"model":"x","messages":[{"role":"user","content":"hidden","c\u006fntent":"read"}]}"#
            .into(),
    ];
    for body in bodies {
        let sent = sent_messages(&body);
        assert!(sent.contains("read") && !sent.contains("hidden"), "{body} became {sent}");
    }
}

#[test]
fn a_change_to_a_message_is_sent() {
    let body = r#"{"model":"x","messages":[{"role":"user","content":"secret"}]}"#;
    let mut request = ChatRequest::parse(body.as_bytes()).unwrap();
    request.rewrite_texts(&mut |text| (text.text == "secret").then(|| "masked".to_owned()));
    let call = Dialect::Compatible.chat_call(&request, "m", Delivery::Whole).unwrap();
    assert!(!String::from_utf8(call.body()).unwrap().contains("secret"));
}
