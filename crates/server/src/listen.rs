//! Connections: accepted within a bound, served by the router, drained at the end. Knows no routes.

mod lanes;
mod places;
mod unread;

use std::{
    convert::Infallible,
    io::{self, Write},
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use axum::{Router, body::Body};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt;

pub(crate) use self::lanes::Lanes;
use self::{
    lanes::LanePlace,
    places::{AddressPlace, Addresses},
    unread::Unread,
};
use crate::door::{Peer, guard::HEAD_BYTES_MAX};

/// Pause after a failed accept: out of file descriptors, for one, passes by itself.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Most headers of a request; beyond: 431 and the connection is closed.
const HEADERS_MAX: usize = 100;
/// Told to whoever has too many connections, before theirs is closed.
const TOO_MANY: &[u8] =
    b"HTTP/1.1 429 Too Many Requests\r\ncontent-type: text/plain; charset=utf-8\r\n\
    connection: close\r\nretry-after: 10\r\n\r\nToo many open connections from your address.\n";

/// Files kept free for everything that is no connection of a caller: database, index, documents on
/// their way in, children, calls out.
const FILES_BESIDE: u64 = 256;

/// What is allowed to connections.
#[derive(Debug, Clone)]
pub(crate) struct Bounds {
    /// Most open connections; beyond: more wait in the system's queue.
    pub connections: usize,
    /// Most of them from one address; beyond: refused with 429.
    pub per_address: usize,
    /// The reverse proxy that the bound for an address does not hold for.
    pub trusted_proxy: Option<IpAddr>,
    /// Longest time for a head, and for the pause between two requests; beyond: closed.
    pub header: Duration,
    /// Longest time in which a caller takes nothing of an answer; beyond: closed.
    pub unread: Duration,
    /// Time for running answers after the stop; beyond: cut off.
    pub deadline: Duration,
}

/// Serves until `stop`; then lets running answers end within the deadline, and cuts off the rest.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    lanes: &Lanes,
    bounds: Bounds,
    stop: CancellationToken,
) {
    let graceful = GracefulShutdown::new();
    let abort = CancellationToken::new();
    let tasks = TaskTracker::new();
    let places = Arc::new(Semaphore::new(affordable(bounds.connections)));
    let addresses = Addresses::new(bounds.per_address, bounds.trusted_proxy);
    let builder = protocol(bounds.header);
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = accept(&listener, &places) => accepted,
        };
        let (stream, peer, place) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(error.causes = %error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let Some(address) = addresses.take(peer.ip()) else {
            refuse(stream);
            continue;
        };
        let lane = lanes.take();
        let Ok(stream) = stream.into_std() else { continue };
        let runtime = lane.runtime.clone();
        let held: (_, AddressPlace, LanePlace) = (place, address, lane);
        let (router, builder, unread) = (router.clone(), builder.clone(), bounds.unread);
        let (watcher, abort) = (graceful.watcher(), abort.clone());
        let connection = async move {
            // Registered with the lane it is served on.
            let Ok(stream) = TcpStream::from_std(stream) else { return };
            let service = service_fn(move |request| answer(router.clone(), peer, request));
            let stream = TokioIo::new(Unread::new(stream, unread));
            let connection = watcher.watch(builder.serve_connection(stream, service));
            // Errors here are broken or slow connections: nothing anybody could do.
            tokio::select! {
                _ = connection => {}
                () = abort.cancelled() => {}
            }
            drop(held);
        };
        tasks.spawn_on(connection, &runtime);
    }
    drop(listener);
    tracing::info!(connections = graceful.count(), "stopping: no new connections");
    if tokio::time::timeout(bounds.deadline, graceful.shutdown()).await.is_err() {
        tracing::warn!(connections = tasks.len(), "the deadline is over: cutting off the rest");
    }
    abort.cancel();
    tasks.close();
    tasks.wait().await;
}

fn protocol(header_timeout: Duration) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(header_timeout)
        .max_headers(HEADERS_MAX)
        // Looked at after each read, so that somewhat more may have come by then: this bounds the
        // memory. The exact bound on a head is the guard's.
        .max_buf_size(HEAD_BYTES_MAX);
    builder
}

/// Says why, as far as the caller takes it at once, and closes: nobody waits for a caller that has
/// too many connections already.
fn refuse(stream: TcpStream) {
    tracing::debug!("an address has too many connections");
    if let Ok(mut stream) = stream.into_std() {
        let _as_far_as_it_goes = stream.write(TOO_MANY);
    }
}

/// Raises the bound on open files as far as the system allows, and returns how many of the wanted
/// connections fit under it. Each is an open file: with too many, nothing else could open one.
fn affordable(wanted: usize) -> usize {
    let files = match rlimit::increase_nofile_limit(u64::MAX) {
        Ok(files) => files,
        Err(error) => {
            tracing::warn!(error.causes = %error, "the bound on open files could not be raised");
            return wanted;
        }
    };
    let fitting = fitting(wanted, files);
    if fitting < wanted {
        tracing::warn!(
            connections = fitting,
            "the system allows fewer open files than limits.connections needs"
        );
    }
    fitting
}

fn fitting(wanted: usize, files: u64) -> usize {
    let room = usize::try_from(files.saturating_sub(FILES_BESIDE)).unwrap_or(usize::MAX);
    wanted.min(room.max(1))
}

/// Takes a place, then a connection. Dropped half-way, both go back.
async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> io::Result<(TcpStream, SocketAddr, tokio::sync::OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    // Small pieces of a stream must not wait for more.
    stream.set_nodelay(true)?;
    Ok((stream, peer, place))
}

async fn answer(
    router: Router,
    peer: SocketAddr,
    request: hyper::Request<Incoming>,
) -> Result<axum::response::Response, Infallible> {
    let mut request = request.map(Body::new);
    request.extensions_mut().insert(Peer(peer.ip()));
    router.oneshot(request).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_files_for_everything_else() {
        assert_eq!(fitting(4_096, u64::MAX), 4_096);
        assert_eq!(fitting(4_096, 1_024), 768);
        assert_eq!(fitting(4_096, 100), 1);
    }

    #[test]
    fn the_bound_on_open_files_is_raised() {
        affordable(1);
        let (soft, hard) = rlimit::getrlimit(rlimit::Resource::NOFILE).expect("a known resource");
        assert_eq!(soft, hard);
    }
}
