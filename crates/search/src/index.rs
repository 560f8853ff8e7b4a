//! The index on disk: one writer, any number of readers, a rebuild beside the old one.

mod view;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use domain::{CollectionId, DocumentId};
use tantivy::{IndexWriter, Term};

use crate::{
    entry::{DocumentEntry, Encoder, PassageEntry},
    error::Error,
    folder::{self, Current},
    rank::{self, Hit, Query},
    schema::{FORMAT, Fields, schema},
};
use view::Views;

/// Memory a writer gathers entries in before it writes them out; a rebuild has a second writer.
const WRITER_BYTES: usize = 30_000_000;

/// What a process does with an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Writes and reads; one process at a time.
    Writer,
    /// Only reads; sees what the writer commits.
    Reader,
}

/// What was found at the place of an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opened {
    /// Nothing; the index is empty. If there are documents it must be rebuilt.
    Fresh,
    /// An index of this format.
    Existing,
    /// An index that was empty when it was made, and that no [`Index::finish_rebuild`] has replaced
    /// since. It answers, but documents from before may be missing: it must be rebuilt.
    Incomplete,
    /// An index of another format or one that cannot be read. It answers nothing until
    /// [`Index::begin_rebuild`] and [`Index::finish_rebuild`] have put a new one in its place; what
    /// is written before the rebuild begins is not kept.
    OutOfDate,
}

/// How much an index holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stats {
    /// Passages that can be found.
    pub passages: u64,
    /// Documents they belong to.
    pub documents: u64,
    /// Whether a rebuild is under way in this process.
    pub rebuilding: bool,
}

/// A full-text index. Methods block: call them off the async threads. All take `&self`; writes wait
/// for each other, searches wait for nobody.
pub struct Index {
    dir: PathBuf,
    role: Role,
    views: Views,
    writers: Mutex<Writers>,
}

#[derive(Default)]
struct Writers {
    /// Writes to the folder that answers; None: not opened yet, or there is none that could.
    current: Option<Target>,
    /// Writes to the folder of a rebuild.
    rebuild: Option<Target>,
    /// Whether a writer died with writes that were not committed.
    lost: bool,
    encoder: Encoder,
}

struct Target {
    folder: String,
    writer: IndexWriter,
    fields: Fields,
}

impl Index {
    /// Opens the index in a folder, which is made if absent.
    ///
    /// # Errors
    /// [`Error::Locked`] if another process writes to it; [`Error::Io`] if the folder cannot be used.
    pub fn open(dir: &Path, role: Role) -> Result<(Self, Opened), Error> {
        fs::create_dir_all(dir)?;
        let mut opened = Views::look(dir);
        let mut writers = Writers::default();
        if role == Role::Writer {
            match opened {
                Opened::Fresh => {
                    folder::remove_others(dir, None)?;
                    let target = Target::create(dir)?;
                    target.become_current(dir, false)?;
                    writers.current = Some(target);
                }
                Opened::Existing | Opened::Incomplete => match Target::open_current(dir) {
                    Ok(target) => {
                        folder::remove_others(dir, Some(&target.folder))?;
                        writers.current = Some(target);
                    }
                    Err(Error::Engine(_)) => opened = Opened::OutOfDate,
                    Err(error) => return Err(error),
                },
                Opened::OutOfDate => {}
            }
        }
        let views = Views::open(dir);
        Ok((Self { dir: dir.to_owned(), role, views, writers: Mutex::new(writers) }, opened))
    }

    /// Puts a document into the index in place of what was there of it. Seen after [`Self::commit`].
    ///
    /// # Errors
    /// [`Error::ReadOnly`]; [`Error::Engine`] if the writer failed: then all writes since the last
    /// commit are lost, and the next commit says so.
    pub fn upsert_document(
        &self,
        document: &DocumentEntry<'_>,
        passages: impl IntoIterator<Item = PassageEntry>,
    ) -> Result<(), Error> {
        let mut passages = passages.into_iter();
        self.write(|targets, encoder| {
            for target in targets.iter_mut() {
                target.delete(target.fields.document, document.document.uuid().as_bytes());
            }
            for (at, passage) in passages.by_ref().enumerate() {
                let Some(fields) = targets.first().map(|target| target.fields) else { break };
                let entry = encoder.encode(fields, document, &passage, at == 0);
                for target in targets.iter_mut() {
                    target.writer.add_document(entry.clone())?;
                }
            }
            Ok(())
        })
    }

    /// Takes documents out of the index. Gone after [`Self::commit`].
    ///
    /// # Errors
    /// As [`Self::upsert_document`].
    pub fn delete_documents(&self, documents: &[DocumentId]) -> Result<(), Error> {
        self.write(|targets, _| {
            for target in targets.iter_mut() {
                for document in documents {
                    target.delete(target.fields.document, document.uuid().as_bytes());
                }
            }
            Ok(())
        })
    }

    /// Takes all documents of a collection out of the index. Gone after [`Self::commit`].
    ///
    /// # Errors
    /// As [`Self::upsert_document`].
    pub fn delete_collection(&self, collection: CollectionId) -> Result<(), Error> {
        self.write(|targets, _| {
            for target in targets.iter_mut() {
                target.delete(target.fields.collection, collection.uuid().as_bytes());
            }
            Ok(())
        })
    }

    /// Makes all writes durable and visible, here and in other processes.
    ///
    /// # Errors
    /// [`Error::Lost`] if writes since the last commit were lost; repeat them and commit again.
    pub fn commit(&self) -> Result<(), Error> {
        if std::mem::take(&mut self.writers().lost) {
            return Err(Error::Lost);
        }
        self.write(|targets, _| {
            for target in targets.iter_mut() {
                target.writer.commit()?;
            }
            Ok(())
        })
    }

    /// Begins to build the index anew in another folder; a rebuild already begun starts over. From
    /// now on every write goes to both; the old index goes on answering. Feed all documents through
    /// [`Self::upsert_document`], then call [`Self::finish_rebuild`].
    ///
    /// # Errors
    /// [`Error::ReadOnly`]; [`Error::Io`] and [`Error::Engine`] if the folder cannot be made.
    pub fn begin_rebuild(&self) -> Result<(), Error> {
        self.writable()?;
        let mut writers = self.writers();
        writers.rebuild = None;
        let keep = folder::read_current(&self.dir).map(|current| current.folder);
        folder::remove_others(&self.dir, keep.as_deref())?;
        writers.rebuild = Some(Target::create(&self.dir)?);
        Ok(())
    }

    /// Commits the rebuilt index and puts it in the place of the old one, which is removed.
    ///
    /// # Errors
    /// [`Error::NoRebuild`]; else as [`Self::commit`]: then the old index stays.
    pub fn finish_rebuild(&self) -> Result<(), Error> {
        self.commit()?;
        let mut writers = self.writers();
        let rebuilt = writers.rebuild.take().ok_or(Error::NoRebuild)?;
        rebuilt.become_current(&self.dir, true)?;
        let folder = rebuilt.folder.clone();
        // Dropping the old writer ends its merges before its files go.
        writers.current = Some(rebuilt);
        folder::remove_others(&self.dir, Some(&folder))?;
        Ok(())
    }

    /// Finds the passages that answer a query best, best first.
    ///
    /// # Errors
    /// [`Error::Engine`] or [`Error::Io`] if the index cannot be read.
    pub fn search(&self, query: &Query<'_>) -> Result<Vec<Hit>, Error> {
        rank::search(&*self.views.latest()?, query)
    }

    /// Says how much the last committed state holds.
    ///
    /// # Errors
    /// As [`Self::search`].
    pub fn stats(&self) -> Result<Stats, Error> {
        let rebuilding = self.writers().rebuild.is_some();
        let snapshot = self.views.latest()?;
        Ok(Stats {
            passages: snapshot.searcher.num_docs(),
            documents: snapshot.owners.len() as u64,
            rebuilding,
        })
    }

    /// Runs a write on every writer there is. If one fails all are dropped: the next write opens
    /// them again at their last commit.
    fn write(
        &self,
        change: impl FnOnce(&mut [&mut Target], &mut Encoder) -> tantivy::Result<()>,
    ) -> Result<(), Error> {
        self.writable()?;
        let mut guard = self.writers();
        let writers = &mut *guard;
        if writers.current.is_none()
            && matches!(Views::look(&self.dir), Opened::Existing | Opened::Incomplete)
        {
            writers.current = Some(Target::open_current(&self.dir)?);
        }
        let targets = writers.current.iter_mut().chain(writers.rebuild.iter_mut());
        let mut targets: Vec<&mut Target> = targets.collect();
        let done = change(&mut targets, &mut writers.encoder);
        if done.is_err() {
            // A rebuild that lost writes cannot be trusted to be whole: it must begin again.
            (writers.current, writers.rebuild, writers.lost) = (None, None, true);
        }
        Ok(done?)
    }

    fn writable(&self) -> Result<(), Error> {
        match self.role {
            Role::Writer => Ok(()),
            Role::Reader => Err(Error::ReadOnly),
        }
    }

    fn writers(&self) -> MutexGuard<'_, Writers> {
        // Whatever panicked while it held the lock left whole writers behind.
        self.writers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Target {
    fn create(dir: &Path) -> Result<Self, Error> {
        let folder = folder::create(dir)?;
        let (schema, _) = schema();
        let index = tantivy::Index::create_in_dir(dir.join(&folder), schema)?;
        Self::with_writer(folder, &index)
    }

    fn open_current(dir: &Path) -> Result<Self, Error> {
        let current = folder::read_current(dir)
            .ok_or_else(|| Error::Io(std::io::ErrorKind::NotFound.into()))?;
        let index = tantivy::Index::open_in_dir(dir.join(&current.folder))?;
        Self::with_writer(current.folder, &index)
    }

    fn with_writer(folder: String, index: &tantivy::Index) -> Result<Self, Error> {
        // One thread: the caller analyses meanwhile, and merges have their own.
        let writer = index.writer_with_num_threads(1, WRITER_BYTES)?;
        Ok(Self { folder, writer, fields: schema().1 })
    }

    fn become_current(&self, dir: &Path, whole: bool) -> Result<(), Error> {
        let current = Current { format: FORMAT, folder: self.folder.clone(), whole };
        Ok(folder::write_current(dir, &current)?)
    }

    fn delete(&self, field: tantivy::schema::Field, id: &[u8]) {
        self.writer.delete_term(Term::from_field_bytes(field, id));
    }
}
