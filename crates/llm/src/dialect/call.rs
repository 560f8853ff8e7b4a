//! A call as far as it is known without an address and a key.

use std::{borrow::Cow, fmt::Write as _};

use bytes::Bytes;
use serde_json::Value;

/// How a call proves who makes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Authentication {
    /// `Authorization: Bearer KEY`.
    Bearer,
    /// The key alone in the header of this name.
    Header(&'static str),
    /// AWS Signature Version 4 for the service of this name; or `Authorization: Bearer KEY` where the
    /// key is a Bedrock API key.
    AwsSignature(&'static str),
}

/// A call to a model server, but for its address and its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutgoingCall {
    /// The path below the base URL, without a leading slash, percent-encoded. The base URL of a
    /// route ends where the version ends: [`crate::Dialect::base_url_example`].
    pub path: String,
    /// Query parameters that belong to the call.
    pub query: &'static [(&'static str, &'static str)],
    /// Headers beside `Content-Type: application/json` and authentication; the values are printable
    /// ASCII.
    pub headers: Vec<(&'static str, Cow<'static, str>)>,
    /// The JSON body, in pieces: long messages are not copied.
    pub pieces: Vec<Bytes>,
}

impl OutgoingCall {
    pub(crate) fn json(path: impl Into<String>, body: &Value) -> Self {
        Self::new(path, serde_json::to_vec(body).expect("JSON values always serialise"))
    }

    pub(crate) fn new(path: impl Into<String>, body: Vec<u8>) -> Self {
        Self::in_pieces(path, vec![body.into()])
    }

    pub(crate) fn in_pieces(path: impl Into<String>, pieces: Vec<Bytes>) -> Self {
        Self { path: path.into(), query: &[], headers: Vec::new(), pieces }
    }

    /// The JSON body, copied together.
    #[must_use]
    pub fn body(&self) -> Vec<u8> {
        self.pieces.concat()
    }
}

/// Encodes a name for a place in a path: everything but unreserved characters (RFC 3986).
pub(crate) fn path_segment(name: &str) -> String {
    let mut segment = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                segment.push(char::from(byte));
            }
            _ => write!(segment, "%{byte:02X}").expect("a String takes any text"),
        }
    }
    segment
}
