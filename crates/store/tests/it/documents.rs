//! Documents and their bytes: received, worked on, deleted, stored once.

use std::time::Duration;

use domain::{DocumentId, Visibility};
use store::{CollectionChange, Conflict, DocumentState, Error, INGEST_DOCUMENT, PURGE_INDEX};

use crate::world::World;

crate::on_both_engines! {
    receiving_writes_file_row_and_job,
    the_same_file_twice_is_one_document,
    a_document_goes_through_its_states,
    a_failed_document_can_be_tried_again,
    deleting_removes_the_file_with_its_last_document,
    a_deleted_document_stays_deleted_for_the_worker,
    others_see_it_only_with_the_collection,
    uploads_and_deletions_of_the_same_content_do_not_meet,
    sweeping_removes_only_orphans,
}

async fn receiving_writes_file_row_and_job(world: World) {
    let clerk = world.person("clerk", &[]).await;
    let document = world.upload(&clerk, "Bescheid.txt", b"Sehr geehrte Frau").await;
    assert_eq!((document.state, document.size_bytes), (DocumentState::Received, 17));
    assert_eq!(document.owner.name, "clerk");
    assert_eq!(std::fs::read(world.blobs.path(&document.blob)).unwrap(), b"Sehr geehrte Frau");
    let lease = Duration::from_secs(60);
    let job = world.store.claim_job(&[INGEST_DOCUMENT], "i", lease).await.unwrap().unwrap();
    assert_eq!(job.payload["document"], document.id.to_string());
    assert_eq!((job.owner, job.attempt, job.exhausted), (Some(clerk.user), 1, false));
    let work = world.store.document_work(document.id).await.unwrap().unwrap();
    assert_eq!((work.name.as_str(), &work.blob), ("Bescheid.txt", &document.blob));
    let (stranger, mine) = (world.person("s", &[]).await, world.default_collection(&clerk).await);
    let pending = world.pending(b"x").await;
    let refused = world.store.receive_document(&stranger, mine, "x", pending, None).await;
    assert!(matches!(refused, Err(Error::NotFound)));
}

async fn the_same_file_twice_is_one_document(world: World) {
    let clerk = world.person("clerk", &[]).await;
    let collection = world.default_collection(&clerk).await;
    let first = world.upload(&clerk, "a.txt", b"gleich").await;
    let pending = world.pending(b"gleich").await;
    let again =
        world.store.receive_document(&clerk, collection, "a.txt", pending, None).await.unwrap();
    assert!(!again.is_new);
    assert_eq!(again.document.id, first.id);
    let other_name = world.upload(&clerk, "b.txt", b"gleich").await;
    assert_ne!(other_name.id, first.id);
    assert_eq!(other_name.blob, first.blob);
    assert_eq!(world.store.documents(&clerk, collection, None, 100).await.unwrap().items.len(), 2);
    let left = std::fs::read_dir(world.folder.path().join("tmp")).unwrap().count();
    assert_eq!(left, 0, "nothing stays in the incoming folder");
    let (p1, p2) = (world.pending(b"neu").await, world.pending(b"neu").await);
    let other = world.other().await;
    let (a, b) = tokio::join!(
        world.store.receive_document(&clerk, collection, "c.txt", p1, None),
        other.receive_document(&clerk, collection, "c.txt", p2, None),
    );
    let (a, b) = (a.unwrap(), b.unwrap());
    assert_eq!(a.document.id, b.document.id);
    assert!(a.is_new != b.is_new);
}

async fn a_document_goes_through_its_states(world: World) {
    let (store, clerk) = (&world.store, world.person("clerk", &[]).await);
    let id = world.upload(&clerk, "a.pdf", b"%PDF").await.id;
    assert!(store.begin_extraction(id).await.unwrap());
    assert!(store.set_document_progress(id, Some(10), 3).await.unwrap());
    let seen = store.document_for(&clerk, id).await.unwrap();
    assert_eq!(seen.state, DocumentState::Extracting);
    assert_eq!((seen.pages, seen.pages_done), (Some(10), Some(3)));
    assert!(store.begin_indexing(id, "pdf", Some("Gesetz"), Some(10)).await.unwrap());
    assert!(!store.set_document_progress(id, None, 4).await.unwrap(), "too late");
    assert!(store.finish_document(id).await.unwrap());
    assert!(store.finish_document(id).await.unwrap(), "again is no mistake");
    let seen = store.document_for(&clerk, id).await.unwrap();
    assert_eq!((seen.state, seen.title.as_deref()), (DocumentState::Ready, Some("Gesetz")));
    assert!(!store.begin_extraction(id).await.unwrap(), "ready already");
    let listed = store.documents_to_index(None, 10).await.unwrap();
    assert_eq!(listed.len(), 1);
    assert!(store.documents_to_index(Some(id), 10).await.unwrap().is_empty());
    let counts = store.document_counts(world.tenant).await.unwrap();
    assert_eq!((counts.ready, counts.failed, counts.waiting), (1, 0, 0));
}

async fn a_failed_document_can_be_tried_again(world: World) {
    let (store, clerk) = (&world.store, world.person("clerk", &[]).await);
    let id = world.upload(&clerk, "a.pdf", b"%PDF").await.id;
    let busy = store.retry_document(&clerk, id).await;
    assert!(matches!(busy, Err(Error::Conflict(Conflict::DocumentBusy))));
    assert!(store.fail_document(id, "no_text").await.unwrap());
    let failed = store.document_for(&clerk, id).await.unwrap();
    assert_eq!((failed.state, failed.reason.as_deref()), (DocumentState::Failed, Some("no_text")));
    let stranger = world.person("stranger", &[]).await;
    assert!(matches!(store.retry_document(&stranger, id).await, Err(Error::NotFound)));
    let again = store.retry_document(&clerk, id).await.unwrap();
    assert_eq!((again.state, again.reason), (DocumentState::Received, None));
    assert_eq!(store.job_counts().await.unwrap().waiting, 2);
}

async fn deleting_removes_the_file_with_its_last_document(world: World) {
    let (store, clerk) = (&world.store, world.person("clerk", &[]).await);
    let stranger = world.person("stranger", &[]).await;
    let mine = world.upload(&clerk, "a.txt", b"gleich").await;
    let theirs = world.upload(&stranger, "a.txt", b"gleich").await;
    let refused = store.delete_document(&stranger, mine.id, &world.blobs).await;
    assert!(matches!(refused, Err(Error::NotFound)));
    store.delete_document(&clerk, mine.id, &world.blobs).await.unwrap();
    assert!(matches!(store.document_for(&clerk, mine.id).await, Err(Error::NotFound)));
    assert!(world.blobs.path(&mine.blob).exists(), "another document has it");
    store.delete_document(&stranger, theirs.id, &world.blobs).await.unwrap();
    assert!(!world.blobs.path(&mine.blob).exists());
    assert!(matches!(world.blobs.read(&mine.blob).await, Err(Error::NotFound)));
    let lease = Duration::from_secs(60);
    let job = store.claim_job(&[PURGE_INDEX], "i", lease).await.unwrap().unwrap();
    assert_eq!(job.payload["document"], mine.id.to_string());
}

async fn a_deleted_document_stays_deleted_for_the_worker(world: World) {
    let (store, clerk) = (&world.store, world.person("clerk", &[]).await);
    let id = world.upload(&clerk, "a.pdf", b"%PDF").await.id;
    store.begin_extraction(id).await.unwrap();
    store.delete_document(&clerk, id, &world.blobs).await.unwrap();
    assert!(store.document_work(id).await.unwrap().is_none());
    assert!(!store.begin_extraction(id).await.unwrap());
    assert!(!store.set_document_progress(id, None, 1).await.unwrap());
    assert!(!store.begin_indexing(id, "pdf", None, None).await.unwrap());
    let passages = [crate::passages::passage(id, 0, "Text")];
    assert!(!store.replace_passages(world.tenant, id, &passages).await.unwrap());
    assert!(!store.finish_document(id).await.unwrap());
    assert!(!store.fail_document(id, "damaged").await.unwrap());
    let unknown = store.document_for(&clerk, DocumentId::new()).await;
    assert!(matches!(unknown, Err(Error::NotFound)));
}

async fn others_see_it_only_with_the_collection(world: World) {
    let (store, clerk) = (&world.store, world.person("clerk", &[]).await);
    let reader = world.person("reader", &[]).await;
    let document = world.upload(&clerk, "a.txt", b"a").await;
    assert!(matches!(store.document_for(&reader, document.id).await, Err(Error::NotFound)));
    assert!(
        store.documents(&reader, document.collection, None, 100).await.unwrap().items.is_empty()
    );
    let share =
        CollectionChange { visibility: Some(Visibility::Tenant), ..CollectionChange::default() };
    store.change_collection(&clerk, document.collection, &share).await.unwrap();
    let seen = store.document_for(&reader, document.id).await.unwrap();
    assert_eq!(seen.collection_owner, clerk.user);
    assert_eq!(
        store.documents(&reader, document.collection, None, 100).await.unwrap().items.len(),
        1
    );
}

/// One person deletes a document while another uploads the same content: whoever is told that it is
/// stored must find the file.
async fn uploads_and_deletions_of_the_same_content_do_not_meet(world: World) {
    let (a, b) = (world.person("a", &[]).await, world.person("b", &[]).await);
    let collection = world.default_collection(&b).await;
    let other = world.other().await;
    for round in 0..20 {
        let bytes = format!("Inhalt {round}");
        let theirs = world.upload(&a, "x", bytes.as_bytes()).await;
        let pending = world.pending(bytes.as_bytes()).await;
        let (deleted, received) = tokio::join!(
            world.store.delete_document(&a, theirs.id, &world.blobs),
            other.receive_document(&b, collection, "x", pending, None),
        );
        deleted.unwrap();
        let document = received.unwrap().document;
        assert_eq!(
            std::fs::read(world.blobs.path(&document.blob)).unwrap(),
            bytes.as_bytes(),
            "round {round}"
        );
    }
}

async fn sweeping_removes_only_orphans(world: World) {
    let (store, clerk) = (&world.store, world.person("clerk", &[]).await);
    let kept = world.upload(&clerk, "a.txt", b"bleibt").await;
    let gone = world.upload(&clerk, "b.txt", b"geht").await;
    // As after a crash between the deletion of the row and that of the file.
    world.tamper(&format!("DELETE FROM document WHERE id = '{}'", gone.id)).await.unwrap();
    let orphan = world.pending(b"nie bestaetigt").await;
    let path = world.blobs.path(orphan.hash());
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::copy(orphan.path(), &path).unwrap();
    let hour = Duration::from_secs(3_600);
    assert_eq!(store.sweep_blobs(&world.blobs, hour).await.unwrap(), 1, "too young but for rows");
    assert!(path.exists());
    assert_eq!(store.sweep_blobs(&world.blobs, Duration::ZERO).await.unwrap(), 1);
    assert!(!path.exists() && !world.blobs.path(&gone.blob).exists());
    assert!(world.blobs.path(&kept.blob).exists());
}
