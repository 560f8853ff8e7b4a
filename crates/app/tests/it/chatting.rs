//! Chat completions for programs.

use app::{ChatReply, ChunkStream};
use domain::{DataClass, ErrorKind, Instant, Scope, Visibility};
use futures_util::StreamExt as _;
use llm::ChatRequest;
use serde_json::{Value, json};
use store::NewCollection;
use testkit::fake_model::Reply;

use crate::world::{World, with_key};

fn request(body: &Value) -> ChatRequest {
    ChatRequest::parse(body.to_string().as_bytes()).unwrap()
}

fn hello(stream: bool) -> ChatRequest {
    let messages = json!([{"role": "user", "content": "Hallo"}]);
    request(&json!({"model": "gross", "stream": stream, "messages": messages}))
}

async fn collect(mut chunks: ChunkStream) -> (String, Vec<Value>) {
    let (mut text, mut extensions) = (String::new(), vec![]);
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.unwrap();
        text.push_str(chunk.text());
        extensions.extend(chunk.fields().get("fachwerk").cloned());
    }
    (text, extensions)
}

#[tokio::test]
async fn a_plain_request_passes_through_and_is_metered() {
    let world = World::new().await;
    let anna = with_key(&world.member("anna").await, &[Scope::Models]);
    world.model.always(Reply::text("Guten Tag.").usage(7, 3));
    let answer = world.app.create_chat_completion(&anna, hello(false)).await.unwrap();
    let ChatReply::Whole(response) = answer.reply else { panic!("not streamed") };
    assert_eq!(response.text(), "Guten Tag.");
    assert!(response.fields().get("fachwerk").is_none());
    let answer = world.app.create_chat_completion(&anna, hello(true)).await.unwrap();
    let ChatReply::Stream(chunks) = answer.reply else { panic!("streamed") };
    assert_eq!(collect(chunks).await, ("Guten Tag.".to_owned(), vec![]));
    let total = wait_for_calls(&world, &anna, 2).await;
    assert_eq!((total.prompt_tokens, total.completion_tokens), (14, 6));
}

#[tokio::test]
async fn sources_bring_citations_in_the_last_chunk() {
    let world = World::new().await;
    world.work();
    let anna = world.member("anna").await;
    let open = NewCollection {
        name: "Satzungen".to_owned(),
        data_class: DataClass::Open,
        visibility: Visibility::Private,
    };
    let open = world.app.create_collection(&anna, open).await.unwrap();
    let text = "# Hunde\n\nDie Hundesteuer beträgt im Jahr 120 Euro für jeden Hund.\n";
    world.upload(&anna, open.id, "Hundesteuersatzung.md", text).await;
    let key = with_key(&anna, &[Scope::Models, Scope::Search]);
    let body = |model: &str, stream| {
        request(&json!({
            "model": model,
            "stream": stream,
            "messages": [{"role": "user", "content": "Wie hoch ist die Hundesteuer?"}],
            "fachwerk": {"collections": [open.id]},
        }))
    };
    world.model.always(Reply::pieces(["120 Euro [", "1] und [7]."]));
    for model in ["gross", "fachwerk-auszug"] {
        let answer = world.app.create_chat_completion(&key, body(model, true)).await.unwrap();
        let ChatReply::Stream(chunks) = answer.reply else { panic!("streamed") };
        let (text, extensions) = collect(chunks).await;
        assert!(text.contains("120 Euro"), "{model}: {text}");
        assert!(!text.contains("[7]"), "{model}: {text}");
        assert_eq!(extensions.len(), 1, "{model}");
        assert_eq!(extensions[0]["citations"][0]["number"], 1, "{model}");

        let answer = world.app.create_chat_completion(&key, body(model, false)).await.unwrap();
        let ChatReply::Whole(response) = answer.reply else { panic!("whole") };
        assert!(!response.text().contains("[7]"), "{model}");
        assert_eq!(response.fields()["fachwerk"]["citations"][0]["number"], 1, "{model}");
    }

    // What may be the beginning of a mark comes before what begins next.
    let piece = |delta: Value, end: Value| {
        let choice = json!({"index": 0, "delta": delta, "finish_reason": end});
        format!("data: {}\n\n", json!({"id": "x", "choices": [choice]}))
    };
    let call = json!({"tool_calls": [{"index": 0, "id": "c", "type": "function",
        "function": {"name": "f", "arguments": "{}"}}]});
    world.model.next(Reply::raw(
        200,
        "text/event-stream",
        [
            piece(json!({"content": "120 Euro [1"}), Value::Null),
            piece(call, Value::Null),
            piece(json!({}), "tool_calls".into()),
            "data: [DONE]\n\n".to_owned(),
        ],
    ));
    let answer = world.app.create_chat_completion(&key, body("gross", true)).await.unwrap();
    let ChatReply::Stream(mut chunks) = answer.reply else { panic!("streamed") };
    let mut said = String::new();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.unwrap();
        said.push_str(chunk.text());
        if chunk.fields()["choices"].pointer("/0/delta/tool_calls").is_some() {
            said.push('#');
        }
    }
    assert_eq!(said, "120 Euro [1#");

    let models_only = with_key(&anna, &[Scope::Models]);
    let error = world.app.create_chat_completion(&models_only, body("gross", false)).await;
    assert_eq!(error.err().unwrap().code, "scope_missing");
    let bob = world.member("bob").await;
    let error = world.app.create_chat_completion(&bob, body("gross", false)).await;
    assert_eq!(error.err().unwrap().kind, ErrorKind::NotFound);
}

#[tokio::test]
async fn a_declared_class_is_obeyed() {
    let world = World::new().await;
    let anna = world.member("anna").await;
    let secret = request(&json!({
        "model": "gross",
        "messages": [{"role": "user", "content": "Hallo"}],
        "fachwerk": {"data_class": "personal"},
    }));
    let error = world.app.create_chat_completion(&anna, secret).await.err().unwrap();
    assert_eq!((error.kind, error.code), (ErrorKind::Forbidden, "clearance_too_low"));
    assert!(world.model.requests().is_empty());
}

#[tokio::test]
async fn a_caller_who_goes_away_hangs_up_and_pays_for_what_they_got() {
    let world = World::new().await;
    let anna = world.member("anna").await;
    world.model.next(Reply::pieces(["Ein langer Anfang, der etwas kostet "]).then_hang());
    let answer = world.app.create_chat_completion(&anna, hello(true)).await.unwrap();
    let ChatReply::Stream(mut chunks) = answer.reply else { panic!("streamed") };
    while chunks.next().await.unwrap().unwrap().text().is_empty() {}
    drop(chunks);
    world.model.wait_for_hang_ups(1).await;
    let total = wait_for_calls(&world, &anna, 1).await;
    assert!(total.completion_tokens > 0);
}

async fn wait_for_calls(world: &World, who: &app::Principal, calls: u64) -> store::UsageTotal {
    for _ in 0..100 {
        world.app.settle_ledger().await.unwrap();
        let total = world.store.usage_since(who.tenant, Instant::from_micros(0)).await.unwrap();
        if total.calls == calls {
            return total;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("the calls were not recorded");
}
