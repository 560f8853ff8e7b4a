//! Limits and budgets, from the request that sets them to the request that they refuse (G-9).

use http::Method;
use serde_json::{Value, json};

use crate::{
    client::{Answer, Client},
    world::World,
};

impl Client {
    async fn limit(&self, scope: &str, limits: &Value) {
        let answer = self.json(&Method::PUT, &format!("/api/limits/{scope}"), limits).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }

    /// Asks a model. Not in the last seconds of a minute, so that a test sees one minute alone.
    async fn chat(&self) -> Answer {
        while domain::Instant::now().micros() / 1_000_000 % 60 > 54 {
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        }
        let message = json!({"role": "user", "content": "Guten Tag"});
        self.post("/v1/chat/completions", &json!({"model": "gross", "messages": [message]})).await
    }
}

/// G-9: who only has tokens counted asks too.
#[tokio::test]
async fn counting_tokens_counts_as_a_request() {
    let world = World::new().await;
    let (admin, ada) = (world.admin("chef").await, world.member("ada").await);
    let (key, made) = world.key_of(&ada, &["models"]).await;
    let scope = format!("key:{}", made["id"].as_str().unwrap());
    // A budget that is used up does not matter: no model is asked.
    admin.limit(&scope, &json!({"requests_per_minute": 3, "tokens_per_month": 0})).await;
    key.chat().await;
    let message = json!({"role": "user", "content": "Guten Tag"});
    let body = json!({"model": "gross", "messages": [message]});
    for left in ["2", "1", "0"] {
        let answer = key.post("/v1/messages/count_tokens", &body).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.header("x-ratelimit-remaining-requests"), left);
    }
    let refused = key.post("/v1/messages/count_tokens", &body).await;
    assert_eq!(refused.status, 429, "{refused:?}");
    assert_eq!(refused.json()["error"]["type"], "rate_limit_error");
    assert!(world.model.requests().is_empty());
}

/// G-9: requests per minute of a key; its sibling goes on.
#[tokio::test]
async fn a_key_has_its_requests_per_minute() {
    let world = World::new().await;
    let (admin, ada) = (world.admin("chef").await, world.member("ada").await);
    let (key, made) = world.key_of(&ada, &["models"]).await;
    let (sibling, _) = world.key_of(&ada, &["models"]).await;
    let scope = format!("key:{}", made["id"].as_str().unwrap());
    admin.limit(&scope, &json!({"requests_per_minute": 2})).await;

    for left in [1, 0] {
        let answer = key.chat().await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.header("x-ratelimit-limit-requests"), "2");
        assert_eq!(answer.header("x-ratelimit-remaining-requests"), left.to_string());
    }
    let refused = key.chat().await;
    assert_eq!(refused.status, 429, "{refused:?}");
    let error = &refused.json()["error"];
    assert_eq!(error["code"], "rate_limit_exceeded");
    assert_eq!(error["type"], "rate_limit_error");
    assert!(error["message"].as_str().unwrap().contains("API-Schlüssels liegt bei 2."), "{error}");
    let wait: u64 = refused.header("retry-after").parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    assert_eq!(refused.header("x-ratelimit-remaining-requests"), "0");
    assert_eq!(sibling.chat().await.status, 200);

    let own = key.get("/api/me/limits").await.json();
    assert_eq!(own["limits"][0]["scope"], scope);
    assert_eq!(
        own["limits"][0]["used"][0],
        json!({
            "meter": "requests_per_minute", "limit": 2, "used": 2,
        })
    );
    // The figures of a key are its owner's.
    let list = admin.get("/api/limits").await.json();
    assert_eq!(list["items"][0]["scope"], scope);
    assert_eq!(list["items"][0]["owner"], "ada");
    assert_eq!(list["items"][0].get("used"), None);
    assert_eq!(admin.delete(&format!("/api/limits/{scope}")).await.status, 204);
    assert_eq!(key.chat().await.status, 200);
}
