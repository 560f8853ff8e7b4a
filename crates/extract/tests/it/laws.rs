//! Real laws, where the shared data is at hand.

use extract::{Failure, Limits};

use crate::{extract, shared};

#[test]
fn the_civil_code_keeps_its_structure() {
    let Some(file) = shared("pdf/bgb-gesamt.pdf") else {
        return;
    };
    let (outcome, passages) = extract(&file, "bgb-gesamt.pdf", &Limits::default());
    let summary = outcome.unwrap();
    assert_eq!(summary.pages, 553);
    let found = passages
        .iter()
        .find(|passage| passage.text == "Die regelmäßige Verjährungsfrist beträgt drei Jahre.")
        .expect("§ 195 is there");
    assert_eq!(
        found.heading,
        [
            "Buch 1 - Allgemeiner Teil",
            "Abschnitt 5 - Verjährung",
            "Titel 1 - Gegenstand und Dauer der Verjährung",
            "§ 195 Regelmäßige Verjährungsfrist",
        ]
    );
    assert_eq!(found.boxes.len(), 1);
    // The law has 2,385 numbered provisions, some of them repealed and empty.
    let provisions = |passage: &&extract::Passage| {
        let last = passage.heading.last();
        last.is_some_and(|heading| heading.starts_with('§'))
    };
    let mut headings: Vec<_> =
        passages.iter().filter(provisions).map(|passage| passage.heading.last().unwrap()).collect();
    headings.dedup();
    assert!(headings.len() > 2_200, "{} provisions", headings.len());
    // Page numbers are gone, hyphens undone.
    assert!(passages.iter().all(|passage| !passage.text.ends_with("\n17")));
    let broken = passages
        .iter()
        .filter(|passage| passage.text.contains("- ") && passage.text.contains("gesetz- lich"))
        .count();
    assert_eq!(broken, 0);
}

/// The same law as Markdown and as PDF gives the same words.
#[test]
fn the_civil_code_reads_alike_in_both_formats() {
    let (Some(pdf), Some(markdown)) = (shared("pdf/bgb-gesamt.pdf"), shared("gesetze/bgb.md"))
    else {
        return;
    };
    let words = |file, name| {
        let (outcome, passages) = extract(file, name, &Limits::default());
        outcome.unwrap();
        let mut counts = std::collections::HashMap::<String, i64>::new();
        for passage in passages {
            for word in passage.text.split(|c: char| !c.is_alphabetic()) {
                if word.chars().count() > 1 {
                    *counts.entry(word.to_owned()).or_default() += 1;
                }
            }
        }
        counts
    };
    let (pdf, markdown) = (words(&pdf, "bgb.pdf"), words(&markdown, "bgb.md"));
    let total: i64 = markdown.values().sum();
    let missing: i64 =
        markdown.iter().map(|(word, count)| (count - pdf.get(word).unwrap_or(&0)).max(0)).sum();
    // Two in ten thousand: words that the source hyphenates itself.
    assert!(missing * 5_000 < total, "{missing} of {total} words are missing");
}

#[test]
fn scans_in_the_gazette_are_named() {
    let Some(file) = shared("pdf/l_liqv_bgbl1_2017_j4033-1_0010.pdf") else {
        return;
    };
    let (outcome, _) = extract(&file, "a.pdf", &Limits::default());
    assert_eq!(outcome, Err(Failure::NoText));
}
