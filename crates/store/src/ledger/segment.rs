//! A file of the journal: one record a line, locked by the process it belongs to.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{ErrorKind, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use domain::money;
use serde::Deserialize;
use uuid::Uuid;

use crate::{Error, UsageRecord};

const ENDING: &str = "jsonl";
/// Most records of a segment that are kept in memory.
const KEPT_MAX: usize = 5_000;
/// The ending of a segment that cannot go into the database and is kept for a person to look at.
const REJECTED: &str = "rejected";

#[derive(Debug)]
pub(super) struct Segment {
    path: PathBuf,
    file: File,
    bytes: u64,
    /// What it holds, as long as that need not be read again.
    kept: Mutex<Option<Vec<UsageRecord>>>,
}

/// What a segment holds.
#[derive(Debug, Default)]
pub(super) struct Content {
    pub(super) records: Vec<UsageRecord>,
    /// Whole lines that are no record. Half a line at the end was never acknowledged and is none.
    pub(super) unreadable: usize,
}

impl Segment {
    pub(super) fn create(folder: &Path) -> Result<Self, Error> {
        let path = folder.join(format!("{}.{ENDING}", Uuid::now_v7()));
        let file = OpenOptions::new().append(true).create_new(true).mode(0o600).open(&path)?;
        // Whoever lists the folder in this very moment sees an empty file and leaves it alone.
        file.lock()?;
        Ok(Self { path, file, bytes: 0, kept: Mutex::new(Some(Vec::new())) })
    }

    /// The segments in `folder` that hold something and whose process is gone, oldest first.
    pub(super) fn left_behind(folder: &Path) -> Result<Vec<Self>, Error> {
        let mut found = Vec::new();
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.extension().is_some_and(|ending| ending == ENDING) {
                found.extend(Self::take_over(path)?);
            }
        }
        found.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(found)
    }

    fn take_over(path: PathBuf) -> Result<Option<Self>, Error> {
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
        Ok((bytes > 0).then_some(Self { path, file, bytes, kept: Mutex::new(None) }))
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Appends whole lines, all or nothing.
    pub(super) fn append(&mut self, lines: &[u8]) -> Result<(), Error> {
        if let Err(error) = self.file.write_all(lines) {
            // Cutting a file needs no room, so that this works on a full disk.
            self.file.set_len(self.bytes)?;
            return Err(error.into());
        }
        self.bytes += lines.len() as u64;
        Ok(())
    }

    /// Keeps the records of the lines that were appended, so that they need not be read again.
    pub(super) fn keep(&mut self, records: &mut Vec<UsageRecord>) {
        let kept = self.kept.get_mut().unwrap_or_else(PoisonError::into_inner);
        match kept {
            Some(kept) if kept.len() < KEPT_MAX => kept.append(records),
            _ => {
                *kept = None;
                records.clear();
            }
        }
    }

    /// Takes what is kept of it, once: who needs it again reads the file.
    pub(super) fn take_kept(&self) -> Option<Vec<UsageRecord>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Reads everything; blocks. A segment that is gone was settled by the process it belonged to.
    pub(super) fn read(&self) -> Result<Content, Error> {
        let text = match fs::read(&self.path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Content::default()),
            text => text?,
        };
        let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let mut content = Content::default();
        for line in text[..whole].split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            match record_of(line) {
                Ok(record) => content.records.push(record),
                Err(_) => content.unreadable += 1,
            }
        }
        Ok(content)
    }

    /// Removes the file: what it held is in the database.
    pub(super) fn remove(&self) -> Result<(), Error> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// Keeps the file, under a name that nobody settles.
    pub(super) fn set_aside(&self) -> Result<(), Error> {
        Ok(fs::rename(&self.path, self.path.with_extension(REJECTED))?)
    }
}

/// Reads a line of a journal, also one of a program that wrote costs in micro-euro (before schema
/// 0013): who was killed before an update left such lines behind.
fn record_of(line: &[u8]) -> serde_json::Result<UsageRecord> {
    #[derive(Deserialize)]
    struct Before {
        cost_micro_euro: Option<u64>,
    }
    let mut record: UsageRecord = serde_json::from_slice(line)?;
    if record.cost_nano_euro.is_none() {
        let before: Before = serde_json::from_slice(line)?;
        let nano = |micro: u64| micro.saturating_mul(money::NANO_PER_MICRO);
        record.cost_nano_euro = before.cost_micro_euro.map(nano);
    }
    Ok(record)
}
