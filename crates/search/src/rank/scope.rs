//! What a query may see.

use std::collections::HashSet;

use super::Query;
use crate::snapshot::{NOBODY, Owner, Snapshot};

/// The readable part of a snapshot and its averages.
pub(crate) struct Scope<'a> {
    snapshot: &'a Snapshot,
    readable: Vec<bool>,
    /// Words of each readable document.
    pub(super) document_words: Vec<u32>,
    pub(super) passages: u32,
    pub(super) documents: u32,
    pub(super) words: u64,
    pub(super) grams: u64,
}

impl<'a> Scope<'a> {
    pub(super) fn of(snapshot: &'a Snapshot, query: &Query<'_>) -> Self {
        let collections: HashSet<_> = query.readable.iter().collect();
        let documents: Option<HashSet<_>> = query.documents.map(|ids| ids.iter().collect());
        let readable = |owner: &Owner| {
            owner.tenant == query.tenant
                && collections.contains(&owner.collection)
                && documents.as_ref().is_none_or(|ids| ids.contains(&owner.document))
        };
        let mut scope = Self {
            snapshot,
            readable: snapshot.owners.iter().map(readable).collect(),
            document_words: vec![0; snapshot.owners.len()],
            passages: 0,
            documents: 0,
            words: 0,
            grams: 0,
        };
        for (passage, &owner) in snapshot.owner.iter().enumerate() {
            if owner != NOBODY && scope.readable[owner as usize] {
                scope.passages += 1;
                scope.words += u64::from(snapshot.words[passage]);
                scope.grams += u64::from(snapshot.grams[passage]);
                scope.document_words[owner as usize] += snapshot.words[passage];
            }
        }
        scope.documents = scope.readable.iter().filter(|readable| **readable).count() as u32;
        scope
    }

    pub(crate) fn snapshot(&self) -> &'a Snapshot {
        self.snapshot
    }

    pub(super) fn is_empty(&self) -> bool {
        self.passages == 0
    }

    /// Says whether a passage may be seen. Everything that is read passes through here.
    pub(crate) fn holds(&self, passage: u32) -> bool {
        let owner = self.snapshot.owner[passage as usize];
        owner != NOBODY && self.readable[owner as usize]
    }

    /// The owner of a passage that may be seen.
    pub(super) fn owner(&self, passage: u32) -> &'a Owner {
        &self.snapshot.owners[self.snapshot.owner[passage as usize] as usize]
    }
}
