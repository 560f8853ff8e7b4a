//! Measures the built program from outside, as a person would with a watch.
//!
//! One file per bench; each prints lines that fit into a table of `bench/README.md`. What a bench
//! needs of the outside world it starts itself and ends again.

mod start;

use crate::binary::{self, Profile};
use crate::failure::{Failure, Outcome};
use crate::place::Place;
use crate::web;

/// A bench: its name, what it measures in one line, and the measuring of a release binary.
struct Bench {
    name: &'static str,
    summary: &'static str,
    run: fn(&Place, &std::path::Path) -> Outcome,
}

/// All benches.
const BENCHES: &[Bench] = &[Bench {
    name: "start",
    summary: "time until ready with an existing data folder, memory when idle",
    run: start::run,
}];

/// `cargo xtask bench NAME…`.
pub fn run(place: &Place, names: &[String]) -> Outcome {
    let mut wanted = Vec::new();
    for name in names {
        match BENCHES.iter().find(|bench| bench.name == name.as_str()) {
            Some(bench) => wanted.push(bench),
            None => return Err(Failure::new(format!("there is no bench `{name}`"), list())),
        }
    }
    if wanted.is_empty() {
        return Err(Failure::new("no bench was named", list()));
    }
    web::build(place)?;
    let program = binary::build(place, Profile::Release)?;
    for bench in wanted {
        println!("\n▸ bench {}: {}", bench.name, bench.summary);
        (bench.run)(place, &program)?;
    }
    Ok(())
}

fn list() -> String {
    let known: Vec<&str> = BENCHES.iter().map(|bench| bench.name).collect();
    format!("Name one of: {}.", known.join(", "))
}
