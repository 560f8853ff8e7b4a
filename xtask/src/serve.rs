//! Builds what is missing and becomes the platform.

use std::os::unix::process::CommandExt;
use std::process::Command;

use crate::binary::Profile;
use crate::failure::{Failure, Outcome};
use crate::place::Place;
use crate::{binary, shell, web};

/// `cargo xtask serve [ARGS…]`. Without arguments the program's own defaults hold: an embedded
/// installation in `./data` on 127.0.0.1:8080, unless `fachwerk.toml` says otherwise.
pub fn run(place: &Place, arguments: &[String]) -> Outcome {
    web::build(place)?;
    let program = binary::build(place, Profile::Release)?;
    let mut command = Command::new(&program);
    command.current_dir(&place.root).arg("serve").args(arguments);
    println!("\n▸ start: {}", shell::line(&command));
    // We become the program: signals and its exit code need no forwarding.
    let error = command.exec();
    Err(Failure::new(
        format!("`{}` does not start: {error}", program.display()),
        "Run `cargo xtask build` and look at what it prints.",
    ))
}
