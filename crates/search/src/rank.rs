//! Which passages answer a query best.
//!
//! A passage scores by BM25 over its words, compound parts and headings, by neighbours that stay
//! neighbours, and by shared letter runs; its document's own BM25 is added, so that a passage from a
//! document that is about the matter comes before a chance match. All statistics are taken over what
//! the caller may read: nothing of the rest shows, not even in the scores.

mod scope;
mod score;

use domain::{CollectionId, DocumentId, PassageId, TenantId, limits::SEARCH_HITS_MAX};

pub(crate) use scope::Scope;

use crate::{error::Error, plan::Plan, snapshot::Snapshot};
use score::Scores;

/// What to search and where.
#[derive(Debug, Clone, Copy)]
pub struct Query<'a> {
    /// Any text; quotation marks make phrases. Read up to [`domain::limits::QUERY_CHARS_MAX`].
    pub text: &'a str,
    /// The tenant of the person who asks.
    pub tenant: TenantId,
    /// The collections they may read and want searched.
    pub readable: &'a [CollectionId],
    /// Only these documents; None: all.
    pub documents: Option<&'a [DocumentId]>,
    /// Most hits; at most [`SEARCH_HITS_MAX`].
    pub limit: usize,
}

/// A passage that answers a query.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hit {
    /// The passage.
    pub passage: PassageId,
    /// Its document.
    pub document: DocumentId,
    /// The document's collection.
    pub collection: CollectionId,
    /// How well it answers; comparable within one search only.
    pub score: f32,
}

/// Finds the best passages, best first; equal ones by document and place.
pub(crate) fn search(snapshot: &Snapshot, query: &Query<'_>) -> Result<Vec<Hit>, Error> {
    let scope = Scope::of(snapshot, query);
    let plan = Plan::of(query.text);
    if scope.is_empty() || plan.terms.is_empty() {
        return Ok(Vec::new());
    }
    let mut ranked = Scores::of(&scope, &plan)?.ranked(&scope);
    let limit = query.limit.min(SEARCH_HITS_MAX);
    let order = |one: &(u32, f32), other: &(u32, f32)| {
        let place =
            |passage: u32| (scope.owner(passage).document, snapshot.ordinal[passage as usize]);
        other.1.total_cmp(&one.1).then_with(|| place(one.0).cmp(&place(other.0)))
    };
    if ranked.len() > limit && limit > 0 {
        ranked.select_nth_unstable_by(limit - 1, order);
    }
    ranked.truncate(limit);
    ranked.sort_unstable_by(order);
    let hit = |(passage, score): (u32, f32)| {
        let owner = scope.owner(passage);
        let id = snapshot.passage_id(passage)?;
        Ok(Hit { passage: id, document: owner.document, collection: owner.collection, score })
    };
    ranked.into_iter().map(hit).collect()
}
