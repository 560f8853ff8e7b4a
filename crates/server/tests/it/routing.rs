//! What callers and operators see of the way that requests take.

use domain::DataClass;
use http::Method;
use serde_json::{Value, json};
use server::config::{Environment, load_text};
use testkit::fake_model::Reply;

use crate::{
    client::{Answer, Client},
    world::World,
};

fn chat(question: &str) -> Value {
    json!({"model": "gross", "messages": [{"role": "user", "content": question}]})
}

async fn within(client: &Client, time: &str, stream: bool) -> Answer {
    let mut body = chat("x");
    body["stream"] = json!(stream);
    let request = client
        .request(&Method::POST, "/v1/chat/completions")
        .header("content-type", "application/json")
        .header("x-fachwerk-timeout-ms", time);
    client.send(request.body(body.to_string().into()).unwrap()).await
}

/// G-4 to G-7: what the gateway does can be seen, and nothing of what was asked.
#[tokio::test]
async fn the_state_shows_routes_and_no_content() {
    let world = World::new().await;
    let admin = world.admin("chef").await;
    let secret = "Geheimnis-4711";
    assert_eq!(admin.post("/v1/chat/completions", &chat(secret)).await.status, 200);
    world.model.always(Reply::status(401, &json!({"error": {"message": secret}})));
    assert_eq!(admin.post("/v1/chat/completions", &chat(secret)).await.status, 502);
    let answer = admin.get("/api/gateway/status").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let status = answer.json();
    let model = &status["models"][0];
    let route = &model["routes"][0];
    assert_eq!((&model["name"], &model["policy"]), (&json!("gross"), &json!("order")));
    assert_eq!((&route["name"], &route["state"]), (&json!("gross-1"), &json!("ready")));
    assert_eq!((&route["answers"], &route["failures"]), (&json!(1), &json!(1)));
    assert_eq!(route["last_error"]["kind"], "401");
    assert!(!answer.text().contains(secret));
}

#[tokio::test]
async fn administrators_are_told_why_a_route_was_taken_also_by_key() {
    let world = World::new().await;
    let (admin, ada) = (world.admin("chef").await, world.member("ada").await);
    let (key, _) = world.key_of(&admin, &["models"]).await;
    let (plain, _) = world.key_of(&ada, &["models"]).await;
    let path = "/v1/chat/completions?explain=true";
    for stream in [false, true] {
        let mut body = chat("x");
        body["stream"] = json!(stream);
        let answer = key.post(path, &body).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let why = "\"gross-1\";taken;model=\"gross\";policy=order";
        assert_eq!(answer.header("x-fachwerk-explanation"), why);
        let refused = plain.post(path, &body).await;
        assert_eq!(refused.status, 403, "{refused:?}");
    }
    let silent = key.post("/v1/chat/completions", &chat("x")).await;
    assert!(silent.headers.get("x-fachwerk-explanation").is_none());
}

#[tokio::test]
async fn callers_say_how_long_they_wait() {
    let world = World::new().await;
    let ada = world.member("ada").await;
    assert_eq!(within(&ada, "5000", false).await.status, 200);
    for wrong in ["0", "-1", "1.5", "bald", "86400001"] {
        let answer = within(&ada, wrong, false).await;
        assert_eq!((answer.status, answer.code().as_str()), (400, "timeout_invalid"), "{wrong}");
    }
    world.model.always(Reply::hang());
    for stream in [false, true] {
        let started = std::time::Instant::now();
        let answer = within(&ada, "100", stream).await;
        assert_eq!(answer.status, 504, "{answer:?}");
        assert!(started.elapsed().as_secs() < 5);
    }
}

#[tokio::test]
async fn the_farthest_place_holds_for_everybody() {
    let world = World::with("[outbound]\nfarthest_place = \"own\"").await;
    let ada = world.member("ada").await;
    let answer = ada.post("/v1/chat/completions", &chat("x")).await;
    assert_eq!((answer.status, answer.code().as_str()), (403, "place_not_allowed"));
    assert_eq!(world.model.requests().len(), 0);
}

#[tokio::test]
async fn models_are_exchanged_while_the_platform_runs() {
    let world = World::new().await;
    let ada = world.member("ada").await;
    let models = async || {
        let listed = ada.get("/v1/models").await.json();
        let names = listed["data"].as_array().unwrap().iter();
        names.map(|model| model["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(models().await, ["gross", "fachwerk-auszug"]);
    let text = format!(
        "[[models]]\nname = \"neu\"\n[[models.routes]]\nkind = \"openai\"\nbase_url = {:?}\n\
         upstream_model = \"oben\"\nplace = \"own\"\nclearance = \"{}\"\n[[auto]]\nmodel = \"neu\"\n",
        world.model.base_url(),
        DataClass::Personal.code(),
    );
    let config = load_text(&text, &Environment::default()).unwrap();
    world.platform.replace_models(&config).await.unwrap();
    assert_eq!(models().await, ["neu", "fachwerk-auszug", "auto"]);
    let gone = ada.post("/v1/chat/completions", &chat("x")).await;
    assert_eq!(gone.status, 404);
    let mut body = chat("x");
    body["model"] = json!("auto");
    let answer = ada.post("/v1/chat/completions", &body).await;
    assert_eq!((answer.status, answer.header("x-fachwerk-model")), (200, "neu"));
    assert_eq!(ada.get("/v1/models/auto").await.status, 200);
    // Nobody chose, and the configured default is gone: the first takes its place.
    let shown = ada.get("/api/models").await.json();
    assert_eq!(shown["items"][0]["default"], true);
}
