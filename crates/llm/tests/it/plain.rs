//! Answers that are nothing but text are read without a tree of values: whatever is asked of them or
//! changed in them, they must say what the tree would say.

use std::collections::BTreeSet;

use bytes::Bytes;
use llm::{ChatChunk, ChatResponse, SseEvent, StreamItem, UsageDetails, messages, responses};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// A field that nobody knows: with it the answer is read as a tree.
const UNKNOWN: &str = "unknown_to_all";

fn text() -> impl Strategy<Value = Value> {
    prop_oneof![
        3 => "[a-zäöü \"\\\\\n\u{1F600}]{0,12}".prop_map(Value::String),
        1 => Just(Value::Null),
    ]
}

fn usage() -> impl Strategy<Value = Option<Value>> {
    prop_oneof![
        Just(None),
        Just(Some(Value::Null)),
        (0_u64..99, prop::option::of(0_u64..99)).prop_map(|(prompt, answer)| {
            Some(json!({"prompt_tokens": prompt, "completion_tokens": answer, "total_tokens": 7}))
        }),
        (0_u64..99).prop_map(|cached| {
            Some(json!({"prompt_tokens": 100, "completion_tokens": 5,
                "prompt_tokens_details": {"cached_tokens": cached, "audio_tokens": null},
                "completion_tokens_details": {"reasoning_tokens": 3}}))
        }),
    ]
}

fn choice(part: &'static str) -> impl Strategy<Value = Value> {
    let end = prop::sample::select(vec![
        Value::Null,
        "stop".into(),
        "length".into(),
        "eos_token".into(),
        "content_filter".into(),
    ]);
    let names = prop::sample::subsequence(
        vec!["role", "content", "reasoning_content", "reasoning", "refusal", "tool_calls"],
        0..6,
    );
    (0_u64..4, names, prop::collection::vec(text(), 6), end, any::<bool>()).prop_map(
        move |(index, names, texts, end, has_words)| {
            let mut message = Map::new();
            for (name, text) in names.into_iter().zip(texts) {
                let value = match name {
                    "role" => "assistant".into(),
                    "tool_calls" => json!([]),
                    _ => text,
                };
                message.insert(name.to_owned(), value);
            }
            let words = if has_words { json!({"content": [{"token": "a"}]}) } else { Value::Null };
            json!({"index": index, part: message, "logprobs": words, "finish_reason": end})
        },
    )
}

/// An answer as text, the same with a field that nobody knows, in the same order.
fn answer(part: &'static str) -> impl Strategy<Value = (String, String)> {
    let least = usize::from(part == "message");
    let choices = prop::collection::vec(choice(part), least..3);
    (choices, usage(), any::<bool>(), any::<bool>()).prop_map(|(choices, usage, first, wide)| {
        let mut fields = Map::new();
        if first && let Some(usage) = &usage {
            fields.insert("usage".to_owned(), usage.clone());
        }
        fields.insert("id".to_owned(), "chatcmpl-ä".into());
        fields.insert("model".to_owned(), "klein".into());
        fields.insert("choices".to_owned(), choices.into());
        if let Some(usage) = usage {
            fields.insert("usage".to_owned(), usage);
        }
        let write = |fields: &Map<String, Value>| {
            let value = Value::Object(fields.clone());
            if wide { format!("{value:#}") } else { value.to_string() }
        };
        let plain = write(&fields);
        fields.insert(UNKNOWN.to_owned(), 1.into());
        (plain, write(&fields))
    })
}

fn chunk(text: &str) -> ChatChunk {
    let event = SseEvent { name: None, data: text.to_owned() };
    match StreamItem::decode(&event) {
        Ok(StreamItem::Chunk(chunk)) => chunk,
        other => panic!("{other:?}"),
    }
}

fn known(fields: &Map<String, Value>) -> Map<String, Value> {
    let mut fields = fields.clone();
    fields.shift_remove(UNKNOWN);
    fields
}

fn louder(choice: u64, place: &str, text: &str) -> String {
    if text.len() > 4 { format!("{choice}{place}{}\"", text.to_uppercase()) } else { text.into() }
}

/// What clients that speak another dialect get of a piece.
fn as_events(piece: &ChatChunk) -> [String; 4] {
    let (mut message, mut response) =
        (messages::Events::new(), responses::Events::new(responses::Echo::default()));
    let begun = [message.push(piece), response.push(piece)];
    let [one, two] = begun;
    [one, two, message.finish(), response.finish()]
}

proptest! {
    #[test]
    fn a_whole_answer_says_what_its_tree_says((written, other) in answer("message")) {
        let body = Bytes::from(written.clone());
        let mut plain = ChatResponse::read(&body).unwrap();
        let mut tree = ChatResponse::parse(other.as_bytes()).unwrap();
        prop_assert_eq!(plain.finish_reason(), tree.finish_reason());
        prop_assert_eq!(plain.usage(), tree.usage());
        prop_assert_eq!(plain.usage_details(), tree.usage_details());
        prop_assert_eq!(plain.generated_bytes(), tree.generated_bytes());
        prop_assert_eq!(plain.text(), tree.text());
        prop_assert_eq!(plain.head(), tree.head());
        prop_assert_eq!(plain.fields(), &known(tree.fields()));
        for answer in [&mut plain, &mut tree] {
            answer.set_model("groß");
            answer.rewrite_all(&mut louder);
            answer.rewrite_texts(|choice, text| format!("{choice}.{text}"));
        }
        let said: Map<String, Value> = serde_json::from_slice(&plain.to_json()).unwrap();
        prop_assert_eq!(&said, &known(tree.fields()));
        prop_assert_eq!(plain.fields(), &said);
        for answer in [&mut plain, &mut tree] {
            answer.forget_log_probabilities();
            answer.withhold(&BTreeSet::from([1]), |_| "Schluss".to_owned());
        }
        prop_assert_eq!(plain.fields(), &known(tree.fields()));
    }

    #[test]
    fn a_piece_says_what_its_tree_says(
        (written, other) in answer("delta"), takes_usage in any::<bool>(),
    ) {
        let mut plain = chunk(&written);
        let mut tree = chunk(&other);
        prop_assert_eq!(plain.finish_reason(), tree.finish_reason());
        prop_assert_eq!(plain.ended_choices(), tree.ended_choices());
        prop_assert_eq!(plain.usage(), tree.usage());
        prop_assert_eq!(plain.usage_details(), tree.usage_details());
        prop_assert_eq!(plain.generated_bytes(), tree.generated_bytes());
        prop_assert_eq!(plain.is_without_choices(), tree.is_without_choices());
        prop_assert_eq!(plain.texts().collect::<Vec<_>>(), tree.texts().collect::<Vec<_>>());
        prop_assert_eq!(as_events(&plain), as_events(&tree));
        prop_assert_eq!(plain.brings(), tree.brings());
        prop_assert_eq!(plain.fields(), &known(tree.fields()));
        for piece in [&mut plain, &mut tree] {
            if takes_usage {
                piece.take_usage();
            }
            piece.set_model("groß");
            piece.rewrite_all(&mut louder);
            piece.rewrite_texts(|choice, text| format!("{choice}.{text}"));
            piece.append_at(0, "reasoning", "Nachsatz");
        }
        let said: Map<String, Value> = serde_json::from_slice(&plain.to_json()).unwrap();
        prop_assert_eq!(&said, &known(tree.fields()));
        for piece in [&mut plain, &mut tree] {
            piece.append_text(0, "Nachsatz");
            piece.forget_log_probabilities();
            piece.withhold(&BTreeSet::from([1]), |_| "Schluss".to_owned());
        }
        prop_assert_eq!(plain.fields(), &known(tree.fields()));
    }

    /// What is kept as it came must be readable whenever somebody asks.
    #[test]
    fn a_broken_answer_is_no_answer_or_a_sound_one(
        (written, _) in answer("message"), at in any::<prop::sample::Index>(), byte in any::<u8>(),
    ) {
        let mut bytes = written.into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(answer) = ChatResponse::parse(&bytes) {
            let tree: Map<String, Value> = serde_json::from_slice(&answer.to_json()).unwrap();
            prop_assert_eq!(&tree, answer.fields());
        }
    }
}

#[test]
fn what_nobody_changed_goes_on_as_it_came() {
    let written = r#"{ "id":"a", "object":"chat.completion","created":1, "model":"gro\u00df",
        "choices":[{"index":0,"message":{"role":"assistant","content":"F\u00fcr"},"logprobs":null,
        "finish_reason":"stop","stop_reason":null}],"usage":{"prompt_tokens":1,"completion_tokens":1,
        "total_tokens":2}, "timings":{"a":[1.5e3]} }"#;
    let body = Bytes::from(written);
    let mut answer = ChatResponse::read(&body).unwrap();
    answer.rewrite_all(&mut |_, _, text| text.to_owned());
    assert_eq!(answer.to_json(), body);
    assert_eq!(answer.to_json().as_ptr(), body.as_ptr(), "without a copy");
    answer.set_model("klein");
    assert_eq!(answer.to_json(), written.replace(r"gro\u00df", "klein"));
}

/// Each of these could hide something from whoever looks at the texts, or fail later.
#[test]
fn what_is_not_plain_is_read_as_a_tree() {
    let deep = "[".repeat(200) + &"]".repeat(200);
    let shapes = [
        r#"{"model":"m","choices":[{}],"choices":[{"message":{"content":"a"}}]}"#.to_owned(),
        r#"{"model":"m","choices":[{"message":{"content":"a","content":"b"}}]}"#.to_owned(),
        r#"{"model":"m","choices":[{"message":{"content":"a","tool_calls":[{"id":"x"}]}}]}"#.into(),
        r#"{"model":"m","choices":[{"message":{"content":[{"type":"text","text":"a"}]}}]}"#.into(),
        r#"{"model":"m","choices":[{"message":{"content":"a","secret":"b"}}]}"#.to_owned(),
        r#"{"model":"m","choices":[{"message":{"content":"a"},"delta":{"content":"b"}}]}"#.into(),
        r#"{"model":"m","choices":[[0,{"content":"a"}]]}"#.to_owned(),
        r#"{"model":"m","choices":[{"message":["assistant","a"]}]}"#.to_owned(),
        r#"{"choices":[{"message":{"content":"a"}}]}"#.to_owned(),
    ];
    for shape in shapes {
        // As it came it would begin with a blank.
        let answer = ChatResponse::parse(format!(" {shape}").as_bytes()).unwrap();
        assert_eq!(answer.to_json(), serde_json::to_string(answer.fields()).unwrap());
    }
    for broken in [
        format!(r#"{{"model":"m","choices":[{{"message":{{}}}}],"timings":{deep}}}"#),
        r#"{"model":"m","choices":[{"message":{}}],"timings":"\ud800"}"#.to_owned(),
        r#"{"model":"\ud800","choices":[{"message":{}}]}"#.to_owned(),
        r#"{"model":"m","choices":[{"message":{}}],"timings":1e999}"#.to_owned(),
        r#"{"model":"m","choices":[{"message":{}}]} x"#.to_owned(),
        r#"{"model":"m","choices":[]}"#.to_owned(),
    ] {
        assert!(ChatResponse::parse(broken.as_bytes()).is_err(), "{broken}");
    }
    assert_eq!(ChatResponse::of_text("a").usage_details(), UsageDetails::default());
}
