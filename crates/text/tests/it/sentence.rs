//! Sentence boundaries: a table of cases as offices and laws write them, and what holds for every text.

use proptest::prelude::*;

/// `|` marks where one sentence ends and the next begins; it is removed before splitting.
fn check(marked: &str) -> Result<(), String> {
    let wanted: Vec<&str> =
        marked.split('|').map(str::trim).filter(|part| !part.is_empty()).collect();
    let text = marked.replace('|', "");
    let found: Vec<&str> = text::sentences(&text).into_iter().map(|range| &text[range]).collect();
    if found == wanted { Ok(()) } else { Err(format!("wanted {wanted:#?}\nfound {found:#?}")) }
}

#[test]
fn cases_from_offices_and_laws() {
    let cases = include_str!("../../fixtures/sentences.txt");
    let mut failures = Vec::new();
    let mut count = 0;
    for case in cases.split("\n===\n").filter(|case| !case.trim().is_empty()) {
        count += 1;
        if let Err(failure) = check(case) {
            failures.push(failure);
        }
    }
    assert!(count >= 100, "only {count} cases");
    assert!(
        failures.is_empty(),
        "{} of {count} cases:\n{}",
        failures.len(),
        failures.join("\n---\n")
    );
}

/// Everything that is not white space is in exactly one sentence, in order.
fn assert_covers(text: &str) {
    let mut at = 0;
    for range in text::sentences(text) {
        assert!(range.start >= at && range.end > range.start);
        assert!(text[at..range.start].trim().is_empty(), "text between sentences");
        assert_eq!(text[range.clone()].trim(), &text[range.clone()], "untrimmed");
        at = range.end;
    }
    assert!(text[at..].trim().is_empty(), "text after the last sentence");
}

proptest! {
    #[test]
    fn any_text_is_covered(text in any::<String>()) {
        assert_covers(&text);
    }

    #[test]
    fn text_of_stops_and_breaks_is_covered(
        parts in proptest::collection::vec(
            prop::sample::select(vec![
                ".", "!", "…", "...", " ", "\n", "\n\n", "\r\n", "\u{a0}", "z. B.", "Abs.", "5.", "(", ")", "[", "]", "„", "“", "§ 3", "Der", "der", "ß", "a)", "- ", "# ", "|", "III.", "1.2",
                "2024", ":", ";", "–", "Ä", "usw.", "Januar", "Nr", "\u{ad}", "🏛",
            ]),
            0..60,
        )
    ) {
        assert_covers(&parts.concat());
    }
}

#[test]
fn long_hostile_runs_take_linear_time() {
    for unit in [".", ". ", "( ", ") ", "a. ", "(a. ", "\n", "1.\n", "\u{a0}", ". „", "x-"] {
        let text = unit.repeat(400_000 / unit.len());
        let begun = std::time::Instant::now();
        assert_covers(&text);
        assert!(begun.elapsed().as_secs() < 5, "{unit:?} took {:?}", begun.elapsed());
    }
}
