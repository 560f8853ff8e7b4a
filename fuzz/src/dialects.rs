//! What clients and providers of other dialects send: `llm`, and texts that `guard` looks at.

use guard::{Pseudonyms, Scanner};
use llm::{Delivery, Dialect, messages, openai::Head, responses};

pub const MESSAGES: &[&[u8]] = &[
    br#"{"model":"m","max_tokens":9,"system":"s","messages":[{"role":"user","content":[{"type":"text","text":"a"},{"type":"tool_result","tool_use_id":"t","content":"b"}]}],"tools":[{"name":"f","input_schema":{}}],"stream":true}"#,
];
pub const RESPONSES: &[&[u8]] = &[
    br#"{"model":"m","input":[{"role":"user","content":[{"type":"input_text","text":"a"}]},{"type":"function_call_output","call_id":"c","output":"b"}],"text":{"format":{"type":"json_object"}}}"#,
];
pub const ANSWERS: &[&[u8]] = &[
    br#"{"id":"x","content":[{"type":"text","text":"a"},{"type":"tool_use","id":"t","name":"f","input":{}}],"stop_reason":"end_turn","usage":{"input_tokens":1,"output_tokens":2}}"#,
    br#"{"candidates":[{"content":{"parts":[{"text":"a"}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":1}}"#,
    br#"{"message":{"role":"assistant","content":"a"},"done":true,"prompt_eval_count":1}"#,
];
pub const STREAMS: &[&[u8]] = &[
    b"event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"a\"}}\n\n",
    b"{\"message\":{\"content\":\"a\"},\"done\":false}\n{\"done\":true}\n",
    b"\0\0\0\x10\0\0\0\0\x05\xc2\x48\xeb\x7d\x98\xc8\xff",
];
pub const TEXTS: &[&[u8]] = &[
    "Herr Dr. Max Müller, Hauptstraße 5, 50667 Köln, DE89 3704 0044 0532 0130 00, max@amt.de"
        .as_bytes(),
    "⟦PERSON1⟧ ⟦IBAN1⟧ ⟦".as_bytes(),
    "IBAN D\u{ad}E89 37O4\u{a0}OO44 O532 O13O OO, Tel. ０３０ 5557812, Frau Mu\u{308}ller"
        .as_bytes(),
];

/// A request of Anthropic's clients can be told to every dialect, or is refused by name.
pub fn messages_request(data: &[u8]) {
    let (parsed, counted) = (messages::parse(data), messages::parse_count_tokens(data));
    for request in [parsed, counted].into_iter().flatten() {
        tell_everybody(&request);
    }
}

pub fn responses_request(data: &[u8]) {
    if let Ok(request) = responses::parse(data) {
        tell_everybody(&request.chat);
    }
}

fn tell_everybody(request: &llm::ChatRequest) {
    for dialect in Dialect::ALL {
        for delivery in [Delivery::Streamed, Delivery::Whole] {
            if let Err(refusal) = dialect.chat_call(request, "oben", delivery) {
                assert!(!refusal.message.is_empty());
            }
        }
    }
}

pub fn provider_answer(data: &[u8]) {
    for dialect in Dialect::ALL {
        if let Ok(answer) = dialect.chat_response(&data.to_vec().into(), &Head::default()) {
            let _ = (messages::response(&answer), answer.text().len(), answer.usage());
        }
        let _ = dialect.error(data);
    }
}

/// A stream means the same however it is cut.
pub fn provider_stream(data: &[u8]) {
    for dialect in Dialect::ALL {
        let decode = |piece: usize| {
            let (mut stream, mut items) = (dialect.chat_stream(Head::default()), Vec::new());
            let fed = data.chunks(piece).try_for_each(|piece| stream.feed(piece, &mut items));
            let ended = fed.is_ok() && stream.finish(&mut items).is_ok();
            (items, ended)
        };
        let (whole, cut) = (decode(data.len().max(1)), decode(3));
        assert_eq!(whole.1, cut.1, "{}", dialect.code());
        if whole.1 {
            assert_eq!(whole.0, cut.0, "{}", dialect.code());
        }
    }
}

/// What is hidden comes back, and nothing of it is left behind.
pub fn personal_data(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let scanner = Scanner::default();
    let findings = scanner.scan(&text);
    let mut pseudonyms = Pseudonyms::new();
    let hidden = pseudonyms.pseudonymise(&text, &findings);
    assert_eq!(pseudonyms.restore(&hidden), text);
    assert!(scanner.scan(&scanner.mask(&text).text).is_empty(), "something is left");
}
