//! The first administrator: a single-use token decides who that is.

use domain::{Instant, Role, TenantId};

use crate::{
    AuditEvent, By, Conflict, Error, NewUser, Store, User, audit, database::count, engine::Lock,
    people, values::params,
};

impl Store {
    /// Keeps a new set-up token and forgets all earlier ones; `tenant` is the one that will get its
    /// first administrator.
    ///
    /// # Errors
    /// [`Conflict::AlreadySetUp`] if there is an account.
    pub async fn create_setup_token(
        &self,
        token_hash: &str,
        expires_at: Instant,
        tenant: TenantId,
    ) -> Result<(), Error> {
        let mut tx = self.write().await?;
        tx.lock(Lock::People).await?;
        refuse_if_set_up(&mut tx).await?;
        tx.execute("DELETE FROM setup_token", params![]).await?;
        tx.execute(
            "INSERT INTO setup_token (token_hash, created_at, expires_at) VALUES ($1, $2, $3)",
            params![token_hash, Instant::now(), expires_at],
        )
        .await?;
        let event = AuditEvent::done(&By::command(), "create_setup_link")
            .with("expires_at", expires_at.to_rfc3339());
        audit::append(&mut tx, tenant, event).await?;
        tx.commit().await
    }

    /// Uses up a set-up token and makes the first administrator, both or neither.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a token that is unknown, used or expired;
    /// [`Conflict::AlreadySetUp`] if there is an account.
    pub async fn set_up(
        &self,
        token_hash: &str,
        now: Instant,
        tenant: TenantId,
        first: &NewUser,
    ) -> Result<User, Error> {
        let mut tx = self.write().await?;
        tx.lock(Lock::People).await?;
        refuse_if_set_up(&mut tx).await?;
        let used = tx
            .execute(
                "DELETE FROM setup_token WHERE token_hash = $1 AND expires_at > $2",
                params![token_hash, now],
            )
            .await?;
        if used == 0 {
            return Err(Error::NotFound);
        }
        tx.execute("DELETE FROM setup_token", params![]).await?;
        let first = NewUser { role: Role::Admin, ..first.clone() };
        let user = people::insert(&mut tx, tenant, &first).await?;
        let by = By { user: Some(user.id), ..By::system() };
        let event = AuditEvent::done(&by, "set_up").to("user", user.id);
        audit::append(&mut tx, tenant, event).await?;
        tx.commit().await?;
        Ok(user)
    }
}

async fn refuse_if_set_up(tx: &mut crate::database::Tx) -> Result<(), Error> {
    if count(tx.db(), "SELECT COUNT(*) AS n FROM user_account", params![]).await? > 0 {
        return Err(Error::Conflict(Conflict::AlreadySetUp));
    }
    Ok(())
}
