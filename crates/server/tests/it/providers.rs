//! Clients of one provider's interface on a server of another, and the interfaces beside chat.

use axum::body::Body;
use http::Method;
use serde_json::{Value, json};
use testkit::fake_model::{FakeModel, Reply};

use crate::{client::Client, world::World};

fn recorded(case: &str) -> Value {
    let text = match case {
        "tools" => include_str!("../../../llm/fixtures/tools.json"),
        _ => include_str!("../../../llm/fixtures/chat.json"),
    };
    serde_json::from_str(text).unwrap()
}

/// A world with the model `claude` on a fake that speaks Anthropic, and somebody with a key.
async fn with_claude() -> (World, FakeModel, Client) {
    with_claude_and("").await
}

/// The same with more settings.
async fn with_claude_and(more: &str) -> (World, FakeModel, Client) {
    let fake = FakeModel::start().await;
    let settings = format!(
        r#"
        [[models]]
        name = "claude"
        [[models.routes]]
        kind = "anthropic"
        base_url = "{}"
        upstream_model = "claude-sonnet-4-5"
        place = "elsewhere"
        clearance = "internal"
        {more}
        "#,
        fake.base_url()
    );
    let world = World::with(&settings).await;
    let ada = world.member("ada").await;
    let (key, _) = world.key_of(&ada, &["models"]).await;
    (world, fake, key)
}

fn events_of(case: &Value) -> Reply {
    let events = case["streams"]["anthropic"].as_array().unwrap();
    let framed = events
        .iter()
        .map(|event| format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap()));
    Reply::raw(200, "text/event-stream", framed.collect::<Vec<_>>())
}

fn asked(more: &Value) -> Value {
    let mut body =
        json!({"model": "claude", "messages": [{"role": "user", "content": "Und ein Vermerk?"}]});
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

#[tokio::test]
async fn an_openai_client_asks_a_model_on_anthropic() {
    let (_world, fake, key) = with_claude().await;
    let case = recorded("chat");
    fake.next(Reply::status(200, &case["answers"]["anthropic"]));
    let answer = key.post("/v1/chat/completions", &asked(&json!({}))).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("x-fachwerk-route"), "claude-1");
    assert_eq!(answer.json()["object"], "chat.completion");
    assert_eq!(answer.json()["model"], "claude");
    assert_eq!(answer.json()["choices"][0]["message"]["content"], "Eine interne Notiz.");
    assert_eq!(answer.json()["usage"]["completion_tokens"], 10);
    let sent = &fake.requests()[0];
    assert_eq!(sent.path, "/v1/messages");
    assert_eq!(sent.body["model"], "claude-sonnet-4-5");

    fake.next(events_of(&case));
    let body = asked(&json!({"stream": true, "stream_options": {"include_usage": true}}));
    let text = key.post("/v1/chat/completions", &body).await.text();
    let chunks: Vec<Value> = text
        .lines()
        .filter_map(|line| serde_json::from_str(line.strip_prefix("data: ")?).ok())
        .collect();
    let said: String = chunks
        .iter()
        .filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str())
        .collect();
    assert_eq!(said, "Eine interne Notiz – für Ämter.");
    assert!(text.ends_with("data: [DONE]\n\n"));
    assert!(chunks.iter().all(|chunk| chunk["model"] == "claude"));
    assert_eq!(chunks.last().unwrap()["usage"]["completion_tokens"], 15);
}

#[tokio::test]
async fn tools_travel_to_anthropic_and_back() {
    let (_world, fake, key) = with_claude().await;
    let case = recorded("tools");
    fake.next(Reply::status(200, &case["answers"]["anthropic"]));
    let body = asked(&json!({"tools": case["request"]["tools"]}));
    let answer = key.post("/v1/chat/completions", &body).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let choice = &answer.json()["choices"][0];
    assert_eq!(choice["finish_reason"], "tool_calls");
    let call = &choice["message"]["tool_calls"][0];
    assert_eq!(call["function"]["name"], case["request"]["tools"][0]["function"]["name"]);
    assert!(fake.requests()[0].body["tools"][0]["input_schema"].is_object());
}

#[tokio::test]
async fn what_anthropic_cannot_say_is_refused_by_name() {
    let (_world, fake, key) = with_claude().await;
    let answer = key.post("/v1/chat/completions", &asked(&json!({"logprobs": true}))).await;
    assert_eq!(answer.status, 400, "{answer:?}");
    let error = &answer.json()["error"];
    let message = error["message"].as_str().unwrap();
    assert!(message.contains("logprobs") && message.contains("anthropic"), "{error}");
    assert_eq!(error["param"], "logprobs");
    assert!(fake.requests().is_empty());
}

#[tokio::test]
async fn an_anthropic_client_asks_a_model_on_anthropic() {
    let (_world, fake, key) = with_claude().await;
    fake.next(events_of(&recorded("chat")));
    let body = asked(&json!({"max_tokens": 50, "stream": true}));
    let text = key.post("/v1/messages", &body).await.text();
    assert!(text.contains("für Ämter.") && text.contains("message_stop"), "{text}");
}

#[tokio::test]
async fn features_of_anthropics_go_to_anthropic_and_to_nobody_else() {
    // Their names hold dates, which are nobody's birthday.
    let (_world, fake, key) = with_claude_and("[guard]\nelsewhere = \"mask\"").await;
    let case = recorded("chat");
    let send = async |model: &str, betas: &str| {
        let mut body = asked(&json!({"max_tokens": 50}));
        body["model"] = model.into();
        let request = key.request(&Method::POST, "/v1/messages");
        let request = request.header("content-type", "application/json");
        let request = request.header("anthropic-beta", betas).body(Body::from(body.to_string()));
        key.send(request.unwrap()).await
    };
    fake.always(Reply::status(200, &case["answers"]["anthropic"]));
    let answer = send("claude", "context-1m-2025-08-07, interleaved-thinking-2025-05-14").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let asked = &fake.requests()[0];
    let header = asked.headers.get("anthropic-beta").map(String::as_str);
    assert_eq!(header, Some("context-1m-2025-08-07,interleaved-thinking-2025-05-14"));
    assert!(asked.body.get("anthropic-beta").is_none(), "{}", asked.body);

    for (model, betas) in [("gross", "context-1m-2025-08-07"), ("claude", "an \u{fc}ber feature")] {
        let answer = send(model, betas).await;
        assert_eq!(answer.status, 400, "{model}: {answer:?}");
        assert!(answer.text().contains("anthropic-beta"), "{model}: {answer:?}");
    }
    assert_eq!(fake.requests().len(), 1);
}

#[tokio::test]
async fn what_would_have_to_be_stored_is_refused_in_its_own_words() {
    let (_world, _fake, key) = with_claude().await;
    for field in [json!({"store": true}), json!({"previous_response_id": "resp_1"})] {
        let mut body = json!({"model": "gross", "input": "x"});
        body.as_object_mut().unwrap().extend(field.as_object().unwrap().clone());
        let answer = key.post("/v1/responses", &body).await;
        assert_eq!(answer.status, 400, "{answer:?}");
        let error = answer.json()["error"].clone();
        assert!(error["message"].as_str().unwrap().contains("bewahrt"), "{error}");
        assert_eq!(error["code"], "unsupported_parameter");
    }
    let body = asked(
        &json!({"max_tokens": 9, "tools": [{"type": "web_search_20250305", "name": "web_search"}]}),
    );
    let answer = key.post("/v1/messages", &body).await;
    assert!(answer.text().contains("Werkzeug des Anbieters"), "{answer:?}");
}

#[tokio::test]
async fn an_unknown_model_is_answered_with_those_that_suit() {
    let (_world, _fake, key) = with_claude().await;
    let said = async |path: &str, body: Value| {
        let answer = key.post(path, &body).await;
        assert_eq!(answer.status, 404, "{answer:?}");
        answer.text()
    };
    let chat = said("/v1/chat/completions", asked(&json!({"model": "fehlt"}))).await;
    assert!(chat.contains("gross") && chat.contains("claude"), "{chat}");
    let vectors = said("/v1/embeddings", json!({"model": "fehlt", "input": "x"})).await;
    assert!(vectors.contains("gross") && !vectors.contains("claude"), "{vectors}");
}

#[tokio::test]
async fn each_interface_beside_chat_is_answered() {
    let world = World::new().await;
    let ada = world.member("ada").await;
    let (key, _) = world.key_of(&ada, &["models"]).await;
    let asked = json!({"model": "gross", "input": ["Hund", "Katze!"]});
    let answer = key.post("/v1/embeddings", &asked).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("x-fachwerk-place"), "germany");
    assert_eq!(answer.json()["data"][1]["embedding"], json!([6.0, 0.5]));
    assert_eq!(answer.json()["model"], "gross");
    assert_eq!(world.model.requests()[0].body["model"], "oben");

    let base64 = json!({"model": "gross", "input": "Hund", "encoding_format": "base64"});
    let answer = key.post("/v1/embeddings", &base64).await;
    assert_eq!(answer.json()["data"][0]["embedding"], "AACAQAAAAD8=");

    let asked = json!({"model": "gross", "query": "Hund", "documents": ["Hund", "Katze"]});
    let answer = key.post("/v1/rerank", &asked).await;
    assert_eq!(answer.json()["results"][1]["index"], 1, "{answer:?}");

    let asked = json!({"model": "gross", "prompt": "Es war", "stream": true});
    let text = key.post("/v1/completions", &asked).await.text();
    assert!(text.contains("Es war") && text.ends_with("data: [DONE]\n\n"), "{text}");

    let answer = key.post("/v1/moderations", &json!({"input": "Hund"})).await;
    assert_eq!(answer.json()["results"][0]["flagged"], false, "{answer:?}");

    let asked = json!({"model": "gross", "input": "Guten Tag", "voice": "alloy"});
    let answer = key.post("/v1/audio/speech", &asked).await;
    assert_eq!(answer.header("content-type"), "audio/mpeg");
    assert_eq!(answer.text(), "ID3 sound");
}

#[tokio::test]
async fn interfaces_beside_chat_keep_to_class_and_offer() {
    let (_world, fake, key) = with_claude().await;
    let answer = key.post("/v1/embeddings", &json!({"model": "claude", "input": "x"})).await;
    assert_eq!(answer.status, 400, "{answer:?}");
    assert!(answer.text().contains("für solche Anfragen nicht eingerichtet"), "{answer:?}");
    let answer = key.post("/v1/embeddings", &json!({"model": "fehlt", "input": "x"})).await;
    assert_eq!((answer.status, &answer.json()["error"]["code"]), (404, &json!("model_not_found")));
    let secret =
        json!({"model": "gross", "input": "x", "fachwerk": {"data_class": "confidential"}});
    let answer = key.post("/v1/embeddings", &secret).await;
    assert_eq!(answer.status, 403, "{answer:?}");
    let sources = json!({"model": "gross", "input": "x",
        "fachwerk": {"documents": ["01900000-0000-7000-8000-000000000000"]}});
    let answer = key.post("/v1/embeddings", &sources).await;
    assert_eq!(answer.status, 400, "{answer:?}");
    assert!(fake.requests().is_empty());
}

#[tokio::test]
async fn what_was_used_is_written_down_under_its_own_name() {
    let world = World::new().await;
    let chef = world.admin("chef").await;
    let (key, _) = world.key_of(&chef, &["models"]).await;
    let answer = key.post("/v1/embeddings", &json!({"model": "gross", "input": "x"})).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    world.platform.app().settle_ledger().await.unwrap();
    let trail = chef.get("/api/audit").await.text();
    assert!(trail.contains("create_embedding"), "{trail}");
}

/// Programs shorten and ask again on codes of the provider.
#[tokio::test]
async fn a_refusal_keeps_the_code_of_the_provider() {
    let world = World::new().await;
    let ada = world.member("ada").await;
    let (key, _) = world.key_of(&ada, &["models"]).await;
    let body = json!({"model": "gross", "messages": [{"role": "user", "content": "Frage"}]});
    let refused = |code: Value| {
        json!({"error": {"message": "too long", "type": "invalid_request_error",
            "param": "messages", "code": code}})
    };
    for (said, told) in [
        (json!("context_length_exceeded"), "context_length_exceeded"),
        (json!(400), "upstream_refused"),
    ] {
        world.model.next(Reply::status(400, &refused(said)));
        let answer = key.post("/v1/chat/completions", &body).await;
        let error = &answer.json()["error"];
        assert_eq!(answer.status, 400);
        assert_eq!(
            (&error["code"], &error["param"]),
            (&json!(told), &json!("messages")),
            "{error}"
        );
        assert!(error["message"].as_str().unwrap().contains("too long"), "{error}");
    }
}
