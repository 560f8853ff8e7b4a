//! Jobs: fair, leased, tried again with growing delay, ended, and woken for.

use std::{collections::HashSet, time::Duration};

use domain::JobId;
use serde_json::json;
use store::{ATTEMPTS_MAX, AfterFailure, Job, JobCounts, NewJob, Retry, Store};

use crate::world::World;

crate::on_both_engines! {
    whoever_has_fewest_running_goes_first,
    a_job_is_held_by_one,
    a_lease_that_ends_lets_the_next_one_in,
    failures_are_tried_again_and_end,
    a_job_that_kills_its_workers_ends,
    a_returned_attempt_does_not_count,
    after_a_restart_nobody_waits_for_the_dead,
    the_bell_rings,
}

const LEASE: Duration = Duration::from_secs(60);
const KIND: &str = "ingest_document";

fn new(world: &World, owner: Option<domain::UserId>, n: usize) -> NewJob {
    NewJob { tenant: world.tenant, owner, kind: KIND, payload: json!({ "n": n }) }
}

async fn claim(store: &Store) -> Option<Job> {
    store.claim_job(&[KIND, "purge_index"], "i", LEASE).await.unwrap()
}

/// Lets the delay of a job that waits for another attempt pass.
async fn let_delays_pass(world: &World) {
    world.tamper("UPDATE job SET run_after = 0").await.unwrap();
}

async fn whoever_has_fewest_running_goes_first(world: World) {
    let (a, b) = (world.person("a", &[]).await.user, world.person("b", &[]).await.user);
    for n in 0..4 {
        world.store.enqueue_job(&new(&world, Some(a), n)).await.unwrap();
    }
    world.store.enqueue_job(&new(&world, Some(b), 4)).await.unwrap();
    world.store.enqueue_job(&new(&world, None, 5)).await.unwrap();
    let mut order = Vec::new();
    while let Some(job) = claim(&world.store).await {
        order.push(job.payload["n"].as_u64().unwrap());
    }
    assert_eq!(order, [0, 4, 5, 1, 2, 3], "a's hundred uploads do not hold b up");
    assert_eq!(
        world.store.job_counts().await.unwrap(),
        JobCounts { waiting: 0, running: 6, failed: 0 }
    );
    assert!(world.store.claim_job(&["other"], "i", LEASE).await.unwrap().is_none());
    assert!(world.store.claim_job(&[], "i", LEASE).await.unwrap().is_none());
}

async fn a_job_is_held_by_one(world: World) {
    let owner = world.person("a", &[]).await.user;
    for n in 0..30 {
        world.store.enqueue_job(&new(&world, Some(owner), n)).await.unwrap();
    }
    let other = world.other().await;
    let work = |store: Store| async move {
        let mut mine: Vec<JobId> = Vec::new();
        while let Some(job) = claim(&store).await {
            assert!(store.complete_job(&job).await.unwrap());
            mine.push(job.id);
        }
        mine
    };
    let (a, b, c) =
        tokio::join!(work(world.store.clone()), work(other.clone()), work(other.clone()));
    let all: Vec<JobId> = [a, b, c].concat();
    assert_eq!(all.len(), 30);
    assert_eq!(all.iter().collect::<HashSet<_>>().len(), 30);
    assert_eq!(world.store.job_counts().await.unwrap(), JobCounts::default());
}

async fn a_lease_that_ends_lets_the_next_one_in(world: World) {
    let store = &world.store;
    store.enqueue_job(&new(&world, None, 0)).await.unwrap();
    let slow = store.claim_job(&[KIND], "slow", Duration::from_millis(200)).await.unwrap().unwrap();
    assert!(claim(store).await.is_none());
    assert!(store.heartbeat_job(&slow, "slow", Duration::from_millis(1)).await.unwrap());
    tokio::time::sleep(Duration::from_millis(20)).await;
    let taken = claim(store).await.unwrap();
    assert_eq!((taken.id, taken.attempt), (slow.id, 2));
    // The slow one is back and must not disturb.
    assert!(!store.heartbeat_job(&slow, "slow", LEASE).await.unwrap());
    assert!(!store.complete_job(&slow).await.unwrap());
    assert_eq!(store.fail_job(&slow, "x", Retry::Later).await.unwrap(), AfterFailure::Lost);
    store.return_job(&slow).await.unwrap();
    assert!(store.complete_job(&taken).await.unwrap());
}

async fn failures_are_tried_again_and_end(world: World) {
    let store = &world.store;
    store.enqueue_job(&new(&world, None, 0)).await.unwrap();
    let mut waits = Vec::new();
    for attempt in 1..=ATTEMPTS_MAX {
        let job = claim(store).await.unwrap();
        assert_eq!((job.attempt, job.exhausted), (attempt, false));
        let now = domain::Instant::now();
        match store.fail_job(&job, "timed_out", Retry::Later).await.unwrap() {
            AfterFailure::Again(at) => waits.push(at.since(now).as_secs_f64().round() as u64),
            other => assert_eq!((other, attempt), (AfterFailure::Ended, ATTEMPTS_MAX)),
        }
        assert!(claim(store).await.is_none(), "not before the delay has passed");
        let_delays_pass(&world).await;
    }
    assert_eq!(waits, [5, 20, 80, 320]);
    assert!(claim(store).await.is_none());
    assert_eq!(store.job_counts().await.unwrap().failed, 1);
    store.enqueue_job(&new(&world, None, 1)).await.unwrap();
    let job = claim(store).await.unwrap();
    let ended = store.fail_job(&job, "encrypted", Retry::Never).await.unwrap();
    assert_eq!(ended, AfterFailure::Ended);
    assert_eq!(store.job_counts().await.unwrap().failed, 2);
}

async fn a_job_that_kills_its_workers_ends(world: World) {
    let store = &world.store;
    store.enqueue_job(&new(&world, None, 0)).await.unwrap();
    for _ in 0..ATTEMPTS_MAX {
        assert!(!claim(store).await.unwrap().exhausted);
        world.tamper("UPDATE job SET lease_until = 0").await.unwrap();
    }
    let job = claim(store).await.unwrap();
    assert!(job.exhausted);
    assert_eq!(store.fail_job(&job, "crashed", Retry::Later).await.unwrap(), AfterFailure::Ended);
}

async fn a_returned_attempt_does_not_count(world: World) {
    let store = &world.store;
    store.enqueue_job(&new(&world, None, 0)).await.unwrap();
    for _ in 0..10 {
        let job = claim(store).await.unwrap();
        assert_eq!(job.attempt, 1);
        store.return_job(&job).await.unwrap();
    }
}

async fn after_a_restart_nobody_waits_for_the_dead(world: World) {
    let store = &world.store;
    store.enqueue_job(&new(&world, None, 0)).await.unwrap();
    store.claim_job(&[KIND], "dead", LEASE).await.unwrap().unwrap();
    assert!(claim(store).await.is_none());
    assert_eq!(store.release_jobs_of_others("i").await.unwrap(), 1);
    assert_eq!(claim(store).await.unwrap().attempt, 2);
    assert_eq!(store.release_jobs_of_others("i").await.unwrap(), 0);
}

async fn the_bell_rings(world: World) {
    let mut bell = world.store.job_bell();
    // Before the wait begins: must not be missed.
    world.store.enqueue_job(&new(&world, None, 0)).await.unwrap();
    let begun = std::time::Instant::now();
    bell.wait().await;
    let store = world.store.clone();
    let job = new(&world, None, 1);
    tokio::join!(bell.wait(), async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        store.enqueue_job(&job).await.unwrap();
    });
    assert!(begun.elapsed() < Duration::from_millis(1_500), "{:?}", begun.elapsed());
}
