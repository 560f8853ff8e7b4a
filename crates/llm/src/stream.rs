//! A streamed answer of any dialect: bytes in, items out, whatever the borders of the chunks.

use crate::{
    DecodeError, Dialect, SseDecoder, SseError, SseEvent, SseLimits, StreamItem, anthropic,
    dialect::Wire, openai::Head,
};

/// Why a stream cannot be read further.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StreamError {
    /// Something is over a limit.
    #[error(transparent)]
    TooLong(#[from] SseError),
    /// An event is not what the dialect knows.
    #[error(transparent)]
    Unreadable(#[from] DecodeError),
}

/// Reads a stream. Memory is bounded by [`SseLimits`]: what is longer ends the stream with an error.
#[derive(Debug)]
pub struct ChatStream {
    framing: Framing,
    reader: Reader,
}

#[derive(Debug)]
enum Framing {
    Events(SseDecoder),
}

#[derive(Debug)]
enum Reader {
    OpenAi,
    Anthropic(anthropic::StreamReader),
}

impl ChatStream {
    pub(crate) fn new(dialect: Dialect, head: Head) -> Self {
        let limits = SseLimits::default();
        let events = || Framing::Events(SseDecoder::new(limits));
        let (framing, reader) = match dialect.wire() {
            Wire::OpenAi(_) => (events(), Reader::OpenAi),
            Wire::Anthropic => (events(), Reader::Anthropic(anthropic::StreamReader::new(head))),
        };
        Self { framing, reader }
    }

    /// Takes the next bytes and puts every item they complete into `items`, at most one
    /// [`StreamItem::Done`] in all.
    ///
    /// # Errors
    /// If a limit is exceeded or an event makes no sense; the reader is of no use afterwards. Items
    /// completed before are in `items`.
    pub fn feed(&mut self, bytes: &[u8], items: &mut Vec<StreamItem>) -> Result<(), StreamError> {
        let Self { framing, reader } = self;
        match framing {
            Framing::Events(decoder) => {
                let mut events = Vec::new();
                let fed = decoder.feed(bytes, &mut events);
                events.iter().try_for_each(|event| reader.event(event, items))?;
                Ok(fed?)
            }
        }
    }

    /// Ends the stream and puts what was still open into `items`. A stream that ends without
    /// [`StreamItem::Done`] was cut off.
    ///
    /// # Errors
    /// As [`ChatStream::feed`].
    pub fn finish(self, items: &mut Vec<StreamItem>) -> Result<(), StreamError> {
        let Self { framing, mut reader } = self;
        match framing {
            Framing::Events(decoder) => match decoder.finish()? {
                Some(event) => Ok(reader.event(&event, items)?),
                None => Ok(()),
            },
        }
    }
}

impl Reader {
    fn event(&mut self, event: &SseEvent, items: &mut Vec<StreamItem>) -> Result<(), DecodeError> {
        match self {
            Self::OpenAi => {
                items.push(StreamItem::decode(event)?);
                Ok(())
            }
            Self::Anthropic(reader) => reader.event(event, items),
        }
    }
}
