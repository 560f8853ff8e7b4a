//! Licences, bans and sources of everything we build on, checked by cargo-deny.

use std::path::PathBuf;

use crate::failure::Outcome;
use crate::place::Place;
use crate::shell;

/// Pinned, so that a new release of the tool does not change what passes.
const VERSION: &str = "0.20.2";

/// What is checked without a network.
const OFFLINE_CHECKS: [&str; 3] = ["licenses", "bans", "sources"];

/// `cargo xtask deny [CHECK…]`.
pub fn run(place: &Place, checks: &[String]) -> Outcome {
    let program = installed(place)?;
    let mut command = std::process::Command::new(program);
    // Duplicate versions are warnings: shown when asked for by name, not in every run.
    command.current_dir(&place.root).args([
        "--log-level",
        "error",
        "check",
        "--hide-inclusion-graph",
    ]);
    if checks.is_empty() {
        command.args(OFFLINE_CHECKS);
    } else {
        command.args(checks);
    }
    shell::run(
        &mut command,
        "Choose a dependency that deny.toml allows, or allow it there with the reason beside it.",
    )
}

/// The tool on the search path, else our own copy, built once: about two minutes on two cores.
fn installed(place: &Place) -> Outcome<PathBuf> {
    if let Some(program) = shell::which("cargo-deny") {
        return Ok(program);
    }
    let folder = place.tools().join(format!("cargo-deny-{VERSION}"));
    let program = folder.join("bin/cargo-deny");
    if !program.is_file() {
        let package = format!("cargo-deny@{VERSION}");
        let mut command = place.cargo(&["install", "--quiet", "--locked", "--debug", &package]);
        // Its build must not go through a wrapper or target folder meant for our own.
        command.arg("--root").arg(&folder).env_remove("CARGO_TARGET_DIR");
        shell::run(
            &mut command,
            "Without a network, put a `cargo-deny` on the search path and start again.",
        )?;
    }
    Ok(program)
}
