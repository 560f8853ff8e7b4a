//! The one place where the two engines differ: how a connection is set up, how a writer begins, and
//! how writers that must not overlap wait for each other. Everything else is one SQL text.

use std::path::PathBuf;

use sqlx::{AnyConnection, Executor};

use crate::{Error, database, values};

/// Where an installation's rows lie.
#[derive(Clone, PartialEq, Eq)]
pub enum Location {
    /// One SQLite file; made if it is missing.
    Sqlite(PathBuf),
    /// A PostgreSQL database, as `postgres://…`.
    Postgres(String),
}

/// Hides the password that a PostgreSQL URL may carry.
impl std::fmt::Debug for Location {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "Sqlite({})", path.display()),
            Self::Postgres(_) => write!(f, "Postgres(…)"),
        }
    }
}

/// Which database engine keeps the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// Embedded, one file.
    Sqlite,
    /// A server of its own.
    Postgres,
}

/// Things that only one transaction at a time may work on.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Lock {
    /// Applying migrations.
    Schema = 1,
    /// Choosing the next job: fairness needs a stable count of running ones.
    Jobs = 2,
    /// Who is an administrator, and whether anybody is.
    People = 3,
    /// Counting failed logins.
    Logins = 4,
    /// Sharing limits between processes.
    Limits = 5,
    /// Making figures of what was used.
    Figures = 9,
}

impl Engine {
    /// The statement that begins a writing transaction. On SQLite the write lock is taken at once: a
    /// transaction that reads first and writes later could otherwise fail in the middle.
    pub(crate) const fn begin(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN IMMEDIATE",
            Self::Postgres => "BEGIN",
        }
    }

    /// Placeholders for `count` values that are bound in this order, the first of them the value
    /// number `first`. SQLite looks a numbered one up among all of a statement, so that the cost of
    /// a long one grows with the square of its length; those without a number it takes as they come.
    pub(crate) fn placeholders_in_order(self, first: usize, count: usize) -> String {
        match self {
            Self::Sqlite => vec!["?"; count].join(", "),
            Self::Postgres => database::placeholders(first, count),
        }
    }

    /// The name by which migrations and files call the engine.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        }
    }
}

impl Location {
    /// The engine behind this location.
    #[must_use]
    pub const fn engine(&self) -> Engine {
        match self {
            Self::Sqlite(_) => Engine::Sqlite,
            Self::Postgres(_) => Engine::Postgres,
        }
    }

    /// The address as the driver wants it.
    pub(crate) fn url(&self) -> Result<String, Error> {
        match self {
            Self::Postgres(url) => Ok(url.clone()),
            Self::Sqlite(path) => {
                let path = std::path::absolute(path)?;
                let text = path.to_str().ok_or_else(|| {
                    Error::Schema("the path of the database is not valid UTF-8".to_owned())
                })?;
                Ok(format!("sqlite://{}?mode=rwc", percent_encoded(text)))
            }
        }
    }
}

/// Makes the file of a SQLite database, readable by this user alone; the files that SQLite keeps
/// beside it get the same mode. Does nothing where it is there already, or for PostgreSQL.
pub(crate) fn make_file(location: &Location) -> Result<(), Error> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let Location::Sqlite(path) = location else { return Ok(()) };
    match std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(error.into()),
        _ => Ok(()),
    }
}

fn percent_encoded(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"/-_.".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// Prepares a fresh connection.
///
/// SQLite: WAL, so that readers never wait for the writer. `synchronous = FULL` flushes the log at
/// each commit: what was acknowledged survives a power cut, not only a killed process. Ten seconds of
/// patience with other processes, e.g. `fachwerk admin`, that write to the same file.
pub(crate) async fn prepare(
    engine: Engine,
    connection: &mut AnyConnection,
    writes: bool,
) -> Result<(), sqlx::Error> {
    let statements: &[&'static str] = match (engine, writes) {
        (Engine::Sqlite, true) => &[
            "PRAGMA busy_timeout = 10000",
            "PRAGMA journal_mode = WAL",
            "PRAGMA synchronous = FULL",
            "PRAGMA foreign_keys = ON",
            "PRAGMA cache_size = -8000",
            // A log that grew in a large transaction is cut back to this size.
            "PRAGMA journal_size_limit = 67108864",
        ],
        (Engine::Sqlite, false) => {
            &["PRAGMA busy_timeout = 10000", "PRAGMA query_only = ON", "PRAGMA cache_size = -4000"]
        }
        // A lock that does not come within half a minute is somebody's mistake.
        (Engine::Postgres, _) => &["SET lock_timeout = '30s'", "SET TIME ZONE 'UTC'"],
    };
    for statement in statements {
        connection.execute(*statement).await?;
    }
    Ok(())
}

/// Waits until no other transaction holds `lock`; it is released with the transaction. On SQLite the
/// one write transaction is lock enough.
pub(crate) async fn wait_for(
    engine: Engine,
    connection: &mut AnyConnection,
    lock: Lock,
) -> Result<(), Error> {
    if engine == Engine::Postgres {
        // The upper half is ours ("Fach"), so that another program in the same database server's
        // database does not meet the same number by accident.
        let number = 0x4661_6368_0000_0000_i64 | lock as i64;
        database::fetch(
            connection,
            "SELECT 1 AS held FROM pg_advisory_xact_lock($1)",
            values::params![number],
        )
        .await?;
    }
    Ok(())
}

/// Locks and reads the end of a tenant's audit chain.
pub(crate) const fn audit_head(engine: Engine) -> &'static str {
    match engine {
        Engine::Sqlite => "SELECT sequence, hash FROM audit_head WHERE tenant_id = $1",
        Engine::Postgres => "SELECT sequence, hash FROM audit_head WHERE tenant_id = $1 FOR UPDATE",
    }
}

/// Locks and reads a collection of one owner, so that nothing can be put into it any more.
pub(crate) const fn owned_collection_row(engine: Engine) -> &'static str {
    match engine {
        Engine::Sqlite => {
            "SELECT is_default FROM collection WHERE id = $1 AND tenant_id = $2 AND owner_id = $3"
        }
        Engine::Postgres => {
            "SELECT is_default FROM collection WHERE id = $1 AND tenant_id = $2 AND owner_id = $3 \
             FOR UPDATE"
        }
    }
}

/// Ends a statement that reads rows which must not be deleted before this transaction has ended. On
/// SQLite nobody else writes meanwhile.
pub(crate) const fn keeping_rows(engine: Engine) -> &'static str {
    match engine {
        Engine::Sqlite => "",
        Engine::Postgres => " FOR KEY SHARE",
    }
}

/// Ends a statement that reads rows which this transaction is about to delete.
pub(crate) const fn deleting_rows(engine: Engine) -> &'static str {
    match engine {
        Engine::Sqlite => "",
        Engine::Postgres => " FOR UPDATE",
    }
}

/// Begins a view of all tables at one moment, for copying.
pub(crate) const fn begin_snapshot(engine: Engine) -> &'static str {
    match engine {
        Engine::Sqlite => "BEGIN",
        Engine::Postgres => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
    }
}

/// Says whether a table of this name exists.
pub(crate) const fn table_exists(engine: Engine) -> &'static str {
    match engine {
        Engine::Sqlite => {
            "SELECT COUNT(*) AS n FROM sqlite_schema WHERE type = 'table' AND name = $1"
        }
        Engine::Postgres => {
            "SELECT COUNT(*) AS n FROM pg_catalog.pg_tables \
             WHERE schemaname = CURRENT_SCHEMA() AND tablename = $1"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_shows_no_password() {
        let location = Location::Postgres("postgres://u:geheim@h/d".to_owned());
        assert_eq!(format!("{location:?}"), "Postgres(…)");
    }

    #[test]
    fn odd_paths_survive() {
        let url = Location::Sqlite("/tmp/ä ?#%/x.db".into()).url();
        assert_eq!(url.ok().as_deref(), Some("sqlite:///tmp/%C3%A4%20%3F%23%25/x.db?mode=rwc"));
    }
}
