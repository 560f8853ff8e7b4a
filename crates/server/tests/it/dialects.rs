//! Anthropic's Messages and OpenAI's Responses: the same run in another wire format.

use axum::body::Body;
use http::Method;
use serde_json::{Value, json};
use testkit::fake_model::Reply;

use crate::{transcript::shown, world::World};

fn message(model: &str, stream: bool) -> Value {
    json!({
        "model": model, "max_tokens": 100, "stream": stream, "system": "Antworten Sie kurz.",
        "messages": [{"role": "user", "content": [{"type": "text", "text": "Wie hoch ist die Steuer?"}]}],
    })
}

/// The names of the events and the text in their deltas.
fn events(text: &str, delta: &str) -> (Vec<String>, String) {
    let names = text.lines().filter_map(|line| line.strip_prefix("event: ").map(str::to_owned));
    let values = text.lines().filter_map(|line| line.strip_prefix("data: "));
    let values = values.filter_map(|data| serde_json::from_str::<Value>(data).ok());
    let said = values.filter_map(|value| Some(value.pointer(delta)?.as_str()?.to_owned()));
    (names.collect(), said.collect())
}

#[tokio::test]
async fn a_message_is_answered_whole_with_either_header() {
    let world = World::new().await;
    let ada = world.member("ada").await;
    let (key, _) = world.key_of(&ada, &["models"]).await;
    world.model.always(Reply::text("120 Euro.").usage(12, 3));
    let answer = key.post("/v1/messages", &message("gross", false)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("x-fachwerk-place"), "germany");
    insta::assert_json_snapshot!(shown(answer.json()));
    let sent = &world.model.requests()[0].body;
    assert_eq!(sent["messages"][0], json!({"role": "system", "content": "Antworten Sie kurz."}));
    assert_eq!(sent["max_tokens"].as_u64().or(sent["max_completion_tokens"].as_u64()), Some(100));

    let secret = key.secret().to_owned();
    let request = world
        .anonymous()
        .request(&Method::POST, "/v1/messages")
        .header("x-api-key", secret)
        .header("content-type", "application/json")
        .body(Body::from(message("gross", false).to_string()))
        .unwrap();
    let answer = world.anonymous().send(request).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

#[tokio::test]
async fn a_streamed_message_has_anthropics_events() {
    let world = World::new().await;
    let ada = world.member("ada").await;
    let (key, _) = world.key_of(&ada, &["models"]).await;
    world.model.always(Reply::pieces(["120 ", "Euro."]));
    let answer = key.post("/v1/messages", &message("gross", true)).await;
    assert!(answer.header("content-type").starts_with("text/event-stream"));
    let (names, said) = events(&answer.text(), "/delta/text");
    assert_eq!(said, "120 Euro.");
    assert_eq!(names.first().map(String::as_str), Some("message_start"));
    assert_eq!(names.last().map(String::as_str), Some("message_stop"));

    world.model.always(Reply::pieces(["120 "]).then_break());
    let broken = key.post("/v1/messages", &message("gross", true)).await.text();
    assert_eq!(events(&broken, "/error/type"), {
        let mut names = events(&broken, "").0;
        names.pop();
        names.push("error".to_owned());
        (names, "api_error".to_owned())
    });
}

#[tokio::test]
async fn tokens_are_estimated_without_a_model() {
    let world = World::new().await;
    let ada = world.member("ada").await;
    let (key, _) = world.key_of(&ada, &["models"]).await;
    let mut body = message("gross", false);
    for field in ["max_tokens", "stream"] {
        body.as_object_mut().unwrap().remove(field);
    }
    let answer = key.post("/v1/messages/count_tokens", &body).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(answer.json()["input_tokens"].as_u64().unwrap() > 5);
    assert!(world.model.requests().is_empty());
}

#[tokio::test]
async fn what_goes_wrong_comes_in_anthropics_shape() {
    let world = World::new().await;
    let ada = world.member("ada").await;
    let (key, _) = world.key_of(&ada, &["models"]).await;
    let mut log = Vec::new();
    let secret = json!({"model": "gross", "max_tokens": 9, "fachwerk": {"data_class": "confidential"},
        "messages": [{"role": "user", "content": "x"}]});
    for body in [message("fehlt", false), json!({"model": "gross"}), secret] {
        let answer = key.post("/v1/messages", &body).await;
        log.push(json!({"status": answer.status, "body": answer.json()}));
    }
    let answer = world.anonymous().post("/v1/messages", &message("gross", false)).await;
    log.push(json!({"status": answer.status, "body": answer.json()}));
    insta::assert_json_snapshot!(shown(Value::from(log)));
}

#[tokio::test]
async fn a_response_is_answered_whole_and_streamed() {
    let world = World::new().await;
    let ada = world.member("ada").await;
    let (key, _) = world.key_of(&ada, &["models"]).await;
    let body = |stream: bool| {
        json!({"model": "gross", "stream": stream, "store": false,
        "instructions": "Antworten Sie kurz.", "input": "Wie hoch ist die Steuer?"})
    };
    world.model.always(Reply::text("120 Euro.").usage(12, 3));
    let answer = key.post("/v1/responses", &body(false)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.json()["output"][0]["content"][0]["text"], "120 Euro.");
    assert_eq!(answer.json()["usage"]["total_tokens"], 15);

    world.model.always(Reply::pieces(["120 ", "Euro."]));
    let text = key.post("/v1/responses", &body(true)).await.text();
    let (names, _) = events(&text, "/delta");
    assert_eq!(names.first().map(String::as_str), Some("response.created"));
    assert_eq!(names.last().map(String::as_str), Some("response.completed"));
    let deltas = names.iter().filter(|name| *name == "response.output_text.delta").count();
    assert!(deltas >= 2, "{names:?}");

    let stateful = json!({"model": "gross", "input": "x", "previous_response_id": "resp_1"});
    let refused = key.post("/v1/responses", &stateful).await;
    assert_eq!(refused.status, 400);
    assert_eq!(refused.json()["error"]["param"], "previous_response_id");
}

#[tokio::test]
async fn answers_from_documents_carry_citations_in_every_format() {
    let world = World::new().await;
    let ada = world.member("ada").await;
    let collection = ada.collection("Satzungen", "private").await;
    let text = "Wer einen Hund hält, zahlt Steuer.\n\nDie Steuer beträgt im Jahr 120 Euro.\n";
    let document = ada.document(&collection, "hund.txt", text).await;
    let own = json!({"documents": [document]});
    for stream in [false, true] {
        let mut body = message("fachwerk-auszug", stream);
        body.as_object_mut().unwrap().remove("system");
        body["fachwerk"] = own.clone();
        let said = ada.post("/v1/messages", &body).await.text();
        assert!(said.contains("\"citations\":[{"), "messages, stream {stream}: {said}");
        let body = json!({"model": "fachwerk-auszug", "stream": stream, "fachwerk": own,
            "input": "Wie hoch ist die Steuer?"});
        let said = ada.post("/v1/responses", &body).await.text();
        assert!(said.contains("\"citations\":[{"), "responses, stream {stream}: {said}");
    }
}
