//! The audit chain notices whatever is done to it past the store.

use domain::{Role, UnitId};
use store::{AuditEvent, AuditOutcome, By, Engine, Error, UserChange};

use crate::world::{World, principal};

crate::on_both_engines! {
    entries_are_chained_and_listed,
    ids_are_named_where_administrators_know_them,
    many_writers_leave_no_gap,
    the_database_refuses_changes,
    every_change_is_found,
}

async fn write(world: &World, count: usize) {
    for n in 0..count {
        let event = AuditEvent::done(&By::command(), "create_key").to("key", n).with("n", n);
        world.store.record_audit(world.tenant, event).await.unwrap();
    }
}

async fn entries_are_chained_and_listed(world: World) {
    let me = world.person("me", &[]).await;
    let refused = AuditEvent::done(&By::from(&me), "delete_user")
        .outcome(AuditOutcome::Refused)
        .with("reason", "forbidden");
    world.store.record_audit(world.tenant, refused).await.unwrap();
    write(&world, 5).await;
    let report = world.store.verify_audit(world.tenant).await.unwrap();
    assert!(report.intact());
    assert_eq!(report.entries, 7);
    let first = world.store.audit_entries(world.tenant, None, 4).await.unwrap();
    let numbers: Vec<u64> = first.items.iter().map(|entry| entry.sequence).collect();
    assert_eq!(numbers, [7, 6, 5, 4]);
    let rest = world.store.audit_entries(world.tenant, first.next.as_deref(), 4).await.unwrap();
    assert_eq!((rest.items.len(), rest.next), (3, None));
    let entry = &rest.items[1];
    assert_eq!((entry.action.as_str(), entry.outcome.as_str()), ("delete_user", "refused"));
    assert_eq!((entry.actor, entry.actor_name.as_deref()), (Some(me.user), Some("me")));
    assert_eq!(entry.detail["via"], "session");
    let bad = world.store.audit_entries(world.tenant, Some("x"), 4).await;
    assert!(matches!(bad, Err(Error::InvalidCursor)));
    assert_eq!(world.store.audit_head(world.tenant).await.unwrap().0, 7);
}

/// People, units and keys are named as they are called when the log is read; what is gone, or another
/// tenant's, or belongs to people, is not.
async fn ids_are_named_where_administrators_know_them(world: World) {
    let (store, by) = (&world.store, By::command());
    let unit = world.unit("Bauamt").await;
    let ada = world.user("Ada", Role::Member, &[unit]).await.unwrap();
    let own = store.readable_collections(&principal(&ada), None, 1).await.unwrap();
    let event = AuditEvent::done(&by, "create_collection")
        .to("user", ada.id)
        .with("units", format!("{unit} {}", UnitId::new()))
        .with("collection", own.items[0].id)
        .with("version", 7);
    store.record_audit(world.tenant, event).await.unwrap();
    let last = async || store.audit_entries(world.tenant, None, 1).await.unwrap().items.remove(0);
    let entry = last().await;
    let named = [(ada.id.to_string(), ada.name.clone()), (unit.to_string(), "Bauamt".to_owned())];
    assert_eq!(entry.names, named.into());
    let renamed = UserChange { name: Some("Ada L.".to_owned()), ..UserChange::default() };
    store.change_user(world.tenant, ada.id, &renamed, &by).await.unwrap();
    assert_eq!(last().await.names[&ada.id.to_string()], "Ada L.");
    write(&world, 1).await;
    assert!(last().await.names.is_empty());
}

async fn many_writers_leave_no_gap(world: World) {
    let other = world.other().await;
    let work = |store: store::Store| {
        let tenant = world.tenant;
        async move {
            for _ in 0..25 {
                let event = AuditEvent::done(&By::system(), "create_session");
                store.record_audit(tenant, event).await.unwrap();
            }
        }
    };
    tokio::join!(
        work(world.store.clone()),
        work(world.store.clone()),
        work(other.clone()),
        work(other.clone()),
    );
    let report = world.store.verify_audit(world.tenant).await.unwrap();
    assert!(report.intact());
    assert_eq!(report.entries, 100);
}

async fn the_database_refuses_changes(world: World) {
    write(&world, 3).await;
    for sql in ["UPDATE audit SET action = 'x' WHERE sequence = 2", "DELETE FROM audit"] {
        assert!(world.tamper(sql).await.is_err(), "{sql}");
    }
    if world.store.engine() == Engine::Postgres {
        assert!(world.tamper("TRUNCATE audit").await.is_err());
    }
    assert!(world.store.verify_audit(world.tenant).await.unwrap().intact());
}

async fn every_change_is_found(world: World) {
    write(&world, 6).await;
    let open = match world.store.engine() {
        Engine::Sqlite => "DROP TRIGGER audit_no_update; DROP TRIGGER audit_no_delete",
        Engine::Postgres => "ALTER TABLE audit DISABLE TRIGGER USER",
    };
    for statement in open.split(';') {
        world.tamper(statement).await.unwrap();
    }
    world.tamper("CREATE TABLE kept AS SELECT * FROM audit").await.unwrap();
    // What is done, and the first number at which the chain no longer holds.
    let cases = [
        ("UPDATE audit SET action = 'delete_key' WHERE sequence = 3", 3),
        ("UPDATE audit SET at = at + 1 WHERE sequence = 1", 1),
        ("UPDATE audit SET object = NULL WHERE sequence = 4", 4),
        ("UPDATE audit SET actor = '' WHERE sequence = 4", 4),
        ("UPDATE audit SET outcome = 'failed' WHERE sequence = 6", 6),
        ("UPDATE audit SET detail = '{}' WHERE sequence = 5", 5),
        ("UPDATE audit SET hash = previous_hash WHERE sequence = 2", 2),
        ("DELETE FROM audit WHERE sequence = 1", 1),
        ("DELETE FROM audit WHERE sequence = 3", 3),
        ("DELETE FROM audit WHERE sequence = 6", 6),
        ("DELETE FROM audit WHERE sequence >= 4", 4),
        ("DELETE FROM audit", 1),
        // Two entries change places.
        (
            "UPDATE audit SET sequence = CASE sequence WHEN 2 THEN 30 ELSE 20 END \
          WHERE sequence IN (2, 3); UPDATE audit SET sequence = sequence / 10 + \
          0 WHERE sequence >= 20",
            2,
        ),
        // One is removed and the rest move up.
        (
            "DELETE FROM audit WHERE sequence = 2; \
          UPDATE audit SET sequence = 2 WHERE sequence = 3; \
          UPDATE audit SET sequence = 3 WHERE sequence = 4",
            2,
        ),
        // One is added at the end past the head.
        (
            "INSERT INTO audit SELECT tenant_id, 7, at, actor, action, object, outcome, detail, \
          previous_hash, hash FROM audit WHERE sequence = 6",
            7,
        ),
    ];
    for (change, broken) in cases {
        for statement in change.split(';') {
            world.tamper(statement).await.unwrap();
        }
        let report = world.store.verify_audit(world.tenant).await.unwrap();
        assert_eq!(report.first_broken, Some(broken), "{change}");
        world.tamper("DELETE FROM audit").await.unwrap();
        world.tamper("INSERT INTO audit SELECT * FROM kept").await.unwrap();
        assert!(world.store.verify_audit(world.tenant).await.unwrap().intact());
    }
    world.tamper("UPDATE audit_head SET sequence = 5").await.unwrap();
    assert!(!world.store.verify_audit(world.tenant).await.unwrap().intact());
    world.tamper("DELETE FROM audit_head").await.unwrap();
    assert!(!world.store.verify_audit(world.tenant).await.unwrap().intact());
}
