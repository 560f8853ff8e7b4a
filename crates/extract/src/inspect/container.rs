//! The directory of a zip container (APPNOTE 4.3.12 to 4.3.16): what lies in it, and how large it
//! claims to become. Nothing is unpacked.

use std::io::{self, BufReader, Read, Seek, SeekFrom};

use crate::archive::{MEMBERS_MAX, is_bomb};
use crate::detect::Format;
use crate::failure::Failure;
use crate::limits::Limits;

/// Longest directory that is walked, in bytes: 20,000 members with names of 150 characters. Beyond:
/// `TooLarge`.
const DIRECTORY_BYTES_MAX: u64 = 4 << 20;
/// Length of the record at the end, without its comment.
const END_BYTES: usize = 22;
/// Length of the pointer to the wider record of large containers, which stands before the end.
const POINTER_BYTES: usize = 20;
/// Length of that wider record, without further fields.
const WIDE_BYTES: usize = 56;
/// How an entry of the directory begins.
const ENTRY_SIGN: &[u8] = b"PK\x01\x02";
/// Length of an entry of the directory, without name and further fields.
const ENTRY_BYTES: usize = 46;

/// The end of a file.
pub(super) struct Tail<'a> {
    pub bytes: &'a [u8],
    /// Its place in the file.
    pub from: u64,
}

/// Where the directory may lie, and how many members it claims to list.
struct Directory {
    /// Counted back from the end, as some programs put other bytes before the container; then as
    /// declared, as some put other bytes behind the directory.
    places: [Option<u64>; 2],
    size: u64,
    members: u64,
}

impl Directory {
    /// The first place where an entry stands; the first of all if none does.
    fn begin(&self, file: &mut (impl Read + Seek)) -> io::Result<Option<u64>> {
        let [first, second] = self.places;
        for place in self.places.into_iter().flatten() {
            if super::part(file, place, 4)? == ENTRY_SIGN {
                return Ok(Some(place));
            }
        }
        Ok(first.or(second))
    }
}

/// What the members add up to.
#[derive(Default)]
struct Inventory {
    /// Of what is read of a document: XML.
    unpacked: u64,
    has_document: bool,
    has_content: bool,
    has_encrypted: bool,
    has_foreign: bool,
}

pub(super) fn inspect(
    file: &mut (impl Read + Seek),
    tail: &Tail<'_>,
    format: Format,
    limits: &Limits,
) -> io::Result<Result<(), Failure>> {
    let Some(directory) = find(file, tail)? else { return Ok(Err(Failure::Damaged)) };
    if directory.members > MEMBERS_MAX as u64 || directory.size > DIRECTORY_BYTES_MAX {
        return Ok(Err(Failure::TooLarge));
    }
    let Some(from) = directory.begin(file)? else { return Ok(Err(Failure::Damaged)) };
    file.seek(SeekFrom::Start(from))?;
    let inventory =
        walk(&mut BufReader::new(file.by_ref().take(directory.size)), directory.members)?;
    Ok(inventory.and_then(|inventory| inventory.judge(format, limits)))
}

impl Inventory {
    fn judge(&self, format: Format, limits: &Limits) -> Result<(), Failure> {
        if self.unpacked > limits.unpacked_bytes_max {
            return Err(Failure::TooLarge);
        }
        match format {
            // One that is encrypted as a whole is for the reader to tell.
            Format::Odt if self.has_content || self.has_encrypted => Ok(()),
            Format::Docx if self.has_document => Ok(()),
            // A table or a presentation of the same family.
            Format::Docx if self.has_foreign => Err(Failure::Unsupported),
            _ => Err(Failure::Damaged),
        }
    }
}

/// Finds the last end record whose comment ends with the file.
fn find(file: &mut (impl Read + Seek), tail: &Tail<'_>) -> io::Result<Option<Directory>> {
    let last = tail.bytes.len().checked_sub(END_BYTES);
    let place = last.into_iter().flat_map(|last| (0..=last).rev()).find(|place| {
        let record = &tail.bytes[*place..];
        record.starts_with(b"PK\x05\x06")
            && place + END_BYTES + number(record, 20, 2) as usize <= tail.bytes.len()
    });
    let Some(place) = place else { return Ok(None) };
    let record = &tail.bytes[place..];
    let (members, size) = (number(record, 10, 2), number(record, 12, 4));
    let declared = number(record, 16, 4);
    let wide = members == 0xffff || size == 0xffff_ffff || declared == 0xffff_ffff;
    let end = tail.from + place as u64;
    // Some programs always write the wider record; then it stands between the directory and the end.
    let pointer = place.checked_sub(POINTER_BYTES).map(|place| &tail.bytes[place..]);
    if let Some(pointer) = pointer.filter(|pointer| pointer.starts_with(b"PK\x06\x07")) {
        let before = end.checked_sub((POINTER_BYTES + WIDE_BYTES) as u64);
        for at in before.into_iter().chain([number(pointer, 8, 8)]) {
            if let Some(directory) = wide_directory(file, at)? {
                return Ok(Some(directory));
            }
        }
    }
    let places = [end.checked_sub(size), Some(declared)];
    Ok((!wide).then_some(Directory { places, size, members }))
}

/// Reads the wider record of large containers (APPNOTE 4.3.14).
fn wide_directory(file: &mut (impl Read + Seek), at: u64) -> io::Result<Option<Directory>> {
    let record = super::part(file, at, WIDE_BYTES)?;
    if record.len() < WIDE_BYTES || !record.starts_with(b"PK\x06\x06") {
        return Ok(None);
    }
    let (members, size) = (number(&record, 32, 8), number(&record, 40, 8));
    let places = [at.checked_sub(size), Some(number(&record, 48, 8))];
    Ok(Some(Directory { places, size, members }))
}

fn walk(directory: &mut impl Read, members: u64) -> io::Result<Result<Inventory, Failure>> {
    let mut inventory = Inventory::default();
    let mut count = 0;
    let mut entry = [0; ENTRY_BYTES];
    while read_whole(directory, &mut entry)? {
        count += 1;
        if !entry.starts_with(ENTRY_SIGN) {
            return Ok(Err(Failure::Damaged));
        }
        if count > MEMBERS_MAX {
            return Ok(Err(Failure::TooLarge));
        }
        // At most 65,535 bytes each, as the fields have two bytes.
        let mut name = vec![0; number(&entry, 28, 2) as usize];
        let mut further = vec![0; number(&entry, 30, 2) as usize + number(&entry, 32, 2) as usize];
        if !read_whole(directory, &mut name)? || !read_whole(directory, &mut further)? {
            return Ok(Err(Failure::Damaged));
        }
        let (packed, unpacked) = sizes(&entry, &further);
        let name = String::from_utf8_lossy(&name);
        let is_xml = name.ends_with(".xml") || name.ends_with(".rels");
        // Pictures are never unpacked, and an empty one may well pack to nothing.
        if is_xml {
            inventory.unpacked = inventory.unpacked.saturating_add(unpacked);
            if is_bomb(unpacked, packed) {
                return Ok(Err(Failure::TooLarge));
            }
        }
        inventory.has_content |= name == "content.xml";
        inventory.has_encrypted |= name == "encrypted-package";
        inventory.has_document |=
            is_xml && (name.starts_with("word/") || name.contains("document"));
        inventory.has_foreign |= name.starts_with("xl/") || name.starts_with("ppt/");
    }
    // The count at the end has two bytes: containers with more members count on from zero.
    Ok(if count as u64 & 0xffff == members & 0xffff {
        Ok(inventory)
    } else {
        Err(Failure::Damaged)
    })
}

/// Packed and unpacked size as declared; those of four gigabytes and more stand in a field of their
/// own (APPNOTE 4.5.3), unpacked before packed, each only if it did not fit.
fn sizes(entry: &[u8; ENTRY_BYTES], further: &[u8]) -> (u64, u64) {
    const ELSEWHERE: u64 = 0xffff_ffff;
    let (packed, unpacked) = (number(entry, 20, 4), number(entry, 24, 4));
    let mut rest = further;
    while rest.len() >= 4 {
        let (kind, length) = (number(rest, 0, 2), number(rest, 2, 2) as usize);
        let field = &rest[4..];
        if kind == 1 {
            let wide = |place: usize| {
                if field.len() >= place + 8 { number(field, place, 8) } else { u64::MAX }
            };
            let unpacked_wide = if unpacked == ELSEWHERE { wide(0) } else { unpacked };
            let behind = if unpacked == ELSEWHERE { 8 } else { 0 };
            let packed_wide = if packed == ELSEWHERE { wide(behind) } else { packed };
            return (packed_wide, unpacked_wide);
        }
        rest = field.get(length..).unwrap_or_default();
    }
    (packed, unpacked)
}

/// Fills the buffer; `false` if the bytes end before.
fn read_whole(from: &mut impl Read, buffer: &mut [u8]) -> io::Result<bool> {
    match from.read_exact(buffer) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        other => other.map(|()| true),
    }
}

/// A number of at most eight bytes, the lowest first; zero where the bytes end.
fn number(bytes: &[u8], place: usize, width: usize) -> u64 {
    let digits = bytes.get(place..place + width).unwrap_or_default();
    digits.iter().rev().fold(0, |sum, digit| (sum << 8) | u64::from(*digit))
}
