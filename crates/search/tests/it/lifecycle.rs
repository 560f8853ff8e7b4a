//! Writing, replacing, deleting, rebuilding, and readers that follow.

use std::fs;

use domain::{CollectionId, DocumentId};
use search::{Error, Index, Opened, Role};

use crate::place::{Place, put};

#[test]
fn a_document_is_found_after_commit_and_not_before() {
    let place = Place::new();
    let document = place.add("miete.md", &["Der Mieter zahlt die Miete.", "Der Vermieter mahnt."]);
    assert!(place.find("Miete").is_empty());
    place.index.commit().unwrap();
    let hits = place.find("Miete");
    assert_eq!(hits[0].document, document);
    assert_eq!(hits[0].collection, place.collection);
    assert_eq!(
        hits[0].passage,
        crate::place::passages(document, &["Der Mieter zahlt die Miete."])[0].id
    );
    let stats = place.index.stats().unwrap();
    assert_eq!((stats.passages, stats.documents, stats.rebuilding), (2, 1, false));
}

#[test]
fn a_document_put_again_replaces_all_its_passages() {
    let place = Place::new();
    let document = place.add("a.md", &["Äpfel", "Birnen", "Kirschen"]);
    // In the same commit and in a later one.
    place.put(document, "a.md", &["Pflaumen", "Birnen"]);
    place.index.commit().unwrap();
    assert!(place.find("Äpfel Kirschen").is_empty());
    assert_eq!(place.find("Birnen").len(), 1);
    place.put(document, "a.md", &["Quitten"]);
    place.index.commit().unwrap();
    assert!(place.find("Birnen Pflaumen").is_empty());
    assert_eq!(place.find("Quitten").len(), 1);
    assert_eq!(place.index.stats().unwrap().passages, 1);
}

#[test]
fn deleted_documents_and_collections_are_gone_after_commit() {
    let place = Place::new();
    let first = place.add("a.md", &["Wasserrecht"]);
    let second = place.add("b.md", &["Wasserrecht und Forstrecht"]);
    let other = CollectionId::new();
    put(&place.index, place.tenant, other, DocumentId::new(), "c.md", &["Wasserrecht"]);
    place.index.commit().unwrap();
    assert_eq!(place.find("Wasserrecht").len(), 2);
    place.index.delete_documents(&[first]).unwrap();
    place.index.commit().unwrap();
    assert_eq!(place.documents("Wasserrecht"), [second]);
    place.index.delete_collection(place.collection).unwrap();
    place.index.commit().unwrap();
    assert!(place.find("Wasserrecht").is_empty());
    assert_eq!(place.index.stats().unwrap().passages, 1);
}

#[test]
fn a_reader_sees_each_commit_and_cannot_write() {
    let place = Place::new();
    let (reader, opened) = Index::open(place.dir.path(), Role::Reader).unwrap();
    assert_eq!(opened, Opened::Incomplete);
    for round in 1..=5 {
        let document = place.add("n.md", &["Nebenkosten"]);
        place.index.commit().unwrap();
        assert_eq!(place.find_in(&reader, "Nebenkosten").len(), round);
        if round == 5 {
            place.index.delete_documents(&[document]).unwrap();
            place.index.commit().unwrap();
            assert_eq!(place.find_in(&reader, "Nebenkosten").len(), round - 1);
        }
    }
    assert!(matches!(reader.commit(), Err(Error::ReadOnly)));
    assert!(matches!(reader.begin_rebuild(), Err(Error::ReadOnly)));
}

#[test]
fn a_reader_may_come_before_the_writer() {
    let dir = tempfile::tempdir().unwrap();
    let (reader, opened) = Index::open(dir.path(), Role::Reader).unwrap();
    assert_eq!(opened, Opened::Fresh);
    assert_eq!(reader.stats().unwrap().passages, 0);
    let (writer, _) = Index::open(dir.path(), Role::Writer).unwrap();
    let place = Place::new();
    put(&writer, place.tenant, place.collection, DocumentId::new(), "a.md", &["Anfang"]);
    writer.commit().unwrap();
    assert_eq!(place.find_in(&reader, "Anfang").len(), 1);
}

#[test]
fn only_one_writer() {
    let place = Place::new();
    assert!(matches!(Index::open(place.dir.path(), Role::Writer), Err(Error::Locked)));
}

#[test]
fn what_was_committed_is_there_when_opened_again() {
    let place = Place::new();
    place.add("a.md", &["Bestand"]);
    place.index.commit().unwrap();
    place.add("b.md", &["Bestand ohne Abschluss"]);
    let Place { dir, index, tenant, collection } = place;
    drop(index);
    let (index, opened) = Index::open(dir.path(), Role::Writer).unwrap();
    assert_eq!(opened, Opened::Incomplete);
    let place = Place { dir, index, tenant, collection };
    assert_eq!(place.find("Bestand").len(), 1);
}

#[test]
fn a_rebuild_takes_the_place_of_the_old_index_at_once() {
    let place = Place::new();
    let (reader, _) = Index::open(place.dir.path(), Role::Reader).unwrap();
    let kept = place.add("kept.md", &["Satzung der Stadt"]);
    place.add("stale.md", &["Satzung des Kreises"]);
    place.index.commit().unwrap();

    place.index.begin_rebuild().unwrap();
    assert!(place.index.stats().unwrap().rebuilding);
    place.put(kept, "kept.md", &["Satzung der Stadt"]);
    let new = place.add("new.md", &["Satzung des Landes"]);
    place.index.commit().unwrap();
    // The old one answers on, and sees what is written meanwhile.
    assert_eq!(place.find("Satzung").len(), 3);
    assert_eq!(place.find_in(&reader, "Satzung").len(), 3);

    place.index.finish_rebuild().unwrap();
    let mut found = place.documents("Satzung");
    found.sort();
    assert_eq!(found, [kept, new]);
    assert_eq!(place.find_in(&reader, "Satzung").len(), 2);
    assert!(matches!(place.index.finish_rebuild(), Err(Error::NoRebuild)));
    // Writing goes on in the new one, and only one folder is left.
    place.index.delete_documents(&[new]).unwrap();
    place.index.commit().unwrap();
    assert_eq!(place.documents("Satzung"), [kept]);
    let folders = fs::read_dir(place.dir.path()).unwrap();
    assert_eq!(folders.filter(|entry| entry.as_ref().unwrap().path().is_dir()).count(), 1);
}

#[test]
fn an_index_made_anew_is_incomplete_until_a_rebuild_was_finished() {
    let place = Place::new();
    place.index.begin_rebuild().unwrap();
    place.add("a.md", &["Altbestand"]);
    place.index.commit().unwrap();
    // The process dies before all documents are in.
    let Place { dir, index, tenant, collection } = place;
    drop(index);
    let (index, opened) = Index::open(dir.path(), Role::Writer).unwrap();
    assert_eq!(opened, Opened::Incomplete);
    let place = Place { dir, index, tenant, collection };
    assert_eq!(place.find("Altbestand").len(), 1, "what it has, it tells");
    place.index.begin_rebuild().unwrap();
    place.add("a.md", &["Neubestand"]);
    place.index.finish_rebuild().unwrap();
    let Place { dir, index, .. } = place;
    drop(index);
    assert_eq!(Index::open(dir.path(), Role::Writer).unwrap().1, Opened::Existing);
    assert_eq!(Index::open(dir.path(), Role::Reader).unwrap().1, Opened::Existing);
}

#[test]
fn another_format_or_a_broken_index_is_out_of_date_until_rebuilt() {
    for damage in ["format", "meta", "current"] {
        let place = Place::new();
        place.add("a.md", &["Altbestand"]);
        place.index.commit().unwrap();
        let Place { dir, index, tenant, collection } = place;
        drop(index);
        match damage {
            "format" => {
                fs::write(dir.path().join("current"), r#"{"format":4000000,"folder":"index-1"}"#)
                    .unwrap()
            }
            "meta" => fs::write(dir.path().join("index-1/meta.json"), "{").unwrap(),
            _ => fs::write(dir.path().join("current"), r#"{"format":1,"folder":"../x"}"#).unwrap(),
        }
        let (index, opened) = Index::open(dir.path(), Role::Writer).unwrap();
        assert_eq!(opened, Opened::OutOfDate, "{damage}");
        let place = Place { dir, index, tenant, collection };
        assert!(place.find("Altbestand").is_empty());
        place.index.begin_rebuild().unwrap();
        place.add("a.md", &["Neubestand"]);
        place.index.finish_rebuild().unwrap();
        assert_eq!(place.find("Neubestand").len(), 1);
        let Place { dir, index, .. } = place;
        drop(index);
        assert_eq!(Index::open(dir.path(), Role::Writer).unwrap().1, Opened::Existing);
    }
}
