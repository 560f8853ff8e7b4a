//! What comes first.

use domain::CollectionId;
use search::Query;

use crate::place::{Place, put};

#[test]
fn spellings_forms_and_compounds_are_found() {
    let place = Place::new();
    let document = place.add(
        "satzung.md",
        &["Die Hundesteuersatzung der Stadt Müllheim regelt die Gebühren für Straßenfeste."],
    );
    place.add("leer.md", &["Ganz anderes über Bäume."]);
    place.index.commit().unwrap();
    for text in [
        "Hundesteuer",
        "Hunde",
        "Steuersatzung",
        "Satzungen",
        "Muellheim",
        "MÜLLHEIM",
        "Strassenfest",
        "Straße",
        "Fest",
        "gebuehr",
        "Gebührensatzung",
        "Welche Gebühren gelten?",
        "regeln",
    ] {
        assert_eq!(place.documents(text).first(), Some(&document), "{text}");
    }
    assert!(place.find("Wasserwerk").is_empty());
}

#[test]
fn a_section_is_found_by_its_number_and_law() {
    let place = Place::new();
    let civil = place.add(
        "bgb.md",
        &[
            "Bürgerliches Gesetzbuch (BGB) › § 194 Gegenstand | Das Recht verjährt.",
            "Bürgerliches Gesetzbuch (BGB) › § 195 Frist | Die Frist beträgt drei Jahre.",
            "Bürgerliches Gesetzbuch (BGB) › § 196 Grundstücke | Nach § 195 gilt anderes: 195, 195.",
        ],
    );
    place.add("stgb.md", &["Strafgesetzbuch (StGB) › § 195 | Wer etwas tut, wird bestraft."]);
    // Others may speak of the section as often as they like.
    place.add(
        "vvgeg.md",
        &[
            "Einführungsgesetz (VVGEG) › Art. 3 | Nach § 195 BGB: § 195 BGB, auch § 195 BGB.",
            "Einführungsgesetz (VVGEG) › Art. 4 | Das BGB gilt, § 195 BGB geht vor.",
        ],
    );
    place.index.commit().unwrap();
    let best = place.find("§ 195 BGB")[0];
    assert_eq!(best.document, civil);
    let expected = crate::place::passages(civil, &["", "Die Frist beträgt drei Jahre."])[1].id;
    assert_eq!(best.passage, expected);
}

#[test]
fn a_quoted_phrase_comes_first() {
    let place = Place::new();
    place.add("a.md", &["Glauben und Treu, Treu im Glauben, Glauben aus Treu: Treu, Glauben."]);
    let exact = place.add(
        "b.md",
        &["Der Schuldner leistet nach langer Überlegung aller Umstände so, wie Treu und Glauben es fordern."],
    );
    place.index.commit().unwrap();
    assert_eq!(place.documents("\"Treu und Glauben\"")[0], exact);
    assert_eq!(place.documents("„Treu und Glauben“ Glauben").len(), 2);
}

#[test]
fn a_document_about_the_matter_comes_before_a_chance_match() {
    let place = Place::new();
    place.add(
        "reise.md",
        &["Am Strand dachte er an die Kündigung.", "Das Meer war ruhig.", "Der Abend war lang."],
    );
    let about = place.add(
        "arbeit.md",
        &[
            "Hier geht es um die Kündigung heute.",
            "Die Kündigung des Arbeitsverhältnisses bedarf der Schriftform.",
            "Gegen die Kündigung kann der Arbeitnehmer klagen.",
        ],
    );
    place.index.commit().unwrap();
    assert_eq!(place.documents("Kündigung")[0], about);
}

#[test]
fn equal_passages_stand_in_one_order_whatever_the_segments() {
    let place = Place::new();
    let mut documents = Vec::new();
    for _ in 0..6 {
        documents.push(place.add("gleich.md", &["Gleicher Wortlaut", "Gleicher Wortlaut"]));
        place.index.commit().unwrap();
    }
    let first = place.find("Wortlaut");
    assert_eq!(first.len(), 12);
    for document in documents.iter().rev() {
        place.put(*document, "gleich.md", &["Gleicher Wortlaut", "Gleicher Wortlaut"]);
        place.index.commit().unwrap();
    }
    assert_eq!(place.find("Wortlaut"), first);
}

#[test]
fn what_one_may_not_read_does_not_change_what_one_finds() {
    let place = Place::new();
    place.add("a.md", &["Die Abgabe ist fällig.", "Der Bescheid nennt die Abgabe und die Frist."]);
    place.add("b.md", &["Der Bescheid ergeht schriftlich."]);
    place.index.commit().unwrap();
    let before = place.find("Abgabe Bescheid");
    let hidden = CollectionId::new();
    for _ in 0..20 {
        let document = domain::DocumentId::new();
        put(&place.index, place.tenant, hidden, document, "geheim.md", &["Abgabe Abgabe Abgabe"]);
    }
    place.index.commit().unwrap();
    assert_eq!(place.find("Abgabe Bescheid"), before);
}

#[test]
fn only_the_documents_asked_for() {
    let place = Place::new();
    let one = place.add("a.md", &["Gemeinsames Wort"]);
    let other = place.add("b.md", &["Gemeinsames Wort"]);
    place.index.commit().unwrap();
    let readable = [place.collection];
    for documents in [vec![one], vec![other], vec![]] {
        let query = Query {
            text: "Wort",
            tenant: place.tenant,
            readable: &readable,
            documents: Some(&documents),
            limit: 10,
        };
        let found: Vec<_> =
            place.index.search(&query).unwrap().iter().map(|hit| hit.document).collect();
        assert_eq!(found, documents);
    }
}
