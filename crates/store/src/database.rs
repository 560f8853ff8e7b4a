//! The database as the rest of this crate sees it: a store that hands out reading connections and
//! writing transactions, statements with parameters, and cells of rows as domain types.
//!
//! Knows no table but by the text it is given.

use std::{str::FromStr, sync::Arc, time::Duration};

use domain::{
    CollectionId, ConversationId, DataClass, DocumentId, Instant, JobId, KeyId, MessageId,
    PassageId, Place, Role, RunId, SessionId, TenantId, UnitId, UserId,
};
use serde::{Serialize, de::DeserializeOwned};
use sqlx::{
    Any, AnyConnection, AnyPool, Arguments, AssertSqlSafe, Row, SqlSafeStr, Transaction, ValueRef,
    any::{AnyArguments, AnyPoolOptions, AnyRow},
    pool::PoolConnection,
};
use tokio::sync::watch;

use crate::{Engine, Error, Location, engine, engine::Lock};

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
        let (writers, readers) = match engine {
            Engine::Sqlite => {
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
        let jobs_enqueued = watch::Sender::new(());
        Ok(Self { inner: Arc::new(Inner { location, engine, writers, readers, jobs_enqueued }) })
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
        Ok(Tx { inner, store: self.clone(), wakes_workers: false })
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

    pub(crate) async fn commit(self) -> Result<(), Error> {
        self.inner.commit().await?;
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

/// The parameters of one statement.
#[derive(Default)]
pub(crate) struct Params(AnyArguments);

impl Params {
    pub(crate) fn add(&mut self, value: impl Param) {
        value.push(self);
    }

    fn number(&mut self, value: Option<i64>) {
        // The driver's encoding of numbers and texts into its own list cannot fail.
        self.0.add(value).unwrap_or_default();
    }

    fn text(&mut self, value: Option<String>) {
        self.0.add(value).unwrap_or_default();
    }
}

macro_rules! params {
    ($($value:expr),* $(,)?) => {{
        #[allow(unused_mut)]
        let mut list = $crate::database::Params::default();
        $( list.add($value); )*
        list
    }};
}
pub(crate) use params;

/// A value that can be a parameter.
pub(crate) trait Param {
    fn push(self, to: &mut Params);
    /// Pushes the null of the column type this value has.
    fn push_null(to: &mut Params)
    where
        Self: Sized,
    {
        to.text(None);
    }
}

impl<T: Param> Param for Option<T> {
    fn push(self, to: &mut Params) {
        match self {
            Some(value) => value.push(to),
            None => T::push_null(to),
        }
    }
}

impl Param for &str {
    fn push(self, to: &mut Params) {
        // PostgreSQL refuses NUL in text; what one engine cannot keep, neither keeps.
        let text =
            if self.contains('\0') { self.replace('\0', "\u{fffd}") } else { self.to_owned() };
        to.text(Some(text));
    }
}

impl Param for &String {
    fn push(self, to: &mut Params) {
        self.as_str().push(to);
    }
}

impl Param for String {
    fn push(self, to: &mut Params) {
        if self.contains('\0') { self.as_str().push(to) } else { to.text(Some(self)) }
    }
}

/// A value kept as JSON text.
pub(crate) struct Json<T>(pub(crate) T);

impl<T: Serialize> Param for Json<T> {
    fn push(self, to: &mut Params) {
        // Our records have text keys and finite numbers, which JSON can always hold. A NUL inside is
        // written as an escape, which both engines keep.
        let text = serde_json::to_string(&self.0).expect("records of the store are plain JSON");
        to.text(Some(text));
    }
}

macro_rules! number_params {
    ($($kind:ty: |$value:ident| $number:expr;)*) => { $(
        impl Param for $kind {
            fn push(self, to: &mut Params) {
                let $value = self;
                to.number(Some($number));
            }
            fn push_null(to: &mut Params) {
                to.number(None);
            }
        }
    )* };
}
number_params! {
    i64: |value| value;
    u32: |value| i64::from(value);
    // A count beyond 2^63 cannot come from memory or disk; it would be kept as the largest one.
    u64: |value| i64::try_from(value).unwrap_or(i64::MAX);
    usize: |value| i64::try_from(value).unwrap_or(i64::MAX);
    bool: |value| i64::from(value);
    Instant: |value| value.micros();
}

/// A value that can be read from a cell.
pub(crate) trait Cell: Sized {
    fn read(row: &AnyRow, column: &'static str) -> Result<Self, Error>;
}

/// Reads the cell of `column`.
pub(crate) fn get<T: Cell>(row: &AnyRow, column: &'static str) -> Result<T, Error> {
    T::read(row, column)
}

impl<T: Cell> Cell for Option<T> {
    fn read(row: &AnyRow, column: &'static str) -> Result<Self, Error> {
        let raw = row.try_get_raw(column).map_err(|_| Error::Unreadable(column))?;
        if raw.is_null() { Ok(None) } else { T::read(row, column).map(Some) }
    }
}

impl Cell for i64 {
    fn read(row: &AnyRow, column: &'static str) -> Result<Self, Error> {
        row.try_get(column).map_err(|_| Error::Unreadable(column))
    }
}

impl Cell for String {
    fn read(row: &AnyRow, column: &'static str) -> Result<Self, Error> {
        row.try_get(column).map_err(|_| Error::Unreadable(column))
    }
}

impl Cell for bool {
    fn read(row: &AnyRow, column: &'static str) -> Result<Self, Error> {
        Ok(i64::read(row, column)? != 0)
    }
}

impl Cell for Instant {
    fn read(row: &AnyRow, column: &'static str) -> Result<Self, Error> {
        i64::read(row, column).map(Self::from_micros)
    }
}

impl<T: DeserializeOwned> Cell for Json<T> {
    fn read(row: &AnyRow, column: &'static str) -> Result<Self, Error> {
        let text: &str = row.try_get(column).map_err(|_| Error::Unreadable(column))?;
        serde_json::from_str(text).map(Json).map_err(|_| Error::Unreadable(column))
    }
}

macro_rules! unsigned_cells {
    ($($kind:ty)*) => { $(
        impl Cell for $kind {
            fn read(row: &AnyRow, column: &'static str) -> Result<Self, Error> {
                Self::try_from(i64::read(row, column)?).map_err(|_| Error::Unreadable(column))
            }
        }
    )* };
}
unsigned_cells!(u32 u64);

macro_rules! text_cells {
    ($($kind:ty)*) => { $(
        impl Cell for $kind {
            fn read(row: &AnyRow, column: &'static str) -> Result<Self, Error> {
                let text: &str = row.try_get(column).map_err(|_| Error::Unreadable(column))?;
                Self::from_str(text).map_err(|_| Error::Unreadable(column))
            }
        }
    )* };
}
text_cells! {
    TenantId UnitId UserId KeyId SessionId CollectionId DocumentId PassageId ConversationId
    MessageId RunId JobId DataClass Place Role
}

macro_rules! id_params {
    ($($kind:ty)*) => { $(
        impl Param for $kind {
            fn push(self, to: &mut Params) {
                to.text(Some(self.to_string()));
            }
        }
    )* };
}
id_params! {
    TenantId UnitId UserId KeyId SessionId CollectionId DocumentId PassageId ConversationId
    MessageId RunId JobId
}
