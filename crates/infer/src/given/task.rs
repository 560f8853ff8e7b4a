//! What an instruction asks for, by its verbs.

use crate::{SummaryLength, Task};

/// What to do with a pasted text that comes without any instruction.
pub(super) const PASTED_ALONE: Task = Task::Summary { length: SummaryLength::Medium };

const SUMMARY: &[&str] = &[
    "zusammenfass",
    "zusammengefasst",
    "summar",
    "tl;dr",
    "kernaussage",
    "wichtigsten punkte",
    "das wichtigste",
    "key points",
    "main points",
    "überblick über",
];
const SHORT: &[&str] = &["kurz", "knapp", "wenigen sätzen", "brief", "short"];
const LONG: &[&str] = &["ausführlich", "detail", "lang", "gründlich", "long"];
const ASKING: &[&str] = &[
    "beantworte",
    "antworte",
    "frage",
    "erkläre",
    "nenne",
    "suche",
    "finde",
    "sag mir",
    "answer",
    "question",
    "explain",
    "find",
    "tell me",
];

/// The task that an instruction names; answering when it names none.
pub(super) fn of(instruction: &str) -> Task {
    let plain: String = instruction.to_lowercase();
    let holds = |list: &[&str]| list.iter().any(|phrase| plain.contains(phrase));
    let split_verb = plain
        .split(|sign: char| !sign.is_alphanumeric())
        .any(|word| matches!(word, "fasse" | "fass" | "fassen" | "fasst"))
        && plain.contains("zusammen");
    if !holds(SUMMARY) && !split_verb {
        return Task::Answer;
    }
    let length = if holds(SHORT) {
        SummaryLength::Short
    } else if holds(LONG) {
        SummaryLength::Long
    } else {
        SummaryLength::Medium
    };
    Task::Summary { length }
}

/// Whether an instruction asks for an answer without being a question.
pub(super) fn asks(instruction: &str) -> bool {
    let plain = instruction.to_lowercase();
    ASKING.iter().any(|phrase| plain.starts_with(phrase) || plain.contains(&format!(" {phrase}")))
}
