//! LangChain's and LiteLLM's stock clients, unchanged, against the platform on a real socket: what
//! applications use that call a LiteLLM proxy today.

use std::{ffi::OsString, fmt::Write as _};

use serde_json::{Value, json};
use testkit::fake_model::{Reply, SeenRequest};
use tokio::process::Command;

use crate::{
    openai_clients::{PROGRAMS, provided, spent_key, visit},
    world::World,
};

const ANSWER: &str = "Ein Hund kostet 96 Euro.";

/// G-1, G-3: chat, streams, parallel tools, structured output, images, typed events and vectors.
#[tokio::test]
async fn the_client_of_langchain_works_unchanged() {
    let Some(python) = provided("FACHWERK_LANGCHAIN_PYTHON") else { return };
    let world = World::new().await;
    let replies = vec![
        answer(),
        answer(),
        Reply::status(200, &asking()),
        answer(),
        asking_in_pieces(),
        Reply::text("{\"euro\": 96}"),
        answer(),
        answer(),
        answer(),
        asking_in_pieces(),
    ];
    let seen = run(&world, python, "langchain_client.py", replies).await;
    let expected = json!({
        "whole": [ANSWER, "stop", 18],
        "streamed": [ANSWER, "stop", 18],
        "tools": calls(),
        "told": ANSWER,
        "tools_streamed": calls(),
        "structured": {"euro": 96},
        "image": ANSWER,
        "response": [ANSWER, 18],
        "response_streamed": [ANSWER, 18],
        "response_tools": calls(),
        "vectors": [[4.0, 0.5], [5.0, 0.5]],
        "failures": failures("PermissionDeniedError"),
    });
    assert_eq!(seen, expected);
    let requests = &world.model.requests()[1..];
    assert_eq!(requests[2].body["parallel_tool_calls"], true);
    assert_eq!(requests[3].body["messages"][2]["tool_call_id"], "call_1");
    assert_eq!(requests[3].body["messages"][3]["content"], "§ 5");
    assert_eq!(requests[5].body["response_format"]["json_schema"]["schema"]["type"], "object");
    assert_eq!(requests[6].body["messages"][0]["content"][1]["type"], "image_url");
    check_nothing_of_ours(requests);
}

/// G-1, G-3: every interface that the package has, as if a LiteLLM proxy were there.
#[tokio::test]
async fn the_client_of_litellm_works_unchanged() {
    let Some(python) = provided("FACHWERK_LITELLM_PYTHON") else { return };
    let world = World::new().await;
    let replies = vec![
        answer(),
        answer(),
        Reply::status(200, &asking()),
        asking_in_pieces(),
        Reply::text("{\"euro\": 96}"),
        answer(),
        answer(),
        answer(),
    ];
    let seen = run(&world, python, "litellm_client.py", replies).await;
    let expected = json!({
        "whole": [ANSWER, "stop", 18],
        "streamed": [ANSWER, "stop", 18],
        "tools": calls(),
        "tools_streamed": calls(),
        "structured": {"euro": 96},
        "response": [ANSWER, "completed", 18],
        "response_streamed": [ANSWER, "response.completed"],
        "anthropic": [ANSWER, 18],
        "vectors": [[4.0, 0.5], [5.0, 0.5]],
        "ranked": [[0, 1.0], [1, 0.5]],
        "completion": "Es war",
        "flagged": false,
        "sound": 9,
        "written": "Guten Tag.",
        "image": "aGk=",
        // It has no class of its own for this.
        "failures": failures("APIError"),
    });
    assert_eq!(seen, expected);
    check_nothing_of_ours(&world.model.requests());
}

/// Lets a program do its round with a good key, and one whose budget is used up.
async fn run(world: &World, python: OsString, program: &str, replies: Vec<Reply>) -> Value {
    let ada = world.member("ada").await;
    let (_, key) = world.key_of(&ada, &["models"]).await;
    let spent = spent_key(world, &ada).await;
    for reply in replies {
        world.model.next(reply);
    }
    let mut client = Command::new(python);
    client.arg(format!("{PROGRAMS}/{program}")).env("SPENT_KEY", spent);
    visit(world, client, &key).await
}

/// What every client makes of a model that is not there, a wrong key, too high a class, and a budget
/// that is used up.
fn failures(refused: &str) -> Value {
    json!([
        ["NotFoundError", 404],
        ["AuthenticationError", 401],
        [refused, 403],
        ["RateLimitError", 429, true],
    ])
}

/// The calls of tools that the model asks for.
fn calls() -> Value {
    json!([["call_1", "satzung", {"paragraf": 4}], ["call_2", "satzung", {"paragraf": 5}]])
}

fn check_nothing_of_ours(requests: &[SeenRequest]) {
    assert!(requests.iter().all(|request| request.body.get("fachwerk").is_none()));
}

fn answer() -> Reply {
    Reply::text(ANSWER).usage(12, 6)
}

/// A model that wants two functions called at once.
fn asking() -> Value {
    let call = |id: &str, arguments: &str| json!({"id": id, "type": "function", "function": {"name": "satzung", "arguments": arguments}});
    let calls = [call("call_1", "{\"paragraf\":4}"), call("call_2", "{\"paragraf\":5}")];
    json!({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1_700_000_000, "model": "oben",
        "choices": [{"index": 0, "finish_reason": "tool_calls",
            "message": {"role": "assistant", "content": null, "tool_calls": calls}}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    })
}

/// The same in pieces, which come interleaved as from a server that writes both calls at once.
fn asking_in_pieces() -> Reply {
    let begun = |index: u8, id: &str| json!([{"index": index, "id": id, "type": "function", "function": {"name": "satzung", "arguments": ""}}]);
    let piece = |index: u8, arguments: &str| json!([{"index": index, "function": {"arguments": arguments}}]);
    let deltas = [
        begun(0, "call_1"),
        begun(1, "call_2"),
        piece(0, "{\"para"),
        piece(1, "{\"paragraf\""),
        piece(0, "graf\":4}"),
        piece(1, ":5}"),
    ];
    let chunk = |choices: Value| json!({"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "oben", "choices": choices});
    let mut text = String::new();
    for calls in deltas {
        let chunk =
            chunk(json!([{"index": 0, "delta": {"tool_calls": calls}, "finish_reason": null}]));
        write!(text, "data: {chunk}\n\n").unwrap();
    }
    let last = chunk(json!([{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]));
    let mut usage = chunk(json!([]));
    usage["usage"] = json!({"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2});
    write!(text, "data: {last}\n\ndata: {usage}\n\ndata: [DONE]\n\n").unwrap();
    Reply::raw(200, "text/event-stream", [text])
}
