//! Measures the built program from outside, as a person would with a watch.
//!
//! One file per bench; each prints lines that fit into a table of `bench/README.md`. What a bench
//! needs of the outside world it starts itself and ends again.

mod bgb;
mod connection;
mod documents;
mod events;
mod gateway;
mod growth;
mod guard;
mod http;
mod installation;
mod kill;
mod laws;
mod limits;
mod postgres;
mod processes;
mod questions;
mod quick_model;
mod report;
mod retrieval;
mod slow_model;
mod spawned;
mod start;
mod streams;

use crate::binary::{self, Profile};
use crate::failure::{Failure, Outcome};
use crate::place::Place;
use crate::web;

/// A bench: its name, what it measures in one line, and the measuring.
struct Bench {
    name: &'static str,
    summary: &'static str,
    run: Run,
}

/// What a bench measures.
enum Run {
    /// The release binary at this path.
    Program(fn(&Place, &std::path::Path) -> Outcome),
    /// A crate by itself; takes the options (`--…`) of the command line.
    Crate(fn(&Place, &[&str]) -> Outcome),
}

/// All benches.
const BENCHES: &[Bench] = &[
    Bench {
        name: "start",
        summary: "time until ready with an existing data folder, memory when idle",
        run: Run::Program(start::run),
    },
    Bench {
        name: "bgb",
        summary: "the civil code as a PDF of 553 pages: upload to searchable, peak memory",
        run: Run::Program(bgb::run),
    },
    Bench {
        name: "laws",
        summary: "610 laws: time to read all, then search and first words of an answer",
        run: Run::Program(laws::run),
    },
    Bench {
        name: "retrieval",
        summary: "nDCG@10 of the search on xquad-de and legalquad",
        run: Run::Program(retrieval::run),
    },
    Bench {
        name: "gateway",
        summary: "what a call through /v1 costs, beside nginx and the LiteLLM proxy",
        run: Run::Program(gateway::run),
    },
    Bench {
        name: "streams",
        summary: "2,000 streams at once: chunks lost and late, memory of a stream, beside nginx",
        run: Run::Program(streams::run),
    },
    Bench {
        name: "growth",
        summary: "what a call costs with 10, 100, 1,000 and 10,000 keys, units and routes",
        run: Run::Program(growth::run),
    },
    Bench {
        name: "limits",
        summary: "four processes on one PostgreSQL share limits: what they let through together",
        run: Run::Program(limits::run),
    },
    Bench {
        name: "kill",
        summary: "kill -9 in the middle of uploads and answers; what is missing after the restart",
        run: Run::Program(kill::run),
    },
    Bench {
        name: "guard",
        summary: "precision, recall and speed of the search for personal data; --with-presidio compares",
        run: Run::Crate(guard::run),
    },
];

/// `cargo xtask bench NAME… [--OPTION]`.
pub fn run(place: &Place, arguments: &[String]) -> Outcome {
    let arguments = arguments.iter().map(String::as_str);
    let (options, names): (Vec<&str>, Vec<&str>) = arguments.partition(|one| one.starts_with("--"));
    let mut wanted = Vec::new();
    for name in names {
        match BENCHES.iter().find(|bench| bench.name == name) {
            Some(bench) => wanted.push(bench),
            None => return Err(Failure::new(format!("there is no bench `{name}`"), list())),
        }
    }
    if wanted.is_empty() {
        return Err(Failure::new("no bench was named", list()));
    }
    let needs_program = wanted.iter().any(|bench| matches!(bench.run, Run::Program(_)));
    let program = if needs_program { program(place)? } else { std::path::PathBuf::new() };
    for bench in wanted {
        println!("\n▸ bench {}: {}", bench.name, bench.summary);
        match bench.run {
            Run::Program(measure) => measure(place, &program)?,
            Run::Crate(measure) => measure(place, &options)?,
        }
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
