//! Any text is a safe query.

use proptest::prelude::*;
use search::Query;

use crate::place::Place;

fn filled() -> Place {
    let place = Place::new();
    place.add("a.md", &["Der Antrag ist schriftlich zu stellen.", "der die das und oder nicht"]);
    place.add("b.md", &["§ 195 Verjährung | Die Frist beträgt drei Jahre.", "Straße \"Am Markt\""]);
    place.index.commit().unwrap();
    place
}

#[test]
fn operators_of_other_engines_are_plain_text() {
    let place = filled();
    for text in [
        "",
        " ",
        "\0",
        "*",
        "?",
        "\"",
        "\"\"",
        "„“",
        "(((",
        "NOT",
        "AND OR NOT",
        "tenant:*",
        "body:antrag",
        "-Antrag",
        "+",
        "Antrag~9999",
        "/.*/",
        "[* TO *]",
        "{!lucene}",
        "'; DROP TABLE passages; --",
        "\\",
        "\u{202e}",
        "a\u{300}\u{301}",
        "🙂🙂",
        "§§§§",
        "„Antrag",
        "collection:\"x\" OR true",
    ] {
        for hit in place.find(text) {
            assert_eq!(hit.collection, place.collection, "{text}");
        }
    }
    assert!(place.find("").is_empty());
    assert!(place.find("tenant:* [* TO *]").is_empty());
}

#[test]
fn stop_words_alone_find_what_holds_them() {
    let place = filled();
    assert!(!place.find("der die das").is_empty());
    assert!(place.find("wer wie was").is_empty());
}

#[test]
fn a_query_is_read_up_to_its_limit() {
    let place = filled();
    let long = format!("{} Antrag", "x".repeat(1_990));
    assert_eq!(place.find(&long).len(), 1);
    let longer = format!("{} Antrag", "x".repeat(2_000));
    assert!(place.find(&longer).is_empty());
    let words: String = (0..2_000).map(|_| "Ö").collect::<Vec<_>>().join(" ");
    place.find(&words);
}

#[test]
fn limits_are_kept() {
    let place = Place::new();
    let texts: Vec<String> = (0..300).map(|n| format!("Gebühr {n}")).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    place.add("a.md", &texts);
    place.index.commit().unwrap();
    let readable = [place.collection];
    for (limit, expected) in [(0, 0), (1, 1), (7, 7), (100, 100), (usize::MAX, 100)] {
        let query = Query {
            text: "Gebühr",
            tenant: place.tenant,
            readable: &readable,
            documents: None,
            limit,
        };
        assert_eq!(place.index.search(&query).unwrap().len(), expected);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_text_is_a_query(texts in prop::collection::vec("\\PC{0,60}|[\"„“»«§*+():~ -]{0,12}|(Antrag|der|Frist|195| ){0,6}", 1..20)) {
        thread_local! { static PLACE: Place = filled(); }
        PLACE.with(|place| {
            for text in &texts {
                let hits = place.find(text);
                assert!(hits.iter().all(|hit| hit.score.is_finite() && hit.score > 0.0));
                assert!(hits.windows(2).all(|pair| pair[0].score >= pair[1].score));
                assert_eq!(&hits, &place.find(text));
            }
        });
    }
}
