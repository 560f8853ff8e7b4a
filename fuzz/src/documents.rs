//! Documents of strangers, and what the child process says about them: `extract`.

use std::{
    io::{Cursor, Write},
    ops::ControlFlow,
};

use extract::{Event, Failure, HEAD_BYTES, Limits, read_child_output, read_unprotected};
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

pub const HEADS: &[&[u8]] = &[
    b"%PDF-1.7\n",
    b"PK\x03\x04",
    b"<!doctype html><p>x",
    b"# Titel\n\nText",
    b"\xff\xfea\0b\0",
    b"{\\rtf1 x}",
    b"\x00\x01",
];
pub const DOCX: &[&[u8]] = &[
    br#"<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body><w:p><w:pPr><w:pStyle w:val="Heading1"/><w:numPr><w:ilvl w:val="0"/><w:numId w:val="1"/></w:numPr></w:pPr><w:r><w:t>Titel</w:t></w:r></w:p><w:tbl><w:tr><w:tc><w:p><w:r><w:t xml:space="preserve">Zelle </w:t><w:tab/></w:r></w:p></w:tc></w:tr></w:tbl><w:p><w:del><w:r><w:delText>weg</w:delText></w:r></w:del></w:p></w:body></w:document>"#,
];
pub const ODT: &[&[u8]] = &[
    br#"<office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0" xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0"><office:body><office:text><text:h text:outline-level="1">Titel</text:h><text:list><text:list-item><text:p>eins<text:s text:c="3"/></text:p></text:list-item></text:list><table:table><table:table-row><table:table-cell table:number-columns-repeated="2"><text:p>Zelle</text:p></table:table-cell></table:table-row></table:table></office:text></office:body></office:document-content>"#,
];
pub const HTML: &[&[u8]] = &[
    b"<title>T</title><h1>A</h1><p>B<br>C</p><ul><li>D<ol><li>E</ol></ul><table><tr><th>F<td>G</table><script>x</script><pre>\n H</pre><a href=x>I</a>&amp;&#228;",
];
pub const MARKDOWN: &[&[u8]] = &[
    b"---\ntitle: T\n---\n# A\n\nB *C* `D`\n\n1. E\n   - F\n\n| G | H |\n|---|---|\n| I | J |\n\n```\nK\n```\n> L\n\n[M](n) ![O](p)\n",
];
pub const TEXT: &[&[u8]] = &[
    "§ 1 Geltung\n\n(1) Diese Satzung gilt.\n1. erstens,\n2. zweitens.\n\n\u{c}Seite 2\n"
        .as_bytes(),
    b"\xff\xfe\xa7\x00 \x001\x00",
    b"Stra\xdfe \x80 in Windows-1252",
];
pub const PDF: &[&[u8]] = &[include_bytes!("../../crates/extract/fixtures/nur-rechte.pdf")];
pub const EVENTS: &[&[u8]] = &[
    b"{\"format\":\"pdf\"}\n{\"pages\":3}\n{\"progress\":1}\n{\"title\":\"T\"}\n{\"done\":true}\n",
    b"{\"format\":\"text\"}\n{\"passage\":{\"text\":\"x\",\"heading\":[\"a\"],\"kind\":\"paragraph\",\"page\":1,\"boxes\":[{\"page\":1,\"x\":0.1,\"y\":0.2,\"width\":0.3,\"height\":0.4}]}}\n{\"failed\":\"damaged\"}\n",
    b"{\"failed\":\"encrypted\"}",
];

/// Reads in this process, so that a panic is seen; checks what must hold for every passage.
fn read(bytes: Vec<u8>, name: &str) {
    let limits = Limits { unpacked_bytes_max: 8 << 20, ..Limits::default() };
    // Any outcome will do: a document may be refused for whatever reason.
    let _ = read_unprotected(bytes, name, &limits, &mut |event| {
        let Event::Passage(passage) = event else { return };
        assert!(!passage.text.trim().is_empty());
        assert!(passage.text.chars().count() <= domain::limits::PASSAGE_CHARS_MAX);
        assert_eq!(passage.page, passage.boxes.first().map(|area| area.page));
        for area in &passage.boxes {
            let sides = [area.x, area.y, area.width, area.height];
            assert!(sides.iter().all(|side| (0.0..=1.0).contains(side)));
        }
    });
}

fn container(media_type: Option<&[u8]>, member: &str, content: &[u8]) -> Vec<u8> {
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let parts = media_type.map(|kind| ("mimetype", kind)).into_iter().chain([(member, content)]);
    for (name, bytes) in parts {
        zip.start_file(name, options).expect("a container in memory");
        zip.write_all(bytes).expect("a container in memory");
    }
    zip.finish().expect("a container in memory").into_inner()
}

pub fn detect(data: &[u8]) {
    for name in ["datei", "a.pdf", "a.docx", "a.odt", "a.html", "a.md", "a.txt"] {
        let found = extract::detect(data, name);
        // More than the head decides nothing.
        assert_eq!(found, extract::detect(&data[..data.len().min(HEAD_BYTES)], name));
        assert!(!data.is_empty() || found == Err(Failure::NoText));
    }
}

pub fn any(data: &[u8]) {
    read(data.to_vec(), "datei");
}

pub fn docx(data: &[u8]) {
    read(container(None, "word/document.xml", data), "a.docx");
}

pub fn odt(data: &[u8]) {
    let kind = b"application/vnd.oasis.opendocument.text";
    read(container(Some(kind), "content.xml", data), "a.odt");
}

pub fn html(data: &[u8]) {
    read([b"<html>", data].concat(), "a.html");
}

pub fn markdown(data: &[u8]) {
    read(data.to_vec(), "a.md");
}

pub fn plain_text(data: &[u8]) {
    read(data.to_vec(), "a.txt");
}

pub fn pdf(data: &[u8]) {
    read([b"%PDF-1.7\n", data].concat(), "a.pdf");
}

/// The child may have been taken over: the parent believes nothing that makes no sense.
pub fn child_output(data: &[u8]) {
    let limits = Limits { output_bytes_max: 10_000, ..Limits::default() };
    let mut passages = 0;
    let outcome = read_child_output(data, &limits, &mut |event| {
        passages += usize::from(matches!(event, Event::Passage(_)));
        if passages > 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert!(passages <= 4);
    if let Ok(summary) = outcome {
        assert_eq!(summary.complete, passages <= 3);
    }
}
