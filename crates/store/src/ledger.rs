//! The ledger: calls to models are written into a journal the moment they end, without a database on
//! the way, and moved to the database in batches.
//!
//! A line in the journal survives a killed process, and a database that is away. It is not flushed
//! to the disk one by one: a power cut may take what the last [`SETTLE_INTERVAL`] brought.
//!
//! The journal is a folder of segments. Each belongs to one process, which holds a lock on it; what
//! a dead one left behind is taken over by whoever looks next.

mod segment;

use std::{
    collections::VecDeque,
    fs,
    num::NonZero,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use segment::{Content, Segment};
use tokio::sync::{Mutex as AsyncMutex, Notify};

use crate::{Error, LimitWarning, Store, UsageRecord, error::is_dangling};

/// How long a record waits for others before all are moved to the database together.
pub const SETTLE_INTERVAL: Duration = Duration::from_millis(200);
/// Most bytes that wait for the database, roughly half a million calls; beyond: [`Ledger::has_room`]
/// says no, and calls must be refused.
const BACKLOG_BYTES_MAX: u64 = 256 << 20;
/// A segment of this size is closed and the next one begun.
const SEGMENT_BYTES_MAX: u64 = 4 << 20;
/// Most bytes that wait in memory while the disk takes nothing; beyond: they are lost, with an error.
const UNWRITTEN_BYTES_MAX: usize = 1 << 20;
/// Journals that are written side by side. Threads share them by number, whatever else they do.
const JOURNALS_PER_PROCESSOR: usize = 4;
/// Pause between two tries to write after one failed.
const WRITE_RETRY: Duration = Duration::from_secs(1);
/// Most records moved in one transaction; a larger segment takes several.
const BATCH_MAX: usize = 5_000;
/// Longest wait for the database to take them; beyond: they are tried again.
const BATCH_PATIENCE: Duration = Duration::from_secs(30);

/// Takes records down at once and moves them to the database later.
#[derive(Debug)]
pub struct Ledger {
    folder: PathBuf,
    /// So many that threads which write at once seldom wait for one another.
    journals: Box<[Mutex<Journal>]>,
    /// Whether the disk did not take what one of them wrote last.
    is_failing: AtomicBool,
    /// Segments that wait for the database, oldest first.
    closed: Mutex<VecDeque<Arc<Segment>>>,
    /// Held while they are moved: one mover at a time.
    moving: AsyncMutex<()>,
    backlog_bytes: AtomicU64,
    recorded: Notify,
}

#[derive(Debug, Default)]
struct Journal {
    /// The segment being written, if there is one.
    open: Option<Segment>,
    /// Lines that the disk did not take, and the records in them.
    unwritten: Vec<u8>,
    unwritten_records: Vec<UsageRecord>,
    /// When it last did not.
    failed_at: Option<Instant>,
}

impl Ledger {
    /// Opens the journal in `folder`, which is made if it is missing.
    ///
    /// # Errors
    /// If the folder cannot be made or read.
    pub fn open(folder: &Path) -> Result<Self, Error> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
        let journals = processors * JOURNALS_PER_PROCESSOR;
        let ledger = Self {
            folder: folder.to_owned(),
            journals: (0..journals).map(|_| Mutex::default()).collect(),
            is_failing: AtomicBool::new(false),
            closed: Mutex::default(),
            moving: AsyncMutex::new(()),
            backlog_bytes: AtomicU64::new(0),
            recorded: Notify::new(),
        };
        ledger.take_over()?;
        Ok(ledger)
    }

    /// Takes over what processes that are gone left behind.
    ///
    /// # Errors
    /// If the folder cannot be read.
    pub fn take_over(&self) -> Result<(), Error> {
        let found = Segment::left_behind(&self.folder)?;
        if found.is_empty() {
            return Ok(());
        }
        let bytes = found.iter().map(Segment::bytes).sum();
        self.backlog_bytes.fetch_add(bytes, Ordering::Relaxed);
        locked(&self.closed).extend(found.into_iter().map(Arc::new));
        self.recorded.notify_one();
        Ok(())
    }

    /// Whether more may be recorded. If the database stays away until the journal is full, or the
    /// disk takes nothing, calls must be refused rather than go unrecorded.
    #[must_use]
    pub fn has_room(&self) -> bool {
        if self.backlog_bytes.load(Ordering::Relaxed) >= BACKLOG_BYTES_MAX {
            return false;
        }
        if !self.is_failing.load(Ordering::Relaxed) {
            return true;
        }
        let recovered = self.journals.iter().all(|journal| {
            let mut journal = locked(journal);
            match journal.failed_at {
                None => true,
                Some(at) if at.elapsed() < WRITE_RETRY => false,
                Some(_) => self.write(&mut journal).is_ok(),
            }
        });
        self.is_failing.fetch_and(!recovered, Ordering::Relaxed);
        recovered
    }

    /// Writes a record down. It is kept even if the process is killed right afterwards. What the disk
    /// does not take stays in memory and is written with the next.
    ///
    /// Blocks for one write to the page cache, some microseconds.
    ///
    /// # Errors
    /// If the file cannot be written, e.g. because the disk is full.
    pub fn record(&self, record: UsageRecord) -> Result<(), Error> {
        let line = serde_json::to_vec(&record).expect("a record is plain JSON");
        let mut journal = locked(&self.journals[own_number() % self.journals.len()]);
        if journal.unwritten.len() + line.len() < UNWRITTEN_BYTES_MAX {
            journal.unwritten.extend_from_slice(&line);
            journal.unwritten.push(b'\n');
            journal.unwritten_records.push(record);
        } else {
            tracing::error!("a call was not written down: the disk has taken nothing for long");
        }
        let written = self.write(&mut journal);
        drop(journal);
        self.recorded.notify_one();
        written
    }

    /// Returns once something waits for the database.
    pub async fn wait(&self) {
        self.recorded.notified().await;
    }

    /// Moves everything that waits to the database. What fails to arrive stays in the journal; what
    /// can never arrive, because its tenant is unknown there, is set aside. Returns the warnings that
    /// were given with what arrived.
    ///
    /// # Errors
    /// A database error, or an unreadable file.
    pub async fn settle(&self, store: &Store) -> Result<Vec<LimitWarning>, Error> {
        let _moving = self.moving.lock().await;
        let open = self.journals.iter().filter_map(|journal| locked(journal).open.take());
        // Each journal is let go before the list is asked for: whoever writes takes them in that order.
        let open: Vec<Segment> = open.collect();
        self.close(open);
        let mut warnings = Vec::new();
        loop {
            let Some(segment) = locked(&self.closed).front().cloned() else { break };
            if let Err(error) = move_to(store, &segment, &mut warnings).await {
                // Whoever comes back to them later reads the files.
                locked(&self.closed).iter().for_each(|segment| drop(segment.take_kept()));
                return Err(error);
            }
            locked(&self.closed).pop_front();
            self.backlog_bytes.fetch_sub(segment.bytes(), Ordering::Relaxed);
        }
        Ok(warnings)
    }

    /// Writes what waits in memory.
    fn write(&self, journal: &mut Journal) -> Result<(), Error> {
        let written = self.append(journal);
        journal.failed_at = written.is_err().then(Instant::now);
        if written.is_err() {
            self.is_failing.store(true, Ordering::Relaxed);
        }
        written
    }

    fn append(&self, journal: &mut Journal) -> Result<(), Error> {
        let segment = match &mut journal.open {
            Some(segment) => segment,
            open => open.insert(Segment::create(&self.folder)?),
        };
        segment.append(&journal.unwritten)?;
        segment.keep(&mut journal.unwritten_records);
        self.backlog_bytes.fetch_add(journal.unwritten.len() as u64, Ordering::Relaxed);
        journal.unwritten.clear();
        if segment.bytes() >= SEGMENT_BYTES_MAX {
            self.close(journal.open.take());
        }
        Ok(())
    }

    /// Puts segments behind those that wait for the database.
    fn close(&self, segments: impl IntoIterator<Item = Segment>) {
        let mut closed = locked(&self.closed);
        let is_behind = !closed.is_empty();
        for segment in segments {
            if is_behind {
                // The database is slow or away: who knows how much there will be until it is back.
                drop(segment.take_kept());
            }
            closed.push_back(Arc::new(segment));
        }
    }
}

/// The number of this thread, counted from the first that asked.
fn own_number() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static OWN: usize = NEXT.fetch_add(1, Ordering::Relaxed);
    }
    OWN.with(|own| *own)
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Every state between two statements is a valid one, also after a panic.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn move_to(
    store: &Store,
    segment: &Arc<Segment>,
    warnings: &mut Vec<LimitWarning>,
) -> Result<(), Error> {
    let Content { records, unreadable } = match segment.take_kept() {
        Some(records) => Content { records, unreadable: 0 },
        None => {
            let file = Arc::clone(segment);
            let read = tokio::task::spawn_blocking(move || file.read());
            read.await.map_err(|gone| Error::Io(std::io::Error::other(gone)))??
        }
    };
    for batch in records.chunks(BATCH_MAX) {
        // A network that was pulled says nothing, and would hold all later batches up.
        let written = tokio::time::timeout(BATCH_PATIENCE, store.record_usage(batch)).await;
        let late = |_| Error::Unavailable("the database does not answer".into());
        match written.unwrap_or_else(|elapsed| Err(late(elapsed))) {
            Err(error) if is_dangling(&error) => {
                tracing::error!("calls of an unknown tenant are kept in the journal, set aside");
                return segment.set_aside();
            }
            written => warnings.extend(written?),
        }
    }
    if unreadable > 0 {
        tracing::error!(lines = unreadable, "unreadable lines are kept in the journal, set aside");
        return segment.set_aside();
    }
    segment.remove()
}
