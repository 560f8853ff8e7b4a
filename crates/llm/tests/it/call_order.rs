//! Servers may write several calls of tools at once; Anthropic's and OpenAI's typed events know one after
//! the other.

use llm::{
    ChatChunk, messages,
    responses::{self, Echo},
};
use proptest::prelude::*;
use serde_json::{Value, json};

/// A call: its id, and its arguments.
type Call = (String, String);

/// The calls in pieces of `length`, in the order in which `turns` takes from them.
fn pieces(calls: &[Call], length: usize, turns: &[usize]) -> Vec<Value> {
    let mut left: Vec<Vec<Value>> = calls
        .iter()
        .enumerate()
        .map(|(index, (id, arguments))| {
            let name = format!("f{index}");
            let begin = json!({"index": index, "id": id, "type": "function",
                "function": {"name": name, "arguments": ""}});
            let more = arguments.as_bytes().chunks(length).map(|piece| {
                let piece = std::str::from_utf8(piece).unwrap();
                json!({"index": index, "function": {"arguments": piece}})
            });
            let mut pieces: Vec<_> = std::iter::once(begin).chain(more).collect();
            pieces.reverse();
            pieces
        })
        .collect();
    let mut ordered = Vec::new();
    let turns = turns.iter().copied().chain(0..usize::MAX);
    for turn in turns {
        let index = turn % calls.len();
        ordered.extend(left[index].pop());
        if left.iter().all(Vec::is_empty) {
            break;
        }
    }
    ordered
}

fn chunk(calls: &[Value]) -> ChatChunk {
    let choice = json!({"index": 0, "delta": {"tool_calls": calls}, "finish_reason": null});
    let fields = json!({"id": "chatcmpl-1", "choices": [choice]});
    ChatChunk::from_fields(fields.as_object().unwrap().clone())
}

fn data(events: &str) -> Vec<Value> {
    let lines = events.lines().filter_map(|line| line.strip_prefix("data: "));
    lines.map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The calls that a reader of Anthropic's events sees; blocks must not overlap.
fn read_messages(chunks: &[ChatChunk]) -> Vec<Call> {
    let mut events = messages::Events::new();
    let mut text: String = chunks.iter().map(|chunk| events.push(chunk)).collect();
    text += &events.finish();
    let (mut calls, mut open) = (Vec::<Call>::new(), None);
    for event in data(&text) {
        match event["type"].as_str().unwrap() {
            "content_block_start" => {
                assert_eq!(open.replace(event["index"].clone()), None);
                assert!(event["content_block"]["name"].as_str().unwrap().starts_with('f'));
                let id = event["content_block"]["id"].as_str().unwrap().to_owned();
                calls.push((id, String::new()));
            }
            "content_block_delta" => {
                assert_eq!(open.as_ref(), Some(&event["index"]));
                let piece = event["delta"]["partial_json"].as_str().unwrap();
                calls.last_mut().unwrap().1.push_str(piece);
            }
            "content_block_stop" => assert_eq!(open.take(), Some(event["index"].clone())),
            _ => {}
        }
    }
    calls
}

/// The calls that a reader of typed events sees, by their pieces and by their ends alike.
fn read_responses(chunks: &[ChatChunk]) -> Vec<Call> {
    let mut events = responses::Events::new(Echo::default());
    let mut text: String = chunks.iter().map(|chunk| events.push(chunk)).collect();
    text += &events.finish();
    let (mut calls, mut ended) = (Vec::<Call>::new(), Vec::<Call>::new());
    let own = |value: &Value| value.as_str().unwrap().to_owned();
    for (number, event) in data(&text).into_iter().enumerate() {
        assert_eq!(event["sequence_number"], number);
        match event["type"].as_str().unwrap() {
            "response.output_item.added" => {
                assert_eq!(calls.len(), ended.len(), "one after the other");
                calls.push((own(&event["item"]["call_id"]), String::new()));
            }
            "response.function_call_arguments.delta" => {
                calls.last_mut().unwrap().1.push_str(event["delta"].as_str().unwrap());
            }
            "response.output_item.done" => {
                let item = &event["item"];
                assert!(item["name"].as_str().unwrap().starts_with('f'));
                ended.push((own(&item["call_id"]), own(&item["arguments"])));
            }
            _ => {}
        }
    }
    assert_eq!(calls, ended);
    calls
}

#[test]
fn calls_without_numbers_are_told_apart_by_their_ids() {
    let call = |id: &str| json!({"id": id, "type": "function", "function": {"name": "f", "arguments": "{}"}});
    let chunks = [chunk(&[call("call_a")]), chunk(&[call("call_b")])];
    let expected: Vec<Call> = ["call_a", "call_b"].map(|id| (id.into(), "{}".into())).into();
    assert_eq!(read_messages(&chunks), expected);
    assert_eq!(read_responses(&chunks), expected);
}

#[test]
fn the_next_call_is_told_as_it_comes_once_the_one_before_is_complete() {
    let calls = [
        ("call_0".to_owned(), "{\"a\":[\"}\"]}".to_owned()),
        ("call_1".to_owned(), "{}".to_owned()),
    ];
    let mut events = messages::Events::new();
    let mut told = Vec::new();
    for piece in pieces(&calls, 3, &[0; 9]) {
        told.push(events.push(&chunk(&[piece])).contains("call_1"));
    }
    assert!(told.contains(&true), "not only at the end");
}

proptest! {
    #[test]
    fn calls_written_at_once_are_told_one_after_the_other(
        values in proptest::collection::vec("[a-z\"\\\\{}\\[\\]]{0,12}", 1..5),
        length in 1_usize..9,
        turns in proptest::collection::vec(0_usize..5, 0..60),
        together in any::<bool>(),
    ) {
        let calls: Vec<Call> = values
            .iter()
            .enumerate()
            .map(|(index, value)| (format!("call_{index}"), json!({"x": value}).to_string()))
            .collect();
        let pieces = pieces(&calls, length, &turns);
        let chunks: Vec<_> = match together {
            true => vec![chunk(&pieces)],
            false => pieces.iter().map(|piece| chunk(std::slice::from_ref(piece))).collect(),
        };
        let sorted = |mut calls: Vec<Call>| {
            calls.sort();
            calls
        };
        prop_assert_eq!(sorted(read_messages(&chunks)), calls.clone());
        prop_assert_eq!(sorted(read_responses(&chunks)), calls);
    }
}
