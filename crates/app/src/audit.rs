//! The audit log, as an administrator reads it.

use domain::{Action, Resource, TenantId};
use store::{AuditEntry, AuditReport, Page};

use crate::{App, Principal, Result};

/// Most entries on one page; more come with the next cursor.
const PAGE_MAX: u32 = 100;

impl App {
    /// Lists the entries of the tenant, newest first.
    ///
    /// # Errors
    /// If the principal is no administrator, or the cursor is not one of ours.
    pub async fn list_audit(
        &self,
        principal: &Principal,
        after: Option<&str>,
    ) -> Result<Page<AuditEntry>> {
        self.authorise_audit(principal)?;
        self.settle_ledger().await?;
        Ok(self.store.audit_entries(principal.tenant, after, PAGE_MAX).await?)
    }

    /// Checks the chain of the tenant's log from its first entry to its last.
    ///
    /// # Errors
    /// If the principal is no administrator. A broken chain is a result, not an error.
    pub async fn verify_audit(&self, principal: &Principal) -> Result<AuditReport> {
        self.authorise_audit(principal)?;
        Ok(self.store.verify_audit(principal.tenant).await?)
    }

    /// Checks the chains of all tenants. For the operator at the command line.
    ///
    /// # Errors
    /// A database error.
    pub async fn verify_audit_by_command(&self) -> Result<Vec<(TenantId, AuditReport)>> {
        let mut reports = vec![];
        for tenant in self.store.tenants().await? {
            reports.push((tenant.id, self.store.verify_audit(tenant.id).await?));
        }
        Ok(reports)
    }

    pub(crate) fn authorise_audit(&self, principal: &Principal) -> Result<()> {
        let tenant = Resource::Tenant(principal.tenant);
        Ok(domain::authorise(principal, Action::ReadAudit, &tenant)?)
    }
}
