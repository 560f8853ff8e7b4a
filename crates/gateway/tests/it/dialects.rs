//! Servers that do not speak OpenAI, as they answer on the wire: whole, streamed, refusing, breaking
//! off. What they said is in the fixtures of `llm`.

use domain::DataClass;
use gateway::{
    Failure, GatewayError, Offer, Offers, Reason, Route, RouteKind, Secret, Terms, UsageMeter,
};
use llm::{
    Dialect, Operation, OperationRequest, embeddings::EmbeddingRequest, rerank::RerankRequest,
};
use serde_json::{Value, json};
use testkit::fake_model::{FakeModel, Reply};

use crate::setup::{ask, gateway, hear, listen, request, route};

const SPOKEN: [Dialect; 3] = [Dialect::Anthropic, Dialect::Gemini, Dialect::Ollama];

fn case(name: &str) -> Value {
    let text = match name {
        "tools" => include_str!("../../../llm/fixtures/tools.json"),
        _ => include_str!("../../../llm/fixtures/chat.json"),
    };
    serde_json::from_str(text).unwrap()
}

/// A route to a fake in a dialect, with a key.
fn spoken(dialect: Dialect, fake: &FakeModel) -> Route {
    let base = match dialect {
        Dialect::Gemini => "v1beta",
        Dialect::Ollama => "",
        _ => "v1",
    };
    let mut route = route(dialect.code(), &fake.base_url_with(base));
    let RouteKind::Server(server) = &mut route.kind else { unreachable!() };
    server.dialect = dialect;
    server.api_key = Some(Secret::new("sk-geheim"));
    route
}

fn whole(case: &Value, dialect: Dialect) -> Reply {
    Reply::status(200, &case["answers"][dialect.code()])
}

/// The recorded events up to `end` of them, each in a chunk of its own.
fn streamed(case: &Value, dialect: Dialect, end: usize) -> Reply {
    let events = case["streams"][dialect.code()].as_array().unwrap();
    let framed = events.iter().take(end).map(|event| match dialect {
        Dialect::Anthropic => {
            format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap())
        }
        Dialect::Gemini => format!("data: {event}\n\n"),
        _ => format!("{event}\n"),
    });
    let kind =
        if dialect == Dialect::Ollama { "application/x-ndjson" } else { "text/event-stream" };
    Reply::raw(200, kind, framed.collect::<Vec<_>>())
}

#[tokio::test]
async fn each_server_is_asked_and_understood_in_its_own_dialect() {
    let case = case("chat");
    for dialect in SPOKEN {
        let fake = FakeModel::start().await;
        let gateway = gateway(vec![spoken(dialect, &fake)]);
        fake.next(whole(&case, dialect));
        let meter = UsageMeter::default();
        let answer = gateway.complete(&ask("Und ein Vermerk?"), DataClass::Open, &meter).await;
        let answer = answer.unwrap();
        assert_eq!(answer.response.text(), "Eine interne Notiz.", "{dialect}");
        assert_eq!(answer.response.fields()["model"], "standard");
        assert_eq!(answer.response.fields()["object"], "chat.completion");
        assert!(!answer.metered.is_estimated && answer.metered.usage.completion_tokens == 10);

        fake.next(streamed(&case, dialect, usize::MAX));
        let asked = request(json!({"stream": true, "stream_options": {"include_usage": true}}));
        let (heard, stream) = hear(&gateway, &asked).await.unwrap();
        assert_eq!(heard.text, "Eine interne Notiz – für Ämter.", "{dialect}");
        assert!(heard.error.is_none() && stream.meter().read().is_finished);
        assert!(!stream.meter().read().is_estimated, "{dialect}");
    }
}

#[tokio::test]
async fn answers_have_ids_of_their_own() {
    let case = case("chat");
    let fake = FakeModel::start().await;
    let gateway = gateway(vec![spoken(Dialect::Ollama, &fake)]);
    fake.always(whole(&case, Dialect::Ollama));
    let mut ids = Vec::new();
    for _ in 0..2 {
        let meter = UsageMeter::default();
        let answer = gateway.complete(&ask("x"), DataClass::Open, &meter).await.unwrap();
        ids.push(answer.response.fields()["id"].as_str().unwrap().to_owned());
    }
    assert!(ids[0].starts_with("chatcmpl-") && ids[0] != ids[1], "{ids:?}");
}

#[tokio::test]
async fn paths_queries_and_keys_are_those_of_each_server() {
    let case = case("chat");
    let mut seen = Vec::new();
    for dialect in SPOKEN {
        let fake = FakeModel::start().await;
        fake.always(streamed(&case, dialect, usize::MAX));
        hear(&gateway(vec![spoken(dialect, &fake)]), &ask("x")).await.unwrap();
        let sent = &fake.requests()[0];
        let key = ["authorization", "x-api-key", "x-goog-api-key"]
            .into_iter()
            .find_map(|name| Some(format!("{name}: {}", sent.headers.get(name)?)));
        seen.push(format!("{}?{} {}", sent.path, sent.query, key.unwrap()));
        let version = sent.headers.get("anthropic-version");
        assert_eq!(version.is_some(), dialect == Dialect::Anthropic);
    }
    assert_eq!(
        seen,
        [
            "/v1/messages? x-api-key: sk-geheim",
            "/v1beta/models/upstream-7b:streamGenerateContent?alt=sse x-goog-api-key: sk-geheim",
            "/api/chat? authorization: Bearer sk-geheim",
        ]
    );
}

#[tokio::test]
async fn tools_are_called_through_every_dialect() {
    let case = case("tools");
    let asked = request(json!({"tools": case["request"]["tools"]}));
    for dialect in SPOKEN {
        let fake = FakeModel::start().await;
        fake.always(whole(&case, dialect));
        let gateway = gateway(vec![spoken(dialect, &fake)]);
        let meter = UsageMeter::default();
        let answer = gateway.complete(&asked, DataClass::Open, &meter).await.unwrap();
        let message = &answer.response.fields()["choices"][0]["message"];
        let called = message["tool_calls"][0]["function"]["name"].as_str();
        assert_eq!(called, case["request"]["tools"][0]["function"]["name"].as_str(), "{dialect}");
        assert!(fake.requests()[0].body["tools"].is_array());
    }
}

#[tokio::test]
async fn broken_servers_are_tried_again_and_passed_by() {
    let case = case("chat");
    for dialect in SPOKEN {
        let (bad, good) = (FakeModel::start().await, FakeModel::start().await);
        for status in [502, 500, 503] {
            bad.next(Reply::status(status, &json!({"error": {"message": "no"}})));
        }
        good.always(whole(&case, dialect));
        let mut second = spoken(dialect, &good);
        second.name = "zweite".to_owned();
        let gateway = gateway(vec![spoken(dialect, &bad), second]);
        let meter = UsageMeter::default();
        let answer = gateway.complete(&ask("x"), DataClass::Open, &meter).await.unwrap();
        assert_eq!(
            (answer.taken.route.as_str(), answer.taken.attempts),
            ("zweite", 4),
            "{dialect}"
        );
    }
}

#[tokio::test]
async fn a_refusal_is_told_in_the_servers_own_words() {
    let bodies = [
        json!({"type": "error", "error": {"type": "invalid_request_error", "message": "too long"}}),
        json!({"error": {"code": 400, "message": "too long", "status": "INVALID_ARGUMENT"}}),
        json!({"error": "too long"}),
    ];
    for (dialect, body) in SPOKEN.into_iter().zip(bodies) {
        let fake = FakeModel::start().await;
        fake.always(Reply::status(400, &body));
        let gateway = gateway(vec![spoken(dialect, &fake)]);
        let refused = hear(&gateway, &ask("x")).await;
        let Err(GatewayError::Refused { status: 400, error }) = refused else {
            panic!("{dialect}: {refused:?}")
        };
        assert_eq!(error.message.as_deref(), Some("too long"), "{dialect}");
    }
}

#[tokio::test]
async fn a_stream_that_breaks_or_ends_early_is_no_answer() {
    let case = case("chat");
    for dialect in SPOKEN {
        let fake = FakeModel::start().await;
        let gateway = gateway(vec![spoken(dialect, &fake)]);
        let events = case["streams"][dialect.code()].as_array().unwrap().len();
        // Up to the first text, but not to its end.
        let first = if dialect == Dialect::Anthropic { events - 4 } else { 1 };
        for reply in [streamed(&case, dialect, first), streamed(&case, dialect, first).then_break()]
        {
            fake.next(reply);
            let (heard, stream) = hear(&gateway, &ask("x")).await.unwrap();
            assert!(heard.text.starts_with("Eine"), "{dialect}: {heard:?}");
            let broken = matches!(
                heard.error,
                Some(GatewayError::Upstream { failure: Failure::Interrupted, .. })
            );
            assert!(broken && !stream.meter().read().is_finished, "{dialect}: {heard:?}");
        }
    }
}

#[tokio::test]
async fn what_one_dialect_cannot_say_another_route_may() {
    let (claude, own) = (FakeModel::start().await, FakeModel::start().await);
    let gateway = gateway(vec![spoken(Dialect::Anthropic, &claude), route("own", &own.base_url())]);
    let asked = request(json!({"logprobs": true, "stream": true}));
    let meter = UsageMeter::default();
    let terms = Terms { explain: true, ..DataClass::Open.into() };
    let mut stream = gateway.chat(&asked, terms, &meter).await.unwrap();
    assert_eq!(stream.taken().route, "own");
    assert!(listen(&mut stream).await.error.is_none());
    assert!(claude.requests().is_empty(), "nothing was sent");
    let why = meter.explanation().unwrap();
    assert_eq!(why.others, [("anthropic".to_owned(), Reason::Untranslatable)]);
}

#[tokio::test]
async fn what_no_route_can_say_is_refused_by_name() {
    let fake = FakeModel::start().await;
    let gateway = gateway(vec![spoken(Dialect::Anthropic, &fake)]);
    let error = hear(&gateway, &request(json!({"logprobs": true}))).await.unwrap_err();
    let body = error.body();
    assert_eq!(body.param.as_deref(), Some("logprobs"));
    assert!(body.message.contains("anthropic"), "{}", body.message);
    assert!(fake.requests().is_empty());
}

#[tokio::test]
async fn a_route_gets_only_what_it_is_there_for() {
    let (chat, vectors) = (FakeModel::start().await, FakeModel::start().await);
    let mut second = route("vektoren", &vectors.base_url());
    second.offers = Offers::of([Offer::Embeddings, Offer::Rerank]);
    let gateway = gateway(vec![second, route("chat", &chat.base_url())]);
    let (_, stream) = hear(&gateway, &ask("x")).await.unwrap();
    assert_eq!(stream.taken().route, "chat");

    vectors.next(Reply::status(
        200,
        &json!({"object": "list", "model": "up", "data": [
            {"object": "embedding", "index": 0, "embedding": [0.5, -1.0]},
        ]}),
    ));
    let asked = EmbeddingRequest::parse(br#"{"model": "standard", "input": "Hund"}"#).unwrap();
    let meter = UsageMeter::default();
    let answer = gateway.embed(&asked, DataClass::Open, &meter).await.unwrap();
    assert_eq!(answer.taken.route, "vektoren");
    assert_eq!(answer.response.vectors().unwrap(), [vec![0.5, -1.0]]);
    assert!(meter.read().is_estimated && meter.read().usage.prompt_tokens == 1);

    vectors.next(Reply::status(
        200,
        &json!({"results": [{"index": 0, "relevance_score": 0.9}],
        "usage": {"total_tokens": 7}}),
    ));
    let asked = br#"{"model": "standard", "query": "Hund", "documents": ["Ein Hund"]}"#;
    let asked = RerankRequest::parse(asked).unwrap();
    let answer = gateway.rerank(&asked, DataClass::Open, &meter).await.unwrap();
    assert_eq!(answer.response.scores(), [(0, 0.9)]);
    assert_eq!(meter.read().usage.prompt_tokens, 7);

    let speech = br#"{"model": "standard", "input": "Guten Tag", "voice": "alloy"}"#;
    let asked = OperationRequest::parse(Operation::Speech, speech, None).unwrap();
    let error = gateway.operate(&asked, DataClass::Open, &meter).await.unwrap_err();
    assert_eq!(error.code(), "no_suitable_route");
    assert_eq!(chat.requests().len(), 1);
}

#[tokio::test]
async fn many_texts_go_to_a_server_in_pieces_it_takes() {
    let fake = FakeModel::start().await;
    let mut route = spoken(Dialect::Gemini, &fake);
    route.offers = Offers::of([Offer::Embeddings]);
    let gateway = gateway(vec![route]);
    let vectors = |count: usize| {
        let one = json!({"values": [1.0]});
        Reply::status(200, &json!({"embeddings": vec![one; count]}))
    };
    fake.next(vectors(100));
    fake.next(vectors(20));
    let asked = EmbeddingRequest::new("standard", vec!["Hund".to_owned(); 120]);
    let meter = UsageMeter::default();
    let answer = gateway.embed(&asked, DataClass::Open, &meter).await.unwrap();
    assert_eq!(answer.response.count(), 120);
    assert_eq!(fake.requests().len(), 2);

    fake.always(vectors(3));
    let asked = EmbeddingRequest::new("standard", vec!["Hund".to_owned(); 4]);
    let error = gateway.embed(&asked, DataClass::Open, &meter).await.unwrap_err();
    let garbled = matches!(error, GatewayError::Upstream { failure: Failure::Garbled, .. });
    assert!(garbled, "a vector is missing: {error:?}");
}
