//! The questions that are asked all the time find their rows through an index. PostgreSQL counts what
//! it reads without one; the same indexes serve SQLite.

use std::time::Duration;

use domain::{Instant, Principal};
use sqlx::{Connection as _, Row as _};
use store::{Location, NewQuestion, Task};

use crate::{passages::passage, world::World};

/// Rows laid into each large table.
const ROWS: u32 = 5_000;
/// Rows that all the questions together may read without an index, in each table.
const SCANNED_MAX: i64 = 1_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hot_questions_use_indexes() {
    let world = World::postgres().await;
    let me = world.person("me", &[]).await;
    let document = world.upload(&me, "a.txt", b"a").await;
    let id = document.id;
    world.store.replace_passages(world.tenant, id, &[passage(id, 0, "Satz")]).await.unwrap();
    world.store.finish_document(id).await.unwrap();
    let c = world.store.create_conversation(me.tenant, me.user, "Titel").await.unwrap().id;
    multiply(&world).await;

    let before = scanned(&world).await;
    ask(&world, &me, c, id).await;
    // The server hands its counters in at the latest when a connection ends.
    world.store.close().await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    let after = scanned(&world).await;
    let read =
        before.iter().zip(&after).map(|((table, before), (_, after))| (table, after - before));
    let without_index: Vec<_> = read.filter(|(_, rows)| *rows > SCANNED_MAX).collect();
    assert!(without_index.is_empty(), "rows read without an index: {without_index:?}");
}

/// Fills the tables with rows of other people's and other times.
async fn multiply(world: &World) {
    let series = format!("generate_series(1, {ROWS}) AS n");
    let statements = [
        format!(
            "INSERT INTO user_account SELECT 'u' || n, tenant_id, 'u' || n || '@x', name, role, \
             password_hash, disabled, locale, created_at, updated_at FROM user_account, {series}"
        ),
        format!(
            "INSERT INTO session SELECT 's' || n, tenant_id, 'u' || n, 'h' || n, '', 0, 0, n \
             FROM user_account, {series} WHERE name = 'me' AND id NOT LIKE 'u%'"
        ),
        format!(
            "INSERT INTO collection SELECT 'c' || n, tenant_id, 'u' || n, name, data_class, \
             visibility, unit_id, is_default, created_at, updated_at FROM collection, {series}"
        ),
        format!(
            "INSERT INTO document SELECT 'd' || n, tenant_id, 'c' || n, 'u' || n, name, title, \
             format, blob_hash, size_bytes, state, reason, pages, pages_done, passages, \
             created_at, updated_at FROM document, {series}"
        ),
        format!(
            "INSERT INTO passage SELECT 'p' || n, tenant_id, 'd' || n, 0, page, heading, kind, \
             text, boxes FROM passage, {series}"
        ),
        format!(
            "INSERT INTO conversation SELECT 'v' || n, tenant_id, 'u' || n, title, title_folded, \
             n, n FROM conversation, {series}"
        ),
        format!(
            "INSERT INTO message SELECT 'm' || n, tenant_id, 'v' || n, 0, 'user', 'x', 'x', '[]', \
             '[]', NULL, NULL, NULL, 'open', NULL, NULL, '[]', 0, NULL, n FROM conversation, \
             {series} WHERE title = 'Titel' AND id NOT LIKE 'v%'"
        ),
        format!(
            "INSERT INTO run SELECT 'r' || n, tenant_id, 'v' || n, 'm' || n, 'u' || n, 'done', \
             NULL, 'i', 0, n, n, n FROM conversation, {series} \
             WHERE title = 'Titel' AND id NOT LIKE 'v%'"
        ),
        "ANALYZE".to_owned(),
    ];
    for statement in statements {
        world.tamper(&statement).await.unwrap();
    }
}

async fn ask(
    world: &World,
    me: &Principal,
    conversation: domain::ConversationId,
    document: domain::DocumentId,
) {
    let (store, now) = (&world.store, Instant::now());
    let (t, u) = (me.tenant, me.user);
    store.session_by_token("none", Instant::from_micros(0)).await.unwrap();
    store.key_by_token("h", now).await.unwrap();
    store.login("me@example.org").await.unwrap();
    store.readable_collections(me, None, 100).await.unwrap();
    store.readable_collection_ids(me).await.unwrap();
    let document = store.document_for(me, document).await.unwrap();
    store.collection_for(me, document.collection).await.unwrap();
    store.documents(me, document.collection, None, 100).await.unwrap();
    let passages = store.passages(me, document.id, None, None, 10).await.unwrap();
    store.passages_for(me, &[passages[0].id]).await.unwrap();
    store.passage_for(me, passages[0].id).await.unwrap();
    store.neighbours(me, document.id, 0, 2).await.unwrap();
    store.document_passages(me, document.id).await.unwrap();
    store.conversations(t, u, None, None, 20).await.unwrap();
    store.conversations(t, u, Some("titel"), None, 20).await.unwrap();
    let question = NewQuestion {
        text: "?".to_owned(),
        attachments: Vec::new(),
        collections: Vec::new(),
        model: None,
        data_class: domain::DataClass::Open,
        task: Task::Answer,
        title: None,
    };
    let asked = store.send_message(t, u, conversation, &question, "i").await.unwrap();
    store.messages(t, u, conversation, None, 100).await.unwrap();
    store.save_run_text(asked.run.id, "x").await.unwrap();
    store.running_run(t, u, conversation).await.unwrap();
    store.delete_conversation(t, u, conversation).await.unwrap();
    store.audit_entries(t, None, 20).await.unwrap();
    store.delete_document(me, document.id, &world.blobs).await.unwrap();
}

/// Rows read without an index so far, by table.
async fn scanned(world: &World) -> Vec<(String, i64)> {
    let Location::Postgres(url) = &world.location else { unreachable!("only PostgreSQL counts") };
    let mut db = sqlx::AnyConnection::connect(url).await.unwrap();
    let sql = "SELECT CAST(relname AS TEXT) AS name, seq_tup_read FROM pg_stat_user_tables \
               ORDER BY relname";
    let rows = sqlx::query(sql).fetch_all(&mut db).await.unwrap();
    rows.iter().map(|row| (row.get("name"), row.get("seq_tup_read"))).collect()
}
