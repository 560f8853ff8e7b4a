//! A streamed answer on its way to a program, in the wire format of its interface.

use app::Language;
use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use llm::{ChatChunk, TypedEvent, openai};

use crate::door::Problem;

/// How an interface writes the pieces of an answer. Each text is ready to send, and may be empty.
pub(super) trait AnswerFormat<Piece = ChatChunk>: Send + Sized + 'static {
    /// A piece.
    fn piece(&mut self, piece: &Piece) -> Bytes;
    /// The end of a whole answer.
    fn end(self) -> String;
    /// A failure in the middle; nothing follows it.
    fn failure(self, problem: &Problem, language: Language) -> String;
}

/// The pieces of the answer, then its end; after an error nothing follows.
pub(super) fn encode<Piece: Send + 'static>(
    pieces: impl Stream<Item = app::Result<Piece>> + Send + Unpin + 'static,
    format: impl AnswerFormat<Piece>,
    language: Language,
) -> impl Stream<Item = Bytes> + Send {
    stream::unfold(Some((pieces, format)), move |rest| async move {
        let (mut pieces, mut format) = rest?;
        let last = match pieces.next().await {
            Some(Ok(piece)) => {
                let written = format.piece(&piece);
                return Some((written, Some((pieces, format))));
            }
            Some(Err(error)) => {
                let problem = Problem::from(error);
                problem.log("");
                format.failure(&problem, language)
            }
            None => format.end(),
        };
        Some((Bytes::from(last), None))
    })
}

/// Events as they are; the last one says itself that it is the last.
pub(super) struct TypedEvents;

impl AnswerFormat<TypedEvent> for TypedEvents {
    fn piece(&mut self, event: &TypedEvent) -> Bytes {
        event.to_event().into()
    }

    fn end(self) -> String {
        String::new()
    }

    fn failure(self, problem: &Problem, language: Language) -> String {
        openai::error_event(&problem.openai_body(language))
    }
}
