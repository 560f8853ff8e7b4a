//! Masking, pseudonymising, restoring: nothing is lost, nothing found is left, cuts do not matter.

use std::sync::{Arc, LazyLock};

use guard::{Form, Pseudonyms, Restorer, Scanner};
use proptest::prelude::*;

static SCANNER: LazyLock<Scanner> = LazyLock::new(Scanner::default);

const LETTER: &str = "Sehr geehrte Frau Yıldız,\nIhr Konto DE89 3704 0044 0532 0130 00 \
(DE89370400440532013000) gehört Herrn Peter Müller, Lindenstraße 14\n50674 Köln.";

fn pseudonymise(text: &str) -> (Pseudonyms, String) {
    let mut pseudonyms = Pseudonyms::new();
    let changed = pseudonyms.pseudonymise(text, &SCANNER.scan(text));
    (pseudonyms, changed)
}

#[test]
fn a_letter_keeps_its_shape_and_loses_its_people() {
    let (pseudonyms, changed) = pseudonymise(LETTER);
    assert_eq!(
        changed,
        "Sehr geehrte Frau ⟦PERSON1⟧,\nIhr Konto ⟦IBAN1⟧ (⟦IBAN1a⟧) gehört Herrn ⟦PERSON2⟧, ⟦ADRESSE1⟧."
    );
    assert_eq!(pseudonyms.restore(&changed), LETTER);
    assert_eq!(
        pseudonyms.restore("⟦PERSON2⟧s Antrag, ⟦PERSON99⟧"),
        "Peter Müllers Antrag, ⟦PERSON99⟧"
    );
}

#[test]
fn the_next_message_of_a_conversation_uses_the_same_placeholders() {
    let (mut pseudonyms, _) = pseudonymise(LETTER);
    let next = "Was schrieb Frau Yıldız an max@amt.example?";
    let changed = pseudonyms.pseudonymise(next, &SCANNER.scan(next));
    assert_eq!(changed, "Was schrieb Frau ⟦PERSON1⟧ an ⟦EMAIL1⟧?");
}

#[test]
fn one_person_has_one_number_however_the_name_is_encoded() {
    let text = r#"Frau Müller schreibt {"von":"Frau M\u00fcller"}, <b>Frau M&uuml;ller</b>."#;
    let (pseudonyms, changed) = pseudonymise(text);
    assert_eq!(
        changed,
        r#"Frau ⟦PERSON1⟧ schreibt {"von":"Frau ⟦PERSON1a⟧"}, <b>Frau ⟦PERSON1b⟧</b>."#
    );
    assert_eq!(pseudonyms.restore(&changed), text);
}

#[test]
fn arguments_of_a_tool_stay_json() {
    let (pseudonyms, _) = pseudonymise(LETTER);
    for written in [r#"{"an":"⟦ADRESSE1⟧"}"#, r#"{"an":"\u27e6ADRESSE1\u27E7"}"#] {
        let restored = pseudonyms.restore_as(written, Form::Json);
        let value: serde_json::Value = serde_json::from_str(&restored).unwrap();
        assert_eq!(value["an"], "Lindenstraße 14\n50674 Köln");
    }
    // An escaped backslash is followed by ordinary text.
    let text = r#"{"an":"\\u27e6ADRESSE1\\u27e7"}"#;
    assert_eq!(pseudonyms.restore_as(text, Form::Json), text);
}

#[test]
fn a_log_prints_no_content() {
    let (pseudonyms, changed) = pseudonymise(LETTER);
    let mut restorer = Restorer::new(Arc::new(pseudonyms.clone()), Form::Text);
    let _ = restorer.push(&changed[..21]);
    let printed = format!("{pseudonyms:?} {restorer:?} {:?}", SCANNER.scan(LETTER));
    for word in ["Yıldız", "Müller", "DE89", "Linden", "⟦"] {
        assert!(!printed.contains(word), "{word} in {printed}");
    }
}

/// Text that is likely to go wrong: finds, half and whole placeholders, escapes, anything.
fn text() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        "\\PC{0,12}",
        prop::sample::select(vec![
            "Frau Müller",
            " Herr Dr. Koch ",
            "DE89 3704 0044 0532 0130 00",
            "⟦PERSON1⟧",
            "⟦PERSON",
            "1⟧",
            "⟦",
            "⟧",
            "\\u27e6PERSON1\\u27e7",
            "\\",
            "\\\\",
            "\\u27",
            "\"",
            "\n",
            " geb. am 03.05.1980 ",
            "a@b.example",
            "Lindenstraße 14, 50674 Köln",
            "0221 1234567",
            "⟦TEXT1⟧",
            "⟦IBAN1a⟧",
            " ",
        ])
        .prop_map(str::to_owned),
    ];
    let words: Vec<&str> = include_str!("../../fixtures/hand.txt")
        .split(|letter: char| letter.is_whitespace() || letter == '{' || letter == '}')
        .collect();
    let joint = prop::sample::select(vec![" ", "", "\n", ", ", ". ", "-"]);
    let word =
        (prop::sample::select(words), joint).prop_map(|(word, joint)| format!("{word}{joint}"));
    let part = prop_oneof![part, word.clone(), word];
    prop::collection::vec(part, 0..16).prop_map(|parts| parts.concat())
}

fn cut(text: &str, cuts: &[prop::sample::Index]) -> Vec<String> {
    let mut borders: Vec<usize> =
        cuts.iter().map(|cut| text.floor_char_boundary(cut.index(text.len() + 1))).collect();
    borders.extend([0, text.len()]);
    borders.sort_unstable();
    borders.windows(2).map(|pair| text[pair[0]..pair[1]].to_owned()).collect()
}

fn stream(pseudonyms: &Pseudonyms, form: Form, pieces: &[String]) -> String {
    let mut restorer = Restorer::new(Arc::new(pseudonyms.clone()), form);
    let mut restored: String = pieces.iter().map(|piece| restorer.push(piece)).collect();
    restored.push_str(&restorer.finish());
    restored
}

proptest! {
    // Scanning is slow without optimisation; chance covers more over the runs than in one.
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn restoring_gives_back_what_was_there(text in text()) {
        let (pseudonyms, changed) = pseudonymise(&text);
        prop_assert_eq!(pseudonyms.restore(&changed), text);
    }

    #[test]
    fn json_around_placeholders_survives(text in text()) {
        let (pseudonyms, changed) = pseudonymise(&text);
        let sent = serde_json::json!({ "text": changed }).to_string();
        for escaped in [sent.clone(), sent.replace('⟦', "\\u27e6").replace('⟧', "\\u27E7")] {
            let restored = pseudonyms.restore_as(&escaped, Form::Json);
            let value: serde_json::Value = serde_json::from_str(&restored).unwrap();
            prop_assert_eq!(value["text"].as_str(), Some(text.as_str()));
        }
    }

    #[test]
    fn pieces_give_the_same_as_the_whole(text in text(), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8)) {
        let (pseudonyms, changed) = pseudonymise(&text);
        for form in [Form::Text, Form::Json] {
            // What a model sends may hold placeholders of ours, of others, and halves.
            for answer in [&changed, &text] {
                let whole = pseudonyms.restore_as(answer, form);
                prop_assert_eq!(stream(&pseudonyms, form, &cut(answer, &cuts)), whole);
            }
        }
    }

    #[test]
    fn every_single_cut_gives_the_same(text in text()) {
        let (pseudonyms, changed) = pseudonymise(&text);
        let whole = pseudonyms.restore(&changed);
        for (border, _) in changed.char_indices() {
            let pieces = [changed[..border].to_owned(), changed[border..].to_owned()];
            prop_assert_eq!(stream(&pseudonyms, Form::Text, &pieces), whole.clone());
        }
    }

    #[test]
    fn finds_are_ordered_and_lie_on_borders(text in text()) {
        let mut end = 0;
        for finding in SCANNER.scan(&text) {
            prop_assert!(finding.start >= end && finding.end > finding.start);
            prop_assert!(text.is_char_boundary(finding.start) && text.is_char_boundary(finding.end));
            prop_assert!(finding.score > 0.0 && finding.score <= 1.0);
            end = finding.end;
        }
    }

    #[test]
    fn nothing_found_is_left_in_a_masked_text(text in text()) {
        let masked = SCANNER.mask(&text);
        prop_assert_eq!(SCANNER.scan(&masked.text), vec![]);
        for finding in &masked.findings {
            let value = finding.of(&text);
            let is_searched = value.len() >= 6 && value.contains(|letter: char| letter.is_ascii_digit());
            let is_left = masked.text.match_indices(value).any(|(at, _)| {
                let is_part = |letter: Option<char>| letter.is_some_and(char::is_alphanumeric);
                !is_part(masked.text[..at].chars().next_back())
                    && !is_part(masked.text[at + value.len()..].chars().next())
            });
            prop_assert!(!is_searched || !is_left);
        }
    }

    #[test]
    fn any_bytes_are_scanned_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let text = String::from_utf8_lossy(&bytes);
        let _ = SCANNER.mask(&text);
    }
}
