//! What the commands do. Results go to standard output, words for people to standard error.

mod admin;
mod archive;
mod database;
mod key;
mod model;
mod serve;
mod usage;

use std::{
    fmt::{self, Display},
    io::Write,
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
};

use app::App;

use crate::{
    cli::{self, AuditCommand, Command, EXIT_USAGE, Installation, ModelCommand, UsageCommand},
    config::{self, Config, Environment, Overrides},
    routes, telemetry, wiring,
};

/// Why a command ended early: the exit status, and what to tell the operator.
#[derive(Debug)]
pub struct Failure {
    status: u8,
    text: String,
}

impl Failure {
    /// A wrong command line or configuration.
    pub(crate) fn usage(text: impl Display) -> Self {
        Self { status: EXIT_USAGE, text: text.to_string() }
    }

    /// Everything else.
    pub(crate) fn other(text: impl Display) -> Self {
        Self { status: 1, text: text.to_string() }
    }
}

impl Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Failure {}

impl From<app::Error> for Failure {
    /// In English, like everything on the command line; the cause behind it.
    fn from(error: app::Error) -> Self {
        let text = error.text(app::Language::English);
        match std::error::Error::source(&error) {
            Some(cause) => wiring::explain(&text, cause),
            None => Self::other(text),
        }
    }
}

type Outcome = Result<(), Failure>;

/// Runs the program: reads the command line and does what it says.
#[must_use]
pub fn run() -> ExitCode {
    let command = match cli::parse() {
        // Before anything else is opened or started: the child keeps nothing but its document.
        Ok(cli::Cli { command: Command::ExtractChild(child) }) => {
            return extract::run_child(child.arguments);
        }
        Ok(cli) => cli.command,
        Err(exit) => return exit,
    };
    match dispatch(command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            tell(&failure.text);
            ExitCode::from(failure.status)
        }
    }
}

fn dispatch(command: Command) -> Outcome {
    match command {
        Command::Serve(asked) => serve::serve(&asked),
        Command::Check(check) => check_configuration(&check.installation),
        Command::Model(model) => match model.command {
            ModelCommand::Check(asked) => model::check(&asked),
        },
        Command::Migrate(asked) => database::migrate(&asked),
        Command::Admin(admin) => admin::run(admin.command),
        Command::Key(asked) => key::run(asked.command),
        Command::Audit(audit) => match audit.command {
            AuditCommand::Verify(asked) => database::verify_audit(&asked.installation),
        },
        Command::Usage(usage) => match usage.command {
            UsageCommand::Export(asked) => usage::export(&asked),
        },
        Command::Backup(asked) => archive::backup(&asked),
        Command::Restore(asked) => archive::restore(&asked),
        Command::Openapi => print(&routes::api_description()),
        Command::ExtractChild(_) => unreachable!("handled before anything else"),
    }
}

fn check_configuration(installation: &Installation) -> Outcome {
    let config = load(&installation.overrides())?;
    for doubt in config.doubts() {
        tell(&format!("warning: {doubt}"));
    }
    print(&format!(
        "The configuration is right: {} model(s) besides the built-in one, default {}.\n",
        config.models.len(),
        config.default_model
    ))
}

fn load(overrides: &Overrides) -> Result<Config, Failure> {
    config::load(overrides, &Environment::of_process()).map_err(Failure::usage)
}

/// Loads the configuration for a command that calls no model.
fn load_without_keys(overrides: &Overrides) -> Result<Config, Failure> {
    let environment = Environment::of_process().without_keys();
    config::load(overrides, &environment).map_err(Failure::usage)
}

/// Loads the configuration for a command that only says what it did: its log shows warnings.
fn load_quietly(installation: &Installation) -> Result<Config, Failure> {
    let config = load_without_keys(&installation.overrides())?;
    let log = config::Log { filter: "warn".to_owned(), ..config.log.clone() };
    // What runs for a moment exports nothing.
    let _ = telemetry::start_log(&log, None);
    Ok(config)
}

/// Opens the installation beside a running platform and does one thing.
fn with_app<T, F>(
    installation: &Installation,
    act: impl FnOnce(Arc<App>) -> F,
) -> Result<T, Failure>
where
    F: Future<Output = Result<T, Failure>>,
{
    let config = load_quietly(installation)?;
    runtime()?.block_on(async {
        let program = own_path()?;
        let house = wiring::build(&config, search::Role::Reader, program).await?;
        let done = act(Arc::clone(&house.app)).await;
        house.store.close().await;
        done
    })
}

/// Where this program lies: it reads documents as a child process of itself.
fn own_path() -> Result<PathBuf, Failure> {
    std::env::current_exe()
        .map_err(|error| wiring::explain("the program does not find itself", &error))
}

fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| wiring::explain("the program cannot start its threads", &error))
}

/// Writes a result to standard output.
fn print(text: &str) -> Outcome {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(Failure::other)
}

/// Writes lines to standard output for as long as somebody, `head` for instance, reads them.
fn print_lines(lines: impl Iterator<Item = String>) -> Outcome {
    let mut out = std::io::stdout().lock();
    let written = lines.into_iter().try_for_each(|line| out.write_all(line.as_bytes()));
    match written.and_then(|()| out.flush()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        done => done.map_err(Failure::other),
    }
}

/// Tells the operator something. If nobody listens any more, so be it.
fn tell(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "fachwerk: {text}");
}
