//! The toolbox: every command that people and the build robot run, in Rust, so that it
//! behaves the same on every machine. It knows files and processes, none of our crates.

#![expect(clippy::print_stdout, reason = "a command line tool speaks on standard output")]
#![expect(clippy::disallowed_methods, reason = "the toolbox sets up environments for others")]

mod bench;
mod binary;
mod debian;
mod deny;
mod drill;
mod failure;
mod fuzz;
mod generate;
mod place;
mod serve;
mod shell;
mod steps;
mod stock_clients;
mod test;
mod tidy;
mod web;

use std::process::ExitCode;

use crate::failure::{Failure, Outcome};
use crate::place::Place;

/// A command of the toolbox: its name, what it takes, what it does in one line, and the doing.
struct Command {
    name: &'static str,
    arguments: &'static str,
    summary: &'static str,
    run: fn(&Place, &[String]) -> Outcome,
}

/// All commands; the help text is this list.
const COMMANDS: &[Command] = &[
    Command {
        name: "serve",
        arguments: "[ARGS…]",
        summary: "build everything and start the platform; ARGS go to `fachwerk serve`",
        run: serve::run,
    },
    Command {
        name: "build",
        arguments: "",
        summary: "build the web interface and the release binary target/release/fachwerk",
        run: binary::run,
    },
    Command {
        name: "test",
        arguments: "[--quick] [--release] [--keep-going] [--examples N] [FILTER…]",
        summary: "check and test everything; FILTER is a step's name or part of a Rust test's",
        run: test::run,
    },
    Command {
        name: "tidy",
        arguments: "",
        summary: "check layering, budgets, names and the other house rules",
        run: tidy::run,
    },
    Command {
        name: "generate",
        arguments: "",
        summary: "write openapi/api.json, the configuration reference and the web client anew",
        run: generate::run,
    },
    Command {
        name: "bench",
        arguments: "NAME… [--OPTION]",
        summary: "measure the release binary or a crate; see bench/README.md",
        run: bench::run,
    },
    Command {
        name: "drill",
        arguments: "[CASE…] [--short]",
        summary: "break what the program stands on, case by case, and say what came of it",
        run: drill::run,
    },
    Command {
        name: "fuzz",
        arguments: "[TARGET…] [--seconds N]",
        summary: "feed the parsers with made-up bytes; needs nightly Rust and cargo-fuzz",
        run: fuzz::run,
    },
    Command {
        name: "deny",
        arguments: "[CHECK…]",
        summary: "check licences, bans and sources; `deny advisories` needs a network",
        run: deny::run,
    },
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match dispatch(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if !failure.is_told() {
                println!("\n✗ {failure}");
            }
            ExitCode::FAILURE
        }
    }
}

fn dispatch(arguments: &[String]) -> Outcome {
    let name = arguments.first().map_or("help", String::as_str);
    // The API description is one of the generated files; both names are asked for.
    let name = if name == "openapi" { "generate" } else { name };
    if let Some(command) = COMMANDS.iter().find(|command| command.name == name) {
        return (command.run)(&Place::find()?, &arguments[1..]);
    }
    print_help();
    if matches!(name, "help" | "--help" | "-h") {
        return Ok(());
    }
    Err(Failure::new(format!("there is no command `{name}`"), "Choose one from the list above."))
}

fn print_help() {
    println!("cargo xtask COMMAND\n");
    for Command { name, arguments, summary, .. } in COMMANDS {
        println!("  {}\n      {summary}", format!("{name} {arguments}").trim_end());
    }
}
