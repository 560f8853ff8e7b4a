//! The container of old office formats ([MS-CFB]). We read none of them, but an encrypted document
//! of a new format lies in one, and its owner deserves to hear of the password instead.

use std::io::{self, Read, Seek};

use crate::detect::Format;
use crate::failure::Failure;

/// Bytes looked at where the directory of the container begins.
const DIRECTORY_BYTES: usize = 4 << 10;

pub(super) fn is_container(head: &[u8]) -> bool {
    head.starts_with(b"\xd0\xcf\x11\xe0")
}

/// An encrypted document passes, as the format that it most often is; reading it says the rest.
pub(super) fn inspect(
    file: &mut (impl Read + Seek),
    head: &[u8],
) -> io::Result<Result<Format, Failure>> {
    let mut is_encrypted = names_package(head);
    if !is_encrypted && let Some(place) = directory(head) {
        is_encrypted = names_package(&super::part(file, place, DIRECTORY_BYTES)?);
    }
    Ok(if is_encrypted { Ok(Format::Docx) } else { Err(Failure::Unsupported) })
}

/// Where the header says that the directory begins ([MS-CFB] 2.2): sector size as a power of two at
/// 30, number of the first sector at 48; the header itself takes the place of one sector.
fn directory(head: &[u8]) -> Option<u64> {
    let shift = u16::from_le_bytes(head.get(30..32)?.try_into().ok()?);
    let sector = u32::from_le_bytes(head.get(48..52)?.try_into().ok()?);
    matches!(shift, 9 | 12).then(|| (u64::from(sector) + 1) << shift)
}

fn names_package(bytes: &[u8]) -> bool {
    super::contains(bytes, b"E\0n\0c\0r\0y\0p\0t\0e\0d\0P\0a\0c\0k\0a\0g\0e\0")
}
