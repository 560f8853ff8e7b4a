//! Tests of the public face of `search`, one binary.
#![allow(clippy::unwrap_used)]

mod crash;
mod lifecycle;
mod matches;
mod place;
mod queries;
mod ranking;
mod rights;
