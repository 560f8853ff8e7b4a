//! A first look at a file that has just arrived: is it worth accepting?
//!
//! Runs in the server's own process on hostile bytes, so it reads a bounded part of the file (its
//! head, its tail, the directory of a container), unpacks nothing and believes nothing: a file that
//! passes may still turn out to be damaged when the child process reads it. Knows no text of a
//! document.

mod container;
mod legacy;

use std::io::{self, Read, Seek, SeekFrom};

use crate::detect::{Format, HEAD_BYTES, detect};
use crate::failure::Failure;
use crate::limits::Limits;

/// Bytes read from the end of a file: the longest end record of a zip (APPNOTE 4.3.16: 22 bytes and
/// a comment of 65,535), and far more than the end of a PDF.
const TAIL_BYTES: usize = 66 << 10;

/// Decides from a bounded look whether a file can be a document: about 4 MiB are read at most, some
/// 200 KiB held.
///
/// # Errors
/// Why it surely is none: `Unsupported` for foreign formats, `Damaged` for one that is cut off or
/// lacks its main part, `TooLarge` for a container that promises more than `limits` allow, `NoText`
/// for one without any character. A file that cannot be read is `Damaged`.
pub fn inspect(
    file: &mut (impl Read + Seek),
    name: &str,
    limits: &Limits,
) -> Result<Format, Failure> {
    look(file, name, limits).unwrap_or(Err(Failure::Damaged))
}

fn look(
    file: &mut (impl Read + Seek),
    name: &str,
    limits: &Limits,
) -> io::Result<Result<Format, Failure>> {
    let size = file.seek(SeekFrom::End(0))?;
    let head = part(file, 0, HEAD_BYTES)?;
    if legacy::is_container(&head) {
        return legacy::inspect(file, &head);
    }
    let format = match detect(&head, name) {
        Ok(format) => format,
        Err(failure) => return Ok(Err(failure)),
    };
    let from = size.saturating_sub(TAIL_BYTES as u64);
    let checked = match format {
        Format::Pdf => pdf(&head, &part(file, from, TAIL_BYTES)?),
        Format::Docx | Format::Odt => {
            let tail = part(file, from, TAIL_BYTES)?;
            container::inspect(file, &container::Tail { bytes: &tail, from }, format, limits)?
        }
        Format::Html | Format::Markdown | Format::Text => Ok(()),
    };
    Ok(checked.map(|()| format))
}

/// Reads at most `count` bytes from a place.
fn part(file: &mut (impl Read + Seek), from: u64, count: usize) -> io::Result<Vec<u8>> {
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.by_ref().take(count as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// A PDF has objects, and names at its end the first of them and where all are listed (ISO 32000-1,
/// 7.5.5; a linearised one does so at its beginning too). One without either is cut off: half a
/// document must not pass for a whole.
fn pdf(head: &[u8], tail: &[u8]) -> Result<(), Failure> {
    let has = |word: &[u8]| contains(head, word) || contains(tail, word);
    let ends = has(b"startxref") || has(b"trailer");
    if ends && has(b"obj") { Ok(()) } else { Err(Failure::Damaged) }
}

fn contains(bytes: &[u8], word: &[u8]) -> bool {
    bytes.windows(word.len()).any(|window| window == word)
}
