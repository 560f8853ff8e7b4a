//! The worker: takes jobs one after the other, keeps their leases alive, and gives back what it
//! could not finish.

use std::{sync::Arc, time::Duration};

use domain::{CollectionId, DocumentId, Instant};
use serde::Deserialize;
use store::{AfterFailure, INGEST_DOCUMENT, Job, PURGE_INDEX, Retry};
use tokio::sync::Semaphore;

use crate::{App, Error, Result};

/// How long a job is ours without a sign of life.
const LEASE: Duration = Duration::from_secs(60);
/// Jobs in hand for each document that is read at the same time: while one is read, others wait for
/// the index and share its commits.
const JOBS_PER_READER: usize = 4;
/// How often the house is tidied: expired sessions, old attempts, files without a row.
const TIDY_INTERVAL: Duration = Duration::from_mins(10);
/// Files without a row are removed after this age: an upload in progress has no row yet.
const ORPHAN_AGE: Duration = Duration::from_hours(24);
/// At a start alone, uploads of the process before are removed; those of this one are younger.
const LEFTOVER_AGE: Duration = Duration::from_mins(1);
/// Pause after the worker could not begin.
const RETRY_PAUSE: Duration = Duration::from_secs(1);

#[derive(Deserialize)]
struct Payload {
    document: Option<DocumentId>,
    collection: Option<CollectionId>,
}

impl App {
    /// Works until the process stops. Builds the index anew first if `index_is_stale`. `is_alone`
    /// says that no other worker can be running, as on SQLite: then what a killed process held is
    /// taken back at once. What fails is logged and tried again.
    pub async fn run_worker(self: &Arc<Self>, index_is_stale: bool, is_alone: bool) {
        while let Err(error) = self.prepare_work(index_is_stale, is_alone).await {
            tracing::error!(
                error.code = error.code,
                error = &error as &dyn std::error::Error,
                "the worker could not begin and will try again"
            );
            let pause = tokio::time::sleep(RETRY_PAUSE);
            if self.stopping.run_until_cancelled(pause).await.is_none() {
                return;
            }
        }
        let app = self.clone();
        self.tasks.spawn(async move { app.tidy_from_time_to_time().await });
        self.take_jobs().await;
    }

    /// What must be done before the first job; may be done again.
    async fn prepare_work(&self, index_is_stale: bool, is_alone: bool) -> Result<()> {
        if is_alone {
            self.store.release_jobs_of_others(&self.config.instance).await?;
        }
        let leftover_age = if is_alone { LEFTOVER_AGE } else { ORPHAN_AGE };
        self.blobs.sweep_incoming(leftover_age).await?;
        if index_is_stale {
            self.rebuild_index().await?;
        }
        Ok(())
    }

    async fn take_jobs(self: &Arc<Self>) {
        let room = Arc::new(Semaphore::new(self.config.ingest_workers * JOBS_PER_READER));
        let mut bell = self.store.job_bell();
        loop {
            let permit = tokio::select! {
                () = self.stopping.cancelled() => return,
                permit = room.clone().acquire_owned() => permit,
            };
            let Ok(permit) = permit else { return };
            let kinds = [INGEST_DOCUMENT, PURGE_INDEX];
            match self.store.claim_job(&kinds, &self.config.instance, LEASE).await {
                Ok(Some(job)) => {
                    let app = self.clone();
                    self.tasks.spawn(async move {
                        app.work_on(job).await;
                        drop(permit);
                    });
                }
                Ok(None) => tokio::select! {
                    () = self.stopping.cancelled() => return,
                    () = bell.wait() => {}
                },
                Err(error) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "no job could be taken"
                    );
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
        }
    }

    async fn work_on(self: &Arc<Self>, job: Job) {
        let outcome = if job.exhausted {
            self.give_up(&job).await.map(|()| Next::Failed("exhausted", Retry::Never))
        } else {
            self.run_job(&job).await
        };
        let next = outcome.unwrap_or_else(|error| {
            tracing::warn!(
                job.id = %job.id,
                job.kind = job.kind,
                error = &error as &dyn std::error::Error,
                "a job failed"
            );
            Next::Failed(error.code, Retry::Later)
        });
        let settled = match next {
            Next::Done => self.store.complete_job(&job).await.map(|_| ()),
            Next::Stopped => self.store.return_job(&job).await,
            Next::Failed(code, retry) => self.fail(&job, code, retry).await,
        };
        if let Err(error) = settled {
            // The lease will end, and the job will be done again.
            tracing::warn!(
                job.id = %job.id,
                error = &error as &dyn std::error::Error,
                "the end of a job was not written down"
            );
        }
    }

    async fn fail(&self, job: &Job, code: &'static str, retry: Retry) -> Result<(), store::Error> {
        if self.store.fail_job(job, code, retry).await? == AfterFailure::Ended {
            // Its owner shall see an end, not a bar that stands still.
            if let (INGEST_DOCUMENT, Ok(Payload { document: Some(id), .. })) =
                (job.kind.as_str(), payload(job))
            {
                self.store.fail_document(id, "internal").await?;
            }
        }
        Ok(())
    }

    /// A job that killed its worker again and again: its document is at fault.
    async fn give_up(&self, job: &Job) -> Result<()> {
        if let Some(id) = payload(job)?.document {
            self.store.fail_document(id, "crashed").await?;
        }
        Ok(())
    }

    async fn run_job(self: &Arc<Self>, job: &Job) -> Result<Next> {
        let work = async {
            let Payload { document, collection } = payload(job)?;
            match (job.kind.as_str(), document, collection) {
                (INGEST_DOCUMENT, Some(id), _) => self.ingest_document(id).await,
                (PURGE_INDEX, Some(id), _) => {
                    self.indexing.apply(move |index| index.delete_documents(&[id])).await
                }
                (PURGE_INDEX, _, Some(id)) => {
                    self.indexing.apply(move |index| index.delete_collection(id)).await
                }
                _ => Err(Error::internal(format!("a job of the unknown kind {:?}", job.kind))),
            }
        };
        let mut work = std::pin::pin!(work);
        loop {
            tokio::select! {
                done = &mut work => {
                    done?;
                    let stopped = self.stopping.is_cancelled() && !self.is_settled(job).await?;
                    return Ok(if stopped { Next::Stopped } else { Next::Done });
                }
                () = tokio::time::sleep(LEASE / 4) => {
                    if !self.store.heartbeat_job(job, &self.config.instance, LEASE).await? {
                        // Another worker has it; both may write the same, neither harms.
                        return Ok(Next::Stopped);
                    }
                }
            }
        }
    }

    /// Says whether a document's job has come to its end, rather than being broken off.
    async fn is_settled(&self, job: &Job) -> Result<bool> {
        let (INGEST_DOCUMENT, Some(id)) = (job.kind.as_str(), payload(job)?.document) else {
            return Ok(true);
        };
        let state = self.store.document_work(id).await?.map(|work| work.state);
        Ok(matches!(state, None | Some(store::DocumentState::Ready | store::DocumentState::Failed)))
    }

    async fn tidy_from_time_to_time(&self) {
        loop {
            if let Err(error) = self.tidy().await {
                tracing::warn!(error = &error as &dyn std::error::Error, "tidying up failed");
            }
            tokio::select! {
                () = self.stopping.cancelled() => return,
                () = tokio::time::sleep(TIDY_INTERVAL) => {}
            }
        }
    }

    async fn tidy(&self) -> Result<()> {
        let now = Instant::now();
        self.store.delete_expired_sessions(now).await?;
        self.store.delete_login_attempts(now.before(ORPHAN_AGE)).await?;
        self.blobs.sweep_incoming(ORPHAN_AGE).await?;
        self.store.sweep_blobs(&self.blobs, ORPHAN_AGE).await?;
        Ok(())
    }
}

/// How a job goes on.
enum Next {
    Done,
    Stopped,
    Failed(&'static str, Retry),
}

fn payload(job: &Job) -> Result<Payload> {
    serde_json::from_value(job.payload.clone()).map_err(Error::internal)
}
