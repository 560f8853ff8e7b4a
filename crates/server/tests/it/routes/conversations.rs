use http::Method;
use serde_json::json;
use testkit::fake_model::Reply;

use crate::{transcript::Transcript, world::World};

#[tokio::test]
async fn a_conversation_from_question_to_deletion() {
    let world = World::new().await;
    let (ada, bert) = (world.member("ada").await, world.member("bert").await);
    let mut log = Transcript::default();
    let id = log.post(("ada", &ada), "/api/conversations", json!({})).await.id();
    let path = format!("/api/conversations/{id}");
    world.model.always(Reply::echo());
    let asked = ada.ask(&id, &json!({"text": "Wie hoch ist die Steuer?", "model": "gross"})).await;
    log.get(("ada", &ada), &path).await;
    log.get(("bert", &bert), &path).await;
    log.get(("ada", &ada), "/api/conversations?query=steuer").await;
    log.get(("ada", &ada), "/api/conversations?query=miete").await;
    log.get(("bert", &bert), "/api/conversations").await;
    log.json(("ada", &ada), &Method::PATCH, &path, json!({"title": "Hunde"})).await;
    let run = asked["answer"]["run"]["id"].as_str().unwrap();
    log.get(("ada", &ada), &format!("/api/runs/{run}/events")).await;
    log.get(("bert", &bert), &format!("/api/runs/{run}/events")).await;
    log.post(("ada", &ada), &format!("/api/runs/{run}/stop"), json!({})).await;
    log.post(("bert", &bert), &format!("/api/runs/{run}/stop"), json!({})).await;
    let answer = asked["answer"]["id"].as_str().unwrap();
    log.post(("bert", &bert), &format!("/api/messages/{answer}/retry"), json!({})).await;
    log.delete(("bert", &bert), &path).await;
    log.delete(("ada", &ada), &path).await;
    log.get(("ada", &ada), &path).await;
    insta::assert_snapshot!(log.text());
}

#[tokio::test]
async fn asking_refuses_what_makes_no_sense() {
    let world = World::new().await;
    let ada = world.member("ada").await;
    let id = ada.conversation().await;
    let path = format!("/api/conversations/{id}/messages");
    let mut log = Transcript::default();
    for body in [
        json!({"text": ""}),
        json!({"text": "x", "model": "gibtsnicht"}),
        json!({"text": "x", "model": "gross", "data_class": "personal"}),
        json!({"text": "x", "documents": ["01890000-0000-7000-8000-000000000000"]}),
        json!({"text": "", "task": {"kind": "summary", "length": "short"}}),
        json!({"text": "x", "task": {"kind": "summary", "length": "endlos"}}),
        json!({"text": "x", "task": {"kind": "answer", "length": "short"}}),
    ] {
        log.post(("ada", &ada), &path, body).await;
    }
    insta::assert_snapshot!(log.text());
}

#[tokio::test]
async fn an_answer_with_a_source_and_one_that_failed() {
    let world = World::new().await;
    let ada = world.member("ada").await;
    let collection = ada.collection("Satzungen", "private").await;
    let text = "Wer einen Hund hält, zahlt Steuer.\n\nDie Steuer beträgt im Jahr 120 Euro.\n";
    let document = ada.document(&collection, "hund.txt", text).await;
    let id = ada.conversation().await;
    let question = json!({
        "text": "Wie hoch ist die Steuer im Jahr?", "documents": [document],
        "model": "fachwerk-auszug",
    });
    ada.ask(&id, &question).await;
    let shown = ada.get(&format!("/api/conversations/{id}")).await.json();
    let answer = &shown["messages"][1];
    assert_eq!(answer["run"]["state"], "done", "{answer}");
    let citation = &answer["citations"][0];
    assert_eq!(citation["document_id"], json!(document));
    assert!(text.contains(citation["quote"].as_str().unwrap()), "{citation}");

    assert_eq!(ada.delete(&format!("/api/documents/{document}")).await.status, 204);
    let shown = ada.get(&format!("/api/conversations/{id}")).await.json();
    let citation = &shown["messages"][1]["citations"][0];
    assert_eq!((&citation["gone"], &citation["quote"]), (&json!(true), &json!("")), "{shown}");
    let earlier = ada.get(&format!("/api/conversations/{id}/messages?limit=1")).await.json();
    assert_eq!(earlier["items"][0], shown["messages"][1]);
    assert!(!shown["messages"].to_string().contains("120 Euro"), "{shown}");

    world.model.always(Reply::status(400, &json!({"error": {"message": "nein"}})));
    let id = ada.conversation().await;
    ada.ask(&id, &json!({"text": "Und nun?", "model": "gross"})).await;
    let shown = ada.get(&format!("/api/conversations/{id}")).await.json();
    let run = &shown["messages"][1]["run"];
    assert_eq!(run["state"], "failed", "{shown}");
    assert!(!run["reason"]["text"].as_str().unwrap().is_empty());
}
