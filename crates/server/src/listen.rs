//! Connections: accepted within a bound, served by the router, drained at the end. Knows no routes.

use std::{convert::Infallible, io, net::SocketAddr, sync::Arc, time::Duration};

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

use crate::door::Peer;

/// Pause after a failed accept: out of file descriptors, for one, passes by itself.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Most headers of a request; beyond: 431 and the connection is closed.
const HEADERS_MAX: usize = 100;
/// Largest head of a request; beyond: 431 and the connection is closed.
const HEAD_BYTES_MAX: usize = 64 << 10;

/// Files kept free for everything that is no connection of a caller: database, index, documents on
/// their way in, children, calls out.
const FILES_BESIDE: u64 = 256;

/// Serves until `stop`; then lets running answers end within `deadline`, and cuts off the rest.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    connections_max: usize,
    header_timeout: Duration,
    deadline: Duration,
    stop: CancellationToken,
) {
    let graceful = GracefulShutdown::new();
    let abort = CancellationToken::new();
    let tasks = TaskTracker::new();
    let places = Arc::new(Semaphore::new(affordable(connections_max)));
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(header_timeout)
        .max_headers(HEADERS_MAX)
        .max_buf_size(HEAD_BYTES_MAX);
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
        let router = router.clone();
        let service = service_fn(move |request| answer(router.clone(), peer, request));
        let connection = graceful.watch(builder.serve_connection(TokioIo::new(stream), service));
        let abort = abort.clone();
        tasks.spawn(async move {
            // Errors here are broken or slow connections: nothing anybody could do.
            tokio::select! {
                _ = connection => {}
                () = abort.cancelled() => {}
            }
            drop(place);
        });
    }
    drop(listener);
    tracing::info!(connections = graceful.count(), "stopping: no new connections");
    if tokio::time::timeout(deadline, graceful.shutdown()).await.is_err() {
        tracing::warn!(connections = tasks.len(), "the deadline is over: cutting off the rest");
    }
    abort.cancel();
    tasks.close();
    tasks.wait().await;
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
