//! What is written down besides changes: reading, searching, and reaching for what belongs to
//! others. Written off the caller's way, so that nobody waits for it, and nobody can tell by the time
//! it takes whether something is there.

use std::fmt::Display;

use domain::{Denial, TenantId};
use store::{AuditEvent, AuditOutcome, By, ObjectKind};

use crate::{App, Error, Principal, Result};

/// Entries on their way into the log at the same time; beyond: the next caller waits.
pub(crate) const ENTRIES_PENDING_MAX: usize = 64;

impl App {
    /// Writes an entry down; the process waits for it before it stops.
    pub(crate) async fn note(&self, tenant: TenantId, event: AuditEvent) -> Result<()> {
        let store = self.store.clone();
        self.note_later(async move { store.record_audit(tenant, event).await }).await
    }

    /// Passes on what the store found for a principal. Where it found nothing although the thing is
    /// there, somebody reached for what is not theirs: that is written down.
    pub(crate) async fn found<T>(
        &self,
        principal: &Principal,
        kind: ObjectKind,
        id: impl Display,
        found: Result<T, store::Error>,
    ) -> Result<T> {
        if !matches!(found, Err(store::Error::NotFound)) {
            return Ok(found?);
        }
        let (store, tenant, id) = (self.store.clone(), principal.tenant, id.to_string());
        let event = refusal(principal, kind, &id);
        self.note_later(async move {
            if store.is_known(tenant, kind, &id).await? {
                store.record_audit(tenant, event).await?;
            }
            Ok(())
        })
        .await?;
        Err(Error::not_found())
    }

    /// Passes on what the rules say; a refusal that concerns the thing itself is written down.
    pub(crate) async fn allowed(
        &self,
        principal: &Principal,
        kind: ObjectKind,
        id: impl Display,
        verdict: Result<(), Denial>,
    ) -> Result<()> {
        if let Err(Denial::Hidden | Denial::Forbidden) = verdict {
            let event = refusal(principal, kind, &id.to_string());
            self.note(principal.tenant, event).await?;
        }
        Ok(verdict?)
    }

    async fn note_later(
        &self,
        writing: impl Future<Output = Result<(), store::Error>> + Send + 'static,
    ) -> Result<()> {
        let room = self.noting.clone().acquire_owned().await.map_err(Error::internal)?;
        self.tasks.spawn(async move {
            if let Err(error) = writing.await {
                let error = &error as &dyn std::error::Error;
                tracing::error!(error, "an audit entry was not written");
            }
            drop(room);
        });
        Ok(())
    }
}

fn refusal(principal: &Principal, kind: ObjectKind, id: &str) -> AuditEvent {
    let event = AuditEvent::done(&By::from(principal), "access").to(kind.code(), id);
    event.outcome(AuditOutcome::Refused)
}
