//! Our own side of the interface, word for word.

use llm::{
    ChatRequest, ChatResponse, Usage,
    openai::{self, ErrorBody, Head},
};

fn head() -> Head {
    let (id, model) = ("chatcmpl-1".to_owned(), "standard".to_owned());
    Head { id, created: 1_700_000_000, model, is_bare: false }
}

#[test]
fn a_stream_looks_like_openai() {
    let usage = Usage { prompt_tokens: 3, completion_tokens: 2 }.to_value();
    let chunks = [
        head().opening_chunk(),
        head().text_chunk("Ja."),
        head().closing_chunk("stop"),
        head().usage_chunk(usage),
    ];
    let events = chunks.iter().map(openai::event);
    let stream: Vec<u8> = events.chain([openai::DONE.into()]).flatten().collect();
    insta::assert_snapshot!(String::from_utf8(stream).unwrap());
}

#[test]
fn a_whole_answer_looks_like_openai() {
    let usage = Usage { prompt_tokens: 3, completion_tokens: 2 };
    let response = head().response("Ja.", "stop", usage);
    assert_eq!((response.text(), response.finish_reason()), ("Ja.", Some("stop")));
    assert_eq!(response.usage(), Some(usage));
    assert_eq!(ChatResponse::parse(&response.to_json()).unwrap(), response);
    insta::assert_json_snapshot!(response.fields());
}

#[test]
fn errors_and_models_look_like_openai() {
    let refusal = ChatRequest::parse(b"{}").unwrap_err();
    insta::assert_json_snapshot!(ErrorBody::from(&refusal).to_value());
    insta::assert_json_snapshot!(openai::models(["standard", "fachwerk-auszug"], 1_700_000_000));
}
