//! A whole installation moves from one engine to the other.

use domain::{CollectionId, DataClass, Scope};
use store::{
    By, Error, Location, MIGRATION_COUNT, NewApiKey, NewQuestion, RunEnd, RunState, Store, Task,
    copy_all,
};

use sqlx::Connection as _;

use crate::{passages::passage, world::World};

crate::on_both_engines! {
    every_table_is_copied,
    a_copy_holds_everything,
    a_used_target_is_refused,
    a_broken_audit_log_is_not_passed_on,
}

/// Leaves a row in every table.
pub async fn fill(world: &World) {
    let store = &world.store;
    let later = domain::Instant::now().after(std::time::Duration::from_secs(3_600));
    let top = world.unit("Oben").await;
    let by = By::command();
    // Made so that ids and names do not sort the lower unit behind the upper one by accident.
    let below = store.create_unit(world.tenant, "Unten", Some(top), &by).await.unwrap().0.id;
    store.create_unit(world.tenant, "Darunter", Some(below), &by).await.unwrap();
    store.create_setup_token("setup", later, world.tenant).await.unwrap();
    let user = world.user("clerk", domain::Role::Admin, &[below]).await.unwrap();
    let me = crate::world::principal(&user);
    store.create_session(&user, "session", "Firefox", later).await.unwrap();
    let key = NewApiKey {
        name: "k".to_owned(),
        prefix: "sk".to_owned(),
        token_hash: "key".to_owned(),
        scopes: vec![Scope::Models],
        expires_at: None,
        data_class: None,
        models: None,
    };
    store.create_key(world.tenant, user.id, &key, &by).await.unwrap();
    let fail = |attempts: &mut [store::LoginAttempts]| {
        attempts[0].failures = 1;
        attempts[0].last_failure = Some(later);
    };
    store.change_login_attempts(&["subject"], fail).await.unwrap();
    store.set_setting("name", "Wert").await.unwrap();
    let mut cited = None;
    for n in 0..3 {
        let document = world.upload(&me, &format!("{n}.txt"), format!("Text {n}").as_bytes()).await;
        let passages: Vec<_> =
            (0..150).map(|p| passage(document.id, p, &format!("Satz {p} ß"))).collect();
        store.replace_passages(world.tenant, document.id, &passages).await.unwrap();
        cited = Some((document.id, passages[0].id));
    }
    let (document, cited) = cited.unwrap();
    let question = NewQuestion {
        text: "Frage?".to_owned(),
        attachments: Vec::new(),
        collections: vec![CollectionId::new()],
        model: None,
        data_class: DataClass::Open,
        task: Task::Answer,
        title: None,
    };
    let c = store.create_conversation(me.tenant, me.user, "Titel").await.unwrap().id;
    let asked = store.send_message(me.tenant, me.user, c, &question, "i").await.unwrap();
    let end = RunEnd {
        state: RunState::Done,
        reason: None,
        text: "Antwort".to_owned(),
        citations: vec![store::Citation {
            number: 1,
            document,
            document_name: "2.txt".to_owned(),
            passage: cited,
            page: None,
            heading: String::new(),
            quote: "Satz".to_owned(),
            start: 0,
            end: 4,
            concealed: false,
        }],
        removed_citations: 0,
        model: Some("standard".to_owned()),
        route: None,
        data_class: None,
        usage: None,
    };
    store.finish_run(asked.run.id, &end).await.unwrap();
    let usage = crate::ledger::call(me.tenant, Some(me.user));
    store.record_usage(&[usage]).await.unwrap();
    let tomorrow = domain::Day::of(later).plus(1);
    store.close_usage(me.tenant, tomorrow, 1).await.unwrap();
    let bounds =
        store::AnswerBounds { lifetime: std::time::Duration::from_hours(1), bytes_max: 99 };
    store.keep_answer(me.tenant, "name", b"sealed", bounds).await.unwrap();
    fill_rules(world).await;
}

/// Limits and what was warned of, models and who may use them.
async fn fill_rules(world: &World) {
    let url = match &world.location {
        Location::Sqlite(path) => format!("sqlite://{}", path.display()),
        Location::Postgres(url) => url.clone(),
    };
    let mut db = sqlx::AnyConnection::connect(&url).await.unwrap();
    let tenant = world.tenant;
    for row in [
        format!("usage_limit VALUES ('{tenant}', 'tenant', 1, NULL, 2, 3, 4, 5, 'refuse', 1, 6)"),
        format!("usage_month VALUES ('{tenant}', 'key k', 1, 2, 3, 4)"),
        format!("limit_lease VALUES ('{tenant}', 'tenant', 'requests', 1, 'p', 2, 3)"),
        format!("limit_warning VALUES ('{tenant}', 'tenant', 1, 'month_cost', 80, 2)"),
        "model VALUES ('m', '{}', 1, 2, 3)".to_owned(),
        "model_route_key VALUES ('m', 'm-1', 'sealed')".to_owned(),
        "drained_route VALUES ('m', 'm-1', 1)".to_owned(),
        format!("model_access VALUES ('{tenant}', 'm', NULL, 1)"),
        format!("place_policy VALUES ('{tenant}', 'own', 1)"),
    ] {
        let insert = sqlx::AssertSqlSafe(format!("INSERT INTO {row}"));
        sqlx::query(insert).execute(&mut db).await.unwrap();
    }
}

/// Another, empty installation: on the other engine, and on the same one.
async fn targets(world: &World) -> [Store; 2] {
    let sqlite = Location::Sqlite(world.folder.path().join("copy.db"));
    let postgres = Location::Postgres(testkit::postgres::server().create_database());
    [Store::open(&sqlite).await.unwrap(), Store::open(&postgres).await.unwrap()]
}

async fn every_table_is_copied(world: World) {
    fill(&world).await;
    let [copy, _] = targets(&world).await;
    let report = copy_all(&world.store, &copy).await.unwrap();
    for (table, rows) in &report.tables {
        assert!(*rows > 0, "the test leaves {table} empty");
    }
    let mut known: Vec<&str> = report.tables.iter().map(|(table, _)| *table).collect();
    known.push("migration");
    known.sort_unstable();
    let present = crate::schema::tables(&world.location).await;
    assert_eq!(present, known, "a table that copying does not know would be lost");
}

async fn a_copy_holds_everything(world: World) {
    fill(&world).await;
    let user = world.store.login("clerk@example.org").await.unwrap().unwrap().user;
    let me = crate::world::principal(&user);
    let head = world.store.audit_head(world.tenant).await.unwrap();
    for copy in targets(&world).await {
        let report = copy_all(&world.store, &copy).await.unwrap();
        assert!(report.rows() > 450);
        assert_eq!(report.audit_entries, head.0);
        assert_eq!(copy.audit_head(world.tenant).await.unwrap(), head);
        let mut units = copy.units(world.tenant).await.unwrap();
        units.sort_by_key(|unit| unit.id);
        let mut before = world.store.units(world.tenant).await.unwrap();
        before.sort_by_key(|unit| unit.id);
        assert_eq!(units, before);
        assert_eq!(
            copy.users(world.tenant, None, 100).await.unwrap().items,
            std::slice::from_ref(&user)
        );
        let collection = world.default_collection(&me).await;
        let documents = world.store.documents(&me, collection, None, 100).await.unwrap().items;
        assert_eq!(copy.documents(&me, collection, None, 100).await.unwrap().items, documents);
        for document in &documents {
            assert_eq!(
                copy.passages_to_index(document.id).await.unwrap(),
                world.store.passages_to_index(document.id).await.unwrap()
            );
        }
        let page = copy.conversations(me.tenant, me.user, Some("antwort"), None, 5).await.unwrap();
        assert_eq!(page.items[0].title, "Titel");
        // And it goes on from there.
        let event = store::AuditEvent::done(&By::system(), "create_key");
        copy.record_audit(world.tenant, event).await.unwrap();
        assert!(copy.verify_audit(world.tenant).await.unwrap().intact());
        assert!(
            copy.claim_job(&["ingest_document"], "i", std::time::Duration::from_secs(1))
                .await
                .unwrap()
                .is_some()
        );
    }
}

async fn a_used_target_is_refused(world: World) {
    fill(&world).await;
    let [sqlite, postgres] = targets(&world).await;
    for target in [sqlite, postgres] {
        // Started once but never used: its default tenant gives way.
        target.migrate().await.unwrap();
        copy_all(&world.store, &target).await.unwrap();
        assert_eq!(target.tenants().await.unwrap().len(), 1);
        let again = copy_all(&world.store, &target).await;
        assert!(matches!(again, Err(Error::Transfer(_))), "{again:?}");
    }
    let old = Store::open(&Location::Sqlite(world.folder.path().join("old.db"))).await.unwrap();
    old.migrate_to(MIGRATION_COUNT - 1).await.unwrap();
    let from_old = copy_all(&old, &world.store).await;
    assert!(matches!(from_old, Err(Error::Transfer(_))), "{from_old:?}");
}

async fn a_broken_audit_log_is_not_passed_on(world: World) {
    fill(&world).await;
    world.tamper("UPDATE audit_head SET sequence = sequence + 1").await.unwrap();
    for target in targets(&world).await {
        let refused = copy_all(&world.store, &target).await;
        assert!(matches!(refused, Err(Error::Transfer(_))), "{refused:?}");
        assert!(target.tenants().await.unwrap().is_empty(), "nothing was kept");
    }
}
