//! The audit log and the state of the installation, for administrators.

use std::{collections::BTreeMap, sync::Arc};

use app::App;
use axum::extract::State;
use domain::{DataClass, Place, UserId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Page;
use crate::door::{
    Caller, Problem, Query, Time,
    codes::{DataClassCode, PlaceCode},
};

/// An entry of the audit log.
#[derive(Serialize, ToSchema)]
pub(crate) struct AuditEntry {
    sequence: u64,
    at: Time,
    /// Who did it; absent for the platform itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    actor: Option<Actor>,
    action: String,
    /// What it was done to, e.g. `collection:…`.
    #[serde(skip_serializing_if = "Option::is_none")]
    object: Option<String>,
    outcome: String,
    /// Further codes, ids and numbers by their names.
    detail: BTreeMap<String, String>,
    /// The names of people, units and keys whose ids stand in `object` and `detail`, by these ids. What is
    /// gone has none.
    names: BTreeMap<String, String>,
}

/// Who did something.
#[derive(Serialize, ToSchema)]
pub(crate) struct Actor {
    #[schema(value_type = Uuid)]
    id: UserId,
    /// Empty if the account is gone.
    name: String,
}

/// Which entries.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct AuditQuery {
    /// `next` of the answer before.
    after: Option<String>,
}

/// What checking the chain gave.
#[derive(Serialize, ToSchema)]
pub(crate) struct AuditReport {
    entries: u64,
    intact: bool,
    /// The first entry that was changed, removed or moved.
    #[serde(skip_serializing_if = "Option::is_none")]
    first_broken: Option<u64>,
}

/// How the installation stands.
#[derive(Serialize, ToSchema)]
pub(crate) struct System {
    version: &'static str,
    documents: DocumentCounts,
    jobs: JobCounts,
    index: IndexState,
    models: Vec<SystemModel>,
}

/// Documents by how far they are.
#[derive(Serialize, ToSchema)]
pub(crate) struct DocumentCounts {
    ready: u64,
    failed: u64,
    waiting: u64,
}

/// Background work.
#[derive(Serialize, ToSchema)]
pub(crate) struct JobCounts {
    waiting: u64,
    running: u64,
    failed: u64,
}

/// The search index.
#[derive(Serialize, ToSchema)]
pub(crate) struct IndexState {
    /// `ready` or `rebuilding`.
    state: &'static str,
    passages: u64,
}

/// A model with its routes.
#[derive(Serialize, ToSchema)]
pub(crate) struct SystemModel {
    name: String,
    routes: Vec<SystemRoute>,
}

/// One way to run a model.
#[derive(Serialize, ToSchema)]
pub(crate) struct SystemRoute {
    name: String,
    /// `openai` or `builtin`.
    kind: &'static str,
    #[schema(value_type = PlaceCode)]
    place: Place,
    #[schema(value_type = DataClassCode)]
    clearance: DataClass,
}

impl From<app::AuditEntry> for AuditEntry {
    fn from(entry: app::AuditEntry) -> Self {
        let name = entry.actor_name.unwrap_or_default();
        Self {
            sequence: entry.sequence,
            at: entry.at.into(),
            actor: entry.actor.map(|id| Actor { id, name }),
            action: entry.action,
            object: entry.object,
            outcome: entry.outcome,
            detail: entry.detail,
            names: entry.names,
        }
    }
}

impl From<app::SystemState> for System {
    fn from(state: app::SystemState) -> Self {
        let models = state.models.into_iter().map(|(name, routes)| SystemModel {
            name,
            routes: routes
                .into_iter()
                .map(|route| SystemRoute {
                    name: route.name,
                    kind: if route.is_built_in { "builtin" } else { "openai" },
                    place: route.place,
                    clearance: route.clearance,
                })
                .collect(),
        });
        let (documents, jobs) = (state.documents, state.jobs);
        Self {
            version: env!("CARGO_PKG_VERSION"),
            documents: DocumentCounts {
                ready: documents.ready,
                failed: documents.failed,
                waiting: documents.waiting,
            },
            jobs: JobCounts { waiting: jobs.waiting, running: jobs.running, failed: jobs.failed },
            index: IndexState {
                state: if state.is_rebuilding { "rebuilding" } else { "ready" },
                passages: state.passages,
            },
            models: models.collect(),
        }
    }
}

/// Lists the entries of the audit log, newest first.
#[utoipa::path(get, path = "/api/audit", tag = "administration", params(AuditQuery),
    responses((status = 200, body = Page<AuditEntry>)))]
pub(crate) async fn list_audit(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
    Query(query): Query<AuditQuery>,
) -> Result<axum::Json<Page<AuditEntry>>, Problem> {
    let page = app.list_audit(&principal, query.after.as_deref()).await?;
    Ok(axum::Json(Page::of(page, AuditEntry::from)))
}

/// Checks the chain of the audit log from its first entry to its last.
#[utoipa::path(get, path = "/api/audit/verify", tag = "administration",
    responses((status = 200, body = AuditReport)))]
pub(crate) async fn verify_audit(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
) -> Result<axum::Json<AuditReport>, Problem> {
    let report = app.verify_audit(&principal).await?;
    let (entries, first_broken) = (report.entries, report.first_broken);
    Ok(axum::Json(AuditReport { entries, intact: report.intact(), first_broken }))
}

/// Says how the installation stands.
#[utoipa::path(get, path = "/api/system", tag = "administration",
    responses((status = 200, body = System)))]
pub(crate) async fn get_system(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
) -> Result<axum::Json<System>, Problem> {
    Ok(axum::Json(app.get_system(&principal).await?.into()))
}
