//! Every text of a request is shown, whatever it hides behind; of an answer, with its place.

use llm::{ChatChunk, ChatRequest, ChatResponse, Origin};
use proptest::prelude::*;
use serde_json::{Value, json};

fn parse(body: &Value) -> ChatRequest {
    ChatRequest::parse(body.to_string().as_bytes()).unwrap()
}

#[test]
fn all_texts_are_shown_and_codes_and_data_are_not() {
    let mut request = parse(&json!({
        "model": "m", "user": "nutzer", "neues_feld": {"tief": ["feld"]},
        "tools": [{"type": "function", "function": {"name": "werkzeug", "description": "zweck"}}],
        "messages": [
            {"role": "system", "content": "regel"},
            {"role": "user", "name": "wer", "content": [
                {"type": "text", "text": "frage"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
                {"type": "image_url", "image_url": {"url": "https://bild.example"}},
            ]},
            {"role": "assistant", "content": null, "reasoning_content": "gedanke", "tool_calls": [
                {"id": "c1", "type": "function", "function":
                    {"name": "werkzeug", "arguments": "{\"a\":\"x\",\"a\":\"\\u0077ert\",\"zahl\":42}"}},
            ]},
            {"role": "tool", "tool_call_id": "c1", "content": "ergebnis"},
        ],
    }));
    let mut seen = vec![];
    request.rewrite_texts(&mut |found| {
        seen.push((found.origin, found.label.to_owned(), found.text.to_owned()));
        None
    });
    let texts: Vec<&str> = seen.iter().map(|(_, _, text)| text.as_str()).collect();
    for text in
        ["nutzer", "feld", "zweck", "regel", "wer", "frage", "https://bild.example", "gedanke"]
    {
        assert!(texts.contains(&text), "{text} is not in {texts:?}");
    }
    assert!(seen.contains(&(Origin::Model, "a".to_owned(), "wert".to_owned())));
    assert!(seen.contains(&(Origin::Model, "zahl".to_owned(), "42".to_owned())));
    assert!(seen.contains(&(Origin::Tool, String::new(), "ergebnis".to_owned())));
    for code in ["werkzeug", "c1", "function", "text", "m"] {
        assert!(!texts.contains(&code), "{code} is in {texts:?}");
    }
    assert!(!texts.iter().any(|text| text.contains("AAAA")));
    // A name that stood there twice stands there once.
    let arguments =
        request.messages()[2].fields().get("tool_calls").unwrap()[0]["function"]["arguments"]
            .clone();
    assert_eq!(arguments, r#"{"a":"wert","zahl":42}"#);
}

#[test]
fn what_cannot_be_changed_is_shown_as_such() {
    let mut request = parse(&json!({
        "model": "m", "ein Satz als Name": 1, "zahl": 4_111_111_111_111_111_u64, "seed": 7,
        "metadata": {"noch ein Name": {"id": "ein Satz als Kennung"}},
        "messages": [{"role": "user", "content": [
            {"type": "file", "file": {"file_data": "data:text/plain;base64,aGFsbG8="}},
        ]}],
    }));
    let before = request.clone();
    let mut seen = vec![];
    request.rewrite_texts(&mut |found| {
        seen.push((found.text.to_owned(), found.is_fixed));
        found.is_fixed.then(|| "x".to_owned())
    });
    seen.sort();
    let wanted = [
        ("4111111111111111", true),
        ("ein Satz als Kennung", false),
        ("ein Satz als Name", true),
        ("hallo", true),
        ("noch ein Name", true),
    ];
    assert_eq!(seen, wanted.map(|(text, is_fixed)| (text.to_owned(), is_fixed)));
    assert_eq!(request, before);
}

#[test]
fn texts_of_an_answer_come_with_their_place() {
    let call = json!({"index": 1, "id": "c", "function": {"name": "f", "arguments": "{}"}});
    let fields = |part: &str| {
        let choice = json!({"index": 2, part: {"role": "assistant", "content": "t",
            "reasoning_content": "r", "tool_calls": [call]}});
        json!({"choices": [choice]}).as_object().unwrap().clone()
    };
    let wanted = ["2 content t", "2 reasoning_content r", "2 tool_calls/1/arguments {}"];
    let mut seen = vec![];
    let mut note = |choice: u64, place: &str, text: &str| {
        seen.push(format!("{choice} {place} {text}"));
        text.to_uppercase()
    };
    let mut whole = ChatResponse::from_fields(fields("message"));
    whole.rewrite_all(&mut note);
    let mut chunk = ChatChunk::from_fields(fields("delta"));
    chunk.rewrite_all(&mut note);
    assert_eq!(seen, [wanted, wanted].concat());
    assert_eq!(chunk.texts().collect::<Vec<_>>(), [(2, "T")]);

    chunk.append_at(2, "content", "!");
    chunk.append_at(2, "reasoning_content", "!");
    chunk.append_at(2, "tool_calls/1/arguments", "!");
    let delta = &chunk.fields()["choices"][0]["delta"];
    assert_eq!((&delta["content"], &delta["reasoning_content"]), (&json!("T!"), &json!("R!")));
    assert_eq!(delta["tool_calls"][1], json!({"index": 1, "function": {"arguments": "!"}}));
}

/// The old completions have no message around their text.
#[test]
fn bare_texts_are_texts_of_an_answer_too() {
    let fields = || {
        let choice = json!({"index": 1, "text": "t", "logprobs": {"tokens": ["t"]}});
        json!({"object": "text_completion", "choices": [choice]}).as_object().unwrap().clone()
    };
    let choices = std::collections::BTreeSet::from([1, 2]);
    let upper = &mut |choice: u64, place: &str, text: &str| {
        assert_eq!((choice, place), (1, "text"));
        text.to_uppercase()
    };
    let mut whole = ChatResponse::from_fields(fields());
    whole.rewrite_all(upper);
    whole.withhold(&choices, |_| "!".to_owned());
    whole.forget_log_probabilities();
    let wanted = json!([{"index": 1, "text": "T!", "logprobs": null,
        "finish_reason": "content_filter"}]);
    assert_eq!(whole.fields()["choices"], wanted);

    let mut chunk = ChatChunk::from_fields(fields());
    chunk.rewrite_all(upper);
    chunk.append_at(1, "text", "?");
    chunk.withhold(&choices, |_| "!".to_owned());
    let choices = &chunk.fields()["choices"];
    assert_eq!((&choices[0]["text"], &choices[1]["text"]), (&json!("T?!"), &json!("!")));
    assert!(choices[1].get("delta").is_none(), "{choices}");
    let more = chunk.head().text_chunk("mehr");
    assert_eq!(more.fields()["object"], "text_completion");
    assert_eq!(more.fields()["choices"][0]["text"], "mehr");
}

/// JSON with letters as they are or as their numbers, and names that may stand there twice.
fn written() -> impl Strategy<Value = String> {
    let letters = prop::sample::select(vec![
        "a",
        "ä",
        r"\u00e4",
        r"\u0041",
        r#"\""#,
        r"\\u00e4",
        r"\ud83d\ude00",
        r"\u0007",
        r"\n",
        " ",
        r"\u0022",
    ]);
    let text = prop::collection::vec(letters, 0..5)
        .prop_map(|letters| format!("\"{}\"", letters.concat()));
    let value =
        prop_oneof![4 => text, 1 => Just("12345678901".to_owned()), 1 => Just("[1.10]".to_owned())];
    let name =
        prop::sample::select(vec!["a", "b", r"\u0061", "max@amt.example", "eva@amt.example"]);
    let object = prop::collection::vec((name, value), 0..4).prop_map(|fields| {
        let fields: Vec<String> =
            fields.iter().map(|(name, value)| format!("\"{name}\": {value}")).collect();
        format!("{{{}}}", fields.join(","))
    });
    prop_oneof![4 => object, 1 => Just(r"kein JSON: \u00e4".to_owned())]
}

proptest! {
    /// Whoever looks first and changes later must find the same texts in the same order.
    #[test]
    fn texts_are_the_same_at_each_look(results in prop::collection::vec(written(), 1..4), arguments in written()) {
        let call = json!({"id": "c", "type": "function", "function": {"name": "f", "arguments": arguments}});
        let mut messages = vec![json!({"role": "assistant", "content": null, "tool_calls": [call]})];
        let results = results.into_iter();
        messages.extend(results.map(|text| json!({"role": "tool", "tool_call_id": "c", "content": text})));
        messages.push(json!({"role": "user", "content": "Frage"}));
        let mut request = parse(&json!({"model": "m", "messages": messages}));
        let look = |request: &mut ChatRequest| {
            let mut seen = vec![];
            request.rewrite_texts(&mut |found| {
                seen.push((found.label.to_owned(), found.text.to_owned()));
                None
            });
            seen
        };
        let first = look(&mut request);
        prop_assert_eq!(&first, &look(&mut request));
        // As many as are shown are changed, each in its place.
        let mut at = 0;
        request.rewrite_texts(&mut |found| {
            assert_eq!(found.text, first[at].1);
            at += 1;
            found.text.contains('A').then(|| found.text.replace('A', "M"))
        });
        let after = look(&mut request);
        prop_assert_eq!(at, first.len());
        let says = |seen: &[(String, String)]| seen.iter().any(|(_, text)| text.contains("Frage"));
        prop_assert!(says(&first) && says(&after));
        prop_assert!(!after.iter().any(|(_, text)| text.contains('A')));
    }
}

#[test]
fn what_nothing_changes_in_stays_as_it_is_written() {
    let arguments = r#"{ "nr": 123456789012345678901234, "x": 1.10, "wo": "K\u00f6ln" }"#;
    let call =
        json!({"id": "c", "type": "function", "function": {"name": "f", "arguments": arguments}});
    let result = r#"{ "nr": 123456789012345678901234, "wo": "K\u00f6ln" }"#;
    let mut request = parse(&json!({"model": "m", "messages": [
        {"role": "assistant", "content": null, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c", "content": result},
    ]}));
    request.rewrite_texts(&mut |_| None);
    let fields = request.messages()[0].fields();
    assert_eq!(fields.get("tool_calls").unwrap()[0]["function"]["arguments"], arguments);
    assert_eq!(request.messages()[1].text(), result.replace(r"\u00f6", "ö"));
}

#[test]
fn names_that_become_the_same_keep_their_values() {
    let arguments = r#"{"max@amt.example": 1, "eva@amt.example": 2}"#;
    let call =
        json!({"id": "c", "type": "function", "function": {"name": "f", "arguments": arguments}});
    let mut request = parse(&json!({"model": "m", "messages": [
        {"role": "assistant", "content": null, "tool_calls": [call]},
    ]}));
    request.rewrite_texts(&mut |found| found.text.contains('@').then(|| "[E-MAIL]".to_owned()));
    let fields = request.messages()[0].fields();
    let written = &fields.get("tool_calls").unwrap()[0]["function"]["arguments"];
    assert_eq!(written, r#"{"[E-MAIL]":1,"[E-MAIL] 2":2}"#);
}
