//! The process: configuration, wiring, HTTP in and out, the description of the interface, web files,
//! command line. Decides nothing about the business; that is `app`.

mod cli;
mod commands;
pub mod config;
mod door;
mod front;
mod listen;
mod models;
mod platform;
mod routes;
mod telemetry;
mod wiring;

pub use commands::{Failure, run};
pub use platform::{Platform, Role};
pub use routes::api_description;
