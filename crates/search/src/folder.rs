//! How an index lies on disk: a small file `current` names the format and the folder that answers;
//! a rebuild fills another folder and becomes current by replacing that file at once.

use std::{
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

const CURRENT: &str = "current";
const PREFIX: &str = "index-";

/// The content of the file `current`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Current {
    pub(crate) format: u32,
    pub(crate) folder: String,
    /// False for a folder that began empty where there was no index, until a rebuild has filled one:
    /// documents may be missing in it.
    #[serde(default = "yes")]
    pub(crate) whole: bool,
}

fn yes() -> bool {
    true
}

/// Tells one state of a file from the next without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp(Option<(u64, i64, i64, u64)>);

impl Stamp {
    pub(crate) fn of(file: &Path) -> Self {
        let facts = fs::metadata(file).ok();
        Self(facts.map(|facts| (facts.ino(), facts.mtime(), facts.mtime_nsec(), facts.size())))
    }
}

/// Where the file `current` lies.
pub(crate) fn current_file(dir: &Path) -> PathBuf {
    dir.join(CURRENT)
}

/// Reads the file `current`; None: there is none or it says nothing we understand.
pub(crate) fn read_current(dir: &Path) -> Option<Current> {
    let current: Current = serde_json::from_slice(&fs::read(current_file(dir)).ok()?).ok()?;
    // The name comes from a file: it must not lead out of the folder.
    let number = current.folder.strip_prefix(PREFIX)?;
    number.bytes().all(|digit| digit.is_ascii_digit()).then_some(current)
}

/// Makes a folder the one that answers: written aside, flushed, then renamed over the old file.
pub(crate) fn write_current(dir: &Path, current: &Current) -> io::Result<()> {
    let aside = dir.join("current.new");
    fs::write(&aside, serde_json::to_vec(current)?)?;
    fs::File::open(&aside)?.sync_all()?;
    fs::rename(&aside, current_file(dir))?;
    fs::File::open(dir)?.sync_all()
}

/// Makes a new empty folder and returns its name.
pub(crate) fn create(dir: &Path) -> io::Result<String> {
    let numbers =
        names(dir)?.into_iter().filter_map(|name| name.strip_prefix(PREFIX)?.parse().ok());
    let last: u64 = numbers.max().unwrap_or(0);
    let name = format!("{PREFIX}{}", last + 1);
    fs::create_dir(dir.join(&name))?;
    Ok(name)
}

/// Removes all folders but the one to keep: what an unfinished rebuild or an old format left.
pub(crate) fn remove_others(dir: &Path, keep: Option<&str>) -> io::Result<()> {
    for name in names(dir)? {
        if name.starts_with(PREFIX) && Some(name.as_str()) != keep {
            fs::remove_dir_all(dir.join(name))?;
        }
    }
    Ok(())
}

fn names(dir: &Path) -> io::Result<Vec<String>> {
    let entries = fs::read_dir(dir)?.collect::<io::Result<Vec<_>>>()?;
    Ok(entries.into_iter().filter_map(|entry| entry.file_name().into_string().ok()).collect())
}
