//! API keys. Only the keyed hash of a key is kept, and a few characters to know it again by.

use domain::{Credential, DataClass, Instant, KeyId, Principal, Scope, TenantId, UserId};
use sqlx::any::AnyRow;

use crate::{
    AuditEvent, By, Error, PersonName, Store, User, audit,
    database::{composed, fetch, fetch_one, placeholders},
    people,
    sessions::TOUCH_INTERVAL,
    values::{Json, get, params},
};

/// Keys in one statement.
const KEYS_PER_STATEMENT: usize = 200;

/// An API key, without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// Its id.
    pub id: KeyId,
    /// What its owner calls it.
    pub name: String,
    /// The first characters of the secret.
    pub prefix: String,
    /// What it may be used for.
    pub scopes: Vec<Scope>,
    /// Since when.
    pub created_at: Instant,
    /// Last use, to the minute.
    pub last_used_at: Option<Instant>,
    /// Until when.
    pub expires_at: Option<Instant>,
    /// The only models it may be used for; `None` for all that its owner may use.
    pub models: Option<Vec<String>>,
    /// The class of the data it stands for; `None` for the default of the installation.
    pub data_class: Option<DataClass>,
}

/// A key to make.
#[derive(Debug, Clone)]
pub struct NewApiKey {
    /// What its owner calls it.
    pub name: String,
    /// The first characters of the secret.
    pub prefix: String,
    /// The keyed hash of the secret.
    pub token_hash: String,
    /// What it may be used for.
    pub scopes: Vec<Scope>,
    /// Until when; `None` for ever.
    pub expires_at: Option<Instant>,
    /// The only models it may be used for; `None` for all that its owner may use.
    pub models: Option<Vec<String>>,
    /// The class of the data it stands for; `None` for the default of the installation.
    pub data_class: Option<DataClass>,
}

/// Keys of a tenant that are listed at once; later ones are not shown.
const KEYS_LISTED_MAX: i64 = 10_000;

/// A key of a tenant, with its owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantKey {
    /// The key.
    pub key: ApiKey,
    /// Whose it is.
    pub owner: PersonName,
    /// Whether that is a program.
    pub is_service: bool,
}

/// Whose key it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyHolder {
    /// The key.
    pub key: ApiKey,
    /// Its owner.
    pub user: User,
}

impl KeyHolder {
    /// The person as one who acts.
    #[must_use]
    pub fn principal(&self) -> Principal {
        let scopes = self.key.scopes.clone();
        let models = self.key.models.clone();
        let data_class = self.key.data_class;
        self.user.principal(Credential::ApiKey { id: self.key.id, scopes, models, data_class })
    }
}

impl Store {
    /// Makes a key.
    ///
    /// # Errors
    /// A database error.
    pub async fn create_key(
        &self,
        tenant: TenantId,
        owner: UserId,
        new: &NewApiKey,
        by: &By,
    ) -> Result<ApiKey, Error> {
        let key = ApiKey {
            id: KeyId::new(),
            name: new.name.clone(),
            prefix: new.prefix.clone(),
            scopes: new.scopes.clone(),
            created_at: Instant::now(),
            last_used_at: None,
            expires_at: new.expires_at,
            models: new.models.clone(),
            data_class: new.data_class,
        };
        let mut tx = self.write().await?;
        tx.execute(
            "INSERT INTO api_key (id, tenant_id, user_id, name, prefix, token_hash, scopes, \
                                  created_at, expires_at, models, data_class) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
            params![
                key.id,
                tenant,
                owner,
                new.name.as_str(),
                new.prefix.as_str(),
                new.token_hash.as_str(),
                Json(&new.scopes),
                key.created_at,
                new.expires_at,
                new.models.as_ref().map(Json),
                new.data_class.map(DataClass::code)
            ],
        )
        .await?;
        let scopes: Vec<&str> = key.scopes.iter().map(|scope| scope.code()).collect();
        let mut event = AuditEvent::done(by, "create_key")
            .to("key", key.id)
            .with("owner", owner)
            .with("scopes", scopes.join(" "));
        if let Some(models) = &key.models {
            event = event.with("models", models.join(" "));
        }
        if let Some(class) = key.data_class {
            event = event.with("data_class", class.code());
        }
        if let Some(until) = key.expires_at {
            event = event.with("expires_at", until.to_rfc3339());
        }
        audit::append(&mut tx, tenant, event).await?;
        tx.commit().await?;
        Ok(key)
    }

    /// Returns whose key a secret is; `None` if it is unknown, revoked, expired, or its owner
    /// disabled.
    ///
    /// # Errors
    /// A database error.
    pub async fn key_by_token(
        &self,
        token_hash: &str,
        now: Instant,
    ) -> Result<Option<KeyHolder>, Error> {
        let mut db = self.read().await?;
        let row = fetch_one(
            &mut db,
            "SELECT k.id, k.name, k.prefix, k.scopes, k.created_at, k.last_used_at, \
                    k.expires_at, k.models, k.data_class, k.tenant_id, k.user_id \
             FROM api_key k JOIN user_account u ON u.id = k.user_id \
             WHERE k.token_hash = $1 AND k.revoked_at IS NULL AND u.disabled = 0 \
               AND (k.expires_at IS NULL OR k.expires_at > $2)",
            params![token_hash, now],
        )
        .await?;
        let Some(row) = row else { return Ok(None) };
        let user = people::find(&mut db, get(&row, "tenant_id")?, get(&row, "user_id")?).await?;
        Ok(Some(KeyHolder { key: key(&row)?, user }))
    }

    /// Writes down that keys are in use, for each at most once a minute.
    ///
    /// # Errors
    /// A database error.
    pub async fn touch_keys(&self, keys: &[KeyId], now: Instant) -> Result<(), Error> {
        let mut tx = self.write().await?;
        for part in keys.chunks(KEYS_PER_STATEMENT) {
            let mut list = params![now, now.before(TOUCH_INTERVAL)];
            part.iter().for_each(|key| list.add(*key));
            let sql = format!(
                "UPDATE api_key SET last_used_at = $1 \
                 WHERE (last_used_at IS NULL OR last_used_at <= $2) AND id IN ({})",
                placeholders(3, part.len())
            );
            tx.execute(composed(sql), list).await?;
        }
        tx.commit().await
    }

    /// Lists a person's keys that are not revoked, the newest first.
    ///
    /// # Errors
    /// A database error.
    pub async fn keys(&self, tenant: TenantId, owner: UserId) -> Result<Vec<ApiKey>, Error> {
        let mut db = self.read().await?;
        let rows = fetch(
            &mut db,
            "SELECT id, name, prefix, scopes, created_at, last_used_at, expires_at, models, \
                    data_class \
             FROM api_key \
             WHERE user_id = $1 AND tenant_id = $2 AND revoked_at IS NULL \
             ORDER BY created_at DESC, id DESC",
            params![owner, tenant],
        )
        .await?;
        rows.iter().map(key).collect()
    }

    /// Lists all keys of a tenant that are not revoked, each with its owner, the newest first.
    ///
    /// # Errors
    /// A database error.
    pub async fn tenant_keys(&self, tenant: TenantId) -> Result<Vec<TenantKey>, Error> {
        let mut db = self.read().await?;
        let rows = fetch(
            &mut db,
            "SELECT k.id, k.name, k.prefix, k.scopes, k.created_at, k.last_used_at, k.expires_at, \
                    k.models, k.data_class, k.user_id, u.name AS owner, u.is_service \
             FROM api_key k JOIN user_account u ON u.id = k.user_id \
             WHERE k.tenant_id = $1 AND k.revoked_at IS NULL \
             ORDER BY k.created_at DESC, k.id DESC LIMIT $2",
            params![tenant, KEYS_LISTED_MAX],
        )
        .await?;
        let owned = |row: &AnyRow| {
            let owner = PersonName { id: get(row, "user_id")?, name: get(row, "owner")? };
            Ok(TenantKey { key: key(row)?, owner, is_service: get(row, "is_service")? })
        };
        rows.iter().map(owned).collect()
    }

    /// Returns whose key of a tenant this is.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is none that is not revoked.
    pub async fn key_owner(&self, tenant: TenantId, id: KeyId) -> Result<UserId, Error> {
        let mut db = self.read().await?;
        let sql = "SELECT user_id FROM api_key \
                   WHERE id = $1 AND tenant_id = $2 AND revoked_at IS NULL";
        let row = fetch_one(&mut db, sql, params![id, tenant]).await?.ok_or(Error::NotFound)?;
        get(&row, "user_id")
    }

    /// Revokes a key at once.
    ///
    /// # Errors
    /// [`Error::NotFound`] if the person has no such key.
    pub async fn revoke_key(
        &self,
        tenant: TenantId,
        owner: UserId,
        id: KeyId,
        by: &By,
    ) -> Result<(), Error> {
        let mut tx = self.write().await?;
        tx.changes_principals = true;
        let revoked = tx
            .execute(
                "UPDATE api_key SET revoked_at = $4 \
                 WHERE id = $1 AND user_id = $2 AND tenant_id = $3 AND revoked_at IS NULL",
                params![id, owner, tenant, Instant::now()],
            )
            .await?;
        if revoked == 0 {
            return Err(Error::NotFound);
        }
        let event = AuditEvent::done(by, "revoke_key").to("key", id).with("owner", owner);
        audit::append(&mut tx, tenant, event).await?;
        tx.commit().await
    }
}

fn key(row: &AnyRow) -> Result<ApiKey, Error> {
    let Json(scopes) = get(row, "scopes")?;
    let models: Option<Json<Vec<String>>> = get(row, "models")?;
    Ok(ApiKey {
        id: get(row, "id")?,
        name: get(row, "name")?,
        prefix: get(row, "prefix")?,
        scopes,
        created_at: get(row, "created_at")?,
        last_used_at: get(row, "last_used_at")?,
        expires_at: get(row, "expires_at")?,
        models: models.map(|Json(models)| models),
        data_class: get(row, "data_class")?,
    })
}
