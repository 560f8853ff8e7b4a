//! A streamed answer of any dialect: bytes in, items out, whatever the borders of the chunks.

use crate::event_stream::EventStreamDecoder;
use crate::lines::LineDecoder;
use crate::{
    DecodeError, Dialect, SseDecoder, SseError, SseEvent, SseLimits, StreamItem, TypedEvent,
    anthropic, bedrock, dialect::Wire, gemini, mended::Callers, ollama, openai::Head,
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
pub struct ChatStream(Reader);

/// A framing and what reads its frames.
#[derive(Debug)]
enum Reader {
    OpenAi(SseDecoder, Callers),
    Anthropic(SseDecoder, anthropic::StreamReader),
    Gemini(SseDecoder, gemini::StreamReader),
    Bedrock(EventStreamDecoder, bedrock::StreamReader),
    Ollama(LineDecoder, ollama::StreamReader),
    Typed(SseDecoder),
}

impl ChatStream {
    pub(crate) fn new(dialect: Dialect, head: Head) -> Self {
        let limits = SseLimits::default();
        let events = SseDecoder::new(limits);
        Self(match dialect.wire() {
            // TEI has no chat, so nothing ever comes here.
            Wire::OpenAi(_) | Wire::Tei => Reader::OpenAi(events, Callers::default()),
            Wire::Anthropic => Reader::Anthropic(events, anthropic::StreamReader::new(head)),
            Wire::Gemini => Reader::Gemini(events, gemini::StreamReader::new(head)),
            Wire::Bedrock => Reader::Bedrock(
                EventStreamDecoder::new(limits.event_bytes),
                bedrock::StreamReader::new(head),
            ),
            Wire::Ollama => {
                Reader::Ollama(LineDecoder::new(limits.line_bytes), ollama::StreamReader::new(head))
            }
        })
    }

    /// Starts to read events that say their own type, from a server that speaks OpenAI. `limits` are
    /// larger where an event holds a picture.
    #[must_use]
    pub fn of_typed_events(limits: SseLimits) -> Self {
        Self(Reader::Typed(SseDecoder::new(limits)))
    }

    /// Takes the next bytes and puts every item they complete into `items`.
    ///
    /// # Errors
    /// If a limit is exceeded or an event makes no sense; the reader is of no use afterwards. Items
    /// completed before are in `items`.
    pub fn feed(&mut self, bytes: &[u8], items: &mut Vec<StreamItem>) -> Result<(), StreamError> {
        match &mut self.0 {
            Reader::OpenAi(decoder, callers) => feed_events(decoder, bytes, |event| {
                items.push(StreamItem::decode_next(event, callers)?);
                Ok(())
            }),
            Reader::Typed(decoder) => feed_events(decoder, bytes, |event| {
                items.push(typed_item(event)?);
                Ok(())
            }),
            Reader::Anthropic(decoder, reader) => {
                feed_events(decoder, bytes, |event| reader.event(event, items))
            }
            Reader::Gemini(decoder, reader) => {
                feed_events(decoder, bytes, |event| reader.event(event, items))
            }
            Reader::Bedrock(decoder, reader) => {
                let mut messages = Vec::new();
                let fed = decoder.feed(bytes, &mut messages);
                messages.iter().try_for_each(|message| reader.message(message, items))?;
                fed
            }
            Reader::Ollama(decoder, reader) => {
                let mut lines = Vec::new();
                let fed = decoder.feed(bytes, &mut lines);
                lines.iter().try_for_each(|line| reader.line(line, items))?;
                Ok(fed?)
            }
        }
    }

    /// Ends the stream and puts what was still open into `items`: for some dialects the figures and
    /// [`StreamItem::Done`]. A stream that ends without [`StreamItem::Done`] was cut off.
    ///
    /// # Errors
    /// As [`ChatStream::feed`].
    pub fn finish(self, items: &mut Vec<StreamItem>) -> Result<(), StreamError> {
        match self.0 {
            Reader::OpenAi(decoder, mut callers) => {
                if let Some(event) = decoder.finish()? {
                    items.push(StreamItem::decode_next(&event, &mut callers)?);
                }
            }
            Reader::Typed(decoder) => {
                if let Some(event) = decoder.finish()? {
                    items.push(typed_item(&event)?);
                }
            }
            Reader::Anthropic(decoder, mut reader) => {
                if let Some(event) = decoder.finish()? {
                    reader.event(&event, items)?;
                }
            }
            Reader::Gemini(decoder, mut reader) => {
                if let Some(event) = decoder.finish()? {
                    reader.event(&event, items)?;
                }
                reader.finish(items);
            }
            Reader::Bedrock(decoder, _) => {
                if !decoder.is_between_frames() {
                    return Err(DecodeError.into());
                }
            }
            Reader::Ollama(mut decoder, mut reader) => {
                if let Some(line) = decoder.take() {
                    reader.line(&line, items)?;
                }
            }
        }
        Ok(())
    }
}

/// A typed event. End mark and failure look as they do in a chat, or have a type of their own.
fn typed_item(event: &SseEvent) -> Result<StreamItem, DecodeError> {
    match TypedEvent::decode(event) {
        Ok(piece) if event.name.as_deref() != Some("error") && !piece.is_failure() => {
            Ok(StreamItem::Typed(piece))
        }
        Ok(_) => StreamItem::decode(&SseEvent { name: Some("error".to_owned()), ..event.clone() }),
        Err(_) => StreamItem::decode(event),
    }
}

fn feed_events(
    decoder: &mut SseDecoder,
    bytes: &[u8],
    read: impl FnMut(&SseEvent) -> Result<(), DecodeError>,
) -> Result<(), StreamError> {
    let mut events = Vec::new();
    let fed = decoder.feed(bytes, &mut events);
    events.iter().try_for_each(read)?;
    Ok(fed?)
}
