//! One state of the index for reading: which passage belongs to which document, and how long all are.

use std::{collections::HashMap, sync::Arc};

use domain::{CollectionId, DocumentId, PassageId, TenantId};
use tantivy::{DocId, Opstamp, Searcher, SegmentReader, index::SegmentId};
use uuid::Uuid;

use crate::{
    error::Error,
    schema::{self, Fields},
};

/// Stands for "no document" at deleted passages.
pub(crate) const NOBODY: u32 = u32::MAX;

/// Where a document belongs; rights are decided on this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Owner {
    pub(crate) tenant: TenantId,
    pub(crate) collection: CollectionId,
    pub(crate) document: DocumentId,
}

/// What is read from a segment once and holds until its deletions change.
pub(crate) struct SegmentFacts {
    owners: Vec<Owner>,
    /// For each passage its place in `owners`.
    owner: Vec<u32>,
    ordinal: Vec<u32>,
    words: Vec<u32>,
    grams: Vec<u32>,
}

/// Facts by segment and the last deletion in it.
pub(crate) type KnownFacts = HashMap<(SegmentId, Option<Opstamp>), Arc<SegmentFacts>>;

/// A state of the index. Passages are numbered through all segments.
pub(crate) struct Snapshot {
    pub(crate) searcher: Searcher,
    pub(crate) fields: Fields,
    pub(crate) owners: Vec<Owner>,
    /// For each passage its place in `owners`, or [`NOBODY`].
    pub(crate) owner: Vec<u32>,
    pub(crate) ordinal: Vec<u32>,
    pub(crate) words: Vec<u32>,
    pub(crate) grams: Vec<u32>,
    /// Number of each segment's first passage.
    pub(crate) bases: Vec<u32>,
    pub(crate) facts: KnownFacts,
}

impl Snapshot {
    /// Reads a state; what the state before knew of unchanged segments is taken over.
    pub(crate) fn read(
        searcher: Searcher,
        fields: Fields,
        known: &KnownFacts,
    ) -> Result<Self, Error> {
        let mut snapshot = Self {
            fields,
            owners: Vec::new(),
            owner: Vec::new(),
            ordinal: Vec::new(),
            words: Vec::new(),
            grams: Vec::new(),
            bases: Vec::new(),
            facts: HashMap::new(),
            searcher,
        };
        let mut numbers = HashMap::new();
        for segment in snapshot.searcher.segment_readers() {
            let key = (segment.segment_id(), segment.delete_opstamp());
            let facts = match known.get(&key) {
                Some(facts) => Arc::clone(facts),
                None => Arc::new(SegmentFacts::read(segment, fields)?),
            };
            snapshot.bases.push(snapshot.owner.len() as u32);
            let owners = &mut snapshot.owners;
            let renumbered: Vec<u32> = facts
                .owners
                .iter()
                .map(|owner| {
                    *numbers.entry(*owner).or_insert_with(|| {
                        owners.push(*owner);
                        owners.len() as u32 - 1
                    })
                })
                .collect();
            let renumber = |&local: &u32| renumbered.get(local as usize).copied().unwrap_or(NOBODY);
            snapshot.owner.extend(facts.owner.iter().map(renumber));
            snapshot.ordinal.extend_from_slice(&facts.ordinal);
            snapshot.words.extend_from_slice(&facts.words);
            snapshot.grams.extend_from_slice(&facts.grams);
            snapshot.facts.insert(key, facts);
        }
        Ok(snapshot)
    }

    /// Returns the id of a passage by its number.
    pub(crate) fn passage_id(&self, passage: u32) -> Result<PassageId, Error> {
        let segment = self.bases.partition_point(|&base| base <= passage) - 1;
        let columns = self.searcher.segment_reader(segment as u32).fast_fields();
        let local = passage - self.bases[segment];
        let half = |name: &str| -> Result<u64, Error> {
            Ok(columns.u64(name)?.first(local).unwrap_or_default())
        };
        let (high, low) = (half(schema::PASSAGE[0])?, half(schema::PASSAGE[1])?);
        Ok(PassageId::from_uuid(Uuid::from_u64_pair(high, low)))
    }
}

impl SegmentFacts {
    fn read(segment: &SegmentReader, fields: Fields) -> Result<Self, Error> {
        let tenants = IdColumn::open(segment, schema::TENANT)?;
        let collections = IdColumn::open(segment, schema::COLLECTION)?;
        let documents = IdColumn::open(segment, schema::DOCUMENT)?;
        let ordinals = segment.fast_fields().u64(schema::ORDINAL)?;
        let words = segment.get_fieldnorms_reader(fields.body)?;
        let grams = segment.get_fieldnorms_reader(fields.grams)?;
        let count = segment.max_doc() as usize;
        let mut facts = Self {
            owners: Vec::new(),
            owner: Vec::with_capacity(count),
            ordinal: Vec::with_capacity(count),
            words: Vec::with_capacity(count),
            grams: Vec::with_capacity(count),
        };
        let mut numbers = HashMap::new();
        for passage in 0..segment.max_doc() {
            let owner = if segment.is_deleted(passage) {
                NOBODY
            } else {
                let owner = Owner {
                    tenant: TenantId::from_uuid(tenants.id(passage)),
                    collection: CollectionId::from_uuid(collections.id(passage)),
                    document: DocumentId::from_uuid(documents.id(passage)),
                };
                *numbers.entry(owner).or_insert_with(|| {
                    facts.owners.push(owner);
                    facts.owners.len() as u32 - 1
                })
            };
            facts.owner.push(owner);
            facts.ordinal.push(ordinals.first(passage).unwrap_or_default() as u32);
            facts.words.push(words.fieldnorm(passage));
            facts.grams.push(grams.fieldnorm(passage));
        }
        Ok(facts)
    }
}

/// A column of ids, its dictionary read at once.
struct IdColumn {
    ids: Vec<Uuid>,
    column: Option<tantivy::columnar::BytesColumn>,
}

impl IdColumn {
    fn open(segment: &SegmentReader, name: &str) -> Result<Self, Error> {
        let column = segment.fast_fields().bytes(name)?;
        let mut ids = Vec::new();
        if let Some(column) = &column {
            let mut bytes = Vec::new();
            for number in 0..column.num_terms() as u64 {
                column.ord_to_bytes(number, &mut bytes)?;
                ids.push(Uuid::from_slice(&bytes).unwrap_or_default());
            }
        }
        Ok(Self { ids, column })
    }

    /// The nil id, which belongs to nobody, where there is none.
    fn id(&self, passage: DocId) -> Uuid {
        let number = self.column.as_ref().and_then(|column| column.ords().first(passage));
        number.and_then(|number| self.ids.get(number as usize)).copied().unwrap_or_default()
    }
}
