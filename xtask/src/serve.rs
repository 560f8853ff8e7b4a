//! Builds what is missing and becomes the platform.

use std::os::unix::process::CommandExt;
use std::process::Command;

use crate::binary::Profile;
use crate::failure::{Failure, Outcome};
use crate::place::Place;
use crate::{binary, shell, web};

/// What the platform is told unless the person or the environment says otherwise.
const DEFAULTS: [(&str, &str, &str); 2] =
    [("--data", "FACHWERK_DATA", "./data"), ("--listen", "FACHWERK_LISTEN", "127.0.0.1:8080")];

/// `cargo xtask serve [ARGS…]`.
pub fn run(place: &Place, arguments: &[String]) -> Outcome {
    web::build(place)?;
    let program = binary::build(place, Profile::Release)?;
    let mut command = Command::new(&program);
    command.current_dir(&place.root).arg("serve");
    for (option, variable, value) in DEFAULTS {
        if !names(arguments, option) && std::env::var_os(variable).is_none() {
            command.args([option, value]);
        }
    }
    command.args(arguments);
    println!("\n▸ start: {}", shell::line(&command));
    // We become the program: signals and its exit code need no forwarding.
    let error = command.exec();
    Err(Failure::new(
        format!("`{}` does not start: {error}", program.display()),
        "Run `cargo xtask build` and look at what it prints.",
    ))
}

fn names(arguments: &[String], option: &str) -> bool {
    arguments.iter().any(|argument| argument.split('=').next() == Some(option))
}

#[cfg(test)]
mod tests {
    use super::names;

    #[test]
    fn an_option_is_seen_in_both_spellings() {
        let given = |text: &str| vec![text.to_owned()];
        assert!(names(&given("--data"), "--data"));
        assert!(names(&given("--data=/srv/x"), "--data"));
        assert!(!names(&given("--database"), "--data"));
    }
}
