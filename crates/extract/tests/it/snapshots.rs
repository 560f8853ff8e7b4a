//! One snapshot of passages per fixture.

use std::fmt::Write;

use extract::{Limits, Passage};

use crate::{extract, fixture};

fn rendered(name: &str) -> String {
    let (outcome, passages) = extract(&fixture(name), name, &Limits::default());
    let summary = outcome.unwrap();
    let mut text = format!(
        "{} · {} pages · {}\n",
        summary.format.code(),
        summary.pages,
        summary.title.unwrap_or_default()
    );
    for passage in &passages {
        let page = passage.page.map(|page| page.to_string());
        writeln!(
            text,
            "\n[{}] {} ({})\n{}",
            page.unwrap_or_default(),
            passage.heading.join(" › "),
            passage.kind.code(),
            passage.text
        )
        .unwrap();
    }
    text
}

macro_rules! snapshot {
    ($test:ident, $file:literal) => {
        #[test]
        fn $test() {
            insta::assert_snapshot!(rendered($file));
        }
    };
}

snapshot!(pdf_with_one_column, "einspaltig.pdf");
snapshot!(pdf_with_two_columns, "zweispaltig.pdf");
snapshot!(pdf_with_restricted_rights, "nur-rechte.pdf");
snapshot!(docx, "einspaltig.docx");
snapshot!(odt, "einspaltig.odt");
snapshot!(html, "seite.html");
snapshot!(markdown, "notiz.md");
snapshot!(plain_text, "brief.txt");

#[test]
fn office_formats_agree() {
    let body = |name| rendered(name).split_once('\n').map(|(_, body)| body.to_owned());
    assert_eq!(body("einspaltig.docx"), body("einspaltig.odt"));
}

#[test]
fn encodings_agree() {
    let utf8 = rendered("brief.txt");
    assert_eq!(rendered("brief-1252.txt"), utf8);
    assert_eq!(rendered("brief-utf16.txt"), utf8);
}

/// Two columns hold the same words as one, in the same order.
#[test]
fn columns_do_not_change_the_text() {
    let words = |name| -> Vec<String> {
        let (_, passages) = extract(&fixture(name), name, &Limits::default());
        let text = |passage: &Passage| passage.text.replace('\n', " ");
        passages
            .iter()
            .map(text)
            .collect::<Vec<_>>()
            .join(" ")
            .split_whitespace()
            .map(str::to_owned)
            .collect()
    };
    assert_eq!(words("zweispaltig.pdf"), words("einspaltig.pdf"));
}

#[test]
fn boxes_lie_on_their_page() {
    let name = "zweispaltig.pdf";
    let (outcome, passages) = extract(&fixture(name), name, &Limits::default());
    let pages = outcome.unwrap().pages;
    let boxes: Vec<_> = passages.iter().flat_map(|passage| &passage.boxes).collect();
    assert!(boxes.len() > 100);
    for area in boxes {
        assert!((1..=pages).contains(&area.page));
        assert!(area.x >= 0.0 && area.y >= 0.0 && area.width > 0.0 && area.height > 0.0);
        assert!(area.x + area.width <= 1.001 && area.y + area.height <= 1.001);
    }
    // A passage that goes over a page break names its first page and has boxes on both.
    assert!(passages.iter().any(|passage| {
        let first = passage.page.unwrap();
        passage.boxes.first().unwrap().page == first
            && passage.boxes.iter().any(|area| area.page == first + 1)
    }));
}
