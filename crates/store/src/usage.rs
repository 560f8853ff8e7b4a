//! What models have used: figures and names of ours, no content.

use domain::{DataClass, Instant, KeyId, TenantId, UserId};
use uuid::Uuid;

use crate::{
    Error, Store, TokenUsage,
    database::fetch_one,
    values::{get, params},
};

/// A call to a model that has ended.
#[derive(Debug, Clone)]
pub struct NewUsage {
    /// Its tenant.
    pub tenant: TenantId,
    /// Who asked.
    pub user: UserId,
    /// With which key, if with one.
    pub key: Option<KeyId>,
    /// The model's name.
    pub model: String,
    /// The route's name.
    pub route: String,
    /// Tokens.
    pub tokens: TokenUsage,
    /// Class of the run.
    pub data_class: DataClass,
    /// How it ended, as a code.
    pub outcome: &'static str,
}

/// Sums over calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct UsageTotal {
    /// Calls.
    pub calls: u64,
    /// Tokens read.
    pub prompt_tokens: u64,
    /// Tokens written.
    pub completion_tokens: u64,
}

impl Store {
    /// Writes down what a call used.
    ///
    /// # Errors
    /// A database error.
    pub async fn record_usage(&self, usage: &NewUsage) -> Result<(), Error> {
        let mut tx = self.write().await?;
        tx.execute(
            "INSERT INTO usage_record (id, tenant_id, user_id, key_id, model, route, \
                    prompt_tokens, completion_tokens, estimated, data_class, outcome, at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
            params![
                Uuid::now_v7().to_string(),
                usage.tenant,
                usage.user,
                usage.key,
                usage.model.as_str(),
                usage.route.as_str(),
                usage.tokens.prompt_tokens,
                usage.tokens.completion_tokens,
                usage.tokens.estimated,
                usage.data_class.code(),
                usage.outcome,
                Instant::now()
            ],
        )
        .await?;
        tx.commit().await
    }

    /// Sums what a tenant's calls have used since a point in time.
    ///
    /// # Errors
    /// A database error.
    pub async fn usage_since(&self, tenant: TenantId, since: Instant) -> Result<UsageTotal, Error> {
        let mut db = self.read().await?;
        let row = fetch_one(
            &mut db,
            "SELECT COUNT(*) AS calls, \
                    CAST(COALESCE(SUM(prompt_tokens), 0) AS BIGINT) AS prompt_tokens, \
                    CAST(COALESCE(SUM(completion_tokens), 0) AS BIGINT) AS completion_tokens \
             FROM usage_record WHERE tenant_id = $1 AND at >= $2",
            params![tenant, since],
        )
        .await?
        .ok_or(Error::NotFound)?;
        Ok(UsageTotal {
            calls: get(&row, "calls")?,
            prompt_tokens: get(&row, "prompt_tokens")?,
            completion_tokens: get(&row, "completion_tokens")?,
        })
    }
}
