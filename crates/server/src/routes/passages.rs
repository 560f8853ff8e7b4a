//! Passages: the citable pieces of documents, and searching them.

use std::sync::Arc;

use app::{App, SearchRequest};
use axum::extract::State;
use domain::{CollectionId, DocumentId, PassageId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Page;
use crate::door::{Caller, Id, Json, Problem, Query};

/// What stands between two headings of a path.
const PATH_SEPARATOR: &str = " › ";

/// A citable piece of a document.
#[derive(Serialize, ToSchema)]
pub(crate) struct Passage {
    #[schema(value_type = Uuid)]
    id: PassageId,
    #[schema(value_type = Uuid)]
    document_id: DocumentId,
    /// Its place in the document, from 0.
    ordinal: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    page: Option<u32>,
    /// The headings above it.
    heading: Vec<String>,
    /// `paragraph`, `list_item`, `table_row` or `heading`.
    kind: String,
    text: String,
    /// Where it stands on its pages.
    boxes: Vec<PageBox>,
}

/// A rectangle on a page, in parts of the page as displayed, from its top left corner.
#[derive(Serialize, ToSchema)]
pub(crate) struct PageBox {
    page: u32,
    x: f32,
    y: f32,
    width: f32,
    height: f32,
}

/// A passage with its document.
#[derive(Serialize, ToSchema)]
pub(crate) struct PassageInDocument {
    #[serde(flatten)]
    passage: Passage,
    document: DocumentRef,
}

/// A document by name.
#[derive(Serialize, ToSchema)]
pub(crate) struct DocumentRef {
    #[schema(value_type = Uuid)]
    id: DocumentId,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    format: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pages: Option<u32>,
    #[schema(value_type = Uuid)]
    collection_id: CollectionId,
}

/// Which passages of a document.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct PassageQuery {
    /// Only of this page.
    #[param(value_type = Option<i64>, minimum = 0, maximum = 4_294_967_295_u32)]
    page: Option<u32>,
    /// Only behind this ordinal: `next` of the answer before.
    #[param(value_type = Option<i64>, minimum = 0, maximum = 4_294_967_295_u32)]
    after: Option<u32>,
    /// At most so many, from 1 to 200; without it, 200.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
}

/// What to search for, and where.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Search {
    #[schema(min_length = 1, max_length = 2_000)]
    query: String,
    /// Only in these; without it, in all that the caller may read.
    #[schema(value_type = Option<Vec<Uuid>>)]
    collections: Option<Vec<CollectionId>>,
    /// Only in these.
    #[schema(value_type = Option<Vec<Uuid>>)]
    documents: Option<Vec<DocumentId>>,
    /// At most so many hits, from 1 to 100; without it, 20.
    #[schema(minimum = 1, maximum = 100)]
    limit: Option<u64>,
}

/// The hits of a search, best first.
#[derive(Serialize, ToSchema)]
pub(crate) struct SearchHits {
    hits: Vec<SearchHit>,
}

/// A passage that was found.
#[derive(Serialize, ToSchema)]
pub(crate) struct SearchHit {
    #[schema(value_type = Uuid)]
    document_id: DocumentId,
    document_name: String,
    #[schema(value_type = Uuid)]
    collection_id: CollectionId,
    collection_name: String,
    #[schema(value_type = Uuid)]
    passage_id: PassageId,
    /// `null` for formats without pages.
    page: Option<u32>,
    /// The headings above it, joined by ` › `.
    heading: String,
    text: String,
    /// The higher the better; comparable within one answer only.
    score: f32,
    /// Where the words of the query stand in `text`, in all their forms; in order, never overlapping.
    matches: Vec<TextRange>,
}

/// A piece of a text, in Unicode code points.
#[derive(Serialize, ToSchema)]
pub(crate) struct TextRange {
    start: usize,
    /// After the last.
    end: usize,
}

impl From<app::Passage> for Passage {
    fn from(passage: app::Passage) -> Self {
        Self {
            id: passage.id,
            document_id: passage.document,
            ordinal: passage.ordinal,
            page: passage.page,
            heading: passage.heading,
            kind: passage.kind,
            text: passage.text,
            boxes: passage.boxes.into_iter().map(PageBox::from).collect(),
        }
    }
}

impl From<app::PageBox> for PageBox {
    fn from(area: app::PageBox) -> Self {
        let app::PageBox { page, x, y, width, height } = area;
        Self { page, x, y, width, height }
    }
}

impl From<app::FoundPassage> for PassageInDocument {
    fn from(found: app::FoundPassage) -> Self {
        Self {
            document: DocumentRef {
                id: found.passage.document,
                name: found.document_name,
                format: found.document_format,
                pages: found.document_pages,
                collection_id: found.collection,
            },
            passage: found.passage.into(),
        }
    }
}

impl From<app::SearchHit> for SearchHit {
    fn from(hit: app::SearchHit) -> Self {
        let found = hit.found;
        Self {
            document_id: found.passage.document,
            document_name: found.document_name,
            collection_id: found.collection,
            collection_name: found.collection_name,
            passage_id: found.passage.id,
            page: found.passage.page,
            heading: found.passage.heading.join(PATH_SEPARATOR),
            text: found.passage.text,
            score: hit.score,
            matches: hit.matches.into_iter().map(TextRange::from).collect(),
        }
    }
}

impl From<std::ops::Range<usize>> for TextRange {
    fn from(range: std::ops::Range<usize>) -> Self {
        Self { start: range.start, end: range.end }
    }
}

/// Lists the passages of a document in reading order.
#[utoipa::path(get, path = "/api/documents/{id}/passages", tag = "documents",
    params(("id" = Uuid, Path), PassageQuery), responses((status = 200, body = Page<Passage>)))]
pub(crate) async fn list_passages(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
    Id(id): Id<DocumentId>,
    Query(query): Query<PassageQuery>,
) -> Result<axum::Json<Page<Passage>>, Problem> {
    let PassageQuery { page, after, limit } = query;
    let found = app.list_passages(&principal, id, page, after, limit).await?;
    let items = found.items.into_iter().map(Passage::from).collect();
    Ok(axum::Json(Page { items, next: found.next.map(|ordinal| ordinal.to_string()) }))
}

/// Returns a passage with its document.
#[utoipa::path(get, path = "/api/passages/{id}", tag = "documents", params(("id" = Uuid, Path)),
    responses((status = 200, body = PassageInDocument)))]
pub(crate) async fn get_passage(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
    Id(id): Id<PassageId>,
) -> Result<axum::Json<PassageInDocument>, Problem> {
    Ok(axum::Json(app.get_passage(&principal, id).await?.into()))
}

/// Finds the best passages that the caller may read.
#[utoipa::path(post, path = "/api/search", tag = "search", request_body = Search,
    responses((status = 200, body = SearchHits)))]
pub(crate) async fn search_passages(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
    Json(body): Json<Search>,
) -> Result<axum::Json<SearchHits>, Problem> {
    let Search { query, collections, documents, limit } = body;
    let limit = limit.map(|limit| usize::try_from(limit).unwrap_or(usize::MAX));
    let request = SearchRequest { query, collections, documents, limit };
    let hits = app.search_passages(&principal, &request).await?;
    Ok(axum::Json(SearchHits { hits: hits.into_iter().map(SearchHit::from).collect() }))
}
