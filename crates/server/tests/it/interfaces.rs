//! What holds for every interface to models alike: the deadline, the explanation, the way the answer
//! took, and the address.

use std::time::{Duration, Instant};

use http::Method;
use serde_json::{Value, json};
use testkit::fake_model::Reply;

use crate::{
    client::{Answer, Client},
    world::World,
};

/// One request to each interface.
pub fn requests() -> Vec<(&'static str, Value)> {
    let messages = json!([{"role": "user", "content": "x"}]);
    vec![
        ("chat/completions", json!({"model": "gross", "messages": messages})),
        ("responses", json!({"model": "gross", "store": false, "input": "x"})),
        ("messages", json!({"model": "gross", "max_tokens": 9, "messages": messages})),
        ("completions", json!({"model": "gross", "prompt": "x"})),
        ("completions", json!({"model": "gross", "prompt": "x", "stream": true})),
        ("embeddings", json!({"model": "gross", "input": "x"})),
        ("rerank", json!({"model": "gross", "query": "x", "documents": ["x"]})),
        ("moderations", json!({"model": "gross", "input": "x"})),
        ("images/generations", json!({"model": "gross", "prompt": "x"})),
        ("images/generations", json!({"model": "gross", "prompt": "x", "stream": true})),
        ("audio/speech", json!({"model": "gross", "input": "x", "voice": "alloy"})),
        (
            "audio/speech",
            json!({"model": "gross", "input": "x", "voice": "alloy", "stream_format": "sse"}),
        ),
    ]
}

async fn within(client: &Client, path: &str, body: &Value, time: &str) -> Answer {
    let request = client
        .request(&Method::POST, &format!("/v1/{path}"))
        .header("content-type", "application/json")
        .header("x-fachwerk-timeout-ms", time);
    client.send(request.body(body.to_string().into()).unwrap()).await
}

/// G-1, G-4.
#[tokio::test]
async fn every_interface_says_which_way_its_answer_took_and_why() {
    let world = World::with("[guard]\ngermany = \"report\"\n").await;
    let (admin, ada) = (world.admin("chef").await, world.member("ada").await);
    let (key, _) = world.key_of(&admin, &["models"]).await;
    let (plain, _) = world.key_of(&ada, &["models"]).await;
    for (path, body) in requests() {
        let body = body.to_string().replace("\"x\"", "\"x, erika@post.example\"");
        let body: Value = serde_json::from_str(&body).unwrap();
        let answer = key.post(&format!("/v1/{path}?explain=true"), &body).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        assert_eq!(answer.header("x-fachwerk-model"), "gross", "{path}");
        assert_eq!(answer.header("x-fachwerk-route"), "gross-1", "{path}");
        assert_eq!(answer.header("x-fachwerk-place"), "germany", "{path}");
        assert!(answer.header("x-fachwerk-guard").starts_with("mail="), "{path}: {answer:?}");
        let why = "\"gross-1\";taken;model=\"gross\";policy=order";
        assert_eq!(answer.header("x-fachwerk-explanation"), why, "{path}");
        let silent = key.post(&format!("/v1/{path}"), &body).await;
        assert_eq!(silent.header("x-fachwerk-explanation"), "", "{path}");
        let refused = plain.post(&format!("/v1/{path}?explain=true"), &body).await;
        assert_eq!(refused.status, 403, "{path}: {refused:?}");
    }
}

/// G-1, G-6: a caller's own time holds for every interface.
#[tokio::test]
async fn every_interface_keeps_to_the_time_of_the_caller() {
    let world = World::new().await;
    let ada = world.member("ada").await;
    for (path, body) in requests() {
        for wrong in ["0", "-1", "1.5", "bald", "86400001"] {
            let answer = within(&ada, path, &body, wrong).await;
            assert_eq!(answer.status, 400, "{path}: {answer:?}");
        }
        assert_eq!(within(&ada, path, &body, "20000").await.status, 200, "{path}");
    }
    world.model.always(Reply::hang());
    for (path, body) in requests() {
        let started = Instant::now();
        let answer = within(&ada, path, &body, "100").await;
        assert_eq!(answer.status, 504, "{path}: {answer:?}");
        assert!(started.elapsed() < Duration::from_secs(5), "{path}");
    }
}

/// G-1: a base URL without `/v1` is the most common mistake of all.
/// A caller who wants events where the answer comes whole is told so, and no server hears of it: an
/// answer in the wrong form would count against the route, for everybody.
#[tokio::test]
async fn what_does_not_stream_says_so() {
    let world = World::new().await;
    let ada = world.member("ada").await;
    for (path, mut body) in requests() {
        if !["embeddings", "rerank", "moderations"].contains(&path) {
            continue;
        }
        body["stream"] = true.into();
        let answer = ada.post(&format!("/v1/{path}"), &body).await;
        assert_eq!(
            (answer.status, &answer.json()["error"]["param"]),
            (400, &json!("stream")),
            "{path}"
        );
    }
    assert!(world.model.requests().is_empty());
}

#[tokio::test]
async fn an_address_without_its_version_is_answered_with_a_hint() {
    let world = World::new().await;
    let description = world.anonymous().get("/openapi.json").await.json();
    let mut count = 0;
    for (path, methods) in description["paths"].as_object().unwrap() {
        let Some(bare) = path.strip_prefix("/v1") else { continue };
        let bare = bare.replace("{id}", "gross");
        for method in methods.as_object().unwrap().keys() {
            let method: Method = method.to_uppercase().parse().unwrap();
            let answer = world.anonymous().in_english().json(&method, &bare, &json!({})).await;
            assert_eq!(answer.status, 404, "{bare}: {answer:?}");
            assert_eq!(answer.header("content-type"), "application/json", "{bare}");
            assert_eq!(answer.code(), "version_missing", "{bare}");
            assert!(answer.detail().contains("\"/v1/"), "{bare}: {answer:?}");
            count += 1;
        }
    }
    assert!(count >= 12, "{count}");
    for page in ["/modelle", "/modelsx", "/chat", "/search"] {
        assert_ne!(world.anonymous().get(page).await.code(), "version_missing", "{page}");
    }
}
