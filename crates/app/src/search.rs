//! Search: the best passages that a principal may read.

use std::{collections::HashMap, ops::Range};

use domain::{Action, CollectionId, DocumentId, ErrorKind, limits};
use store::{AuditEvent, By, FoundPassage};

use crate::{App, Error, Principal, Result, collections::own_collection};

/// Hits of a search if nobody says how many.
const HITS_DEFAULT: usize = 20;

/// What to search for, and where.
#[derive(Debug, Clone, Default)]
pub struct SearchRequest {
    /// The words.
    pub query: String,
    /// Only in these collections; `None` for all that the principal may read.
    pub collections: Option<Vec<CollectionId>>,
    /// Only in these documents.
    pub documents: Option<Vec<DocumentId>>,
    /// Most hits.
    pub limit: Option<usize>,
}

/// A passage that was found.
#[derive(Debug, Clone)]
pub struct SearchHit {
    /// The passage with its document, read as the principal.
    pub found: FoundPassage,
    /// The higher the better; comparable within one search only.
    pub score: f32,
    /// Where the words of the query stand in its text, in code points; in order, never overlapping.
    pub matches: Vec<Range<usize>>,
}

impl App {
    /// Searches. That somebody did is written down, not for what.
    ///
    /// # Errors
    /// If the query is empty or too long, or a named collection or document is hidden.
    pub async fn search_passages(
        &self,
        principal: &Principal,
        request: &SearchRequest,
    ) -> Result<Vec<SearchHit>> {
        domain::authorise(principal, Action::ReadCollection, &own_collection(principal))?;
        check(request)?;
        let collections = request.collections.as_deref();
        let documents = request.documents.as_deref();
        for id in collections.unwrap_or_default() {
            self.collection(principal, *id, Action::ReadCollection).await?;
        }
        for id in documents.unwrap_or_default() {
            self.document(principal, *id, Action::ReadCollection).await?;
        }
        let limit = request.limit.unwrap_or(HITS_DEFAULT);
        let found =
            self.find_passages(principal, &request.query, collections, documents, limit).await?;
        let count = |named: Option<usize>| named.map_or("all".to_owned(), |n| n.to_string());
        let event = AuditEvent::done(&By::from(principal), "search_passages")
            .with("collections", count(collections.map(<[_]>::len)))
            .with("documents", count(documents.map(<[_]>::len)))
            .with("hits", found.len());
        self.note(principal.tenant, event).await?;
        let query = request.query.clone();
        self.computing.run(move || marked(&query, found)).await
    }

    /// Asks the index for passages in the collections that the principal may read, and reads each
    /// hit again from the store as that principal: what was deleted or hidden a moment ago drops
    /// out here, however old the index is.
    pub(crate) async fn find_passages(
        &self,
        principal: &Principal,
        query: &str,
        collections: Option<&[CollectionId]>,
        documents: Option<&[DocumentId]>,
        limit: usize,
    ) -> Result<Vec<(FoundPassage, f32)>> {
        let readable: Vec<CollectionId> = self
            .store
            .readable_collection_ids(principal)
            .await?
            .into_iter()
            .map(|(id, _)| id)
            .filter(|id| collections.is_none_or(|named| named.contains(id)))
            .collect();
        if readable.is_empty() {
            return Ok(vec![]);
        }
        let (index, query, tenant) = (self.index.clone(), query.to_owned(), principal.tenant);
        let documents = documents.map(<[DocumentId]>::to_vec);
        let hits = self
            .computing
            .run(move || {
                index.search(&::search::Query {
                    text: &query,
                    tenant,
                    readable: &readable,
                    documents: documents.as_deref(),
                    limit,
                })
            })
            .await?
            .map_err(|error| {
                Error::new(ErrorKind::Overloaded, "index_unavailable").caused_by(error)
            })?;
        let ids: Vec<_> = hits.iter().map(|hit| hit.passage).collect();
        let found = self.store.passages_for(principal, &ids).await?;
        let mut by_id: HashMap<_, _> =
            found.into_iter().map(|found| (found.passage.id, found)).collect();
        let checked = hits.into_iter().filter_map(|hit| {
            let found = by_id.remove(&hit.passage)?;
            Some((found, hit.score))
        });
        Ok(checked.collect())
    }
}

/// Looks up where the words of the query stand.
fn marked(query: &str, found: Vec<(FoundPassage, f32)>) -> Vec<SearchHit> {
    let mut matcher = ::search::Matcher::new(query);
    let hit = |(found, score): (FoundPassage, f32)| {
        let matches = matcher.find(&found.passage.text);
        SearchHit { found, score, matches }
    };
    found.into_iter().map(hit).collect()
}

fn check(request: &SearchRequest) -> Result<()> {
    if request.query.trim().is_empty() {
        return Err(Error::invalid("query_empty").in_field("query"));
    }
    if request.query.chars().count() > limits::QUERY_CHARS_MAX {
        let error = Error::invalid("query_too_long").with("max", limits::QUERY_CHARS_MAX);
        return Err(error.in_field("query"));
    }
    if request.limit.is_some_and(|limit| !(1..=limits::SEARCH_HITS_MAX).contains(&limit)) {
        let error = Error::invalid("limit_out_of_range").with("max", limits::SEARCH_HITS_MAX);
        return Err(error.in_field("limit"));
    }
    check_count("collections", request.collections.as_ref().map_or(0, Vec::len))?;
    check_count("documents", request.documents.as_ref().map_or(0, Vec::len))
}

/// Refuses lists of ids that are too long.
pub(crate) fn check_count(field: &'static str, count: usize) -> Result<()> {
    if count > limits::NAMED_IDS_MAX {
        let error = Error::invalid("too_many_ids").with("max", limits::NAMED_IDS_MAX);
        return Err(error.in_field(field));
    }
    Ok(())
}
