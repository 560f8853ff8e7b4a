//! What tests need of the world outside: servers that speak on real sockets. Only for tests.

#![allow(clippy::unwrap_used, reason = "a fake that cannot start should fail the test")]

pub mod client;
pub mod fake_model;
pub mod postgres;
pub mod weights;
