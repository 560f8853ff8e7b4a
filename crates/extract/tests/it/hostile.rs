//! Broken and hostile documents get a reason, and harm nothing but themselves.

use std::io::{Cursor, Write};

use extract::{Failure, Format, Limits};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::{extract, extract_bytes, fixture};

pub(crate) fn zipped(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in members {
        // OpenDocument asks for its media type uncompressed.
        let options = match *name {
            "mimetype" => {
                SimpleFileOptions::default().compression_method(CompressionMethod::Stored)
            }
            _ => SimpleFileOptions::default(),
        };
        zip.start_file(*name, options).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

pub(crate) fn docx(body: &[u8]) -> Vec<u8> {
    zipped(&[("[Content_Types].xml", b"<Types/>"), ("word/document.xml", body)])
}

pub(crate) fn odt(content: &[u8]) -> Vec<u8> {
    zipped(&[("mimetype", b"application/vnd.oasis.opendocument.text"), ("content.xml", content)])
}

/// A PDF whose only page draws a grey square.
pub(crate) fn pdf_without_text() -> Vec<u8> {
    let objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 200] /Contents 4 0 R >>",
        "<< /Length 32 >>\nstream\n0.5 g 10 10 100 100 re f        \nendstream",
    ];
    let mut pdf = String::from("%PDF-1.4\n");
    let mut places = Vec::new();
    for (index, object) in objects.iter().enumerate() {
        places.push(pdf.len());
        pdf.push_str(&format!("{} 0 obj\n{object}\nendobj\n", index + 1));
    }
    let table = pdf.len();
    pdf.push_str("xref\n0 5\n0000000000 65535 f \n");
    for place in places {
        pdf.push_str(&format!("{place:010} 00000 n \n"));
    }
    pdf.push_str(&format!("trailer\n<< /Size 5 /Root 1 0 R >>\nstartxref\n{table}\n%%EOF\n"));
    pdf.into_bytes()
}

fn reason(bytes: &[u8], name: &str) -> Failure {
    let (outcome, _) = extract_bytes(bytes, name);
    outcome.expect_err("the document is bad")
}

#[test]
fn bad_documents_get_their_reason() {
    let whole = std::fs::read(fixture("einspaltig.pdf")).unwrap();
    let office = std::fs::read(fixture("einspaltig.docx")).unwrap();
    let nested = format!("<w>{}", "<a>".repeat(100_000));
    let cases: Vec<(&str, Vec<u8>, Failure)> = vec![
        ("empty", Vec::new(), Failure::NoText),
        ("only the header", b"%PDF-1.7\n".to_vec(), Failure::Damaged),
        ("header and noise", [b"%PDF-1.7\n".as_slice(), &[0xa5; 5000]].concat(), Failure::Damaged),
        ("the first kilobyte", whole[..1024].to_vec(), Failure::Damaged),
        ("a scan", pdf_without_text(), Failure::NoText),
        ("a cut-off container", office[..office.len() / 2].to_vec(), Failure::Damaged),
        ("cut-off XML", docx(b"<w:document><w:body><w:p>"), Failure::Damaged),
        ("deep XML", docx(nested.as_bytes()), Failure::TooLarge),
        ("deep XML in ODT", odt(nested.as_bytes()), Failure::TooLarge),
        ("no text in XML", docx(b"<w:document/>"), Failure::NoText),
        (
            "a table",
            zipped(&[("[Content_Types].xml", b""), ("xl/workbook.xml", b"")]),
            Failure::Unsupported,
        ),
        ("a picture archive", zipped(&[("a.png", b"x")]), Failure::Unsupported),
        (
            "ODT without content",
            zipped(&[("mimetype", b"application/vnd.oasis.opendocument.text")]),
            Failure::Damaged,
        ),
        ("only markup", b"<html><script>alert(1)</script></html>".to_vec(), Failure::NoText),
        ("binary noise", (0..=255).cycle().take(4096).collect(), Failure::Unsupported),
    ];
    for (what, bytes, expected) in cases {
        assert_eq!(reason(&bytes, "datei.pdf"), expected, "{what}");
    }
}

#[test]
fn passwords_are_named() {
    let name = "verschluesselt.pdf";
    let (outcome, passages) = extract(&fixture(name), name, &Limits::default());
    assert_eq!(outcome, Err(Failure::Encrypted));
    assert!(passages.is_empty());

    let manifest = b"<manifest><file-entry><encryption-data/></file-entry></manifest>";
    let encrypted = zipped(&[
        ("mimetype", b"application/vnd.oasis.opendocument.text"),
        ("META-INF/manifest.xml", manifest),
        ("content.xml", b"\x01\x02\x03"),
    ]);
    assert_eq!(reason(&encrypted, "a.odt"), Failure::Encrypted);

    let mut ole = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".to_vec();
    ole.extend_from_slice(&[0; 2048]);
    ole.extend("EncryptedPackage".encode_utf16().flat_map(u16::to_le_bytes));
    assert_eq!(reason(&ole, "a.docx"), Failure::Encrypted);
}

#[test]
fn zip_bombs_are_cut_off() {
    // One gigabyte of spaces packs to one megabyte.
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default();
    zip.start_file("word/document.xml", options).unwrap();
    zip.write_all(b"<w:document>").unwrap();
    let block = vec![b' '; 1 << 20];
    for _ in 0..64 {
        zip.write_all(&block).unwrap();
    }
    let bomb = zip.finish().unwrap().into_inner();
    assert!(bomb.len() < 1 << 20);
    assert_eq!(reason(&bomb, "a.docx"), Failure::TooLarge);

    // Below the ratio, but above the budget.
    let body = format!("<w:document><w:p><w:t>{}</w:t></w:p></w:document>", "Wort ".repeat(50_000));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.docx");
    std::fs::write(&file, docx(body.as_bytes())).unwrap();
    let limits = Limits { unpacked_bytes_max: 100_000, ..Limits::default() };
    assert_eq!(extract(&file, "a.docx", &limits).0, Err(Failure::TooLarge));
}

#[test]
fn entities_are_not_expanded() {
    let laughs = br#"<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>
        <document><body><p><r><t>vorn &b; &#228; &amp; hinten</t></r></p></body></document>"#;
    let (outcome, passages) = extract_bytes(&docx(laughs), "a.docx");
    assert_eq!(outcome.unwrap().format, Format::Docx);
    assert_eq!(passages[0].text, "vorn ä & hinten");
}

#[test]
fn wrong_utf8_stays_readable() {
    let mut text = "Größe und Gewicht der Fahrzeuge. ".repeat(20).into_bytes();
    text[200] = 0xff;
    let (outcome, passages) = extract_bytes(&text, "a.txt");
    assert_eq!(outcome.unwrap().format, Format::Text);
    assert!(passages[0].text.starts_with("Größe und Gewicht"));
}

#[test]
fn deep_html_costs_nothing() {
    let page = format!("<html>{}<p>unten", "<div><table><tr><td><ul><li>".repeat(50_000));
    let (outcome, passages) = extract_bytes(page.as_bytes(), "a.html");
    assert!(outcome.is_ok());
    assert!(passages.iter().any(|passage| passage.text.contains("unten")));
}

#[test]
fn one_endless_word_is_cut() {
    let (outcome, passages) = extract_bytes("a".repeat(100_000).as_bytes(), "a.txt");
    assert!(outcome.is_ok());
    let longest = passages.iter().map(|passage| passage.text.chars().count()).max();
    assert!(longest.unwrap() <= domain::limits::PASSAGE_CHARS_MAX);
    let total: usize = passages.iter().map(|passage| passage.text.len()).sum();
    assert_eq!(total, 100_000);
}
