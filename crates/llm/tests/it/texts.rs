//! Every text of a request is shown, whatever it hides behind; of an answer, with its place.

use llm::{ChatChunk, ChatRequest, ChatResponse, Origin};
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
        request.messages()[2].fields()["tool_calls"][0]["function"]["arguments"].clone();
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
