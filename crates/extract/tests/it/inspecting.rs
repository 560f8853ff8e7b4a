//! The first look: refuses what surely is no document, in bounded time and memory, and lets pass
//! whatever the reader can read.

use std::io::{self, Cursor, Read, Seek, SeekFrom, Write};

use extract::{Failure, Format, Limits, inspect, read_unprotected};
use proptest::prelude::*;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::{
    fixture,
    hostile::{docx, odt, pdf_without_text, zipped},
};

fn look(bytes: &[u8], name: &str) -> Result<Format, Failure> {
    inspect(&mut Cursor::new(bytes), name, &Limits::default())
}

/// A container whose directory claims that its first member is so large.
fn claiming(mut zip: Vec<u8>, unpacked: u32) -> Vec<u8> {
    let entry = zip.windows(4).position(|four| four == b"PK\x01\x02").unwrap();
    zip[entry + 24..entry + 28].copy_from_slice(&unpacked.to_le_bytes());
    zip
}

fn packed_well() -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file("word/document.xml", SimpleFileOptions::default()).unwrap();
    zip.write_all(&vec![b' '; 8 << 20]).unwrap();
    zip.finish().unwrap().into_inner()
}

fn crowded(count: usize) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    zip.start_file("word/document.xml", options).unwrap();
    for number in 0..count {
        zip.start_file(format!("word/{number}"), options).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// A container of old office formats, with the name of a stream where its directory lies.
fn legacy(stream: &str) -> Vec<u8> {
    let mut bytes = vec![0; 200 << 10];
    bytes[..8].copy_from_slice(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1");
    bytes[30..32].copy_from_slice(&9_u16.to_le_bytes());
    bytes[48..52].copy_from_slice(&300_u32.to_le_bytes());
    let name: Vec<u8> = stream.encode_utf16().flat_map(u16::to_le_bytes).collect();
    bytes[301 * 512 + 128..][..name.len()].copy_from_slice(&name);
    bytes
}

#[test]
fn what_surely_is_no_document_is_seen_at_once() {
    let pdf = std::fs::read(fixture("einspaltig.pdf")).unwrap();
    let office = std::fs::read(fixture("einspaltig.docx")).unwrap();
    let cases: Vec<(&str, Vec<u8>, Failure)> = vec![
        ("nothing", vec![], Failure::NoText),
        ("white space", b" \n\t\r\n".to_vec(), Failure::NoText),
        ("a PDF's header", b"%PDF-1.7\n".to_vec(), Failure::Damaged),
        (
            "a header and noise",
            [b"%PDF-1.7\n".as_slice(), &[0xa5; 5000]].concat(),
            Failure::Damaged,
        ),
        (
            "an object without a list",
            b"%PDF-1.7\n1 0 obj\n<< >>\nendobj\n".to_vec(),
            Failure::Damaged,
        ),
        ("a list without an object", b"%PDF-1.7\nstartxref\n0\n%%EOF".to_vec(), Failure::Damaged),
        ("half a PDF", pdf[..pdf.len() / 2].to_vec(), Failure::Damaged),
        ("half a container", office[..office.len() / 2].to_vec(), Failure::Damaged),
        ("a container without an end", office[..office.len() - 22].to_vec(), Failure::Damaged),
        ("no main part", zipped(&[("[Content_Types].xml", b"x")]), Failure::Damaged),
        (
            "a table",
            zipped(&[("[Content_Types].xml", b""), ("xl/a.xml", b"")]),
            Failure::Unsupported,
        ),
        (
            "ODT without content",
            zipped(&[("mimetype", b"application/vnd.oasis.opendocument.text")]),
            Failure::Damaged,
        ),
        ("a member of 2 GB", claiming(docx(b"<w/>"), 2 << 30), Failure::TooLarge),
        ("a member of 4 GB and more", claiming(docx(b"<w/>"), u32::MAX), Failure::TooLarge),
        ("a member that packs too well", packed_well(), Failure::TooLarge),
        ("20,001 members", crowded(20_000), Failure::TooLarge),
        ("70,000 members", crowded(70_000), Failure::TooLarge),
        ("an old document", legacy("WordDocument"), Failure::Unsupported),
        ("a program", b"MZ\x90\0\x03\0\0\0\x04\0\0\0".to_vec(), Failure::Unsupported),
    ];
    for (what, bytes, expected) in cases {
        assert_eq!(look(&bytes, "datei.pdf"), Err(expected), "{what}");
    }
}

/// A container whose writer always adds the wider end records (APPNOTE 4.3.14, 4.3.15), though all
/// fits into the narrow one.
fn with_wide_records(mut zip: Vec<u8>) -> Vec<u8> {
    let end = zip.split_off(zip.len() - 22);
    let field = |place: usize, width: usize| {
        end[place..place + width]
            .iter()
            .rev()
            .fold(0_u64, |sum, byte| (sum << 8) | u64::from(*byte))
    };
    let at = zip.len() as u64;
    zip.extend_from_slice(b"PK\x06\x06");
    zip.extend_from_slice(&44_u64.to_le_bytes());
    zip.extend_from_slice(&[45, 0, 45, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    for value in [field(10, 2), field(10, 2), field(12, 4), field(16, 4)] {
        zip.extend_from_slice(&value.to_le_bytes());
    }
    zip.extend_from_slice(b"PK\x06\x07\0\0\0\0");
    zip.extend_from_slice(&at.to_le_bytes());
    zip.extend_from_slice(&1_u32.to_le_bytes());
    [zip, end].concat()
}

/// A container with other bytes between its directory and its end.
fn with_gap(mut zip: Vec<u8>) -> Vec<u8> {
    let end = zip.split_off(zip.len() - 22);
    [zip, vec![0; 33], end].concat()
}

/// Pictures that claim more than a document may unpack to.
fn with_pictures() -> Vec<u8> {
    let picture = b"x".as_slice();
    let mut zip = zipped(&[
        ("[Content_Types].xml", b"<x/>"),
        ("word/document.xml", b"<w/>"),
        ("word/media/image1.png", picture),
    ]);
    let name = b"word/media/image1.png";
    let entry = zip.windows(name.len()).rposition(|part| part == name).unwrap() - 46;
    zip[entry + 24..entry + 28].copy_from_slice(&(600_u32 << 20).to_le_bytes());
    zip
}

/// As LibreOffice 24.8 and later encrypt: the whole document is one member.
fn encrypted_odt() -> Vec<u8> {
    let manifest =
        b"<manifest:manifest><manifest:file-entry manifest:full-path=\"encrypted-package\">\
        <manifest:encryption-data/></manifest:file-entry></manifest:manifest>";
    zipped(&[
        ("mimetype", b"application/vnd.oasis.opendocument.text"),
        ("encrypted-package", b"\x8f\x01\x02"),
        ("META-INF/manifest.xml", manifest),
    ])
}

#[test]
fn an_odt_encrypted_as_a_whole_is_said_to_be_encrypted() {
    let bytes = encrypted_odt();
    assert_eq!(look(&bytes, "brief.odt"), Ok(Format::Odt));
    let read = read_unprotected(bytes, "brief.odt", &Limits::default(), &mut |_| {});
    assert_eq!(read.err(), Some(Failure::Encrypted));
}

#[test]
fn what_only_reading_can_tell_passes() {
    let comment = {
        let mut bytes = docx(b"<w/>");
        let length = bytes.len();
        bytes[length - 2..].copy_from_slice(&60_000_u16.to_le_bytes());
        bytes.extend(std::iter::repeat_n(b'x', 60_000));
        bytes
    };
    let cases: Vec<(&str, Vec<u8>, Format)> = vec![
        ("a scan", pdf_without_text(), Format::Pdf),
        ("broken XML", docx(b"<w:document><w:body>"), Format::Docx),
        ("broken XML in ODT", odt(b"<office"), Format::Odt),
        ("a long comment", comment, Format::Docx),
        (
            "bytes before the container",
            [&docx(b"<w/>")[..4], b"", &docx(b"<w/>")[4..]].concat(),
            Format::Docx,
        ),
        ("a small member that packs well", docx(&vec![b' '; 1 << 20]), Format::Docx),
        ("wider records that are not needed", with_wide_records(docx(b"<w/>")), Format::Docx),
        (
            "bytes before wider records",
            [
                &[b"PK\x03\x04[Content_Types].xml".as_slice(), &[7; 40]].concat()[..],
                &with_wide_records(docx(b"<w/>")),
            ]
            .concat(),
            Format::Docx,
        ),
        ("bytes behind the directory", with_gap(docx(b"<w/>")), Format::Docx),
        ("large pictures", with_pictures(), Format::Docx),
        ("an encrypted document", legacy("EncryptedPackage"), Format::Docx),
    ];
    for (what, bytes, expected) in cases {
        assert_eq!(look(&bytes, "datei"), Ok(expected), "{what}");
    }
    for name in ["verschluesselt.pdf", "nur-rechte.pdf", "einspaltig.odt", "brief-utf16.txt"] {
        let bytes = std::fs::read(fixture(name)).unwrap();
        assert!(look(&bytes, name).is_ok(), "{name}");
    }
}

/// Counts what is read.
struct Counting {
    inner: Cursor<Vec<u8>>,
    bytes: usize,
}

impl Read for Counting {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.bytes += count;
        Ok(count)
    }
}

impl Seek for Counting {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.inner.seek(to)
    }
}

/// Most bytes the look may read, as its documentation says.
const READ_MAX: usize = (4 << 20) + (256 << 10);

#[test]
fn a_large_file_is_not_read_whole() {
    let mut pdf = b"%PDF-1.7\n1 0 obj\n<< /Length 20000000 >>\nstream\n".to_vec();
    pdf.resize(20 << 20, b'x');
    pdf.extend_from_slice(b"\nendstream\nendobj\nstartxref\n9\n%%EOF\n");
    for bytes in [pdf, crowded(70_000), vec![b'a'; 20 << 20]] {
        let mut file = Counting { inner: Cursor::new(bytes), bytes: 0 };
        let _ = inspect(&mut file, "a", &Limits::default());
        assert!(file.bytes <= READ_MAX, "{}", file.bytes);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..4096), name in ".{0,12}") {
        let _ = look(&bytes, &name);
    }

    /// Bytes that begin and end like a container, with anything in between.
    #[test]
    fn any_container(
        middle in prop::collection::vec(any::<u8>(), 0..512),
        end in prop::collection::vec(any::<u8>(), 0..96),
        wide in any::<bool>(),
    ) {
        let mut bytes = b"PK\x03\x04[Content_Types].xml".to_vec();
        bytes.extend_from_slice(b"PK\x01\x02");
        bytes.extend_from_slice(&middle);
        if wide {
            bytes.extend_from_slice(b"PK\x06\x06");
            bytes.extend_from_slice(&end);
            bytes.extend_from_slice(b"PK\x06\x07");
        }
        bytes.extend_from_slice(b"PK\x05\x06");
        bytes.extend_from_slice(&end);
        let mut file = Counting { inner: Cursor::new(bytes), bytes: 0 };
        let _ = inspect(&mut file, "a.docx", &Limits::default());
        prop_assert!(file.bytes <= READ_MAX);
    }

    /// Whatever the reader makes passages of, the look lets pass.
    #[test]
    fn what_can_be_read_passes(
        name in prop::sample::select(&[
            "einspaltig.docx", "einspaltig.odt", "seite.html", "notiz.md", "brief.txt",
        ][..]),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8),
    ) {
        let mut bytes = std::fs::read(fixture(name)).unwrap();
        // A container's directory is what the look believes and the reader does not.
        let directory = bytes.windows(4).position(|four| four == b"PK\x01\x02");
        let end = directory.unwrap_or(bytes.len());
        for (place, value) in changes {
            bytes[place.index(end)] = value;
        }
        let looked = look(&bytes, name);
        let read = read_unprotected(bytes, name, &Limits::default(), &mut |_| {});
        if let Ok(format) = read {
            prop_assert_eq!(looked, Ok(format));
        }
    }
}
