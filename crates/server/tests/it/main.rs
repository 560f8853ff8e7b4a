//! Tests of the server at its boundaries: configuration, command line, routes in process.
#![allow(clippy::unwrap_used)]

mod config;
mod generated;
