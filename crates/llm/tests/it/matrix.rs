//! Every case in every dialect: what the server gets, and what its answer and its stream become, both
//! in our neutral form and for clients that speak another dialect themselves.

use std::{
    collections::{BTreeMap, HashSet},
    fmt::Write as _,
    fs,
    path::PathBuf,
};

use llm::{
    ChatRequest, ChatResponse, Delivery, Dialect, StreamItem, messages, openai::Head, responses,
};
use serde_json::Value;

use crate::wire;

/// All cases, by name.
pub(crate) fn cases() -> Vec<(String, Value)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let mut cases: Vec<_> = files
        .filter(|path| path.extension().is_some_and(|kind| kind == "json"))
        .map(|path| {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            (name, serde_json::from_slice(&fs::read(&path).unwrap()).unwrap())
        })
        .collect();
    cases.sort_by(|a, b| a.0.cmp(&b.0));
    assert!(cases.len() > 5, "the fixtures are there");
    cases
}

pub(crate) fn head() -> Head {
    Head {
        id: "chatcmpl-7f".into(),
        created: 1_750_000_000,
        model: "standard".into(),
        is_bare: false,
    }
}

/// What a server of the dialect says in a case: its own shape, or that of its wire format.
fn shape<'c>(case: &'c Value, kind: &str, dialect: Dialect) -> Option<&'c Value> {
    let shapes = case.get(kind)?;
    shapes.get(dialect.code()).or_else(|| shapes.get(wire::name(dialect)))
}

/// The whole stream of a case in a dialect, as it comes over the wire.
pub(crate) fn stream_bytes(case: &Value, dialect: Dialect) -> Option<Vec<u8>> {
    let events = shape(case, "streams", dialect)?.as_array().unwrap();
    Some(wire::encode(wire::name(dialect), events))
}

/// Reads bytes in pieces of the given length.
pub(crate) fn read(dialect: Dialect, bytes: &[u8], piece: usize) -> Vec<StreamItem> {
    let mut stream = dialect.chat_stream(head());
    let mut items = Vec::new();
    for piece in bytes.chunks(piece) {
        stream.feed(piece, &mut items).unwrap();
    }
    stream.finish(&mut items).unwrap();
    items
}

/// The name of the model at a server of the dialect.
fn model(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Anthropic => "claude-sonnet-4-5",
        Dialect::Bedrock => "eu.anthropic.claude-sonnet-4-5-20250929-v1:0",
        Dialect::Gemini => "gemini-2.5-pro",
        Dialect::Vertex => "gemini-3-pro",
        _ => "up/stream:7b",
    }
}

fn describe_call(case: &Value, dialect: Dialect) -> String {
    let request = ChatRequest::parse(case["request"].to_string().as_bytes()).unwrap();
    let mut text = String::new();
    for delivery in [Delivery::Whole, Delivery::Streamed] {
        let call = match dialect.chat_call(&request, model(dialect), delivery) {
            Ok(call) => call,
            Err(error) => return format!("refused: {error}\n"),
        };
        let body: Value = serde_json::from_slice(&call.body()).unwrap();
        match delivery {
            Delivery::Whole => {
                writeln!(text, "POST {}", call.path).unwrap();
                for (name, value) in call.headers {
                    writeln!(text, "{name}: {value}").unwrap();
                }
                writeln!(text, "{body:#}").unwrap();
            }
            Delivery::Streamed => {
                let stream = (body.get("stream"), body.get("stream_options"));
                writeln!(text, "streamed: {} {:?} {stream:?}", call.path, call.query).unwrap();
            }
        }
    }
    text
}

/// Fields of a response object that differ from answer to answer.
const SHOWN: [&str; 5] = ["id", "status", "incomplete_details", "output", "usage"];

fn describe_answer(answer: &ChatResponse) -> String {
    let neutral = Value::Object(answer.fields().clone());
    let mut response = responses::response(answer, &responses::Echo::default());
    // What every object repeats is shown once, by the tests of the interface itself.
    response.as_object_mut().unwrap().retain(|name, _| SHOWN.contains(&name.as_str()));
    format!(
        "{neutral:#}\n--- as /v1/messages\n{:#}\n--- as /v1/responses\n{response:#}\n",
        messages::response(answer)
    )
}

fn describe_stream(items: &[StreamItem]) -> String {
    let mut text = String::new();
    let mut events = messages::Events::new();
    let mut sent = String::new();
    let mut typed = responses::Events::new(responses::Echo::default());
    let mut typed_sent = String::new();
    for item in items {
        match item {
            StreamItem::Chunk(chunk) => {
                let fields = chunk.fields();
                let (choices, usage) = (&fields["choices"], fields.get("usage"));
                let usage = usage.map(|usage| format!(" usage {usage}")).unwrap_or_default();
                writeln!(text, "chunk {choices}{usage}").unwrap();
                sent += &events.push(chunk);
                typed_sent += &typed.push(chunk);
            }
            StreamItem::Typed(event) => writeln!(text, "{}", event.to_event()).unwrap(),
            StreamItem::Done => writeln!(text, "done").unwrap(),
            StreamItem::Failed(error) => writeln!(text, "failed {error:?}").unwrap(),
        }
    }
    sent += &events.finish();
    typed_sent += &typed.finish();
    let lines: Vec<_> = sent.lines().filter_map(|line| line.strip_prefix("data: ")).collect();
    let typed_lines = typed_sent.lines().filter_map(|line| line.strip_prefix("data: "));
    let typed_lines: Vec<_> = typed_lines.map(shortened).collect();
    format!(
        "{text}--- as events of /v1/messages\n{}\n--- as events of /v1/responses\n{}\n",
        lines.join("\n"),
        typed_lines.join("\n"),
    )
}

/// A typed event with no more of a whole response than what differs.
fn shortened(event: &str) -> String {
    let mut event: Value = serde_json::from_str(event).unwrap();
    if let Some(response) = event.get_mut("response") {
        response.as_object_mut().unwrap().retain(|name, _| SHOWN.contains(&name.as_str()));
    }
    event.to_string()
}

fn describe(case: &Value, dialect: Dialect) -> String {
    let mut text = format!("=== request\n{}", describe_call(case, dialect));
    if let Some(answer) = shape(case, "answers", dialect) {
        let answer = dialect.chat_response(&answer.to_string().into(), &head()).unwrap();
        text += &format!("=== answer\n{}", describe_answer(&answer));
    }
    if let Some(bytes) = stream_bytes(case, dialect) {
        text += &format!("=== stream\n{}", describe_stream(&read(dialect, &bytes, bytes.len())));
    }
    if let Some(error) = shape(case, "errors", dialect) {
        let read = dialect.error(error["body"].to_string().as_bytes());
        text += &format!("=== error {}\n{read:#?}\n", error["status"]);
    }
    text
}

/// What the platform promises to carry in both directions, and the case that shows it (G-2).
const PROMISES: [(&str, &str); 13] = [
    ("tools", "tools"),
    ("parallel tools", "tools"),
    ("results of tools", "tools"),
    ("structured output", "schema"),
    ("JSON without a schema", "json_object"),
    ("images", "images"),
    ("files", "files"),
    ("reasoning", "thinking"),
    ("log probabilities", "logprobs"),
    ("cached tokens", "chat"),
    ("stop reasons", "stopped"),
    ("refusals", "blocked"),
    ("errors", "failure"),
];

/// G-2: every promise is kept in every dialect, request, whole answer and stream: by a recorded shape, by
/// a refusal that names the field, or by a word about why the server never says such a thing.
#[test]
fn every_promise_has_a_shape_in_every_dialect() {
    let cases: BTreeMap<String, Value> = cases().into_iter().collect();
    for (promise, name) in PROMISES {
        let case = &cases[name];
        let request = ChatRequest::parse(case["request"].to_string().as_bytes()).unwrap();
        for dialect in Dialect::ALL.into_iter().filter(|dialect| *dialect != Dialect::Tei) {
            let at = format!("{promise} in {dialect}");
            let has = |kind| shape(case, kind, dialect).is_some();
            let (answer, stream) = (has("answers") || has("errors"), has("streams"));
            match dialect.chat_call(&request, model(dialect), Delivery::Whole) {
                Err(refusal) => {
                    assert!(refusal.param.is_some_and(|param| !param.is_empty()), "{at}");
                    let own = case["answers"].get(wire::name(dialect));
                    assert!(own.is_none() || wire::name(dialect) == "openai", "{at}: never comes");
                }
                Ok(_) if shape(case, "absent", dialect).is_some() => {
                    assert!(!answer && !stream, "{at}: said to be absent, but it is there");
                }
                Ok(_) => assert!(answer && stream, "{at}: answer {answer}, stream {stream}"),
            }
        }
    }
}

/// What the cases promise is in what we make of them, not only in a picture that somebody accepted.
#[test]
fn what_is_promised_arrives() {
    let cases: BTreeMap<String, Value> = cases().into_iter().collect();
    for dialect in Dialect::ALL.into_iter().filter(|dialect| *dialect != Dialect::Tei) {
        let whole = |name: &str| {
            let answer = shape(&cases[name], "answers", dialect)?;
            let answer = dialect.chat_response(&answer.to_string().into(), &head()).unwrap();
            Some(Value::Object(answer.fields().clone()))
        };
        let tools = whole("tools").unwrap();
        let calls = tools["choices"][0]["message"]["tool_calls"].as_array().unwrap();
        assert_eq!(calls.len(), 2, "{dialect}");
        for call in calls {
            assert_eq!(call["type"], "function", "{dialect}");
            assert!(call["id"].as_str().is_some_and(|id| !id.is_empty()), "{dialect}: {call}");
            let arguments = call["function"]["arguments"].as_str().unwrap();
            assert!(serde_json::from_str::<Value>(arguments).unwrap().is_object(), "{dialect}");
        }
        assert_ne!(calls[0]["id"], calls[1]["id"], "{dialect}");
        let thought = whole("thinking").unwrap();
        let message = &thought["choices"][0]["message"];
        let reasoning = message.get("reasoning_content").or_else(|| message.get("reasoning"));
        assert_eq!(reasoning.unwrap(), "Das Ergebnis liegt vor.", "{dialect}");
        assert_eq!(message["content"], "12231", "{dialect}");
        assert_eq!(whole("stopped").unwrap()["choices"][0]["finish_reason"], "length", "{dialect}");
        for name in ["tools", "thinking", "stopped", "chat"] {
            let bytes = stream_bytes(&cases[name], dialect).unwrap();
            let items = read(dialect, &bytes, 5);
            assert_eq!(items.last(), Some(&StreamItem::Done), "{name} in {dialect}");
            let ends = items.iter().filter_map(|item| match item {
                StreamItem::Chunk(chunk) => chunk.finish_reason().map(str::to_owned),
                _ => None,
            });
            let end = match name {
                "tools" => "tool_calls",
                "chat" => "stop",
                _ => "length",
            };
            assert_eq!(ends.collect::<Vec<_>>(), [end], "{name} in {dialect}");
        }
    }
}

/// A dialect that differs by its row only needs no picture of its own where the row makes no
/// difference to one before it.
#[test]
fn every_case_in_every_dialect() {
    for (name, case) in cases() {
        let mut seen = HashSet::new();
        for dialect in Dialect::ALL.into_iter().filter(|dialect| *dialect != Dialect::Tei) {
            let text = describe(&case, dialect);
            if seen.insert(text.clone()) {
                insta::assert_snapshot!(format!("{name}.{dialect}"), text);
            }
        }
    }
}

#[test]
fn any_split_of_a_stream_gives_the_same_items() {
    for (name, case) in cases() {
        for dialect in Dialect::ALL {
            let Some(bytes) = stream_bytes(&case, dialect) else { continue };
            let whole = read(dialect, &bytes, bytes.len());
            for piece in [1, 2, 3, 7, 64] {
                assert_eq!(read(dialect, &bytes, piece), whole, "{name}.{dialect} by {piece}");
            }
        }
    }
}

#[test]
fn every_dialect_is_found_by_its_code() {
    for dialect in Dialect::ALL {
        assert_eq!(dialect.code().parse(), Ok(dialect));
        assert!(dialect.base_url_example().starts_with("http"), "{dialect}");
    }
    assert!("OpenAI".parse::<Dialect>().is_err());
}

#[test]
fn a_server_without_chat_refuses_it() {
    let request = ChatRequest::new("m", vec![llm::Message::user("Hallo")]);
    let refusal = Dialect::Tei.chat_call(&request, "m", Delivery::Whole).unwrap_err();
    assert_eq!(refusal.param.as_deref(), Some("model"));
    assert!(Dialect::Tei.chat_response(&"{}".into(), &head()).is_err());
}

#[test]
fn sources_reach_every_dialect_as_instructions() {
    let mut request = ChatRequest::new("m", vec![llm::Message::user("Was zahlt der Mieter?")]);
    let source = llm::Source {
        number: 1,
        title: "BGB".to_owned(),
        heading: String::new(),
        page: None,
        text: "Der Mieter zahlt.".to_owned(),
    };
    request.grounding = Some(llm::Grounding { sources: vec![source], task: llm::Task::Answer });
    let places = [
        (Dialect::Vllm, "/messages/0/content"),
        (Dialect::Anthropic, "/system"),
        (Dialect::Gemini, "/systemInstruction/parts/0/text"),
        (Dialect::Bedrock, "/system/0/text"),
        (Dialect::Ollama, "/messages/0/content"),
    ];
    for (dialect, place) in places {
        let call = dialect.chat_call(&request, "m", Delivery::Whole).unwrap();
        let body: Value = serde_json::from_slice(&call.body()).unwrap();
        let text = body.pointer(place).and_then(Value::as_str);
        assert!(text.is_some_and(|text| text.contains("Der Mieter zahlt.")), "{dialect}");
    }
}
