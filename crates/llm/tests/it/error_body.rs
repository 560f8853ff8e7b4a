//! What servers say when they refuse, in each one's own shape.

use llm::{UPSTREAM_MESSAGE_CHARS_MAX, UpstreamError};
use proptest::prelude::*;

#[test]
fn every_shape_is_read() {
    let bodies = [
        (
            "OpenAI",
            r#"{"error":{"message":"This model's maximum context length is 8192 tokens.","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}}"#,
        ),
        (
            "Azure, filter",
            r#"{"error":{"message":"The response was filtered.","type":null,"param":"prompt","code":"content_filter","status":400,"innererror":{"code":"ResponsibleAIPolicyViolation"}}}"#,
        ),
        (
            "Azure, front door",
            r#"{"statusCode":401,"message":"Access denied due to invalid subscription key."}"#,
        ),
        (
            "vLLM, older",
            r#"{"object":"error","message":"max_tokens is too large","type":"BadRequestError","param":null,"code":400}"#,
        ),
        (
            "vLLM, newer",
            r#"{"error":{"message":"The model `x` does not exist.","type":"NotFoundError","param":"model","code":404}}"#,
        ),
        (
            "llama.cpp",
            r#"{"error":{"code":400,"message":"the request exceeds the available context size","type":"exceed_context_size_error"}}"#,
        ),
        ("Ollama", r#"{"error":"model 'x' not found"}"#),
        ("FastAPI", r#"{"detail":"Not authenticated"}"#),
        (
            "FastAPI, list",
            r#"{"detail":[{"loc":["body","messages"],"msg":"field required","type":"value_error.missing"}]}"#,
        ),
        (
            "Mistral",
            r#"{"object":"error","message":{"detail":[{"type":"missing","loc":["body"],"msg":"Field required"}]},"type":"invalid_request_error","param":null,"code":null}"#,
        ),
        (
            "Gemini",
            r#"[{"error":{"code":400,"message":"Invalid JSON payload","status":"INVALID_ARGUMENT"}}]"#,
        ),
        ("HTML", "<html>502 Bad Gateway</html>"),
        ("empty", ""),
    ];
    let read: Vec<String> = bodies
        .iter()
        .map(|(name, body)| {
            let error = UpstreamError::parse(body.as_bytes());
            format!("{name}: {:?} param {:?} code {:?}", error.message, error.param, error.code)
        })
        .collect();
    insta::assert_snapshot!(read.join("\n"));
}

#[test]
fn long_and_strange_messages_are_tamed() {
    let body = serde_json::json!({"error": format!("a\u{1b}[31m\n{}", "ä".repeat(10_000))});
    let message = UpstreamError::parse(body.to_string().as_bytes()).message.unwrap();
    assert!(message.chars().count() <= UPSTREAM_MESSAGE_CHARS_MAX);
    assert!(!message.contains(char::is_control));
}

proptest! {
    #[test]
    fn any_bytes_are_read(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = UpstreamError::parse(&bytes);
    }
}

#[test]
fn a_dialect_finds_its_own_codes() {
    use llm::Dialect;
    let cases = [
        (
            Dialect::Anthropic,
            r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"},"request_id":"req_1"}"#,
            "overloaded_error",
        ),
        (
            Dialect::Gemini,
            r#"{"error":{"code":400,"message":"API key not valid.","status":"INVALID_ARGUMENT"}}"#,
            "INVALID_ARGUMENT",
        ),
        (
            Dialect::Vertex,
            r#"[{"error":{"code":429,"message":"Quota exceeded.","status":"RESOURCE_EXHAUSTED"}}]"#,
            "RESOURCE_EXHAUSTED",
        ),
        (
            Dialect::Bedrock,
            r#"{"__type":"ValidationException","message":"Malformed input request."}"#,
            "ValidationException",
        ),
    ];
    for (dialect, body, code) in cases {
        let error = dialect.error(body.as_bytes());
        assert_eq!(error.code.as_deref(), Some(code), "{dialect}");
        assert!(error.message.is_some(), "{dialect}");
    }
    let page = Dialect::Gemini.error(b"<html>Bad gateway</html>");
    assert_eq!((page.message, page.code), (None, None));
}
