//! Why a document could not be read: a closed list that people are told by `code`.

use serde::{Deserialize, Serialize};

/// Why a document yielded no text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Failure {
    /// The document is protected by a password.
    #[error("the document is protected by a password")]
    Encrypted,
    /// The document is damaged or not what it claims to be.
    #[error("the document is damaged")]
    Damaged,
    /// The document has pages but no text ("Scan ohne Text"), or is empty.
    #[error("the document contains no text")]
    NoText,
    /// The format is not one of the supported ones.
    #[error("the document format is not supported")]
    Unsupported,
    /// The document exceeds a limit on pages, passages, unpacked size or output.
    #[error("the document is too large")]
    TooLarge,
    /// Reading took longer than allowed.
    #[error("reading the document took too long")]
    TimedOut,
    /// Reading needed more memory than allowed.
    #[error("reading the document needed too much memory")]
    OutOfMemory,
    /// The reader stopped without an answer.
    #[error("the document reader stopped unexpectedly")]
    Crashed,
}

impl Failure {
    /// Every failure, for tables of texts and their tests.
    pub const ALL: [Self; 8] = [
        Self::Encrypted,
        Self::Damaged,
        Self::NoText,
        Self::Unsupported,
        Self::TooLarge,
        Self::TimedOut,
        Self::OutOfMemory,
        Self::Crashed,
    ];

    /// Stable name, as stored and sent.
    pub fn code(self) -> &'static str {
        match self {
            Self::Encrypted => "encrypted",
            Self::Damaged => "damaged",
            Self::NoText => "no_text",
            Self::Unsupported => "unsupported",
            Self::TooLarge => "too_large",
            Self::TimedOut => "timed_out",
            Self::OutOfMemory => "out_of_memory",
            Self::Crashed => "crashed",
        }
    }

    /// The failure with this stable name, if there is one.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|failure| failure.code() == code)
    }
}
