//! What administrators say about models, in several processes on one database.

use std::time::{Duration, Instant};

use app::{App, ModelAccessEntry};
use domain::{ErrorKind, LimitScope, Place, Role, UsageLimit};
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

/// What is open to a unit is open to one that is made below it, and a limit of the one binds the other: at
/// once where it was made, in every other process within seconds.
#[tokio::test]
async fn a_new_unit_has_the_rights_and_limits_of_the_one_above() {
    let world = World::new().await;
    let chef = world.person("chef", Role::Admin, vec![]).await;
    let top = world.app.create_unit(&chef, "Amt", None).await.unwrap().id;
    let audience = Some(Audience { roles: vec![], units: vec![top] });
    let entry = ModelAccessEntry { model: "beide".to_owned(), audience, version: 0 };
    world.app.update_model_access(&chef, entry).await.unwrap();
    let few = UsageLimit { requests_per_minute: Some(3), ..UsageLimit::default() };
    world.app.put_limit(&chef, LimitScope::Unit(top), few).await.unwrap();
    let second = world.restart().await;
    second.load_catalogue().await.unwrap();
    second.load_limits().await.unwrap();
    let process = second.clone();
    world.tasks.spawn(async move { process.keep_catalogue().await });

    let mut above = top;
    for name in ["ada", "bert"] {
        let unit = world.app.create_unit(&chef, name, Some(above)).await.unwrap().id;
        above = unit;
        let member = world.person(name, Role::Member, vec![unit]).await;
        let left = |app: &App| Some(app.get_allowance(&member, "beide")?.requests?.limit);
        let may = |app: &App| names(app, &member).contains(&"beide".to_owned());
        assert_eq!((may(&world.app), left(&world.app)), (true, Some(3)), "{name}");
        until(|| may(&second) && left(&second) == Some(3)).await;
    }
    let beside = world.app.create_unit(&chef, "Nebenan", None).await.unwrap().id;
    let carl = world.person("carl", Role::Member, vec![beside]).await;
    assert!(!names(&world.app, &carl).contains(&"beide".to_owned()));
    assert!(world.app.get_allowance(&carl, "beide").and_then(|all| all.requests).is_none());
    second.stop(Duration::ZERO).await;
}
