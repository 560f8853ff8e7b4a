//! Arbitrary and mutated bytes: every parser answers, none panics, none hangs.
//!
//! Runs in this process, so that a panic is a failed test; the child would hide it.

use std::io::{Cursor, Write};

use extract::{Failure, Limits, Passage, read_unprotected};
use proptest::prelude::*;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::fixture;

fn read(bytes: Vec<u8>, name: &str) -> (Result<(), Failure>, Vec<Passage>) {
    let mut passages = Vec::new();
    let limits = Limits { unpacked_bytes_max: 16 << 20, ..Limits::default() };
    let outcome = read_unprotected(bytes, name, &limits, &mut |event| {
        if let extract::Event::Passage(passage) = event {
            passages.push(passage);
        }
    });
    (outcome.map(|_| ()), passages)
}

/// What must hold for whatever comes out.
fn check(passages: &[Passage]) {
    for passage in passages {
        assert!(!passage.text.trim().is_empty());
        assert!(passage.text.chars().count() <= domain::limits::PASSAGE_CHARS_MAX);
        assert_eq!(passage.page, passage.boxes.first().map(|area| area.page));
        for area in &passage.boxes {
            let sides = [area.x, area.y, area.width, area.height];
            assert!(sides.iter().all(|side| (0.0..=1.0).contains(side)));
        }
    }
}

fn office(member: &str, xml: &str) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    if member == "content.xml" {
        zip.start_file("mimetype", options).unwrap();
        zip.write_all(b"application/vnd.oasis.opendocument.text").unwrap();
    }
    zip.start_file(member, options).unwrap();
    zip.write_all(xml.as_bytes()).unwrap();
    zip.finish().unwrap().into_inner()
}

/// Well-formed markup from the elements a reader knows, nested at random.
fn markup(names: &'static [&'static str]) -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        "[A-Za-zäöüß§ .,:()0-9\n-]{0,40}".boxed(),
        Just("&amp;&#228;&nix;".to_owned()).boxed(),
    ];
    leaf.prop_recursive(6, 64, 6, move |inner| {
        (prop::sample::select(names), prop::collection::vec(inner, 0..6))
            .prop_map(|(name, parts)| format!("<{name}>{}</{}>", parts.concat(), tag_name(name)))
    })
}

fn tag_name(name: &str) -> &str {
    name.split(' ').next().unwrap_or(name)
}

const DOCX: &[&str] = &[
    "w:p",
    "w:r",
    "w:t",
    "w:tbl",
    "w:tr",
    "w:tc",
    "w:pPr",
    "w:pStyle w:val=\"x\"",
    "w:del",
    "w:outlineLvl w:val=\"2\"",
    "w:numId w:val=\"1\"",
    "mc:Fallback",
    "w:txbxContent",
    "w:vanish",
    "w:footnoteReference w:id=\"1\"",
];
const ODT: &[&str] = &[
    "text:p",
    "text:h text:outline-level=\"2\"",
    "text:list",
    "text:list-item",
    "text:note",
    "text:note-citation",
    "text:note-body",
    "table:table-row",
    "table:table-cell",
    "text:span",
    "draw:text-box",
    "office:annotation",
    "text:s",
];
const HTML: &[&str] = &[
    "p",
    "div",
    "h1",
    "h3",
    "ul",
    "ol",
    "li",
    "table",
    "tr",
    "td",
    "th",
    "br",
    "script",
    "style",
    "title",
    "p hidden",
    "div style=\"display:none\"",
    "textarea",
    "svg",
    "b",
    "template",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn any_bytes_under_any_name(bytes in prop::collection::vec(any::<u8>(), 0..2048), name in ".{0,12}") {
        check(&read(bytes, &name).1);
    }

    #[test]
    fn any_text(text in "(?s).{0,600}", name in "a\\.(txt|md|html)") {
        check(&read(text.into_bytes(), &name).1);
    }

    #[test]
    fn any_markdown(lines in prop::collection::vec("(#{1,6} |[-*+] |[0-9]{1,3}[.)] |> |\\| a \\| b \\||:   |    |---|```|<div>|\\[\\^1\\]: |§ [0-9]{1,3} |\\([0-9]\\) )?[A-Za-zäöü§.,: |]{0,60}", 0..40)) {
        check(&read(lines.join("\n").into_bytes(), "a.md").1);
    }

    #[test]
    fn any_docx(body in markup(DOCX)) {
        let xml = format!("<w:document><w:body>{body}</w:body></w:document>");
        check(&read(office("word/document.xml", &xml), "a.docx").1);
    }

    #[test]
    fn any_odt(body in markup(ODT)) {
        let xml = format!("<office:document-content>{body}</office:document-content>");
        check(&read(office("content.xml", &xml), "a.odt").1);
    }

    #[test]
    fn any_html(body in markup(HTML)) {
        check(&read(format!("<html>{body}").into_bytes(), "a.html").1);
    }

    #[test]
    fn mutated_fixtures(
        name in prop::sample::select(&[
            "einspaltig.docx", "einspaltig.odt", "seite.html", "notiz.md", "brief.txt",
            "brief-utf16.txt",
        ][..]),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..24),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let mut bytes = std::fs::read(fixture(name)).unwrap();
        for (place, value) in changes {
            let place = place.index(bytes.len());
            bytes[place] = value;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()) + 1);
        }
        check(&read(bytes, name).1);
    }
}
