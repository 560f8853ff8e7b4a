//! The command line: what can be typed, and which command runs.

use std::{ffi::OsString, path::PathBuf, process::ExitCode};

use clap::{Args, Parser, Subcommand, ValueEnum};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::config::Overrides;

/// The exit status for a wrong command line or configuration (`EX_USAGE` of sysexits.h).
pub(crate) const EXIT_USAGE: u8 = 64;

/// Fachwerk: a sovereign platform for generative AI in the public administration.
#[derive(Debug, Parser)]
#[command(name = "fachwerk", version, about, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

/// Which installation is meant.
#[derive(Debug, Clone, Args)]
pub(crate) struct Installation {
    /// The folder of the installation [FACHWERK_DATA; built-in: data]
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// The configuration file [FACHWERK_CONFIG; built-in: fachwerk.toml if there is one]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

impl Installation {
    pub fn overrides(&self) -> Overrides {
        Overrides { config: self.config.clone(), data: self.data.clone(), listen: None }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the platform
    Serve(Serve),
    /// Check the configuration and name every mistake
    Check(Check),
    /// Look after files with language models
    Model(Model),
    /// Bring the database up to date, or copy it to PostgreSQL
    Migrate(Migrate),
    /// Look after people and keys; works while the platform runs
    Admin(Admin),
    /// Make, list and revoke API keys of people and programs; works while the platform runs
    Key(Key),
    /// Look after the audit log
    Audit(Audit),
    /// What was used and what it cost
    Usage(Usage),
    /// Write the whole installation into one file
    Backup(Backup),
    /// Bring an installation back from such a file
    Restore(Restore),
    /// Print the description of the HTTP interface
    #[command(hide = true)]
    Openapi,
    /// Read one document in a process of its own
    #[command(hide = true, disable_help_flag = true)]
    ExtractChild(ExtractChild),
}

#[derive(Debug, Args)]
pub(crate) struct Serve {
    #[command(flatten)]
    pub installation: Installation,
    /// Where to listen [FACHWERK_LISTEN; built-in: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR:PORT")]
    pub listen: Option<String>,
    /// What this process does
    #[arg(long, value_enum, default_value_t = Role::All)]
    pub role: Role,
}

impl Serve {
    pub fn overrides(&self) -> Overrides {
        Overrides { listen: self.listen.clone(), ..self.installation.overrides() }
    }
}

/// What a process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Role {
    /// Answers requests and works through jobs
    All,
    /// Answers requests only
    Api,
    /// Works through jobs only
    Worker,
}

#[derive(Debug, Args)]
pub(crate) struct Check {
    #[command(flatten)]
    pub installation: Installation,
}

#[derive(Debug, Args)]
pub(crate) struct Model {
    #[command(subcommand)]
    pub command: ModelCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ModelCommand {
    /// Say whether a file will run, how much memory it needs and how fast it is; ends with 1 if not
    Check(CheckModel),
}

#[derive(Debug, Args)]
pub(crate) struct CheckModel {
    /// The file, in the GGUF format
    pub file: PathBuf,
    /// Tokens of question and answer together; 4096, or what the file was made for, if that is less
    #[arg(long, value_name = "TOKENS")]
    pub context: Option<usize>,
    /// Print one JSON object instead of lines
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Migrate {
    #[command(flatten)]
    pub installation: Installation,
    /// Copy everything to this empty PostgreSQL database and compare
    #[arg(long, value_name = "postgres://…")]
    pub to: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Admin {
    #[command(subcommand)]
    pub command: AdminCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AdminCommand {
    /// Create an account
    CreateUser(CreateUser),
    /// Create an API key and print it, alone, on standard output
    CreateKey(CreateKey),
    /// Set a new password and end all sessions of the account
    ResetPassword(ResetPassword),
    /// Print a new set-up link; for an installation without an administrator
    SetupLink(SetupLink),
}

#[derive(Debug, Args)]
pub(crate) struct CreateUser {
    #[command(flatten)]
    pub installation: Installation,
    /// The mail address to sign in with
    #[arg(long)]
    pub email: String,
    /// The name others see
    #[arg(long)]
    pub name: String,
    /// What the person may do
    #[arg(long, value_enum)]
    pub role: AccountRole,
    /// Read the password from standard input, up to the end of the line
    #[arg(long, required = true)]
    pub password_stdin: bool,
}

/// The roles of people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum AccountRole {
    /// Looks after people and settings
    Admin,
    /// Works with the platform
    Member,
}

impl From<AccountRole> for domain::Role {
    fn from(role: AccountRole) -> Self {
        match role {
            AccountRole::Admin => Self::Admin,
            AccountRole::Member => Self::Member,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct CreateKey {
    #[command(flatten)]
    pub installation: Installation,
    /// Whose key
    #[arg(long)]
    pub email: String,
}

#[derive(Debug, Args)]
pub(crate) struct ResetPassword {
    #[command(flatten)]
    pub installation: Installation,
    /// Whose password
    #[arg(long)]
    pub email: String,
    /// Read the password from standard input, up to the end of the line
    #[arg(long, required = true)]
    pub password_stdin: bool,
}

#[derive(Debug, Args)]
pub(crate) struct SetupLink {
    #[command(flatten)]
    pub installation: Installation,
}

#[derive(Debug, Args)]
pub(crate) struct Key {
    #[command(subcommand)]
    pub command: KeyCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Make a key and print it, alone, on standard output; it is shown this once
    Create(MakeKey),
    /// List all keys, without their secrets: id, owner, name, class, models, end, last use
    List(ListKeys),
    /// Revoke a key at once
    Revoke(RevokeKey),
}

#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("owner").required(true))]
pub(crate) struct MakeKey {
    #[command(flatten)]
    pub installation: Installation,
    /// The mail address of the person whose key it is
    #[arg(long, value_name = "EMAIL", group = "owner")]
    pub person: Option<String>,
    /// The program whose key it is; its account is made if there is none
    #[arg(long, value_name = "NAME", group = "owner")]
    pub service: Option<String>,
    /// The unit of a new account of a program, by name or id
    #[arg(long, requires = "service")]
    pub unit: Option<String>,
    /// What to call the key [default: the command line and the day, in German]
    #[arg(long)]
    pub name: Option<String>,
    /// What it may be used for; may be given several times
    #[arg(long = "scope", value_parser = parse_scope, default_value = "models")]
    pub scopes: Vec<domain::Scope>,
    /// The only models it may be used for; may be given several times
    #[arg(long = "model", value_name = "MODEL")]
    pub models: Vec<String>,
    /// The class of the data it stands for: assumed where a request says none, and the least that
    /// one may say [built-in: data_class.api]
    #[arg(long, value_parser = parse_class)]
    pub class: Option<domain::DataClass>,
    /// The last day on which it is valid, in UTC
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub expires: Option<domain::Day>,
}

#[derive(Debug, Args)]
pub(crate) struct ListKeys {
    #[command(flatten)]
    pub installation: Installation,
}

#[derive(Debug, Args)]
pub(crate) struct RevokeKey {
    #[command(flatten)]
    pub installation: Installation,
    /// The id of the key, as `list` prints it
    pub id: domain::KeyId,
}

fn parse_scope(code: &str) -> Result<domain::Scope, String> {
    code.parse().map_err(|error: domain::UnknownCode| error.to_string())
}

fn parse_class(code: &str) -> Result<domain::DataClass, String> {
    code.parse().map_err(|error: domain::UnknownCode| error.to_string())
}

#[derive(Debug, Args)]
pub(crate) struct Audit {
    #[command(subcommand)]
    pub command: AuditCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Find any changed, removed or re-ordered entry
    Verify(VerifyAudit),
}

#[derive(Debug, Args)]
pub(crate) struct VerifyAudit {
    #[command(flatten)]
    pub installation: Installation,
}

#[derive(Debug, Args)]
pub(crate) struct Usage {
    #[command(subcommand)]
    pub command: UsageCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum UsageCommand {
    /// Print the figures of a month, or of several, for accounting
    Export(ExportUsage),
}

#[derive(Debug, Args)]
pub(crate) struct ExportUsage {
    #[command(flatten)]
    pub installation: Installation,
    /// The month, e.g. 2026-11
    #[arg(long, value_name = "YYYY-MM")]
    pub month: domain::Month,
    /// The last month, for more than one
    #[arg(long, value_name = "YYYY-MM")]
    pub to: Option<domain::Month>,
    /// What tells the figures apart
    #[arg(long, value_enum, default_value = "unit")]
    pub by: UsageBy,
    /// For a spreadsheet, or for programs
    #[arg(long, value_enum, default_value = "csv")]
    pub format: ExportFormat,
}

/// What tells figures of usage apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
pub(crate) enum UsageBy {
    /// Days
    Day,
    /// Units and their cost centres
    Unit,
    /// Models
    Model,
    /// Places of model routes
    Place,
    /// Classes of data
    DataClass,
}

impl From<UsageBy> for app::UsageView {
    fn from(by: UsageBy) -> Self {
        match by {
            UsageBy::Day => Self::Day,
            UsageBy::Unit => Self::Unit,
            UsageBy::Model => Self::Model,
            UsageBy::Place => Self::Place,
            UsageBy::DataClass => Self::DataClass,
        }
    }
}

/// The form of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ExportFormat {
    /// UTF-8 with a byte order mark and semicolons, as German spreadsheets read it
    Csv,
    /// One JSON object
    Json,
}

#[derive(Debug, Args)]
pub(crate) struct Backup {
    #[command(flatten)]
    pub installation: Installation,
    /// The file to write
    pub file: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Restore {
    #[command(flatten)]
    pub installation: Installation,
    /// The file to read
    pub file: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct ExtractChild {
    /// Handed on as they are
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub arguments: Vec<OsString>,
}

/// Reads the command line; a wrong one is explained and ends with 64.
pub(crate) fn parse() -> Result<Cli, ExitCode> {
    Cli::try_parse().map_err(|error| {
        let _ = error.print();
        if error.use_stderr() { ExitCode::from(EXIT_USAGE) } else { ExitCode::SUCCESS }
    })
}
