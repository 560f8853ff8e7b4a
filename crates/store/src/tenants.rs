//! Tenants and their units.

use std::collections::HashMap;

use domain::{Instant, TenantId, UnitId};
use sqlx::any::AnyRow;

use crate::{
    AuditEvent, By, Error, Store, audit,
    database::{fetch, fetch_one},
    settings::{UNITS_VERSION, count_change},
    values::{get, params},
};

/// An authority with its own people, documents and rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenant {
    /// Its id.
    pub id: TenantId,
    /// Its name.
    pub name: String,
    /// Since when.
    pub created_at: Instant,
}

/// A node in a tenant's tree of organisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    /// Its id.
    pub id: UnitId,
    /// Its name.
    pub name: String,
    /// The unit above; `None` at the root.
    pub parent: Option<UnitId>,
    /// The cost centre of its own; without one, that of the unit above counts.
    pub cost_centre: Option<String>,
    /// Since when.
    pub created_at: Instant,
}

/// A unit as it stands beside something else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitName {
    /// Its id.
    pub id: UnitId,
    /// Its name.
    pub name: String,
}

impl Store {
    /// Returns the one tenant that new people come into.
    ///
    /// # Errors
    /// [`Error::NotFound`] before the first [`Store::migrate`].
    pub async fn default_tenant(&self) -> Result<Tenant, Error> {
        let mut db = self.read().await?;
        let sql = "SELECT id, name, created_at FROM tenant ORDER BY created_at, id LIMIT 1";
        let row = fetch_one(&mut db, sql, params![]).await?.ok_or(Error::NotFound)?;
        tenant(&row)
    }

    /// Returns a tenant.
    ///
    /// # Errors
    /// [`Error::NotFound`], or a database error.
    pub async fn tenant(&self, id: TenantId) -> Result<Tenant, Error> {
        let mut db = self.read().await?;
        let sql = "SELECT id, name, created_at FROM tenant WHERE id = $1";
        let row = fetch_one(&mut db, sql, params![id]).await?.ok_or(Error::NotFound)?;
        tenant(&row)
    }

    /// Lists all tenants.
    ///
    /// # Errors
    /// A database error.
    pub async fn tenants(&self) -> Result<Vec<Tenant>, Error> {
        let mut db = self.read().await?;
        let sql = "SELECT id, name, created_at FROM tenant ORDER BY created_at, id";
        fetch(&mut db, sql, params![]).await?.iter().map(tenant).collect()
    }

    /// Lists a tenant's units by name.
    ///
    /// # Errors
    /// A database error.
    pub async fn units(&self, tenant: TenantId) -> Result<Vec<Unit>, Error> {
        let mut db = self.read().await?;
        let rows = fetch(
            &mut db,
            "SELECT id, name, parent_id, cost_centre, created_at FROM unit WHERE tenant_id = $1 \
             ORDER BY name, id",
            params![tenant],
        )
        .await?;
        rows.iter().map(unit).collect()
    }

    /// The number that changes whenever the tree of units changes, by whichever process.
    ///
    /// # Errors
    /// A database error.
    pub async fn units_version(&self) -> Result<u64, Error> {
        self.version(UNITS_VERSION).await
    }

    /// Reads which unit lies directly below which, of all tenants.
    ///
    /// # Errors
    /// A database error.
    pub async fn unit_parents(&self) -> Result<HashMap<UnitId, UnitId>, Error> {
        let mut db = self.read().await?;
        let sql = "SELECT id, parent_id FROM unit WHERE parent_id IS NOT NULL";
        let rows = fetch(&mut db, sql, params![]).await?;
        rows.iter().map(|row| Ok((get(row, "id")?, get(row, "parent_id")?))).collect()
    }

    /// Makes a unit. Returns the number of the tree with it, too.
    ///
    /// # Errors
    /// [`Error::NotFound`] if `parent` is not a unit of the tenant.
    pub async fn create_unit(
        &self,
        tenant: TenantId,
        name: &str,
        parent: Option<UnitId>,
        by: &By,
    ) -> Result<(Unit, u64), Error> {
        let unit = Unit {
            id: UnitId::new(),
            name: name.to_owned(),
            parent,
            cost_centre: None,
            created_at: Instant::now(),
        };
        let mut tx = self.write().await?;
        if let Some(parent) = parent {
            let sql = "SELECT id FROM unit WHERE tenant_id = $1 AND id = $2";
            tx.fetch_one(sql, params![tenant, parent]).await?.ok_or(Error::NotFound)?;
        }
        tx.execute(
            "INSERT INTO unit (id, tenant_id, parent_id, name, created_at) \
             VALUES ($1, $2, $3, $4, $5)",
            params![unit.id, tenant, parent, name, unit.created_at],
        )
        .await?;
        let mut event = AuditEvent::done(by, "create_unit").to("unit", unit.id);
        if let Some(parent) = parent {
            event = event.with("parent", parent);
        }
        let version = count_change(&mut tx, UNITS_VERSION).await?;
        audit::append(&mut tx, tenant, event).await?;
        tx.commit().await?;
        Ok((unit, version))
    }

    /// Sets the cost centre of a unit, or takes it away.
    ///
    /// # Errors
    /// [`Error::NotFound`] if it is not a unit of the tenant.
    pub async fn set_cost_centre(
        &self,
        tenant: TenantId,
        id: UnitId,
        cost_centre: Option<String>,
        by: &By,
    ) -> Result<Unit, Error> {
        let mut tx = self.write().await?;
        let sql = "UPDATE unit SET cost_centre = $3 WHERE tenant_id = $1 AND id = $2";
        if tx.execute(sql, params![tenant, id, cost_centre]).await? == 0 {
            return Err(Error::NotFound);
        }
        let sql = "SELECT id, name, parent_id, cost_centre, created_at FROM unit WHERE id = $1";
        let row = tx.fetch_one(sql, params![id]).await?.ok_or(Error::NotFound)?;
        let event = AuditEvent::done(by, "update_unit").to("unit", id);
        audit::append(&mut tx, tenant, event).await?;
        tx.commit().await?;
        unit(&row)
    }
}

fn unit(row: &AnyRow) -> Result<Unit, Error> {
    Ok(Unit {
        id: get(row, "id")?,
        name: get(row, "name")?,
        parent: get(row, "parent_id")?,
        cost_centre: get(row, "cost_centre")?,
        created_at: get(row, "created_at")?,
    })
}

fn tenant(row: &AnyRow) -> Result<Tenant, Error> {
    Ok(Tenant { id: get(row, "id")?, name: get(row, "name")?, created_at: get(row, "created_at")? })
}
