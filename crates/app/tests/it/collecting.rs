//! Documents on their way from upload to hit, and who may see them.

use app::{DocumentState, Error, SearchRequest};
use domain::{DataClass, ErrorKind, Visibility};
use store::{CollectionChange, NewCollection};

use crate::world::World;

const LEASE: &str = "# Mietordnung\n\n## § 1 Kündigung\n\nDie Kündigungsfrist beträgt drei Monate. \
    Sie beginnt mit dem Zugang der Kündigung.\n\n## § 2 Kaution\n\nDie Kaution beträgt höchstens \
    drei Monatsmieten.\n";

fn collection(name: &str, visibility: Visibility) -> NewCollection {
    NewCollection { name: name.to_owned(), data_class: DataClass::Internal, visibility }
}

fn query(text: &str) -> SearchRequest {
    SearchRequest { query: text.to_owned(), ..SearchRequest::default() }
}

#[tokio::test]
async fn an_uploaded_document_is_found_and_gone_after_deletion() {
    let world = World::new().await;
    world.work();
    let anna = world.member("anna").await;
    let mine = world.app.get_me(&anna).await.unwrap().default_collection;
    let document = world.upload(&anna, mine, "Mietordnung.md", LEASE).await;
    assert_eq!(document.state, DocumentState::Ready, "{:?}", document.reason);

    let hits = world.app.search_passages(&anna, &query("Wie lange ist die Kündigungsfrist?")).await;
    let best = hits.unwrap().remove(0).found;
    assert!(best.passage.text.contains("drei Monate"));
    assert_eq!(best.passage.heading, ["§ 1 Kündigung"]);

    let bob = world.member("bob").await;
    assert!(world.app.search_passages(&bob, &query("Kündigungsfrist")).await.unwrap().is_empty());
    for refused in [
        world.app.get_document(&bob, document.id).await.err(),
        world.app.delete_document(&bob, document.id).await.err(),
        world.app.get_passage(&bob, best.passage.id).await.err(),
        world.app.get_document_content(&bob, document.id).await.err(),
        world.app.list_passages(&bob, document.id, None, None, None).await.err(),
        world.app.begin_upload(&bob, mine, 0).await.err(),
    ] {
        assert_eq!(refused.unwrap().kind, ErrorKind::NotFound);
    }

    world.app.delete_document(&anna, document.id).await.unwrap();
    assert!(world.app.search_passages(&anna, &query("Kündigungsfrist")).await.unwrap().is_empty());
    assert!(world.app.get_passage(&anna, best.passage.id).await.is_err());
}

#[tokio::test]
async fn what_is_shared_is_read_and_not_written() {
    let world = World::new().await;
    world.work();
    let (anna, bob) = (world.member("anna").await, world.member("bob").await);
    let shared = world
        .app
        .create_collection(&anna, collection("Satzungen", Visibility::Private))
        .await
        .unwrap();
    let document = world.upload(&anna, shared.id, "Mietordnung.md", LEASE).await;
    assert!(world.app.list_documents(&bob, shared.id, &app::Part::default()).await.is_err());

    let open = CollectionChange { visibility: Some(Visibility::Tenant), ..Default::default() };
    world.app.update_collection(&anna, shared.id, open).await.unwrap();
    assert_eq!(world.app.search_passages(&bob, &query("Kaution")).await.unwrap().len(), 1);
    let forbidden = |error: Option<Error>| assert_eq!(error.unwrap().kind, ErrorKind::Forbidden);
    forbidden(world.app.delete_document(&bob, document.id).await.err());
    forbidden(world.app.delete_collection(&bob, shared.id).await.err());
    forbidden(world.app.begin_upload(&bob, shared.id, 0).await.err());

    let close = CollectionChange { visibility: Some(Visibility::Private), ..Default::default() };
    world.app.update_collection(&anna, shared.id, close).await.unwrap();
    assert!(world.app.search_passages(&bob, &query("Kaution")).await.unwrap().is_empty());
}

#[tokio::test]
async fn the_same_content_stays_one_document() {
    let world = World::new().await;
    world.work();
    let anna = world.member("anna").await;
    let mine = world.app.get_me(&anna).await.unwrap().default_collection;
    let first = world.upload(&anna, mine, "Mietordnung.md", LEASE).await;
    let again = world.upload(&anna, mine, "Mietordnung.md", LEASE).await;
    let copy = world.upload(&anna, mine, "Kopie.md", LEASE).await;
    assert_eq!(first.id, again.id);
    assert_ne!(first.id, copy.id);
    assert_eq!(first.blob, copy.blob);
    world.app.delete_document(&anna, first.id).await.unwrap();
    assert!(world.app.get_document_content(&anna, copy.id).await.is_ok());
}

#[tokio::test]
async fn what_cannot_be_read_says_why_and_can_be_tried_again() {
    let world = World::new().await;
    world.work();
    let anna = world.member("anna").await;
    let mine = world.app.get_me(&anna).await.unwrap().default_collection;
    let broken = "%PDF-1.7\n1 0 obj\n<< /Type /Catalog >>\nendobj\ntrailer\n<< /Root 1 0 R >>\n";
    let cases = [("kaputt.pdf", broken, "damaged"), ("leer.html", "<html><br></html>", "no_text")];
    for (name, text, reason) in cases {
        let document = world.upload(&anna, mine, name, text).await;
        assert_eq!(document.state, DocumentState::Failed, "{name}");
        assert_eq!(document.reason.as_deref(), Some(reason), "{name}");
        let again = world.app.retry_document(&anna, document.id).await.unwrap();
        let again = world.settled(&anna, again).await;
        assert_eq!(again.reason.as_deref(), Some(reason), "{name}");
    }
    // What surely is no document is not even received.
    let cases = [
        ("kaputt.pdf", "%PDF-1.7\nhier fehlt alles", "file_damaged"),
        ("programm.pdf", "\u{7f}ELF\u{2}\u{1}\u{1}\0\0\0\0", "file_unsupported"),
        ("leer.txt", " \n\n \t", "file_blank"),
    ];
    for (name, text, code) in cases {
        let mut upload = world.app.begin_upload(&anna, mine, 0).await.unwrap();
        upload.write(text.as_bytes()).await.unwrap();
        let refused = world.app.upload_document(&anna, upload, name).await.err().unwrap();
        assert_eq!((refused.kind, refused.code), (ErrorKind::Unprocessable, code), "{name}");
    }
}

#[tokio::test]
async fn uploads_are_bounded_and_never_empty() {
    let world = World::new().await;
    let anna = world.member("anna").await;
    let mine = world.app.get_me(&anna).await.unwrap().default_collection;
    let mut upload = world.app.begin_upload(&anna, mine, 0).await.unwrap();
    upload.write(&[b'a'; 900_000]).await.unwrap();
    let error = upload.write(&[b'a'; 200_000]).await.err().unwrap();
    assert_eq!((error.kind, error.code), (ErrorKind::TooLarge, "file_too_large"));
    let upload = world.app.begin_upload(&anna, mine, 0).await.unwrap();
    let error = world.app.upload_document(&anna, upload, "leer.txt").await.err().unwrap();
    assert_eq!(error.code, "file_empty");
}

#[tokio::test]
async fn a_class_does_not_fall_while_documents_trust_in_it() {
    let world = World::new().await;
    world.work();
    let anna = world.member("anna").await;
    let mine = collection("Akten", Visibility::Private);
    let files = world.app.create_collection(&anna, mine).await.unwrap();
    let class = |class| CollectionChange { data_class: Some(class), ..Default::default() };
    world.app.update_collection(&anna, files.id, class(DataClass::Open)).await.unwrap();
    world.app.update_collection(&anna, files.id, class(DataClass::Personal)).await.unwrap();
    world.upload(&anna, files.id, "a.md", LEASE).await;
    let lowered = world.app.update_collection(&anna, files.id, class(DataClass::Open)).await;
    assert_eq!(lowered.err().unwrap().code, "class_lowered_not_allowed");
}

#[tokio::test]
async fn nobody_gets_less_than_they_asked_for_in_silence() {
    let world = World::new().await;
    world.work();
    let anna = world.member("anna").await;
    let mine = world.app.get_me(&anna).await.unwrap().default_collection;
    let document = world.upload(&anna, mine, "a.md", LEASE).await;
    for limit in [0, 201, u32::MAX] {
        let listed = world.app.list_passages(&anna, document.id, None, None, Some(limit)).await;
        assert_eq!(listed.err().unwrap().code, "limit_out_of_range");
    }
    let one = world.app.list_passages(&anna, document.id, None, None, Some(1)).await.unwrap();
    assert_eq!((one.items.len(), one.next), (1, Some(0)));
}
