//! Time, places, and callers that go.

use std::time::{Duration, Instant};

use domain::{DataClass, ErrorKind};
use gateway::{
    GatewayError, Offer, Offers, Outcome, Route, RouteKind, Terms, TimeLimit, Timeouts, UsageMeter,
};
use llm::{Dialect, Operation, OperationRequest};
use serde_json::{Value, json};
use testkit::fake_model::{FakeModel, Reply};
use tokio::time::timeout;

use crate::setup::{ask, gateway, hear, request, route};

const SHORT: Duration = Duration::from_millis(150);

fn hurried(name: &str, base_url: &str, change: impl FnOnce(&mut Timeouts)) -> Route {
    let mut route = route(name, base_url);
    change(&mut route.timeouts);
    route
}

fn limit(error: &GatewayError) -> TimeLimit {
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    match error {
        GatewayError::TimedOut { limit, .. } => *limit,
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_server_without_a_first_byte_is_left_for_the_next() {
    let (slow, good) = (FakeModel::start().await, FakeModel::start().await);
    slow.always(Reply::hang());
    let first = || hurried("a", &slow.base_url(), |timeouts| timeouts.first_byte = SHORT);
    let both = gateway(vec![first(), route("b", &good.base_url())]);
    let (heard, stream) = hear(&both, &ask("Hallo")).await.unwrap();
    assert_eq!((heard.text.as_str(), stream.taken().attempts), ("Hallo", 2));
    slow.wait_for_hang_ups(1).await;

    let error = hear(&gateway(vec![first()]), &ask("x")).await.unwrap_err();
    assert_eq!(limit(&error), TimeLimit::FirstByte);
}

#[tokio::test]
async fn keep_alives_are_no_first_byte() {
    let fake = FakeModel::start().await;
    fake.always(Reply::raw(200, "text/event-stream", vec![": wait\n\n"; 100]).pause(SHORT / 10));
    let hurried = hurried("a", &fake.base_url(), |timeouts| timeouts.first_byte = SHORT);
    let error = hear(&gateway(vec![hurried]), &ask("x")).await.unwrap_err();
    assert_eq!(limit(&error), TimeLimit::FirstByte);
}

#[tokio::test]
async fn a_silent_stream_ends() {
    let fake = FakeModel::start().await;
    fake.always(Reply::pieces(["Halb"]).then_hang());
    let hurried = hurried("a", &fake.base_url(), |timeouts| timeouts.idle = SHORT);
    let (heard, stream) = hear(&gateway(vec![hurried]), &ask("x")).await.unwrap();
    assert_eq!(heard.text, "Halb");
    assert_eq!(limit(&heard.error.unwrap()), TimeLimit::Idle);
    drop(stream);
    fake.wait_for_hang_ups(1).await;
}

#[tokio::test]
async fn an_endless_stream_ends() {
    let fake = FakeModel::start().await;
    fake.always(Reply::pieces(vec!["a "; 1_000]).pause(Duration::from_millis(20)));
    let hurried = hurried("a", &fake.base_url(), |timeouts| timeouts.total = SHORT);
    let (heard, _) = hear(&gateway(vec![hurried]), &ask("x")).await.unwrap();
    assert_eq!(limit(&heard.error.unwrap()), TimeLimit::Total);
}

#[tokio::test]
async fn a_whole_answer_may_take_the_total_time_but_no_longer() {
    let fake = FakeModel::start().await;
    fake.next(Reply::text("Spät.").delay(2 * SHORT));
    fake.next(Reply::hang());
    let slow = hurried("a", &fake.base_url(), |timeouts| {
        *timeouts = Timeouts { first_byte: SHORT, idle: SHORT, total: 4 * SHORT };
    });
    let (gateway, meter) = (gateway(vec![slow]), UsageMeter::default());
    let whole = gateway.complete(&request(json!({})), DataClass::Open, &meter).await.unwrap();
    assert_eq!(whole.response.text(), "Spät.");
    let error = gateway.complete(&request(json!({})), DataClass::Open, &meter).await.unwrap_err();
    assert_eq!(limit(&error), TimeLimit::Total);
    fake.wait_for_hang_ups(1).await;
}

#[tokio::test]
async fn dropping_the_stream_hangs_up_and_keeps_the_usage() {
    let fake = FakeModel::start().await;
    fake.always(Reply::pieces(["Hallo ", "Welt"]).then_hang());
    let gateway = gateway(vec![route("a", &fake.base_url())]);
    let meter = UsageMeter::default();
    let mut stream = gateway.chat(&ask("Frage"), DataClass::Open, &meter).await.unwrap();
    for _ in 0..3 {
        stream.next().await.unwrap().unwrap();
    }
    assert_eq!(fake.hang_ups(), 0);
    drop(stream);
    fake.wait_for_hang_ups(1).await;
    let metered = meter.read();
    assert!(metered.is_estimated && !metered.is_finished);
    assert_eq!((metered.usage.prompt_tokens, metered.usage.completion_tokens), (2, 3));
    assert_eq!(metered.taken.unwrap().route, "a");
}

#[tokio::test]
async fn dropping_the_call_before_the_first_byte_hangs_up() {
    let fake = FakeModel::start().await;
    fake.always(Reply::hang());
    let (gateway, meter) = (gateway(vec![route("a", &fake.base_url())]), UsageMeter::default());
    let asked = ask("Frage");
    let call = gateway.chat(&asked, DataClass::Open, &meter);
    assert!(timeout(SHORT, call).await.is_err());
    fake.wait_for_hang_ups(1).await;
    assert_eq!(meter.read().usage.prompt_tokens, 2, "the server has read the question");

    let whole = request(json!({}));
    let call = gateway.complete(&whole, DataClass::Open, &meter);
    assert!(timeout(SHORT, call).await.is_err());
    fake.wait_for_hang_ups(2).await;
}

#[tokio::test]
async fn places_are_held_by_streams_and_given_back() {
    let (first, second) = (FakeModel::start().await, FakeModel::start().await);
    first.always(Reply::pieces(["Hallo"]).then_hang());
    second.always(Reply::pieces(["Hallo"]).then_hang());
    let narrow = |name: &str, url: &str| Route { concurrent_max: 1, ..route(name, url) };
    let gateway = gateway(vec![narrow("a", &first.base_url()), narrow("b", &second.base_url())]);
    let meter = UsageMeter::default();
    let asked = ask("x");
    let one = gateway.chat(&asked, DataClass::Open, &meter).await.unwrap();
    let two = gateway.chat(&asked, DataClass::Open, &meter).await.unwrap();
    assert_eq!((one.taken().route.as_str(), two.taken().route.as_str()), ("a", "b"));

    let started = Instant::now();
    let error = gateway.chat(&asked, DataClass::Open, &meter).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Overloaded);
    assert!(started.elapsed() < SHORT, "shed at once");

    drop(one);
    let three = gateway.chat(&asked, DataClass::Open, &meter).await.unwrap();
    assert_eq!(three.taken().route, "a");
}

#[tokio::test]
async fn a_finished_stream_stays_finished() {
    let fake = FakeModel::start().await;
    let gateway = gateway(vec![route("a", &fake.base_url())]);
    let (_, mut stream) = hear(&gateway, &ask("x")).await.unwrap();
    assert!(stream.next().await.is_none());
    assert!(stream.next().await.is_none());
}

/// An image takes as long in pieces as whole, where nothing but the total holds.
#[tokio::test]
async fn nobody_gives_an_image_up_for_the_pauses_in_its_making() {
    let fake = FakeModel::start().await;
    let partial = "data: {\"type\":\"image_generation.partial_image\",\"b64_json\":\"aA==\"}\n\n";
    let completed = "data: {\"type\":\"image_generation.completed\",\"b64_json\":\"aGk=\"}\n\n";
    let events = || Reply::raw(200, "text/event-stream", [partial, completed]);
    let mut hurried = hurried("a", &fake.base_url(), |timeouts| {
        *timeouts = Timeouts { first_byte: SHORT, idle: SHORT, total: 10 * SHORT };
    });
    hurried.offers = Offers::of([Offer::Images]);
    let gateway = gateway(vec![hurried]);
    let body = json!({"model": "standard", "prompt": "ein Baum", "stream": true}).to_string();
    let image = OperationRequest::parse(Operation::ImageGeneration, body.as_bytes(), None).unwrap();

    fake.next(events().delay(2 * SHORT).pause(2 * SHORT));
    let (meter, mut kinds) = (UsageMeter::default(), 0);
    let answer = gateway.operate(&image, DataClass::Open, &meter).await.unwrap();
    let Outcome::Events(mut stream) = answer.response else { panic!("events were asked for") };
    while let Some(event) = stream.next().await {
        kinds += u32::from(event.unwrap().is_of_image());
    }
    assert_eq!((kinds, meter.read().parts.images, meter.read().is_finished), (2, 1, true));

    fake.next(events().then_hang().pause(20 * SHORT));
    let answer = gateway.operate(&image, DataClass::Open, &meter).await.unwrap();
    let Outcome::Events(mut stream) = answer.response else { panic!("events were asked for") };
    assert!(stream.next().await.unwrap().is_ok());
    assert_eq!(limit(&stream.next().await.unwrap().unwrap_err()), TimeLimit::Total);
    assert!(stream.next().await.is_none());
    assert_eq!((meter.read().parts.images, meter.read().is_finished), (1, false));
    drop(stream);
    fake.wait_for_hang_ups(1).await;
}

/// What a server of a dialect is sent of a request whose answer may have so many tokens.
async fn bounded(dialect: Dialect, model: &str, more: Value, most: u64) -> Result<Value, String> {
    let fake = FakeModel::start().await;
    let mut own = route("a", &fake.base_url());
    if let RouteKind::Server(server) = &mut own.kind {
        (server.dialect, server.upstream_model) = (dialect, model.to_owned());
    }
    own.answer_tokens = Some(64_000);
    let gateway = gateway(vec![own]);
    let terms = Terms { answer_max: Some(most), ..Terms::from(DataClass::Open) };
    let asked = gateway.complete(&request(more), terms, &UsageMeter::default()).await;
    match asked {
        Err(GatewayError::Unsupported(refusal)) => Err(refusal.param.unwrap_or_default()),
        _ => Ok(fake.requests()[0].body.clone()),
    }
}

/// A bound ends an answer earlier, never later than it would have ended by itself.
#[tokio::test]
async fn a_bound_makes_no_answer_longer() {
    let claude = "claude-sonnet-4-5";
    let sent = async |most| bounded(Dialect::Anthropic, claude, json!({}), most).await.unwrap();
    assert_eq!(sent(5_000).await["max_tokens"], 5_000);
    assert_eq!(sent(50_000).await["max_tokens"], 8_192, "as without a bound");
    let sent = bounded(Dialect::Compatible, "m", json!({}), 50_000).await.unwrap();
    assert_eq!(sent["max_tokens"], 50_000);

    for (dialect, most, told) in [
        (Dialect::OpenAi, 3_000, 16),
        (Dialect::Vllm, 3_000, 16),
        (Dialect::Vllm, 9, 9),
        (Dialect::LlamaCpp, 3_000, 3_000),
    ] {
        let fake = FakeModel::start().await;
        let mut own = route("a", &fake.base_url());
        if let RouteKind::Server(server) = &mut own.kind {
            server.dialect = dialect;
        }
        own.offers = Offers::of([Offer::Completions]);
        let body = br#"{"model": "standard", "prompt": "Es war"}"#;
        let request = OperationRequest::parse(Operation::Completion, body, None).unwrap();
        let terms = Terms { answer_max: Some(most), ..Terms::from(DataClass::Open) };
        gateway(vec![own]).operate(&request, terms, &UsageMeter::default()).await.unwrap();
        assert_eq!(fake.requests()[0].body["max_tokens"], told, "{dialect} {most}");
    }
}

/// Thoughts are part of an answer, and a server refuses more of them than it may write.
#[tokio::test]
async fn a_bound_holds_for_thoughts_too() {
    let claude = "claude-sonnet-4-5";
    let budget = json!({"thinking": {"type": "enabled", "budget_tokens": 20_000}});
    let sent = bounded(Dialect::Anthropic, claude, budget.clone(), 6_000).await.unwrap();
    assert_eq!(
        (&sent["max_tokens"], &sent["thinking"]["budget_tokens"]),
        (&json!(6_000), &json!(3_000))
    );
    let sent = bounded(Dialect::Anthropic, claude, budget.clone(), 50_000).await.unwrap();
    assert_eq!(
        (&sent["max_tokens"], &sent["thinking"]["budget_tokens"]),
        (&json!(28_192), &json!(20_000))
    );
    let refused = bounded(Dialect::Anthropic, claude, budget, 1_500).await.unwrap_err();
    assert_eq!(refused, "thinking.budget_tokens");
    let effort = json!({"reasoning_effort": "high"});
    let sent = bounded(Dialect::Anthropic, claude, effort.clone(), 6_000).await.unwrap();
    assert_eq!(
        (&sent["max_tokens"], &sent["thinking"]["budget_tokens"]),
        (&json!(6_000), &json!(3_000))
    );
    let refused = bounded(Dialect::Anthropic, claude, effort, 1_000).await.unwrap_err();
    assert_eq!(refused, "reasoning_effort");
}
