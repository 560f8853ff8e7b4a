//! The document reader of the tests: a program that is nothing but the hidden subcommand.

use std::process::ExitCode;

fn main() -> ExitCode {
    extract::run_child(std::env::args_os().skip(2))
}
