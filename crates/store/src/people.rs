//! People with an account: who they are, what they may, and the units they belong to.

use std::collections::HashMap;

use domain::{
    CollectionId, Credential, DataClass, Instant, Principal, Role, SessionId, TenantId, UnitId,
    UserId, Visibility,
};
use sqlx::{AnyConnection, any::AnyRow};

use crate::{
    AuditEvent, By, Conflict, Cursor, Error, Page, Store, UnitName, audit,
    collections::{self, NewCollection},
    database::{Tx, composed, count, fetch, fetch_one, placeholders},
    engine::Lock,
    error::is_duplicate,
    values::{get, params},
};

/// A person with an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Their id.
    pub id: UserId,
    /// Their tenant.
    pub tenant: TenantId,
    /// Their mail address, lower-cased.
    pub email: String,
    /// Their name.
    pub name: String,
    /// Their role.
    pub role: Role,
    /// Whether signing in is refused.
    pub disabled: bool,
    /// Whether it is the account of a program, which nobody signs in to.
    pub is_service: bool,
    /// The language they chose.
    pub locale: Option<String>,
    /// Since when.
    pub created_at: Instant,
    /// The units they belong to.
    pub units: Vec<UnitName>,
}

impl User {
    /// The person as one who acts, with what they came with.
    #[must_use]
    pub fn principal(&self, credential: Credential) -> Principal {
        Principal {
            user: self.id,
            tenant: self.tenant,
            units: self.units.iter().map(|unit| unit.id).collect(),
            role: self.role,
            credential,
        }
    }
}

/// A person as they stand beside something else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonName {
    /// Their id.
    pub id: UserId,
    /// Their name.
    pub name: String,
}

/// An account to make.
#[derive(Debug, Clone)]
pub struct NewUser {
    /// Mail address; kept lower-cased.
    pub email: String,
    /// Name.
    pub name: String,
    /// Role.
    pub role: Role,
    /// Whether it is a program's.
    pub is_service: bool,
    /// What `identity` made of the password.
    pub password_hash: String,
    /// Language, if chosen.
    pub locale: Option<String>,
    /// Units of the tenant.
    pub units: Vec<UnitId>,
    /// Name of the private collection that the person gets with the account.
    pub default_collection: String,
    /// Data class of that collection.
    pub default_class: DataClass,
}

/// What to change in an account; `None` leaves it.
#[derive(Debug, Clone, Default)]
pub struct UserChange {
    /// New name.
    pub name: Option<String>,
    /// New role.
    pub role: Option<Role>,
    /// Refuse or allow signing in; refusing ends all sessions.
    pub disabled: Option<bool>,
    /// All units from now on.
    pub units: Option<Vec<UnitId>>,
    /// New language.
    pub locale: Option<String>,
}

/// An account with what is needed to check a password.
#[derive(Clone)]
pub struct Login {
    /// The person.
    pub user: User,
    /// What `identity` made of their password.
    pub password_hash: String,
}

const COLUMNS: &str = "id, tenant_id, email, name, role, disabled, locale, created_at, \
     is_service";

impl Store {
    /// Says whether there is any account at all.
    ///
    /// # Errors
    /// A database error.
    pub async fn has_users(&self) -> Result<bool, Error> {
        let mut db = self.read().await?;
        let sql = "SELECT id FROM user_account LIMIT 1";
        Ok(fetch_one(&mut db, sql, params![]).await?.is_some())
    }

    /// Makes an account with its private default collection.
    ///
    /// # Errors
    /// [`Conflict::EmailTaken`]; [`Error::NotFound`] if a unit is not one of the tenant.
    pub async fn create_user(
        &self,
        tenant: TenantId,
        new: &NewUser,
        by: &By,
    ) -> Result<User, Error> {
        let mut tx = self.write().await?;
        let user = insert(&mut tx, tenant, new).await?;
        let action = if user.is_service { "create_service" } else { "create_user" };
        let event = AuditEvent::done(by, action)
            .to("user", user.id)
            .with("role", user.role.code())
            .with("units", ids_of(&new.units));
        audit::append(&mut tx, tenant, event).await?;
        tx.commit().await?;
        Ok(user)
    }

    /// Returns the account of a program by its name.
    ///
    /// # Errors
    /// A database error.
    pub async fn service(&self, tenant: TenantId, name: &str) -> Result<Option<User>, Error> {
        let mut db = self.read().await?;
        let sql = "SELECT id FROM user_account \
                   WHERE tenant_id = $1 AND name = $2 AND is_service = 1 ORDER BY id LIMIT 1";
        match fetch_one(&mut db, sql, params![tenant, name]).await? {
            Some(row) => find(&mut db, tenant, get(&row, "id")?).await.map(Some),
            None => Ok(None),
        }
    }

    /// Lists a tenant's people by name.
    ///
    /// # Errors
    /// A database error, or a bad cursor.
    pub async fn users(
        &self,
        tenant: TenantId,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Page<User>, Error> {
        let [name, id] = match after {
            Some(cursor) => Cursor::parse_texts(cursor)?,
            None => [const { String::new() }; 2],
        };
        let mut db = self.read().await?;
        let sql = format!(
            "SELECT {COLUMNS} FROM user_account WHERE tenant_id = $1 AND (name, id) > ($2, $3) \
             ORDER BY name, id LIMIT $4"
        );
        let list = params![tenant, name, id, i64::from(limit) + 1];
        let rows = fetch(&mut db, composed(sql), list).await?;
        let mut list = params![tenant];
        for row in &rows {
            list.add(get::<UserId>(row, "id")?);
        }
        let sql = format!(
            "SELECT uu.user_id, u.id, u.name FROM user_unit uu JOIN unit u ON u.id = uu.unit_id \
             WHERE uu.tenant_id = $1 AND uu.user_id IN ({}) ORDER BY u.name, u.id",
            placeholders(2, rows.len())
        );
        let units = fetch(&mut db, composed(sql), list).await?;
        let mut units_of: HashMap<UserId, Vec<UnitName>> = HashMap::new();
        for row in &units {
            let unit = UnitName { id: get(row, "id")?, name: get(row, "name")? };
            units_of.entry(get(row, "user_id")?).or_default().push(unit);
        }
        let mut users = rows.iter().map(user).collect::<Result<Vec<_>, Error>>()?;
        for user in &mut users {
            user.units = units_of.remove(&user.id).unwrap_or_default();
        }
        Ok(Page::cut(users, limit, |last| Cursor::write_texts(&[&last.name, &last.id.to_string()])))
    }

    /// Returns a person of a tenant.
    ///
    /// # Errors
    /// [`Error::NotFound`], or a database error.
    pub async fn user(&self, tenant: TenantId, id: UserId) -> Result<User, Error> {
        let mut db = self.read().await?;
        find(&mut db, tenant, id).await
    }

    /// Returns the account of a mail address, in any case of letters, disabled or not.
    ///
    /// # Errors
    /// A database error.
    pub async fn login(&self, email: &str) -> Result<Option<Login>, Error> {
        let mut db = self.read().await?;
        let sql = format!("SELECT {COLUMNS}, password_hash FROM user_account WHERE email = $1");
        let Some(row) = fetch_one(&mut db, composed(sql), params![email.to_lowercase()]).await?
        else {
            return Ok(None);
        };
        let mut user = user(&row)?;
        user.units = units_of(&mut db, user.id).await?;
        Ok(Some(Login { user, password_hash: get(&row, "password_hash")? }))
    }

    /// Returns the account of a person with what is needed to check their password.
    ///
    /// # Errors
    /// [`Error::NotFound`], or a database error.
    pub async fn login_of(&self, tenant: TenantId, id: UserId) -> Result<Login, Error> {
        let mut db = self.read().await?;
        let user = find(&mut db, tenant, id).await?;
        let sql = "SELECT password_hash FROM user_account WHERE id = $1";
        let row = fetch_one(&mut db, sql, params![id]).await?.ok_or(Error::NotFound)?;
        Ok(Login { user, password_hash: get(&row, "password_hash")? })
    }

    /// Sets a new password and ends all sessions but `keep`.
    ///
    /// # Errors
    /// [`Error::NotFound`], or a database error.
    pub async fn set_password(
        &self,
        tenant: TenantId,
        id: UserId,
        password_hash: &str,
        keep: Option<SessionId>,
        by: &By,
    ) -> Result<(), Error> {
        let mut tx = self.write().await?;
        let changed = tx
            .execute(
                "UPDATE user_account SET password_hash = $3, updated_at = $4 \
                 WHERE tenant_id = $1 AND id = $2",
                params![tenant, id, password_hash, Instant::now()],
            )
            .await?;
        if changed == 0 {
            return Err(Error::NotFound);
        }
        let keep = keep.map(|id| id.to_string()).unwrap_or_default();
        tx.execute("DELETE FROM session WHERE user_id = $1 AND id <> $2", params![id, keep])
            .await?;
        let event = AuditEvent::done(by, "set_password").to("user", id);
        audit::append(&mut tx, tenant, event).await?;
        tx.commit().await
    }

    /// Stores the same password under newer hashing parameters; nothing else changes.
    ///
    /// # Errors
    /// A database error.
    pub async fn rehash_password(
        &self,
        tenant: TenantId,
        id: UserId,
        password_hash: &str,
    ) -> Result<(), Error> {
        let mut tx = self.write().await?;
        tx.execute(
            "UPDATE user_account SET password_hash = $3 WHERE tenant_id = $1 AND id = $2",
            params![tenant, id, password_hash],
        )
        .await?;
        tx.commit().await
    }

    /// Changes an account.
    ///
    /// # Errors
    /// [`Error::NotFound`] for an unknown person or unit; [`Conflict::LastAdmin`].
    pub async fn change_user(
        &self,
        tenant: TenantId,
        id: UserId,
        change: &UserChange,
        by: &By,
    ) -> Result<User, Error> {
        let mut tx = self.write().await?;
        tx.changes_principals = true;
        tx.lock(Lock::People).await?;
        let before = find(tx.db(), tenant, id).await?;
        let role = change.role.unwrap_or(before.role);
        let disabled = change.disabled.unwrap_or(before.disabled);
        let was_admin = before.role == Role::Admin && !before.disabled;
        if was_admin && (role != Role::Admin || disabled) && admins(&mut tx, tenant).await? <= 1 {
            return Err(Error::Conflict(Conflict::LastAdmin));
        }
        let units_before: Vec<UnitId> = before.units.iter().map(|unit| unit.id).collect();
        let name = change.name.clone().unwrap_or(before.name);
        let locale = change.locale.clone().or(before.locale);
        tx.execute(
            "UPDATE user_account \
             SET name = $3, role = $4, disabled = $5, locale = $6, updated_at = $7 \
             WHERE tenant_id = $1 AND id = $2",
            params![tenant, id, name, role.code(), disabled, locale, Instant::now()],
        )
        .await?;
        if disabled {
            tx.execute("DELETE FROM session WHERE user_id = $1", params![id]).await?;
        }
        if let Some(units) = &change.units {
            set_units(&mut tx, tenant, id, units).await?;
        }
        let user = find(tx.db(), tenant, id).await?;
        let mut event = AuditEvent::done(by, "change_user")
            .to("user", id)
            .with("role", role.code())
            .with("disabled", disabled);
        if role != before.role {
            event = event.with("role_before", before.role.code());
        }
        if let Some(units) = &change.units {
            event = event.with("units", ids_of(units)).with("units_before", ids_of(&units_before));
        }
        audit::append(&mut tx, tenant, event).await?;
        tx.commit().await?;
        Ok(user)
    }
}

/// Inserts an account with units and default collection; the caller writes the audit entry.
pub(crate) async fn insert(tx: &mut Tx, tenant: TenantId, new: &NewUser) -> Result<User, Error> {
    let (id, now) = (UserId::new(), Instant::now());
    tx.execute(
        "INSERT INTO user_account (id, tenant_id, email, name, role, password_hash, disabled, \
                                   locale, created_at, updated_at, is_service) \
         VALUES ($1, $2, $3, $4, $5, $6, 0, $7, $8, $8, $9)",
        params![
            id,
            tenant,
            new.email.to_lowercase(),
            new.name.as_str(),
            new.role.code(),
            new.password_hash.as_str(),
            new.locale.clone(),
            now,
            new.is_service
        ],
    )
    .await
    .map_err(|error| {
        if is_duplicate(&error) { Error::Conflict(Conflict::EmailTaken) } else { error }
    })?;
    set_units(tx, tenant, id, &new.units).await?;
    let collection = NewCollection {
        name: new.default_collection.clone(),
        data_class: new.default_class,
        visibility: Visibility::Private,
    };
    collections::insert(tx, tenant, id, CollectionId::new(), &collection, true).await?;
    find(tx.db(), tenant, id).await
}

async fn set_units(
    tx: &mut Tx,
    tenant: TenantId,
    user: UserId,
    units: &[UnitId],
) -> Result<(), Error> {
    tx.execute("DELETE FROM user_unit WHERE user_id = $1", params![user]).await?;
    let mut wanted = units.to_vec();
    wanted.sort_unstable();
    wanted.dedup();
    if wanted.is_empty() {
        return Ok(());
    }
    let mut list = params![tenant, user];
    wanted.iter().for_each(|unit| list.add(*unit));
    let sql = format!(
        "INSERT INTO user_unit (tenant_id, user_id, unit_id) \
         SELECT u.tenant_id, $2, u.id FROM unit u WHERE u.tenant_id = $1 AND u.id IN ({})",
        placeholders(3, wanted.len())
    );
    let inserted = tx.execute(composed(sql), list).await?;
    if inserted == wanted.len() as u64 { Ok(()) } else { Err(Error::NotFound) }
}

/// Ids as a detail of an audit entry.
fn ids_of(units: &[UnitId]) -> String {
    units.iter().map(UnitId::to_string).collect::<Vec<_>>().join(" ")
}

async fn admins(tx: &mut Tx, tenant: TenantId) -> Result<u64, Error> {
    count(
        tx.db(),
        "SELECT COUNT(*) AS n FROM user_account \
         WHERE tenant_id = $1 AND role = 'admin' AND disabled = 0",
        params![tenant],
    )
    .await
}

pub(crate) async fn find(
    db: &mut AnyConnection,
    tenant: TenantId,
    id: UserId,
) -> Result<User, Error> {
    let sql = format!("SELECT {COLUMNS} FROM user_account WHERE tenant_id = $1 AND id = $2");
    let row = fetch_one(db, composed(sql), params![tenant, id]).await?.ok_or(Error::NotFound)?;
    let mut user = user(&row)?;
    user.units = units_of(db, id).await?;
    Ok(user)
}

async fn units_of(db: &mut AnyConnection, user: UserId) -> Result<Vec<UnitName>, Error> {
    let rows = fetch(
        db,
        "SELECT u.id, u.name FROM user_unit uu JOIN unit u ON u.id = uu.unit_id \
         WHERE uu.user_id = $1 ORDER BY u.name, u.id",
        params![user],
    )
    .await?;
    rows.iter().map(|row| Ok(UnitName { id: get(row, "id")?, name: get(row, "name")? })).collect()
}

/// Reads an account from a row; its units come from another.
fn user(row: &AnyRow) -> Result<User, Error> {
    Ok(User {
        id: get(row, "id")?,
        tenant: get(row, "tenant_id")?,
        email: get(row, "email")?,
        name: get(row, "name")?,
        role: get(row, "role")?,
        disabled: get(row, "disabled")?,
        is_service: get(row, "is_service")?,
        locale: get(row, "locale")?,
        created_at: get(row, "created_at")?,
        units: Vec::new(),
    })
}
