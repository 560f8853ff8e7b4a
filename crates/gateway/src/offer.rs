//! What routes are there for: an operator says so, because no model does everything.

use llm::{Dialect, Operation};

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

    /// Whether servers of a dialect can be asked for it.
    #[must_use]
    pub fn fits(self, dialect: Dialect) -> bool {
        match self {
            Self::Chat => dialect != Dialect::Tei,
            Self::Embeddings => dialect != Dialect::Anthropic,
            Self::Rerank => dialect.speaks_openai() || dialect == Dialect::Tei,
            Self::Completions
            | Self::Moderations
            | Self::Images
            | Self::Speech
            | Self::Transcriptions => dialect.speaks_openai(),
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

#[cfg(test)]
mod tests {
    use super::*;
    use llm::{
        ChatRequest, Delivery, OperationRequest,
        embeddings::EmbeddingRequest,
        rerank::RerankRequest,
        transcription::{SpeechTask, TranscriptionForm},
    };

    #[test]
    fn what_fits_is_what_a_server_can_be_asked() {
        let body = r#"{"model": "m", "messages": [{"role": "user", "content": "a"}], "input": "a",
            "prompt": "a", "voice": "a"}"#;
        let body = body.as_bytes();
        let rerank = RerankRequest::parse(br#"{"model": "m", "query": "a", "documents": ["a"]}"#);
        let chat = ChatRequest::parse(
            br#"{"model": "m", "messages": [{"role": "user", "content": "a"}]}"#,
        );
        let (chat, rerank) = (chat.unwrap(), rerank.unwrap());
        let vectors = EmbeddingRequest::new("m", ["a".to_owned()]);
        let form = TranscriptionForm::new(SpeechTask::Transcription);
        for dialect in Dialect::ALL {
            let name = if dialect == Dialect::Bedrock { "cohere.embed-v4:0" } else { "m" };
            let operation = |operation| {
                let request = OperationRequest::parse(operation, body, None).unwrap();
                dialect.operation_call(&request, name).is_ok()
            };
            for offer in Offer::ALL {
                let can = match offer {
                    Offer::Chat => dialect.chat_call(&chat, name, Delivery::Whole).is_ok(),
                    Offer::Embeddings => dialect.embedding_call(&vectors, name).is_ok(),
                    Offer::Rerank => dialect.rerank_call(&rerank, name).is_ok(),
                    Offer::Completions => operation(Operation::Completion),
                    Offer::Moderations => operation(Operation::Moderation),
                    Offer::Images => operation(Operation::ImageGeneration),
                    Offer::Speech => operation(Operation::Speech),
                    Offer::Transcriptions => form.upstream_path(dialect).is_ok(),
                };
                assert_eq!(offer.fits(dialect), can, "{offer:?} of {dialect}");
            }
        }
    }
}
