//! Limits and budgets as they were set, and how much of them the calls have used.
//!
//! Knows nothing of who may have how much at this moment: that is for whoever admits calls.

use std::collections::HashMap;

use domain::{Instant, KeyId, LimitScope, Meter, Month, TenantId, UsageLimit, UserId};
use sqlx::any::AnyRow;

use crate::{
    AuditEvent, By, Error, Store, audit,
    database::{Tx, composed, fetch, fetch_one, placeholders},
    settings::{LIMITS_VERSION, count_change},
    sums,
    values::{Params, get, params},
};

/// Most keys listed; beyond: left out.
const KEYS_MAX: u32 = 10_000;
/// Subjects asked for in one statement.
const SUBJECTS_PER_STATEMENT: usize = 200;

/// A limit and whom it binds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitRow {
    /// Its tenant.
    pub tenant: TenantId,
    /// Whom it binds.
    pub scope: LimitScope,
    /// The limits.
    pub limit: UsageLimit,
}

/// What calls of a scope have used in a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MonthSum {
    /// Calls.
    pub calls: u64,
    /// Tokens read and written.
    pub tokens: u64,
    /// What the calls with a known price cost, in nano-euro.
    pub nano_euro: u64,
}

/// A warning that was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitWarning {
    /// The tenant.
    pub tenant: TenantId,
    /// Whose budget.
    pub scope: LimitScope,
    /// Which budget.
    pub meter: Meter,
    /// The percentage that was reached.
    pub percent: u64,
    /// When.
    pub at: Instant,
}

/// A key and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnedKey {
    /// The key.
    pub id: KeyId,
    /// What its owner calls it.
    pub name: String,
    /// The first characters of the secret.
    pub prefix: String,
    /// The owner's name.
    pub owner: String,
}

/// Everything that whoever admits calls must know beforehand.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LimitRules {
    /// A number that changes with each change of the rest.
    pub version: u64,
    /// All limits of all tenants.
    pub limits: Vec<LimitRow>,
}

impl Store {
    /// The number that changes whenever a limit changes.
    ///
    /// # Errors
    /// A database error.
    pub async fn limits_version(&self) -> Result<u64, Error> {
        self.version(LIMITS_VERSION).await
    }

    /// Reads all limits of all tenants.
    ///
    /// # Errors
    /// A database error.
    pub async fn limit_rules(&self) -> Result<LimitRules, Error> {
        let version = self.limits_version().await?;
        let mut db = self.read().await?;
        let sql = "SELECT * FROM usage_limit";
        let rows = fetch(&mut db, sql, params![]).await?;
        let limits = rows.iter().map(limit_row).collect::<Result<_, _>>()?;
        Ok(LimitRules { version, limits })
    }

    /// Lists the limits of a tenant.
    ///
    /// # Errors
    /// A database error.
    pub async fn limits(&self, tenant: TenantId) -> Result<Vec<LimitRow>, Error> {
        let mut db = self.read().await?;
        let sql = "SELECT * FROM usage_limit WHERE tenant_id = $1 ORDER BY subject";
        fetch(&mut db, sql, params![tenant]).await?.iter().map(limit_row).collect()
    }

    /// Sets the limits of a scope.
    ///
    /// # Errors
    /// [`Error::NotFound`] if the tenant has no such key, person or unit; a database error.
    pub async fn put_limit(&self, row: &LimitRow, by: &By) -> Result<(), Error> {
        let LimitRow { tenant, scope, limit } = row;
        let mut tx = self.write().await?;
        check_scope(&mut tx, *tenant, scope).await?;
        tx.execute(
            "INSERT INTO usage_limit (tenant_id, subject, requests_per_minute, \
                 tokens_per_minute, concurrent, context_tokens, tokens_per_month, \
                 micro_euro_per_month, at_limit, weight, changed_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) \
             ON CONFLICT (tenant_id, subject) DO UPDATE SET \
                 requests_per_minute = excluded.requests_per_minute, \
                 tokens_per_minute = excluded.tokens_per_minute, \
                 concurrent = excluded.concurrent, context_tokens = excluded.context_tokens, \
                 tokens_per_month = excluded.tokens_per_month, \
                 micro_euro_per_month = excluded.micro_euro_per_month, \
                 at_limit = excluded.at_limit, weight = excluded.weight, \
                 changed_at = excluded.changed_at",
            params![
                *tenant,
                scope.to_string(),
                limit.requests_per_minute,
                limit.tokens_per_minute,
                limit.concurrent,
                limit.context_tokens,
                limit.tokens_per_month,
                limit.micro_euro_per_month,
                limit.at_limit.code(),
                limit.weight,
                Instant::now()
            ],
        )
        .await?;
        sums::rearm(&mut tx, row).await?;
        count_change(&mut tx, LIMITS_VERSION).await?;
        let mut event = AuditEvent::done(by, "put_limit").with("at_limit", limit.at_limit.code());
        event.object = Some(object(scope));
        for meter in Meter::ALL {
            if let Some(most) = limit.of(meter) {
                event = event.with(meter.code(), most);
            }
        }
        if let Some(tokens) = limit.context_tokens {
            event = event.with("context_tokens", tokens);
        }
        audit::append(&mut tx, *tenant, event.with("weight", limit.weight)).await?;
        tx.commit().await
    }

    /// Takes the limits of a scope away. What was used stays known.
    ///
    /// # Errors
    /// [`Error::NotFound`] if it has none; a database error.
    pub async fn delete_limit(
        &self,
        tenant: TenantId,
        scope: &LimitScope,
        by: &By,
    ) -> Result<(), Error> {
        let mut tx = self.write().await?;
        let sql = "DELETE FROM usage_limit WHERE tenant_id = $1 AND subject = $2";
        if tx.execute(sql, params![tenant, scope.to_string()]).await? == 0 {
            return Err(Error::NotFound);
        }
        count_change(&mut tx, LIMITS_VERSION).await?;
        let mut event = AuditEvent::done(by, "delete_limit");
        event.object = Some(object(scope));
        audit::append(&mut tx, tenant, event).await?;
        tx.commit().await
    }

    /// What the calls of these scopes have used in a month; nothing where nothing is known.
    ///
    /// # Errors
    /// A database error.
    pub async fn month_sums(
        &self,
        month: Month,
        scopes: &[(TenantId, LimitScope)],
    ) -> Result<Vec<MonthSum>, Error> {
        let mut sums = vec![MonthSum::default(); scopes.len()];
        let mut db = self.read().await?;
        for (part, asked) in scopes.chunks(SUBJECTS_PER_STATEMENT).enumerate() {
            let mut list = params![month.number()];
            let mut at: HashMap<(String, TenantId), usize> = HashMap::new();
            for (index, (tenant, scope)) in asked.iter().enumerate() {
                list.add(scope.to_string());
                at.insert((scope.to_string(), *tenant), part * SUBJECTS_PER_STATEMENT + index);
            }
            let subjects = placeholders(2, asked.len());
            let sql = format!(
                "SELECT tenant_id, subject, calls, tokens, nano_euro FROM usage_month \
                 WHERE month = $1 AND subject IN ({subjects})"
            );
            for row in fetch(&mut db, composed(sql), list).await? {
                let key = (get::<String>(&row, "subject")?, get::<TenantId>(&row, "tenant_id")?);
                if let Some(index) = at.get(&key) {
                    sums[*index] = MonthSum {
                        calls: get(&row, "calls")?,
                        tokens: get(&row, "tokens")?,
                        nano_euro: get(&row, "nano_euro")?,
                    };
                }
            }
        }
        Ok(sums)
    }

    /// Lists the warnings of a tenant in a month, the latest first.
    ///
    /// # Errors
    /// A database error.
    pub async fn limit_warnings(
        &self,
        tenant: TenantId,
        month: Month,
    ) -> Result<Vec<LimitWarning>, Error> {
        let mut db = self.read().await?;
        let rows = fetch(
            &mut db,
            "SELECT subject, meter, percent, at FROM limit_warning \
             WHERE tenant_id = $1 AND month = $2 ORDER BY at DESC, percent DESC",
            params![tenant, month.number()],
        )
        .await?;
        let warning = |row: &AnyRow| {
            let (scope, meter): (String, String) = (get(row, "subject")?, get(row, "meter")?);
            Ok(LimitWarning {
                tenant,
                scope: scope.parse().map_err(|_| Error::Unreadable("subject"))?,
                meter: meter.parse().map_err(|_| Error::Unreadable("meter"))?,
                percent: get(row, "percent")?,
                at: get(row, "at")?,
            })
        };
        rows.iter().map(warning).collect()
    }

    /// Lists all keys of the tenant that are not revoked, by the names of owner and key. The first
    /// characters of the secret tell keys of one name apart.
    ///
    /// # Errors
    /// A database error.
    pub async fn owned_keys(&self, tenant: TenantId) -> Result<Vec<OwnedKey>, Error> {
        let mut db = self.read().await?;
        let rows = fetch(
            &mut db,
            "SELECT k.id, k.name, k.prefix, u.name AS owner FROM api_key k \
             JOIN user_account u ON u.id = k.user_id \
             WHERE k.tenant_id = $1 AND k.revoked_at IS NULL ORDER BY u.name, k.name, k.id LIMIT $2",
            params![tenant, KEYS_MAX],
        )
        .await?;
        rows.iter().map(owned_key).collect()
    }

    /// The keys that have limits, revoked ones too.
    ///
    /// # Errors
    /// A database error.
    pub async fn limited_keys(&self, tenant: TenantId) -> Result<Vec<OwnedKey>, Error> {
        let mut db = self.read().await?;
        let rows = fetch(
            &mut db,
            "SELECT k.id, k.name, k.prefix, u.name AS owner FROM usage_limit l \
             JOIN api_key k ON l.subject = 'key:' || k.id \
             JOIN user_account u ON u.id = k.user_id WHERE l.tenant_id = $1",
            params![tenant],
        )
        .await?;
        rows.iter().map(owned_key).collect()
    }

    /// The names of people who have a limit of their own.
    ///
    /// # Errors
    /// A database error.
    pub async fn limited_people(&self, tenant: TenantId) -> Result<HashMap<UserId, String>, Error> {
        let mut db = self.read().await?;
        let rows = fetch(
            &mut db,
            "SELECT u.id, u.name FROM usage_limit l \
             JOIN user_account u ON l.subject = 'person:' || u.id WHERE l.tenant_id = $1",
            params![tenant],
        )
        .await?;
        rows.iter().map(|row| Ok((get(row, "id")?, get(row, "name")?))).collect()
    }
}

/// The limits of these scopes, where they have any.
pub(crate) async fn limits_of(tx: &mut Tx, subjects: &[String]) -> Result<Vec<LimitRow>, Error> {
    let mut found = Vec::new();
    for part in subjects.chunks(SUBJECTS_PER_STATEMENT) {
        let mut list = Params::default();
        part.iter().for_each(|subject| list.add(subject));
        let names = placeholders(1, part.len());
        let sql = format!("SELECT * FROM usage_limit WHERE subject IN ({names})");
        for row in tx.fetch(composed(sql), list).await? {
            found.push(limit_row(&row)?);
        }
    }
    Ok(found)
}

/// How a scope is named in the audit log: models by their name, all else by id.
pub(crate) fn object(scope: &LimitScope) -> String {
    match scope {
        LimitScope::Person(id) => format!("user:{id}"),
        other => other.to_string(),
    }
}

fn owned_key(row: &AnyRow) -> Result<OwnedKey, Error> {
    Ok(OwnedKey {
        id: get(row, "id")?,
        name: get(row, "name")?,
        prefix: get(row, "prefix")?,
        owner: get(row, "owner")?,
    })
}

async fn check_scope(tx: &mut Tx, tenant: TenantId, scope: &LimitScope) -> Result<(), Error> {
    let (sql, id) = match scope {
        // Models come from the configuration, which the store does not know.
        LimitScope::Tenant | LimitScope::Model(_) => return Ok(()),
        LimitScope::Unit(id) => {
            ("SELECT id FROM unit WHERE tenant_id = $1 AND id = $2", id.to_string())
        }
        LimitScope::Person(id) => {
            ("SELECT id FROM user_account WHERE tenant_id = $1 AND id = $2", id.to_string())
        }
        LimitScope::Key(id) => (
            "SELECT id FROM api_key WHERE tenant_id = $1 AND id = $2 AND revoked_at IS NULL",
            id.to_string(),
        ),
    };
    fetch_one(tx.db(), sql, params![tenant, id]).await?.map(|_| ()).ok_or(Error::NotFound)
}

fn limit_row(row: &AnyRow) -> Result<LimitRow, Error> {
    let (scope, at_limit): (String, String) = (get(row, "subject")?, get(row, "at_limit")?);
    Ok(LimitRow {
        tenant: get(row, "tenant_id")?,
        scope: scope.parse().map_err(|_| Error::Unreadable("subject"))?,
        limit: UsageLimit {
            requests_per_minute: get(row, "requests_per_minute")?,
            tokens_per_minute: get(row, "tokens_per_minute")?,
            concurrent: get(row, "concurrent")?,
            context_tokens: get(row, "context_tokens")?,
            tokens_per_month: get(row, "tokens_per_month")?,
            micro_euro_per_month: get(row, "micro_euro_per_month")?,
            at_limit: at_limit.parse().map_err(|_| Error::Unreadable("at_limit"))?,
            weight: get(row, "weight")?,
        },
    })
}
