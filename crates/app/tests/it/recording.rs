//! What stands in the audit log: who did what to which thing, and never what was in it.

use std::time::Duration;

use app::{AuditEntry, KeyRequest, Part, SearchRequest};
use domain::{Role, Scope, Visibility};
use store::{CollectionChange, NewCollection, UserChange};

use crate::world::{PASSWORD, World};

/// Stands in everything that people write in this test.
const WORD: &str = "zirbelnuss";

/// The whole log, the oldest first, once an entry for `action` is there: some are written a moment
/// later.
async fn log(world: &World, admin: &app::Principal, action: &str) -> Vec<AuditEntry> {
    for _ in 0..200 {
        let (mut entries, mut after) = (vec![], None);
        loop {
            let page = world.app.list_audit(admin, after.as_deref()).await.unwrap();
            entries.extend(page.items);
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        entries.reverse();
        if entries.iter().any(|entry| entry.action == action) {
            return entries;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("no entry for {action}");
}

fn last<'e>(entries: &'e [AuditEntry], action: &str) -> &'e AuditEntry {
    entries.iter().rev().find(|entry| entry.action == action).unwrap_or_else(|| panic!("{action}"))
}

#[tokio::test]
async fn reading_searching_and_changes_are_written_down_without_content() {
    let world = World::new().await;
    world.work();
    let admin = world.person("vera", Role::Admin, vec![]).await;
    let anna = world.member(WORD).await;
    let name = |what: &str| format!("{WORD} {what}");
    let unit = world.app.create_unit(&admin, &name("Amt"), None).await.unwrap();
    let change = UserChange {
        role: Some(Role::Admin),
        units: Some(vec![unit.id]),
        name: Some(name("Anna")),
        ..UserChange::default()
    };
    world.app.update_user(&admin, anna.user, change).await.unwrap();
    let new = NewCollection {
        name: name("Akten"),
        data_class: domain::DataClass::Internal,
        visibility: Visibility::Private,
    };
    let files = world.app.create_collection(&anna, new).await.unwrap();
    let renamed = CollectionChange { name: Some(name("Vorgang")), ..Default::default() };
    world.app.update_collection(&anna, files.id, renamed).await.unwrap();
    let text = format!("Die {WORD} ist ein Samen.");
    let document = world.upload(&anna, files.id, &format!("{WORD}.md"), &text).await;
    let query = SearchRequest { query: name("Samen"), ..SearchRequest::default() };
    let hits = world.app.search_passages(&anna, &query).await.unwrap().len();
    world.app.get_document_content(&anna, document.id).await.unwrap();
    let asked = KeyRequest {
        data_class: None,
        name: name("Schlüssel"),
        scopes: vec![Scope::Search, Scope::Documents],
        expires_at: None,
        models: None,
    };
    world.app.create_key(&anna, asked).await.unwrap();
    for (email, password) in [
        (format!("{WORD}@amt.example"), "falsches kennwort"),
        (format!("{}@amt.example", WORD.to_uppercase()), "falsches kennwort"),
        (format!("nicht-{WORD}@amt.example"), PASSWORD),
    ] {
        let refused = world.app.create_session(&email, password.to_owned(), None, WORD).await;
        assert_eq!(refused.err().unwrap().code, "login_failed");
    }

    log(&world, &admin, "search_passages").await;
    let entries = log(&world, &admin, "get_document_content").await;
    let shown = format!(
        "{:?}",
        entries.iter().map(|e| (&e.action, &e.object, &e.detail)).collect::<Vec<_>>()
    );
    assert!(!shown.to_lowercase().contains(WORD), "{shown}");
    assert!(!shown.contains('@') && !shown.contains("Samen"), "{shown}");

    let searched = last(&entries, "search_passages");
    assert_eq!(searched.detail["hits"], hits.to_string());
    assert_eq!((searched.detail["collections"].as_str(), searched.actor), ("all", Some(anna.user)));
    let read = last(&entries, "get_document_content");
    assert_eq!(read.object, Some(format!("document:{}", document.id)));
    let changed = last(&entries, "change_user");
    assert_eq!(
        (changed.detail["role"].as_str(), changed.detail["role_before"].as_str()),
        ("admin", "member")
    );
    assert_eq!(
        (changed.detail["units"].clone(), changed.detail["units_before"].as_str()),
        (unit.id.to_string(), "")
    );
    assert_eq!(last(&entries, "create_key").detail["scopes"], "search documents");
    let failed: Vec<&AuditEntry> =
        entries.iter().filter(|e| e.outcome == "refused" && e.action == "create_session").collect();
    assert_eq!(failed.len(), 3);
    assert_eq!(
        failed[0].detail["account"], failed[1].detail["account"],
        "one account, one pseudonym"
    );
    assert_ne!(failed[0].detail["account"], failed[2].detail["account"]);
    assert!(world.store.verify_audit(admin.tenant).await.unwrap().intact());
}

#[tokio::test]
async fn whoever_reaches_for_what_is_not_theirs_is_written_down() {
    let world = World::new().await;
    world.work();
    let admin = world.person("vera", Role::Admin, vec![]).await;
    let (anna, bob) = (world.member("anna").await, world.member("bob").await);
    let mine = world.app.get_me(&anna).await.unwrap().default_collection;
    let document = world.upload(&anna, mine, "a.md", "Ein Satz.").await;
    let talk = world.app.create_conversation(&anna, None).await.unwrap();
    assert!(world.app.get_document(&bob, document.id).await.is_err());
    assert!(world.app.list_documents(&bob, mine, &Part::default()).await.is_err());
    assert!(world.app.get_conversation(&bob, talk.id).await.is_err());
    // What is not there at all is no reaching.
    assert!(world.app.get_document(&bob, domain::DocumentId::new()).await.is_err());
    // What he may see but not change.
    let see = CollectionChange { visibility: Some(Visibility::Tenant), ..Default::default() };
    let shared = world.open_collection(&anna).await;
    world.app.update_collection(&anna, shared.id, see).await.unwrap();
    assert!(world.app.delete_collection(&bob, shared.id).await.is_err());

    let wanted = [
        format!("document:{}", document.id),
        format!("collection:{mine}"),
        format!("conversation:{}", talk.id),
        format!("collection:{}", shared.id),
    ];
    for _ in 0..200 {
        let entries = log(&world, &admin, "access").await;
        let refused = entries.iter().filter(|entry| entry.action == "access");
        let mut seen: Vec<String> = refused
            .map(|entry| {
                assert_eq!((entry.outcome.as_str(), entry.actor), ("refused", Some(bob.user)));
                entry.object.clone().unwrap()
            })
            .collect();
        if seen.len() >= wanted.len() {
            seen.sort_unstable();
            let mut wanted = wanted.to_vec();
            wanted.sort_unstable();
            assert_eq!(seen, wanted);
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("not all of it was written down");
}

#[tokio::test]
async fn what_ends_after_the_work_was_stopped_is_still_written_down() {
    let world = World::new().await;
    let admin = world.person("vera", Role::Admin, vec![]).await;
    let (anna, bob) = (world.member("anna").await, world.member("bob").await);
    let talk = world.app.create_conversation(&anna, None).await.unwrap();
    world.app.stop(Duration::from_secs(1)).await;
    for _ in 0..20 {
        assert!(world.app.get_conversation(&bob, talk.id).await.is_err());
    }
    world.app.finish_tasks().await;
    let page = world.app.list_audit(&admin, None).await.unwrap();
    let refused = page.items.iter().filter(|entry| entry.action == "access").count();
    assert_eq!(refused, 20);
}
