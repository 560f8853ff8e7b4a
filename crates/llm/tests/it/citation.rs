//! Citation marks that match no source go, everything else stays.

use llm::CitationFilter;
use proptest::prelude::*;

fn filter_in(pieces: &[&str], known: &[u32]) -> (String, Vec<u32>, u32) {
    let mut filter = CitationFilter::new(known.iter().copied());
    let mut shown: String = pieces.iter().map(|piece| filter.push(piece)).collect();
    shown.push_str(&filter.finish());
    (shown, filter.cited().to_vec(), filter.removed())
}

#[track_caller]
fn check(given: &str, shown: &str, cited: &[u32], removed: u32) {
    let expected = (shown.to_owned(), cited.to_vec(), removed);
    assert_eq!(filter_in(&[given], &[1, 2, 12]), expected);
    // Letter by letter it must come out the same.
    let letters: Vec<&str> = given.split("").filter(|letter| !letter.is_empty()).collect();
    assert_eq!(filter_in(&letters, &[1, 2, 12]), expected, "letter by letter");
}

#[test]
fn marks_of_sources_stay() {
    check(
        "Der Mieter zahlt [1]. So auch hier[2][12].",
        "Der Mieter zahlt [1]. So auch hier[2][12].",
        &[1, 2, 12],
        0,
    );
    check(
        "[Quelle 2] [quellen 1, 2] [Source: 12]",
        "[Quelle 2] [quellen 1, 2] [Source: 12]",
        &[2, 1, 12],
        0,
    );
    check("[ 1 ; 2 und 12 ]", "[ 1 ; 2 und 12 ]", &[1, 2, 12], 0);
}

#[test]
fn marks_without_source_go_with_their_space() {
    check("Der Mieter zahlt [7].", "Der Mieter zahlt.", &[], 1);
    check("Satz [7] [8]. Weiter [9] geht es", "Satz. Weiter geht es", &[], 3);
    check("Satz [7][1].", "Satz [1].", &[1], 1);
    check("Satz [1][7].", "Satz [1].", &[1], 1);
    check("Satz [Quelle 7]", "Satz", &[], 1);
    check("Satz[0]", "Satz", &[], 1);
    check("[99999]Satz", "Satz", &[], 1);
    check("Satz [7]Wort", "Satz Wort", &[], 1);
    check("- [7] Punkt", "- Punkt", &[], 1);
}

#[test]
fn mixed_marks_keep_their_good_numbers() {
    check("Satz [1, 7].", "Satz [1].", &[1], 1);
    check("Satz [7, 1, 8, 2].", "Satz [1, 2].", &[1, 2], 2);
    check("Satz [Quelle 1, Quelle 7].", "Satz [Quelle 1].", &[1], 1);
}

#[test]
fn other_brackets_stay() {
    for text in [
        "Liste [x] und [ ] und [a] und [1a] und [1.2] und [] und [-1] und [1-7]",
        "Ein [Link](https://example.org) und [7](https://example.org) und [7](#q)",
        "Verweis [Text][7] und ![Bild](7.png)",
        "[7]: https://example.org\n  [8]: <x>",
        "[^7] und \\[7\\] und [S. 7] und [§ 7] und [7\n]",
        "offen [7",
        "offen [",
        "[1234567890]",
        "[7, ]",
        "[Quelle]",
        "[:7]",
    ] {
        check(text, text, &[], 0);
    }
}

#[test]
fn a_definition_of_a_link_is_told_from_a_mark_at_the_beginning_of_a_line() {
    check("[7]: Der Mieter", ": Der Mieter", &[], 1);
    check("[1]: Der Mieter", "[1]: Der Mieter", &[1], 0);
}

#[test]
fn code_stays() {
    for text in [
        "`a[7]` und ``b`[7]``",
        "```rust\nlet x = a[7]; // [8]\n```\n",
        "~~~\n[7]\n~~~\n",
        "- ```\n  [7]\n  ```\n",
        "````\n```\n[7]\n```\n[8]\n````",
        "``` [7]\n[8]",
    ] {
        check(text, text, &[], 0);
    }
    check("`code` [7]", "`code`", &[], 1);
    check("```\n[7]\n```\n[8] danach", "```\n[7]\n```\n danach", &[], 1);
    check("ein ` allein [7]\nund [8] weiter", "ein ` allein [7]\nund weiter", &[], 1);
    check("```zeile``` [7]", "```zeile```", &[], 1);
}

#[test]
fn nested_brackets_are_looked_into() {
    check("[siehe [7]]", "[siehe]", &[], 1);
    check("[siehe [1]]", "[siehe [1]]", &[1], 0);
}

#[test]
fn little_is_held_back() {
    let mut filter = CitationFilter::new([1]);
    assert_eq!(filter.push("Ein Satz."), "Ein Satz.");
    assert_eq!(filter.push(" Noch [1"), " Noch");
    assert_eq!(filter.push("] einer"), " [1] einer");
    assert_eq!(filter.push(" [aber"), " [aber");
    assert_eq!(filter.finish(), "");
}

fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("[1]".to_owned()),
        Just("[7]".to_owned()),
        Just("[1, 7]".to_owned()),
        Just("[Quelle 7]".to_owned()),
        Just("[Quelle7".to_owned()),
        Just("und ".to_owned()),
        Just("[7](x)".to_owned()),
        Just("[7]: http://x".to_owned()),
        Just("[".to_owned()),
        Just("]".to_owned()),
        Just("`".to_owned()),
        Just("```".to_owned()),
        Just("~~~".to_owned()),
        Just("\n".to_owned()),
        Just(" ".to_owned()),
        Just("\\".to_owned()),
        "[a-zäß0-9.,;:()und ]{0,6}",
        "\\PC{0,4}",
    ];
    proptest::collection::vec(piece, 0..30).prop_map(|pieces| pieces.concat())
}

fn cut(text: &str, cuts: &[usize]) -> Vec<String> {
    let letters: Vec<char> = text.chars().collect();
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| (*cut).min(letters.len())).collect();
    cuts.extend([0, letters.len()]);
    cuts.sort_unstable();
    cuts.windows(2).map(|pair| letters[pair[0]..pair[1]].iter().collect()).collect()
}

proptest! {
    #[test]
    fn chunking_never_changes_the_result(
        text in text(),
        cuts in proptest::collection::vec(0_usize..150, 0..12),
    ) {
        let pieces = cut(&text, &cuts);
        let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();
        prop_assert_eq!(filter_in(&pieces, &[1, 2]), filter_in(&[&text], &[1, 2]));
    }

    #[test]
    fn with_all_sources_known_nothing_changes(text in text()) {
        let known: Vec<u32> = (0..=9_999).collect();
        let (shown, _, removed) = filter_in(&[&text], &known);
        if removed == 0 {
            prop_assert_eq!(shown, text);
        }
    }

    #[test]
    fn little_is_ever_held_back(text in text(), cuts in proptest::collection::vec(0_usize..150, 0..12)) {
        let mut filter = CitationFilter::new([1]);
        let (mut given, mut shown) = (0, 0);
        for piece in cut(&text, &cuts) {
            given += piece.len();
            shown += filter.push(&piece).len();
            // What was removed is neither shown nor held.
            let removed = filter.removed() as usize * CitationFilter::HELD_BYTES_MAX;
            prop_assert!(given - shown <= CitationFilter::HELD_BYTES_MAX + removed);
        }
    }

    #[test]
    fn in_plain_prose_no_unknown_mark_is_left(
        parts in proptest::collection::vec(("[a-zäöü]{1,8}( [a-z]{1,8}){0,3}", 0_u32..20), 0..12),
    ) {
        let text: String = parts.iter().map(|(words, number)| format!("{words} [{number}]. ")).collect();
        let (shown, cited, removed) = filter_in(&[&text], &[1, 2, 3]);
        let unknown = parts.iter().filter(|(_, number)| !(1..=3).contains(number)).count();
        prop_assert_eq!(removed as usize, unknown);
        for number in (0..20_u32).filter(|number| !(1..=3).contains(number)) {
            let mark = format!("[{number}]");
            prop_assert!(!shown.contains(&mark));
        }
        prop_assert!(cited.iter().all(|number| (1..=3).contains(number)));
    }
}

#[test]
fn marks_can_count_in_the_order_of_appearance() {
    let mut filter = CitationFilter::renumbering([2, 4, 7]);
    let mut shown = filter.push("Erst [7], dann [Quelle 2] und [4, 9] und wieder [7,2].");
    shown.push_str(&filter.finish());
    assert_eq!(shown, "Erst [1], dann [Quelle 2] und [3] und wieder [1, 2].");
    assert_eq!((filter.cited(), filter.removed()), ([7, 2, 4].as_slice(), 1));
}
