//! Migrations: hashes, repetition, and that every way to today's schema leads to the same one.

use std::path::Path;

use sha2::{Digest, Sha256};
use sqlx::{Connection as _, Row as _};
use store::{Error, Location, MIGRATION_COUNT, SchemaState, Store};

use crate::world::World;

crate::on_both_engines! {
    migrating_again_changes_nothing,
    a_changed_or_newer_database_is_refused,
    upgraded_schema_equals_fresh_schema,
    costs_become_nano_euro,
}

/// A released file never changes. `migrations/HASHES` is in the format of sha256sum.
#[test]
fn migration_files_are_what_was_released() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let hashes = std::fs::read_to_string(folder.join("HASHES")).unwrap();
    let mut files: Vec<String> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".sql"))
        .collect();
    files.sort();
    let now: String = files
        .iter()
        .map(|name| {
            let hash = hex::encode(Sha256::digest(std::fs::read(folder.join(name)).unwrap()));
            format!("{hash}  {name}\n")
        })
        .collect();
    assert_eq!(
        hashes, now,
        "a migration differs from migrations/HASHES: released ones must not change, \
         a new one is added there by `sha256sum *.sql > HASHES`"
    );
}

async fn migrating_again_changes_nothing(world: World) {
    assert_eq!(world.store.schema_state().await.unwrap(), SchemaState::Current);
    let (other, third) = (world.other().await, world.other().await);
    let (a, b, c) = tokio::join!(world.store.migrate(), other.migrate(), third.migrate());
    a.and(b).and(c).unwrap();
    assert_eq!(world.store.tenants().await.unwrap().len(), 1);
}

async fn a_changed_or_newer_database_is_refused(world: World) {
    world.tamper("UPDATE migration SET hash = 'x' WHERE name = '0002_documents'").await.unwrap();
    let state = world.store.schema_state().await.unwrap();
    assert_eq!(state, SchemaState::Changed("0002_documents".to_owned()));
    assert!(matches!(world.store.migrate().await, Err(Error::Schema(_))));
    world.tamper("INSERT INTO migration VALUES ('9999_future', 'x', 0)").await.unwrap();
    assert_eq!(world.store.schema_state().await.unwrap(), SchemaState::Ahead);
    assert!(matches!(world.store.migrate().await, Err(Error::Schema(_))));
}

async fn upgraded_schema_equals_fresh_schema(world: World) {
    let fresh = shape(&world.location).await;
    assert!(fresh.len() > 30, "{fresh:?}");
    for steps in 1..MIGRATION_COUNT {
        let (location, store) = at_step(&world, steps).await;
        let behind = SchemaState::Behind(MIGRATION_COUNT - steps);
        assert_eq!(store.schema_state().await.unwrap(), behind);
        store.migrate().await.unwrap();
        assert_eq!(store.schema_state().await.unwrap(), SchemaState::Current);
        assert_eq!(shape(&location).await, fresh, "upgraded from step {steps}");
    }
}

/// What was written down in micro-euro counts a thousand times as much; what is too large to be true
/// stays a number that can be read.
async fn costs_become_nano_euro(world: World) {
    let (location, store) = at_step(&world, 12).await;
    let url = url(&location);
    let mut db = sqlx::AnyConnection::connect(&url).await.unwrap();
    let figure = "usage_figure VALUES ('t', 'day', 20000, '', 20000, 5, 6, 0, 1, 0, 1";
    for row in [
        "tenant (id, name, created_at) VALUES ('t', 'Amt', 0)".to_owned(),
        record("a", "7"),
        record("b", "NULL"),
        record("c", "1000000000000"),
        "usage_month VALUES ('t', 'tenant', 202611, 3, 33, 1000000000007)".to_owned(),
        "usage_month VALUES ('t', 'model:m', 202611, 3, 33, 9223372036854775807)".to_owned(),
        "usage_limit VALUES ('t', 'tenant', 1, NULL, 2, 3, 4, 5, 'refuse', 1, 6)".to_owned(),
        "limit_lease VALUES ('t', 'tenant', 'cost_per_month', 202611, 'p', 2, 3)".to_owned(),
        "limit_lease VALUES ('t', 'tenant', 'tokens_per_month', 202611, 'p', 2, 3)".to_owned(),
        format!("{figure}, 8, 1, 2)"),
    ] {
        let insert = sqlx::AssertSqlSafe(format!("INSERT INTO {row}"));
        sqlx::query(insert).execute(&mut db).await.unwrap();
    }
    store.migrate().await.unwrap();
    let costs = "SELECT id || ' ' || CAST(COALESCE(cost_nano_euro, -1) AS TEXT) AS line \
                 FROM usage_record \
                 UNION ALL SELECT subject || ' ' || CAST(nano_euro AS TEXT) FROM usage_month \
                 UNION ALL SELECT view || ' ' || CAST(cost_nano_euro AS TEXT) FROM usage_figure \
                 UNION ALL SELECT meter || ' ' || CAST(amount AS TEXT) FROM limit_lease \
                 UNION ALL SELECT 'limit ' || CAST(micro_euro_per_month AS TEXT) FROM usage_limit";
    assert_eq!(
        lines(&url, costs).await,
        [
            "a 7000",
            "b -1",
            "c 1000000000000000",
            "cost_per_month 2000",
            "day 8000",
            "limit 5",
            "model:m 9000000000000000000",
            "tenant 1000000000007000",
            "tokens_per_month 2",
        ]
    );
}

fn record(id: &str, cost: &str) -> String {
    format!(
        "usage_record (id, tenant_id, user_id, model, route, prompt_tokens, completion_tokens, \
         estimated, data_class, outcome, at, cost_micro_euro, counted_on) \
         VALUES ('{id}', 't', 'u', 'm', 'm-1', 10, 1, 0, 'open', 'done', 5, {cost}, 20000)"
    )
}

/// A database to which the first `steps` steps were applied.
async fn at_step(world: &World, steps: usize) -> (Location, Store) {
    let location = match &world.location {
        Location::Sqlite(_) => {
            Location::Sqlite(world.folder.path().join(format!("step{steps}.db")))
        }
        Location::Postgres(_) => Location::Postgres(testkit::postgres::server().create_database()),
    };
    let store = Store::open(&location).await.unwrap();
    assert_eq!(store.schema_state().await.unwrap(), SchemaState::Empty);
    store.migrate_to(steps).await.unwrap();
    (location, store)
}

fn url(location: &Location) -> String {
    match location {
        Location::Sqlite(path) => format!("sqlite://{}", path.display()),
        Location::Postgres(url) => url.clone(),
    }
}

/// Everything in the schema, as sorted lines.
async fn shape(location: &Location) -> Vec<String> {
    let (url, sql) = match location {
        Location::Sqlite(path) => (
            format!("sqlite://{}", path.display()),
            "SELECT type || ' ' || name || ': ' || COALESCE(sql, '') AS line FROM sqlite_schema",
        ),
        Location::Postgres(url) => (
            url.clone(),
            "SELECT 'column ' || table_name || '.' || column_name || ' ' || data_type || ' ' \
                    || is_nullable AS line \
             FROM information_schema.columns WHERE table_schema = 'public' \
             UNION ALL SELECT 'index ' || indexdef FROM pg_indexes WHERE schemaname = 'public' \
             UNION ALL SELECT 'constraint ' || conname || ' ' || pg_get_constraintdef(oid) \
             FROM pg_constraint WHERE connamespace = 'public'::regnamespace \
             UNION ALL SELECT 'trigger ' || pg_get_triggerdef(oid) FROM pg_trigger \
             WHERE NOT tgisinternal",
        ),
    };
    lines(&url, sql).await
}

/// The names of all tables, sorted.
pub async fn tables(location: &Location) -> Vec<String> {
    let (url, sql) = match location {
        Location::Sqlite(path) => (
            format!("sqlite://{}", path.display()),
            "SELECT name AS line FROM sqlite_schema WHERE type = 'table'",
        ),
        Location::Postgres(url) => (
            url.clone(),
            "SELECT CAST(tablename AS TEXT) AS line FROM pg_tables WHERE schemaname = 'public'",
        ),
    };
    lines(&url, sql).await
}

async fn lines(url: &str, sql: impl sqlx::SqlSafeStr) -> Vec<String> {
    let mut db = sqlx::AnyConnection::connect(url).await.unwrap();
    let rows = sqlx::query(sql).fetch_all(&mut db).await.unwrap();
    let mut lines: Vec<String> = rows.iter().map(|row| row.get("line")).collect();
    lines.sort();
    lines
}
