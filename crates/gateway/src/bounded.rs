//! A request as a route gets it that could write a longer answer than its caller may have.

use llm::{ChatRequest, Delivery, Operation, OperationRequest};

use crate::asked::Asked;

/// A request of its own.
pub(crate) enum Bounded {
    Chat(ChatRequest, Delivery),
    Completion(OperationRequest),
}

impl Bounded {
    /// The same that asks for no longer answer than this, in tokens; `None` if it asks for none at all.
    pub(crate) fn of(asked: &Asked<'_>, tokens: u64) -> Option<Self> {
        match asked {
            Asked::Chat(request, delivery) => {
                let mut request = (*request).clone();
                request.set_field("max_tokens", tokens.into());
                Some(Self::Chat(request, *delivery))
            }
            Asked::Operation(request) if request.operation() == Operation::Completion => {
                let mut request = (*request).clone();
                request.set_max_tokens(tokens);
                Some(Self::Completion(request))
            }
            _ => None,
        }
    }

    pub(crate) fn asked(&self) -> Asked<'_> {
        match self {
            Self::Chat(request, delivery) => Asked::Chat(request, *delivery),
            Self::Completion(request) => Asked::Operation(request),
        }
    }
}
