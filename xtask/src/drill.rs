//! The fault drill: the long variants of the tests in `crates/server/tests/it/drill`, one after the
//! other, and a table of what came of each. `docs/operate/faults.md` explains the cases to operators.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use crate::failure::{Failure, Outcome};
use crate::place::Place;
use crate::{debian, shell};

/// How the tests begin a line that belongs into the table.
const LINE: &str = "drill | ";
/// What the names of all cases have in common.
const NAME: &str = "::drill_";

/// `cargo xtask drill [CASE…] [--short]`; a CASE is part of a case's name.
pub fn run(place: &Place, arguments: &[String]) -> Outcome {
    let (options, wanted): (Vec<&String>, Vec<&String>) =
        arguments.iter().partition(|word| word.starts_with("--"));
    if let Some(other) = options.iter().find(|option| **option != "--short") {
        return Err(Failure::new(format!("`drill` does not know {other}"), "It knows --short."));
    }
    debian::install(&[debian::POSTGRESQL])?;
    if let Err(failure) = debian::install(&[debian::FAKETIME]) {
        println!("  going on without turning the clock: {failure}");
    }
    let test = ["test", "--package", "server", "--test", "it", "--"];
    let listed = shell::read(place.cargo(&test).args(["--list", "--format", "terse"]))?;
    let cases: Vec<&str> = listed
        .lines()
        .filter_map(|line| line.strip_suffix(": test"))
        .filter(|name| name.contains(NAME))
        .filter(|name| wanted.is_empty() || wanted.iter().any(|word| name.contains(word.as_str())))
        .collect();
    if cases.is_empty() {
        return Err(Failure::new("no case of the drill is called so", "Try it without a name."));
    }
    let mut command = place.cargo(&test);
    command.args(["--exact", "--nocapture", "--test-threads", "1"]).args(&cases);
    if options.is_empty() {
        command.env("FACHWERK_DRILL", "long");
    }
    println!("  $ {}", shell::line(&command));
    let mut child = command.stdout(Stdio::piped()).spawn().map_err(|error| {
        Failure::new(format!("cargo does not start: {error}"), "Check that it may be executed.")
    })?;
    let mut table = Vec::new();
    for line in child.stdout.take().into_iter().flat_map(|out| BufReader::new(out).lines()) {
        let line = line.unwrap_or_default();
        println!("{line}");
        if let Some(row) = line.strip_prefix(LINE) {
            table.push(format!("| {row} |"));
        }
    }
    let is_well = child.wait().is_ok_and(|status| status.success());
    println!("\n| what breaks | what has to come of it | what came of it |\n|---|---|---|");
    println!("{}", table.join("\n"));
    if is_well {
        println!("\n{} cases, all as expected", cases.len());
        return Ok(());
    }
    Err(Failure::new("a case ended otherwise than expected", "Read what it said above."))
}
