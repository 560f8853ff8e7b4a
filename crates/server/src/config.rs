//! Configuration: the only place that reads the configuration file and the environment.
//!
//! What was given ([`raw`]) and what holds ([`Config`]) are two types; the second cannot be wrong.

mod changes;
mod check;
mod declaration;
pub(crate) mod definition;
mod gateway;
mod guard;
mod hosts;
mod local;
mod mistake;
mod places;
mod prices;
mod proof;
mod raw;
mod reference;
mod routing;
mod secret;
mod telemetry;

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};

use ::gateway::{
    Abilities, AutoChoice, HealthCheck, Hedging, KeyHeader, Offers, PlacePolicy, Policy, Prices,
    QueueLimits, RouteCare, Settings, Tokenizer,
};
use domain::{DataClass, Place};
use llm::Dialect;

pub use changes::GivenSettings;
pub use check::BUILT_IN_MODEL;
pub use hosts::AllowedHost;
pub use mistake::Mistakes;
pub use reference::{reference_file, reference_page};
pub use secret::Secret;

use mistake::{Mistake, Origin};

/// The environment, read once.
#[derive(Debug, Default, Clone)]
pub struct Environment {
    variables: BTreeMap<String, String>,
    /// Whether keys of model servers may be missing.
    without_keys: bool,
}

impl Environment {
    /// Reads the environment of the process. Variables that are not UTF-8 are left out.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads it")]
    pub fn of_process() -> Self {
        let pairs = std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        });
        Self { variables: pairs.collect(), without_keys: false }
    }

    /// The same for a command that calls no model server: keys which are not there are not missed, so
    /// that a nightly backup need not know them.
    #[must_use]
    pub fn without_keys(self) -> Self {
        Self { without_keys: true, ..self }
    }

    /// Makes an environment from pairs.
    #[must_use]
    pub fn from_pairs(pairs: &[(&str, &str)]) -> Self {
        let pairs = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Self { variables: pairs.collect(), without_keys: false }
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str)
    }
}

/// What the command line says; it wins over everything.
#[derive(Debug, Default, Clone)]
pub struct Overrides {
    /// The configuration file.
    pub config: Option<PathBuf>,
    /// The data folder.
    pub data: Option<PathBuf>,
    /// Address and port.
    pub listen: Option<String>,
}

/// A configuration that holds.
#[derive(Debug, Clone)]
pub struct Config {
    /// The folder of the installation.
    pub data: PathBuf,
    /// Where to listen.
    pub listen: SocketAddr,
    /// What people type.
    pub public_url: Option<url::Url>,
    /// The reverse proxy whose word counts.
    pub trusted_proxy: Option<IpAddr>,
    /// PostgreSQL instead of the embedded database.
    pub database_url: Option<Secret>,
    /// The model that answers when nobody chose one.
    pub default_model: String,
    /// Whether somebody has said so; else it is the first there is.
    pub default_model_is_given: bool,
    /// Bounds on what comes in.
    pub limits: Limits,
    /// Reading documents.
    pub extraction: Extraction,
    /// The class of what people type.
    pub interface_class: DataClass,
    /// The class of what programs send.
    pub api_class: DataClass,
    /// Lifetimes of sessions.
    pub sessions: Sessions,
    /// Logging.
    pub log: Log,
    /// Where logs, measurements and traces are exported to, if anywhere.
    pub telemetry: Option<Telemetry>,
    /// What was given, to say what changed.
    pub given: GivenSettings,
    /// Calls to model servers.
    pub outbound: Outbound,
    /// How persistent and careful calls to them are.
    pub gateway: Settings,
    /// Protection of what goes to models.
    pub guard: app::GuardPolicy,
    /// Which answers are kept for whoever asks the same again.
    pub answer_cache: Option<app::AnswerCache>,
    /// The fewest people that a figure of what was used is about.
    pub usage_people_min: usize,
    /// Where something else holds.
    pub guard_exceptions: Vec<(app::GuardScope, app::GuardPolicy)>,
    /// Models beside the built-in one.
    pub models: Vec<ModelSettings>,
    /// What the name `auto` stands for.
    pub auto: Vec<AutoChoice>,
}

impl Config {
    /// Says whether people reach the platform by https.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.public_url.as_ref().is_some_and(|url| url.scheme() == "https")
    }
}

/// Bounds on what comes in.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Largest document.
    pub upload_bytes: u64,
    /// What must stay free on the disk.
    pub free_bytes: u64,
    /// What the documents of one person may take in all; `None` for no bound.
    pub person_bytes: Option<u64>,
    /// Largest JSON body under `/api`.
    pub json_bytes: usize,
    /// Largest body under `/v1`.
    pub chat_bytes: usize,
    /// Largest recording to be written down, in bytes.
    pub audio_bytes: u64,
    /// Most open connections.
    pub connections: usize,
    /// Most of them from one address.
    pub connections_per_address: usize,
    /// Longest time for a request's head.
    pub header: Duration,
    /// Longest pause inside a body.
    pub body_idle: Duration,
    /// Least bytes a second of an upload.
    pub upload_bytes_per_second: u64,
    /// Time for running answers after a stop signal.
    pub shutdown: Duration,
}

/// Reading documents.
#[derive(Debug, Clone)]
pub struct Extraction {
    /// Documents at the same time.
    pub workers: usize,
    /// Longest time for one.
    pub wall: Duration,
    /// Most memory for one.
    pub memory_bytes: u64,
}

/// Lifetimes of sessions.
#[derive(Debug, Clone)]
pub struct Sessions {
    /// Without use.
    pub idle: Duration,
    /// In any case.
    pub absolute: Duration,
}

/// Logging.
#[derive(Debug, Clone)]
pub struct Log {
    /// For people or for a collector.
    pub format: LogFormat,
    /// A filter that parses.
    pub filter: String,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// The export to a collector by OTLP.
#[derive(Debug, Clone)]
pub struct Telemetry {
    /// The collector; the signals lie below it at `/v1/traces`, `/v1/metrics` and `/v1/logs`.
    pub endpoint: url::Url,
    /// The value of the header `authorization`.
    pub authorization: Option<Secret>,
    /// The name of this service among others.
    pub service: String,
    /// The environment it belongs to.
    pub environment: Option<String>,
    /// Whether traces are exported.
    pub traces: bool,
    /// Of so many traces that begin here one is exported.
    pub one_in: u64,
    /// Whether measurements are exported.
    pub metrics: bool,
    /// The pause between two exports of measurements.
    pub metrics_every: Duration,
    /// Whether log events are exported.
    pub logs: bool,
}

/// Calls to model servers.
#[derive(Debug, Clone)]
pub struct Outbound {
    /// The proxy; `None` leaves it to the system's variables.
    pub proxy: Option<url::Url>,
    /// Where data may go.
    pub places: PlacePolicy,
    /// Hosts that models may be called on although the file does not define them.
    pub hosts: Vec<AllowedHost>,
    /// Longest time to connect.
    pub connect: Duration,
}

/// A model and the ways to run it.
#[derive(Debug, Clone)]
pub struct ModelSettings {
    /// The name people choose.
    pub name: String,
    /// What it is for.
    pub purpose: String,
    /// What people should know.
    pub description: String,
    /// Which route is tried first.
    pub policy: Policy,
    /// How requests wait when all places are taken.
    pub queue: QueueLimits,
    /// When a call gets a second attempt beside the first.
    pub hedging: Hedging,
    /// The model that stands in when a budget is used up.
    pub cheaper: Option<String>,
    /// Never empty.
    pub routes: Vec<RouteSettings>,
}

/// One way to run a model.
#[derive(Debug, Clone)]
pub struct RouteSettings {
    /// Its name; without it, that of the model and its place in the list.
    pub name: Option<String>,
    /// What runs it.
    pub kind: RouteKind,
    /// Where.
    pub place: Place,
    /// The highest data class it receives.
    pub clearance: DataClass,
    /// Lower ones are tried first.
    pub rank: u32,
    /// The share among equals.
    pub weight: u32,
    /// What it is there for.
    pub offers: Offers,
    /// What it can do beside text.
    pub abilities: Abilities,
    /// Most tokens of question and answer.
    pub context_tokens: Option<u64>,
    /// Most tokens of an answer.
    pub answer_tokens: Option<u64>,
    /// What counts them.
    pub tokenizer: Tokenizer,
    /// How it is asked whether it is well.
    pub health_check: Option<HealthCheck>,
    /// Where calls are more or less persistent and careful than elsewhere.
    pub care: RouteCare,
    /// What it costs, and from when.
    pub prices: Prices,
    /// Estimated milliwatt hours for a thousand tokens.
    pub energy_mwh: Option<u64>,
    /// How long to wait.
    pub timeouts: Timeouts,
    /// Answers at the same time.
    pub concurrency: usize,
}

impl RouteSettings {
    /// Its name in a model, at this place of the list, counted from zero.
    #[must_use]
    pub fn name_in(&self, model: &str, at: usize) -> String {
        self.name.clone().unwrap_or_else(|| format!("{model}-{}", at + 1))
    }
}

/// What runs a model.
#[derive(Debug, Clone)]
pub enum RouteKind {
    /// The extract engine inside.
    BuiltIn,
    /// A language model in a file.
    Local(::gateway::LocalRoute),
    /// A model server.
    Server(Box<UpstreamSettings>),
}

/// A model server.
#[derive(Debug, Clone)]
pub struct UpstreamSettings {
    /// How it is spoken to.
    pub dialect: Dialect,
    /// Up to and with its version.
    pub base_url: url::Url,
    /// The model's name there.
    pub upstream_model: String,
    /// The key, if one is needed.
    pub key: Option<Secret>,
    /// How the key is sent.
    pub key_header: KeyHeader,
    /// Appended to every address.
    pub query: Vec<(String, String)>,
}

/// Three waits of a model call.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// Until the first piece.
    pub first_byte: Duration,
    /// Between pieces.
    pub idle: Duration,
    /// All in all.
    pub total: Duration,
}

/// Reads file and environment, and checks both.
///
/// # Errors
/// Every mistake found, at once.
pub fn load(overrides: &Overrides, environment: &Environment) -> Result<Config, Mistakes> {
    let named = overrides.config.clone().or_else(|| {
        environment.get("FACHWERK_CONFIG").filter(|path| !path.is_empty()).map(PathBuf::from)
    });
    let (path, required) = match named {
        Some(path) => (path, true),
        None => (PathBuf::from("fachwerk.toml"), false),
    };
    let name = path.display().to_string();
    let text = read(&path, required)?;
    let file = text.as_deref().map(|text| (name.as_str(), text));
    check::check(raw::Raw::read(file, environment, overrides), environment)
}

/// Checks a text as if it were the file `fachwerk.toml`.
///
/// # Errors
/// Every mistake found, at once.
pub fn load_text(text: &str, environment: &Environment) -> Result<Config, Mistakes> {
    let raw = raw::Raw::read(Some(("fachwerk.toml", text)), environment, &Overrides::default());
    check::check(raw, environment)
}

fn read(path: &Path, required: bool) -> Result<Option<String>, Mistakes> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !required => Ok(None),
        Err(error) => {
            let origin = Origin::File { name: path.display().to_string(), line: 1 };
            let text = format!("cannot be read: {error}");
            Err(Mistakes(vec![Mistake { origin, key: String::new(), text }]))
        }
    }
}
