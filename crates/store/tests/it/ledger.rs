//! Calls to models: written down at once, moved to the database once.

use std::{fs, path::Path};

use domain::{DataClass, Instant, Place, TenantId, UserId};
use store::{By, Ended, Ledger, Store, TokenUsage, UsageRecord, UsageTotal, Via};
use uuid::Uuid;

use crate::{on_both_engines, world::World};

on_both_engines!(
    calls_are_summed,
    what_was_recorded_survives_the_process,
    nothing_is_counted_twice,
    a_database_that_is_away_loses_nothing,
    calls_alike_share_an_audit_entry,
    what_can_never_arrive_is_set_aside_and_holds_nothing_up,
    what_a_dead_process_left_is_taken_over_while_running,
    a_late_call_says_when_it_ended,
    what_servers_claim_can_be_summed,
    an_older_program_left_its_journal,
);

pub fn call(tenant: TenantId, user: Option<UserId>) -> UsageRecord {
    UsageRecord {
        id: Uuid::now_v7(),
        at: Instant::now(),
        tenant,
        by: By { user, key: None, via: Via::Key },
        units: vec![],
        operation: "create_chat_completion".to_owned(),
        model: "standard".to_owned(),
        route: "standard-1".to_owned(),
        place: Place::Own,
        tokens: TokenUsage { prompt_tokens: 10, completion_tokens: 1, estimated: false },
        cost_nano_euro: Some(7),
        unit: None,
        cached_tokens: 0,
        energy_mwh: None,
        from_cache: false,
        data_class: DataClass::Open,
        ended: Ended::Done,
        database_away: false,
        guard: None,
    }
}

async fn total(store: &Store, tenant: TenantId) -> UsageTotal {
    store.usage_since(tenant, Instant::from_micros(0)).await.unwrap()
}

fn segments(folder: &Path) -> Vec<std::path::PathBuf> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}

async fn calls_are_summed(world: World) {
    let me = world.person("me", &[]).await;
    let ledger = Ledger::open(&world.folder.path().join("ledger")).unwrap();
    for _ in 0..2 {
        ledger.record(call(me.tenant, Some(me.user))).unwrap();
    }
    ledger.settle(&world.store).await.unwrap();
    let sums = total(&world.store, me.tenant).await;
    assert_eq!((sums.calls, sums.prompt_tokens, sums.completion_tokens), (2, 20, 2));
    assert_eq!(sums.cost_nano_euro, 14);
    let later = Instant::now().after(std::time::Duration::from_secs(9));
    assert_eq!(world.store.usage_since(me.tenant, later).await.unwrap().calls, 0);
    assert!(segments(&world.folder.path().join("ledger")).is_empty());
}

async fn what_was_recorded_survives_the_process(world: World) {
    let me = world.person("me", &[]).await;
    let folder = world.folder.path().join("ledger");
    let first = Ledger::open(&folder).unwrap();
    first.record(call(me.tenant, Some(me.user))).unwrap();

    // While its process lives, nobody else takes a segment.
    let second = Ledger::open(&folder).unwrap();
    second.settle(&world.store).await.unwrap();
    assert_eq!(total(&world.store, me.tenant).await.calls, 0);

    drop(first);
    let [segment] = &segments(&folder)[..] else { panic!("one segment") };
    // The process was killed in the middle of a line.
    let mut text = fs::read_to_string(segment).unwrap();
    text.push_str("{\"id\":\"0190");
    fs::write(segment, text).unwrap();
    let third = Ledger::open(&folder).unwrap();
    third.wait().await;
    third.settle(&world.store).await.unwrap();
    assert_eq!(total(&world.store, me.tenant).await.calls, 1);
    assert!(segments(&folder).is_empty());
}

async fn nothing_is_counted_twice(world: World) {
    let me = world.person("me", &[]).await;
    let folder = world.folder.path().join("ledger");
    let ledger = Ledger::open(&folder).unwrap();
    for _ in 0..3 {
        ledger.record(call(me.tenant, Some(me.user))).unwrap();
    }
    let [segment] = &segments(&folder)[..] else { panic!("one segment") };
    let bytes = fs::read(segment).unwrap();
    ledger.settle(&world.store).await.unwrap();
    let (entries, _) = world.store.audit_head(me.tenant).await.unwrap();

    // As if the process had been killed after the commit and before the file was gone.
    fs::write(segment, bytes).unwrap();
    Ledger::open(&folder).unwrap().settle(&world.store).await.unwrap();
    assert_eq!(total(&world.store, me.tenant).await.calls, 3);
    assert_eq!(world.store.audit_head(me.tenant).await.unwrap().0, entries);
    assert!(segments(&folder).is_empty());
}

async fn a_database_that_is_away_loses_nothing(world: World) {
    let me = world.person("me", &[]).await;
    let ledger = Ledger::open(&world.folder.path().join("ledger")).unwrap();
    let away = Store::open(world.store.location()).await.unwrap();
    away.close().await;
    for _ in 0..3 {
        ledger.record(call(me.tenant, Some(me.user))).unwrap();
        ledger.settle(&away).await.unwrap_err();
    }
    assert!(ledger.has_room());
    ledger.settle(&world.store).await.unwrap();
    assert_eq!(total(&world.store, me.tenant).await.calls, 3);
}

async fn calls_alike_share_an_audit_entry(world: World) {
    let (me, other) = (world.person("me", &[]).await, world.person("other", &[]).await);
    let (before, _) = world.store.audit_head(me.tenant).await.unwrap();
    let failed = UsageRecord { ended: Ended::Failed, ..call(me.tenant, Some(me.user)) };
    let mut batch: Vec<_> = (0..4).map(|_| call(me.tenant, Some(me.user))).collect();
    batch.extend([call(other.tenant, Some(other.user)), failed]);
    world.store.record_usage(&batch).await.unwrap();

    let page = world.store.audit_entries(me.tenant, None, 10).await.unwrap();
    let new = &page.items[..page.items.iter().position(|e| e.sequence == before).unwrap()];
    let mut seen: Vec<_> = new
        .iter()
        .map(|entry| {
            (entry.actor, entry.outcome.as_str(), entry.detail.get("calls").map(String::as_str))
        })
        .collect();
    seen.sort();
    let mut expected = vec![
        (Some(me.user), "done", Some("4")),
        (Some(me.user), "failed", None),
        (Some(other.user), "done", None),
    ];
    expected.sort();
    assert_eq!(seen, expected);
    assert!(world.store.verify_audit(me.tenant).await.unwrap().intact());
}

async fn what_can_never_arrive_is_set_aside_and_holds_nothing_up(world: World) {
    let me = world.person("me", &[]).await;
    let folder = world.folder.path().join("ledger");
    // As after a restore of another installation beside an old journal.
    let before = Ledger::open(&folder).unwrap();
    before.record(call(TenantId::new(), None)).unwrap();
    drop(before);
    let ledger = Ledger::open(&folder).unwrap();
    ledger.record(call(me.tenant, Some(me.user))).unwrap();
    ledger.settle(&world.store).await.unwrap();
    assert_eq!(total(&world.store, me.tenant).await.calls, 1);
    let [kept] = &segments(&folder)[..] else { panic!("the one that was set aside") };
    assert_eq!(kept.extension().unwrap(), "rejected");
    Ledger::open(&folder).unwrap().settle(&world.store).await.unwrap();
    assert!(kept.exists());
}

async fn what_a_dead_process_left_is_taken_over_while_running(world: World) {
    let me = world.person("me", &[]).await;
    let folder = world.folder.path().join("ledger");
    let (living, dying) = (Ledger::open(&folder).unwrap(), Ledger::open(&folder).unwrap());
    dying.record(call(me.tenant, Some(me.user))).unwrap();
    living.take_over().unwrap();
    living.settle(&world.store).await.unwrap();
    assert_eq!(total(&world.store, me.tenant).await.calls, 0);
    drop(dying);
    living.take_over().unwrap();
    living.wait().await;
    living.settle(&world.store).await.unwrap();
    assert_eq!(total(&world.store, me.tenant).await.calls, 1);
}

async fn a_late_call_says_when_it_ended(world: World) {
    let me = world.person("me", &[]).await;
    let at = Instant::now().before(std::time::Duration::from_secs(60));
    let late = UsageRecord { at, ..call(me.tenant, Some(me.user)) };
    world.store.record_usage(&[late]).await.unwrap();
    let page = world.store.audit_entries(me.tenant, None, 1).await.unwrap();
    assert_eq!(page.items[0].detail.get("ended_at"), Some(&at.to_rfc3339()));
}

/// A folder that is gone takes nothing, as a disk without room.
#[test]
fn a_disk_that_takes_nothing_stops_calls_and_keeps_what_was_told() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(folder.path()).unwrap();
    let record = call(TenantId::new(), None);
    fs::remove_dir(folder.path()).unwrap();
    ledger.record(record.clone()).unwrap_err();
    assert!(!ledger.has_room(), "at once after a failure nothing more is let in");
    fs::create_dir(folder.path()).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    assert!(ledger.has_room(), "a try that works opens the door again");
    let [segment] = &segments(folder.path())[..] else { panic!("one segment") };
    let kept: Vec<_> = fs::read_to_string(segment).unwrap().lines().map(str::to_owned).collect();
    assert_eq!(kept, [serde_json::to_string(&record).unwrap()]);
}

/// A server may report any number.
async fn what_servers_claim_can_be_summed(world: World) {
    let me = world.person("me", &[]).await;
    let claim = || UsageRecord {
        tokens: TokenUsage {
            prompt_tokens: u64::MAX,
            completion_tokens: u64::MAX,
            estimated: false,
        },
        cost_nano_euro: Some(u64::MAX),
        ..call(me.tenant, Some(me.user))
    };
    let batch = [claim(), claim(), claim(), call(me.tenant, Some(me.user))];
    world.store.record_usage(&batch).await.unwrap();
    let sums = total(&world.store, me.tenant).await;
    assert_eq!((sums.calls, sums.prompt_tokens), (4, 3_000_000_010));
    assert_eq!((sums.completion_tokens, sums.cost_nano_euro), (3_000_000_001, 30_000_000_000_007));
}

/// Killed before an update: what the program wrote in micro-euro counts a thousand times as much.
async fn an_older_program_left_its_journal(world: World) {
    let me = world.person("me", &[]).await;
    let folder = world.folder.path().join("ledger");
    fs::create_dir(&folder).unwrap();
    let line = |id: u8, cost: &str| {
        format!(
            r#"{{"id":"0193a7e5-0000-7000-8000-0000000000{id:02}","at":1763856000000000,"tenant":"{}","by":{{"user":"{}","key":null,"via":"key"}},"operation":"create_embedding","model":"standard","route":"standard-1","place":"own","tokens":{{"prompt_tokens":3,"completion_tokens":0,"estimated":false}},"cost_micro_euro":{cost},"cached_tokens":0,"from_cache":false,"data_class":"open","ended":"done","database_away":false}}"#,
            me.tenant, me.user
        ) + "\n"
    };
    let text = line(1, "7") + &line(2, "null");
    fs::write(folder.join(format!("{}.jsonl", Uuid::now_v7())), text).unwrap();
    let ledger = Ledger::open(&folder).unwrap();
    ledger.record(call(me.tenant, Some(me.user))).unwrap();
    ledger.settle(&world.store).await.unwrap();
    let sums = total(&world.store, me.tenant).await;
    assert_eq!((sums.calls, sums.cost_nano_euro), (3, 7_000 + 7));
    let own = world.store.own_usage(me.tenant, me.user, Instant::from_micros(0)).await.unwrap();
    assert_eq!(own[0].sums.unpriced, 1);
    assert!(segments(&folder).is_empty());
}
