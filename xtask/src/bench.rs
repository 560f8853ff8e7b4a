//! Measures the built program from outside, as a person would with a watch.
//!
//! One file per bench; each prints lines that fit into a table of `bench/README.md`. What a bench
//! needs of the outside world it starts itself and ends again.

mod bgb;
mod documents;
mod events;
mod gateway;
mod http;
mod installation;
mod kill;
mod laws;
mod processes;
mod questions;
mod report;
mod retrieval;
mod slow_model;
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
const BENCHES: &[Bench] = &[
    Bench {
        name: "start",
        summary: "time until ready with an existing data folder, memory when idle",
        run: start::run,
    },
    Bench {
        name: "bgb",
        summary: "the civil code as a PDF of 553 pages: upload to searchable, peak memory",
        run: bgb::run,
    },
    Bench {
        name: "laws",
        summary: "610 laws: time to read all, then search and first words of an answer",
        run: laws::run,
    },
    Bench {
        name: "retrieval",
        summary: "nDCG@10 of the search on xquad-de and legalquad",
        run: retrieval::run,
    },
    Bench {
        name: "gateway",
        summary: "what a call through /v1 costs, beside nginx and the LiteLLM proxy",
        run: gateway::run,
    },
    Bench {
        name: "kill",
        summary: "kill -9 in the middle of uploads and answers; what is missing after the restart",
        run: kill::run,
    },
];

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
    let program = program(place)?;
    for bench in wanted {
        println!("\n▸ bench {}: {}", bench.name, bench.summary);
        (bench.run)(place, &program)?;
    }
    Ok(())
}

/// The release binary as it lies there, because a measurement must not wait for, or compete with, a
/// compiler; built if there is none.
fn program(place: &Place) -> Outcome<std::path::PathBuf> {
    let built = place.root.join("target/release/fachwerk");
    if built.exists() {
        println!("▸ measured as it is: {} (`cargo xtask build` renews it)", built.display());
        return Ok(built);
    }
    web::build(place)?;
    binary::build(place, Profile::Release)
}

fn list() -> String {
    let known: Vec<&str> = BENCHES.iter().map(|bench| bench.name).collect();
    format!("Name one of: {}.", known.join(", "))
}
