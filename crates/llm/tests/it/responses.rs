//! Clients that speak Responses: what their requests mean, and what is refused.

use llm::{
    ChatChunk, ChatResponse, Delivery, Dialect, RequestError,
    responses::{self, Echo, Events, OUTPUT_BYTES_MAX, Request},
};
use proptest::prelude::*;
use serde_json::{Value, json};

fn parse(body: &Value) -> Result<Request, RequestError> {
    responses::parse(body.to_string().as_bytes())
}

/// A request with everything that has a counterpart.
pub(crate) fn rich() -> Value {
    json!({
        "model": "standard",
        "instructions": "Antworte kurz.",
        "input": [
            {"role": "user", "content": [
                {"type": "input_text", "text": "Was steht hier?"},
                {"type": "input_image", "image_url": "https://amt.example/plan.png", "detail": "low"},
                {"type": "input_file", "filename": "antrag.pdf", "file_data": "data:application/pdf;base64,JVBERi0xLjQ="},
            ]},
            {"type": "reasoning", "id": "rs_1", "summary": [], "content": [{"type": "reasoning_text", "text": "Ich frage nach."}], "encrypted_content": null},
            {"type": "message", "id": "msg_1", "status": "completed", "role": "assistant", "content": [
                {"type": "output_text", "text": "Ich sehe nach.", "annotations": []},
            ]},
            {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "weather", "arguments": "{\"city\":\"Bonn\"}", "status": "completed"},
            {"type": "function_call", "call_id": "call_2", "name": "weather", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "call_1", "output": "21 °C"},
            {"type": "function_call_output", "call_id": "call_2", "output": [{"type": "input_text", "text": "nichts"}]},
            {"role": "developer", "content": "Sei genau."},
            {"role": "user", "content": "Noch einmal."},
        ],
        "tools": [{"type": "function", "name": "weather", "description": "Das Wetter.", "parameters": {"type": "object"}, "strict": true}],
        "tool_choice": {"type": "function", "name": "weather"},
        "parallel_tool_calls": false,
        "text": {"format": {"type": "json_schema", "name": "ort", "schema": {"type": "object"}, "strict": true}, "verbosity": "low"},
        "reasoning": {"effort": "medium", "summary": "auto"},
        "include": ["reasoning.encrypted_content", "message.output_text.logprobs"],
        "top_logprobs": 2,
        "max_output_tokens": 300,
        "temperature": 0.2,
        "top_p": 0.9,
        "stream": true,
        "stream_options": {"include_obfuscation": false},
        "store": false,
        "background": false,
        "truncation": "disabled",
        "previous_response_id": null,
        "metadata": {"akte": "7"},
        "user": "u-17",
        "fachwerk": {"data_class": "open"},
    })
}

#[test]
fn a_request_becomes_a_chat_request() {
    let request = parse(&rich()).unwrap();
    assert!(request.chat.stream() && request.chat.include_usage());
    assert!(request.chat.extension().is_some());
    let call = Dialect::Compatible.chat_call(&request.chat, "up", Delivery::Whole).unwrap();
    let body: Value = serde_json::from_slice(&call.body()).unwrap();
    insta::assert_json_snapshot!("to_openai", body);
}

#[test]
fn a_text_is_enough() {
    let request = parse(&json!({"model": "m", "input": "Hallo"})).unwrap();
    assert_eq!(request.chat.question(), "Hallo");
    assert!(!request.chat.stream());
}

#[test]
fn the_answer_repeats_the_settings() {
    let request = parse(&rich()).unwrap();
    let answer = json!({
        "id": "chatcmpl-7f", "object": "chat.completion", "created": 1, "model": "standard",
        "choices": [{
            "index": 0, "finish_reason": "length",
            "message": {"role": "assistant", "content": "Bonn", "reasoning": "Hm."},
            "logprobs": {"content": [{"token": "Bonn", "logprob": -0.1, "bytes": null, "top_logprobs": []}]},
        }],
        "usage": {"prompt_tokens": 9, "completion_tokens": 1, "total_tokens": 10},
        "fachwerk": {"citations": []},
    });
    let answer = ChatResponse::parse(answer.to_string().as_bytes()).unwrap();
    insta::assert_json_snapshot!("object", responses::response(&answer, &request.echo));
}

#[test]
fn what_has_no_counterpart_is_refused_by_name() {
    let input = |item: Value| json!({"input": [item]});
    let part = |part: Value| input(json!({"role": "user", "content": [part]}));
    let cases = [
        json!({"previous_response_id": "resp_1"}),
        json!({"conversation": "conv_1"}),
        json!({"prompt": {"id": "pmpt_1"}}),
        json!({"store": true}),
        json!({"background": true}),
        json!({"truncation": "auto"}),
        json!({"max_tool_calls": 3}),
        json!({"tools": [{"type": "web_search"}]}),
        json!({"tools": [{"type": "file_search", "vector_store_ids": ["vs"]}]}),
        json!({"tools": [{"type": "mcp"}]}),
        json!({"tools": [7]}),
        json!({"tool_choice": {"type": "file_search"}}),
        json!({"tool_choice": {"type": "function"}}),
        json!({"include": ["file_search_call.results"]}),
        json!({"text": {"shape": 1}}),
        json!({"reasoning": {"depth": 1}}),
        json!({"instructions": []}),
        json!({"max_tokens": 3}),
        json!({"input": []}),
        json!({"input": 7}),
        json!({"input": [7]}),
        input(json!({"type": "item_reference", "id": "msg_1"})),
        input(json!({"type": "web_search_call"})),
        input(json!({"type": "reasoning", "encrypted_content": "gAAAA"})),
        input(json!({"type": "function_call", "name": "f"})),
        input(json!({"type": "function_call_output", "call_id": "c"})),
        input(json!({"role": "user"})),
        input(json!({"role": "waiter", "content": "x"})),
        part(json!({"type": "input_image", "file_id": "f"})),
        part(json!({"type": "input_video"})),
        part(json!({"type": "input_text"})),
    ];
    let mut lines = Vec::new();
    for case in cases {
        let mut body = json!({"model": "m", "input": "Hallo"});
        for (name, value) in case.as_object().unwrap() {
            body[name] = value.clone();
        }
        lines.push(parse(&body).unwrap_err().to_string());
    }
    insta::assert_snapshot!("refusals", lines.join("\n"));
}

fn chunk(delta: &Value) -> ChatChunk {
    let fields = json!({"id": "chatcmpl-1", "choices": [{"index": 0, "delta": delta}]});
    ChatChunk::from_fields(fields.as_object().unwrap().clone())
}

#[test]
fn a_failure_ends_the_stream() {
    let mut events = Events::new(Echo::default());
    assert!(events.push(&chunk(&json!({"content": "Ei"}))).contains("output_text.delta"));
    assert!(events.fail("server_error", "Weg.").contains(r#""code":"server_error""#));
    assert_eq!(events.push(&chunk(&json!({"content": "n"}))), "");
    assert_eq!(events.finish(), "");
}

#[test]
fn an_endless_answer_fails_instead_of_filling_the_memory() {
    let mut events = Events::new(Echo::default());
    let long = "x".repeat(OUTPUT_BYTES_MAX / 4);
    let sent: Vec<String> =
        (0..6).map(|_| events.push(&chunk(&json!({ "content": long })))).collect();
    assert!(sent[4].contains("response.failed"));
    assert_eq!(sent[5], "");
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(body in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = responses::parse(&body);
    }

    #[test]
    fn numbers_of_events_have_no_gap(
        deltas in prop::collection::vec(prop_oneof![
            Just(json!({"content": "a"})),
            Just(json!({"refusal": "b"})),
            Just(json!({"reasoning_content": "c"})),
            (0..3_u64).prop_map(|index| json!({"tool_calls": [{"index": index, "id": "x", "function": {"name": "f", "arguments": "{}"}}]})),
        ], 0..12),
    ) {
        let mut events = Events::new(Echo::default());
        let mut sent: String = deltas.iter().map(|delta| events.push(&chunk(delta))).collect();
        sent += &events.finish();
        let events: Vec<Value> = sent
            .lines()
            .filter_map(|line| Some(serde_json::from_str(line.strip_prefix("data: ")?).unwrap()))
            .collect();
        for (number, event) in events.iter().enumerate() {
            prop_assert_eq!(event["sequence_number"].as_u64(), Some(number as u64));
        }
        let count = |kind: &str| events.iter().filter(|event| event["type"] == kind).count();
        prop_assert_eq!(count("response.output_item.added"), count("response.output_item.done"));
        prop_assert_eq!(count("response.content_part.added"), count("response.content_part.done"));
        prop_assert_eq!(count("response.completed"), 1);
    }
}
