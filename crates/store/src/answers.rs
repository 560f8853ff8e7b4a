//! Answers kept for whoever asks the same again: sealed, for a time, within a bound. Knows neither
//! what is in them nor what was asked.

use std::time::Duration;

use domain::{Instant, TenantId};

use crate::{
    Error, Store,
    database::{composed, count, fetch_one, placeholders},
    values::{get, params},
};

/// Most answers thrown out at once to make room. If that is not enough, the next answer goes on.
const THROWN_OUT_MAX: i64 = 100;

/// How long and how much is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AnswerBounds {
    /// How long an answer is kept.
    pub lifetime: Duration,
    /// Most bytes of all answers; beyond: the oldest go.
    pub bytes_max: u64,
}

impl Store {
    /// Returns the answer kept under a name, if there is one that holds still.
    ///
    /// # Errors
    /// A database error.
    pub async fn kept_answer(
        &self,
        tenant: TenantId,
        name: &str,
        now: Instant,
    ) -> Result<Option<Vec<u8>>, Error> {
        let mut db = self.read().await?;
        let sql = "SELECT sealed FROM answer_cache \
                   WHERE name = $1 AND tenant_id = $2 AND expires_at > $3";
        let Some(row) = fetch_one(&mut db, sql, params![name, tenant, now]).await? else {
            return Ok(None);
        };
        let text: String = get(&row, "sealed")?;
        hex::decode(text).map(Some).map_err(|_| Error::Unreadable("sealed"))
    }

    /// How many answers are kept, also those that are over.
    ///
    /// # Errors
    /// A database error.
    pub async fn kept_answers(&self) -> Result<u64, Error> {
        let mut db = self.read().await?;
        count(&mut db, "SELECT COUNT(*) AS n FROM answer_cache", params![]).await
    }

    /// Keeps an answer in the place of an older one of the same name; throws out what is over and,
    /// if there is too much, the oldest.
    ///
    /// # Errors
    /// A database error.
    pub async fn keep_answer(
        &self,
        tenant: TenantId,
        name: &str,
        sealed: &[u8],
        bounds: AnswerBounds,
    ) -> Result<(), Error> {
        let now = Instant::now();
        let mut tx = self.write().await?;
        tx.execute(
            "DELETE FROM answer_cache WHERE name = $1 OR expires_at <= $2",
            params![name, now],
        )
        .await?;
        tx.execute(
            "INSERT INTO answer_cache (name, tenant_id, sealed, size_bytes, created_at, expires_at) \
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (name) DO NOTHING",
            params![
                name,
                tenant,
                hex::encode(sealed),
                sealed.len(),
                now,
                now.after(bounds.lifetime)
            ],
        )
        .await?;
        let sql = "SELECT CAST(COALESCE(SUM(size_bytes), 0) AS BIGINT) AS n FROM answer_cache";
        let row = tx.fetch_one(sql, params![]).await?.ok_or(Error::NotFound)?;
        let mut left: u64 = get(&row, "n")?;
        if left > bounds.bytes_max {
            let sql =
                "SELECT name, size_bytes FROM answer_cache ORDER BY created_at, name LIMIT $1";
            let mut list = params![];
            let mut thrown = 0;
            for row in tx.fetch(sql, params![THROWN_OUT_MAX]).await? {
                if left <= bounds.bytes_max {
                    break;
                }
                left -= get::<u64>(&row, "size_bytes")?;
                list.add(get::<String>(&row, "name")?);
                thrown += 1;
            }
            let sql =
                format!("DELETE FROM answer_cache WHERE name IN ({})", placeholders(1, thrown));
            tx.execute(composed(sql), list).await?;
        }
        tx.commit().await
    }
}
