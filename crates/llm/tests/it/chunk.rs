//! Streams of several servers, each event as we understand it.

use llm::{ChatChunk, Dialect, SseDecoder, SseEvent, SseLimits, StreamItem};
use serde_json::json;

use crate::matrix::head;

fn describe(stream: &str) -> String {
    let mut decoder = SseDecoder::new(SseLimits::default());
    let mut events: Vec<SseEvent> = Vec::new();
    decoder.feed(stream.as_bytes(), &mut events).unwrap();
    events.extend(decoder.finish().unwrap());
    let lines = events.iter().map(|event| match StreamItem::decode(event) {
        Ok(StreamItem::Chunk(chunk)) => format!(
            "chunk text {:?} finish {:?} usage {:?} choices {} bytes {}",
            chunk.text(),
            chunk.finish_reason(),
            chunk.usage().map(|usage| (usage.prompt_tokens, usage.completion_tokens)),
            !chunk.is_without_choices(),
            chunk.generated_bytes(),
        ),
        Ok(StreamItem::Typed(event)) => format!("transcript {}", event.to_event()),
        Ok(StreamItem::Done) => "done".to_owned(),
        Ok(StreamItem::Failed(error)) => format!("failed {:?}", error.message),
        Err(error) => format!("unreadable: {error}"),
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn streams_of_many_servers_are_read() {
    insta::assert_snapshot!("openai", describe(include_str!("../../fixtures/stream/openai.sse")));
    insta::assert_snapshot!("azure", describe(include_str!("../../fixtures/stream/azure.sse")));
    insta::assert_snapshot!(
        "vllm_tools",
        describe(include_str!("../../fixtures/stream/vllm_tools.sse"))
    );
    insta::assert_snapshot!("ollama", describe(include_str!("../../fixtures/stream/ollama.sse")));
    insta::assert_snapshot!("mistral", describe(include_str!("../../fixtures/stream/mistral.sse")));
    insta::assert_snapshot!("broken", describe(include_str!("../../fixtures/stream/broken.sse")));
}

#[test]
fn text_is_put_behind_what_a_choice_says() {
    let fields = json!({"choices": [
        {"index": 0, "delta": {"content": "a"}},
        {"index": 1, "delta": {}, "finish_reason": "stop"},
        {"index": 2, "delta": {"content": null}},
    ]});
    let mut chunk = ChatChunk::from_fields(fields.as_object().unwrap().clone());
    for choice in 0..4 {
        chunk.append_text(choice, "b");
    }
    let texts: Vec<(u64, &str)> = chunk.texts().collect();
    assert_eq!(texts, [(0, "ab"), (1, "b"), (2, "b")]);
}

#[test]
fn texts_are_rewritten_per_choice_and_nothing_else() {
    let fields = json!({
        "id": "x", "new": {"a": 1},
        "choices": [
            {"index": 1, "delta": {"content": "b"}, "logprobs": {"content": []}},
            {"index": 0, "delta": {"content": "a", "reasoning_content": "r"}},
            {"index": 2, "delta": {}},
        ],
    });
    let mut chunk = ChatChunk::from_fields(fields.as_object().unwrap().clone());
    assert_eq!(chunk.text(), "a");
    chunk.rewrite_texts(|index, text| format!("{index}{text}"));
    let expected = json!({
        "id": "x", "new": {"a": 1},
        "choices": [
            {"index": 1, "delta": {"content": "1b"}, "logprobs": {"content": []}},
            {"index": 0, "delta": {"content": "0a", "reasoning_content": "r"}},
            {"index": 2, "delta": {}},
        ],
    });
    assert_eq!(chunk.to_json(), expected.to_string());
}

/// G-3: TGI names the end of any answer alike; with calls in it, clients expect another name.
#[test]
fn an_answer_of_tgi_that_calls_tools_ends_as_such() {
    let call = r#"{"index":0,"id":"0","type":"function","function":{"name":"f","arguments":"{}"}}"#;
    let ends = |pieces: &[(u64, &str, &str)]| {
        let mut stream = Dialect::Tgi.chat_stream(head());
        let mut items = Vec::new();
        for (index, delta, end) in pieces {
            let piece = format!(
                "data: {{\"choices\":[{{\"index\":{index},\"delta\":{delta},\"finish_reason\":{end}}}]}}\n\n"
            );
            stream.feed(piece.as_bytes(), &mut items).unwrap();
        }
        let ends = items.iter().filter_map(|item| match item {
            StreamItem::Chunk(chunk) => chunk.finish_reason().map(str::to_owned),
            _ => None,
        });
        ends.collect::<Vec<_>>()
    };
    let calls = format!("{{\"tool_calls\":[{call}]}}");
    let one = format!("{{\"tool_calls\":{call}}}");
    for calls in [calls.as_str(), &one] {
        assert_eq!(ends(&[(0, calls, "\"eos_token\"")]), ["tool_calls"]);
        assert_eq!(ends(&[(0, calls, "null"), (0, "{}", "\"eos_token\"")]), ["tool_calls"]);
        let others = [(0, calls, "null"), (1, "{}", "\"eos_token\""), (0, "{}", "\"stop\"")];
        assert_eq!(ends(&others), ["stop", "stop"], "each choice for itself; what is right stays");
    }
    assert_eq!(ends(&[(0, "{\"tool_calls\":[]}", "\"eos_token\"")]), ["stop"]);
}
