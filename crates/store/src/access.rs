//! Who of a tenant may use which model, and where a tenant's data may go.

use domain::{Place, Role, TenantId, UnitId};
use serde::{Deserialize, Serialize};

use crate::{
    AuditEvent, By, Conflict, Error, Store, audit,
    database::fetch,
    values::{Json, get, params},
};

/// Who may use a model: whoever has one of the roles or belongs to one of the units or one below.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Audience {
    /// People with these roles.
    #[serde(default)]
    pub roles: Vec<Role>,
    /// People of these units, and of all units below.
    #[serde(default)]
    pub units: Vec<UnitId>,
}

/// A tenant's rule about one model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessRule {
    /// The tenant.
    pub tenant: TenantId,
    /// The model's name.
    pub model: String,
    /// Who may use it; `None`: everybody.
    pub audience: Option<Audience>,
    /// How often the rule was written.
    pub version: u64,
}

/// Where a tenant's data may go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantPlaces {
    /// The tenant.
    pub tenant: TenantId,
    /// The places.
    pub places: Vec<Place>,
    /// How often that was written.
    pub version: u64,
}

impl Store {
    /// Lists the rules of all tenants.
    ///
    /// # Errors
    /// A database error.
    pub async fn access_rules(&self) -> Result<Vec<AccessRule>, Error> {
        let mut db = self.read().await?;
        let sql = "SELECT tenant_id, model, audience, version FROM model_access ORDER BY model";
        let rows = fetch(&mut db, sql, params![]).await?;
        let rules = rows.iter().map(|row| {
            let audience: Option<Json<Audience>> = get(row, "audience")?;
            Ok(AccessRule {
                tenant: get(row, "tenant_id")?,
                model: get(row, "model")?,
                audience: audience.map(|Json(audience)| audience),
                version: get(row, "version")?,
            })
        });
        rules.collect()
    }

    /// Writes a tenant's rule about a model; `rule.version` is the one it was made from, 0 if there
    /// was none. Returns the new version.
    ///
    /// # Errors
    /// [`Conflict::ChangedMeanwhile`]; [`Error::NotFound`] if a unit is not the tenant's; a database
    /// error.
    pub async fn write_access(&self, rule: &AccessRule, by: &By) -> Result<u64, Error> {
        let mut tx = self.write().await?;
        let units = rule.audience.iter().flat_map(|audience| &audience.units);
        for unit in units {
            let sql = "SELECT id FROM unit WHERE tenant_id = $1 AND id = $2";
            tx.fetch_one(sql, params![rule.tenant, *unit]).await?.ok_or(Error::NotFound)?;
        }
        let sql = "SELECT audience, version FROM model_access WHERE tenant_id = $1 AND model = $2";
        let row = tx.fetch_one(sql, params![rule.tenant, &rule.model]).await?;
        let (before, present): (Option<Json<Audience>>, u64) = match &row {
            Some(row) => (get(row, "audience")?, get(row, "version")?),
            None => (None, 0),
        };
        if present != rule.version {
            return Err(Error::Conflict(Conflict::ChangedMeanwhile));
        }
        tx.execute(
            "INSERT INTO model_access (tenant_id, model, audience, version) \
             VALUES ($1, $2, $3, $4) \
             ON CONFLICT (tenant_id, model) DO UPDATE SET audience = excluded.audience, \
                 version = excluded.version",
            params![rule.tenant, &rule.model, rule.audience.as_ref().map(Json), present + 1],
        )
        .await?;
        let event = AuditEvent::done(by, "set_model_access")
            .to("model", &rule.model)
            .with("before", in_words(before.map(|Json(audience)| audience).as_ref()))
            .with("after", in_words(rule.audience.as_ref()));
        audit::append(&mut tx, rule.tenant, event).await?;
        tx.stamp_catalogue().await?;
        tx.commit().await?;
        Ok(present + 1)
    }

    /// Lists where the data of tenants may go; who is not listed has not said.
    ///
    /// # Errors
    /// A database error.
    pub async fn tenant_places(&self) -> Result<Vec<TenantPlaces>, Error> {
        let mut db = self.read().await?;
        let sql = "SELECT tenant_id, places, version FROM place_policy";
        let rows = fetch(&mut db, sql, params![]).await?;
        let policies = rows.iter().map(|row| {
            let Json(places) = get(row, "places")?;
            Ok(TenantPlaces {
                tenant: get(row, "tenant_id")?,
                places,
                version: get(row, "version")?,
            })
        });
        policies.collect()
    }

    /// Writes where a tenant's data may go; `policy.version` is the one it was made from, 0 if there
    /// was none. Returns the new version.
    ///
    /// # Errors
    /// [`Conflict::ChangedMeanwhile`], or a database error.
    pub async fn write_tenant_places(&self, policy: &TenantPlaces, by: &By) -> Result<u64, Error> {
        let mut tx = self.write().await?;
        let sql = "SELECT places, version FROM place_policy WHERE tenant_id = $1";
        let row = tx.fetch_one(sql, params![policy.tenant]).await?;
        let (before, present): (Option<Json<Vec<Place>>>, u64) = match &row {
            Some(row) => (get(row, "places")?, get(row, "version")?),
            None => (None, 0),
        };
        if present != policy.version {
            return Err(Error::Conflict(Conflict::ChangedMeanwhile));
        }
        tx.execute(
            "INSERT INTO place_policy (tenant_id, places, version) VALUES ($1, $2, $3) \
             ON CONFLICT (tenant_id) DO UPDATE SET places = excluded.places, \
                 version = excluded.version",
            params![policy.tenant, Json(&policy.places), present + 1],
        )
        .await?;
        let codes =
            |places: &[Place]| places.iter().map(|p| p.code()).collect::<Vec<_>>().join(" ");
        let before = before.map_or_else(|| "-".to_owned(), |Json(places)| codes(&places));
        let event = AuditEvent::done(by, "set_places")
            .to("tenant", policy.tenant)
            .with("before", before)
            .with("after", codes(&policy.places));
        audit::append(&mut tx, policy.tenant, event).await?;
        tx.stamp_catalogue().await?;
        tx.commit().await?;
        Ok(present + 1)
    }
}

/// Roles and ids, for the audit log.
fn in_words(audience: Option<&Audience>) -> String {
    let Some(Audience { roles, units }) = audience else { return "everybody".to_owned() };
    let roles = roles.iter().map(|role| role.code().to_owned());
    let words: Vec<String> = roles.chain(units.iter().map(ToString::to_string)).collect();
    if words.is_empty() { "nobody".to_owned() } else { words.join(" ") }
}
