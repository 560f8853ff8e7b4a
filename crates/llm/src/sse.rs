//! Server-sent events: bytes in, events out, whatever the borders of the chunks.

use std::borrow::Cow;

/// Bounds of a stream. Beyond either the decoder fails, and the stream with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SseLimits {
    /// Longest line, in bytes.
    pub line_bytes: usize,
    /// Longest event, in bytes of its data.
    pub event_bytes: usize,
}

impl Default for SseLimits {
    fn default() -> Self {
        Self { line_bytes: 4 << 20, event_bytes: 8 << 20 }
    }
}

impl SseLimits {
    /// For streams whose events hold whole pictures or much sound in base64.
    pub const OF_MEDIA: Self = Self { line_bytes: 32 << 20, event_bytes: 32 << 20 };
}

/// One event.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SseEvent {
    /// The name, if the server gave one.
    pub name: Option<String>,
    /// The data, its lines joined by line feeds.
    pub data: String,
}

/// Why a stream cannot be decoded further.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SseError {
    /// A line is over the limit.
    #[error("a line of the event stream is longer than {0} bytes")]
    LineTooLong(usize),
    /// An event is over the limit.
    #[error("an event of the stream is longer than {0} bytes")]
    EventTooLong(usize),
}

/// Decodes a stream after the WHATWG rules, with two liberties: an event that the end of the stream
/// cuts off before its blank line still counts, and bytes that are no UTF-8 become U+FFFD.
#[derive(Debug)]
pub struct SseDecoder {
    limits: SseLimits,
    line: Vec<u8>,
    event: SseEvent,
    has_data: bool,
    after_carriage_return: bool,
    at_start: bool,
}

impl SseDecoder {
    /// Starts at the beginning of a stream.
    #[must_use]
    pub fn new(limits: SseLimits) -> Self {
        Self {
            limits,
            line: Vec::new(),
            event: SseEvent::default(),
            has_data: false,
            after_carriage_return: false,
            at_start: true,
        }
    }

    /// Takes the next bytes and puts every event they complete into `events`.
    ///
    /// # Errors
    /// If a limit is exceeded; the decoder is of no use afterwards. Events completed before are in
    /// `events`.
    pub fn feed(
        &mut self,
        mut bytes: &[u8],
        events: &mut impl Extend<SseEvent>,
    ) -> Result<(), SseError> {
        if self.after_carriage_return && !bytes.is_empty() {
            self.after_carriage_return = false;
            bytes = bytes.strip_prefix(b"\n").unwrap_or(bytes);
        }
        while let Some(end) = memchr::memchr2(b'\n', b'\r', bytes) {
            self.extend_line(&bytes[..end])?;
            let ended_by = bytes[end];
            bytes = &bytes[end + 1..];
            if ended_by == b'\r' {
                self.after_carriage_return = bytes.is_empty();
                bytes = bytes.strip_prefix(b"\n").unwrap_or(bytes);
            }
            events.extend(self.end_line()?);
        }
        self.extend_line(bytes)
    }

    /// Ends the stream and returns the event that was still open.
    ///
    /// # Errors
    /// If the last line takes the event over its limit.
    pub fn finish(mut self) -> Result<Option<SseEvent>, SseError> {
        if !self.line.is_empty() {
            self.end_line()?;
        }
        Ok(self.take_event())
    }

    fn extend_line(&mut self, bytes: &[u8]) -> Result<(), SseError> {
        if self.line.len() + bytes.len() > self.limits.line_bytes {
            return Err(SseError::LineTooLong(self.limits.line_bytes));
        }
        self.line.extend_from_slice(bytes);
        Ok(())
    }

    fn end_line(&mut self) -> Result<Option<SseEvent>, SseError> {
        let line = std::mem::take(&mut self.line);
        let mut text = match std::str::from_utf8(&line) {
            Ok(text) => Cow::Borrowed(text),
            Err(_) => String::from_utf8_lossy(&line),
        };
        if std::mem::take(&mut self.at_start)
            && let Some(rest) = text.strip_prefix('\u{feff}')
        {
            text = rest.to_owned().into();
        }
        if text.is_empty() {
            return Ok(self.take_event());
        }
        let (field, value) = text.split_once(':').unwrap_or((&text, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "data" => self.add_data(value)?,
            "event" => self.event.name = Some(value.to_owned()).filter(|name| !name.is_empty()),
            // Comments have an empty field name; ids and retry times mean nothing for a POST.
            _ => {}
        }
        Ok(None)
    }

    fn add_data(&mut self, value: &str) -> Result<(), SseError> {
        if self.event.data.len() + value.len() + 1 > self.limits.event_bytes {
            return Err(SseError::EventTooLong(self.limits.event_bytes));
        }
        if self.has_data {
            self.event.data.push('\n');
        }
        self.event.data.push_str(value);
        self.has_data = true;
        Ok(())
    }

    fn take_event(&mut self) -> Option<SseEvent> {
        let event = std::mem::take(&mut self.event);
        std::mem::take(&mut self.has_data).then_some(event)
    }
}
