//! The threads that serve connections. Each has a runtime of its own and keeps a connection from its
//! first byte to its last, with the calls made for it: nothing moves between processors on the way.
//! Knows nothing of what the connections carry.

use std::{
    io,
    num::NonZero,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use tokio::runtime::{Builder, Handle};
use tokio_util::sync::{CancellationToken, DropGuard};

/// Shorter than the time limits of requests, and long enough to cost nothing.
const HEARTBEAT: Duration = Duration::from_secs(1);

/// The lanes of a process. Dropped, they end, with whatever still runs on them.
#[derive(Debug)]
pub(crate) struct Lanes {
    lanes: Vec<Lane>,
    _end: DropGuard,
}

#[derive(Debug)]
struct Lane {
    runtime: Handle,
    /// Connections it holds.
    load: Arc<AtomicUsize>,
}

/// A place on a lane; given back when dropped.
#[derive(Debug)]
pub(super) struct LanePlace {
    /// Where the connection runs.
    pub runtime: Handle,
    load: Arc<AtomicUsize>,
}

impl Lanes {
    /// Starts one lane for each processor.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub fn start() -> io::Result<Self> {
        let end = CancellationToken::new();
        let lanes = (0..Self::count()).map(|number| Lane::start(number, end.clone()));
        Ok(Self { lanes: lanes.collect::<io::Result<_>>()?, _end: end.drop_guard() })
    }

    /// How many lanes there are on this machine.
    pub fn count() -> usize {
        thread::available_parallelism().map_or(1, NonZero::get)
    }

    /// Takes a place on the lane with the fewest connections.
    pub(super) fn take(&self) -> LanePlace {
        let load = |lane: &&Lane| lane.load.load(Ordering::Relaxed);
        // There is at least one.
        let lane = self.lanes.iter().min_by_key(load).unwrap_or(&self.lanes[0]);
        lane.load.fetch_add(1, Ordering::Relaxed);
        LanePlace { runtime: lane.runtime.clone(), load: Arc::clone(&lane.load) }
    }
}

impl Lane {
    fn start(number: usize, end: CancellationToken) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        thread::Builder::new().name(format!("lane-{number}")).spawn(move || {
            runtime.block_on(end.run_until_cancelled(heartbeat()));
            // A thread that still reads something would hold the process for as long as it reads.
            runtime.shutdown_background();
        })?;
        Ok(Self { runtime: handle, load: Arc::default() })
    }
}

/// Keeps a timer running that ends before nearly all others. A runtime whose earliest timer changes
/// wakes itself through the kernel, even from its own thread: without this, every request would pay
/// for it with the time limits it sets.
async fn heartbeat() {
    loop {
        tokio::time::sleep(HEARTBEAT).await;
    }
}

impl Drop for LanePlace {
    fn drop(&mut self) {
        self.load.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_spread_over_the_lanes() {
        let lanes = Lanes::start().expect("threads");
        let places: Vec<LanePlace> = (0..Lanes::count() * 2).map(|_| lanes.take()).collect();
        assert!(lanes.lanes.iter().all(|lane| lane.load.load(Ordering::Relaxed) == 2));
        drop(places);
        assert!(lanes.lanes.iter().all(|lane| lane.load.load(Ordering::Relaxed) == 0));
    }
}
