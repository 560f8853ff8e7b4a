//! The file of a backup, a gzipped tar: `blobs/<hash>`, `secrets/<name>`, `database.sqlite`
//! (whichever engine it came from), and at the end `manifest.json` with the SHA-256 of each member.
//! Reading trusts nothing in it.

use std::{
    collections::BTreeMap,
    fs::{File, OpenOptions},
    io::{BufReader, Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use domain::Instant;
use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{BlobHash, Blobs, Error};

/// The layout of the file; a reader refuses a newer one.
pub(crate) const FORMAT: u32 = 1;
pub(crate) const DATABASE: &str = "database.sqlite";
const MANIFEST: &str = "manifest.json";

/// What a backup holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Manifest {
    pub(crate) format: u32,
    pub(crate) created_at: Instant,
    /// Rows of each table.
    pub(crate) tables: BTreeMap<String, u64>,
    /// SHA-256 of each member.
    pub(crate) members: BTreeMap<String, String>,
    /// Stored files that a document names and that were not there, or not what they should be.
    pub(crate) missing: Vec<String>,
    /// Whether every tenant's audit log verified when the backup was made.
    pub(crate) audit_intact: bool,
}

/// An archive being written.
pub(crate) struct Archive {
    tar: tar::Builder<GzEncoder<File>>,
    path: PathBuf,
    members: BTreeMap<String, String>,
}

impl Archive {
    pub(crate) fn create(path: &Path) -> Result<Self, Error> {
        // It holds the secret and every document: for its owner only, from the first byte on.
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        // Documents are mostly compressed already; a low level costs little and shrinks the rows.
        let packed = GzEncoder::new(file, Compression::new(3));
        let tar = tar::Builder::new(packed);
        Ok(Self { tar, path: path.to_owned(), members: BTreeMap::new() })
    }

    pub(crate) fn add_file(&mut self, name: &str, path: &Path) -> Result<(), Error> {
        let file = File::open(path)?;
        let size = file.metadata()?.len();
        let mut hashing = Hashing { inner: BufReader::new(file).take(size), hash: Sha256::new() };
        self.tar.append_data(&mut header(size), name, &mut hashing)?;
        self.members.insert(name.to_owned(), hex::encode(hashing.hash.finalize()));
        Ok(())
    }

    pub(crate) fn finish(mut self, manifest: Manifest, out: &Path) -> Result<(), Error> {
        let manifest = Manifest { members: self.members, ..manifest };
        let text = serde_json::to_vec_pretty(&manifest).expect("a manifest is plain JSON");
        self.tar.append_data(&mut header(text.len() as u64), MANIFEST, text.as_slice())?;
        let mut file = self.tar.into_inner()?.finish()?;
        file.flush()?;
        file.sync_all()?;
        // Not `rename`: a file that appeared there meanwhile stays what it is.
        std::fs::hard_link(&self.path, out)?;
        File::open(parent(out)?)?.sync_all()?;
        Ok(())
    }
}

fn header(size: u64) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_size(size);
    header.set_mode(0o600);
    header
}

/// Adds the stored files; returns those that are not there or not what their name says.
pub(crate) fn add_blobs(
    mut archive: Archive,
    blobs: &Blobs,
    hashes: &[BlobHash],
) -> Result<(Archive, Vec<BlobHash>), Error> {
    let mut absent = Vec::new();
    for hash in hashes {
        let name = format!("blobs/{hash}");
        let path = blobs.path(hash);
        if !path.is_file() {
            absent.push(hash.clone());
            continue;
        }
        match archive.add_file(&name, &path) {
            Ok(()) if archive.members.get(&name).is_some_and(|found| found == hash.as_str()) => {}
            Ok(()) => absent.push(hash.clone()),
            Err(Error::Io(error)) if error.kind() == std::io::ErrorKind::NotFound => {
                absent.push(hash.clone());
            }
            Err(error) => return Err(error),
        }
    }
    Ok((archive, absent))
}

/// Reads on, and hashes what was read.
struct Hashing<R> {
    inner: R,
    hash: Sha256,
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let length = self.inner.read(buffer)?;
        self.hash.update(&buffer[..length]);
        Ok(length)
    }
}

/// Unpacks the archive into `to`, and checks each member against the manifest.
pub(crate) fn unpack(from: &Path, to: &Path, secrets: &[String]) -> Result<Manifest, Error> {
    let damaged = |_| Error::Transfer("the backup file is damaged or no backup".to_owned());
    let mut tar = tar::Archive::new(GzDecoder::new(BufReader::new(File::open(from)?)));
    let mut members = BTreeMap::new();
    let mut manifest: Option<Manifest> = None;
    for folder in ["blobs", "secrets"] {
        std::fs::create_dir(to.join(folder))?;
    }
    for entry in tar.entries().map_err(damaged)? {
        let entry = entry.map_err(damaged)?;
        let name = String::from_utf8(entry.path_bytes().into_owned()).unwrap_or_default();
        if name == MANIFEST {
            let mut text = Vec::new();
            entry.take(1 << 30).read_to_end(&mut text).map_err(damaged)?;
            manifest = Some(serde_json::from_slice(&text).map_err(|_| newer_or_damaged(&text))?);
            continue;
        }
        let path = to.join(place(&name, secrets)?);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let mut out = File::create_new(&path)?;
        let mut hashing = Hashing { inner: entry, hash: Sha256::new() };
        std::io::copy(&mut hashing, &mut out).map_err(damaged)?;
        out.sync_all()?;
        members.insert(name, hex::encode(hashing.hash.finalize()));
    }
    let manifest = manifest.ok_or_else(|| {
        Error::Transfer("the backup file has no manifest: it is cut off or no backup".to_owned())
    })?;
    if manifest.format != FORMAT {
        return Err(newer());
    }
    if manifest.members != members || !members.contains_key(DATABASE) {
        return Err(Error::Transfer(
            "the backup differs from its manifest: it is damaged".to_owned(),
        ));
    }
    Ok(manifest)
}

pub(crate) fn newer() -> Error {
    Error::Transfer("the backup was made by a newer version of Fachwerk".to_owned())
}

/// A manifest that we cannot read, but that says it has another format, is a newer one.
fn newer_or_damaged(text: &[u8]) -> Error {
    let format = serde_json::from_slice::<serde_json::Value>(text)
        .ok()
        .and_then(|manifest| manifest.get("format")?.as_u64());
    match format {
        Some(format) if format > u64::from(FORMAT) => newer(),
        _ => Error::Transfer("the manifest of the backup is damaged".to_owned()),
    }
}

/// Where a member goes below the work folder. Only what we write ourselves has a place.
fn place(name: &str, secrets: &[String]) -> Result<PathBuf, Error> {
    if name == DATABASE {
        return Ok(PathBuf::from(DATABASE));
    }
    if let Some(hash) = name.strip_prefix("blobs/")
        && let Ok(hash) = hash.parse::<BlobHash>()
    {
        return Ok(Path::new("blobs").join(&hash.as_str()[..2]).join(hash.as_str()));
    }
    if let Some(secret) = name.strip_prefix("secrets/")
        && is_plain_name(secret)
        && secrets.iter().any(|known| known == secret)
    {
        return Ok(Path::new("secrets").join(secret));
    }
    Err(Error::Transfer("the backup holds something that does not belong there".to_owned()))
}

pub(crate) fn is_plain_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    !name.is_empty() && !name.starts_with('.') && name.bytes().all(plain)
}

/// The folder a file lies in.
pub(crate) fn parent(path: &Path) -> Result<PathBuf, Error> {
    let path = std::path::absolute(path)?;
    path.parent()
        .map(Path::to_owned)
        .ok_or_else(|| Error::Transfer(format!("{} is not the path of a file", path.display())))
}
