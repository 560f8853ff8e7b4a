//! A second attempt beside a slow first one.

use std::time::Duration;

use domain::DataClass;
use gateway::{
    Catalogue, Gateway, Hedging, Model, Offer, Offers, Price, Reason, RetryBudgetSettings, Route,
    Settings, Terms, UsageMeter,
};
use llm::{Operation, OperationRequest};
use serde_json::{Value, json};
use testkit::fake_model::{FakeModel, Reply};
use tokio::time::sleep;

use crate::setup::{ask, client, hear, listen, model, request, route, settings};

const DELAY: Duration = Duration::from_millis(40);

fn ranked(name: &str, fake: &FakeModel, rank: u32) -> Route {
    let prices = Price { input: 1_000_000, ..Price::default() }.into();
    let offers = Offers::of(Offer::ALL);
    Route { rank, prices, offers, ..route(name, &fake.base_url()) }
}

fn hedged(hedging: Hedging, routes: Vec<Route>, settings: Settings) -> Gateway {
    let standard = Model { hedging, ..model("standard", routes) };
    Gateway::new(client(), Catalogue::new(vec![standard]).unwrap(), settings)
}

fn nobody_waits(gateway: &Gateway) {
    let routes = &gateway.status().models[0].routes;
    assert!(routes.iter().all(|route| route.in_flight == 0), "{routes:?}");
}

/// Waits until a caller has gone away from the server.
async fn until_hang_up(fake: &FakeModel) {
    for _ in 0..200 {
        if fake.hang_ups() > 0 {
            return;
        }
        sleep(Duration::from_millis(10)).await;
    }
    panic!("nobody went away");
}

/// G-6: the slow one is given up, and what it has begun is written down beside the answer.
#[tokio::test]
async fn the_second_answers_for_a_slow_first_one_and_both_are_recorded() {
    let (slow, quick) = (FakeModel::start().await, FakeModel::start().await);
    slow.always(Reply::hang());
    quick.always(Reply::text("schnell").usage(7, 3));
    let routes = vec![ranked("a", &slow, 1), ranked("b", &quick, 2)];
    let gateway = hedged(Hedging::After(DELAY), routes, settings());

    let meter = UsageMeter::default();
    let mut stream = gateway.chat(&ask("Frage"), DataClass::Open, &meter).await.unwrap();
    assert_eq!(listen(&mut stream).await.text, "schnell");
    assert_eq!((stream.taken().route.as_str(), stream.taken().attempts), ("b", 2));
    let metered = meter.read();
    assert_eq!(metered.usage.prompt_tokens, 7);
    assert_eq!(metered.taken.unwrap().route, "b");
    let beside = metered.beside.unwrap();
    assert_eq!(beside.taken.route, "a");
    assert!(beside.is_estimated && beside.usage.prompt_tokens > 0);
    assert_eq!(beside.usage.completion_tokens, 0);

    let answer = gateway.complete(&request(json!({})), DataClass::Open, &meter).await.unwrap();
    assert_eq!(answer.taken.route, "b");
    assert_eq!(answer.metered.beside.unwrap().taken.route, "a");
    drop(stream);
    until_hang_up(&slow).await;
    nobody_waits(&gateway);
}

/// G-6: who answers in time is asked alone, and it is off unless somebody wants it.
#[tokio::test]
async fn there_is_no_second_attempt_without_need_or_wish() {
    for (hedging, delay) in [(Hedging::After(Duration::from_secs(5)), 0), (Hedging::Off, 100)] {
        let (first, other) = (FakeModel::start().await, FakeModel::start().await);
        first.always(Reply::text("da").delay(Duration::from_millis(delay)));
        let routes = vec![ranked("a", &first, 1), ranked("b", &other, 2)];
        let gateway = hedged(hedging, routes, settings());
        let (heard, stream) = hear(&gateway, &ask("x")).await.unwrap();
        assert_eq!((heard.text.as_str(), stream.meter().read().beside), ("da", None));
        assert_eq!(other.requests().len(), 0);
    }
}

/// G-6: the first is still listened to, and a second that fails does no harm.
#[tokio::test]
async fn the_first_may_still_win_and_a_failing_second_harms_nobody() {
    let (first, other) = (FakeModel::start().await, FakeModel::start().await);
    first.always(Reply::text("doch noch").delay(DELAY * 5));
    let routes = || vec![ranked("a", &first, 1), ranked("b", &other, 2)];
    other.always(Reply::hang());
    let gateway = hedged(Hedging::After(DELAY), routes(), settings());
    let (heard, stream) = hear(&gateway, &ask("x")).await.unwrap();
    assert_eq!((heard.text.as_str(), stream.taken().route.as_str()), ("doch noch", "a"));
    assert_eq!(stream.meter().read().beside.unwrap().taken.route, "b");
    drop(stream);
    until_hang_up(&other).await;

    other.always(Reply::status(500, &json!({})));
    let before = other.requests().len();
    let (heard, stream) = hear(&gateway, &ask("x")).await.unwrap();
    assert_eq!((heard.text.as_str(), stream.meter().read().beside), ("doch noch", None));
    assert_eq!(other.requests().len() - before, 1, "a second attempt is one try");

    // It stays the next route if the first fails.
    first.always(Reply::status(404, &json!({})).delay(DELAY * 5));
    other.next(Reply::status(500, &json!({})));
    other.always(Reply::text("Ersatz"));
    assert_eq!(hear(&gateway, &ask("x")).await.unwrap().0.text, "Ersatz");
    drop(stream);
    nobody_waits(&gateway);
}

/// G-6: when everything is slow, second attempts must not double the load.
#[tokio::test]
async fn second_attempts_come_out_of_the_budget_of_retries() {
    let (slow, quick) = (FakeModel::start().await, FakeModel::start().await);
    slow.always(Reply::text("langsam").delay(DELAY * 4));
    let budget =
        RetryBudgetSettings { per_request: 0.0, always: 2, ..RetryBudgetSettings::default() };
    let settings = Settings { retry_budget: budget, ..settings() };
    let routes = vec![ranked("a", &slow, 1), ranked("b", &quick, 2)];
    let gateway = hedged(Hedging::After(DELAY), routes, settings);
    let mut taken = Vec::new();
    for _ in 0..4 {
        taken.push(hear(&gateway, &ask("x")).await.unwrap().1.taken().route.clone());
    }
    assert_eq!(taken, ["b", "b", "a", "a"]);
}

/// What acts, or costs by the piece, is never asked twice at the same time.
#[tokio::test]
async fn what_acts_gets_no_second_attempt() {
    let (slow, other) = (FakeModel::start().await, FakeModel::start().await);
    slow.always(Reply::text("langsam").delay(DELAY * 3));
    let routes = vec![ranked("a", &slow, 1), ranked("b", &other, 2)];
    let gateway = hedged(Hedging::After(DELAY), routes, settings());
    let acting: [Value; 3] = [
        json!({"tools": [{"type": "web_search"}]}),
        json!({"web_search_options": {}}),
        json!({"store": true}),
    ];
    for fields in acting {
        let meter = UsageMeter::default();
        let answer = gateway.complete(&request(fields), DataClass::Open, &meter).await.unwrap();
        assert_eq!(answer.taken.route, "a");
    }
    slow.always(Reply::status(200, &json!({"data": []})).delay(DELAY * 3));
    let image = json!({"model": "standard", "prompt": "ein Baum"}).to_string();
    let image =
        OperationRequest::parse(Operation::ImageGeneration, image.as_bytes(), None).unwrap();
    gateway.operate(&image, DataClass::Open, &UsageMeter::default()).await.unwrap();
    assert_eq!(other.requests().len(), 0);

    let tools = json!({"tools": [{"type": "function", "function": {"name": "f"}}]});
    slow.always(Reply::hang());
    let answer = gateway.complete(&request(tools), DataClass::Open, &UsageMeter::default()).await;
    assert_eq!(answer.unwrap().taken.route, "b", "functions run at the caller's");
}

/// G-6: slow is what is slow for this model.
#[tokio::test]
async fn slower_than_most_follows_the_last_answers() {
    let (first, other) = (FakeModel::start().await, FakeModel::start().await);
    let routes = vec![ranked("a", &first, 1), ranked("b", &other, 2)];
    let gateway = hedged(Hedging::SlowerThanMost, routes, settings());
    first.always(Reply::text("da").delay(Duration::from_millis(100)));
    // Before anything is known there is no second attempt.
    for _ in 0..20 {
        assert_eq!(hear(&gateway, &ask("x")).await.unwrap().1.taken().route, "a");
    }
    assert_eq!(other.requests().len(), 0);
    first.always(Reply::hang());
    assert_eq!(hear(&gateway, &ask("x")).await.unwrap().1.taken().route, "b");
}

/// A caller that goes away takes both attempts along, and both are recorded.
#[tokio::test]
async fn who_goes_away_ends_both_attempts() {
    let (one, other) = (FakeModel::start().await, FakeModel::start().await);
    one.always(Reply::hang());
    other.always(Reply::hang());
    let routes = vec![ranked("a", &one, 1), ranked("b", &other, 2)];
    let gateway = hedged(Hedging::After(DELAY), routes, settings());
    let meter = UsageMeter::default();
    let terms = Terms::from(DataClass::Open);
    let question = ask("x");
    let asking = gateway.chat(&question, terms, &meter);
    assert!(tokio::time::timeout(DELAY * 4, asking).await.is_err());
    until_hang_up(&one).await;
    until_hang_up(&other).await;
    let metered = meter.read();
    assert_eq!(metered.taken.unwrap().route, "a");
    assert_eq!(metered.beside.unwrap().taken.route, "b");
    nobody_waits(&gateway);
}

/// G-4: who was asked and did not answer in time is not called superfluous.
#[tokio::test]
async fn an_explanation_names_the_attempt_that_was_given_up() {
    let (one, other) = (FakeModel::start().await, FakeModel::start().await);
    let routes = vec![ranked("a", &one, 1), ranked("b", &other, 2), ranked("c", &other, 3)];
    let gateway = hedged(Hedging::After(DELAY), routes, settings());
    let explained = async || {
        let meter = UsageMeter::default();
        let terms = Terms { explain: true, ..Terms::from(DataClass::Open) };
        gateway.chat(&ask("x"), terms, &meter).await.unwrap();
        meter.explanation().unwrap().others
    };
    let others = |first: (&str, Reason), second: (&str, Reason)| {
        vec![(first.0.to_owned(), first.1), (second.0.to_owned(), second.1)]
    };
    one.always(Reply::hang());
    other.always(Reply::text("schnell"));
    let expected = others(("a", Reason::GivenUp), ("c", Reason::NotNeeded));
    assert_eq!(explained().await, expected);

    one.always(Reply::text("doch noch").delay(DELAY * 5));
    other.always(Reply::hang());
    let expected = others(("b", Reason::GivenUp), ("c", Reason::NotNeeded));
    assert_eq!(explained().await, expected);

    other.always(Reply::status(500, &json!({})));
    let expected = others(("b", Reason::Failed), ("c", Reason::NotNeeded));
    assert_eq!(explained().await, expected);
}
