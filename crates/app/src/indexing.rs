//! Writes to the index, several documents to a commit: whoever waits for the commit before theirs
//! finds their own change taken along.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use tokio::sync::Mutex;

use crate::{Error, Result};

/// The one place that writes to the index.
pub(crate) struct Indexing {
    index: Arc<::search::Index>,
    /// Changes handed to the index writer so far.
    written: Arc<AtomicU64>,
    /// Changes that are durable; the lock is held during a commit.
    committed: Mutex<u64>,
}

impl Indexing {
    pub(crate) fn new(index: Arc<::search::Index>) -> Self {
        Self { index, written: Arc::default(), committed: Mutex::new(0) }
    }

    /// Makes a change on a blocking thread; returns when it is durable and visible.
    pub(crate) async fn apply(
        &self,
        change: impl FnOnce(&::search::Index) -> std::result::Result<(), ::search::Error>
        + Send
        + 'static,
    ) -> Result<()> {
        let (index, written) = (self.index.clone(), self.written.clone());
        let mine = tokio::task::spawn_blocking(move || {
            change(&index).map(|()| written.fetch_add(1, Ordering::SeqCst) + 1)
        });
        let mine = mine.await.map_err(Error::internal)?.map_err(Error::internal)?;
        let mut committed = self.committed.lock().await;
        if *committed >= mine {
            return Ok(());
        }
        let upto = self.written.load(Ordering::SeqCst);
        let index = self.index.clone();
        let done = tokio::task::spawn_blocking(move || index.commit());
        done.await.map_err(Error::internal)?.map_err(Error::internal)?;
        *committed = upto;
        Ok(())
    }
}
