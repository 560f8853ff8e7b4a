//! The ledger: calls to models are written into a journal the moment they end, without a database on
//! the way, and moved to the database in batches.
//!
//! A line in the journal survives a killed process, and a database that is away. It is not flushed
//! to the disk one by one: a power cut may take what the last [`SETTLE_INTERVAL`] brought.
//!
//! The journal is a folder of segments. Each belongs to one process, which holds a lock on it; what
//! a dead one left behind is taken over by whoever looks next.

use std::{
    collections::VecDeque,
    fs::{self, File, OpenOptions, TryLockError},
    io::{BufRead, BufReader, ErrorKind, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::sync::{Mutex as AsyncMutex, Notify};
use uuid::Uuid;

use crate::{Error, Store, UsageRecord};

/// How long a record waits for others before all are moved to the database together.
pub const SETTLE_INTERVAL: Duration = Duration::from_millis(200);
/// Most bytes that wait for the database, roughly a million calls; beyond: [`Ledger::has_room`] says
/// no, and calls must be refused.
const BACKLOG_BYTES_MAX: u64 = 256 << 20;
/// Most records moved in one transaction; a larger segment takes several.
const BATCH_MAX: usize = 5_000;
const ENDING: &str = "jsonl";

/// Takes records down at once and moves them to the database later.
#[derive(Debug)]
pub struct Ledger {
    folder: PathBuf,
    segments: Mutex<Segments>,
    /// Held while segments are moved: one mover at a time.
    moving: AsyncMutex<()>,
    backlog_bytes: AtomicU64,
    recorded: Notify,
}

#[derive(Debug, Default)]
struct Segments {
    /// The one being written, if there is one.
    open: Option<Segment>,
    /// Those that wait for the database, oldest first.
    closed: VecDeque<Arc<Segment>>,
}

/// A file of the journal, locked by this process.
#[derive(Debug)]
struct Segment {
    path: PathBuf,
    file: File,
    bytes: u64,
}

impl Ledger {
    /// Opens the journal in `folder`, which is made if it is missing.
    ///
    /// # Errors
    /// If the folder cannot be made or read.
    pub fn open(folder: &Path) -> Result<Self, Error> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let closed = left_behind(folder)?;
        let bytes = closed.iter().map(|segment| segment.bytes).sum();
        let recorded = Notify::new();
        if !closed.is_empty() {
            recorded.notify_one();
        }
        Ok(Self {
            folder: folder.to_owned(),
            segments: Mutex::new(Segments { open: None, closed }),
            moving: AsyncMutex::new(()),
            backlog_bytes: AtomicU64::new(bytes),
            recorded,
        })
    }

    /// Whether more may be recorded. If the database stays away until the journal is full, calls must
    /// be refused rather than go unrecorded.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.backlog_bytes.load(Ordering::Relaxed) < BACKLOG_BYTES_MAX
    }

    /// Writes a record down. It is kept even if the process is killed right afterwards.
    ///
    /// Blocks for one write to the page cache, some microseconds.
    ///
    /// # Errors
    /// If the file cannot be written, e.g. because the disk is full.
    pub fn record(&self, record: &UsageRecord) -> Result<(), Error> {
        let mut line = serde_json::to_vec(record).expect("a record is plain JSON");
        line.push(b'\n');
        let length = line.len() as u64;
        self.append(&line)?;
        self.backlog_bytes.fetch_add(length, Ordering::Relaxed);
        self.recorded.notify_one();
        Ok(())
    }

    /// Returns once something waits for the database.
    pub async fn wait(&self) {
        self.recorded.notified().await;
    }

    /// Moves everything that waits to the database. What fails to arrive stays in the journal.
    ///
    /// # Errors
    /// A database error, or an unreadable file.
    pub async fn settle(&self, store: &Store) -> Result<(), Error> {
        let _moving = self.moving.lock().await;
        self.with(|segments| {
            let open = segments.open.take().map(Arc::new);
            segments.closed.extend(open);
        });
        while let Some(segment) = self.with(|segments| segments.closed.front().cloned()) {
            for batch in segment.read()?.chunks(BATCH_MAX) {
                store.record_usage(batch).await?;
            }
            fs::remove_file(&segment.path)?;
            self.with(|segments| segments.closed.pop_front());
            self.backlog_bytes.fetch_sub(segment.bytes, Ordering::Relaxed);
        }
        Ok(())
    }

    fn append(&self, line: &[u8]) -> Result<(), Error> {
        self.with(|segments| {
            let mut segment = match segments.open.take() {
                Some(segment) => segment,
                None => Segment::create(&self.folder)?,
            };
            if let Err(error) = segment.file.write_all(line) {
                // Half a line may be there: the next record begins a new segment.
                segments.closed.push_back(Arc::new(segment));
                return Err(error.into());
            }
            segment.bytes += line.len() as u64;
            segments.open = Some(segment);
            Ok(())
        })
    }

    fn with<T>(&self, act: impl FnOnce(&mut Segments) -> T) -> T {
        // Every state between two statements is a valid one, also after a panic.
        act(&mut self.segments.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Segment {
    fn create(folder: &Path) -> Result<Self, Error> {
        let path = folder.join(format!("{}.{ENDING}", Uuid::now_v7()));
        let file = OpenOptions::new().append(true).create_new(true).mode(0o600).open(&path)?;
        // Whoever lists the folder in this very moment sees an empty file and leaves it alone.
        file.lock()?;
        Ok(Self { path, file, bytes: 0 })
    }

    /// All whole records. A line that a killed process left unfinished was never acknowledged.
    fn read(&self) -> Result<Vec<UsageRecord>, Error> {
        let mut records = Vec::new();
        let mut unreadable = 0;
        for line in BufReader::new(File::open(&self.path)?).split(b'\n') {
            match serde_json::from_slice(&line?) {
                Ok(record) => records.push(record),
                Err(_) => unreadable += 1,
            }
        }
        if unreadable > 0 {
            tracing::warn!(lines = unreadable, "lines of the journal of calls are unreadable");
        }
        Ok(records)
    }
}

/// The segments of processes that are gone, oldest first.
fn left_behind(folder: &Path) -> Result<VecDeque<Arc<Segment>>, Error> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == ENDING) {
            found.extend(take_over(path)?);
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found.into_iter().map(Arc::new).collect())
}

/// Takes a segment over if its process is gone and it holds anything.
fn take_over(path: PathBuf) -> Result<Option<Segment>, Error> {
    let file = match OpenOptions::new().append(true).open(&path) {
        Ok(file) => file,
        // Its owner has moved it to the database in this moment.
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(None),
        Err(TryLockError::Error(error)) => return Err(error.into()),
    }
    let bytes = file.metadata()?.len();
    Ok((bytes > 0).then_some(Segment { path, file, bytes }))
}
