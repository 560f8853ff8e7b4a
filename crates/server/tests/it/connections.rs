//! The platform on a real socket: broken requests, slow ones, and the end of a process.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use serde_json::json;
use testkit::fake_model::Reply;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_util::sync::CancellationToken;

use crate::{client::form, world::World};

async fn exchange(address: SocketAddr, bytes: &[u8]) -> String {
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

#[tokio::test]
async fn a_head_has_a_bound() {
    let world = World::new().await;
    let (listener, address, stop) = socket().await;
    let asking = async {
        let head = |bytes: usize| {
            format!(
                "GET /healthz HTTP/1.1\r\nhost: a\r\nconnection: close\r\nx: {}\r\n\r\n",
                "y".repeat(bytes)
            )
        };
        let fits = exchange(address, head(65_000).as_bytes()).await;
        assert!(fits.starts_with("HTTP/1.1 200"), "{fits}");
        for bytes in [65_536, 70_000, 120_000] {
            let refused = exchange(address, head(bytes).as_bytes()).await;
            assert!(refused.starts_with("HTTP/1.1 431"), "{bytes}: {refused}");
        }
        let told = exchange(address, head(66_000).as_bytes()).await;
        assert!(told.contains("head_too_large"), "{told}");
        let long = format!("GET /{} HTTP/1.1\r\nhost: a\r\n\r\n", "y".repeat(70_000));
        let refused = exchange(address, long.as_bytes()).await;
        assert!(refused.starts_with("HTTP/1.1 4"), "{refused}");
        stop.cancel();
    };
    tokio::join!(world.platform.serve(listener, stop.clone()), asking);
}

#[tokio::test]
async fn a_head_that_drips_is_cut() {
    let world = World::with("[limits]\nheader_seconds = 1").await;
    let (listener, address, stop) = socket().await;
    let asking = async {
        let begun = Instant::now();
        let mut stream = TcpStream::connect(address).await.unwrap();
        // A byte now and then keeps the connection lively; that must not keep it open.
        let mut cut = false;
        for byte in "GET /healthz HTTP/1.1\r\nx: ".bytes().chain([b'y'; 200]) {
            tokio::time::sleep(Duration::from_millis(50)).await;
            let mut answer = [0; 512];
            let written = stream.write_all(&[byte]).await;
            let ended = matches!(stream.try_read(&mut answer), Ok(0)) || written.is_err();
            if ended {
                cut = true;
                break;
            }
        }
        assert!(cut && begun.elapsed() < Duration::from_secs(6), "{:?}", begun.elapsed());
        // And a connection that asks for nothing more is closed after its answer: without
        // `connection: close` the answer ends there.
        let asked = Instant::now();
        let idle = exchange(address, b"GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n").await;
        assert!(idle.ends_with("ok\n"), "{idle}");
        assert!(asked.elapsed() < Duration::from_secs(4), "an idle connection stays open");
        stop.cancel();
    };
    tokio::join!(world.platform.serve(listener, stop.clone()), asking);
}

#[tokio::test]
async fn an_upload_that_drips_is_refused() {
    let settings = "[limits]\nbody_idle_seconds = 1\nupload_bytes_per_second = 100000";
    let world = World::with(settings).await;
    let ada = world.member("ada").await;
    let (key, made) = world.key_of(&ada, &["documents"]).await;
    let key_text = made["key"].as_str().unwrap().to_owned();
    let collection = key.collection("Akten", "private").await;
    let (listener, address, stop) = socket().await;
    let asking = async {
        let (kind, body) = form("file", "a.txt", &[b'a'; 100_000]);
        let head = format!(
            "POST /api/collections/{collection}/documents HTTP/1.1\r\nhost: a\r\n\
             authorization: Bearer {key_text}\r\ncontent-type: {kind}\r\n\
             content-length: {}\r\nconnection: close\r\n\r\n",
            body.len()
        );
        let begun = Instant::now();
        let stream = TcpStream::connect(address).await.unwrap();
        let (mut reading, mut writing) = stream.into_split();
        let dripping = tokio::spawn(async move {
            writing.write_all(head.as_bytes()).await.unwrap();
            // 4 kB a second: no pause is long, and the whole would take 25 seconds.
            for piece in body.chunks(400) {
                tokio::time::sleep(Duration::from_millis(100)).await;
                if writing.write_all(piece).await.is_err() {
                    break;
                }
            }
        });
        let mut answer = Vec::new();
        let _ = reading.read_to_end(&mut answer).await;
        let answer = String::from_utf8_lossy(&answer).into_owned();
        assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
        assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
        dripping.abort();
        stop.cancel();
    };
    tokio::join!(world.platform.serve(listener, stop.clone()), asking);
}

#[tokio::test]
async fn an_address_has_so_many_connections() {
    let world = World::with("[limits]\nconnections_per_address = 3").await;
    let (listener, address, stop) = socket().await;
    let asking = async {
        let sane = b"GET /healthz HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
        let mut held = Vec::new();
        for _ in 0..3 {
            held.push(TcpStream::connect(address).await.unwrap());
        }
        let refused = exchange(address, b"").await;
        assert!(refused.starts_with("HTTP/1.1 429"), "{refused}");
        // Another address of the same machine is another caller.
        let elsewhere = tokio::net::TcpSocket::new_v4().unwrap();
        elsewhere.bind("127.0.0.2:0".parse().unwrap()).unwrap();
        let mut elsewhere = elsewhere.connect(address).await.unwrap();
        elsewhere.write_all(sane).await.unwrap();
        let mut answer = String::new();
        elsewhere.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        held.clear();
        let mut answer = String::new();
        for _ in 0..100 {
            answer = exchange(address, sane).await;
            if answer.starts_with("HTTP/1.1 200") {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert!(
            answer.starts_with("HTTP/1.1 200"),
            "a closed connection keeps its place: {answer}"
        );
        stop.cancel();
    };
    tokio::join!(world.platform.serve(listener, stop.clone()), asking);
}

#[tokio::test]
async fn a_trusted_proxy_may_have_more() {
    let settings = "trusted_proxy = \"127.0.0.1\"\n[limits]\nconnections_per_address = 1";
    let world = World::with(settings).await;
    let (listener, address, stop) = socket().await;
    let asking = async {
        let _held = TcpStream::connect(address).await.unwrap();
        let sane = b"GET /healthz HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
        assert!(exchange(address, sane).await.starts_with("HTTP/1.1 200"));
        stop.cancel();
    };
    tokio::join!(world.platform.serve(listener, stop.clone()), asking);
}

#[tokio::test]
async fn more_connections_than_there_are_places_wait() {
    let world = World::with("[limits]\nconnections = 2").await;
    let (listener, address, stop) = socket().await;
    let asking = async {
        let first = TcpStream::connect(address).await.unwrap();
        let _second = TcpStream::connect(address).await.unwrap();
        let sane = b"GET /healthz HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
        let waiting = tokio::spawn(async move { exchange(address, sane).await });
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert!(!waiting.is_finished(), "served beyond the bound");
        drop(first);
        assert!(waiting.await.unwrap().starts_with("HTTP/1.1 200"));
        stop.cancel();
    };
    tokio::join!(world.platform.serve(listener, stop.clone()), asking);
}

async fn socket() -> (TcpListener, SocketAddr, CancellationToken) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address, CancellationToken::new())
}
