//! Models that administrators add while the platform runs, and routes that are drained. Knows no
//! model server: a definition is kept as it was checked.

use std::collections::BTreeMap;

use domain::{Instant, TenantId};
use serde_json::Value;
use sqlx::{AnyConnection, any::AnyRow};

use crate::{
    AuditEvent, By, Conflict, Error, Store, audit,
    database::{Tx, composed, fetch, fetch_one, placeholders},
    values::{Json, Params, get, params},
};

/// The setting that differs after each change to models, access and places.
const CATALOGUE_STAMP: &str = "catalogue_stamp";

/// Models that are read by one statement.
const NAMES_MAX: usize = 200;

/// A model of the database.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredModel {
    /// Its name.
    pub name: String,
    /// What it is, with the words of the configuration file and without keys of servers.
    pub definition: Value,
    /// How often it was written; a change names the one it was made from.
    pub version: u64,
    /// Last change.
    pub updated_at: Instant,
    /// The sealed keys of its routes, by the route's name.
    pub keys: BTreeMap<String, String>,
}

/// The models of the database at one moment, for whoever knows some of them.
#[derive(Debug)]
pub struct ChangedModels {
    /// Those that were not known as they are, by name.
    pub changed: Vec<StoredModel>,
    /// The names of the others.
    pub same: Vec<String>,
}

/// A model as it is to be from now on.
#[derive(Debug)]
pub struct ModelWrite<'a> {
    /// Its name.
    pub name: &'a str,
    /// What it is.
    pub definition: &'a Value,
    /// All its sealed keys.
    pub keys: &'a BTreeMap<String, String>,
    /// The version it was made from; `None` for a new one.
    pub expected: Option<u64>,
    /// What changed, for the audit log: fields with their values before and after, no secrets.
    pub changes: &'a str,
}

impl Store {
    /// A text that differs after each change to models, access and places, by whichever process.
    ///
    /// # Errors
    /// A database error.
    pub async fn catalogue_stamp(&self) -> Result<Option<String>, Error> {
        self.setting(CATALOGUE_STAMP).await
    }

    /// Lists the models of the database by name.
    ///
    /// # Errors
    /// A database error.
    pub async fn models(&self) -> Result<Vec<StoredModel>, Error> {
        Ok(self.changed_models(|_| None).await?.changed)
    }

    /// Reads the models of the database except those that are `known`: by name, with the version and the
    /// time of the last change.
    ///
    /// # Errors
    /// A database error.
    pub async fn changed_models(
        &self,
        known: impl Fn(&str) -> Option<(u64, Instant)>,
    ) -> Result<ChangedModels, Error> {
        let mut db = self.snapshot().await?;
        let sql = "SELECT name, version, updated_at FROM model ORDER BY name";
        let (mut same, mut names) = (Vec::new(), Vec::new());
        for row in fetch(&mut db, sql, params![]).await? {
            let name: String = get(&row, "name")?;
            let written = (get(&row, "version")?, get(&row, "updated_at")?);
            if known(&name) == Some(written) { same.push(name) } else { names.push(name) }
        }
        let mut changed = Vec::with_capacity(names.len());
        for names in names.chunks(NAMES_MAX) {
            changed.extend(read_models(&mut db, names).await?);
        }
        Ok(ChangedModels { changed, same })
    }

    /// Returns a model of the database.
    ///
    /// # Errors
    /// [`Error::NotFound`], or a database error.
    pub async fn model(&self, name: &str) -> Result<StoredModel, Error> {
        let mut db = self.snapshot().await?;
        read_models(&mut db, &[name.to_owned()]).await?.pop().ok_or(Error::NotFound)
    }

    /// Writes a model, new or in place of its former self.
    ///
    /// # Errors
    /// [`Conflict::NameTaken`] if a new one is there already; [`Conflict::ChangedMeanwhile`] if it is
    /// not the version that was changed; a database error.
    pub async fn write_model(
        &self,
        tenant: TenantId,
        write: &ModelWrite<'_>,
        by: &By,
    ) -> Result<StoredModel, Error> {
        let mut tx = self.write().await?;
        let present = version(&mut tx, write.name).await?;
        match (present, write.expected) {
            (Some(_), None) => return Err(Error::Conflict(Conflict::NameTaken)),
            (present, Some(_)) if present != write.expected => {
                return Err(Error::Conflict(Conflict::ChangedMeanwhile));
            }
            _ => {}
        }
        let (next, now) = (present.unwrap_or(0) + 1, Instant::now());
        tx.execute(
            "INSERT INTO model (name, definition, version, created_at, updated_at) \
             VALUES ($1, $2, $3, $4, $4) \
             ON CONFLICT (name) DO UPDATE SET definition = excluded.definition, \
                 version = excluded.version, updated_at = excluded.updated_at",
            params![write.name, Json(write.definition), next, now],
        )
        .await?;
        let sql = "DELETE FROM model_route_key WHERE model = $1";
        tx.execute(sql, params![write.name]).await?;
        for (route, sealed) in write.keys {
            tx.execute(
                "INSERT INTO model_route_key (model, route, sealed) VALUES ($1, $2, $3)",
                params![write.name, route, sealed],
            )
            .await?;
        }
        let action = if present.is_some() { "update_model" } else { "create_model" };
        let event = AuditEvent::done(by, action)
            .to("model", write.name)
            .with("version", next)
            .with("changes", write.changes);
        audit::append(&mut tx, tenant, event).await?;
        tx.stamp_catalogue().await?;
        tx.commit().await?;
        Ok(StoredModel {
            name: write.name.to_owned(),
            definition: write.definition.clone(),
            version: next,
            updated_at: now,
            keys: write.keys.clone(),
        })
    }

    /// Removes a model of the database, with its keys.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Conflict::ChangedMeanwhile`] if it is another version; a database error.
    pub async fn delete_model(
        &self,
        tenant: TenantId,
        name: &str,
        expected: u64,
        by: &By,
    ) -> Result<(), Error> {
        let mut tx = self.write().await?;
        let present = version(&mut tx, name).await?.ok_or(Error::NotFound)?;
        if present != expected {
            return Err(Error::Conflict(Conflict::ChangedMeanwhile));
        }
        tx.execute("DELETE FROM model_route_key WHERE model = $1", params![name]).await?;
        tx.execute("DELETE FROM drained_route WHERE model = $1", params![name]).await?;
        tx.execute("DELETE FROM model WHERE name = $1", params![name]).await?;
        let event = AuditEvent::done(by, "delete_model").to("model", name);
        audit::append(&mut tx, tenant, event.with("version", present)).await?;
        tx.stamp_catalogue().await?;
        tx.commit().await
    }

    /// Lists the drained routes: model and route.
    ///
    /// # Errors
    /// A database error.
    pub async fn drained_routes(&self) -> Result<Vec<(String, String)>, Error> {
        let mut db = self.read().await?;
        let rows = fetch(&mut db, "SELECT model, route FROM drained_route", params![]).await?;
        rows.iter().map(|row| Ok((get(row, "model")?, get(row, "route")?))).collect()
    }

    /// Takes a route out of service, or back in.
    ///
    /// # Errors
    /// A database error.
    pub async fn drain_route(
        &self,
        tenant: TenantId,
        (model, route): (&str, &str),
        drained: bool,
        by: &By,
    ) -> Result<(), Error> {
        let mut tx = self.write().await?;
        let sql = "DELETE FROM drained_route WHERE model = $1 AND route = $2";
        let was_drained = tx.execute(sql, params![model, route]).await? > 0;
        if drained {
            let sql = "INSERT INTO drained_route (model, route, drained_at) VALUES ($1, $2, $3)";
            tx.execute(sql, params![model, route, Instant::now()]).await?;
        }
        if was_drained != drained {
            let event = AuditEvent::done(by, "drain_route")
                .to("model", model)
                .with("route", route)
                .with("drained", drained);
            audit::append(&mut tx, tenant, event).await?;
            tx.stamp_catalogue().await?;
        }
        tx.commit().await
    }
}

impl Tx {
    /// Lets all processes see that models, access or places have changed.
    pub(crate) async fn stamp_catalogue(&mut self) -> Result<(), Error> {
        self.execute(
            "INSERT INTO setting (name, value) VALUES ($1, $2) \
             ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            params![CATALOGUE_STAMP, uuid::Uuid::now_v7().to_string()],
        )
        .await?;
        Ok(())
    }
}

async fn version(tx: &mut Tx, name: &str) -> Result<Option<u64>, Error> {
    let row =
        fetch_one(tx.db(), "SELECT version FROM model WHERE name = $1", params![name]).await?;
    row.map(|row| get(&row, "version")).transpose()
}

/// Reads models by name, in the order of their names.
async fn read_models(db: &mut AnyConnection, names: &[String]) -> Result<Vec<StoredModel>, Error> {
    let listed = placeholders(1, names.len());
    let params = || {
        let mut params = Params::default();
        names.iter().for_each(|name| params.add(name));
        params
    };
    let sql = format!(
        "SELECT name, definition, version, updated_at FROM model WHERE name IN ({listed}) \
         ORDER BY name"
    );
    let rows = fetch(db, composed(sql), params()).await?;
    let mut models = rows.iter().map(model).collect::<Result<Vec<_>, _>>()?;
    let sql = format!("SELECT model, route, sealed FROM model_route_key WHERE model IN ({listed})");
    for row in fetch(db, composed(sql), params()).await? {
        let of: String = get(&row, "model")?;
        if let Some(model) = models.iter_mut().find(|model| model.name == of) {
            model.keys.insert(get(&row, "route")?, get(&row, "sealed")?);
        }
    }
    Ok(models)
}

fn model(row: &AnyRow) -> Result<StoredModel, Error> {
    let Json(definition) = get(row, "definition")?;
    Ok(StoredModel {
        name: get(row, "name")?,
        definition,
        version: get(row, "version")?,
        updated_at: get(row, "updated_at")?,
        keys: BTreeMap::new(),
    })
}
