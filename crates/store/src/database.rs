//! The database as the rest of this crate sees it: a store that hands out reading connections and
//! writing transactions, and statements with parameters.
//!
//! Knows no table but by the text it is given.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use sqlx::{
    Any, AnyConnection, AnyPool, AssertSqlSafe, Connection as _, SqlSafeStr, Transaction,
    any::{AnyPoolOptions, AnyRow},
    pool::PoolConnection,
};
use tokio::sync::watch;

use crate::{
    Engine, Error, Location, engine,
    engine::Lock,
    settings::{PRINCIPALS_VERSION, count_change},
    values::{Params, get, params},
};

/// Most reading connections to a SQLite file, each with a thread; beyond: wait.
const SQLITE_READERS_MAX: u32 = 4;
/// Most connections to a PostgreSQL server from one process; beyond: wait.
const POSTGRES_CONNECTIONS_MAX: u32 = 16;
/// Longest wait for a free connection; beyond: [`Error::Unavailable`].
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(30);

/// Remembers: people, documents, conversations, jobs, audit. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    location: Location,
    engine: Engine,
    writers: AnyPool,
    readers: AnyPool,
    /// Changes with each commit of this process that enqueued a job, and so wakes its workers.
    jobs_enqueued: watch::Sender<()>,
    /// Counts the commits of this process that changed what a principal is or may do.
    principal_changes: AtomicU64,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Store").field(&self.inner.location).finish()
    }
}

impl Store {
    /// Opens the database; a missing SQLite file is made, empty. Looks at no table: call
    /// [`Store::migrate`] or [`Store::schema_state`] next.
    ///
    /// # Errors
    /// If the database cannot be reached.
    pub async fn open(location: &Location) -> Result<Self, Error> {
        sqlx::any::install_default_drivers();
        let engine = location.engine();
        let url = location.url()?;
        engine::make_file(location)?;
        let (writers, readers) = match engine {
            Engine::Sqlite => {
                // A pool would try a damaged file again until its time is over, and then say no
                // more than that.
                let mut first = AnyConnection::connect(&url).await?;
                engine::prepare(engine, &mut first, true).await?;
                first.close().await?;
                // The writer goes first: it makes the file and turns WAL on.
                let writers = pool(engine, &url, 1, true).await?;
                (writers, pool(engine, &url, SQLITE_READERS_MAX, false).await?)
            }
            Engine::Postgres => {
                let shared = pool(engine, &url, POSTGRES_CONNECTIONS_MAX, true).await?;
                (shared.clone(), shared)
            }
        };
        let location = location.clone();
        let inner = Inner {
            location,
            engine,
            writers,
            readers,
            jobs_enqueued: watch::Sender::new(()),
            principal_changes: AtomicU64::new(0),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Which engine keeps the rows.
    #[must_use]
    pub fn engine(&self) -> Engine {
        self.inner.engine
    }

    /// Where the rows lie.
    #[must_use]
    pub fn location(&self) -> &Location {
        &self.inner.location
    }

    /// Asks the database for a sign of life.
    ///
    /// # Errors
    /// If it gives none.
    pub async fn ping(&self) -> Result<(), Error> {
        let mut db = self.read().await?;
        fetch(&mut db, "SELECT 1 AS one", params![]).await?;
        Ok(())
    }

    /// Closes all connections; SQLite folds its log into the file. The store is unusable afterwards,
    /// in all its clones.
    pub async fn close(&self) {
        self.inner.readers.close().await;
        self.inner.writers.close().await;
    }

    /// How often this process has changed who somebody is, or what they or their keys may do. As long
    /// as the number stays the same, what was read before still holds as far as this process knows.
    #[must_use]
    pub fn principal_changes(&self) -> u64 {
        self.inner.principal_changes.load(Ordering::Acquire)
    }

    pub(crate) fn jobs_enqueued(&self) -> watch::Receiver<()> {
        self.inner.jobs_enqueued.subscribe()
    }

    pub(crate) async fn read(&self) -> Result<PoolConnection<Any>, Error> {
        Ok(self.inner.readers.acquire().await?)
    }

    /// A view of all tables at one moment; writes nothing.
    pub(crate) async fn snapshot(&self) -> Result<Transaction<'static, Any>, Error> {
        Ok(self.inner.readers.begin_with(engine::begin_snapshot(self.inner.engine)).await?)
    }

    /// Begins a writing transaction; dropping it without [`Tx::commit`] undoes everything.
    pub(crate) async fn write(&self) -> Result<Tx, Error> {
        let inner = self.inner.writers.begin_with(self.inner.engine.begin()).await?;
        Ok(Tx { inner, store: self.clone(), wakes_workers: false, changes_principals: false })
    }
}

async fn pool(engine: Engine, url: &str, size: u32, writes: bool) -> Result<AnyPool, Error> {
    let pool = AnyPoolOptions::new()
        .max_connections(size)
        .min_connections(1)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        // The idle SQLite connections keep their warm caches; PostgreSQL gets its slots back.
        .idle_timeout(match engine {
            Engine::Sqlite => None,
            Engine::Postgres => Some(Duration::from_secs(300)),
        })
        .max_lifetime(None)
        .test_before_acquire(engine == Engine::Postgres)
        .after_connect(move |connection, _| Box::pin(engine::prepare(engine, connection, writes)))
        .connect(url)
        .await?;
    Ok(pool)
}

/// A writing transaction.
pub(crate) struct Tx {
    inner: Transaction<'static, Any>,
    store: Store,
    /// Set when a job was enqueued: the commit then wakes the workers.
    pub(crate) wakes_workers: bool,
    /// Set when a person, their units or a key were changed.
    pub(crate) changes_principals: bool,
}

impl Tx {
    pub(crate) fn engine(&self) -> Engine {
        self.store.inner.engine
    }

    pub(crate) fn db(&mut self) -> &mut AnyConnection {
        &mut self.inner
    }

    pub(crate) async fn lock(&mut self, lock: Lock) -> Result<(), Error> {
        engine::wait_for(self.store.inner.engine, &mut self.inner, lock).await
    }

    pub(crate) async fn execute(
        &mut self,
        sql: impl SqlSafeStr,
        params: Params,
    ) -> Result<u64, Error> {
        execute(&mut self.inner, sql, params).await
    }

    pub(crate) async fn fetch(
        &mut self,
        sql: impl SqlSafeStr,
        params: Params,
    ) -> Result<Vec<AnyRow>, Error> {
        fetch(&mut self.inner, sql, params).await
    }

    pub(crate) async fn fetch_one(
        &mut self,
        sql: impl SqlSafeStr,
        params: Params,
    ) -> Result<Option<AnyRow>, Error> {
        fetch_one(&mut self.inner, sql, params).await
    }

    pub(crate) async fn commit(mut self) -> Result<(), Error> {
        if self.changes_principals {
            count_change(&mut self, PRINCIPALS_VERSION).await?;
        }
        self.inner.commit().await?;
        if self.changes_principals {
            self.store.inner.principal_changes.fetch_add(1, Ordering::AcqRel);
        }
        if self.wakes_workers {
            self.store.inner.jobs_enqueued.send_replace(());
        }
        Ok(())
    }
}

pub(crate) async fn execute(
    db: &mut AnyConnection,
    sql: impl SqlSafeStr,
    params: Params,
) -> Result<u64, Error> {
    let done = sqlx::query_with::<Any, _>(sql, params.0).execute(db).await?;
    Ok(done.rows_affected())
}

pub(crate) async fn fetch(
    db: &mut AnyConnection,
    sql: impl SqlSafeStr,
    params: Params,
) -> Result<Vec<AnyRow>, Error> {
    Ok(sqlx::query_with::<Any, _>(sql, params.0).fetch_all(db).await?)
}

pub(crate) async fn fetch_one(
    db: &mut AnyConnection,
    sql: impl SqlSafeStr,
    params: Params,
) -> Result<Option<AnyRow>, Error> {
    Ok(sqlx::query_with::<Any, _>(sql, params.0).fetch_optional(db).await?)
}

/// Fetches one number from a statement that always answers with one row and a column `n`.
pub(crate) async fn count(
    db: &mut AnyConnection,
    sql: impl SqlSafeStr,
    params: Params,
) -> Result<u64, Error> {
    match fetch_one(db, sql, params).await? {
        Some(row) => get(&row, "n"),
        None => Ok(0),
    }
}

/// Declares that a statement was put together from our own constants and placeholders only; values
/// always travel as parameters.
pub(crate) fn composed(sql: String) -> AssertSqlSafe<String> {
    AssertSqlSafe(sql)
}

/// Writes `$first, $first+1, …`; `NULL` for none, which no value equals.
pub(crate) fn placeholders(first: usize, count: usize) -> String {
    if count == 0 {
        return "NULL".to_owned();
    }
    let names: Vec<String> = (first..first + count).map(|n| format!("${n}")).collect();
    names.join(", ")
}
