use serde_json::json;

use crate::{transcript::Transcript, world::World};

const LAW: &str = "# Hundesteuersatzung\n\n## § 1 Steuerpflicht\n\nWer einen Hund hält, zahlt Steuer.\n\n\
    ## § 2 Steuersatz\n\nDie Steuer beträgt im Jahr 120 Euro für den ersten Hund.\n";

#[tokio::test]
async fn a_document_comes_in_is_found_and_goes() {
    let world = World::new().await;
    let (ada, bert) = (world.member("ada").await, world.member("bert").await);
    let mut log = Transcript::default();
    let collection = ada.collection("Satzungen", "private").await;
    let received = ada.upload(&collection, "Hundesteuer.md", LAW.as_bytes()).await;
    assert_eq!(received.status, 202, "{received:?}");
    let id = received.id();
    ada.settled(&id).await;
    let path = format!("/api/documents/{id}");
    log.get(("ada", &ada), &path).await;
    log.get(("bert", &bert), &path).await;
    log.get(("ada", &ada), &format!("/api/collections/{collection}/documents")).await;
    log.get(("ada", &ada), &format!("{path}/passages?limit=2")).await;
    log.get(("ada", &ada), &format!("{path}/passages?limit=x")).await;
    let passage = ada.passage(&id).await;
    log.get(("ada", &ada), &format!("/api/passages/{passage}")).await;
    log.get(("bert", &bert), &format!("/api/passages/{passage}")).await;
    let found = ada.post("/api/search", &json!({"query": "Steuersatz Hund"})).await.json();
    let hits = found["hits"].as_array().unwrap();
    let hit = hits.iter().find(|hit| hit["text"].as_str().unwrap().contains("120 Euro")).unwrap();
    assert_eq!(hit["document_id"], json!(id));
    assert_eq!(hit["document_name"], "Hundesteuer.md");
    assert!(hit["heading"].as_str().unwrap().ends_with("§ 2 Steuersatz"), "{hit}");
    // „Steuer“ as a part of the word asked for, and „Hund“.
    assert_eq!(hit["matches"], json!([{"start": 4, "end": 10}, {"start": 51, "end": 55}]), "{hit}");
    assert_eq!(bert.post("/api/search", &json!({"query": "Hund"})).await.json()["hits"], json!([]));
    log.post(("ada", &ada), &format!("{path}/retry"), json!({})).await;
    log.delete(("bert", &bert), &path).await;
    log.delete(("ada", &ada), &path).await;
    log.get(("ada", &ada), &path).await;
    let found = ada.post("/api/search", &json!({"query": "Hund"})).await.json();
    assert_eq!(found["hits"], json!([]));
    insta::assert_snapshot!(log.text());
}

#[tokio::test]
async fn the_original_comes_back_and_acts_as_nothing() {
    let world = World::new().await;
    let ada = world.member("ada").await;
    let collection = ada.collection("Sammlung", "private").await;
    let page =
        "<html><script>alert(1)</script><p>Der Antrag ist schriftlich zu stellen.</p></html>";
    let id = ada.document(&collection, "Übersicht 1.html", page).await;
    let answer = ada.get(&format!("/api/documents/{id}/content")).await;
    assert_eq!(answer.text(), page);
    assert_eq!(answer.header("content-type"), "application/octet-stream");
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    assert!(answer.header("content-security-policy").contains("sandbox"));
    let disposition = answer.header("content-disposition");
    assert!(
        disposition.starts_with("attachment; filename*=UTF-8''%C3%9Cbersicht%201.html"),
        "{disposition}"
    );
}

#[tokio::test]
async fn searching_refuses_what_makes_no_sense() {
    let world = World::new().await;
    let (ada, bert) = (world.member("ada").await, world.member("bert").await);
    let foreign = bert.collection("Privat", "private").await;
    let mut log = Transcript::default();
    for body in [
        json!({"query": "  "}),
        json!({"query": "x", "limit": 0}),
        json!({"query": "x", "limit": 101}),
        json!({"query": "x", "limit": -1}),
        json!({"query": "x", "limit": 1e300}),
        json!({"query": "x", "collections": ["alle"]}),
        json!({"query": "x", "collections": [foreign]}),
        json!({"frage": "x"}),
    ] {
        log.post(("ada", &ada), "/api/search", body).await;
    }
    log.post(("nobody", &world.anonymous()), "/api/search", json!({"query": "x"})).await;
    insta::assert_snapshot!(log.text());
}
