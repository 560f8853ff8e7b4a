use http::Method;
use serde_json::json;

use crate::{
    transcript::Transcript,
    world::{PASSWORD, World},
};

#[tokio::test]
async fn people_and_units() {
    let world = World::new().await;
    let (admin, ada) = (world.admin("chef").await, world.member("ada").await);
    let mut log = Transcript::default();
    let unit = log.post(("admin", &admin), "/api/units", json!({"name": "Referat 1"})).await.id();
    log.post(("ada", &ada), "/api/units", json!({"name": "Meins"})).await;
    log.get(("ada", &ada), "/api/units").await;
    let new = json!({
        "name": "Grete", "email": "Grete@amt.example", "role": "member", "password": PASSWORD,
        "units": [unit],
    });
    // The password must not stand in a snapshot.
    let grete = admin.post("/api/users", &new).await;
    assert_eq!(grete.status, 201, "{grete:?}");
    assert_eq!(admin.post("/api/users", &new).await.code(), "email_taken");
    log.get(("admin", &admin), "/api/users").await;
    log.get(("ada", &ada), "/api/users").await;
    let path = format!("/api/users/{}", grete.id());
    let patch = &Method::PATCH;
    log.json(("admin", &admin), patch, &path, json!({"disabled": true, "units": []})).await;
    log.json(("admin", &admin), patch, &path, json!({"role": "king"})).await;
    log.json(("ada", &ada), patch, &path, json!({"role": "admin"})).await;
    let me = admin.get("/api/me").await.id();
    let path = format!("/api/users/{me}");
    log.json(("admin", &admin), patch, &path, json!({"role": "member"})).await;
    insta::assert_snapshot!(log.text());
}

#[tokio::test]
async fn the_audit_log_and_the_state() {
    let world = World::new().await;
    let (admin, ada) = (world.admin("chef").await, world.member("ada").await);
    ada.collection("Akten", "private").await;
    let mut log = Transcript::default();
    log.get(("admin", &admin), "/api/audit").await;
    log.get(("admin", &admin), "/api/audit/verify").await;
    log.get(("admin", &admin), "/api/audit?after=gestern").await;
    log.get(("admin", &admin), "/api/audit?vor=1").await;
    log.get(("ada", &ada), "/api/audit").await;
    log.get(("ada", &ada), "/api/audit/verify").await;
    log.get(("admin", &admin), "/api/system").await;
    log.get(("ada", &ada), "/api/system").await;
    log.get(("ada", &ada), "/api/models").await;
    insta::assert_snapshot!(log.text());
}
