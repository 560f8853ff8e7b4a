//! Copies a whole installation's rows from one database to another, in either direction between the
//! engines, and proves that nothing was lost on the way.

use domain::TenantId;
use futures_util::TryStreamExt as _;
use sqlx::{
    Any, AnyConnection, Column as _, Executor as _, Row as _, Transaction,
    any::{AnyRow, AnyTypeInfoKind},
};

use crate::{
    Error, SchemaState, Store, audit,
    database::{Tx, composed, count, execute, fetch, placeholders},
    engine::Lock,
    schema::MIGRATION_COUNT,
    values::{Params, get, params},
};

/// Rows of one insert. The widest table has 19 columns: 1,900 parameters, far below both engines'
/// limits.
const ROWS_PER_STATEMENT: usize = 100;

/// All tables but `migration`, each after those it points at; a test compares this with the schema.
pub(crate) const TABLES: &[&str] = &[
    "tenant",
    "unit",
    "user_account",
    "user_unit",
    "session",
    "api_key",
    "setup_token",
    "login_attempt",
    "setting",
    "collection",
    "blob",
    "document",
    "passage",
    "conversation",
    "message",
    "message_source",
    "run",
    "job",
    "usage_record",
    "usage_figure",
    "usage_limit",
    "usage_month",
    "limit_lease",
    "limit_warning",
    "answer_cache",
    "model",
    "model_route_key",
    "drained_route",
    "model_access",
    "place_policy",
    "audit",
    "audit_head",
];

/// Rows that an installation has before anybody used it; a copy replaces them.
const LAID_BY_START: &[&str] =
    &["setup_token", "login_attempt", "setting", "audit_head", "unit", "tenant"];

/// What was copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyReport {
    /// Rows of each table, the same on both sides.
    pub tables: Vec<(&'static str, u64)>,
    /// Audit entries that were verified on the target.
    pub audit_entries: u64,
}

impl CopyReport {
    /// All rows.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.tables.iter().map(|(_, rows)| rows).sum()
    }
}

/// Copies everything `from` holds at this moment into the empty database `to`, whose schema is laid
/// if it is missing; then compares row counts and verifies the audit chains on the target. All or
/// nothing. What is written to `from` meanwhile is not copied: stop the service first.
///
/// # Errors
/// [`Error::Transfer`] if the target is in use, or something differs afterwards; a database error.
pub async fn copy_all(from: &Store, to: &Store) -> Result<CopyReport, Error> {
    copy(from, to, AuditCheck::Required).await
}

/// What a copy makes of an audit log that does not verify.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AuditCheck {
    /// Refuses to pass it on.
    Required,
    /// Takes it along as it is: a backup must be possible all the same.
    Waived,
}

pub(crate) async fn copy(
    from: &Store,
    to: &Store,
    audit_check: AuditCheck,
) -> Result<CopyReport, Error> {
    if from.schema_state().await? != SchemaState::Current {
        return Err(Error::Transfer(
            "the source has an older schema; run `fachwerk migrate` on it first".to_owned(),
        ));
    }
    to.migrate_to(MIGRATION_COUNT).await?;
    let mut source = from.snapshot().await?;
    let mut target = to.write().await?;
    target.lock(Lock::Schema).await?;
    empty(&mut target).await?;
    for table in TABLES {
        copy_table(&mut source, target.db(), table).await?;
    }
    let tables = compare(&mut source, target.db()).await?;
    let audit_entries = match audit_check {
        AuditCheck::Required => verify(&mut source, target.db()).await?,
        AuditCheck::Waived => 0,
    };
    source.rollback().await?;
    target.commit().await?;
    Ok(CopyReport { tables, audit_entries })
}

/// Counts the rows of all tables.
pub(crate) async fn counts(db: &mut AnyConnection) -> Result<Vec<(&'static str, u64)>, Error> {
    let mut all = Vec::with_capacity(TABLES.len());
    for table in TABLES {
        let sql = composed(format!("SELECT COUNT(*) AS n FROM {table}"));
        all.push((*table, count(db, sql, params![]).await?));
    }
    Ok(all)
}

/// Says whether anybody has used the installation: then its rows must not be replaced.
pub(crate) async fn in_use(db: &mut AnyConnection) -> Result<bool, Error> {
    let counts = counts(db).await?;
    Ok(counts.iter().any(|(table, rows)| *rows > 0 && !LAID_BY_START.contains(table)))
}

async fn empty(target: &mut Tx) -> Result<(), Error> {
    if in_use(target.db()).await? {
        return Err(Error::Transfer(
            "the target database is already in use; name an empty one".to_owned(),
        ));
    }
    for table in LAID_BY_START {
        target.execute(composed(format!("DELETE FROM {table}")), params![]).await?;
    }
    Ok(())
}

async fn copy_table(
    source: &mut Transaction<'static, Any>,
    target: &mut AnyConnection,
    table: &str,
) -> Result<(), Error> {
    let sql = if table == "unit" {
        // A unit after the one above it.
        "WITH RECURSIVE tree (id, depth) AS ( \
             SELECT id, 0 FROM unit WHERE parent_id IS NULL \
             UNION ALL SELECT u.id, t.depth + 1 FROM unit u JOIN tree t ON u.parent_id = t.id) \
         SELECT unit.* FROM unit JOIN tree ON tree.id = unit.id ORDER BY tree.depth"
            .to_owned()
    } else {
        format!("SELECT * FROM {table}")
    };
    let query = sqlx::query::<Any>(composed(sql));
    let mut rows = (&mut **source).fetch(query);
    let mut batch = Vec::with_capacity(ROWS_PER_STATEMENT);
    while let Some(row) = rows.try_next().await? {
        batch.push(row);
        if batch.len() == ROWS_PER_STATEMENT {
            insert(target, table, &batch).await?;
            batch.clear();
        }
    }
    insert(target, table, &batch).await
}

async fn insert(db: &mut AnyConnection, table: &str, rows: &[AnyRow]) -> Result<(), Error> {
    let Some(first) = rows.first() else { return Ok(()) };
    let columns: Vec<&str> = first.columns().iter().map(|column| column.name()).collect();
    let mut list = params![];
    for row in rows {
        for column in 0..columns.len() {
            add_cell(&mut list, row, column)?;
        }
    }
    let values: Vec<String> = (0..rows.len())
        .map(|row| format!("({})", placeholders(row * columns.len() + 1, columns.len())))
        .collect();
    let sql = format!("INSERT INTO {table} ({}) VALUES {}", columns.join(", "), values.join(", "));
    execute(db, composed(sql), list).await?;
    Ok(())
}

/// Takes a cell over. The column decides the type: a null has none of its own on SQLite, and
/// PostgreSQL wants to know which it is.
fn add_cell(list: &mut Params, row: &AnyRow, column: usize) -> Result<(), Error> {
    let kind = row.columns()[column].type_info().kind();
    if kind == AnyTypeInfoKind::Text {
        list.add(row.try_get::<Option<String>, _>(column)?);
    } else {
        list.add(row.try_get::<Option<i64>, _>(column)?);
    }
    Ok(())
}

async fn compare(
    source: &mut AnyConnection,
    target: &mut AnyConnection,
) -> Result<Vec<(&'static str, u64)>, Error> {
    let (before, after) = (counts(source).await?, counts(target).await?);
    for ((table, expected), (_, found)) in before.iter().zip(&after) {
        if expected != found {
            return Err(Error::Transfer(format!(
                "table {table}: {expected} rows in the source, {found} in the target; \
                 nothing was kept"
            )));
        }
    }
    Ok(after)
}

/// Verifies every tenant's chain on the target, and that it ends where the source's does.
async fn verify(source: &mut AnyConnection, target: &mut AnyConnection) -> Result<u64, Error> {
    let sql = "SELECT tenant_id, sequence, hash FROM audit_head ORDER BY tenant_id";
    let (heads, copied) =
        (fetch(source, sql, params![]).await?, fetch(target, sql, params![]).await?);
    let mut entries = 0;
    for (head, copy) in heads.iter().zip(&copied) {
        let tenant: TenantId = get(copy, "tenant_id")?;
        let report = audit::verify(target, tenant).await?;
        let same_end = get::<String>(head, "hash")? == get::<String>(copy, "hash")?;
        if !report.intact() || !same_end {
            let place = report.first_broken.unwrap_or(report.entries);
            return Err(Error::Transfer(format!(
                "the audit log of tenant {tenant} does not verify at entry {place}; \
                 nothing was kept. Run `fachwerk audit verify` on the source"
            )));
        }
        entries += report.entries;
    }
    Ok(entries)
}
