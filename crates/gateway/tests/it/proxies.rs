//! Calls by way of a proxy: in the open they are passed on, with TLS a tunnel is asked for.

use gateway::{
    Catalogue, Failure, Gateway, GatewayError, HttpClient, HttpSettings, HttpSetupError, UsageMeter,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    task::JoinHandle,
};

use crate::setup::{ask, model, route, settings};

/// A proxy that answers once, whatever it is asked, and the head of that request.
async fn proxy(answer: &'static str) -> (String, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://amt:geheim%21@{}", listener.local_addr().unwrap());
    let seen = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.windows(4).any(|end| end == b"\r\n\r\n") {
            let mut bytes = [0; 4096];
            let length = stream.read(&mut bytes).await.unwrap();
            head.extend_from_slice(&bytes[..length]);
        }
        stream.write_all(answer.as_bytes()).await.unwrap();
        String::from_utf8_lossy(&head).to_lowercase()
    });
    (address, seen)
}

async fn call(proxy: String, base_url: &str) -> Result<String, GatewayError> {
    let client = HttpSettings { proxy: Some(proxy), ..HttpSettings::default() };
    let client = HttpClient::new(&client).unwrap();
    let routes = vec![route("cloud", base_url)];
    let catalogue = Catalogue::new(vec![model("standard", routes)]).unwrap();
    let settings = gateway::Settings { attempts_per_route: 1, ..settings() };
    let gateway = Gateway::new(client, catalogue, settings);
    let meter = UsageMeter::default();
    let answered = gateway.complete(&ask("Hallo"), domain::DataClass::Open, &meter).await?;
    Ok(answered.response.text().to_owned())
}

const ANSWER: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 78\r\n\r\n\
    {\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"Guten Tag\"}}]}";
/// Base64 of `amt:geheim!`.
const PROOF: &str = "proxy-authorization: basic yw10omdlagvpbse=\r\n";

#[tokio::test]
async fn a_call_in_the_open_is_passed_on() {
    let (proxy, seen) = proxy(ANSWER).await;
    let answer = call(proxy, "http://llm.example.invalid:8000/v1").await.unwrap();
    assert_eq!(answer, "Guten Tag");
    let seen = seen.await.unwrap();
    let line = "post http://llm.example.invalid:8000/v1/chat/completions http/1.1\r\n";
    assert!(seen.starts_with(line), "{seen}");
    assert!(seen.contains("\r\nhost: llm.example.invalid:8000\r\n"), "{seen}");
    assert!(seen.contains(PROOF), "{seen}");
}

#[tokio::test]
async fn for_a_call_with_tls_a_tunnel_is_asked_for() {
    let (proxy, seen) = proxy("HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n").await;
    let error = call(proxy, "https://llm.example.invalid/v1").await.unwrap_err();
    assert!(matches!(error, GatewayError::Upstream { failure: Failure::Connect, .. }), "{error:?}");
    let seen = seen.await.unwrap();
    assert!(seen.starts_with("connect llm.example.invalid:443 http/1.1\r\n"), "{seen}");
    assert!(seen.contains(PROOF), "{seen}");
    assert!(seen.contains("user-agent: fachwerk/"), "{seen}");
    // Nothing of the request itself leaves before the tunnel stands.
    assert!(!seen.contains("chat/completions"), "{seen}");
}

#[tokio::test]
async fn nothing_leaves_past_a_proxy_that_cannot_be_read() {
    let proxy = Some("http://proxy{1}.amt.example:3128".to_owned());
    let refused = HttpClient::new(&HttpSettings { proxy, ..HttpSettings::default() });
    assert!(matches!(refused, Err(HttpSetupError::Proxy)));
}
