//! Protection.

mod addresses;
mod checks;
mod checksum;
mod finding;
mod kind;
mod mail;
mod name_parts;
mod names;
mod numbers;
mod overlap;
mod rules;
mod scanner;
mod secrets;
mod tokens;
mod vocabulary;

pub use finding::{Finding, Verdict};
pub use kind::Kind;
pub use rules::RulesError;
pub use scanner::{Policy, Scanner};
