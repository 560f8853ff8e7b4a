//! What people type into the search: the plan of `search`, against a small index.

use std::sync::LazyLock;

use domain::{CollectionId, DocumentId, PassageId, TenantId};
use search::{DocumentEntry, Index, PassageEntry, Query, Role};
use tempfile::TempDir;

pub const QUERIES: &[&[u8]] = &[
    "Wie hoch ist die Hundesteuer?".as_bytes(),
    "\"drei Jahre\" § 195 Abs. 1 Satz 2 BGB -Miete OR (Steuer)".as_bytes(),
    "Straßenverkehrsbehörden \"unvollendet *?~:[]{}^\\".as_bytes(),
];

struct Library {
    index: Index,
    tenant: TenantId,
    collection: CollectionId,
    _folder: TempDir,
}

static LIBRARY: LazyLock<Library> = LazyLock::new(|| {
    let folder = TempDir::new().expect("a temporary folder");
    let (index, _) = Index::open(folder.path(), Role::Writer).expect("an index");
    let (tenant, collection) = (TenantId::new(), CollectionId::new());
    for name in ["BGB", "Hundesteuersatzung", "Straßenordnung"] {
        let document = DocumentId::new();
        let entry = DocumentEntry { tenant, collection, document, title: Some(name), name };
        let texts = [
            "Die regelmäßige Verjährungsfrist beträgt drei Jahre.",
            "Die Hundesteuer beträgt 120 Euro im Jahr (§ 3 Abs. 1 Satz 2).",
            "Die Straßenverkehrsbehörde erteilt Ausnahmegenehmigungen.",
        ];
        let passages = (0_u32..).zip(texts).map(|(ordinal, text)| PassageEntry {
            id: PassageId::derive(document, text, ordinal),
            ordinal,
            heading: vec![name.to_owned()],
            text: text.to_owned(),
        });
        index.upsert_document(&entry, passages).expect("a write");
    }
    index.commit().expect("a commit");
    Library { index, tenant, collection, _folder: folder }
});

pub fn query(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let Library { index, tenant, collection, .. } = &*LIBRARY;
    let ask = |tenant, readable: &[CollectionId]| {
        let query = Query { text: &text, tenant, readable, documents: None, limit: 20 };
        index.search(&query).expect("any text can be searched for")
    };
    let hits = ask(*tenant, &[*collection]);
    assert!(hits.len() <= 20 && hits.iter().all(|hit| hit.score.is_finite()));
    assert!(hits.is_sorted_by(|one, next| one.score >= next.score));
    assert!(ask(TenantId::new(), &[*collection]).is_empty(), "another tenant finds something");
    assert!(ask(*tenant, &[CollectionId::new()]).is_empty(), "rights do not hold");
}
