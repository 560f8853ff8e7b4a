//! Callers in thousands who read slowly, or say nothing at all.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use futures_util::{StreamExt, stream};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
};

use super::{
    PASSWORD, Vitals, ask, embedded, model, open_store, question, recovered, report, scaled,
    upstream::{Mode, Upstream},
};
use crate::process::Installation;

/// Most memory that one more open connection may take, in kB. The budget of a stream is 25.
const CONNECTION_KB: u64 = 40;

/// Opens a connection from an address of the loopback network.
async fn connect(from: &str, to: SocketAddr) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    // A small window: what is not read stays with the server at once.
    socket.set_recv_buffer_size(4_096)?;
    socket.bind(format!("{from}:0").parse().unwrap())?;
    socket.connect(to).await
}

async fn connect_all(count: usize, from: &str, to: SocketAddr) -> Vec<TcpStream> {
    let opened = stream::iter(0..count).map(|_| connect(from, to)).buffer_unordered(200);
    opened.filter_map(|one| async { one.ok() }).collect().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn drill_callers_who_say_nothing() {
    let upstream = Upstream::start().await;
    let config = model("haus", &upstream.base_url(), &upstream.base_url());
    let count: usize = scaled(1_500, 10_000);
    let installation =
        Installation::new().configured(&config).with("FACHWERK_LIMITS_HEADER_SECONDS", "4");
    let key = installation.person("ada", PASSWORD);
    let running = installation.serve("all");
    let caller = running.caller(&key);
    assert!(ask(&caller, "haus", false).await.is_complete(false));
    let before = Vitals::of(&running);
    let silent = connect_all(count, "127.0.0.2", running.address()).await;
    let during = Vitals::of(&running);
    // Others are served meanwhile.
    let answered = ask(&running.caller(&key), "haus", false).await;
    assert!(answered.is_complete(false), "{answered:?}");
    assert!(answered.took < Duration::from_secs(4), "{answered:?}");
    let held = during.files.saturating_sub(before.files);
    assert!(held <= 1_024 + 40, "{held} connections of one address");
    let each = during.resident_kb.saturating_sub(before.resident_kb) / held.max(1) as u64;
    assert!(each <= CONNECTION_KB, "{each} kB for each silent connection");
    let kept = recovered(&running, &caller, before).await;
    drop(silent);
    report(
        &format!("{count} connections that send nothing"),
        "at most 1,024 of one address are kept, others are served, all are closed in time",
        &format!(
            "{held} kept at {each} kB; another caller served in {:.2} s; {kept}",
            answered.took.as_secs_f64()
        ),
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn drill_callers_who_read_slowly() {
    let upstream = Upstream::start().await;
    let forbidden = Upstream::start().await;
    let count: usize = scaled(300, 10_000);
    let config = model("haus", &upstream.base_url(), &forbidden.base_url());
    // Long answers on another model, of which nobody reads more than the beginning.
    let long = Upstream::start().await;
    long.set(Mode::Slow { pieces: 5_000, pause: Duration::from_micros(10) });
    let unread = model("lang", &long.base_url(), &forbidden.base_url());
    let installation = Installation::new()
        .configured(&format!("{config}{unread}"))
        .with("FACHWERK_LIMITS_CONNECTIONS", "12000")
        .with("FACHWERK_LIMITS_CONNECTIONS_PER_ADDRESS", "12000")
        .with("FACHWERK_LIMITS_HEADER_SECONDS", "5")
        .with("FACHWERK_LIMITS_BODY_IDLE_SECONDS", "3");
    let key = installation.person("ada", PASSWORD);
    let running = installation.serve("all");
    let caller = running.caller(&key);
    let store = open_store(&embedded(&installation)).await;
    assert!(ask(&caller, "haus", false).await.is_complete(false));
    let before = Vitals::of(&running);
    let mut slow = connect_all(count, "127.0.0.3", running.address()).await;
    let opened = slow.len();
    let body = question("lang", true).to_string();
    let request = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {key}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream::iter(slow.iter_mut())
        .for_each_concurrent(200, |one| async {
            let _ = one.write_all(request.as_bytes()).await;
            // A bite, and then no more.
            let mut bite = [0; 64];
            let _ = tokio::time::timeout(Duration::from_secs(10), one.read(&mut bite)).await;
        })
        .await;
    let during = Vitals::of(&running);
    let asked = Instant::now();
    let answered = ask(&caller, "haus", true).await;
    assert!(answered.is_complete(true), "{answered:?}");
    assert!(asked.elapsed() < Duration::from_secs(10), "{:?}", asked.elapsed());
    let each = during.resident_kb.saturating_sub(before.resident_kb) / opened.max(1) as u64;
    assert!(
        during.resident_kb < before.resident_kb + 4 * CONNECTION_KB * opened as u64,
        "{during:?}"
    );
    // They are given up after the patience for a body, and their places with them.
    let kept = recovered(&running, &caller, before).await;
    assert_eq!(forbidden.seen(), 0);
    let calls = super::used(&store).await.calls;
    assert!(calls <= long.seen() as u64 + 2, "{calls} charged, {} answered", long.seen() + 2);
    drop(slow);
    report(
        &format!("{count} callers who do not read"),
        "given up in time, places free again, others served",
        &format!(
            "{opened} open at {each} kB each; another caller served in {:.2} s; {kept}",
            answered.took.as_secs_f64()
        ),
    );
}
