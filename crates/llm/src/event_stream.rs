//! AWS event streams: messages in binary frames with checksums, whatever the borders of the chunks.
//! <https://docs.aws.amazon.com/transcribe/latest/dg/event-stream.html>
//!
//! A frame is: its length and that of its headers (4 bytes each, big-endian), a checksum of these
//! eight bytes, the headers, the payload, and a checksum of all before it (CRC-32 of IEEE 802.3).

use crate::{DecodeError, SseError, StreamError};

/// Length, length of headers, and their checksum.
const PRELUDE_BYTES: usize = 12;
/// The prelude and the checksum at the end.
const OVERHEAD_BYTES: usize = 16;

/// One message.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Message {
    /// The type of the event or exception.
    pub kind: String,
    /// Whether the server reports a failure.
    pub is_exception: bool,
    /// The body, as a rule JSON.
    pub payload: Vec<u8>,
}

/// Collects bytes until a frame is whole. Holds at most one frame of the allowed length and what
/// came with its end.
#[derive(Debug)]
pub(crate) struct EventStreamDecoder {
    bytes_max: usize,
    held: Vec<u8>,
}

impl EventStreamDecoder {
    /// A frame longer than `bytes_max` ends the stream.
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self { bytes_max, held: Vec::new() }
    }

    /// Takes the next bytes and puts every message they complete into `messages`.
    pub(crate) fn feed(
        &mut self,
        bytes: &[u8],
        messages: &mut Vec<Message>,
    ) -> Result<(), StreamError> {
        self.held.extend_from_slice(bytes);
        let mut start = 0;
        while let Some(length) = self.frame_length(start)? {
            let Some(frame) = self.held.get(start..start + length) else { break };
            messages.push(message(frame)?);
            start += length;
        }
        self.held.drain(..start);
        Ok(())
    }

    /// Whether the stream stops between two frames.
    pub(crate) fn is_between_frames(&self) -> bool {
        self.held.is_empty()
    }

    /// The length of the frame that begins at `start`, once its prelude is there and right.
    fn frame_length(&self, start: usize) -> Result<Option<usize>, StreamError> {
        let Some(prelude) = self.held.get(start..start + PRELUDE_BYTES) else { return Ok(None) };
        if crc32fast::hash(&prelude[..8]) != number(&prelude[8..]) {
            return Err(DecodeError.into());
        }
        let length = number(prelude) as usize;
        if length > self.bytes_max {
            return Err(SseError::EventTooLong(self.bytes_max).into());
        }
        if length < OVERHEAD_BYTES { Err(DecodeError.into()) } else { Ok(Some(length)) }
    }
}

/// The first four bytes as a number; zero if there are fewer.
fn number(bytes: &[u8]) -> u32 {
    bytes.first_chunk().map_or(0, |bytes| u32::from_be_bytes(*bytes))
}

fn message(frame: &[u8]) -> Result<Message, DecodeError> {
    let (body, checksum) = frame.split_at_checked(frame.len() - 4).ok_or(DecodeError)?;
    if crc32fast::hash(body) != number(checksum) {
        return Err(DecodeError);
    }
    let headers_length = number(&body[4..]) as usize;
    let rest = &body[PRELUDE_BYTES..];
    let (mut headers, payload) = rest.split_at_checked(headers_length).ok_or(DecodeError)?;
    let mut message = Message { payload: payload.to_vec(), ..Message::default() };
    while !headers.is_empty() {
        let (name, value) = header(&mut headers).ok_or(DecodeError)?;
        match (name, value) {
            (b":event-type" | b":exception-type" | b":error-code", Some(value)) => {
                message.kind = String::from_utf8_lossy(value).into_owned();
            }
            (b":message-type", Some(value)) => message.is_exception = value != b"event",
            _ => {}
        }
    }
    Ok(message)
}

/// Takes one header off: its name, and its value where that is a text.
fn header<'a>(headers: &mut &'a [u8]) -> Option<(&'a [u8], Option<&'a [u8]>)> {
    let mut take = |length: usize| -> Option<&'a [u8]> {
        let (taken, rest) = headers.split_at_checked(length)?;
        *headers = rest;
        Some(taken)
    };
    let name_length = usize::from(*take(1)?.first()?);
    let name = take(name_length)?;
    let kind = *take(1)?.first()?;
    let length = match kind {
        // True and false are their own value; then byte, short, integer, long, bytes, text,
        // timestamp and UUID.
        0 | 1 => 0,
        2 => 1,
        3 => 2,
        4 => 4,
        5 | 8 => 8,
        6 | 7 => usize::from(u16::from_be_bytes(*take(2)?.first_chunk()?)),
        9 => 16,
        _ => return None,
    };
    let value = take(length)?;
    Some((name, (kind == 7).then_some(value)))
}
