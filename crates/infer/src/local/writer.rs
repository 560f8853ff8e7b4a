//! From tokens to pieces of text: whole characters only, and nothing that may be the beginning of a
//! text at which the answer stops.

/// The text of one answer on its way.
#[derive(Debug, Default)]
pub(super) struct Writer {
    stops: Vec<String>,
    /// Bytes that are no whole character yet.
    bytes: Vec<u8>,
    /// Text that may be the beginning of a stop.
    held: String,
    pub is_stopped: bool,
}

impl Writer {
    pub fn new(stops: &[String]) -> Self {
        let stops = stops.iter().filter(|stop| !stop.is_empty()).cloned().collect();
        Self { stops, ..Self::default() }
    }

    /// Takes the bytes of a token and gives the text that is certain by now; it may be empty.
    pub fn take(&mut self, bytes: &[u8]) -> String {
        self.bytes.extend_from_slice(bytes);
        let whole = whole_characters(&self.bytes);
        let text: Vec<u8> = self.bytes.drain(..whole).collect();
        self.held.push_str(&String::from_utf8_lossy(&text));
        let stop = self.stops.iter().filter_map(|stop| self.held.find(stop)).min();
        if let Some(at) = stop {
            self.is_stopped = true;
            self.held.truncate(at);
        }
        let kept = if self.is_stopped { 0 } else { self.possible_stop() };
        let certain = self.held.len() - kept;
        self.held.drain(..certain).collect()
    }

    /// What is left at the end.
    pub fn finish(&mut self) -> String {
        let bytes = std::mem::take(&mut self.bytes);
        let mut rest = std::mem::take(&mut self.held);
        rest.push_str(&String::from_utf8_lossy(&bytes));
        if self.is_stopped { String::new() } else { rest }
    }

    /// Bytes at the end that are the beginning of a stop.
    fn possible_stop(&self) -> usize {
        let begins = |length: &usize| {
            let end = self.held.as_bytes().get(self.held.len() - length..).unwrap_or_default();
            self.stops.iter().any(|stop| stop.len() > *length && stop.as_bytes().starts_with(end))
        };
        let longest = self.stops.iter().map(|stop| stop.len() - 1).max().unwrap_or(0);
        (1..=longest.min(self.held.len())).rev().find(begins).unwrap_or(0)
    }
}

/// The length of what can be read: all but the beginning of a character that more bytes may complete.
fn whole_characters(bytes: &[u8]) -> usize {
    let mut at = 0;
    loop {
        match std::str::from_utf8(&bytes[at..]) {
            Ok(_) => return bytes.len(),
            Err(error) => match error.error_len() {
                Some(wrong) => at += error.valid_up_to() + wrong,
                None => return at + error.valid_up_to(),
            },
        }
    }
}
