//! Routes that fail, recover, ask for rest; callers with little time; a catalogue that changes.

use std::time::Duration;

use domain::{DataClass, ErrorKind, Place};
use gateway::{
    BreakerSettings, Catalogue, EjectionSettings, Gateway, GatewayError, HealthCheck,
    HealthSettings, QueueLimits, RetryBudgetSettings, Route, Settings, Terms, TimeLimit,
    UsageMeter,
};
use llm::Usage;
use serde_json::json;
use testkit::fake_model::{FakeModel, Reply};
use tokio::time::{Instant, sleep, timeout};

use crate::setup::{ask, client, hear, listen, model, request, route, settings};

fn failing(status: u16) -> Reply {
    Reply::status(status, &json!({"error": {"message": "nein"}}))
}

/// How long a breaker stays open: more than a few calls take on a busy machine.
const OPEN: Duration = Duration::from_millis(1_500);

/// One try for each route, and breakers that open after two failures for a moment.
fn brittle() -> Settings {
    let breaker = BreakerSettings {
        failures_in_a_row: 2,
        open_first: OPEN,
        successes_to_close: 1,
        ..BreakerSettings::default()
    };
    let health = HealthSettings { breaker, ..HealthSettings::default() };
    Settings { attempts_per_route: 1, health, ..settings() }
}

fn gateway(routes: Vec<Route>, settings: Settings) -> Gateway {
    Gateway::new(client(), Catalogue::new(vec![model("standard", routes)]).unwrap(), settings)
}

fn ranked(name: &str, fake: &FakeModel, rank: u32) -> Route {
    Route { rank, ..route(name, &fake.base_url()) }
}

async fn taken(gateway: &Gateway) -> String {
    let (_, stream) = hear(gateway, &ask("x")).await.unwrap();
    stream.taken().route.clone()
}

/// Waits until the breaker of the first route would let a call pass.
async fn until_ready(gateway: &Gateway) {
    while state(gateway, 0) == "breaker_open" {
        sleep(Duration::from_millis(10)).await;
    }
}

fn state(gateway: &Gateway, index: usize) -> &'static str {
    gateway.status().models[0].routes[index].state
}

/// G-7: a failing backend is left alone for a time, tried by a single call, and comes back.
#[tokio::test]
async fn a_failing_route_is_left_alone_and_comes_back() {
    let (bad, good) = (FakeModel::start().await, FakeModel::start().await);
    bad.always(failing(500));
    let gateway = gateway(vec![ranked("a", &bad, 1), ranked("b", &good, 2)], brittle());
    for _ in 0..5 {
        assert_eq!(taken(&gateway).await, "b");
    }
    assert_eq!(bad.requests().len(), 2, "then nobody asks it any more");
    assert_eq!(state(&gateway, 0), "breaker_open");
    let route = &gateway.status().models[0].routes[0];
    assert_eq!((route.failures, route.last_error.as_ref().unwrap().kind.as_str()), (2, "500"));

    bad.always(Reply::text("wieder da"));
    until_ready(&gateway).await;
    assert_eq!(taken(&gateway).await, "a");
    assert_eq!(state(&gateway, 0), "ready");
    assert!(gateway.status().models[0].routes[0].ramp < 0.2, "it takes its share slowly");
}

/// G-7: without another route callers are told at once when to come back.
#[tokio::test]
async fn without_another_route_callers_are_told_when_to_come_back() {
    let bad = FakeModel::start().await;
    bad.always(failing(500));
    let gateway = gateway(vec![ranked("a", &bad, 1)], brittle());
    for _ in 0..2 {
        let error = hear(&gateway, &ask("x")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UpstreamFailed);
    }
    let error = hear(&gateway, &ask("x")).await.unwrap_err();
    assert!(matches!(error, GatewayError::Unavailable { .. }), "{error}");
    assert_eq!(error.kind(), ErrorKind::Overloaded);
    assert!(error.retry_after().unwrap() <= OPEN);
    assert_eq!(bad.requests().len(), 2);
}

#[tokio::test]
async fn faults_of_requests_open_no_breaker() {
    let fake = FakeModel::start().await;
    fake.always(failing(400));
    let gateway = gateway(vec![ranked("a", &fake, 1)], brittle());
    for _ in 0..6 {
        let error = hear(&gateway, &ask("x")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
    }
    assert_eq!(state(&gateway, 0), "ready");
}

#[tokio::test]
async fn streams_that_break_later_open_the_breaker_too() {
    let fake = FakeModel::start().await;
    fake.always(Reply::pieces(["Halb"]).then_break());
    let gateway = gateway(vec![ranked("a", &fake, 1)], brittle());
    for _ in 0..2 {
        assert!(hear(&gateway, &ask("x")).await.unwrap().0.error.is_some());
    }
    assert_eq!(state(&gateway, 0), "breaker_open");
}

#[tokio::test]
async fn callers_who_go_say_nothing_about_a_route() {
    let fake = FakeModel::start().await;
    fake.always(Reply::hang());
    let gateway = gateway(vec![ranked("a", &fake, 1)], brittle());
    for _ in 0..4 {
        let (asked, meter) = (ask("x"), UsageMeter::default());
        let call = gateway.chat(&asked, DataClass::Open, &meter);
        assert!(timeout(Duration::from_millis(30), call).await.is_err());
    }
    let route = &gateway.status().models[0].routes[0];
    assert_eq!((route.state, route.in_flight, route.failures), ("ready", 0, 0));
}

/// A server that says when it wants to be asked again is not asked before, by any call.
#[tokio::test]
async fn a_wish_for_rest_holds_for_everybody() {
    let (tired, good) = (FakeModel::start().await, FakeModel::start().await);
    tired.next(failing(429).header("retry-after", "60"));
    let gateway = gateway(vec![ranked("a", &tired, 1), ranked("b", &good, 2)], settings());
    for _ in 0..3 {
        assert_eq!(taken(&gateway).await, "b");
    }
    assert_eq!(tired.requests().len(), 1);
    let route = &gateway.status().models[0].routes[0];
    assert_eq!(route.state, "cooling_down");
    assert!(route.again_in.unwrap() > Duration::from_secs(50));
}

/// G-5, G-7: of siblings, the one that does clearly worse is taken out; never all.
#[tokio::test]
async fn the_worst_of_siblings_is_taken_out() {
    let (bad, good) = (FakeModel::start().await, FakeModel::start().await);
    let ejection = EjectionSettings { calls_min: 4, ..EjectionSettings::default() };
    let health = HealthSettings { ejection, ..HealthSettings::default() };
    let settings = Settings { attempts_per_route: 1, health, ..settings() };
    let gateway = gateway(vec![ranked("a", &bad, 1), ranked("b", &good, 1)], settings);
    // A third of what the first route does fails: too little for a breaker.
    for _ in 0..40 {
        let count = bad.requests().len();
        bad.always(if count % 3 == 2 { failing(500) } else { Reply::echo() });
        taken(&gateway).await;
    }
    assert_eq!((state(&gateway, 0), state(&gateway, 1)), ("ejected", "ready"));
    let before = bad.requests().len();
    for _ in 0..10 {
        assert_eq!(taken(&gateway).await, "b");
    }
    assert_eq!(bad.requests().len(), before);
    // With the sibling gone it is better than nothing.
    bad.always(Reply::echo());
    good.always(failing(500));
    for _ in 0..8 {
        taken(&gateway).await;
    }
    assert!(bad.requests().len() > before);
}

/// G-6: when everything fails, retries do not multiply the load.
#[tokio::test]
async fn retries_are_a_fifth_of_the_requests_and_a_few() {
    let fake = FakeModel::start().await;
    fake.always(failing(503));
    let calm = BreakerSettings {
        failures_in_a_row: u32::MAX,
        calls_min: u32::MAX,
        ..BreakerSettings::default()
    };
    let health = HealthSettings { breaker: calm, ..HealthSettings::default() };
    let retry_budget =
        RetryBudgetSettings { window: Duration::from_secs(600), ..RetryBudgetSettings::default() };
    let backoff_max = Duration::from_millis(2);
    let settings = Settings { health, retry_budget, backoff_max, ..settings() };
    let gateway = gateway(vec![ranked("a", &fake, 1)], settings);
    for _ in 0..100 {
        hear(&gateway, &ask("x")).await.unwrap_err();
    }
    assert_eq!(fake.requests().len(), 100 + 20 + 10);
}

fn within(time: Duration) -> Terms {
    Terms { deadline: Some(Instant::now() + time), ..Terms::from(DataClass::Open) }
}

#[tokio::test]
async fn the_callers_time_ends_every_wait() {
    let fake = FakeModel::start().await;
    let gateway = gateway(vec![ranked("a", &fake, 1)], settings());
    let short = Duration::from_millis(300);
    let limit = |error: GatewayError| match error {
        GatewayError::TimedOut { limit, .. } => limit,
        other => panic!("{other}"),
    };
    // Before the first piece, in the middle, and before the next try.
    fake.next(Reply::hang());
    let error = gateway.chat(&ask("x"), within(short), &UsageMeter::default()).await.unwrap_err();
    assert_eq!(limit(error), TimeLimit::Deadline);
    fake.next(Reply::pieces(["Halb"]).then_hang());
    let mut stream = gateway.chat(&ask("x"), within(short), &UsageMeter::default()).await.unwrap();
    let heard = listen(&mut stream).await;
    assert_eq!((heard.text.as_str(), limit(heard.error.unwrap())), ("Halb", TimeLimit::Deadline));
    fake.always(failing(429).header("retry-after", "0.45"));
    let before = fake.requests().len();
    let error = gateway.chat(&ask("x"), within(short), &UsageMeter::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Overloaded, "no wait that is longer than the time");
    assert_eq!(fake.requests().len(), before + 1);
    // The time of a caller is no fault of the route.
    assert_eq!(gateway.status().models[0].routes[0].failures, 0);
}

#[tokio::test]
async fn no_try_begins_that_cannot_end_in_time() {
    let (slow, quick) = (FakeModel::start().await, FakeModel::start().await);
    slow.always(Reply::text("Spät").delay(Duration::from_millis(600)));
    let gateway = gateway(vec![ranked("a", &slow, 1), ranked("b", &quick, 2)], settings());
    assert_eq!(taken(&gateway).await, "a");
    let hurried = within(Duration::from_millis(400));
    let stream = gateway.chat(&ask("x"), hurried, &UsageMeter::default()).await.unwrap();
    assert_eq!(stream.taken().route, "b", "the first has not been that fast lately");
    assert_eq!(slow.requests().len(), 1);
    let gone = within(Duration::ZERO);
    let error = gateway.chat(&ask("x"), gone, &UsageMeter::default()).await.unwrap_err();
    assert_eq!(error.code(), "deadline_exceeded");
}

#[tokio::test]
async fn a_route_that_fails_its_checks_is_left_alone() {
    let (sick, good) = (FakeModel::start().await, FakeModel::start().await);
    sick.always(failing(503));
    let check = HealthCheck { path: "/health".to_owned(), interval: Duration::from_millis(20) };
    let checked = Route { health_check: Some(check), ..ranked("a", &sick, 1) };
    let gateway = gateway(vec![checked, ranked("b", &good, 2)], settings());
    sleep(Duration::from_millis(50)).await;
    assert_eq!(sick.requests().len(), 0, "nobody checks before they are told to");
    gateway.start_health_checks();
    sick.wait_for_requests(3).await;
    assert_eq!(sick.requests()[0].path, "/health");
    assert_eq!(state(&gateway, 0), "health_check_failed");
    assert_eq!(taken(&gateway).await, "b");
    sick.always(Reply::echo());
    let before = sick.requests().len();
    sick.wait_for_requests(before + 2).await;
    assert_eq!(taken(&gateway).await, "a");
    // The checks end with the gateway.
    drop(gateway);
    sleep(Duration::from_millis(60)).await;
    let after = sick.requests().len();
    sleep(Duration::from_millis(100)).await;
    assert_eq!(sick.requests().len(), after);
}

/// The rule of a hybrid installation, as NRW.Genius runs one. G-6, in the one direction only.
#[tokio::test]
async fn open_data_overflow_to_the_cloud_and_personal_data_never() {
    let (own, cloud) = (FakeModel::start().await, FakeModel::start().await);
    let routes = || {
        vec![
            Route { concurrent_max: 1, ..ranked("eigen", &own, 1) },
            Route { place: Place::Eu, clearance: DataClass::Open, ..ranked("wolke", &cloud, 2) },
        ]
    };
    let gateway = gateway(routes(), brittle());
    let ask_with = async |class| {
        let meter = UsageMeter::default();
        gateway.chat(&ask("x"), class, &meter).await.map(|stream| stream.taken().route.clone())
    };
    for class in [DataClass::Open, DataClass::Personal] {
        assert_eq!(ask_with(class).await.unwrap(), "eigen");
    }
    // Full.
    own.next(Reply::pieces(["lang"]).then_hang());
    let (asked, meter) = (ask("x"), UsageMeter::default());
    let long = gateway.chat(&asked, DataClass::Personal, &meter).await.unwrap();
    assert_eq!(ask_with(DataClass::Open).await.unwrap(), "wolke");
    let refused = ask_with(DataClass::Personal).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Overloaded);
    drop(long);
    // Down.
    own.always(failing(500));
    for _ in 0..4 {
        assert_eq!(ask_with(DataClass::Open).await.unwrap(), "wolke");
        ask_with(DataClass::Personal).await.unwrap_err();
    }
    let reached = cloud.requests().len();
    assert_eq!(reached, 5, "the five open ones");
    // The cloud down: open data come home, as they always may.
    own.always(Reply::echo());
    cloud.always(failing(500));
    until_ready(&gateway).await;
    assert_eq!(ask_with(DataClass::Open).await.unwrap(), "eigen");
}

#[tokio::test]
async fn a_new_catalogue_leaves_streams_and_knowledge_in_place() {
    let (bad, good) = (FakeModel::start().await, FakeModel::start().await);
    bad.always(failing(500));
    good.next(Reply::pieces(["eins ", "zwei ", "drei"]).pause(Duration::from_millis(60)));
    let old = || vec![ranked("a", &bad, 1), ranked("b", &good, 2)];
    let gateway = gateway(old(), brittle());
    let (asked, meter) = (ask("x"), UsageMeter::default());
    let mut stream = gateway.chat(&asked, DataClass::Open, &meter).await.unwrap();
    assert_eq!(taken(&gateway).await, "b");
    assert_eq!(state(&gateway, 0), "breaker_open");

    let mut routes = old();
    routes[1].clearance = DataClass::Open;
    routes.push(ranked("c", &good, 3));
    gateway.replace_catalogue(Catalogue::new(vec![model("standard", routes)]).unwrap());
    assert_eq!(listen(&mut stream).await.text, "eins zwei drei");
    assert_eq!(state(&gateway, 0), "breaker_open", "the same server under the same name");
    assert_eq!(gateway.status().models[0].routes[1].answers, 2);
    let meter = UsageMeter::default();
    let personal = gateway.chat(&ask("x"), DataClass::Personal, &meter).await.unwrap();
    assert_eq!(personal.taken().route, "c", "the new clearance holds at once");

    let other = FakeModel::start().await;
    let moved = vec![ranked("a", &other, 1)];
    gateway.replace_catalogue(Catalogue::new(vec![model("standard", moved)]).unwrap());
    assert_eq!(state(&gateway, 0), "ready", "another server under the same name");
    assert_eq!(taken(&gateway).await, "a");
}

/// What a route did today is shown when it comes back, with what was settled while it was gone.
#[tokio::test]
async fn a_route_that_comes_back_goes_on_with_its_day() {
    let (one, two) = (FakeModel::start().await, FakeModel::start().await);
    let catalogue = |name: &str, fake: &FakeModel| {
        Catalogue::new(vec![model(name, vec![ranked("a", fake, 1)])]).unwrap()
    };
    let gateway = gateway(vec![ranked("a", &one, 1)], settings());
    taken(&gateway).await;
    let usage = Usage { prompt_tokens: 3, completion_tokens: 2 };
    gateway.charge(("standard", "a"), usage, 7);
    gateway.replace_catalogue(catalogue("other", &one));
    assert_eq!(gateway.status().models[0].routes[0].today.answers, 0, "another model");
    gateway.charge(("standard", "a"), usage, 5);
    gateway.replace_catalogue(catalogue("standard", &two));
    let today = gateway.status().models[0].routes[0].today;
    assert_eq!((today.answers, today.prompt_tokens, today.cost_nano_euro), (1, 6, 12));
}

/// A call that waits when the catalogue changes goes by the new one.
#[tokio::test]
async fn who_waits_goes_by_the_new_catalogue() {
    let (own, cloud) = (FakeModel::start().await, FakeModel::start().await);
    own.always(Reply::pieces(["lang"]).then_hang());
    let wait_max = Duration::from_secs(5);
    let standard = |routes| {
        let queue = QueueLimits { length_max: 10, wait_max };
        let model = gateway::Model { queue, ..model("standard", routes) };
        Catalogue::new(vec![model]).unwrap()
    };
    let narrow = || Route { concurrent_max: 1, ..ranked("eigen", &own, 1) };
    let gateway = Gateway::new(client(), standard(vec![narrow()]), settings());
    let (asked, meter) = (ask("x"), UsageMeter::default());
    let held = gateway.chat(&asked, DataClass::Personal, &meter).await.unwrap();
    let waiting = async {
        let meter = UsageMeter::default();
        let stream = gateway.chat(&asked, DataClass::Personal, &meter).await.unwrap();
        stream.taken().route.clone()
    };
    let changing = async {
        sleep(Duration::from_millis(50)).await;
        let closed = Route { clearance: DataClass::Open, ..narrow() };
        gateway.replace_catalogue(standard(vec![closed, ranked("neu", &cloud, 2)]));
        drop(held);
    };
    let (route, ()) = tokio::join!(waiting, changing);
    assert_eq!(route, "neu");
}

/// A call whose first route fails while the catalogue changes falls back by the new one.
#[tokio::test]
async fn a_fallback_goes_by_the_new_catalogue() {
    let (own, cloud) = (FakeModel::start().await, FakeModel::start().await);
    own.always(failing(500).delay(Duration::from_millis(300)));
    let routes = || vec![ranked("eigen", &own, 1), ranked("wolke", &cloud, 2)];
    let gateway = gateway(routes(), brittle());
    let asking = async {
        let meter = UsageMeter::default();
        gateway.chat(&ask("x"), DataClass::Personal, &meter).await.unwrap_err()
    };
    let changing = async {
        sleep(Duration::from_millis(100)).await;
        let mut routes = routes();
        routes[1].clearance = DataClass::Open;
        gateway.replace_catalogue(Catalogue::new(vec![model("standard", routes)]).unwrap());
    };
    tokio::join!(asking, changing);
    assert!(cloud.requests().is_empty(), "it may not see personal data any more");
}

/// However often the models change: a check that stays the same is neither asked less nor twice.
#[tokio::test]
async fn checks_go_on_through_changes_of_the_catalogue() {
    let well = FakeModel::start().await;
    let pause = Duration::from_millis(200);
    let check = HealthCheck { path: "/health".to_owned(), interval: pause };
    let checked = Route { health_check: Some(check), ..ranked("a", &well, 1) };
    let gateway = gateway(vec![checked.clone()], settings());
    gateway.start_health_checks();
    let began = Instant::now();
    for number in 0..200 {
        let other = model(&format!("m{number}"), vec![ranked("b", &well, 1)]);
        let models = vec![model("standard", vec![checked.clone()]), other];
        gateway.replace_catalogue(Catalogue::new(models).unwrap());
        sleep(Duration::from_millis(5)).await;
    }
    let (asked, most) = (well.requests().len(), began.elapsed().as_millis() / 150 + 1);
    assert!((3..=most as usize).contains(&asked), "{asked} of at most {most}");
}

#[tokio::test]
async fn what_a_check_found_ends_with_the_check() {
    let (ill, spare) = (FakeModel::start().await, FakeModel::start().await);
    ill.always(failing(500));
    let check = HealthCheck { path: "/krank".to_owned(), interval: Duration::from_millis(20) };
    let checked = Route { health_check: Some(check), ..ranked("a", &ill, 1) };
    let spare = ranked("b", &spare, 2);
    let gateway = gateway(vec![checked, spare.clone()], brittle());
    gateway.start_health_checks();
    while state(&gateway, 0) == "ready" {
        sleep(Duration::from_millis(10)).await;
    }
    let unchecked = vec![ranked("a", &ill, 1), spare];
    gateway.replace_catalogue(Catalogue::new(vec![model("standard", unchecked)]).unwrap());
    assert_eq!(state(&gateway, 0), "ready");
}

/// G-7: an answer in which nothing stands is none.
#[tokio::test]
async fn an_empty_answer_goes_to_the_next_route() {
    let (bad, good) = (FakeModel::start().await, FakeModel::start().await);
    let gateway = gateway(vec![ranked("a", &bad, 1), ranked("b", &good, 2)], brittle());
    bad.next(Reply::raw(200, "text/event-stream", ["data: [DONE]\n\n"]));
    assert_eq!(taken(&gateway).await, "b");
    bad.next(Reply::status(200, &json!({"id": "x", "model": "m", "choices": []})));
    let meter = UsageMeter::default();
    let whole = gateway.complete(&request(json!({})), DataClass::Open, &meter).await.unwrap();
    assert_eq!(whole.taken.route, "b");
    assert_eq!(bad.requests().len(), 2);
}
