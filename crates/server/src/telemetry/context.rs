//! The place of a piece of work in a trace, and the header by which it travels: W3C Trace Context,
//! level 1 (<https://www.w3.org/TR/trace-context/>). Only the ids are read and handed on: `tracestate`
//! and baggage could carry anything.

use std::fmt;

/// Bit of the flags: whoever called records its part.
const SAMPLED: u8 = 1;

/// A span in its trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TraceContext {
    /// The trace; never zero.
    pub trace: [u8; 16],
    /// The span; never zero.
    pub span: [u8; 8],
    /// Whether it is exported.
    pub is_sampled: bool,
}

impl TraceContext {
    /// The beginning of a trace of its own; one of `one_in` is sampled.
    pub fn root(one_in: u64) -> Self {
        // Zero is no id, and as likely as anything else.
        let trace: u128 = rand::random::<u128>().max(1);
        let is_sampled = trace as u64 <= u64::MAX / one_in.max(1);
        Self { trace: trace.to_be_bytes(), span: span_id(), is_sampled }
    }

    /// A part of this piece of work.
    pub fn child(&self) -> Self {
        Self { span: span_id(), ..*self }
    }

    /// Reads the header `traceparent`; `None` if it is not one.
    pub fn parse(header: &str) -> Option<Self> {
        let bytes = header.as_bytes();
        let separated = bytes.len() >= 55 && [2, 35, 52].iter().all(|at| bytes[*at] == b'-');
        if !separated || !header.is_char_boundary(55) {
            return None;
        }
        let version = byte(&bytes[0..2])?;
        // Later versions may say more behind a dash, and begin like this one.
        let fits = match version {
            0 => bytes.len() == 55,
            0xff => false,
            _ => bytes.len() == 55 || bytes[55] == b'-',
        };
        let mut read = Self { trace: [0; 16], span: [0; 8], is_sampled: false };
        hex(&bytes[3..35], &mut read.trace)?;
        hex(&bytes[36..52], &mut read.span)?;
        read.is_sampled = byte(&bytes[53..55])? & SAMPLED != 0;
        (fits && read.trace != [0; 16] && read.span != [0; 8]).then_some(read)
    }
}

impl fmt::Display for TraceContext {
    /// The value of the header `traceparent`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let flags = u8::from(self.is_sampled);
        let (trace, span) = (u128::from_be_bytes(self.trace), u64::from_be_bytes(self.span));
        write!(f, "00-{trace:032x}-{span:016x}-{flags:02x}")
    }
}

fn span_id() -> [u8; 8] {
    rand::random::<u64>().max(1).to_be_bytes()
}

fn hex(digits: &[u8], into: &mut [u8]) -> Option<()> {
    for (digits, into) in digits.chunks(2).zip(into) {
        *into = byte(digits)?;
    }
    Some(())
}

/// Two digits; capital letters are no digits here.
fn byte(digits: &[u8]) -> Option<u8> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    Some(digit(digits[0])? << 4 | digit(digits[1])?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn the_header_is_read_and_written() {
        let read = TraceContext::parse(EXAMPLE).unwrap();
        assert!(read.is_sampled);
        assert_eq!(read.to_string(), EXAMPLE);
        let child = read.child();
        assert!(child.trace == read.trace && child.span != read.span && child.is_sampled);
    }

    #[test]
    fn a_later_version_may_say_more() {
        let later = EXAMPLE.replacen("00", "cc", 1);
        assert!(TraceContext::parse(&later).is_some());
        assert!(TraceContext::parse(&format!("{later}-what-the-future-brings")).is_some());
        assert_eq!(TraceContext::parse(&format!("{later}.x")), None);
    }

    #[test]
    fn what_is_no_such_header_begins_a_trace_of_its_own() {
        for wrong in [
            "",
            "00",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0ä",
            "00-4bf92f3577b34da6a3ce929d0e0e473ä-0f067aa0ba902b7-011",
        ] {
            assert_eq!(TraceContext::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_share_of_traces_is_about_what_was_asked_for() {
        let sampled = (0..10_000).filter(|_| TraceContext::root(10).is_sampled).count();
        assert!((800..1_200).contains(&sampled), "{sampled}");
        assert!((0..1_000).all(|_| TraceContext::root(1).is_sampled));
    }
}
