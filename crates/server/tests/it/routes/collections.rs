use http::Method;
use serde_json::json;

use crate::{transcript::Transcript, world::World};

#[tokio::test]
async fn collections_belong_to_somebody() {
    let world = World::new().await;
    let (ada, bert) = (world.member("ada").await, world.member("bert").await);
    let nobody = world.anonymous();
    let mut log = Transcript::default();
    let new = json!({"name": "Satzungen", "data_class": "open"});
    let id = log.post(("ada", &ada), "/api/collections", new.clone()).await.id();
    let path = format!("/api/collections/{id}");
    log.post(("nobody", &nobody), "/api/collections", new).await;
    for bad in [
        json!({"name": " ", "data_class": "open"}),
        json!({"name": "x", "data_class": "geheim"}),
        json!({"name": "x"}),
        json!({"name": "x", "data_class": "open", "visibility": {"kind": "welt"}}),
        json!({"name": "x", "data_class": "open", "visibility": {"kind": "unit"}}),
        json!({"name": "x", "data_class": "open", "visibility": {"kind": "unit",
            "unit": {"id": "01890000-0000-7000-8000-000000000000"}}}),
    ] {
        log.post(("ada", &ada), "/api/collections", bad).await;
    }
    log.get(("bert", &bert), &path).await;
    let patch = &Method::PATCH;
    let open = json!({"name": "Satzungen der Stadt", "visibility": {"kind": "tenant"}});
    log.json(("ada", &ada), patch, &path, open).await;
    log.get(("bert", &bert), &path).await;
    log.json(("bert", &bert), patch, &path, json!({"name": "Meins"})).await;
    log.delete(("bert", &bert), &path).await;
    log.get(("bert", &bert), "/api/collections").await;
    log.delete(("ada", &ada), &path).await;
    log.get(("ada", &ada), &path).await;
    insta::assert_snapshot!(log.text());
}
