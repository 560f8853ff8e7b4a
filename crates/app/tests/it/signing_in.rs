//! Set-up, sign-in, keys.

use app::{KeyRequest, NewPerson};
use std::time::Duration;

use domain::{ErrorKind, Role, Scope};
use store::{By, Store, UserChange};

use crate::world::{PASSWORD, World};

fn key_request() -> KeyRequest {
    KeyRequest {
        data_class: None,
        name: "k".to_owned(),
        scopes: Scope::ALL.to_vec(),
        expires_at: None,
        models: None,
    }
}

fn first_admin() -> NewPerson {
    NewPerson {
        name: "Erika Muster".to_owned(),
        email: "Erika@Amt.example".to_owned(),
        password: PASSWORD.to_owned(),
        role: Role::Member,
        units: vec![],
    }
}

#[tokio::test]
async fn a_setup_link_works_once_and_makes_an_administrator() {
    let world = World::new().await;
    assert!(world.app.get_setup().await.unwrap());
    let stale = world.app.issue_setup_token().await.unwrap();
    let token = world.app.issue_setup_token().await.unwrap();
    let refused = world.app.create_setup(stale.reveal(), first_admin(), "").await;
    assert_eq!(refused.err().unwrap().code, "setup_link_invalid");

    let signed_in = world.app.create_setup(token.reveal(), first_admin(), "Firefox").await.unwrap();
    assert_eq!(signed_in.principal.role, Role::Admin);
    assert!(!world.app.get_setup().await.unwrap());
    let again = world.app.create_setup(token.reveal(), first_admin(), "").await.err().unwrap();
    assert_ne!(again.kind, ErrorKind::Internal);

    let who = world.app.principal_by_session(signed_in.token.reveal()).await.unwrap();
    world.app.delete_session(&who).await.unwrap();
    let gone = world.app.principal_by_session(signed_in.token.reveal()).await.err().unwrap();
    assert_eq!(gone.kind, ErrorKind::Unauthenticated);
}

#[tokio::test]
async fn guessing_is_slowed_down_for_known_and_unknown_accounts_alike() {
    let world = World::new().await;
    world.member("anna").await;
    for email in ["anna@amt.example", "niemand@amt.example"] {
        let mut codes = vec![];
        for _ in 0..7 {
            let wrong = "falsch geraten war es".to_owned();
            let error = world.app.create_session(email, wrong, None, "").await.err().unwrap();
            codes.push(error.code);
        }
        assert_eq!(codes[..5], ["login_failed"; 5], "{email}");
        assert_eq!(codes[5..], ["login_throttled"; 2], "{email}");
    }
    let right = PASSWORD.to_owned();
    let error = world.app.create_session("anna@amt.example", right, None, "").await.err().unwrap();
    assert_eq!(error.kind, ErrorKind::RateLimited);
    assert!(error.retry_after.is_some());
}

#[tokio::test]
async fn guesses_at_the_same_moment_do_not_slip_past_the_brake() {
    let world = World::new().await;
    world.member("anna").await;
    let guesses = (0..20).map(|n| {
        let app = world.app.clone();
        async move { app.create_session("anna@amt.example", format!("geraten {n}"), None, "").await }
    });
    let answers = futures_util::future::join_all(guesses).await;
    let tried = answers.iter().filter(|a| a.as_ref().err().unwrap().code == "login_failed").count();
    assert_eq!(tried, 5);
}

#[tokio::test]
async fn a_right_password_is_free_however_often() {
    let world = World::new().await;
    world.member("anna").await;
    for _ in 0..8 {
        let right = PASSWORD.to_owned();
        world.app.create_session("Anna@amt.example ", right, None, "").await.unwrap();
    }
}

#[tokio::test]
async fn a_key_works_until_it_is_revoked() {
    let world = World::new().await;
    let anna = world.member("anna").await;
    let asked = KeyRequest {
        data_class: None,
        name: "Fachverfahren".to_owned(),
        scopes: vec![Scope::Models],
        expires_at: None,
        models: None,
    };
    let created = world.app.create_key(&anna, asked).await.unwrap();
    let secret = created.token.reveal().to_owned();
    let caller = world.app.principal_by_key(&secret).await.unwrap();
    assert_eq!(caller.user, anna.user);
    assert!(caller.has_scope(Scope::Models) && !caller.has_scope(Scope::Documents));
    assert_eq!(world.app.list_keys(&caller).await.err().unwrap().code, "session_needed");

    world.app.revoke_key(&anna, created.key.id).await.unwrap();
    assert_eq!(world.app.principal_by_key(&secret).await.err().unwrap().code, "key_invalid");
    let bob = world.member("bob").await;
    let foreign = world.app.revoke_key(&bob, created.key.id).await.err().unwrap();
    assert_eq!(foreign.kind, ErrorKind::NotFound);
}

#[tokio::test]
async fn a_stranger_cannot_lock_somebody_out_with_a_few_guesses() {
    let world = World::new().await;
    world.member("anna").await;
    let [stranger, office] = ["192.0.2.1", "192.0.2.2"].map(|ip| ip.parse().ok());
    for _ in 0..6 {
        let wrong = "falsch geraten war es".to_owned();
        world.app.create_session("anna@amt.example", wrong, stranger, "").await.err().unwrap();
    }
    let right = PASSWORD.to_owned();
    world.app.create_session("anna@amt.example", right, office, "").await.unwrap();
}

#[tokio::test]
async fn the_present_password_is_not_guessed_from_inside_either() {
    let world = World::new().await;
    let anna = world.member("anna").await;
    let mut codes = vec![];
    for _ in 0..6 {
        let wrong = "falsch geraten war es".to_owned();
        let new = "ein neues langes Passwort".to_owned();
        codes.push(world.app.change_password(&anna, wrong, new).await.err().unwrap().code);
    }
    assert_eq!(codes[5], "login_throttled");
}

#[tokio::test]
async fn a_key_is_still_known_for_a_while_when_the_database_goes_away() {
    let world = World::new().await;
    let anna = world.member("anna").await;
    let made = world.app.create_key(&anna, key_request()).await.unwrap();
    let caller = world.app.principal_by_key(made.token.reveal()).await.unwrap();
    world.store.close().await;
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    assert_eq!(world.app.principal_by_key(made.token.reveal()).await.unwrap(), caller);
    // Of a key that nobody asked about before, nothing is known.
    let stranger = identity::Token::generate(identity::TokenKind::ApiKey);
    let error = world.app.principal_by_key(stranger.reveal()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Overloaded);
}

#[tokio::test]
async fn a_revoked_key_is_refused_at_once() {
    let world = World::new().await;
    let anna = world.member("anna").await;
    let made = world.app.create_key(&anna, key_request()).await.unwrap();
    world.app.principal_by_key(made.token.reveal()).await.unwrap();
    world.app.revoke_key(&anna, made.key.id).await.unwrap();
    let error = world.app.principal_by_key(made.token.reveal()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unauthenticated);
}

/// Whatever another process changes holds here a second later, for all keys by one question.
#[tokio::test]
async fn what_another_process_changes_is_seen_within_a_second() {
    let world = World::new().await;
    let (anna, vera) = (world.member("anna").await, world.member("vera").await);
    let revoked = world.app.create_key(&anna, key_request()).await.unwrap();
    let changed = world.app.create_key(&vera, key_request()).await.unwrap();
    let ask = async |made: &app::CreatedKey| world.app.principal_by_key(made.token.reveal()).await;
    assert_eq!(ask(&changed).await.unwrap().role, Role::Member);
    ask(&revoked).await.unwrap();

    let other = Store::open(world.store.location()).await.unwrap();
    let by = By::command();
    other.revoke_key(anna.tenant, anna.user, revoked.key.id, &by).await.unwrap();
    let change = UserChange { role: Some(Role::Admin), ..UserChange::default() };
    other.change_user(vera.tenant, vera.user, &change, &by).await.unwrap();
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    assert_eq!(ask(&revoked).await.unwrap_err().kind, ErrorKind::Unauthenticated);
    assert_eq!(ask(&changed).await.unwrap().role, Role::Admin);
}

#[tokio::test]
async fn the_use_of_keys_is_noted_together() {
    let world = World::new().await;
    let anna = world.member("anna").await;
    let mut used = vec![];
    for _ in 0..3 {
        let made = world.app.create_key(&anna, key_request()).await.unwrap();
        world.app.principal_by_key(made.token.reveal()).await.unwrap();
        used.push(made.key.id);
    }
    let idle = world.app.create_key(&anna, key_request()).await.unwrap();
    world.app.settle_ledger().await.unwrap();
    let keys = world.store.keys(anna.tenant, anna.user).await.unwrap();
    let (mut noted, rest): (Vec<_>, Vec<_>) =
        keys.into_iter().partition(|key| key.last_used_at.is_some());
    noted.sort_by_key(|key| key.id);
    used.sort();
    assert_eq!(noted.iter().map(|key| key.id).collect::<Vec<_>>(), used);
    assert_eq!(rest.iter().map(|key| key.id).collect::<Vec<_>>(), [idle.key.id]);
}
