//! Whole laws: every quote word for word, no two alike, and quick enough for a book.

use infer::{ExtractRequest, Extractive, Language, Piece, SummaryLength, Task};

use crate::shared::{as_sources, assert_keeps_promises, law_sections, shared_data};

const LENGTHS: [SummaryLength; 3] =
    [SummaryLength::Short, SummaryLength::Medium, SummaryLength::Long];

#[test]
fn summaries_of_laws_quote_word_for_word() {
    for name in ["vwvfg", "bgb", "arbzrg"] {
        let Some(law) = shared_data(&format!("gesetze/{name}.md")) else { return };
        let sections = law_sections(&law);
        let sources = as_sources(&sections);
        let lengths = if law.len() > 1_000_000 { &LENGTHS[2..] } else { &LENGTHS[..] };
        for &length in lengths {
            let begun = std::time::Instant::now();
            let request = ExtractRequest {
                question: "",
                sources: &sources,
                task: Task::Summary { length },
                language: Language::De,
            };
            let answer = Extractive.answer(&request);
            eprintln!("{name} {length:?}: {} sections, {:?}", sections.len(), begun.elapsed());
            assert_keeps_promises(&answer, &sources);
            let quotes =
                answer.pieces.iter().filter(|piece| matches!(piece, Piece::Quote { .. })).count();
            assert!(quotes >= 4 && quotes <= length.statements(), "{name}: {quotes} quotes");
        }
    }
}

#[test]
fn answers_from_a_law_quote_word_for_word() {
    let Some(law) = shared_data("gesetze/vwvfg.md") else { return };
    let sections = law_sections(&law);
    let sources = as_sources(&sections);
    for (question, expected) in [
        ("Was ist ein Verwaltungsakt?", "jede Verfügung, Entscheidung oder andere"),
        (
            "Wann ist ein Verwaltungsakt nichtig?",
            "Ein Verwaltungsakt ist nichtig, soweit er an einem besonders\nschwerwiegenden Fehler leidet",
        ),
        (
            "Wer ist von der Anhörung ausgenommen und wann kann von der Anhörung abgesehen werden?",
            "Von der Anhörung kann abgesehen werden",
        ),
        (
            "Welche Form hat ein öffentlich-rechtlicher Vertrag?",
            "Ein öffentlich-rechtlicher Vertrag ist schriftlich zu schließen",
        ),
        ("In welcher Sprache wird das Verfahren geführt?", "Die Amtssprache ist deutsch"),
    ] {
        let request = ExtractRequest {
            question,
            sources: &sources,
            task: Task::Answer,
            language: Language::De,
        };
        let answer = Extractive.answer(&request);
        assert_keeps_promises(&answer, &sources);
        let quoted = answer
            .pieces
            .iter()
            .any(|piece| matches!(piece, Piece::Quote { text, .. } if text.contains(expected)));
        assert!(quoted, "{question}\n{}", answer.render());
    }
}
