//! Puts the process together, top to bottom: from a configuration that holds to the use cases.

use std::{
    fs,
    io::Write,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::Arc,
};

use app::{App, Parts};
use gateway::{Catalogue, Clients, Gateway, HttpClient, HttpSettings, Model, Route, ServerRoute};
use identity::InstallationSecret;
use search::Index;
use store::{Blobs, Engine, Ledger, Location, SchemaState, Store};

use crate::{
    commands::Failure,
    config::{BUILT_IN_MODEL, Config, ModelSettings, Outbound, RouteKind, RouteSettings, Secret},
    listen::Lanes,
    models::ConfiguredModels,
    telemetry,
};

/// Calls of the built-in engine at the same time on its own route; it computes on a bounded pool.
const BUILT_IN_CONCURRENT_MAX: usize = 64;

/// Where things lie in the data folder.
pub(crate) mod places {
    /// The embedded database.
    pub const DATABASE: &str = "fachwerk.db";
    /// The bytes of documents.
    pub const BLOBS: &str = "blobs";
    /// Files on their way in.
    pub const INCOMING: &str = "incoming";
    /// Calls to models that wait for the database.
    pub const LEDGER: &str = "ledger";
    /// The search index.
    pub const INDEX: &str = "index";
    /// Locked by running processes.
    pub const LOCK: &str = "lock";
    /// The key of all hashes of tokens.
    pub const SECRET: &str = "secret";
}

/// The use cases and what is known of the parts they act through.
pub(crate) struct House {
    pub app: Arc<App>,
    pub gateway: Gateway,
    pub models: Arc<ConfiguredModels>,
    pub store: Store,
    /// Whether the index must be built anew.
    pub index_is_stale: bool,
}

impl House {
    /// Whether the database is a file of our own.
    pub fn is_embedded(&self) -> bool {
        self.store.engine() == Engine::Sqlite
    }
}

/// Opens everything and puts it together. `extract_program` reads documents as a child process.
pub(crate) async fn build(
    config: &Config,
    index_role: search::Role,
    extract_program: PathBuf,
) -> Result<House, Failure> {
    // Database and model servers are both reached by TLS and must use the same cryptography. A
    // second call in one process changes nothing.
    let _ = rustls::crypto::ring::default_provider().install_default();
    make_data_folder(&config.data)?;
    let secret = installation_secret(&config.data)?;
    let store = open_store(config).await?;
    bring_up_to_date(&store).await?;
    let blobs = Blobs::open(&config.data.join(places::BLOBS), &config.data.join(places::INCOMING))
        .map_err(|error| explain("the folder of documents cannot be opened", &error))?;
    let ledger = Ledger::open(&config.data.join(places::LEDGER))
        .map_err(|error| explain("the journal of calls cannot be opened", &error))?;
    let (index, opened) = Index::open(&config.data.join(places::INDEX), index_role)
        .map_err(|error| explain_index(&config.data, &error))?;
    let traces = config.telemetry.as_ref().is_some_and(|telemetry| telemetry.traces);
    let trace_parent = traces.then_some(gateway::TraceParent(telemetry::trace_parent));
    let settings = gateway::Settings { trace_parent, ..config.gateway };
    let gateway = Gateway::new(clients(&config.outbound)?, catalogue(config)?, settings);
    let models = Arc::new(ConfiguredModels::new(config));
    let app = App::new(Parts {
        store: store.clone(),
        ledger,
        blobs,
        index: Arc::new(index),
        gateway: gateway.clone(),
        models: models.clone(),
        secret,
        config: app_config(config, extract_program),
    })
    .map_err(|error| explain("the program cannot be put together", &error))?;
    let failed = |error: app::Error| explain("the models cannot be read", &error);
    app.load_catalogue().await.map_err(failed)?;
    Ok(House { app, gateway, models, store, index_is_stale: opened != search::Opened::Existing })
}

fn explain_index(data: &Path, error: &search::Error) -> Failure {
    match error {
        search::Error::Locked => Failure::other(format!(
            "another worker is running on the data folder {}: only one process can write to the \
             search index",
            data.display()
        )),
        error => explain("the search index cannot be opened", error),
    }
}

/// Opens the database alone.
pub(crate) async fn open_store(config: &Config) -> Result<Store, Failure> {
    let location = location(config);
    Store::open(&location).await.map_err(|error| explain("the database cannot be opened", &error))
}

/// The embedded database is brought up to date at each start. One that several processes share is
/// changed only on demand, because older ones may still be working on it.
async fn bring_up_to_date(store: &Store) -> Result<(), Failure> {
    let failed = |error: store::Error| explain("the database cannot be brought up to date", &error);
    if store.engine() == Engine::Postgres {
        match store.schema_state().await.map_err(failed)? {
            SchemaState::Current => return Ok(()),
            SchemaState::Behind(steps) => {
                let text =
                    format!("the database is {steps} step(s) behind: run `fachwerk migrate`");
                return Err(Failure::other(text));
            }
            // Empty is laid out; anything else is explained by the attempt.
            _ => {}
        }
    }
    store.migrate().await.map_err(failed)
}

/// Where the rows lie.
pub(crate) fn location(config: &Config) -> Location {
    match &config.database_url {
        Some(url) => Location::Postgres(url.expose().to_owned()),
        None => Location::Sqlite(config.data.join(places::DATABASE)),
    }
}

/// Makes the data folder, for its owner only.
pub(crate) fn make_data_folder(folder: &Path) -> Result<(), Failure> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(|error| {
        Failure::other(format!("the data folder {} cannot be made: {error}", folder.display()))
    })
}

/// Refuses a data folder without an installation: a command that looks at one, or saves it, must not
/// make an empty one and find it in order.
pub(crate) fn require_installation(config: &Config) -> Result<(), Failure> {
    let sign = match &config.database_url {
        Some(_) => places::SECRET,
        None => places::DATABASE,
    };
    if config.data.join(sign).is_file() {
        return Ok(());
    }
    let folder = config.data.display();
    let text = format!("there is no installation in {folder}: name its folder with --data");
    Err(Failure::other(text))
}

/// Takes the lock on the data folder: alone, or beside other processes that share it too. The
/// system gives it back when the process ends, however that may be.
pub(crate) fn lock_data_folder(folder: &Path, alone: bool) -> Result<fs::File, Failure> {
    let path = folder.join(places::LOCK);
    let failed = |error: std::io::Error| {
        Failure::other(format!("the file {} cannot be used: {error}", path.display()))
    };
    let file = fs::OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(&path)
        .map_err(failed)?;
    let locked = if alone { file.try_lock() } else { file.try_lock_shared() };
    match locked {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => Err(Failure::other(format!(
            "another Fachwerk is running on the data folder {}: stop it first",
            folder.display()
        ))),
        Err(fs::TryLockError::Error(error)) => Err(failed(error)),
    }
}

/// Reads the secret of the installation; makes it at the first start.
fn installation_secret(data: &Path) -> Result<InstallationSecret, Failure> {
    let path = data.join(places::SECRET);
    let failed = |error: std::io::Error| {
        Failure::other(format!("the file {} cannot be used: {error}", path.display()))
    };
    let fresh = InstallationSecret::generate();
    let temporary = data.join(format!("{}.{}", places::SECRET, uuid::Uuid::now_v7()));
    if !path.try_exists().map_err(failed)? {
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&temporary)
            .map_err(failed)?;
        file.write_all(fresh.to_hex().as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
        // Two first starts at once must end with one secret: only the first link succeeds.
        let linked = fs::hard_link(&temporary, &path);
        fs::remove_file(&temporary).map_err(failed)?;
        if let Err(error) = linked
            && error.kind() != std::io::ErrorKind::AlreadyExists
        {
            return Err(failed(error));
        }
    }
    let text = fs::read_to_string(&path).map_err(failed)?;
    InstallationSecret::from_hex(&text).ok_or_else(|| {
        Failure::other(format!(
            "the file {} does not hold 64 hexadecimal digits: bring it back from a backup",
            path.display()
        ))
    })
}

/// The clients for calls out: one for the program itself, and one for each lane.
fn clients(outbound: &Outbound) -> Result<Clients, Failure> {
    let first = client(outbound)?;
    let others: Vec<HttpClient> = (0..Lanes::count()).map(|_| first.sibling()).collect();
    Ok(Clients::new([vec![first], others].concat()))
}

/// A client for calls out. It follows no redirects, so that only configured hosts are called.
pub(crate) fn client(outbound: &Outbound) -> Result<HttpClient, Failure> {
    let proxy = outbound.proxy.as_ref().map(ToString::to_string);
    let settings = HttpSettings { connect: outbound.connect, proxy };
    HttpClient::new(&settings)
        .map_err(|error| explain("no client for calls out can be made", &error))
}

/// The configured models, then the built-in one.
pub(crate) fn catalogue(config: &Config) -> Result<Catalogue, Failure> {
    let mut models = config.models.iter().map(model).collect::<Result<Vec<_>, _>>()?;
    models.push(built_in());
    let catalogue = Catalogue::new(models).and_then(|all| all.with_auto(config.auto.clone()));
    catalogue.map_err(|error| explain("the models do not fit together", &error))
}

/// A model as the gateway takes it.
pub(crate) fn model(settings: &ModelSettings) -> Result<Model, Failure> {
    let routes = settings.routes.iter().enumerate();
    let routes: Result<Vec<Route>, Failure> =
        routes.map(|(index, route)| self::route(&settings.name, index, route)).collect();
    Ok(Model {
        name: settings.name.clone(),
        purpose: settings.purpose.clone(),
        description: settings.description.clone(),
        policy: settings.policy,
        queue: settings.queue,
        cheaper: settings.cheaper.clone(),
        hedging: settings.hedging,
        routes: routes?,
    })
}

/// The model that is always there.
pub(crate) fn built_in() -> Model {
    let (place, clearance) = (domain::Place::Own, domain::DataClass::Restricted);
    let route = Route::new(BUILT_IN_MODEL, gateway::RouteKind::BuiltIn, place, clearance);
    let route = Route { concurrent_max: BUILT_IN_CONCURRENT_MAX, ..route };
    let purpose = "Auszüge, kein Sprachmodell".to_owned();
    Model { purpose, ..Model::new(BUILT_IN_MODEL, vec![route]) }
}

fn route(model: &str, index: usize, settings: &RouteSettings) -> Result<Route, Failure> {
    let kind =
        match &settings.kind {
            RouteKind::BuiltIn => gateway::RouteKind::BuiltIn,
            RouteKind::Local(local) => gateway::RouteKind::Local(local.clone()),
            RouteKind::Server(upstream) => gateway::RouteKind::Server(ServerRoute {
                dialect: upstream.dialect,
                base_url: upstream.base_url.as_str().parse().map_err(|error| {
                    explain("the address of a model server cannot be used", &error)
                })?,
                api_key: upstream.key.as_ref().map(Secret::expose).map(gateway::Secret::new),
                key_header: upstream.key_header.clone(),
                upstream_model: upstream.upstream_model.clone(),
                query: upstream.query.clone(),
            }),
        };
    Ok(Route {
        name: settings.name_in(model, index),
        kind,
        place: settings.place,
        clearance: settings.clearance,
        rank: settings.rank,
        weight: settings.weight,
        offers: settings.offers,
        abilities: settings.abilities,
        context_tokens: settings.context_tokens,
        answer_tokens: settings.answer_tokens,
        tokenizer: settings.tokenizer.clone(),
        health_check: settings.health_check.clone(),
        drained: false,
        care: settings.care,
        prices: settings.prices.clone(),
        energy_mwh: settings.energy_mwh,
        timeouts: gateway::Timeouts {
            first_byte: settings.timeouts.first_byte,
            idle: settings.timeouts.idle,
            total: settings.timeouts.total,
        },
        concurrent_max: settings.concurrency,
    })
}

fn app_config(config: &Config, extract_program: PathBuf) -> app::Config {
    app::Config {
        instance: uuid::Uuid::now_v7().to_string(),
        upload_bytes_max: config.limits.upload_bytes,
        free_bytes_min: config.limits.free_bytes,
        person_bytes_max: config.limits.person_bytes,
        session_idle: config.sessions.idle,
        session_lifetime: config.sessions.absolute,
        default_model: Some(config.default_model.clone()).filter(|_| config.default_model_is_given),
        interface_class: config.interface_class,
        api_class: config.api_class,
        places: config.outbound.places,
        extraction: extract::Limits {
            wall: config.extraction.wall,
            cpu: config.extraction.wall,
            memory_bytes: config.extraction.memory_bytes,
            ..extract::Limits::default()
        },
        extract_program,
        ingest_workers: config.extraction.workers,
        guard: config.guard.clone(),
        usage_people_min: config.usage_people_min,
        guard_exceptions: config.guard_exceptions.clone(),
        answer_cache: config.answer_cache.clone(),
    }
}

/// Says what failed and why, for the operator.
pub(crate) fn explain(what: &str, error: &dyn std::error::Error) -> Failure {
    Failure::other(format!("{what}: {}", causes(error)))
}

/// An error and what caused it.
pub(crate) fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(&format!(": {cause}"));
        next = cause.source();
    }
    text
}
