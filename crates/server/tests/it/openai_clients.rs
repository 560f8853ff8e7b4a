//! The stock `openai` and `anthropic` packages, unchanged, against the platform on a real socket. `cargo xtask test`
//! installs them and says by environment variables where they are.

use std::{env, ffi::OsString, net::SocketAddr};

use http::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::fake_model::Reply;
use tokio::{net::TcpListener, process::Command};
use tokio_util::sync::CancellationToken;

use crate::{client::Client, world::World};

pub(crate) const PROGRAMS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/stock_clients");

#[tokio::test]
async fn the_python_package_works_unchanged() {
    let Some(python) = provided("FACHWERK_OPENAI_PYTHON") else { return };
    let mut command = Command::new(python);
    command.arg(format!("{PROGRAMS}/client.py"));
    check(command).await;
}

#[tokio::test]
async fn the_python_package_of_anthropic_works_unchanged() {
    let Some(python) = provided("FACHWERK_ANTHROPIC_PYTHON") else { return };
    let world = World::new().await;
    let ada = world.member("ada").await;
    let (_, key) = world.key_of(&ada, &["models"]).await;
    let spent = spent_key(&world, &ada).await;
    world.model.next(Reply::text("Ein Hund kostet 96 Euro.").usage(12, 6));
    world.model.next(Reply::text("Ein Hund kostet 96 Euro.").usage(12, 6));
    world.model.next(Reply::status(200, &tool_call()));
    let mut client = Command::new(python);
    client.arg(format!("{PROGRAMS}/anthropic_client.py"));
    client.env("SPENT_KEY", spent);
    let seen = visit(&world, client, &key).await;
    let expected = json!({
        "whole": ["Ein Hund kostet 96 Euro.", "end_turn", 6],
        "streamed": ["Ein Hund kostet 96 Euro.", "end_turn", 6],
        "tool_use": ["call_1", "satzung", {"paragraf": 4}, "tool_use"],
        "counted": true,
        "failures": [
            ["NotFoundError", 404], ["AuthenticationError", 401], ["PermissionDeniedError", 403],
            ["RateLimitError", 429],
        ],
    });
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn the_python_package_reads_responses_and_vectors() {
    let Some(python) = provided("FACHWERK_OPENAI_PYTHON") else { return };
    let world = World::new().await;
    let ada = world.member("ada").await;
    let (_, key) = world.key_of(&ada, &["models"]).await;
    world.model.next(Reply::text("96 Euro.").usage(12, 3));
    world.model.next(Reply::pieces(["96 ", "Euro."]).usage(12, 3));
    for _ in 0..6 {
        world.model.next(Reply::echo());
    }
    let image = json!({"created": 1, "data": [{"b64_json": "aGk="}]});
    world.model.next(Reply::status(200, &image));
    world.model.next(Reply::echo());
    let events = [
        "data: {\"type\":\"transcript.text.delta\",\"delta\":\"Guten Tag.\"}\n\n",
        "data: {\"type\":\"transcript.text.done\",\"text\":\"Guten Tag.\"}\n\n",
    ];
    world.model.next(Reply::raw(200, "text/event-stream", events));
    let folder = TempDir::new().unwrap();
    let recording = folder.path().join("sitzung.wav");
    std::fs::write(&recording, b"RIFF").unwrap();
    let mut client = Command::new(python);
    client.arg(format!("{PROGRAMS}/interfaces.py")).env("RECORDING", &recording);
    let seen = visit(&world, client, &key).await;
    let expected = json!({
        "response": ["96 Euro.", "completed", 15],
        "streamed": ["96 Euro.", "response.completed"],
        "vectors": [[4.0, 0.5], [5.0, 0.5]],
        "completion": "Es war",
        "flagged": false,
        "sound": 9,
        "image": "aGk=",
        "drawn": [["image_generation.partial_image", "aA=="], ["image_generation.completed", "aGk="]],
        // From a server that does not know the wish.
        "drawn_whole": [["image_generation.completed", "aGk=", null]],
        "spoken": ["speech.audio.delta", "speech.audio.done"],
        "heard": ["transcript.text.delta", "transcript.text.done"],
    });
    assert_eq!(seen, expected);
    // The package asks for base64 by itself and takes whatever comes.
    assert_eq!(world.model.requests()[2].body["encoding_format"], "base64");
}

/// Every field that the stock packages know stands in our table of what becomes of it (G-1, G-2).
#[tokio::test]
async fn every_field_of_the_stock_packages_stands_in_the_table() {
    for (variable, titles) in [
        ("FACHWERK_OPENAI_PYTHON", &["Chat", "`/v1/responses`", "Vectors"][..]),
        ("FACHWERK_ANTHROPIC_PYTHON", &["`/v1/messages`"][..]),
    ] {
        let Some(python) = provided(variable) else { return };
        let listed = Command::new(python).arg(format!("{PROGRAMS}/fields.py")).output().await;
        let listed: Value = serde_json::from_slice(&listed.unwrap().stdout).unwrap();
        for (title, fields) in titles.iter().zip(listed.as_array().unwrap()) {
            let tables = llm::compatibility::tables();
            let table = tables.iter().find(|table| table.title.starts_with(title)).unwrap();
            assert!(fields.as_array().unwrap().len() > 4, "{title}");
            for field in fields.as_array().unwrap().iter().filter_map(Value::as_str) {
                // What every call has, and how its answer is sent.
                if ["model", "messages", "stream", "stream_options"].contains(&field) {
                    continue;
                }
                let is_it = |part: &str| part.split([':', '.']).next() == Some(field);
                let mut names = table.rows.iter().flat_map(|(row, _)| row.split('`'));
                assert!(names.any(is_it), "{title}: {field} is missing");
            }
        }
    }
}

#[tokio::test]
async fn the_javascript_package_works_unchanged() {
    let Some(node_modules) = provided("FACHWERK_OPENAI_NODE_MODULES") else { return };
    let mut command = Command::new("node");
    command.arg(format!("{PROGRAMS}/client.cjs")).env("NODE_PATH", node_modules);
    check(command).await;
}

#[expect(clippy::print_stdout, reason = "whoever runs the tests shall see what did not run")]
pub(crate) fn provided(variable: &str) -> Option<OsString> {
    let value = env::var_os(variable);
    if value.is_none() {
        println!("skipped: {variable} does not say where the stock client is; `cargo xtask test`");
    }
    value
}

/// Lets a client do its round and compares what it saw with what every client must see.
async fn check(mut client: Command) {
    let world = World::new().await;
    let ada = world.member("ada").await;
    let collection = ada.collection("Satzungen", "private").await;
    let text = "Die Steuer beträgt im Jahr 96 Euro. Was kostet ein Hund? Ein Hund kostet 96 Euro.";
    let document = ada.document(&collection, "hund.txt", text).await;
    let (_, key) = world.key_of(&ada, &["models", "documents", "search"]).await;
    let spent = spent_key(&world, &ada).await;
    world.model.next(Reply::text("Ein Hund kostet 96 Euro.").usage(12, 6));
    world.model.next(Reply::text("Ein Hund kostet 96 Euro.").usage(12, 6));
    world.model.next(Reply::status(200, &tool_call()));
    let refusal = json!({"error": {"message": "too small", "type": "invalid_request_error",
        "param": "max_completion_tokens", "code": "integer_below_min_value"}});
    world.model.next(Reply::status(400, &refusal));

    client.env("DOCUMENT", &document).env("SPENT_KEY", spent);
    let seen = visit(&world, client, &key).await;
    assert_eq!(seen, expected());
    check_passed_on(&world);
}

/// A key with a budget that one question used up; asks it of the model.
pub(crate) async fn spent_key(world: &World, owner: &Client) -> String {
    let (spent, key) = world.key_of(owner, &["models"]).await;
    let limits = format!("/api/limits/key:{}", key["id"].as_str().unwrap());
    let admin = world.admin("kaemmerei").await;
    let set = admin.json(&Method::PUT, &limits, &json!({"tokens_per_month": 1})).await;
    assert_eq!(set.status, 200, "{set:?}");
    let question = json!([{"role": "user", "content": "Guten Tag"}]);
    let question = json!({"model": "gross", "messages": question});
    assert_eq!(spent.post("/v1/chat/completions", &question).await.status, 200);
    key["key"].as_str().unwrap().to_owned()
}

/// Lets a client do its round against a socket and returns what it saw.
pub(crate) async fn visit(world: &World, mut client: Command, key: &Value) -> Value {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address: SocketAddr = listener.local_addr().unwrap();
    client
        .env("OPENAI_BASE_URL", format!("http://{address}/v1"))
        .env("OPENAI_API_KEY", key["key"].as_str().unwrap())
        .env("ANTHROPIC_BASE_URL", format!("http://{address}"))
        .env("ANTHROPIC_API_KEY", key["key"].as_str().unwrap())
        .env("NO_PROXY", "127.0.0.1");
    let stop = CancellationToken::new();
    let (output, ()) = tokio::join!(
        async {
            let output = client.output().await.unwrap();
            stop.cancel();
            output
        },
        world.platform.serve(listener, stop.clone()),
    );
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// An answer in which the model wants a function called.
fn tool_call() -> Value {
    json!({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1_700_000_000, "model": "oben",
        "choices": [{
            "index": 0, "finish_reason": "tool_calls",
            "message": {"role": "assistant", "content": null, "tool_calls": [{
                "id": "call_1", "type": "function",
                "function": {"name": "satzung", "arguments": "{\"paragraf\":4}"},
            }]},
        }],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    })
}

fn expected() -> Value {
    json!({
        "models": ["gross", "fachwerk-auszug"],
        "model": "gross",
        "whole": ["Ein Hund kostet 96 Euro.", "stop", 18],
        "streamed": {"text": "Ein Hund kostet 96 Euro.", "finish_reason": "stop", "usage": 18},
        "tool_call": ["call_1", "satzung", "{\"paragraf\":4}", "tool_calls"],
        "cited": [1, true],
        "failures": [
            ["NotFoundError", 404, "model_not_found", null],
            ["NotFoundError", 404, "model_not_found", null],
            ["AuthenticationError", 401, "invalid_api_key", null],
            ["BadRequestError", 400, "invalid_value", "messages[0].role"],
            ["PermissionDeniedError", 403, "clearance_too_low", null],
            ["BadRequestError", 400, "integer_below_min_value", "max_completion_tokens"],
            ["RateLimitError", 429, "insufficient_quota", null],
        ],
    })
}

/// What is not ours reaches the model as the client sent it.
fn check_passed_on(world: &World) {
    let requests = &world.model.requests()[1..];
    assert_eq!(requests.len(), 4, "{requests:?}");
    assert_eq!(requests[0].body["seed"], 7);
    assert_eq!(requests[0].body["temperature"], 0.2);
    assert_eq!(requests[2].body["tools"][0]["function"]["name"], "satzung");
    assert_eq!(requests[2].body["tool_choice"], "auto");
    assert_eq!(requests[2].body["response_format"]["type"], "json_object");
    assert!(requests.iter().all(|request| request.body.get("fachwerk").is_none()));
}
