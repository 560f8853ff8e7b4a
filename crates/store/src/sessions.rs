//! Browser sessions. Only the keyed hash of a session's token is kept.

use std::time::Duration;

use domain::{Credential, Instant, Principal, SessionId, TenantId, UserId};
use sqlx::any::AnyRow;

use crate::{
    AuditEvent, By, Cursor, Error, Page, Store, User, Via, audit,
    database::{fetch, fetch_one},
    people,
    values::{get, params},
};

/// The last use of a session or key is written at most this often.
pub const TOUCH_INTERVAL: Duration = Duration::from_secs(60);

/// A browser session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Its id; not its secret.
    pub id: SessionId,
    /// Since when.
    pub created_at: Instant,
    /// Last use, to the minute.
    pub last_used_at: Instant,
    /// Until when.
    pub expires_at: Instant,
    /// What the browser called itself.
    pub user_agent: String,
}

/// Who signed in, and with which session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedIn {
    /// The session.
    pub session: Session,
    /// The person.
    pub user: User,
}

impl SignedIn {
    /// The person as one who acts.
    #[must_use]
    pub fn principal(&self) -> Principal {
        self.user.principal(Credential::Session(self.session.id))
    }
}

const COLUMNS: &str = "s.id, s.user_agent, s.created_at, s.last_used_at, s.expires_at";

impl Store {
    /// Makes a session for a person who has proved who they are.
    ///
    /// # Errors
    /// A database error.
    pub async fn create_session(
        &self,
        user: &User,
        token_hash: &str,
        user_agent: &str,
        expires_at: Instant,
    ) -> Result<Session, Error> {
        let now = Instant::now();
        let session = Session {
            id: SessionId::new(),
            created_at: now,
            last_used_at: now,
            expires_at,
            user_agent: user_agent.to_owned(),
        };
        let mut tx = self.write().await?;
        tx.execute(
            "INSERT INTO session (id, tenant_id, user_id, token_hash, user_agent, created_at, \
                                  last_used_at, expires_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $6, $7)",
            params![session.id, user.tenant, user.id, token_hash, user_agent, now, expires_at],
        )
        .await?;
        let by = By { user: Some(user.id), key: None, via: Via::Session };
        let event = AuditEvent::done(&by, "create_session").to("session", session.id);
        audit::append(&mut tx, user.tenant, event).await?;
        tx.commit().await?;
        Ok(session)
    }

    /// Returns who a session token belongs to; `None` if it is unknown, expired, or its person
    /// disabled.
    ///
    /// # Errors
    /// A database error.
    pub async fn session_by_token(
        &self,
        token_hash: &str,
        now: Instant,
    ) -> Result<Option<SignedIn>, Error> {
        let mut db = self.read().await?;
        let row = fetch_one(
            &mut db,
            "SELECT s.id, s.user_agent, s.created_at, s.last_used_at, s.expires_at, \
                    s.tenant_id, s.user_id \
             FROM session s JOIN user_account u ON u.id = s.user_id \
             WHERE s.token_hash = $1 AND s.expires_at > $2 AND u.disabled = 0",
            params![token_hash, now],
        )
        .await?;
        let Some(row) = row else { return Ok(None) };
        let user = people::find(&mut db, get(&row, "tenant_id")?, get(&row, "user_id")?).await?;
        Ok(Some(SignedIn { session: session(&row)?, user }))
    }

    /// Writes down that a session is in use, at most once a minute.
    ///
    /// # Errors
    /// A database error.
    pub async fn touch_session(&self, session: &Session, now: Instant) -> Result<(), Error> {
        if now.since(session.last_used_at) < TOUCH_INTERVAL {
            return Ok(());
        }
        let mut tx = self.write().await?;
        tx.execute(
            "UPDATE session SET last_used_at = $2 WHERE id = $1 AND last_used_at <= $3",
            params![session.id, now, now.before(TOUCH_INTERVAL)],
        )
        .await?;
        tx.commit().await
    }

    /// Lists a person's live sessions, the last used first.
    ///
    /// # Errors
    /// A database error, or a bad cursor.
    pub async fn sessions(
        &self,
        tenant: TenantId,
        owner: UserId,
        now: Instant,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Page<Session>, Error> {
        let (at, id) = Cursor::before(after)?;
        let mut db = self.read().await?;
        let sql = format!(
            "SELECT {COLUMNS} FROM session s \
             WHERE s.user_id = $1 AND s.tenant_id = $2 AND s.expires_at > $3 \
             AND (s.last_used_at, s.id) < ($4, $5) \
             ORDER BY s.last_used_at DESC, s.id DESC LIMIT $6"
        );
        let list = params![owner, tenant, now, at, id, i64::from(limit) + 1];
        let rows = fetch(&mut db, crate::database::composed(sql), list).await?;
        let sessions = rows.iter().map(session).collect::<Result<Vec<_>, Error>>()?;
        Ok(Page::cut(sessions, limit, |last| Cursor::write(last.last_used_at, last.id)))
    }

    /// Ends a session.
    ///
    /// # Errors
    /// [`Error::NotFound`] if the person has no such session.
    pub async fn delete_session(
        &self,
        tenant: TenantId,
        owner: UserId,
        id: SessionId,
        by: &By,
    ) -> Result<(), Error> {
        let mut tx = self.write().await?;
        let ended = tx
            .execute(
                "DELETE FROM session WHERE id = $1 AND user_id = $2 AND tenant_id = $3",
                params![id, owner, tenant],
            )
            .await?;
        if ended == 0 {
            return Err(Error::NotFound);
        }
        let event = AuditEvent::done(by, "delete_session").to("session", id);
        audit::append(&mut tx, tenant, event).await?;
        tx.commit().await
    }

    /// Removes sessions that have expired; returns how many.
    ///
    /// # Errors
    /// A database error.
    pub async fn delete_expired_sessions(&self, now: Instant) -> Result<u64, Error> {
        let mut tx = self.write().await?;
        let gone = tx.execute("DELETE FROM session WHERE expires_at <= $1", params![now]).await?;
        tx.commit().await?;
        Ok(gone)
    }
}

fn session(row: &AnyRow) -> Result<Session, Error> {
    Ok(Session {
        id: get(row, "id")?,
        created_at: get(row, "created_at")?,
        last_used_at: get(row, "last_used_at")?,
        expires_at: get(row, "expires_at")?,
        user_agent: get(row, "user_agent")?,
    })
}
