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
        // It was the caller's own time: nobody else is blamed.
        assert_eq!(answer.code(), "deadline_exceeded", "{answer:?}");
        assert!(answer.text().contains("Frist"), "{answer:?}");
    }
    // In the middle of an answer it is an event.
    world.model.always(Reply::pieces(["Halb"]).then_hang());
    let answer = within(&ada, "500", true).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(answer.text().contains("Halb"), "{answer:?}");
    assert!(answer.text().contains("\"deadline_exceeded\""), "{answer:?}");
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

/// A fault of the configuration is told as one: nothing that passes, and nothing of the server's words.
#[tokio::test]
async fn what_an_operator_must_mend_is_told_as_such() {
    let secret = "Incorrect API key provided: sk-geheim-4711";
    let said = json!({"error": {"message": secret, "code": "invalid_api_key"}});
    for (status, code) in [
        (401, "upstream_key_refused"),
        (403, "upstream_key_refused"),
        (404, "upstream_not_found"),
        (302, "upstream_misconfigured"),
        (400, "upstream_misconfigured"),
    ] {
        let world = World::new().await;
        let ada = world.member("ada").await;
        world.model.always(Reply::status(status, &said));
        let answer = ada.post("/v1/chat/completions", &chat("x")).await;
        assert_eq!((answer.status, answer.code().as_str()), (502, code), "{answer:?}");
        assert!(answer.text().contains("Das kann nur der Betrieb beheben"), "{answer:?}");
        assert!(!answer.text().contains("4711") && !answer.text().contains("gleich noch einmal"));
        assert!(answer.headers.get("retry-after").is_none());
        assert_eq!(world.model.requests().len(), 1, "it would be the same the next time");
    }
}

/// Only real load is told as load. Who must wait is told how long.
#[tokio::test]
async fn a_model_that_rests_or_is_out_of_order_says_so() {
    let world = World::new().await;
    let ada = world.member("ada").await;
    let ask = async || ada.post("/v1/chat/completions", &chat("x")).await;
    world.model.always(Reply::status(429, &json!({})).header("retry-after", "50"));
    for expected in [1, 1] {
        let answer = ask().await;
        assert_eq!((answer.status, answer.code().as_str()), (503, "upstream_rate_limited"));
        let wait: u64 = answer.header("retry-after").parse().unwrap();
        assert!((40..=50).contains(&wait), "{wait}");
        assert!(answer.text().contains(&format!("in {wait} Sekunden")), "{answer:?}");
        assert_eq!(world.model.requests().len(), expected, "it is left alone");
    }

    let world = World::with("[gateway]\nattempts = 1\nbreaker_failures = 1").await;
    let ada = world.member("ada").await;
    world.model.always(Reply::status(500, &json!({})));
    let failed = ada.post("/v1/chat/completions", &chat("x")).await;
    assert_eq!((failed.status, failed.code().as_str()), (502, "upstream_failed"));
    let answer = ada.post("/v1/chat/completions", &chat("x")).await;
    assert_eq!((answer.status, answer.code().as_str()), (503, "model_out_of_service"));
    assert!((1..=5).contains(&answer.header("retry-after").parse::<u64>().unwrap()));

    let world = World::new().await;
    let (ada, admin) = (world.member("ada").await, world.admin("chef").await);
    let drained = json!({"route": "gross-1", "drained": true});
    let put = admin.json(&Method::PUT, "/api/gateway/models/gross/drain", &drained).await;
    assert_eq!(put.status, 204);
    let answer = ada.post("/v1/chat/completions", &chat("x")).await;
    assert_eq!((answer.status, answer.code().as_str()), (503, "model_drained"));
    assert!(answer.headers.get("retry-after").is_none(), "nobody knows when");
    assert!(answer.text().contains("außer Betrieb genommen"), "{answer:?}");
}

/// Also where no route was taken, administrators see why not.
#[tokio::test]
async fn administrators_are_told_why_no_route_was_taken() {
    let world = World::new().await;
    let (admin, ada) = (world.admin("chef").await, world.member("ada").await);
    let path = "/v1/chat/completions?explain=true";
    let mut secret = chat("x");
    secret["fachwerk"] = json!({"data_class": "restricted"});
    let answer = admin.post(path, &secret).await;
    assert_eq!(answer.status, 403);
    assert_eq!(answer.header("x-fachwerk-explanation"), "\"gross-1\";not=above_clearance");
    let plain = admin.post("/v1/chat/completions", &secret).await;
    assert!(plain.headers.get("x-fachwerk-explanation").is_none());
    assert!(ada.post(path, &secret).await.headers.get("x-fachwerk-explanation").is_none());

    let vectors = json!({"model": "gross", "input": "x", "fachwerk": {"data_class": "restricted"}});
    let answer = admin.post("/v1/embeddings?explain=true", &vectors).await;
    assert_eq!(answer.header("x-fachwerk-explanation"), "\"gross-1\";not=above_clearance");

    world.model.always(Reply::status(401, &json!({})));
    let answer = admin.post(path, &chat("x")).await;
    assert_eq!(answer.status, 502);
    assert_eq!(answer.header("x-fachwerk-explanation"), "\"gross-1\";not=failed");
}

/// Who named no class is told which was assumed, and who mistyped a name what it may have been.
#[tokio::test]
async fn refusals_say_what_was_assumed_and_what_was_meant() {
    let world = World::new().await;
    let ada = world.member("ada").await;
    let mut body = chat("x");
    for (typed, meant) in
        [("gros", "gross"), ("GROSS", "gross"), ("fachwerk-auszg", "fachwerk-auszug")]
    {
        body["model"] = json!(typed);
        let answer = ada.post("/v1/chat/completions", &body).await;
        assert_eq!(answer.status, 404);
        assert!(answer.text().contains(&format!("Meinten Sie „{meant}“?")), "{answer:?}");
    }
    body["model"] = json!("gpt-4o");
    assert!(!ada.post("/v1/chat/completions", &body).await.text().contains("Meinten"));

    let text = format!(
        "[[models]]\nname = \"gross\"\n[[models.routes]]\nkind = \"openai\"\nbase_url = {:?}\n\
         upstream_model = \"oben\"\nplace = \"own\"\nclearance = \"open\"\n",
        world.model.base_url(),
    );
    let config = load_text(&text, &Environment::default()).unwrap();
    world.platform.replace_models(&config).await.unwrap();
    let answer = ada.post("/v1/chat/completions", &chat("x")).await;
    assert_eq!(answer.status, 403, "{answer:?}");
    assert!(answer.text().contains("nennt keine Datenklasse, deshalb wurde"), "{answer:?}");
    let mut declared = chat("x");
    declared["fachwerk"] = json!({"data_class": "internal"});
    let answer = ada.post("/v1/chat/completions", &declared).await;
    assert_eq!(answer.status, 403);
    assert!(!answer.text().contains("nennt keine Datenklasse"), "{answer:?}");
}

/// What a server says of itself stays in the answer's body: none of it becomes a header of ours.
#[tokio::test]
async fn nothing_of_a_servers_answer_becomes_a_header() {
    let world = World::new().await;
    let admin = world.admin("chef").await;
    let evil = "x\r\nset-cookie: evil=1\r\n\r\n<html>";
    let body = json!({
        "id": evil, "object": "chat.completion", "created": 1, "model": evil,
        "system_fingerprint": evil, "service_tier": evil,
        "choices": [{"index": 0, "finish_reason": "stop",
            "message": {"role": "assistant", "content": "Guten Tag"}}],
    });
    let chunk = json!({
        "id": evil, "object": "chat.completion.chunk", "created": 1, "model": evil,
        "choices": [{"index": 0, "finish_reason": "stop", "delta": {"content": "Guten Tag"}}],
    });
    let refusal = json!({"error": {"message": evil, "code": evil, "param": evil}});
    let chunk = format!("data: {chunk}\n\ndata: [DONE]\n\n");
    for (reply, stream) in [
        (Reply::status(200, &body), false),
        (Reply::raw(200, "text/event-stream", [chunk]), true),
        (Reply::status(400, &refusal), false),
        (Reply::status(400, &refusal), true),
    ] {
        let reply = reply.header("set-cookie", "evil=1").header("x-request-id", "evil=1");
        world.model.always(reply.header("x-fachwerk-route", "evil=1"));
        let mut asked = chat("x");
        asked["stream"] = json!(stream);
        let answer = admin.post("/v1/chat/completions?explain=true", &asked).await;
        assert!(answer.headers.get("set-cookie").is_none(), "{answer:?}");
        let is_evil =
            |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).contains("evil");
        assert!(!answer.headers.values().any(is_evil), "{answer:?}");
    }
}
