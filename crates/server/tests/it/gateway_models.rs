//! Models that administrators keep while the platform runs, who may use them, and where data may go.

use std::{fs, path::Path, time::Duration};

use http::Method;
use serde_json::{Value, json};
use testkit::fake_model::{FakeModel, Reply};

use crate::{
    client::{Answer, Client},
    world::World,
};

const KEY: &str = "sk-ganz-geheim-4711";
const MODELS: &str = "/api/gateway/models";

fn definition(name: &str, base_url: &str) -> Value {
    json!({
        "name": name,
        "purpose": "Probe",
        "routes": [{
            "kind": "compatible",
            "base_url": base_url,
            "upstream_model": "oben",
            "api_key": KEY,
            "place": "germany",
            "clearance": "internal",
            "offers": "chat, embeddings",
        }],
    })
}

async fn put(client: &Client, path: &str, body: &Value) -> Answer {
    client.json(&Method::PUT, path, body).await
}

async fn ask(client: &Client, model: &str) -> Answer {
    let body = json!({"model": model, "messages": [{"role": "user", "content": "Hallo"}]});
    client.post("/v1/chat/completions", &body).await
}

async fn listed(client: &Client) -> Vec<String> {
    let models = client.get("/v1/models").await.json();
    let data = models["data"].as_array().unwrap().iter();
    data.map(|model| model["id"].as_str().unwrap().to_owned()).collect()
}

/// What the last request to a server said who it was.
fn authorization(fake: &FakeModel) -> Option<String> {
    fake.requests().last().unwrap().headers.get("authorization").cloned()
}

/// Whether a text stands in any file of a folder.
fn is_written_in(folder: &Path, text: &str) -> bool {
    fs::read_dir(folder).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return is_written_in(&path, text);
        }
        let bytes = fs::read(&path).unwrap_or_default();
        bytes.windows(text.len()).any(|window| window == text.as_bytes())
    })
}

/// G-4, G-5: a model is added, changed, drained, tested and removed without a restart, and its key is
/// read by its own server alone.
#[tokio::test]
async fn a_model_lives_and_its_key_stays_secret() {
    let world = World::new().await;
    let (chef, ada) = (world.admin("chef").await, world.member("ada").await);
    let made = chef.post(MODELS, &definition("neu", &world.model.base_url())).await;
    assert_eq!(made.status, 201, "{made:?}");
    let made = made.json();
    assert_eq!((&made["version"], &made["defined_in"]), (&json!(1), &json!("database")));
    assert_eq!(made["keyed"], json!(["neu-1"]));
    assert_eq!(listed(&ada).await, ["gross", "neu", "fachwerk-auszug"]);
    let answer = ask(&ada, "neu").await;
    assert_eq!((answer.status, answer.header("x-fachwerk-route")), (200, "neu-1"));
    assert_eq!(authorization(&world.model), Some(format!("Bearer {KEY}")));

    // A change without a key keeps it; with the version that was read before, it clashes.
    let mut changed = definition("neu", &world.model.base_url());
    changed["routes"][0] = made["definition"]["routes"][0].clone();
    changed["routes"][0]["weight"] = json!(3);
    let path = format!("{MODELS}/neu");
    let answer = put(&chef, &path, &json!({"version": 1, "definition": changed})).await;
    assert_eq!((answer.status, &answer.json()["version"]), (200, &json!(2)), "{answer:?}");
    assert_eq!(answer.json()["keyed"], json!(["neu-1"]));
    let late = put(&chef, &path, &json!({"version": 1, "definition": changed})).await;
    assert_eq!((late.status, late.code().as_str()), (409, "changed_meanwhile"));
    assert_eq!(ask(&ada, "neu").await.status, 200);
    assert_eq!(authorization(&world.model), Some(format!("Bearer {KEY}")));

    let shown = chef.get(MODELS).await.text();
    let trail = chef.get("/api/audit").await.text();
    assert!(shown.contains("\"neu\"") && trail.contains("routes.neu-1.weight: 3"), "{trail}");
    assert!(!shown.contains(KEY) && !trail.contains(KEY));
    assert!(!is_written_in(&world.data(), KEY), "the key lies on the disk in clear");

    // An answer that runs comes to its end, whatever becomes of its model.
    let pieces = Reply::pieces(["eins ", "zwei ", "drei"]).pause(Duration::from_millis(150));
    world.model.next(pieces);
    let body = json!({"model": "neu", "stream": true,
        "messages": [{"role": "user", "content": "Hallo"}]});
    let (streamed, removed) = tokio::join!(ada.post("/v1/chat/completions", &body), async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        chef.delete(&format!("{path}?version=2")).await
    });
    assert_eq!(removed.status, 204, "{removed:?}");
    assert!(streamed.text().contains("drei") && streamed.text().contains("[DONE]"));
    assert_eq!(ask(&ada, "neu").await.status, 404);
    assert_eq!(listed(&ada).await, ["gross", "fachwerk-auszug"]);
}

/// Whoever is told that a model is there can use it, however many are added at the same time; one that is
/// added anew under an old name is not the old one.
#[tokio::test]
async fn models_of_many_hands_are_there_at_once() {
    let world = World::new().await;
    let (chef, ada) = (world.admin("chef").await, world.member("ada").await);
    let names: Vec<String> = (0..24).map(|number| format!("m{number:02}")).collect();
    let added = names.iter().map(async |name| {
        let made = chef.post(MODELS, &definition(name, &world.model.base_url())).await;
        assert_eq!(made.status, 201, "{made:?}");
        assert_eq!(ask(&ada, name).await.status, 200, "{name}");
    });
    futures_util::future::join_all(added).await;
    let changed = names.iter().map(async |name| {
        let path = format!("{MODELS}/{name}");
        assert_eq!(chef.delete(&format!("{path}?version=1")).await.status, 204);
        assert_eq!(ask(&ada, name).await.status, 404, "{name}");
        let mut other = definition(name, &world.model.base_url());
        other["routes"][0]["upstream_model"] = json!(format!("anders-{name}"));
        assert_eq!(chef.post(MODELS, &other).await.status, 201);
        assert_eq!(ask(&ada, name).await.status, 200, "{name}");
    });
    let before = world.model.requests().len();
    futures_util::future::join_all(changed).await;
    let mut asked: Vec<String> = world.model.requests()[before..]
        .iter()
        .map(|request| request.body["model"].as_str().unwrap().to_owned())
        .collect();
    asked.sort();
    let expected: Vec<String> = names.iter().map(|name| format!("anders-{name}")).collect();
    assert_eq!(asked, expected);
    assert_eq!(listed(&ada).await.len(), names.len() + 2);
}

/// What the file would refuse is refused here, and what would reach out further than the operator
/// allowed as well.
#[tokio::test]
async fn definitions_are_checked_like_the_file_and_reach_no_other_hosts() {
    let elsewhere = FakeModel::start().await;
    let world = World::new().await;
    let chef = world.admin("chef").await;
    let field = async |definition: Value| {
        let answer = chef.post(MODELS, &definition).await;
        assert_eq!(answer.status, 400, "{answer:?}");
        let fields = answer.json()["fields"].as_object().unwrap().clone();
        fields.into_iter().map(|(name, _)| name).collect::<Vec<_>>()
    };
    let other = definition("neu", &elsewhere.base_url());
    assert_eq!(field(other).await, ["routes.0.base_url"]);
    let metadata = definition("neu", "http://169.254.169.254/latest");
    assert_eq!(field(metadata).await, ["routes.0.base_url"]);
    let mut wrong = definition("zwei worte", &world.model.base_url());
    wrong["routes"][0]["place"] = json!("mond");
    wrong["routes"][0]["weight"] = json!(0);
    let mut names = field(wrong).await;
    names.sort();
    assert_eq!(names, ["name", "routes.0.place", "routes.0.weight"]);
    // A key is sealed for the address as it is written: one that is written oddly is none.
    for (plain, odd) in [("://", ":/"), ("://", ":\\\\"), ("/v1", "\\v1")] {
        let address = world.model.base_url().replacen(plain, odd, 1);
        assert_eq!(field(definition("neu", &address)).await, ["routes.0.base_url"], "{address}");
    }
    for (name, value) in [("query", "api-version=1&key=geheim"), ("key_header", "Host")] {
        let mut wrong = definition("neu", &world.model.base_url());
        wrong["routes"][0][name] = json!(value);
        assert_eq!(field(wrong).await, [format!("routes.0.{name}")]);
    }
    for name in ["api_key_env", "api_key_file"] {
        let mut reaching = definition("neu", &world.model.base_url());
        reaching["routes"][0][name] = json!("/etc/passwd");
        assert_eq!(chef.post(MODELS, &reaching).await.status, 400);
    }
    for name in ["gross", "fachwerk-auszug"] {
        let taken = chef.post(MODELS, &definition(name, &world.model.base_url())).await;
        assert_eq!((taken.status, taken.code().as_str()), (409, "model_name_taken"));
    }
    let reserved = chef.post(MODELS, &definition("auto", &world.model.base_url())).await;
    assert_eq!((reserved.status, reserved.code().as_str()), (400, "model_name_reserved"));
    assert_eq!(elsewhere.requests().len(), 0);

    // Allowed by the operator, it is; but no key follows to another address by itself.
    let hosts =
        format!("[outbound]\nhosts = \"{}\"", elsewhere.base_url().split('/').nth(2).unwrap());
    let world = World::with(&hosts).await;
    let chef = world.admin("chef").await;
    let made = chef.post(MODELS, &definition("neu", &world.model.base_url())).await;
    assert_eq!(made.status, 201, "{made:?}");
    let mut moved = made.json()["definition"].clone();
    moved["routes"][0]["base_url"] = json!(elsewhere.base_url());
    let path = format!("{MODELS}/neu");
    let answer = put(&chef, &path, &json!({"version": 1, "definition": moved})).await;
    assert_eq!((answer.status, answer.code().as_str()), (400, "model_key_needed"));
    moved["routes"][0]["api_key"] = json!("");
    let answer = put(&chef, &path, &json!({"version": 1, "definition": moved})).await;
    assert_eq!((answer.status, answer.json()["keyed"].clone()), (200, json!([])));
    assert_eq!(ask(&chef, "neu").await.status, 200);
    assert_eq!(authorization(&elsewhere), None);
}

/// G-7: what the file defines is read only here, but any route can be drained and tested.
/// What the operator allows one route is not for a route that somebody gives its name.
#[tokio::test]
async fn a_route_does_not_take_over_an_exception_by_its_name() {
    let settings = "[guard]\ngermany = \"mask\"\nown = \"mask\"\n\
                    [[guards]]\nroute = \"gross-1\"\nown = \"off\"\ngermany = \"off\"\n";
    let world = World::with(settings).await;
    let chef = world.admin("chef").await;
    let mut named = definition("gekapert", &world.model.base_url());
    named["routes"][0]["name"] = json!("gross-1");
    let made = chef.post(MODELS, &named).await;
    assert_eq!(made.status, 201, "{made:?}");
    let key = world.key_of(&chef, &["models"]).await.0;
    for (model, is_masked) in [("gross", false), ("gekapert", true)] {
        world.model.next(Reply::text("Gut."));
        let text = "IBAN DE89 3704 0044 0532 0130 00";
        let body = json!({"model": model, "messages": [{"role": "user", "content": text}]});
        let answer = key.post("/v1/chat/completions", &body).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let sent =
            world.model.requests().last().unwrap().body["messages"][0]["content"].to_string();
        assert_eq!(sent.contains("IBAN1") || !sent.contains("DE89"), is_masked, "{model}: {sent}");
    }
}

#[tokio::test]
async fn routes_of_the_file_are_drained_and_tested_and_nothing_else() {
    let world = World::new().await;
    let (chef, ada) = (world.admin("chef").await, world.member("ada").await);
    let path = format!("{MODELS}/gross");
    let body = json!({"version": 0, "definition": definition("gross", &world.model.base_url())});
    let answer = put(&chef, &path, &body).await;
    assert_eq!((answer.status, answer.code().as_str()), (409, "model_of_file"));
    assert_eq!(chef.delete(&format!("{path}?version=0")).await.status, 409);

    let drain = async |drained: bool| {
        let body = json!({"route": "gross-1", "drained": drained});
        assert_eq!(put(&chef, &format!("{path}/drain"), &body).await.status, 204);
    };
    let test = async || {
        let answer = chef.post(&format!("{path}/test"), &json!({"route": "gross-1"})).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    };
    drain(true).await;
    assert_eq!(ask(&ada, "gross").await.status, 503);
    let state = chef.get("/api/gateway/status").await.json();
    assert_eq!(state["models"][0]["routes"][0]["state"], "drained");
    assert_eq!(chef.get(MODELS).await.json()["items"][0]["drained"], json!(["gross-1"]));
    // It is tested before it comes back.
    let tested = test().await;
    assert!(tested["ok"] == true && tested["latency_ms"].as_f64().unwrap() > 0.0, "{tested}");
    world.model.next(Reply::status(401, &json!({"error": {"message": "sk-falsch"}})));
    let tested = test().await;
    assert_eq!((&tested["ok"], &tested["failure"]), (&json!(false), &json!("401")));
    assert!(!tested.to_string().contains("sk-falsch"));
    drain(false).await;
    assert_eq!(ask(&ada, "gross").await.status, 200);
    let unknown = chef.post(&format!("{path}/test"), &json!({"route": "gibt-es-nicht"})).await;
    assert_eq!(unknown.status, 404);
}

/// What each interface sends that asks the model `gross`.
fn interfaces() -> Vec<(&'static str, Value)> {
    let messages = json!([{"role": "user", "content": "x"}]);
    vec![
        ("/v1/chat/completions", json!({"model": "gross", "messages": messages})),
        ("/v1/messages", json!({"model": "gross", "max_tokens": 9, "messages": messages})),
        ("/v1/responses", json!({"model": "gross", "input": "x"})),
        ("/v1/completions", json!({"model": "gross", "prompt": "x"})),
        ("/v1/embeddings", json!({"model": "gross", "input": "x"})),
        ("/v1/rerank", json!({"model": "gross", "query": "x", "documents": ["x"]})),
        ("/v1/moderations", json!({"model": "gross", "input": "x"})),
        ("/v1/images/generations", json!({"model": "gross", "prompt": "x"})),
        ("/v1/audio/speech", json!({"model": "gross", "input": "x", "voice": "alloy"})),
    ]
}

/// Nobody of these is let through to the model by any interface, and each is told so.
async fn is_kept_out(world: &World, client: &Client, status: u16) {
    let before = world.model.requests().len();
    for (path, body) in interfaces() {
        let answer = client.post(path, &body).await;
        assert_eq!(answer.status, status, "{path}: {answer:?}");
        assert!(answer.text().contains("gross"), "{path} does not name the model: {answer:?}");
    }
    assert_eq!(world.model.requests().len(), before);
    assert!(!listed(client).await.contains(&"gross".to_owned()));
    assert_eq!(client.get("/v1/models/gross").await.status, 404);
}

/// G-10: which people and keys may use which models.
#[tokio::test]
async fn only_those_whom_a_model_is_open_to_reach_it_by_any_interface() {
    let world = World::new().await;
    let (chef, ada) = (world.admin("chef").await, world.member("ada").await);
    let bert = world.member("bert").await;
    let above = chef.post("/api/units", &json!({"name": "Amt"})).await.id();
    let rule = |version: u64| json!({"version": version, "audience": {"roles": [], "units": [above.clone()]}});
    let path = "/api/model-access/gross";
    let set = put(&chef, path, &rule(0)).await;
    assert_eq!((set.status, &set.json()["version"]), (200, &json!(1)), "{set:?}");
    assert_eq!(put(&chef, path, &rule(0)).await.status, 409);
    let unknown = json!({"version": 1, "audience": {"roles": [], "units": [uuid::Uuid::now_v7()]}});
    assert_eq!(put(&chef, path, &unknown).await.status, 400);

    // A unit that is made below later belongs to it, too.
    let below = chef.post("/api/units", &json!({"name": "Sachgebiet", "parent": above})).await.id();
    let user = ada.get("/api/me").await.id();
    let (person, units) = (format!("/api/users/{user}"), json!({"units": [below]}));
    assert_eq!(chef.json(&Method::PATCH, &person, &units).await.status, 200);
    assert_eq!(ask(&ada, "gross").await.status, 200);
    assert!(listed(&ada).await.contains(&"gross".to_owned()));
    is_kept_out(&world, &bert, 403).await;
    is_kept_out(&world, &chef, 403).await;
    let refused = ask(&bert, "gross").await;
    assert_eq!(refused.code(), "model_not_granted");
    assert!(refused.text().contains("fachwerk-auszug"), "{refused:?}");
    let names = bert.get("/api/models").await.json();
    assert_eq!(names["items"].as_array().unwrap().len(), 1);
    assert_eq!(names["items"][0]["default"], true);
    // A conversation that nobody chose a model for takes one that is open to its owner.
    let conversation = bert.conversation().await;
    let asked = bert
        .post(
            &format!("/api/conversations/{conversation}/messages"),
            &json!({"text": "x", "model": "gross"}),
        )
        .await;
    assert_eq!(asked.status, 403, "{asked:?}");

    let open = json!({"version": 1, "audience": {"roles": ["admin"], "units": [above]}});
    assert_eq!(put(&chef, path, &open).await.status, 200);
    assert_eq!(ask(&chef, "gross").await.status, 200);
    assert_eq!(put(&chef, path, &json!({"version": 2})).await.status, 200);
    assert_eq!(ask(&bert, "gross").await.status, 200);

    // A key reaches no further than the models it is for.
    let narrow = |models: Value| json!({"name": "Probe", "scopes": ["models"], "models": models});
    for wrong in [json!([]), json!(["gibt-es-nicht"])] {
        assert_eq!(bert.post("/api/keys", &narrow(wrong)).await.status, 400);
    }
    let made = bert.post("/api/keys", &narrow(json!(["fachwerk-auszug"]))).await.json();
    assert_eq!(made["models"], json!(["fachwerk-auszug"]));
    let key = world.anonymous().with_key(made["key"].as_str().unwrap());
    is_kept_out(&world, &key, 403).await;
    assert_eq!(listed(&key).await, ["fachwerk-auszug"]);
}

/// G-4: a tenant may keep its data nearer than the installation does.
#[tokio::test]
async fn data_go_where_the_tenant_allows_and_nowhere_else() {
    let world = World::with("[outbound]\nfarthest_place = \"eu\"").await;
    let (chef, ada) = (world.admin("chef").await, world.member("ada").await);
    let path = "/api/place-policy";
    let policy = chef.get(path).await.json();
    let everywhere = json!(["own", "germany", "eu"]);
    let found = (policy["places"].clone(), policy["offered"].clone(), policy["version"].clone());
    assert_eq!(found, (everywhere.clone(), everywhere, json!(0)));
    for wrong in [json!([]), json!(["elsewhere"])] {
        let answer = put(&chef, path, &json!({"version": 0, "places": wrong})).await;
        assert_eq!(answer.status, 400, "{answer:?}");
    }
    let near = json!({"version": 0, "places": ["own", "eu"]});
    assert_eq!(put(&chef, path, &near).await.status, 200);
    assert_eq!(put(&chef, path, &near).await.status, 409);
    is_kept_out(&world, &ada, 403).await;
    assert_eq!(ask(&ada, "gross").await.code(), "place_not_allowed");
    let trail = chef.get("/api/audit").await.text();
    assert!(trail.contains("set_places") && trail.contains("own eu"), "{trail}");
    let wide = json!({"version": 1, "places": ["own", "germany"]});
    assert_eq!(put(&chef, path, &wide).await.status, 200);
    assert_eq!(ask(&ada, "gross").await.status, 200);
}
