//! A streamed answer on its way to a program, in the wire format of its interface. Knows no format
//! itself.

use app::{ChunkStream, Language};
use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use llm::ChatChunk;

use crate::door::Problem;

/// How an interface writes the pieces of an answer. Each text is ready to send, and may be empty.
pub(super) trait AnswerFormat: Send + Sized + 'static {
    /// A piece.
    fn piece(&mut self, chunk: &ChatChunk) -> String;
    /// The end of a whole answer.
    fn end(self) -> String;
    /// A failure in the middle; nothing follows it.
    fn failure(self, problem: &Problem, language: Language) -> String;
}

/// The pieces of the answer, then its end; after an error nothing follows.
pub(super) fn encode(
    chunks: ChunkStream,
    format: impl AnswerFormat,
    language: Language,
) -> impl Stream<Item = Bytes> + Send {
    stream::unfold(Some((chunks, format)), move |rest| async move {
        let (mut chunks, mut format) = rest?;
        let last = match chunks.next().await {
            Some(Ok(chunk)) => {
                let piece = format.piece(&chunk);
                return Some((Bytes::from(piece), Some((chunks, format))));
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
