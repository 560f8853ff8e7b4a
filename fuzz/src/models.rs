//! What programs and model servers send: `llm` and the addresses of `gateway`.

use gateway::BaseUrl;
use llm::{
    ChatRequest, ChatResponse, CitationFilter, Delivery, Dialect, OperationResponse, SseDecoder,
    SseEvent, SseLimits, StreamItem, UPSTREAM_MESSAGE_CHARS_MAX, UpstreamError, openai::ErrorBody,
};
use serde_json::Value;

pub const REQUESTS: &[&[u8]] = &[
    br#"{"model":"gross","messages":[{"role":"user","content":"Frage?"}],"stream":true,"stream_options":{"include_usage":true}}"#,
    br#"{"model":"m","messages":[{"role":"system","content":[{"type":"text","text":"x"},{"type":"image_url","image_url":{"url":"data:image/png;base64,AA=="}}]},{"role":"tool","tool_call_id":"1","content":"y"}],"max_completion_tokens":5,"n":2,"tools":[],"fachwerk":{"collections":["0198c7b1-7a5e-7000-8000-000000000000"],"data_class":"open"}}"#,
];
pub const STREAMS: &[&[u8]] = &[
    b"\x03data: {\"a\":1}\r\n\r\nevent: error\ndata: x\ndata: y\n\n: comment\n\ndata: [DONE]\n\n",
    b"\x01\xef\xbb\xbfdata:a\r\rdata\n\nid: 3\nretry: 9\ndata: \xff",
];
pub const CHUNKS: &[&[u8]] = &[
    br#"{"id":"x","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":"Hallo"},"finish_reason":null}]}"#,
    br#"{"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}"#,
    br#"{"error":{"message":"voll","type":"server_error","code":503}}"#,
    b"[DONE]",
];
pub const ANSWERS: &[&[u8]] = &[
    br#"{"id":"x","choices":[{"index":0,"message":{"role":"assistant","content":"Hallo [1]","tool_calls":[]},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}"#,
];
pub const VERDICTS: &[&[u8]] = &[
    br#"{"results":[{"flagged":true,"categories":{"violence":true,"x y":true},"category_scores":{"violence":1e-300}},{"flagged":false}]}"#,
    br#"{"results":[{"flagged":true}]}"#,
];
pub const ERRORS: &[&[u8]] = &[
    br#"{"error":{"message":"Kein Platz","type":"overloaded","code":"x"}}"#,
    br#"{"detail":[{"msg":"falsch"}]}"#,
    b"<html>502 Bad Gateway</html>",
];
pub const MARKS: &[&[u8]] = &[
    b"\x02Die Frist [1] betr\xc3\xa4gt [2, 9][^3] drei\xe3\x80\x901\xe3\x80\x91 Jahre `[4]` [5](http://x) [[6]].",
    b"\x01```\n[1]\n```\n[1-3] [Quelle 2] [",
];

pub fn chat_request(data: &[u8]) {
    match ChatRequest::parse(data) {
        Ok(request) => {
            let _ = (request.question(), request.language(), request.extension().is_some());
            let _ = (request.stream(), request.max_tokens(), request.n(), request.prompt_bytes());
            for delivery in [Delivery::Streamed, Delivery::Whole] {
                let Ok(call) = Dialect::Compatible.chat_call(&request, "oben", delivery) else {
                    continue;
                };
                let sent: Value = serde_json::from_slice(&call.body()).expect("we send JSON");
                assert_eq!(sent["model"], "oben");
                assert!(sent.get("fachwerk").is_none(), "our own field leaves the house");
            }
        }
        Err(refusal) => {
            assert!(!ErrorBody::from(&refusal).to_value()["error"]["message"].is_null());
        }
    }
}

/// Names and scores of an external guardrail go into the audit log.
pub fn verdict(data: &[u8]) {
    let Ok(answer) = OperationResponse::parse(data) else { return };
    for texts in 0..4 {
        let Ok(flags) = answer.flags(texts) else { continue };
        assert_eq!(flags.len(), texts);
        for flag in flags.into_iter().flatten() {
            assert!(flag.score > 0.0 && flag.score <= 1.0);
            assert!(flag.category.len() <= 40 && flag.category.is_ascii());
        }
    }
}

/// The first byte says how long the pieces are: an event stream means the same however it is cut.
pub fn event_stream(data: &[u8]) {
    let Some((size, stream)) = data.split_first() else { return };
    let limits = SseLimits { line_bytes: 1_000, event_bytes: 2_000 };
    let decode = |piece: usize| {
        let mut decoder = SseDecoder::new(limits);
        let mut events: Vec<SseEvent> = Vec::new();
        for piece in stream.chunks(piece) {
            if let Err(error) = decoder.feed(piece, &mut events) {
                return (events, Err(error));
            }
        }
        let last = decoder.finish();
        let ended = last.map(|last| events.extend(last));
        (events, ended)
    };
    let pieces = decode(usize::from(*size).max(1));
    assert_eq!(pieces, decode(stream.len().max(1)));
    assert!(pieces.0.iter().all(|event| event.data.len() <= limits.event_bytes));
}

pub fn stream_chunk(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    for name in [None, Some("error".to_owned())] {
        let event = SseEvent { name, data: text.to_owned() };
        match StreamItem::decode(&event) {
            Ok(StreamItem::Chunk(mut chunk)) => {
                let _ = (chunk.text().len(), chunk.usage(), chunk.finish_reason().is_some());
                let _ = (chunk.generated_bytes(), chunk.is_without_choices(), chunk.head());
                chunk.rewrite_texts(|_, text| text.to_uppercase());
                chunk.append_text(0, "mehr");
                let _ = chunk.take_usage();
                serde_json::from_slice::<Value>(&chunk.to_json()).expect("a chunk is JSON");
            }
            Ok(StreamItem::Failed(error)) => bounded(&error),
            Ok(StreamItem::Typed(event)) => {
                serde_json::from_str::<Value>(&event.to_event()).expect("an event is JSON");
            }
            Ok(StreamItem::Done) | Err(_) => {}
        }
    }
}

pub fn whole_answer(data: &[u8]) {
    let Ok(mut answer) = ChatResponse::parse(data) else { return };
    let _ = (answer.text().len(), answer.usage(), answer.generated_bytes());
    let _ = answer.finish_reason();
    answer.rewrite_texts(|_, text| text.to_uppercase());
    serde_json::from_slice::<Value>(&answer.to_json()).expect("an answer is JSON");
}

pub fn upstream_error(data: &[u8]) {
    bounded(&UpstreamError::parse(data));
}

fn bounded(error: &UpstreamError) {
    let chars = error.message.as_deref().unwrap_or_default().chars().count();
    assert!(chars <= UPSTREAM_MESSAGE_CHARS_MAX + 2, "{chars} characters of somebody else's");
}

/// The first byte says how long the pieces are: the same text comes out however it is cut.
pub fn citations(data: &[u8]) {
    let Some((size, text)) = data.split_first() else { return };
    let text = String::from_utf8_lossy(text);
    let filter = |mut filter: CitationFilter, size: usize| {
        let mut shown = String::new();
        let mut piece = String::new();
        for (at, char) in text.chars().enumerate() {
            piece.push(char);
            if (at + 1) % size == 0 {
                shown += &filter.push(&std::mem::take(&mut piece));
            }
        }
        shown += &filter.push(&piece);
        shown += &filter.finish();
        (shown, filter.cited().to_vec(), filter.removed())
    };
    let size = usize::from(*size).max(1);
    for make in [CitationFilter::new, CitationFilter::renumbering] {
        let whole = filter(make([1, 2, 3]), usize::MAX);
        assert_eq!(filter(make([1, 2, 3]), size), whole);
        assert!(whole.1.iter().all(|number| (1..=3).contains(number)));
    }
}

pub fn base_url(data: &[u8]) {
    if let Ok(address) = String::from_utf8_lossy(data).parse::<BaseUrl>() {
        let again = address.to_string().parse::<BaseUrl>().expect("what we print we read");
        assert_eq!(again.to_string(), address.to_string());
    }
}
