//! An index in a folder of its own, and short words for filling it.

use domain::{CollectionId, DocumentId, PassageId, TenantId};
use search::{DocumentEntry, Hit, Index, Opened, PassageEntry, Query, Role};
use tempfile::TempDir;

pub struct Place {
    pub dir: TempDir,
    pub index: Index,
    pub tenant: TenantId,
    pub collection: CollectionId,
}

impl Place {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (index, opened) = Index::open(dir.path(), Role::Writer).unwrap();
        assert_eq!(opened, Opened::Fresh);
        Self { dir, index, tenant: TenantId::new(), collection: CollectionId::new() }
    }

    /// Adds a document without committing.
    pub fn add(&self, name: &str, texts: &[&str]) -> DocumentId {
        let document = DocumentId::new();
        self.put(document, name, texts);
        document
    }

    pub fn put(&self, document: DocumentId, name: &str, texts: &[&str]) {
        put(&self.index, self.tenant, self.collection, document, name, texts);
    }

    pub fn find(&self, text: &str) -> Vec<Hit> {
        self.find_in(&self.index, text)
    }

    pub fn find_in(&self, index: &Index, text: &str) -> Vec<Hit> {
        let readable = [self.collection];
        let (tenant, documents, limit) = (self.tenant, None, 100);
        index.search(&Query { text, tenant, readable: &readable, documents, limit }).unwrap()
    }

    pub fn documents(&self, text: &str) -> Vec<DocumentId> {
        let mut found: Vec<DocumentId> = self.find(text).iter().map(|hit| hit.document).collect();
        found.dedup();
        found
    }
}

pub fn put(
    index: &Index,
    tenant: TenantId,
    collection: CollectionId,
    document: DocumentId,
    name: &str,
    texts: &[&str],
) {
    let entry = DocumentEntry { tenant, collection, document, title: None, name };
    index.upsert_document(&entry, passages(document, texts)).unwrap();
}

/// Passages of the texts; "Heading | text" carries a heading.
pub fn passages(document: DocumentId, texts: &[&str]) -> Vec<PassageEntry> {
    let passage = |(ordinal, text): (usize, &&str)| {
        let (heading, text) = text.split_once(" | ").unwrap_or(("", text));
        PassageEntry {
            id: PassageId::derive(document, text, ordinal as u32),
            ordinal: ordinal as u32,
            heading: heading
                .split(" › ")
                .filter(|step| !step.is_empty())
                .map(str::to_owned)
                .collect(),
            text: text.to_owned(),
        }
    };
    texts.iter().enumerate().map(passage).collect()
}
