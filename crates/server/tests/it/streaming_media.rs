//! Images in the making and texts read aloud, event by event: what arrives, what it costs, and what
//! becomes of a stream that breaks.

use serde_json::{Value, json};
use testkit::fake_model::Reply;

use crate::{
    client::{Answer, Client},
    world::World,
};

const PARTIAL: &str = "event: image_generation.partial_image\ndata: {\"type\":\"image_generation.partial_image\",\
    \"b64_json\":\"aA==\",\"created_at\":1,\"partial_image_index\":0}\n\n";
const COMPLETED: &str = "event: image_generation.completed\ndata: {\"type\":\"image_generation.completed\",\
    \"b64_json\":\"aGk=\",\"created_at\":1,\"usage\":{\"input_tokens\":50,\"output_tokens\":40,\"total_tokens\":90}}\n\n";
const SPOKEN: [&str; 2] = [
    "data: {\"type\":\"speech.audio.delta\",\"audio\":\"SUQz\"}\n\n",
    "data: {\"type\":\"speech.audio.done\",\"usage\":{\"input_tokens\":14,\"output_tokens\":101,\"total_tokens\":115}}\n\n",
];

fn events<'a>(chunks: impl IntoIterator<Item = &'a str>) -> Reply {
    Reply::raw(200, "text/event-stream", chunks)
}

async fn image(client: &Client, more: &Value) -> Answer {
    let mut body = json!({"model": "gross", "prompt": "Ein Rathaus", "stream": true});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    client.post("/v1/images/generations", &body).await
}

async fn speech(client: &Client) -> Answer {
    let body =
        json!({"model": "gross", "input": "Guten Tag", "voice": "alloy", "stream_format": "sse"});
    client.post("/v1/audio/speech", &body).await
}

/// Tokens of prompts and answers that a person has used.
async fn used(world: &World, person: &Client) -> [u64; 2] {
    world.platform.app().settle_ledger().await.unwrap();
    let usage = person.get("/api/account/usage").await.json();
    ["prompt_tokens", "completion_tokens"].map(|name| usage["month"][name].as_u64().unwrap())
}

/// G-3.
#[tokio::test]
async fn an_image_in_the_making_keeps_its_typed_events() {
    let world = World::new().await;
    let ada = world.member("ada").await;
    for end in ["", "data: [DONE]\n\n"] {
        world.model.next(events([PARTIAL, COMPLETED, end].into_iter().filter(|c| !c.is_empty())));
        let answer = image(&ada, &json!({"partial_images": 1, "x_new": 7})).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.header("content-type"), "text/event-stream");
        assert_eq!(answer.header("x-fachwerk-route"), "gross-1");
        assert_eq!(answer.text(), [PARTIAL, COMPLETED].concat());
    }
    let sent = &world.model.requests()[0].body;
    assert_eq!(
        *sent,
        json!({"model": "oben", "prompt": "Ein Rathaus", "stream": true, "partial_images": 1, "x_new": 7})
    );
    world.model.next(events(SPOKEN));
    let answer = speech(&ada).await;
    assert_eq!((answer.status, answer.text()), (200, SPOKEN.concat()));
}

/// G-3: each image has its own end, and a stream that stops before the last of them was cut off.
#[tokio::test]
async fn a_stream_that_is_cut_off_is_said_to_be() {
    let world = World::new().await;
    let ada = world.member("ada").await;
    let failure = "event: error\ndata: {\"type\":\"error\",\"error\":{\"message\":\"voll\"}}\n\n";
    for (reply, whole) in [
        (events([PARTIAL]), PARTIAL.to_owned()),
        (events([PARTIAL]).then_break(), PARTIAL.to_owned()),
        (events([PARTIAL, failure]), PARTIAL.to_owned()),
        (events([PARTIAL, COMPLETED, PARTIAL]), [PARTIAL, COMPLETED, PARTIAL].concat()),
    ] {
        world.model.next(reply);
        let cut = image(&ada, &json!({"n": 2})).await.text();
        let rest = cut.strip_prefix(&whole).unwrap_or_else(|| panic!("{cut}"));
        assert!(rest.contains("\"error\"") && !rest.contains("voll"), "{cut}");
    }
    world.model.next(events([COMPLETED, COMPLETED]));
    assert_eq!(image(&ada, &json!({"n": 2})).await.text(), [COMPLETED, COMPLETED].concat());
    world.model.next(events([SPOKEN[0]]));
    let cut = speech(&ada).await.text();
    assert!(cut.starts_with(SPOKEN[0]) && cut.contains("\"error\""), "{cut}");
}

/// G-5: each last event has figures of its own; without them the prompt is guessed.
#[tokio::test]
async fn it_is_settled_by_what_its_last_events_say() {
    let world = World::new().await;
    let ada = world.member("ada").await;
    world.model.next(events([PARTIAL, COMPLETED, COMPLETED]));
    image(&ada, &json!({"n": 2})).await;
    assert_eq!(used(&world, &ada).await, [100, 80]);
    world.model.next(events(SPOKEN));
    speech(&ada).await;
    assert_eq!(used(&world, &ada).await, [114, 181]);
    world.model.next(events([PARTIAL]));
    image(&ada, &json!({})).await;
    assert_eq!(used(&world, &ada).await, [114 + 3, 181]);
}

/// A server that does not know the wish answers whole; the caller has the events all the same.
#[tokio::test]
async fn an_image_that_comes_whole_becomes_an_event() {
    let world = World::new().await;
    let ada = world.member("ada").await;
    let whole = json!({"created": 7, "data": [{"b64_json": "aGk="}], "usage": {"input_tokens": 50, "output_tokens": 40}});
    for _ in 0..6 {
        world.model.next(Reply::status(200, &whole));
        let answer = image(&ada, &json!({})).await;
        assert_eq!(answer.header("content-type"), "text/event-stream");
        assert_eq!(
            answer.text(),
            "event: image_generation.completed\ndata: {\"type\":\"image_generation.completed\",\
             \"model\":\"gross\",\"created_at\":7,\"b64_json\":\"aGk=\",\"usage\":{\"input_tokens\":50,\"output_tokens\":40}}\n\n"
        );
    }
    // Sound as such is what most servers have, whatever they are asked for.
    world.model.next(Reply::raw(200, "audio/mpeg", ["ID3"]));
    let answer = speech(&ada).await;
    assert_eq!((answer.header("content-type"), answer.text().as_str()), ("audio/mpeg", "ID3"));
}
