//! What the commands do. Results go to standard output, words for people to standard error.

use std::{fmt::Display, io::Write, process::ExitCode};

use crate::{
    cli::{self, Command, EXIT_USAGE, Installation},
    config::{self, Config, Environment, Overrides},
    routes,
};

/// Why a command ended early: the exit status, and what to tell the operator.
#[derive(Debug)]
pub(crate) struct Failure {
    status: u8,
    text: String,
}

impl Failure {
    /// A wrong command line or configuration.
    pub fn usage(text: impl Display) -> Self {
        Self { status: EXIT_USAGE, text: text.to_string() }
    }

    /// Everything else.
    pub fn other(text: impl Display) -> Self {
        Self { status: 1, text: text.to_string() }
    }
}

type Outcome = Result<(), Failure>;

/// Runs the program: reads the command line and does what it says.
#[must_use]
pub fn run() -> ExitCode {
    let cli = match cli::parse() {
        Ok(cli) => cli,
        Err(exit) => return exit,
    };
    match dispatch(cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            tell(&failure.text);
            ExitCode::from(failure.status)
        }
    }
}

fn dispatch(command: Command) -> Outcome {
    match command {
        Command::Check(check) => check_configuration(&check.installation),
        Command::Openapi => print(&routes::api_description()),
        _ => Err(Failure::other("not yet")),
    }
}

fn check_configuration(installation: &Installation) -> Outcome {
    let config = load(&installation.overrides())?;
    print(&format!(
        "The configuration is right: {} model(s) beside the built-in one, default {}.\n",
        config.models.len(),
        config.default_model
    ))
}

fn load(overrides: &Overrides) -> Result<Config, Failure> {
    config::load(overrides, &Environment::of_process()).map_err(Failure::usage)
}

/// Writes a result to standard output.
fn print(text: &str) -> Outcome {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(Failure::other)
}

/// Tells the operator something. If nobody listens any more, so be it.
fn tell(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "fachwerk: {text}");
}
