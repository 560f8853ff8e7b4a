//! Background work: a job is enqueued in the transaction of the fact that caused it, runs at least
//! once, carries ids and never content, is tried again with growing delay, and ends.
//!
//! Knows nothing about what the jobs do.

use std::time::Duration;

use domain::{CollectionId, DocumentId, Instant, JobId, Principal, TenantId, UserId};
use serde_json::{Value, json};
use sqlx::any::AnyRow;

use crate::{
    Error, Store,
    database::{Tx, composed, fetch, placeholders},
    engine::Lock,
    values::{Json, get, params},
};

/// How often a job is tried before it ends as failed.
pub const ATTEMPTS_MAX: u32 = 5;
/// The wait before the second attempt; grows fourfold with each further one: 5 s, 20 s, 80 s, 320 s.
const FIRST_DELAY: Duration = Duration::from_secs(5);
/// A worker that no commit of its own process wakes looks again after this long: another process may
/// have enqueued something, or a lease may have ended.
const POLL_INTERVAL: Duration = Duration::from_secs(2);

/// The job that extracts and indexes a document: `{"document": id}`.
pub const INGEST_DOCUMENT: &str = "ingest_document";
/// The job that removes what was deleted from the index: `{"document": id}` or `{"collection": id}`.
pub const PURGE_INDEX: &str = "purge_index";

/// A job to do.
#[derive(Debug, Clone)]
pub struct NewJob {
    /// Its tenant.
    pub tenant: TenantId,
    /// Who waits for it; `None` for work that nobody in particular asked for.
    pub owner: Option<UserId>,
    /// Its stable name.
    pub kind: &'static str,
    /// Ids only.
    pub payload: Value,
}

impl NewJob {
    /// Extract and index a document.
    #[must_use]
    pub fn ingest(tenant: TenantId, owner: UserId, document: DocumentId) -> Self {
        let payload = json!({ "document": document });
        Self { tenant, owner: Some(owner), kind: INGEST_DOCUMENT, payload }
    }

    pub(crate) fn purge_document(principal: &Principal, document: DocumentId) -> Self {
        let payload = json!({ "document": document });
        let owner = Some(principal.user);
        Self { tenant: principal.tenant, owner, kind: PURGE_INDEX, payload }
    }

    pub(crate) fn purge_collection(principal: &Principal, collection: CollectionId) -> Self {
        let payload = json!({ "collection": collection });
        let owner = Some(principal.user);
        Self { tenant: principal.tenant, owner, kind: PURGE_INDEX, payload }
    }
}

/// A job that a worker holds until its lease ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Its id.
    pub id: JobId,
    /// Its tenant.
    pub tenant: TenantId,
    /// Who waits for it.
    pub owner: Option<UserId>,
    /// Its stable name.
    pub kind: String,
    /// Ids only.
    pub payload: Value,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// All attempts were used up without a result, e.g. because each killed its worker. Do not run
    /// it: tell its owner, then call [`Store::fail_job`].
    pub exhausted: bool,
}

/// What becomes of a job that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// Try again later, if attempts are left.
    Later,
    /// Trying again would change nothing.
    Never,
}

/// How a failed job went on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterFailure {
    /// It will be tried again, not before this time.
    Again(Instant),
    /// It ended.
    Ended,
    /// Somebody else holds it now; this worker's result does not count.
    Lost,
}

/// How many jobs are in which state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct JobCounts {
    /// Not begun, or waiting for another attempt.
    pub waiting: u64,
    /// Held by a worker.
    pub running: u64,
    /// Ended without success.
    pub failed: u64,
}

/// Rings when there may be a job.
#[derive(Debug)]
pub struct JobBell {
    rung: tokio::sync::watch::Receiver<()>,
}

impl JobBell {
    /// Waits for a commit of this process that enqueued a job, or a short while. A commit between two
    /// calls is not missed.
    pub async fn wait(&mut self) {
        let rung = tokio::time::timeout(POLL_INTERVAL, self.rung.changed()).await;
        if let Ok(Err(_)) = rung {
            // The store is gone; do not let the caller spin.
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }
}

impl Store {
    /// Enqueues a job on its own. Jobs that follow from a fact are enqueued by the method that writes
    /// the fact.
    ///
    /// # Errors
    /// A database error.
    pub async fn enqueue_job(&self, job: &NewJob) -> Result<JobId, Error> {
        let mut tx = self.write().await?;
        let id = enqueue(&mut tx, job).await?;
        tx.commit().await?;
        Ok(id)
    }

    /// Takes the next job of one of these kinds for `instance`, if there is one: of the owner who has
    /// the fewest running, then the oldest. The lease must be renewed by [`Store::heartbeat_job`]
    /// before it ends.
    ///
    /// # Errors
    /// A database error.
    pub async fn claim_job(
        &self,
        kinds: &[&str],
        instance: &str,
        lease: Duration,
    ) -> Result<Option<Job>, Error> {
        let now = Instant::now();
        if !self.has_claimable(kinds, now).await? {
            return Ok(None);
        }
        let mut tx = self.write().await?;
        tx.lock(Lock::Jobs).await?;
        release(&mut tx, now).await?;
        let Some(row) = next(&mut tx, kinds, now).await? else {
            tx.commit().await?;
            return Ok(None);
        };
        let mut job = job(&row)?;
        tx.execute(
            "UPDATE job SET state = 'running', attempts = attempts + 1, instance = $2, \
                            lease_until = $3 WHERE id = $1",
            params![job.id, instance, now.after(lease)],
        )
        .await?;
        tx.commit().await?;
        job.attempt += 1;
        job.exhausted = job.attempt > ATTEMPTS_MAX;
        Ok(Some(job))
    }

    /// Renews the lease; `false` if somebody else holds the job now and this worker must stop.
    ///
    /// # Errors
    /// A database error.
    pub async fn heartbeat_job(
        &self,
        job: &Job,
        instance: &str,
        lease: Duration,
    ) -> Result<bool, Error> {
        let mut tx = self.write().await?;
        let held = tx
            .execute(
                "UPDATE job SET lease_until = $4 WHERE id = $1 AND instance = $2 \
                 AND attempts = $3 AND state = 'running'",
                params![job.id, instance, job.attempt, Instant::now().after(lease)],
            )
            .await?;
        tx.commit().await?;
        Ok(held > 0)
    }

    /// Removes a job that is done; `false` if somebody else holds it now.
    ///
    /// # Errors
    /// A database error.
    pub async fn complete_job(&self, job: &Job) -> Result<bool, Error> {
        let mut tx = self.write().await?;
        let done = tx
            .execute(
                "DELETE FROM job WHERE id = $1 AND attempts = $2 AND state = 'running'",
                params![job.id, job.attempt],
            )
            .await?;
        tx.commit().await?;
        Ok(done > 0)
    }

    /// Gives a job back that failed with the code `error`.
    ///
    /// # Errors
    /// A database error.
    pub async fn fail_job(
        &self,
        job: &Job,
        error: &str,
        retry: Retry,
    ) -> Result<AfterFailure, Error> {
        let again = retry == Retry::Later && job.attempt < ATTEMPTS_MAX;
        let run_after = Instant::now().after(delay(job.attempt));
        let state = if again { "waiting" } else { "failed" };
        let mut tx = self.write().await?;
        let held = tx
            .execute(
                "UPDATE job SET state = $3, last_error = $4, run_after = $5, instance = NULL, \
                                lease_until = NULL \
                 WHERE id = $1 AND attempts = $2 AND state = 'running'",
                params![job.id, job.attempt, state, error, run_after],
            )
            .await?;
        tx.commit().await?;
        Ok(match (held > 0, again) {
            (false, _) => AfterFailure::Lost,
            (true, true) => AfterFailure::Again(run_after),
            (true, false) => AfterFailure::Ended,
        })
    }

    /// Gives a job back that a stopping worker did not finish; the attempt does not count.
    ///
    /// # Errors
    /// A database error.
    pub async fn return_job(&self, job: &Job) -> Result<(), Error> {
        let mut tx = self.write().await?;
        tx.execute(
            "UPDATE job SET state = 'waiting', attempts = attempts - 1, instance = NULL, \
                            lease_until = NULL \
             WHERE id = $1 AND attempts = $2 AND state = 'running'",
            params![job.id, job.attempt],
        )
        .await?;
        tx.wakes_workers = true;
        tx.commit().await
    }

    /// Takes all jobs back that other instances hold. Only where this process is known to be the
    /// only worker, as on SQLite after the start: it need not wait for the leases of a killed one.
    ///
    /// # Errors
    /// A database error.
    pub async fn release_jobs_of_others(&self, instance: &str) -> Result<u64, Error> {
        let mut tx = self.write().await?;
        let released = tx
            .execute(
                "UPDATE job SET state = 'waiting', instance = NULL, lease_until = NULL \
                 WHERE state = 'running' AND instance <> $1",
                params![instance],
            )
            .await?;
        tx.wakes_workers = released > 0;
        tx.commit().await?;
        Ok(released)
    }

    /// Counts jobs by state.
    ///
    /// # Errors
    /// A database error.
    pub async fn job_counts(&self) -> Result<JobCounts, Error> {
        let mut db = self.read().await?;
        let sql = "SELECT state, COUNT(*) AS n FROM job GROUP BY state";
        let mut counts = JobCounts::default();
        for row in fetch(&mut db, sql, params![]).await? {
            let state: String = get(&row, "state")?;
            let n = get(&row, "n")?;
            match state.as_str() {
                "waiting" => counts.waiting = n,
                "running" => counts.running = n,
                _ => counts.failed += n,
            }
        }
        Ok(counts)
    }

    /// Returns a bell that rings when there may be a job. Take it before the first look.
    #[must_use]
    pub fn job_bell(&self) -> JobBell {
        JobBell { rung: self.jobs_enqueued() }
    }

    /// Looks without taking the write lock, so that idle workers disturb nobody.
    async fn has_claimable(&self, kinds: &[&str], now: Instant) -> Result<bool, Error> {
        let mut list = params![now];
        kinds.iter().for_each(|kind| list.add(*kind));
        let sql = format!(
            "SELECT id FROM job WHERE state = 'waiting' AND run_after <= $1 AND kind IN ({kinds}) \
             UNION ALL \
             SELECT id FROM job WHERE state = 'running' AND lease_until < $1 AND kind IN ({kinds}) \
             LIMIT 1",
            kinds = placeholders(2, kinds.len())
        );
        let mut db = self.read().await?;
        Ok(!fetch(&mut db, composed(sql), list).await?.is_empty())
    }
}

/// Enqueues a job in the caller's transaction.
pub(crate) async fn enqueue(tx: &mut Tx, job: &NewJob) -> Result<JobId, Error> {
    let (id, now) = (JobId::new(), Instant::now());
    let owner = job.owner.map(|owner| owner.to_string()).unwrap_or_default();
    tx.execute(
        "INSERT INTO job (id, tenant_id, owner_id, kind, payload, state, attempts, run_after, \
                          created_at) \
         VALUES ($1, $2, $3, $4, $5, 'waiting', 0, $6, $6)",
        params![id, job.tenant, owner, job.kind, Json(&job.payload), now],
    )
    .await?;
    tx.wakes_workers = true;
    Ok(id)
}

/// Puts jobs whose worker has gone silent back into the queue.
async fn release(tx: &mut Tx, now: Instant) -> Result<(), Error> {
    tx.execute(
        "UPDATE job SET state = 'waiting', instance = NULL, lease_until = NULL \
         WHERE state = 'running' AND lease_until < $1",
        params![now],
    )
    .await?;
    Ok(())
}

async fn next(tx: &mut Tx, kinds: &[&str], now: Instant) -> Result<Option<AnyRow>, Error> {
    let names = placeholders(2, kinds.len());
    let with_kinds = || {
        let mut list = params![now];
        kinds.iter().for_each(|kind| list.add(*kind));
        list
    };
    // First whose turn it is, then which of their jobs: two short index walks instead of counting
    // anew for every waiting row.
    let sql = format!(
        "SELECT w.owner_id, w.oldest, \
                (SELECT COUNT(*) FROM job r WHERE r.state = 'running' \
                 AND r.kind IN ({names}) AND r.owner_id = w.owner_id) AS busy \
         FROM (SELECT owner_id, MIN(created_at) AS oldest FROM job \
               WHERE state = 'waiting' AND kind IN ({names}) AND run_after <= $1 \
               GROUP BY owner_id) w \
         ORDER BY busy, oldest, w.owner_id LIMIT 1"
    );
    let Some(row) = tx.fetch_one(composed(sql), with_kinds()).await? else { return Ok(None) };
    let owner: String = get(&row, "owner_id")?;
    let mut list = with_kinds();
    list.add(owner);
    let sql = format!(
        "SELECT id, tenant_id, owner_id, kind, payload, attempts FROM job \
         WHERE state = 'waiting' AND kind IN ({names}) AND run_after <= $1 AND owner_id = ${} \
         ORDER BY created_at, id LIMIT 1",
        kinds.len() + 2
    );
    tx.fetch_one(composed(sql), list).await
}

fn delay(attempt: u32) -> Duration {
    FIRST_DELAY.saturating_mul(4_u32.saturating_pow(attempt.saturating_sub(1)))
}

fn job(row: &AnyRow) -> Result<Job, Error> {
    let owner: String = get(row, "owner_id")?;
    let Json(payload) = get(row, "payload")?;
    Ok(Job {
        id: get(row, "id")?,
        tenant: get(row, "tenant_id")?,
        owner: owner.parse().ok(),
        kind: get(row, "kind")?,
        payload,
        attempt: get(row, "attempts")?,
        exhausted: false,
    })
}
