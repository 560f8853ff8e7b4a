//! What routes are there for: an operator says so, because no model does everything.

use llm::Operation;

/// One kind of service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Offer {
    /// Conversations, by whichever interface.
    #[default]
    Chat,
    /// Vectors for texts.
    Embeddings,
    /// Texts in the order in which they answer a question.
    Rerank,
    /// Text that goes on from text.
    Completions,
    /// Whether texts are harmful.
    Moderations,
    /// Images from descriptions.
    Images,
    /// Texts read aloud.
    Speech,
    /// Speech written down.
    Transcriptions,
}

impl Offer {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Chat,
        Self::Embeddings,
        Self::Rerank,
        Self::Completions,
        Self::Moderations,
        Self::Images,
        Self::Speech,
        Self::Transcriptions,
    ];

    /// The code used in files and interfaces.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Embeddings => "embeddings",
            Self::Rerank => "rerank",
            Self::Completions => "completions",
            Self::Moderations => "moderations",
            Self::Images => "images",
            Self::Speech => "speech",
            Self::Transcriptions => "transcriptions",
        }
    }

    /// The offer of a code.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|offer| offer.code() == code)
    }
}

impl From<Operation> for Offer {
    fn from(operation: Operation) -> Self {
        match operation {
            Operation::Completion => Self::Completions,
            Operation::Moderation => Self::Moderations,
            Operation::ImageGeneration => Self::Images,
            Operation::Speech => Self::Speech,
        }
    }
}

/// What a route is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offers {
    offered: [bool; Offer::ALL.len()],
}

impl Offers {
    /// For nothing but these.
    #[must_use]
    pub fn of(offers: impl IntoIterator<Item = Offer>) -> Self {
        let mut offered = [false; Offer::ALL.len()];
        for offer in offers {
            offered[offer as usize] = true;
        }
        Self { offered }
    }

    /// Whether this is among them.
    #[must_use]
    pub fn has(self, offer: Offer) -> bool {
        self.offered[offer as usize]
    }
}

impl Default for Offers {
    /// For conversations.
    fn default() -> Self {
        Self::of([Offer::Chat])
    }
}
