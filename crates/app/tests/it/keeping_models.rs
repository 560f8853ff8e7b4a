//! What administrators say about models, in several processes on one database.

use std::time::{Duration, Instant};

use app::{App, ModelAccessEntry};
use domain::{ErrorKind, Place, Role};
use store::Audience;

use crate::world::World;

/// How long another process may take to follow.
const SECONDS: Duration = Duration::from_secs(20);

fn names(app: &App, who: &app::Principal) -> Vec<String> {
    app.list_models(who, None).unwrap().into_iter().map(|model| model.name).collect()
}

async fn until(what: impl Fn() -> bool) {
    let began = Instant::now();
    while !what() {
        assert!(began.elapsed() < SECONDS, "it never came to be");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// G-4, G-10: who changes it knows it at once, every other process within seconds.
#[tokio::test]
async fn another_process_follows_what_a_tenant_decides() {
    let world = World::new().await;
    let chef = world.person("chef", Role::Admin, vec![]).await;
    let ada = world.member("ada").await;
    let second = world.restart().await;
    second.load_catalogue().await.unwrap();
    for process in [world.app.clone(), second.clone()] {
        world.tasks.spawn(async move { process.keep_catalogue().await });
    }
    let has = |app: &App, name: &str| names(app, &ada).iter().any(|other| other == name);
    assert!(has(&second, "gross") && has(&second, "beide"));

    world.app.update_place_policy(&chef, vec![Place::Own], 0).await.unwrap();
    assert!(!has(&world.app, "gross") && has(&world.app, "beide"));
    until(|| !has(&second, "gross")).await;

    let audience = Some(Audience { roles: vec![Role::Admin], units: vec![] });
    let entry = ModelAccessEntry { model: "beide".to_owned(), audience, version: 0 };
    second.update_model_access(&chef, entry).await.unwrap();
    assert!(!has(&second, "beide"));
    until(|| !has(&world.app, "beide")).await;
    assert!(names(&world.app, &chef).contains(&"beide".to_owned()));
    let refused = world.app.update_place_policy(&ada, vec![Place::Own], 1).await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Forbidden);
    second.stop(Duration::ZERO).await;
}
