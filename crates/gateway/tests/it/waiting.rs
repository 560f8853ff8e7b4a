//! Callers in line for a place.

use std::{sync::Arc, time::Duration};

use domain::{DataClass, ErrorKind};
use gateway::{
    Caller, Catalogue, Gateway, GatewayError, Model, QueueLimits, Route, Share, Terms, UsageMeter,
};
use testkit::fake_model::{FakeModel, Reply};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

use crate::setup::{ask, client, listen, model, route, settings};

fn caller(id: u128) -> Terms {
    let person = Share { id, weight: 1 };
    Terms { caller: Caller { person, ..Caller::default() }, ..Terms::from(DataClass::Open) }
}

/// One place, and a line before it.
fn narrow(fake: &FakeModel, length_max: usize, wait_max: Duration) -> Gateway {
    let queue = QueueLimits { length_max, wait_max };
    let routes = vec![Route { concurrent_max: 1, ..route("a", &fake.base_url()) }];
    let model = Model { queue, ..model("standard", routes) };
    Gateway::new(client(), Catalogue::new(vec![model]).unwrap(), settings())
}

async fn until_waiting(gateway: &Gateway, count: usize) {
    while gateway.status().models[0].queued < count {
        sleep(Duration::from_millis(1)).await;
    }
}

/// Asks and listens to the end, then says who it was.
fn start(
    calls: &mut JoinSet<(u128, Result<(), GatewayError>)>,
    gateway: &Gateway,
    id: u128,
    question: &str,
) {
    let (gateway, asked) = (gateway.clone(), ask(question));
    calls.spawn(async move {
        let meter = UsageMeter::default();
        let opened = gateway.chat(&asked, caller(id), &meter).await;
        let heard = async |mut stream| drop(listen(&mut stream).await);
        match opened {
            Ok(stream) => {
                heard(stream).await;
                (id, Ok(()))
            }
            Err(error) => (id, Err(error)),
        }
    });
}

#[tokio::test]
async fn a_place_that_becomes_free_goes_to_who_waits() {
    let fake = FakeModel::start().await;
    fake.next(Reply::pieces(["lang"]).then_hang());
    let gateway = narrow(&fake, 10, Duration::from_secs(10));
    let (asked, meter) = (ask("x"), UsageMeter::default());
    let held = gateway.chat(&asked, caller(1), &meter).await.unwrap();
    let mut calls = JoinSet::new();
    start(&mut calls, &gateway, 2, "x");
    until_waiting(&gateway, 1).await;
    drop(held);
    let (_, outcome) = calls.join_next().await.unwrap().unwrap();
    outcome.unwrap();
    assert_eq!(gateway.status().models[0].queued, 0);
}

/// G-9: turns go by caller, not by call.
#[tokio::test]
async fn a_noisy_neighbour_does_not_hold_up_others() {
    let fake = FakeModel::start().await;
    fake.next(Reply::pieces(["lang"]).then_hang());
    let gateway = narrow(&fake, 50, Duration::from_secs(20));
    let (asked, meter) = (ask("x"), UsageMeter::default());
    let held = gateway.chat(&asked, caller(1), &meter).await.unwrap();
    let mut calls = JoinSet::new();
    for count in 1..=20 {
        start(&mut calls, &gateway, 1, &"Wort ".repeat(4_000));
        until_waiting(&gateway, count).await;
    }
    start(&mut calls, &gateway, 2, "x");
    until_waiting(&gateway, 21).await;
    let started = Instant::now();
    drop(held);
    let mut order = Vec::new();
    while let Some(ended) = calls.join_next().await {
        let (id, outcome) = ended.unwrap();
        outcome.unwrap();
        order.push(id);
    }
    let place = order.iter().position(|id| *id == 2).unwrap();
    assert_eq!(order.len(), 21);
    // Handed on at once: 21 looks a quarter of a second apart would take longer.
    assert!(started.elapsed() < Duration::from_secs(4));
    assert!(place <= 1, "{order:?}");
}

#[tokio::test]
async fn the_wait_is_bounded_and_its_end_says_when_to_come_back() {
    let fake = FakeModel::start().await;
    fake.always(Reply::pieces(["lang"]).then_hang());
    let wait_max = Duration::from_millis(400);
    let gateway = narrow(&fake, 10, wait_max);
    let (asked, meter) = (ask("x"), UsageMeter::default());
    let _held = gateway.chat(&asked, caller(1), &meter).await.unwrap();
    let started = Instant::now();
    let error = gateway.chat(&asked, caller(2), &meter).await.unwrap_err();
    assert!(started.elapsed() >= wait_max && started.elapsed() < wait_max * 5);
    assert_eq!(error.kind(), ErrorKind::Overloaded);
    assert!(error.retry_after().is_some());
    // The caller's own time counts too.
    let deadline = Some(Instant::now() + Duration::from_millis(20));
    let hurried = Terms { deadline, ..caller(2) };
    let started = Instant::now();
    gateway.chat(&asked, hurried, &meter).await.unwrap_err();
    assert!(started.elapsed() < wait_max);
    assert_eq!(gateway.status().models[0].queued, 0);
}

/// Those who leave together come back together, and find no line before them.
#[tokio::test]
async fn who_gives_up_is_not_told_to_wait_for_others_who_do() {
    let fake = FakeModel::start().await;
    fake.always(Reply::pieces(["lang"]).then_hang());
    let gateway = narrow(&fake, 10, Duration::from_millis(1_200));
    let (asked, meter) = (ask("x"), UsageMeter::default());
    let held = gateway.chat(&asked, caller(1), &meter).await.unwrap();
    let mut calls = JoinSet::new();
    (2..=6).for_each(|id| start(&mut calls, &gateway, id, "x"));
    until_waiting(&gateway, 5).await;
    sleep(Duration::from_millis(600)).await;
    drop(held);
    for _ in 0..4 {
        let (_, outcome) = calls.join_next().await.unwrap().unwrap();
        let after = outcome.unwrap_err().retry_after().unwrap();
        // One place in 1.2 seconds; the line of four would be said to take five times as long.
        assert!(after < Duration::from_millis(2_000), "{after:?}");
    }
}

#[tokio::test]
async fn in_a_full_line_whoever_has_the_most_gives_way() {
    let fake = FakeModel::start().await;
    fake.next(Reply::pieces(["lang"]).then_hang());
    let gateway = narrow(&fake, 3, Duration::from_secs(10));
    let (asked, meter) = (ask("x"), UsageMeter::default());
    let held = gateway.chat(&asked, caller(1), &meter).await.unwrap();
    let mut calls = JoinSet::new();
    for count in 1..=3 {
        start(&mut calls, &gateway, 1, "x");
        until_waiting(&gateway, count).await;
    }
    // Alone in a full line: the model is overloaded, whoever comes.
    let error = gateway.chat(&asked, caller(1), &meter).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Overloaded);
    // Somebody else takes the place of the last of those three.
    start(&mut calls, &gateway, 2, "x");
    let (id, outcome) = calls.join_next().await.unwrap().unwrap();
    let error = outcome.unwrap_err();
    assert_eq!((id, error.kind()), (1, ErrorKind::RateLimited));
    assert!(error.retry_after().is_some());
    // And the first is told that it is its own doing.
    let error = gateway.chat(&asked, caller(1), &meter).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RateLimited);
    drop(held);
    while let Some(ended) = calls.join_next().await {
        ended.unwrap().1.unwrap();
    }
}

#[tokio::test]
async fn who_leaves_the_line_leaves_nothing_behind() {
    let fake = FakeModel::start().await;
    fake.next(Reply::pieces(["lang"]).then_hang());
    let gateway = narrow(&fake, 100, Duration::from_secs(10));
    let (asked, meter) = (ask("x"), UsageMeter::default());
    let held = gateway.chat(&asked, caller(1), &meter).await.unwrap();
    let mut calls = JoinSet::new();
    for id in 0..50 {
        start(&mut calls, &gateway, id, "x");
    }
    until_waiting(&gateway, 50).await;
    calls.shutdown().await;
    assert_eq!(gateway.status().models[0].queued, 0);
    drop(held);
    let gateway = Arc::new(gateway);
    gateway.chat(&asked, caller(7), &meter).await.unwrap();
    assert_eq!(gateway.status().models[0].routes[0].in_flight, 0);
}

/// The line before the own data centre does not hold up those who may go to the cloud, not even when
/// it is full. G-6.
#[tokio::test]
async fn who_may_go_elsewhere_does_not_stand_in_line() {
    let (own, cloud) = (FakeModel::start().await, FakeModel::start().await);
    own.always(Reply::pieces(["lang"]).then_hang());
    let routes = vec![
        Route { concurrent_max: 1, ..route("eigen", &own.base_url()) },
        Route { rank: 2, clearance: DataClass::Open, ..route("wolke", &cloud.base_url()) },
    ];
    let queue = QueueLimits { length_max: 2, wait_max: Duration::from_secs(20) };
    let model = Model { queue, ..model("standard", routes) };
    let gateway = Gateway::new(client(), Catalogue::new(vec![model]).unwrap(), settings());
    let (asked, meter) = (ask("x"), UsageMeter::default());
    let _held = gateway.chat(&asked, DataClass::Personal, &meter).await.unwrap();
    let mut waiting = JoinSet::new();
    for count in 1..=2 {
        let (clone, again) = (gateway.clone(), asked.clone());
        waiting.spawn(async move {
            let meter = UsageMeter::default();
            drop(clone.chat(&again, DataClass::Personal, &meter).await);
        });
        until_waiting(&gateway, count).await;
        let stream = gateway.chat(&asked, DataClass::Open, &meter).await.unwrap();
        assert_eq!(stream.taken().route, "wolke");
    }
    let refused = gateway.chat(&asked, DataClass::Personal, &meter).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Overloaded);
    assert_eq!(cloud.requests().len(), 2);
}
