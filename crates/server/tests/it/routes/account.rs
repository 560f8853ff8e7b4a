use http::Method;
use serde_json::json;

use crate::{
    transcript::Transcript,
    world::{PASSWORD, World},
};

#[tokio::test]
async fn the_first_administrator_comes_by_the_link() {
    let world = World::new().await;
    let nobody = world.anonymous();
    let mut log = Transcript::default();
    let token = world.platform.app().issue_setup_token().await.unwrap();
    let person = |token: &str| {
        json!({
            "token": token, "name": "Ada", "email": "ada@amt.example", "password": PASSWORD,
        })
    };
    log.get(("nobody", &nobody), "/api/setup").await;
    let weak = json!({"token": "x", "name": "", "email": "ada", "password": "kurz"});
    log.post(("nobody", &nobody), "/api/setup", weak).await;
    // The token itself must not stand in a snapshot.
    let entered = nobody.post("/api/setup", &person(token.reveal())).await;
    assert_eq!(entered.status, 201, "{entered:?}");
    let admin = world.anonymous().with_cookie(&entered.cookie().unwrap());
    log.get(("admin", &admin), "/api/me").await;
    let again = nobody.post("/api/setup", &person(token.reveal())).await;
    assert_eq!((again.status, again.code().as_str()), (409, "setup_done"), "{again:?}");
    log.get(("nobody", &nobody), "/api/setup").await;
    insta::assert_snapshot!(log.text());
}

#[tokio::test]
async fn signing_in_and_out() {
    let world = World::new().await;
    let ada = world.member("ada").await;
    let nobody = world.anonymous();
    let mut log = Transcript::default();
    let login = |password: &str| json!({"email": "Ada@amt.example", "password": password});
    log.post(("nobody", &nobody), "/api/session", login("falsch falsch falsch")).await;
    let entered = log.post(("nobody", &nobody), "/api/session", login(PASSWORD)).await;
    let other = world.anonymous().with_cookie(&entered.cookie().unwrap());
    log.get(("nobody", &nobody), "/api/me").await;
    log.get(("nobody in English", &nobody.clone().in_english()), "/api/me").await;
    log.get(("ada", &ada), "/api/me/sessions").await;
    log.delete(("ada elsewhere", &other), "/api/session").await;
    log.get(("ada elsewhere", &other), "/api/me").await;
    insta::assert_snapshot!(log.text());
}

#[tokio::test]
async fn a_session_can_be_ended_from_another() {
    let world = World::new().await;
    let ada = world.member("ada").await;
    let stolen = world.sign_in("ada@amt.example").await;
    let sessions = ada.get("/api/me/sessions").await.json();
    let items = sessions["items"].as_array().unwrap();
    assert_eq!(items.len(), 2);
    let foreign = items.iter().find(|session| session["current"] == false).unwrap();
    let path = format!("/api/me/sessions/{}", foreign["id"].as_str().unwrap());
    assert_eq!(ada.delete(&path).await.status, 204);
    assert_eq!(stolen.get("/api/me").await.status, 401);
    assert_eq!(ada.delete(&path).await.status, 404);
}

#[tokio::test]
async fn a_new_password_ends_all_other_sessions() {
    let world = World::new().await;
    let ada = world.member("ada").await;
    let other = world.sign_in("ada@amt.example").await;
    let mut log = Transcript::default();
    let change = |current: &str, new: &str| json!({"current": current, "new": new});
    for (current, new) in [
        ("falsch falsch falsch", "vier Wörter ohne Sinn"),
        (PASSWORD, "kurz"),
        (PASSWORD, "vier Wörter ohne Sinn"),
    ] {
        let body = change(current, new);
        log.json(("ada", &ada), &Method::PUT, "/api/me/password", body).await;
    }
    assert_eq!(other.get("/api/me").await.status, 401);
    assert_eq!(ada.get("/api/me").await.status, 200);
    insta::assert_snapshot!(log.text());
}

#[tokio::test]
async fn keys_are_shown_once_and_end_at_once() {
    let world = World::new().await;
    let ada = world.member("ada").await;
    let mut log = Transcript::default();
    let ask = json!({
        "name": "Fachverfahren", "scopes": ["search", "models"],
        "expires_at": "2999-12-31T00:00:00Z",
    });
    let made = log.post(("ada", &ada), "/api/keys", ask).await.json();
    let key = world.anonymous().with_key(made["key"].as_str().unwrap());
    assert!(made["key"].as_str().unwrap().starts_with("sk-fw-"));
    assert_eq!(key.get("/api/me").await.status, 200);
    log.get(("ada", &ada), "/api/keys").await;
    log.get(("her key", &key), "/api/keys").await;
    for bad in [
        json!({"name": "x", "scopes": []}),
        json!({"name": "", "scopes": ["models"]}),
        json!({"name": "x", "scopes": ["alles"]}),
        json!({"name": "x", "scopes": ["models"], "expires_at": "2001-01-01T00:00:00Z"}),
        json!({"name": "x", "scopes": ["models"], "expires_at": "morgen"}),
        json!({"name": "x", "scopes": ["models"], "admin": true}),
    ] {
        log.post(("ada", &ada), "/api/keys", bad).await;
    }
    let path = format!("/api/keys/{}", made["id"].as_str().unwrap());
    log.delete(("ada", &ada), &path).await;
    log.get(("her key", &key), "/api/me").await;
    insta::assert_snapshot!(log.text());
}

#[tokio::test]
async fn guessing_is_slowed_down() {
    let world = World::new().await;
    world.member("ada").await;
    let nobody = world.anonymous();
    let guess = json!({"email": "ada@amt.example", "password": "falsch falsch falsch"});
    let mut last = nobody.post("/api/session", &guess).await;
    for _ in 0..20 {
        if last.status == 429 {
            break;
        }
        last = nobody.post("/api/session", &guess).await;
    }
    assert_eq!((last.status, last.code().as_str()), (429, "login_throttled"));
    let wait: u64 = last.header("retry-after").parse().unwrap();
    assert!(wait > 0 && last.detail().contains("Sekunden"), "{last:?}");
}
