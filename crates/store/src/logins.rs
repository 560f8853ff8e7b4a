//! Failed logins, by account and by address, so that guessing can be slowed down. The policy is not
//! known here; subjects are keyed hashes.

use domain::Instant;

use crate::{
    Error, Store,
    database::{Tx, fetch_one},
    engine::Lock,
    values::{get, params},
};

/// Failed logins of one subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LoginAttempts {
    /// Failures since the last success or quiet period.
    pub failures: u32,
    /// When the last failure was.
    pub last_failure: Option<Instant>,
}

impl Store {
    /// Returns what is known about a subject.
    ///
    /// # Errors
    /// A database error.
    pub async fn login_attempts(&self, subject: &str) -> Result<LoginAttempts, Error> {
        let mut db = self.read().await?;
        let sql = "SELECT failures, last_at FROM login_attempt WHERE subject = $1";
        match fetch_one(&mut db, sql, params![subject]).await? {
            Some(row) => Ok(LoginAttempts {
                failures: get(&row, "failures")?,
                last_failure: Some(get(&row, "last_at")?),
            }),
            None => Ok(LoginAttempts::default()),
        }
    }

    /// Reads the attempts of all `subjects`, lets `change` decide and change them, and writes them
    /// back; nobody else changes them in between. Attempts without a failure are forgotten.
    ///
    /// # Errors
    /// A database error.
    pub async fn change_login_attempts<R>(
        &self,
        subjects: &[&str],
        change: impl FnOnce(&mut [LoginAttempts]) -> R,
    ) -> Result<R, Error> {
        let mut tx = self.write().await?;
        tx.lock(Lock::Logins).await?;
        let mut all = Vec::with_capacity(subjects.len());
        for subject in subjects {
            let sql = "SELECT failures, last_at FROM login_attempt WHERE subject = $1";
            all.push(match tx.fetch_one(sql, params![*subject]).await? {
                Some(row) => LoginAttempts {
                    failures: get(&row, "failures")?,
                    last_failure: Some(get(&row, "last_at")?),
                },
                None => LoginAttempts::default(),
            });
        }
        let before = all.clone();
        let result = change(&mut all);
        for ((subject, attempts), before) in subjects.iter().zip(all).zip(before) {
            if attempts != before {
                write(&mut tx, subject, attempts).await?;
            }
        }
        tx.commit().await?;
        Ok(result)
    }

    /// Forgets all failures before `before`; returns how many subjects that were.
    ///
    /// # Errors
    /// A database error.
    pub async fn delete_login_attempts(&self, before: Instant) -> Result<u64, Error> {
        let mut tx = self.write().await?;
        let gone =
            tx.execute("DELETE FROM login_attempt WHERE last_at < $1", params![before]).await?;
        tx.commit().await?;
        Ok(gone)
    }
}

async fn write(tx: &mut Tx, subject: &str, attempts: LoginAttempts) -> Result<(), Error> {
    match attempts.last_failure {
        Some(last) if attempts.failures > 0 => {
            tx.execute(
                "INSERT INTO login_attempt (subject, failures, last_at) VALUES ($1, $2, $3) \
                 ON CONFLICT (subject) DO UPDATE \
                 SET failures = excluded.failures, last_at = excluded.last_at",
                params![subject, attempts.failures, last],
            )
            .await?
        }
        _ => tx.execute("DELETE FROM login_attempt WHERE subject = $1", params![subject]).await?,
    };
    Ok(())
}
