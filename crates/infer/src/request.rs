//! What the engine is asked.

use crate::tokens::estimate_tokens;

/// A question or task and the text to take the answer from.
#[derive(Debug, Clone, Copy)]
pub struct ExtractRequest<'a> {
    /// What the person wrote; not used for a summary.
    pub question: &'a str,
    /// The given texts, best first.
    pub sources: &'a [Source<'a>],
    /// What to do.
    pub task: Task,
    /// The language of our own words in the answer.
    pub language: Language,
}

impl ExtractRequest<'_> {
    /// About how many tokens a language model would have read.
    #[must_use]
    pub fn prompt_tokens(&self) -> u64 {
        let sources = self
            .sources
            .iter()
            .map(|source| estimate_tokens(source.heading) + estimate_tokens(source.text));
        estimate_tokens(self.question) + sources.sum::<u64>()
    }
}

/// A given text with the number by which it is cited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Source<'a> {
    /// The number in citation marks.
    pub number: u32,
    /// The heading path, parts joined by " › "; empty if there is none.
    pub heading: &'a str,
    /// The text, word for word.
    pub text: &'a str,
}

/// What to do with the sources.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Task {
    /// Pick the sentences that answer the question.
    #[default]
    Answer,
    /// Pick the sentences that carry the text.
    Summary {
        /// How many.
        length: SummaryLength,
    },
}

/// How long a summary is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SummaryLength {
    /// About 5 statements.
    Short,
    /// About 12 statements, under headings.
    Medium,
    /// About 25 statements, under headings.
    Long,
}

impl SummaryLength {
    /// The most statements of a summary of this length.
    #[must_use]
    pub const fn statements(self) -> usize {
        match self {
            Self::Short => 5,
            Self::Medium => 12,
            Self::Long => 25,
        }
    }
}

/// The language of our own words in an answer. Quotes stay in theirs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Language {
    /// German.
    #[default]
    De,
    /// English.
    En,
}

/// Frequent words of English questions and tasks that German does not have.
const ENGLISH: &[&str] = &[
    "the",
    "of",
    "and",
    "is",
    "are",
    "what",
    "how",
    "which",
    "who",
    "when",
    "where",
    "why",
    "does",
    "do",
    "must",
    "may",
    "can",
    "should",
    "this",
    "that",
    "summarise",
    "summarize",
    "summary",
    "for",
    "to",
    "please",
];
/// Frequent words of German questions and tasks that English does not have.
const GERMAN: &[&str] = &[
    "der",
    "das",
    "den",
    "dem",
    "ein",
    "eine",
    "einen",
    "einer",
    "und",
    "ist",
    "sind",
    "wie",
    "welche",
    "welcher",
    "welches",
    "wer",
    "wann",
    "wo",
    "warum",
    "muss",
    "darf",
    "kann",
    "für",
    "zu",
    "mit",
    "von",
    "ich",
    "bitte",
    "fasse",
    "zusammen",
    "zusammenfassung",
    "gilt",
    "hat",
    "es",
];

impl Language {
    /// The language of a question, by its small words; German when in doubt.
    #[must_use]
    pub fn of(question: &str) -> Self {
        let lower = question.chars().take(500).flat_map(char::to_lowercase).collect::<String>();
        let count = |list: &[&str]| {
            lower
                .split(|sign: char| !sign.is_alphanumeric())
                .filter(|word| list.contains(word))
                .count()
        };
        if count(ENGLISH) > count(GERMAN) { Self::En } else { Self::De }
    }
}
