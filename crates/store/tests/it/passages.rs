//! Passages: kept in order, shown to readers only.

use domain::{DocumentId, PassageId};
use store::{NewPassage, PageBox, Passage};

use crate::world::World;

crate::on_both_engines! {
    passages_come_back_as_they_went_in,
    hits_are_checked_again,
    twenty_thousand_passages_are_kept_quickly,
}

pub fn passage(document: DocumentId, number: u32, text: &str) -> NewPassage {
    NewPassage {
        id: PassageId::derive(document, text, number),
        page: Some(number / 10 + 1),
        heading: vec!["Buch 1".to_owned(), format!("§ {number}")],
        kind: "paragraph".to_owned(),
        text: text.to_owned(),
        boxes: vec![PageBox { page: number / 10 + 1, x: 0.1, y: 0.25, width: 0.5, height: 0.02 }],
    }
}

fn ordinals(passages: &[Passage]) -> Vec<u32> {
    passages.iter().map(|passage| passage.ordinal).collect()
}

async fn passages_come_back_as_they_went_in(world: World) {
    let (store, clerk) = (&world.store, world.person("clerk", &[]).await);
    let id = world.upload(&clerk, "a.pdf", b"%PDF").await.id;
    let mut new: Vec<NewPassage> =
        (0..250).map(|n| passage(id, n, &format!("Absatz {n} mit Übergröße"))).collect();
    new[7].text = "NUL \0 dazwischen".to_owned();
    new[7].heading = vec!["Ü\0b".to_owned()];
    new[8].page = None;
    new[8].boxes = Vec::new();
    assert!(store.replace_passages(world.tenant, id, &new).await.unwrap());
    // Again with fewer: the old ones are gone.
    new.truncate(230);
    assert!(store.replace_passages(world.tenant, id, &new).await.unwrap());
    assert_eq!(store.document_for(&clerk, id).await.unwrap().passages, 230);
    let kept = store.passages_to_index(id).await.unwrap();
    assert_eq!(kept.len(), 230);
    for (n, (kept, new)) in kept.iter().zip(&new).enumerate() {
        assert_eq!((kept.ordinal, kept.id, kept.page), (n as u32, new.id, new.page));
        assert_eq!((&kept.heading, &kept.boxes), (&new.heading, &new.boxes));
        assert_eq!(kept.text, new.text.replace('\0', "\u{fffd}"));
    }
    let first = store.passages(&clerk, id, None, None, 3).await.unwrap();
    assert_eq!(ordinals(&first), [0, 1, 2]);
    let next = store.passages(&clerk, id, None, Some(2), 3).await.unwrap();
    assert_eq!(ordinals(&next), [3, 4, 5]);
    let page = store.passages(&clerk, id, Some(3), None, 100).await.unwrap();
    assert_eq!(ordinals(&page), (20..30).collect::<Vec<_>>());
    let around = store.neighbours(&clerk, id, 1, 2).await.unwrap();
    assert_eq!(ordinals(&around), [0, 1, 2, 3]);
    assert!(store.document_passages(&clerk, id).await.unwrap().is_empty(), "not ready yet");
    store.finish_document(id).await.unwrap();
    assert_eq!(store.document_passages(&clerk, id).await.unwrap().len(), 230);
    let stranger = world.person("stranger", &[]).await;
    assert!(store.passages(&stranger, id, None, None, 3).await.unwrap().is_empty());
    assert!(store.neighbours(&stranger, id, 1, 2).await.unwrap().is_empty());
    assert!(store.document_passages(&stranger, id).await.unwrap().is_empty());
}

async fn hits_are_checked_again(world: World) {
    let (store, clerk) = (&world.store, world.person("clerk", &[]).await);
    let stranger = world.person("stranger", &[]).await;
    let id = world.upload(&clerk, "Gesetz.pdf", b"%PDF").await.id;
    let new: Vec<NewPassage> = (0..3).map(|n| passage(id, n, &format!("Satz {n}"))).collect();
    store.replace_passages(world.tenant, id, &new).await.unwrap();
    let hits = [new[2].id, PassageId::derive(id, "fort", 0), new[0].id];
    assert!(store.passages_for(&clerk, &hits).await.unwrap().is_empty(), "not ready yet");
    store.begin_indexing(id, "pdf", Some("Titel"), Some(1)).await.unwrap();
    store.finish_document(id).await.unwrap();
    let found = store.passages_for(&clerk, &hits).await.unwrap();
    let ids: Vec<PassageId> = found.iter().map(|found| found.passage.id).collect();
    assert_eq!(ids, [new[2].id, new[0].id], "in the order of the hits");
    assert_eq!(found[0].document_name, "Gesetz.pdf");
    assert_eq!(found[0].collection_name, "Meine Dokumente");
    assert!(store.passages_for(&stranger, &hits).await.unwrap().is_empty());
    assert!(store.passages_for(&clerk, &[]).await.unwrap().is_empty());
    assert_eq!(store.passage_for(&clerk, new[1].id).await.unwrap().passage.ordinal, 1);
    assert!(store.passage_for(&stranger, new[1].id).await.is_err());
    store.delete_document(&clerk, id, &world.blobs).await.unwrap();
    assert!(store.passages_for(&clerk, &hits).await.unwrap().is_empty());
}

async fn twenty_thousand_passages_are_kept_quickly(world: World) {
    let (store, clerk) = (&world.store, world.person("clerk", &[]).await);
    let id = world.upload(&clerk, "a.pdf", b"%PDF").await.id;
    let text = "Der Vermieter hat die Mietsache dem Mieter zu überlassen. ".repeat(6);
    let new: Vec<NewPassage> = (0..20_000).map(|n| passage(id, n, &text)).collect();
    let begun = std::time::Instant::now();
    store.replace_passages(world.tenant, id, &new).await.unwrap();
    let kept = begun.elapsed();
    let read = store.passages_to_index(id).await.unwrap().len();
    let read_after = begun.elapsed() - kept;
    store.delete_document(&clerk, id, &world.blobs).await.unwrap();
    println!(
        "{:?}: 20,000 passages kept in {kept:?}, read in {read_after:?}, deleted in {:?}",
        store.engine(),
        begun.elapsed() - kept - read_after
    );
    assert_eq!(read, 20_000);
    assert!(kept.as_secs() < 60, "{kept:?}");
}
