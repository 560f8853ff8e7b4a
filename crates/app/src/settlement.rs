//! What a call to a model took, written down however the call ends: at its end, when it fails, or
//! when the caller goes away in the middle.

use std::sync::Arc;

use domain::DataClass;
use gateway::{Terms, UsageMeter};
use store::{AuditEvent, AuditOutcome, By, NewUsage, TokenUsage};

use crate::{App, Principal};

/// Writes usage and audit when it is dropped; the process waits for that before it stops.
pub(crate) struct Settlement {
    app: Arc<App>,
    principal: Principal,
    class: DataClass,
    pub(crate) meter: UsageMeter,
    failed: bool,
}

impl Settlement {
    pub(crate) fn new(app: &Arc<App>, principal: &Principal, class: DataClass) -> Self {
        Self {
            app: app.clone(),
            principal: principal.clone(),
            class,
            meter: UsageMeter::default(),
            failed: false,
        }
    }

    /// The terms of the run's call.
    pub(crate) fn terms(&self) -> Terms {
        self.app.terms(&self.principal, self.class)
    }

    /// Says that the call failed.
    pub(crate) fn failed(&mut self) {
        self.failed = true;
    }
}

impl Drop for Settlement {
    fn drop(&mut self) {
        let metered = self.meter.read();
        // Nothing has left the house: nothing to settle.
        let Some(taken) = metered.taken else { return };
        let by = By::from(&self.principal);
        let (outcome, ended) = match (self.failed, metered.is_finished) {
            (true, _) => (AuditOutcome::Failed, "failed"),
            (false, true) => (AuditOutcome::Done, "done"),
            (false, false) => (AuditOutcome::Done, "cancelled"),
        };
        let event = AuditEvent::done(&by, "create_chat_completion")
            .outcome(outcome)
            .with("ended", ended)
            .with("model", &taken.model)
            .with("route", &taken.route)
            .with("place", taken.place.code())
            .with("data_class", self.class.code());
        let usage = NewUsage {
            tenant: self.principal.tenant,
            user: self.principal.user,
            key: by.key,
            model: taken.model,
            route: taken.route,
            tokens: TokenUsage {
                prompt_tokens: metered.usage.prompt_tokens,
                completion_tokens: metered.usage.completion_tokens,
                estimated: metered.is_estimated,
            },
            data_class: self.class,
            outcome: ended,
        };
        let (store, tenant) = (self.app.store.clone(), self.principal.tenant);
        self.app.tasks.spawn(async move {
            let recorded = async {
                store.record_usage(&usage).await?;
                store.record_audit(tenant, event).await
            };
            if let Err(error) = recorded.await {
                tracing::error!(error = &error as &dyn std::error::Error, "usage was not recorded");
            }
        });
    }
}
