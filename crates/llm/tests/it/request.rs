//! Parsing requests: what we act on is checked, the rest is kept.

use llm::{ChatRequest, Dialect, JSON_DEPTH_MAX, MESSAGES_MAX, Role};
use proptest::prelude::*;
use serde_json::{Value, json};

fn refusal(body: &str) -> (Option<String>, &'static str, String) {
    let error = ChatRequest::parse(body.as_bytes()).unwrap_err();
    (error.param, error.code, error.message)
}

fn with(field: &str, value: &str) -> String {
    format!(r#"{{"model":"m","messages":[{{"role":"user","content":"x"}}],"{field}":{value}}}"#)
}

fn with_message(message: &str) -> String {
    format!(r#"{{"model":"m","messages":[{message}]}}"#)
}

#[test]
fn a_full_request_is_understood() {
    let body = json!({
        "model": "standard",
        "messages": [
            {"role": "system", "content": "Sei kurz."},
            {"role": "user", "content": [
                {"type": "text", "text": "Was steht"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}},
                {"type": "text", "text": "auf dem Bild?"},
            ]},
            {"role": "assistant", "content": null, "tool_calls": [{"id": "a"}]},
            {"role": "tool", "tool_call_id": "a", "content": "42"},
        ],
        "stream": true,
        "stream_options": {"include_usage": true},
        "max_tokens": 5, "max_completion_tokens": 7, "n": 2, "temperature": null,
        "fachwerk": {
            "collections": ["01890a5d-ac96-774b-bcce-b302099a8057",
                            "01890a5d-ac96-774b-bcce-b302099a8057"],
            "documents": null,
            "data_class": "personal",
        },
    });
    let request = ChatRequest::parse(body.to_string().as_bytes()).unwrap();
    assert_eq!(request.model(), "standard");
    assert_eq!(request.question(), "Was steht\nauf dem Bild?");
    assert!(request.messages()[1].has_other_parts());
    assert_eq!(request.messages()[3].role(), Role::Tool);
    assert!(request.stream() && request.include_usage());
    assert_eq!((request.max_tokens(), request.n()), (Some(7), 2));
    let extension = request.extension().unwrap();
    assert_eq!(extension.collections.len(), 1, "named twice counts once");
    assert_eq!(extension.data_class, Some(domain::DataClass::Personal));
    assert_eq!(request.field("fachwerk"), None);
    assert_eq!(request.field("temperature"), None);
}

#[test]
fn what_is_wrong_is_named() {
    let deep = format!("{}1{}", "[".repeat(JSON_DEPTH_MAX), "]".repeat(JSON_DEPTH_MAX));
    let id = r#""01890a5d-ac96-774b-bcce-b302099a8057""#;
    let many_ids = format!(r#"{{"documents":[{}]}}"#, vec![id; 101].join(","));
    let message = r#"{"role":"user","content":"x"}"#;
    let many =
        format!(r#"{{"model":"m","messages":[{}]}}"#, vec![message; MESSAGES_MAX + 1].join(","));
    let cases: Vec<(String, Option<&str>, &str)> = vec![
        (String::new(), None, "invalid_json"),
        ("null".into(), None, "invalid_json"),
        ("[]".into(), None, "invalid_json"),
        ("{\"model\":".into(), None, "invalid_json"),
        (with("x", "1e999"), None, "invalid_json"),
        (with("x", &deep), None, "invalid_json"),
        ("{}".into(), Some("model"), "missing_required_parameter"),
        (r#"{"model":7}"#.into(), Some("model"), "invalid_type"),
        (r#"{"model":""}"#.into(), Some("model"), "invalid_value"),
        (format!(r#"{{"model":"{}"}}"#, "m".repeat(201)), Some("model"), "invalid_value"),
        (r#"{"model":"m"}"#.into(), Some("messages"), "missing_required_parameter"),
        (r#"{"model":"m","messages":"hi"}"#.into(), Some("messages"), "invalid_type"),
        (r#"{"model":"m","messages":[]}"#.into(), Some("messages"), "empty_array"),
        (many, Some("messages"), "array_above_max_length"),
        (with_message("1"), Some("messages[0]"), "invalid_type"),
        (with_message("{}"), Some("messages[0].role"), "missing_required_parameter"),
        (with_message(r#"{"role":1}"#), Some("messages[0].role"), "invalid_type"),
        (with_message(r#"{"role":"king"}"#), Some("messages[0].role"), "invalid_value"),
        (
            with_message(r#"{"role":"user"}"#),
            Some("messages[0].content"),
            "missing_required_parameter",
        ),
        (
            with_message(r#"{"role":"user","content":null}"#),
            Some("messages[0].content"),
            "invalid_type",
        ),
        (
            with_message(r#"{"role":"user","content":5}"#),
            Some("messages[0].content"),
            "invalid_type",
        ),
        (
            with_message(r#"{"role":"user","content":["x"]}"#),
            Some("messages[0].content[0]"),
            "invalid_type",
        ),
        (
            with_message(r#"{"role":"user","content":[{}]}"#),
            Some("messages[0].content[0].type"),
            "missing_required_parameter",
        ),
        (
            with_message(r#"{"role":"user","content":[{"type":"text"}]}"#),
            Some("messages[0].content[0].text"),
            "missing_required_parameter",
        ),
        (with("stream", "\"yes\""), Some("stream"), "invalid_type"),
        (with("stream_options", "{}"), Some("stream_options"), "invalid_value"),
        (
            with("stream\":true,\"stream_options", "{\"include_usage\":1}"),
            Some("stream_options.include_usage"),
            "invalid_type",
        ),
        (with("max_tokens", "0"), Some("max_tokens"), "invalid_value"),
        (with("max_tokens", "-1"), Some("max_tokens"), "invalid_value"),
        (with("max_tokens", "1.5"), Some("max_tokens"), "invalid_value"),
        (with("max_tokens", "99999999999999999999999999"), Some("max_tokens"), "invalid_value"),
        (with("max_tokens", "\"5\""), Some("max_tokens"), "invalid_type"),
        (with("n", "1000"), Some("n"), "invalid_value"),
        (with("temperature", "\"hot\""), Some("temperature"), "invalid_type"),
        (with("tools", "{}"), Some("tools"), "invalid_type"),
        (with("fachwerk", "[]"), Some("fachwerk"), "invalid_type"),
        (
            with("fachwerk", r#"{"dataclass":"open"}"#),
            Some("fachwerk.dataclass"),
            "unknown_parameter",
        ),
        (
            with("fachwerk", r#"{"data_class":"secret"}"#),
            Some("fachwerk.data_class"),
            "invalid_value",
        ),
        (with("fachwerk", r#"{"data_class":3}"#), Some("fachwerk.data_class"), "invalid_type"),
        (with("fachwerk", r#"{"documents":"a"}"#), Some("fachwerk.documents"), "invalid_type"),
        (with("fachwerk", r#"{"documents":[1]}"#), Some("fachwerk.documents[0]"), "invalid_type"),
        (
            with("fachwerk", r#"{"collections":["../etc"]}"#),
            Some("fachwerk.collections[0]"),
            "invalid_value",
        ),
        (with("fachwerk", &many_ids), Some("fachwerk.documents"), "array_above_max_length"),
    ];
    for (body, param, code) in cases {
        let shown: String = body.chars().take(120).collect();
        let (got_param, got_code, message) = refusal(&body);
        assert_eq!((got_param.as_deref(), got_code), (param, code), "{shown}: {message}");
    }
}

#[test]
fn refusals_read_well() {
    let messages = [
        refusal(r#"{"model":"m","messages":"hi"}"#).2,
        refusal(&with("max_tokens", "-1")).2,
        refusal(&with("fachwerk", r#"{"klasse":1}"#)).2,
        refusal(&with_message(r#"{"role":"king"}"#)).2,
        refusal("{\"geheim\": oh}").2,
    ];
    insta::assert_snapshot!(messages.join("\n"), @r"
    Invalid type for 'messages': expected an array, but got a string instead.
    Invalid 'max_tokens': must be an integer from 1 to 4294967295.
    Unknown parameter: 'fachwerk.klasse'.
    Invalid value: 'messages[0].role' must be one of system, developer, user, assistant, tool.
    We could not parse the body of your request: it is not valid JSON at line 1, column 12.
    ");
}

#[test]
fn brackets_in_strings_are_not_nesting() {
    let content = Value::from(format!("{}\\\"[[", "[{".repeat(500)));
    assert!(ChatRequest::parse(with("user", &content.to_string()).as_bytes()).is_ok());
}

#[test]
fn nesting_behind_strings_is_still_found() {
    let deep = "[".repeat(llm::JSON_DEPTH_MAX);
    for before in [r#""a""#, r#""\\""#, r#""\"""#, r#""[\\\"[""#] {
        let body = format!("{{{before}: {deep}");
        assert!(ChatRequest::parse(body.as_bytes()).unwrap_err().message.contains("nested"));
    }
    for cut_off in ["{\"a", "{\"a\\", "{\"a\\\"", "\""] {
        let error = ChatRequest::parse(cut_off.as_bytes()).unwrap_err();
        assert!(!error.message.contains("nested"), "{cut_off}");
    }
}

#[test]
fn a_request_of_our_own_is_plain() {
    let messages = vec![llm::Message::user("Frage"), llm::Message::assistant("Antwort")];
    let request = ChatRequest::new("fachwerk-auszug", messages);
    assert!(request.stream() && !request.include_usage());
    assert_eq!(request.question(), "Frage");
}

proptest! {
    #[test]
    fn any_bytes_are_parsed_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = ChatRequest::parse(&bytes);
    }

    #[test]
    fn any_json_is_parsed_or_refused_with_a_short_text(
        fields in proptest::collection::vec((field_name(), any_json()), 0..6),
    ) {
        let mut body = json!({"model": "m", "messages": [{"role": "user", "content": "x"}]});
        for (name, value) in fields {
            body[name] = value;
        }
        if let Err(error) = ChatRequest::parse(body.to_string().as_bytes()) {
            prop_assert!(error.message.len() < 600, "{}", error.message);
        }
    }

    #[test]
    fn unknown_fields_reach_the_server_unchanged(value in any_json()) {
        let body = with("new_field", &value.to_string());
        let request = ChatRequest::parse(body.as_bytes()).unwrap();
        let sent = llm::Dialect::Compatible.chat_call(&request, "up", llm::Delivery::Whole).unwrap().body();
        let sent: Value = serde_json::from_slice(&sent).unwrap();
        let again: Value = serde_json::from_str(&value.to_string()).unwrap();
        prop_assert_eq!(&sent["new_field"], &again);
    }
}

fn field_name() -> impl Strategy<Value = &'static str> {
    proptest::sample::select(vec![
        "model",
        "messages",
        "stream",
        "stream_options",
        "fachwerk",
        "max_tokens",
        "n",
        "tools",
        "x",
    ])
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "\\PC{0,20}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            proptest::collection::vec(("[a-z_]{1,12}", inner), 0..5)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    /// Whatever stands around and inside the messages, a server reads in them what we read.
    #[test]
    fn what_is_sent_says_what_was_read(
        before in field(),
        messages in prop::collection::vec(message(), 1..4),
        after in field(),
    ) {
        let fields = [before, format!(r#""messages":[{}]"#, messages.join(" , ")), after];
        let body = format!(r#"{{"model":"x",{}}}"#, fields.join(","));
        let Ok(request) = ChatRequest::parse(body.as_bytes()) else { return Ok(()) };
        let call = Dialect::Compatible.chat_call(&request, "m", llm::Delivery::Whole).unwrap();
        let sent: Value = serde_json::from_slice(&call.body()).unwrap();
        let read: Vec<Value> =
            request.messages().iter().map(|m| Value::Object(m.fields().into())).collect();
        let read = Value::Array(read);
        prop_assert_eq!(&sent["messages"], &read);
        // Nothing that was not read, either.
        let text = String::from_utf8(call.body()).unwrap();
        let is_there = read.to_string().contains("first");
        prop_assert_eq!(text.contains("first"), is_there, "{} became {}", body, text);
    }
}

/// A field beside the messages; some would be taken for them by a careless reader.
fn field() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        r#""user":"messages""#.to_owned(),
        r#""metadata":{"messages":[{"role":"user"}]}"#.to_owned(),
        r#""messages":[{"role":"user","content":"first"}]"#.to_owned(),
        r#""stop":["\"messages\":[", "]"]"#.to_owned(),
        r#""m\u0065ssages":[{"role":"user","content":"last"}]"#.to_owned(),
        r#""seed" : 1"#.to_owned(),
    ])
}

fn message() -> impl Strategy<Value = String> {
    let content = prop::sample::select(vec![
        r#""plain""#,
        r#""\u0061 \"messages\": [{"}, {""#,
        r#"[{"type":"text","text":"a:b"},{"type":"image_url","image_url":{"url":"data:x"}}]"#,
    ]);
    let twice = prop::sample::select(vec!["", r#""content":"first","#, r#" "name" : "n","#]);
    (content, twice)
        .prop_map(|(content, twice)| format!(r#"{{"role":"user",{twice}"content":{content}}}"#))
}

proptest! {
    /// Few fields or many: of a name that comes twice the last value counts, at its first place.
    #[test]
    fn fields_are_those_of_any_reader(names in prop::collection::vec(0_u8..60, 0..120)) {
        let fields = names.iter().enumerate().map(|(at, name)| format!(r#""f{name}":{at},"#));
        let fields: String = fields.collect();
        let messages = r#"[{"role":"user","content":"x"}]"#;
        let body = format!(r#"{{{fields}"model":"m","messages":{messages}}}"#);
        let request = ChatRequest::parse(body.as_bytes()).unwrap();
        let call = Dialect::Compatible.chat_call(&request, "m", llm::Delivery::Whole).unwrap();
        let read: Value = serde_json::from_str(&body).unwrap();
        prop_assert_eq!(String::from_utf8(call.body()).unwrap(), read.to_string());
        for name in 0..60 {
            let name = format!("f{name}");
            prop_assert_eq!(request.field(&name), read.get(&name));
        }
    }
}

/// Long messages are sent from where they lie.
#[test]
fn long_messages_are_not_copied() {
    let text = "Wort ".repeat(4_000);
    let body = json!({"model": "m", "messages": [{"role": "user", "content": text}], "seed": 1});
    let body = bytes::Bytes::from(body.to_string());
    let request = ChatRequest::read(body.clone()).unwrap();
    let call = Dialect::Compatible.chat_call(&request, "other", llm::Delivery::Whole).unwrap();
    let long = call.pieces.iter().find(|piece| piece.len() > text.len()).unwrap();
    assert!(body.as_ptr_range().contains(&long.as_ptr()));
    let sent: Value = serde_json::from_slice(&call.body()).unwrap();
    assert_eq!(sent["messages"][0]["content"], text);
    assert_eq!((&sent["model"], &sent["seed"]), (&json!("other"), &json!(1)));
}
