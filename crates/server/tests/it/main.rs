//! Tests of the server at its boundaries: configuration, command line, routes in process.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod authorisation;
mod bad_input;
mod client;
mod command_line;
mod config;
mod connections;
mod described;
mod dialects;
mod drill;
mod generated;
mod guarded_fields;
mod guarding;
mod interfaces;
mod limiting;
mod openai;
mod openai_clients;
mod operation;
mod process;
mod providers;
mod routes;
mod routing;
mod transcribing;
mod transcript;
mod world;
