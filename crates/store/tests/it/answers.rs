//! Kept answers: for a time, within a bound, for one tenant.

use std::time::Duration;

use domain::{Instant, TenantId};
use store::AnswerBounds;

use crate::{on_both_engines, world::World};

on_both_engines!(
    an_answer_is_kept_for_its_time_and_tenant,
    a_newer_answer_takes_the_place_of_an_older_one,
    the_oldest_make_room,
);

const BOUNDS: AnswerBounds = AnswerBounds { lifetime: Duration::from_hours(1), bytes_max: 1_000 };

async fn kept(world: &World, name: &str) -> Option<Vec<u8>> {
    world.store.kept_answer(world.tenant, name, Instant::now()).await.unwrap()
}

async fn an_answer_is_kept_for_its_time_and_tenant(world: World) {
    let sealed = [0, 255, 7];
    world.store.keep_answer(world.tenant, "a", &sealed, BOUNDS).await.unwrap();
    assert_eq!(kept(&world, "a").await, Some(sealed.to_vec()));
    assert_eq!(kept(&world, "b").await, None);
    let later = Instant::now().after(Duration::from_secs(3_601));
    assert_eq!(world.store.kept_answer(world.tenant, "a", later).await.unwrap(), None);
    let foreign = world.store.kept_answer(TenantId::new(), "a", Instant::now()).await.unwrap();
    assert_eq!(foreign, None);

    // What is over goes with the next that comes.
    let over = AnswerBounds { lifetime: Duration::ZERO, ..BOUNDS };
    world.store.keep_answer(world.tenant, "b", &sealed, over).await.unwrap();
    world.store.keep_answer(world.tenant, "c", &sealed, BOUNDS).await.unwrap();
    assert_eq!(world.number("SELECT COUNT(*) AS n FROM answer_cache").await, 2);
}

async fn a_newer_answer_takes_the_place_of_an_older_one(world: World) {
    world.store.keep_answer(world.tenant, "a", b"alt", BOUNDS).await.unwrap();
    world.store.keep_answer(world.tenant, "a", b"neu", BOUNDS).await.unwrap();
    assert_eq!(kept(&world, "a").await, Some(b"neu".to_vec()));
}

async fn the_oldest_make_room(world: World) {
    for name in ["a", "b", "c", "d"] {
        world.store.keep_answer(world.tenant, name, &[7; 400], BOUNDS).await.unwrap();
    }
    let mut left = Vec::new();
    for name in ["a", "b", "c", "d"] {
        left.extend(kept(&world, name).await.map(|_| name));
    }
    assert_eq!(left, ["c", "d"]);
}
