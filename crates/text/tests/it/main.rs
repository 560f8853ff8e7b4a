//! Tests of the public face of `text`, one binary.
#![allow(clippy::unwrap_used)]

mod sentence;
mod summary;
mod terms;
