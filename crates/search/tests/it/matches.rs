//! What of a hit is highlighted.

use proptest::prelude::*;
use search::Matcher;

fn marked(query: &str, text: &str) -> Vec<String> {
    let letters: Vec<char> = text.chars().collect();
    let found = Matcher::new(query).find(text).into_iter();
    found.map(|range| letters[range].iter().collect()).collect()
}

#[test]
fn words_are_found_in_all_their_forms() {
    let text = "Die Gebühren für Häuser: Eine GEBUEHR je Haus.";
    assert_eq!(marked("Gebühr", text), ["Gebühren", "GEBUEHR"]);
    assert_eq!(marked("Haus", text), ["Häuser", "Haus"]);
}

#[test]
fn compounds_and_their_parts_find_each_other() {
    let text = "Die Hundesteuer ist eine Steuer; die Steuerpflicht beginnt mit dem Hund.";
    assert_eq!(marked("Steuer", text), ["Hundesteuer", "Steuer", "Steuerpflicht"]);
    assert_eq!(marked("Hundesteuer", text), ["Hundesteuer", "Steuer", "Steuerpflicht", "Hund"]);
}

#[test]
fn small_words_are_left_alone_unless_nothing_else_is_asked() {
    assert_eq!(
        marked("Was kostet der Hund?", "Der Hund kostet das, was er frisst."),
        ["Hund", "kostet"]
    );
    assert_eq!(marked("wer", "Wer fragt?"), ["Wer"]);
}

#[test]
fn a_reference_is_one_piece_and_its_number_alone_is_none() {
    let text = "Nach § 195 sind es 195 Tage, nach Abs. 1 nur 1 Tag.";
    assert_eq!(marked("§ 195", text), ["195"]);
    assert_eq!(marked("Abs. 1", text), ["Abs. 1"]);
    assert_eq!(marked("195 Tage", text), ["195", "195", "Tage", "Tag"]);
}

proptest! {
    #[test]
    fn ranges_are_in_order_and_inside(query in "\\PC{0,40}", text in "[\\PCäÄß§ .1-]{0,200}") {
        let mut before = 0;
        for range in Matcher::new(&query).find(&text) {
            prop_assert!(before <= range.start && range.start < range.end);
            before = range.end;
        }
        prop_assert!(before <= text.chars().count());
    }
}
