//! The platform on a real socket: broken requests, slow ones, and the end of a process.

use std::time::Duration;

use serde_json::json;
use testkit::fake_model::Reply;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_util::sync::CancellationToken;

use crate::world::World;

async fn exchange(address: std::net::SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // The server may answer and close before it has read everything.
    let _ = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    let _ = tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut answer)).await;
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn broken_requests_close_their_connection_and_nothing_else() {
    let world = World::with("[limits]\nheader_seconds = 1").await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let broken = async {
        let many = format!("GET /healthz HTTP/1.1\r\nhost: a\r\n{}\r\n", "x: y\r\n".repeat(500));
        let large =
            format!("GET /healthz HTTP/1.1\r\nhost: a\r\nx: {}\r\n\r\n", "y".repeat(1 << 20));
        let cases: [(&str, Vec<u8>); 5] = [
            ("noise", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n".to_vec()),
            ("no version", b"GET /healthz\r\n\r\n".to_vec()),
            ("a space too much", b"GET /health z HTTP/1.1\r\nhost: a\r\n\r\n".to_vec()),
            ("500 headers", many.into_bytes()),
            ("a header of 1 MB", large.into_bytes()),
        ];
        for (what, bytes) in cases {
            let answer = exchange(address, &bytes).await;
            assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{what}: {answer}");
        }
        let slow = exchange(address, b"GET /healthz HTTP/1.1\r\nho").await;
        assert!(!slow.contains("200 OK"), "{slow}");
        let lies = b"POST /api/session HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 1000000000\r\nconnection: close\r\n\r\n{";
        let answer = exchange(address, lies).await;
        assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
        let sane = b"GET /healthz HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
        assert!(exchange(address, sane).await.ends_with("ok\n"));
        stop.cancel();
    };
    tokio::join!(world.platform.serve(listener, stop.clone()), broken);
}

#[tokio::test]
async fn a_stop_lets_running_streams_end() {
    let world = World::new().await;
    let ada = world.member("ada").await;
    let (_, made) = world.key_of(&ada, &["models"]).await;
    let pieces = ["eins ", "zwei ", "drei ", "vier "];
    world.model.always(Reply::pieces(pieces).pause(Duration::from_millis(200)));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let caller = async {
        let body = json!({
            "model": "gross", "stream": true, "messages": [{"role": "user", "content": "x"}],
        })
        .to_string();
        let request = format!(
            "POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            made["key"].as_str().unwrap(),
            body.len()
        );
        let answer = tokio::spawn(async move { exchange(address, request.as_bytes()).await });
        world.model.wait_for_requests(1).await;
        stop.cancel();
        let answer = answer.await.unwrap();
        assert!(answer.contains("vier") && answer.contains("[DONE]"), "{answer}");
    };
    let served = async { world.platform.serve(listener, stop.clone()).await };
    tokio::join!(served, caller);
    assert!(TcpStream::connect(address).await.is_err(), "still listening");
}
