//! Remembers: rows, stored files, the job queue, the audit chain, in transactions. The only crate
//! that knows SQL. One concrete [`Store`] with a method for each question the product asks; who may
//! read what is decided inside the query.
//!
//! Knows no HTTP, no models, no search index, and no passwords but as what `identity` made of them.

mod access;
mod answers;
mod archive;
mod audit;
mod audit_names;
mod backup;
mod blob_rows;
mod blobs;
mod collections;
mod conversations;
mod database;
mod documents;
mod engine;
mod error;
mod figures;
mod ingest;
mod jobs;
mod keys;
mod leases;
mod ledger;
mod limits;
mod logins;
mod messages;
mod models;
mod page;
mod passages;
mod people;
mod quotes;
mod runs;
mod schema;
mod sessions;
mod settings;
mod setup;
mod sums;
mod tenants;
mod transfer;
mod usage;
mod values;

pub use access::{AccessRule, Audience, TenantPlaces};
pub use answers::AnswerBounds;
pub use audit::{AuditEntry, AuditEvent, AuditOutcome, AuditReport, By, ObjectKind, Via};
pub use backup::{BackupReport, RestoreTarget, SecretFile, backup, restore};
pub use blobs::{BlobHash, BlobWriter, Blobs, PendingBlob};
pub use collections::{Collection, CollectionChange, NewCollection};
pub use conversations::Conversation;
pub use database::Store;
pub use documents::{Document, DocumentCounts, DocumentState, Received};
pub use engine::{Engine, Location};
pub use error::{Conflict, Error};
pub use figures::{Figure, Figures, OwnUsage, UsageView};
pub use ingest::DocumentWork;
pub use jobs::{
    ATTEMPTS_MAX, AfterFailure, INGEST_DOCUMENT, Job, JobBell, JobCounts, NewJob, PURGE_INDEX,
    Retry,
};
pub use keys::{ApiKey, KeyHolder, NewApiKey, TenantKey};
pub use leases::{LeaseAsk, LeaseGiven};
pub use ledger::{Ledger, SETTLE_INTERVAL};
pub use limits::{LimitRow, LimitRules, LimitWarning, MonthSum, OwnedKey};
pub use logins::LoginAttempts;
pub use messages::{
    Asked, Attachment, Citation, Message, MessageRole, MessageRun, NewQuestion, RouteUsed,
    SummaryLength, Task, TokenUsage,
};
pub use models::{ChangedModels, ModelWrite, StoredModel};
pub(crate) use page::Cursor;
pub use page::Page;
pub use passages::{FoundPassage, NewPassage, PageBox, Passage};
pub use people::{Login, NewUser, PersonName, User, UserChange};
pub use quotes::{OMITTED, conceal};
pub use runs::{INTERRUPTED, Run, RunEnd, RunPulse, RunState, Silent, Written};
pub use schema::{MIGRATION_COUNT, SchemaState};
pub use sessions::{Session, SignedIn, TOUCH_INTERVAL};
pub use tenants::{Tenant, Unit, UnitName};
pub use transfer::{CopyReport, copy_all};
pub use usage::{Ended, UsageRecord, UsageTotal};
