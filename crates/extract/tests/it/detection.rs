//! The format follows from content; the name breaks one tie only.

use extract::{Failure, Format, detect};

#[test]
fn content_decides() {
    let cases: &[(&[u8], &str, Result<Format, Failure>)] = &[
        (b"%PDF-1.7\n", "bild.png", Ok(Format::Pdf)),
        (b"junk\n%PDF-1.4\n", "a.pdf", Ok(Format::Pdf)),
        (b"# Titel\n\nText", "notiz.md", Ok(Format::Markdown)),
        (b"# Titel\n\nText", "notiz.txt", Ok(Format::Text)),
        (b"# Titel\n\nText", "notiz.pdf", Ok(Format::Text)),
        (b"<!DOCTYPE html><p>Text", "a.txt", Ok(Format::Html)),
        (b"\xef\xbb\xbf<html><p>Text", "a", Ok(Format::Html)),
        (b"<!-- x --><HTML lang=de>", "a", Ok(Format::Html)),
        (b"<?xml version=\"1.0\"?><html>", "a", Ok(Format::Html)),
        (b"<p>Text</p>", "a.txt", Ok(Format::Html)),
        (b"<p>Text</p>", "a.md", Ok(Format::Markdown)),
        (b"<pre-alpha> ist fertig", "a.txt", Ok(Format::Text)),
        (b"Gr\xf6\xdfe", "a.txt", Ok(Format::Text)),
        (b"\xff\xfeG\0r\0", "a.txt", Ok(Format::Text)),
        (b"", "leer.pdf", Err(Failure::NoText)),
        (b" \n\t", "leer.txt", Err(Failure::NoText)),
        (b"<svg xmlns='x'/>", "a.svg", Err(Failure::Unsupported)),
        (b"<?xml version='1.0'?><a/>", "a.xml", Err(Failure::Unsupported)),
        (b"{\\rtf1 Text}", "a.rtf", Err(Failure::Unsupported)),
        (b"\x89PNG\r\n\x1a\n\0\0", "a.txt", Err(Failure::Unsupported)),
        (b"\xff\xd8\xff\xe0\0\x10JFIF", "a.pdf", Err(Failure::Unsupported)),
        (b"MZ\x90\0\x03\0\0\0", "a.docx", Err(Failure::Unsupported)),
        (b"\x7fELF\x02\x01\x01\0\0\0", "a", Err(Failure::Unsupported)),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "a.doc", Err(Failure::Unsupported)),
        (b"PK\x03\x04\0\0photo.jpg", "a.docx", Err(Failure::Unsupported)),
        (b"PK\x03\x04[Content_Types].xml xl/workbook.xml", "a.docx", Err(Failure::Unsupported)),
        (b"PK\x03\x04[Content_Types].xml word/document.xml", "a.zip", Ok(Format::Docx)),
        (b"PK\x03\x04mimetypeapplication/vnd.oasis.opendocument.textPK", "a", Ok(Format::Odt)),
        (
            b"PK\x03\x04mimetypeapplication/vnd.oasis.opendocument.spreadsheet",
            "a.odt",
            Err(Failure::Unsupported),
        ),
    ];
    for (head, name, expected) in cases {
        let shown = String::from_utf8_lossy(head);
        assert_eq!(detect(head, name), *expected, "{shown} as {name}");
    }
}

#[test]
fn codes_are_stable() {
    for failure in Failure::ALL {
        assert_eq!(Failure::from_code(failure.code()), Some(failure));
        let sent = serde_json::to_string(&failure).unwrap();
        assert_eq!(sent, format!("\"{}\"", failure.code()));
    }
    assert_eq!(Failure::from_code("anything"), None);
}
