//! A PostgreSQL that is slow, stopped, or behind a network that was pulled.

use std::time::{Duration, Instant};

use store::Location;
use testkit::postgres;

use super::{
    COST, PASSWORD, Vitals, ask, charged, model, open_store,
    proxy::{Proxy, Wire},
    recovered, report, scaled,
    upstream::{Mode, Upstream},
};
use crate::process::{Caller, Installation};

/// An installation on PostgreSQL behind a wire, with one good model.
struct Scene {
    upstream: Upstream,
    forbidden: Upstream,
    proxy: Proxy,
    /// Past the wire.
    database: String,
    installation: Installation,
    key: String,
}

impl Scene {
    async fn set() -> Self {
        let upstream = Upstream::start().await;
        let forbidden = Upstream::start().await;
        let database = postgres::server().create_database();
        let (proxy, through) = Proxy::to(&database).await;
        let config = model("haus", &upstream.base_url(), &forbidden.base_url());
        let installation = Installation::on(&through).configured(&config);
        let key = installation.person("ada", PASSWORD);
        Self { upstream, forbidden, proxy, database, installation, key }
    }
}

/// What callers with a known key have met.
#[derive(Default)]
struct Met {
    good: u64,
    refused: Vec<String>,
    longest: Duration,
}

/// Asks again and again until the time is over.
async fn keep_asking(caller: &Caller, until: Instant) -> Met {
    let mut met = Met::default();
    let mut stream = false;
    while Instant::now() < until {
        stream = !stream;
        let answered = ask(caller, "haus", stream).await;
        met.longest = met.longest.max(answered.took);
        if answered.is_complete(stream) {
            met.good += 1;
        } else {
            met.refused.push(answered.told());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    met
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn drill_a_slow_database() {
    let scene = Scene::set().await;
    let running = scene.installation.serve("all");
    let caller = running.caller(&scene.key);
    let store = open_store(&Location::Postgres(scene.database.clone())).await;
    assert!(ask(&caller, "haus", false).await.is_complete(false));
    let before = Vitals::of(&running);
    let delay = scaled(Duration::from_millis(100), Duration::from_secs(1));
    scene.proxy.set(Wire::Slow(delay));
    let until = Instant::now() + scaled(Duration::from_secs(4), Duration::from_secs(60));
    let met = keep_asking(&caller, until).await;
    assert!(met.refused.is_empty(), "{:?}", met.refused);
    // At most for the exchange of limits that is under way, for its own, and for its key.
    assert!(met.longest < Duration::from_secs(3) + 12 * delay, "{:?}", met.longest);
    scene.proxy.set(Wire::Open);
    let total = charged(&store, met.good + 1).await;
    assert_eq!(total.cost_nano_euro, total.calls * COST);
    let kept = recovered(&running, &caller, before).await;
    assert_eq!(scene.forbidden.seen(), 0);
    report(
        &format!("database answers {} ms later", delay.as_millis()),
        "all requests answered and charged once",
        &format!("{} answered, at most {:.1} s; {kept}", met.good, met.longest.as_secs_f64()),
    );
}

/// The database goes away in one way or another, and comes back.
async fn away(wire: Wire, what: &str) {
    let scene = Scene::set().await;
    let running = scene.installation.serve("all");
    let caller = running.caller(&scene.key);
    // Somebody whose key nobody has asked for yet.
    let stranger = running.caller(&scene.installation.person("bob", PASSWORD));
    let store = open_store(&Location::Postgres(scene.database.clone())).await;
    assert!(ask(&caller, "haus", false).await.is_complete(false));
    let before = Vitals::of(&running);
    // A stream that runs all the while.
    let gone = scaled(Duration::from_secs(6), Duration::from_secs(30));
    let pause = Duration::from_millis(500);
    let pieces = 2 * (gone.as_secs() as usize).min(7);
    scene.upstream.set(Mode::Slow { pieces, pause });
    let streaming = {
        let caller = caller.clone();
        tokio::spawn(async move { ask(&caller, "haus", true).await })
    };
    tokio::time::sleep(Duration::from_millis(700)).await;
    scene.upstream.set(Mode::Good);

    scene.proxy.set(wire);
    let begun = Instant::now();
    let (met, unknown, unready) = tokio::join!(
        keep_asking(&caller, begun + gone),
        async { ask(&stranger, "haus", false).await },
        async {
            let asked = Instant::now();
            let (status, _) = caller.get("/readyz").await;
            (status, asked.elapsed())
        },
    );
    let streamed = streaming.await.unwrap();
    scene.proxy.set(Wire::Open);

    assert!(streamed.is_complete(true), "the running stream broke: {streamed:?}");
    assert!(
        met.refused.is_empty(),
        "known callers were refused: {:?}\n{}",
        met.refused,
        scene.installation.log()
    );
    assert!(met.longest < Duration::from_secs(8), "callers waited {:?}", met.longest);
    assert_eq!(unknown.status, 503, "{unknown:?}");
    assert!(unknown.took < Duration::from_secs(8), "{unknown:?}");
    assert_eq!(unready.0, 503);
    assert!(unready.1 < Duration::from_secs(8), "readiness took {:?}", unready.1);
    // Nothing that was answered is lost, and nothing is counted twice.
    let total = charged(&store, met.good + 2).await;
    assert_eq!(total.cost_nano_euro, total.calls * COST);
    let back = Instant::now();
    while caller.get("/readyz").await.0 != 200 {
        assert!(back.elapsed() < Duration::from_secs(30), "it does not become ready again");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(ask(&stranger, "haus", false).await.is_complete(false));
    let kept = recovered(&running, &caller, before).await;
    assert_eq!(scene.forbidden.seen(), 0);
    drop(running);
    scene.installation.verify_audit();
    report(
        &format!("database {what} for {} s", gone.as_secs()),
        "known keys go on, unknown ones 503 at once, streams go on, not ready; all charged once afterwards",
        &format!(
            "{} answered, at most {:.1} s; unknown key {} after {:.1} s; {} calls charged; {kept}",
            met.good,
            met.longest.as_secs_f64(),
            unknown.told(),
            unknown.took.as_secs_f64(),
            total.calls
        ),
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn drill_a_database_that_is_stopped() {
    away(Wire::Cut, "stopped").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn drill_a_database_that_says_nothing() {
    away(Wire::Silent, "silent").await;
}
