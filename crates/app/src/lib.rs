//! What a principal can do: one method of [`App`] per use case, authorised and recorded.
//!
//! Knows no HTTP types, no SQL and no vendor's JSON. Whatever computes for long runs on bounded
//! pools; whatever outlives a request runs in a task that the process waits for when it stops.

mod access;
mod account;
mod admission;
mod answer_cache;
mod audit;
mod call;
mod carrying;
mod catalogue;
mod chat;
mod collections;
mod conversations;
mod documents;
mod error;
mod gateway_models;
mod grounding;
mod guardrail;
mod held_back;
mod history;
mod indexing;
mod ingest;
mod known_keys;
mod limiter;
mod limits;
mod live;
mod marks;
mod measure;
mod model_policies;
mod models;
mod naming;
mod operations;
mod paging;
mod people;
mod renewal;
mod runs;
mod search;
mod settlement;
mod setup;
mod sign_in;
mod stand_in;
mod structure;
mod trail;
mod units;
mod uploads;
mod usage;
mod wording;
mod worker;

use std::{path::PathBuf, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use domain::DataClass;
use gateway::{Gateway, PlacePolicy};
use identity::{InstallationSecret, PasswordHash};
use store::{Blobs, Ledger, Store};
use tokio::sync::Semaphore;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use access::{ModelAccessEntry, PlaceChoice};
pub use account::{CreatedKey, KeyOwner, KeyRequest, Me};
pub use answer_cache::{AnswerCache, CacheUse};
pub use call::{Answer, Call, Way, Wishes};
pub use catalogue::{DefinitionFault, FileModels, KeyedDefinition, ModelReader};
pub use chat::{ChatReply, ChunkStream};
pub use conversations::{ConversationDetail, NewMessage};
pub use domain::Principal;
pub use error::{Error, Result};
pub use gateway::{
    Explanation, GatewayStatus, LastError, ModelStatus, Offer, Recording, RouteStatus, Sound,
    Taken, TranscriptionRequest,
};
pub use gateway_models::{GatewayModelEntry, GatewayModels, ModelDraft, ModelOrigin, RouteTest};
pub use guard::{Kind as PersonalDataKind, Measure as GuardMeasure};
pub use guardrail::{
    AnswerPolicy, ExternalPolicy, GuardAction, GuardCheck, GuardPolicy, GuardScope, OnFailure,
    PlaceRules, StructureCheck,
};
pub use limiter::{Allowance, Rate};
pub use limits::{LimitView, MeterUse, OwnLimits};
pub use live::{RunEvent, RunSnapshot, Stage};
pub use measure::describe_measurements;
pub use models::{BUILT_IN_MODEL, ModelChoice, RouteState, SystemState};
pub use operations::{OperationReply, TranscriptReply, TypedEvents};
pub use paging::Part;
pub use people::NewPerson;
pub use runs::RunEvents;
pub use search::{SearchHit, SearchRequest};
pub use setup::SETUP_LINK_LIFETIME;
pub use sign_in::SignedIn;
pub use store::{
    ApiKey, Asked, Attachment, Audience, AuditEntry, AuditReport, Citation, Collection,
    CollectionChange, Conversation, Document, DocumentCounts, DocumentState, Figures, FoundPassage,
    JobCounts, Message, MessageRole, MonthSum, NewCollection, OwnUsage, OwnedKey, Page, PageBox,
    Passage, PersonName, Run, RunState, Session, SummaryLength, Task, Tenant, TenantKey,
    TokenUsage, Unit, UnitName, UsageView, User, UserChange,
};
pub use uploads::Upload;
pub use usage::{OwnFigures, UsageExport, UsageLine, UsageReport};
pub use wording::{Language, wording};

use crate::{
    admission::Admission, catalogue::CatalogueSources, guardrail::Guardrails, indexing::Indexing,
    known_keys::KnownKeys, limiter::Limiter, live::LiveRuns, model_policies::ModelPolicies,
    renewal::Renewal, units::UnitTree,
};

/// Longest wait for the database when somebody asks whether it answers; beyond: it does not.
const READY_MAX: Duration = Duration::from_secs(3);

/// What the use cases need to know about this installation.
#[derive(Debug, Clone)]
pub struct Config {
    /// Name of this process among others on the same database; differs after each start.
    pub instance: String,
    /// Largest upload; beyond: refused while it streams in.
    pub upload_bytes_max: u64,
    /// What must stay free on the disk of the documents; below: uploads are refused.
    pub free_bytes_min: u64,
    /// What the documents of one person may take in all; beyond: uploads are refused. `None` for no
    /// bound.
    pub person_bytes_max: Option<u64>,
    /// A session without use for so long has ended.
    pub session_idle: Duration,
    /// A session ends after so long in any case.
    pub session_lifetime: Duration,
    /// The model that is taken when nobody chooses.
    pub default_model: Option<String>,
    /// The class of what people type in the interface, unless they say otherwise.
    pub interface_class: DataClass,
    /// The class of what programs send under `/v1`, unless they say otherwise.
    pub api_class: DataClass,
    /// Where data may go; routes at other places are never used.
    pub places: PlacePolicy,
    /// Bounds of reading one document.
    pub extraction: extract::Limits,
    /// The program that reads documents in a child process: this very binary.
    pub extract_program: PathBuf,
    /// Documents read at the same time.
    pub ingest_workers: usize,
    /// What is done about personal data, secrets and injected instructions.
    pub guard: GuardPolicy,
    /// Where something else holds; the first that fits a call counts.
    pub guard_exceptions: Vec<(GuardScope, GuardPolicy)>,
    /// The fewest people that a figure of what was used is about.
    pub usage_people_min: usize,
    /// Which answers are kept for whoever asks the same again; `None`: none.
    pub answer_cache: Option<AnswerCache>,
}

/// What the use cases act through.
pub struct Parts {
    /// Rows, jobs, audit.
    pub store: Store,
    /// Where calls to models are written down at once.
    pub ledger: Ledger,
    /// Bytes of documents.
    pub blobs: Blobs,
    /// Passages, findable.
    pub index: Arc<::search::Index>,
    /// The way to models.
    pub gateway: Gateway,
    /// The words in which models are defined, and what the configuration file says.
    pub models: Arc<dyn ModelReader>,
    /// Key of the hashes of tokens.
    pub secret: InstallationSecret,
    /// Bounds and choices.
    pub config: Config,
}

/// The use cases.
pub struct App {
    store: Store,
    ledger: Ledger,
    known_keys: Arc<KnownKeys>,
    limiter: Arc<Limiter>,
    units: Arc<UnitTree>,
    /// Held while the journal is moved.
    settling: tokio::sync::Mutex<()>,
    blobs: Blobs,
    index: Arc<::search::Index>,
    indexing: Indexing,
    gateway: Gateway,
    models: Arc<dyn ModelReader>,
    /// Who may use which models, as their tenants say.
    policies: ArcSwap<ModelPolicies>,
    /// What the catalogue was built from.
    catalogue: Renewal<CatalogueSources>,
    guardrails: Arc<Guardrails>,
    secret: InstallationSecret,
    config: Config,
    /// Verified against when an account does not exist.
    decoy: PasswordHash,
    hashing: Admission,
    computing: Admission,
    extracting: Admission,
    /// Room for audit entries on their way.
    noting: Arc<Semaphore>,
    live: Arc<LiveRuns>,
    tasks: TaskTracker,
    stopping: CancellationToken,
}

impl App {
    /// Puts the parts together.
    ///
    /// # Errors
    /// If the policy of protection cannot be used.
    pub fn new(parts: Parts) -> Result<Arc<Self>> {
        let readers = parts.config.ingest_workers;
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        let is_shared = parts.store.engine() == store::Engine::Postgres;
        let units = Arc::<UnitTree>::default();
        Ok(Arc::new(Self {
            limiter: Arc::new(Limiter::new(is_shared, Arc::clone(&units))),
            units,
            settling: tokio::sync::Mutex::new(()),
            store: parts.store,
            ledger: parts.ledger,
            known_keys: Arc::default(),
            blobs: parts.blobs,
            indexing: Indexing::new(parts.index.clone()),
            index: parts.index,
            gateway: parts.gateway,
            models: parts.models,
            policies: ArcSwap::default(),
            catalogue: Renewal::default(),
            guardrails: Arc::new(Guardrails::new(
                parts.config.guard.clone(),
                parts.config.guard_exceptions.clone(),
            )?),
            secret: parts.secret,
            config: parts.config,
            decoy: PasswordHash::decoy(),
            // Half the cores: a wave of sign-ins must not stop answers from being written.
            hashing: Admission::new(cores.div_ceil(2)),
            computing: Admission::new(cores),
            extracting: Admission::new(readers),
            noting: Arc::new(Semaphore::new(trail::ENTRIES_PENDING_MAX)),
            live: Arc::default(),
            tasks: TaskTracker::new(),
            stopping: CancellationToken::new(),
        }))
    }

    /// Stops taking on work, lets runs in the making end by themselves until `deadline`, then stops
    /// them, keeping what they wrote. Returns when all is written down.
    pub async fn stop(&self, deadline: Duration) {
        self.stopping.cancel();
        self.tasks.close();
        if tokio::time::timeout(deadline, self.tasks.wait()).await.is_ok() {
            return;
        }
        for id in self.live.ids() {
            if let Some(run) = self.live.get(id) {
                run.stop.cancel();
            }
        }
        // Writing down a stopped run takes moments; a database that hangs must not hold us.
        let _ = tokio::time::timeout(Duration::from_secs(5), self.tasks.wait()).await;
    }

    /// Waits, after [`App::stop`], for what requests that ended later still write down.
    pub async fn finish_tasks(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// Says whether the store answers and its schema is the one this program needs.
    ///
    /// # Errors
    /// Why not.
    pub async fn check_ready(&self) -> Result<()> {
        let unready = || Error::new(domain::ErrorKind::Overloaded, "overloaded");
        let asked = async {
            self.store.ping().await?;
            self.store.schema_state().await
        };
        match tokio::time::timeout(READY_MAX, asked).await {
            Err(_) => Err(unready().caused_by("the database does not answer".to_owned())),
            Ok(Ok(store::SchemaState::Current)) => Ok(()),
            Ok(Ok(other)) => {
                Err(unready().caused_by(format!("the schema of the database is {other:?}")))
            }
            Ok(Err(error)) => Err(error.into()),
        }
    }
}
