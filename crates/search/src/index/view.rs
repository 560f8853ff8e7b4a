//! The reading side: always the last committed state, whichever process committed it.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, RwLock},
};

use tantivy::{IndexReader, ReloadPolicy};

use super::Opened;
use crate::{
    error::Error,
    folder::{self, Stamp},
    schema::{FORMAT, schema},
    snapshot::{KnownFacts, Snapshot},
};

/// Hands out snapshots and takes a new one when the files say that something was committed.
pub(super) struct Views {
    dir: PathBuf,
    latest: RwLock<Option<View>>,
    refreshing: Mutex<()>,
}

/// A snapshot and the files it was taken from.
#[derive(Clone)]
struct View {
    reader: Option<IndexReader>,
    meta: PathBuf,
    current_stamp: Stamp,
    meta_stamp: Stamp,
    snapshot: Arc<Snapshot>,
}

impl Views {
    /// Says what lies in a folder, as far as reading shows.
    pub(super) fn look(dir: &Path) -> Opened {
        match folder::read_current(dir) {
            Some(current) if current.format == FORMAT => {
                match open_folder(&dir.join(current.folder)) {
                    Ok(_) if current.whole => Opened::Existing,
                    Ok(_) => Opened::Incomplete,
                    Err(_) => Opened::OutOfDate,
                }
            }
            Some(_) => Opened::OutOfDate,
            None if folder::current_file(dir).exists() => Opened::OutOfDate,
            None => Opened::Fresh,
        }
    }

    pub(super) fn open(dir: &Path) -> Self {
        Self { dir: dir.to_owned(), latest: RwLock::new(None), refreshing: Mutex::new(()) }
    }

    /// Returns the last committed state. Looks at two files; reads again only when they changed.
    pub(super) fn latest(&self) -> Result<Arc<Snapshot>, Error> {
        if let Some(snapshot) = self.unchanged() {
            return Ok(snapshot);
        }
        let _one = self.refreshing.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(snapshot) = self.unchanged() {
            return Ok(snapshot);
        }
        let known = self.known();
        let view = View::take(&self.dir, known)?;
        let snapshot = Arc::clone(&view.snapshot);
        *self.latest.write().unwrap_or_else(PoisonError::into_inner) = Some(view);
        Ok(snapshot)
    }

    fn known(&self) -> Option<View> {
        self.latest.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn unchanged(&self) -> Option<Arc<Snapshot>> {
        let latest = self.latest.read().unwrap_or_else(PoisonError::into_inner);
        let view = latest.as_ref()?;
        let same = view.current_stamp == Stamp::of(&folder::current_file(&self.dir))
            && view.meta_stamp == Stamp::of(&view.meta);
        same.then(|| Arc::clone(&view.snapshot))
    }
}

impl View {
    /// Reads the state on disk. The stamps are taken first: what is committed meanwhile is noticed
    /// at the next look.
    fn take(dir: &Path, before: Option<Self>) -> Result<Self, Error> {
        let current_stamp = Stamp::of(&folder::current_file(dir));
        if let Some(before) = before.filter(|view| view.current_stamp == current_stamp) {
            let meta_stamp = Stamp::of(&before.meta);
            if let Some(reader) = &before.reader {
                reader.reload()?;
                let snapshot = read(reader, &before.snapshot.facts)?;
                return Ok(Self { meta_stamp, snapshot, ..before });
            }
        }
        let current = folder::read_current(dir).filter(|current| current.format == FORMAT);
        let folder = current.map(|current| dir.join(current.folder));
        let meta = folder.as_ref().map_or_else(|| dir.join("none"), |path| path.join("meta.json"));
        let meta_stamp = Stamp::of(&meta);
        let opened = folder.and_then(|folder| open_folder(&folder).ok());
        let reader = match &opened {
            Some(reader) => reader.clone(),
            None => reader(&tantivy::Index::create_in_ram(schema().0))?,
        };
        let snapshot = read(&reader, &KnownFacts::new())?;
        Ok(Self { reader: opened, meta, current_stamp, meta_stamp, snapshot })
    }
}

fn read(reader: &IndexReader, known: &KnownFacts) -> Result<Arc<Snapshot>, Error> {
    Ok(Arc::new(Snapshot::read(reader.searcher(), schema().1, known)?))
}

fn open_folder(folder: &Path) -> Result<IndexReader, Error> {
    let index = tantivy::Index::open_in_dir(folder)?;
    if index.schema() != schema().0 {
        return Err(Error::Io(std::io::ErrorKind::InvalidData.into()));
    }
    reader(&index)
}

fn reader(index: &tantivy::Index) -> Result<IndexReader, Error> {
    Ok(index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?)
}
