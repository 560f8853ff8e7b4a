//! Questions as people at work ask them, over small texts of our own, with the sentence that answers or with none.

use infer::{ExtractRequest, Extractive, Language, Piece, Source, Task};

use crate::shared::assert_keeps_promises;

struct Case<'a> {
    question: &'a str,
    /// The beginning of the sentence that must be quoted; `None` when nothing answers.
    expected: Option<&'a str>,
}

/// The passages of the fixture: blocks that begin with `# heading`.
fn passages() -> Vec<(&'static str, &'static str)> {
    let texts = include_str!("../../fixtures/buergeramt.md");
    texts
        .split("\n# ")
        .filter_map(|block| block.trim_start_matches("# ").split_once('\n'))
        .collect()
}

/// The questions of the fixture: `? question` and below it `= sentence` or `-`.
fn cases() -> Vec<Case<'static>> {
    let table = include_str!("../../fixtures/fragen.txt");
    let lines: Vec<&str> = table.lines().filter(|line| !line.trim().is_empty()).collect();
    let read = |pair: &[&'static str]| Case {
        question: pair[0].strip_prefix("? ").expect("a question"),
        expected: pair[1].strip_prefix("= "),
    };
    lines.chunks(2).map(read).collect()
}

#[test]
fn the_expected_sentence_is_quoted_first_or_nothing_is() {
    let passages = passages();
    let sources: Vec<Source<'_>> = (1..)
        .zip(&passages)
        .map(|(number, (heading, text))| Source { number, heading, text })
        .collect();
    let cases = cases();
    assert!(cases.len() >= 40);
    let mut failures = Vec::new();
    for case in &cases {
        let answer = Extractive.answer(&ExtractRequest {
            question: case.question,
            sources: &sources,
            task: Task::Answer,
            language: Language::De,
        });
        assert_keeps_promises(&answer, &sources);
        let quotes: Vec<&str> = answer
            .pieces
            .iter()
            .filter_map(|piece| match piece {
                Piece::Quote { text, .. } => Some(text.as_str()),
                _ => None,
            })
            .collect();
        let right = match case.expected {
            Some(expected) => {
                quotes.iter().any(|quote| quote.starts_with(expected)) && quotes.len() <= 8
            }
            None => quotes.is_empty(),
        };
        if !right {
            failures.push(format!(
                "? {}\n= {:?}\n> {}",
                case.question,
                case.expected,
                answer.render()
            ));
        }
    }
    assert!(
        failures.is_empty(),
        "{} of {} cases\n{}",
        failures.len(),
        cases.len(),
        failures.join("\n\n")
    );
}
