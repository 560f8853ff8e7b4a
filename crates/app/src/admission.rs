//! Bounded room for computing: hashing, searching, ranking. What does not fit waits its turn; the
//! async threads never compute.

use std::sync::Arc;

use domain::ErrorKind;
use tokio::sync::Semaphore;

use crate::{Error, Result};

/// A pool of blocking threads with a bound.
#[derive(Clone)]
pub(crate) struct Admission {
    room: Arc<Semaphore>,
}

impl Admission {
    pub(crate) fn new(places: usize) -> Self {
        Self { room: Arc::new(Semaphore::new(places)) }
    }

    /// Runs `work` on a blocking thread as soon as there is room. If the caller goes away while
    /// waiting, the work is never started; once started it runs to its end.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T> {
        let permit = self.room.clone().acquire_owned().await.map_err(Error::internal)?;
        let done = tokio::task::spawn_blocking(move || {
            let value = work();
            drop(permit);
            value
        });
        done.await.map_err(|gone| Error::new(ErrorKind::Internal, "internal").caused_by(gone))
    }
}
