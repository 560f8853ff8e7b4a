//! Boundary tests of the use cases: real store, real index, real document reader, and a model
//! server that speaks on a socket.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should fail")]

mod caching;
mod chatting;
mod clearance;
mod collecting;
mod conversing;
mod guarding;
mod guarding_answers;
mod guarding_outside;
mod keeping_models;
mod limiting;
mod recording;
mod recovering;
mod signing_in;
mod usage;
mod world;
