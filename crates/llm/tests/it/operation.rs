//! Interfaces that are handed on.

use llm::{Dialect, Operation, OperationRequest, OperationResponse, SPEECH_CHARS_MAX};
use proptest::prelude::*;
use serde_json::{Value, json};

fn parse(operation: Operation, body: &Value) -> Result<OperationRequest, llm::RequestError> {
    OperationRequest::parse(operation, body.to_string().as_bytes(), None)
}

#[test]
fn everything_but_what_is_ours_is_handed_on() {
    let cases = [
        (
            Operation::Completion,
            json!({"prompt": ["a", "b"], "logprobs": 3, "echo": true, "stream": true}),
        ),
        (
            Operation::Moderation,
            json!({"input": [{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {"url": "https://a.example"}}]}),
        ),
        (Operation::ImageGeneration, json!({"prompt": "Ein Rathaus", "size": "1024x1024", "n": 2})),
        (
            Operation::Speech,
            json!({"input": "Guten Tag", "voice": "alloy", "response_format": "opus"}),
        ),
    ];
    for (operation, mut body) in cases {
        body["model"] = "standard".into();
        let mut ours = body.clone();
        ours["fachwerk"] = json!({"data_class": "open"});
        let request = parse(operation, &ours).unwrap();
        assert!(request.extension().is_some() && !request.texts().is_empty());
        assert_eq!(request.stream(), operation == Operation::Completion);
        let call = Dialect::Vllm.operation_call(&request, "up").unwrap();
        body["model"] = "up".into();
        if operation == Operation::Completion {
            // What a stream cost must always be known.
            body["stream_options"] = json!({"include_usage": true});
        }
        assert_eq!(serde_json::from_slice::<Value>(&call.body()).unwrap(), body);
        assert_eq!(call.path, operation.path());
        let refusal = Dialect::Bedrock.operation_call(&request, "up").unwrap_err();
        assert_eq!(refusal.param.as_deref(), Some("model"));
    }
}

#[test]
fn a_model_may_be_left_out_where_openai_lets_it() {
    let body = br#"{"input": "a"}"#;
    let request = OperationRequest::parse(Operation::Moderation, body, Some("guard")).unwrap();
    assert_eq!((request.model(), request.n()), ("guard", 1));
    let speech = OperationRequest::parse(Operation::Speech, body, Some("voice")).unwrap_err();
    assert_eq!(speech.param.as_deref(), Some("model"));
}

#[test]
fn what_makes_no_sense_is_refused_by_name() {
    let cases = [
        (Operation::Completion, json!({})),
        (Operation::Completion, json!({"prompt": []})),
        (Operation::Completion, json!({"prompt": 7})),
        (Operation::Completion, json!({"prompt": "a", "stream": 7})),
        (Operation::Completion, json!({"prompt": "a", "n": 1000})),
        (Operation::Moderation, json!({"input": vec!["a"; llm::TEXTS_MAX + 1]})),
        (Operation::ImageGeneration, json!({"prompt": ["a"]})),
        (Operation::ImageGeneration, json!({"prompt": "a", "stream": "yes"})),
        (Operation::ImageGeneration, json!({"prompt": "a", "partial_images": 1})),
        (Operation::ImageGeneration, json!({"prompt": "a", "stream": true, "partial_images": 4})),
        (Operation::ImageGeneration, json!({"prompt": "a", "n": 11})),
        (Operation::Moderation, json!({"input": "a", "stream": true})),
        (Operation::Speech, json!({"input": "a"})),
        (Operation::Speech, json!({"input": "a", "voice": "a", "stream_format": 7})),
        (Operation::Speech, json!({"input": "ä".repeat(SPEECH_CHARS_MAX + 1), "voice": "a"})),
    ];
    let lines: Vec<String> = cases
        .into_iter()
        .map(|(operation, mut body)| {
            body["model"] = "m".into();
            parse(operation, &body).unwrap_err().to_string()
        })
        .collect();
    insta::assert_snapshot!("refusals", lines.join("\n"));
    let longest = json!({"model": "m", "input": "ä".repeat(SPEECH_CHARS_MAX), "voice": "a"});
    assert!(parse(Operation::Speech, &longest).is_ok());
    let whole = json!({"model": "m", "prompt": "a", "stream": false, "partial_images": 0, "n": 10});
    assert!(parse(Operation::ImageGeneration, &whole).is_ok());
    let tokens = json!({"model": "m", "prompt": vec![7; llm::TEXTS_MAX + 1]});
    assert!(parse(Operation::Completion, &tokens).is_ok());
}

#[test]
fn figures_are_read_under_both_names() {
    let usage = |usage: Value| {
        let body = json!({"data": [], "usage": usage}).to_string();
        let usage = OperationResponse::parse(body.as_bytes()).unwrap().usage().unwrap();
        (usage.prompt_tokens, usage.completion_tokens)
    };
    assert_eq!(usage(json!({"prompt_tokens": 3, "completion_tokens": 4})), (3, 4));
    assert_eq!(usage(json!({"input_tokens": 3, "output_tokens": 4})), (3, 4));
    assert!(OperationResponse::parse(br#"{"error": {"message": "no"}}"#).is_err());
}

#[test]
fn a_stream_of_bare_text_is_read_like_a_chat() {
    let head = llm::openai::Head::default();
    let mut stream = Dialect::Vllm.chat_stream(head);
    let mut items = Vec::new();
    let bytes = b"data: {\"choices\":[{\"index\":0,\"text\":\"Rathaus\",\"finish_reason\":null}]}\n\ndata: [DONE]\n\n";
    stream.feed(bytes, &mut items).unwrap();
    let [llm::StreamItem::Chunk(chunk), llm::StreamItem::Done] = items.as_slice() else {
        panic!("{items:?}");
    };
    assert_eq!(chunk.generated_bytes(), 7);
}

#[test]
fn images_and_sound_are_streamed_where_the_caller_wants_it() {
    for (operation, body, streams) in [
        (
            Operation::ImageGeneration,
            json!({"prompt": "a", "stream": true, "partial_images": 3}),
            true,
        ),
        (
            Operation::ImageGeneration,
            json!({"prompt": "a", "stream": true, "partial_images": 0}),
            true,
        ),
        (Operation::ImageGeneration, json!({"prompt": "a", "stream": false}), false),
        (Operation::Speech, json!({"input": "a", "voice": "a", "stream_format": "sse"}), true),
        (Operation::Speech, json!({"input": "a", "voice": "a", "stream_format": "audio"}), false),
    ] {
        let mut body = body;
        body["model"] = "m".into();
        let request = parse(operation, &body).unwrap();
        assert_eq!(request.stream(), streams, "{body}");
        let call = Dialect::OpenAi.operation_call(&request, "m").unwrap();
        assert_eq!(serde_json::from_slice::<Value>(&call.body()).unwrap(), body);
    }
}

#[test]
fn images_that_came_whole_become_the_events_that_were_asked_for() {
    let body = json!({"created": 7, "size": "1024x1024", "data": [{"b64_json": "YQ=="}, {"url": "https://a.example"}],
        "usage": {"input_tokens": 3, "output_tokens": 4}});
    let answer = OperationResponse::parse(body.to_string().as_bytes()).unwrap();
    let events: Vec<String> =
        answer.into_image_events().iter().map(llm::TypedEvent::to_event).collect();
    let head = "event: image_generation.completed\ndata: {\"type\":\"image_generation.completed\",";
    assert_eq!(
        events,
        [
            format!("{head}\"size\":\"1024x1024\",\"created_at\":7,\"b64_json\":\"YQ==\"}}\n\n"),
            format!(
                "{head}\"size\":\"1024x1024\",\"created_at\":7,\"url\":\"https://a.example\",\
                 \"usage\":{{\"input_tokens\":3,\"output_tokens\":4}}}}\n\n"
            ),
        ]
    );
    let empty = OperationResponse::parse(b"{}").unwrap();
    assert!(empty.into_image_events().is_empty());
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(body in prop::collection::vec(any::<u8>(), 0..100)) {
        for operation in Operation::ALL {
            let _ = OperationRequest::parse(operation, &body, Some("m"));
        }
    }
}
