//! JSON lines: bytes in, lines out, whatever the borders of the chunks.

use crate::SseError;

/// Collects bytes until a line is whole; blank lines mean nothing. Holds one line at most.
#[derive(Debug)]
pub(crate) struct LineDecoder {
    bytes_max: usize,
    held: Vec<u8>,
}

impl LineDecoder {
    /// A line longer than `bytes_max` ends the stream.
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self { bytes_max, held: Vec::new() }
    }

    /// Takes the next bytes and puts every line they complete into `lines`.
    pub(crate) fn feed(
        &mut self,
        mut bytes: &[u8],
        lines: &mut Vec<Vec<u8>>,
    ) -> Result<(), SseError> {
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            self.extend(&bytes[..end])?;
            bytes = &bytes[end + 1..];
            lines.extend(self.take());
        }
        self.extend(bytes)
    }

    /// The line that the end of the stream cuts off.
    pub(crate) fn take(&mut self) -> Option<Vec<u8>> {
        let line = std::mem::take(&mut self.held);
        let is_blank = line.iter().all(u8::is_ascii_whitespace);
        (!is_blank).then_some(line)
    }

    fn extend(&mut self, bytes: &[u8]) -> Result<(), SseError> {
        if self.held.len() + bytes.len() > self.bytes_max {
            return Err(SseError::LineTooLong(self.bytes_max));
        }
        self.held.extend_from_slice(bytes);
        Ok(())
    }
}
