//! Server-sent events out of a stream of bytes, as far as our own server writes them.

use std::io::{self, BufRead, BufReader, Read};

/// Longest line of an event, in bytes; beyond: the rest of it is taken for the next line.
const LINE_BYTES_MAX: u64 = 16 << 20;

/// The `data` of the events of a stream, in order; their names are not kept.
pub struct Events<R> {
    stream: BufReader<R>,
}

impl<R: Read> Events<R> {
    /// Reads events from the body of an answer.
    pub fn new(body: R) -> Self {
        Self { stream: BufReader::new(body) }
    }

    fn read(&mut self) -> io::Result<Option<String>> {
        let mut data = String::new();
        loop {
            let mut line = String::new();
            if self.stream.by_ref().take(LINE_BYTES_MAX).read_line(&mut line)? == 0 {
                return Ok(None);
            }
            let line = line.trim_end_matches(['\r', '\n']);
            if line.is_empty() && !data.is_empty() {
                return Ok(Some(data));
            }
            if let Some(rest) = line.strip_prefix("data:") {
                data += rest.strip_prefix(' ').unwrap_or(rest);
            }
        }
    }
}

impl<R: Read> Iterator for Events<R> {
    type Item = io::Result<String>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_end_with_an_empty_line_and_comments_are_none() {
        let stream = ": alive\n\nevent: delta\ndata: {\"a\":1}\r\n\r\ndata:[DONE]\n\ndata: cut";
        let events: Vec<String> = Events::new(stream.as_bytes()).map(Result::unwrap).collect();
        assert_eq!(events, ["{\"a\":1}", "[DONE]"]);
    }
}
