//! Model servers that refuse, hang, break off and talk nonsense, all at once behind one process.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use futures_util::future::join_all;

use super::{
    Answered, COST, PASSWORD, Vitals, ask, charged, embedded, model, open_store, recovered, report,
    scaled,
    upstream::{Mode, Upstream},
};
use crate::process::{Caller, Installation};

/// No caller waits longer, whatever a model does: its total time, the line, and a slow machine.
const LONGEST: Duration = Duration::from_secs(20);
/// How long a model may stay out of service once it does well again: its breaker's pause.
const BACK: Duration = Duration::from_secs(45);

/// A model that fails in one way.
struct Failing {
    name: &'static str,
    what: &'static str,
    /// `None`: nobody listens.
    mode: Option<Mode>,
    upstream: Upstream,
}

/// What a model's callers have met.
#[derive(Default)]
struct Met {
    /// Requests that got a whole answer.
    good: u64,
    told: BTreeSet<String>,
    longest: Duration,
}

impl Met {
    fn see(&mut self, answered: &Answered, stream: bool) {
        self.longest = self.longest.max(answered.took);
        if answered.is_complete(stream) {
            self.good += 1;
        } else {
            self.told.insert(answered.told());
        }
    }
}

async fn failing() -> Vec<Failing> {
    let long_line = Mode::LongLine(100 << 20);
    let cases = [
        ("refuses", "refuses connections", None),
        ("hangs", "hangs before the first byte", Some(Mode::HangBeforeFirstByte)),
        ("stalls", "hangs in mid-answer", Some(Mode::HangMidStream)),
        ("garbage", "sends garbage", Some(Mode::Garbage)),
        ("half", "ends within a UTF-8 character", Some(Mode::HalfCharacter)),
        ("line", "sends a line of 100 MB", Some(long_line)),
        ("page", "sends a page of HTML", Some(Mode::WrongType)),
        ("closes", "closes before the end", Some(Mode::ClosesEarly)),
        ("busy", "answers 429", Some(Mode::TooMany)),
    ];
    let mut all = Vec::new();
    for (name, what, mode) in cases {
        all.push(Failing { name, what, mode, upstream: Upstream::start().await });
    }
    all
}

/// Lets callers come in waves while the model fails: nobody may get what looks like an answer.
async fn suffer(caller: &Caller, one: &mut Failing) -> Met {
    match one.mode {
        Some(mode) => one.upstream.set(mode),
        None => one.upstream.down(),
    }
    let mut met = Met::default();
    let until = Instant::now() + scaled(Duration::from_secs(2), Duration::from_secs(60));
    loop {
        let wave = (0..scaled(4, 16)).map(|n| async move { (n % 2 == 0, n) });
        let asked = wave.map(|kind| async {
            let (stream, _) = kind.await;
            (stream, ask(caller, one.name, stream).await)
        });
        for (stream, answered) in join_all(asked).await {
            met.see(&answered, stream);
            assert!(answered.took < LONGEST, "{}: {answered:?}", one.what);
            let is_told = answered.status >= 400 || answered.text.contains("\"error\"");
            assert!(is_told, "{}: nobody said that it failed: {answered:?}", one.what);
        }
        if Instant::now() > until {
            break;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert_eq!(met.good, 0, "{}: what failed looks like an answer", one.what);
    match one.mode {
        Some(_) => one.upstream.set(Mode::Good),
        None => one.upstream.up(),
    }
    met
}

/// Asks until the model answers again.
async fn come_back(caller: &Caller, name: &str) -> Duration {
    let begun = Instant::now();
    while !ask(caller, name, true).await.is_complete(true) {
        assert!(begun.elapsed() < BACK, "{name} does not come back");
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    begun.elapsed()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn drill_models_that_fail() {
    let mut all = failing().await;
    let forbidden = Upstream::start().await;
    let models =
        all.iter().map(|one| model(one.name, &one.upstream.base_url(), &forbidden.base_url()));
    let installation = Installation::new()
        .configured(&models.collect::<String>())
        .with("FACHWERK_LIMITS_HEADER_SECONDS", "5");
    let key = installation.person("ada", PASSWORD);
    let running = installation.serve("all");
    let caller = running.caller(&key);
    let store = open_store(&embedded(&installation)).await;
    for one in &all {
        assert!(ask(&caller, one.name, false).await.is_complete(false), "{}", one.name);
        assert!(ask(&caller, one.name, true).await.is_complete(true), "{}", one.name);
    }
    let before_calls = 2 * all.len() as u64;
    let usage = charged(&store, before_calls).await;
    assert_eq!(usage.cost_nano_euro, before_calls * COST);
    let before = Vitals::of(&running);

    let suffered = join_all(all.iter_mut().map(|one| suffer(&caller, one))).await;
    let back = join_all(all.iter().map(|one| come_back(&caller, one.name))).await;
    let kept = recovered(&running, &caller, before).await;
    // Nobody was sent where the data must not go, although there it would have been answered.
    assert_eq!(forbidden.seen(), 0);
    for ((one, met), back) in all.iter().zip(&suffered).zip(&back) {
        let told: Vec<&str> = met.told.iter().map(String::as_str).collect();
        let seen = format!(
            "{}; at most {:.1} s; back after {:.1} s",
            told.join(", "),
            met.longest.as_secs_f64(),
            back.as_secs_f64()
        );
        report(
            &format!("model {}", one.what),
            "told to everybody, never an answer, never the forbidden route",
            &seen,
        );
    }
    report("all of these together", "nothing held, nothing leaked", &kept);
    // Good answers afterwards are charged once each, whatever was before and has been settled.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let total = super::used(&store).await;
    let name = all[0].name;
    for _ in 0..3 {
        assert!(ask(&caller, name, false).await.is_complete(false));
    }
    tokio::time::sleep(Duration::from_secs(3)).await;
    let later = super::used(&store).await;
    assert_eq!(later.calls - total.calls, 3, "{total:?} {later:?}");
    assert_eq!(later.cost_nano_euro - total.cost_nano_euro, 3 * COST);
    drop(running);
    installation.verify_audit();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn drill_a_model_that_flaps() {
    let mut upstream = Upstream::start().await;
    let forbidden = Upstream::start().await;
    let config = model("haus", &upstream.base_url(), &forbidden.base_url());
    let installation = Installation::new().configured(&config);
    let key = installation.person("ada", PASSWORD);
    let running = installation.serve("all");
    let caller = running.caller(&key);
    let store = open_store(&embedded(&installation)).await;
    assert!(ask(&caller, "haus", false).await.is_complete(false));
    let before = Vitals::of(&running);
    let until = Instant::now() + scaled(Duration::from_secs(6), Duration::from_secs(60));
    let asking = async {
        let mut met = Met::default();
        while Instant::now() < until {
            for (stream, answered) in join_all([true, false].map(|stream| {
                let caller = &caller;
                async move { (stream, ask(caller, "haus", stream).await) }
            }))
            .await
            {
                met.see(&answered, stream);
                let is_told = answered.status >= 400 || answered.text.contains("\"error\"");
                assert!(is_told || answered.is_complete(stream), "{answered:?}");
                assert!(answered.took < LONGEST, "{answered:?}");
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        met
    };
    let flapping = async {
        while Instant::now() < until {
            tokio::time::sleep(Duration::from_secs(1)).await;
            upstream.down();
            tokio::time::sleep(Duration::from_secs(1)).await;
            upstream.up();
        }
    };
    let (met, ()) = tokio::join!(asking, flapping);
    let back = come_back(&caller, "haus").await;
    let kept = recovered(&running, &caller, before).await;
    assert_eq!(forbidden.seen(), 0);
    assert!(met.good > 0, "nobody was answered between the failures");
    // Each whole answer is charged once; what failed on the way may be noted without a price.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let cost = super::used(&store).await.cost_nano_euro;
    assert_eq!(cost % COST, 0);
    assert!(cost >= (met.good + 2) * COST, "{cost} for {} answers", met.good + 2);
    report(
        "model flaps each second",
        "answers in between; told otherwise; charged once",
        &format!(
            "{} answered, {} told; back after {:.1} s; {kept}",
            met.good,
            met.told.into_iter().collect::<Vec<_>>().join(", "),
            back.as_secs_f64()
        ),
    );
}
