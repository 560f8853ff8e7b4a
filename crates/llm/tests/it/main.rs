//! Bytes in, values out: fixtures against snapshots, and properties where bytes may be hostile.
#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

mod chunk;
mod citation;
mod compatibility;
mod error_body;
mod matrix;
mod messages;
mod openai;
mod prompt;
mod request;
mod responses;
mod sse;
mod upstream;
mod wire;
