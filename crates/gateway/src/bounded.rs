//! A request as a route gets it that could write a longer answer than its caller may have.

use llm::{ChatRequest, Delivery, Operation, OperationRequest, RequestError};

use crate::{RouteKind, asked::Asked};

/// A request of its own.
pub(crate) enum Bounded {
    Chat(ChatRequest, Delivery),
    Completion(OperationRequest),
}

impl Bounded {
    /// The same that asks for no longer answer than this, in tokens, and for none longer than it would
    /// get anyway; `None` if it asks for none at all.
    ///
    /// # Errors
    /// If the bound leaves no room for what is asked.
    pub(crate) fn of(
        asked: &Asked<'_>,
        kind: &RouteKind,
        tokens: u64,
    ) -> Result<Option<Self>, RequestError> {
        let server = match kind {
            RouteKind::Server(server) => Some(server),
            RouteKind::BuiltIn | RouteKind::Local(_) => None,
        };
        let least = |unsaid: Option<u64>| unsaid.unwrap_or(u64::MAX).min(tokens);
        match asked {
            Asked::Chat(request, delivery) => {
                let unsaid = server.and_then(|server| {
                    server.dialect.answer_tokens_unsaid(request, &server.upstream_model)
                });
                let mut request = (*request).clone();
                request.bound_answer(least(unsaid))?;
                Ok(Some(Self::Chat(request, *delivery)))
            }
            Asked::Operation(request) if request.operation() == Operation::Completion => {
                let unsaid = server.and_then(|server| server.dialect.completion_tokens_unsaid());
                let mut request = (*request).clone();
                request.set_max_tokens(least(unsaid));
                Ok(Some(Self::Completion(request)))
            }
            _ => Ok(None),
        }
    }

    pub(crate) fn asked(&self) -> Asked<'_> {
        match self {
            Self::Chat(request, delivery) => Asked::Chat(request, *delivery),
            Self::Completion(request) => Asked::Operation(request),
        }
    }
}
