//! `/v1`: shapes, streams, headers, and what happens when either side goes away.

use futures_util::StreamExt;
use http::Method;
use serde_json::{Value, json};
use testkit::fake_model::Reply;
use tower::ServiceExt;

use crate::{transcript::shown, world::World};

fn chat(model: &str, stream: bool) -> Value {
    json!({
        "model": model, "stream": stream, "temperature": 0.5, "unbekannt": {"bleibt": true},
        "messages": [{"role": "user", "content": "Wie hoch ist die Steuer?"}],
    })
}

#[tokio::test]
async fn models_in_openai_shape() {
    let world = World::new().await;
    let ada = world.member("ada").await;
    let (key, _) = world.key_of(&ada, &["models"]).await;
    insta::assert_json_snapshot!(key.get("/v1/models").await.json());
    insta::assert_json_snapshot!(key.get("/v1/models/fachwerk-auszug").await.json());
    insta::assert_json_snapshot!(key.get("/v1/models/fehlt").await.json());
    insta::assert_json_snapshot!(world.anonymous().get("/v1/models").await.json());
}

#[tokio::test]
async fn a_whole_answer_names_its_way_in_headers_only() {
    let world = World::new().await;
    let ada = world.member("ada").await;
    let (key, _) = world.key_of(&ada, &["models"]).await;
    world.model.always(Reply::text("120 Euro.").usage(12, 3));
    let answer = key.post("/v1/chat/completions", &chat("gross", false)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("x-fachwerk-model"), "gross");
    assert_eq!(answer.header("x-fachwerk-route"), "gross-1");
    assert_eq!(answer.header("x-fachwerk-place"), "germany");
    let body = answer.json();
    assert_eq!(body["object"], "chat.completion");
    assert_eq!(body["choices"][0]["message"]["content"], "120 Euro.");
    assert_eq!(body["usage"]["total_tokens"], 15);
    assert!(body.get("fachwerk").is_none());
    let sent = &world.model.requests()[0].body;
    assert_eq!(sent["model"], "oben");
    assert_eq!(sent["unbekannt"], json!({"bleibt": true}));
}

#[tokio::test]
async fn a_stream_ends_with_done() {
    let world = World::new().await;
    let ada = world.member("ada").await;
    let (key, _) = world.key_of(&ada, &["models"]).await;
    world.model.always(Reply::pieces(["120 ", "Euro."]));
    let mut body = chat("gross", true);
    body["stream_options"] = json!({"include_usage": true});
    let answer = key.post("/v1/chat/completions", &body).await;
    assert!(answer.header("content-type").starts_with("text/event-stream"));
    assert_eq!(answer.header("x-accel-buffering"), "no");
    assert_eq!(answer.header("content-encoding"), "");
    let text = answer.text();
    assert!(text.ends_with("data: [DONE]\n\n"), "{text}");
    let chunks: Vec<Value> = text
        .lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .filter_map(|data| serde_json::from_str(data).ok())
        .collect();
    let said: String = chunks
        .iter()
        .filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str())
        .collect();
    assert_eq!(said, "120 Euro.");
    assert!(chunks.last().unwrap()["usage"]["total_tokens"].is_u64());
}

#[tokio::test]
async fn an_answer_from_documents_carries_citations() {
    let world = World::new().await;
    let ada = world.member("ada").await;
    let collection = ada.collection("Satzungen", "private").await;
    let text = "Wer einen Hund hält, zahlt Steuer.\n\nDie Steuer beträgt im Jahr 120 Euro.\n";
    let document = ada.document(&collection, "hund.txt", text).await;
    for stream in [false, true] {
        let mut body = chat("fachwerk-auszug", stream);
        body["fachwerk"] = json!({"documents": [document]});
        let answer = ada.post("/v1/chat/completions", &body).await;
        assert_eq!((answer.status, &answer.json()["error"]["param"]), (400, &json!("unbekannt")));
        body.as_object_mut().unwrap().remove("unbekannt");
        let answer = ada.post("/v1/chat/completions", &body).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let text = answer.text();
        let carrying = if stream {
            let chunk = text.lines().rfind(|line| line.contains("\"fachwerk\""));
            serde_json::from_str(chunk.unwrap().strip_prefix("data: ").unwrap()).unwrap()
        } else {
            answer.json()
        };
        let citation = &carrying["fachwerk"]["citations"][0];
        assert_eq!(citation["document_id"], json!(document), "{text}");
        for field in ["number", "start", "end"] {
            assert!(citation[field].is_u64(), "{field}: {citation}");
        }
        assert_eq!(answer.header("x-fachwerk-place"), "own");
    }
}

#[tokio::test]
async fn what_goes_wrong_comes_in_openai_shape() {
    let world = World::new().await;
    let ada = world.member("ada").await;
    let (key, _) = world.key_of(&ada, &["models"]).await;
    let mut log = Vec::new();
    world.model.always(Reply::status(400, &json!({"error": {"message": "zu lang"}})));
    for body in [
        chat("gross", false),
        chat("fehlt", false),
        json!({"model": "gross"}),
        json!({"model": "gross", "messages": [{"role": "user", "content": "x"}],
            "fachwerk": {"data_class": "confidential"}}),
    ] {
        let answer = key.post("/v1/chat/completions", &body).await;
        log.push(json!({"status": answer.status, "body": answer.json()}));
    }
    world.model.always(Reply::status(503, &json!({})));
    let answer = key.post("/v1/chat/completions", &chat("gross", true)).await;
    log.push(json!({"status": answer.status, "body": answer.json()}));
    world.model.always(Reply::pieces(["120 "]).then_break());
    let answer = key.post("/v1/chat/completions", &chat("gross", true)).await;
    let last = answer.text().lines().rfind(|line| !line.is_empty()).unwrap_or_default().to_owned();
    log.push(json!({"status": answer.status, "last": last}));
    insta::assert_json_snapshot!(shown(Value::from(log)));
}

#[tokio::test]
async fn a_caller_who_goes_takes_the_upstream_call_along() {
    let world = World::new().await;
    let ada = world.member("ada").await;
    world.model.always(Reply::pieces(["120 ", "Euro "]).then_hang());
    let request = ada
        .request(&Method::POST, "/v1/chat/completions")
        .header("content-type", "application/json")
        .body(axum::body::Body::from(chat("gross", true).to_string()))
        .unwrap();
    let response = world.router().oneshot(request).await.unwrap();
    let mut body = response.into_body().into_data_stream();
    let first = body.next().await.unwrap().unwrap();
    assert!(first.starts_with(b"data: "));
    drop(body);
    world.model.wait_for_hang_ups(1).await;
}
