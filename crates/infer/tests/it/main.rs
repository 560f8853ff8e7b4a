//! Tests of the public face of `infer`, one binary.
#![allow(clippy::unwrap_used)]

mod counting;
mod given;
mod laws;
mod local;
mod promises;
mod questions;
mod retrieval;
mod shared;
