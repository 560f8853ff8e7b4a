//! What carries a text and what answers a question.

use std::time::{Duration, Instant};

use proptest::prelude::*;
use text::summary::{Passage, Pick, Sentence, answering, central, normalised};

const NOTE: &[(&str, usize)] = &[
    ("Vermerk", 0),
    ("Die Stadt plant den Umbau des Rathauses, weil das Gebäude nicht barrierefrei ist.", 0),
    ("Der Umbau des Rathauses soll drei Jahre dauern und zwölf Millionen Euro kosten.", 0),
    ("Das Wetter war am Tag der Besichtigung schön.", 0),
    ("Während des Umbaus zieht das Bürgerbüro des Rathauses in das alte Postgebäude.", 1),
    ("während des Umbaus des Rathauses zieht das Bürgerbüro in das alte Postgebäude", 1),
    ("Er begrüßt das.", 1),
    ("Der Rat der Stadt entscheidet im Mai über den Umbau und die Kosten.", 2),
    ("Der Rat der Stadt entscheidet im Mai über den Umbau und die Kosten.", 2),
];

fn note() -> Vec<Sentence<'static>> {
    NOTE.iter().map(|(text, section)| Sentence { text, section: *section }).collect()
}

#[test]
fn central_sentences_are_whole_and_said_once() {
    assert_eq!(central(&note(), 3), [1, 4, 7]);
    let all = central(&note(), 100);
    assert!(!all.contains(&0) && !all.contains(&6), "neither a heading nor a remark");
    assert!(!all.contains(&8), "said before");
}

#[test]
fn nothing_comes_from_nothing() {
    assert!(central(&[], 5).is_empty());
    assert!(central(&note(), 0).is_empty());
    assert!(central(&[Sentence { text: "1.", section: 0 }], 5).is_empty());
    assert!(answering("", &[], 5).is_empty());
    assert!(answering("Was gilt?", &[Passage { heading: "", sentences: vec![] }], 5).is_empty());
}

/// Sentences of made-up words with the shape of a law: many sections, some words in all, most in few.
fn book(sentences: usize) -> Vec<String> {
    let word = |seed: usize| {
        format!(
            "{}ung{}",
            ["Erklär", "Leist", "Verpflicht", "Wirk"][seed % 4],
            ["s", "en", "sache", ""][seed / 4 % 4]
        )
    };
    (0..sentences)
        .map(|at| {
            let words: Vec<String> = (0..14)
                .map(|place| word((at / 8 * 31 + place * place + at * place) % 997))
                .collect();
            format!("Die {} ist der Behörde {at} anzuzeigen.", words.join(" oder "))
        })
        .collect()
}

#[test]
fn a_book_takes_seconds_even_unoptimised() {
    let book = book(20_000);
    let sentences: Vec<Sentence<'_>> =
        book.iter().enumerate().map(|(at, text)| Sentence { text, section: at / 8 }).collect();
    let begun = Instant::now();
    let picked = central(&sentences, 25);
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
    assert!(picked.is_sorted() && !picked.is_empty());
    let (first, last) = (picked[0], picked[picked.len() - 1]);
    assert!(first < 5_000 && last > 15_000, "spread over the book: {first} to {last}");
}

#[test]
fn an_answer_brings_what_it_needs_to_be_understood() {
    let passages = [
        Passage {
            heading: "Hunde",
            sentences: vec!["Die Stadt erhebt eine Hundesteuer.", "Sie beträgt 120 Euro im Jahr."],
        },
        Passage {
            heading: "Antrag",
            sentences: vec![
                "Dem Antrag auf Baugenehmigung sind beizufügen:",
                "1. der Lageplan,",
                "2. die Bauzeichnungen.",
                "Der Antrag ist schriftlich zu stellen.",
            ],
        },
    ];
    let ask = |question| {
        answering(question, &passages, 4)
            .into_iter()
            .map(|Pick { passage, sentence }| (passage, sentence))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        ask("Wie hoch ist die Hundesteuer?"),
        [(0, 0), (0, 1)],
        "with the sentence that 'Sie' points at"
    );
    assert_eq!(
        ask("Was ist dem Antrag auf Baugenehmigung beizufügen?"),
        [(1, 0), (1, 1), (1, 2)],
        "with the list it announces"
    );
    assert_eq!(
        ask("Wo sind die Bauzeichnungen beizufügen?"),
        [(1, 0), (1, 1), (1, 2)],
        "with the sentence it completes"
    );
    assert_eq!(ask("Wann beginnt die Vorstellung im Theater?"), []);
}

#[test]
fn sentences_are_the_same_whatever_stands_between_their_letters() {
    assert_eq!(normalised("(2) Die  Frist,\nsie endet."), normalised("1. die Frist sie endet"));
    assert_ne!(normalised("Die Frist endet."), normalised("Die Frist endet nicht."));
}

proptest! {
    #[test]
    fn picks_are_in_order_in_range_and_not_alike(texts in proptest::collection::vec(any::<String>(), 0..40), count in 0_usize..10) {
        let sentences: Vec<Sentence<'_>> = texts.iter().enumerate().map(|(at, text)| Sentence { text, section: at / 3 }).collect();
        let picked = central(&sentences, count);
        prop_assert!(picked.len() <= count && picked.is_sorted());
        let mut said: Vec<String> = picked.iter().map(|at| normalised(&texts[*at])).collect();
        said.sort();
        said.dedup();
        prop_assert_eq!(said.len(), picked.len());
    }

    #[test]
    fn answers_are_in_range(question in any::<String>(), texts in proptest::collection::vec(any::<String>(), 0..20)) {
        let passages = [Passage { heading: &question, sentences: texts.iter().map(String::as_str).collect() }];
        for pick in answering(&question, &passages, 3) {
            prop_assert!(pick.passage == 0 && pick.sentence < texts.len());
        }
    }
}
