//! What protects browsers, and what they load.

use axum::body::Body;
use http::Method;
use serde_json::json;

use crate::world::World;

#[tokio::test]
async fn every_answer_is_protected() {
    let world = World::with("public_url = \"https://ki.example.de\"").await;
    let ada = world.member("ada").await;
    for path in ["/api/me", "/api/gibtsnicht", "/", "/healthz", "/v1/models"] {
        let answer = ada.get(path).await;
        let policy = answer.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; script-src 'self'"), "{path}: {policy}");
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
            ("strict-transport-security", "max-age=31536000"),
        ] {
            assert_eq!(answer.header(name), value, "{path}");
        }
        assert_eq!(answer.header("x-request-id").len(), 36, "{path}");
    }
    assert_eq!(ada.get("/api/me").await.header("cache-control"), "no-store");
}

#[tokio::test]
async fn a_foreign_page_changes_nothing() {
    let world = World::new().await;
    let ada = world.member("ada").await;
    let cookie = ada.request(&Method::GET, "/").body(()).unwrap().headers()["cookie"].clone();
    let body = || Body::from(json!({"name": "x", "data_class": "open"}).to_string());
    let plain = || {
        http::Request::post("/api/collections")
            .header("host", "localhost")
            .header("content-type", "application/json")
            .header("cookie", cookie.clone())
    };
    let requests = [
        ("without our header", plain().body(body())),
        (
            "from another site",
            plain()
                .header("x-fachwerk-csrf", "1")
                .header("sec-fetch-site", "cross-site")
                .body(body()),
        ),
        (
            "from a neighbour",
            plain()
                .header("x-fachwerk-csrf", "1")
                .header("sec-fetch-site", "same-site")
                .body(body()),
        ),
        (
            "of another origin",
            plain()
                .header("x-fachwerk-csrf", "1")
                .header("origin", "https://boese.example")
                .body(body()),
        ),
        (
            "of no origin",
            plain().header("x-fachwerk-csrf", "1").header("origin", "null").body(body()),
        ),
    ];
    for (what, request) in requests {
        let answer = world.anonymous().send(request.unwrap()).await;
        assert_eq!((answer.status, answer.code().as_str()), (403, "cross_site"), "{what}");
    }
    let own = plain().header("x-fachwerk-csrf", "1").header("origin", "http://localhost");
    assert_eq!(world.anonymous().send(own.body(body()).unwrap()).await.status, 201);
}

#[tokio::test]
async fn another_host_name_is_refused() {
    let world = World::with("public_url = \"https://ki.example.de\"").await;
    let status = async |host: &str, path: &str| {
        let request = http::Request::get(path).header("host", host).body(Body::empty()).unwrap();
        world.anonymous().send(request).await.status
    };
    assert_eq!(status("ki.example.de", "/api/setup").await, 200);
    assert_eq!(status("KI.example.de:443", "/api/setup").await, 200);
    assert_eq!(status("127.0.0.1:8080", "/api/setup").await, 200);
    assert_eq!(status("[::1]:8080", "/api/setup").await, 200);
    assert_eq!(status("boese.example", "/api/setup").await, 421);
    assert_eq!(status("boese.example", "/healthz").await, 200);
    assert_eq!(status("ki.example.de@boese.example", "/api/setup").await, 400);
    assert_eq!(status("", "/api/setup").await, 400);
}

#[tokio::test]
async fn machines_find_their_probes() {
    let world = World::new().await;
    let nobody = world.anonymous();
    assert_eq!(nobody.get("/healthz").await.text(), "ok\n");
    assert_eq!(nobody.get("/readyz").await.text(), "ready\n");
    let metrics = nobody.get("/metrics").await;
    assert!(metrics.header("content-type").starts_with("text/plain; version=0.0.4"));
    let description = nobody.get("/openapi.json").await.json();
    assert!(description["openapi"].as_str().unwrap().starts_with("3.1"));
}

#[tokio::test]
async fn unknown_addresses_of_the_interface_are_not_pages() {
    let world = World::new().await;
    let nobody = world.anonymous();
    for path in ["/api", "/api/", "/api/gibtsnicht", "/v1", "/v1/fine_tuning/jobs", "/fehlt.js"] {
        let answer = nobody.get(path).await;
        assert_eq!((answer.status, answer.code().as_str()), (404, "not_found"), "{path}");
    }
    let page = nobody.get("/chat/irgendwas").await;
    assert!(page.header("content-type").starts_with("text/html"), "{page:?}");
}
