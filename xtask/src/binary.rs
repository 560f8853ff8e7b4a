//! Builds the one program, `fachwerk`, with the web interface inside.

use std::path::PathBuf;

use crate::failure::{Failure, Outcome};
use crate::place::Place;
use crate::{shell, web};

/// How the program is compiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// As people run it.
    Release,
    /// As the Rust tests compile it anyway, so that testing builds the dependencies once.
    Dev,
}

/// `cargo xtask build`.
pub fn run(place: &Place, _arguments: &[String]) -> Outcome {
    web::build(place)?;
    let program = build(place, Profile::Release)?;
    println!("\n✓ {}", program.display());
    Ok(())
}

/// Builds the program and returns where it lies.
pub fn build(place: &Place, profile: Profile) -> Outcome<PathBuf> {
    let mut command = match profile {
        Profile::Release => {
            println!("\n▸ program: release build (the first takes some ten minutes on two cores)");
            place.cargo(&["build", "--release", "--package", "server", "--bin", "fachwerk"])
        }
        // The server's tests need the program, so this builds it, and of the very objects that all
        // tests share; asked for alone, other features would be chosen and much compiled again.
        Profile::Dev => place.cargo(&["test", "--quiet", "--workspace", "--no-run"]),
    };
    shell::run(&mut command, "Repair what the compiler names above and start again.")?;
    let folder = if profile == Profile::Release { "release" } else { "debug" };
    let built = place.target.join(folder).join("fachwerk");
    let promised = place.root.join("target").join(folder).join("fachwerk");
    if built != promised {
        keep_promise(&built, &promised)?;
    }
    Ok(promised)
}

/// Copies the program to the path that is documented when cargo builds somewhere else.
fn keep_promise(built: &std::path::Path, promised: &std::path::Path) -> Outcome {
    let folder = promised.parent().unwrap_or(promised);
    std::fs::create_dir_all(folder).map_err(|error| Failure::file("create", folder, &error))?;
    // Removed first: a running program's file cannot be written, but it can be replaced.
    if promised.exists() {
        std::fs::remove_file(promised)
            .map_err(|error| Failure::file("replace", promised, &error))?;
    }
    std::fs::copy(built, promised).map_err(|error| Failure::file("write", promised, &error))?;
    Ok(())
}
