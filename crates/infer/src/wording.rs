//! Our own words in an answer, in both languages. Everything else in an answer is a quote.

use crate::{Language, Task};

/// The fixed phrases of one language.
pub(crate) struct Wording {
    /// Before quotes that answer a question.
    pub answer: &'static str,
    /// Before quotes that carry the text.
    pub summary: &'static str,
    /// When no sentence answers.
    pub nothing: &'static str,
    /// When the text has no sentence to quote.
    pub nothing_to_quote: &'static str,
    /// When no text was given.
    pub needs_text: &'static str,
    /// When the texts were too long to be read whole.
    pub cut: &'static str,
}

const GERMAN: Wording = Wording {
    answer: "Auszüge aus den Quellen (kein Sprachmodell):",
    summary: "Die wichtigsten Sätze im Wortlaut (Auszüge, kein Sprachmodell):",
    nothing: "In den gegebenen Texten steht dazu nichts.",
    nothing_to_quote: "Die gegebenen Texte enthalten keine vollständigen Sätze, die sich zitieren lassen.",
    needs_text: "Dieses Modell ist kein Sprachmodell. Es antwortet nur mit Auszügen aus gegebenem Text. Bitte fügen Sie einen Text ein oder hängen Sie ein Dokument an.",
    cut: "Hinweis: Die Texte sind zu lang. Nur ihr Anfang wurde gelesen.",
};

const ENGLISH: Wording = Wording {
    answer: "Excerpts from the sources (not a language model):",
    summary: "The most important sentences, word for word (excerpts, not a language model):",
    nothing: "The given texts say nothing about this.",
    nothing_to_quote: "The given texts hold no complete sentences that could be quoted.",
    needs_text: "This model is not a language model. It answers only with excerpts from given text. Please paste a text or attach a document.",
    cut: "Note: the texts are too long. Only their beginning was read.",
};

impl Wording {
    pub(crate) const fn of(language: Language) -> &'static Wording {
        match language {
            Language::De => &GERMAN,
            Language::En => &ENGLISH,
        }
    }

    /// What stands before the quotes.
    pub(crate) const fn frame(&self, task: Task) -> &'static str {
        match task {
            Task::Answer => self.answer,
            Task::Summary { .. } => self.summary,
        }
    }
}
