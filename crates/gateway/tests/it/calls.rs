//! What goes out and what comes back when all is well.

use domain::{DataClass, Place};
use gateway::{KeyHeader, Price, RouteKind, Secret, UsageMeter};
use llm::{ChatEvent, Usage};
use serde_json::{Value, json};
use testkit::fake_model::{FakeModel, Reply};

use crate::setup::{ask, gateway, hear, request, route};

#[tokio::test]
async fn a_stream_comes_through_with_its_route_and_usage() {
    let fake = FakeModel::start().await;
    fake.next(Reply::pieces(["Die ", "Straße", "."]).usage(12, 3));
    let mut own = route("rechenzentrum", &fake.base_url());
    own.prices = Price { input: 500_000, output: 1_500_000, ..Price::default() }.into();
    let (heard, stream) = hear(&gateway(vec![own]), &ask("Wo?")).await.unwrap();
    assert_eq!(heard.text, "Die Straße.");
    assert!(heard.error.is_none());
    let taken = stream.taken();
    assert_eq!((taken.model.as_str(), taken.route.as_str()), ("standard", "rechenzentrum"));
    assert_eq!((taken.place, taken.attempts), (Place::Own, 1));
    let metered = stream.meter().read();
    assert_eq!(metered.usage, Usage { prompt_tokens: 12, completion_tokens: 3 });
    assert!(metered.is_finished && !metered.is_estimated);
    assert_eq!(taken.price.unwrap().of(metered.usage), 10_500);
    assert_eq!(metered.taken.as_ref(), Some(taken));
}

#[tokio::test]
async fn the_server_gets_its_own_model_name_and_nothing_of_ours() {
    let fake = FakeModel::start().await;
    let asked = request(json!({"seed": 7, "x_new": {"a": 1}, "fachwerk": {"data_class": "open"}}));
    hear(&gateway(vec![route("a", &fake.base_url())]), &asked).await.unwrap();
    let seen = &fake.requests()[0];
    assert_eq!(seen.path, "/v1/chat/completions");
    insta::assert_json_snapshot!(seen.body, @r#"
    {
      "model": "upstream-7b",
      "messages": [
        {
          "role": "user",
          "content": "Hallo"
        }
      ],
      "seed": 7,
      "x_new": {
        "a": 1
      },
      "stream": true,
      "stream_options": {
        "include_usage": true
      }
    }
    "#);
}

#[tokio::test]
async fn keys_travel_as_each_server_wants_them() {
    let fake = FakeModel::start().await;
    let mut bearer = route("bearer", &fake.base_url());
    let RouteKind::Server(server) = &mut bearer.kind else { unreachable!() };
    server.api_key = Some(Secret::new("sk-geheim"));
    let mut azure = route("azure", &fake.base_url_with("openai/deployments/gpt"));
    let RouteKind::Server(server) = &mut azure.kind else { unreachable!() };
    server.api_key = Some(Secret::new("sk-geheim"));
    server.key_header = KeyHeader::Named(http::HeaderName::from_static("api-key"));
    server.query = vec![("api-version".to_owned(), "2024-10-21".to_owned())];
    assert!(!format!("{bearer:?}").contains("geheim"));

    hear(&gateway(vec![bearer]), &ask("x")).await.unwrap();
    hear(&gateway(vec![azure]), &ask("x")).await.unwrap();
    let seen = fake.requests();
    assert_eq!(seen[0].headers["authorization"], "Bearer sk-geheim");
    assert_eq!(seen[1].path, "/openai/deployments/gpt/chat/completions");
    assert_eq!(seen[1].query, "api-version=2024-10-21");
    assert_eq!(seen[1].headers["api-key"], "sk-geheim");
    assert!(!seen[1].headers.contains_key("authorization"));
}

#[tokio::test]
async fn usage_is_shown_only_to_those_who_asked() {
    let fake = FakeModel::start().await;
    fake.always(Reply::text("Ja.").usage(5, 1));
    let gateway = gateway(vec![route("a", &fake.base_url())]);
    for wanted in [false, true] {
        let asked = request(json!({"stream": true, "stream_options": {"include_usage": wanted}}));
        let (heard, stream) = hear(&gateway, &asked).await.unwrap();
        let with_usage = heard.events.iter().filter(|event| match event {
            ChatEvent::Chunk(chunk) => chunk.usage().is_some(),
            ChatEvent::Citation(_) => false,
        });
        assert_eq!(with_usage.count(), usize::from(wanted));
        assert_eq!(stream.meter().read().usage.total_tokens(), 6);
    }
}

#[tokio::test]
async fn a_server_without_usage_is_guessed_and_says_so() {
    let fake = FakeModel::start().await;
    fake.always(Reply::text("Acht Zeichen Antwort").without_usage());
    let gateway = gateway(vec![route("a", &fake.base_url())]);
    let asked = request(json!({"stream": true, "stream_options": {"include_usage": true}}));
    let (heard, stream) = hear(&gateway, &asked).await.unwrap();
    let metered = stream.meter().read();
    assert!(metered.is_estimated);
    assert_eq!(metered.usage, Usage { prompt_tokens: 2, completion_tokens: 5 });
    let Some(ChatEvent::Chunk(last)) = heard.events.last() else { panic!("a usage chunk") };
    assert_eq!(last.usage(), Some(metered.usage));
    assert!(last.is_without_choices());

    let meter = UsageMeter::default();
    let whole = gateway.complete(&request(json!({})), DataClass::Open, &meter).await.unwrap();
    assert!(whole.metered.is_estimated);
    assert_eq!(whole.response.usage().unwrap().completion_tokens, 5);
}

#[tokio::test]
async fn answers_carry_the_name_the_caller_used_and_every_other_field() {
    let fake = FakeModel::start().await;
    let gateway = gateway(vec![route("a", &fake.base_url())]);
    let (heard, _) = hear(&gateway, &ask("Hallo")).await.unwrap();
    for event in &heard.events {
        let ChatEvent::Chunk(chunk) = event else { panic!("only chunks") };
        assert_eq!(chunk.fields()["model"], "standard");
        assert_eq!(chunk.fields()["system_fingerprint"], "fp_fake");
    }
    let meter = UsageMeter::default();
    let whole = gateway.complete(&request(json!({})), DataClass::Open, &meter).await.unwrap();
    assert_eq!(whole.response.text(), "Hallo");
    assert_eq!(whole.response.fields()["model"], "standard");
    assert_eq!(whole.response.fields()["system_fingerprint"], "fp_fake");
    assert!(meter.read().is_finished);
    assert!(fake.requests()[1].body.get("stream").is_none());
}

#[tokio::test]
async fn usage_in_a_content_chunk_is_understood() {
    let fake = FakeModel::start().await;
    let stream = "data: {\"id\":\"1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Gut\"},\
        \"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":4,\"completion_tokens\":1}}\n\n";
    fake.always(Reply::raw(200, "text/event-stream; charset=utf-8", [stream, "data: [DONE]\n\n"]));
    let gateway = gateway(vec![route("a", &fake.base_url())]);
    let (heard, stream) = hear(&gateway, &ask("x")).await.unwrap();
    assert_eq!(heard.text, "Gut");
    let ChatEvent::Chunk(chunk) = &heard.events[0] else { panic!("a chunk") };
    assert_eq!(chunk.usage(), None, "withheld");
    assert_eq!(stream.meter().read().usage.total_tokens(), 5);

    let asked = request(json!({"stream": true, "stream_options": {"include_usage": true}}));
    let (heard, _) = hear(&gateway, &asked).await.unwrap();
    assert_eq!(heard.events.len(), 2, "the figures also come in a chunk of their own");
}

#[tokio::test]
async fn every_field_of_every_server_comes_through() {
    let streams = [
        include_str!("../../../llm/fixtures/stream/openai.sse"),
        include_str!("../../../llm/fixtures/stream/azure.sse"),
        include_str!("../../../llm/fixtures/stream/vllm_tools.sse"),
        include_str!("../../../llm/fixtures/stream/ollama.sse"),
        include_str!("../../../llm/fixtures/stream/mistral.sse"),
    ];
    let fake = FakeModel::start().await;
    let gateway = gateway(vec![route("a", &fake.base_url())]);
    for stream in streams {
        // Cut into small pieces, as a network may.
        fake.next(Reply::raw(
            200,
            "text/event-stream",
            stream.as_bytes().chunks(7).map(<[u8]>::to_vec),
        ));
        let (heard, _) = hear(&gateway, &ask("x")).await.unwrap();
        assert!(heard.error.is_none());
        let sent = stream.lines().filter_map(|line| line.strip_prefix("data: {"));
        let mut sent: Vec<Value> =
            sent.map(|rest| serde_json::from_str(&format!("{{{rest}")).unwrap()).collect();
        sent.retain(|chunk| !(chunk["choices"] == json!([]) && chunk["usage"].is_object()));
        for chunk in &mut sent {
            chunk["model"] = "standard".into();
            chunk.as_object_mut().unwrap().shift_remove("usage");
        }
        let got = heard.events.iter().map(|event| match event {
            ChatEvent::Chunk(chunk) => Value::Object(chunk.fields().clone()),
            ChatEvent::Citation(_) => Value::Null,
        });
        assert_eq!(got.collect::<Vec<_>>(), sent);
    }
}

#[tokio::test]
async fn what_came_out_of_the_servers_cache_is_counted_apart() {
    let fake = FakeModel::start().await;
    let details = json!({"cached_tokens": 8});
    let usage =
        json!({"prompt_tokens": 12, "completion_tokens": 3, "prompt_tokens_details": details});
    let answer = json!({"id": "x", "object": "chat.completion", "created": 1, "model": "oben",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "Ja."}, "finish_reason": "stop"}],
        "usage": usage});
    fake.next(Reply::status(200, &answer));
    let mut own = route("rechenzentrum", &fake.base_url());
    let price =
        Price { input: 1_000_000, cached_input: Some(0), output: 1_000_000, ..Price::default() };
    own.prices = price.into();
    own.energy_mwh = Some(500);
    let meter = UsageMeter::default();
    let class = domain::DataClass::Open;
    gateway(vec![own]).complete(&ask("Wo?"), class, &meter).await.unwrap();
    let metered = meter.read();
    assert_eq!(metered.parts.cached_tokens, 8);
    assert_eq!(price.of_all(metered.usage, metered.parts), 4_000 + 3_000);
    assert_eq!(metered.taken.unwrap().energy_of(metered.usage), Some(8), "7.5 mWh, rounded up");
}
