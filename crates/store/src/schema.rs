//! The schema: plain SQL files, applied in order, remembered by name and hash in the database.
//!
//! A released file never changes: `migrations/HASHES` keeps what it was, a test compares the file
//! with it, and the program compares the database with the file.

use domain::{Instant, TenantId, UnitId};
use sha2::{Digest, Sha256};
use sqlx::AnyConnection;

use crate::{
    Engine, Error, Store, audit,
    database::{self, Tx, fetch},
    engine::{self, Lock},
    values::{get, params},
};

/// One step of the schema.
struct Migration {
    name: &'static str,
    /// The text both engines run.
    portable: &'static str,
    /// What SQLite runs after it.
    sqlite: &'static str,
    /// What PostgreSQL runs after it.
    postgres: &'static str,
}

/// All steps, oldest first.
const MIGRATIONS: &[Migration] = &[
    Migration {
        name: "0001_people",
        portable: include_str!("../migrations/0001_people.sql"),
        sqlite: "",
        postgres: "",
    },
    Migration {
        name: "0002_documents",
        portable: include_str!("../migrations/0002_documents.sql"),
        sqlite: "",
        postgres: "",
    },
    Migration {
        name: "0003_conversations",
        portable: include_str!("../migrations/0003_conversations.sql"),
        sqlite: "",
        postgres: "",
    },
    Migration {
        name: "0004_work",
        portable: include_str!("../migrations/0004_work.sql"),
        sqlite: "",
        postgres: "",
    },
    Migration {
        name: "0005_audit",
        portable: include_str!("../migrations/0005_audit.sql"),
        sqlite: include_str!("../migrations/0005_audit.sqlite.sql"),
        postgres: include_str!("../migrations/0005_audit.postgres.sql"),
    },
    Migration {
        name: "0006_sources",
        portable: include_str!("../migrations/0006_sources.sql"),
        sqlite: include_str!("../migrations/0006_sources.sqlite.sql"),
        postgres: include_str!("../migrations/0006_sources.postgres.sql"),
    },
    Migration {
        name: "0007_usage_cost",
        portable: include_str!("../migrations/0007_usage_cost.sql"),
        sqlite: "",
        postgres: "",
    },
    Migration {
        name: "0008_limits",
        portable: include_str!("../migrations/0008_limits.sql"),
        sqlite: "",
        postgres: "",
    },
    Migration {
        name: "0009_usage_figures",
        portable: include_str!("../migrations/0009_usage_figures.sql"),
        sqlite: "",
        postgres: "",
    },
    Migration {
        name: "0010_answer_cache",
        portable: include_str!("../migrations/0010_answer_cache.sql"),
        sqlite: "",
        postgres: "",
    },
    Migration {
        name: "0011_models",
        portable: include_str!("../migrations/0011_models.sql"),
        sqlite: "",
        postgres: "",
    },
    Migration {
        name: "0012_services",
        portable: include_str!("../migrations/0012_services.sql"),
        sqlite: "",
        postgres: "",
    },
    Migration {
        name: "0013_nano_euro",
        portable: include_str!("../migrations/0013_nano_euro.sql"),
        sqlite: "",
        postgres: "",
    },
];

/// The steps this program knows.
pub const MIGRATION_COUNT: usize = MIGRATIONS.len();

/// How the database's schema stands to the one this program needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SchemaState {
    /// The same.
    Current,
    /// Nothing there yet.
    Empty,
    /// So many steps are missing: run `fachwerk migrate`.
    Behind(usize),
    /// A newer program has been here; this one must not write.
    Ahead,
    /// The step of this name was not the one this program knows.
    Changed(String),
}

impl Store {
    /// Compares the database's schema with the one this program needs.
    ///
    /// # Errors
    /// If the database cannot be asked.
    pub async fn schema_state(&self) -> Result<SchemaState, Error> {
        let mut db = self.read().await?;
        let present =
            database::count(&mut db, engine::table_exists(self.engine()), params!["migration"])
                .await?;
        if present == 0 {
            return Ok(SchemaState::Empty);
        }
        state(self.engine(), &applied(&mut db).await?)
    }

    /// Brings the schema to the one this program needs, and lays the default tenant in an empty
    /// installation. All or nothing; does nothing where nothing is missing. Several processes may
    /// call it at once.
    ///
    /// # Errors
    /// [`Error::Schema`] if a newer or another program has been here; a database error otherwise.
    pub async fn migrate(&self) -> Result<(), Error> {
        self.migrate_to(MIGRATIONS.len()).await?;
        let mut tx = self.write().await?;
        tx.lock(Lock::Schema).await?;
        if database::count(tx.db(), "SELECT COUNT(*) AS n FROM tenant", params![]).await? == 0 {
            lay_default_tenant(&mut tx).await?;
        }
        tx.commit().await
    }

    /// Applies the first `steps` steps and lays no tenant.
    ///
    /// # Errors
    /// As for [`Store::migrate`].
    #[doc(hidden)]
    pub async fn migrate_to(&self, steps: usize) -> Result<(), Error> {
        let mut tx = self.write().await?;
        tx.lock(Lock::Schema).await?;
        tx.execute(
            "CREATE TABLE IF NOT EXISTS migration \
             (name TEXT NOT NULL PRIMARY KEY, hash TEXT NOT NULL, applied_at BIGINT NOT NULL)",
            params![],
        )
        .await?;
        let done = applied(tx.db()).await?;
        match state(self.engine(), &done)? {
            SchemaState::Ahead => {
                return Err(Error::Schema(
                    "the database was written by a newer version of Fachwerk; start that version"
                        .to_owned(),
                ));
            }
            SchemaState::Changed(name) => {
                return Err(Error::Schema(format!(
                    "schema step {name} in the database differs from the one in this program; \
                     the database belongs to another build"
                )));
            }
            SchemaState::Current | SchemaState::Empty | SchemaState::Behind(_) => {}
        }
        for migration in MIGRATIONS.iter().take(steps).skip(done.len()) {
            apply(&mut tx, migration).await?;
        }
        tx.commit().await
    }
}

async fn apply(tx: &mut Tx, migration: &Migration) -> Result<(), Error> {
    let own = match tx.engine() {
        Engine::Sqlite => migration.sqlite,
        Engine::Postgres => migration.postgres,
    };
    for text in [migration.portable, own] {
        if !text.is_empty() {
            sqlx::raw_sql(text).execute(tx.db()).await?;
        }
    }
    let hash = hash_of(migration, tx.engine());
    tx.execute(
        "INSERT INTO migration (name, hash, applied_at) VALUES ($1, $2, $3)",
        params![migration.name, hash, Instant::now()],
    )
    .await?;
    Ok(())
}

/// Hashes what the engine ran.
fn hash_of(migration: &Migration, engine: Engine) -> String {
    let own = match engine {
        Engine::Sqlite => migration.sqlite,
        Engine::Postgres => migration.postgres,
    };
    let mut hash = Sha256::new();
    hash.update(migration.portable);
    hash.update([0]);
    hash.update(own);
    hex::encode(hash.finalize())
}

async fn applied(db: &mut AnyConnection) -> Result<Vec<(String, String)>, Error> {
    let rows = fetch(db, "SELECT name, hash FROM migration ORDER BY name", params![]).await?;
    rows.iter().map(|row| Ok((get(row, "name")?, get(row, "hash")?))).collect()
}

fn state(engine: Engine, applied: &[(String, String)]) -> Result<SchemaState, Error> {
    if applied.len() > MIGRATIONS.len() {
        return Ok(SchemaState::Ahead);
    }
    for ((name, hash), known) in applied.iter().zip(MIGRATIONS) {
        if name != known.name || *hash != hash_of(known, engine) {
            return Ok(SchemaState::Changed(name.clone()));
        }
    }
    Ok(match MIGRATIONS.len() - applied.len() {
        0 => SchemaState::Current,
        _ if applied.is_empty() => SchemaState::Empty,
        missing => SchemaState::Behind(missing),
    })
}

/// One tenant with a root unit: an installation is for one authority until somebody adds another.
async fn lay_default_tenant(tx: &mut Tx) -> Result<(), Error> {
    let (tenant, unit, now) = (TenantId::new(), UnitId::new(), Instant::now());
    tx.execute(
        "INSERT INTO tenant (id, name, created_at) VALUES ($1, $2, $3)",
        params![tenant, "Behörde", now],
    )
    .await?;
    tx.execute(
        "INSERT INTO unit (id, tenant_id, parent_id, name, created_at) \
         VALUES ($1, $2, NULL, $3, $4)",
        params![unit, tenant, "Behörde", now],
    )
    .await?;
    audit::lay_head(tx, tenant).await
}
