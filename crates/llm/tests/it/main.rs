//! Bytes in, values out: fixtures against snapshots, and properties where bytes may be hostile.
#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

mod call_order;
mod chunk;
mod citation;
mod compatibility;
mod decoders;
mod embeddings;
mod error_body;
mod matrix;
mod messages;
mod moderation;
mod openai;
mod operation;
mod plain;
mod prompt;
mod request;
mod rerank;
mod responses;
mod sse;
mod texts;
mod transcription;
mod typed_event;
mod unnoticed;
mod upstream;
mod wire;
