//! What an answer rests on: numbered passages that travel beside the messages.

use serde::{Deserialize, Serialize};

/// A passage given to a model, with the number by which the answer cites it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The number in citation marks, from 1.
    pub number: u32,
    /// The document's title or name.
    pub title: String,
    /// The heading path, joined for reading; empty if there is none.
    pub heading: String,
    /// The page, if the format has pages.
    pub page: Option<u32>,
    /// The passage, word for word.
    pub text: String,
}

/// How long a summary should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SummaryLength {
    /// A few sentences.
    Short,
    /// About a paragraph or two.
    Medium,
    /// About a page.
    Long,
}

impl SummaryLength {
    /// All lengths, in rising order.
    pub const ALL: [Self; 3] = [Self::Short, Self::Medium, Self::Long];

    /// The code used in tables and interfaces.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Short => "short",
            Self::Medium => "medium",
            Self::Long => "long",
        }
    }
}

/// What to do with the sources.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Task {
    /// Answer the last message of the user.
    #[default]
    Answer,
    /// Summarise the sources.
    Summary(SummaryLength),
}

/// Binds an answer to sources. Without it a request is plain chat; with it and without a single
/// source the model is told that nothing was found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Grounding {
    /// The passages, in the order in which the model reads them.
    pub sources: Vec<Source>,
    /// What to do with them.
    pub task: Task,
}
