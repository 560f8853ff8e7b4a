//! No field of any interface goes past the guard: the same personal datum, put into one text field
//! after the other.

use serde_json::{Value, json};

use crate::world::World;

const DATUM: &str = "Konto DE89 3704 0044 0532 0130 00";

/// A request with every field that can hold text; `@` stands for a text.
fn interfaces() -> Vec<(&'static str, Value)> {
    let tool = json!({"type": "function", "function": {"name": "suche", "description": "@",
        "parameters": {"type": "object", "properties": {"ort": {"type": "string", "description": "@"}}}}});
    let call = json!({"id": "call_1", "type": "function",
        "function": {"name": "suche", "arguments": "{\"ort\":\"@\"}"}});
    let file = json!({"filename": "@", "file_data": "data:text/plain;base64,aGk="});
    let schema =
        json!({"name": "antwort", "description": "@", "schema": {"type": "object", "title": "@"}});
    vec![
        (
            "chat/completions",
            json!({"model": "gross", "user": "@", "metadata": {"fall": "@"},
            "prediction": {"type": "content", "content": "@"}, "stop": ["@"], "tools": [tool],
            "response_format": {"type": "json_schema", "json_schema": schema},
            "web_search_options": {"user_location": {"approximate": {"city": "@"}}}, "neu": {"x": ["@"]},
            "messages": [
                {"role": "system", "content": "@"},
                {"role": "developer", "content": [{"type": "text", "text": "@"}]},
                {"role": "user", "name": "@", "content": [{"type": "text", "text": "@"},
                    {"type": "image_url", "image_url": {"url": "https://bild.example/?q=@"}},
                    {"type": "file", "file": file}]},
                {"role": "assistant", "content": "@", "refusal": "@", "reasoning_content": "@",
                    "tool_calls": [call]},
                {"role": "tool", "tool_call_id": "call_1", "content": "@"},
            ]}),
        ),
        (
            "completions",
            json!({"model": "gross", "prompt": ["x", "@"], "suffix": "@", "user": "@",
            "stop": "@", "neu": {"x": "@"}}),
        ),
        ("embeddings", json!({"model": "gross", "input": ["x", "@"], "user": "@"})),
        (
            "rerank",
            json!({"model": "gross", "query": "@",
            "documents": ["@", {"text": "@", "title": "@"}], "user": "@"}),
        ),
        ("moderations", json!({"model": "gross", "input": ["x", "@"]})),
        (
            "moderations",
            json!({"model": "gross", "input": [{"type": "text", "text": "@"},
            {"type": "image_url", "image_url": {"url": "https://bild.example/?q=@"}}]}),
        ),
        (
            "images/generations",
            json!({"model": "gross", "prompt": "@", "user": "@", "style": "@",
            "negative_prompt": "@"}),
        ),
        (
            "audio/speech",
            json!({"model": "gross", "input": "@", "voice": "alloy",
            "instructions": "@"}),
        ),
        (
            "responses",
            json!({"model": "gross", "store": false, "instructions": "@", "user": "@",
            "metadata": {"fall": "@"},
            "text": {"format": {"type": "json_schema", "name": "antwort", "description": "@",
                "schema": {"type": "object", "title": "@"}}},
            "tools": [{"type": "function", "name": "suche", "description": "@",
                "parameters": {"type": "object", "title": "@"}}],
            "input": [
                {"role": "user", "content": [{"type": "input_text", "text": "@"},
                    {"type": "input_file", "filename": "@",
                        "file_data": "data:text/plain;base64,aGk="}]},
                {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "@"}]},
                {"type": "function_call", "call_id": "call_1", "name": "suche",
                    "arguments": "{\"ort\":\"@\"}"},
                {"type": "function_call_output", "call_id": "call_1", "output": "@"},
            ]}),
        ),
        ("responses", json!({"model": "gross", "store": false, "input": "@"})),
        (
            "messages",
            json!({"model": "gross", "max_tokens": 9,
            "system": [{"type": "text", "text": "@"}], "metadata": {"user_id": "@"},
            "stop_sequences": ["@"],
            "tools": [{"name": "suche", "description": "@",
                "input_schema": {"type": "object", "title": "@"}}],
            "messages": [
                {"role": "user", "content": [{"type": "text", "text": "@"},
                    {"type": "document", "title": "@", "source": {"type": "base64",
                        "media_type": "text/plain", "data": "aGk="}}]},
                {"role": "assistant", "content": [{"type": "text", "text": "@"},
                    {"type": "tool_use", "id": "call_1", "name": "suche", "input": {"ort": "@"}}]},
                {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "call_1",
                    "content": [{"type": "text", "text": "@"}]}]},
            ]}),
        ),
        (
            "messages",
            json!({"model": "gross", "max_tokens": 9, "system": "@",
            "messages": [{"role": "user", "content": "@"}]}),
        ),
    ]
}

/// The body with the datum at one place and harmless text at all others; `None` beyond the last.
fn planted(body: &Value, place: usize) -> Option<Value> {
    let text = body.to_string();
    let mut pieces = text.split('@');
    let mut planted = pieces.next().unwrap_or_default().to_owned();
    let mut is_planted = false;
    for (index, piece) in pieces.enumerate() {
        is_planted |= index == place;
        planted.push_str(if index == place { DATUM } else { "Hallo" });
        planted.push_str(piece);
    }
    is_planted.then(|| serde_json::from_str(&planted).unwrap())
}

/// G-1, G-8.
#[tokio::test]
async fn the_guard_reads_every_field_of_every_interface() {
    let world = World::with("[guard]\ngermany = \"report, iban = refuse\"\n").await;
    let ada = world.member("ada").await;
    let (key, _) = world.key_of(&ada, &["models"]).await;
    let mut missed = Vec::new();
    for (path, body) in interfaces() {
        let address = format!("/v1/{path}");
        let harmless = planted(&body, 0).unwrap().to_string().replace(DATUM, "Hallo");
        let harmless = serde_json::from_str(&harmless).unwrap();
        let answer = key.post(&address, &harmless).await;
        if answer.status != 200 {
            missed.push(format!("{path}: harmless: {}", answer.text()));
        }
        let before = world.model.requests().len();
        for place in 0.. {
            let Some(body) = planted(&body, place) else { break };
            let answer = key.post(&address, &body).await;
            if answer.status != 422 {
                missed.push(format!("{path}: {} {body}", answer.status));
            }
            assert!(!answer.text().contains("3704"), "{path}: {answer:?}");
        }
        assert!(world.model.requests().len() == before || !missed.is_empty(), "{path}");
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

/// Requests with the datum where no text belongs.
fn disguises() -> Vec<(&'static str, Value)> {
    let with = |name: &str, value: Value| {
        let mut body =
            json!({"model": "gross", "messages": [{"role": "user", "content": "Hallo"}]});
        body[name] = value;
        ("chat/completions", body)
    };
    let tool = |schema: Value| {
        let function = json!({"name": "suche", "parameters": schema});
        with("tools", json!([{"type": "function", "function": function}]))
    };
    let parts = |part: Value| {
        with(
            "messages",
            json!([{"role": "user", "content":
        [{"type": "text", "text": "Hallo"}, part]}]),
        )
    };
    let file =
        |data: &str| parts(json!({"type": "file", "file": {"filename": "a", "file_data": data}}));
    let call = |id: &str| {
        let function = json!({"name": "suche", "arguments": "{}"});
        with(
            "messages",
            json!([{"role": "user", "content": "Hallo"},
            {"role": "assistant", "tool_calls": [{"id": id, "type": "function", "function": function}]},
            {"role": "tool", "tool_call_id": id, "content": "Hallo"}]),
        )
    };
    vec![
        with("foo", json!({"id": DATUM})),
        with("foo", json!({"id": "DE89370400440532013000"})),
        with(DATUM, json!("x")),
        with("metadata", json!({DATUM: "x"})),
        with("metadata", json!({"a": 4_111_111_111_111_111_u64})),
        call(DATUM),
        tool(json!({"type": "object", "properties": {DATUM: {"type": "string"}}})),
        tool(json!({"type": "object", "required": [DATUM]})),
        tool(json!({"type": "object", "const": {"id": DATUM}})),
        tool(json!({"type": "object", "enum": [4_111_111_111_111_111_u64]})),
        parts(json!({"type": "text", "text": "Hallo", "id": DATUM})),
        parts(json!({"type": "text", "text": "Hallo", "cache_control": {"x": DATUM}})),
        parts(json!({"type": "image_url", "image_url": {"url": format!("data:{DATUM}")}})),
        file(&format!("data:text/plain,{DATUM}")),
        file("data:text/plain;base64,REU4OSAzNzA0IDAwNDQgMDUzMiAwMTMwIDAw"),
        (
            "responses",
            json!({"model": "gross", "store": false, "input": [{"role": "user", "content": [
                {"type": "input_file", "filename": "a", "file_data": format!("data:text/plain,{DATUM}")}]}]}),
        ),
        ("embeddings", json!({"model": "gross", "input": "x", "foo": {"id": DATUM}})),
        ("embeddings", json!({"model": "gross", "input": "x", "foo": {DATUM: 1}})),
        ("embeddings", json!({"model": "gross", "input": "x", "foo": 4_111_111_111_111_111_u64})),
    ]
}

/// Names of fields, numbers and files cannot be changed: where something would have to be hidden in
/// them, the request goes nowhere.
#[tokio::test]
async fn what_looks_like_a_code_or_a_number_is_read_too() {
    for policy in ["refuse", "mask", "pseudonymise"] {
        let rules = format!("[guard]\ngermany = \"report, iban = {policy}, card = {policy}\"\n");
        let world = World::with(&rules).await;
        let ada = world.member("ada").await;
        let (key, _) = world.key_of(&ada, &["models"]).await;
        for (path, body) in disguises() {
            let answer = key.post(&format!("/v1/{path}"), &body).await;
            assert!(policy != "refuse" || answer.status == 422, "{body}: {answer:?}");
            assert!(matches!(answer.status, 200 | 422), "{body}: {answer:?}");
        }
        for request in world.model.requests() {
            let text = format!("{request:?}");
            assert!(!["3704", "4111", "REU4"].iter().any(|datum| text.contains(datum)), "{text}");
        }
    }
    let world = World::with("[guard]\ngermany = \"report, secret = report\"\n").await;
    let ada = world.member("ada").await;
    let (key, _) = world.key_of(&ada, &["models"]).await;
    for (path, body) in disguises() {
        let answer = key.post(&format!("/v1/{path}"), &body).await;
        assert_eq!(answer.status, 200, "{body}: {answer:?}");
        let found = answer.header("x-fachwerk-guard");
        assert!(found.contains("iban") || found.contains("card"), "{body}: {found}");
    }
}

#[tokio::test]
async fn tokens_that_nobody_can_read_go_nowhere_where_somebody_must_read() {
    let strict = World::with("[guard]\ngermany = \"report, iban = refuse\"\n").await;
    let easy = World::with("[guard]\ngermany = \"report, secret = report\"\n").await;
    for (world, expected) in [(&strict, 422), (&easy, 200)] {
        let ada = world.member("ada").await;
        let (key, _) = world.key_of(&ada, &["models"]).await;
        for (path, field) in [("embeddings", "input"), ("completions", "prompt")] {
            for tokens in [json!([1, 2, 3]), json!([[1, 2], [3]])] {
                let body = json!({"model": "gross", field: tokens});
                let answer = key.post(&format!("/v1/{path}"), &body).await;
                assert_eq!(answer.status, expected, "{path}: {answer:?}");
            }
        }
    }
    assert!(strict.model.requests().is_empty());
}
