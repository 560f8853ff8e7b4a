//! The bytes of documents: a folder in which each file is named by the SHA-256 of its content, so
//! that the same content is stored once.
//!
//! A file appears and disappears under the lock of its row in the table `blob` (see `documents.rs`);
//! this module only knows files.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    str::FromStr,
    time::{Duration, SystemTime},
};

use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;

use crate::Error;

/// Bytes gathered before they are hashed and written on a blocking thread.
const CHUNK_BYTES: usize = 256 * 1024;

/// The SHA-256 of a stored file's content; its name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlobHash(String);

impl BlobHash {
    /// 64 lower-case hexadecimal digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for BlobHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for BlobHash {
    type Err = Error;

    /// Only 64 lower-case hexadecimal digits: the text becomes part of a path.
    fn from_str(text: &str) -> Result<Self, Error> {
        let hexadecimal = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if text.len() == 64 && text.bytes().all(hexadecimal) {
            Ok(Self(text.to_owned()))
        } else {
            Err(Error::Unreadable("blob_hash"))
        }
    }
}

/// The folder of stored files, and the one beside it for files on their way in.
#[derive(Debug, Clone)]
pub struct Blobs {
    folder: PathBuf,
    incoming: PathBuf,
}

impl Blobs {
    /// Opens the folders, and makes them where they are missing. `incoming` must lie in the same
    /// file system as `folder`: files move from one to the other by renaming.
    ///
    /// # Errors
    /// A file error.
    pub fn open(folder: &Path, incoming: &Path) -> Result<Self, Error> {
        std::fs::create_dir_all(folder)?;
        std::fs::create_dir_all(incoming)?;
        Ok(Self { folder: folder.to_owned(), incoming: incoming.to_owned() })
    }

    /// Begins to take a file in. Beyond `limit_bytes` writing fails with [`Error::TooLarge`] and
    /// nothing stays behind.
    ///
    /// # Errors
    /// A file error.
    pub async fn begin(&self, limit_bytes: u64) -> Result<BlobWriter, Error> {
        let incoming = self.incoming.clone();
        let file = blocking(move || Ok(NamedTempFile::with_prefix_in("blob-", incoming)?)).await?;
        Ok(BlobWriter {
            sink: Some(Sink { file, hash: Sha256::new(), buffer: Vec::new() }),
            blobs: self.clone(),
            size_bytes: 0,
            limit_bytes,
        })
    }

    /// What is free on the disk of the files, in bytes, for a process without privileges.
    ///
    /// # Errors
    /// A file error.
    pub async fn free_bytes(&self) -> Result<u64, Error> {
        let incoming = self.incoming.clone();
        blocking(move || {
            let disk = rustix::fs::statvfs(&incoming).map_err(std::io::Error::from)?;
            Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
        })
        .await
    }

    /// Where a stored file lies. For reading only.
    #[must_use]
    pub fn path(&self, hash: &BlobHash) -> PathBuf {
        self.folder.join(&hash.0[..2]).join(&hash.0)
    }

    /// Opens a stored file for reading.
    ///
    /// # Errors
    /// [`Error::NotFound`] if it is not there.
    pub async fn read(&self, hash: &BlobHash) -> Result<tokio::fs::File, Error> {
        tokio::fs::File::open(self.path(hash)).await.map_err(not_found)
    }

    /// Removes a stored file; does nothing if it is not there.
    pub(crate) async fn remove(&self, hash: &BlobHash) -> Result<(), Error> {
        match tokio::fs::remove_file(self.path(hash)).await {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// Removes incoming files that nobody has written to for `age`: what a killed process left.
    ///
    /// # Errors
    /// A file error.
    pub async fn sweep_incoming(&self, age: Duration) -> Result<u64, Error> {
        let incoming = self.incoming.clone();
        blocking(move || {
            let mut removed = 0;
            for file in old_files(&incoming, age)? {
                // Only what we made: the folder may be shared.
                let ours = file
                    .file_name()
                    .is_some_and(|name| name.to_string_lossy().starts_with("blob-"));
                if ours && std::fs::remove_file(&file).is_ok() {
                    removed += 1;
                }
            }
            Ok(removed)
        })
        .await
    }

    /// Lists stored files that have lain there for `age` at least.
    pub(crate) async fn stored(&self, age: Duration) -> Result<Vec<BlobHash>, Error> {
        let folder = self.folder.clone();
        blocking(move || {
            let mut found = Vec::new();
            for shelf in std::fs::read_dir(folder)? {
                let shelf = shelf?.path();
                if !shelf.is_dir() {
                    continue;
                }
                let files = old_files(&shelf, age)?;
                let names = files.iter().filter_map(|file| file.file_name()?.to_str());
                found.extend(names.filter_map(|name| name.parse::<BlobHash>().ok()));
            }
            Ok(found)
        })
        .await
    }
}

fn old_files(folder: &Path, age: Duration) -> Result<Vec<PathBuf>, Error> {
    let now = SystemTime::now();
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        // A file that vanishes while we look is no concern of ours.
        let Ok(meta) = entry.metadata() else { continue };
        let rested = meta.modified().ok().and_then(|at| now.duration_since(at).ok());
        if meta.is_file() && rested.unwrap_or_default() >= age {
            found.push(entry.path());
        }
    }
    Ok(found)
}

struct Sink {
    file: NamedTempFile,
    hash: Sha256,
    buffer: Vec<u8>,
}

impl Sink {
    fn drain(&mut self) -> Result<(), Error> {
        self.hash.update(&self.buffer);
        self.file.write_all(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }
}

/// A file on its way in. Dropping it removes what was written.
pub struct BlobWriter {
    /// Away only while a blocking thread works on it; a cancelled write leaves it away, and the
    /// writer refuses everything from then on.
    sink: Option<Sink>,
    blobs: Blobs,
    size_bytes: u64,
    limit_bytes: u64,
}

impl BlobWriter {
    /// Takes the next bytes. Not cancel-safe: after a cancelled call the writer is of no more use.
    ///
    /// # Errors
    /// [`Error::TooLarge`] beyond the limit; a file error.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.size_bytes = self.size_bytes.saturating_add(bytes.len() as u64);
        if self.size_bytes > self.limit_bytes {
            self.sink = None;
            return Err(Error::TooLarge);
        }
        let sink = self.sink.as_mut().ok_or_else(broken)?;
        sink.buffer.extend_from_slice(bytes);
        if sink.buffer.len() >= CHUNK_BYTES {
            let mut sink = self.sink.take().ok_or_else(broken)?;
            self.sink = Some(
                blocking(move || {
                    sink.drain()?;
                    Ok(sink)
                })
                .await?,
            );
        }
        Ok(())
    }

    /// Bytes taken so far.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// Flushes the file to disk. It becomes a stored one with the row that names it, see
    /// [`crate::Store::receive_document`].
    ///
    /// # Errors
    /// A file error.
    pub async fn finish(mut self) -> Result<PendingBlob, Error> {
        let mut sink = self.sink.take().ok_or_else(broken)?;
        let (file, hash) = blocking(move || {
            sink.drain()?;
            sink.file.as_file().sync_all()?;
            Ok((sink.file, BlobHash(hex::encode(sink.hash.finalize()))))
        })
        .await?;
        Ok(PendingBlob { file, hash, size_bytes: self.size_bytes, blobs: self.blobs })
    }
}

fn broken() -> Error {
    Error::Io(std::io::Error::other("an earlier write to this file was given up"))
}

/// A file that is safely on disk but not stored yet. Dropping it removes it.
#[derive(Debug)]
pub struct PendingBlob {
    file: NamedTempFile,
    hash: BlobHash,
    size_bytes: u64,
    blobs: Blobs,
}

impl PendingBlob {
    /// Its name to be.
    #[must_use]
    pub fn hash(&self) -> &BlobHash {
        &self.hash
    }

    /// Its size.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// Where it lies now, e.g. to look at its head.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// Moves the file to its place and flushes the folder. Must be called under the lock of its row.
    pub(crate) async fn publish(self) -> Result<(), Error> {
        blocking(move || {
            let target = self.blobs.path(&self.hash);
            let shelf = target.parent().expect("a stored file lies in a shelf of its folder");
            if !shelf.is_dir() {
                std::fs::create_dir_all(shelf)?;
                std::fs::File::open(&self.blobs.folder)?.sync_all()?;
            }
            // Replaces a file of the same name, which has the same content.
            self.file.persist(&target).map_err(|error| error.error)?;
            std::fs::File::open(shelf)?.sync_all()?;
            Ok(())
        })
        .await
    }
}

fn not_found(error: std::io::Error) -> Error {
    if error.kind() == std::io::ErrorKind::NotFound { Error::NotFound } else { error.into() }
}

pub(crate) async fn blocking<R: Send + 'static>(
    work: impl FnOnce() -> Result<R, Error> + Send + 'static,
) -> Result<R, Error> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| Error::Io(std::io::Error::other("the file thread ended early")))?
}
