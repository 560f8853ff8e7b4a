//! Bytes of a hostile or broken server: no decoder panics, none holds more than it may, and what is
//! cut off is noticed.

use llm::{Dialect, SseLimits, StreamItem};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::matrix::{cases, head, stream_bytes};
use crate::wire;

/// Reads bytes until the first error and says how it ended.
fn read(dialect: Dialect, bytes: &[u8], piece: usize) -> (Vec<StreamItem>, bool) {
    let mut stream = dialect.chat_stream(head());
    let mut items = Vec::new();
    for piece in bytes.chunks(piece.max(1)) {
        if stream.feed(piece, &mut items).is_err() {
            return (items, false);
        }
    }
    let is_right = stream.finish(&mut items).is_ok();
    (items, is_right)
}

const WIRES: [Dialect; 5] =
    [Dialect::Compatible, Dialect::Anthropic, Dialect::Gemini, Dialect::Bedrock, Dialect::Ollama];

#[test]
fn a_stream_that_is_cut_off_is_never_done() {
    for (name, case) in cases() {
        for dialect in WIRES {
            let Some(bytes) = stream_bytes(&case, dialect) else { continue };
            let (whole, _) = read(dialect, &bytes, bytes.len());
            if whole.last() != Some(&StreamItem::Done) {
                continue;
            }
            let half = &bytes[..bytes.len() / 2];
            let (items, _) = read(dialect, half, half.len());
            assert!(!items.contains(&StreamItem::Done), "{name}.{dialect}");
        }
    }
}

#[test]
fn endless_lines_and_frames_end_the_stream() {
    let limits = SseLimits::default();
    for dialect in [Dialect::Compatible, Dialect::Anthropic, Dialect::Gemini, Dialect::Ollama] {
        let mut stream = dialect.chat_stream(head());
        let mut items = Vec::new();
        let piece = vec![b'x'; 1 << 20];
        let fed = (0..).take_while(|_| stream.feed(&piece, &mut items).is_ok()).count();
        assert!(fed <= limits.line_bytes / piece.len(), "{dialect} held {fed} MiB");
    }
    // A frame says beforehand how long it is, so not a byte of a longer one is waited for.
    let mut prelude = u32::try_from(limits.event_bytes + 1).unwrap().to_be_bytes().to_vec();
    prelude.extend(0_u32.to_be_bytes());
    prelude.extend(crc32fast::hash(&prelude).to_be_bytes());
    assert!(Dialect::Bedrock.chat_stream(head()).feed(&prelude, &mut Vec::new()).is_err());
}

#[test]
fn a_frame_with_a_wrong_checksum_ends_the_stream() {
    let frame = wire::frame("messageStart", br#"{"role":"assistant"}"#);
    assert!(read(Dialect::Bedrock, &frame, 5).1);
    for at in 0..frame.len() {
        let mut broken = frame.clone();
        broken[at] ^= 1;
        let (items, is_right) = read(Dialect::Bedrock, &broken, 5);
        assert!(!is_right && items.is_empty(), "byte {at} of {}", frame.len());
    }
    assert!(!read(Dialect::Bedrock, &frame[..frame.len() - 1], 5).1, "cut off");
}

#[test]
fn headers_of_every_type_are_passed_over() {
    let kinds: [(u8, &[u8]); 9] = [
        (0, b""),
        (1, b""),
        (2, &[1]),
        (3, &[1; 2]),
        (4, &[1; 4]),
        (5, &[1; 8]),
        (6, &[0, 2, 7, 7]),
        (8, &[1; 8]),
        (9, &[1; 16]),
    ];
    let mut headers = Vec::new();
    for (kind, value) in kinds {
        headers.extend([1, b'x', kind]);
        headers.extend(value);
    }
    headers.extend(b"\x0b:event-type\x07\x00\x0cmessageStart");
    let frame = wire::frame_of(&headers, b"{}");
    assert_eq!(read(Dialect::Bedrock, &frame, 3).0.len(), 1);
    // A type that does not exist, and headers that end too early.
    for headers in [&b"\x01x\x0a"[..], b"\x05x", b"\x01x\x07\x00\x09a"] {
        assert!(!read(Dialect::Bedrock, &wire::frame_of(headers, b"{}"), 64).1);
    }
}

/// An event whose fields are named as some server names them, with values of any type.
fn strange() -> impl Strategy<Value = Value> {
    let names = [
        "type",
        "message",
        "content_block",
        "delta",
        "usage",
        "index",
        "text",
        "thinking",
        "error",
        "partial_json",
        "candidates",
        "content",
        "parts",
        "functionCall",
        "finishReason",
        "done",
        "usageMetadata",
        "promptFeedback",
        "tool_calls",
        "function",
        "arguments",
        "choices",
        "contentBlockDelta",
        "start",
        "toolUse",
        "logprobsResult",
        "chosenCandidates",
        "stop_reason",
    ];
    let words = prop_oneof![
        Just("message_start"),
        Just("content_block_start"),
        Just("content_block_delta"),
        Just("content_block_stop"),
        Just("message_delta"),
        Just("tool_use"),
        Just("text_delta"),
        Just("input_json_delta"),
        Just("STOP"),
        Just(""),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        Just(json!(1e300)),
        words.prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 60, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::hash_map(prop::sample::select(names.to_vec()), inner, 0..6)
                .prop_map(|fields| fields.into_iter().map(|(k, v)| (k.to_owned(), v)).collect()),
        ]
    })
}

proptest! {
    #[test]
    fn no_bytes_make_a_decoder_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..300), piece in 1_usize..64,
    ) {
        for dialect in Dialect::ALL {
            let _ = read(dialect, &bytes, piece);
            let _ = dialect.chat_response(&bytes.clone().into(), &head());
            let _ = dialect.error(&bytes);
        }
    }

    #[test]
    fn no_event_makes_a_decoder_panic(
        events in prop::collection::vec(strange(), 1..5), kind in prop::sample::select(vec![
            "messageStart", "contentBlockStart", "contentBlockDelta", "messageStop", "metadata", "exception:x",
        ]),
    ) {
        for dialect in WIRES {
            let mut bytes = Vec::new();
            for event in &events {
                let text = event.to_string();
                match dialect {
                    Dialect::Bedrock => bytes.extend(wire::frame(kind, text.as_bytes())),
                    Dialect::Ollama => bytes.extend(format!("{text}\n").into_bytes()),
                    _ => bytes.extend(format!("data: {text}\n\n").into_bytes()),
                }
                let _ = dialect.chat_response(&text.to_owned().into(), &head());
                let _ = dialect.error(text.as_bytes());
            }
            let whole = read(dialect, &bytes, bytes.len());
            prop_assert_eq!(read(dialect, &bytes, 3), whole);
        }
    }
}
